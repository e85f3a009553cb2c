package distribution

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

// TestInterval follows the pauses of a watch: they grow while nothing moves, and
// begin anew when something does.
func TestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := Merge(w.look("PS1"))
		go func() {
			time.Sleep(15 * time.Minute) // of invented time
			Refresh(t.Context(), MakePlan(rows[:1], Rules{Force: true}), PutAuto, nil)
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
		defer cancel()
		began := time.Now()
		var pauses, afterMove []time.Duration
		moved := false
		o := WatchOptions{Changed: func(_, _ Row) { moved = true }}
		o.Looked = func(p Progress) {
			switch {
			case p.Next.IsZero():
			case moved:
				afterMove = append(afterMove, time.Until(p.Next))
			default:
				pauses = append(pauses, time.Until(p.Next))
			}
			open := 0
			for _, n := range p.States {
				open += n
			}
			if open != len(p.Open) || open+p.Ends[EndInstalled]+p.Ends[EndFailed] != len(rows) || p.Site.Name != "PS1" {
				t.Errorf("%d of %d rows are open, ended are %v", open, len(rows), p.Ends)
			}
		}
		Watch(ctx, rows, o)
		near := func(d, want time.Duration) bool { return d >= want*9/10 && d <= want*11/10 }
		for i, want := range []time.Duration{2 * time.Second, 3 * time.Second, 4500 * time.Millisecond, 6750 * time.Millisecond} {
			if !near(pauses[i], want) {
				t.Errorf("pause %d is %s, want about %s", i, pauses[i], want)
			}
		}
		if last := pauses[len(pauses)-1]; !near(last, time.Minute) || len(pauses) > 25 {
			t.Errorf("%d looks in a quarter of an hour, the last pause %s", len(pauses), last)
		}
		if !near(afterMove[0], 2*time.Second) {
			t.Errorf("a pause of %s after a move", afterMove[0])
		}
		if took := time.Since(began); took > 30*time.Minute {
			t.Errorf("took %s", took)
		}
	})
}

func TestIntervalGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		looks := 0
		Watch(ctx, Merge(w.look("PS1")), WatchOptions{Fastest: 10 * time.Second, Slowest: 10 * time.Second, Looked: func(Progress) { looks++ }})
		if looks < 50 || looks > 70 {
			t.Errorf("%d looks in 10 minutes, one every 10 s", looks)
		}
	})
}

// TestCostOfALook watches few rows among many: a look costs a query whose answer
// has no more rows than are not done, and one more query when some are. That
// one may find the packages on each other's distribution points.
func TestCostOfALook(t *testing.T) {
	for _, dps := range []int{4, 60} {
		synctest.Test(t, func(t *testing.T) {
			big := model
			big.Sites = []simulator.Site{{Code: "PS1", DPs: dps, Packages: 6, Failed: map[simulator.Cause]int{simulator.Transient: 3}}}
			w := newWorldOf(t, big)
			rows := Merge(w.look("PS1"))
			Refresh(t.Context(), MakePlan(rows, Rules{Force: true}), PutAuto, nil)
			site := w.site("PS1")
			queriesSent, rowsRead, looks := 0, 0, 0
			w.answer = func(code string, req *wsman.Request) (*wsman.Response, error) {
				handler, _ := w.hierarchy.Handler(code)
				res := (&direct{w: w, code: code, handler: handler}).serve(t.Context(), req)
				if bytes.Contains(req.Body, []byte("<n:Enumerate>")) {
					queriesSent++
				}
				rowsRead += bytes.Count(res.Body, []byte("</w:XmlFragment>"))
				return res, nil
			}
			for _, o := range Watch(t.Context(), rows, WatchOptions{Settled: true, Looked: func(Progress) { looks++ }}) {
				if o.Owner = site; o.End != EndInstalled {
					t.Errorf("%s ended %s", o.Keys, o.End)
				}
			}
			if looks < 3 || queriesSent > looks+3 || rowsRead > (looks+len(rows))*len(rows) || rowsRead == 0 {
				t.Errorf("on %d distribution points: %d looks, %d queries, %d rows", dps, looks, queriesSent, rowsRead)
			}
		})
	}
}

// TestJudgedState has a row in a state that no site gives: it keeps it until the
// site does something about it.
func TestJudgedState(t *testing.T) {
	const judged = queries.StateStale
	o := &Outcome{End: EndOpen, Row: Row{PackageStatusDP: queries.PackageStatusDP{State: judged, SourceVersion: 2}}}
	w := &watcher{o: WatchOptions{Settled: true}.oneAtATime()}
	if w.note(o, queries.PackageStatusDP{State: queries.StateInstalled, SourceVersion: 2}, true); o.End != EndOpen || o.State != judged || o.Moved {
		t.Errorf("ended %s in state %s, moved %v", o.End, o.State, o.Moved)
	}
	if w.note(o, queries.PackageStatusDP{State: queries.StateInstalled, SourceVersion: 3}, true); o.End != EndInstalled || !o.Moved {
		t.Errorf("ended %s in state %s, moved %v", o.End, o.State, o.Moved)
	}
}
