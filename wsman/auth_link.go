package wsman

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
)

// errGone says that a link's connection is no more, and that nothing of the
// request was sent over it.
var errGone = errors.New("the server closed the connection")

// dialer opens connections to one server.
type dialer struct {
	net   net.Dialer
	other func(ctx context.Context, network, address string) (net.Conn, error) // in place of net; may be nil
	tls   *tls.Config
	wrap  func(net.Conn) net.Conn // for tests that watch a connection
}

// open opens a connection without TLS.
func (d *dialer) open(ctx context.Context, network, address string) (net.Conn, error) {
	if d.other == nil {
		return d.net.DialContext(ctx, network, address)
	}
	ctx, cancel := context.WithTimeout(ctx, d.net.Timeout)
	defer cancel()
	return d.other(ctx, network, address)
}

// secure opens a connection with TLS to a host.
func (d *dialer) secure(ctx context.Context, host, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, d.net.Timeout)
	defer cancel()
	conn, err := d.open(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	config := d.tls
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = host
	}
	c := tls.Client(conn, config)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

// link is one connection and nothing else: when it is gone, requests over it
// fail with errGone and never travel over another connection, as net/http
// would have it. That is why a sign-in and the keys from it belong to a link.
type link struct {
	exchange
	conn net.Conn
	tls  *tls.ConnectionState // nil over http
}

// connect opens a link to the exchange's server.
func (e *exchange) connect(ctx context.Context) (*link, error) {
	l, err := e.dial.link(ctx, e.t)
	if err != nil {
		return nil, &TransportError{Err: plain(err)}
	}
	return l, nil
}

func (d *dialer) link(ctx context.Context, t *HTTP) (*link, error) {
	u, err := url.Parse(t.url)
	if err != nil {
		return nil, err
	}
	l := &link{exchange: exchange{t: t, dial: *d}}
	if u.Scheme == "https" {
		l.conn, err = d.secure(ctx, u.Hostname(), hostPort(u, "443"))
	} else {
		l.conn, err = d.open(ctx, "tcp", hostPort(u, "80"))
	}
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if c, ok := l.conn.(*tls.Conn); ok {
		state := c.ConnectionState()
		l.tls = &state
	}
	if d.wrap != nil {
		l.conn = d.wrap(l.conn)
	}
	pool := newPool()
	var taken atomic.Bool
	pool.DialContext = func(context.Context, string, string) (net.Conn, error) {
		if taken.Swap(true) {
			return nil, errGone
		}
		return l.conn, nil
	}
	pool.DialTLSContext = pool.DialContext
	l.client = newClient(pool)
	return l, nil
}

// post is exchange.post, which knows that errGone means that nothing was sent.
func (l *link) post(ctx context.Context, header http.Header, body []byte) (*Response, error) {
	res, err := l.exchange.post(ctx, header, body)
	if errors.Is(err, errGone) {
		return nil, &TransportError{Err: errGone}
	}
	return res, err
}

// close ends the connection, whatever it is doing.
func (l *link) close() { _ = l.conn.Close() }

func hostPort(u *url.URL, port string) string {
	if p := u.Port(); p != "" {
		port = p
	}
	return net.JoinHostPort(u.Hostname(), port)
}
