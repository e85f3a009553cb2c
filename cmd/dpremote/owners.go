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

// missing are the homes that a site has to stand in for, of those that it left to
// their owners: the owner failed, and has no view, or is a site of the same code
// in another hierarchy.
func (o owners) missing(view *distribution.View, left map[queries.SiteCode]bool, answered map[*member]*distribution.View) map[queries.SiteCode]bool {
	out := map[queries.SiteCode]bool{}
	for home := range left {
		if owner := answered[o[home]]; owner == nil || !sameHierarchy(owner, view) {
			out[home] = true
		}
	}
	return out
}

// sameHierarchy tells whether two sites, one of which has rows of the other's
// code, belong together. One that may not list its sites is taken to.
func sameHierarchy(a, b *distribution.View) bool {
	return a.Top() == b.Top() || len(a.Sites) == 0 || len(b.Sites) == 0
}
