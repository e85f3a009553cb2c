package distribution

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

func (w *world) transfers(codes ...string) []Row {
	w.t.Helper()
	var views []*View
	for _, code := range codes {
		v, err := LookAtTransfers(w.t.Context(), w.site(code), queries.Filter{})
		if err != nil {
			w.t.Fatal(err)
		}
		views = append(views, v)
	}
	return Merge(views)
}

// TestCancel stops the transfers of a refresh and those that the sites had.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if rows := w.transfers("CAS", "PS1", "PS2"); len(rows) != 2 { // one pending, one retrying
			t.Fatalf("%d transfers before", len(rows))
		}
		failed := Merge(w.look("PS2"))
		Refresh(t.Context(), MakePlan(failed, Rules{Force: true}), PutAuto, nil)
		rows := w.transfers("CAS", "PS1", "PS2")
		if len(rows) != len(failed)+2 {
			t.Fatalf("%d transfers, want %d", len(rows), len(failed)+2)
		}
		for _, r := range Cancel(t.Context(), PlanCancel(rows, Rules{}), nil) {
			if r.Err != nil {
				t.Errorf("%s: %v", r.Keys, r.Err)
			}
		}
		gone, errs := AwaitCancelled(t.Context(), rows, LookOptions{})
		for _, r := range rows {
			if !gone[r.RowKey()] || r.Name == "" {
				t.Errorf("%s (%q) is in the queue", r.Keys, r.Name)
			}
		}
		if left := w.transfers("PS1", "PS2"); len(errs) != 0 || len(left) != 0 {
			t.Errorf("%d transfers are left, %v", len(left), errs)
		}
	})
}

func TestPlanCancel(t *testing.T) {
	app := Row{OnSiteServer: true, Jobs: 1}
	app.PackageType = queries.TypeApplication
	rows := []Row{{Jobs: 1, Home: "PS1"}, {Home: "PS1"}, app, {Jobs: 1, Home: "PS2"}, {Jobs: 2, Home: "PS1"}}
	steps := PlanCancel(rows, Rules{Max: 1, Elsewhere: map[queries.SiteCode]string{"PS2": "left out"}})
	for i, want := range []Skip{SkipNothing, SkipIdle, SkipSiteServer, SkipElsewhere, SkipMax} {
		if steps[i].Skip != want || (steps[i].Reason == "") != (want == "") {
			t.Errorf("row %d: skip %q because %q, want %q", i, steps[i].Skip, steps[i].Reason, want)
		}
	}
}

// TestCancelIsNeverRepeated loses all answers, and then the site.
func TestCancelIsNeverRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := w.transfers("PS1")
		calls := w.loseInvokes("CancelDistribution")
		for _, r := range Cancel(t.Context(), PlanCancel(rows, Rules{}), nil) {
			if r.Err == nil || !r.Unknown {
				t.Errorf("%s: %v, unknown %v", r.Keys, r.Err, r.Unknown)
			}
		}
		if calls() != len(rows) {
			t.Errorf("%d calls for %d rows", calls(), len(rows))
		}
		w.answer = func(string, *wsman.Request) (*wsman.Response, error) {
			return nil, &wsman.TransportError{Err: errors.New("no route to host")}
		}
		if gone, errs := AwaitCancelled(t.Context(), rows, LookOptions{}); len(errs) != 1 || gone[rows[0].RowKey()] {
			t.Errorf("gone %v, %v", gone, errs)
		}
	})
}

// TestAwaitCancelledHasADeadline waits for transfers that nobody cancels.
func TestAwaitCancelledHasADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := w.transfers("PS1")
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		if gone, errs := AwaitCancelled(ctx, rows, LookOptions{}); len(errs) != 0 || gone[rows[0].RowKey()] {
			t.Errorf("gone %v, %v", gone, errs)
		}
	})
}

// TestTransfersThatAreStuck are found by that state, though no site reports it.
func TestTransfersThatAreStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := strictly(t, simulator.Model{Sites: []simulator.Site{{Code: "PS1", DPs: 3, Packages: 6, Pending: 1, Stuck: 4}}}, simulator.Options{})
		w := &world{t: t, hierarchy: h}
		view, err := LookAtTransfers(t.Context(), w.site("PS1"), queries.Filter{
			States: []queries.State{queries.StateStuck}, StuckAfter: 72 * time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if len(view.Rows) == 0 {
			t.Error("no transfer is stuck")
		}
		for _, r := range view.Rows {
			if r.State != queries.StateStuck {
				t.Errorf("%s is %s", r.Keys, r.State)
			}
		}
	})
}
