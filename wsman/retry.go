package wsman

import (
	"context"
	"math/rand/v2"
	"time"
)

// maxBackoff bounds the pause between two attempts.
const maxBackoff = 30 * time.Second

// pause waits before retry number attempt (from 0): the base doubled each
// time, between half and the whole of it, so that many clients do not come
// back at once. It returns early with the context's error.
func pause(ctx context.Context, base time.Duration, attempt int) error {
	d := min(base<<min(attempt, 10), maxBackoff)
	d = d/2 + rand.N(d/2+1)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
