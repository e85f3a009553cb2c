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
	// Delay is how long nothing is drawn at first: what is over sooner does not
	// flicker.
	Delay time.Duration
	// Tick is how often the picture is brought up to date; zero means each second.
	Tick time.Duration
}

// Picture is what a display draws: a State or a Work.
type Picture interface {
	// lines are never more, nor wider, than fit.
	lines(frame) []string
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
	picture func() Picture
	shown   []int // the widths of the lines that are on the terminal
	drawn   time.Time
	midLine bool // the cursor is where a line goes on that is to stand above
	hidden  int  // how often Hide was called
}

// Start draws on w, a terminal to which others write by Above alone until Stop.
func Start(w io.Writer, o Options) *Display {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Tick == 0 {
		o.Tick = clockTick
	}
	d := &Display{w: w, o: o, nudges: make(chan struct{}, 1), stop: make(chan struct{}), ended: make(chan struct{})}
	go d.run()
	return d
}

// Update replaces what is shown. The display keeps the picture: do not change it
// afterwards.
func (d *Display) Update(p Picture) { d.Follow(func() Picture { return p }) }

// Follow shows from now on what a function gives, which is asked before each
// drawing.
func (d *Display) Follow(picture func() Picture) {
	d.mu.Lock()
	d.picture = picture
	d.mu.Unlock()
	d.nudge()
}

func (d *Display) nudge() {
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
		d.wipe()
	})
}

// Hide erases what was drawn, and draws nothing until what it returns is called:
// somebody else uses the terminal.
func (d *Display) Hide() (show func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hidden++
	d.wipe()
	return sync.OnceFunc(func() {
		d.mu.Lock()
		d.hidden--
		d.mu.Unlock()
		d.nudge()
	})
}

// Write puts lines above the display. While the last one has no end, nothing is
// drawn. After Stop it writes through.
func (d *Display) Write(p []byte) (int, error) { return d.Above(d.w, p) }

// Above is Write for another stream that leads to the same terminal: what was
// drawn is erased before p is written there, and drawn again when there is time.
func (d *Display) Above(w io.Writer, p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wipe()
	n, err := w.Write(p)
	if n > 0 {
		d.midLine = p[n-1] != '\n'
	}
	d.nudge()
	return n, err
}

// wipe erases what is drawn, if anything is. d.mu is held.
func (d *Display) wipe() {
	if len(d.shown) == 0 {
		return
	}
	var b bytes.Buffer
	d.erase(&b)
	d.flush(&b)
}

// run draws when there is something new, and at each tick for the times.
func (d *Display) run() {
	defer close(d.ended)
	if !d.pause(d.o.Delay) {
		return
	}
	tick := time.NewTicker(d.o.Tick)
	defer tick.Stop()
	for {
		select {
		case <-d.stop:
			return
		case <-d.nudges:
		case <-tick.C:
		}
		d.redraw()
		if !d.pause(quickest) { // a storm of changes does not flood the terminal
			return
		}
	}
}

// pause reports false when it was cut short by Stop.
func (d *Display) pause(t time.Duration) bool {
	if t <= 0 {
		return true
	}
	timer := time.NewTimer(t)
	defer timer.Stop()
	select {
	case <-d.stop:
		return false
	case <-timer.C:
		return true
	}
}

func (d *Display) redraw() {
	d.mu.Lock()
	follow := d.picture
	d.mu.Unlock()
	if follow == nil {
		return
	}
	p := follow() // which may wait for whoever is writing to the display
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.midLine || d.hidden > 0 {
		return
	}
	var b bytes.Buffer
	d.rise(&b)
	d.draw(&b, p)
	d.flush(&b)
}

// suspended is after how many ticks that were missed the process was stopped, as
// by Ctrl-Z: what was drawn is no longer where the cursor is.
const suspended = 4

// rise goes to the first line of what was drawn, and gives how many lines that
// takes. A terminal that became narrower has wrapped its lines; what no longer
// fits on it is in its history, out of reach.
func (d *Display) rise(b *bytes.Buffer) (lines int) {
	if time.Since(d.drawn) > suspended*d.o.Tick {
		d.shown = d.shown[:0]
	}
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
func (d *Display) draw(b *bytes.Buffer, p Picture) {
	width, height := d.size()
	for _, line := range p.lines(frame{width: width - 1, height: height - 1, now: d.o.Now(), color: d.o.Color}) {
		b.WriteString(eraseLine + line + "\n")
		d.shown = append(d.shown, columns(line))
	}
	d.drawn = time.Now()
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
