package wsman

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"dpremote/internal/xmlscan"
	"dpremote/internal/xmlwrite"
)

// message is what an operation sends: an action on a resource.
type message struct {
	op     string // for errors
	target string // for errors
	action string
	epr    EPR
	header func(*xmlwrite.Writer) // further headers; nil for none
	body   func(*xmlwrite.Writer)
	expect xmlName // the body's element in the answer; empty when any will do
	reads  bool    // the operation changes nothing
	opens  bool    // the answer names what is to be closed
	whole  bool    // the answer is checked to its end before it is used
	paged  bool    // the answer is smaller when fewer items are asked for
	aside  bool    // not counted among the requests that a quota bounds
}

type xmlName struct{ space, local string }

// newMessageID is a random id as WS-Addressing wants one: unique for ever.
func newMessageID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // crypto/rand does not fail
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return strings.ToUpper(fmt.Sprintf("uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]))
}

// duration is an xs:duration in whole milliseconds.
func duration(d time.Duration) string {
	seconds := strconv.FormatFloat(float64(d.Milliseconds())/1000, 'f', -1, 64)
	return "PT" + seconds + "S"
}

// envelope builds the request. It is compact: white space around a header's
// text is refused by some servers. Locale headers must not be mustUnderstand,
// and OperationID would switch on a mode that this client does not speak
// (MS-WSMV sections 3.1.4.1.39 and 4.11).
func (c *Client) envelope(m *message, id string) ([]byte, error) {
	w := &xmlwrite.Writer{}
	w.Open("s:Envelope",
		"xmlns:s", NamespaceSOAP, "xmlns:a", NamespaceAddressing,
		"xmlns:n", NamespaceEnumeration, "xmlns:x", NamespaceTransfer,
		"xmlns:w", NamespaceWSMan, "xmlns:p", NamespaceWSManMS)
	w.Open("s:Header")
	w.Leaf("a:To", c.options.Endpoint)
	w.Leaf("w:ResourceURI", m.epr.ResourceURI, "s:mustUnderstand", "true")
	w.Open("a:ReplyTo")
	w.Leaf("a:Address", AnonymousRole, "s:mustUnderstand", "true")
	w.Close("a:ReplyTo")
	w.Leaf("a:Action", m.action, "s:mustUnderstand", "true")
	w.Leaf("a:MessageID", id)
	w.Leaf("w:MaxEnvelopeSize", strconv.Itoa(c.options.MaxEnvelopeSize), "s:mustUnderstand", "true")
	w.Leaf("w:OperationTimeout", duration(c.options.OperationTimeout))
	w.Empty("w:Locale", "xml:lang", c.options.Locale, "s:mustUnderstand", "false")
	w.Empty("p:DataLocale", "xml:lang", c.options.Locale, "s:mustUnderstand", "false")
	m.epr.writeSelectors(w)
	if m.header != nil {
		m.header(w)
	}
	w.Close("s:Header")
	w.Open("s:Body")
	if m.body != nil {
		m.body(w)
	}
	w.Close("s:Body")
	w.Close("s:Envelope")
	return w.Bytes()
}

// errRelatesTo is an answer to another request than the one that was sent.
var errRelatesTo = errors.New("the answer relates to another request")

// openBody reads an answer's headers and stops at the Start of the body's
// element, or at the Body's End when it is empty. A fault is returned as an
// error.
func openBody(sc *xmlscan.Scanner, id string) (empty bool, err error) {
	if err := enter(sc, xmlName{NamespaceSOAP, "Envelope"}); err != nil {
		return false, fmt.Errorf("%w: %w", ErrNotWSMan, err)
	}
	related := ""
	for {
		t, err := sc.Next()
		switch {
		case err != nil:
			return false, err
		case t == xmlscan.End:
			return false, fmt.Errorf("%w: an envelope without a body", ErrNotWSMan)
		case t != xmlscan.Start:
		case sc.Is(NamespaceSOAP, "Header"):
			if related, err = readRelatesTo(sc); err != nil {
				return false, err
			}
		case sc.Is(NamespaceSOAP, "Body"):
			return openElement(sc, related, id)
		default:
			if err := sc.Skip(); err != nil {
				return false, err
			}
		}
	}
}

// openElement stops at the first element of the body.
func openElement(sc *xmlscan.Scanner, related, id string) (empty bool, err error) {
	for {
		t, err := sc.Next()
		switch {
		case err != nil:
			return false, err
		case t == xmlscan.Start && sc.Is(NamespaceSOAP, "Fault"):
			// A fault counts whatever it relates to: some have no RelatesTo.
			f, err := readFault(sc)
			if err != nil {
				return false, err
			}
			return false, f
		case t == xmlscan.Start || t == xmlscan.End:
			if related != id {
				return false, errRelatesTo
			}
			return t == xmlscan.End, nil
		}
	}
}

func readRelatesTo(sc *xmlscan.Scanner) (related string, err error) {
	err = sc.Children(func() (err error) {
		if sc.Is(NamespaceAddressing, "RelatesTo") {
			related, err = content(sc)
		}
		return err
	})
	return related, err
}

// enter reads to the first Start, which must have this name.
func enter(sc *xmlscan.Scanner, want xmlName) error {
	for {
		t, err := sc.Next()
		if err != nil {
			return err
		}
		switch t {
		case xmlscan.Start:
			if !sc.Is(want.space, want.local) {
				return fmt.Errorf("element <%s> where <%s> belongs", sc.Local(), want.local)
			}
			return nil
		case xmlscan.EOF, xmlscan.End:
			return fmt.Errorf("<%s> is missing", want.local)
		}
	}
}
