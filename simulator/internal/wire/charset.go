package wire

import (
	"bytes"
	"errors"
	"mime"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// encoding is how a body's characters are written.
type encoding int

const (
	utf8Encoding encoding = iota
	utf16LE
	utf16BE
)

// contentType is the Content-Type of an answer in this encoding.
func (e encoding) contentType() string {
	if e == utf8Encoding {
		return "application/soap+xml;charset=UTF-8"
	}
	return "application/soap+xml;charset=UTF-16"
}

// acceptable tells whether a Content-Type is one that WS-Management is spoken
// in (DSP0226 section 11: SOAP 1.2 over HTTP in UTF-8 or UTF-16).
func acceptable(contentType string) bool {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "application/soap+xml" {
		return false
	}
	switch strings.ToLower(params["charset"]) {
	case "", "utf-8", "utf-16":
		return true
	}
	return false
}

// detect tells the encoding of a body by its byte order mark, else by how
// "<" is written (XML 1.0 appendix F), and is the body without the mark.
func detect(body []byte) (encoding, []byte) {
	for _, c := range []struct {
		mark     string
		encoding encoding
	}{
		{"\xEF\xBB\xBF", utf8Encoding},
		{"\xFF\xFE", utf16LE},
		{"\xFE\xFF", utf16BE},
	} {
		if rest, ok := bytes.CutPrefix(body, []byte(c.mark)); ok {
			return c.encoding, rest
		}
	}
	switch {
	case bytes.HasPrefix(body, []byte("<\x00")):
		return utf16LE, body
	case bytes.HasPrefix(body, []byte("\x00<")):
		return utf16BE, body
	}
	return utf8Encoding, body
}

var errCharacters = errors.New("decode body: not valid UTF-8 or UTF-16; send what the Content-Type says")

// decode is a body's text in UTF-8, and how it was written.
func decode(body []byte) ([]byte, encoding, error) {
	enc, body := detect(body)
	if enc == utf8Encoding {
		if !utf8.Valid(body) {
			return nil, enc, errCharacters
		}
		return body, enc, nil
	}
	if len(body)%2 != 0 {
		return nil, enc, errCharacters
	}
	units := make([]uint16, len(body)/2)
	for i := range units {
		lo, hi := uint16(body[2*i]), uint16(body[2*i+1])
		if enc == utf16BE {
			lo, hi = hi, lo
		}
		units[i] = hi<<8 | lo
	}
	return []byte(string(utf16.Decode(units))), enc, nil
}

// encode writes a text as enc, with a byte order mark where it is UTF-16.
func encode(text []byte, enc encoding) []byte {
	if enc == utf8Encoding {
		return text
	}
	units := utf16.Encode([]rune("\uFEFF" + string(text)))
	out := make([]byte, 0, 2*len(units))
	for _, u := range units {
		if enc == utf16LE {
			out = append(out, byte(u), byte(u>>8))
		} else {
			out = append(out, byte(u>>8), byte(u))
		}
	}
	return out
}

// utf16Size is the length in bytes of a UTF-8 text written as UTF-16, without
// a mark: what Windows counts against MaxEnvelopeSize.
func utf16Size(text []byte) int {
	size := 0
	for _, b := range text {
		switch {
		case b >= 0xF0: // leads four bytes, a surrogate pair
			size += 4
		case b < 0x80 || b >= 0xC0: // all but continuation bytes
			size += 2
		}
	}
	return size
}
