package wsman

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// verdict is what a server said to a password.
type verdict uint8

const (
	unknown verdict = iota
	accepted
	refused
)

// gate keeps a wrong password from being tried once a connection and once a
// site, which would lock the account out: until a server has accepted the
// password, one connection tries it at a time, and after a refusal none does.
// A server that refuses what another accepted is not asked again either.
//
// A password may be changed while the process runs. So what was accepted is taken
// for proven for a while only, and is then tried by one connection at a time
// again. When two servers in a row refuse what they have accepted before, no
// server is asked any more; one alone may have taken the account's rights away.
type gate struct {
	turn chan struct{} // holds the right to try an unproven password

	mu       sync.Mutex
	ever     bool      // it was proven once
	until    time.Time // it is proven
	accepted map[string]bool
	refusals map[string]bool // by server
	doubt    string          // the server that refused last what it had accepted, and none has accepted since
	last     string          // the server that refused for all
}

// provenFor is how long an accepted password is tried by many at once. It is
// longer than it takes to open the connections of a sweep, and shorter than a
// pause between two of them in a process that runs for long.
const provenFor = time.Minute

func newGate() *gate {
	return &gate{turn: make(chan struct{}, 1), accepted: map[string]bool{}, refusals: map[string]bool{}}
}

// enter waits for the right to try the password at a server. Leave must be
// called with the server's verdict.
func (g *gate) enter(ctx context.Context, server string) (leave func(verdict), err error) {
	select {
	case g.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	g.mu.Lock()
	proven, by := time.Now().Before(g.until), g.refusedBy(server)
	g.mu.Unlock()
	if proven || by != "" {
		<-g.turn
	}
	if by != "" {
		return nil, fmt.Errorf("%w before, by %s: not tried again, so that the account is not locked out", ErrUnauthorized, by)
	}
	return func(v verdict) {
		g.note(server, v)
		if !proven {
			<-g.turn
		}
	}, nil
}

// refusedBy is the server whose refusal counts for this server, if any.
func (g *gate) refusedBy(server string) string {
	if g.refusals[server] {
		return server
	}
	return g.last
}

func (g *gate) note(server string, v verdict) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch v {
	case accepted:
		g.ever, g.until, g.doubt = true, time.Now().Add(provenFor), ""
		g.accepted[server] = true
	case refused:
		again := g.refusals[server] // by another connection, at the same time
		g.refusals[server] = true
		switch {
		case g.last != "" || again:
		case !g.ever, g.accepted[server] && g.doubt != "":
			g.last = server
		case g.accepted[server]:
			g.doubt, g.until = server, time.Time{}
		}
	}
}
