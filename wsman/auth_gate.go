package wsman

import (
	"context"
	"fmt"
	"sync"
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
type gate struct {
	turn chan struct{} // holds the right to try an unproven password

	mu       sync.Mutex
	proven   bool
	refusals map[string]bool // by server
	first    string          // the server that refused first, while unproven
}

func newGate() *gate {
	return &gate{turn: make(chan struct{}, 1), refusals: map[string]bool{}}
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
	proven, by := g.proven, g.refusedBy(server)
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
	if !g.proven {
		return g.first
	}
	return ""
}

func (g *gate) note(server string, v verdict) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch v {
	case accepted:
		g.proven = true
	case refused:
		g.refusals[server] = true
		if g.first == "" {
			g.first = server
		}
	}
}
