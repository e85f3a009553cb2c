package cim

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"dpremote/internal/xmlscan"
	"dpremote/wsman"
)

// ReadInstance reads the instance at whose Start the scanner stands, to its
// End: a class element, or the XmlFragment of a projection (DSP0226 section
// 7.9).
func ReadInstance(sc *xmlscan.Scanner) (*Instance, error) {
	i := &Instance{}
	if err := i.Read(sc); err != nil {
		return nil, err
	}
	return i, nil
}

// Read reads the next instance into i and keeps the memory of its properties'
// list.
func (i *Instance) Read(sc *xmlscan.Scanner) error {
	*i = Instance{Properties: i.Properties[:0]}
	if !sc.Is(wsman.NamespaceWSMan, "XmlFragment") {
		i.Class = string(sc.Local())
		i.Namespace = string(sc.Space())
	}
	if isNil(sc) {
		return sc.Skip()
	}
	return i.readProperties(sc)
}

func (i *Instance) readProperties(sc *xmlscan.Scanner) error {
	depth := sc.Depth()
	for {
		t, err := sc.Next()
		switch {
		case err != nil:
			return err
		case t == xmlscan.End && sc.Depth() == depth:
			return nil
		case t == xmlscan.Text && len(bytes.TrimSpace(sc.Text())) > 0:
			return fmt.Errorf("instance of %s: text %q between properties", i.Class, sc.Text())
		case t == xmlscan.Start:
			name := string(sc.Local())
			v, err := readValue(sc)
			if err != nil {
				return fmt.Errorf("property %s: %w", name, err)
			}
			if i.add(name, v); len(i.Properties) > maxProperties {
				return fmt.Errorf("instance of %s: more than %d properties", i.Class, maxProperties)
			}
		}
	}
}

// maxProperties is more than any class has.
const maxProperties = 4096

// add adds a property, or one more element of an array. Elements of an array
// stand together; as properties are sorted, only a name that is out of order
// can be one that came before.
func (i *Instance) add(name string, v Value) {
	last := len(i.Properties) - 1
	if last < 0 || name > i.Properties[last].Name {
		i.Properties = append(i.Properties, Property{name, v})
		return
	}
	for n := last; n >= 0; n-- {
		if i.Properties[n].Name == name {
			i.Properties[n].Value = i.Properties[n].Value.with(v)
			return
		}
	}
	i.Properties = append(i.Properties, Property{name, v})
}

// with is the array of v's elements and one more; it takes v over. NULL elements of an array
// stay, so that positions hold.
func (v Value) with(next Value) Value {
	if v.kind != Array {
		return Value{kind: Array, whole: &whole{items: []Value{v, next}}}
	}
	v.whole.items = append(v.whole.items, next)
	return v
}

func isNil(sc *xmlscan.Scanner) bool {
	v, _ := sc.Attr(wsman.NamespaceXSI, "nil")
	return string(v) == "true" || string(v) == "1"
}

// errMixed is text beside elements, which no value has.
var errMixed = errors.New("text and elements side by side")

// readValue reads the value of the property at whose Start the scanner stands.
func readValue(sc *xmlscan.Scanner) (Value, error) {
	v := Value{kind: Text}
	var typeSpace []byte
	if t, ok := sc.Attr(wsman.NamespaceXSI, "type"); ok {
		space, local := sc.QName(t)
		typeSpace, v.typ = space, string(local)
	}
	if isNil(sc) {
		v.kind = Null
		return v, sc.Skip()
	}
	if embedded(string(typeSpace), v.typ) {
		v.kind = Object
		i := &Instance{Class: strings.TrimSuffix(v.typ, "_Type"), Namespace: string(typeSpace)}
		v.whole = &whole{instance: i}
		return v, i.readProperties(sc)
	}
	return v, v.readContent(sc)
}

// embedded tells a type that is a class's from one of CIM's own.
func embedded(space, local string) bool {
	return strings.HasSuffix(local, "_Type") && space != wsman.NamespaceCIM
}

// readContent reads text, or elements that say themselves what they are.
func (v *Value) readContent(sc *xmlscan.Scanner) error {
	depth, start := sc.Depth(), sc.Mark()
	var text []byte
	joined := false
	for {
		t, err := sc.Next()
		switch {
		case err != nil:
			return err
		case t == xmlscan.Text && text == nil:
			text = sc.Text()
		case t == xmlscan.Text:
			if !joined { // the first run may be part of the document
				text, joined = bytes.Clone(text), true
			}
			text = append(text, sc.Text()...)
		case t == xmlscan.Start:
			if len(bytes.TrimSpace(text)) > 0 {
				return errMixed
			}
			return v.readElements(sc, depth, start)
		case t == xmlscan.End:
			v.text = string(text)
			return nil
		}
	}
}

// readElements reads a value that is made of elements, the first of which has
// just started. It goes back to start where a reader wants to begin there.
func (v *Value) readElements(sc *xmlscan.Scanner, depth int, start xmlscan.Mark) error {
	if string(sc.Space()) == wsman.NamespaceAddressing {
		sc.Rewind(start)
		return v.readReference(sc)
	}
	kind, isTime := timeKind(string(sc.Space()), string(sc.Local()))
	if !isTime {
		sc.Rewind(start)
		v.kind = Object
		v.whole = &whole{instance: &Instance{}}
		return v.whole.instance.readProperties(sc)
	}
	text, err := sc.Content()
	if err != nil {
		return err
	}
	v.kind, v.text = kind, strings.TrimSpace(string(text))
	return endOf(sc, depth)
}

// timeKind recognises the elements that wrap a datetime (DSP0230 section 7.3.6
// and its cimDateTime type). In a projection they have no namespace.
func timeKind(space, local string) (Kind, bool) {
	if space != wsman.NamespaceCIM && space != "" {
		return Null, false
	}
	switch local {
	case "Datetime", "Date", "Time", "CIM_DateTime":
		return DateTime, true
	case "Interval":
		return Duration, true
	}
	return Null, false
}

// readReference reads a reference, bare or wrapped.
func (v *Value) readReference(sc *xmlscan.Scanner) error {
	epr, err := wsman.ReadEPR(sc)
	if err != nil {
		return err
	}
	v.kind, v.whole = Reference, &whole{epr: &epr}
	return nil
}

// endOf reads to the End of the element at depth and refuses anything but
// white space before it.
func endOf(sc *xmlscan.Scanner, depth int) error {
	for {
		t, err := sc.Next()
		switch {
		case err != nil:
			return err
		case t == xmlscan.End && sc.Depth() == depth:
			return nil
		case t == xmlscan.Start || t == xmlscan.Text && len(bytes.TrimSpace(sc.Text())) > 0:
			return errMixed
		}
	}
}
