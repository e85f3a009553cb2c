package queries_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/cim"
	"dpremote/queries"
)

// TestDiagnosisQueries runs the queries of a diagnosis against a site server
// that has its own reading of WQL and of sub-selects.
func TestDiagnosisQueries(t *testing.T) {
	_, client := simulate(t)
	s := &cim.Session{Client: client, Namespace: "root/sms/site_PS1"}
	rows := collect(t, queries.StatusDP(t.Context(), s, queries.Filter{States: []queries.State{queries.StateFailed}}))
	if len(rows) == 0 {
		t.Fatal("nothing failed")
	}
	var ids []queries.PackageID
	var paths []queries.NALPath
	for _, r := range rows {
		ids = append(ids, r.PackageID)
		if !slices.Contains(paths, r.ServerNALPath) {
			paths = append(paths, r.ServerNALPath)
		}
	}
	t.Run("each failure has its message", func(t *testing.T) {
		told := map[string]bool{}
		for _, m := range collect(t, queries.Messages(t.Context(), s, queries.MessagePick{Packages: ids})) {
			told[string(m.PackageID)+m.DP.Key()] = true
			if !slices.Contains(ids, m.PackageID) {
				t.Errorf("message %d is about %s", m.MessageID, m.PackageID)
			}
			if known := m.MessageID >= 2300 && m.MessageID <= 2399 || m.MessageID >= 8200 && m.MessageID <= 8299; !known {
				t.Errorf("message %d", m.MessageID)
			}
		}
		for _, r := range rows {
			if !told[string(r.PackageID)+r.ServerNALPath.Key()] {
				t.Errorf("no message about %s", r.Keys)
			}
		}
	})
	t.Run("time and numbers bound the messages", func(t *testing.T) {
		all := collect(t, queries.Messages(t.Context(), s, queries.MessagePick{}))
		since := all[len(all)/2].Time.Time
		var want, got []int64
		for _, m := range all {
			if !m.Time.Time.Before(since.Truncate(time.Second)) && m.MessageID == 2302 {
				want = append(want, m.RecordID)
			}
		}
		for _, m := range collect(t, queries.Messages(t.Context(), s, queries.MessagePick{Since: since, IDs: []uint32{2302}})) {
			got = append(got, m.RecordID)
		}
		if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 || len(got) == len(all) {
			t.Errorf("%d of %d: %s", len(got), len(all), diff)
		}
	})
	t.Run("some distribution points", func(t *testing.T) {
		drives := collect(t, queries.DrivesOf(t.Context(), s, paths...))
		dps := collect(t, queries.DPsOf(t.Context(), s, paths...))
		if len(dps) != len(paths) || len(drives) != 2*len(paths) {
			t.Errorf("%d distribution points and %d drives of %d", len(dps), len(drives), len(paths))
		}
		if none := collect(t, queries.DrivesOf(t.Context(), s)); len(none) != 0 {
			t.Errorf("%d drives of none", len(none))
		}
		if all := collect(t, queries.DPsOf(t.Context(), s, paths[0], `\\it's\`)); len(all) != 5 {
			t.Errorf("%d distribution points for a path that cannot stand in a query, want all", len(all))
		}
		if n := len(collect(t, queries.InMaintenance(t.Context(), s))); n != 0 {
			t.Errorf("%d in maintenance", n)
		}
	})
	t.Run("what is not good", func(t *testing.T) {
		unsettled, details := collect(t, queries.Unsettled(t.Context(), s, ids...)), collect(t, queries.Details(t.Context(), s, ids...))
		if len(unsettled) < len(rows) || len(details) < len(rows) {
			t.Errorf("%d and %d rows about %d failures", len(unsettled), len(details), len(rows))
		}
		if n := len(collect(t, queries.DPDetails(t.Context(), s))); n != 0 {
			t.Errorf("%d messages about distribution points", n)
		}
	})
	t.Run("packages by ID", func(t *testing.T) {
		found := collect(t, queries.PackagesNamed(t.Context(), s, ids[0], "PS1NOPE0"))
		if len(found) != 1 || found[0].PackageID != ids[0] {
			t.Errorf("%+v", found)
		}
	})
}
