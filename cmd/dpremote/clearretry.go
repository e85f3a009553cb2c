package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"dpremote/distribution"
	"dpremote/internal/history"
	"dpremote/internal/report"
	"dpremote/queries"
	"dpremote/wsman"
)

// clearRetryOptions are the flags of diagnose that are about the retry history.
type clearRetryOptions struct {
	consent
	ids []string
}

const clearRetryFlag = "clear-retry"

func (o *clearRetryOptions) register(f *pflag.FlagSet) {
	f.StringSliceVar(&o.ids, clearRetryFlag, nil, "delete the retry history of these packages (IDs) at the selected sites, and diagnose nothing")
	f.BoolVar(&o.dryRun, "dry-run", false, "with --clear-retry: show what would be deleted and do nothing")
	f.BoolVarP(&o.yes, "yes", "y", false, "with --clear-retry: do not ask")
}

func (o *clearRetryOptions) wanted(f *pflag.FlagSet) bool { return f.Changed(clearRetryFlag) }

// check refuses flags that go with the other thing that diagnose does.
func (o *clearRetryOptions) check(a *app, f *pflag.FlagSet, args []string) error {
	if !o.wanted(f) {
		for _, name := range []string{"dry-run", "yes"} {
			if f.Changed(name) {
				return usage("--%s goes with --clear-retry: diagnose alone changes nothing", name)
			}
		}
		return nil
	}
	for _, name := range []string{"dp", "package", "type", "state", "since", "stuck-after"} {
		if f.Changed(name) {
			return usage("--%s picks rows, and --clear-retry is for packages at whole sites: choose those by --site and --group", name)
		}
	}
	switch {
	case f.Changed("logs"):
		return usage("--logs is for a diagnosis, and --clear-retry makes none")
	case f.Changed("fail-on") || f.Changed("junit") || f.Changed("annotate"):
		return usage("--fail-on, --junit and --annotate are for a diagnosis, and --clear-retry makes none")
	case len(args) > 0:
		return usage("--clear-retry diagnoses nothing: join the packages by commas (--clear-retry %s), or leave %s out",
			strings.Join(append(commas(o.ids), args...), ","), strings.Join(args, " "))
	case len(commas(o.ids)) == 0:
		return usage("--clear-retry: give the ID of a package")
	}
	return somebodyConfirms(a, o.dryRun, o.yes)
}

// retryRow is one package at one site.
type retryRow struct {
	site    *distribution.Site
	id      queries.PackageID
	key     string // below HKEY_LOCAL_MACHINE; empty where there is none
	values  []queries.RegistryValue
	reason  string // that there is nothing to delete
	outcome string
	kept    string // the file with what was there
	err     error
}

func (r *retryRow) has() bool { return r.key != "" }

// clearRun is the change that deletes retry histories.
type clearRun struct {
	f    *fleet
	dir  string // where what is deleted is kept
	rows []*retryRow
}

func runClearRetry(ctx context.Context, g *globals, o *clearRetryOptions) error {
	ids, err := idsOf(commas(o.ids))
	if err != nil {
		return err
	}
	if err := g.checkColumns(clearColumns(!o.dryRun)); err != nil {
		return err
	}
	r := &clearRun{}
	if r.dir, err = stateDir(g.app, "retry-history"); err != nil {
		return err
	}
	if r.f, err = g.fleet(); err != nil {
		return err
	}
	defer r.f.close()
	for _, some := range eachSite(ctx, r.f, func(ctx context.Context, s *distribution.Site) ([]*retryRow, error) {
		history, err := distribution.ReadRetryHistory(ctx, s, ids...)
		if err != nil {
			return nil, withRights(err)
		}
		return retryRows(history, ids), nil
	}) {
		r.rows = append(r.rows, some...)
	}
	return r.f.carryOut(ctx, o.consent, r)
}

// withRights adds what to do about a registry that the account may not read.
func withRights(err error) error {
	if errors.Is(err, wsman.ErrAccessDenied) {
		return fmt.Errorf("%w (the registry takes a local administrator of the site server: sign in as one)", err)
	}
	return err
}

func retryRows(h *distribution.RetryHistory, ids []queries.PackageID) []*retryRow {
	var rows []*retryRow
	for _, id := range ids {
		row := &retryRow{site: h.Site, id: id, outcome: "nothing to clear", reason: "there is no retry history"}
		entry, found := h.Entry(id)
		switch {
		case !h.Present:
			row.reason = "the server that was asked is not the site server"
		case found:
			row.key, row.values, row.reason, row.outcome = entry.Key.Path, entry.Key.All(), "", distribution.NotCleared.String()
		}
		rows = append(rows, row)
	}
	return rows
}

func (r *clearRun) kind() string { return "clear-retry" }

func histories(n int) string { return count(n, "retry history", "retry histories") }

func (r *clearRun) planned() int {
	n := 0
	for _, row := range r.rows {
		if row.has() {
			n++
		}
	}
	return n
}

// sayPlan shows all values to who is asked: the table may have no room for them.
func (r *clearRun) sayPlan(asked bool) {
	app := r.f.g.app
	if !asked {
		app.say("The plan deletes %s.", histories(r.planned()))
		return
	}
	for _, row := range r.rows {
		if !row.has() {
			continue
		}
		app.say(`%s: HKEY_LOCAL_MACHINE\%s`, row.site.Name, row.key)
		for _, v := range row.values {
			app.say("  %s (%s)", registryText([]queries.RegistryValue{v}), v.Type)
		}
	}
}

func (r *clearRun) question() string {
	return fmt.Sprintf("Delete %s, and keep what is in them in %s?", histories(r.planned()), r.dir)
}

func (r *clearRun) refused() string { return "Nothing was deleted." }

// execute deletes one after the other: there are few, and a mistake shows before
// the next.
func (r *clearRun) execute(ctx context.Context) (late bool) {
	for _, row := range r.rows {
		if !row.has() || ctx.Err() != nil {
			continue
		}
		cleared, err := distribution.ClearRetry(ctx, row.site, row.id, func(e distribution.RetryEntry) error {
			path, err := r.keep(ctx, row.site, e)
			row.kept = path
			return err
		})
		row.outcome = cleared.String()
		if err != nil {
			row.err = fmt.Errorf("clear the retry history of %s: %w", row.id, withRights(err))
			r.f.fail(row.site.Name, row.err)
		}
	}
	return false // it has no deadline
}

// keep stores what is deleted before it is: whatever is to remember deletions
// is called from here, and its error keeps the key from being deleted.
func (r *clearRun) keep(ctx context.Context, site *distribution.Site, e distribution.RetryEntry) (path string, err error) {
	now := r.f.g.app.now().UTC()
	notes := []string{
		fmt.Sprintf("Retry history of package %s, deleted at site %s (%s) on %s.", e.PackageID, site.Name, site.Session.Client.Endpoint(), now.Format(time.RFC3339)),
		"Variables in texts of type REG_EXPAND_SZ, hex(2), were filled in by the server.",
	}
	data, err := queries.RegistryFile(notes, e.Key)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("%s-%s-%s", site.Code(), e.PackageID, now.Format("20060102T150405Z"))
	if path, err = writeNew(r.dir, name, ".reg", data); err != nil {
		return "", err
	}
	// The file is enough to restore it by, so that this may fail.
	r.f.g.record.keep(ctx, history.Kept{
		Site: site.Name, Kind: "retry history", Key: `HKEY_LOCAL_MACHINE\` + e.Key.Path, Text: registryText(e.Key.Values) + "; whole in " + path,
	})
	return path, nil
}

// sayNothing says where there is nothing to clear, a line a package and reason.
func (r *clearRun) sayNothing() {
	at := map[string][]string{}
	for _, row := range r.rows {
		if !row.has() {
			text := string(row.id) + ": " + row.reason
			at[text] = append(at[text], row.site.Name)
		}
	}
	for _, text := range sortedKeys(at) {
		r.f.g.app.say("Nothing to clear at %s for %s.", strings.Join(at[text], ", "), text)
	}
}

// conclude says what came of it, and what to do next.
func (r *clearRun) conclude() {
	app := r.f.g.app
	if len(r.rows) == 0 {
		return // no site answered, which was told
	}
	r.sayNothing()
	done := map[string]bool{}
	for _, row := range r.rows {
		if row.kept != "" {
			app.say("%s at %s: %s; \"reg import\" of %s restores it.", row.id, row.site.Name, row.outcome, row.kept)
		}
		switch row.outcome {
		case distribution.ClearedAndBack.String():
			app.say("Distribution Manager has begun to retry %s at %s again: cure the cause first.", row.id, row.site.Name)
		case distribution.ClearedNow.String():
			done[string(row.id)] = true
		}
	}
	for _, id := range sortedKeys(done) {
		app.say("Next: what made %s fail may still be there (\"dpremote diagnose %s\"), and begins the retries anew when it fails again. "+
			"Once it is cured, \"dpremote refresh --package %s\" sends it.", id, id, id)
	}
}

// found is the exit code for a history that came back at once.
func (r *clearRun) found() int {
	for _, row := range r.rows {
		if row.outcome == distribution.ClearedAndBack.String() {
			return exitFindings
		}
	}
	return exitOK
}

func (r *clearRun) columns(outcomes bool) []report.Column { return clearColumns(outcomes) }

func clearColumns(outcomes bool) []report.Column {
	columns := []report.Column{
		{Name: "site", Title: "SITE"}, {Name: "siteCode", Title: "CODE", Wide: true}, {Name: "package", Title: "PACKAGE"},
		{Name: "action", Title: "PLAN", Wide: outcomes}, {Name: "key", Title: "KEY", Wide: true},
		{Name: "values", Title: "VALUES", Max: shownValues(outcomes)}, {Name: "reason", Title: "WHY", Wide: outcomes},
	}
	if outcomes {
		columns = append(columns, report.Column{Name: "outcome", Title: "OUTCOME", Color: outcomeColor},
			report.Column{Name: "kept", Title: "KEPT IN"}, report.Column{Name: "error", Title: "ERROR", Wide: true})
	}
	return columns
}

// shownValues is how wide values may be in a table: who is to agree sees all.
func shownValues(outcomes bool) int {
	if outcomes {
		return 60
	}
	return 0
}

func (r *clearRun) values(format report.Format, outcomes bool) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for _, row := range r.rows {
			values := []any{row.site.Name, row.site.Code(), row.id, "none", nil, nil, orNil(row.reason)}
			if row.has() {
				values = []any{row.site.Name, row.site.Code(), row.id, "delete", `HKEY_LOCAL_MACHINE\` + row.key,
					registryCell(format, row.values), nil}
			}
			if outcomes {
				values = append(values, row.outcome, orNil(row.kept), errorText(row.err))
			}
			if !yield(values) {
				return
			}
		}
	}
}

// registryCell is registry values as objects where the format has such, and else
// as text.
func registryCell(format report.Format, values []queries.RegistryValue) any {
	switch format {
	case report.JSON, report.JSONL, report.YAML:
		return registryObjects(values)
	}
	return registryText(values)
}

func registryObjects(values []queries.RegistryValue) []report.Object {
	list := make([]report.Object, 0, len(values))
	for _, v := range values {
		var data any = v.String()
		switch {
		case !v.Readable():
			data = nil
		case v.Type == queries.RegistryMulti:
			data = v.Texts
		case v.Type == queries.RegistryDWORD || v.Type == queries.RegistryQWORD:
			data = v.Number
		}
		list = append(list, report.Object{Names: []string{"name", "type", "data"}, Values: []any{v.Name, v.Type, data}})
	}
	return list
}

// registryText is registry values for people.
func registryText(values []queries.RegistryValue) string {
	var all []string
	for _, v := range values {
		name := v.Name
		if name == "" {
			name = "(default)"
		}
		all = append(all, name+"="+v.String())
	}
	if len(all) == 0 {
		return "without values"
	}
	return strings.Join(all, "; ")
}
