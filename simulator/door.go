package simulator

import (
	"net"
	"sync"
	"time"

	"dpremote/simulator/internal/wire"
)

// door is the listener of a site, which can be shut for a while. While it is
// shut nobody listens at the address, so that connections are refused by who
// refuses them for a server that is off.
type door struct {
	listen func() (net.Listener, error) // again, at the same address
	drops  func() bool                  // decides for each connection

	mu      sync.Mutex
	inner   net.Listener  // nil while shut
	opens   chan struct{} // closed when it opens again; nil while open
	gone    chan struct{} // closed by Close
	closed  bool
	failure error // of opening it again
	conns   map[*guest]struct{}
	address net.Addr
}

func newDoor(l net.Listener, again func() (net.Listener, error), drops func() bool) *door {
	return &door{listen: again, drops: drops, inner: l, address: l.Addr(), gone: make(chan struct{}), conns: map[*guest]struct{}{}}
}

// Addr implements net.Listener.
func (d *door) Addr() net.Addr { return d.address }

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		inner, opens, err := d.state()
		if err != nil {
			return nil, err
		}
		if inner == nil {
			select {
			case <-opens:
			case <-d.gone:
			}
			continue
		}
		conn, err := inner.Accept()
		if err != nil {
			if now, _, failure := d.state(); failure == nil && now != inner {
				continue // it was shut
			}
			return nil, err
		}
		if d.drops() {
			wire.ResetConnection(conn)
			continue
		}
		return d.admit(conn), nil
	}
}

func (d *door) state() (inner net.Listener, opens chan struct{}, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, nil, net.ErrClosed
	}
	return d.inner, d.opens, d.failure
}

// Close implements net.Listener. Connections stay.
func (d *door) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	close(d.gone)
	if d.inner == nil {
		return nil
	}
	return d.inner.Close()
}

// shut refuses connections for a while. Those that there are stay.
func (d *door) shut(length time.Duration) {
	d.mu.Lock()
	if d.closed || d.inner == nil {
		d.mu.Unlock()
		return
	}
	inner := d.inner
	d.inner, d.opens = nil, make(chan struct{})
	d.mu.Unlock()
	_ = inner.Close()
	time.AfterFunc(length, d.open)
}

// open listens again.
func (d *door) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.inner, d.failure = d.listen()
	close(d.opens)
}

// hangUp ends all connections.
func (d *door) hangUp() {
	d.mu.Lock()
	var all []*guest
	for g := range d.conns {
		all = append(all, g)
	}
	d.mu.Unlock()
	for _, g := range all {
		_ = g.Close()
	}
}

func (d *door) admit(conn net.Conn) net.Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := &guest{Conn: conn, door: d}
	d.conns[g] = struct{}{}
	return g
}

// guest is a connection that its door knows.
type guest struct {
	net.Conn
	door *door
}

// NetConn is the connection itself.
func (g *guest) NetConn() net.Conn { return g.Conn }

// Close implements net.Conn.
func (g *guest) Close() error {
	g.door.mu.Lock()
	delete(g.door.conns, g)
	g.door.mu.Unlock()
	return g.Conn.Close()
}
