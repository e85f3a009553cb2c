package wsman

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
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
		return body, checkCharacters(body)
	}
	if len(rest)%2 != 0 {
		return nil, errors.New("an answer in UTF-16 with half a character")
	}
	out := make([]byte, 0, len(rest)/2+len(rest)/16)
	for len(rest) > 0 {
		r := rune(order.Uint16(rest))
		rest = rest[2:]
		if utf16.IsSurrogate(r) {
			low := rune(0)
			if len(rest) > 0 {
				low = rune(order.Uint16(rest))
			}
			if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
				rest = rest[2:]
			}
		}
		out = utf8.AppendRune(out, r)
	}
	// The declaration, if any, still says utf-16; the scanner does not read it.
	return out, checkCharacters(out)
}

// checkCharacters refuses the control characters that XML 1.0 section 2.2 has
// not, of which the scanner takes no notice. A server writes them as question
// marks.
func checkCharacters(doc []byte) error {
	at := 0
	for ; len(doc)-at >= 32; at += 32 {
		block := doc[at : at+32]
		if low(block[0:8])|low(block[8:16])|low(block[16:24])|low(block[24:32]) == 0 {
			continue
		}
		if bytes.ContainsFunc(block, isForbidden) {
			break
		}
	}
	if i := bytes.IndexFunc(doc[at:], isForbidden); i >= 0 {
		return fmt.Errorf("malformed XML at byte %d: the control character 0x%02X", at+i, doc[at+i])
	}
	return nil
}

// low has the highest bit of each of eight bytes set that is less than 0x20, and
// now and then another one's.
func low(b []byte) uint64 {
	word := binary.LittleEndian.Uint64(b)
	return (word - 0x2020202020202020) &^ word & 0x8080808080808080
}

func isForbidden(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' }

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
