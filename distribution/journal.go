package distribution

import (
	"context"
	"errors"
	"time"

	"dpremote/queries"
)

// Act is a request that changes something at a site.
type Act struct {
	Operation string // "put RefreshNow", "invoke RefreshPkgSource"
	// Keys say what it is done to. What does not apply is empty: the whole of a
	// package has its PackageID alone.
	queries.Keys
	Detail string // for people; may be empty
}

// Journal is told of each act, one request, before it is sent, and by the
// function that it gives of what came of it: nil when the site stored the
// request. With an error nothing is sent, and the function is nil; ErrTakenOver
// says that nothing more is to be sent to any site. The request waits for both
// calls. They must be safe for concurrent use, and a context that has ended does
// not excuse them from writing down what was sent.
type Journal func(ctx context.Context, a Act) (end func(error), err error)

// ErrTakenOver is the error of acts that are somebody else's to do by now.
var ErrTakenOver = errors.New("somebody else has taken it over")

// timeToAnswer is how long an act that was sent when its context is cancelled
// may still take: who interrupts wants to know what was done, and a request that
// is cut off leaves that unknown.
const timeToAnswer = 5 * time.Second

// Do sends a request that changes something at the site, once, and tells the
// journal. When the context has ended by then, nothing is sent. When it is
// cancelled later, the answer is waited for a little; a deadline is kept.
func (s *Site) Do(ctx context.Context, a Act, send func(context.Context) error) error {
	end := func(error) {}
	if s.Journal != nil {
		var err error
		if end, err = s.Journal(ctx, a); err != nil {
			return notSent(err)
		}
	}
	err := ctx.Err()
	if err != nil {
		err = notSent(err)
	} else {
		longer, done := outlive(ctx, timeToAnswer)
		err = send(longer)
		done()
	}
	end(err)
	return err
}

// outlive is a context that ends so long after another one was cancelled. The
// other's deadline is its own. It must be done with in the end.
func outlive(ctx context.Context, grace time.Duration) (longer context.Context, done func()) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	release := func() {}
	if deadline, ok := ctx.Deadline(); ok {
		longer, release = context.WithDeadline(longer, deadline)
	}
	over := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-over:
		case <-longer.Done():
		case <-timer.C:
			cancel(context.Cause(ctx))
		}
	})
	return longer, func() {
		close(over)
		stop()
		release()
		cancel(nil)
	}
}
