package history

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func planOf(run, resumes RunID, rows ...PlannedRow) Plan {
	return Plan{Run: run, Inventory: "/etc/inventory.yaml", Rules: `{"a":1}`, Resumes: resumes, Rows: rows}
}

func TestPlan(t *testing.T) {
	h := mustOpen(t, filepath.Join(t.TempDir(), FileName), newClock().now)
	ctx := t.Context()
	run := startRun(t, h)
	if _, _, err := h.Plan(ctx, run); !errors.Is(err, ErrNoPlan) || errors.Is(err, ErrUnusable) {
		t.Errorf("no plan: %v", err)
	}
	changed := time.Date(2026, 11, 21, 1, 2, 3, 456789000, time.UTC)
	rows := []PlannedRow{
		{Turn: 1, Site: "ps1", Package: "PS100001", NALPath: `["x"]\\dp1\`, SiteCode: "PS1", State: "failed", Changed: changed},
		{Turn: 3, Site: "ps1", Package: "PS100002"},
	}
	if err := h.StorePlan(ctx, planOf(run, 0, rows[1], rows[0])); err != nil {
		t.Fatal(err)
	}
	got, next, err := h.Plan(ctx, run)
	if err != nil || next != 0 || got.Started.IsZero() {
		t.Errorf("next %d, started %s, %v", next, got.Started, err)
	}
	got.Started = time.Time{}
	if diff := cmp.Diff(planOf(run, 0, rows...), got); diff != "" {
		t.Error(diff)
	}
	if err := h.StorePlan(ctx, planOf(run, 0)); !errors.Is(err, ErrUnusable) {
		t.Errorf("a second plan: %v", err)
	}
	// All of a plan, or nothing.
	other := startRun(t, h)
	if err := h.StorePlan(ctx, planOf(other, 0, rows[0], rows[0])); err == nil {
		t.Error("stored two rows in one turn")
	}
	if _, _, err := h.Plan(ctx, other); !errors.Is(err, ErrNoPlan) {
		t.Errorf("half a plan: %v", err)
	}
}

// TestTakeOver has a second and a third run go on with the plan of a first one.
func TestTakeOver(t *testing.T) {
	h := mustOpen(t, filepath.Join(t.TempDir(), FileName), newClock().now)
	ctx := t.Context()
	first, second, third := startRun(t, h), startRun(t, h), startRun(t, h)
	if err := h.Take(ctx, first, second); !errors.Is(err, ErrNoPlan) {
		t.Errorf("took no plan: %v", err)
	}
	row := PlannedRow{Turn: 1, Package: "PS100001"}
	if err := h.StorePlan(ctx, planOf(first, 0, row)); err != nil {
		t.Fatal(err)
	}
	act := begin(t, h, Act{Run: first, Package: "PS100001"})
	if err := h.Take(ctx, first, second); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Begin(ctx, Act{Run: first, Package: "PS100002"}); !errors.Is(err, ErrTakenOver) || errors.Is(err, ErrUnusable) {
		t.Errorf("the first went on: %v", err)
	}
	if err := h.End(ctx, act, Stored, ""); err != nil {
		t.Errorf("what it had begun could not be ended: %v", err)
	}
	// Before the second has stored its plan, a third takes it.
	if err := h.Take(ctx, first, third); err != nil {
		t.Fatal(err)
	}
	if err := h.StorePlan(ctx, planOf(second, first, row)); !errors.Is(err, ErrTakenOver) || errors.Is(err, ErrUnusable) {
		t.Errorf("the second stored its plan: %v", err)
	}
	if err := h.StorePlan(ctx, planOf(third, first, row)); err != nil {
		t.Fatal(err)
	}
	if err := h.Take(ctx, first, second); !errors.Is(err, ErrTakenOver) {
		t.Errorf("took what is gone on with: %v", err)
	}
	if _, next, err := h.Plan(ctx, first); next != third || err != nil {
		t.Errorf("run %d goes on, %v", next, err)
	}
	if runs, err := h.Plans(ctx, "/etc/inventory.yaml"); err != nil || len(runs) != 1 || runs[0] != third {
		t.Errorf("plans %v, %v", runs, err)
	}
	if runs, err := h.Plans(ctx, "/etc/other.yaml"); err != nil || len(runs) != 0 {
		t.Errorf("plans %v, %v", runs, err)
	}
	begin(t, h, Act{Run: third, Package: "PS100003"})
	acts, err := h.ActsOfPlan(ctx, third)
	if err != nil || len(acts) != 2 || acts[0].Package != "PS100003" || acts[1].Package != "PS100001" {
		t.Errorf("acts %+v, %v", acts, err)
	}
}

// TestUnless has one run begin what another has begun, or ended in some way.
func TestUnless(t *testing.T) {
	for outcome, refused := range map[Outcome]bool{Begun: true, Stored: true, Unknown: true, Refused: false, NotSent: false} {
		c := newClock()
		h := mustOpen(t, filepath.Join(t.TempDir(), FileName), c.now)
		one, two := startRun(t, h), startRun(t, h)
		a := Act{Run: one, Operation: "put", Package: "PS100001", NALPath: "n", SiteCode: "PS1"}
		before := c.now()
		c.pass(time.Second)
		id := begin(t, h, a)
		if outcome != Begun {
			if err := h.End(t.Context(), id, outcome, ""); err != nil {
				t.Fatal(err)
			}
		}
		c.pass(time.Second)
		try := func(what string, change func(*Act), want bool) {
			t.Helper()
			b := a
			b.Run, b.Unless, b.Package = two, before, "ps100001"
			change(&b)
			_, err := h.Begin(t.Context(), b)
			if errors.Is(err, ErrBegunElse) != want || errors.Is(err, ErrUnusable) {
				t.Errorf("%s, %s: %v", outcome, what, err)
			}
		}
		try("the same", func(*Act) {}, refused)
		if refused { // or else the second run has begun it by now
			try("the same by the same run", func(b *Act) { b.Run = one }, false)
		}
		try("begun before", func(b *Act) { b.Unless = c.now() }, false)
	}
}
