package distribution

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"dpremote/cim"
	"dpremote/queries"
)

// watcher watches the rows of one site.
type watcher struct {
	site *Site
	all  []*Outcome
	open []*Outcome // not decided yet
	o    WatchOptions

	quiet   time.Time // since when nothing has moved
	noSigns bool      // the site does not tell whether it took something up
	err     error     // of the last look
}

func (w *watcher) run(ctx context.Context) {
	b := newBell()
	listening, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	if w.o.Events > 0 && len(w.open) > 0 {
		b.live()
		wg.Go(func() { listen(listening, w.site, w.o, packagesOf(statuses(w.open)), b) })
	}
	w.watch(ctx, b)
	cancel()
	w.explain(ctx)
	wg.Wait()
}

func statuses(outcomes []*Outcome) []queries.PackageStatusDP {
	rows := make([]queries.PackageStatusDP, len(outcomes))
	for i, o := range outcomes {
		rows[i] = o.PackageStatusDP
	}
	return rows
}

// watch looks until nothing is open.
func (w *watcher) watch(ctx context.Context, b *bell) {
	p := newInterval(w.o, b)
	w.quiet = time.Now()
	for len(w.open) > 0 {
		pause := p.next(ctx)
		if w.o.Settle > 0 {
			pause = min(pause, max(time.Until(w.quiet.Add(w.o.Settle)), w.o.Fastest))
		}
		w.tell(b, time.Now().Add(pause))
		if !b.wait(ctx, pause) {
			break
		}
		var moved bool
		moved, w.err = w.look(ctx)
		if moved {
			w.quiet = time.Now()
		}
		if p.looked(ctx, moved, w.err) {
			w.end(EndUnseen, w.err)
		}
		if w.err == nil && w.o.Settle > 0 && time.Since(w.quiet) >= w.o.Settle {
			w.settle(ctx)
		}
	}
	w.tell(b, time.Time{})
}

// end decides all that is open.
func (w *watcher) end(how End, err error) {
	for _, o := range w.open {
		o.End, o.Err = how, err
	}
	w.open = nil
}

// tell tells how it goes.
func (w *watcher) tell(b *bell, next time.Time) {
	p := Progress{Site: w.site, States: map[queries.State]int{}, Ends: map[End]int{}, Next: next, ByEvents: !b.isDead(), Err: w.err}
	for _, o := range w.all {
		if o.End == EndOpen {
			p.States[o.State]++
			p.Open = append(p.Open, o.Row)
		} else {
			p.Ends[o.End]++
		}
	}
	w.o.Looked(p)
}

// look asks for the rows that are not decided and takes note of what changed.
// What is installed is not asked for at first: only rows that are missing from
// the answer are looked up whatever their state, which is the last word.
func (w *watcher) look(ctx context.Context) (moved bool, err error) {
	found, err := w.ask(ctx, w.open, true, queries.Ne("State", uint32(queries.StateInstalled)))
	if err != nil {
		return false, err
	}
	// Before a row counts as gone, it is asked for by its package alone.
	var missing, missed []*Outcome
	for _, o := range w.open {
		switch _, ok := found[o.RowKey()]; {
		case ok:
		case o.missed == 0:
			missing = append(missing, o)
		default:
			missed = append(missed, o)
		}
	}
	for byPath, some := range map[bool][]*Outcome{true: missing, false: missed} {
		others, err := w.ask(ctx, some, byPath, queries.Condition{})
		if err != nil {
			return false, err
		}
		maps.Copy(found, others)
	}
	left := w.open[:0]
	for _, o := range w.open {
		now, ok := found[o.RowKey()]
		moved = w.note(o, now, ok) || moved
		if o.End == EndOpen {
			left = append(left, o)
		}
	}
	w.open = left
	if !w.o.Settled && !w.noSigns {
		return moved, w.seeSigns(ctx)
	}
	return moved, nil
}

// maxPaths is how many distribution points a query names. Where more are
// watched, the packages alone pick about as many rows.
const maxPaths = 10

// ask gives the rows of the outcomes that meet a condition. The query names
// the packages and, byPath, the distribution points where they are few, so that
// a package on thousands of them does not cost thousands of rows.
func (w *watcher) ask(ctx context.Context, outcomes []*Outcome, byPath bool, condition queries.Condition) (map[queries.RowKey]queries.PackageStatusDP, error) {
	wanted := map[queries.RowKey]bool{}
	paths := map[string]queries.NALPath{}
	for _, o := range outcomes {
		wanted[o.RowKey()] = true
		paths[o.ServerNALPath.Key()] = o.ServerNALPath
	}
	if byPath && 0 < len(paths) && len(paths) <= maxPaths {
		var list []queries.NALPath
		for _, key := range slices.Sorted(maps.Keys(paths)) {
			list = append(list, paths[key])
		}
		condition = queries.And(queries.In("ServerNALPath", list...), condition)
	}
	found := map[queries.RowKey]queries.PackageStatusDP{}
	for ids := packagesOf(statuses(outcomes)); len(ids) > 0; {
		n := min(len(ids), queries.MaxIn)
		q := queries.Select[queries.PackageStatusDP](queries.In("PackageID", ids[:n]...), condition)
		for row, err := range q.Run(ctx, w.site.Session) {
			if err != nil {
				return nil, err
			}
			if wanted[row.RowKey()] {
				found[row.RowKey()] = row
			}
		}
		ids = ids[n:]
	}
	return found, nil
}

// looksToMiss is how many looks in a row must not find a row before it counts
// as gone: one empty answer may be a matter of rights, or of a bad moment.
const looksToMiss = 2

// note records what a row is like now, and reports whether it changed. A row
// that is as it was before the watch is not decided: the site may not have
// taken up the request yet.
func (w *watcher) note(o *Outcome, now queries.PackageStatusDP, there bool) bool {
	if !there {
		if o.missed++; o.missed == looksToMiss {
			o.End, o.Moved, o.TakenUp = EndGone, true, true
		}
		return true
	}
	o.missed = 0
	before := o.Row
	if isJudged(before.State) && now.SourceVersion == before.SourceVersion && sameTime(now.SummaryDate, before.SummaryDate) {
		now.State = before.State
	}
	changed := now.State != before.State || !sameTime(now.SummaryDate, before.SummaryDate)
	o.PackageStatusDP = now
	o.Moved = o.Moved || changed
	o.TakenUp = o.TakenUp || changed
	switch {
	case now.State == queries.StateInstalled && (o.Moved || w.o.Settled):
		o.End = EndInstalled
	case isFailed(now.State) && o.Moved:
		o.End = EndFailed
	}
	if now.State != before.State {
		w.o.Changed(before, o.Row)
	}
	return changed
}

func isFailed(s queries.State) bool {
	return s == queries.StateFailed || s == queries.StateRemovalFailed
}

// isJudged tells a state that we gave a row from those that sites give. Such a
// row keeps it until the site does something about it.
func isJudged(s queries.State) bool { return s == queries.StateStale || s == queries.StateStuck }

func sameTime(a, b cim.Datetime) bool { return a.Time.Equal(b.Time) && a.Open == b.Open }

// timeToExplain bounds the question for reasons when the deadline has passed.
const timeToExplain = 20 * time.Second

// explain reads why rows are not installed, once the watch is over. What cannot
// be read stays as it was.
func (w *watcher) explain(ctx context.Context) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	bad := map[place]*Outcome{}
	var ids []queries.PackageID
	for _, o := range w.all {
		if o.End == EndFailed || o.End == EndOpen {
			bad[placeOf(o.PackageID, o.ServerNALPath)] = o
			ids = append(ids, o.PackageID)
		}
	}
	if len(bad) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeToExplain)
	defer cancel()
	latest := map[place]time.Time{}
	for m, err := range queries.Causes(ctx, w.site.Session, ids...) {
		if err != nil {
			return
		}
		p := placeOf(m.PackageID, m.NALPath)
		if o := bad[p]; o != nil && !m.LastUpdateDate.Time.Before(latest[p]) {
			latest[p] = m.LastUpdateDate.Time
			o.Finding, o.Message = findingOf(m.Cause()), m.Text()
		}
	}
}
