package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dpremote/simulator"
)

// killRows is how many rows the refreshes send that are killed.
const killRows = 500

// killSite is a site of which so many rows failed. What it is sent is done in a
// moment, or not for an hour.
func killSite(delay time.Duration) simulator.Model {
	return simulator.Model{Seed: 11, Delay: delay, Sites: []simulator.Site{
		{Code: "PS1", Name: "London", DPs: 25, Packages: 24, Failed: map[simulator.Cause]int{simulator.Transient: killRows}},
	}}
}

// victim is a site, and what kills the process that refreshes it.
type victim struct {
	t        *testing.T
	site     *simulator.Hierarchy
	url, dir string

	mu       sync.Mutex
	count    int // requests since the process was started
	deadline int // the request at which the process is killed; 0 for never
	after    bool
	signal   os.Signal           // in place of a kill
	hold     func(*http.Request) // what a request waits for before it is done; nil for nothing
	process  *os.Process
}

func newVictim(t *testing.T, delay time.Duration) *victim {
	t.Helper()
	v := &victim{t: t, dir: t.TempDir()}
	var err error
	v.site, err = simulator.Start(t.Context(), killSite(delay), simulator.Options{
		User: "sim", Password: simPassword, AllowUnencrypted: true, Schemes: []simulator.Scheme{simulator.Basic},
		Around: func(_ string, next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				kill, after := v.due()
				if kill && !after {
					v.kill()
				}
				if v.hold != nil {
					v.hold(r)
				}
				next.ServeHTTP(w, r)
				if kill && after {
					v.kill()
				}
			})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.site.Close() })
	v.url = strings.TrimSuffix(v.site.Sites()[0].URL, "/wsman")
	return v
}

func (v *victim) due() (kill, after bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.count++
	return v.count == v.deadline, v.after
}

func (v *victim) kill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.process == nil:
	case v.signal != nil:
		_ = v.process.Signal(v.signal)
	default:
		_ = v.process.Kill()
	}
}

// run runs dpremote until it ends, or is killed at a request: before the site
// has done it, or after. It gives the exit code, -1 for killed, and what was
// printed.
func (v *victim) run(at int, after bool, args ...string) (code int, out string) {
	v.t.Helper()
	cmd := v.command(args...)
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	v.mu.Lock()
	v.count, v.deadline, v.after = 0, at, after
	v.mu.Unlock()
	return v.await(cmd), all.String()
}

// command is dpremote with a command for the site.
func (v *victim) command(args ...string) *exec.Cmd {
	args = append([]string{"--host", v.url, "--site-code", "PS1", "--auth", "basic", "--user", "sim", "--password-env", "SIM_PASSWORD",
		"--allow-unencrypted", "--history", filepath.Join(v.dir, "history.db")}, args...)
	cmd := exec.CommandContext(v.t.Context(), "dpremote-hasty", args...)
	cmd.Env = append(os.Environ(), "SIM_PASSWORD="+simPassword, "GORACE=atexit_sleep_ms=0", "GOMAXPROCS=2")
	return cmd
}

// await runs a process until it ends, and gives its exit code.
func (v *victim) await(cmd *exec.Cmd) int {
	v.mu.Lock()
	if err := cmd.Start(); err != nil {
		v.mu.Unlock()
		v.t.Error(err)
		return -1
	}
	v.process = cmd.Process
	v.mu.Unlock()
	err := cmd.Wait()
	v.mu.Lock()
	v.process = nil
	v.mu.Unlock()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		v.t.Error(err)
	}
	return cmd.ProcessState.ExitCode()
}

// once holds the site to having had each row refreshed exactly once.
func (v *victim) once(what string) {
	v.t.Helper()
	counts := map[int]int{}
	for _, r := range v.site.Rows(simulator.Target{}) {
		counts[r.Refreshes]++
	}
	if counts[1] != killRows || len(counts) > 2 || counts[0]+counts[1] != len(v.site.Rows(simulator.Target{})) {
		v.t.Errorf("%s: rows by how often they were refreshed: %v, want %d once", what, counts, killRows)
	}
}

var refreshAll = []string{"refresh", "--yes", "--per-dp", "0", "--per-site", "0", "-o", "json"}

// requestsOfARefresh counts the requests of a refresh that nobody kills.
func requestsOfARefresh(t *testing.T) int {
	t.Helper()
	v := newVictim(t, time.Hour)
	if code, out := v.run(0, false, refreshAll...); code != exitOK {
		t.Fatalf("ended with %d: %s", code, out)
	}
	v.once("undisturbed")
	return v.count
}

// random is a source for a test, of a seed that it prints or that
// DPREMOTE_TEST_SEED gives.
func random(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("DPREMOTE_TEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("DPREMOTE_TEST_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// killPoint is where a process is killed, and what comes after.
type killPoint struct {
	request       int
	after         bool
	again         int // the request at which the next process is killed; 0 for never
	delay         time.Duration
	plain, forget bool // refresh instead of refresh --resume; and without a history
}

func (p killPoint) String() string {
	return fmt.Sprintf("killed at request %d (after: %t, again: %d, delay %s, plain: %t, forget: %t)", p.request, p.after, p.again, p.delay, p.plain, p.forget)
}

// killsWanted is how many refreshes are killed that are resumed: as many as
// DPREMOTE_TEST_KILLS says, which scripts/test has be 50, or a few.
func killsWanted(t *testing.T) int {
	text := os.Getenv("DPREMOTE_TEST_KILLS")
	if text == "" {
		return 6
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("DPREMOTE_TEST_KILLS=%s is no number of kills", text)
	}
	return n
}

// TestKilled kills refreshes of 500 rows at random points. Whether the next one
// resumes or refreshes again, with the history or without, each row is
// refreshed once, by the site's own count.
func TestKilled(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process is killed otherwise there")
	}
	kills := killsWanted(t)
	plain := max(4, kills/5)
	all := requestsOfARefresh(t)
	if all < killRows {
		t.Fatalf("%d requests for %d rows", all, killRows)
	}
	rng := random(t)
	points := make(chan killPoint, kills+plain)
	for i := range kills + plain {
		p := killPoint{request: 1 + rng.IntN(all), after: rng.IntN(2) == 0, delay: []time.Duration{time.Millisecond, time.Hour}[rng.IntN(2)]}
		switch n := rng.IntN(10); {
		case n == 0: // before it sends
			p.request = 1 + rng.IntN(all-killRows)
		case n < 8: // while it sends
			p.request = all - rng.IntN(killRows)
		}
		if i >= kills {
			p.plain, p.forget = true, i%2 == 0
		}
		if rng.IntN(4) == 0 {
			p.again = 1 + rng.IntN(all)
		}
		points <- p
	}
	close(points)
	var mu sync.Mutex
	partly := 0
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for p := range points {
				if sent := killAndGoOn(t, p); 0 < sent && sent < killRows {
					mu.Lock()
					partly++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d of %d were killed while they sent", partly, kills+plain)
	if partly < kills/3 {
		t.Errorf("only %d of %d were killed while they sent", partly, kills+plain)
	}
}

// killAndGoOn kills a refresh and goes on with it. It gives how many rows had
// been refreshed when the first process was dead.
func killAndGoOn(t *testing.T, p killPoint) (sent int) {
	v := newVictim(t, p.delay)
	defer v.site.Close()
	if code, out := v.run(p.request, p.after, refreshAll...); code != -1 && code != exitOK {
		t.Errorf("%s: ended with %d: %s", p, code, out)
		return 0
	}
	sent = v.site.Refreshes(simulator.Target{})
	next := []string{"refresh", "--resume", "--yes", "--per-dp", "0", "--per-site", "0", "-o", "json"}
	if p.plain {
		next = refreshAll
	}
	if p.forget {
		next = append(next[:len(next):len(next)], "--no-history")
	}
	code, out := -1, ""
	if p.again > 0 {
		code, out = v.run(p.again, p.after, next...)
	}
	if code == -1 {
		code, out = v.run(0, false, next...)
	}
	if code == exitUsage && strings.Contains(out, "there is nothing to resume") && (sent == 0 || v.site.Refreshes(simulator.Target{}) == killRows) {
		// It was killed before it had a plan, or when all was sent and known to be.
		code, out = v.run(0, false, refreshAll...)
	}
	if code != exitOK {
		t.Errorf("%s: the next ended with %d: %s", p, code, out)
	}
	v.once(p.String())
	return sent
}

// hasty is dpremote that does not wait for requests of killed processes for as
// long as one must on a network.
func hasty() {
	a := newApp()
	a.straggling = time.Second
	os.Exit(a.run())
}

// TestInterruptedAndResumed interrupts a refresh by a signal, and resumes it.
func TestInterruptedAndResumed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be sent an interrupt there")
	}
	v := newVictim(t, time.Hour)
	v.signal = os.Interrupt
	code, out := v.run(100, false, refreshAll...)
	sent := v.site.Refreshes(simulator.Target{})
	if code != exitInterrupted || strings.Count(out, `"outcome":"sent"`) != sent || sent == 0 || sent == killRows {
		t.Fatalf("ended with %d, %d were sent: %.300s", code, sent, out)
	}
	if want := fmt.Sprintf("Interrupted: %d rows are not known to be sent. 'dpremote refresh --resume' goes on.", killRows-sent); !strings.Contains(out, want) ||
		!strings.Contains(out, "Stopping; interrupt once more to end at once.") {
		t.Errorf("not told: %s", want)
	}
	dry, out := v.run(0, false, "refresh", "--resume", "--dry-run", "--per-dp", "0", "--per-site", "0", "-o", "jsonl")
	if left := strings.Count(out, `"action":"refresh"`); dry != exitOK || left != killRows-sent || v.site.Refreshes(simulator.Target{}) != sent {
		t.Errorf("the dry run ended with %d and would send %d", dry, left)
	}
	code, out = v.run(0, false, "refresh", "--resume", "1", "--yes", "--per-dp", "0", "--per-site", "0", "-o", "jsonl")
	if said := fmt.Sprintf("was to send %d rows: %d sent, %d not begun.", killRows, sent, killRows-sent); code != exitOK || !strings.Contains(out, said) {
		t.Errorf("ended with %d, without %q: %.300s", code, said, out)
	}
	if n := strings.Count(out, `"outcome":"sent"`); n != killRows {
		t.Errorf("%d of %d rows are shown as sent", n, killRows)
	}
	v.once("interrupted and resumed")
	if code, out := v.run(0, false, "refresh", "--resume", "--yes"); code != exitUsage || !strings.Contains(out, "there is nothing to resume") {
		t.Errorf("once more ended with %d: %s", code, out)
	}
	if code, out := v.run(0, false, "refresh", "--resume", "1", "--yes"); code != exitUsage || !strings.Contains(out, "run 3 has gone on with run 1: resume that") {
		t.Errorf("the first once more ended with %d: %s", code, out)
	}
}

// TestInterruptedTwice interrupts a refresh a second time while the site holds
// its answer back: it ends at once.
func TestInterruptedTwice(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot be sent an interrupt there")
	}
	v := newVictim(t, time.Hour)
	v.signal = os.Interrupt
	released := make(chan struct{})
	v.hold = func(r *http.Request) {
		if v.puts(r) {
			v.kill()
			<-released
		}
	}
	cmd := v.command(refreshAll...)
	cmd.Stderr = writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("Stopping")) {
			v.kill()
		}
		return len(p), nil
	})
	began := time.Now()
	code := v.await(cmd)
	close(released)
	if took := time.Since(began); code != -1 || took > 4*time.Second { // it would wait 5 s for the answer
		t.Errorf("ended with %d after %s", code, took)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// puts tells a request for a refresh.
func (v *victim) puts(r *http.Request) bool {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return false
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return bytes.Contains(body, []byte("RefreshNow>"))
}

// TestTakenOver resumes a refresh that still goes on in another process. That one
// sends nothing more, and says so.
func TestTakenOver(t *testing.T) {
	v := newVictim(t, time.Hour)
	var puts atomic.Int32
	halfway, taken := make(chan struct{}), make(chan struct{})
	var once sync.Once
	v.hold = func(r *http.Request) {
		if !v.puts(r) {
			select {
			case <-halfway: // it is the second process that looks
				once.Do(func() { close(taken) })
			default:
			}
			return
		}
		switch n := puts.Add(1); {
		case n == 100:
			close(halfway)
			fallthrough
		case n > 100:
			<-taken
		}
	}
	var first, second bytes.Buffer
	var codes [2]int
	var wg sync.WaitGroup
	wg.Go(func() {
		cmd := v.command(refreshAll...)
		cmd.Stdout, cmd.Stderr = &first, &first
		codes[0] = v.await(cmd)
	})
	wg.Go(func() {
		<-halfway
		cmd := v.command("refresh", "--resume", "--yes", "--per-dp", "0", "--per-site", "0", "-o", "json")
		cmd.Stdout, cmd.Stderr = &second, &second
		codes[1] = v.await(cmd)
	})
	wg.Wait()
	if codes[0] != exitIncomplete || strings.Count(first.String(), "another refresh --resume has taken over") != 1 {
		t.Errorf("the first ended with %d: %.400s", codes[0], first.String())
	}
	if codes[1] != exitOK {
		t.Errorf("the second ended with %d: %.400s", codes[1], second.String())
	}
	v.once("taken over")
}

// TestTwoAtOnce has two processes with one history refresh the same site, both
// of which have seen all rows before any was sent: each row is sent once.
func TestTwoAtOnce(t *testing.T) {
	v := newVictim(t, time.Hour)
	var mu sync.Mutex
	var once sync.Once
	waiting, both := map[string]bool{}, make(chan struct{})
	v.hold = func(r *http.Request) {
		if !v.puts(r) {
			return
		}
		mu.Lock()
		if waiting[r.RemoteAddr] = true; len(waiting) == 2 { // a connection of each, for each has one
			once.Do(func() { close(both) })
		}
		mu.Unlock()
		<-both
	}
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			cmd := v.command(append(refreshAll, "--connections", "1")...)
			var all bytes.Buffer
			cmd.Stdout, cmd.Stderr = &all, &all
			if code := v.await(cmd); code != exitOK || !strings.Contains(all.String(), "another run has begun the same meanwhile") {
				t.Errorf("ended with %d: %.400s", code, all.String())
			}
		})
	}
	wg.Wait()
	v.once("two at once")
}
