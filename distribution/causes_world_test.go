package distribution

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dpremote/queries"
	"dpremote/simulator"
)

// TestVerdictsAgainstTheWorld has content fail for each cause that can be
// simulated, and holds the verdict and the plan against what a resend then
// does.
func TestVerdictsAgainstTheWorld(t *testing.T) {
	tests := []struct {
		cause  simulator.Cause
		why    string
		resend Cures
	}{
		{simulator.DiskFull, "disk-full", CuresNo},
		{simulator.SourceMissing, "source-missing", CuresNo},
		{simulator.AccessDenied, "access-denied", CuresNo},
		{simulator.DPOffline, "dp-offline", CuresNo},
		{simulator.ContentMissing, "content-missing", CuresNo},
		{simulator.HashMismatch, "hash-mismatch", CuresYes},
		{simulator.Transient, "interrupted", CuresYes},
		{simulator.Cancelled, "cancelled", CuresYes},
		{simulator.Unexplained, "unknown", CuresUnknown},
		{simulator.WaitsForPrestaged, "waits-for-prestaged", CuresNo},
		{simulator.WaitsForContent, "waits-for-content", CuresNo},
		{simulator.Closed, "closed", CuresNo},
	}
	tested := map[simulator.Cause]bool{simulator.SiteCopyDamaged: true} // which shows after a resend only; see below
	for _, tt := range tests {
		tested[tt.cause] = true
	}
	for _, c := range append(simulator.Causes(), simulator.WaitingCauses()...) {
		if !tested[c] {
			t.Errorf("nothing is said of %s", c)
		}
	}
	for _, tt := range tests {
		t.Run(string(tt.cause), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, row := worldWith(t, tt.cause)
				if row.Why != tt.why || row.Resend != tt.resend {
					t.Errorf("%s, resend %s: want %s, resend %s", row.Why, row.Resend, tt.why, tt.resend)
				}
				step := MakePlan([]Row{row}, Rules{Now: time.Now(), Cooldown: time.Hour})[0]
				if sends := step.Skip == SkipNothing; sends != (tt.resend != CuresNo) {
					t.Errorf("the plan: skip %q because %q", step.Skip, step.Reason)
				}
				end := w.sendAgain(row)
				t.Logf("%s, %s, resend cures: %s; plan: skip %q; sent all the same it ended %s; advice: %s", row.Why, row.Confidence, row.Resend, step.Skip, end, row.Advice)
				if tt.resend != CuresUnknown && (end == EndInstalled) != (tt.resend == CuresYes) {
					t.Errorf("it ended %s", end)
				}
			})
		})
	}
}

// worldWith is a world in which one row fails or waits for a cause, and that
// row.
func worldWith(t *testing.T, cause simulator.Cause) (*world, Row) {
	t.Helper()
	site := simulator.Site{Code: "PS1", DPs: 2, Packages: 4, Failed: map[simulator.Cause]int{cause: 1}}
	if slices.Contains(simulator.WaitingCauses(), cause) {
		site.Failed, site.Waiting = nil, map[simulator.Cause]int{cause: 1}
	}
	h := strictly(t, simulator.Model{Seed: 1, Delay: 10 * time.Second, Sites: []simulator.Site{site}}, simulator.Options{})
	w := &world{t: t, hierarchy: h}
	return w, w.onlyBadRow()
}

// onlyBadRow is the one row that is not installed, diagnosed.
func (w *world) onlyBadRow() Row {
	w.t.Helper()
	x, err := Examine(w.t.Context(), w.site("PS1"), ExamineFor{
		LookFor: LookFor{Filter: queries.Filter{States: []queries.State{queries.StateFailed, queries.StatePending}}, Cooldown: time.Minute},
		Since:   time.Now().Add(-30 * 24 * time.Hour)})
	if err != nil {
		w.t.Fatal(err)
	}
	diagnoses := Diagnose([]*Examination{x})
	if len(diagnoses) != 1 {
		w.t.Fatalf("%d rows are not installed", len(diagnoses))
	}
	return diagnoses[0].Row
}

// sendAgain refreshes a row whatever speaks against it, and tells how it ended.
func (w *world) sendAgain(row Row) End {
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Minute) // of invented time
	defer cancel()
	Refresh(ctx, MakePlan([]Row{row}, Rules{Force: true}), PutAuto, nil)
	return Watch(ctx, []Row{row}, WatchOptions{})[0].End
}

// TestDamagedSiteCopy looks like damage on the distribution point until it was
// sent again; then only an update is offered, and that cures it.
func TestDamagedSiteCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, row := worldWith(t, simulator.SiteCopyDamaged)
		if row.Why != "hash-mismatch" || row.Resend != CuresYes {
			t.Errorf("at first: %s, resend %s", row.Why, row.Resend)
		}
		if end := w.sendAgain(row); end != EndFailed {
			t.Errorf("sent again it ended %s", end)
		}
		row = w.onlyBadRow()
		if row.Why != "site-copy-damaged" || row.Resend != CuresNo {
			t.Errorf("after that: %s, resend %s", row.Why, row.Resend)
		}
		ids := []queries.PackageID{row.PackageID}
		steps := PlanUpdate(ids, w.lookAtPackages(ids, "PS1"), UpdateRules{})
		results := Update(t.Context(), steps, UpdateOptions{}, nil)
		for _, o := range WatchUpdates(t.Context(), results, WatchOptions{}) {
			if o.End != EndInstalled {
				t.Errorf("updated, %s ended %s", o.Keys, o.End)
			}
		}
	})
}

// TestSourceComesBack: neither a refresh nor an update cures a missing source;
// once it is back, an update does.
func TestSourceComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, row := worldWith(t, simulator.SourceMissing)
		ids := []queries.PackageID{row.PackageID}
		update := func() (ends []End) {
			results := Update(t.Context(), PlanUpdate(ids, w.lookAtPackages(ids, "PS1"), UpdateRules{}), UpdateOptions{}, nil)
			for _, o := range WatchUpdates(t.Context(), results, WatchOptions{}) {
				ends = append(ends, o.End)
			}
			return ends
		}
		if ends := update(); slices.Contains(ends, EndInstalled) {
			t.Errorf("without a source it ended %s", ends)
		}
		w.hierarchy.Fix(simulator.Target{Package: string(row.PackageID)}, simulator.SourceMissing)
		if ends := update(); slices.Contains(ends, EndFailed) || len(ends) == 0 {
			t.Errorf("with its source it ended %s", ends)
		}
	})
}
