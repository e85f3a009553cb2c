package wsman

import (
	"bytes"
	"encoding/binary"
	"errors"
	"mime"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// toUTF8 gives the body as UTF-8. WinRM answers in the charset of the request
// as a rule, but may answer in UTF-16 with a byte order mark.
func toUTF8(body []byte, contentType string) ([]byte, error) {
	order, rest := utf16Order(body, contentType)
	if order == nil {
		return body, nil
	}
	if len(rest)%2 != 0 {
		return nil, errors.New("an answer in UTF-16 with half a character")
	}
	units := make([]uint16, len(rest)/2)
	for i := range units {
		units[i] = order.Uint16(rest[2*i:])
	}
	out := make([]byte, 0, len(units)+len(units)/8)
	for _, r := range utf16.Decode(units) {
		out = utf8.AppendRune(out, r)
	}
	// The declaration, if any, still says utf-16; the scanner does not read it.
	return out, nil
}

// utf16Order is the byte order of a body in UTF-16, nil when it is UTF-8. The
// byte order mark outranks the header.
func utf16Order(body []byte, contentType string) (binary.ByteOrder, []byte) {
	if rest, ok := bytes.CutPrefix(body, []byte{0xFF, 0xFE}); ok {
		return binary.LittleEndian, rest
	}
	if rest, ok := bytes.CutPrefix(body, []byte{0xFE, 0xFF}); ok {
		return binary.BigEndian, rest
	}
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, body
	}
	switch strings.ToLower(params["charset"]) {
	case "utf-16", "utf-16le":
		return binary.LittleEndian, body
	case "utf-16be":
		return binary.BigEndian, body
	}
	return nil, body
}
