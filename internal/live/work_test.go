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

func sweeping() Work {
	w := Work{Title: "Asking", Noun: "sites", Did: "done", Done: 12, All: 40, Failed: 2, Rows: 184320, CountsRows: true, Started: began, Steady: true}
	for i := range 20 {
		w.Busy = append(w.Busy, Busy{Name: fmt.Sprintf("ps%d", i), Since: began.Add(time.Duration(20-i) * time.Second)})
	}
	w.Busy[3].Note = "3400 rows"
	return w
}

func at(w Work, after time.Duration, width int) string {
	return strings.Join(w.lines(frame{width: width, height: 24, now: began.Add(after)}), "\n")
}

func TestWork(t *testing.T) {
	single := Work{Title: "Asking", Noun: "sites", Did: "done", All: 1, Rows: 3400, CountsRows: true, Started: began, Busy: []Busy{{"ps1", began, "3400 rows"}}}
	sending := Work{Title: "Sending", Did: "rows sent", Done: 21, All: 400, Started: began, Steady: true,
		Busy: []Busy{{"ps1", time.Time{}, "80 left"}, {"ps2", time.Time{}, "1 row waits for room in the queues"}}}
	few, guess, none := sending, sweeping(), sweeping()
	few.Done, few.Busy = 5, nil
	guess.Steady, guess.Busy = false, guess.Busy[:1]
	none.Done, none.Rows, none.Failed, none.Busy = 0, 0, 0, nil
	for _, tt := range []struct {
		name  string
		work  Work
		after time.Duration
		width int
		want  string
	}{
		{"wide", sweeping(), time.Minute, 200, `Asking sites: 12 of 40 done, 2 failed, 184320 rows, 3072 a second, 1m00s so far, about 2m20s left
  waiting for ps19 (59s), ps18 (58s), ps17 (57s), ps16 (56s), ps15 (55s), ps14 (54s), ps13 (53s), ps12 (52s), ps11 (51s), ps10 (50s), ps9 (49s), ps8 (48s), ps7 (47s), ps6 (46s), ps5 (45s) and 5 more`},
		{"usual", sweeping(), time.Minute, 79, `Asking sites: 12 of 40 done, 2 failed, 1m00s so far, about 2m20s left
  waiting for ps19 (59s), ps18 (58s), ps17 (57s), ps16 (56s) and 16 more`},
		{"narrow", sweeping(), time.Minute, 39, `Asking sites: 12 of 40 done, 2 failed
  waiting for ps19 (59s) and 19 more`},
		{"very narrow", sweeping(), time.Minute, 19, `Asking sites: 12 o…
  waiting for ps19…`},
		{"one site", single, 4 * time.Second, 79, "Asking ps1: 3400 rows, 850 a second, 4s so far"},
		{"sending", sending, 5 * time.Second, 79, `Sending: 21 of 400 rows sent, 4.2 a second, 5s so far, about 1m30s left
  waiting for ps1 (80 left), ps2 (1 row waits for room in the queues)`},
		{"too few to tell", few, 5 * time.Second, 79, "Sending: 5 of 400 rows sent, 5s so far"},
		{"too early to tell", sending, time.Second, 79, `Sending: 21 of 400 rows sent, 1s so far
  waiting for ps1 (80 left), ps2 (1 row waits for room in the queues)`},
		{"not to be told", guess, time.Minute, 200, `Asking sites: 12 of 40 done, 2 failed, 184320 rows, 3072 a second, 1m00s so far
  waiting for ps0 (40s)`},
		{"nothing yet", none, 3 * time.Second, 79, "Asking sites: 0 of 40 done, 3s so far"},
		{"no work", Work{}, 0, 79, ""},
	} {
		if diff := cmp.Diff(tt.want, at(tt.work, tt.after, tt.width)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestWorkFits draws work on terminals of all sizes, with names of all kinds.
func TestWorkFits(t *testing.T) {
	w := sweeping()
	w.Busy[0].Name, w.Busy[19].Name, w.Busy[18].Name = "東京のサーバー", "大阪のとても長い名前のサーバー.example", "a\x1b[2Jb\r\nc\u202e"
	for width := 10; width <= 200; width++ {
		for height := range 4 {
			lines := w.lines(frame{width: width, height: height, now: began.Add(time.Hour), color: width%2 == 0})
			if len(lines) > height {
				t.Fatalf("%d lines on %d", len(lines), height)
			}
			for _, line := range lines {
				if columns(line) > width || strings.Count(line, "\x1b[") != 2*strings.Count(line, text.EscapeReset) || strings.ContainsAny(line, "\r\n\u202e") {
					t.Fatalf("%d columns on %d: %q", columns(line), width, line)
				}
			}
		}
	}
}

// TestDelay draws nothing of what is over soon, and follows what goes on.
func TestDelay(t *testing.T) {
	const delay = 500 * time.Millisecond
	s := onScreen(t, 80, 24, Options{Delay: delay, Tick: 200 * time.Millisecond}, func(s *screen.Screen, d *Display) {
		w := sweeping()
		w.Done = 0
		d.Follow(func() Picture {
			w.Done++
			return w
		})
		settle(delay - 1)
		if got := s.Text(); got != "$ watch" {
			t.Errorf("drawn at once:\n%s", got)
		}
		settle(1)
		if got := s.Text(); !strings.HasPrefix(got, "$ watch\nAsking sites: 1 of 40 done") {
			t.Errorf("not drawn:\n%s", got)
		}
		settle(time.Second)
		if got := s.Text(); strings.Count(got, "Asking") != 1 || !strings.Contains(got, " 6 of 40") {
			t.Errorf("not followed:\n%s", got)
		}
	})
	if s.Text() != "$ watch" || s.Hidden() {
		t.Errorf("left behind:\n%s", s.Text())
	}
	unseen := &counter{}
	synctest.Test(t, func(t *testing.T) {
		d := Start(unseen, Options{Size: func() (int, int) { return 80, 24 }, Delay: delay})
		d.Update(sweeping())
		settle(delay - 1)
		d.Stop()
	})
	if unseen.n != 0 {
		t.Errorf("written %d times, the last %q", unseen.n, unseen.last)
	}
}

// beside is a stream that leads to a terminal on which nothing may be drawn while
// a row is written.
type beside struct {
	t *testing.T
	*screen.Screen
}

func (b beside) Write(p []byte) (int, error) {
	if got := b.Text(); strings.Contains(got, "Asking") {
		b.t.Errorf("%q comes beside the picture:\n%s", p, got)
	}
	return b.Screen.Write(p)
}

// TestAbove writes rows to a second stream that leads to the same terminal: each
// stands whole above what is drawn, in the order in which they came.
func TestAbove(t *testing.T) {
	var want strings.Builder
	s := onScreen(t, 80, 30, Options{}, func(s *screen.Screen, d *Display) {
		rows := beside{t, s}
		d.Update(sweeping())
		settle(0)
		for i := range 12 {
			line := fmt.Sprintf("row %d", i)
			want.WriteString("\n" + line)
			if _, err := d.Above(rows, []byte(line+"\n")); err != nil {
				t.Fatal(err)
			}
			settle(time.Duration(i) * 30 * time.Millisecond)
		}
		settle(time.Second)
		if got := s.Text(); !strings.HasPrefix(got, "$ watch"+want.String()+"\nAsking sites") || strings.Count(got, "Asking") != 1 {
			t.Errorf("shown:\n%s", got)
		}
		// What ends within a line, as a document does, is not drawn on.
		_, _ = d.Above(rows, []byte(`{"items":[`))
		settle(5 * time.Second)
		if got := s.Text(); got != "$ watch"+want.String()+"\n{\"items\":[" {
			t.Errorf("within a line:\n%s", got)
		}
	})
	if got := s.Text(); got != "$ watch"+want.String()+"\n{\"items\":[" || s.Hidden() {
		t.Errorf("left behind:\n%s", got)
	}
}

// TestHide leaves the terminal to somebody else.
func TestHide(t *testing.T) {
	onScreen(t, 80, 24, Options{}, func(s *screen.Screen, d *Display) {
		d.Update(sweeping())
		settle(0)
		first, second := d.Hide(), d.Hide()
		fmt.Fprint(s, "PIN: ") // not by the display
		settle(3 * time.Second)
		first()
		first()
		settle(time.Second)
		if got := s.Text(); got != "$ watch\nPIN:" {
			t.Errorf("hidden:\n%s", got)
		}
		fmt.Fprintln(s)
		second()
		settle(quickest)
		if got := s.Text(); !strings.HasPrefix(got, "$ watch\nPIN:\nAsking sites") {
			t.Errorf("shown again:\n%s", got)
		}
	})
}
