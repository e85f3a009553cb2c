package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"dpremote/distribution"
)

// outcomeCancelled is a transfer that was seen to be gone from the queue.
const outcomeCancelled = "cancelled"

func newCancel(g *globals) *cobra.Command {
	o := &rowFlags{}
	cmd := &cobra.Command{
		Use:   "cancel",
		Short: "Stop transfers of content that are under way",
		Long: `Stop the transfers that are in the queues of distribution points: those that
run, and those that wait or are to be tried again. What is stopped counts as
failed until it is sent again ("refresh"). A filter is needed, or --all.

Content without a transfer is left alone, whatever its state.`,
		Example: `  dpremote cancel --dp dp01 --dry-run
  dpremote cancel --package PS100005 --yes --wait
  dpremote cancel --state retrying --site PS1 --yes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCancel(cmd.Context(), g, o) },
	}
	f := cmd.Flags()
	o.chosenFlags.register(f, "default: all")
	o.actFlags.register(f, "the transfers have left the queue", 5*time.Minute)
	return cmd
}

func runCancel(ctx context.Context, g *globals, o *rowFlags) error {
	return o.run(ctx, g, nil, distribution.LookAtTransfers, func(f *fleet, rows []distribution.Row, rules distribution.Rules) change {
		steps := distribution.PlanCancel(rows, rules)
		r := &rowAction{
			f: f, o: &o.actFlags, name: "cancel", asks: "Stop the transfers of %s?", steps: steps, rows: newRowOutcomes(steps),
			act: distribution.Cancel,
			bad: func(outcome string) bool { return outcome != outcomeCancelled },
		}
		r.await = r.waitForQueue
		return r
	})
}

// waitForQueue waits until transfers have left the queue.
func (r *rowAction) waitForQueue(ctx context.Context, sent []distribution.Row) {
	gone, errs := distribution.AwaitCancelled(ctx, sent, r.o.looks())
	for _, row := range sent {
		o := r.rows[row.RowKey()]
		switch {
		case gone[row.RowKey()]:
			o.outcome = outcomeCancelled
		case errs[row.Owner] != nil:
			o.outcome = outcomeUnseen
		default:
			o.outcome = outcomeUndecided
		}
	}
	for site, err := range errs {
		r.f.fail(site.Name, fmt.Errorf("wait for the queue: %w", err))
	}
}
