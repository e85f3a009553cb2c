package cim

import (
	"bytes"
	"iter"
	"reflect"
	"strconv"

	"dpremote/internal/rowscan"
	"dpremote/internal/xmlscan"
	"dpremote/wsman"
)

// predictor decodes rows that rowscan predicts. Where each value of a learned
// row goes is known beforehand, down to the address: predicted rows are put
// together in one record and copied from there.
type predictor[T any] struct {
	plan    *plan
	rows    rowscan.Reader[fieldGap]
	record  *T
	setters []textSetter // by field; nil for a field that is not predicted
	texts   *texts
}

// fieldGap says where the value behind a gap goes.
type fieldGap struct {
	set textSetter
	bit uint64 // of a required field
}

// textSetter puts a raw value where it belongs. It returns false where the
// scanner would give something else, or an error, and the row is then read by
// the scanner.
type textSetter func(raw []byte) bool

func newPredictor[T any](p *plan) *predictor[T] {
	d := &predictor[T]{plan: p, record: new(T), texts: &texts{}}
	record := reflect.ValueOf(d.record).Elem()
	for _, f := range p.fields {
		d.setters = append(d.setters, d.texts.setterOf(record.FieldByIndex(f.index)))
	}
	return d
}

// page yields the records of a page.
func (d *Decoder[T]) page(p *wsman.Page) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		sc := p.Scanner()
		d.rows.Begin(sc)
		for {
			for d.predict(sc) {
				if !p.Passed() {
					break
				}
				if !yield(*d.record, nil) {
					return
				}
			}
			sc.Ahead()
			mark := sc.Mark()
			if !p.Next() {
				return
			}
			record, err := d.Decode(p.Item().Scanner())
			if err == nil {
				err = d.rows.Learn(sc, mark, d.gap)
			}
			if !yield(record, err) || err != nil {
				return
			}
		}
	}
}

// predict decodes the row that comes next into d.record.
func (d *predictor[T]) predict(sc *xmlscan.Scanner) bool {
	values, end, length := d.rows.Next(sc.Ahead())
	if end == nil {
		return false
	}
	var none T
	*d.record = none
	missing := d.plan.required
	for i := range values {
		plan := &values[i].Gap.Plan
		if !plan.set(values[i].Raw) {
			return false
		}
		missing &^= plan.bit
	}
	if missing != 0 {
		return false
	}
	sc.Pass(length)
	return true
}

// gap says where the value behind a gap goes. Properties without a value leave
// a field as it is, if they are NULL; an empty one does not.
func (d *predictor[T]) gap(_ rowscan.Item, without []rowscan.Property, value *rowscan.Property) (fieldGap, bool) {
	for _, p := range without {
		if p.Content != rowscan.Null && d.plan.find([]byte(p.Name), 0) >= 0 {
			return fieldGap{}, false
		}
	}
	if value == nil {
		return fieldGap{}, true
	}
	at := d.plan.find([]byte(value.Name), 0)
	if at < 0 {
		return fieldGap{set: d.texts.check()}, true
	}
	f := &d.plan.fields[at]
	if d.setters[at] == nil || !f.takes(value) {
		return fieldGap{}, false
	}
	g := fieldGap{set: d.setters[at]}
	if f.required {
		g.bit = 1 << at
	}
	return g, true
}

// takes tells whether a property's text is all that the field's setter looks at.
func (f *field) takes(p *rowscan.Property) bool {
	if !f.wraps {
		return p.Wrapper == rowscan.Name{}
	}
	_, isTime := timeKind(p.Wrapper.Space, p.Wrapper.Local)
	return (isTime || p.Wrapper == rowscan.Name{}) && !embedded(p.Type.Space, p.Type.Local)
}

// check is the setter of a value that nobody wants: it only must be readable.
func (t *texts) check() textSetter {
	var last []byte
	return func(raw []byte) bool {
		if string(raw) == string(last) {
			return true
		}
		_, ok := t.decode(raw)
		if ok && len(raw) <= maxWord {
			last = append(last[:0], raw...)
		}
		return ok
	}
}

// setterOf is how a raw value gets to dst, nil for a type whose values are more
// than a text. It does what the setter of the scanner's rows does.
func (t *texts) setterOf(dst reflect.Value) textSetter {
	switch p := dst.Addr().Interface().(type) {
	case *Datetime:
		return t.intoDatetime(p)
	case *Interval:
		return t.intoInterval(p)
	}
	switch dst.Kind() {
	case reflect.String:
		return t.intoString(pointer[string](dst))
	case reflect.Bool:
		return intoBool(pointer[bool](dst))
	case reflect.Int:
		return intoInt(pointer[int](dst), strconv.IntSize)
	case reflect.Int8:
		return intoInt(pointer[int8](dst), 8)
	case reflect.Int16:
		return intoInt(pointer[int16](dst), 16)
	case reflect.Int32:
		return intoInt(pointer[int32](dst), 32)
	case reflect.Int64:
		return intoInt(pointer[int64](dst), 64)
	case reflect.Uint:
		return intoUint(pointer[uint](dst), strconv.IntSize)
	case reflect.Uint8:
		return intoUint(pointer[uint8](dst), 8)
	case reflect.Uint16:
		return intoUint(pointer[uint16](dst), 16)
	case reflect.Uint32:
		return intoUint(pointer[uint32](dst), 32)
	case reflect.Uint64:
		return intoUint(pointer[uint64](dst), 64)
	case reflect.Float32:
		return t.intoFloat(dst, 32)
	case reflect.Float64:
		return t.intoFloat(dst, 64)
	case reflect.Pointer:
		return t.intoPointer(dst)
	case reflect.Slice:
		return t.intoSlice(dst)
	}
	return nil
}

// pointer is the address of a field whose type has B below it.
func pointer[B any](dst reflect.Value) *B {
	return dst.Addr().Convert(reflect.TypeFor[*B]()).Interface().(*B)
}

func (t *texts) intoString(dst *string) textSetter {
	c := &column{}
	return func(raw []byte) (ok bool) {
		*dst, ok = t.of(c, raw)
		return ok
	}
}

func intoBool(dst *bool) textSetter {
	return func(raw []byte) bool {
		*dst = string(raw) == "true" || string(raw) == "1"
		return *dst || string(raw) == "false" || string(raw) == "0"
	}
}

func intoUint[N uint | uint8 | uint16 | uint32 | uint64](dst *N, bits int) textSetter {
	return func(raw []byte) bool {
		n, ok := digitsOf(raw)
		*dst = N(n)
		return ok && n>>(bits-1)>>1 == 0
	}
}

func intoInt[N int | int8 | int16 | int32 | int64](dst *N, bits int) textSetter {
	return func(raw []byte) bool {
		number, isNegative := raw, len(raw) > 0 && raw[0] == '-'
		if isNegative {
			number = raw[1:]
		}
		n, ok := digitsOf(number)
		*dst = N(n)
		if isNegative {
			*dst = -*dst
		}
		return ok && n>>(bits-1) == 0 // the least of all numbers is left to the scanner
	}
}

// digitsOf is a number of decimal digits alone that surely fits.
func digitsOf(raw []byte) (n uint64, ok bool) {
	if len(raw) == 0 || len(raw) > len("9999999999999999999") {
		return 0, false
	}
	for _, b := range raw {
		d := b - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	return n, true
}

func (t *texts) intoFloat(dst reflect.Value, bits int) textSetter {
	return func(raw []byte) bool {
		text, ok := t.decode(raw)
		f, err := strconv.ParseFloat(string(bytes.TrimSpace(text)), bits)
		dst.SetFloat(f)
		return ok && err == nil
	}
}

func (t *texts) intoDatetime(dst *Datetime) textSetter {
	return func(raw []byte) (ok bool) {
		*dst, ok = t.datetime(raw)
		return ok
	}
}

func (t *texts) intoInterval(dst *Interval) textSetter {
	return func(raw []byte) bool {
		text, ok := t.decode(raw)
		if !ok {
			return false
		}
		i, err := ParseInterval(string(text))
		*dst = i
		return err == nil
	}
}

// intoPointer makes a new value for each row: NULL stays nil.
func (t *texts) intoPointer(dst reflect.Value) textSetter {
	element := reflect.New(dst.Type().Elem()).Elem()
	set := t.setterOf(element)
	if set == nil {
		return nil
	}
	return func(raw []byte) bool {
		element.SetZero()
		if !set(raw) {
			return false
		}
		p := reflect.New(element.Type())
		p.Elem().Set(element)
		dst.Set(p)
		return true
	}
}

// intoSlice appends: an array's elements come one by one.
func (t *texts) intoSlice(dst reflect.Value) textSetter {
	element := reflect.New(dst.Type().Elem()).Elem()
	set := t.setterOf(element)
	if set == nil {
		return nil
	}
	return func(raw []byte) bool {
		element.SetZero()
		if !set(raw) {
			return false
		}
		dst.Set(reflect.Append(dst, element))
		return true
	}
}
