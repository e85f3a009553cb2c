package queries

import (
	"slices"
	"strings"
)

// Record is a struct that holds rows of one class: cim tags name the
// properties, CIMClass the class.
type Record interface {
	// CIMClass is the class's name. It must not depend on the record's value.
	CIMClass() string
}

// Kind is what the values of a property are. The wire does not tell a string
// from a number or a boolean; the class does.
type Kind uint8

// The kinds. The zero value is KindString.
const (
	KindString   Kind = iota
	KindInteger       // signed or unsigned, up to 64 bits
	KindBoolean       // true or false
	KindDatetime      // a point in time
	KindObject        // an embedded instance
)

// String is the kind's name.
func (k Kind) String() string {
	switch k {
	case KindString:
		return "string"
	case KindInteger:
		return "integer"
	case KindBoolean:
		return "boolean"
	case KindDatetime:
		return "datetime"
	case KindObject:
		return "object"
	}
	return unknown(uint32(k))
}

// Property is one property of a class.
type Property struct {
	Name  string
	Kind  Kind
	Array bool // on the wire an array of one looks like a scalar
}

// Class is what is known of one class. Servers may send more properties:
// classes grow.
type Class struct {
	Name       string
	Keys       []string   // the key properties, in the order of the class page
	Properties []Property // inherited ones included
}

// Property finds a property by name, ignoring case as WMI does.
func (c Class) Property(name string) (Property, bool) {
	i := slices.IndexFunc(c.Properties, func(p Property) bool { return strings.EqualFold(p.Name, name) })
	if i < 0 {
		return Property{}, false
	}
	return c.Properties[i], true
}

// All lists the classes that are known, the records' and the concrete classes
// of packages. The caller may change the result.
func All() []Class {
	classes := []Class{
		packageStatusRootClass(),
		packageStatusSiteClass(),
		packageStatusDPClass(),
		distributionPointInfoClass(),
		distributionPointClass(),
		dpStatusClass(),
		dpStatusInfoClass(),
		dpStatusDetailClass(),
		jobClass(),
		contentClass(),
		packageClass(),
		providerLocationClass(),
		siteClass(),
		dpGroupClass(),
		dpGroupMemberClass(),
		statusMessageClass(),
		messageAttributeClass(),
		driveClass(),
	}
	return append(classes, concretePackageClasses()...)
}

// ClassNamed finds a class of All by name, ignoring case. It searches: who has
// many rows of a class keeps the Class.
func ClassNamed(name string) (Class, bool) {
	for _, c := range All() {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	return Class{}, false
}

// properties declares the properties of a class: for each kind the names, with
// spaces between. [] behind a name marks an array.
type properties struct{ strings, integers, booleans, datetimes, objects string }

func newClass(name, keys string, p properties) Class {
	c := Class{Name: name, Keys: strings.Fields(keys)}
	c.add(p)
	return c
}

// derived declares a class that has another one's properties and its own.
func derived(from Class, name string, own properties) Class {
	c := Class{Name: name, Keys: slices.Clone(from.Keys), Properties: slices.Clone(from.Properties)}
	c.add(own)
	return c
}

func (c *Class) add(p properties) {
	for _, group := range []struct {
		kind  Kind
		names string
	}{{KindString, p.strings}, {KindInteger, p.integers}, {KindBoolean, p.booleans}, {KindDatetime, p.datetimes}, {KindObject, p.objects}} {
		for name := range strings.FieldsSeq(group.names) {
			name, array := strings.CutSuffix(name, "[]")
			c.Properties = append(c.Properties, Property{name, group.kind, array})
		}
	}
}
