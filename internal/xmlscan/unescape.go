package xmlscan

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// Unescape is what character data of a document stands for: the Text that Next
// gives for it, appended to dst, and whether Next would read it. raw holds no
// tag.
func Unescape(dst, raw []byte) ([]byte, bool) {
	var s Scanner
	text, err := s.unescape(raw)
	return append(dst, text...), err == nil
}

// unescape resolves the entities and character references of raw and turns its
// line ends into line feeds (XML 1.0 section 2.11). Without any it is raw.
func (s *Scanner) unescape(raw []byte) ([]byte, error) {
	if !utf8.Valid(raw) {
		return nil, s.fail("text is not UTF-8")
	}
	amp := bytes.IndexByte(raw, '&')
	if amp < 0 {
		return newlines(raw), nil
	}
	out := make([]byte, 0, len(raw))
	for ; amp >= 0; amp = bytes.IndexByte(raw, '&') {
		out = append(out, newlines(raw[:amp])...)
		raw = raw[amp+1:]
		end := bytes.IndexByte(raw, ';')
		if end < 0 {
			return nil, s.fail("an & that starts no entity")
		}
		r, ok := character(string(raw[:end]))
		if !ok {
			return nil, s.fail("an entity that is not one of XML's own")
		}
		out = utf8.AppendRune(out, r)
		raw = raw[end+1:]
	}
	return append(out, newlines(raw)...), nil
}

// character is what an entity or character reference stands for (XML 1.0
// sections 4.1 and 4.6, and the Char production for references).
func character(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	digits, base := name[1:], 10
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n > utf8.MaxRune {
		return 0, false
	}
	r := rune(n)
	inRange := r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000
	return r, inRange
}

// newlines turns CR LF and lone CR into LF.
func newlines(raw []byte) []byte {
	if bytes.IndexByte(raw, '\r') < 0 {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for i, b := range raw {
		switch {
		case b != '\r':
			out = append(out, b)
		case i+1 == len(raw) || raw[i+1] != '\n':
			out = append(out, '\n')
		}
	}
	return out
}
