package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"dpremote/internal/history"
	"dpremote/wsman"
)

// TestHistoryBreaks has a history take two acts and no more, as on a disk that
// is full by then: all is sent, and one warning says what is missing.
func TestHistoryBreaks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h.db")
	h, err := history.Open(t.Context(), path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TRIGGER enough BEFORE INSERT ON act WHEN (SELECT count(*) FROM act) >= 2 BEGIN SELECT RAISE(ABORT, 'no more'); END`); err != nil {
		t.Fatal(err)
	}
	server, code, out, errs := atTerminal(t, t.Context(), strings.NewReader(""), "--yes", "--history", path)
	if code != exitOK || refreshes(server) != 5 || strings.Count(out, "sent") != 5 {
		t.Errorf("ended with %d, %d were sent: %s", code, refreshes(server), out)
	}
	if n := strings.Count(errs, "warning: history "+path+": "); n != 1 || !strings.Contains(errs, "not written down") {
		t.Errorf("%d warnings: %s", n, errs)
	}
	acts := 0
	for e, err := range h.Acts(t.Context(), history.Filter{}) {
		if acts++; err != nil || e.Outcome != history.Stored {
			t.Errorf("act %+v, %v", e, err)
		}
	}
	if acts != 2 {
		t.Errorf("%d acts were written", acts)
	}
	for r, err := range h.Runs(t.Context(), time.Time{}) {
		if err != nil || r.Ended.IsZero() || r.Exit != exitOK {
			t.Errorf("run %+v, %v", r, err)
		}
	}
}

// TestHistoryOfASweep has refresh write what it saw of each site.
func TestHistoryOfASweep(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h.db")
	if _, code, _, errs := atTerminal(t, t.Context(), strings.NewReader(""), "--yes", "--history", path); code != exitOK || strings.Contains(errs, "warning") {
		t.Fatalf("ended with %d: %s", code, errs)
	}
	h, err := history.Open(t.Context(), path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var seen []string
	for s, err := range h.Summaries(t.Context(), time.Time{}, "") {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, fmt.Sprintf("%d %s %s %v %q", s.Run, s.Command, s.Site, s.Counts, s.Error))
	}
	if got := strings.Join(seen, "; "); got != `1 refresh cas map[failed:6] ""; 1 refresh ps1 map[failed:4] ""; 1 refresh ps2 map[failed:2] ""` {
		t.Errorf("seen: %s", got)
	}
}

// TestHistoryOfADeletion has diagnose --clear-retry write what it deleted.
func TestHistoryOfADeletion(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	path := filepath.Join(t.TempDir(), "h.db")
	url := serveRefusing(t, func([]byte) bool { return false })
	if code, out, errs := ask(t, url, "--site-code", "PS1", "--history", path, "diagnose", "--clear-retry", "CAS00001", "--yes"); code != exitOK {
		t.Fatalf("ended with %d: %s%s", code, out, errs)
	}
	h, err := history.Open(t.Context(), path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	n := 0
	for k, err := range h.KeptObjects(t.Context(), 1) {
		if n++; err != nil || k.Site != "PS1" || !strings.HasSuffix(k.Key, `Retry History\CAS00001`) ||
			!strings.Contains(k.Text, "Retry Count=3") || !strings.HasSuffix(k.Text, ".reg") {
			t.Errorf("kept %+v, %v", k, err)
		}
	}
	if n != 1 {
		t.Errorf("%d objects were kept", n)
	}
}

func TestActOutcome(t *testing.T) {
	of := func(op string, retry wsman.Retry, err error) error {
		return fmt.Errorf("refresh: %w", &wsman.Error{Op: op, Retry: retry, Err: err})
	}
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		err  error
		want history.Outcome
	}{
		"none":                {nil, history.Stored},
		"a fault":             {of("put", wsman.RetryUseless, &wsman.Fault{}), history.Refused},
		"credentials":         {of("put", wsman.RetryUseless, wsman.ErrUnauthorized), history.Refused},
		"busy server":         {of("put", wsman.RetrySafe, &wsman.HTTPError{Status: 503}), history.Refused},
		"no answer":           {of("put", wsman.RetryUnknown, &wsman.TransportError{Sent: true, Err: broken}), history.Unknown},
		"cut while sent":      {of("invoke", wsman.RetryUnknown, context.Canceled), history.Unknown},
		"no connection":       {of("put", wsman.RetrySafe, &wsman.TransportError{Err: broken}), history.NotSent},
		"bad certificate":     {of("put", wsman.RetryUseless, &wsman.TransportError{Err: broken}), history.NotSent},
		"not sealed":          {of("put", wsman.RetryUseless, wsman.ErrUnsealed), history.NotSent},
		"read before a Put":   {of("get", wsman.RetryUseless, &wsman.Fault{}), history.NotSent},
		"interrupted before":  {fmt.Errorf("not sent: %w", context.Canceled), history.NotSent},
		"out of time before":  {fmt.Errorf("not sent: %w", context.DeadlineExceeded), history.NotSent},
		"a method's refusal":  {errors.New("ReturnValue is 5"), history.Refused},
		"a get without reply": {of("get", wsman.RetrySafe, &wsman.TransportError{Sent: true, Err: broken}), history.NotSent},
	} {
		if got := actOutcome(tt.err); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}

func TestHistoryPath(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("other places on Windows")
	}
	for _, tt := range []struct{ flag, state, home, want string }{
		{"x.db", "/s", "/h", "x.db"},
		{"", "/s", "/h", "/s/dpremote/history.db"},
		{"", "relative", "/h", "/h/.local/state/dpremote/history.db"},
		{"", "", "/h", "/h/.local/state/dpremote/history.db"},
		{"", "", "", ""},
	} {
		g := &globals{app: newApp(), historyFile: tt.flag}
		g.app.getenv = func(name string) string { return map[string]string{"XDG_STATE_HOME": tt.state}[name] }
		t.Setenv("HOME", tt.home)
		if got, err := g.historyPath(); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%+v: %q, %v", tt, got, err)
		}
	}
}
