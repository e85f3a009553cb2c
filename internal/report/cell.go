package report

import (
	"strconv"
	"time"
)

// Cell is a value of a row that can be set again for the next row: rows given
// as pointers to cells cost no memory. A cell may be changed as soon as the row
// was taken. Its zero value is the empty text. It is not safe for concurrent
// use.
type Cell struct {
	text   string
	asIs   bool   // text is JSON already: a number, true or false
	word   *Word  // of the text, if it is one
	was    string // the text of the row before
	quoted []byte // the same as JSON, if it came more than once
}

// Word is a text that many rows have: its form in JSON is made once. Its zero
// value is no text; make one by NewWord or SetTime.
type Word struct {
	text   string
	quoted []byte
	isTime bool // text is not made: it is what quoted has between its quotes
}

// NewWord is a text for Cell.SetWord.
func NewWord(text string) Word { return Word{text: text, quoted: appendString(nil, text)} }

// SetTime makes the word a time in RFC 3339, in UTC and to the second.
func (w *Word) SetTime(t time.Time) {
	w.quoted = append(t.UTC().AppendFormat(append(w.quoted[:0], '"'), time.RFC3339), '"')
	w.isTime = true
}

// String is the text.
func (w *Word) String() string {
	if w.isTime {
		return string(w.quoted[1 : len(w.quoted)-1])
	}
	return w.text
}

// SetWord makes the cell a text that must not change while the row is written.
func (c *Cell) SetWord(w *Word) { c.asIs, c.word = false, w }

// SetText makes the cell a text.
func (c *Cell) SetText(s string) { c.text, c.asIs, c.word = s, false, nil }

// SetBool makes the cell a boolean.
func (c *Cell) SetBool(b bool) { c.text, c.asIs, c.word = strconv.FormatBool(b), true, nil }

// SetInteger makes the cell the integer that s writes in decimal, and reports
// whether s is one in the form that JSON has, and of 64 bits. Otherwise the cell
// stays as it was.
func (c *Cell) SetInteger(s string) bool {
	if !isInteger(s) {
		return false
	}
	c.text, c.asIs, c.word = s, true, nil
	return true
}

// isInteger knows integers without needless zeros and signs that surely fit
// into 64 bits.
func isInteger(s string) bool {
	digits := s
	if len(s) > 0 && s[0] == '-' {
		digits = s[1:]
	}
	const most = 18
	if len(digits) == 0 || len(digits) > most || digits[0] == '0' && len(s) > 1 {
		return false
	}
	for i := range len(digits) {
		if digits[i]-'0' > 9 {
			return false
		}
	}
	return true
}

// value is the cell's value for those who keep it.
func (c *Cell) value() any {
	switch {
	case c.word != nil:
		return c.word.String()
	case !c.asIs:
		return c.text
	}
	if n, err := strconv.ParseInt(c.text, 10, 64); err == nil {
		return n
	}
	return c.text == "true"
}

// append appends the cell as JSON. Neighbours in a column are often equal.
func (c *Cell) append(b []byte) []byte {
	switch {
	case c.asIs:
		return append(b, c.text...)
	case c.word != nil:
		return append(b, c.word.quoted...)
	case c.was != c.text:
		c.was, c.quoted = c.text, c.quoted[:0]
		return appendString(b, c.text)
	case len(c.quoted) == 0:
		c.quoted = appendString(c.quoted, c.text)
	}
	return append(b, c.quoted...)
}
