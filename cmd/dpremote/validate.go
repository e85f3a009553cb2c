package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"dpremote/distribution"
	"dpremote/queries"
)

// validateOptions are the flags of validate.
type validateOptions struct {
	rowFlags
	force bool
}

func newValidate(g *globals) *cobra.Command {
	o := &validateOptions{}
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "Check content on distribution points against its hashes",
		Long: `Have distribution points compare the files that they hold with their hashes (the
console's Validate). It changes nothing but the status: content that turns out
to be damaged is shown as failed, and "refresh" sends it again.

Only content that is installed is validated, unless --state says otherwise: of
what did not arrive there is nothing to check. Reading it all is work for a
distribution point, so a filter is needed, or --all.

The outcome comes later. --wait waits for it, until each row is good, damaged or
could not be checked; the exit status is 3 unless all are good.`,
		Example: `  dpremote validate --dp dp01 --dry-run
  dpremote validate --package PS100005 --wait --yes
  dpremote validate --dp 'dp0*' --type boot-image --yes --wait --deadline 4h -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runValidate(cmd.Context(), g, o) },
	}
	f := cmd.Flags()
	o.chosenFlags.register(f, "default: installed")
	o.actFlags.register(f, "all content is validated", time.Hour)
	f.BoolVar(&o.force, "force", false, "validate also what is being sent")
	return cmd
}

func runValidate(ctx context.Context, g *globals, o *validateOptions) error {
	states := []queries.State{queries.StateInstalled, queries.StateStale}
	look := func(ctx context.Context, site *distribution.Site, filter queries.Filter) (*distribution.View, error) {
		return distribution.Look(ctx, site, distribution.LookFor{Filter: filter, Reasons: true})
	}
	return o.run(ctx, g, states, look, func(f *fleet, rows []distribution.Row, rules distribution.Rules) change {
		rules.Force = o.force
		steps := distribution.PlanValidation(rows, rules)
		v := &validation{rowAction: rowAction{
			f: f, o: &o.actFlags, name: "validate", asks: "Have %s validated?", steps: steps, rows: newRowOutcomes(steps),
			act: distribution.Validate,
			bad: func(outcome string) bool { return outcome != queries.ValidationGood.String() },
		}}
		v.before, v.await = v.readBefore, v.waitFor
		return v
	})
}

// validation is a validate from its plan on.
type validation struct {
	rowAction
	checks []distribution.Check
}

// readBefore reads the messages that a new one is to be told from.
func (v *validation) readBefore(ctx context.Context) {
	var rows []distribution.Row
	for _, s := range v.steps {
		if s.Skip == distribution.SkipNothing {
			rows = append(rows, s.Row)
		}
	}
	v.checks = distribution.ReadChecks(ctx, rows)
}

// waitFor waits for the outcomes of the rows that were sent.
func (v *validation) waitFor(ctx context.Context, sent []distribution.Row) {
	asked := map[queries.RowKey]bool{}
	for _, row := range sent {
		asked[row.RowKey()] = true
	}
	var checks []distribution.Check
	for _, c := range v.checks {
		if asked[c.RowKey()] {
			checks = append(checks, c)
		}
	}
	distribution.AwaitChecks(ctx, checks, v.o.looks(), func(c distribution.Check) {
		v.f.g.app.say("  %s: %s", c.Keys, c.Validation)
	})
	told := map[*distribution.Site]bool{}
	for _, c := range checks {
		o := v.rows[c.RowKey()]
		o.outcome, o.cause, o.message = checkOutcome(c, isInterrupt(ctx.Err())), c.Why, c.Message
		if c.Err != nil && !told[c.Owner] {
			told[c.Owner] = true
			v.f.fail(c.Owner.Name, fmt.Errorf("wait for validations: %w", c.Err))
		}
	}
}

func checkOutcome(c distribution.Check, interrupted bool) string {
	switch {
	case c.Validation != queries.ValidationOpen:
		return c.Validation.String()
	case c.Err != nil:
		return outcomeUnseen
	case !c.Moved && !interrupted:
		return outcomeIgnored
	}
	return outcomeUndecided
}

// outcomeColor colours an outcome; the word says the same.
func outcomeColor(value any) text.Colors {
	switch value {
	case queries.ValidationGood.String(), outcomeCancelled:
		return text.Colors{text.FgGreen}
	case queries.ValidationDamaged.String(), queries.ValidationUnchecked.String():
		return text.Colors{text.FgRed}
	}
	return stateColor(value)
}
