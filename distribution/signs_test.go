package distribution

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dpremote/queries"
)

// TestTakenUp watches rows that do not move until the deadline, and tells those
// that the site took up from those that it did not.
func TestTakenUp(t *testing.T) {
	tests := []struct {
		name    string
		put     bool // a refresh, before the rows are read
		reasons bool // the rows are read with their jobs
		sent    bool // the time of the refresh is known
		takenUp bool
	}{
		{name: "nothing was put", sent: true},
		{name: "a job that was not there before", put: true, takenUp: true},
		{name: "a job of before", put: true, reasons: true},
		{name: "a job of before, and a refresh since", put: true, reasons: true, sent: true, takenUp: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				sent := time.Now()
				failed := map[queries.RowKey]bool{}
				before := Merge(w.look("PS1"))
				for _, r := range before {
					failed[r.RowKey()] = true
				}
				if tt.put {
					Refresh(t.Context(), MakePlan(before, Rules{Force: true}), PutAuto, nil)
				}
				v, err := Look(t.Context(), w.site("PS1"), LookFor{Reasons: tt.reasons, Filter: queries.Filter{
					States: []queries.State{queries.StatePending, queries.StateFailed}}})
				if err != nil {
					t.Fatal(err)
				}
				// One row was on its way before.
				rows := slices.DeleteFunc(Merge([]*View{v}), func(r Row) bool { return !failed[r.RowKey()] })
				o := WatchOptions{}
				if tt.sent {
					o.Sent = sent
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				for _, out := range Watch(ctx, rows, o) {
					if out.End != EndOpen || out.Moved || out.TakenUp != tt.takenUp {
						t.Errorf("%s ended %s, moved %v, taken up %v", out.Keys, out.End, out.Moved, out.TakenUp)
					}
				}
				if len(rows) != len(before) {
					t.Errorf("%d of %d rows are watched", len(rows), len(before))
				}
			})
		})
	}
}

// TestSettle watches failed rows that nobody sends again, and, later, those that
// somebody does.
func TestSettle(t *testing.T) {
	for name, refreshed := range map[string]bool{"left alone": false, "sent again": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				rows := Merge(w.look("PS2"))
				began := time.Now()
				if refreshed {
					go func() {
						time.Sleep(4 * time.Minute) // of invented time
						Refresh(t.Context(), MakePlan(rows, Rules{Force: true}), PutAuto, nil)
					}()
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				ends := map[End]int{}
				for _, o := range Watch(ctx, rows, WatchOptions{Settled: true, Settle: 5 * time.Minute}) {
					ends[o.End]++
					if o.End == EndFailed && o.Why == "" {
						t.Errorf("%s failed without a cause", o.Keys)
					}
				}
				took := time.Since(began)
				if !refreshed && (ends[EndFailed] != len(rows) || took < 5*time.Minute || took > 7*time.Minute) {
					t.Errorf("ended after %s: %v", took, ends)
				}
				if refreshed && (ends[EndInstalled] != 5 || ends[EndFailed] != 1) {
					t.Errorf("ended after %s: %v", took, ends)
				}
			})
		})
	}
}

// TestSettleWaitsForJobs settles rows only while no job is open that could move
// them.
func TestSettleWaitsForJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		all := queries.Filter{States: []queries.State{queries.StatePending, queries.StateFailed}}
		Refresh(t.Context(), MakePlan(Merge(w.look("PS1")), Rules{Force: true}), PutAuto, nil)
		v, err := Look(t.Context(), w.site("PS1"), LookFor{Filter: all})
		if err != nil {
			t.Fatal(err)
		}
		watched := &watcher{site: w.site("PS1")}
		for _, r := range Merge([]*View{v}) {
			r.State = queries.StateFailed // as if the site had not said that they are pending
			watched.open = append(watched.open, &Outcome{Row: r, End: EndOpen})
		}
		watched.settle(t.Context())
		if len(watched.open) == 0 || watched.quiet.IsZero() {
			t.Error("settled while jobs were open")
		}
	})
}
