package report

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

// maxDepth bounds how deep values nest: they come from the network.
const maxDepth = 64

var errTooDeep = errors.New("nested too deeply")

// appendValue appends v as JSON. The common types cost no reflection.
func appendValue(b []byte, v any, depth int) ([]byte, error) {
	if c, ok := v.(*Cell); ok {
		return c.append(b), nil
	}
	if b, ok := appendNumber(b, v); ok {
		return b, nil
	}
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case string:
		return appendString(b, v), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case time.Time:
		if v.IsZero() {
			return append(b, "null"...), nil
		}
		b = append(b, '"')
		return append(appendTime(b, v), '"'), nil
	case []string:
		return appendStrings(b, v), nil
	case []any:
		return appendArray(b, v, depth)
	case Object:
		return appendObject(b, v.Names, v.Values, depth)
	case rawJSON:
		return append(b, v...), nil
	}
	v, err := reduce(v)
	if err != nil {
		return b, err
	}
	return appendValue(b, v, depth)
}

// appendNumber appends v if it is a number of a predeclared type, or a
// duration. NaN and the infinities become the strings that the JSON mapping of
// Protocol Buffers gives them: JSON has no numbers for them.
func appendNumber(b []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case int:
		return strconv.AppendInt(b, int64(v), 10), true
	case int8:
		return strconv.AppendInt(b, int64(v), 10), true
	case int16:
		return strconv.AppendInt(b, int64(v), 10), true
	case int32:
		return strconv.AppendInt(b, int64(v), 10), true
	case int64:
		return strconv.AppendInt(b, v, 10), true
	case uint:
		return strconv.AppendUint(b, uint64(v), 10), true
	case uint8:
		return strconv.AppendUint(b, uint64(v), 10), true
	case uint16:
		return strconv.AppendUint(b, uint64(v), 10), true
	case uint32:
		return strconv.AppendUint(b, uint64(v), 10), true
	case uint64:
		return strconv.AppendUint(b, v, 10), true
	case float32:
		return appendFloat(b, float64(v), 32)
	case float64:
		return appendFloat(b, v, 64)
	case time.Duration:
		return appendFloat(b, v.Seconds(), 64)
	}
	return b, false
}

// appendFloat appends a finite f; it leaves the others to reduce.
func appendFloat(b []byte, f float64, bits int) ([]byte, bool) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return b, false
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e' // as encoding/json and ECMAScript do
	}
	return strconv.AppendFloat(b, f, format, -1, bits), true
}

// isNumber reports whether v is written as a number.
func isNumber(v any) bool {
	var scratch [32]byte
	_, ok := appendNumber(scratch[:0], v)
	return ok
}

func appendTime(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, time.RFC3339Nano)
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

func appendArray(b []byte, list []any, depth int) ([]byte, error) {
	if depth >= maxDepth {
		return b, errTooDeep
	}
	var err error
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendValue(b, v, depth+1); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

// appendObject appends a JSON object with the names in their order.
func appendObject(b []byte, names []string, values []any, depth int) ([]byte, error) {
	if depth >= maxDepth {
		return b, errTooDeep
	}
	if len(names) != len(values) {
		return b, fmt.Errorf("object has %d values for %d names", len(values), len(names))
	}
	var err error
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, name), ':')
		if b, err = appendValue(b, values[i], depth+1); err != nil {
			return b, fmt.Errorf("value of %s: %w", name, err)
		}
	}
	return append(b, '}'), nil
}

// rawJSON is a value that is JSON already. Callers cannot make one, so it is
// valid; their json.RawMessage is checked as any json.Marshaler is.
type rawJSON []byte

// reduce brings a value of any type nearer to those that appendValue knows.
func reduce(v any) (any, error) {
	if v, ok := dereference(v); ok {
		return v, nil
	}
	switch v := v.(type) {
	case json.Marshaler:
		return marshal(v)
	case encoding.TextMarshaler:
		text, err := v.MarshalText()
		return string(text), err
	case fmt.Stringer:
		return v.String(), nil
	case error:
		return v.Error(), nil
	}
	return reduceKind(reflect.ValueOf(v))
}

// dereference returns nil for nil pointers and maps, whose methods must not be
// called, and what the pointers to times and durations point to, whose own
// methods would hide it.
func dereference(v any) (any, bool) {
	r := reflect.ValueOf(v)
	if k := r.Kind(); (k == reflect.Pointer || k == reflect.Map) && r.IsNil() {
		return nil, true
	}
	switch v := v.(type) {
	case *time.Time:
		return *v, true
	case *time.Duration:
		return *v, true
	}
	return v, false
}

func reduceKind(r reflect.Value) (any, error) {
	switch r.Kind() {
	case reflect.Pointer:
		return r.Elem().Interface(), nil
	case reflect.String:
		return r.String(), nil
	case reflect.Bool:
		return r.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return r.Uint(), nil
	case reflect.Float32, reflect.Float64:
		return reduceFloat(r.Float()), nil
	case reflect.Slice, reflect.Array:
		list := make([]any, r.Len())
		for i := range list {
			list[i] = r.Index(i).Interface()
		}
		return list, nil
	case reflect.Struct, reflect.Map:
		return marshal(r.Interface())
	}
	return nil, fmt.Errorf("type %s cannot be written", r.Type())
}

func reduceFloat(f float64) any {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return f
}

// marshal returns v as encoding/json writes it.
func marshal(v any) (rawJSON, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// appendString appends s as a JSON string. It escapes what JSON demands, the
// line separators that JavaScript once refused, and every control that could
// drive a terminal. Each byte that is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0 // of what is not yet appended
	for i := unescaped(s, 0); i < len(s); i = unescaped(s, i) {
		if c := s[i]; c == '"' || c == '\\' {
			b = append(append(b, s[start:i]...), '\\', c)
			i++
			start = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if escaped(r, n) {
			b = append(b, s[start:i]...)
			b = appendEscape(b, r)
			start = i + n
		}
		i += n
	}
	return append(append(b, s[start:]...), '"')
}

// unescaped is where the ASCII ends that needs no escape, from i on. It looks at
// eight bytes at once: the highest bit of each byte of odd says whether that
// byte needs a closer look, up to the first that does.
func unescaped(s string, i int) int {
	const each = 0x0101010101010101 // times a byte: that byte, eight times
	for ; i+8 <= len(s); i += 8 {
		t := s[i : i+8]
		w := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
			uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		odd := w | (w - each*' ') | ((w ^ each*'"') - each) | ((w ^ each*'\\') - each) | ((w ^ each*0x7f) - each)
		if odd &= each << 7; odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] < 0x7f && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// escaped reports whether the rune r, decoded from n bytes, needs an escape.
func escaped(r rune, n int) bool {
	switch {
	case r < ' ', r >= 0x7f && r <= 0x9f, r == '"', r == '\\':
		return true
	case r == '\u2028', r == '\u2029':
		return true
	}
	return r == utf8.RuneError && n == 1
}

func appendEscape(b []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(b, '\\', byte(r))
	case '\b':
		return append(b, `\b`...)
	case '\f':
		return append(b, `\f`...)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	const hex = "0123456789abcdef"
	return append(b, '\\', 'u', hex[r>>12&0xf], hex[r>>8&0xf], hex[r>>4&0xf], hex[r&0xf])
}
