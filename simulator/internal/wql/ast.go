package wql

import (
	"strings"

	"dpremote/simulator/internal/repository"
)

// expression is a node of a WHERE clause: *logical, *negation, *comparison,
// *like, *membership, *nullTest or *isa.
type expression interface{ isExpression() }

// logical is its terms joined by AND, or by OR.
type logical struct {
	or    bool
	terms []expression // at least two
}

// negation is NOT x.
type negation struct{ x expression }

// comparison is left op right.
type comparison struct {
	op          operator
	left, right operand
}

// like is x LIKE pattern.
type like struct {
	x       operand
	pattern string
}

// membership is x IN (list), or x IN (query) when query is not nil.
type membership struct {
	x     operand
	list  []literal
	query *Query
}

// nullTest is x IS NULL.
type nullTest struct{ x operand }

// isa is x ISA 'class'.
type isa struct {
	x     path
	class string
}

func (*logical) isExpression()    {}
func (*negation) isExpression()   {}
func (*comparison) isExpression() {}
func (*like) isExpression()       {}
func (*membership) isExpression() {}
func (*nullTest) isExpression()   {}
func (*isa) isExpression()        {}

// operand is what a comparison compares: path, literal or *call.
type operand interface{ isOperand() }

// path is a property, or the way to a property of an embedded object; at least
// one name.
type path []string

// String is the path as it is written.
func (p path) String() string { return strings.Join(p, ".") }

// literal is a constant: nil, bool, int64 (negative), uint64, float64 or string.
type literal struct{ value repository.Value }

// call is a call of a function.
type call struct {
	name string // in upper case
	args []operand
}

func (path) isOperand()    {}
func (literal) isOperand() {}
func (*call) isOperand()   {}

// order is one term of ORDER BY.
type order struct {
	by         path
	descending bool
}
