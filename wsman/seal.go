package wsman

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// The parts of a sealed message (MS-WSMV section 2.2.9.1).
const (
	sealedMediaType  = "multipart/encrypted"
	sealBoundary     = "Encrypted Boundary"
	sealedPart       = "Content-Type: application/octet-stream"
	maxSealHeader    = 4096 // NTLM has 16 bytes, Kerberos 60 to 76
	labelSPNEGO      = "application/HTTP-SPNEGO-session-encrypted"
	labelKerberos    = "application/HTTP-Kerberos-session-encrypted"
	maxSealMIMELines = 8
)

// sealedHeader is the header of a sealed message.
func sealedHeader(label string) http.Header {
	return http.Header{"Content-Type": {sealedMediaType + `;protocol="` + label + `";boundary="` + sealBoundary + `"`}}
}

// sealedBody wraps what a mechanism made of a SOAP message of length bytes.
func sealedBody(label string, header, sealed []byte, length int) []byte {
	var b bytes.Buffer
	b.Grow(len(header) + len(sealed) + 512)
	b.WriteString("--" + sealBoundary + "\r\n")
	b.WriteString("\tContent-Type: " + label + "\r\n")
	b.WriteString("\tOriginalContent: type=" + soapMediaType + ";charset=UTF-8;Length=" + strconv.Itoa(length) + "\r\n")
	b.WriteString("--" + sealBoundary + "\r\n")
	b.WriteString("\t" + sealedPart + "\r\n")
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(header))))
	b.Write(header)
	b.Write(sealed)
	b.WriteString("--" + sealBoundary + "--\r\n")
	return b.Bytes()
}

// sealedMessage is what lies in a sealed message's wrapping.
type sealedMessage struct {
	contentType string // of the plain text
	token       []byte // a header and the sealed text
	header      int    // the header's length
}

// parseSealed reads a sealed answer. It refuses all that is not sealed by the
// protocol of the label.
func parseSealed(label, contentType string, body []byte) (*sealedMessage, error) {
	media, params, err := mime.ParseMediaType(contentType)
	switch {
	case err != nil || media != sealedMediaType:
		return nil, fmt.Errorf("the answer is not sealed: its content type is %.100q", contentType)
	case !strings.EqualFold(params["protocol"], label):
		return nil, fmt.Errorf("the answer is sealed by %.100q, not by %s", params["protocol"], label)
	}
	m := &sealedMessage{}
	rest, err := m.parseLines(body)
	if err != nil {
		return nil, err
	}
	// The text may hold anything, so its end is looked for from behind. After
	// the end mark some servers send more than one line end.
	rest = bytes.TrimRight(rest, "\r\n")
	trimmed := bytes.TrimSuffix(rest, []byte(sealBoundary+"--"))
	if len(trimmed) == len(rest) {
		return nil, errors.New("the sealed answer has no end mark")
	}
	rest = bytes.TrimSuffix(trimmed, []byte(" ")) // as Exchange writes it
	if trimmed = bytes.TrimSuffix(rest, []byte("--")); len(trimmed) == len(rest) {
		return nil, errors.New("the sealed answer has no end mark")
	}
	if len(trimmed) < 4 {
		return nil, errors.New("the sealed answer is cut")
	}
	size, rest := binary.LittleEndian.Uint32(trimmed), trimmed[4:]
	if size > maxSealHeader || int(size) > len(rest) {
		return nil, fmt.Errorf("the sealed answer has a header of %d bytes in %d", size, len(rest))
	}
	m.token, m.header = rest, int(size)
	return m, nil
}

// parseLines reads the lines before the sealed part and gives that part.
func (m *sealedMessage) parseLines(body []byte) ([]byte, error) {
	boundaries := 0
	for range maxSealMIMELines {
		line, rest, ok := bytes.Cut(body, []byte("\r\n"))
		if !ok {
			break
		}
		body = rest
		text := strings.TrimSpace(string(line))
		original, isOriginal := cutPrefixFold(text, "OriginalContent:")
		switch {
		case strings.HasPrefix(text, "--") && strings.TrimPrefix(text[2:], " ") == sealBoundary:
			boundaries++
		case isOriginal:
			m.contentType = originalType(original)
		case boundaries == 2 && strings.EqualFold(text, sealedPart):
			if m.contentType == "" {
				return nil, errors.New("the sealed answer does not tell the type of its text")
			}
			return body, nil
		}
	}
	return nil, errors.New("the sealed answer is malformed: its parts are missing")
}

// originalType is the content type in an OriginalContent line, which ends in
// the length of the text. The length is not needed: the mechanism checks it.
func originalType(line string) string {
	line, ok := cutPrefixFold(strings.TrimSpace(line), "type=")
	if !ok {
		return ""
	}
	for at := strings.LastIndexByte(line, ';'); at >= 0; at = strings.LastIndexByte(line[:at], ';') {
		if _, isLength := cutPrefixFold(line[at+1:], "length="); isLength {
			line = line[:at]
			break
		}
	}
	return strings.TrimSpace(line)
}
