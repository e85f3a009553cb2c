package distribution

import (
	"slices"
	"strings"

	"dpremote/queries"
)

// HomeOf is the code of the site whose provider serves the distribution points
// of a site: the site itself, or the primary above a secondary site.
func (v *View) HomeOf(code queries.SiteCode) queries.SiteCode {
	return queries.SiteCode(strings.ToUpper(string(v.home(code))))
}

// LeaveOut takes the rows out of a view that are at home at one of the sites
// (see Row.Home), whose codes are in upper case: somebody else works on them.
func (v *View) LeaveOut(homes map[queries.SiteCode]bool) {
	v.Rows = slices.DeleteFunc(v.Rows, func(r queries.PackageStatusDP) bool { return homes[v.HomeOf(r.SiteCode)] })
}

// CodesAt are the codes of the sites whose distribution points are served by the
// homes that pick tells (see HomeOf), for a filter to leave them out: the homes'
// own first, which have most rows.
func (v *View) CodesAt(pick func(home queries.SiteCode) bool) []queries.SiteCode {
	var homes, below []queries.SiteCode
	for _, s := range v.Sites {
		switch home := v.HomeOf(s.SiteCode); {
		case !pick(home):
		case strings.EqualFold(string(home), string(s.SiteCode)):
			homes = append(homes, s.SiteCode)
		default:
			below = append(below, s.SiteCode)
		}
	}
	return append(homes, below...)
}

// CompareKeys is the order of rows in which Merge gives them: by site,
// distribution point and package.
func CompareKeys(a, b queries.Keys) int { return compareKeys(a, b) }
