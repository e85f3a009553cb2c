package queries

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// MaxIn is the most values of one In. Long lists can end in a quota violation
// (Windows SDK, "Querying with WQL"): ask for them in several queries.
const MaxIn = 50

// Condition is a condition of a WHERE clause. The zero value is no condition,
// which every row meets. A mistake in a condition shows when the query is
// built.
type Condition struct {
	text string
	bind binding
	err  error
}

// binding says how tightly the operator at the top of a condition binds.
type binding uint8

const (
	bindsOr binding = iota
	bindsAnd
	bindsTightly
)

// Literal is what a property can be compared to. A string is quoted, a time is
// written as a DMTF datetime in UTC.
type Literal interface {
	~string | ~bool | ~int | ~int32 | ~int64 | ~uint32 | ~uint64 | time.Time
}

// Eq is: the property has the value.
func Eq[V Literal](property string, v V) Condition { return compare(property, " = ", v) }

// Ne is: the property has another value. NULL is not another value.
func Ne[V Literal](property string, v V) Condition { return compare(property, " <> ", v) }

// Lt is: the property is less.
func Lt[V Literal](property string, v V) Condition { return compare(property, " < ", v) }

// Le is: the property is less or equal.
func Le[V Literal](property string, v V) Condition { return compare(property, " <= ", v) }

// Gt is: the property is greater.
func Gt[V Literal](property string, v V) Condition { return compare(property, " > ", v) }

// Ge is: the property is greater or equal.
func Ge[V Literal](property string, v V) Condition { return compare(property, " >= ", v) }

// In is: the property has one of the values, of which there must be one at
// least and MaxIn at most.
func In[V Literal](property string, values ...V) Condition {
	switch {
	case len(values) == 0:
		return mistake("compare %s: no values to compare it to", property)
	case len(values) > MaxIn:
		return mistake("compare %s: %d values, and a query takes %d", property, len(values), MaxIn)
	case len(values) == 1:
		return Eq(property, values[0])
	}
	list := make([]string, len(values))
	for i, v := range values {
		text, err := literal(v)
		if err != nil {
			return mistake("compare %s: %w", property, err)
		}
		list[i] = text
	}
	return term(property, " IN ("+strings.Join(list, ", ")+")")
}

// Like is: the property matches the pattern. It can hold for more values than
// Pattern.Match does; see Pattern.Like.
func Like(property string, p Pattern) Condition { return like(property, p.Like()) }

// Contains is: the property contains what the pattern matches.
func Contains(property string, p Pattern) Condition {
	return like(property, "%"+strings.Trim(p.Like(), "%")+"%")
}

func like(property, pattern string) Condition {
	text, err := Quote(pattern)
	if err != nil {
		return mistake("compare %s: %w", property, err)
	}
	return term(property, " LIKE "+text)
}

// IsNull is: the property is NULL.
func IsNull(property string) Condition { return term(property, " IS NULL") }

// NotNull is: the property is not NULL.
func NotNull(property string) Condition { return term(property, " IS NOT NULL") }

// And is: all of them. Of none it is no condition.
func And(conditions ...Condition) Condition {
	var real []Condition
	for _, c := range conditions {
		if !c.isZero() {
			real = append(real, c)
		}
	}
	if len(real) == 0 {
		return Condition{}
	}
	return join(real, " AND ", bindsAnd)
}

// Or is: at least one of them. With no condition among them it is none; of none
// at all it is a mistake.
func Or(conditions ...Condition) Condition {
	if len(conditions) == 0 {
		return mistake("join conditions by OR: there are none")
	}
	for _, c := range conditions {
		if c.isZero() {
			return Condition{}
		}
	}
	return join(conditions, " OR ", bindsOr)
}

// Not is: the condition does not hold.
func Not(c Condition) Condition {
	if c.isZero() {
		return mistake("negate a condition: there is none, and no row would be left")
	}
	return Condition{text: "NOT " + c.within(bindsTightly), bind: bindsAnd, err: c.err}
}

func (c Condition) isZero() bool { return c.text == "" && c.err == nil }

// within is the condition as part of one whose operator binds like b.
func (c Condition) within(b binding) string {
	if c.bind < b {
		return "(" + c.text + ")"
	}
	return c.text
}

func join(conditions []Condition, operator string, b binding) Condition {
	if len(conditions) == 1 {
		return conditions[0]
	}
	parts := make([]string, len(conditions))
	var errs []error
	for i, c := range conditions {
		parts[i] = c.within(b)
		errs = append(errs, c.err)
	}
	return Condition{text: strings.Join(parts, operator), bind: b, err: errors.Join(errs...)}
}

func compare[V Literal](property, operator string, v V) Condition {
	text, err := literal(v)
	if err != nil {
		return mistake("compare %s: %w", property, err)
	}
	return term(property, operator+text)
}

func term(property, rest string) Condition {
	if !isName(property) {
		return mistake("compare %q: it is not the name of a property", property)
	}
	return Condition{text: property + rest, bind: bindsTightly}
}

func mistake(format string, args ...any) Condition {
	return Condition{err: fmt.Errorf(format, args...)}
}

// isName tells whether text is a CIM identifier. Keywords are not told apart.
func isName(text string) bool {
	for i := range len(text) {
		c := text[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return text != ""
}

// literal writes a value as WQL has it.
func literal(v any) (string, error) {
	if t, ok := v.(time.Time); ok {
		return "'" + dmtf(t) + "'", nil
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.String:
		return Quote(r.String())
	case reflect.Bool:
		return strings.ToUpper(strconv.FormatBool(r.Bool())), nil
	case reflect.Int, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(r.Int(), 10), nil
	case reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(r.Uint(), 10), nil
	}
	return "", fmt.Errorf("no literal for a %T", v)
}

// dmtf is a time as a DMTF datetime in UTC (DSP0004 section 5.2.4).
func dmtf(t time.Time) string { return t.UTC().Format("20060102150405.000000") + "+000" }
