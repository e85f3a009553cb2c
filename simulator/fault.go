package simulator

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"dpremote/simulator/internal/wire"
)

// Action is an operation of WS-Management, by which a Fault chooses requests.
type Action string

// The actions.
const (
	Identify    Action = "identify" // by who has signed in
	Enumerate   Action = "enumerate"
	Pull        Action = "pull"   // of an enumeration
	Events      Action = "events" // the Pull of a subscription
	Release     Action = "release"
	Get         Action = "get"
	Put         Action = "put"
	Create      Action = "create"
	Delete      Action = "delete"
	Invoke      Action = "invoke"
	Subscribe   Action = "subscribe"
	Unsubscribe Action = "unsubscribe"
)

// Actions are all actions.
func Actions() []Action {
	return []Action{Identify, Enumerate, Pull, Events, Release, Get, Put, Create, Delete, Invoke, Subscribe, Unsubscribe}
}

// Fault is something that goes wrong, and where. Each field that chooses
// requests chooses all of them when it is zero.
type Fault struct {
	Kind   FaultKind
	Site   string // site code
	Action Action
	// Class is the class that a request names; that of an Enumerate is the one
	// in its query, that of a Pull the one of its enumeration.
	Class string

	Skip  int // so many requests that match pass first
	Count int // how often it happens; 0 is without end
	// Probability is how likely it is for each request that matches and is not
	// skipped. 0 is 1.
	Probability float64
	Seed        uint64 // of the choice that Probability makes; equal seeds choose equally

	// For is how long a Stall or a Refuse lasts, and by how much a ClockJump
	// moves the clock, which may be back. 0 is a minute.
	For time.Duration
	// RetryAfter is the header of that name in an HTTP503, in whole seconds. 0
	// leaves it out.
	RetryAfter time.Duration
	// Done carries out the operation first: its answer is lost. It is for kinds
	// that are an answer (HTTP and Fault); the others say themselves which it is.
	Done bool
}

// String is the fault as ParseFault reads it.
func (f Fault) String() string {
	out := []string{"fault=" + string(f.Kind)}
	add := func(name, value string, given bool) {
		if given {
			out = append(out, name+"="+value)
		}
	}
	add("site", f.Site, f.Site != "")
	add("action", string(f.Action), f.Action != "")
	add("class", f.Class, f.Class != "")
	add("skip", strconv.Itoa(f.Skip), f.Skip != 0)
	add("count", strconv.Itoa(f.Count), f.Count != 0)
	add("probability", strconv.FormatFloat(f.Probability, 'g', -1, 64), f.Probability != 0)
	add("seed", strconv.FormatUint(f.Seed, 10), f.Seed != 0)
	add("for", f.For.String(), f.For != 0)
	add("retry-after", f.RetryAfter.String(), f.RetryAfter != 0)
	add("done", "true", f.Done)
	return strings.Join(out, ",")
}

// ParseFault reads a fault as the fields of Fault, separated by commas, such as
// "fault=http-503,site=PS1,action=pull,count=1,retry-after=5s".
func ParseFault(text string) (Fault, error) {
	var f Fault
	for field := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(field), "=")
		if !ok {
			return Fault{}, fmt.Errorf("%q is not NAME=VALUE", field)
		}
		if err := f.set(name, value); err != nil {
			return Fault{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	return f, f.check()
}

func (f *Fault) set(name, value string) (err error) {
	switch name {
	case "fault":
		f.Kind = FaultKind(value)
	case "site":
		f.Site = value
	case "action":
		f.Action = Action(value)
	case "class":
		f.Class = value
	case "skip":
		f.Skip, err = strconv.Atoi(value)
	case "count":
		f.Count, err = strconv.Atoi(value)
	case "probability":
		f.Probability, err = strconv.ParseFloat(value, 64)
	case "seed":
		f.Seed, err = strconv.ParseUint(value, 10, 64)
	case "for":
		f.For, err = time.ParseDuration(value)
	case "retry-after":
		f.RetryAfter, err = time.ParseDuration(value)
	case "done":
		f.Done, err = strconv.ParseBool(value)
	default:
		return fmt.Errorf("unknown: use fault, site, action, class, skip, count, probability, seed, for, retry-after or done")
	}
	return err
}

// check says what is wrong with a fault.
func (f Fault) check() error {
	known, ok := faultKinds[f.Kind]
	chooses := f.Action != "" || f.Class != ""
	switch {
	case f.Kind == "":
		return fmt.Errorf("no fault is named: use fault=KIND, one of %s", kindNames())
	case !ok:
		return fmt.Errorf("unknown fault %q: use one of %s", f.Kind, kindNames())
	case f.Action != "" && !slices.Contains(Actions(), f.Action):
		return fmt.Errorf("unknown action %q", f.Action)
	case f.Kind == Drop && chooses, f.Kind == ClockJump && chooses:
		return fmt.Errorf("%s is of a site, not of an action or a class", f.Kind)
	case known.disorder != wire.Orderly && f.Action != "" && f.Action != Enumerate && f.Action != Pull:
		return fmt.Errorf("%s is of the actions enumerate and pull", f.Kind)
	case f.Skip < 0 || f.Count < 0:
		return fmt.Errorf("skip and count cannot be negative")
	case !(f.Probability >= 0 && f.Probability <= 1):
		return fmt.Errorf("probability %v is not between 0 and 1", f.Probability)
	case f.For < 0 && f.Kind != ClockJump, f.RetryAfter < 0:
		return fmt.Errorf("a time cannot be negative")
	}
	return nil
}

func (f Fault) duration() time.Duration {
	if f.For == 0 {
		return time.Minute
	}
	return f.For
}

// Injected is a fault that is in force. It is safe for concurrent use.
type Injected struct {
	fault Fault

	mu            sync.Mutex
	random        *rand.Rand
	matched, done int
	stopped       bool
}

func newInjected(f Fault) *Injected {
	f.Site = strings.ToUpper(f.Site)
	name := fnv.New64a()
	_, _ = name.Write([]byte(f.String())) // a hash takes everything
	return &Injected{fault: f, random: rand.New(rand.NewPCG(f.Seed, name.Sum64()))}
}

// Fault is what was injected.
func (i *Injected) Fault() Fault { return i.fault }

// Times is how often it has happened.
func (i *Injected) Times() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.done
}

// Matched is how many requests, or connections for a Drop, it could have
// happened to.
func (i *Injected) Matched() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.matched
}

// Stop ends it. What it has begun (a Refuse, a ClockJump) takes its course.
func (i *Injected) Stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stopped = true
}

// happens decides for one request, and counts.
func (i *Injected) happens(site string, action Action, class string) bool {
	f := i.fault
	if f.Site != "" && f.Site != site || f.Action != "" && f.Action != action || f.Class != "" && !strings.EqualFold(f.Class, class) {
		return false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.stopped {
		return false
	}
	i.matched++
	if i.matched <= f.Skip || f.Count > 0 && i.done >= f.Count {
		return false
	}
	if f.Probability > 0 && i.random.Float64() >= f.Probability {
		return false
	}
	i.done++
	return true
}

// plan is the faults in force. It is safe for concurrent use.
type plan struct {
	mu     sync.Mutex
	faults []*Injected
}

func (p *plan) add(i *Injected) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, i)
}

func (p *plan) all() []*Injected {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.faults)
}

// Inject puts a fault in force. Of several that match a request the first one
// happens. A Refuse or a ClockJump that chooses by site alone begins at once.
// The error says what is wrong with the fault.
func (h *Hierarchy) Inject(f Fault) (*Injected, error) {
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("inject: %w", err)
	}
	i := newInjected(f)
	if _, ok := h.services[i.fault.Site]; !ok && f.Site != "" {
		return nil, fmt.Errorf("inject: no site %s has a provider", f.Site)
	}
	if f.Kind == ClockJump || f.Kind == Refuse && f.Action == "" && f.Class == "" {
		for code := range h.services {
			if i.happens(code, "", "") {
				h.begin(code, f)
			}
		}
		i.Stop()
	}
	h.plan.add(i)
	return i, nil
}

// Injected is every fault that was injected, in order.
func (h *Hierarchy) Injected() []*Injected { return h.plan.all() }

// begin starts what does not happen to one request alone.
func (h *Hierarchy) begin(code string, f Fault) {
	switch f.Kind {
	case ClockJump:
		h.clocks[code].Add(int64(f.duration()))
	case Refuse:
		if d := h.doors[code]; d != nil {
			d.shut(f.duration())
			h.services[code].Unreachable()
			d.hangUp()
		}
	case Restart:
		h.services[code].Restart()
		if d := h.doors[code]; d != nil {
			d.hangUp()
		}
	}
}

// mishap is what goes wrong with a request.
func (h *Hierarchy) mishap(code string, x wire.Exchange) wire.Mishap {
	action, class := actionOf(x), x.Class
	if x.Query != "" {
		class = classIn(x.Query)
	}
	for _, i := range h.plan.all() {
		f := i.fault
		if f.Kind == Drop || f.Kind == ClockJump || !suits(f.Kind, action) || !i.happens(code, action, class) {
			continue
		}
		m := faultKinds[f.Kind].mishap(f)
		switch f.Kind {
		case Refuse:
			if d := h.doors[code]; d != nil {
				m.Last, m.Before, m.After = true, func() { d.shut(f.duration()) }, func() {
					h.services[code].Unreachable()
					d.hangUp()
				}
			}
		case Restart:
			m.Before = func() { h.begin(code, f) } // nobody who sees the reset comes too early
		}
		return m
	}
	return wire.Mishap{}
}

// suits tells whether a kind can happen to an action at all.
func suits(k FaultKind, a Action) bool {
	return faultKinds[k].disorder == wire.Orderly || a == Enumerate || a == Pull
}

// dropped decides whether a connection is dropped.
func (h *Hierarchy) dropped(code string) bool {
	for _, i := range h.plan.all() {
		if i.fault.Kind == Drop && i.happens(code, "", "") {
			return true
		}
	}
	return false
}

// actionOf names a request's operation; empty for one of a remote shell.
func actionOf(x wire.Exchange) Action {
	last := strings.ToLower(x.Action[strings.LastIndexByte(x.Action, '/')+1:])
	switch {
	case x.Method != "":
		return Invoke
	case x.Events:
		return Events
	case slices.Contains(Actions(), Action(last)):
		return Action(last)
	}
	return ""
}

// classIn is the class in a query's FROM clause; of a query for events, the
// class after ISA.
func classIn(query string) string {
	words := strings.Fields(query)
	found := ""
	for i, word := range words[:max(0, len(words)-1)] {
		switch next := strings.Trim(words[i+1], `'"();`); {
		case strings.EqualFold(word, "from") && found == "", strings.EqualFold(word, "isa"):
			found = next
		}
	}
	return found
}

// headerOf is the header of an answer that asks to come back later.
func headerOf(after time.Duration) http.Header {
	if after <= 0 {
		return nil
	}
	return http.Header{"Retry-After": {strconv.Itoa(int(after.Seconds()))}}
}
