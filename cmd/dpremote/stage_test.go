package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dpremote/internal/live"
	"dpremote/internal/screen"
)

// watched is a terminal that tells when a text is to be seen on it.
type watched struct {
	*screen.Screen
	text string
	seen chan struct{}
	once *sync.Once
}

func newWatched(text string) *watched {
	return &watched{screen.New(80, 24), text, make(chan struct{}), &sync.Once{}}
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Screen.Write(p)
	if strings.Contains(w.Text(), w.text) {
		w.once.Do(func() { close(w.seen) })
	}
	return n, err
}

// stdout is a second stream to a terminal.
type stdout struct{ io.Writer }

// sweepAt runs a command line as somebody at a terminal, where one site
// answers only when a text is to be seen there.
func sweepAt(t *testing.T, seen *watched, out io.Writer, args ...string) int {
	t.Helper()
	path := serveLate(t, "PS2", seen.seen, nil)
	a := testApp(strings.NewReader(""), out, seen)
	a.getenv = os.Getenv
	a.terminal = func(stream any) (int, bool) {
		_, ok := stream.(stdout)
		return 80, ok
	}
	a.size = func(stream any) (int, int, bool) {
		_, ok := stream.(*watched)
		return 80, 24, ok
	}
	return a.execute(t.Context(), append([]string{"-i", path, "--no-history"}, args...))
}

// TestSweepAtTerminal has a site answer only after it was named on the terminal.
// In the end the data stands there and nothing else.
func TestSweepAtTerminal(t *testing.T) {
	for _, args := range [][]string{
		{"status"}, {"status", "--level", "dp", "-o", "csv"}, {"dps", "-o", "json"}, {"sites", "check"}, {"diagnose", "--package", "PS200001"},
		{"query", "SELECT SiteCode FROM SMS_Site", "-o", "jsonl"}, {"report", "--out", filepath.Join(t.TempDir(), "r.html")},
		{"refresh", "--dry-run"},
	} {
		t.Run(strings.Join(args[:1], " "), func(t *testing.T) {
			seen := newWatched("\n  waiting for ps2 (")
			code := sweepAt(t, seen, stdout{seen}, args...)
			if text := seen.Text(); code != exitOK || text == "" || strings.Contains(text, "Asking") || strings.Contains(text, "waiting for") || seen.Hidden() || seen.Wrong() != "" {
				t.Errorf("ended with %d, hidden %v, wrong %q:\n%s", code, seen.Hidden(), seen.Wrong(), text)
			}
		})
	}
}

// TestRowsAboveThePicture streams rows to the terminal on which it is drawn how
// the sweep goes: they stand whole above it.
func TestRowsAboveThePicture(t *testing.T) {
	seen := newWatched("done") // of the line below the rows
	code := sweepAt(t, seen, stdout{seen}, "status", "--level", "dp", "--state", "failed", "-o", "jsonl", "--columns", "dp,package")
	lines := strings.Split(seen.Text(), "\n")
	if code != exitOK || len(lines) != 6 {
		t.Errorf("ended with %d:\n%s", code, seen.Text())
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, `{"dp":"dp0`) || !strings.HasSuffix(line, `"}`) {
			t.Errorf("a line %q", line)
		}
	}
}

// TestNoStage runs commands where nothing may be drawn, and no control sequence
// written.
func TestNoStage(t *testing.T) {
	for name, tt := range map[string]struct {
		term   string
		isTerm bool
	}{"a dumb terminal": {"dumb", true}, "no terminal": {"xterm", false}} {
		t.Run(name, func(t *testing.T) {
			var out, errs strings.Builder
			a := testApp(strings.NewReader(""), &out, &errs)
			a.getenv = func(name string) string { return map[string]string{"TERM": tt.term}[name] }
			a.size = func(any) (int, int, bool) { return 80, 24, tt.isTerm }
			if code := a.execute(t.Context(), []string{"sites", "-i", "../../inventory.yaml", "--columns", "site"}); code != exitOK {
				t.Errorf("ended with %d", code)
			}
			if a.stage != nil || a.out != io.Writer(&out) || out.String() != "SITE\nCAS\nPS1\nPS2\n" && out.String() != "NAME\nCAS\nPS1\nPS2\n" || errs.Len() > 0 {
				t.Errorf("stage %v, printed %q and %q", a.stage, out.String(), errs.String())
			}
		})
	}
}

// picture is something to draw.
func picture() live.Picture {
	return live.Work{Title: "Asking", Noun: "sites", Did: "done", All: 3, Started: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// onStageDo has something drawn on a stage in invented time.
func onStageDo(t *testing.T, do func(ctx context.Context, s *stage, terminal *screen.Screen, draw func() (drawn bool, stop func()))) *screen.Screen {
	terminal := screen.New(80, 24)
	synctest.Test(t, func(t *testing.T) {
		s := &stage{terminal: terminal, size: terminal.Size, color: func() bool { return false }, now: time.Now}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		do(ctx, s, terminal, func() (bool, func()) {
			display, stop := s.show(ctx, live.Options{})
			if display == nil {
				return false, stop
			}
			display.Follow(picture)
			time.Sleep(time.Second) // of invented time
			synctest.Wait()
			return strings.Contains(terminal.Text(), "Asking sites: 0 of 3 done"), stop
		})
		cancel()
		synctest.Wait()
	})
	if terminal.Hidden() || terminal.Wrong() != "" {
		t.Errorf("hidden %v, wrong %q", terminal.Hidden(), terminal.Wrong())
	}
	return terminal
}

// Once data went to a program that may show it, nothing is drawn any more.
func TestStageLeftToAPipe(t *testing.T) {
	var pipe strings.Builder
	onStageDo(t, func(_ context.Context, s *stage, terminal *screen.Screen, draw func() (bool, func())) {
		out := onStage{stage: s, under: &pipe, leave: true}
		drawn, stop := draw()
		if !drawn {
			t.Error("nothing is drawn before there is data")
		}
		_, _ = io.WriteString(out, "data\n")
		if got := terminal.Text(); got != "" || pipe.String() != "data\n" {
			t.Errorf("on the terminal %q, in the pipe %q", got, pipe.String())
		}
		stop()
		if drawn, stop := draw(); drawn {
			stop()
			t.Error("it is drawn again")
		}
	})
}

// A document that has begun on the terminal is not drawn on.
func TestStageWithinADocument(t *testing.T) {
	onStageDo(t, func(_ context.Context, s *stage, terminal *screen.Screen, draw func() (bool, func())) {
		out := onStage{stage: s, under: terminal, data: true}
		_, _ = io.WriteString(out, `{"items":[`)
		if drawn, stop := draw(); drawn {
			stop()
			t.Error("it is drawn within a document")
		}
		_, _ = io.WriteString(out, "]}\n")
		drawn, stop := draw()
		if !drawn {
			t.Error("it is not drawn after the document")
		}
		stop()
		if got := terminal.Text(); got != `{"items":[]}` {
			t.Errorf("left behind:\n%s", got)
		}
	})
}

// An interrupt, and the end of the time, leave the terminal clean at once.
func TestStageInterrupted(t *testing.T) {
	terminal := screen.New(80, 24)
	synctest.Test(t, func(t *testing.T) {
		s := &stage{terminal: terminal, size: terminal.Size, color: func() bool { return false }, now: time.Now}
		ctx, cancel := context.WithCancel(t.Context())
		display, stop := s.show(ctx, live.Options{})
		display.Follow(picture)
		time.Sleep(time.Second) // of invented time
		if other, _ := s.show(ctx, live.Options{}); other != nil {
			t.Error("two are drawn at once")
		}
		_, _ = io.WriteString(terminal, "^C")
		cancel()
		synctest.Wait()
		if got := terminal.Text(); got != "" {
			t.Errorf("after the interrupt:\n%s", got)
		}
		_, _ = io.WriteString(onStage{stage: s, under: terminal}, "Stopping.\n")
		if other, _ := s.show(ctx, live.Options{}); other != nil {
			t.Error("it is drawn after the interrupt")
		}
		stop()
	})
	if got := terminal.Text(); got != "Stopping." || terminal.Hidden() {
		t.Errorf("left behind:\n%s", got)
	}
}

// A password_command may ask at the terminal, which it then has for itself.
func TestStageLent(t *testing.T) {
	onStageDo(t, func(_ context.Context, s *stage, terminal *screen.Screen, draw func() (bool, func())) {
		s.lend()() // when nothing is drawn
		drawn, stop := draw()
		defer stop()
		back := s.lend()
		time.Sleep(time.Minute) // of invented time
		if got := terminal.Text(); !drawn || got != "" {
			t.Errorf("drawn %v, and when it was lent:\n%s", drawn, got)
		}
		back()
		time.Sleep(time.Second) // of invented time
		if got := terminal.Text(); !strings.Contains(got, "Asking") {
			t.Error("it is not drawn again")
		}
	})
	var nobody *stage
	nobody.lend()()
}

func TestWrap(t *testing.T) {
	s := &stage{size: func() (int, int) { return 40, 24 }}
	for line, want := range map[string]string{
		"short":                 "short",
		strings.Repeat("x", 50): strings.Repeat("x", 50),
		"Waiting until it has arrived, 10 minutes at most.":            "Waiting until it has arrived, 10 minutes\nat most.",
		"  2 disk-full: make room on the content drive, then refresh.": "  2 disk-full: make room on the content\n    drive, then refresh.",
		"  配布ポイントのコンテンツ ドライブに空き容量を確保してから 再送信":                          "  配布ポイントのコンテンツ\n    ドライブに空き容量を確保してから\n    再送信",
		"see " + strings.Repeat("y", 60) + " there":                    "see " + strings.Repeat("y", 60) + "\nthere",
	} {
		if got := s.wrap(line); got != want {
			t.Errorf("%q is %q, want %q", line, got, want)
		}
		if got := (*stage)(nil).wrap(line); got != line {
			t.Errorf("off a terminal %q is %q", line, got)
		}
	}
}
