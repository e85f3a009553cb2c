package wsman

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dpremote/internal/xmlscan"

	"github.com/masterzen/winrm"
	"github.com/masterzen/winrm/soap"
)

// Shells is a winrm.Transporter over a Transport, so that a winrm.Client runs
// remote shells through our sign-in, sealing and limits. That client has no
// contexts of its own for requests: ctx bounds all of them.
//
//	shells := wsman.NewShells(ctx, transport, 0)
//	params := *winrm.DefaultParameters
//	params.TransportDecorator = shells.Decorate
//	client, err := winrm.NewClientWithParameters(endpoint, "", "", &params)
//
// A shell is closed even when ctx is over, for a server keeps an open one for
// hours, and counts it.
type Shells struct {
	ctx  context.Context // winrm.Transporter has none to pass
	send func(context.Context, *Request) (*Response, error)
	fail func(error) error
	// backoff is the pause before what closes a shell is sent again.
	backoff time.Duration
}

// NewShells makes a transporter. Each request is given timeout; 0 means 70 s,
// ten more than the OperationTimeout that a winrm.Client asks for.
func NewShells(ctx context.Context, t Transport, timeout time.Duration) *Shells {
	if timeout <= 0 {
		timeout = defaultTimeout + graceForAnswer
	}
	return &Shells{
		ctx: ctx,
		send: func(ctx context.Context, req *Request) (*Response, error) {
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			return t.RoundTrip(ctx, req)
		},
		fail:    func(err error) error { return fmt.Errorf("remote shell: %w", err) },
		backoff: defaultBackoff,
	}
}

// RemoteShells is a winrm.Client that runs remote shells through this client:
// its messages are bounded, timed and traced like all others, and its errors are
// an *Error. What a command did is not known to it, so that such an error says
// that a retry is not known to be safe; whoever runs commands that only read
// knows better. ctx bounds everything that is done with it.
func (c *Client) RemoteShells(ctx context.Context) (*winrm.Client, error) {
	const op = "remote shell"
	to, err := url.Parse(c.options.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	shells := &Shells{
		ctx:  ctx,
		send: func(ctx context.Context, req *Request) (*Response, error) { return c.roundTrip(ctx, op, req) },
		fail: func(err error) error {
			return &Error{Op: op, Endpoint: c.options.Endpoint, Retry: retryOf(err, false), Err: err}
		},
		backoff: c.options.Backoff,
	}
	host := to.Hostname()
	if strings.Contains(host, ":") {
		host = "[" + host + "]" // an IPv6 address
	}
	port, _ := strconv.Atoi(to.Port())
	params := winrm.NewParameters(duration(c.options.OperationTimeout), c.options.Locale, c.options.MaxEnvelopeSize)
	params.TransportDecorator = shells.Decorate
	return winrm.NewClientWithParameters(winrm.NewEndpoint(host, port, to.Scheme == "https", false, nil, nil, nil, 0), "", "", params)
}

// Decorate is what winrm.Parameters.TransportDecorator wants.
func (s *Shells) Decorate() winrm.Transporter { return s }

// Transport implements winrm.Transporter. The endpoint is not used: the
// Transport knows its server.
func (s *Shells) Transport(*winrm.Endpoint) error { return nil }

// Post implements winrm.Transporter. Unlike that package's own transports it
// never returns a fault or an HTTP error as success.
func (s *Shells) Post(_ *winrm.Client, message *soap.SoapMessage) (string, error) {
	body := message.String()
	ctx := s.ctx
	cancel := context.CancelFunc(func() {})
	switch {
	case ctx.Err() != nil && closes(body):
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), timeToClean)
	case strings.Contains(body, "2004/09/transfer/Create<"):
		ctx, cancel = lingering(ctx)
	}
	defer cancel()
	for attempt := 0; ; attempt++ {
		doc, err := s.exchange(ctx, body)
		if err == nil {
			return string(doc), nil
		}
		if !closes(body) || !unsent(err) || attempt == closingRetries || pause(ctx, s.backoff, attempt) != nil {
			return "", s.fail(err)
		}
	}
}

// closingRetries is how often a message that closes something is sent again
// because its connection was lost before.
const closingRetries = 3

// unsent tells an error of a request of which nothing reached the server.
func unsent(err error) bool {
	var transport *TransportError
	return errors.As(err, &transport) && !transport.Sent
}

func (s *Shells) exchange(ctx context.Context, body string) ([]byte, error) {
	res, err := s.send(ctx, &Request{Body: []byte(body)})
	if err != nil {
		return nil, err
	}
	return shellAnswer(res)
}

// closes tells the messages that end a command or a shell.
func closes(body string) bool {
	return strings.Contains(body, "windows/shell/Signal<") || strings.Contains(body, "2004/09/transfer/Delete<")
}

// shellAnswer is an answer's document, or the error that it is.
func shellAnswer(res *Response) ([]byte, error) {
	if err := checkHTTP(res); err != nil {
		return nil, err
	}
	doc, err := toUTF8(res.Body, res.ContentType)
	if err != nil {
		return nil, err
	}
	if err := checkRest(doc); err != nil {
		return nil, err
	}
	if f := faultIn(doc); f != nil {
		f.Status = res.Status
		if f.Is(ErrTimedOut) {
			// A command that has printed nothing yet. winrm.Command waits on
			// when it finds this word in the error's text.
			return nil, fmt.Errorf("OperationTimeout: %w", f)
		}
		return nil, f
	}
	if res.Status != http.StatusOK {
		return nil, httpError(res)
	}
	return doc, nil
}

// faultIn is the fault that a document is, or nil.
func faultIn(doc []byte) *Fault {
	_, err := openBody(xmlscan.New(doc), "")
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}
