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

// lookAtPackages is what sites show of packages.
func (w *world) lookAtPackages(ids []queries.PackageID, codes ...string) []*PackagesView {
	w.t.Helper()
	var views []*PackagesView
	for _, code := range codes {
		v, err := LookAtPackages(w.t.Context(), w.site(code), ids)
		if err != nil {
			w.t.Fatal(err)
		}
		views = append(views, v)
	}
	return views
}

// isInvoke tells a call of a method from other requests.
func isInvoke(req *wsman.Request, method string) bool {
	return strings.Contains(string(req.Body), "/"+method+"<")
}

// loseInvokes carries out calls of a method and loses the answers. It says how
// often it did.
func (w *world) loseInvokes(method string) func() int {
	var mu sync.Mutex
	calls := 0
	w.answer = func(code string, req *wsman.Request) (*wsman.Response, error) {
		if !isInvoke(req, method) {
			return nil, nil
		}
		mu.Lock()
		calls++
		mu.Unlock()
		handler, _ := w.hierarchy.Handler(code)
		(&direct{w: w, code: code, handler: handler}).serve(w.t.Context(), req)
		return nil, &wsman.TransportError{Sent: true, Err: errors.New("connection reset")}
	}
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return calls
	}
}

// TestUpdate updates packages of two sites, each at its own, and watches until
// the new versions have arrived on the distribution points of all sites.
func TestUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ids := []queries.PackageID{"PS100001", "CAS00002", "CAS00001"} // CAS00002 is an application
		views := w.lookAtPackages(ids, "CAS", "PS1", "PS2")
		steps := PlanUpdate(ids, views, UpdateRules{})
		owners := map[queries.PackageID]string{"PS100001": "PS1", "CAS00001": "CAS", "CAS00002": "CAS"}
		for i, s := range steps {
			if s.PackageID != ids[i] || s.Skip != SkipNothing || s.Owner.Name != owners[s.PackageID] || len(s.Rows) == 0 {
				t.Fatalf("%s: skip %q because %q, owner %v, %d rows", s.PackageID, s.Skip, s.Reason, s.Owner, len(s.Rows))
			}
		}
		told := 0
		results := Update(t.Context(), steps, UpdateOptions{}, func(UpdateResult) { told++ })
		if err := AwaitVersions(t.Context(), results, LookOptions{}); err != nil || told != len(ids) {
			t.Errorf("told of %d, %v", told, err)
		}
		for _, r := range results {
			want := r.SourceVersion + 1
			if !r.PackageType.Versioned() {
				want = r.SourceVersion
			}
			if n, _ := w.hierarchy.Updates(string(r.PackageID)); n != 1 || r.Err != nil || !r.TakenUp || r.Now.SourceVersion != want {
				t.Errorf("%s: %d updates, %v, taken up %v, version %d -> %d", r.PackageID, n, r.Err, r.TakenUp, r.SourceVersion, r.Now.SourceVersion)
			}
		}
		// While it is sent nobody updates it again.
		for _, s := range PlanUpdate(ids, w.lookAtPackages(ids, "CAS", "PS1"), UpdateRules{}) {
			if s.Skip != SkipBusy {
				t.Errorf("%s: skip %q while it is updated", s.PackageID, s.Skip)
			}
		}
		for _, r := range Update(t.Context(), steps, UpdateOptions{}, nil) {
			if !errors.Is(r.Err, ErrBusy) || r.Unknown {
				t.Errorf("%s: %v while it is updated", r.PackageID, r.Err)
			}
		}
		for _, o := range WatchUpdates(t.Context(), results, WatchOptions{}) {
			version := uint32(1)
			for _, r := range results {
				if r.PackageID == o.PackageID {
					version = r.Now.SourceVersion
				}
			}
			if o.End != EndInstalled && o.End != EndFailed || o.End == EndInstalled && o.SourceVersion != version {
				t.Errorf("%s ended %s in version %d, want %d", o.Keys, o.End, o.SourceVersion, version)
			}
		}
	})
}

func TestPlanUpdate(t *testing.T) {
	w := newWorld(t)
	pkg := func(change func(*queries.Package)) queries.Package {
		p := queries.Package{PackageID: "PS100001", SourceSite: "PS1", SourceFlag: queries.SourceDirect}
		change(&p)
		return p
	}
	view := func(code string, packages ...queries.Package) *PackagesView {
		return &PackagesView{&View{Site: w.site(code)}, packages}
	}
	plain := pkg(func(*queries.Package) {})
	foreign := pkg(func(p *queries.Package) { p.SourceSite = "PS2" })
	one := func(change func(*queries.Package)) []*PackagesView { return []*PackagesView{view("PS1", pkg(change))} }
	tests := []struct {
		name         string
		views        []*PackagesView
		skip, forced Skip
		reason       string
	}{
		{"plain", []*PackagesView{view("CAS", plain), view("PS1", plain)}, "", "", ""},
		{"in other letters", one(func(p *queries.Package) { p.PackageID, p.SourceSite = "ps100001", "ps1" }), "", "", ""},
		{"shown by nobody", []*PackagesView{view("CAS")}, SkipNotFound, SkipNotFound, "no site"},
		{"owner left out", []*PackagesView{view("CAS", foreign)}, SkipElsewhere, SkipElsewhere, "PS2 did not answer"},
		{"owner not known", []*PackagesView{view("CAS", plain)}, SkipElsewhere, SkipElsewhere, "site PS1, which was not asked"},
		{"two owners", []*PackagesView{view("PS1", plain), view("PS2", foreign)}, SkipDisputed, SkipDisputed, "PS1 and PS2"},
		{"task sequence", one(func(p *queries.Package) { p.PackageType = queries.TypeTaskSequence }), SkipHarmful, SkipHarmful, "unusable"},
		{"virtual app", one(func(p *queries.Package) { p.PackageType = queries.TypeVirtualApp }), SkipNoClass, SkipNoClass, "virtual app"},
		{"busy", one(func(p *queries.Package) { p.Action = queries.ActionUpdate }), SkipBusy, "", "update"},
		{"no source", one(func(p *queries.Package) { p.SourceFlag = queries.SourceNone }), SkipNoSource, "", "no source files"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rules := UpdateRules{Elsewhere: map[queries.SiteCode]string{"PS2": "PS2 did not answer"}}
			step := PlanUpdate([]queries.PackageID{"PS100001"}, tt.views, rules)[0]
			if step.Skip != tt.skip || !strings.Contains(step.Reason, tt.reason) || (step.Reason == "") != (tt.skip == "") {
				t.Errorf("skip %q because %q, want %q because of %q", step.Skip, step.Reason, tt.skip, tt.reason)
			}
			if tt.skip == "" && (step.Owner.Name != "PS1" || step.Class.Name != "SMS_Package") {
				t.Errorf("asked of %s on %s", step.Owner.Name, step.Class.Name)
			}
			rules.Force = true
			if step := PlanUpdate([]queries.PackageID{"PS100001"}, tt.views, rules)[0]; step.Skip != tt.forced {
				t.Errorf("forced: skip %q, want %q", step.Skip, tt.forced)
			}
		})
	}
}

// TestUpdateIsNeverRepeated loses the answer to an update: it is looked for in
// the state, and not sent again.
func TestUpdateIsNeverRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ids := []queries.PackageID{"PS100001"}
		steps := PlanUpdate(ids, w.lookAtPackages(ids, "PS1"), UpdateRules{})
		calls := w.loseInvokes("RefreshPkgSource")
		results := Update(t.Context(), steps, UpdateOptions{}, nil)
		if err := AwaitVersions(t.Context(), results, LookOptions{}); err != nil {
			t.Error(err)
		}
		if r := results[0]; r.Err == nil || !r.Unknown || !r.TakenUp || calls() != 1 {
			t.Errorf("%v, unknown %v, taken up %v, %d calls", r.Err, r.Unknown, r.TakenUp, calls())
		}
	})
}

// TestUpdateThatIsNotTakenUp looks for a version that never comes.
func TestUpdateThatIsNotTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		ids := []queries.PackageID{"PS100001"}
		var results []UpdateResult
		for _, s := range PlanUpdate(ids, w.lookAtPackages(ids, "PS1"), UpdateRules{}) {
			results = append(results, UpdateResult{UpdateStep: s, Now: s.Package})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := AwaitVersions(ctx, results, LookOptions{}); err != nil || results[0].TakenUp {
			t.Errorf("%v, taken up %v", err, results[0].TakenUp)
		}
		w.answer = func(string, *wsman.Request) (*wsman.Response, error) { return &wsman.Response{Status: 401}, nil }
		if err := AwaitVersions(t.Context(), results, LookOptions{}); !errors.Is(err, wsman.ErrUnauthorized) {
			t.Errorf("refused credentials give %v", err)
		}
	})
}

// TestOlderVersionIsNotThereYet has rows installed in a version that is behind
// the one of the update.
func TestOlderVersionIsNotThereYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		row := Merge(w.look("PS1"))[0]
		for _, r := range Merge(w.look("PS1")) {
			if r.Why != "disk-full" && r.PackageType.Versioned() {
				row = r
			}
		}
		Refresh(t.Context(), MakePlan([]Row{row}, Rules{Force: true}), PutAuto, nil)
		result := UpdateResult{TakenUp: true, UpdateStep: UpdateStep{Rows: []Row{row}, Owner: row.Owner}}
		result.Now.SourceVersion = 99
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		if out := WatchUpdates(ctx, []UpdateResult{result}, WatchOptions{}); out[0].End != EndOpen || out[0].State != queries.StateInstalled {
			t.Errorf("ended %s in state %s", out[0].End, out[0].State)
		}
	})
}

// TestUpdateStopsAtRefusedCredentials asks no more than it must.
func TestUpdateStopsAtRefusedCredentials(t *testing.T) {
	w := newWorld(t)
	ids := []queries.PackageID{"PS100001", "PS100002", "PS100003", "PS100004", "PS100005", "PS100006"}
	steps := PlanUpdate(ids, w.lookAtPackages(ids, "PS1"), UpdateRules{})
	var mu sync.Mutex
	asked := 0
	w.answer = func(string, *wsman.Request) (*wsman.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		return &wsman.Response{Status: 401}, nil
	}
	for _, r := range Update(t.Context(), steps, UpdateOptions{}, nil) {
		if !errors.Is(r.Err, wsman.ErrUnauthorized) || r.Unknown {
			t.Errorf("%s: %v", r.PackageID, r.Err)
		}
	}
	if asked == 0 || asked > 2 {
		t.Errorf("asked %d times", asked)
	}
}

// TestUpdateOfAVanishedPackage reads the package again and does not find it.
func TestUpdateOfAVanishedPackage(t *testing.T) {
	w := newWorld(t)
	step := UpdateStep{Package: queries.Package{PackageID: "PS1FFFFF"}, Owner: w.site("PS1"), Class: queries.PackageClasses()[0]}
	results := Update(t.Context(), []UpdateStep{step}, UpdateOptions{}, nil)
	if err := results[0].Err; err == nil || !strings.Contains(err.Error(), "not there any longer") || results[0].Unknown {
		t.Errorf("%v, unknown %v", err, results[0].Unknown)
	}
	if _, err := LookAtPackages(t.Context(), w.site("PS1"), nil); err == nil {
		t.Error("no package is an answer")
	}
}

// boots is a site with all kinds of packages.
var boots = simulator.Model{Seed: 1, Delay: time.Second, Sites: []simulator.Site{{Code: "PS1", DPs: 1, Packages: 10}}}

// TestUpdateOfEveryKind updates what may be, with the boot image's context, and
// leaves the task sequence alone, whoever insists.
func TestUpdateOfEveryKind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := strictly(t, boots, simulator.Options{})
		w := &world{t: t, hierarchy: h, puts: map[string]int{}}
		var mu sync.Mutex
		contexts := 0
		w.answer = func(_ string, req *wsman.Request) (*wsman.Response, error) {
			if isInvoke(req, "RefreshPkgSource") && strings.Contains(string(req.Body), "ContextID>c-1<") {
				mu.Lock()
				defer mu.Unlock()
				contexts++
			}
			return nil, nil
		}
		packages, err := queries.Collect(queries.Packages(t.Context(), w.site("PS1").Session))
		if err != nil {
			t.Fatal(err)
		}
		var ids []queries.PackageID
		for _, p := range packages {
			ids = append(ids, p.PackageID)
		}
		steps := PlanUpdate(ids, w.lookAtPackages(ids, "PS1"), UpdateRules{Force: true})
		results := Update(t.Context(), steps, UpdateOptions{ContextID: "c-1", Force: true}, nil)
		classes := map[string]bool{}
		for _, r := range results {
			classes[r.Class.Name] = true
			if n, _ := h.Updates(string(r.PackageID)); r.Err != nil || n != 1 {
				t.Errorf("%s %s: %d updates, %v", r.Class.Name, r.PackageID, n, r.Err)
			}
		}
		want := map[string]bool{"SMS_Package": true, "SMS_ContentPackage": true, "SMS_SoftwareUpdatesPackage": true,
			"SMS_DriverPackage": true, "SMS_ImagePackage": true, "SMS_BootImagePackage": true}
		if d := cmp.Diff(want, classes); d != "" || contexts != 1 {
			t.Errorf("%d contexts, classes %s", contexts, d)
		}
		for _, p := range packages {
			if n, _ := h.Updates(string(p.PackageID)); p.PackageType == queries.TypeTaskSequence && n != 0 {
				t.Errorf("task sequence %s was updated", p.PackageID)
			}
		}
	})
}
