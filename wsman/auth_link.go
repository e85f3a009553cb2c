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
	net  net.Dialer
	tls  *tls.Config
	wrap func(net.Conn) net.Conn // for tests that watch a connection
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
		secure := tls.Dialer{NetDialer: &d.net, Config: d.tls}
		l.conn, err = secure.DialContext(ctx, "tcp", hostPort(u, "443"))
	} else {
		l.conn, err = d.net.DialContext(ctx, "tcp", hostPort(u, "80"))
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
