package distribution

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

// TestRefreshPaced lets two transfers be open at a site, and counts at the site
// itself how many there ever are.
func TestRefreshPaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.hierarchy.Fix(simulator.Target{}, "")
		site := w.site("PS2")
		rows := Merge(w.look("PS2"))
		steps := MakePlan(rows, Rules{Pace: Pace{PerSite: 2, Wait: true}, Now: time.Now()})
		planned, later := 0, 0
		for _, s := range steps {
			if s.Skip == SkipNothing {
				planned++
			}
			if s.Later {
				later++
			}
		}
		if planned < 4 || later != planned-2 {
			t.Fatalf("of %d rows %d are to be sent later", planned, later)
		}
		most := 0
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			for rest(ctx, 100*time.Millisecond) == nil {
				jobs, err := queries.Collect(queries.Jobs(ctx, site.Session))
				if err == nil {
					most = max(most, len(jobs))
				}
			}
		})
		var held []int
		results := RefreshPaced(t.Context(), steps, PaceOptions{
			Pace: Pace{PerSite: 2}, Held: func(_ *Site, left int) { held = append(held, left) },
		})
		for _, o := range Watch(t.Context(), rowsOf(results), WatchOptions{}) {
			if o.End != EndInstalled {
				t.Errorf("%s ended %s", o.Keys, o.End)
			}
		}
		stop()
		wg.Wait()
		if len(results) != planned || w.putsAt("PS2") != planned {
			t.Errorf("%d results, %d puts of %d rows", len(results), w.putsAt("PS2"), planned)
		}
		if most != 2 {
			t.Errorf("%d transfers were open at once", most)
		}
		if !slices.IsSortedFunc(held, func(a, b int) int { return b - a }) || len(held) == 0 || held[0] != planned-2 {
			t.Errorf("held back: %v", held)
		}
	})
}

func rowsOf(results []Result) []Row {
	var rows []Row
	for _, r := range results {
		rows = append(rows, r.Row)
	}
	return rows
}

// TestRefreshPacedEnds when the context does, when credentials are refused, and
// when the queues cannot be read: what was held back is not sent, and says why.
func TestRefreshPacedEnds(t *testing.T) {
	refused := &wsman.Response{Status: 401}
	for _, tt := range []struct {
		name   string
		answer func(req *wsman.Request) *wsman.Response
		want   error
	}{
		{"deadline", func(*wsman.Request) *wsman.Response { return nil }, context.DeadlineExceeded},
		{"put refused", func(req *wsman.Request) *wsman.Response {
			if isPut(req) {
				return refused
			}
			return nil
		}, ErrGivenUp},
		{"look refused", func(req *wsman.Request) *wsman.Response {
			if isPut(req) {
				return nil
			}
			return refused
		}, wsman.ErrUnauthorized},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				steps := MakePlan(Merge(w.look("PS2")), Rules{Pace: Pace{PerSite: 3, Wait: true}, Now: time.Now()})
				w.answer = func(_ string, req *wsman.Request) (*wsman.Response, error) { return tt.answer(req), nil }
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // of invented time, less than a transfer takes
				defer cancel()
				told := 0
				results := RefreshPaced(ctx, steps, PaceOptions{Pace: Pace{PerSite: 1}, Done: func(Result) { told++ }})
				if told != len(results) {
					t.Errorf("told of %d of %d rows", told, len(results))
				}
				held := 0
				for i, r := range results {
					if r.RowKey().Package == "" {
						t.Errorf("nothing is known of row %d", i)
					}
					if errors.Is(r.Err, tt.want) && !r.Unknown {
						held++
					}
				}
				if held < len(results)-3 || held == 0 {
					t.Errorf("%d of %d rows say that they were held back", held, len(results))
				}
			})
		})
	}
}

func TestOrder(t *testing.T) {
	day := func(n int) (r Row) {
		r.SummaryDate.Time = time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)
		return r
	}
	rows := []Row{day(3), day(1), day(4), day(2)}
	for i, size := range []uint32{50, 0, 10, 90} {
		rows[i].SizeKB = size
	}
	for order, want := range map[Order][]int{
		"":         {2, 4, 1, 3}, // the unknown size last
		OrderSmall: {2, 4, 1, 3},
		OrderLarge: {2, 4, 3, 1},
		OrderOld:   {3, 1, 4, 2},
		OrderList:  {1, 2, 3, 4},
	} {
		var turns []int
		for _, s := range MakePlan(rows, Rules{Order: order}) {
			turns = append(turns, s.Turn)
		}
		if diff := cmp.Diff(want, turns); diff != "" {
			t.Errorf("order %q: %s", order, diff)
		}
	}
	if _, err := ParseOrder("big"); err == nil {
		t.Error("any order will do")
	}
	steps := MakePlan(rows, Rules{Order: OrderSmall, Max: 2})
	if steps[2].Skip != SkipNothing || steps[0].Skip != SkipNothing || steps[3].Skip != SkipMax {
		t.Errorf("the smallest are not those that are sent: %+v", steps)
	}
}

func TestTravels(t *testing.T) {
	row := func(dp string, kb uint32) (r Row) {
		r.ServerNALPath, r.SiteCode, r.SizeKB = nal(dp, "PS1"), "PS1", kb
		return r
	}
	steps := MakePlan([]Row{row("a", 5), row("b", 1), row("A", 2), row("b", 0)}, Rules{})
	steps = append(steps, Step{Row: row("a", 1000), Skip: SkipCause})
	all, dps := Travels(steps)
	if diff := cmp.Diff(Travel{Rows: 4, KB: 8, Unknown: 1}, all); diff != "" {
		t.Error(diff)
	}
	want := []DPTravel{{"a", "PS1", Travel{Rows: 2, KB: 7}}, {"b", "PS1", Travel{Rows: 2, KB: 1, Unknown: 1}}}
	if diff := cmp.Diff(want, dps); diff != "" {
		t.Error(diff)
	}
}

// TestPlanInAStorm skips the package of a storm that rages, and of no other.
func TestPlanInAStorm(t *testing.T) {
	now := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	row := Row{}
	row.PackageID = "ps100001"
	for _, tt := range []struct {
		name  string
		storm Storm
		force bool
		want  Skip
	}{
		{"rages", Storm{PackageID: "PS100001", Last: now.Add(-10 * time.Minute)}, false, SkipStorm},
		{"is over", Storm{PackageID: "PS100001", Last: now.Add(-2 * time.Hour)}, false, SkipNothing},
		{"another's", Storm{PackageID: "PS100002", Last: now}, false, SkipNothing},
		{"forced", Storm{PackageID: "PS100001", Last: now}, true, SkipNothing},
	} {
		step := MakePlan([]Row{row}, Rules{Now: now, Storms: []Storm{tt.storm}, Force: tt.force})[0]
		if step.Skip != tt.want || (step.Reason == "") != (tt.want == SkipNothing) {
			t.Errorf("%s: skip %q because %q", tt.name, step.Skip, step.Reason)
		}
	}
}

// TestLookInGroups looks at the members of a group alone.
func TestLookInGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		look := func(code, name string) *View {
			p, err := queries.ParsePattern(name)
			if err != nil {
				t.Fatal(err)
			}
			v, err := Look(t.Context(), w.site(code), LookFor{Groups: []queries.Pattern{p}})
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		all := look("CAS", "*")
		some := look("CAS", "*ps1 dps")
		if len(some.Groups) != 1 || len(some.Rows) == 0 || len(some.Rows) >= len(all.Rows) {
			t.Errorf("%d rows in %q, %d in all", len(some.Rows), some.Groups, len(all.Rows))
		}
		for _, r := range some.Rows {
			if !strings.EqualFold(string(r.SiteCode), "PS1") {
				t.Errorf("%s is in %q", r.Keys, some.Groups)
			}
		}
		if none := look("PS1", "No such group"); len(none.Rows)+len(none.Groups) != 0 {
			t.Errorf("%d rows in %q", len(none.Rows), none.Groups)
		}
	})
}
