// Package memnet is a network in memory, for tests under an invented clock:
// whoever waits for its connections does not keep testing/synctest's clock from
// going on. It refuses and resets as TCP does.
package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
)

// Network is where listeners are found. The zero value has none; it is safe for
// concurrent use.
type Network struct {
	mu        sync.Mutex
	listeners map[string]*listener
	last      int // port that was given away
}

// Listen listens at HOST:PORT. Port 0 takes one that is free.
func (n *Network) Listen(_ context.Context, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if port == "0" {
		n.last++
		port = strconv.Itoa(50000 + n.last)
	}
	l := &listener{network: n, address: addr(net.JoinHostPort(host, port)), conns: make(chan net.Conn), gone: make(chan struct{})}
	if n.listeners[l.address.String()] != nil {
		return nil, &net.OpError{Op: "listen", Net: "mem", Addr: l.address, Err: syscall.EADDRINUSE}
	}
	if n.listeners == nil {
		n.listeners = map[string]*listener{}
	}
	n.listeners[l.address.String()] = l
	return l, nil
}

// Dial connects to a listener, or is refused where none is. It waits until the
// connection is accepted.
func (n *Network) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[address]
	n.mu.Unlock()
	refused := &net.OpError{Op: "dial", Net: "mem", Addr: addr(address), Err: syscall.ECONNREFUSED}
	if l == nil {
		return nil, refused
	}
	near, far := pipe(addr(address))
	select {
	case l.conns <- far:
		return near, nil
	case <-l.gone:
		return nil, refused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type addr string

func (addr) Network() string  { return "mem" }
func (a addr) String() string { return string(a) }

type listener struct {
	network *Network
	address addr
	conns   chan net.Conn
	gone    chan struct{}
	once    sync.Once
}

func (l *listener) Addr() net.Addr { return l.address }

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.gone:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		l.network.mu.Lock()
		delete(l.network.listeners, l.address.String())
		l.network.mu.Unlock()
		close(l.gone)
	})
	return nil
}

// conn is one end of a connection.
type conn struct {
	net.Conn
	address addr
	linger  atomic.Bool  // closing resets
	reset   *atomic.Bool // of both ends
}

func pipe(address addr) (near, far net.Conn) {
	a, b := net.Pipe()
	reset := &atomic.Bool{}
	return &conn{Conn: a, address: address, reset: reset}, &conn{Conn: b, address: address, reset: reset}
}

func (c *conn) LocalAddr() net.Addr  { return c.address }
func (c *conn) RemoteAddr() net.Addr { return c.address }

// SetLinger is that of net.TCPConn, of which it knows 0: Close resets.
func (c *conn) SetLinger(sec int) error {
	c.linger.Store(sec == 0)
	return nil
}

func (c *conn) Close() error {
	if c.linger.Load() {
		c.reset.Store(true)
	}
	return c.Conn.Close()
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, c.fate("read", err)
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	return n, c.fate("write", err)
}

// fate makes a reset of the end of a connection that was reset.
func (c *conn) fate(op string, err error) error {
	ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe)
	if ended && c.reset.Load() {
		return &net.OpError{Op: op, Net: "mem", Addr: c.address, Err: syscall.ECONNRESET}
	}
	return err
}
