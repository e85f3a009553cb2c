package wql

import (
	"iter"
	"slices"
	"strings"
	"time"

	"dpremote/simulator/internal/repository"
)

// Run answers the query from src. now is what GetDate() gives. The error is a
// *repository.Status: InvalidClass for a class that src does not have,
// InvalidQuery for an unknown property or a comparison that makes no sense,
// NotSupported for a JOIN.
func (q *Query) Run(src Source, now time.Time) (*Result, error) {
	c, err := newCompiler(q, src, now)
	if err != nil {
		return nil, err
	}
	if q.Count {
		return c.count()
	}
	projection, err := c.projection()
	if err != nil {
		return nil, err
	}
	instances, err := c.instances()
	if err != nil {
		return nil, err
	}
	instances = withoutLazy(instances)
	if q.Distinct {
		instances = distinct(instances, projection)
	}
	return &Result{Projection: projection, Class: c.class, Instances: instances}, nil
}

// projection resolves the SELECT list.
func (c *compiler) projection() ([]string, error) {
	var names []string
	for _, p := range c.query.selected {
		p = c.strip(p)
		if _, err := c.path(p); err != nil {
			return nil, err
		}
		if len(p) > 1 {
			return nil, c.invalid("%s cannot be selected; select the embedded object %s", p, p[0])
		}
		name := repository.ClassProperty
		if declared, ok := c.class.Property(p[0]); ok {
			name = declared.Name
		}
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	})
	return slices.Compact(names), nil
}

// instances finds the instances for which the WHERE clause is true, in order.
func (c *compiler) instances() ([]*repository.Instance, error) {
	where, err := c.condition(c.query.where)
	if err != nil {
		return nil, err
	}
	keys, err := c.orderKeys()
	if err != nil {
		return nil, err
	}
	rows := c.rows()
	var found []*repository.Instance
	for in := range c.candidates() {
		if where(rows(in)) == isTrue {
			found = append(found, in)
		}
	}
	if len(keys) > 0 {
		c.sort(found, keys)
	}
	return found, nil
}

// orderKeys compiles ORDER BY.
func (c *compiler) orderKeys() ([]value, error) {
	var keys []value
	for _, o := range c.query.orders {
		v, err := c.path(o.by)
		if err != nil {
			return nil, err
		}
		if v.kind == opaqueKind {
			return nil, c.invalid("the query cannot be ordered by %s: it is an array or an object", o.by)
		}
		keys = append(keys, v)
	}
	return keys, nil
}

// sort orders instances by keys; equal ones stay in their order.
func (c *compiler) sort(instances []*repository.Instance, keys []value) {
	rows := c.rows()
	slices.SortStableFunc(instances, func(a, b *repository.Instance) int {
		for i, k := range keys {
			order := compareNullFirst(k.eval(rows(a)), k.eval(rows(b)))
			if order == 0 {
				continue
			}
			if c.query.orders[i].descending {
				return -order
			}
			return order
		}
		return 0
	})
}

// compareNullFirst orders values that may be NULL.
func compareNullFirst(a, b repository.Value) int {
	if a == nil || b == nil {
		return int(boolNumber(a != nil)) - int(boolNumber(b != nil))
	}
	order, _ := compare(a, b)
	return order
}

// count answers SELECT COUNT: one instance of the class __GENERIC (Configuration
// Manager SDK, "Result Sets"). That its property is called Count is inferred:
// the SDK does not name it.
func (c *compiler) count() (*Result, error) {
	counted := constantValue(true)
	if len(c.query.selected) == 1 {
		var err error
		if counted, err = c.path(c.query.selected[0]); err != nil {
			return nil, err
		}
	}
	found, err := c.instances()
	if err != nil {
		return nil, err
	}
	var n uint64
	rows := c.rows()
	for _, in := range found {
		if counted.eval(rows(in)) != nil {
			n++
		}
	}
	class := &repository.Class{
		Name:       "__GENERIC",
		Properties: []repository.Property{{Name: "Count", Type: repository.UInt32}},
	}
	answer := &repository.Instance{Class: class, Values: []repository.Value{n}}
	return &Result{Class: c.class, Instances: []*repository.Instance{answer}}, nil
}

// candidates are the instances to look at: all, or those that an index of the
// source gives for a term of the WHERE clause.
func (c *compiler) candidates() iter.Seq[*repository.Instance] {
	indexed, ok := c.src.(Indexed)
	if !ok {
		return c.src.Instances(c.class.Name)
	}
	terms := []expression{c.query.where}
	if all, ok := c.query.where.(*logical); ok && !all.or {
		terms = all.terms
	}
	for _, term := range terms {
		property, values := c.required(term)
		if property == "" {
			continue
		}
		if found, ok := indexed.InstancesWith(c.class.Name, property, values); ok {
			return found
		}
	}
	return c.src.Instances(c.class.Name)
}

// required is the property that must equal one of values if the term is to be
// true; "" when the term does not say so. Each value is there once.
func (c *compiler) required(term expression) (property string, values []repository.Value) {
	tested, wanted := c.wanted(term)
	name, ok := tested.(path)
	if !ok {
		return "", nil
	}
	if name = c.strip(name); len(name) != 1 {
		return "", nil
	}
	p, ok := c.class.Property(name[0])
	if !ok || p.Array {
		return "", nil
	}
	seen := set{}
	for _, each := range wanted {
		v, ok := ownType(p, each)
		if !ok {
			return "", nil
		}
		if _, ok := seen[key(v)]; !ok {
			seen[key(v)] = struct{}{}
			values = append(values, v)
		}
	}
	return p.Name, values
}

// wanted is the operand that must equal one of values if the term is to be true;
// nil when the term does not say so.
func (c *compiler) wanted(term expression) (tested operand, values []repository.Value) {
	switch term := term.(type) {
	case *comparison:
		if term.op != equal {
			break
		}
		if item, ok := term.right.(literal); ok {
			return term.left, []repository.Value{item.value}
		}
		if item, ok := term.left.(literal); ok {
			return term.right, []repository.Value{item.value}
		}
	case *membership:
		if term.query != nil {
			return term.x, c.selected[term]
		}
		for _, item := range term.list {
			values = append(values, item.value)
		}
		return term.x, values
	}
	return nil, nil
}

// ownType makes a literal a value as instances hold it for a property. It
// answers false for what an index does not have: NULL, and types other than
// strings and integers.
func ownType(p repository.Property, v repository.Value) (repository.Value, bool) {
	v, err := convert(v, kindOf(p))
	if err != nil {
		return nil, false
	}
	switch p.Type {
	case repository.String:
		s, ok := v.(string)
		return s, ok
	case repository.UInt8, repository.UInt16, repository.UInt32, repository.UInt64:
		u, ok := v.(uint64)
		return u, ok
	case repository.SInt8, repository.SInt16, repository.SInt32, repository.SInt64:
		switch n := key(v).(type) {
		case int64:
			return n, true
		}
	}
	return nil, false
}

// withoutLazy makes lazy properties NULL, in copies.
func withoutLazy(instances []*repository.Instance) []*repository.Instance {
	lazy := map[*repository.Class][]int{}
	for i, in := range instances {
		indexes, ok := lazy[in.Class]
		if !ok {
			for at, p := range in.Class.Properties {
				if p.Lazy {
					indexes = append(indexes, at)
				}
			}
			lazy[in.Class] = indexes
		}
		copied := false
		for _, at := range indexes {
			if in.Values[at] == nil {
				continue
			}
			if !copied {
				in, copied = in.Clone(), true
			}
			in.Values[at] = nil
		}
		instances[i] = in
	}
	return instances
}

// distinct leaves the first of instances that agree in the selected properties,
// or in all when the projection is nil.
func distinct(instances []*repository.Instance, projection []string) []*repository.Instance {
	seen := map[string]bool{}
	var buffer []byte
	return slices.DeleteFunc(instances, func(in *repository.Instance) bool {
		buffer = buffer[:0]
		if projection == nil {
			buffer = appendKey(buffer, in.Class.Name)
			for _, v := range in.Values {
				buffer = appendKey(buffer, v)
			}
		}
		for _, name := range projection {
			buffer = appendKey(buffer, in.Get(name))
		}
		if seen[string(buffer)] {
			return true
		}
		seen[string(buffer)] = true
		return false
	})
}
