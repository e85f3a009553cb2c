package cim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"dpremote/wsman"
)

// Kind says which shape a value has on the wire.
type Kind uint8

// The kinds. The zero value is Null.
const (
	Null      Kind = iota
	Text           // any scalar: the wire does not tell a string from a number
	DateTime       // a datetime, wrapped as such
	Duration       // an interval, wrapped as such
	Object         // an embedded instance
	Reference      // a reference to an instance
	Array          // two or more of the others; an array of one looks like a scalar
)

// String is the kind's name.
func (k Kind) String() string {
	names := [...]string{"null", "text", "datetime", "interval", "instance", "reference", "array"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("unknown (%d)", uint8(k))
}

// Value is the value of one property. The zero value is NULL, which is not the
// same as an empty text, and not the same as a property that is absent.
type Value struct {
	kind  Kind
	text  string // of Text, DateTime and Duration, as on the wire
	typ   string // the xsi:type's local name, where the server gave one
	whole *whole // of the kinds that are no text; a Value stays small, for rows have many
}

// whole is a value that is more than a text.
type whole struct {
	instance *Instance
	epr      *wsman.EPR
	items    []Value
}

// Kind is the shape of the value.
func (v Value) Kind() Kind { return v.kind }

// IsNull reports NULL.
func (v Value) IsNull() bool { return v.kind == Null }

// Text is the text of a scalar, datetime or interval as it was on the wire;
// empty for the other kinds.
func (v Value) Text() string { return v.text }

// Type is the type that the server named for the value, such as
// cimUnsignedInt; empty as a rule, for WinRM names none.
func (v Value) Type() string { return v.typ }

// Instance is the embedded instance, nil for the other kinds.
func (v Value) Instance() *Instance {
	if v.whole == nil {
		return nil
	}
	return v.whole.instance
}

// Reference is the reference, nil for the other kinds.
func (v Value) Reference() *wsman.EPR {
	if v.whole == nil {
		return nil
	}
	return v.whole.epr
}

// Items are the elements when the value is read as an array: those of an
// Array, none of NULL, and the value itself otherwise.
func (v Value) Items() []Value {
	switch v.kind {
	case Null:
		return nil
	case Array:
		return v.whole.items
	}
	return []Value{v}
}

// String is the value for people: NULL is empty, arrays are joined by commas.
func (v Value) String() string {
	switch v.kind {
	case Object:
		return v.whole.instance.String()
	case Reference:
		return v.whole.epr.String()
	case Array:
		parts := make([]string, len(v.whole.items))
		for i, item := range v.whole.items {
			parts[i] = item.String()
		}
		return strings.Join(parts, ", ")
	}
	return v.text
}

// TextValue is a scalar that is already text.
func TextValue(s string) Value { return Value{kind: Text, text: s} }

// BoolValue is a boolean.
func BoolValue(b bool) Value { return TextValue(strconv.FormatBool(b)) }

// UintValue is an unsigned integer of any size.
func UintValue(n uint64) Value { return TextValue(strconv.FormatUint(n, 10)) }

// IntValue is a signed integer of any size.
func IntValue(n int64) Value { return TextValue(strconv.FormatInt(n, 10)) }

// TimeValue is a point in time, sent in UTC to the microsecond, which is as
// fine as a CIM datetime is.
func TimeValue(t time.Time) Value {
	return Value{kind: DateTime, text: t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)}
}

// IntervalValue is an interval.
func IntervalValue(d time.Duration) Value {
	return Value{kind: Duration, text: IntervalOf(d).String()}
}

// ObjectValue embeds an instance. Its Namespace must be set.
func ObjectValue(i *Instance) Value { return Value{kind: Object, whole: &whole{instance: i}} }

// ReferenceValue is a reference.
func ReferenceValue(e wsman.EPR) Value { return Value{kind: Reference, whole: &whole{epr: &e}} }

// ArrayValue is an array. None gives NULL: the wire has no empty array.
func ArrayValue(items ...Value) Value {
	switch len(items) {
	case 0:
		return Value{}
	case 1:
		return items[0]
	}
	return Value{kind: Array, whole: &whole{items: items}}
}

// Property is a property's name and value.
type Property struct {
	Name  string
	Value Value
}

// Instance is one instance of any class, or the part of one that a query's
// SELECT list names.
type Instance struct {
	// Class is the class's name; empty for a projection, which loses it.
	Class string
	// Namespace is the XML namespace of the class: its resource URI.
	Namespace string
	// Properties are in the order of the wire, which WinRM sorts by name. A
	// NULL array is not among them.
	Properties []Property
}

// Get finds a property, ignoring case as WMI does, and reports whether it is
// there.
func (i *Instance) Get(name string) (Value, bool) {
	for _, p := range i.Properties {
		if strings.EqualFold(p.Name, name) {
			return p.Value, true
		}
	}
	return Value{}, false
}

// Set changes a property, or adds it.
func (i *Instance) Set(name string, v Value) {
	for n := range i.Properties {
		if strings.EqualFold(i.Properties[n].Name, name) {
			i.Properties[n].Value = v
			return
		}
	}
	i.Properties = append(i.Properties, Property{name, v})
}

// String is the instance for people: its class and what is not NULL.
func (i *Instance) String() string {
	var parts []string
	for _, p := range i.Properties {
		if !p.Value.IsNull() {
			parts = append(parts, p.Name+"="+p.Value.String())
		}
	}
	return i.Class + "{" + strings.Join(parts, ", ") + "}"
}
