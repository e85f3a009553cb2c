package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/distribution"
	"dpremote/queries"
	"dpremote/simulator"
)

// TestRun soaks three sites for a round and a calm one, and reads the figures.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	wrongs, err := run(t.Context(), options{length: time.Nanosecond, sites: 3, fewest: 1, seed: 5}, &out)
	if err != nil {
		t.Fatal(err)
	}
	text := out.String()
	// So short a soak need not meet all that one is to meet.
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") && !strings.Contains(line, "so this soak shows nothing of them") {
			t.Errorf("of %d: %s", wrongs, line)
		}
	}
	for _, want := range []string{`seed 5\n`, `rounds +2 in`, `requests +\d{2,}: .*pull \d`, `in the right state \d`, `refreshes +\d+: stored \d`, `heap +peak \d`} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
}

// TestCompare: each way in which rows can be wrong is told.
func TestCompare(t *testing.T) {
	a, b := key{"PS100001", "dp01"}, key{"PS100002", "dp01"}
	row := func(state uint32, refreshes int) simulator.Row {
		return simulator.Row{Site: "PS1", State: state, Refreshes: refreshes}
	}
	before := map[key]simulator.Row{a: row(3, 0), b: row(0, 0)}
	moved := map[key]simulator.Row{a: row(1, 1), b: row(0, 0)}
	good := []seen{{a, "PS1", queries.StateFailed}, {b, "PS1", queries.StateInstalled}}
	tests := []struct {
		name   string
		rows   []seen
		after  map[key]simulator.Row
		steady int
		wrong  []string
	}{
		{"right", good, before, 2, nil},
		{"moved", good, moved, 1, nil},
		{"another state", []seen{good[0], {b, "PS1", queries.StateFailed}}, before, 1, []string{"row PS100002 on dp01 is in state 0, not 3"}},
		{"another site", []seen{good[0], {b, "PS2", queries.StateInstalled}}, before, 1, []string{"row PS100002 on dp01 is of site PS1, not PS2"}},
		{"twice", append(good[:2:2], good[0]), before, 2, []string{"row PS100001 on dp01 is there twice"}},
		{"missing", good[:1], before, 1, []string{"row PS100002 on dp01 is missing"}},
		{"invented", append(good[:2:2], seen{key{"X", "y"}, "PS1", 0}), before, 2, []string{"row X on y is not there"}},
	}
	for _, tt := range tests {
		steady, wrong := compare(tt.rows, before, tt.after)
		if steady != tt.steady || !cmp.Equal(wrong, tt.wrong) {
			t.Errorf("%s: %d steady, wrong %q; want %d, %q", tt.name, steady, wrong, tt.steady, tt.wrong)
		}
	}
}

func TestSameSet(t *testing.T) {
	there := []string{"b", "a", "a"}
	for read, want := range map[string]string{
		"a b": "", "a": "x b is missing", "b": "x a is missing", "": "x a is missing, x b is missing",
		"a b c": "x c is not there, or there twice", "a a b": "x a is not there, or there twice",
	} {
		if got := strings.Join(sameSet("x", strings.Fields(read), slices.Clone(there), false), ", "); got != want {
			t.Errorf("%q: %q, want %q", read, got, want)
		}
	}
	if wrong := sameSet("x", []string{"a", "b", "a"}, there, true); wrong != nil {
		t.Errorf("twice where it may be: %q", wrong)
	}
}

// TestLeak: a heap that grows is told from one that swings.
func TestLeak(t *testing.T) {
	const mb = 1 << 20
	tests := []struct {
		name        string
		client      []int64
		grew, known bool
	}{
		{"too few", []int64{1, 2, 3, 400 * mb}, false, false},
		{"warm-up", []int64{90 * mb, 80 * mb, 5 * mb, 5 * mb, 5 * mb}, false, true},
		{"swings", []int64{0, 0, 5 * mb, 6 * mb, 5 * mb, 4 * mb, 6 * mb, 5 * mb}, false, true},
		{"grows", []int64{0, 0, 5 * mb, 6 * mb, 7 * mb, 8 * mb, 9 * mb, 10 * mb}, true, true},
	}
	for _, tt := range tests {
		if _, _, grew, known := leak(tt.client); grew != tt.grew || known != tt.known {
			t.Errorf("%s: grew %t, known %t", tt.name, grew, known)
		}
	}
}

// small is a soak of two calm sites, without its rounds.
func small(t *testing.T) *soak {
	t.Helper()
	s := &soak{options: options{sites: 2, seed: 1}, out: io.Discard, random: rand.New(rand.NewPCG(1, 1)), journal: journal{begun: map[key]int{}}}
	if err := s.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.site.Close() })
	for _, f := range s.site.Injected() {
		f.Stop()
	}
	return s
}

// TestStored: a refresh that the site counts otherwise than its result says is
// told.
func TestStored(t *testing.T) {
	s := small(t)
	f, err := openFleet(t.Context(), s.site, &s.journal)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	r := &visit{soak: s, fleet: f}
	views := r.status(t.Context())
	before := s.truth.refreshes()
	sent, _ := r.refresh(t.Context(), views)
	if len(sent) == 0 || s.figures.wrongs() != 0 {
		t.Fatalf("%d sent, wrong: %q", len(sent), s.figures.wrong)
	}
	lost := errors.New("lost")
	for name, results := range map[string][]distribution.Result{
		"of which no result tells": {},
		"not sent after 0 acts":    {{Row: sent[0], Err: lost}},
		"there are two results":    {{Row: sent[0]}, {Row: sent[0]}},
	} {
		s.figures.wrong = nil
		r.stored(results, before)
		text := strings.Join(s.figures.wrong, "\n")
		if !strings.Contains(text, name) {
			t.Errorf("no %q in %q", name, text)
		}
	}
	// Before is after: nothing was stored.
	s.figures.wrong = nil
	r.stored([]distribution.Result{{Row: sent[0]}}, s.truth.refreshes())
	if text := strings.Join(s.figures.wrong, "\n"); !strings.Contains(text, "stored after 0 acts, but the site stored 0") {
		t.Errorf("a result that the site does not know of: %q", text)
	}
}

// TestSettles: what a round leaves is seen.
func TestSettles(t *testing.T) {
	s := small(t)
	first := s.level()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if now, ok := s.settles(ctx, first); !ok {
		t.Errorf("%s after %s", now, first)
	}
	stay := make(chan struct{})
	defer close(stay)
	go func() { <-stay }()
	if _, ok := s.settles(ctx, first); ok {
		t.Error("a goroutine was left, and not seen")
	}
}
