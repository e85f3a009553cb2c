package sitelog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"dpremote/internal/cmtrace"
)

// MaxBytes is the most that is read of a log and its older part. Site servers
// keep a few megabytes of each by default.
const MaxBytes = 64 << 20

// ErrTooLong is wrapped by the error of a log that is larger than MaxBytes.
var ErrTooLong = errors.New("log too long")

// Shell runs commands on a server.
type Shell interface {
	// Run runs a command line of cmd.exe and writes its output as it comes. An
	// error is one of the connection, not the command's own.
	Run(ctx context.Context, command string, stdout io.Writer) (stderr string, exitCode int, err error)
}

// FileError is a file that could not be read on the server.
type FileError struct {
	Path string
	Text string // what the server said, in its language
	Log  Log
}

// Error implements error: what it is, and what it may mean.
func (e *FileError) Error() string {
	text := fmt.Sprintf("%s cannot be read on the server", e.Path)
	if e.Text != "" {
		text += " (" + e.Text + ")"
	}
	if e.Log == SMSDPProv {
		return text + `: a distribution point writes this log, so that a site server that is none has no such file, and one that is may have it elsewhere, as in C:\SMS_DP$\sms\logs`
	}
	return text + ": the server may be no site server, or keep its logs elsewhere, or the account may not read them"
}

// Result is what was read of a log.
type Result struct {
	Entries []cmtrace.Entry // in the order in which they were written
	// Begins is the time of the first entry that the server still has, where all
	// of the log was read; otherwise the zero time.
	Begins time.Time
}

// Read reads a log, and its older part where the log itself does not reach back
// far enough. An error means that nothing is known; repeating it is safe, for
// nothing is written. It is a *FileError when there is no such log, and wraps
// ErrTooLong when there is too much of it.
func Read(ctx context.Context, shell Shell, q Query) (Result, error) {
	words := q.Words
	if len(words) > maxWords {
		words = nil
	}
	r := reader{shell: shell, query: q, words: words}
	text, all, err := r.read(ctx)
	if err == nil && len(words) > 0 && hasPlain(text) {
		// Of an entry over several lines findstr may have shown one.
		r.words = nil
		text, all, err = r.read(ctx)
	}
	if err != nil {
		return Result{}, err
	}
	var out Result
	for e := range cmtrace.Entries(text, q.Zone) {
		if all && out.Begins.IsZero() {
			out.Begins = e.Time
		}
		if q.takes(e) {
			out.Entries = append(out.Entries, e)
		}
	}
	if extra := len(out.Entries) - q.Lines; q.Lines > 0 && extra > 0 {
		out.Entries = slices.Clone(out.Entries[extra:])
	}
	return out, nil
}

func (q Query) takes(e cmtrace.Entry) bool {
	return !e.Time.Before(q.Since) && (q.Match == nil || q.Match(e))
}

func hasPlain(text []byte) bool {
	for e := range cmtrace.Entries(text, nil) {
		if e.Form == cmtrace.Plain {
			return true
		}
	}
	return false
}

// reader reads one log.
type reader struct {
	shell Shell
	query Query
	words []Word
}

// tries is how often a log is read that is renamed meanwhile.
const tries = 3

// read is the text of the log, with that of its older part before it where that
// is wanted. all tells that the text is everything that the server has.
//
// A log that is full becomes the older part, and a new one is begun. When that
// happens between the two reads, the older part begins as the log did, and both
// are read again.
func (r *reader) read(ctx context.Context) (text []byte, all bool, err error) {
	for try := 1; ; try++ {
		newer, err := r.file(ctx, r.query.Log.File(), MaxBytes)
		var missing *FileError
		if errors.As(err, &missing) && try < tries {
			continue // it may be just being renamed
		}
		if err != nil || r.reachesBack(newer) {
			return newer, false, err
		}
		older, err := r.file(ctx, r.query.Log.older(), MaxBytes-len(newer))
		switch {
		case errors.As(err, &missing):
			return newer, len(r.words) == 0, nil
		case err != nil:
			return nil, false, err
		case !becameOlder(newer, older):
			return slices.Concat(endLine(older), newer), len(r.words) == 0, nil
		case try == tries:
			return older, false, nil // it holds what the log held
		}
	}
}

// reachesBack tells whether the log's own file has all that is wanted.
func (r *reader) reachesBack(text []byte) bool {
	found, reached := 0, false
	for e := range cmtrace.Entries(text, r.query.Zone) {
		if !e.Time.IsZero() && e.Time.Before(r.query.Since) {
			reached = true
		}
		if r.query.takes(e) {
			found++
		}
	}
	return reached || r.query.Lines > 0 && found >= r.query.Lines
}

// becameOlder tells whether the older part is what the log was before. The last
// line of the log may not have been complete.
func becameOlder(newer, older []byte) bool {
	if i := bytes.LastIndexByte(newer, '\n'); i >= 0 {
		newer = newer[:i+1]
	}
	return len(newer) > 0 && bytes.HasPrefix(older, newer)
}

func endLine(text []byte) []byte {
	if len(text) == 0 || text[len(text)-1] == '\n' {
		return text
	}
	return append(text, '\n')
}

// file reads a file, or its lines with one of the words.
func (r *reader) file(ctx context.Context, name string, most int) ([]byte, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	path := r.query.Dir.file(name)
	out := &bounded{most: most, full: stop}
	stderr, code, err := r.shell.Run(ctx, r.query.command(name, r.words), out)
	switch {
	case out.over:
		return nil, fmt.Errorf("%s: %w: more than %d MB with its older part are not read; a package ID or the full name of a distribution point makes it less", path, ErrTooLong, MaxBytes>>20)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", path, err)
	case code == 0:
		return out.data.Bytes(), nil
	case code == 1 && len(r.words) > 0 && strings.TrimSpace(stderr) == "":
		return nil, nil // findstr found no line
	}
	text, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	if text = strings.TrimSpace(text); text == "" {
		text = fmt.Sprintf("exit code %d", code)
	}
	return nil, &FileError{Path: path, Text: text, Log: r.query.Log}
}

// bounded keeps up to most bytes. Once there are more it forgets them and calls
// full; it never fails, for a winrm.Client waits until all output is taken.
type bounded struct {
	data bytes.Buffer
	most int
	over bool
	full func()
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	switch {
	case b.over:
	case b.data.Len()+len(p) > b.most:
		b.over = true
		b.data = bytes.Buffer{}
		if b.full != nil {
			b.full()
		}
	default:
		b.data.Write(p)
	}
	return len(p), nil
}
