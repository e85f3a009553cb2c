package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"mime"
	"strconv"
	"strings"
)

// The form of sealed bodies (MS-WSMV section 2.2.9.1): two parts without the
// empty lines of MIME, the second of which is binary.
//
//	--Encrypted Boundary
//		Content-Type: application/HTTP-SPNEGO-session-encrypted
//		OriginalContent: type=application/soap+xml;charset=UTF-8;Length=1344
//	--Encrypted Boundary
//		Content-Type: application/octet-stream
//	<length of header, 32 bits, little end first><header><ciphertext>--Encrypted Boundary--
const (
	sealedType     = "multipart/encrypted"
	sealedBoundary = "Encrypted Boundary"

	// sealedOverhead is the most that a sealed body may have besides the
	// message, in bytes: the parts' headers and the mechanism's.
	sealedOverhead = 1024
)

// isSealed tells whether a Content-Type says that the body is sealed.
func isSealed(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), sealedType)
}

// sealed is a sealer by a session.
type sealed struct {
	label   string
	session session
}

// errSealed is wrapped by the errors about bodies that are not in the form.
var errSealed = errors.New("malformed sealed body")

// open implements sealer.
func (s sealed) open(contentType string, body []byte) (string, []byte, error) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || !isSealed(contentType) || !strings.EqualFold(params["protocol"], s.label) {
		return "", nil, fmt.Errorf("open %q: %w", contentType, errSealed)
	}
	original, payload, err := sealedParts(body, params["boundary"], s.label)
	if err != nil {
		return "", nil, fmt.Errorf("open body: %w", err)
	}
	inside, length, err := originalContent(original)
	if err != nil {
		return "", nil, fmt.Errorf("open body: %w", err)
	}
	if len(payload) < 4 || uint64(binary.LittleEndian.Uint32(payload)) > uint64(len(payload)-4) {
		return "", nil, fmt.Errorf("open body: header beyond the end: %w", errSealed)
	}
	header, ciphertext := payload[4:4+binary.LittleEndian.Uint32(payload)], payload[4+binary.LittleEndian.Uint32(payload):]
	message, err := s.session.Open(header, ciphertext)
	if err != nil {
		return "", nil, fmt.Errorf("open body: %w", err)
	}
	if len(message) != length {
		return "", nil, fmt.Errorf("open body: %d bytes where OriginalContent says %d: %w", len(message), length, errSealed)
	}
	return inside, message, nil
}

// sealedParts is the OriginalContent of the first part and the binary content of
// the second. The end is looked for at the end: ciphertext may hold anything.
func sealedParts(body []byte, boundary, label string) (original string, payload []byte, err error) {
	start, end := "--"+boundary, "--"+boundary+"--"
	rest, found := bytes.CutSuffix(bytes.TrimSuffix(body, []byte("\r\n")), []byte(end))
	if !found || boundary == "" {
		return "", nil, fmt.Errorf("no end: %w", errSealed)
	}
	next := func() string {
		line, after, _ := bytes.Cut(rest, []byte("\r\n"))
		rest = after
		return strings.TrimSpace(string(line))
	}
	if next() != start {
		return "", nil, fmt.Errorf("no first part: %w", errSealed)
	}
	kind, found := "", false
	for line := next(); line != start; line = next() {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return "", nil, fmt.Errorf("no second part: %w", errSealed)
		}
		switch value = strings.TrimSpace(value); strings.ToLower(name) {
		case "content-type":
			kind = value
		case "originalcontent":
			original = value
		}
	}
	if !strings.EqualFold(kind, label) {
		return "", nil, fmt.Errorf("first part of type %q: %w", kind, errSealed)
	}
	if line := next(); !strings.EqualFold(strings.ReplaceAll(line, " ", ""), "content-type:application/octet-stream") {
		return "", nil, fmt.Errorf("second part of another type: %w", errSealed)
	}
	return original, rest, nil
}

// originalContent reads the type and the length of the message.
func originalContent(text string) (contentType string, length int, err error) {
	before, number, _ := cutLast(text, ";Length=")
	contentType, found := strings.CutPrefix(before, "type=")
	length, err = strconv.Atoi(number)
	if !found || err != nil || length < 0 {
		return "", 0, fmt.Errorf("OriginalContent %q: %w", text, errSealed)
	}
	return contentType, length, nil
}

// cutLast is strings.Cut around the last separator.
func cutLast(text, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(text, separator); i >= 0 {
		return text[:i], text[i+len(separator):], true
	}
	return text, "", false
}

// seal implements sealer. Its tabs are those that Windows sends.
func (s sealed) seal(contentType string, body []byte) (string, []byte, error) {
	header, ciphertext, err := s.session.Seal(body)
	if err != nil {
		return "", nil, fmt.Errorf("seal body: %w", err)
	}
	var b bytes.Buffer
	b.Grow(len(ciphertext) + sealedOverhead)
	b.WriteString("--" + sealedBoundary + "\r\n\tContent-Type: " + s.label +
		"\r\n\tOriginalContent: type=" + contentType + ";Length=" + strconv.Itoa(len(body)) +
		"\r\n--" + sealedBoundary + "\r\n\tContent-Type: application/octet-stream\r\n")
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(header))))
	b.Write(header)
	b.Write(ciphertext)
	b.WriteString("--" + sealedBoundary + "--\r\n")
	return sealedType + `;protocol="` + s.label + `";boundary="` + sealedBoundary + `"`, b.Bytes(), nil
}
