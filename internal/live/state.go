package live

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/text"
)

// State is what a display shows. The zero value shows nothing.
type State struct {
	Title             string
	Started, Deadline time.Time // no time: not shown
	Columns           []Column  // of the counts of sites
	Sites             []Site
	Open              []Row
	Changes           []Change // the last one last
}

// Column is one of the counts that each site has.
type Column struct {
	Title string
	Color text.Colors // of what is not zero
}

// Site is the counts of a site.
type Site struct {
	Name   string
	Counts []int     // one for each column
	Next   time.Time // when it is looked at again; zero for not any more
	// Note stands where the time until Next would, and after that time when
	// there is one.
	Note string
}

// Row is something that is open.
type Row struct {
	Where, What, State string
	Color              text.Colors // of the state
	Since              time.Time   // when the state began; zero for unknown
}

// Change is something that happened.
type Change struct {
	At   time.Time
	Text string
}

// frame is how much room there is, and when it is drawn.
type frame struct {
	width, height int
	now           time.Time
	color         bool
}

// section is a part of the picture that can be cut at its end.
type section struct {
	lines []string // the first is its heading
	more  int      // lines that no terminal of this size could show
	noun  string
	last  bool // of what does not fit, the beginning is left out
}

const (
	mostChanges = 5
	// leastLines is a section with a blank line, its heading, one line, and
	// how many more there are.
	leastLines = 4
)

// lines are the picture: never more of them, nor wider ones, than fit.
func (s State) lines(f frame) []string {
	if s.Title == "" {
		return nil
	}
	sections := []section{s.sites(f), s.open(f), s.changes(f)}
	room := f.height - 1
	for len(sections) > 0 && len(sections)*leastLines > room {
		sections = sections[:len(sections)-1] // what changed is the least of it
	}
	wants := make([]int, len(sections))
	for i, c := range sections {
		if len(c.lines) > 1 {
			wants[i] = len(c.lines) + c.more + 1
		}
	}
	out := []string{s.head(f)}
	for i, lines := range share(room, wants) {
		if wants[i] > 0 {
			out = append(append(out, ""), sections[i].fit(lines-1)...)
		}
	}
	for i := range out {
		out[i] = text.Snip(out[i], f.width, "…")
	}
	return out[:min(len(out), f.height)]
}

// share gives each what it wants as far as there is room: who wants less than
// an equal part leaves the rest to the others.
func share(room int, wants []int) []int {
	got := make([]int, len(wants))
	for {
		var hungry []int
		for i := range wants {
			if got[i] < wants[i] {
				hungry = append(hungry, i)
			}
		}
		if len(hungry) == 0 || room < len(hungry) {
			for _, i := range hungry[:min(room, len(hungry))] {
				got[i]++
			}
			return got
		}
		part := room / len(hungry)
		for _, i := range hungry {
			more := min(part, wants[i]-got[i])
			got[i] += more
			room -= more
		}
	}
}

// fit cuts a section to so many lines, and says how many are left out.
func (c section) fit(lines int) []string {
	if len(c.lines)+c.more <= lines {
		return c.lines
	}
	if lines < 2 {
		return c.lines[:max(lines, 0)]
	}
	left := len(c.lines) + c.more - lines + 1
	if c.last {
		return append(c.lines[:1:1], c.lines[left:]...)
	}
	return append(c.lines[:lines-1:lines-1], fmt.Sprintf("… and %d more %s", left, c.noun))
}

// head is the line at the top.
func (s State) head(f frame) string {
	parts := []string{clean(s.Title)}
	if !s.Started.IsZero() {
		parts = append(parts, short(f.now.Sub(s.Started))+" so far")
	}
	if !s.Deadline.IsZero() {
		parts = append(parts, short(s.Deadline.Sub(f.now))+" left")
	}
	return strings.Join(parts, ", ")
}

func (s State) sites(f frame) section {
	heading := []cell{{text: "SITE"}}
	for _, c := range s.Columns {
		heading = append(heading, cell{text: c.Title, right: true})
	}
	rows := [][]cell{append(heading, cell{text: "NEXT LOOK"})}
	for _, site := range s.Sites {
		row := []cell{{text: site.Name}}
		for i, c := range s.Columns {
			n := cell{text: "0", right: true}
			if i < len(site.Counts) && site.Counts[i] != 0 {
				n = cell{text: strconv.Itoa(site.Counts[i]), right: true, color: c.Color}
			}
			row = append(row, n)
		}
		rows = append(rows, append(row, cell{text: site.next(f.now)}))
	}
	return section{lines: table(rows, f), noun: "sites"}
}

func (s Site) next(now time.Time) string {
	if s.Next.IsZero() {
		return s.Note
	}
	in := "now"
	if wait := s.Next.Sub(now); wait > 0 {
		in = "in " + short(wait)
	}
	if s.Note != "" {
		in += ", " + s.Note
	}
	return in
}

func (s State) open(f frame) section {
	rows := [][]cell{{{text: "OPEN"}, {}, {text: "STATE"}, {text: "FOR", right: true}}}
	for _, r := range s.Open[:min(len(s.Open), f.height)] {
		since := "-"
		if !r.Since.IsZero() {
			since = short(f.now.Sub(r.Since))
		}
		rows = append(rows, []cell{{text: r.Where, gives: true}, {text: r.What}, {text: r.State, color: r.Color}, {text: since, right: true}})
	}
	return section{lines: table(rows, f), more: len(s.Open) + 1 - len(rows), noun: "rows"}
}

func (s State) changes(f frame) section {
	lines := []string{"LAST CHANGES"}
	for _, c := range s.Changes[max(0, len(s.Changes)-mostChanges):] {
		lines = append(lines, c.At.Format(time.TimeOnly)+"  "+clean(c.Text))
	}
	return section{lines: lines, last: true}
}

// cell is one of a table.
type cell struct {
	text  string
	right bool // aligned
	gives bool // its column becomes narrower when there is too little room
	color text.Colors
}

const leastCell = 8

// table aligns cells in columns. The first row is the heading.
func table(rows [][]cell, f frame) []string {
	widths := make([]int, len(rows[0]))
	giving := -1
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], columns(clean(c.text)))
			if c.gives {
				giving = i
			}
		}
	}
	total := 2 * (len(widths) - 1)
	for _, w := range widths {
		total += w
	}
	if giving >= 0 && total > f.width {
		widths[giving] = max(min(leastCell, widths[giving]), widths[giving]-(total-f.width))
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		var b strings.Builder
		for k, c := range row {
			if k > 0 {
				b.WriteString("  ")
			}
			b.WriteString(c.render(widths[k], f.color))
		}
		lines[i] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

func (c cell) render(width int, color bool) string {
	s := text.Snip(clean(c.text), width, "…")
	space := strings.Repeat(" ", max(0, width-columns(s)))
	if color && len(c.color) > 0 {
		s = text.Escape(s, c.color.EscapeSeq())
	}
	if c.right {
		return space + s
	}
	return s + space
}

// columns is how much room a text takes: wide characters take two.
func columns(s string) int { return text.StringWidthWithoutEscSequences(s) }

// clean replaces what could drive the terminal or turn the direction of
// writing.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// short is a duration in its two largest units.
func short(d time.Duration) string {
	d = max(d, 0).Round(time.Second)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}
