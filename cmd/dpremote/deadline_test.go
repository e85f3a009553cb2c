package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dpremote/simulator"
)

// TestDeadlineWhileSending: a deadline that passes while sites are being told is
// that of the command, and no fault of theirs.
func TestDeadlineWhileSending(t *testing.T) {
	t.Setenv("DPREMOTE_NO_HISTORY", "true")
	s := serveSharded(t, strings.NewReplacer())
	if _, err := s.Inject(simulator.Fault{Kind: simulator.Stall, Action: simulator.Put, For: time.Second}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "junit.xml")
	code, out, errs := s.run(t.Context(), "refresh", "--yes", "--force", "--wait", "--deadline", "100ms", "--junit", path)
	if code != exitDeadline || !strings.Contains(errs, "the deadline passed while PS") || strings.Contains(errs, "deadline exceeded") {
		t.Errorf("ended with %d, printed %s and %s", code, out, errs)
	}
	readJUnit(t, path).agrees(t, code)
}
