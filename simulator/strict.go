package simulator

import (
	"fmt"
	"net/http"

	"dpremote/simulator/internal/wire"
)

// SinKind sorts sins.
type SinKind string

// The kinds of sins.
const (
	SinHeader    = SinKind(wire.SinHeader)    // a header block is missing, or its mustUnderstand is wrong
	SinMessageID = SinKind(wire.SinMessageID) // a MessageID was used before
	SinAction    = SinKind(wire.SinAction)    // action, resource and body do not go together
	SinContext   = SinKind(wire.SinContext)   // an enumeration context was used again after it was answered
	SinLeftOpen  = SinKind(wire.SinLeft)      // an enumeration, subscription or remote shell was not closed
	SinInFlight  = SinKind(wire.SinInFlight)  // a connection had a second request before the first one's answer
	SinClear     = SinKind(wire.SinClear)     // credentials or SOAP in clear text that could, or had to, be protected
	SinContent   = SinKind(wire.SinContent)   // a body that is not SOAP by its type, or that cannot be read
)

// Sin is something that a client should not do, although a real server may let
// it pass, or feels it only after hours.
type Sin struct {
	Site string // site code
	Kind SinKind
	What string // a sentence, without its full stop
	// Request is the one that the sin is in, or the one that opened what was
	// left open.
	Request Exchange
}

// String is the sin in a line: where, what, and in which request.
func (s Sin) String() string {
	request := s.Request.Action
	if request == "" {
		return fmt.Sprintf("%s: %s: %s (HTTP %d)", s.Site, s.Kind, s.What, s.Request.Status)
	}
	if s.Request.Query != "" {
		return fmt.Sprintf("%s: %s: %s (%s, %q)", s.Site, s.Kind, s.What, request, s.Request.Query)
	}
	return fmt.Sprintf("%s: %s: %s (%s of %s)", s.Site, s.Kind, s.What, request, s.Request.ResourceURI)
}

// Excuse tells a strict server, from a handler of Options.Around, that the
// client does not get the answer of a request as it was made: it is kept back
// or changed. What the request opened is then not the client's to close.
// Handlers that panic, and clients that go away, need no excuse.
func Excuse(r *http.Request) { wire.Excuse(r) }

// strict makes a site's service tell its clients' sins.
func (h *Hierarchy) strict(code string, cfg *wire.Config) {
	tell := h.options.Strict
	if tell == nil {
		return
	}
	cfg.Strict = func(s wire.Sin) {
		tell(Sin{Site: code, Kind: SinKind(s.Kind), What: s.What, Request: observed(code, s.Request)})
	}
}
