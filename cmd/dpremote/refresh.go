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
	"dpremote/internal/history"
	"dpremote/internal/report"
	"dpremote/queries"
	"dpremote/wsman"
)

// refreshOptions are the flags of refresh.
type refreshOptions struct {
	filterFlags
	verdictFlags
	dryRun, yes, force, wait bool
	max, perDP, perSite      int
	cooldown, deadline       time.Duration
	interval                 time.Duration
	put, order, resume       string
	groups                   []string
}

// refreshRules are the flags of a refresh once they are read.
type refreshRules struct {
	filter queries.Filter
	groups []queries.Pattern
	mode   distribution.PutMode
	pace   distribution.Pace
	order  distribution.Order
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

Each row, a package on a distribution point, is judged as "diagnose" does it.
What a resend does not cure (a full disk, a missing source, denied access, a
distribution point that is offline) is shown with its cause and skipped, as is
what is being sent already, what was sent again less than --cooldown ago, and
what is in a retry storm. --force sends it all the same.

A site is not given more than it has room for: no distribution point more than
--per-dp open transfers, no site more than --per-site, those counted that are
open already. With --wait the rest is sent as room comes; without it the rest is
skipped. The smallest content goes first, unless --order says otherwise.

What is to be sent is written into the history before anything is. When a
refresh was interrupted or killed, --resume goes on with it: with the last one
of this inventory that left something unsent, or with the run that is named.
What it sent is not sent again. Where nobody knows whether a request was stored,
the site is asked: a refresh, a transfer or a change of state since then says
that it was. The rest is judged anew and sent in the planned order. A refresh
that still goes on in another process with the same history is stopped. A plain
refresh sends nothing twice either, as long as --cooldown has not passed: it
asks the site alone.`,
		Example: `  dpremote refresh --dry-run
  dpremote refresh --yes --wait --deadline 1h
  dpremote refresh --yes --wait --junit refresh.xml
  dpremote refresh --dp 'dp0*' --package PS100005 --force
  dpremote refresh --dp-group 'All London DPs' --state failed,stale,stuck
  dpremote refresh --site PS1 --max 20 --yes -o json
  dpremote refresh --resume --yes --wait
  dpremote refresh --resume 1 --dry-run`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
			case o.resume != resumeLast:
				return usage("unknown argument %q (see '%s --help')", args[0], cmd.CommandPath())
			default:
				o.resume = args[0]
			}
			judge, err := o.open(g, "refresh")
			if err != nil {
				return err
			}
			defer judge.discard()
			if o.resume != "" {
				return runResume(cmd.Context(), g, o, judge)
			}
			return runRefresh(cmd.Context(), g, o, judge)
		},
	}
	f := cmd.Flags()
	o.filterFlags.register(f, "default: failed")
	o.verdictFlags.register(f, "a row and what became of it")
	f.BoolVar(&o.dryRun, "dry-run", false, "show the plan and do nothing")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.force, "force", false, "send also what is skipped for its cause, a storm, the queue or the cooldown")
	f.IntVar(&o.max, "max", 0, "send at most so many (0: no limit)")
	f.IntVar(&o.perDP, "per-dp", 25, "let no distribution point have more open transfers than this (0: no limit)")
	f.IntVar(&o.perSite, "per-site", 150, "let no site have more open transfers than this; it sends 15 at once by default (0: no limit)")
	f.StringVar(&o.order, "order", "small", "what to send first: small or large content, the old failures, or as they are in the list")
	f.StringSliceVar(&o.groups, "dp-group", nil, "only distribution points in these groups: names or patterns such as Branch*")
	f.DurationVar(&o.cooldown, "cooldown", 30*time.Minute, "leave alone what was sent again less than this ago")
	f.StringVar(&o.put, "put", "auto", "what a request carries: auto, partial (keys and RefreshNow) or full (the whole instance)")
	f.StringVar(&o.resume, "resume", "", "go on with a refresh that did not end: the last one, or the `RUN` of this number")
	f.Lookup("resume").NoOptDefVal = resumeLast
	f.BoolVar(&o.wait, "wait", false, "wait until everything has arrived or failed again")
	f.DurationVar(&o.deadline, "deadline", time.Hour, "wait no longer than this")
	f.DurationVar(&o.interval, "interval", 0, "pause between two looks at a site (default: 2s, and up to 1m while nothing moves)")
	return cmd
}

func runRefresh(ctx context.Context, g *globals, o *refreshOptions, judge *verdict) error {
	rules, err := o.read(g)
	if err != nil {
		return err
	}
	if err := g.checkColumns(outcomeColumns(false)); err != nil {
		return err
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	s, err := lookAt(ctx, f, rules, o.cooldown)
	if err != nil {
		return err
	}
	if err := unknownGroups(f, o.groups, rules.groups, s.examined); err != nil {
		return err
	}
	if rowless(s.examined) {
		if err := f.whyNothing(ctx, rules.filter); err != nil {
			return err
		}
	}
	steps := distribution.MakePlan(s.rows, s.rules(f, o, rules))
	r := &refreshRun{f: f, o: o, judge: judge, rules: rules, storms: s.storms, items: newRefreshItems(steps)}
	return r.run(ctx, steps)
}

// sight is what a refresh sees of the sites.
type sight struct {
	at       time.Time // when it began to look
	examined []*distribution.Examination
	views    []*distribution.View
	rows     []distribution.Row
	storms   []distribution.Storm // those that are not over
}

// lookAt examines the sites, and what was refreshed there less than so long ago.
func lookAt(ctx context.Context, f *fleet, rules refreshRules, refreshed time.Duration) (*sight, error) {
	s := &sight{at: f.g.app.now()}
	s.examined = eachSite(ctx, f, func(ctx context.Context, site *distribution.Site) (*distribution.Examination, error) {
		return distribution.Examine(ctx, site, distribution.ExamineFor{
			LookFor: distribution.LookFor{Filter: rules.filter, Groups: rules.groups, Cooldown: refreshed},
			Since:   s.at.Add(-messageAge),
		})
	})
	s.storms = raging(distribution.Storms(s.examined), s.at)
	sayStorms(f.g, s.storms)
	for _, x := range s.examined {
		s.views = append(s.views, x.View)
	}
	f.g.record.saw(ctx, f, s.views)
	f.g.record.aloneSince(s.at)
	for _, d := range distribution.Diagnose(f.leaveDiagnoses(s.examined)) {
		s.rows = append(s.rows, d.Row)
	}
	return s, nil
}

// rules are the rules of a plan made from what was seen.
func (s *sight) rules(f *fleet, o *refreshOptions, r refreshRules) distribution.Rules {
	return distribution.Rules{
		Force: o.force, Cooldown: o.cooldown, Max: o.max, Pace: r.pace, Order: r.order, Now: s.at,
		Storms: s.storms, Elsewhere: f.elsewhere(s.views),
	}
}

// read reads the flags and refuses those that contradict each other.
func (o *refreshOptions) read(g *globals) (refreshRules, error) {
	var r refreshRules
	switch {
	case o.dryRun && o.wait:
		return r, usage("--dry-run does nothing that --wait could wait for")
	case o.max < 0 || o.perDP < 0 || o.perSite < 0 || o.cooldown < 0 || o.interval < 0:
		return r, usage("--max, --per-dp, --per-site, --cooldown and --interval cannot be negative")
	case o.deadline <= 0:
		return r, usage("--deadline must be more than nothing")
	}
	if err := somebodyConfirms(g.app, o.dryRun, o.yes); err != nil {
		return r, err
	}
	var err error
	if r.filter, err = o.filter(g.app.now(), queries.StateFailed); err != nil {
		return r, err
	}
	if r.groups, err = patterns("--dp-group", o.groups); err != nil {
		return r, err
	}
	if r.mode, err = distribution.ParsePutMode(o.put); err != nil {
		return r, usage("--put: %w", err)
	}
	if r.order, err = distribution.ParseOrder(o.order); err != nil {
		return r, usage("--order: %w", err)
	}
	r.pace = distribution.Pace{PerDP: o.perDP, PerSite: o.perSite, Wait: o.wait}
	return r, nil
}

// unknownGroups refuses groups that no site shows, when all have answered.
func unknownGroups(f *fleet, names []string, groups []queries.Pattern, examined []*distribution.Examination) error {
	if len(f.failures) > 0 {
		return nil
	}
	for i, p := range groups {
		if !slices.ContainsFunc(examined, func(x *distribution.Examination) bool { return slices.ContainsFunc(x.View.Groups, p.Match) }) {
			if err := f.unseen(usage("--dp-group: no site shows a distribution point group %q", commas(names)[i])); err != nil {
				return err
			}
		}
	}
	return nil
}

func rowless(examined []*distribution.Examination) bool {
	return !slices.ContainsFunc(examined, func(x *distribution.Examination) bool { return len(x.View.Rows) > 0 })
}

// raging are the storms that are not over.
func raging(storms []distribution.Storm, now time.Time) []distribution.Storm {
	return slices.DeleteFunc(storms, func(s distribution.Storm) bool { return !s.Rages(now) })
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
	f      *fleet
	o      *refreshOptions
	judge  *verdict
	rules  refreshRules
	storms []distribution.Storm
	items  map[queries.RowKey]*refreshItem

	resumes   *resumption        // the run that it goes on with; nil for none
	takenOver bool               // by a process that resumes this one
	earlier   []distribution.Row // that need not be sent, to wait for all the same
}

func (r *refreshRun) run(ctx context.Context, steps []distribution.Step) error {
	app := r.f.g.app
	planned := countPlanned(steps)
	if err := r.showPlan(steps); err != nil {
		return err
	}
	app.say("%s", planSummary(steps, r.f))
	if !r.o.yes {
		r.sayTravels(steps)
	}
	waitsOn := r.o.wait && len(r.earlier) > 0
	if r.o.dryRun || planned == 0 && r.isTable() && r.resumes == nil {
		r.advise(steps)
		if err := r.tell(ctx, steps); err != nil {
			return err
		}
		return r.f.exit(r.found(steps))
	}
	if planned > 0 && !r.o.yes {
		ok, err := confirm(ctx, app, fmt.Sprintf("Send %s again?", count(planned, "row", "rows")))
		if err != nil {
			return err
		}
		if !ok {
			app.say("Nothing was sent.")
			return r.conclude(ctx, steps, false)
		}
	}
	if planned > 0 || r.resumes != nil {
		if err := r.storePlan(ctx, steps); err != nil {
			return err
		}
	}
	return r.conclude(ctx, steps, (planned > 0 || waitsOn) && r.execute(ctx, steps))
}

// conclude shows what became of the rows.
func (r *refreshRun) conclude(ctx context.Context, steps []distribution.Step, late bool) error {
	app := r.f.g.app
	if err := r.writeOutcomes(steps); err != nil {
		return err
	}
	app.say("%s", r.outcomeSummary(steps))
	r.advise(steps)
	if err := r.tell(ctx, steps); err != nil {
		return err
	}
	if isInterrupt(ctx.Err()) {
		r.sayResume(steps)
		return r.f.interrupted()
	}
	switch {
	case r.takenOver:
		return silent(exitIncomplete)
	case late && len(r.f.failures) == 0:
		return silent(exitDeadline)
	}
	return r.f.exit(r.found(steps))
}

// sayResume says how to go on after an interrupt.
func (r *refreshRun) sayResume(steps []distribution.Step) {
	left := 0
	for _, s := range steps {
		if o := r.items[s.RowKey()].outcome; s.Skip == distribution.SkipNothing && (o == outcomeNotSent || o == outcomeUnknown) {
			left++
		}
	}
	switch {
	case left > 0 && r.f.g.record.works():
		r.f.g.app.say("Interrupted: %s not known to be sent. 'dpremote refresh --resume' goes on.", countBe(left))
	case left > 0:
		r.f.g.app.say("Interrupted: %s not known to be sent.", countBe(left))
	}
}

func countBe(n int) string {
	if n == 1 {
		return "1 row is"
	}
	return fmt.Sprintf("%d rows are", n)
}

func (r *refreshRun) isTable() bool {
	return r.f.g.format == string(report.Table) || r.f.g.format == string(report.Wide)
}

// execute sends and, where that is asked for, waits. It reports whether the
// deadline passed.
func (r *refreshRun) execute(ctx context.Context, steps []distribution.Step) (late bool) {
	app := r.f.g.app
	if r.o.wait {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.o.deadline)
		defer cancel()
	}
	started := app.now()
	sending := r.f.g.startSending(ctx, steps)
	results := distribution.RefreshPaced(ctx, steps, distribution.PaceOptions{
		Mode: r.rules.mode, Pace: r.rules.pace, Look: distribution.LookOptions{Fastest: r.o.interval, Slowest: r.o.interval},
		Done: func(res distribution.Result) {
			sending.sent(res)
			if res.Err != nil && !errors.Is(res.Err, distribution.ErrGivenUp) && !heldBack(res.Err) && !r.othersDo(res.Err) {
				r.f.fail(res.Owner.Name, fmt.Errorf("refresh %s: %w", res.Keys, res.Err))
			}
		},
		Held: func(site *distribution.Site, left int) {
			sending.hold(site)
			app.say("  %s: %s for room in the queues.", site.Name, waits(left))
		},
	})
	sending.stop()
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
	sent = append(sent, r.earlier...)
	if !r.o.wait || len(sent) == 0 {
		return false
	}
	if r.resumes != nil {
		started = r.resumes.plan.Started
	}
	return r.watch(ctx, sent, started)
}

func waits(n int) string {
	if n == 1 {
		return "1 row waits"
	}
	return fmt.Sprintf("%d rows wait", n)
}

// othersDo tells what was not sent because another process does it, and says so
// when that has taken over the rest.
func (r *refreshRun) othersDo(err error) bool {
	if errors.Is(err, distribution.ErrTakenOver) && !r.takenOver {
		r.takenOver = true
		r.f.g.app.log.Errorf("another refresh --resume has taken over: %v", err)
	}
	return errors.Is(err, distribution.ErrTakenOver) || errors.Is(err, history.ErrBegunElse)
}

// heldBack tells what was not sent because the time was over or nobody wanted to
// wait any longer, which is no fault of the site's.
func heldBack(err error) bool {
	var op *wsman.Error
	return !errors.As(err, &op) && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled))
}

// watch waits for what was sent since a time, until the context's deadline.
func (r *refreshRun) watch(ctx context.Context, sent []distribution.Row, since time.Time) (late bool) {
	app := r.f.g.app
	app.say("Waiting until it has arrived, %s at most.", r.o.deadline)
	p := r.f.g.startProgress(ctx)
	outcomes := distribution.Watch(ctx, sent, distribution.WatchOptions{
		Fastest: r.o.interval, Slowest: r.o.interval, Sent: since, Looked: p.looked,
		Changed: func(before, after distribution.Row) {
			r.judge.changed(after)
			p.changed(before, after)
		},
	})
	p.stop()
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
	if !o.TakenUp && !interrupted {
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
	r.addPlan(out, steps)
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
		cause, advice = orNil(item.row.Why), orNil(item.row.Advice)
		if s.Skip != distribution.SkipCause {
			advice = orNil(s.Reason)
		}
	case outcomeCured, outcomeGone, outcomeSent:
	default:
		cause, advice = orNil(item.row.Why), orNil(item.row.Advice)
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
		if !done && item.row.Advice != "" && (s.Skip == distribution.SkipCause || item.outcome == outcomeFailedAgain) {
			counts[item.row.Why+": "+item.row.Advice]++
		}
	}
	for _, text := range sortedKeys(counts) {
		r.f.g.app.say("  %d %s.", counts[text], text)
	}
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
