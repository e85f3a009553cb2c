package distribution

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"dpremote/queries"
)

// PlanValidation decides which rows to validate. Of the rules Force, Max and
// Elsewhere count: what is being sent to a distribution point is not worth a
// look unless it is forced.
func PlanValidation(rows []Row, rules Rules) []Step {
	return plan(rows, rules, func(r Row) (Skip, string) {
		switch {
		case r.Deleted:
			return SkipDeleted, "the package is being removed from this distribution point"
		case isRemoval(r.State):
			return SkipRemoval, r.State.String() + ": there is nothing to validate"
		case r.Jobs > 0 && !rules.Force:
			return SkipQueued, "a transfer of it is in the queue, which has the last word"
		}
		return SkipNothing, ""
	})
}

// Validate calls VerifyPackage for each row of a plan that is not skipped, in
// the way that Refresh sends rows.
func Validate(ctx context.Context, steps []Step, done func(Result)) []Result {
	return act(ctx, steps, func(ctx context.Context, r Row) error {
		return r.Owner.Do(ctx, Act{Operation: "invoke VerifyPackage", Keys: r.Keys}, func(ctx context.Context) error {
			return queries.VerifyPackage(ctx, r.Owner.Session, r.Keys)
		})
	}, done)
}

// Check is the validation of one row and what is known of its outcome.
type Check struct {
	Row
	Validation queries.Validation // open until it is decided
	// Moved says that the site did something about it.
	Moved bool
	// Err is why the site could not be asked any more.
	Err error

	before queries.DPStatus // the zero value where there was none
}

// ReadChecks reads the status messages of rows as they are before a validation,
// so that AwaitChecks can tell the new ones. With an error of a site the rows
// there have it too.
func ReadChecks(ctx context.Context, rows []Row) []Check {
	checks := make([]Check, len(rows))
	eachSitesChecks(checks, rows, func(site *Site, mine []*Check) {
		found, err := readStatuses(ctx, site, mine)
		for _, c := range mine {
			c.before, c.Err = found[placeOf(c.PackageID, c.ServerNALPath)], err
		}
	})
	return checks
}

// AwaitChecks looks at checks until each is decided, or until the context ends:
// its deadline is the wait's. changed, which may be nil, is told of each one
// that is decided, one at a time.
//
// A message that is newer than the one that ReadChecks saw decides: 2384 the
// content is good, 2382 it is damaged, 2383 or any other bad one that it could
// not be checked.
func AwaitChecks(ctx context.Context, checks []Check, o LookOptions, changed func(Check)) {
	var open []*Check
	for i := range checks {
		if checks[i].Err == nil && checks[i].Validation == queries.ValidationOpen {
			open = append(open, &checks[i])
		}
	}
	var mu sync.Mutex
	tell := func(c *Check) {
		mu.Lock()
		defer mu.Unlock()
		if changed != nil {
			changed(*c)
		}
	}
	bySite(open, func(c *Check) *Site { return c.Owner }, func(site *Site, mine []*Check) {
		err := o.look(ctx, func(ctx context.Context) (int, bool, error) { return seeChecks(ctx, site, mine, tell) })
		if err == nil || ctx.Err() != nil {
			return
		}
		for _, c := range mine {
			if c.Validation == queries.ValidationOpen {
				c.Err = err
			}
		}
	})
}

// seeChecks looks once, and says how many are not decided yet.
func seeChecks(ctx context.Context, site *Site, checks []*Check, tell func(*Check)) (left int, moved bool, err error) {
	var open []*Check
	for _, c := range checks {
		if c.Validation == queries.ValidationOpen {
			open = append(open, c)
		}
	}
	found, err := readStatuses(ctx, site, open)
	if err != nil {
		return len(open), false, err
	}
	left = len(open)
	for _, c := range open {
		now, ok := found[placeOf(c.PackageID, c.ServerNALPath)]
		if !ok || sameMessage(now, c.before) {
			continue
		}
		moved, c.Moved = true, true
		c.before = now
		if c.Validation = queries.ValidationOf(now); c.Validation == queries.ValidationOpen {
			continue
		}
		left--
		c.Finding, c.Message = Finding{}, now.Text()
		if c.Validation != queries.ValidationGood {
			c.Finding = findingOf(now.Cause())
		}
		tell(c)
	}
	return left, moved, nil
}

func sameMessage(a, b queries.DPStatus) bool {
	return a.LastStatusID == b.LastStatusID && a.MessageID == b.MessageID && sameTime(a.LastUpdateDate, b.LastUpdateDate)
}

// readStatuses reads the latest status message at the place of each check.
func readStatuses(ctx context.Context, site *Site, checks []*Check) (map[place]queries.DPStatus, error) {
	wanted := map[place]bool{}
	var rows []queries.PackageStatusDP
	for _, c := range checks {
		wanted[placeOf(c.PackageID, c.ServerNALPath)] = true
		rows = append(rows, c.PackageStatusDP)
	}
	found := map[place]queries.DPStatus{}
	for m, err := range queries.DPStatuses(ctx, site.Session, packagesOf(rows)...) {
		if err != nil {
			return nil, err
		}
		p := placeOf(m.PackageID, m.NALPath)
		if old, ok := found[p]; wanted[p] && (!ok || old.LastUpdateDate.Time.Before(m.LastUpdateDate.Time)) {
			found[p] = m
		}
	}
	return found, nil
}

func eachSitesChecks(checks []Check, rows []Row, do func(*Site, []*Check)) {
	all := make([]*Check, len(rows))
	for i, r := range rows {
		checks[i] = Check{Row: r}
		all[i] = &checks[i]
	}
	bySite(all, func(c *Check) *Site { return c.Owner }, do)
}

// plan decides about each row, in their order, by what the rules say of every
// action and by what judge says of this one.
func plan(rows []Row, rules Rules, judge func(Row) (Skip, string)) []Step {
	steps := make([]Step, 0, len(rows))
	planned := 0
	for _, row := range rows {
		step := Step{Row: row}
		if why, ok := rules.Elsewhere[queries.SiteCode(strings.ToUpper(string(row.Home)))]; ok {
			step.Skip, step.Reason = SkipElsewhere, why
		} else {
			step.Skip, step.Reason = judge(row)
		}
		if step.Skip == SkipNothing {
			if planned++; rules.Max > 0 && planned > rules.Max {
				step.Skip, step.Reason = SkipMax, fmt.Sprintf("more than the %d that are allowed at once", rules.Max)
			}
		}
		steps = append(steps, step)
	}
	return steps
}
