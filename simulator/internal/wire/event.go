package wire

import (
	"bytes"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/wql"
)

// eventClass is one of WMI's classes of intrinsic instance events (Windows
// SDK, "__InstanceOperationEvent"). of is the class of the instances, or empty where
// a query is about several.
func eventClass(name, super, of string) *repository.Class {
	c := &repository.Class{Name: name, Super: super, ReadOnly: true, Properties: []repository.Property{
		{Name: "SECURITY_DESCRIPTOR", Type: repository.UInt8, Array: true},
		{Name: "TargetInstance", Type: repository.Object, Class: of},
		{Name: "TIME_CREATED", Type: repository.UInt64},
	}}
	if name == "__InstanceModificationEvent" {
		previous := repository.Property{Name: "PreviousInstance", Type: repository.Object, Class: of}
		c.Properties = slices.Insert(c.Properties, 0, previous)
	}
	return c
}

// eventWatch finds the events of one query by comparing what its classes were
// with what they are. One goroutine uses it at a time.
type eventWatch struct {
	provider  Provider
	namespace string
	of        []string // the classes of the instances
	within    time.Duration
	query     *wql.Query
	classes   []*repository.Class // of events: operation, creation, modification, deletion
	last      map[string]known
	result    *wql.Result // of the last poll that found something, for its projection
}

// known is an instance as it was, and its text, by which changes are seen.
type known struct {
	in   *repository.Instance
	text []byte
}

// targetClass finds the classes that an event query is about. One that a query
// excludes is read as well, and its events then fail the query's condition.
var targetClass = regexp.MustCompile(`(?i)\bTargetInstance\s+ISA\s+["']?(\w+)["']?`)

// maxTargets bounds the classes that one subscription has the provider read
// again and again.
const maxTargets = 8

// newEventWatch reads an event query and takes note of how things are.
func (h *Handler) newEventWatch(namespace, text string) (*eventWatch, error) {
	refuse := func(why string) error {
		return &repository.Status{Code: repository.InvalidQuery, Operation: "ExecQuery", Parameter: text, Text: why}
	}
	q, err := wql.Parse(text)
	if err != nil {
		return nil, refuse(err.Error())
	}
	targets := targetClass.FindAllStringSubmatch(text, maxTargets+1)
	switch {
	case len(targets) == 0:
		return nil, refuse("Of which class the events are, is not said: TargetInstance ISA is missing.")
	case len(targets) > maxTargets:
		return nil, refuse("The query is about too many classes.")
	case q.Within == 0:
		return nil, refuse("The class provides no events: WITHIN is missing.")
	}
	w := &eventWatch{provider: h.cfg.Provider, namespace: namespace, within: max(q.Within, leastWithin), query: q}
	for _, target := range targets {
		if _, err := h.cfg.Provider.Class(namespace, target[1]); err != nil {
			return nil, refuse("There is no class " + target[1] + ".")
		}
		isIt := func(class string) bool { return strings.EqualFold(class, target[1]) }
		if !slices.ContainsFunc(w.of, isIt) {
			w.of = append(w.of, target[1])
		}
	}
	of := ""
	if len(w.of) == 1 {
		of = w.of[0]
	}
	const operation = "__InstanceOperationEvent"
	w.classes = append(w.classes, eventClass(operation, "__Event", of))
	for _, name := range []string{"__InstanceCreationEvent", "__InstanceModificationEvent", "__InstanceDeletionEvent"} {
		w.classes = append(w.classes, eventClass(name, operation, of))
	}
	if w.last, err = w.look(); err != nil {
		return nil, err
	}
	// A query that cannot be run is refused now, not when something happens.
	_, err = q.Run(eventSource{watch: w}, h.cfg.Now())
	return w, err
}

// look reads the classes.
func (w *eventWatch) look() (map[string]known, error) {
	now := map[string]known{}
	for _, class := range w.of {
		found, err := w.provider.Query(w.namespace, "SELECT * FROM "+class)
		if err != nil {
			return nil, err
		}
		for _, in := range found.Instances {
			var path strings.Builder
			path.WriteString(strings.ToUpper(in.Class.Name))
			for _, key := range in.Class.Keys() {
				path.WriteString("\x00" + strings.ToUpper(keyText(in.Get(key.Name))))
			}
			now[path.String()] = known{in, render(resource{namespace: w.namespace}, func(r *renderer) { r.instance(in) })}
		}
	}
	return now, nil
}

// poll finds what happened since the last time, as far as the query asks for
// it.
func (w *eventWatch) poll(at time.Time) ([]*repository.Instance, error) {
	now, err := w.look()
	if err != nil {
		return nil, err
	}
	var events []*repository.Instance
	for _, path := range slices.Sorted(maps.Keys(now)) {
		is := now[path]
		was, there := w.last[path]
		switch {
		case !there:
			events = append(events, w.event(1, is.in, nil, at))
		case !bytes.Equal(was.text, is.text):
			events = append(events, w.event(2, is.in, was.in, at))
		}
	}
	for _, path := range slices.Sorted(maps.Keys(w.last)) {
		if _, there := now[path]; !there {
			events = append(events, w.event(3, w.last[path].in, nil, at))
		}
	}
	w.last = now
	if len(events) == 0 {
		return nil, nil
	}
	result, err := w.query.Run(eventSource{w, events}, at)
	if err != nil {
		return nil, err
	}
	w.result = result
	return result.Instances, nil
}

// event is an instance of one of the classes.
func (w *eventWatch) event(class int, target, previous *repository.Instance, at time.Time) *repository.Instance {
	e := repository.New(w.classes[class])
	e.Set("TargetInstance", target)
	if previous != nil {
		e.Set("PreviousInstance", previous)
	}
	// 100 ns since 1601, as a FILETIME counts.
	const from1601 = 11644473600
	e.Set("TIME_CREATED", uint64(at.Unix()+from1601)*10_000_000+uint64(at.Nanosecond()/100))
	return e
}

// eventSource is what an event query finds: the event classes with events, and
// the classes of the instances.
type eventSource struct {
	watch  *eventWatch
	events []*repository.Instance
}

// Class implements wql.Source.
func (s eventSource) Class(name string) (*repository.Class, bool) {
	for _, c := range s.watch.classes {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	c, err := s.watch.provider.Class(s.watch.namespace, name)
	return c, err == nil
}

// Subclasses implements wql.Source.
func (s eventSource) Subclasses(name string) []*repository.Class {
	if strings.EqualFold(name, s.watch.classes[0].Name) {
		return s.watch.classes
	}
	c, ok := s.Class(name)
	if !ok {
		return nil
	}
	return []*repository.Class{c}
}

// Instances implements wql.Source.
func (s eventSource) Instances(class string) iter.Seq[*repository.Instance] {
	return func(yield func(*repository.Instance) bool) {
		for _, e := range s.events {
			isIt := strings.EqualFold(e.Class.Name, class) || strings.EqualFold(e.Class.Super, class)
			if isIt && !yield(e) {
				return
			}
		}
	}
}
