package live

import (
	"bytes"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Control sequences (ECMA-48, and DECTCEM for the cursor).
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	eraseLine  = "\x1b[K" // from the cursor on
	eraseBelow = "\x1b[J" // from the cursor on
)

const (
	clockTick  = time.Second // how often times are brought up to date
	quickest   = 100 * time.Millisecond
	leastWidth = 20
)

// Options say how to draw. Size is required.
type Options struct {
	// Size is how many columns and lines the terminal has. It is asked before
	// each drawing, so a terminal may change its size.
	Size  func() (width, height int)
	Now   func() time.Time // nil means time.Now
	Color bool             // use colours
}

// Display draws on a terminal until Stop. It is an io.Writer for lines that are
// to stand above it and stay. It is safe for concurrent use.
type Display struct {
	w io.Writer
	o Options

	nudges chan struct{} // there is something new
	stop   chan struct{}
	ended  chan struct{}
	once   sync.Once

	mu      sync.Mutex
	state   State
	shown   []int  // the widths of the lines that are on the terminal
	partial []byte // of a line that is to stand above
}

// Start draws on w, a terminal that nothing else writes to until Stop.
func Start(w io.Writer, o Options) *Display {
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Display{w: w, o: o, nudges: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
	go d.run()
	return d
}

// Update replaces what is shown. The display keeps the state: do not change it
// afterwards.
func (d *Display) Update(s State) {
	d.mu.Lock()
	d.state = s
	d.mu.Unlock()
	select {
	case d.nudges <- struct{}{}:
	default:
	}
}

// Stop erases what was drawn and returns when nothing more is written. Later
// calls do nothing.
func (d *Display) Stop() {
	d.once.Do(func() {
		close(d.stop)
		<-d.ended
		d.mu.Lock()
		defer d.mu.Unlock()
		var b bytes.Buffer
		d.erase(&b)
		b.Write(d.partial)
		d.partial = nil
		d.flush(&b)
	})
}

// Write puts lines above the display. What follows the last line feed waits for
// the rest of its line. After Stop it writes through.
func (d *Display) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.ended:
		return d.w.Write(p)
	default:
	}
	d.partial = append(d.partial, p...)
	end := bytes.LastIndexByte(d.partial, '\n') + 1
	if end == 0 {
		return len(p), nil
	}
	var b bytes.Buffer
	d.erase(&b)
	b.Write(d.partial[:end])
	d.partial = append(d.partial[:0], d.partial[end:]...)
	d.draw(&b)
	d.flush(&b)
	return len(p), nil
}

// run draws when there is something new, and once a second for the times.
func (d *Display) run() {
	defer close(d.ended)
	tick := time.NewTicker(clockTick)
	defer tick.Stop()
	for {
		select {
		case <-d.stop:
			return
		case <-d.nudges:
		case <-tick.C:
		}
		d.redraw()
		select { // a storm of changes does not flood the terminal
		case <-d.stop:
			return
		case <-time.After(quickest):
		}
	}
}

func (d *Display) redraw() {
	d.mu.Lock()
	defer d.mu.Unlock()
	var b bytes.Buffer
	d.rise(&b)
	d.draw(&b)
	d.flush(&b)
}

// rise goes to the first line of what was drawn, and gives how many lines that
// takes. A terminal that became narrower has wrapped its lines; what no longer
// fits on it is in its history, out of reach.
func (d *Display) rise(b *bytes.Buffer) (lines int) {
	width, height := d.size()
	for _, w := range d.shown {
		lines += max(1, (w+width-1)/width)
	}
	lines = min(lines, height-1)
	up(b, lines)
	d.shown = d.shown[:0]
	return lines
}

func up(b *bytes.Buffer, lines int) {
	if lines > 0 {
		b.WriteString("\x1b[" + strconv.Itoa(lines) + "A")
	}
	b.WriteByte('\r')
}

// erase erases line by line: a terminal that is told to erase all that it shows
// may keep a copy in its history.
func (d *Display) erase(b *bytes.Buffer) {
	lines := d.rise(b)
	b.WriteString(strings.Repeat(eraseLine+"\n", lines) + eraseLine)
	up(b, lines)
}

// draw writes the lines, each erased before it is written: at the right edge
// erasing would take the last character along.
func (d *Display) draw(b *bytes.Buffer) {
	width, height := d.size()
	for _, line := range d.state.lines(frame{width: width - 1, height: height - 1, now: d.o.Now(), color: d.o.Color}) {
		b.WriteString(eraseLine + line + "\n")
		d.shown = append(d.shown, columns(line))
	}
	if len(d.shown) > 0 {
		b.WriteString(eraseBelow)
	}
}

func (d *Display) size() (width, height int) {
	width, height = d.o.Size()
	return max(width, leastWidth), max(height, 2)
}

// flush writes all at once, so that no half of it is seen and the cursor is
// never left hidden.
func (d *Display) flush(b *bytes.Buffer) {
	// A terminal that is gone shows nothing, and whoever waits wants the end.
	_, _ = io.WriteString(d.w, hideCursor+b.String()+showCursor)
}
