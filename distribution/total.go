package distribution

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"dpremote/queries"
)

// Total is how far a package is in a whole hierarchy, as the best informed of
// its sites counts it.
type Total struct {
	queries.PackageStatusRoot
	Top  queries.SiteCode // of the site at the top of the hierarchy
	Site *Site            // that counted
}

// Arrival is what a package's counts say of it.
type Arrival string

// The arrivals. Those but ArrivalOpen are done
// (SMS_PackageStatusRootSummarizer).
const (
	// ArrivalNone is a package that is meant for no distribution point:
	// it has no source files, or was sent nowhere.
	ArrivalNone Arrival = "no content"
	ArrivalDone Arrival = "installed" // on every distribution point that it is meant for
	ArrivalOpen Arrival = "open"
)

// Arrival judges the counts.
func (t Total) Arrival() Arrival {
	switch {
	case t.Targeted == 0:
		return ArrivalNone
	case t.Done():
		return ArrivalDone
	}
	return ArrivalOpen
}

// Top is the code of the site at the top of the view's hierarchy. A primary
// site is directly below it.
func (v *View) Top() queries.SiteCode {
	own := v.Site.Code()
	for _, s := range v.Sites {
		if strings.EqualFold(string(s.SiteCode), string(own)) && s.ReportingSiteCode != "" {
			return s.ReportingSiteCode
		}
	}
	return own
}

// LookAtTotals asks the site of a view for the packages that a filter picks,
// of which no more than the packages count.
func LookAtTotals(ctx context.Context, v *View, f queries.Filter) ([]Total, error) {
	var totals []Total
	for r, err := range queries.StatusRoot(ctx, v.Site.Session, queries.Filter{Packages: f.Packages}) {
		if err != nil {
			return nil, err
		}
		totals = append(totals, Total{PackageStatusRoot: r, Top: v.Top(), Site: v.Site})
	}
	return totals, nil
}

// totalKey identifies a total. Packages of different hierarchies may have the
// same ID.
type totalKey struct {
	top queries.SiteCode
	pkg queries.PackageID
}

// MergeTotals has each package of each hierarchy once: each site of a hierarchy
// counts the distribution points that it knows of, and the one that counts most
// is right. Totals are sorted by package.
func MergeTotals(lists ...[]Total) []Total {
	best := map[totalKey]Total{}
	for _, list := range lists {
		for _, t := range list {
			key := totalKey{t.Top, t.PackageID}
			if old, ok := best[key]; !ok || t.Targeted > old.Targeted {
				best[key] = t
			}
		}
	}
	out := make([]Total, 0, len(best))
	for _, t := range best {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Total) int {
		return cmp.Or(strings.Compare(string(a.PackageID), string(b.PackageID)), strings.Compare(string(a.Top), string(b.Top)))
	})
	return out
}
