package history

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clock is a time that a test moves. Each look at it is a second later.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(time.Second)
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func mustOpen(t *testing.T, path string, now func() time.Time) *History {
	t.Helper()
	h, err := Open(t.Context(), path, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func all[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var out []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func startRun(t *testing.T, h *History) RunID {
	t.Helper()
	id, err := h.StartRun(t.Context(), Run{Command: "refresh", Arguments: []string{"--site=ps1", "--yes"}, User: "ann", Host: "jump1", Version: "1.2"})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func begin(t *testing.T, h *History, a Act) ActID {
	t.Helper()
	id, err := h.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestActsOfARun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "dpremote", FileName)
	c := newClock()
	h := mustOpen(t, path, c.now)
	ctx := t.Context()
	run := startRun(t, h)
	first := Act{Run: run, Site: "ps1", Operation: "put RefreshNow", Package: "PS100001", DP: "dp01.example", NALPath: `\\dp01.example\`, SiteCode: "PS1", Account: `CORP\svc`, Detail: "partial"}
	second := Act{Run: run, Site: "ps2", Operation: "invoke RefreshPkgSource", Package: "PS200001"}
	a, b := begin(t, h, first), begin(t, h, second)
	if err := h.End(ctx, a, Refused, strings.Repeat("é", maxText)); err != nil {
		t.Fatal(err)
	}

	// What another process reads before the run has ended.
	other := mustOpen(t, path, c.now)
	entries := all(t, other.Acts(ctx, Filter{}))
	if len(entries) != 2 || !cmp.Equal(entries[0].Act, first) || !cmp.Equal(entries[1].Act, second) {
		t.Fatalf("acts %+v", entries)
	}
	if e := entries[0]; e.ID != a || e.Outcome != Refused || len(e.Error) != maxText || !e.Ended.After(e.Begun) || e.Command != "refresh" || e.User != "ann" || e.Host != "jump1" {
		t.Errorf("first act %+v", e)
	}
	if e := entries[1]; e.ID != b || e.Outcome != Begun || !e.Ended.IsZero() {
		t.Errorf("second act %+v", e)
	}
	if runs := all(t, other.Runs(ctx, time.Time{})); len(runs) != 1 || !runs[0].Ended.IsZero() {
		t.Errorf("runs %+v", runs)
	}

	if err := h.EndRun(ctx, run, 4); err != nil {
		t.Fatal(err)
	}
	runs := all(t, other.Runs(ctx, time.Time{}))
	want := RunEntry{ID: run, Run: Run{Command: "refresh", Arguments: []string{"--site=ps1", "--yes"}, User: "ann", Host: "jump1", Version: "1.2"},
		Started: runs[0].Started, Ended: runs[0].Ended, Exit: 4, Acts: map[Outcome]int{Begun: 1, Stored: 0, Refused: 1, Unknown: 0, NotSent: 0}}
	if diff := cmp.Diff([]RunEntry{want}, runs); diff != "" {
		t.Error(diff)
	}
	if runs[0].Started.IsZero() || !runs[0].Ended.After(runs[0].Started) {
		t.Errorf("from %s to %s", runs[0].Started, runs[0].Ended)
	}
}

func TestFilter(t *testing.T) {
	c := newClock()
	h := mustOpen(t, filepath.Join(t.TempDir(), FileName), c.now)
	early, late := startRun(t, h), startRun(t, h)
	outcomes := []Outcome{Stored, Refused, Unknown, NotSent, Begun}
	for i, o := range outcomes {
		id := begin(t, h, Act{Run: early, Site: "ps1", Operation: "put", Package: fmt.Sprint("PS10000", i), DP: "dp1", SiteCode: "PS1", NALPath: "n1"})
		if o == Begun {
			continue
		}
		if err := h.End(t.Context(), id, o, ""); err != nil {
			t.Fatal(err)
		}
	}
	c.pass(time.Hour)
	middle := c.now()
	begin(t, h, Act{Run: late, Site: "ps2", Operation: "invoke", Package: "ps100000", DP: "dp2", SiteCode: "PS2", NALPath: "n2"})
	for name, tt := range map[string]struct {
		filter Filter
		want   int
	}{
		"nothing":      {Filter{}, 6},
		"since":        {Filter{Since: middle}, 1},
		"until":        {Filter{Until: middle}, 5},
		"run":          {Filter{Run: late}, 1},
		"no such run":  {Filter{Run: 99}, 0},
		"site":         {Filter{Site: "PS2"}, 1},
		"site code":    {Filter{SiteCode: "ps1"}, 5},
		"package":      {Filter{Package: "PS100000"}, 2},
		"dp":           {Filter{DP: "DP2"}, 1},
		"NAL path":     {Filter{NALPath: "n1"}, 5},
		"operation":    {Filter{Operation: "put"}, 5},
		"open":         {Filter{Outcomes: []Outcome{Begun}}, 2},
		"two outcomes": {Filter{Outcomes: []Outcome{Stored, NotSent}}, 2},
		"both":         {Filter{Package: "PS100000", Outcomes: []Outcome{Stored}}, 1},
		"a quote":      {Filter{Site: "' OR 1 --"}, 0},
	} {
		if got := all(t, h.Acts(t.Context(), tt.filter)); len(got) != tt.want {
			t.Errorf("%s: %d acts, want %d", name, len(got), tt.want)
		}
	}
	if got := all(t, h.Runs(t.Context(), middle)); len(got) != 0 {
		t.Errorf("%d runs since the middle", len(got))
	}
}

func TestOutcomes(t *testing.T) {
	for _, o := range Outcomes() {
		got, err := ParseOutcome(strings.ToUpper(strings.ReplaceAll(string(o), " ", "-")))
		if got != o || err != nil {
			t.Errorf("%s: %s, %v", o, got, err)
		}
	}
	if _, err := ParseOutcome("good"); err == nil || !strings.Contains(err.Error(), "use open, stored, refused, unknown, not-sent") {
		t.Error(err)
	}
	h := mustOpen(t, filepath.Join(t.TempDir(), FileName), newClock().now)
	id := begin(t, h, Act{Run: startRun(t, h)})
	if err := h.End(t.Context(), id, Begun, ""); err == nil {
		t.Error("ended with open")
	}
	if err := h.End(t.Context(), id+1, Stored, ""); !errors.Is(err, ErrUnusable) {
		t.Errorf("ended what is not there: %v", err)
	}
	if _, err := h.Begin(t.Context(), Act{Run: 99}); !errors.Is(err, ErrUnusable) {
		t.Errorf("began in a run that is not there: %v", err)
	}
}

func TestKeepAndSummarize(t *testing.T) {
	c := newClock()
	h := mustOpen(t, filepath.Join(t.TempDir(), FileName), c.now)
	ctx := t.Context()
	one, two := startRun(t, h), startRun(t, h)
	kept := []Kept{{Run: one, Site: "ps1", Kind: "SMS_PackageStatus", Key: "a"}, {Run: one, Site: "ps1", Kind: "SMS_PackageStatus", Key: "b", Text: "<b/>"}}
	if err := h.Keep(ctx, kept...); err != nil {
		t.Fatal(err)
	}
	if err := h.Keep(ctx, Kept{Run: two, Key: "c"}, Kept{Run: 99, Key: "d"}); err == nil {
		t.Error("kept for a run that is not there")
	}
	var got []Kept
	for _, k := range all(t, h.KeptObjects(ctx, 0)) {
		if k.At.IsZero() {
			t.Error("no time")
		}
		got = append(got, k.Kept)
	}
	if diff := cmp.Diff(kept, got); diff != "" { // of two, all or none
		t.Error(diff)
	}
	if n := len(all(t, h.KeptObjects(ctx, two))); n != 0 {
		t.Errorf("%d kept by the second run", n)
	}

	seen := []Summary{{Site: "ps1", Counts: map[string]int{"failed": 3, "installed": 40}}, {Site: "ps2", Counts: nil, Error: "down"}}
	if err := h.Summarize(ctx, one, Summary{Site: "ps1", Counts: map[string]int{"failed": 9}}); err != nil {
		t.Fatal(err)
	}
	if err := h.Summarize(ctx, one, seen...); err != nil {
		t.Fatal(err)
	}
	middle := c.now()
	if err := h.Summarize(ctx, two, Summary{Site: "PS1", Counts: map[string]int{"failed": 1}}); err != nil {
		t.Fatal(err)
	}
	entries := all(t, h.Summaries(ctx, time.Time{}, "ps1"))
	if len(entries) != 2 || !cmp.Equal(entries[0].Summary, seen[0]) || entries[1].Counts["failed"] != 1 || entries[0].Run != one || entries[0].Command != "refresh" {
		t.Errorf("summaries of ps1: %+v", entries)
	}
	if entries := all(t, h.Summaries(ctx, time.Time{}, "")); len(entries) != 3 || entries[1].Error != "down" {
		t.Errorf("summaries: %+v", entries)
	}
	if entries := all(t, h.Summaries(ctx, middle, "")); len(entries) != 1 {
		t.Errorf("summaries since: %+v", entries)
	}
}

// TestOneOfAGroupFails has a statement fail that shares its transaction with
// good ones.
func TestOneOfAGroupFails(t *testing.T) {
	h := mustOpen(t, filepath.Join(t.TempDir(), FileName), newClock().now)
	run := startRun(t, h)
	h.write.Lock() // the first waits, and the others join it
	var wg sync.WaitGroup
	errs := make([]error, 4)
	for i := range errs {
		a := Act{Run: run}
		if i == 1 {
			a.Run = 99
		}
		wg.Go(func() { _, errs[i] = h.Begin(t.Context(), a) })
	}
	for joined := 0; joined < len(errs); {
		h.waiting.Lock()
		if h.next != nil {
			joined = len(h.next.members)
		}
		h.waiting.Unlock()
		runtime.Gosched()
	}
	h.write.Unlock()
	wg.Wait()
	for i, err := range errs {
		if (err != nil) != (i == 1) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if n := len(all(t, h.Acts(t.Context(), Filter{}))); n != 3 {
		t.Errorf("%d acts", n)
	}
}

func TestForTheOwnerAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes on Windows")
	}
	path := filepath.Join(t.TempDir(), "a", "b", FileName)
	h := mustOpen(t, path, newClock().now)
	startRun(t, h)
	for name, want := range map[string]os.FileMode{path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v, want %o", name, info, err, want)
		}
	}
}

// TestOddNames has characters in the path that mean something in the name of a
// data source.
func TestOddNames(t *testing.T) {
	dir := t.TempDir()
	names := []string{"a b.db", "50%20.db", "a#b.db", "ä&x=1.db"}
	if runtime.GOOS != "windows" {
		names = append(names, "a?_pragma=x.db")
	}
	for _, name := range names {
		h := mustOpen(t, filepath.Join(dir, name), newClock().now)
		startRun(t, h)
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
	found, err := filepath.Glob(filepath.Join(dir, "*.db"))
	if err != nil || len(found) != len(names) {
		t.Errorf("files %q, %v", found, err)
	}
}

// TestSideBySide has several opened histories, each as a process would have it,
// write to one new file at once.
func TestSideBySide(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	const processes, goroutines, acts = 4, 3, 10
	var wg sync.WaitGroup
	for range processes {
		wg.Go(func() {
			h, err := Open(t.Context(), path, newClock().now)
			if err != nil {
				t.Error(err)
				return
			}
			defer h.Close()
			run, err := h.StartRun(t.Context(), Run{Command: "refresh"})
			if err != nil {
				t.Error(err)
			}
			var inner sync.WaitGroup
			for range goroutines {
				inner.Go(func() {
					for range acts {
						id, err := h.Begin(t.Context(), Act{Run: run, Site: "ps1"})
						if err == nil {
							err = h.End(t.Context(), id, Stored, "")
						}
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			inner.Wait()
		})
	}
	wg.Wait()
	h := mustOpen(t, path, newClock().now)
	if got := all(t, h.Acts(t.Context(), Filter{Outcomes: []Outcome{Stored}})); len(got) != processes*goroutines*acts {
		t.Errorf("%d acts, want %d", len(got), processes*goroutines*acts)
	}
	if got := all(t, h.Runs(t.Context(), time.Time{})); len(got) != processes {
		t.Errorf("%d runs", len(got))
	}
}

// TestReadWhileWriting reads half of the acts, writes, and reads on.
func TestReadWhileWriting(t *testing.T) {
	h := mustOpen(t, filepath.Join(t.TempDir(), FileName), newClock().now)
	run := startRun(t, h)
	begin(t, h, Act{Run: run})
	begin(t, h, Act{Run: run})
	n := 0
	for e, err := range h.Acts(t.Context(), Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		if err := h.End(t.Context(), e.ID, Stored, ""); err != nil {
			t.Fatal(err)
		}
	}
	if n != 2 {
		t.Errorf("%d acts", n)
	}
}

func TestContextEnds(t *testing.T) {
	h := mustOpen(t, filepath.Join(t.TempDir(), FileName), newClock().now)
	run := startRun(t, h)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Begin(ctx, Act{Run: run}); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnusable) {
		t.Errorf("begin: %v", err)
	}
	if _, err := Open(ctx, filepath.Join(t.TempDir(), FileName), newClock().now); !errors.Is(err, context.Canceled) || errors.Is(err, ErrUnusable) {
		t.Errorf("open: %v", err)
	}
	var last error
	for _, err := range h.Acts(ctx, Filter{}) {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("acts: %v", last)
	}
	if got := all(t, h.Acts(t.Context(), Filter{})); len(got) != 0 {
		t.Errorf("%d acts were written", len(got))
	}
}

func TestPrune(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	c := newClock()
	h := mustOpen(t, path, c.now)
	ctx := t.Context()
	old, long := startRun(t, h), startRun(t, h)
	begin(t, h, Act{Run: old})
	if err := errors.Join(h.Keep(ctx, Kept{Run: old, Key: "k"}), h.Summarize(ctx, old, Summary{Site: "ps1"})); err != nil {
		t.Fatal(err)
	}
	c.pass(DefaultKeep + day)
	begin(t, h, Act{Run: long}) // it has run that long
	fresh := startRun(t, h)

	if _, err := h.Prune(ctx, LeastKeep-1); err == nil {
		t.Error("removed what is fresh")
	}
	mustOpen(t, path, c.now) // prunes: it was done more than a day ago
	runs := all(t, h.Runs(ctx, time.Time{}))
	if len(runs) != 2 || runs[0].ID != long || runs[1].ID != fresh {
		t.Errorf("left are %+v", runs)
	}
	if n := len(all(t, h.Acts(ctx, Filter{}))); n != 1 {
		t.Errorf("%d acts left", n)
	}
	if n := len(all(t, h.KeptObjects(ctx, 0))) + len(all(t, h.Summaries(ctx, time.Time{}, ""))); n != 0 {
		t.Errorf("%d objects and summaries left", n)
	}

	// A day has not passed: what is old now stays until then.
	c.pass(DefaultKeep)
	if _, err := h.db.ExecContext(ctx, `UPDATE setting SET value = ? WHERE name = 'pruned'`, millis(c.now())); err != nil {
		t.Fatal(err)
	}
	c.pass(day / 2)
	mustOpen(t, path, c.now)
	if n := len(all(t, h.Runs(ctx, time.Time{}))); n != 2 {
		t.Errorf("%d runs left", n)
	}
	if n, err := h.Prune(ctx, LeastKeep); n != 2 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	// A number is never used again.
	if id := startRun(t, h); id <= fresh {
		t.Errorf("run %d after %d", id, fresh)
	}
}

// BenchmarkActs begins and ends 500 acts, by so many goroutines at once.
func BenchmarkActs(b *testing.B) {
	for _, parallel := range []int{1, 4, 16} {
		b.Run(fmt.Sprint(parallel), func(b *testing.B) { benchmarkActs(b, parallel) })
	}
}

func benchmarkActs(b *testing.B, parallel int) {
	h, err := Open(b.Context(), filepath.Join(b.TempDir(), FileName), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	run, err := h.StartRun(b.Context(), Run{Command: "refresh"})
	if err != nil {
		b.Fatal(err)
	}
	a := Act{Run: run, Site: "ps1", Operation: "put RefreshNow", Package: "PS100001", DP: "dp01.ps1.sim.example", SiteCode: "PS1",
		NALPath: `["Display=\\dp01.ps1.sim.example\"]MSWNET:["SMS_SITE=PS1"]\\dp01.ps1.sim.example\`}
	for b.Loop() {
		turns := make(chan struct{}, 500)
		for range cap(turns) {
			turns <- struct{}{}
		}
		close(turns)
		var wg sync.WaitGroup
		for range parallel {
			wg.Go(func() {
				for range turns {
					id, err := h.Begin(b.Context(), a)
					if err == nil {
						err = h.End(b.Context(), id, Stored, "")
					}
					if err != nil {
						b.Error(err)
					}
				}
			})
		}
		wg.Wait()
	}
}
