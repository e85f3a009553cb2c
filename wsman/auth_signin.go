package wsman

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// maxSignInLegs bounds how often a server may ask for one more token: NTLM
// takes two, Kerberos one.
const maxSignInLegs = 4

// maxSignInToken bounds a server's token, in characters of base64. Windows'
// own limit for tokens is 48,000 bytes.
const maxSignInToken = 64 << 10

// mechanism is one sign-in by NTLM or Kerberos, on one connection, and what
// protects messages after it.
type mechanism interface {
	// step takes the server's token, nil at first, and gives the client's,
	// nil where none is due.
	step(ctx context.Context, token []byte) ([]byte, error)
	// established tells that the keys are there and that the server is proven
	// as far as the mechanism proves it.
	established() bool
	// sign and verify protect the list of mechanisms.
	sign(message []byte) ([]byte, error)
	verify(message, signature []byte) error
	// seal and unseal protect a message. They may be used once established.
	// A sealed one begins with a header of so many bytes. unseal may put the plain
	// text where the sealed one was.
	seal(plain []byte) (header, sealed []byte, err error)
	unseal(token []byte, header int) ([]byte, error)
}

// dialogue is how a mechanism's tokens travel.
type dialogue interface {
	mechanism
	// next takes the server's token, nil at first, and gives the client's.
	next(ctx context.Context, token []byte) ([]byte, error)
	// finish takes the token that comes with the server's consent, which may
	// be nil, and fails unless all is established.
	finish(ctx context.Context, token []byte) error
}

// target is what a sign-in is for.
type target struct {
	host     string // of the URL
	bindings []byte // see channelBindings
}

// signIn is an Authentication that signs in a connection: by tokens first,
// then each message over http is sealed. Over https, TLS seals.
type signIn struct {
	name   string // for people
	scheme string // of the Authorization header
	label  string // of sealed messages
	begin  func(target) (dialogue, error)
	gate   *gate // nil where refused credentials do no harm
}

func (a *signIn) String() string      { return a.name }
func (a *signIn) GoString() string    { return "wsman." + a.name + "([redacted])" }
func (a *signIn) seals() bool         { return true }
func (a *signIn) newSession() session { return &signInSession{auth: a} }

// signInError is a sign-in that fails again if it is tried again.
type signInError struct {
	scheme string
	err    error
}

func (e *signInError) Error() string { return "sign in by " + e.scheme + ": " + e.err.Error() }
func (e *signInError) Unwrap() error { return e.err }

// signInSession is one connection that is signed in, or none.
type signInSession struct {
	auth *signIn

	mu   sync.Mutex // of link: close comes from elsewhere
	link *link

	dialogue dialogue // of link; nil until the sign-in is complete
}

// roundTrip implements session. A connection that the server has closed costs
// a new one, where the request was certainly not sent.
func (s *signInSession) roundTrip(ctx context.Context, e *exchange, req *Request) (*Response, error) {
	if req.Anonymous {
		return e.post(ctx, soapHeader(req), req.Body) // not over the signed-in connection
	}
	if s.dialogue != nil {
		res, err := s.send(ctx, req)
		if !errors.Is(err, errGone) && !forgotten(res) {
			return res, err
		}
	}
	if refusal, err := s.connect(ctx, e); err != nil || refusal != nil {
		s.drop()
		return refusal, err
	}
	return s.send(ctx, req)
}

// forgotten tells a server that no longer knows a sign-in which it accepted
// before, as when a ticket has expired. It has not done the request.
func forgotten(res *Response) bool { return res != nil && res.Status == http.StatusUnauthorized }

// connect makes a new connection and signs it in. A Response is the server's
// refusal.
func (s *signInSession) connect(ctx context.Context, e *exchange) (*Response, error) {
	s.drop()
	l, err := e.connect(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.link = l
	s.mu.Unlock()
	d, refusal, err := s.auth.handshake(ctx, l)
	if err != nil {
		var transport *TransportError
		if errors.As(err, &transport) {
			// Whatever was sent, it was not the request.
			return nil, &TransportError{Err: fmt.Errorf("sign in by %s: %w", s.auth, transport.Err)}
		}
		if ctx.Err() != nil || errors.Is(err, ErrNoKDC) {
			return nil, &TransportError{Err: fmt.Errorf("sign in by %s: %w", s.auth, err)}
		}
		return nil, &TransportError{Err: &signInError{s.auth.name, err}}
	}
	s.dialogue = d
	return refusal, nil
}

// send sends a request over the signed-in connection.
func (s *signInSession) send(ctx context.Context, req *Request) (*Response, error) {
	var res *Response
	var err error
	if s.link.tls != nil {
		res, err = s.link.post(ctx, soapHeader(req), req.Body)
	} else {
		res, err = s.sendSealed(ctx, req)
	}
	if err != nil || res.Status == http.StatusUnauthorized {
		s.drop()
	}
	return res, err
}

func (s *signInSession) sendSealed(ctx context.Context, req *Request) (*Response, error) {
	header, sealed, err := s.dialogue.seal(req.Body)
	if err != nil {
		return nil, &TransportError{Err: fmt.Errorf("seal the request: %w", err)}
	}
	res, err := s.link.post(ctx, sealedHeader(s.auth.label), sealedBody(s.auth.label, header, sealed, len(req.Body)))
	if err != nil {
		return nil, err
	}
	if res, err = s.unseal(res); err != nil {
		return nil, &TransportError{Sent: true, Err: err}
	}
	if len(res.Body) == 0 {
		// Not answered by who opens our messages: the two sides may no longer
		// agree on how many there were.
		s.drop()
	}
	return res, nil
}

// errNotSealed is an answer that is not sealed as it should be: it does not come
// from who signed us in, or was changed on the way. It is not asked for again.
var errNotSealed = errors.New("unseal the answer")

// unseal opens a sealed answer. Of what is not sealed it takes the status
// only, and only where the status is not one of SOAP.
func (s *signInSession) unseal(res *Response) (*Response, error) {
	bare := &Response{Status: res.Status, Date: res.Date, RetryAfter: res.RetryAfter, Encrypted: true}
	switch {
	case res.Status == http.StatusUnauthorized:
		// Nothing shows that this comes from the server, so it must not make
		// a request be sent twice that may have been carried out.
		return nil, errors.New("the server no longer knows the connection's sign-in (HTTP 401)")
	case len(res.Body) == 0:
		return bare, nil
	}
	m, err := parseSealed(s.auth.label, res.ContentType, res.Body)
	if err != nil {
		if res.Status != http.StatusOK && res.Status != http.StatusInternalServerError {
			return bare, nil
		}
		return nil, fmt.Errorf("%w (HTTP %d): %w", errNotSealed, res.Status, err)
	}
	plain, err := s.dialogue.unseal(m.token, m.header)
	if err != nil {
		return nil, fmt.Errorf("%w (HTTP %d): %w", errNotSealed, res.Status, err)
	}
	return &Response{Status: res.Status, ContentType: m.contentType, Body: plain, Date: res.Date, RetryAfter: res.RetryAfter, Encrypted: true, release: res.release}, nil
}

// drop gives up the connection with its keys.
func (s *signInSession) drop() {
	s.dialogue = nil
	s.close()
}

// close implements session.
func (s *signInSession) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.link != nil {
		s.link.close()
	}
}

// handshake signs in a connection by posts without a body. Nothing of a
// request is sent before it is complete. A Response is the server's refusal.
func (a *signIn) handshake(ctx context.Context, l *link) (dialogue, *Response, error) {
	u, err := url.Parse(l.t.url)
	if err != nil {
		return nil, nil, err
	}
	d, err := a.begin(target{host: u.Hostname(), bindings: channelBindings(l.tls)})
	if err != nil {
		return nil, nil, err
	}
	var answer []byte
	for leg := range maxSignInLegs {
		token, err := d.next(ctx, answer)
		if err != nil {
			return nil, nil, err
		}
		res, err := a.leg(ctx, l, token, leg > 0)
		if err != nil {
			return nil, nil, err
		}
		offered := false
		if answer, offered, err = challengeOf(res, a.scheme); err != nil {
			return nil, nil, err
		}
		switch {
		case res.Status == http.StatusOK:
			if err := d.finish(ctx, answer); err != nil {
				return nil, nil, err
			}
			return d, nil, nil
		case res.Status != http.StatusUnauthorized || !offered || len(answer) == 0:
			return nil, &Response{Status: res.Status, Challenges: res.Challenges, Date: res.Date}, nil
		}
	}
	return nil, nil, fmt.Errorf("the server asked for more than %d tokens", maxSignInLegs)
}

// leg posts one token. Proves tells that the token proves the password, which
// a server may count against the account.
func (a *signIn) leg(ctx context.Context, l *link, token []byte, proves bool) (*Response, error) {
	leave := func(verdict) {}
	if proves && a.gate != nil {
		var err error
		if leave, err = a.gate.enter(ctx, l.t.url); err != nil {
			return nil, err
		}
	}
	header := http.Header{
		"Content-Type":  {soapMediaType + ";charset=UTF-8"},
		"Authorization": {a.scheme + " " + base64.StdEncoding.EncodeToString(token)},
	}
	res, err := l.post(ctx, header, nil)
	switch {
	case err != nil:
		leave(unknown)
		if proves && a.gate != nil && ctx.Err() == nil {
			// It may have been counted as a wrong password.
			var cause *TransportError
			if errors.As(err, &cause) {
				err = cause.Err
			}
			err = fmt.Errorf("the connection was lost after the password was proven, which is not tried again by itself: %w", err)
		}
	case res.Status == http.StatusOK:
		leave(accepted)
	case res.Status == http.StatusUnauthorized:
		leave(refused)
	default:
		leave(unknown)
	}
	return res, err
}

// challengeOf is the token that the server gives by the scheme, and whether it
// offers the scheme at all.
func challengeOf(res *Response, scheme string) (token []byte, offered bool, err error) {
	for _, c := range res.Challenges {
		name, rest, _ := strings.Cut(strings.TrimSpace(c), " ")
		if !strings.EqualFold(name, scheme) {
			continue
		}
		rest = strings.TrimSpace(rest)
		if len(rest) > maxSignInToken {
			return nil, true, fmt.Errorf("the server's token of %d characters is too long", len(rest))
		}
		token, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return nil, true, errors.New("the server's token is not base64")
		}
		return token, true, nil
	}
	return nil, false, nil
}
