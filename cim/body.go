package cim

import (
	"fmt"

	"dpremote/internal/xmlwrite"
	"dpremote/wsman"
)

// Body builds the element that a Put, a Create or an Invoke carries: root, in
// the namespace that is the class's resource URI, with a child for each
// property. NULL is written as such; an array as one element each.
//
// For a Put and a Create root is the class's name, for an Invoke the method's
// name and _INPUT (MS-WSMV sections 4.1.3 and 4.1.4). Names are case-sensitive
// here, though they are not in WQL.
func Body(uri, root string, properties []Property) ([]byte, error) {
	if err := checkName(root); err != nil {
		return nil, err
	}
	b := &body{}
	b.Open("p:"+root, "xmlns:p", uri, "xmlns:xsi", wsman.NamespaceXSI, "xmlns:cim", wsman.NamespaceCIM)
	for _, p := range properties {
		if err := b.property("p", p.Name, p.Value, 0); err != nil {
			return nil, err
		}
	}
	b.Close("p:" + root)
	return b.Bytes()
}

// checkName refuses what is no CIM identifier, so that a name from a command
// line cannot become markup.
func checkName(name string) error {
	for i, r := range name {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || r == '_' || r >= 0x80
		if !letter && (i == 0 || r < '0' || r > '9') {
			return fmt.Errorf("%q is not a name of a class, property or method", name)
		}
	}
	if name == "" {
		return fmt.Errorf("a class, property or method without a name")
	}
	return nil
}

// maxEmbedding bounds instances within instances.
const maxEmbedding = 32

type body struct{ xmlwrite.Writer }

func (b *body) property(prefix, name string, v Value, depth int) error {
	if err := checkName(name); err != nil {
		return err
	}
	tag := prefix + ":" + name
	switch v.kind {
	case Null:
		b.Empty(tag, "xsi:nil", "true")
	case Text:
		b.Leaf(tag, v.text)
	case DateTime:
		b.Open(tag)
		b.Leaf("cim:Datetime", v.text)
		b.Close(tag)
	case Duration:
		b.Open(tag)
		b.Leaf("cim:Interval", v.text)
		b.Close(tag)
	case Reference:
		b.Open(tag)
		v.whole.epr.Write(&b.Writer)
		b.Close(tag)
	case Array:
		for _, item := range v.whole.items {
			if err := b.property(prefix, name, item, depth); err != nil {
				return err
			}
		}
	case Object:
		return b.object(tag, v.whole.instance, depth+1)
	}
	return nil
}

// object writes an embedded instance: its own namespace, and its class as
// xsi:type (the form that Windows takes as input).
func (b *body) object(tag string, i *Instance, depth int) error {
	if depth > maxEmbedding {
		return fmt.Errorf("instances embedded more than %d deep", maxEmbedding)
	}
	if err := checkName(i.Class); err != nil {
		return fmt.Errorf("embedded instance: %w", err)
	}
	prefix := fmt.Sprintf("q%d", depth)
	b.Open(tag, "xmlns:"+prefix, i.Namespace, "xsi:type", prefix+":"+i.Class+"_Type")
	for _, p := range i.Properties {
		if err := b.property(prefix, p.Name, p.Value, depth); err != nil {
			return err
		}
	}
	b.Close(tag)
	return nil
}
