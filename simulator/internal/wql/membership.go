package wql

import "dpremote/simulator/internal/repository"

// membership compiles IN with a list or a sub-select. The sub-select runs here,
// once: it cannot speak of the outer query's instances.
func (c *compiler) membership(x *membership) (condition, error) {
	v, err := c.operand(x.x)
	if err != nil {
		return nil, err
	}
	if v.kind == opaqueKind {
		return nil, c.invalid("an array or an object cannot be compared, only tested with IS NULL")
	}
	values, err := c.members(x, v.kind)
	if err != nil {
		return nil, err
	}
	members, null := make(set, len(values)), false
	for _, each := range values {
		if each == nil {
			null = true
			continue
		}
		members[key(each)] = struct{}{}
		if x.query != nil {
			c.selected[x] = append(c.selected[x], each)
		}
	}
	flexible := v.kind == anyKind
	return func(r row) truth {
		tested := v.eval(r)
		if tested == nil {
			return isUnknown
		}
		if _, ok := members[key(tested)]; ok || flexible && contains(values, tested) {
			return isTrue
		}
		if null {
			// It may or may not equal the NULL, as in SQL.
			return isUnknown
		}
		return isFalse
	}, nil
}

// members are the values of a list or a sub-select, of a kind.
func (c *compiler) members(x *membership, to kind) ([]repository.Value, error) {
	if x.query != nil {
		return c.subselect(x.query, to)
	}
	values := make([]repository.Value, 0, len(x.list))
	for _, item := range x.list {
		v, err := c.convert(constantValue(item.value), to)
		if err != nil {
			return nil, err
		}
		values = append(values, v.eval(row{}))
	}
	return values, nil
}

// subselect runs a sub-select and gives the values of its one property. Those
// that cannot be of the kind can equal nothing and are left out.
func (c *compiler) subselect(q *Query, to kind) ([]repository.Value, error) {
	if q.Count || len(q.selected) != 1 || q.Within != 0 {
		return nil, c.invalid("a sub-select must select one property")
	}
	sub, err := newCompiler(q, c.src, c.now)
	if err != nil {
		return nil, err
	}
	selected, err := sub.path(q.selected[0])
	if err != nil {
		return nil, err
	}
	if selected.kind == opaqueKind {
		return nil, c.invalid("a sub-select cannot select an array or an object")
	}
	instances, err := sub.instances()
	if err != nil {
		return nil, err
	}
	rows := sub.rows()
	values := make([]repository.Value, 0, len(instances))
	for _, in := range instances {
		if v, err := convert(selected.eval(rows(in)), to); err == nil {
			values = append(values, v)
		}
	}
	return values, nil
}

// contains looks for a value whose kind only shows now.
func contains(values []repository.Value, v repository.Value) bool {
	for _, each := range values {
		a, b := alike(v, each, false)
		if order, ok := compare(a, b); ok && order == 0 {
			return true
		}
	}
	return false
}
