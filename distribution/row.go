package distribution

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"dpremote/queries"
)

// Row is a package on a distribution point as the best placed of the sites
// that report it shows it.
type Row struct {
	queries.PackageStatusDP
	Name   string // the package's; empty when it is not known
	Owner  *Site  // where the row was read, and what is done to it goes
	SeenBy []*Site
	// Finding is why the content is not there, as far as the row's own message
	// tells; Diagnose looks at all else too. It is zero without a message, and
	// Message empty.
	Finding
	Message string
	SizeKB  uint32 // of the content, which a refresh sends whole; 0 when it is not known
	// OnSiteServer says that the distribution point is the site server
	// itself, where applications take no refresh.
	OnSiteServer bool
	Jobs         int       // open ones for this row
	Queue        int       // open ones for the distribution point
	SiteQueue    int       // open ones at the owner
	Refreshed    time.Time // when it was last refreshed, by our clock, if that was lately
	Deleted      bool      // the package is being taken away from there
	// Home is the code of the site whose provider serves the distribution
	// point: its own site, or the primary of its secondary site.
	Home queries.SiteCode
}

// How well a site is placed to speak for a distribution point: the lower the
// better.
const (
	servesIt    = iota // it is the distribution point's own site
	parentOfIt         // it is the primary of the secondary site
	seesIt             // it is above that, or reports the row at all
	notInvolved        // it reports the row of a site that it does not list
)

// home is the site whose provider serves the distribution points of a site, as
// far as the view tells.
func (v *View) home(code queries.SiteCode) queries.SiteCode {
	for _, s := range v.Sites {
		if strings.EqualFold(string(s.SiteCode), string(code)) && s.Type == queries.SiteSecondary {
			return s.ReportingSiteCode
		}
	}
	return code
}

// Rank is how well a view is placed for the distribution points of a site: the
// lower the better.
func (v *View) Rank(code queries.SiteCode) int {
	own := v.Site.Code()
	if strings.EqualFold(string(own), string(code)) {
		return servesIt
	}
	for _, s := range v.Sites {
		if strings.EqualFold(string(s.SiteCode), string(code)) {
			if strings.EqualFold(string(s.ReportingSiteCode), string(own)) && s.Type == queries.SiteSecondary {
				return parentOfIt
			}
			return seesIt
		}
	}
	return notInvolved
}

// Merge brings the rows of several views together: each row once, from the
// best placed site. What a site shows of a distribution point that another one
// serves, which was looked at too and does not show it, is left out: the site
// above lags behind, and the row is no longer what was looked for. Rows are
// sorted by site code, distribution point and package.
func Merge(views []*View) []Row {
	found := map[queries.RowKey]*Row{}
	ranks := map[queries.RowKey]int{}
	for _, v := range views {
		for _, status := range v.Rows {
			key, rank := status.RowKey(), v.Rank(status.SiteCode)
			row := found[key]
			if row == nil {
				row = &Row{}
				found[key] = row
			}
			seen := append(row.SeenBy, v.Site)
			if len(seen) == 1 || rank < ranks[key] {
				*row = v.row(status)
				ranks[key] = rank
			}
			row.SeenBy = seen
		}
	}
	rows := make([]Row, 0, len(found))
	served := servedBy(views)
	for key, r := range found {
		if best, ok := served[key.Site]; !ok || ranks[key] <= best {
			rows = append(rows, *r)
		}
	}
	slices.SortFunc(rows, func(a, b Row) int { return compareKeys(a.Keys, b.Keys) })
	return rows
}

// servedBy tells, by the codes of sites in upper case, how well placed the best
// of some views is that serves their distribution points. Sites that none of
// them serves are left out.
func servedBy(views []*View) map[queries.SiteCode]int {
	best := map[queries.SiteCode]int{}
	note := func(v *View, code queries.SiteCode) {
		code = queries.SiteCode(strings.ToUpper(string(code)))
		rank := v.Rank(code)
		if known, ok := best[code]; rank <= parentOfIt && (!ok || rank < known) {
			best[code] = rank
		}
	}
	for _, v := range views {
		note(v, v.Site.Code())
		for _, s := range v.Sites {
			note(v, s.SiteCode)
		}
	}
	return best
}

func compareKeys(a, b queries.Keys) int {
	return cmp.Or(
		strings.Compare(string(a.SiteCode), string(b.SiteCode)),
		strings.Compare(a.ServerNALPath.Server(), b.ServerNALPath.Server()),
		strings.Compare(string(a.PackageID), string(b.PackageID)),
		strings.Compare(string(a.ServerNALPath), string(b.ServerNALPath)),
	)
}

// row is a status row with what the view knows about it.
func (v *View) row(status queries.PackageStatusDP) Row {
	p := placeOf(status.PackageID, status.ServerNALPath)
	r := Row{
		PackageStatusDP: status,
		Name:            v.contents[status.PackageID].SoftwareName,
		SizeKB:          v.contents[status.PackageID].SourceSize,
		Owner:           v.Site,
		OnSiteServer:    v.isSiteServer(status.SiteCode, status.ServerNALPath.Server()),
		Jobs:            v.jobs[p],
		Queue:           v.queue[p.dp],
		SiteQueue:       len(v.open),
		Home:            v.home(status.SiteCode),
	}
	if m, ok := v.statuses[p]; ok && m.MessageState.Bad() {
		r.Finding, r.Message = findingOf(m.Cause()), m.Text()
	}
	if a, ok := v.assigned[status.RowKey()]; ok {
		r.Deleted = a.Status == queries.DPDeleted
		if at := a.LastRefreshTime.Time; !v.refreshes.IsZero() && !at.Before(v.refreshes) {
			r.Refreshed = at.Add(-v.ahead)
		}
	}
	return r
}

func (v *View) isSiteServer(code queries.SiteCode, server string) bool {
	return slices.ContainsFunc(v.Sites, func(s queries.Site) bool {
		return strings.EqualFold(string(s.SiteCode), string(code)) && strings.EqualFold(s.ServerName, server)
	})
}
