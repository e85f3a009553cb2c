package wire

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Watch lets a strict server see whether clients send a request before the one
// before it is answered. The listener is that of the connections themselves,
// below TLS. Without Config.Strict it is given back as it is.
func (h *Handler) Watch(l net.Listener) net.Listener {
	if h.strict == nil {
		return l
	}
	return watchedListener{l}
}

type watchedListener struct{ net.Listener }

func (l watchedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &watchedConn{Conn: c}, nil
}

// mostOfAnAlert is the most bytes that TLS sends to end a connection, which is
// no request: a record of an alert.
const mostOfAnAlert = 64

// watchedConn is a connection whose bytes are counted. HTTP/1.1 is read ahead
// of, so that a request can lie in the server's buffers before it is its turn:
// one that is begun without a byte read since the last answer was written came
// before that answer.
type watchedConn struct {
	net.Conn

	// ending is held while the end is judged, so that it is when Close returns.
	ending sync.Mutex

	mu       sync.Mutex
	requests int   // so far
	answered bool  // something has been written, and nothing read since
	heard    *note // of the request that has been read and is not answered
	last     *note // of the last request, until it is known whether its answer got there
	under    bool  // below TLS
}

// watchedOf is the watched connection that a server's connection is, or nil.
func watchedOf(c net.Conn) *watchedConn {
	secure, isTLS := c.(*tls.Conn)
	if isTLS {
		c = secure.NetConn()
	}
	w, ok := c.(*watchedConn)
	if !ok {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.under = isTLS
	return w
}

const inFlight = "the connection brought more while its request was not answered"

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n == 0 {
		c.gone(err)
		return n, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered = false
	if c.heard != nil && (!c.under || n > mostOfAnAlert) {
		c.heard.add(SinInFlight, inFlight)
		c.heard = nil
	}
	return n, err
}

func (c *watchedConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.answered = true
	c.mu.Unlock()
	n, err := c.Conn.Write(p)
	if err != nil {
		c.gone(err)
	}
	return n, err
}

// Close implements net.Conn. Of a client that has just gone it first learns how.
func (c *watchedConn) Close() error {
	c.ending.Lock()
	defer c.ending.Unlock()
	if last := c.takeLast(); last != nil && last.opens() {
		_ = c.SetReadDeadline(time.Now().Add(patienceAtClose))
		var err error
		for p := make([]byte, 64); err == nil; {
			_, err = c.Conn.Read(p)
		}
		c.judge(last, err)
	}
	return c.Conn.Close()
}

// patienceAtClose is how long Close waits for a client to be gone.
const patienceAtClose = 5 * time.Millisecond

// takeLast is the note of the last request, once.
func (c *watchedConn) takeLast() *note {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.last
	c.last = nil
	return last
}

// gone notes how the client ended the connection.
func (c *watchedConn) gone(err error) {
	var timeout net.Error
	if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		return
	}
	c.ending.Lock()
	defer c.ending.Unlock()
	if last := c.takeLast(); last != nil {
		c.judge(last, err)
	}
}

// judge tells from the end of a connection whether the client read the last
// answer: one that gave up before resets the connection, at once or when it is
// written to. A byte more does no harm to who is gone.
func (c *watchedConn) judge(last *note, err error) {
	var timeout net.Error
	switch {
	case errors.Is(err, net.ErrClosed), errors.As(err, &timeout) && timeout.Timeout():
		return
	case errors.Is(err, io.EOF):
		if _, err = c.Conn.Write([]byte{0}); err == nil {
			return
		}
	}
	last.lose()
}

// begin notes that it is a request's turn. Before the first one TLS may have
// written last. c may be nil.
func (c *watchedConn) begin(n *note) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = n
	if c.requests++; c.answered && c.requests > 1 {
		n.add(SinInFlight, inFlight)
	}
}

// whole notes that the request has been read, so that what comes now is
// another. c may be nil.
func (c *watchedConn) whole(n *note) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = n
}

// end notes that the answer is about to be written. c may be nil.
func (c *watchedConn) end() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heard = nil
}
