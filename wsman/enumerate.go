package wsman

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"dpremote/internal/xmlscan"
	"dpremote/internal/xmlwrite"
)

// Actions of WS-Enumeration (DSP0226 section 8).
const (
	actionEnumerate = NamespaceEnumeration + "/Enumerate"
	actionPull      = NamespaceEnumeration + "/Pull"
	actionRelease   = NamespaceEnumeration + "/Release"
)

// maxEmptyPages bounds an enumeration that never gets anywhere.
const maxEmptyPages = 100

// Mode says what an enumeration gives for each instance (DSP0226 section 8.7).
// The zero value is EnumerateObject.
type Mode uint8

// The modes.
const (
	EnumerateObject       Mode = iota // the instance
	EnumerateObjectAndEPR             // the instance, and Item.EPR
	EnumerateEPR                      // Item.EPR only
)

// String is the mode as the protocol spells it, empty for EnumerateObject,
// which is what a server does unasked.
func (m Mode) String() string {
	switch m {
	case EnumerateObjectAndEPR:
		return "EnumerateObjectAndEPR"
	case EnumerateEPR:
		return "EnumerateEPR"
	}
	return ""
}

// Enumeration says what to enumerate: the instances that a WQL query selects,
// or all instances of a class.
type Enumeration struct {
	Namespace string // such as root/sms/site_PS1
	WQL       string // the query; Class is then not used
	Class     string // the class, when there is no query
	Mode      Mode
	// MaxElements is the most items of a page; 0 means the client's.
	MaxElements int
}

// epr is what the enumeration is asked of: a query goes to all classes and
// must name none (MS-WSMV section 3.1.4.1.30).
func (e Enumeration) epr(s Schema) EPR {
	class := e.Class
	if e.WQL != "" {
		class = allClasses
	}
	return s.EPR(e.Namespace, class)
}

func (e Enumeration) target() string {
	if e.WQL != "" {
		return fmt.Sprintf("%s %q", e.Namespace, e.WQL)
	}
	return e.Namespace + ":" + e.Class
}

// Enumerate yields the items of an enumeration as its pages arrive. While the
// caller works on one page, the next one is under way. An item is valid until
// the next one is asked for, and not after the iteration.
//
// The first error ends it and is an *Error: items yielded before are good, but
// are not all. Only an enumeration that ends without an error is complete. A
// caller who stops early costs the server nothing: the enumeration is released.
func (c *Client) Enumerate(ctx context.Context, e Enumeration) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		err := c.enumerate(ctx, e, func(p *Page) bool {
			for p.Next() {
				if !yield(p.Item(), nil) {
					return false
				}
			}
			return true
		})
		if err != nil {
			yield(nil, err)
		}
	}
}

// Pages is Enumerate for a caller who reads many items at once: it yields the
// pages as they arrive. A page is valid until the next one is asked for, and not
// after the iteration; items that the caller leaves in it are lost to him.
func (c *Client) Pages(ctx context.Context, e Enumeration) iter.Seq2[*Page, error] {
	return func(yield func(*Page, error) bool) {
		if err := c.enumerate(ctx, e, func(p *Page) bool { return yield(p, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

// enumerate hands each page to visit, until that returns false.
func (c *Client) enumerate(ctx context.Context, e Enumeration, visit func(*Page) bool) error {
	run := &enumeration{c: c, e: e, epr: e.epr(c.options.Schema), size: e.MaxElements}
	if run.size <= 0 {
		run.size = c.options.MaxElements
	}
	defer run.release(ctx)
	return run.all(ctx, visit)
}

// enumeration is one enumeration under way.
type enumeration struct {
	c    *Client
	e    Enumeration
	epr  EPR
	size int

	context string // the server's context, empty when it holds none
	ahead   *ahead // nil when no page is under way
}

// ahead fetches the pages that follow a context, each while the one before is
// worked on. The next page is asked for when the last one is taken, without
// waiting for who took it.
type ahead struct {
	pages chan pulled
	final chan pulled // the same for who wants no more behind it
	end   func()      // gives up the page that is under way
}

type pulled struct {
	answer *answer
	err    error
	last   bool // no page is under way behind it
}

// errStopped ends the walk over a page when the caller has had enough.
var errStopped = errors.New("stopped by the caller")

func (r *enumeration) all(ctx context.Context, visit func(*Page) bool) error {
	a, err := r.c.do(ctx, r.enumerateMessage())
	empty := 0
	for pages := 1; ; pages++ {
		if err != nil {
			return err
		}
		items, end, err2 := r.page(ctx, a, visit)
		switch {
		case errors.Is(err2, errStopped):
			return nil
		case err2 != nil:
			return r.c.failQuery(r.pullMessage(), err2)
		case end:
			r.context = ""
			return nil
		case r.context == "":
			return r.c.failQuery(r.pullMessage(), ErrIncomplete)
		}
		if empty++; items > 0 {
			empty = 0
		}
		if empty > maxEmptyPages {
			return r.c.failQuery(r.pullMessage(), fmt.Errorf("%w: %d pages in a row without an item", ErrIncomplete, empty))
		}
		if pages >= r.c.options.MaxPages {
			return r.c.failQuery(r.pullMessage(), fmt.Errorf("%w: more than %d pages", ErrIncomplete, pages))
		}
		a, err = r.pull(ctx)
	}
}

func (r *enumeration) enumerateMessage() *message {
	return &message{
		op: "enumerate", target: r.e.target(), action: actionEnumerate, epr: r.epr, reads: true, opens: true, paged: true,
		expect: xmlName{NamespaceEnumeration, "EnumerateResponse"},
		body: func(w *xmlwrite.Writer) {
			w.Open("n:Enumerate")
			w.Empty("w:OptimizeEnumeration")
			w.Leaf("w:MaxElements", strconv.Itoa(r.c.pageSize(r.size)))
			if mode := r.e.Mode.String(); mode != "" {
				w.Leaf("w:EnumerationMode", mode)
			}
			if r.e.WQL != "" {
				w.Leaf("w:Filter", r.e.WQL, "Dialect", DialectWQL)
			}
			w.Close("n:Enumerate")
		},
	}
}

// pullMessage asks for the next page. It is not marked as a read: a Pull whose
// answer was lost must not be repeated, for the context has moved.
func (r *enumeration) pullMessage() *message { return r.pullFrom(r.context) }

func (r *enumeration) pullFrom(context string) *message {
	return &message{
		op: "pull", target: r.e.target(), action: actionPull, epr: r.epr, paged: true,
		expect: xmlName{NamespaceEnumeration, "PullResponse"},
		body: func(w *xmlwrite.Writer) {
			w.Open("n:Pull")
			w.Leaf("n:EnumerationContext", context)
			w.Leaf("n:MaxElements", strconv.Itoa(r.c.pageSize(r.size)))
			w.Close("n:Pull")
		},
	}
}

// prefetch sends the next Pull. The end of the caller's context does not end it:
// its answer brings the context that is to be released.
func (r *enumeration) prefetch(ctx context.Context) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.ahead = &ahead{pages: make(chan pulled), final: make(chan pulled), end: cancel}
	go r.fetch(ctx, r.ahead, r.context)
}

// fetch fetches the pages from a context on, until one says that none follows,
// or does not say what does.
func (r *enumeration) fetch(ctx context.Context, to *ahead, context string) {
	defer to.end()
	for {
		answer, err := r.c.doPull(ctx, r.pullFrom(context))
		if err == nil {
			context = followed(answer)
		}
		p := pulled{answer, err, err != nil || context == ""}
		select {
		case to.pages <- p:
		case to.final <- p:
			return
		}
		if p.last {
			return
		}
	}
}

// followed is the context that leads on from a page, empty where none is
// announced before the items or the page looks like the last one.
func followed(a *answer) (context string) {
	if hasEndMark(a.doc) {
		return ""
	}
	start := a.sc.Mark()
	defer a.sc.Rewind(start)
	err := a.sc.Children(func() (err error) {
		switch {
		case a.sc.Is(NamespaceEnumeration, "EnumerationContext"):
			context, err = content(a.sc)
		case isEither(a.sc, "Items"):
			err = errStopped
		}
		return err
	})
	if !errors.Is(err, errStopped) {
		return "" // who reads the page finds out
	}
	return context
}

// pull is the next page: the one under way, or one asked for now.
func (r *enumeration) pull(ctx context.Context) (*answer, error) {
	if r.ahead == nil {
		r.prefetch(ctx)
	}
	var p pulled
	select {
	case p = <-r.ahead.pages:
	case <-ctx.Done():
		err := r.c.fail(r.pullMessage(), &TransportError{Sent: true, Err: context.Cause(ctx)})
		err.Retry = RetrySafe // not of this Pull, but of the query
		return nil, err       // the page under way is for release
	}
	if p.last {
		r.ahead = nil
	}
	if moved(p.err) {
		r.context = ""
	}
	return p.answer, p.err
}

// moved tells errors of a Pull after which its context is gone, or is another
// that nobody knows. A fault leaves it where it was, unless it says otherwise, and
// so does a Pull that never reached the server.
func moved(err error) bool {
	var f *Fault
	return err != nil && !notBegun(err) && (!errors.As(err, &f) || f.kind() == ErrContext)
}

// page hands a page to visit. It notes the new context, and sends the next Pull
// as soon as that is known, unless it is under way.
func (r *enumeration) page(ctx context.Context, a *answer, visit func(*Page) bool) (items int, end bool, err error) {
	r.context = ""
	defer a.release()
	err = a.sc.Children(func() (err error) {
		switch {
		case a.sc.Is(NamespaceEnumeration, "EnumerationContext"):
			r.context, err = content(a.sc)
		case isEither(a.sc, "EndOfSequence"):
			end = true
		case isEither(a.sc, "Items"):
			if r.ahead == nil && r.context != "" && !hasEndMark(a.doc) {
				r.prefetch(ctx)
			}
			items, err = r.items(ctx, a.sc, visit)
		}
		return err
	})
	if err == nil {
		err = checkTail(a.sc)
	}
	return items, end, err
}

// isEither matches the elements that are in one namespace in an
// EnumerateResponse and in another in a PullResponse.
func isEither(sc *xmlscan.Scanner, local string) bool {
	return sc.Is(NamespaceWSMan, local) || sc.Is(NamespaceEnumeration, local)
}

// hasEndMark guesses from a page's last bytes whether it is the last page. A
// wrong guess costs one request, no row.
func hasEndMark(doc []byte) bool {
	const tail = 512
	return bytes.Contains(doc[max(0, len(doc)-tail):], []byte("EndOfSequence"))
}

// checkTail reads what follows the body's element, so that an answer cut there
// is seen as cut.
func checkTail(sc *xmlscan.Scanner) error {
	for {
		if t, err := sc.Next(); t == xmlscan.EOF || err != nil {
			return err
		}
	}
}

func (r *enumeration) items(ctx context.Context, sc *xmlscan.Scanner, visit func(*Page) bool) (n int, err error) {
	p := &Page{ctx: ctx, sc: sc, depth: sc.Depth(), mode: r.e.Mode, most: r.size}
	more := visit(p)
	switch {
	case p.err != nil:
		return p.items, p.err
	case p.items > p.most: // by who read them without Next
		return p.items, p.tooMany()
	case !more:
		return p.items, errStopped
	}
	return p.items, sc.SkipTo(p.depth)
}

// itemWithEPR reads a w:Item: the reference follows the instance, so it is
// read first and the scanner goes back.
func itemWithEPR(sc *xmlscan.Scanner) (*Item, error) {
	depth, start := sc.Depth(), sc.Mark()
	item := &Item{sc: sc}
	for item.EPR == nil {
		t, err := sc.Next()
		switch {
		case err != nil:
			return nil, err
		case t == xmlscan.End && sc.Depth() == depth:
			return nil, errors.New("an item without its endpoint reference")
		case t != xmlscan.Start:
		case sc.Is(NamespaceAddressing, "EndpointReference"):
			epr, err := ReadEPR(sc)
			if err != nil {
				return nil, err
			}
			item.EPR = &epr
		default:
			if err := sc.Skip(); err != nil {
				return nil, err
			}
		}
	}
	sc.Rewind(start)
	for {
		t, err := sc.Next()
		switch {
		case err != nil:
			return nil, err
		case t == xmlscan.End && sc.Depth() == depth:
			return nil, fmt.Errorf("%w: an item that is a reference only", ErrNotWSMan)
		case t != xmlscan.Start:
		case !sc.Is(NamespaceAddressing, "EndpointReference"):
			return item, nil
		default:
			if err := sc.Skip(); err != nil {
				return nil, err
			}
		}
	}
}

// release gives up what the server still holds: the context of an enumeration
// that was left early. It runs even when the caller's context is over. A Release
// that fails costs the server a few minutes of a context and the caller nothing.
func (r *enumeration) release(ctx context.Context) {
	if r.ahead != nil { // a page is under way, and brings a newer context
		switch p := r.await(); {
		case p.err == nil:
			r.context = contextOf(p.answer)
		case moved(p.err):
			return
		}
	}
	if r.context == "" {
		return
	}
	id := r.context
	r.context = ""
	r.c.clean(ctx, &message{op: "release", target: r.e.target(), action: actionRelease, epr: r.epr, aside: true,
		body: func(w *xmlwrite.Writer) {
			w.Open("n:Release")
			w.Leaf("n:EnumerationContext", id)
			w.Close("n:Release")
		}})
}

// await is the page under way, which gets a moment more to arrive, and behind
// which none is asked for.
func (r *enumeration) await() pulled {
	ahead := r.ahead
	r.ahead = nil
	timer := time.AfterFunc(timeToClean, ahead.end)
	defer timer.Stop()
	return <-ahead.final
}

// contextOf is the context that a page announces, empty after the last one
// and where the page cannot be read.
func contextOf(a *answer) string {
	found, last := "", false
	err := a.sc.Children(func() (err error) {
		switch {
		case a.sc.Is(NamespaceEnumeration, "EnumerationContext"):
			found, err = content(a.sc)
		case isEither(a.sc, "EndOfSequence"):
			last = true
		}
		return err
	})
	if err != nil || last {
		return ""
	}
	return found
}
