// Package repository holds what a simulated site's CIM repository is made of:
// class declarations, instances of them, and the status codes that a provider
// answers with. It knows neither WQL nor the wire.
package repository

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Type is a CIM intrinsic type (DSP0004 section 5.2), in the spelling of MOF.
type Type string

// The intrinsic types that the simulated classes use.
const (
	Boolean   Type = "boolean"
	UInt8     Type = "uint8"
	UInt16    Type = "uint16"
	UInt32    Type = "uint32"
	UInt64    Type = "uint64"
	SInt8     Type = "sint8"
	SInt16    Type = "sint16"
	SInt32    Type = "sint32"
	SInt64    Type = "sint64"
	Real64    Type = "real64"
	String    Type = "string"
	Datetime  Type = "datetime"
	Object    Type = "object"    // an embedded instance; Property.Class names its class
	Reference Type = "reference" // a reference to an instance
)

// Property declares one property of a class, or one parameter of a method.
type Property struct {
	Name     string
	Type     Type
	Array    bool
	Key      bool
	Lazy     bool   // null in the results of a query, present on Get
	Writable bool   // a Put may change it
	Class    string // the class of an embedded object or reference
}

// Method declares one method. ReturnValue is always a sint32 out parameter and
// is not listed in Out.
type Method struct {
	Name   string
	Static bool
	In     []Property
	Out    []Property
}

// Class declares a class. Properties holds inherited and own properties,
// sorted by name without regard to case, as Windows renders them.
type Class struct {
	Name       string
	Super      string // "" for a root class
	Abstract   bool   // has no instances of its own
	ReadOnly   bool   // refuses Put, Create and Delete
	Properties []Property
	Methods    []Method
}

// Property finds a property by name, ignoring case as WMI does.
func (c *Class) Property(name string) (Property, bool) {
	i := c.Index(name)
	if i < 0 {
		return Property{}, false
	}
	return c.Properties[i], true
}

// Index is the position of a property in Properties, or -1. It ignores case.
func (c *Class) Index(name string) int {
	return slices.IndexFunc(c.Properties, func(p Property) bool { return strings.EqualFold(p.Name, name) })
}

// Method finds a method by name, ignoring case.
func (c *Class) Method(name string) (Method, bool) {
	i := slices.IndexFunc(c.Methods, func(m Method) bool { return strings.EqualFold(m.Name, name) })
	if i < 0 {
		return Method{}, false
	}
	return c.Methods[i], true
}

// Keys are the key properties, in the order of Properties.
func (c *Class) Keys() []Property {
	var keys []Property
	for _, p := range c.Properties {
		if p.Key {
			keys = append(keys, p)
		}
	}
	return keys
}

// Value is the value of a property: nil for NULL, bool, int64 (every sint),
// uint64 (every uint), float64, string, DatetimeValue, *Instance (embedded),
// Ref, or []Value for an array.
type Value any

// DatetimeValue is a CIM datetime: a point in time, or an interval.
type DatetimeValue struct {
	Time     time.Time     // the point in time
	NoZone   bool          // the offset is not given (a DMTF datetime that ends in +***)
	Interval time.Duration // the interval, when IsInterval
	// IsInterval tells an interval from a point in time.
	IsInterval bool
}

// At is the datetime of a point in time, in UTC.
func At(t time.Time) DatetimeValue { return DatetimeValue{Time: t.UTC()} }

// Ref is a reference to an instance: its namespace, class and keys.
type Ref struct {
	Namespace string
	Class     string
	Keys      map[string]string
}

// ClassProperty is the system property that holds the name of an instance's
// class (Windows SDK, "WMI System Properties"). No class declares it.
const ClassProperty = "__CLASS"

// Instance is one instance of a class. Values has one entry for each of
// Class.Properties, in the same order. An Instance is not safe for concurrent
// use while it is changed.
type Instance struct {
	Class  *Class
	Values []Value
}

// New is an instance of c in which every property is NULL.
func New(c *Class) *Instance {
	return &Instance{Class: c, Values: make([]Value, len(c.Properties))}
}

// Get is the value of a property; nil when it is NULL or the class lacks it.
// Of the system properties it knows __CLASS, the name of the instance's class.
func (in *Instance) Get(name string) Value {
	if i := in.Class.Index(name); i >= 0 {
		return in.Values[i]
	}
	if strings.EqualFold(name, ClassProperty) {
		return in.Class.Name
	}
	return nil
}

// Set sets a property and reports whether the class has it.
func (in *Instance) Set(name string, v Value) bool {
	i := in.Class.Index(name)
	if i < 0 {
		return false
	}
	in.Values[i] = v
	return true
}

// Clone is a copy that shares no slice with in. Embedded instances are shared.
func (in *Instance) Clone() *Instance {
	return &Instance{Class: in.Class, Values: slices.Clone(in.Values)}
}

// Code is a WBEM status code, as winerror.h and wbemcli.h number them.
type Code uint32

// The codes that a simulated provider answers with (wbemcli.h, WBEMSTATUS).
const (
	Failed           Code = 0x80041001
	NotFound         Code = 0x80041002
	AccessDenied     Code = 0x80041003
	InvalidParameter Code = 0x80041008
	InvalidNamespace Code = 0x8004100E
	InvalidClass     Code = 0x80041010
	InvalidQuery     Code = 0x80041017
	AlreadyExists    Code = 0x80041019
	NotSupported     Code = 0x8004100C
	NotCapable       Code = 0x80041024
	InvalidMethod    Code = 0x8004102E
)

// Status is the error of a provider.
type Status struct {
	Code      Code
	Operation string // ExecQuery, GetObject, PutInstance, DeleteInstance, ExecMethod
	Parameter string // the query text or object path at fault, for __ExtendedStatus.ParameterInfo
	Text      string // a sentence for people
}

// Error implements error.
func (s *Status) Error() string {
	return fmt.Sprintf("%s: %s (0x%08X)", s.Operation, s.Text, uint32(s.Code))
}
