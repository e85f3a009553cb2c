package distribution

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"dpremote/queries"
)

// Total is how far a package is in a whole hierarchy, as the best informed of
// its sites counts it.
type Total struct {
	queries.PackageStatusRoot
	Top  queries.SiteCode // of the site at the top of the hierarchy
	Site *Site            // that counted
	// Err is why the site could not be asked any more; nil otherwise.
	Err error

	missed int // looks in a row in which the package was not there
	gone   bool
}

// Arrival is what a package's counts say of it.
type Arrival string

// The arrivals. Those but ArrivalOpen are decided
// (SMS_PackageStatusRootSummarizer).
const (
	// ArrivalNone is a package that is meant for no distribution point:
	// it has no source files, or was sent nowhere.
	ArrivalNone Arrival = "no content"
	ArrivalDone Arrival = "installed" // on every distribution point that it is meant for
	// ArrivalFailed is a package that failed where it is not installed, and is
	// on its way nowhere.
	ArrivalFailed Arrival = "failed"
	ArrivalGone   Arrival = "gone" // no site shows the package any more
	ArrivalOpen   Arrival = "open"
)

// Arrival judges the counts.
func (t Total) Arrival() Arrival {
	switch {
	case t.gone:
		return ArrivalGone
	case t.Targeted == 0:
		return ArrivalNone
	case t.Done():
		return ArrivalDone
	case t.Failed > 0 && t.Retrying == 0 && t.Other() == 0:
		return ArrivalFailed
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

// WatchTotals looks at packages' counts until each is decided, or until the
// context ends: its deadline is the watch's, after which it looks once. It is
// for packages whose rows are decided, and that may be open all the same: on
// distribution points that no row tells of, those of sites that are not asked.
// What was done before is not asked for. The totals are in the order given, as
// they were last counted. changed is told of counts that changed, and looked of
// all totals before anything is waited for and after each look that changed
// them, one at a time; looked may be nil.
func WatchTotals(ctx context.Context, totals []Total, o WatchOptions, changed func(before, after Total), looked func([]Total)) []Total {
	o = o.withDefaults().oneAtATime()
	out := slices.Clone(totals)
	var open []*Total
	for i := range out {
		if a := out[i].Arrival(); a == ArrivalOpen || a == ArrivalFailed {
			open = append(open, &out[i])
		}
	}
	var mu sync.Mutex
	bySite(open, func(t *Total) *Site { return t.Site }, func(site *Site, mine []*Total) {
		w := &totalWatcher{site: site, open: mine, note: func(t *Total, now Total) {
			mu.Lock()
			defer mu.Unlock()
			before := *t
			*t = now
			if now.Counts != before.Counts || now.gone {
				changed(before, now)
			}
		}, looked: func() {
			mu.Lock()
			defer mu.Unlock()
			if looked != nil {
				looked(slices.Clone(out))
			}
		}}
		w.run(ctx, o)
	})
	return out
}

// totalWatcher watches the packages that one site counts.
type totalWatcher struct {
	site   *Site
	open   []*Total // not decided yet
	note   func(t *Total, now Total)
	looked func()
}

func (w *totalWatcher) run(ctx context.Context, o WatchOptions) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeToExplain)
		defer cancel()
		_, _ = w.look(late) // what cannot be read stays as it was
		return
	}
	b := newBell()
	listening, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	b.ring() // the counts are those of the time when the rows began to be watched
	p := newInterval(o, b)
	for len(w.open) > 0 && b.wait(ctx, p.next(ctx)) {
		moved, err := w.look(ctx)
		if p.looked(ctx, moved, err) {
			for _, t := range w.open {
				after := *t
				after.Err = err
				w.note(t, after)
			}
			return
		}
		if o.Events > 0 && len(w.open) > 0 {
			b.live()
			from, ids := o, w.ids()
			wg.Go(func() { listen(listening, w.site, from, ids, b) })
			o.Events = 0
		}
	}
}

func (w *totalWatcher) ids() []queries.PackageID {
	var ids []queries.PackageID
	for _, t := range w.open {
		ids = append(ids, t.PackageID)
	}
	return ids
}

// look counts the packages that are not decided.
func (w *totalWatcher) look(ctx context.Context) (moved bool, err error) {
	found := map[queries.PackageID]queries.PackageStatusRoot{}
	for some := range slices.Chunk(w.ids(), queries.MaxIn) {
		for r, err := range queries.Select[queries.PackageStatusRoot](queries.In("PackageID", some...)).Run(ctx, w.site.Session) {
			if err != nil {
				return false, err
			}
			found[r.PackageID] = r
		}
	}
	left := w.open[:0]
	for _, t := range w.open {
		after := *t
		if now, ok := found[t.PackageID]; ok {
			after.PackageStatusRoot, after.missed = now, 0
		} else {
			after.missed++
			after.gone = after.missed == looksToMiss
		}
		moved = moved || after.Counts != t.Counts || after.missed > 0
		w.note(t, after)
		if after.Arrival() == ArrivalOpen || after.missed > 0 && !after.gone {
			left = append(left, t)
		}
	}
	w.open = left
	w.looked()
	return moved, nil
}
