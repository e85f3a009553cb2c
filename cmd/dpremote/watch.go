package main

import (
	"context"
	"errors"
	"fmt"
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
	verdictFlags
	mode               string
	deadline, interval time.Duration
	settle             time.Duration
}

func newWatch(g *globals) *cobra.Command {
	o := &watchOptions{}
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Wait until content has arrived",
		Long: `Wait until the content that the flags pick is installed on every distribution
point, has failed, or the deadline passes, and tell each change as it happens.
Nothing is sent. What failed before is watched too: it may be being sent again.
Rows that appear meanwhile are watched as well. On a terminal a table shows how
far each site is, what is open and what changed last.

Failed content that nobody sends again does not move, and is waited for until
the deadline. With --settle the watch of a site ends early, with exit status 3:
once nothing has moved there for so long, all that is left has failed, and the
site has no job that would send it again.

Packages that --package picks are judged as a whole, too, unless other flags
pick a part of them: by the counts of their hierarchy, of the site that counts
most distribution points of those that are selected. A package is done when it
is installed on every distribution point that it is meant for and failed or
retrying on none. It has failed when it failed on all others. One that is meant
for none has no source files, and is done. When all its rows are done and it is
not, it is on its way to distribution points that no row tells of, such as those
of sites that are not selected, and that is waited for.

--mode poll asks the sites for what is not done yet, often while things move and
rarely while they do not; auto is poll. --mode events has WMI at each site look
for changes every 30 s, or --interval, and tell them: it knows sooner, costs the
site more, and needs a second connection to it. A site that does not take the
subscription is asked from time to time in its place.

The exit status is 0 when all is installed, removed or has no content, 3 when
something failed or is gone, and 6 when something was not decided in time.`,
		Example: `  dpremote watch --deadline 2h
  dpremote watch --package PS100005 --dp 'dp0*'
  dpremote watch --settle 10m
  dpremote watch --state pending,retrying -o jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runWatch(cmd.Context(), g, o) },
	}
	f := cmd.Flags()
	o.filterFlags.register(f, "default: all but installed")
	o.verdictFlags.register(f, "a row, or a package that is judged as a whole")
	f.StringVar(&o.mode, "mode", "auto", "how to learn of changes: auto, poll or events")
	f.DurationVar(&o.deadline, "deadline", time.Hour, "wait no longer than this")
	f.DurationVar(&o.settle, "settle", 0, "end early where only failed content is left that nothing has moved for so long (default: wait on)")
	f.DurationVar(&o.interval, "interval", 0, "pause between two looks at a site (default: 2s, and up to 1m while nothing moves; 30s for events)")
	return cmd
}

// notInstalled are the states of content that is on its way, or should be.
func notInstalled() []queries.State {
	var states []queries.State
	for s := queries.StatePending; s <= queries.StateMonitoring; s++ {
		states = append(states, s)
	}
	return append(states, queries.StateStale, queries.StateStuck)
}

// check refuses flags that say nothing sensible.
func (o *watchOptions) check() error {
	switch {
	case o.mode != "auto" && o.mode != "poll" && o.mode != "events":
		return usage("--mode: %q is none of auto, poll, events", o.mode)
	case o.interval < 0, o.settle < 0:
		return usage("--interval and --settle cannot be negative")
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
	if err := g.checkColumns(watchColumns()); err != nil {
		return err
	}
	if len(g.order) > 0 && g.format == string(report.JSONL) {
		return usage("--sort: watch -o jsonl tells changes as they come")
	}
	judge, err := o.open(g, "watch")
	if err != nil {
		return err
	}
	defer judge.discard()
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
	run := &watchRun{f: f, o: o, judge: judge, filter: filter, known: map[queries.RowKey]bool{}, told: map[*distribution.Site]bool{}}
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
	o := distribution.WatchOptions{Settled: true, Settle: r.o.settle, Changed: r.changed, Looked: r.progress.looked}
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
	judge    *verdict
	filter   queries.Filter
	out      *report.Writer
	writeErr error // the first of out

	known  map[queries.RowKey]bool // rows that are or were watched
	told   map[*distribution.Site]bool
	before []queries.State // of each outcome, when its watch began
	ends   []distribution.Outcome
	totals []distribution.Total // of packages that are judged as a whole

	progress *progress
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
	r.progress = r.f.g.startProgress(waiting)
	defer r.progress.stop()
	r.wait(ctx, waiting, rows)
	r.progress.stop()
	interrupted := isInterrupt(ctx.Err())
	if err := r.finish(interrupted); err != nil {
		return err
	}
	app.say("%s, after %s.", r.summary(interrupted), durationText(app.now().Sub(started)))
	if err := r.tell(ctx); err != nil {
		return err
	}
	return r.exit(errors.Is(waiting.Err(), context.DeadlineExceeded))
}

// wait waits for rows, then for packages that are not done though their rows
// are, and for what was added meanwhile.
func (r *watchRun) wait(ctx, waiting context.Context, rows []distribution.Row) {
	for {
		for len(rows) > 0 && r.writeErr == nil {
			r.watch(waiting, rows)
			if waiting.Err() != nil {
				break
			}
			// What was added while we waited is watched too.
			rows = r.fresh(r.look(ctx, r.seen()))
			r.progress.again()
		}
		if waited := r.watchTotals(waiting); !waited || waiting.Err() != nil || r.writeErr != nil {
			return
		}
		if rows = r.fresh(r.look(ctx, r.seen())); len(rows) == 0 {
			return
		}
	}
}

// watchTotals waits until the packages that are judged as a whole are decided.
// It reports whether there was something to wait for.
func (r *watchRun) watchTotals(ctx context.Context) (waited bool) {
	r.totals = distribution.WatchTotals(ctx, r.totals, r.options(), func(_, after distribution.Total) {
		waited = true
		if r.f.g.format == string(report.JSONL) {
			r.write(r.packageValues(eventChange, after, nil)...)
			return
		}
		r.progress.tell(fmt.Sprintf("%s: %s", after.PackageID, countsText(after)))
	}, r.progress.packages)
	for _, t := range r.totals {
		if t.Err != nil && !r.told[t.Site] {
			r.told[t.Site] = true
			r.f.fail(t.Site.Name, fmt.Errorf("watch: %w", t.Err))
		}
	}
	return waited
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
	return r.f.leaveToOthers(sweepWatch(ctx, r, members, func(ctx context.Context, m *member) (*distribution.View, error) {
		if err := needNamespace(m); err != nil {
			return nil, err
		}
		return distribution.Look(ctx, m.site, distribution.LookFor{Filter: r.filter})
	}))
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

// rowless finds the packages that --package picks and that are judged as a
// whole, by the counts of their hierarchy. Where other flags ask for less than
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
		isWatched := watched[packageOfHierarchy{t.Top, t.PackageID}]
		if !isPart || !isWatched && t.Arrival() == distribution.ArrivalNone {
			r.totals = append(r.totals, t)
		}
	}
	if len(r.f.failures) > 0 {
		return nil // who did not answer may know the others
	}
	return r.f.unseen(allKnown(r.filter.Packages, totals))
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
	r.judge.changed(after)
	if r.f.g.format != string(report.JSONL) {
		r.progress.changed(before, after)
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
	eventPackage = "package" // how a package ended that is judged as a whole
)

func watchColumns() []report.Column {
	return []report.Column{
		{Name: "event", Wide: true}, {Name: "time", Wide: true},
		{Name: "siteCode", Title: "SITE"}, {Name: "dp", Title: "DP"}, {Name: "package", Title: "PACKAGE"},
		{Name: "type", Title: "TYPE", Wide: true}, {Name: "before", Title: "BEFORE", Color: stateColor, Minor: 1}, {Name: "state", Title: "STATE", Color: stateColor},
		{Name: "outcome", Title: "OUTCOME", Color: stateColor}, {Name: "cause", Title: "CAUSE"}, {Name: "message", Title: "MESSAGE", Wide: true},
		{Name: "advice", Title: "WHAT TO DO", Wide: true}, {Name: "owner", Title: "ASKED AT", Wide: true}, {Name: "nalPath", Title: "NAL PATH", Wide: true},
		// Of a package, the distribution points.
		{Name: "targeted", Title: "TARGETED", Right: true, Wide: true}, {Name: "installed", Title: "INSTALLED", Right: true, Wide: true},
		{Name: "retrying", Title: "RETRYING", Right: true, Wide: true}, {Name: "failed", Title: "FAILED", Right: true, Wide: true, Color: badColor},
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
		outcome, cause, message, advice, row.Owner.Name, row.ServerNALPath, nil, nil, nil, nil,
	}
}

// packageValues are the values of watchColumns for a package.
func (r *watchRun) packageValues(event string, t distribution.Total, outcome any) []any {
	return []any{
		event, r.f.g.app.now(), t.SourceSite, nil, t.PackageID, nil, nil, nil,
		outcome, nil, nil, nil, t.Site.Name, nil, t.Targeted, t.Installed, t.Retrying, t.Failed,
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

// totalOutcome is how a package ended that is judged as a whole.
func totalOutcome(t distribution.Total) string {
	switch {
	case t.Err != nil:
		return outcomeUnseen
	case t.Arrival() == distribution.ArrivalOpen:
		return outcomeUndecided
	}
	return string(t.Arrival())
}

// finish writes how each row ended.
func (r *watchRun) finish(interrupted bool) error {
	for i, out := range r.ends {
		r.write(r.values(eventEnd, r.before[i], out.Row, r.outcome(i, interrupted))...)
	}
	for _, t := range r.totals {
		r.write(r.packageValues(eventPackage, t, totalOutcome(t))...)
	}
	r.f.addErrors(r.out)
	return errors.Join(r.writeErr, r.out.Close())
}

// beginning says what is waited for, and what only a refresh could move.
func (r *watchRun) beginning(rows []distribution.Row) string {
	open := 0
	for _, t := range r.totals {
		if t.Arrival() == distribution.ArrivalOpen {
			open++
		}
	}
	if len(rows)+open == 0 {
		return "Nothing to wait for" + r.amongThose() + "."
	}
	if len(rows) == 0 {
		return fmt.Sprintf("Waiting for %s, %s at most; no row tells where it is missing%s.", count(open, "package", "packages"), r.o.deadline, r.amongThose())
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

// outcomes counts how the rows and the packages ended.
func (r *watchRun) outcomes(interrupted bool) (rows, packages map[string]int) {
	rows, packages = map[string]int{}, map[string]int{}
	for i := range r.ends {
		rows[r.outcome(i, interrupted)]++
	}
	for _, t := range r.totals {
		packages[totalOutcome(t)]++
	}
	return rows, packages
}

// summary is how everything ended in a line.
func (r *watchRun) summary(interrupted bool) string {
	rows, packages := r.outcomes(interrupted)
	var parts []string
	if len(r.ends) > 0 {
		parts = append(parts, fmt.Sprintf("of %s: %s", count(len(r.ends), "row", "rows"), countList(rows)))
	}
	if len(r.totals) > 0 {
		parts = append(parts, fmt.Sprintf("of %s: %s", count(len(r.totals), "package", "packages"), countList(packages)))
	}
	if len(parts) == 0 {
		return "Nothing was watched"
	}
	return "O" + strings.Join(parts, "; ")[1:]
}

// exit is what the outcomes mean: a deadline that left something open outranks
// findings, and a site that was not seen outranks both.
func (r *watchRun) exit(late bool) error {
	rows, packages := r.outcomes(false)
	if late && rows[outcomeUndecided]+packages[outcomeUndecided] > 0 && len(r.f.failures) == 0 {
		return silent(exitDeadline)
	}
	for _, counts := range []map[string]int{rows, packages} {
		for outcome := range counts {
			switch outcome {
			case outcomeInstalled, outcomeRemoved, outcomeNoContent:
			default:
				return r.f.exit(exitFindings)
			}
		}
	}
	return r.f.exit(exitOK)
}
