package distribution

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dpremote/wsman"
)

// inTurn does something about each item at the item's site, and each once;
// nothing is repeated. As many are under way at a site at once as it has
// connections. A site that refuses the credentials, or cannot be reached
// several times in a row, is given up: its other items fail with ErrGivenUp.
// When the context ends, items whose turn has not come fail with its error.
// finish is told of each item, one at a time.
func inTurn[T any](ctx context.Context, items []T, at func(T) *Site, do func(context.Context, T) error, finish func(i int, err error)) {
	turns := map[*Site][]int{}
	for i, item := range items {
		turns[at(item)] = append(turns[at(item)], i)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for site, mine := range turns {
		next := make(chan int, len(mine))
		for _, i := range mine {
			next <- i
		}
		close(next)
		so := &soFar{}
		for range max(site.Parallel, 1) {
			wg.Go(func() {
				for i := range next {
					err := oneTurn(ctx, so, items[i], do)
					mu.Lock()
					finish(i, err)
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
}

func oneTurn[T any](ctx context.Context, so *soFar, item T, do func(context.Context, T) error) error {
	if err := ctx.Err(); err != nil {
		return notSent(err)
	}
	if err := so.givenUp(); err != nil {
		return fmt.Errorf("%w: %w", ErrGivenUp, err)
	}
	err := do(ctx, item)
	so.note(err)
	return err
}

func notSent(why error) error { return fmt.Errorf("not sent: %w", why) }

// ErrGivenUp is the error of rows that were not sent because of what became of
// others at the same site.
var ErrGivenUp = errors.New("not sent, the site was given up")

// lostInARow is how many requests in a row a site may leave unanswered.
const lostInARow = 3

// soFar is how a site has taken its items so far. It is safe for concurrent
// use.
type soFar struct {
	mu   sync.Mutex
	lost int   // requests in a row that were not answered
	over error // why the site is given up
}

func (s *soFar) givenUp() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// note decides from the outcome of a request whether to go on.
func (s *soFar) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var transport *wsman.TransportError
	switch {
	case errors.Is(err, wsman.ErrUnauthorized):
		s.over = wsman.ErrUnauthorized // asking on would lock the account out
	case errors.Is(err, ErrTakenOver):
		s.over = err
	case errors.As(err, &transport):
		if s.lost++; s.lost >= lostInARow {
			s.over = transport
		}
	default:
		s.lost = 0
	}
}

// act does something about each row of a plan that is not skipped, at its owner,
// as inTurn says. done, which may be nil, is told of each result as it is
// there.
func act(ctx context.Context, steps []Step, do func(context.Context, Row) error, done func(Result)) []Result {
	var rows []Row
	for _, s := range steps {
		if s.Skip == SkipNothing {
			rows = append(rows, s.Row)
		}
	}
	results := make([]Result, len(rows))
	inTurn(ctx, rows, func(r Row) *Site { return r.Owner }, do, func(i int, err error) {
		results[i] = Result{Row: rows[i], Err: err, Unknown: outcomeUnknown(err)}
		if done != nil {
			done(results[i])
		}
	})
	return results
}

// LookOptions say how often to look at a site again. The zero value works.
type LookOptions struct {
	// The pause between two looks begins with Fastest, 0 meaning 2 s, and grows
	// to Slowest, 0 meaning a minute, while nothing moves.
	Fastest, Slowest time.Duration
}

// look looks again and again until nothing is left, and says why it ended
// before that: the context's error, or a site that could not be asked any
// more.
func (o LookOptions) look(ctx context.Context, once func(context.Context) (left int, moved bool, err error)) error {
	fastest, slowest := o.Fastest, o.Slowest
	if fastest <= 0 {
		fastest = fastestLook
	}
	if slowest <= 0 {
		slowest = slowestLook
	}
	pause, failures := fastest, 0
	for {
		left, moved, err := once(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && left == 0:
			return nil
		case err != nil:
			if failures++; failures == failedLooks || final(err) {
				return err
			}
		default:
			failures = 0
		}
		pause = min(pause*3/2, slowest)
		if moved {
			pause = fastest
		}
		if err := rest(ctx, min(pause, untilLastLook(ctx))); err != nil {
			return err
		}
	}
}

// rest pauses until the context ends at the latest.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// bySite sorts items by their sites and runs something for each site, side by
// side.
func bySite[T any](items []T, at func(T) *Site, run func(*Site, []T)) {
	sites := map[*Site][]T{}
	for _, item := range items {
		sites[at(item)] = append(sites[at(item)], item)
	}
	var wg sync.WaitGroup
	for site, mine := range sites {
		wg.Go(func() { run(site, mine) })
	}
	wg.Wait()
}
