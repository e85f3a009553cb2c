package wire

import (
	"strings"
	"sync"
	"time"

	"dpremote/simulator/internal/wql"
)

const contextPrefix = "uuid:"

// enumeration is one that has been opened and not finished. The request that
// took it owns all but its bookkeeping.
type enumeration struct {
	user        string
	resource    resource
	resourceURI string
	mode        mode
	result      *wql.Result
	next        int // the first instance that was not sent

	opened, last *note // its first and its last request

	// Bookkeeping, guarded by enumerations.mu.
	context string
	used    time.Time
	taken   bool // a request is at work on it
}

// enumerations are the open enumerations of a server, by context. A context
// is good for one request: each answer brings a new one. It is safe for
// concurrent use, and the zero value is empty.
type enumerations struct {
	mu   sync.Mutex
	open map[string]*enumeration

	expired []*enumeration // of a strict server
}

// begin opens an enumeration and takes it, if the user may have one more.
func (t *enumerations) begin(user string, cfg Config) (*enumeration, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(cfg)
	count := 0
	for _, e := range t.open {
		if e.user == user {
			count++
		}
	}
	if count >= cfg.MaxOperationsPerUser {
		return nil, OperationQuota(cfg.MaxOperationsPerUser)
	}
	e := &enumeration{user: user, context: contextPrefix + newUUID(), used: cfg.Now(), taken: true}
	if t.open == nil {
		t.open = map[string]*enumeration{}
	}
	t.open[e.context] = e
	return e, nil
}

// take is the enumeration that a Pull or Release names, which nobody else can
// take until it is kept, restored or dropped. Another user's is not found.
func (t *enumerations) take(req *request, cfg Config) (*enumeration, error) {
	context := req.body.child(nsEnum, "EnumerationContext")
	if context == nil {
		return nil, schemaFault("The EnumerationContext is missing.")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(cfg)
	e, ok := t.open[context.text()]
	if !ok || e.user != req.user || !e.taken && !strings.EqualFold(e.resourceURI, req.resourceURI) {
		return nil, receiver("n:InvalidEnumerationContext", codeInvalidContext,
			"The enumeration is finished or released, or was idle for too long, or this is not its last context.")
	}
	if e.taken {
		return nil, sender("w:Concurrency", codePullInProgress, "Another Pull of this enumeration is in progress.")
	}
	e.taken, e.last = true, req.note
	return e, nil
}

// keep gives an enumeration its next context, and gives it back.
func (t *enumerations) keep(e *enumeration, cfg Config) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, e.context)
	e.context, e.used, e.taken = contextPrefix+newUUID(), cfg.Now(), false
	t.open[e.context] = e
	return e.context
}

// restore gives an enumeration back under the context that it had.
func (t *enumerations) restore(e *enumeration, cfg Config) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e.used, e.taken = cfg.Now(), false
}

// drop closes an enumeration.
func (t *enumerations) drop(e *enumeration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, e.context)
}

// expire closes what has been idle for too long. t.mu is held.
func (t *enumerations) expire(cfg Config) {
	now := cfg.Now()
	for context, e := range t.open {
		if !e.taken && now.Sub(e.used) > cfg.EnumerationTimeout {
			delete(t.open, context)
			if e.opened != nil {
				t.expired = append(t.expired, e)
			}
		}
	}
}
