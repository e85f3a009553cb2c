package distribution

import (
	"context"
	"errors"
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

// TestMainJob goes the whole way over three sites of one hierarchy: what
// failed is found once, sent to the site that has it, and watched until it is
// installed; what a resend does not cure stays.
func TestMainJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := Merge(w.look("CAS", "PS1", "PS2"))
		if len(rows) != failedRows {
			t.Fatalf("%d rows failed, the model has %d", len(rows), failedRows)
		}
		for _, r := range rows {
			if want := map[queries.SiteCode]string{"PS1": "PS1", "PS2": "PS2", "S21": "PS2"}[r.SiteCode]; r.Owner.Name != want {
				t.Errorf("%s is asked for at %s, want %s", r.Keys, r.Owner.Name, want)
			}
			if len(r.SeenBy) != 2 {
				t.Errorf("%s is seen by %d sites, want 2", r.Keys, len(r.SeenBy))
			}
			if r.Name == "" || r.Why == "" || r.Message == "" {
				t.Errorf("%s: name %q, cause %q, message %q", r.Keys, r.Name, r.Why, r.Message)
			}
		}
		steps := MakePlan(rows, Rules{Now: time.Now(), Cooldown: time.Hour})
		results := Refresh(t.Context(), steps, PutAuto, nil)
		if len(results) != failedRows-3 {
			t.Errorf("%d rows were sent, want all but the three that a resend does not cure", len(results))
		}
		for _, r := range results {
			if r.Err != nil {
				t.Error(r.Err)
			}
		}
		if w.putsAt("CAS") != 0 || w.putsAt("PS1") != 5 || w.putsAt("PS2") != 5 {
			t.Errorf("puts: %v", w.puts)
		}
		var sent []Row
		for _, r := range results {
			sent = append(sent, r.Row)
		}
		var changes int
		for _, o := range Watch(t.Context(), sent, WatchOptions{Changed: func(_, _ Row) { changes++ }}) {
			if o.End != EndInstalled || !o.Moved {
				t.Errorf("%s ended %s in state %s", o.Keys, o.End, o.State)
			}
		}
		if changes < len(sent) {
			t.Errorf("%d changes were told of %d rows", changes, len(sent))
		}
		checkState(t, w, results)
	})
}

// checkState holds what the client saw against the simulator's own state.
func checkState(t *testing.T, w *world, results []Result) {
	t.Helper()
	for _, r := range results {
		target := simulator.Target{Package: string(r.PackageID), DP: r.ServerNALPath.Server()}
		if n := w.hierarchy.Refreshes(target); n != 1 {
			t.Errorf("%s was refreshed %d times", r.Keys, n)
		}
		for _, row := range w.hierarchy.Rows(target) {
			if row.State != uint32(queries.StateInstalled) {
				t.Errorf("%s: state %d at the site", r.Keys, row.State)
			}
		}
	}
}

// TestOnlyTheCentralSite has no primary to ask: the central site passes the
// request on, and it takes longer.
func TestOnlyTheCentralSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := Merge(w.look("CAS"))
		if len(rows) != failedRows || rows[0].Owner.Name != "CAS" {
			t.Fatalf("%d rows, asked for at %s", len(rows), rows[0].Owner.Name)
		}
		results := Refresh(t.Context(), MakePlan(rows[:1], Rules{Force: true}), PutAuto, nil)
		if w.putsAt("CAS") != 1 || results[0].Err != nil {
			t.Fatalf("puts %v, %v", w.puts, results[0].Err)
		}
		if out := Watch(t.Context(), rows[:1], WatchOptions{}); out[0].End != EndInstalled && out[0].End != EndFailed {
			t.Errorf("ended %s", out[0].End)
		}
	})
}

// TestForcedAgainstTheCause sends what a resend does not cure: it fails again
// and says why.
func TestForcedAgainstTheCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var rows []Row
		for _, r := range Merge(w.look("PS1")) {
			if r.Why == "disk-full" {
				rows = append(rows, r)
			}
		}
		if len(rows) != 2 {
			t.Fatalf("%d rows with a full disk", len(rows))
		}
		Refresh(t.Context(), MakePlan(rows, Rules{Force: true}), PutAuto, nil)
		for _, o := range Watch(t.Context(), rows, WatchOptions{}) {
			if o.End != EndFailed || o.Why != "disk-full" || o.Message == "" {
				t.Errorf("%s ended %s, %s: %s", o.Keys, o.End, o.Why, o.Message)
			}
		}
	})
}

func TestCooldownAndQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		before := Merge(w.look("PS1"))
		Refresh(t.Context(), MakePlan(before, Rules{Force: true}), PutAuto, nil)
		time.Sleep(5 * time.Second) // of invented time: transfers are under way
		v, err := Look(t.Context(), w.site("PS1"), LookFor{Reasons: true, Cooldown: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		queued, cooling := 0, 0
		for _, r := range Merge([]*View{v}) {
			if r.State != queries.StatePending || r.Refreshed.IsZero() {
				continue
			}
			cooling++
			if r.Jobs == 1 {
				queued++
			}
			if skip, _ := (Rules{Now: time.Now(), Cooldown: time.Hour}).judge(r); skip != SkipQueued {
				t.Errorf("%s would be sent again while it is sent", r.Keys)
			}
		}
		if queued != len(before) || cooling != len(before) {
			t.Errorf("of %d refreshed rows %d are queued and %d known to be refreshed", len(before), queued, cooling)
		}
	})
}

func TestPlan(t *testing.T) {
	now := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
	hopeless, _ := queries.CauseNamed("disk-full")
	curable, _ := queries.CauseNamed("hash-mismatch")
	row := func(change func(*Row)) Row {
		r := Row{PackageStatusDP: queries.PackageStatusDP{State: queries.StateFailed}, Finding: findingOf(curable)}
		change(&r)
		return r
	}
	rules := Rules{Cooldown: time.Hour, Pace: Pace{PerDP: 3}, Now: now}
	forced := rules
	forced.Force = true
	tests := []struct {
		name         string
		row          Row
		skip, forced Skip
		reason       string
	}{
		{"curable", row(func(*Row) {}), SkipNothing, SkipNothing, ""},
		{"no message", row(func(r *Row) { r.Finding = Finding{} }), SkipNothing, SkipNothing, ""},
		{"hopeless", row(func(r *Row) { r.Finding = findingOf(hopeless) }), SkipCause, SkipNothing, "disk"},
		{"queued", row(func(r *Row) { r.Jobs = 1 }), SkipQueued, SkipNothing, "queue"},
		{"refreshed lately", row(func(r *Row) { r.Refreshed = now.Add(-20 * time.Minute) }), SkipCooldown, SkipNothing, "20m0s ago"},
		{"refreshed in the future of another clock", row(func(r *Row) { r.Refreshed = now.Add(time.Minute) }), SkipCooldown, SkipNothing, "0s ago"},
		{"refreshed long ago", row(func(r *Row) { r.Refreshed = now.Add(-2 * time.Hour) }), SkipNothing, SkipNothing, ""},
		{"busy distribution point", row(func(r *Row) { r.Queue = 3 }), SkipQueueFull, SkipNothing, "3 transfers"},
		{"being deleted", row(func(r *Row) { r.Deleted = true }), SkipDeleted, SkipDeleted, "removed"},
		{"failed removal", row(func(r *Row) { r.State = queries.StateRemovalFailed }), SkipRemoval, SkipRemoval, "removal"},
		{"application on the site server", row(func(r *Row) { r.OnSiteServer, r.PackageType = true, queries.TypeApplication }), SkipSiteServer, SkipSiteServer, "site server"},
		{"package on the site server", row(func(r *Row) { r.OnSiteServer = true }), SkipNothing, SkipNothing, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			step := MakePlan([]Row{tt.row}, rules)[0]
			if step.Skip != tt.skip || !strings.Contains(step.Reason, tt.reason) || (step.Reason == "") != (tt.skip == SkipNothing) {
				t.Errorf("skip %q because %q, want %q because of %q", step.Skip, step.Reason, tt.skip, tt.reason)
			}
			if step := MakePlan([]Row{tt.row}, forced)[0]; step.Skip != tt.forced {
				t.Errorf("forced: skip %q, want %q", step.Skip, tt.forced)
			}
		})
	}
}

func TestPlanLimits(t *testing.T) {
	skips := func(rules Rules, dps ...string) (out []Skip) {
		var rows []Row
		for _, dp := range dps {
			r := Row{}
			r.ServerNALPath = queries.NALPath(dp)
			rows = append(rows, r)
		}
		for _, s := range MakePlan(rows, rules) {
			out = append(out, s.Skip)
		}
		return out
	}
	if d := cmp.Diff([]Skip{"", "", SkipMax}, skips(Rules{Max: 2}, "a", "b", "c")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]Skip{"", SkipQueueFull, "", SkipQueueFull}, skips(Rules{Pace: Pace{PerDP: 1}}, "a", "A", "b", "b")); d != "" {
		t.Error(d)
	}
}

func TestPlanLeavesOtherSitesAlone(t *testing.T) {
	row := func(site, home queries.SiteCode) Row {
		r := Row{Home: home}
		r.SiteCode = site
		return r
	}
	rules := Rules{Force: true, Elsewhere: map[queries.SiteCode]string{"PS2": "PS2 did not answer"}}
	steps := MakePlan([]Row{row("PS1", "PS1"), row("PS2", "PS2"), row("S21", "ps2")}, rules)
	for i, want := range []Skip{SkipNothing, SkipElsewhere, SkipElsewhere} {
		if steps[i].Skip != want {
			t.Errorf("%s: skip %q because %q, want %q", steps[i].SiteCode, steps[i].Skip, steps[i].Reason, want)
		}
	}
}

// TestRefreshStopsAtRefusedCredentials refuses every Put: one is enough.
func TestRefreshStopsAtRefusedCredentials(t *testing.T) {
	refuse := func(*wsman.Request) (*wsman.Response, error) { return &wsman.Response{Status: 401}, nil }
	lose := func(*wsman.Request) (*wsman.Response, error) {
		return nil, &wsman.TransportError{Err: errors.New("no route to host")}
	}
	for name, tt := range map[string]struct {
		answer func(*wsman.Request) (*wsman.Response, error)
		most   int
	}{"refused": {refuse, 2}, "unreachable": {lose, lostInARow + 1}} { // two are under way at once
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			steps := MakePlan(Merge(w.look("PS1")), Rules{Force: true})
			var mu sync.Mutex
			asked := 0
			w.answer = func(_ string, req *wsman.Request) (*wsman.Response, error) {
				mu.Lock()
				defer mu.Unlock()
				asked++
				return tt.answer(req)
			}
			for _, r := range Refresh(t.Context(), steps, PutAuto, nil) {
				if r.Err == nil || r.Unknown {
					t.Errorf("%s: %v, unknown %v", r.Keys, r.Err, r.Unknown)
				}
			}
			if asked == 0 || asked > tt.most {
				t.Errorf("asked %d times for %d rows", asked, len(steps))
			}
		})
	}
}

// TestWatchIsNotFooledByAnEmptyAnswer shows nothing for one look.
func TestWatchIsNotFooledByAnEmptyAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := Merge(w.look("PS2"))
		Refresh(t.Context(), MakePlan(rows, Rules{Force: true}), PutAuto, nil)
		var mu sync.Mutex
		asked := 0
		w.answer = func(_ string, req *wsman.Request) (*wsman.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if asked++; asked > 2 || !strings.Contains(string(req.Body), "<n:Enumerate>") {
				return nil, nil
			}
			_, rest, _ := strings.Cut(string(req.Body), "<a:MessageID>")
			id, _, _ := strings.Cut(rest, "</a:MessageID>")
			return &wsman.Response{Status: 200, ContentType: "application/soap+xml", Body: []byte(strings.Replace(emptyAnswer, "ID", id, 1))}, nil
		}
		for _, o := range Watch(t.Context(), rows, WatchOptions{}) {
			if o.End != EndInstalled && o.End != EndFailed {
				t.Errorf("%s ended %s", o.Keys, o.End)
			}
		}
	})
}

const emptyAnswer = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"` +
	` xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header><a:RelatesTo>ID</a:RelatesTo></s:Header>` +
	`<s:Body><n:EnumerateResponse><n:EnumerationContext/><w:EndOfSequence/></n:EnumerateResponse></s:Body></s:Envelope>`

// TestWatchInstalledBefore watches rows that are installed and that nobody
// refreshed: nothing was cured.
func TestWatchInstalledBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v, err := Look(t.Context(), w.site("PS1"), LookFor{Filter: queries.Filter{States: []queries.State{queries.StateInstalled}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, o := range Watch(ctx, Merge([]*View{v})[:2], WatchOptions{}) {
			if o.End != EndOpen || o.Moved {
				t.Errorf("%s ended %s, moved %v", o.Keys, o.End, o.Moved)
			}
		}
	})
}

// TestWatchLooksOnceMoreAtTheEnd has content arrive between two rare looks,
// shortly before the deadline.
func TestWatchLooksOnceMoreAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := Merge(w.look("PS2"))[:1]
		Refresh(t.Context(), MakePlan(rows, Rules{Force: true}), PutAuto, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		if out := Watch(ctx, rows, WatchOptions{Fastest: 9 * time.Second, Slowest: time.Minute}); out[0].End != EndInstalled {
			t.Errorf("ended %s", out[0].End)
		}
	})
}

func TestMergePrefersTheOwner(t *testing.T) {
	keys := queries.Keys{PackageID: "PS100001", ServerNALPath: `["Display=\\DP\"]MSWNET:["SMS_SITE=S21"]\\DP\`, SiteCode: "S21"}
	other := keys
	other.ServerNALPath = queries.NALPath(strings.ToLower(string(keys.ServerNALPath)))
	w := newWorld(t)
	view := func(code string, sites []queries.Site, k queries.Keys, state queries.State) *View {
		return &View{Site: w.site(code), Sites: sites, Rows: []queries.PackageStatusDP{{Keys: k, State: state}}}
	}
	all := []queries.Site{{SiteCode: "PS2", Type: queries.SitePrimary, ReportingSiteCode: "CAS"}, {SiteCode: "S21", Type: queries.SiteSecondary, ReportingSiteCode: "PS2"}}
	cas, ps2, ps1 := view("CAS", all, keys, queries.StateFailed), view("PS2", all, other, queries.StatePending), view("PS1", nil, keys, queries.StateRetrying)
	for _, order := range [][]*View{{cas, ps2, ps1}, {ps2, cas, ps1}, {ps1, cas, ps2}} {
		rows := Merge(order)
		if len(rows) != 1 || rows[0].Owner.Name != "PS2" || rows[0].State != queries.StatePending || len(rows[0].SeenBy) != 3 {
			t.Errorf("merged into %+v", rows)
		}
	}
	if rows := Merge([]*View{ps1, cas}); rows[0].Owner.Name != "CAS" {
		t.Errorf("without its primary the row is asked for at %s", rows[0].Owner.Name)
	}
}

// TestPutIsNeverRepeated loses the answers to all Puts: whether they were
// stored is not known, and nothing is sent twice.
func TestPutIsNeverRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		site := w.site("PS1")
		handler, _ := w.hierarchy.Handler("PS1")
		w.answer = func(code string, req *wsman.Request) (*wsman.Response, error) {
			if !isPut(req) {
				return nil, nil
			}
			(&direct{w: w, code: code, handler: handler}).serve(t.Context(), req)
			return nil, &wsman.TransportError{Sent: true, Err: errors.New("connection reset")}
		}
		v, err := Look(t.Context(), site, LookFor{Filter: queries.Filter{States: []queries.State{queries.StateFailed}}, Reasons: true})
		if err != nil {
			t.Fatal(err)
		}
		steps := MakePlan(Merge([]*View{v}), Rules{})
		results := Refresh(t.Context(), steps, PutAuto, nil)
		unknown := 0
		for _, r := range results {
			if r.Unknown {
				unknown++
			}
			if r.Err == nil || !r.Unknown && !errors.Is(r.Err, ErrGivenUp) {
				t.Errorf("%s: unknown %v, %v", r.Keys, r.Unknown, r.Err)
			}
		}
		if unknown < lostInARow || w.putsAt("PS1") != unknown {
			t.Errorf("%d puts, of %d the outcome is not known", w.putsAt("PS1"), unknown)
		}
	})
}

const schemaFault = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer"><s:Header/><s:Body><s:Fault>` +
	`<s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>x:InvalidRepresentation</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-US">incomplete</s:Text></s:Reason>` +
	`</s:Fault></s:Body></s:Envelope>`

// TestPutFallsBack refuses Puts that do not carry the whole instance, as a
// server may.
func TestPutFallsBack(t *testing.T) {
	for _, mode := range []PutMode{PutAuto, PutPartial, PutFull} {
		t.Run(string(mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				var refused sync.Map
				w.answer = func(_ string, req *wsman.Request) (*wsman.Response, error) {
					if !isPut(req) || strings.Contains(string(req.Body), "SourceSite>") {
						return nil, nil
					}
					refused.Store(len(req.Body), true)
					return &wsman.Response{Status: 500, ContentType: "application/soap+xml", Body: []byte(schemaFault)}, nil
				}
				steps := MakePlan(Merge(w.look("PS1")), Rules{})
				failed := 0
				for _, r := range Refresh(t.Context(), steps, mode, nil) {
					if r.Err != nil {
						failed++
					}
				}
				if mode == PutPartial {
					if failed != 5 || w.putsAt("PS1") != 0 {
						t.Errorf("%d failed, %d puts", failed, w.putsAt("PS1"))
					}
				} else if failed != 0 || w.putsAt("PS1") != 5 {
					t.Errorf("%d failed, %d puts", failed, w.putsAt("PS1"))
				}
			})
		})
	}
}

// TestWatchIgnoredPut watches rows that the site does not take up.
func TestWatchIgnoredPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := Merge(w.look("PS1"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, o := range Watch(ctx, rows, WatchOptions{}) {
			if o.End != EndOpen || o.Moved {
				t.Errorf("%s ended %s, moved %v", o.Keys, o.End, o.Moved)
			}
		}
	})
}

func TestWatchLosesTheSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := Merge(w.look("PS1", "PS2"))
		Refresh(t.Context(), MakePlan(rows, Rules{Force: true}), PutAuto, nil)
		w.answer = func(site string, _ *wsman.Request) (*wsman.Response, error) {
			if site == "PS1" {
				return nil, &wsman.TransportError{Err: errors.New("no route to host")}
			}
			return nil, nil
		}
		for _, o := range Watch(t.Context(), rows, WatchOptions{}) {
			switch {
			case o.Owner.Name == "PS1" && (o.End != EndUnseen || o.Err == nil):
				t.Errorf("%s ended %s, %v", o.Keys, o.End, o.Err)
			case o.Owner.Name == "PS2" && o.End != EndInstalled && o.End != EndFailed:
				t.Errorf("%s ended %s", o.Keys, o.End)
			}
		}
	})
}

func TestWatchSurvivesALostLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := Merge(w.look("PS2"))
		Refresh(t.Context(), MakePlan(rows, Rules{Force: true}), PutAuto, nil)
		var mu sync.Mutex
		lost := 0
		w.answer = func(string, *wsman.Request) (*wsman.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if lost++; lost%7 == 0 {
				return nil, &wsman.TransportError{Sent: true, Err: errors.New("reset")}
			}
			return nil, nil
		}
		for _, o := range Watch(t.Context(), rows, WatchOptions{}) {
			if o.End != EndInstalled && o.End != EndFailed {
				t.Errorf("%s ended %s, %v", o.Keys, o.End, o.Err)
			}
		}
	})
}

func TestWatchAnotherPackage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := Merge(w.look("PS1"))[:1]
		rows[0].PackageID = "PS1FFFFF"
		if out := Watch(t.Context(), rows, WatchOptions{}); out[0].End != EndGone {
			t.Errorf("a row that is not there ended %s", out[0].End)
		}
	})
}

func TestCancelledRefreshSendsNothing(t *testing.T) {
	w := newWorld(t)
	steps := MakePlan(Merge(w.look("PS1")), Rules{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range Refresh(ctx, steps, PutAuto, nil) {
		if !errors.Is(r.Err, context.Canceled) || r.Unknown {
			t.Errorf("%s: %v", r.Keys, r.Err)
		}
	}
	if w.putsAt("PS1") != 0 {
		t.Errorf("%d puts", w.putsAt("PS1"))
	}
}

func TestSiteCode(t *testing.T) {
	w := newWorld(t)
	s := w.site("PS1")
	for namespace, want := range map[string]queries.SiteCode{"root/sms/site_PS1": "PS1", `root\SMS\Site_ps1`: "PS1", "root/cimv2": "", "root/sms/site_PS1X": ""} {
		s.Session.Namespace = namespace
		if got := s.Code(); got != want {
			t.Errorf("%s is site %q, want %q", namespace, got, want)
		}
	}
}

// TestMergeBelievesWhoServes: a central site that lags behind shows as failed
// what its primaries have installed by now. That is not sent again.
func TestMergeBelievesWhoServes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		late := w.look("CAS")[0]
		w.hierarchy.Fix(simulator.Target{}, "")
		Refresh(t.Context(), MakePlan(Merge(w.look("PS1", "PS2")), Rules{Force: true}), PutAuto, nil)
		time.Sleep(time.Minute) // of invented time: all has arrived, at a secondary site too
		if rows := Merge(append(w.look("PS1", "PS2"), late)); len(rows) != 0 {
			t.Errorf("%d rows are still failed", len(rows))
		}
		// Where a primary was not asked, the central site is all there is.
		rows := Merge(append(w.look("PS1"), late))
		if len(rows) == 0 {
			t.Error("nothing is shown of the site that was not asked")
		}
		for _, r := range rows {
			if r.Home != "PS2" || r.Owner.Name != "CAS" {
				t.Errorf("%s, of %s, is shown by %s", r.Keys, r.Home, r.Owner.Name)
			}
		}
	})
}
