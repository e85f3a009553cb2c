package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// initLine is what the runtime says of a package's initialisation with
// GODEBUG=inittrace=1.
var initLine = regexp.MustCompile(`^init (\S+) @.*, (\d+) bytes, (\d+) allocs$`)

// TestStartsLight bounds what packages do before main: every command pays for
// it, whether it uses them or not. It counts what they allocate, and no time. A
// package that fails here should do its work when it is first asked to.
func TestStartsLight(t *testing.T) {
	if raced {
		t.Skip("the race detector makes what allocates allocate more") // scripts/test runs this without it
	}
	// Of the standard library and of others' packages the heaviest are
	// encoding/gob and yaml.v3, at some 30 kB.
	const ours, others, all = 48 << 10, 128 << 10, 1 << 20
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^$")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1", "GORACE=atexit_sleep_ms=0")
	trace, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	seen, sum := 0, 0
	for line := range strings.Lines(string(trace)) {
		m := initLine.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil || strings.HasPrefix(m[1], "github.com/google/go-cmp/") { // which tests alone link
			continue
		}
		bytes, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		most := others
		if isOurs := strings.HasPrefix(m[1], "dpremote/"); isOurs {
			most = ours
			seen++
		}
		if bytes > most {
			t.Errorf("%s allocates %s bytes by %s allocations before main: %d bytes at most", m[1], m[2], m[3], most)
		}
		sum += bytes
	}
	t.Logf("%d packages of ours; all packages together allocate %d bytes", seen, sum)
	if sum > all {
		t.Errorf("all packages together allocate %d bytes before main: %d at most", sum, all)
	}
	if seen < 3 {
		t.Errorf("only %d packages of ours were seen: the trace was not understood:\n%s", seen, trace)
	}
}
