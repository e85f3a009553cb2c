package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/pflag"

	"dpremote/distribution"
	"dpremote/internal/report"
	"dpremote/queries"
)

// actFlags are the flags of commands that call a method: whether to go ahead,
// and how long to wait for what comes of it.
type actFlags struct {
	dryRun, yes, wait  bool
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

// rowAction is a command that calls a method for each of some rows, from its
// plan on.
type rowAction struct {
	f     *fleet
	o     *actFlags
	kind  string // of the document, and what a plan calls the action
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

func (r *rowAction) run(ctx context.Context) error {
	app := r.f.g.app
	planned := countPlanned(r.steps)
	text := fmt.Sprintf("%s found; the plan is to %s %d", count(len(r.steps), "row", "rows"), r.kind, planned)
	if skipped := len(r.steps) - planned; skipped > 0 {
		text += fmt.Sprintf(" and to skip %d (%s)", skipped, skipSummary(r.steps))
	}
	if r.o.dryRun {
		if err := r.write(app.out, r.f.g.reportOptions(r.kind+"-plan", rowActionColumns(false))); err != nil {
			return err
		}
		app.say("%s.", text)
		return r.f.exit(exitOK)
	}
	late := false
	if planned > 0 {
		ok, err := r.agreed(ctx, planned, text)
		if err != nil {
			return err
		}
		if ok {
			late = r.execute(ctx)
		} else {
			app.say("Nothing was sent.")
		}
	}
	if err := r.write(app.out, r.f.g.reportOptions(r.kind, rowActionColumns(true))); err != nil {
		return err
	}
	counts := map[string]int{}
	found := exitOK
	for _, o := range r.rows {
		counts[o.outcome]++
		if r.o.wait && o.outcome != outcomeSkipped && r.bad(o.outcome) {
			found = exitFindings
		}
	}
	if len(r.steps) == 0 {
		app.say("Nothing to %s.", r.kind)
	} else {
		app.say("Of %s: %s.", count(len(r.steps), "row", "rows"), countList(counts))
	}
	switch {
	case isInterrupt(ctx.Err()):
		return r.f.interrupted()
	case late && len(r.f.failures) == 0:
		return silent(exitDeadline)
	}
	return r.f.exit(found)
}

// interrupted is the exit of a command that was interrupted and has shown what
// was done until then.
func (f *fleet) interrupted() error {
	_ = f.exit(exitInterrupted) // it tells which sites did not answer
	return silent(exitInterrupted)
}

// agreed shows the plan to the person at the terminal and asks.
func (r *rowAction) agreed(ctx context.Context, planned int, text string) (bool, error) {
	app := r.f.g.app
	if r.o.yes {
		return true, nil
	}
	options := r.f.g.reportOptions(r.kind+"-plan", rowActionColumns(false))
	options.Format, options.Select = report.Table, nil
	if err := r.write(app.err, options); err != nil {
		return false, err
	}
	app.say("%s.", text)
	return confirm(ctx, app, fmt.Sprintf(r.asks, count(planned, "row", "rows")))
}

// execute calls the method and, where that is asked for, waits. It reports
// whether the deadline passed.
func (r *rowAction) execute(ctx context.Context) (late bool) {
	app := r.f.g.app
	if r.o.wait && r.before != nil {
		r.before(ctx)
	}
	var sent []distribution.Row
	for _, res := range r.act(ctx, r.steps, func(res distribution.Result) {
		if res.Err != nil && !errors.Is(res.Err, distribution.ErrGivenUp) && !heldBack(res.Err) {
			r.f.fail(res.Owner.Name, fmt.Errorf("%s %s: %w", r.kind, res.Keys, res.Err))
		}
	}) {
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
	app.say("Asked to %s %s.", r.kind, count(len(sent), "row", "rows"))
	if !r.o.wait || len(sent) == 0 {
		return false
	}
	app.say("Waiting for the outcome, %s at most.", r.o.deadline)
	ctx, cancel := context.WithTimeout(ctx, r.o.deadline)
	defer cancel()
	r.await(ctx, sent)
	return errors.Is(ctx.Err(), context.DeadlineExceeded)
}

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

// write shows the rows, with what became of them where the options' columns
// have that.
func (r *rowAction) write(w io.Writer, options report.Options) error {
	out, err := report.New(w, options)
	if err != nil {
		return usage("%w", err)
	}
	for _, s := range r.steps {
		action := r.kind
		if s.Skip != distribution.SkipNothing {
			action = "skip"
		}
		values := []any{
			s.SiteCode, s.ServerNALPath.Server(), s.PackageID, orNil(s.Name), s.PackageType, s.State,
			action, orNil(string(s.Skip)), orNil(s.Reason), s.Owner.Name, s.ServerNALPath,
		}
		if hasColumn(options.Columns, "outcome") {
			o := r.rows[s.RowKey()]
			values = append(values, o.outcome, orNil(o.cause), orNil(o.message), errorText(o.err))
		}
		if err := out.Row(values...); err != nil {
			return err
		}
	}
	r.f.addErrors(out)
	return out.Close()
}

// errorText is an error as a value, nil for none.
func errorText(err error) any {
	if err == nil {
		return nil
	}
	return oneLine(err.Error())
}
