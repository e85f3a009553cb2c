package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dpremote/distribution"
	"dpremote/internal/history"
	"dpremote/internal/report"
	"dpremote/queries"
	"dpremote/wsman"
)

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
			switch {
			case res.Err == nil, errors.Is(res.Err, distribution.ErrGivenUp), heldBack(res.Err), r.othersDo(res.Err):
			case isLate(ctx, res.Err):
				app.log.Warnf("%s: the deadline passed while %s was being sent", res.Owner.Name, res.Keys)
			default:
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
			late = late || isLate(ctx, res.Err)
		default:
			item.outcome, item.err = outcomeNotSent, res.Err
			late = late || heldBack(res.Err) && isLate(ctx, res.Err)
		}
		if res.Err == nil || res.Unknown {
			sent = append(sent, res.Row)
		}
	}
	app.say("Sent %s in %s.", count(len(sent), "row", "rows"), durationText(app.now().Sub(started)))
	sent = append(sent, r.earlier...)
	if !r.o.wait || len(sent) == 0 {
		return late
	}
	if r.resumes != nil {
		started = r.resumes.plan.Started
	}
	return r.watch(ctx, sent, started) || late
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

// isLate tells what ended because the context's deadline passed. What is under
// way has a timer of its own for it, which may fire before the context's.
func isLate(ctx context.Context, err error) bool {
	end, ok := ctx.Deadline()
	return ok && !time.Now().Before(end) && errors.Is(err, context.DeadlineExceeded)
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
