package wql

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"dpremote/simulator/internal/repository"
)

// kind is what values can be compared with each other.
type kind int

const (
	anyKind      kind = iota // known only when there is a value: inside an embedded object
	nullKind                 // the literal NULL
	booleanKind              // bool
	numberKind               // int64, uint64, float64
	stringKind               // string
	datetimeKind             // repository.DatetimeValue
	opaqueKind               // arrays, embedded objects, references: cannot be compared
)

// String is the kind as an error message names it.
func (k kind) String() string {
	switch k {
	case nullKind:
		return "NULL"
	case booleanKind:
		return "a boolean"
	case numberKind:
		return "a number"
	case stringKind:
		return "a string"
	case datetimeKind:
		return "a datetime"
	case opaqueKind:
		return "an array or an object"
	}
	return "a value"
}

// kindOf is the kind of a property's values.
func kindOf(p repository.Property) kind {
	if p.Array {
		return opaqueKind
	}
	switch p.Type {
	case repository.Boolean:
		return booleanKind
	case repository.String:
		return stringKind
	case repository.Datetime:
		return datetimeKind
	case repository.Object, repository.Reference:
		return opaqueKind
	}
	return numberKind
}

// kindOfValue is the kind of one value.
func kindOfValue(v repository.Value) kind {
	switch v.(type) {
	case nil:
		return nullKind
	case bool:
		return booleanKind
	case int64, uint64, float64:
		return numberKind
	case string:
		return stringKind
	case repository.DatetimeValue:
		return datetimeKind
	}
	return opaqueKind
}

// convert makes a value one of a kind, as a literal takes the type of the
// property that it is compared with. NULL stays NULL.
func convert(v repository.Value, to kind) (repository.Value, error) {
	from := kindOfValue(v)
	if from == to || from == nullKind || to == anyKind {
		return v, nil
	}
	switch x := v.(type) {
	case string:
		return convertString(x, to)
	case bool:
		if to == numberKind {
			return boolNumber(x), nil
		}
	case int64, uint64, float64:
		switch {
		case to == stringKind:
			return fmt.Sprint(x), nil
		case to == booleanKind && x == uint64(0):
			return false, nil
		case to == booleanKind && x == uint64(1):
			return true, nil
		}
	}
	return nil, fmt.Errorf("%v is not %s", v, to)
}

// convertString makes a string literal a value of a kind.
func convertString(text string, to kind) (repository.Value, error) {
	switch to {
	case numberKind:
		if v, ok := parseNumber(strings.TrimSpace(text)); ok {
			return v, nil
		}
	case booleanKind:
		switch strings.ToLower(text) {
		case "true", "1":
			return true, nil
		case "false", "0":
			return false, nil
		}
	case datetimeKind:
		if v, ok := parseDatetime(text); ok {
			return v, nil
		}
	}
	return nil, fmt.Errorf("%q is not %s", text, to)
}

func boolNumber(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// compare orders two values of one kind. It answers false for values that have
// no order: of different kinds, opaque, NULL, or a time and an interval.
func compare(a, b repository.Value) (int, bool) {
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return compareFold(x, y), true
		}
	case bool:
		if y, ok := b.(bool); ok {
			return cmp.Compare(boolNumber(x), boolNumber(y)), true
		}
	case repository.DatetimeValue:
		if y, ok := b.(repository.DatetimeValue); ok && x.IsInterval == y.IsInterval {
			if x.IsInterval {
				return cmp.Compare(x.Interval, y.Interval), true
			}
			return x.Time.Compare(y.Time), true
		}
	case uint64:
		if y, ok := b.(uint64); ok {
			return cmp.Compare(x, y), true
		}
		return compareNumbers(a, b)
	case int64, float64:
		return compareNumbers(a, b)
	}
	return 0, false
}

// compareNumbers orders numbers of any types, integers exactly.
func compareNumbers(a, b repository.Value) (int, bool) {
	if kindOfValue(b) != numberKind {
		return 0, false
	}
	switch x := a.(type) {
	case int64:
		switch y := b.(type) {
		case int64:
			return cmp.Compare(x, y), true
		case uint64:
			if x < 0 {
				return -1, true
			}
			return cmp.Compare(uint64(x), y), true
		}
	case uint64:
		switch y := b.(type) {
		case uint64:
			return cmp.Compare(x, y), true
		case int64:
			if y < 0 {
				return 1, true
			}
			return cmp.Compare(x, uint64(y)), true
		}
	}
	return cmp.Compare(asFloat(a), asFloat(b)), true
}

func asFloat(v repository.Value) float64 {
	switch x := v.(type) {
	case int64:
		return float64(x)
	case uint64:
		return float64(x)
	case float64:
		return x
	}
	return math.NaN()
}

// fold maps characters that differ in case only to one of them. It agrees with
// strings.EqualFold.
func fold(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if least < utf8.RuneSelf {
		return fold(least)
	}
	return least
}

// compareFold orders strings without regard to case.
func compareFold(a, b string) int {
	for a != "" && b != "" {
		if c := a[0]; c == b[0] && c < utf8.RuneSelf {
			a, b = a[1:], b[1:]
			continue
		}
		ra, na := utf8.DecodeRuneInString(a)
		rb, nb := utf8.DecodeRuneInString(b)
		if order := cmp.Compare(fold(ra), fold(rb)); order != 0 {
			return order
		}
		a, b = a[na:], b[nb:]
	}
	return cmp.Compare(len(a), len(b))
}

// set is a set of values, in which equality is that of compare.
type set map[any]struct{}

// timeKey is a point in time as a set holds it.
type timeKey struct{ seconds, nanoseconds int64 }

// key is a value as a set holds it: equal values have one key. It is nil for
// NULL and for opaque values.
func key(v repository.Value) any {
	switch x := v.(type) {
	case string:
		return strings.Map(fold, x)
	case bool:
		return x
	case int64:
		return x
	case uint64:
		if x <= math.MaxInt64 {
			return int64(x)
		}
		return x
	case float64:
		// Both bounds are powers of two, so that they are exact.
		if x == math.Trunc(x) && x >= -1<<63 && x < 1<<63 {
			return int64(x)
		}
		return x
	case repository.DatetimeValue:
		if x.IsInterval {
			return x.Interval
		}
		return timeKey{x.Time.Unix(), int64(x.Time.Nanosecond())}
	}
	return nil
}

// appendKey appends a value to the key of a row, for DISTINCT. It tells apart
// what compare tells apart, NULL from all else, and opaque values by content.
func appendKey(to []byte, v repository.Value) []byte {
	switch x := v.(type) {
	case nil:
		return append(to, 'n')
	case []repository.Value:
		to = strconv.AppendInt(append(to, 'a'), int64(len(x)), 10)
		for _, element := range x {
			to = appendKey(to, element)
		}
		return to
	case *repository.Instance:
		return fmt.Appendf(to, "i%p", x)
	case repository.Ref:
		return fmt.Appendf(to, "r%q", fmt.Sprint(x))
	}
	return fmt.Appendf(to, "v%T%q", key(v), fmt.Sprint(key(v)))
}

// intervalOf is a duration as a value.
func intervalOf(d time.Duration) repository.DatetimeValue {
	return repository.DatetimeValue{Interval: d, IsInterval: true}
}
