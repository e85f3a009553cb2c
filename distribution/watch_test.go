package distribution

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"dpremote/queries"
	"dpremote/simulator"
)

// TestWatchSettled takes what is installed for done without asking for it, and
// waits for the rest.
func TestWatchSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		all := queries.Filter{States: []queries.State{queries.StateInstalled, queries.StatePending}}
		v, err := Look(t.Context(), w.site("PS1"), LookFor{Filter: all})
		if err != nil {
			t.Fatal(err)
		}
		rows := Merge([]*View{v})
		var sent []Row
		for _, r := range rows {
			if r.State == queries.StatePending {
				sent = append(sent, r)
			}
		}
		Refresh(t.Context(), MakePlan(sent, Rules{Force: true}), PutAuto, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		for i, o := range Watch(ctx, rows, WatchOptions{Settled: true}) {
			if o.End != EndInstalled {
				t.Errorf("%s, %s when the watch began, ended %s", o.Keys, rows[i].State, o.End)
			}
			if o.Moved != (rows[i].State == queries.StatePending) {
				t.Errorf("%s, %s when the watch began: moved %v", o.Keys, rows[i].State, o.Moved)
			}
		}
		if len(sent) != 1 {
			t.Errorf("%d rows were pending, the model has 1", len(sent))
		}
	})
}

func TestWatchSettledAsksNothing(t *testing.T) {
	w := newWorld(t)
	row := Row{PackageStatusDP: queries.PackageStatusDP{State: queries.StateInstalled}, Owner: w.site("PS1")}
	for _, o := range Watch(t.Context(), []Row{row}, WatchOptions{Settled: true}) {
		if o.End != EndInstalled || o.Moved {
			t.Errorf("ended %s, moved %v", o.End, o.Moved)
		}
	}
}

func TestNoteRemoval(t *testing.T) {
	tests := []struct {
		name string
		now  queries.State
		end  End
	}{
		{"still removing", queries.StateRemovalPending, EndOpen},
		{"removal tried again", queries.StateRemovalRetrying, EndOpen},
		{"removal failed", queries.StateRemovalFailed, EndFailed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := &Outcome{End: EndOpen, Row: Row{PackageStatusDP: queries.PackageStatusDP{State: queries.StateRemovalPending}}}
			w := &watcher{o: WatchOptions{}.oneAtATime()}
			w.note(o, queries.PackageStatusDP{State: tt.now}, true)
			if o.End != tt.end {
				t.Errorf("ended %s, want %s", o.End, tt.end)
			}
		})
	}
}

func TestJitter(t *testing.T) {
	for range 1000 {
		if d := jitter(10 * time.Second); d < 9*time.Second || d > 11*time.Second {
			t.Fatalf("%s is not within a tenth of 10s", d)
		}
	}
	if d := jitter(0); d != 0 {
		t.Errorf("no pause became %s", d)
	}
}

func TestArrival(t *testing.T) {
	tests := []struct {
		name   string
		counts queries.Counts
		want   Arrival
	}{
		{"no source files", queries.Counts{}, ArrivalNone},
		{"everywhere", queries.Counts{Targeted: 3, Installed: 3}, ArrivalDone},
		{"one missing", queries.Counts{Targeted: 3, Installed: 2}, ArrivalOpen},
		{"one failed", queries.Counts{Targeted: 3, Installed: 2, Failed: 1}, ArrivalFailed},
		{"one failed, one on its way", queries.Counts{Targeted: 3, Installed: 1, Failed: 1}, ArrivalOpen},
		{"one tried again", queries.Counts{Targeted: 3, Installed: 3, Retrying: 1}, ArrivalOpen},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			total := Total{PackageStatusRoot: queries.PackageStatusRoot{Counts: tt.counts}}
			if got := total.Arrival(); got != tt.want {
				t.Errorf("arrival %s, want %s", got, tt.want)
			}
		})
	}
}

// TestTotals counts a central site's package at three sites: the one that sees
// all distribution points is right, whatever the order.
func TestTotals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		filter := queries.Filter{}
		var lists [][]Total
		for _, v := range w.look("PS1", "CAS", "PS2") {
			if v.Top() != "CAS" {
				t.Errorf("the top above %s is %s", v.Site.Name, v.Top())
			}
			list, err := LookAtTotals(t.Context(), v, filter)
			if err != nil {
				t.Fatal(err)
			}
			lists = append(lists, list)
		}
		all := MergeTotals(lists...)
		if len(all) != 14 {
			t.Errorf("%d packages, the model has 14", len(all))
		}
		for i, total := range all {
			if i > 0 && all[i-1].PackageID >= total.PackageID {
				t.Errorf("%s after %s", total.PackageID, all[i-1].PackageID)
			}
			rows := w.hierarchy.Rows(simulator.Target{Package: string(total.PackageID)})
			if int(total.Targeted) != len(rows) {
				t.Errorf("%s is counted on %d distribution points, and is on %d", total.PackageID, total.Targeted, len(rows))
			}
		}
	})
}

// TestWatchTotals waits for packages that no row is watched of, in both modes.
func TestWatchTotals(t *testing.T) {
	for name, events := range map[string]time.Duration{"poll": 0, "events": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				views := w.look("CAS")
				totals, err := LookAtTotals(t.Context(), views[0], queries.Filter{})
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				go func() {
					time.Sleep(90 * time.Second) // of invented time
					Refresh(t.Context(), MakePlan(Merge(w.look("PS1", "PS2")), Rules{Force: true}), PutAuto, nil)
				}()
				// What is on its way and in nobody's queue stays so.
				w.hierarchy.Fix(simulator.Target{}, "")
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				changes, looked := 0, 0
				out := WatchTotals(ctx, totals, WatchOptions{Events: events, Warn: func(_ *Site, err error) { t.Error(err) }},
					func(before, after Total) {
						if changes++; before.Counts == after.Counts {
							t.Errorf("%s did not change", after.PackageID)
						}
					}, func(all []Total) {
						if looked++; len(all) != len(totals) {
							t.Errorf("%d totals", len(all))
						}
					})
				for i, total := range out {
					if total.PackageID != totals[i].PackageID || total.Err != nil || totals[i].Arrival() == ArrivalDone && total.Arrival() != ArrivalDone {
						t.Errorf("%s became %s %s, error %v", totals[i].PackageID, total.PackageID, total.Arrival(), total.Err)
					}
				}
				if changes == 0 || looked == 0 || time.Since(began) > 10*time.Minute || w.hierarchy.Subscriptions() != 0 {
					t.Errorf("%d changes, %d looks, after %s, %d subscriptions are left", changes, looked, time.Since(began), w.hierarchy.Subscriptions())
				}
			})
		})
	}
}
