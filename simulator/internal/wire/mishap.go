package wire

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"

	"dpremote/simulator/internal/wql"
)

// Mishap is what goes wrong with one exchange. The zero value is nothing.
type Mishap struct {
	// Fault is answered in the operation's place. With Done the operation is
	// carried out, and its answer is lost for the fault.
	Fault *Fault
	Done  bool
	// Plain is answered in place of a message: an answer of HTTP that is no
	// SOAP, and that no sign-in seals.
	Plain *Plain
	// ContentType, where it is not empty, is that of the answer.
	ContentType string
	// Cut ends the answer's message at the first byte of a kind, within framing
	// that is whole.
	Cut Cut
	// Reset cuts the connection. Stall says nothing for so long before.
	Reset Reset
	Stall time.Duration
	// Disorder is what is wrong with the page of an enumeration.
	Disorder Disorder
	// Last makes the answer the connection's last.
	Last bool
	// Before is called before the answer is sent, After when it was sent or the
	// connection was cut. Nil is nothing.
	Before, After func()
}

// damages tells whether the client does not get the answer as it was made.
func (m Mishap) damages() bool {
	return m.Fault != nil || m.Plain != nil || m.ContentType != "" || m.Cut != CutNowhere || m.Reset != ResetNever || m.Stall > 0
}

// Plain is an answer of HTTP that is no SOAP.
type Plain struct {
	Status      int
	Header      http.Header
	ContentType string
	Body        []byte
}

// Reset is when a connection is cut.
type Reset uint8

// The moments. The zero value is never.
const (
	ResetNever  Reset = iota
	ResetBefore       // when the request is read, before it is carried out
	ResetAfter        // when it is carried out, before the answer
	ResetDuring       // in the middle of the answer's body
	ResetHeader       // in the middle of the answer's header
)

// Cut is a kind of byte at which a message ends too early.
type Cut uint8

// The kinds. The zero value is none.
const (
	CutNowhere   Cut = iota
	CutStart         // in the name of the first tag
	CutName          // in the name of a tag of the body
	CutAttribute     // in the value of an attribute of the last start tag that has one
	CutText          // in the text of an element of the body
	CutEntity        // in a reference such as &amp;, or else in a text
	CutRune          // within a character, or else in a text
	CutBetween       // between two elements of the body
	CutClosing       // in the last tag of the body
	CutLast          // before the last byte
)

// Disorder is what is wrong with the pages of an enumeration.
type Disorder uint8

// The kinds. The zero value is none.
const (
	Orderly   Disorder = iota
	Repeats            // the page's items come again on the next page
	Endless            // after the last item the first one follows
	Reversed           // the page's items come in reverse order
	Duplicate          // each item of the page comes twice
)

// Restart forgets what a server holds for its clients in memory: enumerations,
// subscriptions and shells. Sign-ins end with their connections, which are the
// http.Server's.
func (h *Handler) Restart() {
	h.enumerations.mu.Lock()
	clear(h.enumerations.open)
	h.enumerations.mu.Unlock()
	h.subscriptions.mu.Lock()
	for id := range h.subscriptions.open {
		h.subscriptions.drop(id)
	}
	h.subscriptions.mu.Unlock()
	h.shells.mu.Lock()
	clear(h.shells.open)
	h.shells.mu.Unlock()
}

// mishapOf asks what is to go wrong with an exchange.
func (h *Handler) mishapOf(x *Exchange) {
	if h.cfg.Inject != nil {
		x.Mishap = h.cfg.Inject(*x)
	}
}

// pulledContext is the context that a Pull names; empty for other requests.
func pulledContext(req *request) string {
	if req.action != actionPull || req.body == nil {
		return ""
	}
	context := req.body.child(nsEnum, "EnumerationContext")
	if context == nil {
		return ""
	}
	return context.text()
}

// held notes in x which class a Pull is of, and whether it is of events.
func (h *Handler) held(req *request, x *Exchange) {
	context := pulledContext(req)
	if context == "" {
		return
	}
	name := func(r *wql.Result) {
		if r != nil && r.Class != nil {
			x.Class = r.Class.Name
		}
	}
	h.enumerations.mu.Lock()
	if e, ok := h.enumerations.open[context]; ok {
		name(e.result)
	}
	h.enumerations.mu.Unlock()
	h.subscriptions.mu.Lock()
	for _, s := range h.subscriptions.open {
		x.Events = x.Events || s.context == context
	}
	h.subscriptions.mu.Unlock()
}

// bereave notes that a Pull which was not carried out has lost its client the
// context: no message said that it is good still, or one said that it is not.
// After another fault the client can go on with it, and is to.
func (h *Handler) bereave(req *request, m Mishap) {
	context := pulledContext(req)
	if req.note == nil || context == "" || m.Fault != nil && !endsContext(m.Fault.Code) {
		return
	}
	h.enumerations.mu.Lock()
	if e, ok := h.enumerations.open[context]; ok {
		e.last = req.note
	}
	h.enumerations.mu.Unlock()
	h.subscriptions.mu.Lock()
	defer h.subscriptions.mu.Unlock()
	for _, s := range h.subscriptions.open {
		if s.context == context {
			s.last = req.note
		}
	}
}

// transmit sends an answer, or what a mishap leaves of it.
func transmit(w http.ResponseWriter, r *http.Request, m Mishap, send func(http.ResponseWriter)) {
	if m.Stall > 0 {
		wait(r.Context(), m.Stall)
	}
	if m.Last {
		w.Header().Set("Connection", "close")
	}
	if m.Before != nil {
		m.Before()
	}
	if m.After != nil {
		defer m.After()
	}
	switch m.Reset {
	case ResetBefore, ResetAfter:
		cutConnection(w, nil)
	case ResetHeader, ResetDuring:
		whole := &recorder{header: http.Header{}}
		send(whole)
		cutConnection(w, whole.part(m.Reset))
	default:
		send(w)
		if m.After != nil {
			_ = http.NewResponseController(w).Flush() // a connection without buffers has sent it
		}
	}
}

// wait pauses, or until nobody listens any more.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// cutConnection writes some bytes and resets the connection, as a server that
// crashes does. Where the connection cannot be had the answer is aborted.
func cutConnection(w http.ResponseWriter, part []byte) {
	hijacker, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, buffered, err := hijacker.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if len(part) > 0 {
		_, _ = buffered.Write(part)
		_ = buffered.Flush()
		_ = conn.Close() // a reset could overtake what was written
		return
	}
	ResetConnection(conn)
}

// ResetConnection closes a connection by a reset, where its kind knows one.
func ResetConnection(conn net.Conn) {
	for {
		c, ok := conn.(interface{ NetConn() net.Conn }) // TLS says nothing either
		if !ok {
			break
		}
		conn = c.NetConn()
	}
	if c, ok := conn.(interface{ SetLinger(int) error }); ok {
		_ = c.SetLinger(0)
	}
	_ = conn.Close()
}

// recorder keeps an answer, so that a part of it can be sent.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *recorder) Header() http.Header         { return a.header }
func (a *recorder) WriteHeader(status int)      { a.status = status }
func (a *recorder) Write(p []byte) (int, error) { return a.body.Write(p) }

// part is the answer's bytes up to the middle of its header or of its body.
func (a *recorder) part(when Reset) []byte {
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	_ = a.header.Write(&head) // memory takes everything
	if when == ResetHeader {
		return head.Bytes()[:head.Len()/2]
	}
	head.WriteString("\r\n")
	head.Write(a.body.Bytes()[:a.body.Len()/2])
	return head.Bytes()
}

// at is where a message ends. It is never the message's end.
func (c Cut) at(doc []byte) int {
	body := max(bytes.Index(doc, []byte("<s:Body>")), 0) + len("<s:Body>")
	closing := max(bytes.LastIndex(doc, []byte("</s:Body>")), 0)
	if body >= closing {
		return len(doc) - 1
	}
	in := doc[body:closing]
	text := textIn(in)
	switch c {
	case CutStart:
		return min(4, len(doc)-1)
	case CutName:
		return body + 3
	case CutAttribute:
		if i := bytes.LastIndex(in, []byte(`="`)); i >= 0 {
			return body + i + 3
		}
		return body + 3
	case CutEntity:
		if i := bytes.IndexByte(in, '&'); i >= 0 {
			return body + i + 2
		}
	case CutRune:
		if i := bytes.IndexFunc(in, func(r rune) bool { return r >= utf8.RuneSelf }); i >= 0 {
			return body + i + 1
		}
	case CutBetween:
		if i := bytes.LastIndex(in, []byte("><")); i >= 0 {
			return body + i + 1
		}
	case CutClosing:
		return closing - 2
	case CutLast:
		return len(doc) - 1
	}
	return body + text
}

// textIn is the offset within the last text that is between two tags.
func textIn(in []byte) int {
	for i := len(in) - 2; i > 0; i-- {
		if in[i] == '>' && in[i+1] != '<' {
			return i + 2
		}
	}
	return len(in) / 2
}

// arrange disorders the items of a page.
func (d Disorder) arrange(items [][]byte) [][]byte {
	switch d {
	case Reversed:
		slices.Reverse(items)
	case Duplicate:
		twice := make([][]byte, 0, 2*len(items))
		for _, item := range items {
			twice = append(twice, item, item)
		}
		return twice
	}
	return items
}
