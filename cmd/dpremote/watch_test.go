package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dpremote/simulator"
)

// screenText is what was written to a terminal. It is safe for concurrent use.
type screenText struct {
	mu   sync.Mutex
	text strings.Builder
	// wrote is told of each text, if it is set.
	wrote func(text string)
}

func (s *screenText) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrote != nil {
		s.wrote(string(p))
	}
	return s.text.Write(p)
}

func (s *screenText) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// watchAtTerminal runs watch as somebody at a terminal of 80 by 24.
func watchAtTerminal(t *testing.T, ctx context.Context, env map[string]string, errs *screenText, args ...string) (h *simulator.Hierarchy, code int, out string) {
	t.Helper()
	h, err := simulator.Start(t.Context(), model, simulator.Options{User: "sim", Password: "p", Strict: noSin(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	var inv, o strings.Builder
	if err := h.WriteInventory(&inv, simulator.InventoryOptions{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	if err := os.WriteFile(path, []byte(inv.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	a := testApp(strings.NewReader(""), &o, errs)
	a.getenv = func(name string) string {
		if name == simulator.PasswordVariable {
			return "p"
		}
		return env[name]
	}
	a.size = func(stream any) (int, int, bool) { return 80, 24, stream == any(errs) }
	code = a.execute(ctx, append([]string{"-i", path, "watch", "--interval", "20ms"}, args...))
	return h, code, o.String()
}

func TestWatchAtTerminal(t *testing.T) {
	const picture, color = "Waiting for 6 of 6 rows, ", "\x1b[31m"
	tests := []struct {
		name         string
		env          map[string]string
		args         []string
		drawn, color bool
	}{
		{"table", nil, nil, true, true},
		{"wide", nil, []string{"-o", "wide"}, true, true},
		{"no colours", map[string]string{"NO_COLOR": "1"}, nil, true, false},
		{"never colours", nil, []string{"--color", "never"}, true, false},
		{"always colours", map[string]string{"NO_COLOR": "1"}, []string{"--color", "always"}, true, true},
		{"a dumb terminal", map[string]string{"TERM": "dumb"}, nil, false, false},
		{"a document", nil, []string{"-o", "json"}, false, false},
		{"lines", nil, []string{"-o", "jsonl"}, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			errs := &screenText{}
			_, code, out := watchAtTerminal(t, t.Context(), tt.env, errs, append(tt.args, "--state", "failed", "--deadline", "500ms")...)
			text := errs.String()
			if code != exitDeadline || !strings.HasPrefix(text, "Waiting for 6 rows, ") || !strings.Contains(text, "Of 6 rows: 6 not decided, after ") || out == "" {
				t.Errorf("ended with %d: %s", code, text)
			}
			if strings.Contains(text, picture) != tt.drawn || strings.Contains(text, color) != tt.color || strings.Contains(text, "\x1b[") != tt.drawn {
				t.Errorf("wrote %q", text)
			}
			if i := strings.LastIndex(text, "\x1b[?25"); tt.drawn && !strings.HasPrefix(text[i:], "\x1b[?25hOf 6 rows") {
				t.Errorf("the cursor is not shown in the end: %q", text[i:])
			}
		})
	}
}

// TestWatchInterrupted interrupts watches of both modes once they are drawn: no
// subscription is left at the sites, and the picture is gone.
func TestWatchInterrupted(t *testing.T) {
	for _, mode := range []string{"poll", "events"} {
		t.Run(mode, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			errs := &screenText{wrote: func(text string) {
				if strings.Contains(text, "NEXT LOOK") {
					interrupt()
				}
			}}
			h, code, out := watchAtTerminal(t, ctx, nil, errs, "--state", "failed", "--mode", mode)
			if code != exitInterrupted || strings.Count(out, "not decided") != 6 {
				t.Errorf("ended with %d, printed %s and %s", code, out, errs.String())
			}
			if n := h.Subscriptions(); n != 0 {
				t.Errorf("%d subscriptions are left", n)
			}
			if text := errs.String(); !strings.Contains(text, "\x1b[?25hOf 6 rows: 6 not decided, after ") {
				t.Errorf("in the end: %q", text[max(0, len(text)-200):])
			}
		})
	}
}
