package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dpremote/distribution"
	"dpremote/internal/report"
	"dpremote/queries"
)

// refreshOptions are the flags of refresh.
type refreshOptions struct {
	filterFlags
	dryRun, yes, force, wait bool
	max, maxQueue            int
	cooldown, deadline       time.Duration
	interval                 time.Duration
	put                      string
}

func newRefresh(g *globals) *cobra.Command {
	o := &refreshOptions{}
	cmd := &cobra.Command{
		Use:     "refresh",
		Aliases: []string{"resend"},
		Short:   "Send failed content again",
		Long: `Send failed content again, to the distribution points on which it failed and to
no others, in the version that the site has (the console's Redistribute). It
does not take a new copy of the package's source; that is "update".

Content that failed for a cause which sending again does not cure (a full disk,
a missing source, denied access, a distribution point that is offline) is shown
with its cause and skipped, as is what is being sent already and what was sent
again a short while ago. --force sends it all the same.`,
		Example: `  dpremote refresh --dry-run
  dpremote refresh --yes --wait --deadline 1h
  dpremote refresh --dp 'SRV*' --package PS10002A --force
  dpremote refresh --site PS1 --max 20 --yes -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runRefresh(cmd.Context(), g, o) },
	}
	f := cmd.Flags()
	o.register(f, "default: failed")
	f.BoolVar(&o.dryRun, "dry-run", false, "show the plan and do nothing")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.force, "force", false, "send also what is skipped for its cause, the queue or the cooldown")
	f.IntVar(&o.max, "max", 0, "send at most so many (0: no limit)")
	f.IntVar(&o.maxQueue, "max-queue", 25, "let no distribution point have more transfers to do than this (0: no limit)")
	f.DurationVar(&o.cooldown, "cooldown", 30*time.Minute, "leave alone what was sent again less than this ago")
	f.StringVar(&o.put, "put", "auto", "what a request carries: auto, partial (keys and RefreshNow) or full (the whole instance)")
	f.BoolVar(&o.wait, "wait", false, "wait until everything has arrived or failed again")
	f.DurationVar(&o.deadline, "deadline", time.Hour, "wait no longer than this")
	f.DurationVar(&o.interval, "interval", 0, "pause between two looks at a site (default: 2s, and up to 1m while nothing moves)")
	return cmd
}

func runRefresh(ctx context.Context, g *globals, o *refreshOptions) error {
	filter, err := o.filter(g.app.now(), queries.StateFailed)
	if err != nil {
		return err
	}
	mode, err := o.check(g)
	if err != nil {
		return err
	}
	// Columns are checked before anything is sent, not when it is too late.
	if _, err := report.New(io.Discard, g.reportOptions("refresh", outcomeColumns(false))); err != nil {
		return usage("%w", err)
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	views := each(ctx, f, func(ctx context.Context, m *member) (*distribution.View, error) {
		if err := needNamespace(m); err != nil {
			return nil, err
		}
		return distribution.Look(ctx, m.site, distribution.LookFor{Filter: filter, Reasons: true, Cooldown: o.cooldown})
	})
	steps := distribution.MakePlan(distribution.Merge(views), distribution.Rules{
		Force: o.force, Cooldown: o.cooldown, Max: o.max, MaxQueue: o.maxQueue, Now: g.app.now(), Elsewhere: f.elsewhere(views),
	})
	r := &refreshRun{f: f, o: o, mode: mode, items: newRefreshItems(steps)}
	return r.run(ctx, steps)
}

// check refuses flags that contradict each other.
func (o *refreshOptions) check(g *globals) (distribution.PutMode, error) {
	switch {
	case o.dryRun && o.wait:
		return "", usage("--dry-run does nothing that --wait could wait for")
	case o.max < 0 || o.maxQueue < 0 || o.cooldown < 0 || o.interval < 0:
		return "", usage("--max, --max-queue, --cooldown and --interval cannot be negative")
	case o.deadline <= 0:
		return "", usage("--deadline must be more than nothing")
	}
	if err := somebodyConfirms(g.app, o.dryRun, o.yes); err != nil {
		return "", err
	}
	mode, err := distribution.ParsePutMode(o.put)
	if err != nil {
		return "", usage("--put: %w", err)
	}
	return mode, nil
}

// elsewhere are the sites of the inventory that showed nothing: what they hold
// is not touched through another site.
func (f *fleet) elsewhere(views []*distribution.View) map[queries.SiteCode]string {
	seen := map[string]bool{}
	for _, v := range views {
		seen[v.Site.Name] = true
	}
	asked := map[string]bool{}
	for _, m := range f.members {
		asked[m.Name] = true
	}
	out := map[queries.SiteCode]string{}
	for _, s := range f.known {
		switch {
		case s.Code == "" || seen[s.Name]:
		case asked[s.Name]:
			out[queries.SiteCode(s.Code)] = fmt.Sprintf("its site %s did not answer", s.Name)
		default:
			out[queries.SiteCode(s.Code)] = fmt.Sprintf("its site %s is in the inventory, but was left out", s.Name)
		}
	}
	return out
}

// refreshItem is a row of the plan and what became of it.
type refreshItem struct {
	step    distribution.Step
	outcome string // empty until something was done
	row     distribution.Row
	err     error
}

func newRefreshItems(steps []distribution.Step) map[queries.RowKey]*refreshItem {
	items := map[queries.RowKey]*refreshItem{}
	for _, s := range steps {
		items[s.RowKey()] = &refreshItem{step: s, row: s.Row}
	}
	return items
}

// The outcomes of a row, for people and programs alike.
const (
	outcomeSkipped     = "skipped"
	outcomeNotSent     = "not sent"
	outcomeSent        = "sent"
	outcomeUnknown     = "unknown" // whether the site stored the request
	outcomeCured       = "cured"
	outcomeFailedAgain = "failed again"
	outcomeGone        = "gone"
	outcomeUndecided   = "not decided"  // when the deadline passed
	outcomeIgnored     = "not taken up" // the site did nothing until the deadline
	outcomeUnseen      = "unseen"       // the site could not be asked any more
)

// refreshRun is a refresh from its plan on.
type refreshRun struct {
	f     *fleet
	o     *refreshOptions
	mode  distribution.PutMode
	items map[queries.RowKey]*refreshItem
}

func (r *refreshRun) run(ctx context.Context, steps []distribution.Step) error {
	app := r.f.g.app
	planned := countPlanned(steps)
	if err := r.showPlan(steps); err != nil {
		return err
	}
	app.say("%s", planSummary(steps, r.f))
	if r.o.dryRun || planned == 0 && r.isTable() {
		r.advise(steps)
		return r.f.exit(r.found(steps))
	}
	if planned > 0 && !r.o.yes {
		ok, err := confirm(ctx, app, fmt.Sprintf("Send %s again?", count(planned, "row", "rows")))
		if err != nil {
			return err
		}
		if !ok {
			app.say("Nothing was sent.")
			planned = 0
		}
	}
	late := planned > 0 && r.execute(ctx, steps)
	if err := r.writeOutcomes(steps); err != nil {
		return err
	}
	app.say("%s", r.outcomeSummary(steps))
	r.advise(steps)
	if late && len(r.f.failures) == 0 {
		return silent(exitDeadline)
	}
	return r.f.exit(r.found(steps))
}

func (r *refreshRun) isTable() bool {
	return r.f.g.format == string(report.Table) || r.f.g.format == string(report.Wide)
}

// showPlan shows the plan where it is not part of the document that comes at
// the end: in a table, for --dry-run, and, for who is asked, on the terminal.
func (r *refreshRun) showPlan(steps []distribution.Step) error {
	g := r.f.g
	options := g.reportOptions("plan", planColumns())
	switch {
	case r.isTable():
		// The columns of outcomes come with the outcomes.
		isPlans := func(name string) bool { return hasColumn(options.Columns, name) }
		options.Select = slices.DeleteFunc(options.Select, func(name string) bool { return !isPlans(name) })
		if len(g.columns) > 0 && len(options.Select) == 0 {
			return nil
		}
		return r.writePlan(g.app.out, options, steps)
	case r.o.dryRun:
		return r.writePlan(g.app.out, options, steps)
	case !r.o.yes:
		options.Format, options.Select = report.Table, nil
		return r.writePlan(g.app.err, options, steps)
	}
	return nil
}

func hasColumn(columns []report.Column, name string) bool {
	return slices.ContainsFunc(columns, func(c report.Column) bool { return strings.EqualFold(c.Name, name) })
}

// execute sends and, where that is asked for, waits. It reports whether the
// deadline passed.
func (r *refreshRun) execute(ctx context.Context, steps []distribution.Step) (late bool) {
	app := r.f.g.app
	started := app.now()
	results := distribution.Refresh(ctx, steps, r.mode, func(res distribution.Result) {
		if res.Err != nil && !errors.Is(res.Err, distribution.ErrGivenUp) {
			r.f.fail(res.Owner.Name, fmt.Errorf("refresh %s: %w", res.Keys, res.Err))
		}
	})
	var sent []distribution.Row
	for _, res := range results {
		item := r.items[res.RowKey()]
		switch {
		case res.Err == nil:
			item.outcome = outcomeSent
		case res.Unknown:
			item.outcome, item.err = outcomeUnknown, res.Err
		default:
			item.outcome, item.err = outcomeNotSent, res.Err
		}
		if res.Err == nil || res.Unknown {
			sent = append(sent, res.Row)
		}
	}
	app.say("Sent %s in %s.", count(len(sent), "row", "rows"), durationText(app.now().Sub(started)))
	if !r.o.wait || len(sent) == 0 {
		return false
	}
	return r.watch(ctx, sent)
}

// watch waits for what was sent.
func (r *refreshRun) watch(ctx context.Context, sent []distribution.Row) (late bool) {
	app := r.f.g.app
	app.say("Waiting until it has arrived, %s at most.", r.o.deadline)
	ctx, cancel := context.WithTimeout(ctx, r.o.deadline)
	defer cancel()
	outcomes := distribution.Watch(ctx, sent, distribution.WatchOptions{
		Fastest: r.o.interval, Slowest: r.o.interval,
		Changed: func(before, after distribution.Row) {
			app.say("  %s: %s -> %s", after.Keys, before.State, after.State)
		},
	})
	told := map[*distribution.Site]bool{}
	for _, out := range outcomes {
		item := r.items[out.RowKey()]
		item.row = out.Row
		item.outcome = outcomeOf(out, isInterrupt(ctx.Err()))
		late = late || out.End == distribution.EndOpen
		if out.End == distribution.EndUnseen && !told[out.Owner] {
			told[out.Owner] = true
			r.f.fail(out.Owner.Name, fmt.Errorf("watch: %w", out.Err))
		}
	}
	return late && errors.Is(ctx.Err(), context.DeadlineExceeded)
}

func outcomeOf(o distribution.Outcome, interrupted bool) string {
	switch o.End {
	case distribution.EndInstalled:
		return outcomeCured
	case distribution.EndFailed:
		return outcomeFailedAgain
	case distribution.EndGone:
		return outcomeGone
	case distribution.EndUnseen:
		return outcomeUnseen
	}
	if !o.Moved && !interrupted {
		return outcomeIgnored
	}
	return outcomeUndecided
}

// found is the exit code for what is not cured. Without --wait nobody looked,
// so nothing is found.
func (r *refreshRun) found(steps []distribution.Step) int {
	if !r.o.wait {
		return exitOK
	}
	for _, s := range steps {
		if r.items[s.RowKey()].outcome != outcomeCured {
			return exitFindings
		}
	}
	return exitOK
}

func countPlanned(steps []distribution.Step) int {
	n := 0
	for _, s := range steps {
		if s.Skip == distribution.SkipNothing {
			n++
		}
	}
	return n
}

func planColumns() []report.Column {
	return []report.Column{
		{Name: "siteCode", Title: "SITE"}, {Name: "dp", Title: "DP"}, {Name: "package", Title: "PACKAGE"},
		{Name: "name", Title: "NAME", Max: 30}, {Name: "type", Title: "TYPE", Wide: true},
		{Name: "state", Title: "STATE", Color: stateColor, Wide: true}, {Name: "since", Title: "SINCE", Wide: true},
		{Name: "cause", Title: "CAUSE"}, {Name: "message", Title: "MESSAGE", Wide: true},
		{Name: "action", Title: "PLAN", Color: stateColor}, {Name: "skip", Title: "SKIP", Wide: true}, {Name: "reason", Title: "WHY", Wide: true},
		{Name: "owner", Title: "ASKED AT", Wide: true}, {Name: "nalPath", Title: "NAL PATH", Wide: true},
	}
}

// planValues are the values of planColumns. A table says with the action why a
// row is skipped, unless the cause says it.
func planValues(s distribution.Step, isTable bool) []any {
	action := "refresh"
	if s.Skip != distribution.SkipNothing {
		action = "skip"
	}
	if isTable && s.Skip != distribution.SkipNothing && s.Skip != distribution.SkipCause {
		action += ": " + string(s.Skip)
	}
	return []any{
		s.SiteCode, s.ServerNALPath.Server(), s.PackageID, orNil(s.Name), s.PackageType, s.State, when(s.SummaryDate),
		orNil(s.Cause.Name), orNil(s.Message), action, orNil(string(s.Skip)), orNil(s.Reason), s.Owner.Name, s.ServerNALPath,
	}
}

// writePlan shows what failed, why, and what is to be done about it.
func (r *refreshRun) writePlan(w io.Writer, options report.Options, steps []distribution.Step) error {
	out, err := report.New(w, options)
	if err != nil {
		return usage("%w", err)
	}
	for _, s := range steps {
		if err := out.Row(planValues(s, options.Format == report.Table)...); err != nil {
			return err
		}
	}
	r.f.addErrors(out)
	return out.Close()
}

// outcomeColumns are the plan's columns and those of the outcomes. A table has
// shown the plan before and leaves most of it out; a document has all.
func outcomeColumns(isTable bool) []report.Column {
	columns := planColumns()
	for i := range columns {
		switch columns[i].Name {
		case "name", "action", "cause":
			columns[i].Wide = isTable
		}
	}
	return append(columns,
		report.Column{Name: "outcome", Title: "OUTCOME", Color: stateColor}, report.Column{Name: "finalState", Title: "STATE", Color: stateColor},
		report.Column{Name: "finalCause", Title: "CAUSE"}, report.Column{Name: "advice", Title: "WHAT TO DO", Wide: isTable}, report.Column{Name: "error", Title: "ERROR", Wide: true})
}

// writeOutcomes shows what became of each row.
func (r *refreshRun) writeOutcomes(steps []distribution.Step) error {
	out, err := report.New(r.f.g.app.out, r.f.g.reportOptions("refresh", outcomeColumns(r.isTable())))
	if err != nil {
		return usage("%w", err)
	}
	for _, s := range steps {
		if err := out.Row(append(planValues(s, false), r.outcomeValues(s)...)...); err != nil {
			return err
		}
	}
	r.f.addErrors(out)
	return out.Close()
}

func (r *refreshRun) outcomeValues(s distribution.Step) []any {
	item := r.items[s.RowKey()]
	if item.outcome == "" {
		item.outcome = outcomeSkipped
		if s.Skip == distribution.SkipNothing {
			item.outcome = outcomeNotSent // nobody wanted it
		}
	}
	var cause, advice, failure any
	switch item.outcome {
	case outcomeSkipped:
		cause, advice = orNil(item.row.Cause.Name), orNil(item.row.Cause.Advice)
		if s.Skip != distribution.SkipCause {
			advice = orNil(s.Reason)
		}
	case outcomeCured, outcomeGone, outcomeSent:
	default:
		cause, advice = orNil(item.row.Cause.Name), orNil(item.row.Cause.Advice)
	}
	if item.err != nil {
		failure = oneLine(item.err.Error())
	}
	return []any{item.outcome, item.row.State, cause, advice, failure}
}

// advise says what to do about each cause that is left.
func (r *refreshRun) advise(steps []distribution.Step) {
	counts := map[string]int{}
	for _, s := range steps {
		item := r.items[s.RowKey()]
		done := item.outcome == outcomeCured || item.outcome == outcomeGone || item.outcome == outcomeSent
		if !done && item.row.Cause.Advice != "" && (s.Skip == distribution.SkipCause || item.outcome == outcomeFailedAgain) {
			counts[item.row.Cause.Name]++
		}
	}
	for _, name := range sortedKeys(counts) {
		cause, _ := queries.CauseNamed(name)
		r.f.g.app.say("  %d %s: %s.", counts[name], name, cause.Advice)
	}
}

// planSummary is the plan in a line.
func planSummary(steps []distribution.Step, f *fleet) string {
	if len(steps) == 0 {
		if len(f.failures) > 0 {
			return "Nothing to send again at the sites that answered."
		}
		return "Nothing to send again."
	}
	planned := countPlanned(steps)
	text := fmt.Sprintf("%s found; the plan sends %d again", count(len(steps), "row", "rows"), planned)
	if skipped := len(steps) - planned; skipped > 0 {
		text += fmt.Sprintf(" and skips %d (%s)", skipped, skipSummary(steps))
	}
	return text + "."
}

// skipSummary counts why rows are skipped, by cause where the cause is why.
func skipSummary(steps []distribution.Step) string {
	counts := map[string]int{}
	for _, s := range steps {
		switch s.Skip {
		case distribution.SkipNothing:
		case distribution.SkipCause:
			counts[s.Cause.Name]++
		default:
			counts[string(s.Skip)]++
		}
	}
	return countList(counts)
}

func countList(counts map[string]int) string {
	var parts []string
	for _, name := range sortedKeys(counts) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(parts, ", ")
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// outcomeSummary is what became of the rows in a line.
func (r *refreshRun) outcomeSummary(steps []distribution.Step) string {
	counts := map[string]int{}
	for _, s := range steps {
		counts[r.items[s.RowKey()].outcome]++
	}
	return fmt.Sprintf("Of %s: %s.", count(len(steps), "row", "rows"), countList(counts))
}
