package wql

import (
	"math"
	"strconv"
	"strings"

	"dpremote/simulator/internal/repository"
)

// operator is a comparison operator.
type operator int

const (
	equal operator = iota
	unequal
	less
	lessOrEqual
	greater
	greaterOrEqual
)

// operatorOf is the operator that a symbol stands for.
func operatorOf(symbol string) (operator, bool) {
	switch symbol {
	case "=":
		return equal, true
	case "<>", "!=":
		return unequal, true
	case "<":
		return less, true
	case "<=":
		return lessOrEqual, true
	case ">":
		return greater, true
	case ">=":
		return greaterOrEqual, true
	}
	return equal, false
}

// disjunction reads terms joined by OR.
func (p *parser) disjunction() (expression, error) { return p.joined("OR", p.conjunction) }

// conjunction reads terms joined by AND, which binds tighter than OR.
func (p *parser) conjunction() (expression, error) { return p.joined("AND", p.term) }

// joined reads one or more terms with a keyword between them.
func (p *parser) joined(keyword string, term func() (expression, error)) (expression, error) {
	var terms []expression
	for {
		x, err := term()
		if err != nil {
			return nil, err
		}
		terms = append(terms, x)
		more, err := p.keyword(keyword)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
	}
	if len(terms) == 1 {
		return terms[0], nil
	}
	return &logical{or: keyword == "OR", terms: terms}, nil
}

// term reads NOT and a term, a parenthesis, or a predicate.
func (p *parser) term() (expression, error) {
	if not, err := p.keyword("NOT"); err != nil {
		return nil, err
	} else if not {
		x, err := nested(p, p.term)
		return &negation{x}, err
	}
	open, err := p.symbol("(")
	if err != nil {
		return nil, err
	}
	if !open {
		return p.predicate()
	}
	x, err := nested(p, p.disjunction)
	if err != nil {
		return nil, err
	}
	return x, p.expectSymbol(")")
}

// predicate reads an operand and what is said of it.
func (p *parser) predicate() (expression, error) {
	if p.predicates++; p.predicates > maxPredicates {
		return nil, p.fail("the query has more than %d predicates", maxPredicates)
	}
	x, err := p.operand()
	if err != nil {
		return nil, err
	}
	if p.token.kind == symbolToken {
		return p.comparison(x)
	}
	if is, err := p.keyword("IS"); is || err != nil {
		return p.nullTest(x, err)
	}
	if isA, err := p.keyword("ISA"); isA || err != nil {
		return p.isa(x, err)
	}
	not, err := p.keyword("NOT")
	if err != nil {
		return nil, err
	}
	test, err := p.likeOrIn(x)
	if not && err == nil {
		test = &negation{test}
	}
	return test, err
}

func (p *parser) comparison(left operand) (expression, error) {
	op, ok := operatorOf(p.token.text)
	if !ok {
		return nil, p.unexpected("a comparison")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	right, err := p.operand()
	return &comparison{op: op, left: left, right: right}, err
}

// nullTest reads what follows IS.
func (p *parser) nullTest(x operand, err error) (expression, error) {
	if err != nil {
		return nil, err
	}
	not, err := p.keyword("NOT")
	if err != nil {
		return nil, err
	}
	if err := p.expectKeyword("NULL"); err != nil {
		return nil, err
	}
	if not {
		return &negation{&nullTest{x}}, nil
	}
	return &nullTest{x}, nil
}

// isa reads what follows ISA: a class, in quotes or not.
func (p *parser) isa(x operand, err error) (expression, error) {
	if err != nil {
		return nil, err
	}
	of, ok := x.(path)
	if !ok {
		return nil, p.fail("ISA asks for the class of an object, which a literal or a function has not")
	}
	if p.token.kind != stringToken && p.token.kind != wordToken {
		return nil, p.unexpected("a class")
	}
	class := p.token.text
	return &isa{x: of, class: class}, p.advance()
}

// likeOrIn reads LIKE or IN and what follows them.
func (p *parser) likeOrIn(x operand) (expression, error) {
	if is, err := p.keyword("LIKE"); err != nil {
		return nil, err
	} else if is {
		if p.token.kind != stringToken {
			return nil, p.unexpected("a string")
		}
		pattern := p.token.text
		return &like{x: x, pattern: pattern}, p.advance()
	}
	if in, err := p.keyword("IN"); err != nil {
		return nil, err
	} else if in {
		return p.membership(x)
	}
	return nil, p.unexpected("a comparison")
}

// membership reads what follows IN: a list or a sub-select.
func (p *parser) membership(x operand) (expression, error) {
	if err := p.expectSymbol("("); err != nil {
		return nil, err
	}
	in := &membership{x: x}
	if p.token.is("SELECT") {
		sub, err := nested(p, p.query)
		if err != nil {
			return nil, err
		}
		if sub.join {
			return nil, p.fail("a sub-select cannot join classes")
		}
		in.query = sub
		return in, p.expectSymbol(")")
	}
	for {
		item, err := p.literal()
		if err != nil {
			return nil, err
		}
		in.list = append(in.list, item)
		more, err := p.symbol(",")
		if err != nil {
			return nil, err
		}
		if !more {
			return in, p.expectSymbol(")")
		}
	}
}

// operand reads a literal, a property or the call of a function.
func (p *parser) operand() (operand, error) {
	if p.isLiteral() {
		return p.literal()
	}
	name, err := p.path("a property or a value")
	if err != nil {
		return nil, err
	}
	open, err := p.symbol("(")
	if err != nil || !open {
		return name, err
	}
	c := &call{name: strings.ToUpper(name.String())}
	c.args, err = nested(p, p.arguments)
	return c, err
}

// arguments reads the arguments of a call and the closing parenthesis.
func (p *parser) arguments() ([]operand, error) {
	if end, err := p.symbol(")"); end || err != nil {
		return nil, err
	}
	var args []operand
	for {
		arg, err := p.operand()
		if err != nil {
			return nil, err
		}
		args = append(args, arg)
		more, err := p.symbol(",")
		if err != nil {
			return nil, err
		}
		if !more {
			return args, p.expectSymbol(")")
		}
	}
}

func (p *parser) isLiteral() bool {
	t := p.token
	return t.kind == stringToken || t.kind == numberToken || t.is("NULL") || t.is("TRUE") || t.is("FALSE")
}

// literal reads a string, a number, TRUE, FALSE or NULL.
func (p *parser) literal() (literal, error) {
	var value repository.Value
	switch {
	case !p.isLiteral():
		return literal{}, p.unexpected("a value")
	case p.token.kind == stringToken:
		value = p.token.text
	case p.token.kind == numberToken:
		number, ok := parseNumber(p.token.text)
		if !ok {
			return literal{}, p.fail("%s is not a number", p.token.text)
		}
		value = number
	case p.token.is("TRUE"):
		value = true
	case p.token.is("FALSE"):
		value = false
	}
	return literal{value}, p.advance()
}

// parseNumber reads an integer, decimal or hexadecimal, or a real. An integer is
// a uint64, or an int64 when it is negative; out of their range it is a real.
func parseNumber(text string) (repository.Value, bool) {
	unsigned := strings.TrimPrefix(text, "+")
	digits, base := unsigned, 10
	if isHex(text) {
		digits, base = strings.Replace(strings.ToLower(unsigned), "0x", "", 1), 16
	}
	if u, err := strconv.ParseUint(digits, base, 64); err == nil {
		return u, true
	}
	if i, err := strconv.ParseInt(digits, base, 64); err == nil {
		if i == 0 {
			return uint64(0), true
		}
		return i, true
	}
	if isHex(text) || strings.ContainsAny(text, "_iInNpPxX") {
		return nil, false // ParseFloat's own notations: 1_000, Inf, NaN, 0x1p4
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) {
		return nil, false
	}
	return f, true
}
