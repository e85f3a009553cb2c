package wql

import (
	"strings"

	"dpremote/simulator/internal/repository"
)

// thisName is the name that a query has for the instance itself; only ISA takes
// it.
const thisName = "__this"

// truth is three-valued, so that a comparison with NULL is neither true nor
// false. In this order AND is the least of its terms, OR the greatest, and NOT
// the negative.
type truth int8

const (
	isFalse   truth = -1
	isUnknown truth = 0
	isTrue    truth = 1
)

func truthOf(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

// condition is a compiled expression.
type condition func(row) truth

// condition compiles a WHERE clause; a missing one is always true.
func (c *compiler) condition(x expression) (condition, error) {
	switch x := x.(type) {
	case nil:
		return func(row) truth { return isTrue }, nil
	case *logical:
		return c.logical(x)
	case *negation:
		inner, err := c.condition(x.x)
		return func(r row) truth { return -inner(r) }, err
	case *comparison:
		return c.comparison(x)
	case *like:
		return c.like(x)
	case *membership:
		return c.membership(x)
	case *nullTest:
		v, err := c.operand(x.x)
		return func(r row) truth { return truthOf(v.eval(r) == nil) }, err
	case *isa:
		return c.isa(x)
	}
	return nil, c.invalid("a condition is missing")
}

func (c *compiler) logical(x *logical) (condition, error) {
	var terms []condition
	for _, t := range x.terms {
		term, err := c.condition(t)
		if err != nil {
			return nil, err
		}
		terms = append(terms, term)
	}
	if x.or {
		return func(r row) truth {
			result := isFalse
			for _, term := range terms {
				if result = max(result, term(r)); result == isTrue {
					break
				}
			}
			return result
		}, nil
	}
	return func(r row) truth {
		result := isTrue
		for _, term := range terms {
			if result = min(result, term(r)); result == isFalse {
				break
			}
		}
		return result
	}, nil
}

// sides compiles both sides of a comparison and makes them of one kind.
func (c *compiler) sides(x *comparison) (left, right value, err error) {
	if left, err = c.operand(x.left); err != nil {
		return left, right, err
	}
	if right, err = c.operand(x.right); err != nil {
		return left, right, err
	}
	// A literal takes the type of the other side.
	if left.constant {
		left, err = c.convert(left, right.kind)
	} else {
		right, err = c.convert(right, left.kind)
	}
	return left, right, err
}

func (c *compiler) comparison(x *comparison) (condition, error) {
	if test := nullComparison(x); test != nil {
		if x.op != equal && x.op != unequal {
			return nil, c.invalid("NULL can only be compared with = and <>")
		}
		return c.condition(test)
	}
	left, right, err := c.sides(x)
	if err != nil {
		return nil, err
	}
	switch {
	case left.kind == opaqueKind:
		return nil, c.invalid("an array or an object cannot be compared, only tested with IS NULL")
	case left.kind == booleanKind && x.op != equal && x.op != unequal:
		return nil, c.invalid("a boolean can only be compared with = and <>")
	}
	flexible := left.kind == anyKind || right.kind == anyKind
	op := x.op
	return func(r row) truth {
		a, b := left.eval(r), right.eval(r)
		if a == nil || b == nil {
			return isUnknown
		}
		if flexible {
			a, b = alike(a, b, left.constant)
		}
		order, ok := compare(a, b)
		if !ok {
			return isUnknown
		}
		return truthOf(holds(op, order))
	}, nil
}

// nullComparison is the null test that a comparison with NULL means; nil when
// it is another comparison.
func nullComparison(x *comparison) expression {
	tested := x.left
	if l, ok := x.left.(literal); ok && l.value == nil {
		tested = x.right
	} else if l, ok := x.right.(literal); !ok || l.value != nil {
		return nil
	}
	if x.op == unequal {
		return &negation{&nullTest{tested}}
	}
	return &nullTest{tested}
}

// alike makes two values whose kind only shows now of one kind, if that can be;
// the constant takes the type of the other.
func alike(a, b repository.Value, constantLeft bool) (repository.Value, repository.Value) {
	if constantLeft {
		b, a = alike(b, a, false)
		return a, b
	}
	if converted, err := convert(b, kindOfValue(a)); err == nil {
		b = converted
	}
	return a, b
}

// holds tells whether an operator holds for the order of two values.
func holds(op operator, order int) bool {
	switch op {
	case equal:
		return order == 0
	case unequal:
		return order != 0
	case less:
		return order < 0
	case lessOrEqual:
		return order <= 0
	case greater:
		return order > 0
	}
	return order >= 0
}

func (c *compiler) like(x *like) (condition, error) {
	v, err := c.operand(x.x)
	if err != nil {
		return nil, err
	}
	if v.kind != stringKind && v.kind != numberKind && v.kind != anyKind {
		return nil, c.invalid("LIKE compares strings, not %s", v.kind)
	}
	p := compilePattern(x.pattern)
	return func(r row) truth {
		text, err := convert(v.eval(r), stringKind)
		s, ok := text.(string)
		if err != nil || !ok {
			return isUnknown
		}
		return truthOf(p.matches(s))
	}, nil
}

func (c *compiler) isa(x *isa) (condition, error) {
	if _, ok := c.src.Class(x.class); !ok {
		return nil, c.status(repository.InvalidClass, "class %s does not exist", x.class)
	}
	classes := map[string]bool{}
	for _, class := range c.src.Subclasses(x.class) {
		classes[strings.ToLower(class.Name)] = true
	}
	in := func(instance *repository.Instance) truth {
		return truthOf(classes[strings.ToLower(instance.Class.Name)])
	}
	of := c.strip(x.x)
	if len(of) == 1 && strings.EqualFold(of[0], thisName) {
		return func(r row) truth { return in(r.instance) }, nil
	}
	v, err := c.path(of)
	if err != nil {
		return nil, err
	}
	if v.kind != opaqueKind && v.kind != anyKind {
		return nil, c.invalid("ISA asks for the class of an object, and %s is %s", x.x, v.kind)
	}
	return func(r row) truth {
		if object, ok := v.eval(r).(*repository.Instance); ok {
			return in(object)
		}
		return isUnknown
	}, nil
}
