package wql

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dpremote/simulator/internal/repository"
)

// operation is what __ExtendedStatus names as the failed operation.
const operation = "ExecQuery"

// row is an instance while it is looked at: index says, for each slot of the
// query, where its class has the property; -1 where it has none.
type row struct {
	instance *repository.Instance
	index    []int
}

func (r row) slot(i int) repository.Value {
	if at := r.index[i]; at >= 0 {
		return r.instance.Values[at]
	}
	return nil
}

// value is a compiled operand.
type value struct {
	kind     kind
	constant bool
	eval     func(row) repository.Value
}

func constantValue(v repository.Value) value {
	return value{kind: kindOfValue(v), constant: true, eval: func(row) repository.Value { return v }}
}

// compiler turns a query into closures for one run. Its zero value is not usable.
type compiler struct {
	query *Query
	src   Source
	now   time.Time
	class *repository.Class // the FROM class
	slots []string          // the properties that the query needs, in the class's spelling

	selected map[*membership][]repository.Value // what the sub-selects gave, without NULL
}

// newCompiler finds the class of a query.
func newCompiler(q *Query, src Source, now time.Time) (*compiler, error) {
	c := &compiler{query: q, src: src, now: now, selected: map[*membership][]repository.Value{}}
	if q.join {
		return nil, c.status(repository.NotSupported, "a JOIN of several classes is not supported; query them one by one")
	}
	class, ok := src.Class(q.From)
	if !ok {
		return nil, c.status(repository.InvalidClass, "class %s does not exist", q.From)
	}
	c.class = class
	return c, nil
}

func (c *compiler) status(code repository.Code, format string, args ...any) error {
	return &repository.Status{
		Code:      code,
		Operation: operation,
		Parameter: c.query.text,
		Text:      fmt.Sprintf(format, args...),
	}
}

func (c *compiler) invalid(format string, args ...any) error {
	return c.status(repository.InvalidQuery, format, args...)
}

// rows makes rows of instances. The classes among them differ when the FROM
// class has subclasses, and so do the places of a property.
func (c *compiler) rows() func(*repository.Instance) row {
	var last *repository.Class
	var index []int
	known := map[*repository.Class][]int{}
	return func(in *repository.Instance) row {
		if in.Class != last {
			last = in.Class
			if index = known[last]; index == nil {
				index = make([]int, len(c.slots))
				for i, name := range c.slots {
					index[i] = last.Index(name)
				}
				known[last] = index
			}
		}
		return row{in, index}
	}
}

// strip removes the class or the alias that stands before a property.
func (c *compiler) strip(p path) path {
	if len(p) < 2 || c.class.Index(p[0]) >= 0 {
		return p
	}
	if strings.EqualFold(p[0], c.query.From) || strings.EqualFold(p[0], c.query.alias) {
		return p[1:]
	}
	return p
}

// propertyOf finds a property of a class.
func (c *compiler) propertyOf(class *repository.Class, name string) (repository.Property, error) {
	p, ok := class.Property(name)
	switch {
	case ok:
		return p, nil
	case strings.HasPrefix(name, "__"):
		return p, c.invalid("the system property %s cannot be queried", name)
	}
	return p, c.invalid("class %s has no property %s", class.Name, name)
}

// slot is the place of a property of the FROM class in a row.
func (c *compiler) slot(p repository.Property) int {
	i := slices.Index(c.slots, p.Name)
	if i < 0 {
		i = len(c.slots)
		c.slots = append(c.slots, p.Name)
	}
	return i
}

// path compiles a property, or a path into an embedded object.
func (c *compiler) path(p path) (value, error) {
	p = c.strip(p)
	if len(p) == 1 && strings.EqualFold(p[0], repository.ClassProperty) {
		return value{kind: stringKind, eval: func(r row) repository.Value { return r.instance.Class.Name }}, nil
	}
	first, err := c.propertyOf(c.class, p[0])
	if err != nil {
		return value{}, err
	}
	slot := c.slot(first)
	v := value{kind: kindOf(first), eval: func(r row) repository.Value { return r.slot(slot) }}
	if len(p) == 1 {
		return v, nil
	}
	return c.embedded(v, first, p)
}

// embedded compiles the rest of a path, which begins at the property first.
// Names are checked as far as the classes are known: that of an event's
// TargetInstance is not.
func (c *compiler) embedded(v value, first repository.Property, p path) (value, error) {
	at, known := first, true
	for i, name := range p[1:] {
		if known && (at.Type != repository.Object || at.Array) {
			return value{}, c.invalid("%s is not an embedded object, so there is no %s", p[:i+1], p)
		}
		var err error
		if at, known, err = c.member(at, known, name); err != nil {
			return value{}, err
		}
		outer := v.eval
		v.eval = func(r row) repository.Value {
			if in, ok := outer(r).(*repository.Instance); ok {
				return in.Get(name)
			}
			return nil
		}
	}
	v.kind = anyKind
	if known {
		v.kind = kindOf(at)
	}
	return v, nil
}

// member finds a property of the object that outer embeds. It answers false when
// the object's class is not known, and so neither is the property.
func (c *compiler) member(outer repository.Property, known bool, name string) (repository.Property, bool, error) {
	if strings.EqualFold(name, repository.ClassProperty) {
		return repository.Property{Name: repository.ClassProperty, Type: repository.String}, true, nil
	}
	if known {
		if class, ok := c.src.Class(outer.Class); ok {
			p, err := c.propertyOf(class, name)
			return p, true, err
		}
	}
	if strings.HasPrefix(name, "__") {
		return repository.Property{}, false, c.invalid("the system property %s cannot be queried", name)
	}
	return repository.Property{}, false, nil
}

// operand compiles an operand.
func (c *compiler) operand(x operand) (value, error) {
	switch x := x.(type) {
	case literal:
		return constantValue(x.value), nil
	case path:
		return c.path(x)
	case *call:
		return c.call(x)
	}
	return value{}, c.invalid("an operand is missing")
}

// converted compiles an operand that must be of a kind; a literal is made one.
func (c *compiler) converted(x operand, to kind) (value, error) {
	v, err := c.operand(x)
	if err != nil {
		return value{}, err
	}
	return c.convert(v, to)
}

func (c *compiler) convert(v value, to kind) (value, error) {
	switch {
	case v.kind == to || v.kind == anyKind || to == anyKind:
		return v, nil
	case v.constant:
		converted, err := convert(v.eval(row{}), to)
		if err != nil {
			return value{}, c.invalid("%s", err)
		}
		return constantValue(converted), nil
	}
	return value{}, c.invalid("%s cannot be compared with %s", v.kind, to)
}
