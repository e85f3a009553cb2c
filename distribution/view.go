package distribution

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"dpremote/cim"
	"dpremote/queries"
)

// View is what one site's provider shows.
type View struct {
	Site  *Site
	Sites []queries.Site            // its own site, and those below
	Rows  []queries.PackageStatusDP // that the filter picks
	// Groups are the names of the distribution point groups that were looked for
	// and found.
	Groups []string
	// The rest is asked for by LookFor.Reasons.
	contents  map[queries.PackageID]queries.Content
	statuses  map[place]queries.DPStatus                   // the latest that are not good
	open      []queries.Job                                // all open jobs
	jobs      map[place]int                                // open ones
	queue     map[string]int                               // open jobs by NALPath.Key
	assigned  map[queries.RowKey]queries.DistributionPoint // those refreshed lately, or being deleted
	refreshes time.Time                                    // since when, by the site's clock, assigned holds refreshes
	ahead     time.Duration                                // how far the site's clock is ahead of ours
}

// place is a package on a distribution point, for classes that name no site.
type place struct {
	pkg queries.PackageID
	dp  string
}

func placeOf(id queries.PackageID, path queries.NALPath) place {
	return place{queries.PackageID(strings.ToUpper(string(id))), path.Key()}
}

// LookFor says what to ask a site.
type LookFor struct {
	Filter queries.Filter
	// Groups are patterns for the names of distribution point groups: only rows
	// of their members are looked for. None looks at all.
	Groups []queries.Pattern
	// Reasons asks for all that a plan needs: names and sizes, the rows' own
	// messages, the queue, and what was refreshed less than Cooldown ago.
	Reasons  bool
	Cooldown time.Duration
}

// Look asks a site. With an error the view is not complete and must not be
// taken for the site's state.
func Look(ctx context.Context, site *Site, what LookFor) (*View, error) {
	v := &View{Site: site}
	var err error
	if v.Sites, err = queries.Collect(queries.Sites(ctx, site.Session)); err != nil {
		return nil, err
	}
	if v.Rows, err = queries.Collect(queries.StatusDP(ctx, site.Session, what.Filter)); err != nil {
		return nil, err
	}
	if len(what.Groups) > 0 {
		if err := v.keepGroups(ctx, what.Groups); err != nil {
			return nil, err
		}
	}
	if what.Reasons && len(v.Rows) > 0 {
		if err := v.reasons(ctx, what.Cooldown); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *View) reasons(ctx context.Context, cooldown time.Duration) error {
	v.ahead, _ = v.Site.Session.Client.ClockOffset()
	if cooldown > 0 {
		v.refreshes = time.Now().Add(v.ahead - cooldown)
	}
	ids := packagesOf(v.Rows)
	for _, step := range []func(context.Context, []queries.PackageID) error{v.readContents, v.readStatuses, v.readJobs, v.readAssigned} {
		if err := step(ctx, ids); err != nil {
			return err
		}
	}
	return nil
}

func packagesOf(rows []queries.PackageStatusDP) []queries.PackageID {
	var ids []queries.PackageID
	seen := map[queries.PackageID]bool{}
	for _, r := range rows {
		if !seen[r.PackageID] {
			seen[r.PackageID] = true
			ids = append(ids, r.PackageID)
		}
	}
	return ids
}

// keepGroups drops the rows of distribution points that are in no group of a
// name that matches.
func (v *View) keepGroups(ctx context.Context, names []queries.Pattern) error {
	wanted := map[string]bool{}
	for g, err := range queries.Groups(ctx, v.Site.Session) {
		if err != nil {
			return err
		}
		if slices.ContainsFunc(names, func(p queries.Pattern) bool { return p.Match(g.Name) }) {
			wanted[g.GroupID] = true
			v.Groups = append(v.Groups, g.Name)
		}
	}
	members := map[string]bool{}
	if len(wanted) > 0 {
		for m, err := range queries.GroupMembers(ctx, v.Site.Session) {
			if err != nil {
				return err
			}
			if wanted[m.GroupID] {
				members[m.DPNALPath.Key()] = true
			}
		}
	}
	v.Rows = slices.DeleteFunc(v.Rows, func(r queries.PackageStatusDP) bool { return !members[r.ServerNALPath.Key()] })
	return nil
}

func (v *View) readContents(ctx context.Context, _ []queries.PackageID) error {
	v.contents = map[queries.PackageID]queries.Content{}
	for c, err := range queries.Contents(ctx, v.Site.Session) {
		if err != nil {
			return err
		}
		v.contents[c.PackageID] = c
	}
	return nil
}

func (v *View) readStatuses(ctx context.Context, ids []queries.PackageID) error {
	v.statuses = map[place]queries.DPStatus{}
	for m, err := range queries.Unsettled(ctx, v.Site.Session, ids...) {
		if err != nil {
			return err
		}
		p := placeOf(m.PackageID, m.NALPath)
		if old, ok := v.statuses[p]; !ok || old.LastUpdateDate.Time.Before(m.LastUpdateDate.Time) {
			v.statuses[p] = m
		}
	}
	return nil
}

func (v *View) readJobs(ctx context.Context, _ []queries.PackageID) error {
	v.jobs, v.queue = map[place]int{}, map[string]int{}
	for j, err := range queries.Jobs(ctx, v.Site.Session) {
		if err != nil {
			return err
		}
		v.open = append(v.open, j)
		v.jobs[placeOf(j.PackageID, j.NALPath)]++
		v.queue[j.NALPath.Key()]++
	}
	return nil
}

// readAssigned asks for the few assignments that speak against a refresh.
func (v *View) readAssigned(ctx context.Context, ids []queries.PackageID) error {
	v.assigned = map[queries.RowKey]queries.DistributionPoint{}
	against := queries.Eq("Status", uint32(queries.DPDeleted))
	if !v.refreshes.IsZero() {
		against = queries.Or(against, queries.Ge("LastRefreshTime", v.refreshes))
	}
	for a, err := range inParts(ctx, v.Site.Session, ids, against) {
		if err != nil {
			return err
		}
		v.assigned[a.RowKey()] = a
	}
	return nil
}

// inParts asks for the assignments of packages, as many in one query as a
// query takes.
func inParts(ctx context.Context, s *cim.Session, ids []queries.PackageID, against queries.Condition) iter.Seq2[queries.DistributionPoint, error] {
	return func(yield func(queries.DistributionPoint, error) bool) {
		for len(ids) > 0 {
			n := min(len(ids), queries.MaxIn)
			q := queries.Select[queries.DistributionPoint](queries.In("PackageID", ids[:n]...), against)
			for a, err := range q.Run(ctx, s) {
				if !yield(a, err) || err != nil {
					return
				}
			}
			ids = ids[n:]
		}
	}
}
