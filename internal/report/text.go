package report

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// appendText appends v as csv has it.
func appendText(b []byte, v any, depth int) ([]byte, error) {
	v, err := textValue(v)
	if err != nil {
		return b, err
	}
	switch v := v.(type) {
	case nil:
		return b, nil
	case string:
		return append(b, strings.ToValidUTF8(v, "\ufffd")...), nil
	case time.Time:
		return appendTime(b, v), nil
	case []any:
		if depth >= maxDepth {
			return b, errTooDeep
		}
		for i, e := range v {
			if i > 0 {
				b = append(b, ';')
			}
			if b, err = appendText(b, e, depth+1); err != nil {
				return b, err
			}
		}
		return b, nil
	}
	return appendValue(b, v, depth)
}

// cell returns v as a table has it: one line that cannot drive the terminal.
func cell(v any) (string, error) {
	s, err := cellText(v, 0)
	return printable(s), err
}

func cellText(v any, depth int) (string, error) {
	v, err := textValue(v)
	if err != nil {
		return "", err
	}
	switch v := v.(type) {
	case nil:
		return "-", nil
	case string:
		return v, nil
	case time.Time:
		return v.UTC().Format(time.RFC3339), nil
	case time.Duration:
		return shortDuration(v), nil
	case []any:
		if depth >= maxDepth {
			return "", errTooDeep
		}
		parts := make([]string, len(v))
		for i, e := range v {
			if parts[i], err = cellText(e, depth+1); err != nil {
				return "", err
			}
		}
		return strings.Join(parts, ", "), nil
	}
	b, err := appendValue(nil, v, depth)
	return string(b), err
}

// textValue reduces v for formats of text: to nil, a string, a time, a list, or
// a value whose JSON form is its text.
func textValue(v any) (any, error) {
	for {
		switch t := v.(type) {
		case nil, string, bool, time.Duration, Object, []any, rawJSON:
			return v, nil
		case time.Time:
			if t.IsZero() {
				return nil, nil
			}
			return v, nil
		}
		if isNumber(v) {
			return v, nil
		}
		var err error
		if v, err = reduceText(v); err != nil {
			return nil, err
		}
	}
}

// reduceText is like reduce, but what a value calls itself goes before its JSON.
func reduceText(v any) (any, error) {
	if v, ok := dereference(v); ok {
		return v, nil
	}
	if s, ok := v.(fmt.Stringer); ok {
		return s.String(), nil
	}
	return reduce(v)
}

// shortDuration returns d to the second, or to the millisecond below one,
// without the units that are zero at its end: 1h30m, 72h, 250ms.
func shortDuration(d time.Duration) string {
	if d.Abs() < time.Second {
		return d.Round(time.Millisecond).String()
	}
	s := d.Round(time.Second).String()
	if cut, ok := strings.CutSuffix(s, "m0s"); ok {
		s = cut + "m"
	}
	if cut, ok := strings.CutSuffix(s, "h0m"); ok {
		s = cut + "h"
	}
	return s
}

// printable returns s with everything replaced that could move the cursor,
// start an escape sequence, or reorder the line: the C0 and C1 controls (ECMA-48),
// line separators and the bidirectional controls (UAX #9). Line ends and tabs,
// which messages have by right, become spaces. What only says how its neighbours
// look is left out: terminals do not agree how much room they take then.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return unprintable(r) || styles(r) }) {
		return strings.ToValidUTF8(s, "\ufffd")
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case styles(r):
			return -1
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case unprintable(r):
			return utf8.RuneError
		}
		return r
	}, s)
}

// styles knows variation selectors, the joiner of emoji, soft hyphens and tags.
func styles(r rune) bool {
	const softHyphen, joiner, firstTag, lastTag = '\u00ad', '\u200d', '\U000e0000', '\U000e007f'
	return r >= softHyphen && (r == softHyphen || r == joiner || r >= firstTag && r <= lastTag || unicode.Is(unicode.Variation_Selector, r))
}

func unprintable(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
}
