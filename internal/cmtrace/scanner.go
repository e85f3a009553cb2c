package cmtrace

import (
	"bytes"
	"time"
	"unicode/utf8"
)

// scanner divides a log's text into entries.
type scanner struct {
	rest  []byte
	zone  *time.Location
	zones map[int]*time.Location // by bias
	last  time.Time              // of the latest entry that had one
	// end is where, counted from the end of the text, the next end of an entry
	// of the new form stands. It is looked for once however many entries begin.
	end int

	span  []byte // the bytes of entry, line break included
	entry Entry
}

func newScanner(text []byte, zone *time.Location) *scanner {
	if zone == nil {
		zone = time.UTC
	}
	return &scanner{rest: text, zone: zone, zones: map[int]*time.Location{}, end: notSought}
}

// next reads the next span and its entry. An empty line is a Plain entry
// without text.
func (s *scanner) next() bool {
	if len(s.rest) == 0 {
		return false
	}
	if e, n, ok := s.newForm(); ok {
		s.take(n+lineBreak(s.rest[n:]), e)
		return true
	}
	line, n := firstLine(s.rest)
	e, ok := s.oldForm(line)
	if !ok {
		e, ok = s.providerForm(line)
	}
	if !ok {
		e = Entry{Form: Plain, Time: s.last, Message: string(line)}
	}
	s.take(n, e)
	return true
}

// take makes the next n bytes the span of an entry.
func (s *scanner) take(n int, e Entry) {
	s.span, s.rest = s.rest[:n], s.rest[n:]
	s.entry, s.last = e, e.Time
}

// firstLine is the first line, without its break and the blanks at its end, and
// how many bytes it takes. One that is too long is cut between characters.
func firstLine(text []byte) (line []byte, n int) {
	window := text[:min(len(text), maxLine+1)]
	end := bytes.IndexByte(window, '\n')
	switch {
	case end >= 0:
		return bytes.TrimRight(text[:end], " \t\r"), end + 1
	case len(text) <= maxLine:
		return bytes.TrimRight(text, " \t\r"), len(text)
	}
	n = maxLine
	for n > maxLine-utf8.UTFMax && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n], n
}

// lineBreak is how long the line break is with which text begins, blanks before
// it included; 0 when it begins with something else.
func lineBreak(text []byte) int {
	i := 0
	for i < len(text) && (text[i] == ' ' || text[i] == '\t' || text[i] == '\r') {
		i++
	}
	if i < len(text) && text[i] == '\n' {
		return i + 1
	}
	return 0
}

// noEnd is scanner.end when there is none, notSought before it was looked for.
const (
	noEnd     = -1
	notSought = -2
)

// findEnd is the offset in the rest of the next end of an entry of the new form.
func (s *scanner) findEnd() (int, bool) {
	if s.end == notSought || s.end > len(s.rest) {
		s.end = noEnd
		if at := bytes.Index(s.rest, newEnd); at >= 0 {
			s.end = len(s.rest) - at
		}
	}
	return len(s.rest) - s.end, s.end != noEnd
}
