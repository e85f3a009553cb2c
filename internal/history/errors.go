package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// Why a history cannot be used. Every *Error is ErrUnusable, and most are one
// of the others too.
var (
	ErrUnusable = errors.New("the history cannot be used")

	ErrCorrupt = errors.New("the file is damaged, or is no history")
	ErrForeign = errors.New("the file is a database of another program")
	ErrNewer   = errors.New("the file is of a newer version of dpremote")
	ErrFull    = errors.New("there is no room on the disk")
	ErrDenied  = errors.New("the file cannot be opened or written")
	ErrBusy    = errors.New("another process holds the file")
)

var errNotRegular = fmt.Errorf("%w: it is not a regular file", fs.ErrInvalid)

// Error says that a history cannot be used, and why.
type Error struct {
	Path   string
	Reason error // one of the Err variables
	Err    error // what SQLite or the system said; may be nil
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err == nil || e.Err == e.Reason {
		return fmt.Sprintf("history %s: %v", e.Path, e.Reason)
	}
	return fmt.Sprintf("history %s: %v: %v", e.Path, e.Reason, e.Err)
}

// Unwrap are ErrUnusable, the reason and its cause.
func (e *Error) Unwrap() []error {
	errs := []error{ErrUnusable, e.Reason}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// Advice says in a sentence what to do about it.
func (e *Error) Advice() string {
	switch e.Reason {
	case ErrCorrupt:
		return fmt.Sprintf("Move %s away, with %s-wal and %s-shm where they are there; a new one is made then", e.Path, e.Path, e.Path)
	case ErrForeign:
		return "Name another file"
	case ErrNewer:
		return fmt.Sprintf("Use the newer dpremote, name another file, or move %s away", e.Path)
	case ErrFull:
		return fmt.Sprintf("Make room on the disk that holds %s, or name a file on another one", e.Path)
	case ErrBusy:
		return "Look for a process that hangs, or try again later"
	}
	return fmt.Sprintf("Let this account write %s and its directory, or name another file", e.Path)
}

// failed makes an *Error of what came from SQLite or the system. The context's
// end is none: it says nothing about the file.
func (h *History) failed(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("history %s: %w", h.path, ctx.Err())
	}
	return failed(h.path, err)
}

func failed(path string, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &Error{Path: path, Reason: reasonOf(err), Err: err}
}

// reasonOf sorts errors (the primary result codes of SQLite, and the system's).
func reasonOf(err error) error {
	for _, known := range []error{ErrCorrupt, ErrForeign, ErrNewer, ErrFull, ErrDenied, ErrBusy} {
		if errors.Is(err, known) {
			return known
		}
	}
	var s *sqlite.Error
	var path *fs.PathError
	switch {
	case errors.As(err, &s):
		return reasonOfCode(s.Code() & 0xff)
	case errors.Is(err, syscall.ENOSPC):
		return ErrFull
	case errors.As(err, &path), errors.Is(err, fs.ErrInvalid):
		return ErrDenied
	}
	return ErrUnusable
}

func reasonOfCode(primary int) error {
	switch primary {
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return ErrCorrupt
	case lib.SQLITE_FULL:
		return ErrFull
	case lib.SQLITE_PERM, lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_AUTH:
		return ErrDenied
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		return ErrBusy
	}
	return ErrUnusable
}

// isConstraint tells an error that undoes its statement and leaves the
// transaction as it was.
func isConstraint(err error) bool {
	var s *sqlite.Error
	return errors.As(err, &s) && s.Code()&0xff == lib.SQLITE_CONSTRAINT
}
