package queries

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPatternMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern  string
		yes, not []string
	}{
		{"SRV1", []string{"SRV1", "srv1"}, []string{"SRV10", "XSRV1", ""}},
		{"SRV*", []string{"SRV", "srv1", "SRV1.corp.example"}, []string{"XSRV1", "SR"}},
		{"SRV%", []string{"SRV", "srv10"}, []string{"XSRV1"}},
		{"*", []string{"", "anything"}, nil},
		{"?", []string{"a", "ü"}, []string{"", "ab"}},
		{"DP??", []string{"DP01", "dp99"}, []string{"DP1", "DP100"}},
		{"*.corp.example", []string{"dp1.corp.example"}, []string{"dp1.corp.example.org", "corp.example"}},
		{"a*b*c", []string{"abc", "aXbXc", "abcbc"}, []string{"ab", "acb"}},
		{"*aab", []string{"aaab", "aab"}, []string{"aaba"}},
		{"a_b", []string{"a_b"}, []string{"axb"}},
		{"dp[12]", []string{"DP1", "dp2"}, []string{"dp3", "dp12"}},
		{"dp[1-3]", []string{"dp2"}, []string{"dp4", "dp-"}},
		{"dp[^1-3]", []string{"dp4"}, []string{"dp2", "dp"}},
		{"dp[!1]", []string{"dp4", "dp!"}, []string{"dp1"}},
		{"[A-C]x", []string{"bx", "Bx"}, []string{"dx"}},
		{"[*]", []string{"*"}, []string{"a"}},
		{"[[]x]", []string{"[x]"}, []string{"x"}},
		{"[-a]", []string{"-", "a"}, []string{"b"}},
		{"[^]", []string{"^"}, []string{"a"}},
		{"straße", []string{"STRAßE"}, []string{"strasse"}},
	} {
		t.Run(tt.pattern, func(t *testing.T) {
			p := pattern(t, tt.pattern)
			for _, name := range tt.yes {
				if !p.Match(name) {
					t.Errorf("%q is not matched", name)
				}
			}
			for _, name := range tt.not {
				if p.Match(name) {
					t.Errorf("%q is matched", name)
				}
			}
		})
	}
}

func TestPatternOfServer(t *testing.T) {
	for _, tt := range []struct {
		pattern, server string
		want            bool
	}{
		{"SRV1", "srv1.corp.example", true},
		{"SRV1", "SRV1", true},
		{"SRV1", "SRV10.corp.example", false},
		{"SRV1", "XSRV1.corp.example", false},
		{"srv1.corp.example", "SRV1.corp.example", true},
		{"srv1.corp.example", "SRV1.other.example", false},
		{"*-dp", "lon-dp.corp.example", true},
		{"srv*", "SRV10.corp.example", true},
		{"corp", "srv1.corp.example", false},
	} {
		if got := pattern(t, tt.pattern).matchesServer(tt.server); got != tt.want {
			t.Errorf("%s of %s: %v, want %v", tt.pattern, tt.server, got, tt.want)
		}
	}
}

func TestPatternKinds(t *testing.T) {
	for _, tt := range []struct {
		pattern, like, literal string
		wild                   bool
	}{
		{"PS100039", "PS100039", "PS100039", false},
		{"a_b", "a[_]b", "a_b", false},
		{"[*][%]x]", "*[%]x]", "*%x]", false},
		{"a**%b", "a%b", "", true},
		{"a?", "a_", "", true},
		{"a[bc]", "a_", "", true},
		{"a[^b]", "a_", "", true},
		{`\\DP1`, `\\DP1`, `\\DP1`, false},
	} {
		t.Run(tt.pattern, func(t *testing.T) {
			p := pattern(t, tt.pattern)
			if p.Like() != tt.like {
				t.Errorf("Like() = %q, want %q", p.Like(), tt.like)
			}
			literal, ok := p.Literal()
			if p.Wild() != tt.wild || ok == tt.wild || literal != tt.literal {
				t.Errorf("Wild() = %v, Literal() = %q, %v; want %v, %q", p.Wild(), literal, ok, tt.wild, tt.literal)
			}
			if p.String() != tt.pattern {
				t.Errorf("String() = %q", p)
			}
		})
	}
}

func TestPatternMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":       `an empty pattern matches nothing`,
		"a[b":    `pattern "a[b": no ] for the [; write [[] for the character`,
		"a[]":    `pattern "a[]": an empty set []`,
		"[z-a]":  `pattern "[z-a]": the range z-a runs backwards`,
		"[^z-a]": `pattern "[^z-a]": the range z-a runs backwards`,
	} {
		if _, err := ParsePattern(text); err == nil || err.Error() != want {
			t.Errorf("ParsePattern(%q): %v, want %s", text, err, want)
		}
	}
}

func TestPatternText(t *testing.T) {
	var p Pattern
	if err := json.Unmarshal([]byte(`"SRV*"`), &p); err != nil {
		t.Fatal(err)
	}
	if !p.Match("srv1") {
		t.Error("the pattern that was read does not match")
	}
	if b, err := json.Marshal(p); err != nil || string(b) != `"SRV*"` {
		t.Errorf("written as %s, %v", b, err)
	}
	if err := json.Unmarshal([]byte(`"["`), &p); err == nil || !p.Match("srv1") {
		t.Errorf("a bad pattern gives %v and changes the pattern to %q", err, p)
	}
	var zero Pattern
	if !zero.Match("") || zero.Match("a") || zero.Wild() {
		t.Error("the zero pattern matches more than the empty name")
	}
}

// TestPatternTakesNoTime would not end with a matcher that tries every way.
func TestPatternTakesNoTime(t *testing.T) {
	p := pattern(t, strings.Repeat("*a", 60)+"*b")
	if p.Match(strings.Repeat("a", 3000)) {
		t.Error("matched")
	}
}

// FuzzPattern holds a pattern against two oracles: regular expressions say what
// Match says, and what Match says yes to, LIKE lets through.
func FuzzPattern(f *testing.F) {
	for _, seed := range [][2]string{
		{"SRV*", "srv10"}, {"a?c", "abc"}, {"[a-c]%", "Bx"}, {"[^a]", "b"}, {"[[]_%", "[_x"}, {`\\*`, `\\x`}, {"*aab", "aaab"},
		{"[-]", "-"}, {"[!]", "!"}, {"K", "k"}, {"ſ", "S"}, {"[\\]", "\\"}, {"[a-]", "-"}, {"[^^]", "^"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		p, err := ParsePattern(text)
		if err != nil || !utf8.ValidString(text) || !utf8.ValidString(name) || len(text) > 100 || len(name) > 100 {
			return
		}
		got := p.Match(name)
		if want := expression(text).MatchString(name); got != want {
			t.Errorf("pattern %q and name %q: %v, want %v", text, name, got, want)
		}
		if strings.Count(p.Like(), "%") > 5 {
			return // likes tries every way
		}
		if got && !likes([]rune(p.Like()), []rune(name)) {
			t.Errorf("LIKE %q does not let %q through, which %q matches", p.Like(), name, text)
		}
		if literal, ok := p.Literal(); ok && !p.Match(literal) {
			t.Errorf("pattern %q does not match its own %q", text, literal)
		}
	})
}

// expression writes a pattern that is in order as a regular expression.
func expression(text string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?is)^`)
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case r == '*' || r == '%':
			b.WriteString(".*")
		case r == '?':
			b.WriteString(".")
		case r == '[':
			n = strings.IndexByte(text, ']') + 1
			b.WriteString(set(text[1 : n-1]))
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
		text = text[n:]
	}
	b.WriteString(`$`)
	return regexp.MustCompile(b.String())
}

// set writes what stands between brackets as a regular expression's set.
func set(content string) string {
	out := "["
	if len(content) > 1 && strings.ContainsAny(content[:1], "^!") {
		out, content = "[^", content[1:]
	}
	ends := regexp.MustCompile(`(?s)^(.)-(.)`)
	for content != "" {
		r, n := utf8.DecodeRuneInString(content)
		part := escape(r)
		if m := ends.FindStringSubmatch(content); m != nil {
			last, _ := utf8.DecodeRuneInString(m[2])
			part, n = part+"-"+escape(last), len(m[0])
		}
		out += part
		content = content[n:]
	}
	return out + "]"
}

func escape(r rune) string {
	if strings.ContainsRune(`\]^-[&~|`, r) {
		return `\` + string(r)
	}
	return string(r)
}

// likes is LIKE as the Windows SDK describes it, with sets of one character as
// they come out of EscapeLike.
func likes(pattern, name []rune) bool {
	if len(pattern) == 0 {
		return len(name) == 0
	}
	if pattern[0] == '%' {
		return likes(pattern[1:], name) || len(name) > 0 && likes(pattern, name[1:])
	}
	if len(name) == 0 {
		return false
	}
	switch {
	case pattern[0] == '_':
		return likes(pattern[1:], name[1:])
	case pattern[0] == '[' && len(pattern) > 2 && pattern[2] == ']':
		return pattern[1] == name[0] && likes(pattern[3:], name[1:])
	}
	return strings.EqualFold(string(pattern[0]), string(name[0])) && likes(pattern[1:], name[1:])
}
