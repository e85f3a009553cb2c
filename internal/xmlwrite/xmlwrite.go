// Package xmlwrite builds the XML of a WS-Management request. Whatever comes
// from outside passes through its escaping; nothing is formatted into XML.
package xmlwrite

import (
	"fmt"
	"unicode/utf8"
)

// Writer appends elements to a buffer. Its zero value is empty and ready. The
// names of elements and attributes are written as given: they are the
// program's own. A Writer is not safe for concurrent use.
type Writer struct {
	buf []byte
	err error
}

// Open writes a start tag. attrs are names and values in turn.
func (w *Writer) Open(name string, attrs ...string) {
	w.tag(name, attrs)
	w.buf = append(w.buf, '>')
}

// Close writes an end tag.
func (w *Writer) Close(name string) {
	w.buf = append(w.buf, '<', '/')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '>')
}

// Empty writes an element without content.
func (w *Writer) Empty(name string, attrs ...string) {
	w.tag(name, attrs)
	w.buf = append(w.buf, '/', '>')
}

// Leaf writes an element that holds text.
func (w *Writer) Leaf(name, text string, attrs ...string) {
	w.Open(name, attrs...)
	w.Text(text)
	w.Close(name)
}

// Text writes character data.
func (w *Writer) Text(text string) { w.escape(text, "") }

// Raw writes XML that was built by a Writer before.
func (w *Writer) Raw(xml []byte) { w.buf = append(w.buf, xml...) }

// Bytes is what was written, and the first error: text that XML cannot carry,
// such as a control character, is refused and not silently changed.
func (w *Writer) Bytes() ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	return w.buf, nil
}

func (w *Writer) tag(name string, attrs []string) {
	w.buf = append(w.buf, '<')
	w.buf = append(w.buf, name...)
	for i := 0; i+1 < len(attrs); i += 2 {
		w.buf = append(w.buf, ' ')
		w.buf = append(w.buf, attrs[i]...)
		w.buf = append(w.buf, '=', '"')
		w.escape(attrs[i+1], "\"\t\n")
		w.buf = append(w.buf, '"')
	}
}

// escape writes text and turns markup, carriage returns and the characters of
// also into references, so that a reader gets back exactly the same text.
func (w *Writer) escape(text, also string) {
	for i, r := range text {
		switch {
		case r == '&':
			w.buf = append(w.buf, "&amp;"...)
		case r == '<':
			w.buf = append(w.buf, "&lt;"...)
		case r == '>':
			w.buf = append(w.buf, "&gt;"...)
		case r == '\r' || r < utf8.RuneSelf && also != "" && containsByte(also, byte(r)):
			w.buf = fmt.Appendf(w.buf, "&#%d;", r)
		case !carriable(r) || r == utf8.RuneError && !isReplacement(text[i:]):
			if w.err == nil {
				w.err = fmt.Errorf("text %q cannot be sent: XML has no way to write what stands at byte %d", text, i)
			}
			return
		default:
			w.buf = utf8.AppendRune(w.buf, r)
		}
	}
}

func containsByte(s string, b byte) bool {
	for i := range len(s) {
		if s[i] == b {
			return true
		}
	}
	return false
}

// isReplacement tells a U+FFFD that was written from bytes that are no UTF-8.
func isReplacement(s string) bool {
	_, size := utf8.DecodeRuneInString(s)
	return size == len("\uFFFD")
}

// carriable is the Char production of XML 1.0 section 2.2.
func carriable(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000
}
