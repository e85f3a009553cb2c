package wire

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"dpremote/simulator/internal/repository"
)

// Actions and the mode of WS-Eventing (DSP0226 section 10).
const (
	actionSubscribe   = nsEventing + "/Subscribe"
	actionUnsubscribe = nsEventing + "/Unsubscribe"
	modePull          = "http://schemas.dmtf.org/wbem/wsman/1/wsman/Pull"
)

const (
	longestPull      = time.Minute // MaxTimeoutms of the configuration
	longestLife      = 24 * time.Hour
	leastWithin      = 10 * time.Millisecond
	maxSubscriptions = 15 // of one user
	codeDeliveryMode = 0x803380FF
)

// subscription is one that a client pulls events of. WMI looks at the class
// every so often, as WITHIN says; here that happens while a Pull waits, and
// once at its beginning for the time before, so that a server of which nobody
// asks anything does nothing.
type subscription struct {
	user, identifier string
	resource         resource
	resourceURI      string
	watch            *eventWatch
	heartbeats       time.Duration // 0 for none
	expires          time.Time
	pending          []*repository.Instance // events that were not sent
	opened, last     *note                  // its first and its last request

	// Bookkeeping, guarded by subscriptions.mu.
	context string
	used    time.Time
	taken   bool
	over    chan struct{} // closed when it is unsubscribed
}

// subscriptions are the open ones of a server, by identifier. It is safe for
// concurrent use, and the zero value is empty.
type subscriptions struct {
	mu   sync.Mutex
	open map[string]*subscription
}

func (t *subscriptions) add(s *subscription, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	count := 0
	for _, other := range t.open {
		if other.user == s.user {
			count++
		}
	}
	if count >= maxSubscriptions {
		return OperationQuota(maxSubscriptions)
	}
	if t.open == nil {
		t.open = map[string]*subscription{}
	}
	s.context, s.used, s.over = contextPrefix+newUUID(), now, make(chan struct{})
	t.open[s.identifier] = s
	return nil
}

// expire forgets what has lived for too long, or was not pulled in time. t.mu
// is held.
func (t *subscriptions) expire(now time.Time) {
	for id, s := range t.open {
		silent := s.heartbeats > 0 && !s.taken && now.Sub(s.used) > s.heartbeats
		if silent || now.After(s.expires) {
			t.drop(id)
		}
	}
}

// drop forgets one. t.mu is held.
func (t *subscriptions) drop(id string) {
	if s := t.open[id]; s != nil {
		close(s.over)
		delete(t.open, id)
	}
}

// Subscriptions is how many subscriptions are open. It is safe for concurrent
// use.
func (h *Handler) Subscriptions() int {
	t := &h.subscriptions
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(h.cfg.Now())
	return len(t.open)
}

// ForgetSubscriptions forgets the open subscriptions, as a service that is
// started anew does, and answers how many there were. It is safe for concurrent
// use.
func (h *Handler) ForgetSubscriptions() int {
	t := &h.subscriptions
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.open)
	for id := range t.open {
		t.drop(id)
	}
	return n
}

// take is the subscription whose next context a Pull names, nil when there is
// none, which nobody else can take until it is kept.
func (t *subscriptions) take(req *request, now time.Time) (*subscription, error) {
	context := req.body.child(nsEnum, "EnumerationContext")
	if context == nil {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	for _, s := range t.open {
		if s.context != context.text() || s.user != req.user || !strings.EqualFold(s.resourceURI, req.resourceURI) {
			continue
		}
		if s.taken {
			return nil, sender("w:Concurrency", codePullInProgress, "Another Pull of this subscription is in progress.")
		}
		s.taken, s.last = true, req.note
		return s, nil
	}
	return nil, nil
}

// keep gives a subscription back, with a new context where the old one was
// answered.
func (t *subscriptions) keep(s *subscription, now time.Time, renew bool) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if renew {
		s.context = contextPrefix + newUUID()
	}
	s.used, s.taken = now, false
	return s.context
}

// subscribe answers Subscribe: events of instances that WMI finds by polling,
// for clients that pull (MS-WSMV section 3.1.4.6).
func (h *Handler) subscribe(req *request, res resource) (answer, error) {
	if err := req.expect(nsEventing, "Subscribe"); err != nil {
		return answer{}, err
	}
	s := &subscription{user: req.user, identifier: newUUID(), resource: res, resourceURI: req.resourceURI,
		opened: req.note, last: req.note}
	if err := s.readDelivery(req.body.child(nsEventing, "Delivery")); err != nil {
		return answer{}, err
	}
	now := h.cfg.Now()
	life := longestLife
	if e := req.body.child(nsEventing, "Expires"); e != nil {
		d, ok := parseDuration(e.text())
		if !ok || d == 0 {
			return answer{}, sender("e:InvalidExpirationTime", codeInvalidTimeout, "Expires is not a duration such as PT1H.")
		}
		life = min(life, d)
	}
	s.expires = now.Add(life)
	query, err := enumerateQuery(req, res)
	if err != nil {
		return answer{}, err
	}
	if s.watch, err = h.newEventWatch(res.namespace, query); err != nil {
		return answer{}, err
	}
	if err := h.subscriptions.add(s, now); err != nil {
		return answer{}, err
	}
	return answer{action: actionSubscribe + "Response", prefixes: "saenw", body: func(w *xmlWriter) {
		w.start("e:SubscribeResponse")
		w.start("e:SubscriptionManager")
		w.leaf("a:Address", req.address)
		w.start("a:ReferenceProperties")
		w.leaf("w:ResourceURI", req.resourceURI)
		w.leaf("e:Identifier", s.identifier)
		w.end("a:ReferenceProperties")
		w.end("e:SubscriptionManager")
		w.leaf("e:Expires", formatDuration(life))
		w.leaf("n:EnumerationContext", s.context)
		w.end("e:SubscribeResponse")
	}}, nil
}

// readDelivery reads how events are wanted: to be pulled.
func (s *subscription) readDelivery(e *element) error {
	if e == nil {
		return schemaFault("The Subscribe holds no Delivery.")
	}
	if mode, _ := e.attr("", "Mode"); mode != modePull {
		return sender("e:DeliveryModeRequestedUnavailable", codeDeliveryMode, "Events can only be pulled.")
	}
	if beat := e.child(nsWSMan, "Heartbeats"); beat != nil {
		d, ok := parseDuration(beat.text())
		if !ok || d == 0 {
			return schemaFault("Heartbeats is not a duration such as PT60S.")
		}
		s.heartbeats = d
	}
	return nil
}

// unsubscribe answers Unsubscribe.
func (h *Handler) unsubscribe(req *request, _ resource) (answer, error) {
	if err := req.expect(nsEventing, "Unsubscribe"); err != nil {
		return answer{}, err
	}
	t := &h.subscriptions
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(h.cfg.Now())
	s, ok := t.open[strings.ToUpper(req.subscription)]
	if !ok || s.user != req.user {
		return answer{}, sender("w:InvalidParameter", codeInvalidParameter, "There is no such subscription.")
	}
	t.drop(s.identifier)
	return answer{action: actionUnsubscribe + "Response", prefixes: "sae"}, nil
}

// pullEvents answers a Pull of a subscription: with events as soon as there are
// some, or with w:TimedOut, after which the context is good for another Pull.
// It answers false for a Pull of something else.
func (h *Handler) pullEvents(ctx context.Context, req *request) (answer, bool, error) {
	if req.expect(nsEnum, "Pull") != nil {
		return answer{}, false, nil
	}
	s, err := h.subscriptions.take(req, h.cfg.Now())
	if s == nil || err != nil {
		return answer{}, err != nil, err
	}
	most, err := h.readElements(req.body, nsEnum)
	if err == nil && len(s.pending) == 0 {
		s.pending, err = h.awaitEvents(ctx, req, s)
	}
	if errors.Is(err, errUnsubscribed) {
		return answer{}, true, receiver("n:InvalidEnumerationContext", codeInvalidContext, "The subscription has ended.")
	}
	var a answer
	if err == nil {
		a, err = h.eventPage(req, s, most)
	}
	if err != nil {
		h.subscriptions.keep(s, h.cfg.Now(), false)
	}
	return a, true, err
}

var errUnsubscribed = errors.New("unsubscribed")

// awaitEvents polls until something happened, for as long as the request, or
// the heartbeat that was asked for, gives.
func (h *Handler) awaitEvents(ctx context.Context, req *request, s *subscription) ([]*repository.Instance, error) {
	limit := longestPull
	if req.timeout > 0 {
		limit = min(limit, req.timeout)
	}
	if s.heartbeats > 0 {
		limit = min(limit, s.heartbeats)
	}
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for {
		found, err := s.watch.poll(h.cfg.Now())
		if err != nil || len(found) > 0 {
			return found, err
		}
		next := time.NewTimer(s.watch.within)
		select {
		case <-next.C:
		case <-deadline.C:
			err = TimedOut()
		case <-ctx.Done():
			err = TimedOut() // nobody reads it
		case <-s.over:
			err = errUnsubscribed
		}
		next.Stop()
		if err != nil {
			return nil, err
		}
	}
}

// eventPage answers as many pending events as the limits allow.
func (h *Handler) eventPage(req *request, s *subscription, most int) (answer, error) {
	p := page{name: "PullResponse", prefix: "n:", context: contextPrefix + newUUID(), items: []byte{}}
	room := h.limit(req) - utf16Size(h.envelope(h.answerPage(p), req.messageID))
	sent := 0
	for ; sent < len(s.pending) && sent < most; sent++ {
		item := render(s.resource, func(r *renderer) { r.object(s.pending[sent], s.watch.result) })
		if room -= utf16Size(item); room < 0 {
			break
		}
		p.items = append(p.items, item...)
	}
	if sent == 0 {
		return answer{}, envelopeExceeded()
	}
	s.pending = s.pending[sent:]
	p.context = h.subscriptions.keep(s, h.cfg.Now(), true)
	return h.answerPage(p), nil
}
