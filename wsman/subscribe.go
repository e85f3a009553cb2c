package wsman

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"dpremote/internal/xmlscan"
	"dpremote/internal/xmlwrite"
)

// NamespaceEventing is that of WS-Eventing (DSP0226 section 10).
const NamespaceEventing = "http://schemas.xmlsoap.org/ws/2004/08/eventing"

const (
	actionSubscribe   = NamespaceEventing + "/Subscribe"
	actionUnsubscribe = NamespaceEventing + "/Unsubscribe"
	// deliveryPull has the client fetch the events (DSP0226 section 10.2.9).
	deliveryPull = "http://schemas.dmtf.org/wbem/wsman/1/wsman/Pull"
)

const (
	defaultHeartbeats = time.Minute
	defaultExpires    = time.Hour
	// quickAnswer is how soon an answer without events is no answer of a server
	// that waited for some, and the next Pull is put off.
	quickAnswer = time.Second
	// maxDeaths is how many subscriptions in a row may end before one of their
	// Pulls was answered.
	maxDeaths = 3
	// codeNoHeartbeat is a subscription that ended because it was not pulled in
	// time (wsmanerr.h).
	codeNoHeartbeat = 0x8033800A
)

// Subscription says which events to subscribe to.
type Subscription struct {
	Namespace string // such as root/sms/site_PS1
	// WQL is an event query, such as SELECT * FROM __InstanceModificationEvent
	// WITHIN 30 WHERE TargetInstance ISA 'SMS_Site'. Where the class is no
	// event provider's, WITHIN is how often, in seconds, WMI polls it: that
	// costs the server a query each time.
	WQL string
	// Expires is how long a subscription is asked to live; 0 means an hour. It
	// is replaced when it ends (MS-WSMV section 3.1.4.6: Renew is not there).
	Expires time.Duration
	// Heartbeats is how long the server waits for a Pull before it takes the
	// subscriber for dead; 0 means a minute. Who takes longer over an event
	// loses the subscription, and gets a new one.
	Heartbeats  time.Duration
	MaxElements int // the most events of an answer; 0 means the client's
	// Subscribed is told of each subscription that the server accepts; nil for
	// nobody. What happened before the first, and between one and the next,
	// brings no event: read the state then.
	Subscribed func()
}

// Subscribe yields events as they happen, each the element of its event class
// with the instance embedded as TargetInstance (MS-WSMV section 3.1.4.6). It
// asks for them: the server never connects to the client. An event is valid
// until the next one is asked for.
//
// A subscription that expires or that the server forgets is replaced. It ends
// with the context's error, with an *Error when the server takes no (further)
// subscription, or when the caller stops; what the server still holds is then
// unsubscribed. While it waits, it occupies one connection of the transport.
func (c *Client) Subscribe(ctx context.Context, s Subscription) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		r := &subscription{c: c, s: s.withDefaults(c), epr: c.options.Schema.EPR(s.Namespace, allClasses)}
		defer r.unsubscribe(ctx)
		if err := r.run(ctx, yield); !errors.Is(err, errStopped) {
			yield(nil, r.ended(err))
		}
	}
}

// ended is the error that ends the events. Where nobody knows what became of
// the last Pull, another subscription does no harm all the same.
func (r *subscription) ended(err error) error {
	var failed *Error
	if errors.As(err, &failed) && failed.Op == "pull" {
		return r.c.failQuery(r.pullMessage(), failed.Err)
	}
	return err
}

func (s Subscription) withDefaults(c *Client) Subscription {
	if s.Expires <= 0 {
		s.Expires = defaultExpires
	}
	if s.Heartbeats <= 0 {
		s.Heartbeats = defaultHeartbeats
	}
	if s.MaxElements <= 0 {
		s.MaxElements = c.options.MaxElements
	}
	return s
}

// subscription is one subscription after the other.
type subscription struct {
	c   *Client
	s   Subscription
	epr EPR

	manager    EPR    // where the server wants to be told of its end
	identifier string // the server's name for it, empty when it holds none
	context    string // of the next Pull
	deaths     int    // subscriptions in a row that ended before an answer
}

func (r *subscription) target() string { return fmt.Sprintf("%s %q", r.s.Namespace, r.s.WQL) }

// run ends with errStopped, or with what went wrong.
func (r *subscription) run(ctx context.Context, yield func(*Item, error) bool) error {
	for {
		if err := r.subscribe(ctx); err != nil {
			return err
		}
		if r.s.Subscribed != nil {
			r.s.Subscribed()
		}
		err := r.events(ctx, yield)
		if !isDeath(ctx, err) {
			return err
		}
		if r.deaths++; r.deaths > maxDeaths {
			return err
		}
		if !errors.Is(err, ErrContext) {
			r.unsubscribe(ctx) // it may be alive, if nobody knows at which context
		}
		if r.deaths > 1 && pause(ctx, r.c.options.Backoff, r.deaths-2) != nil {
			return err
		}
	}
}

// isDeath tells the end of a subscription, which a new one replaces, from
// errors that a new one would meet as well.
func isDeath(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil || errors.Is(err, errStopped) {
		return false
	}
	var f *Fault
	if errors.As(err, &f) && (f.kind() == ErrContext || slices.Contains(f.codes(), codeNoHeartbeat)) {
		return true
	}
	var transport *TransportError
	if errors.As(err, &transport) {
		return !isPermanent(transport.Err)
	}
	// Where nobody knows what became of a Pull, nobody knows its context.
	var failed *Error
	lost := errors.As(err, &failed) && failed.Retry == RetryUnknown && (!errors.Is(err, ErrNotWSMan) || errors.Is(err, xmlscan.ErrTruncated))
	return lost || errors.Is(err, errEnded)
}

// errEnded is a server that said that no more events come.
var errEnded = fmt.Errorf("%w: the server ended the subscription", ErrContext)

func (r *subscription) subscribe(ctx context.Context) error {
	m := &message{
		op: "subscribe", target: r.target(), action: actionSubscribe, epr: r.epr, opens: true,
		whole:  true,
		reads:  true, // one whose answer is lost dies of its first heartbeat
		expect: xmlName{NamespaceEventing, "SubscribeResponse"},
		body:   r.writeSubscribe,
	}
	patient, cancel := outlive(ctx, timeToClean)
	defer cancel()
	a, err := r.c.do(patient, m)
	if err != nil {
		return err
	}
	r.context, r.identifier, r.manager = "", "", r.epr
	if err := r.readSubscribed(a.sc); err != nil {
		return r.c.fail(m, err)
	}
	if r.context == "" {
		return r.c.fail(m, fmt.Errorf("%w: a subscription without a context to pull from", ErrNotWSMan))
	}
	return nil
}

// outlive is a context that ends some time after another one. A Subscribe that
// is given up while its answer is on its way leaves the server with a
// subscription that nobody can end.
func outlive(ctx context.Context, extra time.Duration) (context.Context, context.CancelFunc) {
	if ctx.Err() != nil {
		return ctx, func() {}
	}
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(extra)
		defer timer.Stop()
		select {
		case <-longer.Done():
		case <-timer.C:
			cancel()
		}
	})
	return longer, func() {
		stop()
		cancel()
	}
}

func (r *subscription) writeSubscribe(w *xmlwrite.Writer) {
	w.Open("e:Subscribe", "xmlns:e", NamespaceEventing)
	w.Open("e:Delivery", "Mode", deliveryPull)
	w.Leaf("w:Heartbeats", duration(r.s.Heartbeats))
	w.Empty("w:Locale", "xml:lang", r.c.options.Locale, "s:mustUnderstand", "false")
	w.Empty("p:DataLocale", "xml:lang", r.c.options.Locale, "s:mustUnderstand", "false")
	w.Leaf("w:ContentEncoding", "UTF-8")
	w.Close("e:Delivery")
	w.Leaf("e:Expires", duration(r.s.Expires))
	w.Leaf("w:Filter", r.s.WQL, "Dialect", DialectWQL)
	w.Close("e:Subscribe")
}

// readSubscribed reads a SubscribeResponse. When it expires is not read: a
// server may say PT0S of one that lives, and a Pull tells its end.
func (r *subscription) readSubscribed(sc *xmlscan.Scanner) error {
	err := sc.Children(func() (err error) {
		switch {
		case sc.Is(NamespaceEnumeration, "EnumerationContext"):
			r.context, err = content(sc)
		case sc.Is(NamespaceEventing, "SubscriptionManager"):
			err = r.readManager(sc)
		}
		return err
	})
	if err != nil {
		return err
	}
	return checkTail(sc)
}

// readManager reads where to unsubscribe. Its parts are in ReferenceProperties
// or in ReferenceParameters, by the version of WS-Addressing.
func (r *subscription) readManager(sc *xmlscan.Scanner) error {
	return sc.Children(func() (err error) {
		switch {
		case sc.Is(NamespaceAddressing, "ReferenceProperties"), sc.Is(NamespaceAddressing, "ReferenceParameters"):
			err = r.readManager(sc)
		case sc.Is(NamespaceEventing, "Identifier"):
			r.identifier, err = content(sc)
		case sc.Is(NamespaceWSMan, "ResourceURI"):
			var uri string
			if uri, err = content(sc); uri != "" {
				r.manager.ResourceURI = uri
			}
		}
		return err
	})
}

// events pulls until the subscription ends.
func (r *subscription) events(ctx context.Context, yield func(*Item, error) bool) error {
	idle := 0   // answers in a row that came at once and brought nothing
	failed := 0 // Pulls in a row that the server did not begin with
	for {
		asked := time.Now()
		n, err := r.pull(ctx, yield)
		var f *Fault
		if errors.As(err, &f) && f.TimedOutPulling() {
			err = nil // nothing happened, and the context is still good
		}
		if err != nil {
			if r.c.ease(r.pullMessage(), err) {
				continue // with smaller pages, if the context still holds
			}
			if notBegun(err) && r.c.Again(ctx, err, failed) {
				failed++
				continue
			}
			return err
		}
		r.deaths, failed = 0, 0
		if n > 0 || time.Since(asked) >= quickAnswer {
			idle = 0
			continue
		}
		if err := pause(ctx, r.c.options.Backoff, idle); err != nil {
			return r.c.fail(r.pullMessage(), err)
		}
		idle = min(idle+1, mostIdle)
	}
}

// mostIdle bounds the pause between Pulls that are answered at once, so that
// it stays well below Heartbeats.
const mostIdle = 4

// pullMessage asks for the next events. What answers it may be empty: a
// heartbeat has no body (DSP0226 section 10.2.5).
func (r *subscription) pullMessage() *message {
	id := r.context
	return &message{
		op: "pull", target: r.target(), action: actionPull, epr: r.epr,
		aside: true, // it waits for events, and holds up nobody meanwhile
		paged: true,
		body: func(w *xmlwrite.Writer) {
			w.Open("n:Pull")
			w.Leaf("n:EnumerationContext", id)
			w.Leaf("n:MaxElements", strconv.Itoa(r.c.pageSize(r.s.MaxElements)))
			w.Close("n:Pull")
		},
	}
}

// pull yields the events of one answer. Like every Pull it is sent once.
func (r *subscription) pull(ctx context.Context, yield func(*Item, error) bool) (n int, err error) {
	m := r.pullMessage()
	a, err := r.c.once(ctx, m)
	if err != nil {
		return 0, r.c.fail(m, err)
	}
	if a.empty {
		return 0, nil
	}
	if !a.sc.Is(NamespaceEnumeration, "PullResponse") {
		return 0, r.c.fail(m, fmt.Errorf("%w: <PullResponse> is missing from the body", ErrNotWSMan))
	}
	// The whole answer is checked first: events are not handed out twice.
	if err := checkRest(a.doc); err != nil {
		return 0, r.c.fail(m, err)
	}
	n, next, err := r.items(ctx, a.sc, yield)
	switch {
	case errors.Is(err, errStopped):
		if next != "" {
			r.context = next
		}
		return n, err
	case err != nil:
		return n, r.c.fail(m, err)
	case next == "":
		r.context = ""
		return n, r.c.fail(m, errEnded)
	}
	r.context = next
	return n, nil
}

// items yields the events of a PullResponse and gives the context of the next
// Pull, which is empty when no more events come.
func (r *subscription) items(ctx context.Context, sc *xmlscan.Scanner, yield func(*Item, error) bool) (n int, next string, err error) {
	ended := false
	err = sc.Children(func() (err error) {
		switch {
		case sc.Is(NamespaceEnumeration, "EnumerationContext"):
			next, err = content(sc)
		case isEither(sc, "EndOfSequence"):
			ended = true
		case isEither(sc, "Items"):
			err = sc.Children(func() error {
				if err := ctx.Err(); err != nil {
					return err
				}
				n++
				if !yield(&Item{sc: sc}, nil) {
					return errStopped
				}
				return nil
			})
		}
		return err
	})
	if ended {
		next = ""
	}
	return n, next, err
}

// unsubscribe ends what the server still holds. It runs even when the caller's
// context is over. One that fails costs the server a subscription until it
// expires, or misses its next Pull.
func (r *subscription) unsubscribe(ctx context.Context) {
	if r.identifier == "" {
		return
	}
	id := r.identifier
	r.identifier = ""
	r.c.clean(ctx, &message{op: "unsubscribe", target: r.target(), action: actionUnsubscribe, epr: r.manager, aside: true,
		header: func(w *xmlwrite.Writer) { w.Leaf("e:Identifier", id, "xmlns:e", NamespaceEventing) },
		body:   func(w *xmlwrite.Writer) { w.Empty("e:Unsubscribe", "xmlns:e", NamespaceEventing) },
	})
}
