// Package history keeps on this machine what was done to sites: each request
// that changes something, written before it is sent and closed after, the runs
// of commands that they belong to, what sweeps counted, and the keys of what
// was deleted. It is for audit, for trend, and for going on after a run that
// was killed. The site is the truth: who loses the history loses no safety.
//
//	Open -> History -> StartRun -> Begin, End ... -> EndRun
//	                            -> Acts, Runs, Summaries, KeptObjects
//
// It is one SQLite file (with two more beside it, FILE-wal and FILE-shm, while
// it is in use), which several processes may use at once. What was begun is on
// the disk when the method returns. Nothing that is secret may be given to it.
package history

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// FileName is the name of the file below the directory for state.
const FileName = "history.db"

// How long another process may hold the file before it counts as busy, and the
// pause between two tries where SQLite itself does not wait.
const (
	busyTimeout = 5 * time.Second
	busyPause   = 10 * time.Millisecond
)

// History is an open history. It is made by Open and safe for concurrent use.
// Methods fail with an *Error, or with the context's error.
type History struct {
	path string
	now  func() time.Time
	db   *sql.DB
	lazy *sql.DB // the same, for what need not be on the disk at once

	// write lets one goroutine write at a time: SQLite would make the others
	// wait by sleeping.
	write sync.Mutex

	waiting sync.Mutex
	next    *group // that waits for its turn to be written; nil for none
}

// opening is how a history is opened; tests open it otherwise.
type opening struct {
	now        func() time.Time
	migrations []string
	busy       time.Duration
	pragmas    []string // for each connection
}

// Open opens the history in a file, which is made if it is not there: for its
// owner alone, as is its directory. A file of an older version is brought up to
// date, one of a newer version is refused. Once a day Open removes what is
// older than DefaultKeep.
func Open(ctx context.Context, path string, now func() time.Time) (*History, error) {
	return opening{now: now, migrations: migrations(), busy: busyTimeout}.open(ctx, path)
}

func (o opening) open(ctx context.Context, path string) (*History, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, failed(path, err)
	}
	if err := prepareFile(absolute); err != nil {
		return nil, failed(path, err)
	}
	h := &History{path: path, now: o.now}
	// Each transaction is on the disk before it counts, so that not even a power
	// cut takes back what is about to be sent.
	if h.db, err = sql.Open("sqlite", o.source(absolute, "FULL")); err != nil {
		return nil, failed(path, err)
	}
	if h.lazy, err = sql.Open("sqlite", o.source(absolute, "NORMAL")); err != nil {
		return nil, failed(path, err)
	}
	if err := h.set(ctx, o); err != nil {
		_ = h.Close()
		return nil, h.failed(ctx, err)
	}
	return h, nil
}

// prepareFile makes the file for its owner alone, which SQLite would not; it
// gives FILE-wal and FILE-shm the mode of the file.
func prepareFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return errNotRegular
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// source is the data source name.
func (o opening) source(path, synchronous string) string {
	slashed := filepath.ToSlash(path)
	if slashed[0] != '/' {
		slashed = "/" + slashed // C:/...
	}
	q := url.Values{"_txlock": {"immediate"}}
	q.Add("_pragma", "busy_timeout("+strconv.FormatInt(o.busy.Milliseconds(), 10)+")")
	q.Add("_pragma", "synchronous("+synchronous+")")
	q.Add("_pragma", "foreign_keys(ON)")
	for _, p := range o.pragmas {
		q.Add("_pragma", p)
	}
	return (&url.URL{Scheme: "file", Path: slashed, RawQuery: q.Encode()}).String()
}

// set makes the file ready for use.
func (h *History) set(ctx context.Context, o opening) error {
	if err := h.writeAhead(ctx, o.busy); err != nil {
		return err
	}
	if err := h.migrate(ctx, o.migrations); err != nil {
		return err
	}
	// What cannot be removed today may be tomorrow; it is no reason to go
	// without a history.
	_ = h.pruneDaily(ctx)
	return ctx.Err()
}

// writeAhead has SQLite keep a write-ahead log, so that readers and a writer do
// not wait for each other. SQLite does not wait for others before it changes
// the mode of a file, so this does.
func (h *History) writeAhead(ctx context.Context, patience time.Duration) error {
	enough := time.NewTimer(patience)
	defer enough.Stop()
	pause := time.NewTicker(busyPause)
	defer pause.Stop()
	for {
		err := h.setMode(ctx)
		if err == nil || reasonOf(err) != ErrBusy {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-enough.C:
			return err
		case <-pause.C:
		}
	}
}

func (h *History) setMode(ctx context.Context) error {
	var mode string
	err := h.db.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode)
	if err != nil || mode == "wal" {
		return err
	}
	// A file system that cannot share memory leaves the mode as it is, which is
	// as safe.
	return h.db.QueryRowContext(ctx, "PRAGMA journal_mode=WAL").Scan(&mode)
}

// Close closes the file. It is not to be used during another call.
func (h *History) Close() error {
	return failed(h.path, errors.Join(h.lazy.Close(), h.db.Close()))
}

// millis is a time as the file has it: milliseconds since 1970 in UTC.
func millis(t time.Time) int64 { return t.UnixMilli() }

// at is the time that the file has, zero for NULL.
func at(ms sql.NullInt64) time.Time {
	if !ms.Valid {
		return time.Time{}
	}
	return time.UnixMilli(ms.Int64).UTC()
}
