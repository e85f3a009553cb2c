package main

import (
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"dpremote/internal/live"
)

// stage is the terminal of somebody who watches. While something is drawn in
// place on it, whatever else is written there goes above that. The nil stage is
// nobody's: nothing is drawn.
type stage struct {
	terminal io.Writer
	size     func() (width, height int)
	color    func() bool
	now      func() time.Time

	mu      sync.Mutex
	display *live.Display
	left    bool // to others for good: nothing is drawn any more
	within  bool // data ended within a line, as a document's does
}

// quickly is how soon something must be over for nothing to be drawn.
const quickly = 500 * time.Millisecond

// enter finds out whether somebody watches, and from then on has the app write
// above what is drawn. It does so once.
func (a *app) enter() {
	// A console of Windows may know no control sequences, and shows them then.
	if _, _, ok := a.size(a.err); !ok || a.stage != nil || a.getenv("TERM") == "dumb" || !text.ANSICodesSupported {
		return
	}
	terminal := a.err
	a.stage = &stage{terminal: terminal, now: a.now, color: func() bool { return false },
		size: func() (int, int) {
			width, height, _ := a.size(terminal)
			return width, height
		}}
	a.err = onStage{stage: a.stage, under: terminal}
	a.log.SetOutput(a.err)
	switch _, isTerminal := a.terminal(a.out); {
	case isTerminal:
		a.out = onStage{stage: a.stage, under: a.out, data: true}
	case a.leadsOn(a.out):
		a.out = onStage{stage: a.stage, under: a.out, leave: true}
	}
}

// leadsOn tells a stream that another program reads, which may show it on the
// terminal. That is not so for files, and for what is thrown away.
func leadsOn(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && !info.Mode().IsRegular() && info.Mode()&os.ModeDevice == 0
}

// onStage is a stream of the app's. What is written to it goes above what is
// drawn.
type onStage struct {
	*stage
	under io.Writer
	data  bool // standard output
	leave bool // who reads it may write to the terminal from then on
}

// Write implements io.Writer.
func (s onStage) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leave {
		s.left = true
	}
	if s.data && len(p) > 0 {
		s.within = p[len(p)-1] != '\n'
	}
	if s.display == nil {
		return s.under.Write(p)
	}
	if s.leave {
		s.display.Stop()
		s.display = nil
		return s.under.Write(p)
	}
	return s.display.Above(s.under, p)
}

// under is the stream itself, without the stage.
func under(stream any) any {
	if s, ok := stream.(onStage); ok {
		return s.under
	}
	return stream
}

// show begins to draw what picture gives, until stop is called or the context
// ends: an interrupt leaves the terminal clean. It gives a nil display where
// nobody watches, and where something is being drawn already.
func (s *stage) show(ctx context.Context, o live.Options) (display *live.Display, stop func()) {
	if s == nil {
		return nil, func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.display != nil || s.left || s.within || ctx.Err() != nil {
		return nil, func() {}
	}
	o.Size, o.Now, o.Color = s.size, s.now, s.color()
	d := live.Start(s.terminal, o)
	s.display = d
	end := sync.OnceFunc(func() {
		d.Stop()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.display == d {
			s.display = nil
		}
	})
	forget := context.AfterFunc(ctx, end)
	return d, func() {
		forget()
		end()
	}
}

// lend leaves the terminal to somebody else until what it returns is called.
func (s *stage) lend() (back func()) {
	if s == nil {
		return func() {}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.display == nil {
		return func() {}
	}
	return s.display.Hide()
}

// wrap breaks a line between words where the terminal is too narrow for it, and
// keeps what belongs to an item of a list below it.
func (s *stage) wrap(line string) string {
	if s == nil {
		return line
	}
	width, _ := s.size()
	words := strings.TrimLeft(line, " ")
	indent := len(line) - len(words)
	if text.StringWidthWithoutEscSequences(line) <= width || width < 2*leastWords {
		return line
	}
	var b strings.Builder
	b.WriteString(line[:indent])
	at := indent
	if indent > 0 {
		indent += 2
	}
	for i, word := range strings.Fields(words) {
		n := text.StringWidthWithoutEscSequences(word)
		switch {
		case i > 0 && at+1+n > width && indent+n <= width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		case i > 0:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

// leastWords is half of the width below which words are not kept together.
const leastWords = 15
