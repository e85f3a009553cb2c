package distribution

import (
	"testing"
	"time"

	"dpremote/cim"
	"dpremote/queries"
)

func TestResume(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	begun := now.Add(-time.Minute)
	planned := cim.Datetime{Time: now.Add(-time.Hour)}
	keys := queries.Keys{PackageID: "PS100001", ServerNALPath: `["Display=\\dp1\"]MSWNET:["SMS_SITE=PS1"]\\dp1\`, SiteCode: "PS1"}
	status := queries.PackageStatusDP{Keys: keys, State: queries.StateFailed, SummaryDate: planned}
	site := &Site{Name: "ps1"}
	for name, tt := range map[string]struct {
		plan     Planned
		seen     func(*Row) // how the row is now; nil: in none of the states
		want     Skip
		doubtful bool
	}{
		"never begun":                  {Planned{}, func(*Row) {}, SkipNothing, false},
		"sent":                         {Planned{Sent: true}, func(*Row) {}, SkipSent, false},
		"sent, and begun once before":  {Planned{Sent: true, Unknown: begun}, func(*Row) {}, SkipSent, false},
		"cured meanwhile":              {Planned{}, nil, SkipMoved, false},
		"its site did not answer":      {Planned{Unseen: true}, nil, SkipElsewhere, false},
		"sent, and unseen":             {Planned{Unseen: true, Sent: true}, nil, SkipElsewhere, false},
		"unknown, no sign":             {Planned{Unknown: begun}, func(*Row) {}, SkipNothing, true},
		"unknown, gone on":             {Planned{Unknown: begun}, nil, SkipMoved, false},
		"unknown, refreshed":           {Planned{Unknown: begun}, func(r *Row) { r.Refreshed = begun.Truncate(time.Second).Add(-time.Second) }, SkipSent, false},
		"unknown, refreshed before":    {Planned{Unknown: begun}, func(r *Row) { r.Refreshed = begun.Add(-time.Minute) }, SkipNothing, true},
		"unknown, a job":               {Planned{Unknown: begun}, func(r *Row) { r.Jobs = 1 }, SkipSent, false},
		"unknown, stuck with its job":  {Planned{Unknown: begun}, func(r *Row) { r.Jobs, r.State = 1, queries.StateStuck }, SkipNothing, true},
		"unknown, another date":        {Planned{Unknown: begun}, func(r *Row) { r.SummaryDate.Time = now }, SkipSent, false},
		"never begun, queued":          {Planned{}, func(r *Row) { r.Jobs = 1 }, SkipQueued, false},
		"never begun, refreshed since": {Planned{}, func(r *Row) { r.Refreshed = now.Add(-time.Second) }, SkipCooldown, false},
		"never begun, deleted":         {Planned{}, func(r *Row) { r.Deleted = true }, SkipDeleted, false},
	} {
		p := tt.plan
		p.PackageStatusDP, p.Owner = status, site
		var rows []Row
		if tt.seen != nil {
			row := Row{PackageStatusDP: status, Owner: site}
			tt.seen(&row)
			rows = append(rows, row)
		}
		steps := Resume([]Planned{p}, rows, Rules{Cooldown: 30 * time.Second, Now: now})
		if len(steps) != 1 || steps[0].Skip != tt.want || (steps[0].Reason == "") != (tt.want == SkipNothing) || steps[0].Owner != site {
			t.Errorf("%s: %+v, want %q", name, steps, tt.want)
		}
		if got := len(Doubtful([]Planned{p}, rows)) == 1; got != tt.doubtful {
			t.Errorf("%s: doubtful %t", name, got)
		}
	}
}

// TestResumeKeepsOrder sends what is left as it was planned, whatever the order
// of the rows is.
func TestResumeKeepsOrder(t *testing.T) {
	site := &Site{Name: "ps1"}
	var planned []Planned
	var rows []Row
	for i, id := range []queries.PackageID{"PS100003", "PS100001", "PS100004", "PS100002"} {
		p := Planned{Owner: site, Sent: i == 1}
		p.Keys = queries.Keys{PackageID: id, SiteCode: "PS1"}
		planned = append(planned, p)
		rows = append([]Row{{PackageStatusDP: p.PackageStatusDP, Owner: site, SizeKB: uint32(i)}}, rows...)
	}
	steps := Resume(planned, rows, Rules{Order: OrderSmall})
	for i, want := range []int{1, 0, 2, 3} {
		if steps[i].PackageID != planned[i].PackageID || steps[i].Turn != want {
			t.Errorf("%s has turn %d, want %d", steps[i].PackageID, steps[i].Turn, want)
		}
	}
}
