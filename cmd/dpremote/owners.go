package main

import (
	"strings"

	"dpremote/distribution"
	"dpremote/internal/inventory"
	"dpremote/queries"
)

// owners are the sites that are asked, by code. A central site has the rows of its
// whole hierarchy: it is not asked for those of sites that are asked themselves,
// unless one of these does not answer.
type owners map[queries.SiteCode]*member

func (f *fleet) owners() owners {
	o := owners{}
	for _, m := range f.members {
		site := withCodes([]inventory.Site{m.Site})[0]
		o[queries.SiteCode(site.Code)] = m
	}
	return o
}

// elsewhere tells whether a site is at the top of its hierarchy, and another one
// is asked for the rows that are at home at a site.
func (o owners) elsewhere(m *member, view *distribution.View, home queries.SiteCode) bool {
	owner := o[home]
	return owner != nil && owner != m && strings.EqualFold(string(view.Top()), string(m.site.Code()))
}

// leaving is a site that has answered, but for the rows that are at home at some
// sites: those it left to their owners.
type leaving struct {
	member *member
	view   *distribution.View // its sites alone
	left   map[queries.SiteCode]bool
}

// standIns are the sites that have to stand in for others, as a fleet, and the
// homes for which each has to: their owner showed nothing, or is a site of the same
// code in another hierarchy. shown has a view of each owner that showed something.
func (f *fleet) standIns(o owners, all []leaving, shown map[*member]*distribution.View) (above *fleet, missing map[*member]map[queries.SiteCode]bool) {
	above = &fleet{g: f.g, connector: f.connector}
	missing = map[*member]map[queries.SiteCode]bool{}
	for _, l := range all {
		homes := map[queries.SiteCode]bool{}
		for home := range l.left {
			if owner := shown[o[home]]; owner == nil || !sameHierarchy(owner, l.view) {
				homes[home] = true
			}
		}
		if len(homes) > 0 {
			missing[l.member] = homes
			above.members = append(above.members, l.member)
		}
	}
	return above, missing
}

// sameHierarchy tells whether two sites, one of which has rows of the other's
// code, belong together. One that may not list its sites is taken to.
func sameHierarchy(a, b *distribution.View) bool {
	return a.Top() == b.Top() || len(a.Sites) == 0 || len(b.Sites) == 0
}
