package inventory

import (
	"errors"
	"fmt"
	"strings"
)

// Selection narrows an inventory down. Each field holds globs in the form of
// path.Match, compared without regard to case.
type Selection struct {
	// Sites are names of sites and Groups are names of groups. A site is taken
	// when one of Sites matches it and one of its groups matches one of Groups;
	// an empty list asks for nothing.
	Sites, Groups []string
	// Exclude are names of sites to leave out of what the others take.
	Exclude []string
}

// Select gives the sites of a selection in the file's order. A pattern that
// matches nothing in the inventory is an error, and so is a selection that
// leaves no site.
func (inv *Inventory) Select(sel Selection) ([]Site, error) {
	siteNames := make([]string, len(inv.sites))
	for i, s := range inv.sites {
		siteNames[i] = s.Name
	}
	groupNames := make([]string, len(inv.groups))
	for i, g := range inv.groups {
		groupNames[i] = g.Name
	}
	if err := errors.Join(
		mustMatch("site", sel.Sites, siteNames),
		mustMatch("group", sel.Groups, groupNames),
		mustMatch("site", sel.Exclude, siteNames),
	); err != nil {
		return nil, fmt.Errorf("select sites: %w", err)
	}

	var out []Site
	for _, s := range inv.sites {
		bySite := len(sel.Sites) == 0 || matchesAny(sel.Sites, s.Name)
		byGroup := len(sel.Groups) == 0 || matchesAny(sel.Groups, s.Groups...)
		if bySite && byGroup && !matchesAny(sel.Exclude, s.Name) {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("select sites: no site is left: a site must be in one of the groups, match one of the names, and not be excluded")
	}
	return out, nil
}

// mustMatch refuses patterns that match none of the names.
func mustMatch(what string, patterns, names []string) error {
	var errs []error
	for _, p := range patterns {
		if _, err := matches(p, ""); err != nil {
			errs = append(errs, fmt.Errorf("%q is not a valid glob", p))
			continue
		}
		if !matchesAny([]string{p}, names...) {
			errs = append(errs, fmt.Errorf("no %s matches %q%s; the %ss are %s",
				what, p, DidYouMean(p, names), what, known(names)))
		}
	}
	return errors.Join(errs...)
}

// known lists names, but not thousands of them.
func known(names []string) string {
	const most = 30
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// matchesAny expects valid patterns.
func matchesAny(patterns []string, names ...string) bool {
	for _, p := range patterns {
		for _, n := range names {
			if ok, err := matches(p, n); ok && err == nil {
				return true
			}
		}
	}
	return false
}
