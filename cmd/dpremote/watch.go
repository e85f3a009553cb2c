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

// watchOptions are the flags of watch.
type watchOptions struct {
	filterFlags
	mode               string
	deadline, interval time.Duration
}

func newWatch(g *globals) *cobra.Command {
	o := &watchOptions{}
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Wait until content has arrived",
		Long: `Wait until the content that the flags pick is installed on every distribution
point, has failed, or the deadline passes, and tell each change as it happens.
Nothing is sent. What failed before is watched too: it may be being sent again.
Rows that appear meanwhile are watched as well.

A package that --package picks and that is on no distribution point is judged by
the counts of its hierarchy: one that is meant for none has no source files, and
is done.

--mode poll asks the sites for what is not done yet, often while things move and
rarely while they do not; auto is poll. --mode events has WMI at each site look
for changes every 30 s, or --interval, and tell them: it knows sooner, costs the
site more, and needs a second connection to it.`,
		Example: `  dpremote watch --deadline 2h
  dpremote watch --package PS10002A --dp 'SRV*'
  dpremote watch --state pending,retrying -o jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runWatch(cmd.Context(), g, o) },
	}
	f := cmd.Flags()
	o.register(f, "default: all but installed")
	f.StringVar(&o.mode, "mode", "auto", "how to learn of changes: auto, poll or events")
	f.DurationVar(&o.deadline, "deadline", time.Hour, "wait no longer than this")
	f.DurationVar(&o.interval, "interval", 0, "pause between two looks at a site (default: 2s, and up to 1m while nothing moves; 30s for events)")
	return cmd
}

// notInstalled are the states of content that is on its way, or should be.
func notInstalled() []queries.State {
	var states []queries.State
	for s := queries.StatePending; s <= queries.StateMonitoring; s++ {
		states = append(states, s)
	}
	return states
}

// check refuses flags that say nothing sensible.
func (o *watchOptions) check() error {
	switch {
	case o.mode != "auto" && o.mode != "poll" && o.mode != "events":
		return usage("--mode: %q is none of auto, poll, events", o.mode)
	case o.interval < 0:
		return usage("--interval cannot be negative")
	case o.deadline <= 0:
		return usage("--deadline must be more than nothing")
	}
	return nil
}

func runWatch(ctx context.Context, g *globals, o *watchOptions) error {
	filter, err := o.filter(g.app.now(), notInstalled()...)
	if err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	// Columns are checked before the wait, not after it.
	if _, err := report.New(io.Discard, g.reportOptions("watch", watchColumns())); err != nil {
		return usage("%w", err)
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	if o.mode == "events" {
		if err := enoughConnections(f); err != nil {
			return err
		}
		g.app.log.Warnf("--mode events has each site read the status of the packages every %s: leave it to few sites", o.within())
	}
	run := &watchRun{f: f, o: o, filter: filter, known: map[queries.RowKey]bool{}, told: map[*distribution.Site]bool{}}
	return run.run(ctx)
}

// within is how often WMI looks for events.
func (o *watchOptions) within() time.Duration {
	if o.interval > 0 {
		return o.interval
	}
	return defaultWithin
}

const defaultWithin = 30 * time.Second

// enoughConnections refuses sites at which a subscription would keep everything
// else waiting.
func enoughConnections(f *fleet) error {
	for _, m := range f.members {
		if m.Connections == 1 {
			return usage("--mode events needs two connections to each site, and %s has one: raise its connections", m.Name)
		}
	}
	return nil
}

// options are those of a watch in the mode that was chosen.
func (r *watchRun) options() distribution.WatchOptions {
	o := distribution.WatchOptions{Settled: true, Changed: r.changed}
	if r.o.mode != "events" {
		o.Fastest, o.Slowest = r.o.interval, r.o.interval
		return o
	}
	o.Events = r.o.within()
	o.Warn = func(site *distribution.Site, err error) { r.f.g.app.log.WithField("site", site.Name).Warn(err) }
	return o
}

// watchRun is one watch.
type watchRun struct {
	f        *fleet
	o        *watchOptions
	filter   queries.Filter
	out      *report.Writer
	writeErr error // the first of out

	known  map[queries.RowKey]bool // rows that are or were watched
	told   map[*distribution.Site]bool
	before []queries.State // of each outcome, when its watch began
	ends   []distribution.Outcome
	totals []distribution.Total // of packages that have no rows to watch
}

func (r *watchRun) run(ctx context.Context) error {
	app := r.f.g.app
	started := app.now()
	out, err := report.New(app.out, r.f.g.reportOptions("watch", watchColumns()))
	if err != nil {
		return usage("%w", err)
	}
	r.out = out
	views := r.look(ctx, r.f.members)
	rows := r.fresh(views)
	if err := r.rowless(ctx, views, rows); err != nil {
		return err
	}
	app.say("%s", r.beginning(rows))
	waiting, cancel := context.WithTimeout(ctx, r.o.deadline)
	defer cancel()
	for len(rows) > 0 && r.writeErr == nil {
		r.watch(waiting, rows)
		if waiting.Err() != nil {
			break
		}
		// What was added while we waited is watched too.
		rows = r.fresh(r.look(ctx, r.seen()))
	}
	interrupted := isInterrupt(ctx.Err())
	if err := r.finish(interrupted); err != nil {
		return err
	}
	app.say("%s, after %s.", r.summary(interrupted), durationText(app.now().Sub(started)))
	return r.exit(errors.Is(waiting.Err(), context.DeadlineExceeded))
}

// sweepWatch asks members, and keeps what went wrong there with the rest.
func sweepWatch[T any](ctx context.Context, r *watchRun, members []*member, do func(context.Context, *member) (T, error)) []T {
	part := &fleet{g: r.f.g, connector: r.f.connector, members: members}
	good := each(ctx, part, do)
	r.f.failures = append(r.f.failures, part.failures...)
	return good
}

// look asks sites for the rows that the filter picks.
func (r *watchRun) look(ctx context.Context, members []*member) []*distribution.View {
	return sweepWatch(ctx, r, members, func(ctx context.Context, m *member) (*distribution.View, error) {
		if err := needNamespace(m); err != nil {
			return nil, err
		}
		return distribution.Look(ctx, m.site, distribution.LookFor{Filter: r.filter})
	})
}

// seen are the members that have not failed.
func (r *watchRun) seen() []*member {
	failed := map[string]bool{}
	for _, fail := range r.f.failures {
		failed[fail.site] = true
	}
	return slices.DeleteFunc(slices.Clone(r.f.members), func(m *member) bool { return failed[m.Name] })
}

// fresh are the rows of views that have not been watched yet.
func (r *watchRun) fresh(views []*distribution.View) []distribution.Row {
	rows := slices.DeleteFunc(distribution.Merge(views), func(row distribution.Row) bool { return r.known[row.RowKey()] })
	for _, row := range rows {
		r.known[row.RowKey()] = true
	}
	return rows
}

// rowless judges the packages that --package picks and that have no rows to
// watch by the counts of their hierarchy. Where other flags ask for less than
// whole packages, the counts tell only that a package has no content.
func (r *watchRun) rowless(ctx context.Context, views []*distribution.View, rows []distribution.Row) error {
	if len(r.filter.Packages) == 0 {
		return nil
	}
	bySite := map[*distribution.Site]*distribution.View{}
	for _, v := range views {
		bySite[v.Site] = v
	}
	lists := sweepWatch(ctx, r, r.seen(), func(ctx context.Context, m *member) ([]distribution.Total, error) {
		return distribution.LookAtTotals(ctx, bySite[m.site], r.filter)
	})
	watched := map[packageOfHierarchy]bool{}
	for _, row := range rows {
		watched[packageOfHierarchy{bySite[row.Owner].Top(), row.PackageID}] = true
	}
	totals := distribution.MergeTotals(lists...)
	isPart := len(r.o.dps)+len(r.o.types)+len(r.o.states) > 0 || r.o.since != ""
	for _, t := range totals {
		if !watched[packageOfHierarchy{t.Top, t.PackageID}] && (!isPart || t.Arrival() == distribution.ArrivalNone) {
			r.totals = append(r.totals, t)
		}
	}
	if len(r.f.failures) > 0 {
		return nil // who did not answer may know the others
	}
	return allKnown(r.filter.Packages, totals)
}

// allKnown refuses package IDs that no site shows: to call such a package done
// would be wrong.
func allKnown(patterns []queries.Pattern, totals []distribution.Total) error {
	for _, p := range patterns {
		id, exact := p.Literal()
		isIt := func(t distribution.Total) bool { return strings.EqualFold(string(t.PackageID), id) }
		if exact && !slices.ContainsFunc(totals, isIt) {
			return usage("--package: no site shows %s: it does not exist, or the account may not see it", id)
		}
	}
	return nil
}

// watch waits for rows, and tells each change.
func (r *watchRun) watch(ctx context.Context, rows []distribution.Row) {
	outcomes := distribution.Watch(ctx, rows, r.options())
	for i, out := range outcomes {
		r.ends = append(r.ends, out)
		r.before = append(r.before, rows[i].State)
		if out.End == distribution.EndUnseen && !r.told[out.Owner] {
			r.told[out.Owner] = true
			r.f.fail(out.Owner.Name, fmt.Errorf("watch: %w", out.Err))
		}
	}
}

// changed tells a change: to a program that reads lines as a line, to people
// otherwise.
func (r *watchRun) changed(before, after distribution.Row) {
	if r.f.g.format != string(report.JSONL) {
		r.f.g.app.say("  %s: %s -> %s", after.Keys, before.State, after.State)
		return
	}
	r.write(r.values(eventChange, before.State, after, nil)...)
}

// write writes a row at once, and keeps the first error.
func (r *watchRun) write(values ...any) {
	err := r.out.Row(values...)
	if err == nil {
		err = r.out.Flush()
	}
	if r.writeErr == nil {
		r.writeErr = err
	}
}

// The events of a watch: what a line or an item is about.
const (
	eventChange  = "change"  // a row's state changed (jsonl only)
	eventEnd     = "end"     // how a row ended
	eventPackage = "package" // a package that has no rows to watch
)

func watchColumns() []report.Column {
	return []report.Column{
		{Name: "event", Wide: true}, {Name: "time", Wide: true},
		{Name: "siteCode", Title: "SITE"}, {Name: "dp", Title: "DP"}, {Name: "package", Title: "PACKAGE"},
		{Name: "type", Title: "TYPE", Wide: true}, {Name: "before", Title: "BEFORE", Color: stateColor}, {Name: "state", Title: "STATE", Color: stateColor},
		{Name: "outcome", Title: "OUTCOME", Color: stateColor}, {Name: "cause", Title: "CAUSE"}, {Name: "message", Title: "MESSAGE", Wide: true},
		{Name: "advice", Title: "WHAT TO DO", Wide: true}, {Name: "owner", Title: "ASKED AT", Wide: true}, {Name: "nalPath", Title: "NAL PATH", Wide: true},
	}
}

// values are the values of watchColumns for a row.
func (r *watchRun) values(event string, before queries.State, row distribution.Row, outcome any) []any {
	var cause, message, advice any
	if outcome != nil && outcome != outcomeInstalled {
		cause, message, advice = orNil(row.Why), orNil(row.Message), orNil(row.Advice)
	}
	return []any{
		event, r.f.g.app.now(), row.SiteCode, row.ServerNALPath.Server(), row.PackageID, row.PackageType, before, row.State,
		outcome, cause, message, advice, row.Owner.Name, row.ServerNALPath,
	}
}

// The outcomes that watch adds to those of refresh. What is installed, removed
// or has no content is done.
const (
	outcomeInstalled = "installed"
	outcomeRemoved   = "removed" // as it was to be
	outcomeFailed    = "failed"
	outcomeNoContent = "no content"
)

// outcome is how a watched row ended.
func (r *watchRun) outcome(i int, interrupted bool) string {
	out := r.ends[i]
	switch {
	case out.End == distribution.EndInstalled:
		return outcomeInstalled
	case out.End == distribution.EndFailed:
		return outcomeFailed
	case out.End == distribution.EndGone && isRemoval(r.before[i]):
		return outcomeRemoved
	case out.End == distribution.EndOpen:
		return outcomeUndecided
	}
	return outcomeOf(out, interrupted)
}

func isRemoval(s queries.State) bool {
	return s == queries.StateRemovalPending || s == queries.StateRemovalRetrying || s == queries.StateRemovalFailed
}

// totalOutcome is how a package ended that has no rows to watch. One that is
// not installed everywhere has rows at a site that showed none.
func totalOutcome(t distribution.Total) string {
	if t.Arrival() == distribution.ArrivalOpen {
		return outcomeUnseen
	}
	return string(t.Arrival())
}

// finish writes how each row ended.
func (r *watchRun) finish(interrupted bool) error {
	for i, out := range r.ends {
		r.write(r.values(eventEnd, r.before[i], out.Row, r.outcome(i, interrupted))...)
	}
	for _, t := range r.totals {
		r.write(eventPackage, r.f.g.app.now(), t.SourceSite, nil, t.PackageID, nil, nil, nil, totalOutcome(t), nil, nil, nil, t.Site.Name, nil)
	}
	r.f.addErrors(r.out)
	return errors.Join(r.writeErr, r.out.Close())
}

// beginning says what is waited for, and what only a refresh could move.
func (r *watchRun) beginning(rows []distribution.Row) string {
	if len(rows) == 0 {
		return "Nothing to wait for" + r.amongThose() + "."
	}
	failed := 0
	for _, row := range rows {
		if row.State == queries.StateFailed {
			failed++
		}
	}
	text := fmt.Sprintf("Waiting for %s, %s at most", count(len(rows), "row", "rows"), r.o.deadline)
	if failed > 0 {
		text += fmt.Sprintf("; %d failed and will not move unless sent again", failed)
	}
	return text + r.amongThose() + "."
}

func (r *watchRun) amongThose() string {
	if len(r.f.failures) > 0 {
		return ", at the sites that answered"
	}
	return ""
}

// outcomes counts how everything ended.
func (r *watchRun) outcomes(interrupted bool) map[string]int {
	counts := map[string]int{}
	for i := range r.ends {
		counts[r.outcome(i, interrupted)]++
	}
	for _, t := range r.totals {
		counts[totalOutcome(t)]++
	}
	return counts
}

// summary is how everything ended in a line.
func (r *watchRun) summary(interrupted bool) string {
	n := len(r.ends) + len(r.totals)
	if n == 0 {
		return "Nothing was watched"
	}
	return fmt.Sprintf("Of %d: %s", n, countList(r.outcomes(interrupted)))
}

// exit is what the outcomes mean: a deadline that left something open outranks
// findings, and a site that was not seen outranks both.
func (r *watchRun) exit(late bool) error {
	counts := r.outcomes(false)
	if late && counts[outcomeUndecided] > 0 && len(r.f.failures) == 0 {
		return silent(exitDeadline)
	}
	for outcome := range counts {
		switch outcome {
		case outcomeInstalled, outcomeRemoved, outcomeNoContent:
		default:
			return r.f.exit(exitFindings)
		}
	}
	return r.f.exit(exitOK)
}
