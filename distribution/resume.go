package distribution

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dpremote/queries"
)

// The reasons not to send what an earlier run had planned.
const (
	SkipSent  Skip = "sent"  // the earlier run has sent it
	SkipMoved Skip = "moved" // it is in another state by now, and needs no refresh
)

// Planned is a row of the plan of an earlier run, and what is known of how far
// that came with it.
type Planned struct {
	// PackageStatusDP is the row when it was planned: keys, State and SummaryDate.
	queries.PackageStatusDP
	Owner *Site
	// Sent says that the site is known to have stored its request.
	Sent bool
	// Unknown is when its latest request was begun, by our clock, of which
	// nobody knows whether the site stored it; zero for none.
	Unknown time.Time
	// Unseen says that its site could not be asked.
	Unseen bool
}

// refreshSlack is how much earlier than its request a refresh may seem to be:
// servers tell their time and that of a refresh in whole seconds.
const refreshSlack = 5 * time.Second

// settled says, from the row as it is seen now, that the earlier run's row is
// not to be sent, and why. Where nobody knows whether a request was stored, any
// sign at the site that it was counts: rather than to be sent twice, a row is
// left to the next refresh. not there means that it is in none of the states
// that the plan was for.
func (p Planned) settled(now Row, there bool) (Skip, string) {
	switch {
	case p.Unseen:
		return SkipElsewhere, fmt.Sprintf("its site %s did not answer", p.Owner.Name)
	case p.Sent:
		return SkipSent, "the run before has sent it"
	case !there:
		return SkipMoved, "it has left the state for which it was to be sent"
	case p.Unknown.IsZero():
		return SkipNothing, ""
	case !now.Refreshed.IsZero() && !now.Refreshed.Before(p.Unknown.Add(-refreshSlack)):
		return SkipSent, "the run before had begun with it, and the site shows a refresh since then"
	case now.Jobs > 0 && now.State != queries.StateStuck: // which may have had it all along
		return SkipSent, "the run before had begun with it, and a transfer of it is open"
	case !p.SummaryDate.IsZero() && !p.SummaryDate.Time.Equal(now.SummaryDate.Time):
		return SkipSent, "the run before had begun with it, and the site has done something about it since then"
	}
	return SkipNothing, ""
}

// Resume decides about each row of the plan of an earlier run: what that has
// sent, or may have sent as far as the site tells, is skipped; the rest is
// judged as MakePlan judges it, from the rows as they are seen now, and keeps
// its order. The rows are those that Diagnose gives for the same states that the
// plan was for; their Refreshed must reach back to the earliest Planned.Unknown.
func Resume(planned []Planned, rows []Row, rules Rules) []Step {
	seen := byRowKey(rows)
	steps := make([]Step, len(planned))
	var open []Row
	var at []int
	for i, p := range planned {
		now, there := seen[p.RowKey()]
		if !there {
			now = Row{PackageStatusDP: p.PackageStatusDP, Owner: p.Owner, Home: p.SiteCode}
		}
		steps[i].Row = now
		if steps[i].Skip, steps[i].Reason = p.settled(now, there); steps[i].Skip == SkipNothing {
			open, at = append(open, now), append(at, i)
		}
	}
	rules.Order = OrderList
	for j, step := range MakePlan(open, rules) {
		steps[at[j]] = step
	}
	return steps
}

// Doubtful are the rows of which nobody knows whether their requests were
// stored, and of which the site shows no sign that they were.
func Doubtful(planned []Planned, rows []Row) []Planned {
	seen := byRowKey(rows)
	var out []Planned
	for _, p := range planned {
		now, there := seen[p.RowKey()]
		if skip, _ := p.settled(now, there); skip == SkipNothing && !p.Unknown.IsZero() {
			out = append(out, p)
		}
	}
	return out
}

func byRowKey(rows []Row) map[queries.RowKey]Row {
	out := make(map[queries.RowKey]Row, len(rows))
	for _, r := range rows {
		out[r.RowKey()] = r
	}
	return out
}

// States asks the owners of rows for their present states. A row that is gone
// has nil; rows of sites that could not be asked, of which failed is told, are
// missing.
func States(ctx context.Context, planned []Planned, failed func(*Site, error)) map[queries.RowKey]*queries.PackageStatusDP {
	outcomes := map[*Site][]*Outcome{}
	for _, p := range planned {
		outcomes[p.Owner] = append(outcomes[p.Owner], &Outcome{Row: Row{PackageStatusDP: p.PackageStatusDP}})
	}
	found := map[queries.RowKey]*queries.PackageStatusDP{}
	sites := slices.SortedFunc(maps.Keys(outcomes), func(a, b *Site) int { return strings.Compare(a.Name, b.Name) })
	for _, site := range sites {
		rows, err := (&watcher{site: site}).ask(ctx, outcomes[site], true, queries.Condition{})
		if err != nil {
			failed(site, err)
			continue
		}
		for _, o := range outcomes[site] {
			found[o.RowKey()] = nil
			if row, ok := rows[o.RowKey()]; ok {
				found[o.RowKey()] = &row
			}
		}
	}
	return found
}
