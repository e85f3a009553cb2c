package wire

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Limits of a request's XML. Its length is bounded by MaxEnvelopeSize.
const (
	maxDepth      = 64
	maxAttributes = 64
)

// name is an expanded XML name.
type name struct{ space, local string }

// attribute is an attribute that is not a namespace declaration.
type attribute struct {
	name  name
	value string
}

// element is one element of a request.
type element struct {
	name       name
	attributes []attribute
	children   []*element
	chars      []byte // all character data directly inside
	scope      *scope
}

// scope is the namespace declarations of one element.
type scope struct {
	outer    *scope
	declared map[string]string
}

// resolve is the namespace that a prefix stands for. The empty prefix always
// resolves, to no namespace when none is declared.
func (s *scope) resolve(prefix string) (string, bool) {
	if prefix == "xml" {
		return nsXML, true
	}
	for ; s != nil; s = s.outer {
		if uri, ok := s.declared[prefix]; ok {
			return uri, true
		}
	}
	return "", prefix == ""
}

// text is all character data directly inside the element.
func (e *element) text() string { return string(e.chars) }

// attr is an attribute's value.
func (e *element) attr(space, local string) (string, bool) {
	for _, a := range e.attributes {
		if a.name == (name{space, local}) {
			return a.value, true
		}
	}
	return "", false
}

// flag is whether an xs:boolean attribute is present and true.
func (e *element) flag(space, local string) bool {
	v, _ := e.attr(space, local)
	return v == "true" || v == "1"
}

// child is the first child of a name, or nil. A nil element has none.
func (e *element) child(space, local string) *element {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name == (name{space, local}) {
			return c
		}
	}
	return nil
}

// qname resolves a QName in content, such as that of xsi:type.
func (e *element) qname(value string) (name, error) {
	prefix, local, found := strings.Cut(value, ":")
	if !found {
		prefix, local = "", value
	}
	space, ok := e.scope.resolve(prefix)
	if !ok {
		return name{}, fmt.Errorf("read %s: the prefix %q is not declared", value, prefix)
	}
	return name{space, local}, nil
}

// parse reads a document into a tree. It refuses what SOAP 1.2 section 5
// forbids (document type declarations, processing instructions other than the
// XML declaration) and what exceeds the limits.
func parse(text []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	// The text is UTF-8 by now, whatever its declaration says.
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	p := parser{}
	for {
		// RawToken leaves prefixes alone: Token would take one that is not
		// declared for a namespace.
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read XML: %w", err)
		}
		if err := p.take(token); err != nil {
			return nil, fmt.Errorf("read XML at byte %d: %w", d.InputOffset(), err)
		}
	}
	if p.root == nil || len(p.open) > 0 {
		return nil, errors.New("read XML: the document ends early")
	}
	return p.root, nil
}

// parser builds the tree of a document.
type parser struct {
	root *element
	open []openElement
}

// openElement is an element whose end has not been read.
type openElement struct {
	*element
	raw xml.Name // as written: prefix and local part
}

func (p *parser) take(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		return p.start(t)
	case xml.EndElement:
		return p.end(t)
	case xml.CharData:
		return p.characters(t)
	case xml.Directive:
		return errors.New("a document type declaration is not allowed in SOAP")
	case xml.ProcInst:
		if t.Target != "xml" || p.root != nil {
			return errors.New("a processing instruction is not allowed in SOAP")
		}
	}
	return nil
}

func (p *parser) start(t xml.StartElement) error {
	if len(p.open) == 0 && p.root != nil {
		return errors.New("there is more than one root element")
	}
	if len(p.open) >= maxDepth {
		return fmt.Errorf("elements are nested deeper than %d", maxDepth)
	}
	if len(t.Attr) > maxAttributes {
		return fmt.Errorf("an element has more than %d attributes", maxAttributes)
	}
	e := &element{}
	if len(p.open) > 0 {
		parent := p.open[len(p.open)-1]
		parent.children = append(parent.children, e)
		e.scope = parent.scope
	} else {
		p.root = e
	}
	if err := e.declare(t.Attr); err != nil {
		return err
	}
	if err := e.identify(t); err != nil {
		return err
	}
	p.open = append(p.open, openElement{e, t.Name})
	return nil
}

// declare opens a scope for the namespace declarations among attrs.
func (e *element) declare(attrs []xml.Attr) error {
	declared := map[string]string{}
	for _, a := range attrs {
		var prefix string
		switch {
		case a.Name.Space == "xmlns":
			prefix = a.Name.Local
			if a.Value == "" {
				return fmt.Errorf("the prefix %q is declared as empty", prefix)
			}
		case a.Name.Space == "" && a.Name.Local == "xmlns":
		default:
			continue
		}
		if _, twice := declared[prefix]; twice {
			return fmt.Errorf("the prefix %q is declared twice", prefix)
		}
		declared[prefix] = a.Value
	}
	if len(declared) > 0 {
		e.scope = &scope{outer: e.scope, declared: declared}
	}
	return nil
}

// identify expands the names of the element and of its attributes.
func (e *element) identify(t xml.StartElement) error {
	space, ok := e.scope.resolve(t.Name.Space)
	if !ok || strings.Contains(t.Name.Local, ":") {
		return fmt.Errorf("the name %s:%s has a prefix that is not declared", t.Name.Space, t.Name.Local)
	}
	e.name = name{space, t.Name.Local}
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		space := ""
		if a.Name.Space != "" { // an attribute without a prefix has no namespace
			if space, ok = e.scope.resolve(a.Name.Space); !ok {
				return fmt.Errorf("the attribute %s:%s has a prefix that is not declared", a.Name.Space, a.Name.Local)
			}
		}
		if _, twice := e.attr(space, a.Name.Local); twice {
			return fmt.Errorf("the attribute %s is given twice", a.Name.Local)
		}
		e.attributes = append(e.attributes, attribute{name{space, a.Name.Local}, a.Value})
	}
	return nil
}

func (p *parser) end(t xml.EndElement) error {
	if len(p.open) == 0 || p.open[len(p.open)-1].raw != t.Name {
		return fmt.Errorf("the end of %s matches no start", t.Name.Local)
	}
	p.open = p.open[:len(p.open)-1]
	return nil
}

func (p *parser) characters(t xml.CharData) error {
	if len(p.open) > 0 {
		e := p.open[len(p.open)-1]
		e.chars = append(e.chars, t...)
		return nil
	}
	if len(bytes.TrimSpace(t)) > 0 {
		return errors.New("there is text outside of the root element")
	}
	return nil
}
