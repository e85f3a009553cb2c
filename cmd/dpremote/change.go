package main

import (
	"context"
	"io"
	"iter"

	"dpremote/distribution"
	"dpremote/internal/report"
)

// change is what a command is about to do at sites, from its plan on. carryOut
// calls its methods in the order in which they stand here.
type change interface {
	kind() string // of the document; that of the plan ends in -plan
	planned() int // how many rows are to be changed; the others are skipped
	columns(outcomes bool) []report.Column
	// values are those of columns, a row at a time.
	values(format report.Format, outcomes bool) iter.Seq[[]any]
	// sayPlan tells what the plan comes to; who is asked about it is told what
	// there is to know beyond the table.
	sayPlan(asked bool)
	question() string
	execute(context.Context) (late bool) // when the deadline passed
	refused() string                     // what to say when the answer was no
	conclude()                           // tells what came of it
	found() int                          // the exit code that it means
}

// consent says whether a change is made.
type consent struct {
	dryRun, yes bool
}

// carryOut shows the plan of a change, asks, makes it and shows what came of it.
func (f *fleet) carryOut(ctx context.Context, o consent, c change) error {
	app := f.g.app
	if o.dryRun {
		if err := f.show(c, app.out, f.planOptions(c), false); err != nil {
			return err
		}
		c.sayPlan(false)
		return f.exit(c.found())
	}
	late := false
	if c.planned() > 0 {
		ok, err := f.agreed(ctx, o, c)
		if err != nil {
			return err
		}
		if ok {
			late = c.execute(ctx)
		} else {
			app.say("%s", c.refused())
		}
	}
	if err := f.show(c, app.out, f.g.reportOptions(c.kind(), c.columns(true)), true); err != nil {
		return err
	}
	c.conclude()
	switch {
	case isInterrupt(ctx.Err()):
		return f.interrupted()
	case late && len(f.failures) == 0:
		return silent(exitDeadline)
	}
	return f.exit(c.found())
}

// agreed shows the plan to the person at the terminal and asks.
func (f *fleet) agreed(ctx context.Context, o consent, c change) (bool, error) {
	if o.yes {
		return true, nil
	}
	options := f.planOptions(c)
	options.Format, options.Select, options.Sort = report.Table, nil, nil
	if err := f.show(c, f.g.app.err, options, false); err != nil {
		return false, err
	}
	c.sayPlan(true)
	return confirm(ctx, f.g.app, c.question())
}

func (f *fleet) planOptions(c change) report.Options {
	return f.g.reportOptions(c.kind()+"-plan", c.columns(false))
}

// show writes the rows of a change and the sites' errors.
func (f *fleet) show(c change, w io.Writer, options report.Options, outcomes bool) error {
	out, err := report.New(w, options)
	if err != nil {
		return usage("%w", err)
	}
	for values := range c.values(options.Format, outcomes) {
		if err := out.Row(values...); err != nil {
			return err
		}
	}
	f.addErrors(out)
	return out.Close()
}

// interrupted is the exit of a command that was interrupted and has shown what
// was done until then.
func (f *fleet) interrupted() error {
	_ = f.exit(exitInterrupted) // it tells which sites did not answer
	return silent(exitInterrupted)
}

// checkColumns refuses --columns that name none of these. It is for before
// anything is sent or waited for, when a mistake is not yet too late.
func (g *globals) checkColumns(columns []report.Column) error {
	if _, err := report.New(io.Discard, g.reportOptions("", columns)); err != nil {
		return usage("%w", err)
	}
	return nil
}

// eachSite is each for what is done at the site's own namespace, which must be
// known.
func eachSite[T any](ctx context.Context, f *fleet, do func(context.Context, *distribution.Site) (T, error)) []T {
	return each(ctx, f, func(ctx context.Context, m *member) (T, error) {
		if err := needNamespace(m); err != nil {
			var none T
			return none, err
		}
		return do(ctx, m.site)
	})
}
