package wsman

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// HTTPOptions says how to reach a server. The zero value of each field has a
// meaning, given beside it.
type HTTPOptions struct {
	URL string // such as https://ps1.example:5986/wsman; a path of / or none means /wsman
	// Slots is how many connections, and so requests at once, at most: 0 means
	// 4, and 8 is the most (WinRM's WMI plug-in shares 100 operations among
	// all its users' requests).
	Slots int
	// ConnectTimeout bounds connecting and the TLS handshake; 0 means 10 s.
	ConnectTimeout time.Duration
	// Dial opens connections in place of TCP: through a tunnel, or in tests. Nil
	// is TCP. It must be safe for concurrent use.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// MaxBody is the most bytes of an answer that are read; 0 means 64 MiB,
	// the largest MaxEnvelopeSize that a client may ask for.
	MaxBody int64
	// Buffers are shared with other transports; nil means some of its own.
	Buffers *Buffers
	// TLS configures https; nil means the system's roots and TLS 1.2 or later.
	TLS *tls.Config
	// AllowUnencrypted lets credentials and SOAP travel in clear text over
	// http, where the scheme does not seal.
	AllowUnencrypted bool
}

const (
	defaultSlots   = 4
	maxSlots       = 8
	defaultConnect = 10 * time.Second
	defaultMaxBody = 64 << 20
	maxHeader      = 256 << 10
	idleTimeout    = 90 * time.Second // WinRM closes idle connections after about 120 s
)

// HTTP is a Transport over HTTP or HTTPS. It has slots: each is one connection
// with a sign-in of its own, and carries one request at a time, because some
// schemes sign in the connection and not the request.
type HTTP struct {
	url     string
	maxBody int64
	sealed  bool
	free    chan struct{} // one for each slot not in use
	mu      sync.Mutex
	idle    []*slot // not in use; the last one used is the last
	slots   []*slot
	buffers *Buffers
}

// slot is one connection, or the place for one.
type slot struct {
	dial    dialer
	client  *http.Client // connects by itself, for what needs no sign-in of the connection
	pool    *http.Transport
	session session
}

// NewHTTP makes a transport. It connects when the first request is sent.
func NewHTTP(o HTTPOptions, auth Authentication) (*HTTP, error) {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil:
		return nil, errors.New("the server's URL cannot be parsed") // the parser's error repeats it, password and all
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return nil, fmt.Errorf("the server's URL must start with http:// or https:// and a host, not %q", u.Redacted())
	case u.User != nil:
		return nil, fmt.Errorf("the server's URL %s must hold no user", u.Redacted())
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = defaultPath
	}
	if _, ok := auth.(configuresTLS); ok && u.Scheme == "http" {
		return nil, fmt.Errorf("%s works over https only, not with %s", auth, u.Redacted())
	}
	if u.Scheme == "http" && !auth.seals() && !o.AllowUnencrypted {
		return nil, fmt.Errorf("%s over http sends everything in clear text: use https, a scheme that seals, or allow_unencrypted", auth)
	}
	t := &HTTP{url: u.String(), maxBody: o.MaxBody, sealed: u.Scheme == "http" && auth.seals(), buffers: o.Buffers}
	if t.buffers == nil {
		t.buffers = &Buffers{}
	}
	if t.maxBody <= 0 {
		t.maxBody = defaultMaxBody
	}
	n := o.Slots
	if n <= 0 {
		n = defaultSlots
	}
	n = min(n, maxSlots)
	t.free = make(chan struct{}, n)
	for range n {
		s := newSlot(o, auth)
		t.slots = append(t.slots, s)
		t.leave(s)
	}
	return t, nil
}

// take is the slot that was used last of those that are free: it is signed in,
// if any is. The caller holds one of t.free.
func (t *HTTP) take() *slot {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := len(t.idle) - 1
	s := t.idle[last]
	t.idle = t.idle[:last]
	return s
}

// leave makes a slot free again.
func (t *HTTP) leave(s *slot) {
	t.mu.Lock()
	t.idle = append(t.idle, s)
	t.mu.Unlock()
	t.free <- struct{}{}
}

func newSlot(o HTTPOptions, auth Authentication) *slot {
	timeout := o.ConnectTimeout
	if timeout <= 0 {
		timeout = defaultConnect
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLS != nil {
		config = o.TLS.Clone()
		config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	}
	if c, ok := auth.(configuresTLS); ok {
		c.configureTLS(config)
	}
	s := &slot{dial: dialer{net: net.Dialer{Timeout: timeout, KeepAlive: 30 * time.Second}, other: o.Dial, tls: config}}
	s.pool = newPool()
	s.pool.DialContext = s.dial.open
	s.pool.TLSClientConfig = config
	s.pool.TLSHandshakeTimeout = timeout
	s.client = newClient(s.pool)
	s.session = auth.newSession()
	return s
}

// newPool is what all connections have in common.
func newPool() *http.Transport {
	return &http.Transport{
		MaxConnsPerHost:        1,
		MaxIdleConnsPerHost:    1,
		MaxResponseHeaderBytes: maxHeader,
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true,
		ForceAttemptHTTP2:      false,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
		// No proxy: a sign-in belongs to the connection with the server, and
		// site servers are not reached through the proxies of an environment.
	}
}

func newClient(pool *http.Transport) *http.Client {
	return &http.Client{
		Transport:     pool,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// RoundTrip implements Transport. It waits for a free slot.
func (t *HTTP) RoundTrip(ctx context.Context, req *Request) (*Response, error) {
	select {
	case <-t.free:
		s := t.take()
		defer t.leave(s)
		return s.session.roundTrip(ctx, &exchange{t: t, dial: s.dial, client: s.client}, req)
	case <-ctx.Done():
		return nil, &TransportError{Err: fmt.Errorf("wait for a connection: %w", ctx.Err())}
	}
}

// Sealed says whether messages are encrypted by the sign-in and not by TLS.
func (t *HTTP) Sealed() bool { return t.sealed }

// Close implements Transport.
func (t *HTTP) Close() error {
	for _, s := range t.slots {
		s.session.close()
		s.pool.CloseIdleConnections()
	}
	return nil
}

// exchange sends requests over one slot's connection.
type exchange struct {
	t      *HTTP
	dial   dialer
	client *http.Client
}

// post sends one body with its headers and reads the answer whole.
func (e *exchange) post(ctx context.Context, header http.Header, body []byte) (*Response, error) {
	var sent atomic.Bool // written by the connection's own goroutine
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteHeaders: func() { sent.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.t.url, bytes.NewReader(body))
	if err != nil {
		return nil, &TransportError{Err: err}
	}
	req.Header = header
	req.Header.Set("Accept-Encoding", "identity")
	res, err := e.client.Do(req)
	if err != nil {
		return nil, &TransportError{Sent: sent.Load(), Err: plain(err)}
	}
	defer res.Body.Close()
	if coding := res.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, &TransportError{Sent: true, Err: fmt.Errorf("%w: it is compressed (%.40q), which was not asked for", errEncoded, coding)}
	}
	data, err := e.t.read(res)
	if err != nil {
		return nil, &TransportError{Sent: true, Err: err}
	}
	return &Response{
		Status:      res.StatusCode,
		ContentType: res.Header.Get("Content-Type"),
		Body:        data,
		Challenges:  res.Header.Values("WWW-Authenticate"),
		Date:        date(res.Header),
		RetryAfter:  retryAfter(res.Header),
		Encrypted:   req.URL.Scheme == "https",
		release:     func() { e.t.buffers.give(data) },
	}, nil
}

// read reads an answer whole, into a spare buffer where there is one.
func (t *HTTP) read(res *http.Response) ([]byte, error) {
	if res.ContentLength > t.maxBody {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, t.maxBody)
	}
	data := t.buffers.take(int(res.ContentLength))
	if res.ContentLength >= 0 {
		data = data[:res.ContentLength]
		if _, err := io.ReadFull(res.Body, data); err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		return data, nil
	}
	b := bytes.NewBuffer(data[:0])
	if _, err := b.ReadFrom(io.LimitReader(res.Body, t.maxBody+1)); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if int64(b.Len()) > t.maxBody {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, t.maxBody)
	}
	return b.Bytes(), nil
}

// retryAfter is the Retry-After header, in seconds or as a date by the server's
// own clock (RFC 9110 section 10.2.3); 0 when there is none that can be read.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(text)
	now := date(h)
	if err != nil || now.IsZero() {
		return 0
	}
	return max(0, at.Sub(now))
}

// errEncoded is an answer that would have to be unpacked. It is not: a few bytes
// could become any number.
var errEncoded = fmt.Errorf("%w: the answer is refused", ErrNotWSMan)

// date is the Date header, zero when there is none that can be read.
func date(h http.Header) time.Time {
	t, _ := http.ParseTime(h.Get("Date"))
	return t
}

// plain takes away what net/http puts around a cause: the method and the URL,
// which the Error of an operation names anyway.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var unknown x509.UnknownAuthorityError
	var verification *tls.CertificateVerificationError
	var hostname x509.HostnameError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown) && errors.As(err, &verification) && len(verification.UnverifiedCertificates) > 0:
		return fmt.Errorf("%w: name its authority's certificate in ca_file, or, if it is your server's, its SHA-256 in tls_fingerprint: %x",
			err, sha256.Sum256(verification.UnverifiedCertificates[0].Raw))
	case errors.As(err, &hostname):
		return fmt.Errorf("%w: connect by one of those names, or set tls_server_name", err)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%w: the port does not speak TLS; try http or another port", err)
	}
	return err
}

// isPermanent tells failures that trying again does not cure.
func isPermanent(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var dns *net.DNSError
	var signIn *signInError
	switch {
	case errors.As(err, &signIn), errors.As(err, &verification), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch), errors.Is(err, ErrTooLarge), errors.Is(err, errNotSealed), errors.Is(err, errEncoded):
		return true
	case errors.As(err, &dns):
		return dns.IsNotFound
	}
	return false
}
