package main

import (
	"io"
	"os"
	"strings"

	"dpremote/internal/report"
)

// inActions tells whether GitHub Actions runs this.
func inActions(getenv func(string) string) bool { return getenv("GITHUB_ACTIONS") == "true" }

// guardActions keeps servers from commanding the runner of GitHub Actions. It
// reads commands from what a step prints, on both streams: ::NAME::TEXT at the
// beginning of a line, ##[NAME]TEXT anywhere in it
// (src/Runner.Common/ActionCommand.cs of actions/runner). A package whose name
// is one could hide or forge what the log shows.
//
// In JSON and YAML nothing changes but how a character is written. Of a table or
// of CSV a character is replaced. A regular file is no log, and is left alone.
func (a *app) guardActions(format report.Format) {
	if !inActions(a.getenv) {
		return
	}
	a.guarded = a.err
	a.err = &actionsGuard{to: a.err, bracket: "("}
	a.log.SetOutput(a.err)
	if isRegular(a.out) {
		return
	}
	guard := &actionsGuard{to: a.out, bracket: "("}
	switch format {
	case report.JSON, report.JSONL:
		guard.bracket = `\u005b`
	case report.YAML:
		guard.bracket = `\x5b`
	}
	a.out = guard
}

// unguarded is standard error as the runner reads commands from it.
func (a *app) unguarded() io.Writer {
	if a.guarded != nil {
		return a.guarded
	}
	return a.err
}

func isRegular(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}

// inert is a line of text in which the runner finds no command.
func inert(text string) string {
	var b strings.Builder
	_, _ = (&actionsGuard{to: &b, bracket: "("}).Write([]byte(text)) // which cannot fail
	return b.String()
}

// actionsGuard writes lines with the commands taken out: the bracket behind ## is
// replaced, and the second colon at the beginning of a line. Runners compare text
// as people read it, so what has no width may stand between the characters:
// everything but visible ASCII counts as nothing.
type actionsGuard struct {
	to      io.Writer
	bracket string

	inLine bool // something that is seen, and no colon, has begun the line
	colon  bool // which one has
	hashes int  // that were the last to be seen
	buf    []byte
}

// Write implements io.Writer.
func (g *actionsGuard) Write(p []byte) (int, error) {
	g.buf = g.buf[:0]
	for _, c := range p {
		switch {
		case c == '\n' || c == '\r':
			g.inLine, g.colon, g.hashes = false, false, 0
		case c <= ' ' && c != ' ' || c > '~':
		case c == ':' && !g.inLine && g.colon:
			c, g.inLine = ';', true
		case c == ':' && !g.inLine:
			g.colon, g.hashes = true, 0
		case c == '#':
			g.inLine = true
			g.hashes++
		case c == '[' && g.hashes >= 2:
			g.buf = append(g.buf, g.bracket...)
			g.hashes = 0
			continue
		case c == ' ':
			g.inLine = g.inLine || g.colon
			g.hashes = 0
		default:
			g.inLine, g.hashes = true, 0
		}
		g.buf = append(g.buf, c)
	}
	if n, err := g.to.Write(g.buf); err != nil {
		return min(n, len(p)), err
	}
	return len(p), nil
}
