package history

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// refused opens what cannot be used, and holds the error to its reason.
func refused(t *testing.T, path string, reason error, advice string) {
	t.Helper()
	h, err := Open(t.Context(), path, newClock().now)
	if err == nil {
		_ = h.Close()
		t.Fatal("it opened")
	}
	holds(t, err, path, reason, advice)
}

func holds(t *testing.T, err error, path string, reason error, advice string) {
	t.Helper()
	var e *Error
	if !errors.Is(err, ErrUnusable) || !errors.Is(err, reason) || !errors.As(err, &e) {
		t.Fatalf("%v is not %v", err, reason)
	}
	if !strings.HasPrefix(err.Error(), "history "+path+": "+reason.Error()) {
		t.Errorf("message %q", err)
	}
	if !strings.Contains(e.Advice(), advice) {
		t.Errorf("advice %q, want %q", e.Advice(), advice)
	}
}

func TestNotADatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	garbage := bytes.Repeat([]byte("garbage\n"), 1000)
	if err := os.WriteFile(path, garbage, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, path, ErrCorrupt, "Move "+path+" away")
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, garbage) {
		t.Errorf("the file was changed: %v", err)
	}
}

// TestDamagedWithin has a file whose beginning is as it should be.
func TestDamagedWithin(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	c := newClock()
	h := mustOpen(t, path, c.now)
	run := startRun(t, h)
	for range 200 {
		begin(t, h, Act{Run: run, Detail: strings.Repeat("x", 200)})
	}
	if err := h.Close(); err != nil { // moves the log into the file
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for i := page * 2; i < len(data); i++ {
		data[i] = 0xa5
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	h, err = Open(t.Context(), path, c.now)
	if err == nil {
		defer h.Close()
		_, err = h.Begin(t.Context(), Act{Run: run})
	}
	holds(t, err, path, ErrCorrupt, "Move ")
}

func TestForeign(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(`CREATE TABLE mine(x); PRAGMA user_version = 1`); err != nil {
		t.Fatal(err)
	}
	refused(t, path, ErrForeign, "Name another file")
	var tables int
	if err := db.QueryRow(`SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil || tables != 1 {
		t.Errorf("%d tables, %v", tables, err)
	}
}

func TestNewer(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	h := mustOpen(t, path, newClock().now)
	if _, err := h.db.Exec(`PRAGMA user_version = 99`); err != nil {
		t.Fatal(err)
	}
	refused(t, path, ErrNewer, "Use the newer dpremote")
}

func TestNowhere(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, filepath.Join(file, FileName), ErrDenied, "Let this account write") // below a file
	refused(t, dir, ErrDenied, "Let this account write")                           // a directory
	if _, err := os.Stat(os.DevNull); err == nil {
		refused(t, os.DevNull, ErrDenied, "name another file")
	}
	locked := filepath.Join(dir, "locked")
	if err := os.Mkdir(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	if probe, err := os.Create(filepath.Join(locked, "probe")); err == nil {
		_ = probe.Close() // root, or Windows: modes do not bind
		return
	}
	refused(t, filepath.Join(locked, FileName), ErrDenied, "Let this account write")
}

// TestFull lets the file have no more pages than it has, as a full disk would.
func TestFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	h := mustOpen(t, path, newClock().now)
	run := startRun(t, h)
	var pages int
	if err := h.db.QueryRow(`PRAGMA page_count`).Scan(&pages); err != nil {
		t.Fatal(err)
	}
	h, err := opening{now: newClock().now, migrations: migrations(), busy: busyTimeout,
		pragmas: []string{fmt.Sprintf("max_page_count(%d)", pages)}}.open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var last ActID
	for err == nil && last < 1000 {
		var id ActID
		if id, err = h.Begin(t.Context(), Act{Run: run, Detail: strings.Repeat("x", 1000)}); err == nil {
			last = id
		}
	}
	holds(t, err, path, ErrFull, "Make room")
	// What was written before is there and can be ended.
	if err := h.End(t.Context(), last, Stored, ""); err != nil {
		t.Error(err)
	}
	if got := all(t, h.Acts(t.Context(), Filter{})); len(got) != int(last) {
		t.Errorf("%d acts, want %d", len(got), last)
	}
}

func TestBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	h := mustOpen(t, path, newClock().now)
	run := startRun(t, h)
	impatient, err := opening{now: newClock().now, migrations: migrations(), busy: time.Millisecond}.open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer impatient.Close()
	tx, err := h.db.BeginTx(t.Context(), nil) // immediate: it holds the file
	if err != nil {
		t.Fatal(err)
	}
	_, err = impatient.Begin(t.Context(), Act{Run: run})
	holds(t, err, path, ErrBusy, "Look for a process")
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if id, err := impatient.Begin(t.Context(), Act{Run: run}); id != 1 || err != nil {
		t.Errorf("act %d, %v", id, err)
	}
}

// TestNewFileBusy opens a file that another process has begun to make.
func TestNewFileBusy(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(`BEGIN EXCLUSIVE; CREATE TABLE x(y)`); err != nil {
		t.Fatal(err)
	}
	_, err = opening{now: newClock().now, migrations: migrations(), busy: 5 * time.Millisecond}.open(t.Context(), path)
	holds(t, err, path, ErrBusy, "Look for a process")
	if _, err := db.Exec(`ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, path, newClock().now)
}
