package inventory

import (
	"context"
	"errors"
	"sync"
)

// errAbandoned ends a command that nobody waits for any more.
var errAbandoned = errors.New("nobody waits for the password any more")

// Passwords resolves each source once, however many sites share it and at
// whatever moment they ask, so that a password manager prompts once. A failure
// is kept as well. The zero value is ready; it is safe for concurrent use.
type Passwords struct {
	// Env is what the sources depend on. Set it before the first use.
	Env Env

	mu      sync.Mutex
	lookups map[string]*lookup
}

// lookup is one source being resolved, or resolved.
type lookup struct {
	done     chan struct{} // closed when password and err are set
	password Password
	err      error

	waiting int // callers, under Passwords.mu
	cancel  context.CancelCauseFunc
}

// Resolve gives the source's password, and waits for it if it is being looked
// up. A caller whose context ends leaves the lookup to the others; when none is
// left it is stopped, and the next caller starts anew.
func (p *Passwords) Resolve(ctx context.Context, s PasswordSource) (Password, error) {
	if s.kind == sourceKnown || s.kind == sourceNone {
		return s.Resolve(ctx, p.Env)
	}
	if ctx.Err() != nil {
		return Password{}, context.Cause(ctx)
	}
	l := p.join(ctx, s)
	select {
	case <-l.done:
		return l.password, l.err
	case <-ctx.Done():
		p.leave(s, l)
		return Password{}, context.Cause(ctx)
	}
}

// join adds a caller to the source's lookup, which it starts if there is none.
func (p *Passwords) join(ctx context.Context, s PasswordSource) *lookup {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l, found := p.lookups[s.id()]; found {
		l.waiting++
		return l
	}
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	l := &lookup{done: make(chan struct{}), waiting: 1, cancel: cancel}
	if p.lookups == nil {
		p.lookups = map[string]*lookup{}
	}
	p.lookups[s.id()] = l
	go func() {
		defer cancel(nil)
		l.password, l.err = s.Resolve(ctx, p.Env)
		close(l.done)
	}()
	return l
}

// leave takes a caller off a lookup, and stops it after the last one.
func (p *Passwords) leave(s PasswordSource, l *lookup) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.waiting--
	if l.waiting > 0 || p.lookups[s.id()] != l {
		return
	}
	select {
	case <-l.done:
		// It was done just now: that is worth keeping.
	default:
		l.cancel(errAbandoned)
		delete(p.lookups, s.id())
	}
}
