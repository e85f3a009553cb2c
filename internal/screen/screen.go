// Package screen is a terminal for tests: it keeps what somebody would see.
package screen

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"
)

// The control sequences that it knows (ECMA-48, and DECTCEM for the cursor),
// beside those that go up and those that colour.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	eraseLine  = "\x1b[K" // from the cursor on
	eraseBelow = "\x1b[J" // from the cursor on
)

// Screen is a terminal as far as a live display uses one. A line feed goes to
// the beginning of the next line. It is safe for concurrent use.
type Screen struct {
	mu            sync.Mutex
	width, height int
	lines         [][]rune // a zero follows a character that takes two columns
	wrapped       []bool   // the line goes on in the next
	row, col      int
	hidden        bool // the cursor
	scrolled      []string
	wrong         string // what it was told and does not know
}

// New is an empty terminal.
func New(width, height int) *Screen {
	s := &Screen{width: width, height: height}
	s.grow(0)
	return s
}

func (s *Screen) grow(row int) {
	for len(s.lines) <= row {
		s.lines, s.wrapped = append(s.lines, nil), append(s.wrapped, false)
	}
}

// Size is how many columns and lines there are.
func (s *Screen) Size() (int, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.width, s.height
}

// Write obeys control sequences and shows the rest.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for rest := string(p); rest != ""; {
		r, n := utf8.DecodeRuneInString(rest)
		switch {
		case strings.HasPrefix(rest, "\x1b["):
			n = s.sequence(rest)
		case r == '\r':
			s.col = 0
		case r == '\n':
			s.newline(false)
		case r < ' ':
			s.wrong = fmt.Sprintf("%q", r)
		default:
			s.put(r)
		}
		rest = rest[n:]
	}
	return len(p), nil
}

// sequence obeys an escape sequence and gives its length.
func (s *Screen) sequence(text string) int {
	end := strings.IndexFunc(text[2:], func(r rune) bool { return r >= '@' && r <= '~' }) + 2
	number := 1
	_, _ = fmt.Sscanf(text[2:end], "%d", &number)
	switch seq := text[:end+1]; {
	case text[end] == 'm':
	case seq == hideCursor || seq == showCursor:
		s.hidden = seq == hideCursor
	case seq == eraseLine:
		s.cut()
	case seq == eraseBelow:
		if s.row == 0 && s.col == 0 { // as tmux does
			for _, line := range s.lines {
				s.scrolled = append(s.scrolled, content(line))
			}
		}
		s.cut()
		s.lines, s.wrapped = s.lines[:s.row+1], s.wrapped[:s.row+1]
	case text[end] == 'A':
		s.row = max(0, s.row-number)
	default:
		s.wrong = fmt.Sprintf("%q", seq)
	}
	return end + 1
}

func (s *Screen) cut() {
	if s.col < len(s.lines[s.row]) {
		s.lines[s.row] = s.lines[s.row][:s.col]
	}
	s.wrapped[s.row] = false
}

func (s *Screen) put(r rune) {
	w := text.RuneWidth(r)
	if s.col+w > s.width {
		s.newline(true)
	}
	line := s.lines[s.row]
	for len(line) < s.col+w {
		line = append(line, ' ')
	}
	line[s.col] = r
	if w == 2 {
		line[s.col+1] = 0
	}
	s.lines[s.row] = line
	s.col += w
}

func (s *Screen) newline(wrapped bool) {
	s.wrapped[s.row] = wrapped
	s.row, s.col = s.row+1, 0
	s.grow(s.row)
	if len(s.lines) > s.height {
		s.scrolled = append(s.scrolled, content(s.lines[0]))
		s.lines, s.wrapped = s.lines[1:], s.wrapped[1:]
		s.row--
	}
}

// Resize wraps what is shown anew, as most terminals do.
func (s *Screen) Resize(width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var whole [][]rune
	for i, line := range s.lines[:s.row] {
		if i > 0 && s.wrapped[i-1] {
			whole[len(whole)-1] = append(whole[len(whole)-1], line...)
			continue
		}
		whole = append(whole, line)
	}
	s.width, s.height = width, height
	s.lines, s.wrapped, s.row, s.col = nil, nil, 0, 0
	s.grow(0)
	for _, line := range whole {
		for _, r := range line {
			if r != 0 {
				s.put(r)
			}
		}
		s.newline(false)
	}
}

func content(line []rune) string {
	return strings.TrimRight(strings.ReplaceAll(string(line), "\x00", ""), " ")
}

// Hidden tells whether the cursor is.
func (s *Screen) Hidden() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hidden
}

// Wrong is the last that it was told and does not know, empty for nothing.
func (s *Screen) Wrong() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wrong
}

// Text is what is to be seen, and above it what has scrolled away.
func (s *Screen) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := append([]string(nil), s.scrolled...)
	for _, line := range s.lines {
		all = append(all, content(line))
	}
	return strings.TrimRight(strings.Join(all, "\n"), "\n")
}
