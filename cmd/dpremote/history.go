package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dpremote/internal/history"
	"dpremote/internal/report"
	"dpremote/queries"
)

// historyOptions are the flags of history.
type historyOptions struct {
	since, prune            string
	packages, dps, outcomes []string
	run                     int64
	runs, open              bool
}

func newHistory(g *globals) *cobra.Command {
	o := &historyOptions{}
	cmd := &cobra.Command{
		Use:   "history",
		Short: "Show what was done, when, by whom and with what outcome",
		Long: `Show the requests that changed something at a site, as this machine has written
them down: each before it was sent, and once more with its outcome:

  stored    the site took the request
  refused   it did not
  unknown   it was sent, and no answer said what came of it
  not sent  it never left this machine
  open      it was begun and never ended: its command is still running, or was
            killed, and then nobody knows whether the site stored it

No site is asked. What is older than 400 days is removed by itself, and by
--prune what is younger. -o csv or jsonl exports.`,
		Example: `  dpremote history --since 7d --site PS1
  dpremote history --package PS100005 --dp 'dp0*' -o csv > acts.csv
  dpremote history --open
  dpremote history --runs
  dpremote history --run 1 --outcome refused,unknown -o wide
  dpremote history --prune 90d`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runHistory(cmd.Context(), g, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.since, "since", "", "only what was begun since: a duration such as 24h or 7d, or a date")
	f.StringSliceVar(&o.packages, "package", nil, "only these packages: IDs or patterns such as PS1*")
	f.StringSliceVar(&o.dps, "dp", nil, "only these distribution points: names or patterns such as SRV*")
	f.StringSliceVar(&o.outcomes, "outcome", nil, "only these outcomes: open, stored, refused, unknown, not-sent")
	f.Int64Var(&o.run, "run", 0, "only this run, by its number")
	f.BoolVar(&o.runs, "runs", false, "list the runs of commands in place of what they did")
	f.BoolVar(&o.open, "open", false, "only what was begun and never ended")
	f.StringVar(&o.prune, "prune", "", "remove what is older than this, such as 90d, and show nothing")
	return cmd
}

func runHistory(ctx context.Context, g *globals, o *historyOptions) error {
	pick, err := o.check(g)
	if err != nil {
		return err
	}
	path, err := g.historyPath()
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		g.app.say("Nothing was written down so far: there is no %s.", path)
		return writeNothing(g, o)
	}
	h, err := history.Open(ctx, path, g.app.now)
	if err != nil {
		return unusable(err)
	}
	defer h.Close()
	switch {
	case o.prune != "":
		err = o.remove(ctx, g, h)
	case o.runs:
		err = writeRuns(ctx, g, h, pick)
	default:
		err = writeActs(ctx, g, h, pick)
	}
	return unusable(err)
}

// unusable is what to do about a history that cannot be read. Other errors stay
// as they are.
func unusable(err error) error {
	var e *history.Error
	if !errors.As(err, &e) {
		return err
	}
	return usage("%w. %s (--history names another file)", err, e.Advice())
}

// historyPick says what to list.
type historyPick struct {
	history.Filter
	sites, leave, packages, dps []queries.Pattern
	run                         history.RunID
}

// check refuses flags that contradict each other, and reads the others.
func (o *historyOptions) check(g *globals) (historyPick, error) {
	var p historyPick
	ofActs := len(o.packages)+len(o.dps)+len(o.outcomes)+len(g.sites)+len(g.leave) > 0 || o.open
	switch {
	case len(g.groups) > 0:
		return p, usage("--group: the history knows sites and no groups: use --site")
	case o.run < 0:
		return p, usage("--run: there is no run %d", o.run)
	case o.runs && ofActs:
		return p, usage("--runs lists whole runs: of the filters it takes --since and --run")
	case o.prune != "" && (o.runs || ofActs || o.since != "" || o.run != 0):
		return p, usage("--prune removes all that is older: leave out the filters")
	case o.open && len(o.outcomes) > 0:
		return p, usage("--open is --outcome open: give one of them")
	}
	for _, list := range []struct {
		flag  string
		words []string
		into  *[]queries.Pattern
	}{{"--site", g.sites, &p.sites}, {"--exclude", g.leave, &p.leave}, {"--package", o.packages, &p.packages}, {"--dp", o.dps, &p.dps}} {
		var err error
		if *list.into, err = patterns(list.flag, list.words); err != nil {
			return p, err
		}
	}
	for _, word := range commas(o.outcomes) {
		outcome, err := history.ParseOutcome(word)
		if err != nil {
			return p, usage("--outcome: %w", err)
		}
		p.Outcomes = append(p.Outcomes, outcome)
	}
	if o.open {
		p.Outcomes = []history.Outcome{history.Begun}
	}
	p.Run, p.run = history.RunID(o.run), history.RunID(o.run)
	var err error
	if age, ok := days(o.since); ok {
		p.Since = g.app.now().Add(-age)
	} else {
		p.Since, err = since(o.since, g.app.now())
	}
	return p, err
}

// days reads an age in days, such as 90d.
func days(text string) (time.Duration, bool) {
	number, ok := strings.CutSuffix(text, "d")
	n, err := strconv.ParseUint(number, 10, 16)
	return time.Duration(n) * 24 * time.Hour, ok && err == nil
}

func (o *historyOptions) remove(ctx context.Context, g *globals, h *history.History) error {
	age, ok := days(o.prune)
	if !ok {
		var err error
		if age, err = time.ParseDuration(o.prune); err != nil {
			return usage("--prune: %q is no age such as 90d", o.prune)
		}
	}
	if age < history.LeastKeep {
		return usage("--prune: %s is less than a day: what is running would lose what it writes", o.prune)
	}
	n, err := h.Prune(ctx, age)
	if err != nil {
		return err
	}
	g.app.say("Removed %s.", count(n, "run", "runs"))
	return nil
}

func (p historyPick) match(e history.Entry) bool {
	return matchesAny(p.sites, e.Site) && (len(p.leave) == 0 || !matchesAny(p.leave, e.Site)) &&
		matchesAny(p.packages, e.Package) && matchesAny(p.dps, e.DP)
}

// matchesAny tells whether a pattern matches; no pattern matches all.
func matchesAny(patterns []queries.Pattern, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p queries.Pattern) bool { return p.Match(name) })
}

func actColumns() []report.Column {
	return []report.Column{
		{Name: "id", Title: "ID", Right: true, Wide: true}, {Name: "begun", Title: "TIME"}, {Name: "ended", Title: "ENDED", Wide: true},
		{Name: "who", Title: "WHO", Minor: 2}, {Name: "run", Title: "RUN", Right: true, Minor: 2}, {Name: "command", Title: "COMMAND", Minor: 3},
		{Name: "site", Title: "SITE"}, {Name: "package", Title: "PACKAGE"}, {Name: "dp", Title: "DP"},
		{Name: "operation", Title: "OPERATION", Minor: 1}, {Name: "outcome", Title: "OUTCOME", Color: actColor},
		{Name: "siteCode", Title: "SITE CODE", Wide: true}, {Name: "nalPath", Title: "NAL PATH", Wide: true},
		{Name: "account", Title: "SIGNED IN AS", Wide: true}, {Name: "detail", Title: "DETAIL", Wide: true}, {Name: "error", Title: "ERROR", Wide: true},
	}
}

func writeActs(ctx context.Context, g *globals, h *history.History, p historyPick) error {
	out, err := report.New(g.app.out, g.reportOptions("history", actColumns()))
	if err != nil {
		return usage("%w", err)
	}
	for e, err := range h.Acts(ctx, p.Filter) {
		if err != nil {
			return err
		}
		if !p.match(e) {
			continue
		}
		if err := out.Row(int64(e.ID), e.Begun, e.Ended, e.User+"@"+e.Host, int64(e.Run), e.Command, e.Site, orNil(e.Package), orNil(e.DP),
			e.Operation, string(e.Outcome), orNil(e.SiteCode), orNil(e.NALPath), orNil(e.Account), orNil(e.Detail), orNil(e.Error)); err != nil {
			return err
		}
	}
	return out.Close()
}

func runColumns() []report.Column {
	return []report.Column{
		{Name: "run", Title: "RUN", Right: true}, {Name: "started", Title: "STARTED"}, {Name: "ended", Title: "ENDED", Minor: 3},
		{Name: "who", Title: "WHO", Minor: 2}, {Name: "version", Title: "VERSION", Wide: true},
		{Name: "command", Title: "COMMAND"}, {Name: "arguments", Title: "ARGUMENTS", Max: 40}, {Name: "exit", Title: "EXIT", Right: true},
		{Name: "stored", Title: "STORED", Right: true}, {Name: "refused", Title: "REFUSED", Right: true, Color: badColor},
		{Name: "unknown", Title: "UNKNOWN", Right: true, Color: badColor, Minor: 2}, {Name: "notSent", Title: "NOT SENT", Right: true, Color: badColor, Minor: 2},
		{Name: "open", Title: "OPEN", Right: true, Color: badColor, Minor: 2},
	}
}

func writeRuns(ctx context.Context, g *globals, h *history.History, p historyPick) error {
	out, err := report.New(g.app.out, g.reportOptions("history-runs", runColumns()))
	if err != nil {
		return usage("%w", err)
	}
	for r, err := range h.Runs(ctx, p.Since) {
		if err != nil {
			return err
		}
		if p.run != 0 && r.ID != p.run {
			continue
		}
		var exit any
		if !r.Ended.IsZero() {
			exit = r.Exit
		}
		if err := out.Row(int64(r.ID), r.Started, r.Ended, r.User+"@"+r.Host, r.Version, r.Command, strings.Join(r.Arguments, " "), exit,
			r.Acts[history.Stored], r.Acts[history.Refused], r.Acts[history.Unknown], r.Acts[history.NotSent], r.Acts[history.Begun]); err != nil {
			return err
		}
	}
	return out.Close()
}

// writeNothing shows a history without entries.
func writeNothing(g *globals, o *historyOptions) error {
	kind, columns := "history", actColumns()
	switch {
	case o.prune != "":
		return nil
	case o.runs:
		kind, columns = "history-runs", runColumns()
	}
	out, err := report.New(g.app.out, g.reportOptions(kind, columns))
	if err != nil {
		return usage("%w", err)
	}
	return out.Close()
}
