package wire

import (
	"context"
	"net/http"
	"strings"
	"sync"
)

// SinKind sorts sins.
type SinKind string

// The kinds of sins.
const (
	SinHeader    SinKind = "header"       // a header block is missing, or its mustUnderstand is wrong
	SinMessageID SinKind = "message id"   // a MessageID was used before (WS-Addressing section 3)
	SinAction    SinKind = "action"       // action, resource and body do not go together
	SinContext   SinKind = "context"      // a context was used again after it was answered (DSP0226 section 8.4)
	SinLeft      SinKind = "left open"    // an enumeration, subscription or shell was not closed
	SinInFlight  SinKind = "in flight"    // a connection had a second request before the first one's answer
	SinClear     SinKind = "clear text"   // credentials or SOAP in clear where they could, or had to, be protected
	SinContent   SinKind = "content type" // a body that is no SOAP by its type, or that cannot be read
)

// Sin is something that a client should not do, although a server may let it
// pass or only feels it later.
type Sin struct {
	Kind SinKind
	What string // a sentence, without its full stop
	// Request is what is known of the request that the sin is in, or which
	// opened what was left open.
	Request Exchange
}

// strict watches clients for sins. A nil one watches nothing. It is safe for
// concurrent use.
type strict struct {
	cfg Config

	mu     sync.Mutex
	ids    memory // MessageIDs
	spent  memory // enumeration contexts that were answered
	closed memory // what clients asked to close: contexts, subscriptions, shells
}

// newStrict is nil when nobody wants to know.
func newStrict(cfg Config) *strict {
	if cfg.Strict == nil {
		return nil
	}
	return &strict{cfg: cfg}
}

// note is what is noted of one exchange while it lasts.
type note struct {
	connection *watchedConn // nil where the listener is not watched
	seals      bool         // who signed in could have sealed
	context    string       // of a Pull or a Release

	mu       sync.Mutex
	exchange Exchange
	sins     []Sin
	lost     bool // the client did not get the answer, as far as is known
}

type noteKey struct{}

// noteOf is the note of a request; nil when the server is not strict.
func noteOf(r *http.Request) *note {
	n, _ := r.Context().Value(noteKey{}).(*note)
	return n
}

// Excuse says that the client does not get the answer of a request as it was
// made, because a handler around the server's own keeps or changes it: what the
// request opened is then not the client's to close.
func Excuse(r *http.Request) {
	if n := noteOf(r); n != nil {
		n.lose()
	}
}

func (n *note) lose() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lost = true
}

// opens tells requests after whose answer the client has something to close.
func (n *note) opens() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch n.exchange.Action {
	case actionEnumerate, actionPull, actionSubscribe, actionCreate:
		return true
	}
	return false
}

func (n *note) isLost() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lost
}

func (n *note) add(kind SinKind, what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sins = append(n.sins, Sin{Kind: kind, What: what})
}

// serve serves a request under watch.
func (s *strict) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	n := &note{}
	if c := connectionOf(r); c != nil {
		n.connection = c.watched
	}
	r = r.WithContext(context.WithValue(r.Context(), noteKey{}, n))
	n.connection.begin(n)
	complete := false
	defer func() {
		// A handler that panics, and a client that went away, have lost the answer.
		if !complete || r.Context().Err() != nil {
			n.lose()
		}
	}()
	next.ServeHTTP(w, r)
	complete = true
}

// hear is called when a request has been read and judged, before it is answered.
func (s *strict) hear(r *http.Request, x *Exchange) {
	n := noteOf(r)
	if s == nil || n == nil {
		return
	}
	n.connection.end()
	if r.Context().Err() == nil {
		s.judgeHTTP(r, n, x)
	}
	s.settle(n, x)
	for _, sin := range n.finish(*x) {
		s.cfg.Strict(sin)
	}
}

// finish notes how the exchange went, and is the sins in it. What was read of a
// message that was then refused is kept.
func (n *note) finish(x Exchange) []Sin {
	n.mu.Lock()
	defer n.mu.Unlock()
	if x.Action == "" {
		x.Action, x.ResourceURI = n.exchange.Action, n.exchange.ResourceURI
	}
	n.exchange = x
	for i := range n.sins {
		n.sins[i].Request = x
	}
	return n.sins
}

// heard notes that a request has been read whole, and whether the sign-in of
// its sender seals. n may be nil.
func (n *note) heard(seals bool) {
	if n != nil {
		n.seals = seals
		n.connection.whole(n)
	}
}

// judgeHTTP judges what a request was before it was SOAP.
func (s *strict) judgeHTTP(r *http.Request, n *note, x *Exchange) {
	clear := r.TLS == nil && x.RequestBytes > 0 && !isSealed(r.Header.Get("Content-Type"))
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	anonymous := scheme == "" && strings.EqualFold(r.Header.Get("WSMANIDENTIFY"), "unauthenticated")
	switch {
	case r.TLS == nil && !s.cfg.AllowUnencrypted && strings.EqualFold(scheme, "Basic"):
		n.add(SinClear, "the password was sent in clear text")
	case clear && n.seals:
		n.add(SinClear, "SOAP was sent in clear text over a connection that seals")
	case clear && !anonymous && !s.cfg.AllowUnencrypted:
		n.add(SinClear, "SOAP was sent in clear text")
	}
	switch x.Status {
	case http.StatusUnsupportedMediaType:
		n.add(SinContent, "the content type "+r.Header.Get("Content-Type")+" is not SOAP 1.2's")
	case http.StatusBadRequest:
		n.add(SinContent, "the body could not be read or unsealed")
	case http.StatusMethodNotAllowed:
		n.add(SinContent, "the request is a "+r.Method+", not a POST")
	}
}

// leftOpen tells what clients opened and did not close.
func (s *strict) leftOpen(what, key string, opened, last *note) {
	if s == nil || opened == nil || last.isLost() || s.remembers(&s.closed, key) {
		return
	}
	opened.mu.Lock()
	x := opened.exchange
	opened.mu.Unlock()
	s.cfg.Strict(Sin{Kind: SinLeft, What: what, Request: x})
}

// Unreachable tells a strict server that nobody reaches it for a while: clients
// need not close what they have open, unless they come again and go on with it.
func (h *Handler) Unreachable() {
	lost := &note{lost: true}
	h.enumerations.mu.Lock()
	for _, e := range h.enumerations.open {
		e.last = lost
	}
	h.enumerations.mu.Unlock()
	h.subscriptions.mu.Lock()
	defer h.subscriptions.mu.Unlock()
	for _, s := range h.subscriptions.open {
		s.last = lost
	}
}

func (s *strict) remembers(m *memory, text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return m.has(text)
}

// add remembers a text and tells whether it was known.
func (s *strict) add(m *memory, text string) (known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return m.add(text)
}

// relatesTo is the message that an answer relates to.
func (h *Handler) relatesTo(req *request, x *Exchange) string {
	if h.cfg.Misrelate == nil || !h.cfg.Misrelate(*x) {
		return req.messageID
	}
	if req.note != nil {
		req.note.lose() // nobody may believe it
	}
	return "uuid:" + newUUID()
}

// Finish tells what clients have left open: Config.Strict is called for each
// enumeration, subscription and shell. It is to be called once no further
// request comes.
func (h *Handler) Finish() {
	if h.strict == nil {
		return
	}
	h.enumerations.mu.Lock()
	defer h.enumerations.mu.Unlock()
	h.subscriptions.mu.Lock()
	defer h.subscriptions.mu.Unlock()
	h.shells.mu.Lock()
	defer h.shells.mu.Unlock()
	for id, e := range h.enumerations.open {
		h.strict.leftOpen("the enumeration was not read to its end, and not released", id, e.opened, e.last)
	}
	for _, e := range h.enumerations.expired {
		h.strict.leftOpen("the enumeration was left until it timed out", e.context, e.opened, e.last)
	}
	for id, e := range h.subscriptions.open {
		h.strict.leftOpen("the subscription was not unsubscribed", id, e.opened, e.last)
	}
	for id, e := range h.shells.open {
		h.strict.leftOpen("the remote shell was not deleted", id, e.opened, e.opened)
	}
}

// memory remembers texts, the most recent ones for sure: at least half of
// mostRemembered. The zero value is empty.
type memory struct{ now, before map[string]bool }

const mostRemembered = 1 << 17

func (m *memory) has(text string) bool { return m.now[text] || m.before[text] }

func (m *memory) add(text string) (known bool) {
	known = m.has(text)
	if m.now == nil || len(m.now) >= mostRemembered/2 {
		m.now, m.before = map[string]bool{}, m.now
	}
	m.now[text] = true
	return known
}
