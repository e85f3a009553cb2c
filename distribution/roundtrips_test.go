package distribution

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

// A request takes 50 ms there and back, and the server 200 ms for the answer.
const roundTrip = 250 * time.Millisecond

// slow makes each request of a world take its time, and counts them.
func (w *world) slow() (requests func() int) {
	var mu sync.Mutex
	n := 0
	w.answer = func(string, *wsman.Request) (*wsman.Response, error) {
		mu.Lock()
		n++
		mu.Unlock()
		time.Sleep(roundTrip) // of invented time
		return nil, nil
	}
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// TestRoundTripsOfAnEnumeration: a page a request, and what is done with a page
// is hidden behind the server's work on the next.
func TestRoundTripsOfAnEnumeration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const batch = 20
		h := strictly(t, simulator.Model{Sites: []simulator.Site{{Code: "PS1", DPs: 40, Packages: 20}}},
			simulator.Options{MaxBatchItems: batch, FirstPageItems: batch})
		w := &world{t: t, hierarchy: h}
		requests := w.slow()
		started, rows := time.Now(), 0
		for _, err := range queries.StatusDP(t.Context(), w.site("PS1").Session, queries.Filter{}) {
			if err != nil {
				t.Fatal(err)
			}
			if rows++; rows%batch == 0 {
				time.Sleep(roundTrip / 2) // what is done with a page
			}
		}
		pages := (rows + batch - 1) / batch
		if pages < 30 || requests() > pages+1 {
			t.Errorf("%d requests for %d pages", requests(), pages)
		}
		server := time.Duration(requests()) * roundTrip
		if took := time.Since(started); took > server+server*3/100+roundTrip {
			t.Errorf("%s, of which the server takes %s", took, server)
		}
	})
}

// TestRoundTripsOfARefresh: N rows over k connections take N/k round trips.
func TestRoundTripsOfARefresh(t *testing.T) {
	for _, connections := range []int{1, 4, 8} {
		synctest.Test(t, func(t *testing.T) {
			h := strictly(t, simulator.Model{Sites: []simulator.Site{{Code: "PS1", DPs: 20, Packages: 12,
				Failed: map[simulator.Cause]int{simulator.Transient: 200}}}}, simulator.Options{})
			w := &world{t: t, hierarchy: h}
			site := w.site("PS1")
			site.Parallel = connections
			view, err := Look(t.Context(), site, LookFor{Filter: queries.Filter{States: []queries.State{queries.StateFailed}}})
			if err != nil {
				t.Fatal(err)
			}
			steps := MakePlan(Merge([]*View{view}), Rules{Force: true})
			requests := w.slow()
			started := time.Now()
			for _, r := range Refresh(t.Context(), steps, PutAuto, nil) {
				if r.Err != nil {
					t.Error(r.Err)
				}
			}
			least := roundTrip * time.Duration(len(steps)) / time.Duration(connections)
			if took := time.Since(started); took > least+least/10 || requests() != len(steps) {
				t.Errorf("%d rows over %d connections: %d requests in %s, want %s", len(steps), connections, requests(), took, least)
			}
		})
	}
}

// TestRoundTripsFollowTheServersLimit: where somebody raised MaxEnvelopeSizekb,
// the pages are as large as it allows.
func TestRoundTripsFollowTheServersLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := func(limitKB int) int {
			h := strictly(t, simulator.Model{Sites: []simulator.Site{{Code: "PS1", DPs: 100, Packages: 60}}},
				simulator.Options{MaxEnvelopeSizeKB: limitKB})
			w := &world{t: t, hierarchy: h}
			n := w.slow()
			for _, err := range queries.StatusDP(t.Context(), w.site("PS1").Session, queries.Filter{}) {
				if err != nil {
					t.Fatal(err)
				}
			}
			return n()
		}
		shipped, raised := requests(500), requests(1500)
		if shipped < 12 || raised > shipped/3+2 {
			t.Errorf("%d requests at 500 KB, %d at 1500 KB", shipped, raised)
		}
	})
}
