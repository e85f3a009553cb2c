// Package sweep does one thing for many items, a few at a time, and brings the
// results together with their errors. It knows nothing of what the items are.
//
// One item's failure is that item's: it neither stops nor hides the others. A
// context that ends stops items from being started; those that run see it and
// are waited for, and those that were not started say so. Each item gives
// exactly one result.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"sync"
	"time"
)

// DefaultParallel is how many items are worked on at a time where nothing else
// is said. An item is mostly waited for, so many cost little; 64 are a central
// site with all of its primary sites at once, twice.
const DefaultParallel = 64

var (
	// ErrNotStarted means that the context ended before the item's turn. The
	// cause of that end is wrapped too.
	ErrNotStarted = errors.New("not started")
	// ErrTimedOut means that the item used up its own time. It is not wrapped
	// when it is the sweep's context that ended.
	ErrTimedOut = errors.New("timed out")
)

var errNoReturn = errors.New("ended by runtime.Goexit")

// Options say how to sweep. The zero value works.
type Options[S any] struct {
	// Parallel is how many items are worked on at a time; zero and less mean
	// DefaultParallel.
	Parallel int
	// Timeout gives an item's own time; zero and less mean no bound. A nil
	// Timeout bounds none.
	Timeout func(S) time.Duration
}

// Result is what came of one item. Value and Err may both be set: partial
// results travel with their error.
type Result[S, T any] struct {
	// Index is the item's place among the items.
	Index int
	Item  S
	Value T
	Err   error
}

// PanicError is the error of an item whose function panicked: one site's bug
// does not cost the results of the others.
type PanicError struct {
	// Value is what the function panicked with, Stack where.
	Value any
	Stack []byte
}

// Error gives the value that the function panicked with, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Run calls do for each item and gives the results in the items' order. It
// returns when every call of do has returned, so do must heed its context. The
// calls of do run concurrently.
func Run[S, T any](ctx context.Context, o Options[S], items []S, do func(context.Context, S) (T, error)) []Result[S, T] {
	out := make([]Result[S, T], len(items))
	for r := range Stream(ctx, o, items, do) {
		out[r.Index] = r
	}
	return out
}

// Stream is Run that yields each result as it is there. Whoever stops early
// ends the context of the calls under way, and gets on when they have returned.
// The sequence may be used more than once; each use sweeps anew.
func Stream[S, T any](ctx context.Context, o Options[S], items []S, do func(context.Context, S) (T, error)) iter.Seq[Result[S, T]] {
	return func(yield func(Result[S, T]) bool) {
		ctx, cancel := context.WithCancel(ctx)
		// There is room for every result, so nobody waits for a consumer that
		// has left.
		results := make(chan Result[S, T], len(items))
		var running sync.WaitGroup
		defer running.Wait()
		defer cancel()
		running.Go(func() { start(ctx, &running, o, items, do, results) })
		for range items {
			if !yield(<-results) {
				return
			}
		}
	}
}

// start starts each item when there is a free slot, or not at all once the
// context has ended.
func start[S, T any](ctx context.Context, running *sync.WaitGroup, o Options[S], items []S,
	do func(context.Context, S) (T, error), results chan<- Result[S, T],
) {
	parallel := o.Parallel
	if parallel <= 0 {
		parallel = DefaultParallel
	}
	slots := make(chan struct{}, min(parallel, len(items)))
	for i, item := range items {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		// Select picks any case that is ready, so ask again.
		if ctx.Err() != nil {
			err := fmt.Errorf("%w: %w", ErrNotStarted, context.Cause(ctx))
			results <- Result[S, T]{Index: i, Item: item, Err: err}
			continue
		}
		running.Go(func() {
			// The error stands if do ends its goroutine in place of returning.
			r := Result[S, T]{Index: i, Item: item, Err: errNoReturn}
			defer func() {
				results <- r
				<-slots
			}()
			defer catch(&r.Err)
			r.Value, r.Err = one(ctx, o.Timeout, item, do)
		})
	}
}

// catch makes an error of a panic.
func catch(err *error) {
	if v := recover(); v != nil {
		*err = &PanicError{Value: v, Stack: debug.Stack()}
	}
}

// one calls do within the item's own time.
func one[S, T any](ctx context.Context, timeout func(S) time.Duration, item S, do func(context.Context, S) (T, error)) (T, error) {
	if timeout == nil {
		return do(ctx, item)
	}
	limit := timeout(item)
	if limit <= 0 {
		return do(ctx, item)
	}
	spent := fmt.Errorf("%w after %s", ErrTimedOut, limit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, spent)
	defer cancel()
	value, err := do(ctx, item)
	if err != nil && context.Cause(ctx) == spent && !errors.Is(err, spent) {
		err = fmt.Errorf("%w: %w", spent, err)
	}
	return value, err
}
