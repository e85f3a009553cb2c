package queries

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Pattern matches names without regard to case. It is written as a shell's or
// as WQL's: * and % stand for any number of characters, ? for one, [abc] and
// [a-c] for one of a set, [^abc] and [!abc] for one outside of it. All else,
// the underscore too, stands for itself; so does a wildcard in a set, as in [*].
//
// The zero value matches the empty name only.
type Pattern struct {
	text     string
	elements []element
}

// element matches one character, or with many any number of them.
type element struct {
	many   bool // * or %
	negate bool
	ranges []runeRange // folded; none: any character
}

// runeRange has both ends included.
type runeRange struct{ first, last rune }

// ParsePattern reads a pattern.
func ParsePattern(text string) (Pattern, error) {
	p := Pattern{text: text}
	if text == "" {
		return p, fmt.Errorf("an empty pattern matches nothing")
	}
	for rest := []rune(text); len(rest) > 0; {
		r := rest[0]
		rest = rest[1:]
		switch r {
		case '*', '%':
			if n := len(p.elements); n == 0 || !p.elements[n-1].many {
				p.elements = append(p.elements, element{many: true})
			}
		case '?':
			p.elements = append(p.elements, element{})
		case '[':
			end := slices.Index(rest, ']')
			if end < 0 {
				return Pattern{}, fmt.Errorf("pattern %q: no ] for the [; write [[] for the character", text)
			}
			set, err := parseSet(rest[:end])
			if err != nil {
				return Pattern{}, fmt.Errorf("pattern %q: %w", text, err)
			}
			p.elements = append(p.elements, set)
			rest = rest[end+1:]
		default:
			p.elements = append(p.elements, one(r))
		}
	}
	return p, nil
}

// parseSet reads what stands between brackets. A hyphen at an end is itself.
func parseSet(content []rune) (element, error) {
	var e element
	if len(content) > 1 && (content[0] == '^' || content[0] == '!') {
		e.negate = true
		content = content[1:]
	}
	if len(content) == 0 {
		return e, fmt.Errorf("an empty set []")
	}
	for i := 0; i < len(content); i++ {
		first, last := content[i], content[i]
		if i+2 < len(content) && content[i+1] == '-' {
			last = content[i+2]
			i += 2
		}
		if first > last {
			return e, fmt.Errorf("the range %c-%c runs backwards", first, last)
		}
		e.ranges = append(e.ranges, runeRange{first, last})
	}
	return e, nil
}

func one(r rune) element { return element{ranges: []runeRange{{r, r}}} }

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }

// MarshalText is String.
func (p Pattern) MarshalText() ([]byte, error) { return []byte(p.text), nil }

// UnmarshalText is ParsePattern.
func (p *Pattern) UnmarshalText(text []byte) error {
	parsed, err := ParsePattern(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

// Wild tells whether the pattern can match more than one name.
func (p Pattern) Wild() bool {
	return slices.ContainsFunc(p.elements, func(e element) bool { _, single := e.single(); return !single })
}

// single is the only character that the element matches, its cases apart.
func (e element) single() (rune, bool) {
	if e.many || e.negate || len(e.ranges) != 1 || e.ranges[0].first != e.ranges[0].last {
		return 0, false
	}
	return e.ranges[0].first, true
}

// matchesAll tells whether the pattern matches every name.
func (p Pattern) matchesAll() bool { return len(p.elements) == 1 && p.elements[0].many }

// Literal is the only name that the pattern matches, when it is not Wild.
func (p Pattern) Literal() (string, bool) {
	var b strings.Builder
	for _, e := range p.elements {
		r, ok := e.single()
		if !ok {
			return "", false
		}
		b.WriteRune(r)
	}
	return b.String(), true
}

// Like is the pattern for LIKE, still to be quoted. Sets of more than one
// character become _, for their form in Extended WQL is not certain: it matches
// all that Match does, and may match more.
func (p Pattern) Like() string {
	var b strings.Builder
	for _, e := range p.elements {
		r, single := e.single()
		switch {
		case e.many:
			b.WriteByte('%')
		case single:
			b.WriteString(EscapeLike(string(r)))
		default:
			b.WriteByte('_')
		}
	}
	return b.String()
}

// Match tells whether the pattern matches the whole name, ignoring case. Its
// time is at most the product of the two lengths.
func (p Pattern) Match(name string) bool {
	text := []rune(name)
	next, at := 0, 0      // what is matched up to here
	many, resume := -1, 0 // the last element of any length, and where what follows it was tried
	for at < len(text) {
		switch {
		case next < len(p.elements) && p.elements[next].many:
			many, resume = next, at
			next++
		case next < len(p.elements) && p.elements[next].matches(text[at]):
			next++
			at++
		case many < 0:
			return false
		default: // the element takes one character more
			resume++
			next, at = many+1, resume
		}
	}
	for next < len(p.elements) && p.elements[next].many {
		next++
	}
	return next == len(p.elements)
}

// matches tells whether an element matches a character, in any of its cases.
func (e element) matches(r rune) bool {
	if e.many {
		return false
	}
	if len(e.ranges) == 0 {
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
	for folded := c; ; {
		if r.first <= folded && folded <= r.last {
			return true
		}
		if folded = unicode.SimpleFold(folded); folded == c {
			return false
		}
	}
}

// matchesServer tells whether the pattern matches a server's name in full or
// its first label.
func (p Pattern) matchesServer(server string) bool {
	return p.Match(server) || p.Match(hostOf(server))
}
