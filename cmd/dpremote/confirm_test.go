package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dpremote/simulator"
)

// TestMethodsAsk answers the question of the commands that call methods, and
// counts the calls.
func TestMethodsAsk(t *testing.T) {
	commands := map[string]struct {
		args     []string
		method   string
		question string
		calls    int
	}{
		"update":   {[]string{"update", "PS100001"}, "RefreshPkgSource", "Update 1 package, on 3 distribution points at least? [y/N]", 1},
		"validate": {[]string{"validate", "--package", "PS100001", "--state", "all"}, "VerifyPackage", "Have 3 rows validated? [y/N]", 3},
		"cancel":   {[]string{"cancel", "--all"}, "CancelDistribution", "Stop the transfers of 1 row? [y/N]", 1},
	}
	answers := []struct {
		answer string
		code   map[string]int // exitOK where there is none
		sent   bool
		said   string
	}{
		{"y\n", nil, true, "Asked to "},
		{"n\n", nil, false, "Nothing was sent."},
		{"", map[string]int{"update": exitUsage, "validate": exitUsage, "cancel": exitUsage}, false, "no answer: give --yes"},
	}
	for name, tt := range commands {
		for _, a := range answers {
			t.Run(name+" "+strings.TrimSpace(a.answer), func(t *testing.T) {
				calls := make(chan simulator.Exchange, 64)
				code, out, errs := answering(t, calls, a.answer, tt.args...)
				want := 0
				if a.sent {
					want = tt.calls
				}
				got := 0
				for len(calls) > 0 {
					if x := <-calls; x.Method == tt.method {
						got++
					}
				}
				if code != a.code[name] || got != want || !strings.Contains(errs, a.said) {
					t.Errorf("ended with %d after %d calls, want %d after %d; printed %s and %s", code, got, a.code[name], want, out, errs)
				}
				if !strings.Contains(errs, tt.question) || !strings.Contains(errs, "PLAN") {
					t.Errorf("asked %s", errs)
				}
			})
		}
	}
}

// answering runs a command as somebody at a terminal who answers its question.
// The site servers' exchanges that call methods go to calls.
func answering(t *testing.T, calls chan<- simulator.Exchange, answer string, args ...string) (code int, out, errs string) {
	t.Helper()
	h, err := simulator.Start(t.Context(), model, simulator.Options{User: "sim", Password: "p", Strict: noSin(t), Observe: func(x simulator.Exchange) {
		if x.Method != "" {
			calls <- x
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var inv, o, e strings.Builder
	if err := h.WriteInventory(&inv, simulator.InventoryOptions{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	if err := os.WriteFile(path, []byte(inv.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	a := testApp(strings.NewReader(answer), &o, &e)
	a.getenv = func(name string) string { return map[string]string{simulator.PasswordVariable: "p"}[name] }
	t.Setenv(simulator.PasswordVariable, "p")
	a.terminal = func(stream any) (int, bool) { return 200, stream != any(&o) }
	code = a.execute(t.Context(), append([]string{"-i", path}, args...))
	return code, o.String(), e.String()
}
