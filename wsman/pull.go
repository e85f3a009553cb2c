package wsman

import (
	"context"
	"errors"
)

// doPull sends a Pull. It is sent again, with the same context, only where the
// context has certainly not moved: once when the server says that it ran out of
// time, and as the policy of retries says when the server did not begin with it
// (nothing was sent, a quota, HTTP 503).
func (c *Client) doPull(ctx context.Context, m *message) (*answer, error) {
	late := false
	for attempt := 0; ; {
		a, err := c.once(ctx, m)
		var f *Fault
		switch {
		case err == nil:
			return a, nil
		case errors.As(err, &f) && f.TimedOutPulling() && !late:
			late = true
			continue
		}
		wrapped := c.failQuery(m, err)
		if c.ease(m, err) {
			wrapped.Retry = RetrySafe // of the query, in smaller pages
		}
		if !notBegun(err) || !c.Again(ctx, wrapped, attempt) {
			return nil, wrapped
		}
		attempt++
	}
}

// notBegun tells an error of a request that the server did not begin with.
func notBegun(err error) bool {
	var transport *TransportError
	var status *HTTPError
	switch {
	case errors.Is(err, ErrQuota):
		return true
	case errors.As(err, &transport):
		return !transport.Sent
	case errors.As(err, &status):
		return status.retry(false) == RetrySafe
	}
	return false
}

// failQuery is the error of a Pull that ends an enumeration. Where nobody knows
// what became of the Pull, the query can be asked again all the same.
func (c *Client) failQuery(m *message, err error) *Error {
	read := *m
	read.reads = true
	return c.fail(&read, err)
}
