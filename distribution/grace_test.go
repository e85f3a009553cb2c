package distribution

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestGrace ends the context of an act while it is at the site: a cancellation
// leaves it time to answer, a deadline does not, and what was not begun is not
// sent.
func TestGrace(t *testing.T) {
	takes := func(d time.Duration) func(context.Context) error {
		return func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(d):
				return nil
			}
		}
	}
	for name, tt := range map[string]struct {
		end   func(context.Context) (context.Context, context.CancelFunc)
		takes time.Duration
		err   error
		after time.Duration
	}{
		"not ended":            {context.WithCancel, time.Hour, nil, time.Hour},
		"cancelled, answered":  {cancelAfter(time.Second), 4 * time.Second, nil, 4 * time.Second},
		"cancelled, silent":    {cancelAfter(time.Second), time.Hour, context.Canceled, time.Second + timeToAnswer},
		"out of time":          {deadlineIn(3 * time.Second), time.Hour, context.DeadlineExceeded, 3 * time.Second},
		"cancelled beforehand": {cancelAfter(-1), time.Hour, context.Canceled, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := tt.end(t.Context())
				defer cancel()
				began := time.Now()
				err := (&Site{}).Do(ctx, Act{}, takes(tt.takes))
				if !errors.Is(err, tt.err) || time.Since(began) != tt.after {
					t.Errorf("%v after %s, want %v after %s", err, time.Since(began), tt.err, tt.after)
				}
			})
		})
	}
}

func cancelAfter(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(parent context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(parent)
		if d < 0 {
			cancel()
			return ctx, cancel
		}
		timer := time.AfterFunc(d, cancel)
		return ctx, func() { timer.Stop(); cancel() }
	}
}

func deadlineIn(d time.Duration) func(context.Context) (context.Context, context.CancelFunc) {
	return func(parent context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(parent, d)
	}
}
