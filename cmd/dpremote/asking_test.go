package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/distribution"
	"dpremote/internal/inventory"
	"dpremote/internal/live"
)

// TestAskingPicture asks twelve sites, three at once. Time left can be told as
// long as sites wait for their turn and a round is done.
func TestAskingPicture(t *testing.T) {
	began := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	a := &asking{title: "Asking", started: began, slots: 3, busy: map[*member]busySite{}}
	for i := range 12 {
		a.members = append(a.members, &member{Site: inventory.Site{Name: fmt.Sprintf("s%d", i)}})
	}
	a.members[1].rows.Store(5) // in a sweep before
	a.read = a.rows()
	for _, m := range a.members[:3] {
		a.begin(m, began)
	}
	a.members[1].rows.Add(7)
	a.end(a.members[2], errors.New("down"))
	a.begin(a.members[3], began.Add(time.Second))
	want := live.Work{Title: "Asking", Noun: "sites", Did: "done", Done: 1, Failed: 1, All: 12, Rows: 7, CountsRows: true, Started: began,
		Busy: []live.Busy{{Name: "s0", Since: began}, {Name: "s1", Since: began, Note: "7 rows"}, {Name: "s3", Since: began.Add(time.Second)}}}
	if diff := cmp.Diff(live.Picture(want), a.picture()); diff != "" {
		t.Errorf("one is done (-want +got):\n%s", diff)
	}
	steady := func() bool { return a.picture().(live.Work).Steady }
	for i, m := range a.members {
		if i != 2 {
			a.begin(m, began)
			a.end(m, nil)
		}
		// From the third on a round is done, and after the last none waits.
		if want := i >= 3 && i < 11; i >= 3 && steady() != want {
			t.Errorf("%d are done: steady %v, want %v", i+1, steady(), want)
		}
	}
}

func TestSendingPicture(t *testing.T) {
	ps1, ps2 := &distribution.Site{Name: "ps1"}, &distribution.Site{Name: "ps2"}
	step := func(site *distribution.Site, skip distribution.Skip) distribution.Step {
		return distribution.Step{Row: distribution.Row{Owner: site}, Skip: skip}
	}
	a := testApp(nil, nil, nil)
	began := a.now()
	a.now = func() time.Time { return began }
	s := (&globals{app: a}).startSending(t.Context(), []distribution.Step{
		step(ps1, distribution.SkipNothing), step(ps2, distribution.SkipNothing), step(ps2, distribution.SkipCause), step(ps2, distribution.SkipNothing),
	})
	defer s.stop()
	result := func(site *distribution.Site, err error) distribution.Result {
		return distribution.Result{Row: distribution.Row{Owner: site}, Err: err}
	}
	check := func(when string, want live.Work) {
		t.Helper()
		want.Title, want.Did, want.All, want.Started = "Sending", "rows sent", 3, began
		if diff := cmp.Diff(live.Picture(want), s.picture()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	check("at first", live.Work{Steady: true, Busy: []live.Busy{{Name: "ps1", Note: "1 left"}, {Name: "ps2", Note: "2 left"}}})
	s.sent(result(ps1, errors.New("refused")))
	s.sent(result(ps2, nil))
	s.hold(ps2)
	check("held", live.Work{Done: 2, Failed: 1, Busy: []live.Busy{{Name: "ps2", Note: "1 row waits for room in the queues"}}})
	s.sent(result(ps2, nil))
	check("at last", live.Work{Done: 3, Failed: 1, Steady: true})
}
