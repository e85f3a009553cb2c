package distribution

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"dpremote/cim"
	"dpremote/queries"
	"dpremote/wsman"
)

// End is how a watched row ended.
type End string

// The ends. Those but EndInstalled are findings.
const (
	EndInstalled End = "installed" // the distribution point holds the content
	EndFailed    End = "failed"    // it failed again
	EndGone      End = "gone"      // the row is there no longer: the content was taken away
	EndOpen      End = "open"      // the deadline passed before anything was decided
	EndUnseen    End = "unseen"    // the site could not be asked any more
)

// Outcome is a watched row as it was last seen.
type Outcome struct {
	Row
	End End
	// Moved says that the site did something since the watch began: the state
	// or its date changed. A row that never moved was not taken up.
	Moved bool
	// Err is why the site could not be asked, with EndUnseen.
	Err error

	missed int // looks in a row in which the row was not there
}

// WatchOptions say how to watch. The zero value works.
type WatchOptions struct {
	// Interval is the pause between two looks: it begins with Fastest, 0
	// meaning 2 s, and grows to Slowest, 0 meaning a minute, while nothing
	// moves. Content takes minutes as a rule, and each look costs the site a
	// query.
	Fastest, Slowest time.Duration
	// Settled takes what is installed already for done. Without it a row must be
	// seen to move, as it must after a refresh.
	Settled bool
	// Events has the sites tell of changes, so that looks are rare; 0 has not.
	// WMI reads the rows there once in so long, and each site needs a second
	// connection for the subscription. A site that takes no subscription is
	// looked at as without Events.
	Events time.Duration
	// Warn is told of sites that take no subscription (any longer), one at a
	// time; nil for nobody.
	Warn func(*Site, error)
	// Changed is told of each change of a state, one at a time; nil for nobody.
	Changed func(before, after Row)
}

const (
	fastestLook = 2 * time.Second
	slowestLook = time.Minute
	// failedLooks is how many looks in a row may fail before a site is given up.
	failedLooks = 5
)

// Watch looks at rows until each has arrived or failed, or until the context
// ends: its deadline is the watch's. Only what is not decided yet is asked for.
// The outcomes are in the rows' order. Sites are watched side by side.
func Watch(ctx context.Context, rows []Row, o WatchOptions) []Outcome {
	if o.Fastest <= 0 {
		o.Fastest = fastestLook
	}
	if o.Slowest <= 0 {
		o.Slowest = slowestLook
	}
	outcomes := make([]Outcome, len(rows))
	bySite := map[*Site][]*Outcome{}
	for i, r := range rows {
		outcomes[i] = Outcome{Row: r, End: EndOpen}
		if o.Settled && r.State == queries.StateInstalled {
			outcomes[i].End = EndInstalled
			continue
		}
		bySite[r.Owner] = append(bySite[r.Owner], &outcomes[i])
	}
	var mu sync.Mutex
	changed := func(before, after Row) {
		if o.Changed != nil {
			mu.Lock()
			defer mu.Unlock()
			o.Changed(before, after)
		}
	}
	var wg sync.WaitGroup
	for site, mine := range bySite {
		w := &watcher{site: site, all: mine, open: slices.Clone(mine), o: o, changed: changed, warn: func(err error) {
			if o.Warn != nil {
				mu.Lock()
				defer mu.Unlock()
				o.Warn(site, err)
			}
		}}
		wg.Go(func() { w.run(ctx) })
	}
	wg.Wait()
	return outcomes
}

// watcher watches the rows of one site.
type watcher struct {
	site    *Site
	all     []*Outcome
	open    []*Outcome // not decided yet
	o       WatchOptions
	changed func(before, after Row)
	warn    func(error)
}

func (w *watcher) run(ctx context.Context) {
	b := newBell()
	listening, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	b.dead = w.o.Events <= 0
	if !b.dead {
		query, err := w.eventQuery()
		if err != nil {
			w.warn(err)
			b.dead = true
		} else {
			wg.Go(func() { w.listen(listening, query, b) })
		}
	}
	w.watch(ctx, b)
	cancel()
	w.explain(ctx)
	wg.Wait()
}

// watch looks until nothing is open.
func (w *watcher) watch(ctx context.Context, b *bell) {
	pause := w.o.Fastest
	failures := 0
	for len(w.open) > 0 {
		if !b.wait(ctx, min(jitter(pause), untilLastLook(ctx))) {
			break
		}
		moved, err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			failures++
			if failures == failedLooks || final(err) {
				w.giveUp(err)
			}
		default:
			failures = 0
		}
		switch {
		case moved:
			pause = w.o.Fastest // there may be more where that came from
		case err == nil && !b.isDead():
			pause = rareLook
		default:
			pause = min(pause*3/2, w.o.Slowest)
		}
	}
}

// jitter spreads looks, so that those at many sites, or of many clients, do not
// fall together: by a tenth to either side.
func jitter(pause time.Duration) time.Duration {
	spread := pause / 10
	return pause - spread + rand.N(2*spread+1)
}

// timeToLook is kept for a last look before the deadline.
const timeToLook = time.Second

// untilLastLook is how long a pause may be without missing the last look.
func untilLastLook(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return slowestLook
	}
	if left := time.Until(deadline) - timeToLook; left > 0 {
		return left
	}
	return 2 * timeToLook // that look is over
}

// final tells failures that looking again does not cure.
func final(err error) bool {
	return errors.Is(err, wsman.ErrUnauthorized) || errors.Is(err, wsman.ErrAccessDenied)
}

func (w *watcher) giveUp(err error) {
	for _, o := range w.open {
		o.End, o.Err = EndUnseen, err
	}
	w.open = nil
}

// look asks for the rows that are not decided and takes note of what changed.
// What is installed is not asked for at first: only rows that are missing from
// the answer are looked up whatever their state, which is the last word.
func (w *watcher) look(ctx context.Context) (moved bool, err error) {
	found, err := w.ask(ctx, w.open, queries.Ne("State", uint32(queries.StateInstalled)))
	if err != nil {
		return false, err
	}
	var missing []*Outcome
	for _, o := range w.open {
		if _, ok := found[o.RowKey()]; !ok {
			missing = append(missing, o)
		}
	}
	others, err := w.ask(ctx, missing, queries.Condition{})
	if err != nil {
		return false, err
	}
	maps.Copy(found, others)
	left := w.open[:0]
	for _, o := range w.open {
		now, ok := found[o.RowKey()]
		moved = w.note(o, now, ok) || moved
		if o.End == EndOpen {
			left = append(left, o)
		}
	}
	w.open = left
	return moved, nil
}

// ask gives the rows of the outcomes' packages that meet a condition.
func (w *watcher) ask(ctx context.Context, outcomes []*Outcome, condition queries.Condition) (map[queries.RowKey]queries.PackageStatusDP, error) {
	wanted := map[queries.RowKey]bool{}
	var rows []queries.PackageStatusDP
	for _, o := range outcomes {
		wanted[o.RowKey()] = true
		rows = append(rows, o.PackageStatusDP)
	}
	found := map[queries.RowKey]queries.PackageStatusDP{}
	for ids := packagesOf(rows); len(ids) > 0; {
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
			o.End, o.Moved = EndGone, true
		}
		return true
	}
	o.missed = 0
	before := o.Row
	changed := now.State != before.State || !sameTime(now.SummaryDate, before.SummaryDate)
	o.PackageStatusDP = now
	o.Moved = o.Moved || changed
	switch {
	case now.State == queries.StateInstalled && (o.Moved || w.o.Settled):
		o.End = EndInstalled
	case (now.State == queries.StateFailed || now.State == queries.StateRemovalFailed) && o.Moved:
		o.End = EndFailed
	}
	if now.State != before.State {
		w.changed(before, o.Row)
	}
	return changed
}

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
