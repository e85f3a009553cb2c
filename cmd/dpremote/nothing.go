package main

import (
	"context"
	"slices"
	"strings"

	"dpremote/queries"
)

// shown is what a site shows of what a filter names.
type shown struct {
	member   *member
	packages map[queries.PackageID]bool // of those that are named
	dps      []queries.NALPath
}

// whyNothing looks for a reason why a filter has picked no rows, so that a slip
// or missing rights are not taken for a site on which all is well. A package or
// distribution point that is named and that no site shows is an error; a site
// that shows no distribution points at all is told. It asks the sites, and is
// for when all of them have answered and nothing was found.
func (f *fleet) whyNothing(ctx context.Context, filter queries.Filter) error {
	if len(f.failures) > 0 {
		return nil
	}
	ids := filter.ExactPackages()
	all := each(ctx, f, func(ctx context.Context, m *member) (shown, error) {
		s := shown{member: m, packages: map[queries.PackageID]bool{}}
		for p, err := range queries.PackagesNamed(ctx, m.Session, ids...) {
			if err != nil {
				return s, err
			}
			s.packages[queries.PackageID(strings.ToUpper(string(p.PackageID)))] = true
		}
		for dp, err := range queries.DPs(ctx, m.Session) {
			if err != nil {
				return s, err
			}
			s.dps = append(s.dps, dp.NALPath)
		}
		return s, nil
	})
	if len(f.failures) > 0 {
		return nil
	}
	for _, id := range ids {
		if !slices.ContainsFunc(all, func(s shown) bool { return s.packages[id] }) {
			if err := f.unseen(usage("--package: no site shows %s: it does not exist, or the account may not see it", id)); err != nil {
				return err
			}
		}
	}
	for _, p := range filter.DPs {
		one := queries.Filter{DPs: []queries.Pattern{p}}
		if !slices.ContainsFunc(all, func(s shown) bool { return slices.ContainsFunc(s.dps, one.MatchDP) }) {
			if err := f.unseen(usage("--dp: no selected site shows a distribution point %s: it is another site's, or the account may not see it", p)); err != nil {
				return err
			}
		}
	}
	for _, s := range all {
		if len(s.dps) == 0 {
			sayNoDPs(f.g, s.member.Name)
		}
	}
	return nil
}

// sayNoDPs tells a site that shows no distribution points: nothing found there
// does not mean that nothing is wrong. A central site has none of its own, but
// shows those below.
func sayNoDPs(g *globals, site string) {
	g.app.say("%s shows no distribution points at all: it has none, or the account has no right to see them.", site)
}
