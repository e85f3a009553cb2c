package wql

import (
	"math"
	"strings"
	"time"

	"dpremote/simulator/internal/repository"
)

// call compiles the call of a function (Configuration Manager SDK, "Extended WMI
// Query Language"). As in SQL Server, an argument that is NULL makes it NULL.
func (c *compiler) call(x *call) (value, error) {
	switch x.name {
	case "GETDATE":
		return c.getDate(x)
	case "DATEDIFF":
		return c.dateDiff(x)
	case "DATEADD":
		return c.dateAdd(x)
	case "DATEPART":
		return c.datePart(x)
	case "SUBSTRING":
		return c.substring(x)
	case "UPPER":
		return c.changeCase(x, strings.ToUpper)
	case "LOWER":
		return c.changeCase(x, strings.ToLower)
	}
	return value{}, c.invalid("the function %s is not known", x.name)
}

// arguments compiles a call's arguments, which must be of these kinds.
func (c *compiler) arguments(name string, args []operand, kinds ...kind) ([]value, error) {
	if len(args) != len(kinds) {
		return nil, c.invalid("%s lacks an argument or has one too many", name)
	}
	values := make([]value, len(args))
	for i, arg := range args {
		v, err := c.converted(arg, kinds[i])
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// dateArguments reads the unit, which is a bare word or a string, and compiles
// the other arguments.
func (c *compiler) dateArguments(x *call, kinds ...kind) (dateUnit, []value, error) {
	if len(x.args) == 0 {
		return 0, nil, c.invalid("%s lacks its arguments", x.name)
	}
	var name string
	switch first := x.args[0].(type) {
	case path:
		name = first.String()
	case literal:
		name, _ = first.value.(string)
	}
	unit, ok := dateUnitOf(name)
	if !ok {
		return 0, nil, c.invalid("the first argument of %s is not a unit of time such as day or hour", x.name)
	}
	args, err := c.arguments(x.name, x.args[1:], kinds...)
	return unit, args, err
}

func (c *compiler) getDate(x *call) (value, error) {
	_, err := c.arguments(x.name, x.args)
	now := repository.At(c.now)
	// Not a constant: a literal beside it takes its type, not the other way.
	return value{kind: datetimeKind, eval: func(row) repository.Value { return now }}, err
}

func (c *compiler) dateDiff(x *call) (value, error) {
	unit, args, err := c.dateArguments(x, datetimeKind, datetimeKind)
	if err != nil {
		return value{}, err
	}
	return value{kind: numberKind, eval: func(r row) repository.Value {
		from, ok := timeOf(args[0].eval(r))
		to, ok2 := timeOf(args[1].eval(r))
		if !ok || !ok2 {
			return nil
		}
		return dateDiff(unit, from, to)
	}}, nil
}

func (c *compiler) dateAdd(x *call) (value, error) {
	unit, args, err := c.dateArguments(x, numberKind, datetimeKind)
	if err != nil {
		return value{}, err
	}
	return value{kind: datetimeKind, eval: func(r row) repository.Value {
		n, ok := integerOf(args[0].eval(r))
		from, ok2 := timeOf(args[1].eval(r))
		if !ok || !ok2 {
			return nil
		}
		if t, ok := dateAdd(unit, n, from); ok {
			return repository.At(t)
		}
		return nil
	}}, nil
}

func (c *compiler) datePart(x *call) (value, error) {
	unit, args, err := c.dateArguments(x, datetimeKind)
	if err != nil {
		return value{}, err
	}
	return value{kind: numberKind, eval: func(r row) repository.Value {
		t, ok := timeOf(args[0].eval(r))
		if !ok {
			return nil
		}
		return datePart(unit, t)
	}}, nil
}

func (c *compiler) changeCase(x *call, change func(string) string) (value, error) {
	args, err := c.arguments(x.name, x.args, stringKind)
	if err != nil {
		return value{}, err
	}
	return value{kind: stringKind, eval: func(r row) repository.Value {
		if text, ok := args[0].eval(r).(string); ok {
			return change(text)
		}
		return nil
	}}, nil
}

// substring compiles SUBSTRING(text, start, length); start counts characters
// from 1.
func (c *compiler) substring(x *call) (value, error) {
	args, err := c.arguments(x.name, x.args, stringKind, numberKind, numberKind)
	if err != nil {
		return value{}, err
	}
	return value{kind: stringKind, eval: func(r row) repository.Value {
		text, ok := args[0].eval(r).(string)
		start, ok2 := integerOf(args[1].eval(r))
		length, ok3 := integerOf(args[2].eval(r))
		if !ok || !ok2 || !ok3 || length < 0 {
			return nil
		}
		return substring(text, int64(start), int64(length))
	}}, nil
}

// substring is SQL Server's: a start before the text eats of the length.
func substring(text string, start, length int64) string {
	chars := []rune(text)
	from := min(max(start-1, 0), int64(len(chars)))
	to := min(max(start-1+length, from), int64(len(chars)))
	return string(chars[from:to])
}

// timeOf is the point in time of a value; false for NULL and for an interval.
func timeOf(v repository.Value) (time.Time, bool) {
	d, ok := v.(repository.DatetimeValue)
	return d.Time, ok && !d.IsInterval
}

// integerOf is a number as one of 32 bits, its fraction cut off; false for NULL
// and for a number out of range.
func integerOf(v repository.Value) (int32, bool) {
	if kindOfValue(v) != numberKind {
		return 0, false
	}
	f := math.Trunc(asFloat(v))
	return int32(f), f >= math.MinInt32 && f <= math.MaxInt32
}
