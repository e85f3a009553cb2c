package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/term"

	"dpremote/internal/inventory"
	"dpremote/simulator"
)

// app is what a command gets from outside: everything that a test replaces.
type app struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	now      func() time.Time
	// terminal tells whether a stream is one, and how wide it is.
	terminal func(stream any) (width int, ok bool)
	// size tells how large a terminal is that can be drawn on.
	size func(stream any) (width, height int, ok bool)
	// leadsOn tells a stream that another program reads, which may show it on the
	// terminal.
	leadsOn func(stream any) bool
	stage   *stage // nil when nobody watches
	log     *logrus.Logger
	// guarded is what err was before guardActions.
	guarded io.Writer
	// straggling is how long a request of a process that was killed may still be
	// on its way.
	straggling time.Duration
	// atEnd is done when the command has ended, with its exit code.
	atEnd []func(exit int)
	// strict is told of what this program does wrong at simulated sites; nil for
	// nobody.
	strict func(simulator.Sin)
	// looked is told of each look of the exporter, from several goroutines; nil
	// for nobody.
	looked func(site string, err error)
}

func newApp() *app {
	a := &app{in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, now: time.Now, terminal: terminalWidth, size: terminalSize,
		leadsOn: leadsOn, straggling: straggling}
	a.log = newLogger(a.err)
	return a
}

// execute runs a command line and returns its exit code.
func (a *app) execute(ctx context.Context, args []string) int {
	a.enter()
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	err := root.ExecuteContext(ctx)
	code := exitCode(err)
	if errors.Is(context.Cause(ctx), context.Canceled) && code != exitOK && !errors.Is(err, errSinned) {
		code = exitInterrupted
	}
	var quiet silent
	if err != nil && !errors.As(err, &quiet) {
		a.report(err)
	}
	for _, end := range a.atEnd {
		end(code)
	}
	a.atEnd = nil
	return code
}

// report tells an error, a line each when it is several.
func (a *app) report(err error) {
	var problems inventory.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			a.log.Error(p)
		}
		return
	}
	a.log.Error(err)
}

func terminalWidth(stream any) (int, bool) {
	width, _, ok := terminalSize(stream)
	return width, ok
}

func terminalSize(stream any) (width, height int, ok bool) {
	f, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, 0, false
	}
	width, height, err := term.GetSize(int(f.Fd()))
	return width, height, err == nil
}

// newLogger logs to stderr: warnings and errors, one line each.
func newLogger(w io.Writer) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(w)
	log.SetLevel(logrus.WarnLevel)
	log.SetFormatter(lineFormatter{})
	return log
}

// lineFormatter writes a log entry as people read one: the level, the site
// when there is one, and the message. A message never spans lines.
type lineFormatter struct{}

// Format implements logrus.Formatter.
func (lineFormatter) Format(e *logrus.Entry) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("dpremote: ")
	if e.Level != logrus.ErrorLevel {
		b.WriteString(e.Level.String() + ": ")
	}
	if site, ok := e.Data["site"].(string); ok {
		b.WriteString(site + ": ")
	}
	b.WriteString(oneLine(e.Message))
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// oneLine keeps text that came from a server from breaking a line, driving a
// terminal or turning the direction of writing.
func oneLine(s string) string {
	out := []rune(s)
	for i, r := range out {
		if r < 0x20 || r >= 0x7f && r < 0xa0 || r >= '\u2028' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			out[i] = ' '
		}
	}
	return string(out)
}
