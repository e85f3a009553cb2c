package queries_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/cim"
	"dpremote/queries"
)

func TestYardstick(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	days := func(n int) cim.Datetime { return cim.Datetime{Time: now.AddDate(0, 0, -n)} }
	y := queries.Yardstick{Versions: map[queries.PackageID]uint32{"PS100001": 4}, StuckBefore: now.AddDate(0, 0, -3)}
	row := func(state queries.State, version uint32, changed cim.Datetime) queries.PackageStatusDP {
		return queries.PackageStatusDP{Keys: queries.Keys{PackageID: "ps100001"}, State: state, SourceVersion: version, SummaryDate: changed}
	}
	application := row(queries.StateInstalled, 1, days(9))
	application.PackageType = queries.TypeApplication
	stranger := row(queries.StateInstalled, 1, days(9))
	stranger.PackageID = "PS100002"
	never := cim.Datetime{Time: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, tt := range []struct {
		name string
		row  queries.PackageStatusDP
		want queries.State
	}{
		{"current", row(queries.StateInstalled, 4, days(9)), queries.StateInstalled},
		{"ahead", row(queries.StateInstalled, 5, days(9)), queries.StateInstalled},
		{"behind", row(queries.StateInstalled, 3, days(0)), queries.StateStale},
		{"no version", row(queries.StateInstalled, 0, days(9)), queries.StateInstalled},
		{"an application", application, queries.StateInstalled},
		{"an unknown package", stranger, queries.StateInstalled},
		{"failed in an old version", row(queries.StateFailed, 3, days(9)), queries.StateFailed},
		{"pending", row(queries.StatePending, 4, days(2)), queries.StatePending},
		{"pending for days", row(queries.StatePending, 4, days(4)), queries.StateStuck},
		{"retrying for days", row(queries.StateRetrying, 4, days(4)), queries.StateStuck},
		{"pending since a date that says never", row(queries.StatePending, 4, never), queries.StatePending},
		{"being removed for days", row(queries.StateRemovalPending, 4, days(4)), queries.StateRemovalPending},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := y.Judge(tt.row).State; got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if got := (queries.Yardstick{}).Judge(tt.row).State; got != tt.row.State {
				t.Errorf("by no yardstick: %s, want %s", got, tt.row.State)
			}
		})
	}
}

// TestStatusDPJudged asks for what may be stale or stuck and keeps what is.
func TestStatusDPJudged(t *testing.T) {
	path := nal("SRV1.corp.example", "PS1")
	member := func(id, version, state, changed string) string {
		return row("PackageID", id, "PackageType", "0", "ServerNALPath", path, "SiteCode", "PS1",
			"SourceVersion", version, "State", state, "SummaryDate", datetime(changed))
	}
	session, s := newSession(t, page(
		row("PackageID", "PS100001", "SourceVersion", "4"), row("PackageID", "PS100002", "SourceVersion", "4"),
	), page(
		member("PS100001", "4", "0", "2026-01-03T00:00:00Z"), member("PS100002", "3", "0", "2026-01-03T00:00:00Z"),
		member("PS100003", "1", "1", "2026-01-03T00:00:00Z"), member("PS100004", "1", "2", "2999-01-09T00:00:00Z"),
	))
	got := map[queries.PackageID]queries.State{}
	for r, err := range queries.StatusDP(t.Context(), session, queries.Filter{
		States: []queries.State{queries.StateStale, queries.StateStuck}, StuckAfter: time.Hour,
	}) {
		if err != nil {
			t.Fatal(err)
		}
		got[r.PackageID] = r.State
	}
	if len(got) != 2 || got["PS100002"] != queries.StateStale || got["PS100003"] != queries.StateStuck {
		t.Errorf("%v", got)
	}
	want := []string{"SELECT PackageID, SourceVersion FROM SMS_PackageStatusRootSummarizer",
		`SELECT LastCopied, PackageID, PackageType, ServerNALPath, SiteCode, SourceVersion, State, SummaryDate` +
			` FROM SMS_PackageStatusDistPointsSummarizer WHERE State IN (0, 1, 2)`}
	if diff := cmp.Diff(want, s.queries()); diff != "" {
		t.Error(diff)
	}
}
