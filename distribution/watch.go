package distribution

import (
	"context"
	"slices"
	"sync"
	"time"

	"dpremote/queries"
)

// End is how a watched row ended.
type End string

// The ends. Those but EndInstalled are findings.
const (
	EndInstalled End = "installed" // the distribution point holds the content
	EndFailed    End = "failed"    // it failed again, or nothing moves what had failed
	EndGone      End = "gone"      // the row is there no longer: the content was taken away
	EndOpen      End = "open"      // the deadline passed before anything was decided
	EndUnseen    End = "unseen"    // the site could not be asked any more
)

// Outcome is a watched row as it was last seen.
type Outcome struct {
	Row
	End End
	// Moved says that the site did something since the watch began: the state
	// or its date changed.
	Moved bool
	// TakenUp says that the site took the request up, as against a Put that it
	// stored and ignored: the row moved, a job for it appeared, or, with
	// WatchOptions.Sent, the assignment tells of a refresh since then.
	TakenUp bool
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
	// Sent is when the first of the rows was sent again, by our clock; zero when
	// that is not known.
	Sent time.Time
	// Settle ends the watch of a site early, its rows as EndFailed: when all
	// that is left there has failed, no job for it is open, and nothing has
	// moved for so long; 0 has not.
	Settle time.Duration
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
	// Looked is told how it goes at a site before the first look there, after
	// each, and at the end, one at a time; nil for nobody.
	Looked func(Progress)
}

// withDefaults is the options with each zero pause at its default.
func (o WatchOptions) withDefaults() WatchOptions {
	if o.Fastest <= 0 {
		o.Fastest = fastestLook
	}
	if o.Slowest <= 0 {
		o.Slowest = slowestLook
	}
	return o
}

// Progress is how the watch of one site's rows goes.
type Progress struct {
	Site   *Site
	States map[queries.State]int // of the rows that are open
	Ends   map[End]int           // of those that are decided
	Open   []Row                 // as they were last seen, in the rows' order
	// Next is when the next look is due, or zero when none is. A site that
	// tells of changes by itself is looked at when it does.
	Next     time.Time
	ByEvents bool  // the site tells of changes by itself
	Err      error // of the last look; nil when that went well
}

// Watch looks at rows until each has arrived or failed, or until the context
// ends: its deadline is the watch's. Only what is not decided yet is asked for.
// The outcomes are in the rows' order. Sites are watched side by side.
func Watch(ctx context.Context, rows []Row, o WatchOptions) []Outcome {
	outcomes := make([]Outcome, len(rows))
	bySite := map[*Site][]*Outcome{}
	for i, r := range rows {
		outcomes[i] = Outcome{Row: r, End: EndOpen}
		if o.Settled && r.State == queries.StateInstalled {
			outcomes[i].End = EndInstalled
		}
		bySite[r.Owner] = append(bySite[r.Owner], &outcomes[i])
	}
	o = o.withDefaults().oneAtATime()
	var wg sync.WaitGroup
	for site, mine := range bySite {
		w := &watcher{site: site, all: mine, o: o}
		w.open = slices.DeleteFunc(slices.Clone(mine), func(out *Outcome) bool { return out.End != EndOpen })
		wg.Go(func() { w.run(ctx) })
	}
	wg.Wait()
	return outcomes
}

// oneAtATime is the options with functions that are called one at a time, and
// are never nil.
func (o WatchOptions) oneAtATime() WatchOptions {
	mu := &sync.Mutex{}
	changed, warn, looked := o.Changed, o.Warn, o.Looked
	o.Changed = func(before, after Row) {
		if changed != nil {
			mu.Lock()
			defer mu.Unlock()
			changed(before, after)
		}
	}
	o.Warn = func(site *Site, err error) {
		if warn != nil {
			mu.Lock()
			defer mu.Unlock()
			warn(site, err)
		}
	}
	o.Looked = func(p Progress) {
		if looked != nil {
			mu.Lock()
			defer mu.Unlock()
			looked(p)
		}
	}
	return o
}
