package live

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Work is what a display shows of work on many things side by side, in one line
// or two: how many are done and, by name, those that take longest. The zero
// value shows nothing.
type Work struct {
	Title     string // "Asking"
	Noun      string // of what is counted: "sites"
	Did       string // what became of those that are done: "done"
	Done, All int
	Failed    int // of Done
	// Rows are what has been read so far, where CountsRows says that that is
	// counted.
	Rows       int64
	CountsRows bool
	Started    time.Time
	// Steady says that what is left takes as long for each as what is done, so
	// that the time left can be told.
	Steady bool
	Busy   []Busy
}

// Busy is one that is being worked on.
type Busy struct {
	Name  string
	Since time.Time // zero: not told
	Note  string
}

const (
	// rateAfter and enough are from when on a rate means something.
	rateAfter = 2 * time.Second
	enough    = 8
)

// part is a part of a line. Where there is too little room, the parts with the
// highest number are left out.
type part struct {
	text  string
	minor int
	color text.Colors
}

func (w Work) lines(f frame) []string {
	if w.Title == "" || f.height < 1 {
		return nil
	}
	out := []string{line(w.parts(f.now), f)}
	if len(w.Busy) > 0 && !w.isSingle() && f.height > 1 {
		out = append(out, w.busy(f))
	}
	return out
}

// isSingle is work on one thing, which is named in place of being counted.
func (w Work) isSingle() bool { return w.All == 1 && len(w.Busy) == 1 }

func (w Work) parts(now time.Time) []part {
	elapsed := now.Sub(w.Started)
	parts := []part{{text: fmt.Sprintf("%s: %d of %d %s", w.Title, w.Done, w.All, w.Did)}}
	if w.Noun != "" {
		parts[0].text = fmt.Sprintf("%s %s: %d of %d %s", w.Title, w.Noun, w.Done, w.All, w.Did)
	}
	if w.isSingle() {
		parts[0].text = w.Title + " " + w.Busy[0].Name
		if w.Busy[0].Note != "" {
			parts[0].text += ": " + w.Busy[0].Note
		}
	}
	if w.Failed > 0 {
		parts = append(parts, part{text: fmt.Sprintf(", %d failed", w.Failed), minor: 1, color: text.Colors{text.FgRed}})
	}
	n := int64(w.Done)
	if w.CountsRows {
		n = w.Rows
		if n > 0 && !w.isSingle() {
			parts = append(parts, part{text: ", " + rows(n), minor: 3})
		}
	}
	if elapsed >= rateAfter && n >= enough {
		parts = append(parts, part{text: ", " + rate(n, elapsed), minor: 4})
	}
	parts = append(parts, part{text: ", " + short(elapsed) + " so far", minor: 1})
	if left, ok := w.left(elapsed); ok {
		parts = append(parts, part{text: ", about " + short(left) + " left", minor: 2})
	}
	return parts
}

// left is the time left, where that can be told.
func (w Work) left(elapsed time.Duration) (time.Duration, bool) {
	if !w.Steady || elapsed < rateAfter || w.Done < enough || w.Done >= w.All {
		return 0, false
	}
	return max(elapsed/time.Duration(w.Done)*time.Duration(w.All-w.Done), time.Second), true
}

func rows(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

// rate is so many in a time.
func rate(n int64, in time.Duration) string {
	each := float64(n) / in.Seconds()
	if each >= 10 {
		return fmt.Sprintf("%.0f a second", each)
	}
	return fmt.Sprintf("%.1f a second", each)
}

// line puts together the parts for which there is room.
func line(parts []part, f frame) string {
	for i := range parts {
		parts[i].text = clean(parts[i].text)
	}
	for {
		total, least := 0, 0
		for i, p := range parts {
			total += columns(p.text)
			if p.minor >= parts[least].minor {
				least = i
			}
		}
		if total <= f.width {
			break
		}
		if parts[least].minor == 0 {
			return text.Snip(parts[0].text, f.width, "…")
		}
		parts = slices.Delete(parts, least, least+1)
	}
	var b strings.Builder
	for _, p := range parts {
		if f.color && len(p.color) > 0 {
			p.text = text.Escape(p.text, p.color.EscapeSeq())
		}
		b.WriteString(p.text)
	}
	return b.String()
}

// busy names those that take longest, as many as there is room for.
func (w Work) busy(f frame) string {
	busy := slices.Clone(w.Busy)
	slices.SortStableFunc(busy, func(a, b Busy) int { return a.Since.Compare(b.Since) })
	line := "  waiting for "
	for i, b := range busy {
		name := b.text(f.now)
		if i > 0 {
			name = ", " + name
		}
		more := ""
		if left := len(busy) - i - 1; left > 0 {
			more = fmt.Sprintf(" and %d more", left)
		}
		if columns(line)+columns(name)+columns(more) > f.width && i > 0 {
			line += fmt.Sprintf(" and %d more", len(busy)-i)
			break
		}
		line += name
	}
	return text.Snip(line, f.width, "…")
}

func (b Busy) text(now time.Time) string {
	var about []string
	if !b.Since.IsZero() {
		about = append(about, short(now.Sub(b.Since)))
	}
	if b.Note != "" {
		about = append(about, b.Note)
	}
	if len(about) == 0 {
		return clean(b.Name)
	}
	return clean(fmt.Sprintf("%s (%s)", b.Name, strings.Join(about, ", ")))
}
