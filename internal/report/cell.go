package report

import "strconv"

// Cell is a value of a row that can be set again for the next row: rows given
// as pointers to cells cost no memory. A cell may be changed as soon as the row
// was taken. Its zero value is the empty text. It is not safe for concurrent
// use.
type Cell struct {
	text   string
	asIs   bool   // text is JSON already: a number, true or false
	was    string // the text of the row before
	quoted []byte // the same as JSON, if it came more than once
}

// SetText makes the cell a text.
func (c *Cell) SetText(s string) { c.text, c.asIs = s, false }

// SetBool makes the cell a boolean.
func (c *Cell) SetBool(b bool) { c.text, c.asIs = strconv.FormatBool(b), true }

// SetInteger makes the cell the integer that s writes in decimal, and reports
// whether s is one in the form that JSON has, and of 64 bits. Otherwise the cell
// stays as it was.
func (c *Cell) SetInteger(s string) bool {
	if !isInteger(s) {
		return false
	}
	c.text, c.asIs = s, true
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
	if !c.asIs {
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
	case c.was != c.text:
		c.was, c.quoted = c.text, c.quoted[:0]
		return appendString(b, c.text)
	case len(c.quoted) == 0:
		c.quoted = appendString(c.quoted, c.text)
	}
	return append(b, c.quoted...)
}
