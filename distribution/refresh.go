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
// each once; no request is repeated. A site that refuses the credentials, or
// cannot be reached several times in a row, is given up: its other rows fail
// without being sent. As many requests as a site has
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

// ErrGivenUp is the error of rows that were not sent because of what became of
// others at the same site.
var ErrGivenUp = errors.New("not sent, the site was given up")

// lostInARow is how many requests in a row a site may leave unanswered.
const lostInARow = 3

// refresher sends the rows of one site. It is safe for concurrent use.
type refresher struct {
	mode PutMode

	mu   sync.Mutex
	full bool  // the site has refused a partial Put
	lost int   // requests in a row that were not answered
	over error // why the site is given up
}

func (r *refresher) refresh(ctx context.Context, row Row) Result {
	if err := ctx.Err(); err != nil {
		return Result{Row: row, Err: fmt.Errorf("not sent: %w", err)}
	}
	if err := r.givenUp(); err != nil {
		return Result{Row: row, Err: fmt.Errorf("%w: %w", ErrGivenUp, err)}
	}
	full := r.mode == PutFull || r.mode == PutAuto && r.wantsFull()
	err := queries.Refresh(ctx, row.Owner.Session, row.Keys, full)
	if err != nil && !full && r.mode == PutAuto && refusesPartial(err) {
		if err = queries.Refresh(ctx, row.Owner.Session, row.Keys, true); err == nil {
			r.rememberFull()
		}
	}
	r.note(err)
	return Result{Row: row, Err: err, Unknown: outcomeUnknown(err)}
}

func (r *refresher) givenUp() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.over
}

// note decides from the outcome of a request whether to go on.
func (r *refresher) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var transport *wsman.TransportError
	switch {
	case errors.Is(err, wsman.ErrUnauthorized):
		r.over = wsman.ErrUnauthorized // asking on would lock the account out
	case errors.As(err, &transport):
		if r.lost++; r.lost >= lostInARow {
			r.over = transport
		}
	default:
		r.lost = 0
	}
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

// refusesPartial tells a server that read what was put and did not want it:
// nothing was stored, and the whole instance may please it better.
func refusesPartial(err error) bool { return errors.Is(err, wsman.ErrRepresentation) }

func outcomeUnknown(err error) bool {
	var op *wsman.Error
	return errors.As(err, &op) && op.Retry == wsman.RetryUnknown
}
