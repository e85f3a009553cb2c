// Package distribution acts on content: it gathers what failed at several
// sites of several hierarchies, decides what to send again, sends it, and
// watches until it has arrived.
//
//	Look (one site) -> View -> Merge (all sites) -> Row
//	Examine (one site, all evidence) -> Examination -> Diagnose (all sites) -> Row with its Finding
//	Row -> MakePlan -> Step -> Refresh or RefreshPaced -> Result -> Watch -> Outcome
//
// A row, a package on a distribution point, is known by its keys, whichever
// sites report it: a central administration site sees the distribution points
// of its primaries, a primary those of its secondaries. Each row belongs to the
// site that serves its distribution point, and what is done to it goes there.
package distribution

import (
	"strings"

	"dpremote/cim"
	"dpremote/queries"
)

// Site is a site server that can be asked.
type Site struct {
	Name    string // in the inventory
	Session *cim.Session
	// Parallel is how many requests may be under way at once; 0 means 1.
	Parallel int
	// Journal is told of what is done to the site; nil for nobody.
	Journal Journal
}

// Code is the code of the site whose namespace the session is, or empty when
// it is another kind of namespace.
func (s *Site) Code() queries.SiteCode {
	i := strings.LastIndex(strings.ToLower(s.Session.Namespace), "site_")
	if i < 0 {
		return ""
	}
	code, err := queries.ParseSiteCode(s.Session.Namespace[i+len("site_"):])
	if err != nil {
		return ""
	}
	return code
}
