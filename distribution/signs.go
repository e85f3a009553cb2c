package distribution

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"dpremote/queries"
	"dpremote/wsman"
)

// clockSlack is how far a time of the site's and one of ours may be apart that
// are the same: its clock is known to half a second.
const clockSlack = 2 * time.Second

// seeSigns looks, for rows that have not moved, whether the site took them up
// all the same: a row in a long queue keeps its state and its date until its
// turn comes. A site that does not answer that is not asked again.
func (w *watcher) seeSigns(ctx context.Context) error {
	still := map[place]*Outcome{}
	for _, o := range w.open {
		if !o.TakenUp {
			still[placeOf(o.PackageID, o.ServerNALPath)] = o
		}
	}
	if len(still) == 0 {
		return nil
	}
	err := w.seeJobs(ctx, still)
	if err == nil && !w.o.Sent.IsZero() {
		err = w.seeRefreshes(ctx, still)
	}
	var transport *wsman.TransportError
	if err == nil || ctx.Err() != nil || errors.As(err, &transport) {
		return err
	}
	w.noSigns = true
	return nil
}

// seeJobs takes a job more than there were before for a sign.
func (w *watcher) seeJobs(ctx context.Context, still map[place]*Outcome) error {
	jobs, err := w.jobs(ctx, still)
	for p, n := range jobs {
		if o := still[p]; o != nil && n > o.Jobs {
			o.TakenUp = true
		}
	}
	return err
}

// seeRefreshes takes the time of a refresh that is none from before for a sign.
func (w *watcher) seeRefreshes(ctx context.Context, still map[place]*Outcome) error {
	ahead, _ := w.site.Session.Client.ClockOffset()
	since := queries.Ge("LastRefreshTime", w.o.Sent.Add(ahead-clockSlack))
	for a, err := range inParts(ctx, w.site.Session, packagesAt(still), since) {
		if err != nil {
			return err
		}
		if o := still[placeOf(a.PackageID, a.ServerNALPath)]; o != nil && o.RowKey() == a.RowKey() {
			o.TakenUp = true
		}
	}
	return nil
}

// jobs counts the open jobs for the packages at places.
func (w *watcher) jobs(ctx context.Context, at map[place]*Outcome) (map[place]int, error) {
	counts := map[place]int{}
	for some := range slices.Chunk(packagesAt(at), queries.MaxIn) {
		q := queries.Select[queries.Job](queries.In("PkgID", some...),
			queries.Ne("State", queries.JobComplete), queries.Ne("State", queries.JobFailed), queries.Ne("State", queries.JobCancelled))
		for j, err := range q.Run(ctx, w.site.Session) {
			if err != nil {
				return nil, err
			}
			counts[placeOf(j.PackageID, j.NALPath)]++
		}
	}
	return counts, nil
}

func packagesAt(places map[place]*Outcome) []queries.PackageID {
	ids := map[queries.PackageID]bool{}
	for p := range places {
		ids[p.pkg] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// settle ends the watch when all that is left has failed and no job is open
// that would send it again. Where there is one, or the site does not say, the
// time that nothing has moved begins anew.
func (w *watcher) settle(ctx context.Context) {
	left := map[place]*Outcome{}
	for _, o := range w.open {
		if !isFailed(o.State) {
			return
		}
		left[placeOf(o.PackageID, o.ServerNALPath)] = o
	}
	jobs, err := w.jobs(ctx, left)
	for p := range jobs {
		if left[p] != nil {
			w.quiet = time.Now()
			return
		}
	}
	if err != nil {
		w.quiet = time.Now()
		return
	}
	w.end(EndFailed, nil)
}
