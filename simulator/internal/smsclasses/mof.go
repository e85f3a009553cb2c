package smsclasses

import (
	"fmt"
	"slices"
	"strings"
	"text/scanner"

	"dpremote/simulator/internal/repository"
)

// parser reads declarations. The first error stops it: from then on every token
// reads as the end of the text.
type parser struct {
	scanner scanner.Scanner
	token   rune // what the scanner stands on
	err     error
}

// parse reads the class declarations of a text. Properties are the class's own,
// in the order of the text. The name is the text's, for errors.
func parse(name, text string) ([]*repository.Class, error) {
	p := &parser{}
	p.scanner.Init(strings.NewReader(text))
	p.scanner.Filename = name
	p.scanner.Mode = scanner.ScanIdents | scanner.ScanComments | scanner.SkipComments
	p.scanner.Error = func(_ *scanner.Scanner, message string) { p.fail("%s", message) }
	p.next()
	var classes []*repository.Class
	for p.token != scanner.EOF {
		classes = append(classes, p.class())
	}
	if p.err != nil {
		return nil, p.err
	}
	return classes, nil
}

func (p *parser) next() {
	p.token = p.scanner.Scan()
	if p.err != nil {
		p.token = scanner.EOF
	}
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("parse class declaration: %s: %s", p.scanner.Pos(), fmt.Sprintf(format, args...))
	}
	p.token = scanner.EOF
}

// accept steps over a token if it is the one asked for.
func (p *parser) accept(token rune) bool {
	if p.token != token {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(token rune) {
	if !p.accept(token) {
		p.fail("expected %s, found %q", scanner.TokenString(token), p.scanner.TokenText())
	}
}

func (p *parser) name() string {
	name := p.scanner.TokenText()
	p.expect(scanner.Ident)
	return name
}

// qualifiers reads a list such as [key, write]; it may be missing. Only the
// allowed ones may stand in it.
func (p *parser) qualifiers(allowed ...string) map[string]bool {
	set := map[string]bool{}
	if !p.accept('[') {
		return set
	}
	for {
		name := p.name()
		if p.err == nil && !slices.Contains(allowed, name) {
			p.fail("qualifier %s is not one of %s", name, strings.Join(allowed, ", "))
		}
		set[name] = true
		if !p.accept(',') {
			break
		}
	}
	p.expect(']')
	return set
}

// class reads one class with its braces and the semicolon.
func (p *parser) class() *repository.Class {
	qualifiers := p.qualifiers("abstract", "read")
	if keyword := p.name(); p.err == nil && keyword != "class" {
		p.fail("expected class, found %s", keyword)
	}
	c := &repository.Class{Name: p.name(), Abstract: qualifiers["abstract"], ReadOnly: qualifiers["read"]}
	if p.accept(':') {
		c.Super = p.name()
	}
	p.expect('{')
	for p.token != '}' && p.token != scanner.EOF {
		p.member(c)
	}
	p.expect('}')
	p.expect(';')
	return c
}

// member reads a property or a method with its semicolon.
func (p *parser) member(c *repository.Class) {
	qualifiers := p.qualifiers("key", "lazy", "write", "static")
	member := p.typed()
	if p.accept('(') {
		// The type that stands before a method is that of ReturnValue, which
		// repository.Method fixes.
		m := repository.Method{Name: member.Name, Static: qualifiers["static"]}
		p.parameters(&m)
		c.Methods = append(c.Methods, m)
	} else {
		p.array(&member)
		member.Key, member.Lazy, member.Writable = qualifiers["key"], qualifiers["lazy"], qualifiers["write"]
		c.Properties = append(c.Properties, member)
	}
	p.expect(';')
}

// parameters reads a method's parameters and the closing parenthesis.
func (p *parser) parameters(m *repository.Method) {
	for p.token != ')' && p.token != scanner.EOF {
		qualifiers := p.qualifiers("in", "out")
		parameter := p.typed()
		p.array(&parameter)
		switch {
		case p.err != nil:
		case qualifiers["in"] == qualifiers["out"]:
			p.fail("parameter %s is not one of in, out", parameter.Name)
		case qualifiers["in"]:
			m.In = append(m.In, parameter)
		default:
			m.Out = append(m.Out, parameter)
		}
		if !p.accept(',') {
			break
		}
	}
	p.expect(')')
}

// typed reads a type and a name.
func (p *parser) typed() repository.Property {
	kind := repository.Type(p.name())
	property := repository.Property{Name: p.name(), Type: kind}
	if !intrinsic(kind) {
		property.Type, property.Class = repository.Object, string(kind)
	}
	return property
}

// array reads the brackets of an array, if they are there.
func (p *parser) array(property *repository.Property) {
	if p.accept('[') {
		p.expect(']')
		property.Array = true
	}
}

// intrinsic tells CIM's own types from the names of classes.
func intrinsic(t repository.Type) bool {
	switch t {
	case repository.Boolean, repository.String, repository.Datetime, repository.Real64, repository.Object,
		repository.UInt8, repository.UInt16, repository.UInt32, repository.UInt64,
		repository.SInt8, repository.SInt16, repository.SInt32, repository.SInt64:
		return true
	}
	return false
}
