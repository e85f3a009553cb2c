package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dpremote/simulator"
)

// TestInterrupted ends the context while a site is silent: the exit code is
// 130, and the output does not pass for whole.
func TestInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or else the server does not see the client go
		interrupt()
		<-r.Context().Done()
	}))
	defer silent.Close()
	var out, errs strings.Builder
	a := testApp(strings.NewReader(""), &out, &errs)
	a.getenv = testEnv
	code := a.execute(ctx, []string{"--host", silent.URL, "--site-code", "PS1", "--auth", "basic", "--user", "u", "--password-env", "TEST_PASSWORD",
		"--allow-unencrypted", "status", "--level", "dp", "-o", "json"})
	if code != exitInterrupted || !strings.Contains(errs.String(), "Interrupted: 1 of 1 site did not answer.") || !strings.Contains(out.String(), `"kind":"interrupted"`) {
		t.Errorf("ended with %d, printed %s and %s", code, out.String(), errs.String())
	}
}

// atTerminal runs refresh as somebody at a terminal who answers a question.
func atTerminal(t *testing.T, ctx context.Context, in io.Reader, args ...string) (h *simulator.Hierarchy, code int, out, errs string) {
	t.Helper()
	h, err := simulator.Start(t.Context(), model, simulator.Options{User: "sim", Password: "p", Strict: noSin(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	var inv, o, e strings.Builder
	if err := h.WriteInventory(&inv, simulator.InventoryOptions{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	if err := os.WriteFile(path, []byte(inv.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	a := testApp(in, &o, &e)
	a.getenv = func(name string) string { return map[string]string{simulator.PasswordVariable: "p"}[name] }
	t.Setenv(simulator.PasswordVariable, "p")
	a.terminal = func(stream any) (int, bool) { return 80, stream != any(&o) }
	code = a.execute(ctx, append([]string{"-i", path, "refresh"}, args...))
	return h, code, o.String(), e.String()
}

func refreshes(h *simulator.Hierarchy) (n int) {
	for _, r := range h.Rows(simulator.Target{}) {
		n += r.Refreshes
	}
	return n
}

func TestRefreshAsks(t *testing.T) {
	tests := []struct {
		name, answer string
		args         []string
		code, sent   int
		out          string
	}{
		{"yes", "y\n", nil, exitOK, 5, "sent"},
		{"yes, without the end of the line", "YES", nil, exitOK, 5, "sent"},
		{"no", "n\n", nil, exitOK, 0, "not sent"},
		{"just return", "\n", []string{"-o", "json"}, exitOK, 0, `"outcome":"not sent"`},
		{"nothing", "", nil, exitUsage, 0, "refresh"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, code, out, errs := atTerminal(t, t.Context(), strings.NewReader(tt.answer), tt.args...)
			if code != tt.code || refreshes(h) != tt.sent || !strings.Contains(out, tt.out) {
				t.Errorf("ended with %d after %d refreshes, printed %s and %s", code, refreshes(h), out, errs)
			}
			if !strings.Contains(errs, "Send 5 rows again? [y/N]") || !strings.Contains(out+errs, "PLAN") {
				t.Errorf("asked without a plan: %s", errs)
			}
		})
	}
}

// TestInterruptedAtTheQuestion interrupts instead of answering.
func TestInterruptedAtTheQuestion(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	in, answer := io.Pipe()
	defer answer.Close()
	h, code, _, errs := atTerminal(t, ctx, readerThat{in, interrupt})
	if code != exitInterrupted || refreshes(h) != 0 {
		t.Errorf("ended with %d after %d refreshes: %s", code, refreshes(h), errs)
	}
}

// readerThat does something when somebody waits for an answer.
type readerThat struct {
	io.Reader
	first func()
}

func (r readerThat) Read(p []byte) (int, error) {
	r.first()
	return r.Reader.Read(p)
}

// interruptedAct is a site, and a command that is interrupted while the first of
// its acts is at the site.
type interruptedAct struct {
	word string // in the request of an act
	args []string
	out  []string // what the output holds
}

// TestInterruptedActs interrupts each command that changes something while the
// site works on its first request. It sends nothing more, waits for that answer,
// shows what was done, and ends with 130.
func TestInterruptedActs(t *testing.T) {
	sentAndNot := []string{`"outcome":"sent"`, `"outcome":"not sent"`}
	for name, tt := range map[string]interruptedAct{
		"refresh":        {"RefreshNow>", []string{"refresh", "--yes"}, sentAndNot},
		"refresh full":   {"RefreshNow>", []string{"refresh", "--yes", "--put", "full"}, sentAndNot},
		"refresh, waits": {"RefreshNow>", []string{"refresh", "--yes", "--wait"}, []string{`"outcome":"not decided"`, `"outcome":"not sent"`}},
		"refresh, paced": {"RefreshNow>", []string{"refresh", "--yes", "--wait", "--per-site", "1"}, []string{`"outcome":"not decided"`, `"outcome":"not sent"`}},
		"update":         {":RefreshPkgSource_INPUT", []string{"update", "--yes", "--force", "PS100001", "PS100002"}, sentAndNot},
		"update, waits":  {":RefreshPkgSource_INPUT", []string{"update", "--yes", "--force", "--wait", "PS100001", "PS100002"}, []string{`"outcome":"not decided"`, `"outcome":"not sent"`}},
		"validate":       {":VerifyPackage_INPUT", []string{"validate", "--yes", "--all"}, sentAndNot},
		"cancel":         {":CancelDistribution_INPUT", []string{"cancel", "--yes", "--all"}, sentAndNot},
		"clear-retry":    {":DeleteKey_INPUT", []string{"diagnose", "--clear-retry", "PS100001,PS100002,PS100003,PS100004,PS100005,PS100006", "--yes"}, []string{`"action":"delete"`, `"kept":"`}},
	} {
		t.Run(name, func(t *testing.T) { tt.test(t) })
	}
}

func (tt interruptedAct) test(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_STATE_HOME", "")
	ctx, interrupt := context.WithCancel(t.Context())
	var acts atomic.Int32
	site := simulator.Site{Code: "PS1", DPs: 3, Packages: 6, Failed: map[simulator.Cause]int{simulator.Transient: 5}}
	if tt.args[0] != "refresh" {
		site.Pending, site.Storms = 3, 1
	}
	h, err := simulator.Start(t.Context(), simulator.Model{Seed: 5, Delay: time.Hour, Sites: []simulator.Site{site}}, simulator.Options{User: "sim", Password: "p", AllowUnencrypted: true, Schemes: []simulator.Scheme{simulator.Basic},
		Around: func(_ string, next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(bytes.NewReader(body))
				if bytes.Contains(body, []byte(tt.word)) {
					acts.Add(1)
					interrupt()
				}
				next.ServeHTTP(w, r)
			})
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var out, errs strings.Builder
	a := testApp(strings.NewReader(""), &out, &errs)
	a.getenv = testEnv
	url := strings.TrimSuffix(h.Sites()[0].URL, "/wsman")
	path := filepath.Join(t.TempDir(), "h.db")
	code := a.execute(ctx, append([]string{"--host", url, "--site-code", "PS1", "--auth", "basic", "--user", "sim", "--password-env", "TEST_PASSWORD",
		"--allow-unencrypted", "--connections", "1", "--history", path, "-o", "json"}, tt.args...))
	if code != exitInterrupted || acts.Load() != 1 {
		t.Errorf("ended with %d after %d acts: %s%s", code, acts.Load(), out.String(), errs.String())
	}
	for _, want := range tt.out {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s%s", want, out.String(), errs.String())
		}
	}
	for _, sent := range []string{`"outcome":"sent"`, `"outcome":"not decided"`} {
		if n := strings.Count(out.String(), sent); n > 1 {
			t.Errorf("%d rows have %s", n, sent)
		}
	}
}
