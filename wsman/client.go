package wsman

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"dpremote/internal/xmlscan"
)

// Options says how a Client speaks. The zero value of each field has a
// meaning, given beside it.
type Options struct {
	Endpoint string // the server's URL, for the To header and for errors
	Schema   Schema // SchemaWMI
	// OperationTimeout is how long the server may work on one request; 0 means
	// 60 s, which is also where WinRM's default MaxTimeoutms caps it. The
	// client waits ten seconds longer for the answer.
	OperationTimeout time.Duration
	// MaxEnvelopeSize is the largest answer in bytes; 0 means 2 MiB. A server
	// counts in UTF-16, and gives no more than its own limit, which is 500 KB
	// unless somebody raised MaxEnvelopeSizekb: asking for more costs nothing,
	// and where there is more, fewer round trips fetch it.
	MaxEnvelopeSize int
	// MaxElements is the most items of a page; 0 means 32000, WinRM's default
	// MaxBatchItems: the envelope's size is the limit that acts.
	MaxElements int
	// MaxPages is the most pages of an enumeration; 0 means a million. A server
	// that gives more does not come to an end.
	MaxPages int
	Locale   string // en-US
	// Retries is how often a failed read is sent again; 0 means 2, less than
	// 0 never. Writes are never sent again. All reads together have 20 retries
	// at first; each answer earns a tenth of one.
	Retries int
	// Backoff is the pause before the first retry; it doubles, with jitter.
	// 0 means 500 ms. A server that asks for a longer one with Retry-After gets
	// it, up to a minute; who asks for more is not asked again.
	Backoff time.Duration
	// Notice is told of retries, and of what the client asks less of because of
	// the server's quotas: text for a log. Nil for nobody. It must be safe for
	// concurrent use.
	Notice func(text string)
	// Tracer sees every message; nil for none.
	Tracer Tracer
}

const (
	defaultTimeout     = 60 * time.Second
	defaultEnvelope    = 2 << 20
	defaultMaxElements = 32000
	defaultMaxPages    = 1_000_000
	defaultRetries     = 2
	defaultBackoff     = 500 * time.Millisecond
	minimumEnvelope    = 8192 // less is refused (MS-WSMV section 3.1.4.1)
	graceForAnswer     = 10 * time.Second
	timeToClean        = 5 * time.Second // for Release and the like, when the caller's context is over
	timeToLearn        = 2 * time.Second // for an answer that brings what is to be released
)

func (o Options) withDefaults() Options {
	if o.OperationTimeout <= 0 {
		o.OperationTimeout = defaultTimeout
	}
	if o.MaxEnvelopeSize <= 0 {
		o.MaxEnvelopeSize = defaultEnvelope
	}
	o.MaxEnvelopeSize = max(o.MaxEnvelopeSize, minimumEnvelope)
	if o.MaxElements <= 0 {
		o.MaxElements = defaultMaxElements
	}
	if o.MaxPages <= 0 {
		o.MaxPages = defaultMaxPages
	}
	if o.Locale == "" {
		o.Locale = "en-US"
	}
	if o.Retries == 0 {
		o.Retries = defaultRetries
	}
	if o.Backoff <= 0 {
		o.Backoff = defaultBackoff
	}
	return o
}

// Client speaks WS-Management to one server. It is safe for concurrent use;
// the transport decides how many requests are under way at once.
type Client struct {
	transport Transport
	options   Options
	clock     atomic.Pointer[time.Duration] // how far the server's is ahead
	budget    budget
	pressure  pressure
}

// NewClient makes a client. It connects to nothing yet, and does not close the
// transport.
func NewClient(t Transport, o Options) *Client {
	return &Client{transport: t, options: o.withDefaults()}
}

// Schema is the family of resource URIs that the server has.
func (c *Client) Schema() Schema { return c.options.Schema }

// Endpoint is the server's URL.
func (c *Client) Endpoint() string { return c.options.Endpoint }

// Item is one element of an answer, still in the answer's bytes.
type Item struct {
	// EPR addresses the instance, when the enumeration was asked for it.
	EPR *EPR
	sc  *xmlscan.Scanner
}

// Scanner stands at the Start of the item's element. Who reads it must stop at
// its End; who does not need the item leaves it alone. It is nil for an item
// that is a reference only.
func (i *Item) Scanner() *xmlscan.Scanner { return i.sc }

// answer is an answer that has been checked and opened.
type answer struct {
	sc    *xmlscan.Scanner // at the Start of the body's element
	doc   []byte
	empty bool // the body has no element
	body  *Response
}

// release gives the answer's bytes back to the transport. Nothing of the answer
// may be used any more.
func (a *answer) release() {
	if a.body.release != nil {
		a.body.release()
		a.body.release = nil
	}
}

// do sends a message, again if it is a read and that may help, and opens the
// answer. The error is an *Error.
func (c *Client) do(ctx context.Context, m *message) (*answer, error) {
	for attempt := 0; ; {
		a, err := c.once(ctx, m)
		if err == nil {
			return a, nil
		}
		if c.ease(m, err) && ctx.Err() == nil {
			continue // page sizes end at 1
		}
		wrapped := c.fail(m, err)
		if !m.reads || !c.Again(ctx, wrapped, attempt) {
			return nil, wrapped
		}
		attempt++
	}
}

// clean sends a message that closes what the server holds for us, even when the
// caller's context is over. It is sent again where the server did not begin with
// it: what stays open counts against the account's quotas.
func (c *Client) clean(ctx context.Context, m *message) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeToClean)
	defer cancel()
	for attempt := 0; ; attempt++ {
		_, err := c.once(ctx, m)
		if err == nil || !notBegun(err) || !c.Again(ctx, c.fail(m, err), attempt) {
			return
		}
	}
}

func (c *Client) fail(m *message, err error) *Error {
	return &Error{Op: m.op, Target: m.target, Endpoint: c.options.Endpoint, Retry: retryOf(err, m.reads), Err: err}
}

// once sends a message one time.
func (c *Client) once(ctx context.Context, m *message) (*answer, error) {
	if !m.aside {
		if err := c.pressure.enter(ctx); err != nil {
			return nil, err
		}
		defer c.pressure.leave()
	}
	id := newMessageID()
	body, err := c.envelope(m, id)
	if err != nil {
		return nil, err
	}
	if m.opens {
		var cancel context.CancelFunc
		ctx, cancel = lingering(ctx)
		defer cancel()
	}
	res, err := c.roundTrip(ctx, m.op, &Request{Body: body})
	if err != nil {
		return nil, err
	}
	a, err := open(res, id, m.expect)
	if err == nil && m.whole {
		err = checkRest(a.doc)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// lingering is a context that ends a moment after another has, with its cause,
// and at once when that is over already: what a server is just opening for us
// can be closed only by who has its answer.
func lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() != nil {
		return context.WithCancel(ctx)
	}
	longer, end := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		moment := time.NewTimer(timeToLearn)
		defer moment.Stop()
		select {
		case <-moment.C:
			end(context.Cause(ctx))
		case <-longer.Done():
		}
	})
	return longer, func() {
		stop()
		end(context.Canceled)
	}
}

// roundTrip sends a request and waits for the answer a little longer than the
// server may work on it.
func (c *Client) roundTrip(ctx context.Context, op string, req *Request) (*Response, error) {
	var done func(*Response, error)
	if c.options.Tracer != nil {
		done = c.options.Tracer.Trace(op, req.Body)
	}
	limit := c.options.OperationTimeout + graceForAnswer
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	res, err := c.transport.RoundTrip(waiting, req)
	if err != nil && waiting.Err() != nil {
		err = outOfTime(ctx, err, limit)
	}
	if err == nil {
		c.noteClock(res)
		c.budget.earn()
	}
	if done != nil {
		done(res, err)
	}
	return res, err
}

// outOfTime says whose time ran out: the caller's, or the server's.
func outOfTime(ctx context.Context, err error, limit time.Duration) error {
	sent := true
	var transport *TransportError
	if errors.As(err, &transport) {
		sent = transport.Sent
	}
	if ctx.Err() != nil {
		return &TransportError{Sent: sent, Err: context.Cause(ctx)}
	}
	return &TransportError{Sent: sent, Err: fmt.Errorf("%w within %s", ErrNoAnswer, limit)}
}

// noteClock remembers how far the server's clock is ahead of ours. The header
// leaves out the fraction of the second, which is half of one on average.
func (c *Client) noteClock(res *Response) {
	if !res.Date.IsZero() {
		offset := time.Until(res.Date.Add(time.Second / 2))
		c.clock.Store(&offset)
	}
}

// ClockOffset is how far the server's clock is ahead of ours, to half a second,
// as its last answer told; false when none has told.
func (c *Client) ClockOffset() (time.Duration, bool) {
	if offset := c.clock.Load(); offset != nil {
		return *offset, true
	}
	return 0, false
}

// open checks an answer and opens its body.
func open(res *Response, id string, expect xmlName) (*answer, error) {
	if err := checkHTTP(res); err != nil {
		return nil, err
	}
	doc, err := toUTF8(res.Body, res.ContentType)
	if err != nil {
		return nil, err
	}
	sc := xmlscan.New(doc)
	empty, err := openBody(sc, id)
	if err != nil {
		var f *Fault
		if errors.As(err, &f) {
			f.Status = res.Status
		}
		return nil, err
	}
	if res.Status != http.StatusOK {
		return nil, httpError(res)
	}
	if expect.local != "" && (empty || !sc.Is(expect.space, expect.local)) {
		return nil, fmt.Errorf("%w: <%s> is missing from the body", ErrNotWSMan, expect.local)
	}
	return &answer{sc: sc, doc: doc, empty: empty, body: res}, nil
}

func httpError(res *Response) *HTTPError {
	e := &HTTPError{Status: res.Status, ContentType: res.ContentType, Size: len(res.Body), RetryAfter: res.RetryAfter, Encrypted: res.Encrypted}
	const mostSchemes, longest = 8, 32
	for _, c := range res.Challenges[:min(len(res.Challenges), mostSchemes)] {
		scheme, _, _ := strings.Cut(strings.TrimSpace(c), " ")
		e.Schemes = append(e.Schemes, scheme[:min(len(scheme), longest)])
	}
	return e
}

// checkHTTP refuses what cannot be a SOAP answer. A fault may come with any
// status, so a SOAP body is read first; only a refused sign-in is final.
func checkHTTP(res *Response) error {
	media, _, err := mime.ParseMediaType(res.ContentType)
	if err != nil || media != soapMediaType || len(bytes.TrimSpace(res.Body)) == 0 || res.Status == http.StatusUnauthorized {
		return httpError(res)
	}
	return nil
}
