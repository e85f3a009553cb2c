package wsman

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// maxBackoff bounds the pause between two attempts.
	maxBackoff = 30 * time.Second
	// maxRetryAfter is the longest that a server may ask to be left alone for:
	// who asks for more is not asked again.
	maxRetryAfter = time.Minute
	// fullBudget is how many retries a server has in hand at first, and at
	// most. Each answer earns a part of one, so that a server on which
	// everything fails is soon asked each thing once only.
	fullBudget = 20
	earning    = 0.1
)

// pause waits before retry number attempt (from 0). It returns early with the
// context's error.
func pause(ctx context.Context, base time.Duration, attempt int) error {
	return wait(ctx, backoff(base, attempt))
}

// backoff is the base doubled with each attempt, between half and the whole of
// it, so that many clients do not come back at once.
func backoff(base time.Duration, attempt int) time.Duration {
	d := min(base<<min(attempt, 10), maxBackoff)
	return d/2 + rand.N(d/2+1)
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// budget is what is left of a server's retries. It is safe for concurrent use.
type budget struct {
	mu    sync.Mutex
	spent float64
}

// earn notes an answer.
func (b *budget) earn() {
	b.mu.Lock()
	b.spent = max(0, b.spent-earning)
	b.mu.Unlock()
}

// spend takes one retry, if there is one.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.spent+1 > fullBudget {
		return false
	}
	b.spent++
	return true
}

// Again says whether an operation that failed with err may be done again, after
// attempt retries of it (from 0), and waits until it is time: the backoff, or
// what the server asked for with Retry-After. It may where err is an *Error that
// says RetrySafe, unless the server was silent for too long, Options.Retries are
// used up, the retries of all operations together are, or the context would end
// before.
func (c *Client) Again(ctx context.Context, err error, attempt int) bool {
	var failed *Error
	if !errors.As(err, &failed) || failed.Retry != RetrySafe || attempt >= c.options.Retries {
		return false
	}
	if errors.Is(err, ErrNoAnswer) {
		return false // who was silent for so long is not asked again unasked
	}
	d := backoff(c.options.Backoff, attempt)
	var status *HTTPError
	if errors.As(err, &status) && status.RetryAfter > 0 {
		if status.RetryAfter > maxRetryAfter {
			return false
		}
		d += status.RetryAfter
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d || !c.budget.spend() {
		return false
	}
	c.notice("%s failed, asked again in %s: %v", failed.Op, d.Round(time.Millisecond), failed.Err)
	return wait(ctx, d) == nil
}

func (c *Client) notice(format string, args ...any) {
	if c.options.Notice != nil {
		c.options.Notice(fmt.Sprintf(format, args...))
	}
}

const (
	// firstSmaller is the page size after the first fault that asks for less:
	// the default is larger than any page that a server fills.
	firstSmaller = 1000
	// shrinking is what a page size is divided by when an answer was too large.
	shrinking = 10
)

// pressure is what a server was too small for: how many requests at once and
// how large a page it is asked for from then on, for as long as the client
// lives. It is safe for concurrent use.
type pressure struct {
	mu    sync.Mutex
	busy  int
	most  int // requests at once; 0 is as many as the transport carries
	page  int // items; 0 is as many as are asked for
	freed chan struct{}
}

// enter waits until one more request may be under way.
func (p *pressure) enter(ctx context.Context) error {
	for {
		p.mu.Lock()
		if p.most == 0 || p.busy < p.most {
			p.busy++
			p.mu.Unlock()
			return nil
		}
		if p.freed == nil {
			p.freed = make(chan struct{})
		}
		freed := p.freed
		p.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return &TransportError{Err: fmt.Errorf("wait for a quota of the server: %w", ctx.Err())}
		}
	}
}

func (p *pressure) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy--
	if p.freed != nil {
		close(p.freed)
		p.freed = nil
	}
}

// pageOf is how many items to ask for.
func (p *pressure) pageOf(wanted int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.page > 0 {
		return min(wanted, p.page)
	}
	return wanted
}

// lower halves what is asked of the server at once, after a quota fault.
func (p *pressure) lower(wanted int) (most, page int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = max(1, p.busy/2) // busy counts the request that was refused
	p.page = p.smaller(wanted, 2)
	return p.most, p.page
}

// shrink makes pages smaller after an answer that was too large. False: they
// are of one item already.
func (p *pressure) shrink(wanted int) (page int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.page
	p.page = p.smaller(wanted, shrinking)
	return p.page, p.page != before
}

// smaller is the next page size. p.mu is held.
func (p *pressure) smaller(wanted, by int) int {
	if p.page == 0 {
		return max(1, min(wanted/by, firstSmaller))
	}
	return max(1, p.page/by)
}

// pageSize is how many items an answer may have, of those that are wanted.
func (c *Client) pageSize(wanted int) int { return c.pressure.pageOf(wanted) }

// ease asks less of a server that says that a message is too much. It tells
// whether the message is worth sending again because pages are smaller now.
func (c *Client) ease(m *message, err error) bool {
	switch {
	case errors.Is(err, ErrQuota):
		most, page := c.pressure.lower(c.options.MaxElements)
		c.notice("a quota of the server is exceeded: requests at once from now on: %d, items of a page: %d: %v", most, page, err)
	case m.paged && errors.Is(err, ErrTooLarge):
		page, ok := c.pressure.shrink(c.options.MaxElements)
		if ok {
			c.notice("an answer was too large: items of a page from now on: %d: %v", page, err)
		}
		return ok
	}
	return false
}
