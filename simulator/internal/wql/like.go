package wql

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// pattern is a compiled LIKE pattern (Windows SDK, "LIKE Operator").
type pattern []element

// element matches one character, or with wild any number of them.
type element struct {
	wild   bool // %
	anyOne bool // _
	negate bool // [^…]
	ranges []runeRange
}

// runeRange is a range of characters, both ends of it included. It is empty when
// last comes before first.
type runeRange struct{ first, last rune }

// never matches no string: there is no character in it, and one is needed.
var never = pattern{{}}

// compilePattern reads a pattern. % stands for any number of characters, _ for
// one, [abc] and [a-z] for one of a set, [^abc] for one outside of it. A set ends
// at the first "]"; without one the pattern matches nothing.
func compilePattern(text string) pattern {
	var p pattern
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		text = text[n:]
		switch r {
		case '%':
			p = append(p, element{wild: true})
		case '_':
			p = append(p, element{anyOne: true})
		case '[':
			content, rest, ok := strings.Cut(text, "]")
			if !ok {
				return never
			}
			p = append(p, compileSet(content))
			text = rest
		default:
			p = append(p, element{ranges: []runeRange{{r, r}}})
		}
	}
	return p
}

// compileSet reads what stands between brackets. A hyphen at an end of it is
// itself.
func compileSet(content string) element {
	content, negate := strings.CutPrefix(content, "^")
	e := element{negate: negate}
	chars := []rune(content)
	for i := 0; i < len(chars); i++ {
		r := runeRange{chars[i], chars[i]}
		if i+2 < len(chars) && chars[i+1] == '-' {
			r.last = chars[i+2]
			i += 2
		}
		e.ranges = append(e.ranges, r)
	}
	return e
}

// matches tells whether the whole text matches. Its time is at most the product
// of the two lengths.
func (p pattern) matches(text string) bool {
	next, at := 0, 0      // what is matched up to here
	wild, resume := -1, 0 // the last wild element, and where what follows it was tried
	for at < len(text) {
		if next < len(p) && p[next].wild {
			wild, resume = next, at
			next++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[at:])
		if next < len(p) && p[next].matchesOne(r) {
			next++
			at += n
			continue
		}
		if wild < 0 {
			return false
		}
		// Let the wild element take one character more.
		_, n = utf8.DecodeRuneInString(text[resume:])
		resume += n
		next, at = wild+1, resume
	}
	for next < len(p) && p[next].wild {
		next++
	}
	return next == len(p)
}

// matchesOne tells whether an element that is not wild matches a character, in
// any of its cases.
func (e element) matchesOne(r rune) bool {
	if e.anyOne {
		return true
	}
	for _, each := range e.ranges {
		if each.contains(r) {
			return !e.negate
		}
	}
	return e.negate
}

func (r runeRange) contains(c rune) bool {
	for f := c; ; {
		if r.first <= f && f <= r.last {
			return true
		}
		if f = unicode.SimpleFold(f); f == c {
			return false
		}
	}
}
