package world

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// World is the state of the hierarchies of one model. It is safe for
// concurrent use.
type World struct {
	clock  func() time.Time
	delay  time.Duration
	schema *schema

	mu        sync.RWMutex // guards all below, and everything that hangs from it
	trees     []*tree
	sites     map[string]*Site  // with an SMS Provider, by folded code
	packages  map[string]*pkg   // by folded PackageID
	dps       map[string]*dp    // by folded NAL path
	contents  []*content        // content.id is the position, from 1
	jobs      []*job            // by id
	messages  []*message        // by record
	forgotten map[*content]bool // retrying rows whose retry history was deleted
	lastDP    uint32
	lastJob   uint64
	events    events
	lastEvent uint64

	lastMessage int64 // how many messages were ever reported
}

// New builds a world at the clock's present time; a nil clock is time.Now. The
// error says all that is wrong with the model.
func New(m Model, clock func() time.Time) (*World, error) {
	if err := m.validate(); err != nil {
		return nil, fmt.Errorf("build world: %w", err)
	}
	schema, err := newSchema()
	if err != nil {
		return nil, fmt.Errorf("build world: %w", err)
	}
	if clock == nil {
		clock = time.Now
	}
	w := &World{
		clock: clock, delay: m.Delay, schema: schema,
		sites: map[string]*Site{}, packages: map[string]*pkg{}, dps: map[string]*dp{},
		forgotten: map[*content]bool{},
	}
	if w.delay == 0 {
		w.delay = DefaultDelay
	}
	b := &builder{w: w, model: m, start: w.now(), sites: map[string]*site{}, dice: map[*site]*rand.Rand{}}
	b.build()
	w.orderMessages()
	for _, s := range m.Sites {
		site := b.site(s.Code)
		w.sites[site.code] = newSite(w, site)
		w.sites[site.code].hidden = s.Hidden
	}
	return w, nil
}

// Site is the SMS Provider of a site, by its code in any case. Secondary sites
// have none.
func (w *World) Site(code string) (*Site, bool) {
	s, ok := w.sites[fold(code)]
	return s, ok
}

// now is the clock's time in UTC, to the millisecond, as a site's database
// keeps it.
func (w *World) now() time.Time { return w.clock().UTC().Truncate(time.Millisecond) }

// write locks the world for a change, brings it up to the present, and returns
// that time.
func (w *World) write() (now time.Time, unlock func()) {
	now = w.now()
	w.mu.Lock()
	w.advance(now)
	return now, w.mu.Unlock
}

// read locks the world for reading, brought up to the present.
func (w *World) read() (now time.Time, unlock func()) {
	now = w.now()
	w.mu.RLock()
	if w.events.due(now) {
		w.mu.RUnlock()
		w.mu.Lock()
		w.advance(now)
		w.mu.Unlock()
		w.mu.RLock()
	}
	return now, w.mu.RUnlock
}

// advance plays the events that are due, each at its own time.
func (w *World) advance(now time.Time) {
	for w.events.due(now) {
		e := heap.Pop(&w.events).(event)
		e.fire(e.at)
	}
}

// after schedules something; fire gets the time for which it was scheduled. The
// world is locked when it runs.
func (w *World) after(from time.Time, wait time.Duration, fire func(at time.Time)) {
	w.lastEvent++
	heap.Push(&w.events, event{at: from.Add(wait), order: w.lastEvent, fire: fire})
}

// event is something that happens at a time. Events of one time happen in the
// order in which they were scheduled.
type event struct {
	at    time.Time
	order uint64
	fire  func(at time.Time)
}

// events is a heap of events, the next one first.
type events []event

func (e events) due(now time.Time) bool { return len(e) > 0 && !e[0].at.After(now) }

// Len implements heap.Interface.
func (e events) Len() int { return len(e) }

// Less implements heap.Interface.
func (e events) Less(i, j int) bool {
	if e[i].at.Equal(e[j].at) {
		return e[i].order < e[j].order
	}
	return e[i].at.Before(e[j].at)
}

// Swap implements heap.Interface.
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push implements heap.Interface.
func (e *events) Push(x any) { *e = append(*e, x.(event)) }

// Pop implements heap.Interface.
func (e *events) Pop() any {
	old := *e
	last := old[len(old)-1]
	old[len(old)-1] = event{}
	*e = old[:len(old)-1]
	return last
}
