package wql

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLike(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"a", "A", true},
		{"a", "ab", false},
		{"%", "", true},
		{"%%", "x", true},
		{"_", "", false},
		{"_", "ä", true},
		{"a%b", "ab", true},
		{"a%b", "aXbXb", true},
		{"a%b", "aXbX", false},
		{"%ab%ab%", "aabab", true},
		{"%ab%ab%", "aabb", false},
		{"%_a", "a", false},
		{"DP0[1-3]", "dp02", true},
		{"DP0[1-3]", "dp04", false},
		{"[^a-c]", "B", false},
		{"[^a-c]", "d", true},
		{"[^]", "^", true},
		{"[]", "", false},
		{"[]]", "]", false},
		{"[-a]", "-", true},
		{"[a-]", "-", true},
		{"[z-a]", "m", false},
		{"[abc^]", "^", true},
		{"[[]x]", "[x]", true},
		{"[%]", "%", true},
		{"[%]", "x", false},
		{"[_]", "_", true},
		{"[_]", "x", false},
		{"a[b", "a[b", false},
		{"%[", "[", false},
		{`\\dp%`, `\\DP01`, true},
		{"straße", "STRASSE", false},
		{"ÄÖ", "äö", true},
		{"k", "\u212a", true}, // the Kelvin sign
		{"_", "\xff", true},
	}
	for _, test := range tests {
		t.Run(test.pattern+" "+test.text, func(t *testing.T) {
			if got := compilePattern(test.pattern).matches(test.text); got != test.want {
				t.Errorf("%q LIKE %q is %v, want %v", test.text, test.pattern, got, test.want)
			}
		})
	}
}

func TestLikeIsNotExponential(t *testing.T) {
	// An exponential match would not end before the test's time is up.
	p := compilePattern(strings.Repeat("%a", 1000) + "b")
	if p.matches(strings.Repeat("a", 10000)) {
		t.Error("LIKE says that the text ends in b")
	}
}

// likeAsRegexp says in the words of regexp what a LIKE pattern means, in a way of
// its own. It answers false for a pattern that matches nothing.
func likeAsRegexp(pattern string) (*regexp.Regexp, bool) {
	var b strings.Builder
	b.WriteString(`(?is)\A`)
	for len(pattern) > 0 {
		switch c := pattern[0]; c {
		case '%':
			b.WriteString(".*")
		case '_':
			b.WriteString(".")
		case '[':
			end := strings.IndexByte(pattern, ']')
			if end < 0 {
				return nil, false
			}
			set := []rune(pattern[1:end])
			pattern = pattern[end:]
			class, ok := setAsRegexp(set)
			if !ok {
				return nil, false
			}
			b.WriteString(class)
		default:
			r, size := utf8.DecodeRuneInString(pattern)
			b.WriteString(regexp.QuoteMeta(string(r)))
			pattern = pattern[size-1:]
		}
		pattern = pattern[1:]
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String()), true
}

// setAsRegexp is a set as an alternation of its members.
func setAsRegexp(set []rune) (string, bool) {
	negated := len(set) > 0 && set[0] == '^'
	if negated {
		set = set[1:]
	}
	var members strings.Builder
	for len(set) > 0 {
		if len(set) > 2 && set[1] == '-' {
			if set[0] <= set[2] {
				members.WriteString(quoteInClass(set[0]) + "-" + quoteInClass(set[2]))
			}
			set = set[3:]
			continue
		}
		members.WriteString(quoteInClass(set[0]))
		set = set[1:]
	}
	switch {
	case members.Len() == 0 && negated:
		return ".", true
	case members.Len() == 0:
		return "", false
	case negated:
		return "[^" + members.String() + "]", true
	}
	return "[" + members.String() + "]", true
}

// quoteInClass quotes a hyphen too, which QuoteMeta leaves.
func quoteInClass(r rune) string {
	if r == '-' {
		return `\-`
	}
	return regexp.QuoteMeta(string(r))
}

func FuzzLike(f *testing.F) {
	for _, seed := range [][2]string{
		{"PS1%", "ps100001"}, {"_[a-c]%", "xB"}, {"[^a-c]", "D"}, {"[[]a]", "[a]"}, {"%a%b%", "xaxb"},
		{"[a", "[a"}, {"[]", ""}, {"[^]", "x"}, {"[--a]", "-"}, {"[z-a]", "b"}, {"ſ", "S"}, {"%\n_", "a\nb"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 200 || len(text) > 1000 || !utf8.ValidString(pattern) {
			t.Skip("more than the oracle takes")
		}
		want := false
		if re, ok := likeAsRegexp(pattern); ok {
			want = re.MatchString(text)
		}
		if got := compilePattern(pattern).matches(text); got != want {
			t.Errorf("%q LIKE %q is %v, the regular expression says %v", text, pattern, got, want)
		}
	})
}
