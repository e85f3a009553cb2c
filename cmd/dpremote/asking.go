package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"dpremote/distribution"
	"dpremote/internal/live"
)

// asking tells somebody at the terminal how a sweep goes: how many sites are
// done, how much they said, and which are still being asked. The nil asking
// tells nobody. It is safe for concurrent use.
type asking struct {
	title   string
	started time.Time
	slots   int // how many are asked at once
	members []*member
	read    int64 // rows, by all members before
	stop    func()

	mu           sync.Mutex
	done, failed int
	busy         map[*member]busySite
}

// busySite is a site that is being asked.
type busySite struct {
	since time.Time
	read  int64 // rows, before
}

// startAsking begins to tell of a sweep. Call stop when it is over, and before
// anything is told of what came of it.
func (f *fleet) startAsking(ctx context.Context, title string, members []*member) *asking {
	a := &asking{title: title, started: f.g.app.now(), slots: f.g.parallel, members: members, busy: map[*member]busySite{}}
	a.read = a.rows()
	var display *live.Display
	display, a.stop = f.g.app.stage.show(ctx, live.Options{Delay: quickly, Tick: ticks})
	if display != nil {
		display.Follow(a.picture)
	}
	return a
}

// ticks is how often what is drawn of a sweep is brought up to date.
const ticks = 500 * time.Millisecond

func (a *asking) rows() (n int64) {
	for _, m := range a.members {
		n += m.rows.Load()
	}
	return n
}

// begin takes note that it is a site's turn.
func (a *asking) begin(m *member, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy[m] = busySite{now, m.rows.Load()}
}

// end takes note that a site is done.
func (a *asking) end(m *member, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.busy, m)
	a.done++
	if err != nil {
		a.failed++
	}
}

func (a *asking) picture() live.Picture {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := live.Work{Title: a.title, Noun: "sites", Did: "done", Done: a.done, All: len(a.members), Failed: a.failed,
		Rows: a.rows() - a.read, CountsRows: true, Started: a.started}
	// As long as sites wait for their turn, those that are done say how long the
	// others take. What the last ones take is anybody's guess.
	w.Steady = a.done+len(a.busy) < len(a.members) && a.done >= a.slots
	for _, m := range a.members { // in an order
		if b, ok := a.busy[m]; ok {
			w.Busy = append(w.Busy, live.Busy{Name: m.Name, Since: b.since, Note: rowsText(m.rows.Load() - b.read)})
		}
	}
	return w
}

func rowsText(n int64) string {
	if n == 0 {
		return ""
	}
	return count(int(n), "row", "rows")
}

// sending tells somebody at the terminal how the requests of a plan are sent.
// It is safe for concurrent use.
type sending struct {
	started time.Time
	sites   []*distribution.Site // in the order of the plan
	all     int
	stop    func()

	mu           sync.Mutex
	done, failed int
	left         map[*distribution.Site]int
	held         map[*distribution.Site]bool // for room in the queues
}

// startSending begins to tell of the steps of a plan that are sent.
func (g *globals) startSending(ctx context.Context, steps []distribution.Step) *sending {
	s := &sending{started: g.app.now(), left: map[*distribution.Site]int{}, held: map[*distribution.Site]bool{}}
	for _, step := range steps {
		if step.Skip != distribution.SkipNothing {
			continue
		}
		if s.left[step.Owner] == 0 {
			s.sites = append(s.sites, step.Owner)
		}
		s.left[step.Owner]++
		s.all++
	}
	var display *live.Display
	display, s.stop = g.app.stage.show(ctx, live.Options{Delay: quickly, Tick: ticks})
	if display != nil {
		display.Follow(s.picture)
	}
	return s
}

// sent takes note of what came of a row.
func (s *sending) sent(r distribution.Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	if r.Err != nil {
		s.failed++
	}
	s.left[r.Owner]--
	s.held[r.Owner] = false
}

// hold takes note that a site's rows wait for room in the queues.
func (s *sending) hold(site *distribution.Site) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[site] = true
}

func (s *sending) picture() live.Picture {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := live.Work{Title: "Sending", Did: "rows sent", Done: s.done, All: s.all, Failed: s.failed, Started: s.started, Steady: true}
	for _, site := range s.sites {
		n := s.left[site]
		switch {
		case n == 0:
			continue
		case s.held[site]:
			// The queues say when it goes on, not what was sent so far.
			w.Steady = false
			w.Busy = append(w.Busy, live.Busy{Name: site.Name, Note: fmt.Sprintf("%s for room in the queues", waits(n))})
		default:
			w.Busy = append(w.Busy, live.Busy{Name: site.Name, Note: fmt.Sprintf("%d left", n)})
		}
	}
	return w
}
