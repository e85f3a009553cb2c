package distribution

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"dpremote/wsman"
)

const (
	fastestLook = 2 * time.Second
	slowestLook = time.Minute
	// failedLooks is how many looks in a row may fail before a site is given up.
	failedLooks = 5
)

// interval says when a site is looked at again: soon while things move, and ever
// later while they do not.
type interval struct {
	o        WatchOptions
	bell     *bell
	pause    time.Duration
	failures int
}

func newInterval(o WatchOptions, b *bell) *interval {
	return &interval{o: o, bell: b, pause: o.Fastest}
}

// next is how long to wait before the next look.
func (p *interval) next(ctx context.Context) time.Duration {
	return min(jitter(p.pause), untilLastLook(ctx))
}

// looked takes note of a look, and reports whether the site is to be given up.
func (p *interval) looked(ctx context.Context, moved bool, err error) (giveUp bool) {
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		if p.failures++; p.failures == failedLooks || final(err) {
			return true
		}
	default:
		p.failures = 0
	}
	switch {
	case moved:
		p.pause = p.o.Fastest // there may be more where that came from
	case err == nil && !p.bell.isDead():
		p.pause = rareLook
	default:
		p.pause = min(p.pause*3/2, p.o.Slowest)
	}
	return false
}

// jitter spreads looks, so that those at many sites, or of many clients, do not
// fall together: by a tenth to either side.
func jitter(pause time.Duration) time.Duration {
	spread := pause / 10
	return pause - spread + rand.N(2*spread+1)
}

// timeToLook is kept for a last look before the deadline.
const timeToLook = time.Second

// untilLastLook is how long a pause may be without missing the last look.
func untilLastLook(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return rareLook
	}
	if left := time.Until(deadline) - timeToLook; left > 0 {
		return left
	}
	return 2 * timeToLook // that look is over
}

// final tells failures that looking again does not cure.
func final(err error) bool {
	return errors.Is(err, wsman.ErrUnauthorized) || errors.Is(err, wsman.ErrAccessDenied)
}
