package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
