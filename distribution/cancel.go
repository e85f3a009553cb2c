package distribution

import (
	"context"
	"time"

	"dpremote/queries"
)

// SkipIdle is the reason to cancel nothing: there is no transfer.
const SkipIdle Skip = "idle"

// LookAtTransfers asks a site for the rows that the filter picks and that have
// a transfer to do. With an error the view is not complete.
func LookAtTransfers(ctx context.Context, site *Site, filter queries.Filter) (*View, error) {
	v := &View{Site: site}
	var err error
	if v.Sites, err = queries.Collect(queries.Sites(ctx, site.Session)); err != nil {
		return nil, err
	}
	if v.jobs, v.queue, err = readTransfers(ctx, site); err != nil {
		return nil, err
	}
	rows, err := readRows(ctx, site, transferred(v.jobs), filter.StuckAfter)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if filter.Match(r) && v.jobs[placeOf(r.PackageID, r.ServerNALPath)] > 0 {
			v.Rows = append(v.Rows, r)
		}
	}
	if len(v.Rows) == 0 {
		return v, nil
	}
	return v, v.readContents(ctx, nil)
}

// readTransfers counts the open jobs that send content, by place and by
// distribution point. A job can be there for other ends, such as a cancellation
// (SMS_DistributionJob class page, Action).
func readTransfers(ctx context.Context, site *Site) (map[place]int, map[string]int, error) {
	jobs, queue := map[place]int{}, map[string]int{}
	for j, err := range queries.Jobs(ctx, site.Session) {
		if err != nil {
			return nil, nil, err
		}
		switch j.Action {
		case queries.ActionDelete, queries.ActionValidate, queries.ActionCancel:
		default:
			jobs[placeOf(j.PackageID, j.NALPath)]++
			queue[j.NALPath.Key()]++
		}
	}
	return jobs, queue, nil
}

func transferred(jobs map[place]int) []queries.PackageID {
	var rows []queries.PackageStatusDP
	for p := range jobs {
		rows = append(rows, queries.PackageStatusDP{Keys: queries.Keys{PackageID: p.pkg}})
	}
	return packagesOf(rows)
}

// readRows reads the rows of packages on distribution points, judged where a
// time is given; see Filter.StuckAfter.
func readRows(ctx context.Context, site *Site, ids []queries.PackageID, stuckAfter time.Duration) ([]queries.PackageStatusDP, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	filter, err := filterOf(ids)
	if err != nil {
		return nil, err
	}
	filter.StuckAfter = stuckAfter
	return queries.Collect(queries.StatusDP(ctx, site.Session, filter))
}

// filterOf picks the rows of packages.
func filterOf(ids []queries.PackageID) (queries.Filter, error) {
	var filter queries.Filter
	for _, id := range ids {
		p, err := queries.ParsePattern(string(id))
		if err != nil {
			return filter, err
		}
		filter.Packages = append(filter.Packages, p)
	}
	return filter, nil
}

// PlanCancel decides whose transfer to cancel. Of the rules Max and Elsewhere
// count.
func PlanCancel(rows []Row, rules Rules) []Step {
	return plan(rows, rules, func(r Row) (Skip, string) {
		switch {
		case r.OnSiteServer && r.PackageType == queries.TypeApplication:
			return SkipSiteServer, "transfers of applications to a site server's own distribution point cannot be cancelled"
		case r.Jobs == 0:
			return SkipIdle, "no transfer of it is in the queue"
		}
		return SkipNothing, ""
	})
}

// Cancel calls CancelDistribution for each row of a plan that is not skipped,
// in the way that Refresh sends rows.
func Cancel(ctx context.Context, steps []Step, done func(Result)) []Result {
	return act(ctx, steps, func(ctx context.Context, r Row) error {
		return r.Owner.Do(ctx, Act{Operation: "invoke CancelDistribution", Keys: r.Keys}, func(ctx context.Context) error {
			return queries.CancelDistribution(ctx, r.Owner.Session, r.Keys)
		})
	}, done)
}

// AwaitCancelled looks at the queues until no transfer of the rows is left in
// them, or until the context ends. It tells of each row whether it is so. The
// errors are those of sites that could not be asked; the end of the context is
// none.
func AwaitCancelled(ctx context.Context, rows []Row, o LookOptions) (map[queries.RowKey]bool, map[*Site]error) {
	type seen struct {
		row  Row
		gone bool
		err  error
	}
	all := make([]*seen, len(rows))
	for i, r := range rows {
		all[i] = &seen{row: r}
	}
	bySite(all, func(s *seen) *Site { return s.row.Owner }, func(site *Site, mine []*seen) {
		err := o.look(ctx, func(ctx context.Context) (left int, moved bool, err error) {
			jobs, _, err := readTransfers(ctx, site)
			if err != nil {
				return len(mine), false, err
			}
			for _, s := range mine {
				was := s.gone
				s.gone = jobs[placeOf(s.row.PackageID, s.row.ServerNALPath)] == 0
				moved = moved || s.gone != was
				if !s.gone {
					left++
				}
			}
			return left, moved, nil
		})
		if err != nil && ctx.Err() == nil {
			mine[0].err = err
		}
	})
	gone, errs := map[queries.RowKey]bool{}, map[*Site]error{}
	for _, s := range all {
		gone[s.row.RowKey()] = s.gone
		if s.err != nil {
			errs[s.row.Owner] = s.err
		}
	}
	return gone, errs
}
