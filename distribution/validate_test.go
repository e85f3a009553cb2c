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

// installed are the rows that a site has installed.
func (w *world) installed(code string) []Row {
	w.t.Helper()
	v, err := Look(w.t.Context(), w.site(code), LookFor{Reasons: true, Filter: queries.Filter{States: []queries.State{queries.StateInstalled}}})
	if err != nil {
		w.t.Fatal(err)
	}
	return Merge([]*View{v})
}

// TestValidate has one row damaged among those that are installed.
func TestValidate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := w.installed("PS2")[:6]
		rows = append(rows, Merge(w.look("PS2"))[0]) // failed: there is nothing to check
		damaged := rows[2]
		w.hierarchy.Break(simulator.Target{Package: string(damaged.PackageID), DP: damaged.ServerNALPath.Server()}, simulator.HashMismatch)
		steps := PlanValidation(rows, Rules{})
		checks := ReadChecks(t.Context(), rows)
		for _, r := range Validate(t.Context(), steps, nil) {
			if r.Err != nil {
				t.Errorf("%s: %v", r.Keys, r.Err)
			}
		}
		told := 0
		AwaitChecks(t.Context(), checks, LookOptions{}, func(Check) { told++ })
		if told != len(rows) {
			t.Errorf("told of %d checks, want %d", told, len(rows))
		}
		for i, c := range checks {
			want, cause := queries.ValidationGood, ""
			switch i {
			case 2:
				want, cause = queries.ValidationDamaged, "hash-mismatch"
			case 6:
				want, cause = queries.ValidationUnchecked, "hash-mismatch"
			}
			if c.Validation != want || c.Why != cause || c.Message == "" || !c.Moved || c.Err != nil {
				t.Errorf("%s is %s, %s: %s (%v), want %s", c.Keys, c.Validation, c.Why, c.Message, c.Err, want)
			}
		}
		// A second time, the messages of the first are not taken for its outcome.
		checks = ReadChecks(t.Context(), rows)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		AwaitChecks(ctx, checks, LookOptions{}, nil)
		for _, c := range checks {
			if c.Validation != queries.ValidationOpen || c.Moved {
				t.Errorf("%s is %s without a validation", c.Keys, c.Validation)
			}
		}
	})
}

func TestPlanValidation(t *testing.T) {
	row := func(change func(*Row)) Row {
		r := Row{Home: "PS1"}
		change(&r)
		return r
	}
	for name, tt := range map[string]struct {
		row          Row
		skip, forced Skip
	}{
		"installed":    {row(func(*Row) {}), "", ""},
		"being sent":   {row(func(r *Row) { r.Jobs = 1 }), SkipQueued, ""},
		"deleted":      {row(func(r *Row) { r.Deleted = true }), SkipDeleted, SkipDeleted},
		"removal":      {row(func(r *Row) { r.State = queries.StateRemovalFailed }), SkipRemoval, SkipRemoval},
		"another site": {row(func(r *Row) { r.Home = "ps2" }), SkipElsewhere, SkipElsewhere},
	} {
		rules := Rules{Elsewhere: map[queries.SiteCode]string{"PS2": "left out"}}
		if s := PlanValidation([]Row{tt.row}, rules)[0]; s.Skip != tt.skip || (s.Reason == "") != (s.Skip == "") {
			t.Errorf("%s: skip %q because %q, want %q", name, s.Skip, s.Reason, tt.skip)
		}
		rules.Force = true
		if s := PlanValidation([]Row{tt.row}, rules)[0]; s.Skip != tt.forced {
			t.Errorf("%s, forced: skip %q, want %q", name, s.Skip, tt.forced)
		}
	}
	if s := PlanValidation(make([]Row, 3), Rules{Max: 2}); s[1].Skip != "" || s[2].Skip != SkipMax {
		t.Errorf("of three rows two are allowed: %q, %q", s[1].Skip, s[2].Skip)
	}
}

// TestValidationLosesTheSite cannot ask for what came of it.
func TestValidationLosesTheSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := w.installed("PS2")[:3]
		checks := ReadChecks(t.Context(), rows)
		Validate(t.Context(), PlanValidation(rows, Rules{}), nil)
		w.answer = func(string, *wsman.Request) (*wsman.Response, error) {
			return nil, &wsman.TransportError{Err: errors.New("no route to host")}
		}
		AwaitChecks(t.Context(), checks, LookOptions{}, nil)
		for _, c := range append(checks, ReadChecks(t.Context(), rows)...) {
			if c.Err == nil || c.Validation != queries.ValidationOpen {
				t.Errorf("%s is %s, %v", c.Keys, c.Validation, c.Err)
			}
		}
	})
}
