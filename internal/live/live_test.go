package live

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"

	"dpremote/internal/screen"
)

// began is when a bubble's clock begins.
var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func sample(rows int) State {
	s := State{
		Title: "Waiting for 9 rows", Started: began, Deadline: began.Add(time.Hour),
		Columns: []Column{{"DONE", text.Colors{text.FgGreen}}, {"FAILED", text.Colors{text.FgRed}}},
		Sites: []Site{
			{Name: "cas", Counts: []int{2, 0}, Note: "done"},
			{Name: "東京", Counts: []int{0, 11}, Next: began.Add(90 * time.Second), Note: "by events"},
		},
		Changes: []Change{{began.Add(5 * time.Second), "PS100001 on dp01: pending -> installed"}},
	}
	for i := range rows {
		s.Open = append(s.Open, Row{Where: fmt.Sprintf("dp%02d.ps1.example", i), What: "PS100001", State: "pending", Since: began.Add(-time.Minute)})
	}
	return s
}

// onScreen runs a display on a terminal, above which something stands already.
func onScreen(t *testing.T, width, height int, o Options, do func(*screen.Screen, *Display)) *screen.Screen {
	s := screen.New(width, height)
	synctest.Test(t, func(t *testing.T) {
		fmt.Fprintln(s, "$ watch")
		o.Size = s.Size
		d := Start(s, o)
		defer d.Stop()
		do(s, d)
	})
	if s.Wrong() != "" {
		t.Errorf("the terminal was told %s", s.Wrong())
	}
	return s
}

func settle(d time.Duration) {
	time.Sleep(d) // of invented time
	synctest.Wait()
}

func TestDisplay(t *testing.T) {
	s := onScreen(t, 80, 24, Options{}, func(s *screen.Screen, d *Display) {
		d.Update(sample(2))
		settle(0)
		want := strings.TrimPrefix(`
$ watch
Waiting for 9 rows, 0s so far, 1h00m left

SITE  DONE  FAILED  NEXT LOOK
cas      2       0  done
東京     0      11  in 1m30s, by events

OPEN                        STATE      FOR
dp00.ps1.example  PS100001  pending  1m00s
dp01.ps1.example  PS100001  pending  1m00s

LAST CHANGES
00:00:05  PS100001 on dp01: pending -> installed`, "\n")
		if d := cmp.Diff(want, s.Text()); d != "" {
			t.Error(d)
		}
		settle(30 * time.Second)
		for _, part := range []string{"30s so far, 59m30s left", "in 1m00s, by events", "pending  1m30s"} {
			if !strings.Contains(s.Text(), part) {
				t.Errorf("%q is missing after half a minute:\n%s", part, s.Text())
			}
		}
		fmt.Fprint(d, "a war")
		settle(time.Second)
		if got := s.Text(); got != "$ watch\na war" {
			t.Errorf("half a line above:\n%s", got)
		}
		fmt.Fprint(d, "ning\n")
		settle(quickest)
		if got := s.Text(); !strings.HasPrefix(got, "$ watch\na warning\nWaiting for 9 rows") {
			t.Errorf("a line above:\n%s", got)
		}
		fmt.Fprint(d, "half")
		if s.Hidden() {
			t.Error("the cursor is hidden between two drawings")
		}
	})
	if got := s.Text(); got != "$ watch\na warning\nhalf" || s.Hidden() {
		t.Errorf("left behind, cursor hidden: %v\n%s", s.Hidden(), got)
	}
}

// TestFits draws on terminals of all sizes: nothing wraps, nothing scrolls away,
// and what is left out is counted.
func TestFits(t *testing.T) {
	state := sample(500)
	state.Open[0].Where = "東京のサーバー.ps1.example"
	for width := 20; width <= 200; width += 9 {
		for height := 2; height <= 40; height++ {
			f := frame{width: width, height: height, now: began, color: width%2 == 0}
			lines := state.lines(f)
			if len(lines) > height {
				t.Fatalf("%d lines on %d", len(lines), height)
			}
			for _, line := range lines {
				if columns(line) > width || strings.Count(line, "\x1b[") != 2*strings.Count(line, text.EscapeReset) {
					t.Fatalf("%d columns on %d: %q", columns(line), width, line)
				}
			}
			picture := strings.Join(lines, "\n")
			shown := strings.Count(picture, "PS100001  ")
			if height > 12 && width >= 50 && !strings.Contains(picture, fmt.Sprintf("… and %d more rows", 500-shown)) {
				t.Fatalf("%d of 500 rows are shown:\n%s", shown, picture)
			}
		}
	}
}

// TestFullScreen draws as much as fits: what stood above has scrolled away, and
// of the picture nothing is left.
func TestFullScreen(t *testing.T) {
	s := onScreen(t, 60, 16, Options{}, func(s *screen.Screen, d *Display) {
		d.Update(sample(500))
		settle(time.Second)
		fmt.Fprintln(d, "a warning")
		settle(10 * time.Second)
		d.Update(sample(3))
		settle(time.Second)
		d.Update(sample(500))
		settle(time.Second)
		if n := strings.Count(s.Text(), "Waiting for"); n != 1 || !strings.Contains(s.Text(), "more rows") {
			t.Errorf("shown:\n%s", s.Text())
		}
	})
	if s.Text() != "$ watch\na warning" {
		t.Errorf("left behind:\n%s", s.Text())
	}
}

func TestResize(t *testing.T) {
	s := onScreen(t, 80, 24, Options{}, func(s *screen.Screen, d *Display) {
		d.Update(sample(3))
		settle(0)
		for _, width := range []int{50, 30, 120, 41, 80} {
			s.Resize(width, 24)
			settle(2 * time.Second)
			if n := strings.Count(s.Text(), "Waiting for"); n != 1 || !strings.HasPrefix(s.Text(), "$ watch\nWaiting") {
				t.Fatalf("at %d columns:\n%s", width, s.Text())
			}
		}
	})
	if s.Text() != "$ watch" {
		t.Errorf("left behind:\n%s", s.Text())
	}
}

// TestSuspended has a display go on that was stopped while others wrote to the
// terminal: it takes nothing of theirs for its own.
func TestSuspended(t *testing.T) {
	s := onScreen(t, 80, 24, Options{}, func(s *screen.Screen, d *Display) {
		d.Update(sample(0))
		settle(0)
		fmt.Fprint(s, "[1]+  Stopped\n$ fg\nwatch\n")
		d.mu.Lock()
		d.drawn = d.drawn.Add(-time.Minute)
		d.mu.Unlock()
		settle(2 * clockTick)
		if got := s.Text(); strings.Count(got, "Waiting for 9 rows") != 2 || !strings.Contains(got, "[1]+  Stopped\n$ fg\nwatch\nWaiting for 9 rows, 2s so far") {
			t.Errorf("after it was stopped:\n%s", got)
		}
	})
	if got := s.Text(); !strings.HasSuffix(got, "$ fg\nwatch") {
		t.Errorf("left behind:\n%s", got)
	}
}

// TestHostileText has a server's names drive the terminal.
func TestHostileText(t *testing.T) {
	state := sample(1)
	state.Sites[0].Name = "a\x1b[2Jb\r\nc"
	state.Open[0].Where = "\u202edp\x9b1A\xff"
	state.Changes[0].Text = "x\x07\ny"
	onScreen(t, 80, 24, Options{Color: true}, func(s *screen.Screen, d *Display) {
		d.Update(state)
		settle(0)
		if got := s.Text(); !strings.Contains(got, "a [2Jb  c") || strings.ContainsAny(got, "\u202e\u009b\x07") {
			t.Errorf("shown:\n%s", got)
		}
	})
}

func TestColors(t *testing.T) {
	state := sample(0)
	for _, color := range []bool{true, false} {
		picture := strings.Join(state.lines(frame{width: 80, height: 20, now: began, color: color}), "\n")
		if strings.Contains(picture, "\x1b") != color {
			t.Errorf("with colours %v: %q", color, picture)
		}
	}
}

// TestStorm updates far more often than a terminal is drawn on.
func TestStorm(t *testing.T) {
	writes := &counter{}
	synctest.Test(t, func(t *testing.T) {
		d := Start(writes, Options{Size: func() (int, int) { return 80, 24 }})
		for range 1000 {
			d.Update(sample(1))
			time.Sleep(time.Millisecond) // of invented time
		}
		d.Stop()
		d.Stop()
		fmt.Fprint(d, "after")
	})
	if writes.n < 5 || writes.n > 15 {
		t.Errorf("written %d times in a second", writes.n)
	}
	if writes.last != "after" {
		t.Errorf("the last was %q", writes.last)
	}
}

type counter struct {
	n    int
	last string
}

func (c *counter) Write(p []byte) (int, error) {
	c.n++
	c.last = string(p)
	return len(p), nil
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 900 * time.Millisecond: "1s", 61 * time.Second: "1m01s", 59*time.Minute + 59700*time.Millisecond: "1h00m",
		25 * time.Hour: "1d01h",
	} {
		if got := short(d); got != want {
			t.Errorf("%s is %s, want %s", d, got, want)
		}
	}
}
