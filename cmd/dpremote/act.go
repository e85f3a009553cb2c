package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/spf13/pflag"

	"dpremote/distribution"
	"dpremote/internal/report"
	"dpremote/queries"
)

// actFlags are the flags of commands that call a method: whether to go ahead,
// and how long to wait for what comes of it.
type actFlags struct {
	consent
	wait               bool
	deadline, interval time.Duration
}

func (o *actFlags) register(f *pflag.FlagSet, waitFor string, deadline time.Duration) {
	f.BoolVar(&o.dryRun, "dry-run", false, "show the plan and do nothing")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.wait, "wait", false, "wait until "+waitFor)
	f.DurationVar(&o.deadline, "deadline", deadline, "wait no longer than this")
	f.DurationVar(&o.interval, "interval", 0, "pause between two looks at a site (default: 2s, and up to 1m while nothing moves)")
}

// check refuses flags that contradict each other.
func (o *actFlags) check(a *app) error {
	switch {
	case o.dryRun && o.wait:
		return usage("--dry-run does nothing that --wait could wait for")
	case o.interval < 0:
		return usage("--interval cannot be negative")
	case o.deadline <= 0:
		return usage("--deadline must be more than nothing")
	}
	return somebodyConfirms(a, o.dryRun, o.yes)
}

func (o *actFlags) looks() distribution.LookOptions {
	return distribution.LookOptions{Fastest: o.interval, Slowest: o.interval}
}

// chosenFlags pick the rows of a command that must be told which.
type chosenFlags struct {
	filterFlags
	all bool
	max int
}

func (o *chosenFlags) register(f *pflag.FlagSet, states string) {
	o.filterFlags.register(f, states)
	f.BoolVar(&o.all, "all", false, "everything at the sites, where no filter says less")
	f.IntVar(&o.max, "max", 0, "at most so many (0: no limit)")
}

// check wants a filter, or a word that none is meant.
func (o *chosenFlags) check() error {
	switch {
	case o.max < 0:
		return usage("--max cannot be negative")
	case !o.all && o.since == "" && len(o.dps)+len(o.packages)+len(o.types)+len(o.states) == 0:
		return usage("this is for all sites and all content: choose by --dp, --package, --type, --state or --since, or give --all")
	}
	return nil
}

// rowFlags are the flags of a command that calls a method for each of some rows.
type rowFlags struct {
	chosenFlags
	actFlags
}

// check checks all flags before anything is sent.
func (o *rowFlags) check(g *globals) error {
	if err := o.chosenFlags.check(); err != nil {
		return err
	}
	if err := o.actFlags.check(g.app); err != nil {
		return err
	}
	return g.checkColumns(rowActionColumns(!o.dryRun))
}

// run looks for the rows that the flags choose, those in the given states where
// no flag says which, and carries out what is made of them.
func (o *rowFlags) run(ctx context.Context, g *globals, states []queries.State,
	look func(context.Context, *distribution.Site, queries.Filter) (*distribution.View, error),
	plan func(*fleet, []distribution.Row, distribution.Rules) change,
) error {
	filter, err := o.filter(g.app.now(), states...)
	if err != nil {
		return err
	}
	if err := o.check(g); err != nil {
		return err
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	views := eachSite(ctx, f, func(ctx context.Context, s *distribution.Site) (*distribution.View, error) {
		return look(ctx, s, filter)
	})
	rows := distribution.Merge(f.leaveToOthers(views))
	if len(rows) == 0 {
		if err := f.whyNothing(ctx, filter); err != nil {
			return err
		}
	}
	return f.carryOut(ctx, o.consent, plan(f, rows, distribution.Rules{Max: o.max, Elsewhere: f.elsewhere(views)}))
}

// rowAction is the change that calls a method for each row of a plan.
type rowAction struct {
	f     *fleet
	o     *actFlags
	name  string // of the command
	asks  string // the question, in which %s is how many rows
	steps []distribution.Step
	rows  map[queries.RowKey]*rowOutcome

	act func(context.Context, []distribution.Step, func(distribution.Result)) []distribution.Result
	// before is called when the method is about to be called, and await to wait
	// for what comes of the rows that were sent.
	before func(context.Context)
	await  func(context.Context, []distribution.Row)
	bad    func(outcome string) bool // what a finding is, after a wait
}

// rowOutcome is what became of a row.
type rowOutcome struct {
	outcome        string
	cause, message string
	err            error
}

func newRowOutcomes(steps []distribution.Step) map[queries.RowKey]*rowOutcome {
	rows := map[queries.RowKey]*rowOutcome{}
	for _, s := range steps {
		rows[s.RowKey()] = &rowOutcome{outcome: outcomeNotSent}
		if s.Skip != distribution.SkipNothing {
			rows[s.RowKey()].outcome = outcomeSkipped
		}
	}
	return rows
}

func (r *rowAction) kind() string { return r.name }

func (r *rowAction) planned() int { return countPlanned(r.steps) }

func (r *rowAction) sayPlan(bool) {
	planned := r.planned()
	text := fmt.Sprintf("%s found; the plan is to %s %d", count(len(r.steps), "row", "rows"), r.name, planned)
	if skipped := len(r.steps) - planned; skipped > 0 {
		text += fmt.Sprintf(" and to skip %d (%s)", skipped, skipSummary(r.steps))
	}
	r.f.g.app.say("%s.", text)
}

func (r *rowAction) question() string {
	return fmt.Sprintf(r.asks, count(r.planned(), "row", "rows"))
}

func (r *rowAction) refused() string { return "Nothing was sent." }

func (r *rowAction) conclude() {
	if len(r.steps) == 0 {
		r.f.g.app.say("Nothing to %s.", r.name)
		return
	}
	counts := map[string]int{}
	for _, o := range r.rows {
		counts[o.outcome]++
	}
	r.f.g.app.say("Of %s: %s.", count(len(r.steps), "row", "rows"), countList(counts))
}

// found is the exit code for rows that are not well. Without --wait nobody
// looked.
func (r *rowAction) found() int {
	for _, o := range r.rows {
		if r.o.wait && o.outcome != outcomeSkipped && r.bad(o.outcome) {
			return exitFindings
		}
	}
	return exitOK
}

// execute calls the method and, where that is asked for, waits. It reports
// whether the deadline passed.
func (r *rowAction) execute(ctx context.Context) (late bool) {
	app := r.f.g.app
	if r.o.wait && r.before != nil {
		r.before(ctx)
	}
	var sent []distribution.Row
	sending := r.f.g.startSending(ctx, r.steps)
	results := r.act(ctx, r.steps, func(res distribution.Result) {
		sending.sent(res)
		if res.Err != nil && !errors.Is(res.Err, distribution.ErrGivenUp) && !heldBack(res.Err) {
			r.f.fail(res.Owner.Name, fmt.Errorf("%s %s: %w", r.name, res.Keys, res.Err))
		}
	})
	sending.stop()
	for _, res := range results {
		o := r.rows[res.RowKey()]
		o.outcome, o.err = outcomeSent, res.Err
		switch {
		case res.Unknown:
			o.outcome = outcomeUnknown
		case res.Err != nil:
			o.outcome = outcomeNotSent
		}
		if o.outcome != outcomeNotSent {
			sent = append(sent, res.Row)
		}
	}
	app.say("Asked to %s %s.", r.name, count(len(sent), "row", "rows"))
	if !r.o.wait || len(sent) == 0 {
		return false
	}
	app.say("Waiting for the outcome, %s at most.", r.o.deadline)
	ctx, cancel := context.WithTimeout(ctx, r.o.deadline)
	defer cancel()
	r.await(ctx, sent)
	return errors.Is(ctx.Err(), context.DeadlineExceeded)
}

func (r *rowAction) columns(outcomes bool) []report.Column { return rowActionColumns(outcomes) }

func rowActionColumns(outcomes bool) []report.Column {
	columns := []report.Column{
		{Name: "siteCode", Title: "SITE"}, {Name: "dp", Title: "DP"}, {Name: "package", Title: "PACKAGE"},
		{Name: "name", Title: "NAME", Max: 30, Wide: outcomes}, {Name: "type", Title: "TYPE", Wide: true},
		{Name: "state", Title: "STATE", Color: stateColor}, {Name: "action", Title: "PLAN", Wide: outcomes},
		{Name: "skip", Title: "SKIP", Color: stateColor}, {Name: "reason", Title: "WHY", Wide: true},
		{Name: "owner", Title: "ASKED AT", Wide: true}, {Name: "nalPath", Title: "NAL PATH", Wide: true},
	}
	if outcomes {
		columns = append(columns,
			report.Column{Name: "outcome", Title: "OUTCOME", Color: outcomeColor}, report.Column{Name: "cause", Title: "CAUSE"},
			report.Column{Name: "message", Title: "MESSAGE", Wide: true}, report.Column{Name: "error", Title: "ERROR", Wide: true})
	}
	return columns
}

func (r *rowAction) values(_ report.Format, outcomes bool) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for _, s := range r.steps {
			action := r.name
			if s.Skip != distribution.SkipNothing {
				action = "skip"
			}
			values := []any{
				s.SiteCode, s.ServerNALPath.Server(), s.PackageID, orNil(s.Name), s.PackageType, s.State,
				action, orNil(string(s.Skip)), orNil(s.Reason), s.Owner.Name, s.ServerNALPath,
			}
			if outcomes {
				o := r.rows[s.RowKey()]
				values = append(values, o.outcome, orNil(o.cause), orNil(o.message), errorText(o.err))
			}
			if !yield(values) {
				return
			}
		}
	}
}

// errorText is an error as a value, nil for none.
func errorText(err error) any {
	if err == nil {
		return nil
	}
	return oneLine(err.Error())
}
