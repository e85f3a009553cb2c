package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dpremote/simulator"
)

// TestInterruptedAnywhere interrupts commands at each of their exchanges in
// turn: whatever a site had opened for them is closed, as far as they know of
// it, and they say that they were interrupted.
func TestInterruptedAnywhere(t *testing.T) {
	const most = 20 // exchanges
	commands := map[string][]string{
		"query":    {"query", "--site", "PS1", "SELECT * FROM SMS_PackageStatusDistPointsSummarizer"},
		"status":   {"status", "--level", "dp"},
		"diagnose": {"diagnose", "--logs"},
		"logs":     {"logs", "--site", "PS1", "distmgr"},
		"watch":    {"watch", "--mode", "events", "--state", "pending,retrying", "--interval", "20ms"},
		"refresh":  {"refresh", "--yes", "--wait", "--interval", "20ms"},
	}
	for name, args := range commands {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			interrupted := 0
			for at := int64(1); at <= most; at++ {
				code, errs := interruptAt(t, at, args)
				if code != exitInterrupted {
					break // it was at its end
				}
				if interrupted++; !strings.Contains(errs, "nterrupted") && !strings.Contains(errs, "not decided") {
					t.Errorf("at exchange %d it said %q", at, errs)
				}
			}
			if interrupted < 3 {
				t.Errorf("interrupted %d times only", interrupted)
			}
		})
	}
}

// interruptAt runs a command until a number of exchanges has been answered.
func interruptAt(t *testing.T, at int64, args []string) (code int, errs string) {
	t.Helper()
	// A watch has no end of its own, and waits when nothing happens any more.
	timed, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	ctx, interrupt := context.WithCancel(timed)
	defer interrupt()
	var exchanges atomic.Int64
	h, err := simulator.Start(t.Context(), model, simulator.Options{
		User: "sim", Password: "p", FirstPageItems: 2, MaxBatchItems: 2,
		Strict: func(s simulator.Sin) { t.Errorf("interrupted at exchange %d, the client sins: %v", at, s) },
		Observe: func(x simulator.Exchange) {
			if x.Action != "" && exchanges.Add(1) == at {
				interrupt()
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var inv, o, e strings.Builder
	dir := t.TempDir()
	password := filepath.Join(dir, "password")
	if err := h.WriteInventory(&inv, simulator.InventoryOptions{PasswordFile: password}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "inventory.yaml")
	for name, text := range map[string]string{path: inv.String(), password: "p\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code = testApp(strings.NewReader(""), &o, &e).execute(ctx, append([]string{"-i", path}, args...))
	return code, e.String()
}
