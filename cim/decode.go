package cim

import (
	"bytes"
	"fmt"
	"math/bits"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"dpremote/internal/xmlscan"
	"dpremote/wsman"
)

// Decoder puts items into records of type T: a struct whose fields carry the
// name of a property in a cim tag.
//
//	type Row struct {
//		PackageID string       `cim:"PackageID"`
//		State     uint32       `cim:"State"`
//		Copied    cim.Datetime `cim:"LastCopied"`
//	}
//
// A field is a string, a boolean, an integer, a float, a Datetime, an
// Interval, a Value, an Instance, a wsman.EPR, another record for an embedded
// instance, a pointer to one of these, which is nil for NULL, or a slice of
// one of these. NULL and absent properties leave a field's zero value, unless
// the tag ends in ",required": then they are an error, for a field whose zero
// value would be taken for something that the server never said. Properties
// without a field are passed over: classes grow.
//
// A Decoder is not safe for concurrent use.
type Decoder[T any] struct {
	plan *plan
	*predictor[T]
}

// NewDecoder makes a decoder. It fails when T is not a record, which is a
// mistake of the program and not of the data.
func NewDecoder[T any]() (*Decoder[T], error) {
	p, err := planOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	return &Decoder[T]{p, newPredictor[T](p)}, nil
}

// Decode reads the item at whose Start the scanner stands, to its End.
func (d *Decoder[T]) Decode(sc *xmlscan.Scanner) (T, error) {
	var record T
	err := d.plan.decode(sc, reflect.ValueOf(&record).Elem())
	return record, err
}

// Fields are the names of the properties that a record has, sorted: its SELECT
// list. T must be a record.
func Fields[T any]() ([]string, error) {
	p, err := planOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	names := make([]string, len(p.fields))
	for i, f := range p.fields {
		names[i] = f.name
	}
	return names, nil
}

// plan says where each property of a class goes.
type plan struct {
	record   string  // the record's type, for errors
	fields   []field // sorted by name, as properties are on the wire
	required uint64  // a bit for each field that must be there
}

type field struct {
	name     string
	index    []int
	set      setter
	required bool
	wraps    bool // its values may stand in a wrapper, as datetimes do
}

// setter reads the value of the property at whose Start the scanner stands,
// which is not NULL, into a field.
type setter func(sc *xmlscan.Scanner, dst reflect.Value) error

func planOf(t reflect.Type) (*plan, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%v is not a record: it is no struct", t)
	}
	p := &plan{record: t.Name()}
	for _, f := range reflect.VisibleFields(t) {
		name, option, _ := strings.Cut(f.Tag.Get("cim"), ",")
		if name == "" {
			continue
		}
		if option != "" && option != "required" {
			return nil, fmt.Errorf("field %s.%s: unknown option %q in its tag", t, f.Name, option)
		}
		set, err := setterOf(f.Type)
		if err != nil {
			return nil, fmt.Errorf("field %s.%s: %w", t, f.Name, err)
		}
		p.fields = append(p.fields, field{name, f.Index, set, option == "required", isTime(f.Type)})
	}
	if len(p.fields) == 0 {
		return nil, fmt.Errorf("%v is not a record: no field has a cim tag", t)
	}
	slices.SortFunc(p.fields, func(a, b field) int {
		return strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name))
	})
	for i, f := range p.fields {
		if i > 0 && strings.EqualFold(f.name, p.fields[i-1].name) {
			return nil, fmt.Errorf("%v: two fields for the property %s", t, f.name)
		}
		if !f.required {
			continue
		}
		if i >= 64 {
			return nil, fmt.Errorf("%v: only the first 64 properties of a record can be required", t)
		}
		p.required |= 1 << i
	}
	return p, nil
}

func (p *plan) decode(sc *xmlscan.Scanner, record reflect.Value) error {
	if isNil(sc) {
		return sc.Skip()
	}
	depth := sc.Depth()
	expected := 0
	missing := p.required
	for {
		t, err := sc.Next()
		switch {
		case err != nil:
			return err
		case t == xmlscan.End && sc.Depth() == depth:
			return p.checkMissing(missing)
		case t == xmlscan.Text && len(bytes.TrimSpace(sc.Text())) > 0:
			return fmt.Errorf("%s: text %q between properties", p.record, sc.Text())
		case t != xmlscan.Start:
			continue
		}
		i := p.find(sc.Local(), expected)
		if i < 0 || isNil(sc) {
			if err := sc.Skip(); err != nil {
				return err
			}
			continue
		}
		expected = i + 1
		missing &^= 1 << i
		f := &p.fields[i]
		if err := f.set(sc, record.FieldByIndex(f.index)); err != nil {
			return fmt.Errorf("property %s: %w", f.name, err)
		}
	}
}

// isTime tells the types of datetimes and intervals, also behind pointers and in
// slices.
func isTime(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t == reflect.TypeFor[Datetime]() || t == reflect.TypeFor[Interval]()
}

// checkMissing is the error of an item that lacks required properties.
func (p *plan) checkMissing(missing uint64) error {
	if missing == 0 {
		return nil
	}
	return fmt.Errorf("property %s: NULL or missing, where a value is needed", p.fields[bits.TrailingZeros64(missing)].name)
}

// find is the field of a property, or -1. Properties come in the order of the
// fields, so the expected one is tried first; then the one before it, which is
// an array's next element; then all, ignoring case.
func (p *plan) find(name []byte, expected int) int {
	if expected < len(p.fields) && string(name) == p.fields[expected].name {
		return expected
	}
	if expected > 0 && string(name) == p.fields[expected-1].name {
		return expected - 1
	}
	for i := range p.fields {
		if len(name) == len(p.fields[i].name) && strings.EqualFold(string(name), p.fields[i].name) {
			return i
		}
	}
	return -1
}

// setterOf is how values get into a field of type t.
func setterOf(t reflect.Type) (setter, error) {
	switch t {
	case reflect.TypeFor[Datetime]():
		return setDatetime, nil
	case reflect.TypeFor[Interval]():
		return setInterval, nil
	case reflect.TypeFor[Value]():
		return setValue, nil
	case reflect.TypeFor[Instance]():
		return setInstance, nil
	case reflect.TypeFor[wsman.EPR]():
		return setReference, nil
	}
	switch t.Kind() {
	case reflect.String:
		return setString, nil
	case reflect.Bool:
		return setBool, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return setUint, nil
	case reflect.Float32, reflect.Float64:
		return setFloat, nil
	case reflect.Pointer:
		return pointerTo(t)
	case reflect.Slice:
		return sliceOf(t)
	case reflect.Struct:
		p, err := planOf(t)
		if err != nil {
			return nil, err
		}
		return p.decode, nil
	}
	return nil, fmt.Errorf("no property goes into a %v", t)
}

func pointerTo(t reflect.Type) (setter, error) {
	set, err := setterOf(t.Elem())
	if err != nil {
		return nil, err
	}
	return func(sc *xmlscan.Scanner, dst reflect.Value) error {
		dst.Set(reflect.New(t.Elem()))
		return set(sc, dst.Elem())
	}, nil
}

// sliceOf appends: an array's elements come one by one.
func sliceOf(t reflect.Type) (setter, error) {
	set, err := setterOf(t.Elem())
	if err != nil {
		return nil, err
	}
	return func(sc *xmlscan.Scanner, dst reflect.Value) error {
		element := reflect.New(t.Elem()).Elem()
		if err := set(sc, element); err != nil {
			return err
		}
		dst.Set(reflect.Append(dst, element))
		return nil
	}, nil
}

func setString(sc *xmlscan.Scanner, dst reflect.Value) error {
	text, err := sc.Content()
	if err != nil {
		return err
	}
	dst.SetString(string(text))
	return nil
}

func setBool(sc *xmlscan.Scanner, dst reflect.Value) error {
	text, err := sc.Content()
	if err != nil {
		return err
	}
	switch strings.ToLower(string(bytes.TrimSpace(text))) {
	case "true", "1":
		dst.SetBool(true)
	case "false", "0":
		dst.SetBool(false)
	default:
		return fmt.Errorf("%q is not a boolean", text)
	}
	return nil
}

func setInt(sc *xmlscan.Scanner, dst reflect.Value) error {
	text, err := sc.Content()
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, dst.Type().Bits())
	if err != nil {
		return fmt.Errorf("%q is not a %v", text, dst.Kind())
	}
	dst.SetInt(n)
	return nil
}

func setUint(sc *xmlscan.Scanner, dst reflect.Value) error {
	text, err := sc.Content()
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, dst.Type().Bits())
	if err != nil {
		return fmt.Errorf("%q is not a %v", text, dst.Kind())
	}
	dst.SetUint(n)
	return nil
}

func setFloat(sc *xmlscan.Scanner, dst reflect.Value) error {
	text, err := sc.Content()
	if err != nil {
		return err
	}
	f, err := strconv.ParseFloat(string(bytes.TrimSpace(text)), dst.Type().Bits())
	if err != nil {
		return fmt.Errorf("%q is not a %v", text, dst.Kind())
	}
	dst.SetFloat(f)
	return nil
}

func setDatetime(sc *xmlscan.Scanner, dst reflect.Value) error {
	v, err := readValue(sc)
	if err != nil {
		return err
	}
	d, err := ParseDatetime(v.text)
	if err != nil {
		return err
	}
	*dst.Addr().Interface().(*Datetime) = d
	return nil
}

func setInterval(sc *xmlscan.Scanner, dst reflect.Value) error {
	v, err := readValue(sc)
	if err != nil {
		return err
	}
	i, err := ParseInterval(v.text)
	if err != nil {
		return err
	}
	*dst.Addr().Interface().(*Interval) = i
	return nil
}

func setValue(sc *xmlscan.Scanner, dst reflect.Value) error {
	v, err := readValue(sc)
	if err != nil {
		return err
	}
	p := dst.Addr().Interface().(*Value)
	if !p.IsNull() {
		v = p.with(v)
	}
	*p = v
	return nil
}

func setInstance(sc *xmlscan.Scanner, dst reflect.Value) error {
	v, err := readValue(sc)
	if err != nil {
		return err
	}
	if v.kind != Object {
		return fmt.Errorf("%s where an instance belongs", v.kind)
	}
	*dst.Addr().Interface().(*Instance) = *v.whole.instance
	return nil
}

func setReference(sc *xmlscan.Scanner, dst reflect.Value) error {
	v, err := readValue(sc)
	if err != nil {
		return err
	}
	if v.kind != Reference {
		return fmt.Errorf("%s where a reference belongs", v.kind)
	}
	*dst.Addr().Interface().(*wsman.EPR) = *v.whole.epr
	return nil
}
