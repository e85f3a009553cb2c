package wire

import "unicode/utf8"

// xmlWriter builds XML text. Names are written as given: they are this
// package's own, or come from class declarations. Text and attribute values
// are escaped. The zero value is empty and ready.
type xmlWriter struct{ buf []byte }

// start writes a start tag. attrs are pairs of name and value.
func (w *xmlWriter) start(name string, attrs ...string) {
	w.tag(name, attrs)
	w.buf = append(w.buf, '>')
}

// empty writes an element without content as an empty-element tag.
func (w *xmlWriter) empty(name string, attrs ...string) {
	w.tag(name, attrs)
	w.buf = append(w.buf, "/>"...)
}

func (w *xmlWriter) tag(name string, attrs []string) {
	w.buf = append(w.buf, '<')
	w.buf = append(w.buf, name...)
	for i := 0; i+1 < len(attrs); i += 2 {
		w.buf = append(w.buf, ' ')
		w.buf = append(w.buf, attrs[i]...)
		w.buf = append(w.buf, '=', '"')
		w.escape(attrs[i+1], true)
		w.buf = append(w.buf, '"')
	}
}

// end writes an end tag.
func (w *xmlWriter) end(name string) {
	w.buf = append(w.buf, '<', '/')
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, '>')
}

// leaf writes an element that holds text. Without text it is a start and an
// end tag, as Windows writes an empty string.
func (w *xmlWriter) leaf(name, text string, attrs ...string) {
	w.start(name, attrs...)
	w.text(text)
	w.end(name)
}

// text writes character data.
func (w *xmlWriter) text(s string) { w.escape(s, false) }

// raw writes XML that is already complete.
func (w *xmlWriter) raw(xml []byte) { w.buf = append(w.buf, xml...) }

// escape writes s so that a reader gets it back, but for what XML 1.0 cannot
// carry: control characters become "?" as Windows makes them (MS-WSMV), and
// what is not UTF-8 U+FFFD.
func (w *xmlWriter) escape(s string, attribute bool) {
	for _, r := range s {
		switch {
		case r == '&':
			w.buf = append(w.buf, "&amp;"...)
		case r == '<':
			w.buf = append(w.buf, "&lt;"...)
		case r == '>':
			w.buf = append(w.buf, "&gt;"...)
		case r == '"':
			w.buf = append(w.buf, "&quot;"...)
		case r == '\'':
			w.buf = append(w.buf, "&apos;"...)
		case r == '\r': // a reader would make a bare one a line feed
			w.buf = append(w.buf, "&#xD;"...)
		case r == '\n' && attribute: // a reader would make a bare one a space
			w.buf = append(w.buf, "&#xA;"...)
		case r == '\t' && attribute:
			w.buf = append(w.buf, "&#x9;"...)
		case r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
			w.buf = append(w.buf, '?')
		default:
			w.buf = utf8.AppendRune(w.buf, r)
		}
	}
}
