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
	at := map[*Site]*refresher{}
	for _, s := range steps {
		if at[s.Owner] == nil {
			at[s.Owner] = &refresher{mode: mode}
		}
	}
	return act(ctx, steps, func(ctx context.Context, row Row) error { return at[row.Owner].refresh(ctx, row) }, done)
}

// refresher sends rows of one site. It is safe for concurrent use.
type refresher struct {
	mode PutMode

	mu   sync.Mutex
	full bool // the site has refused a partial Put
}

func (r *refresher) refresh(ctx context.Context, row Row) error {
	full := r.mode == PutFull || r.mode == PutAuto && r.wantsFull()
	err := put(ctx, row, full)
	if err != nil && !full && r.mode == PutAuto && refusesPartial(err) {
		if err = put(ctx, row, true); err == nil {
			r.rememberFull()
		}
	}
	return err
}

// put puts a row once. Each Put is an act of its own.
func put(ctx context.Context, row Row, full bool) error {
	a := Act{Operation: "put RefreshNow", Keys: row.Keys, Detail: string(PutPartial)}
	if full {
		a.Detail = string(PutFull)
	}
	return row.Owner.Do(ctx, a, func(ctx context.Context) error {
		return queries.Refresh(ctx, row.Owner.Session, row.Keys, full)
	})
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
