package wire

import (
	"crypto/rand"
	"fmt"
)

// answer is a message to be sent: what makes one differ from another.
type answer struct {
	action   string
	prefixes string             // of the envelope, in this order; "R" is rsp
	header   func(*xmlWriter)   // further header blocks; nil is none
	body     func(w *xmlWriter) // what s:Body holds; nil is nothing
	plain    bool               // without the header blocks of WS-Addressing
}

// envelope writes an answer to the message relatesTo; without one (the
// request was not understood that far) RelatesTo is left out.
func (h *Handler) envelope(a answer, relatesTo string) []byte {
	w := &xmlWriter{}
	attrs := []string{"xml:lang", h.cfg.Language}
	for _, r := range a.prefixes {
		prefix := string(r)
		if prefix == "R" {
			prefix = "rsp"
		}
		attrs = append(attrs, "xmlns:"+prefix, prefixes[prefix])
	}
	w.start("s:Envelope", attrs...)
	w.start("s:Header")
	if !a.plain {
		a.writeHeader(w, relatesTo)
	}
	w.end("s:Header")
	w.start("s:Body")
	if a.body != nil {
		a.body(w)
	}
	w.end("s:Body")
	w.end("s:Envelope")
	return w.buf
}

// writeHeader writes the header blocks, in Windows' order.
func (a answer) writeHeader(w *xmlWriter, relatesTo string) {
	w.leaf("a:Action", a.action)
	w.leaf("a:MessageID", "uuid:"+newUUID())
	w.leaf("a:To", anonymous)
	if a.header != nil {
		a.header(w)
	}
	if relatesTo != "" {
		w.leaf("a:RelatesTo", relatesTo)
	}
}

// newUUID is a random UUID (RFC 9562 version 4) in capitals, as Windows
// writes them.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6] = b[6]&0x0F | 0x40
	b[8] = b[8]&0x3F | 0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
