package wql

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Limits of a query. They are this engine's own; Windows' are not documented
// (Windows SDK, "Querying with WQL", speaks of a quota only).
const (
	maxLength     = 64 << 10 // bytes of text
	maxDepth      = 100      // parentheses, NOT, calls, sub-selects and dots, one in another
	maxPredicates = 1000     // in one query, sub-selects included
)

// Parse reads a query. It may be up to 64 KiB long, have 1000 predicates, and be
// nested 100 levels deep. The error is a *SyntaxError.
func Parse(text string) (*Query, error) {
	if len(text) > maxLength {
		return nil, &SyntaxError{Offset: maxLength, Message: fmt.Sprintf("the query is longer than %d bytes", maxLength)}
	}
	p := &parser{lexer: lexer{text: text}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	q, err := p.query()
	if err != nil {
		return nil, err
	}
	if !q.join && p.token.kind != endToken {
		return nil, p.unexpected("the end of the query")
	}
	return q, nil
}

// parser is a recursive-descent parser; it looks one token ahead.
type parser struct {
	lexer      lexer
	token      token // the next token
	depth      int
	predicates int
}

func (p *parser) advance() error {
	t, err := p.lexer.next()
	p.token = t
	return err
}

func (p *parser) unexpected(want string) error {
	return p.fail("expected %s, found %s", want, p.token)
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{Offset: p.token.offset, Message: fmt.Sprintf(format, args...)}
}

// keyword steps over a keyword if it comes next, and tells whether it did.
func (p *parser) keyword(name string) (bool, error) {
	if !p.token.is(name) {
		return false, nil
	}
	return true, p.advance()
}

// symbol steps over a symbol if it comes next, and tells whether it did.
func (p *parser) symbol(text string) (bool, error) {
	if p.token.kind != symbolToken || p.token.text != text {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) expectKeyword(name string) error {
	if ok, err := p.keyword(name); ok || err != nil {
		return err
	}
	return p.unexpected(name)
}

func (p *parser) expectSymbol(text string) error {
	if ok, err := p.symbol(text); ok || err != nil {
		return err
	}
	return p.unexpected(text)
}

// nested runs parse one level deeper, and refuses to go too deep.
func nested[T any](p *parser, parse func() (T, error)) (T, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		var zero T
		return zero, p.fail("the query is nested deeper than %d levels", maxDepth)
	}
	return parse()
}

// query reads SELECT … FROM … and the clauses after it. When FROM names several
// classes it stops there.
func (p *parser) query() (*Query, error) {
	q := &Query{text: p.lexer.text}
	if err := p.expectKeyword("SELECT"); err != nil {
		return nil, err
	}
	if err := p.selectList(q); err != nil {
		return nil, err
	}
	if err := p.from(q); err != nil || q.join {
		return q, err
	}
	for _, clause := range []func(*Query) error{p.within, p.where, p.orderBy} {
		if err := clause(q); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// selectList reads what stands between SELECT and FROM.
func (p *parser) selectList(q *Query) (err error) {
	if q.Distinct, err = p.keyword("DISTINCT"); err != nil {
		return err
	}
	if all, err := p.symbol("*"); all || err != nil {
		return err
	}
	first, err := p.path("a property, * or COUNT")
	if err != nil {
		return err
	}
	if open, err := p.symbol("("); open || err != nil {
		if err == nil {
			err = p.count(q, first)
		}
		return err
	}
	for {
		q.selected = append(q.selected, first)
		q.Properties = append(q.Properties, first.String())
		more, err := p.symbol(",")
		if err != nil || !more {
			return err
		}
		if first, err = p.path("a property"); err != nil {
			return err
		}
	}
}

// count reads the rest of COUNT(*) or COUNT(property).
func (p *parser) count(q *Query, function path) error {
	if !strings.EqualFold(function.String(), "COUNT") {
		return p.fail("the function %s cannot be selected, only COUNT", function)
	}
	if q.Distinct || p.token.is("DISTINCT") {
		return p.fail("COUNT and DISTINCT cannot be used together")
	}
	q.Count = true
	all, err := p.symbol("*")
	if err != nil {
		return err
	}
	if !all {
		property, err := p.path("a property or *")
		if err != nil {
			return err
		}
		q.selected = []path{property}
		q.Properties = []string{property.String()}
	}
	return p.expectSymbol(")")
}

// from reads FROM, the class and its alias.
func (p *parser) from(q *Query) error {
	if err := p.expectKeyword("FROM"); err != nil {
		return err
	}
	class, err := p.name("a class")
	if err != nil {
		return err
	}
	q.From = class
	as, err := p.keyword("AS")
	if err != nil {
		return err
	}
	if as || p.token.kind == wordToken && !isReserved(p.token.text) && !isJoin(p.token.text) {
		if q.alias, err = p.name("an alias"); err != nil {
			return err
		}
	}
	q.join = p.token.kind == symbolToken && p.token.text == "," || p.token.kind == wordToken && isJoin(p.token.text)
	return nil
}

// within reads WITHIN and a number of seconds, if they come next.
func (p *parser) within(q *Query) error {
	if ok, err := p.keyword("WITHIN"); !ok || err != nil {
		return err
	}
	if p.token.kind != numberToken {
		return p.unexpected("a number of seconds")
	}
	seconds, err := strconv.ParseFloat(p.token.text, 64)
	if err != nil || !(seconds > 0 && seconds <= math.MaxInt32) {
		return p.fail("WITHIN %s is not a number of seconds", p.token.text)
	}
	// At least a nanosecond, because zero means that there is no WITHIN.
	q.Within = max(time.Duration(seconds*float64(time.Second)), 1)
	return p.advance()
}

func (p *parser) where(q *Query) error {
	ok, err := p.keyword("WHERE")
	if !ok || err != nil {
		return err
	}
	q.where, err = p.disjunction()
	return err
}

// orderBy reads ORDER BY and its terms, if they come next.
func (p *parser) orderBy(q *Query) error {
	if ok, err := p.keyword("ORDER"); !ok || err != nil {
		return err
	}
	if err := p.expectKeyword("BY"); err != nil {
		return err
	}
	for {
		by, err := p.path("a property")
		if err != nil {
			return err
		}
		term := order{by: by}
		if term.descending, err = p.keyword("DESC"); err != nil {
			return err
		}
		if !term.descending {
			if _, err := p.keyword("ASC"); err != nil {
				return err
			}
		}
		q.orders = append(q.orders, term)
		if more, err := p.symbol(","); err != nil || !more {
			return err
		}
	}
}

// name reads a name that is not a reserved word.
func (p *parser) name(what string) (string, error) {
	if p.token.kind != wordToken || isReserved(p.token.text) {
		return "", p.unexpected(what)
	}
	name := p.token.text
	return name, p.advance()
}

// path reads names with dots between them. Only the first may not be a reserved
// word.
func (p *parser) path(what string) (path, error) {
	first, err := p.name(what)
	if err != nil {
		return nil, err
	}
	names := path{first}
	for {
		if dot, err := p.symbol("."); err != nil || !dot {
			return names, err
		}
		if p.token.kind != wordToken {
			return nil, p.unexpected("a property")
		}
		if len(names) == maxDepth {
			return nil, p.fail("the path is longer than %d names", maxDepth)
		}
		names = append(names, p.token.text)
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
}

// isReserved tells the words that can be neither a class nor a property, since
// they would make a query ambiguous.
func isReserved(word string) bool {
	switch strings.ToUpper(word) {
	case "AND", "AS", "BY", "DISTINCT", "FALSE", "FROM", "GROUP", "HAVING", "IN", "IS", "ISA", "LIKE", "NOT",
		"NULL", "OR", "ORDER", "SELECT", "TRUE", "WHERE", "WITHIN":
		return true
	}
	return false
}

// isJoin tells the words that begin a join after a class. Elsewhere they are
// names.
func isJoin(word string) bool {
	switch strings.ToUpper(word) {
	case "CROSS", "FULL", "INNER", "JOIN", "LEFT", "OUTER", "RIGHT":
		return true
	}
	return false
}
