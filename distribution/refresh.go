package distribution

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"dpremote/queries"
	"dpremote/wsman"
)

// PutMode says how a refresh is put.
type PutMode string

// The modes.
const (
	// PutAuto puts the keys and RefreshNow, and the whole instance at sites
	// that refuse that.
	PutAuto    PutMode = "auto"
	PutPartial PutMode = "partial" // the keys and RefreshNow alone
	PutFull    PutMode = "full"    // Get, change, Put the whole
)

// ParsePutMode reads the name of a mode.
func ParsePutMode(name string) (PutMode, error) {
	switch m := PutMode(name); m {
	case PutAuto, PutPartial, PutFull:
		return m, nil
	}
	return "", fmt.Errorf("unknown way to put %q: use auto, partial or full", name)
}

// Result is what came of sending one row again.
type Result struct {
	Row
	// Err is nil when the site stored the request, which is not to say that
	// the content arrives.
	Err error
	// Unknown says that nobody knows whether the site stored the request.
	Unknown bool
}

// Refresh sends the rows of a plan that are not skipped, each to its owner and
// each once; no request is repeated. As many requests as a site has
// connections are under way there at once. done, which may be nil, is told of
// each result as it is there, one at a time.
//
// When the context ends, rows whose turn has not come fail with its error.
func Refresh(ctx context.Context, steps []Step, mode PutMode, done func(Result)) []Result {
	var rows []Row
	turns := map[*Site][]int{}
	for _, s := range steps {
		if s.Skip == SkipNothing {
			turns[s.Owner] = append(turns[s.Owner], len(rows))
			rows = append(rows, s.Row)
		}
	}
	results := make([]Result, len(rows))
	var mu sync.Mutex
	finish := func(i int, r Result) {
		mu.Lock()
		defer mu.Unlock()
		results[i] = r
		if done != nil {
			done(r)
		}
	}
	var wg sync.WaitGroup
	for site, mine := range turns {
		next := make(chan int, len(mine))
		for _, i := range mine {
			next <- i
		}
		close(next)
		r := &refresher{mode: mode}
		for range max(site.Parallel, 1) {
			wg.Go(func() {
				for i := range next {
					finish(i, r.refresh(ctx, rows[i]))
				}
			})
		}
	}
	wg.Wait()
	return results
}

// refresher sends the rows of one site. It is safe for concurrent use.
type refresher struct {
	mode PutMode

	mu   sync.Mutex
	full bool // the site has refused a partial Put
}

func (r *refresher) refresh(ctx context.Context, row Row) Result {
	if err := ctx.Err(); err != nil {
		return Result{Row: row, Err: fmt.Errorf("not sent: %w", err)}
	}
	full := r.mode == PutFull || r.mode == PutAuto && r.wantsFull()
	err := queries.Refresh(ctx, row.Owner.Session, row.Keys, full)
	if err != nil && !full && r.mode == PutAuto && refusesPartial(err) {
		if err = queries.Refresh(ctx, row.Owner.Session, row.Keys, true); err == nil {
			r.rememberFull()
		}
	}
	return Result{Row: row, Err: err, Unknown: outcomeUnknown(err)}
}

func (r *refresher) wantsFull() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.full
}

func (r *refresher) rememberFull() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.full = true
}

// refusesPartial tells a server that looked at the instance and did not want
// it from one that had other reasons: nothing was stored, and sending the
// whole may go better.
func refusesPartial(err error) bool {
	var fault *wsman.Fault
	if !errors.As(err, &fault) {
		return false
	}
	for _, other := range []error{wsman.ErrAccessDenied, wsman.ErrNotFound, wsman.ErrQuota, wsman.ErrTimedOut, wsman.ErrTooLarge} {
		if errors.Is(fault, other) {
			return false
		}
	}
	var op *wsman.Error
	return errors.As(err, &op) && op.Retry == wsman.RetryUseless
}

func outcomeUnknown(err error) bool {
	var op *wsman.Error
	return errors.As(err, &op) && op.Retry == wsman.RetryUnknown
}
