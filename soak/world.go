package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"dpremote/simulator"
)

// perHierarchy is how many sites a central administration site is over, itself
// included.
const perHierarchy = 25

// delay is how long the sites take to distribute content.
const delay = 300 * time.Millisecond

// pageSize is how many rows a page has at most, so that there are later ones.
const pageSize = 10

// model is so many sites, a few of them central administration sites, which see
// the rows of the others.
func model(o options) simulator.Model {
	m := simulator.Model{Seed: o.seed, Delay: delay}
	top := ""
	for i := range o.sites {
		if i%perHierarchy == 0 {
			top = fmt.Sprintf("C%02d", i/perHierarchy)
			m.Sites = append(m.Sites, simulator.Site{Code: top, Packages: 1})
			continue
		}
		m.Sites = append(m.Sites, simulator.Site{
			Code: fmt.Sprintf("%c%02d", 'D'+i/100, i%100), Parent: top, DPs: 2, Packages: 4,
			Failed: map[simulator.Cause]int{simulator.Transient: 1},
		})
	}
	return m
}

// chance is how likely each kind of fault is for a request that it can meet.
const chance = 0.002

// faults are all kinds, each as something that a client meets now and then, and
// short enough for a soak.
func faults(seed uint64) []simulator.Fault {
	var all []simulator.Fault
	add := func(f simulator.Fault) {
		if f.Probability == 0 {
			f.Probability = chance
		}
		f.Seed = seed
		all = append(all, f)
	}
	for _, kind := range simulator.FaultKinds() {
		switch kind {
		case simulator.ClockJump: // begins at once; see upset
		case simulator.Drop:
			add(simulator.Fault{Kind: kind, Probability: 0.02})
		case simulator.Refuse:
			for _, action := range []simulator.Action{simulator.Enumerate, simulator.Put, simulator.Events} {
				add(simulator.Fault{Kind: kind, Action: action, For: 200 * time.Millisecond})
			}
		case simulator.Stall:
			add(simulator.Fault{Kind: kind, For: 100 * time.Millisecond})
			add(simulator.Fault{Kind: kind, For: requestTimeout + 12*time.Second, Probability: chance / 50})
		case simulator.PullTimedOut, simulator.ContextClosed, simulator.InvalidContext:
			add(simulator.Fault{Kind: kind, Action: simulator.Pull, Probability: 5 * chance})
			add(simulator.Fault{Kind: kind, Action: simulator.Events, Probability: 5 * chance})
		case simulator.HTTP503:
			add(simulator.Fault{Kind: kind, RetryAfter: time.Second})
		case simulator.HTTP500, simulator.TimedOut:
			add(simulator.Fault{Kind: kind})
			add(simulator.Fault{Kind: kind, Done: true, Action: simulator.Put, Probability: 5 * chance})
		case simulator.Restart:
			add(simulator.Fault{Kind: kind, Probability: chance / 2})
		default:
			add(simulator.Fault{Kind: kind})
		}
	}
	return all
}

// connections are those to the sites that are open. It is safe for concurrent
// use.
type connections struct{ open, ever atomic.Int64 }

// listen is for simulator.Options.Network.
func (c *connections) listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	return counted{l, c}, err
}

type counted struct {
	net.Listener
	c *connections
}

// Accept implements net.Listener.
func (l counted) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.c.open.Add(1)
	l.c.ever.Add(1)
	return &countedConn{TCPConn: conn.(*net.TCPConn), c: l.c}, nil
}

// countedConn keeps being a TCP connection, which can be reset.
type countedConn struct {
	*net.TCPConn
	c    *connections
	once sync.Once
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	c.once.Do(func() { c.c.open.Add(-1) })
	return c.TCPConn.Close()
}
