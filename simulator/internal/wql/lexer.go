package wql

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is what a token is.
type tokenKind int

const (
	endToken    tokenKind = iota // the end of the text
	wordToken                    // a keyword or a name
	stringToken                  // a string literal; text is its value
	numberToken                  // a number literal; text is as written
	symbolToken                  // an operator or punctuation
)

// token is one token of a query.
type token struct {
	kind   tokenKind
	text   string
	offset int // in bytes
}

// String is the token as an error message shows it.
func (t token) String() string {
	switch t.kind {
	case endToken:
		return "the end of the query"
	case stringToken:
		return "a string"
	}
	return t.text
}

// is tells whether the token is the keyword, ignoring case.
func (t token) is(keyword string) bool {
	return t.kind == wordToken && strings.EqualFold(t.text, keyword)
}

// lexer cuts a query into tokens.
type lexer struct {
	text   string
	offset int
}

// symbols lists operators and punctuation, the longer ones first.
var symbols = [...]string{"<>", "!=", "<=", ">=", "<", ">", "=", "(", ")", ",", ".", "*"}

// next is the next token; at the end of the text it is an endToken, each time.
func (l *lexer) next() (token, error) {
	l.skipSpace()
	start := l.offset
	rest := l.text[start:]
	if rest == "" {
		return token{kind: endToken, offset: start}, nil
	}
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case isNameStart(r):
		end := strings.IndexFunc(rest, func(r rune) bool { return !isNamePart(r) })
		return l.take(wordToken, end), nil
	case startsNumber(rest):
		return l.number()
	case r == '\'' || r == '"':
		return l.quoted(byte(r))
	}
	for _, s := range symbols {
		if strings.HasPrefix(rest, s) {
			return l.take(symbolToken, len(s)), nil
		}
	}
	return token{}, &SyntaxError{Offset: start, Message: fmt.Sprintf("unexpected character %q", r)}
}

// take is the token of the next n bytes, or of the rest when n is negative.
func (l *lexer) take(kind tokenKind, n int) token {
	start := l.offset
	if n < 0 {
		n = len(l.text) - start
	}
	l.offset += n
	return token{kind: kind, text: l.text[start:l.offset], offset: start}
}

func (l *lexer) skipSpace() {
	rest := strings.TrimLeftFunc(l.text[l.offset:], unicode.IsSpace)
	l.offset = len(l.text) - len(rest)
}

// isNameStart and isNamePart tell the characters of a CIM identifier (DSP0004,
// annex A: letters, digits, underscore, and U+0080 to U+FFEF).
func isNameStart(r rune) bool {
	return r == '_' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' ||
		r >= 0x80 && r <= 0xFFEF && r != utf8.RuneError && !unicode.IsSpace(r)
}

func isNamePart(r rune) bool { return isNameStart(r) || isDigit(r) }

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// startsNumber tells whether a number literal begins here. There is no
// arithmetic in WQL, so a sign belongs to its number.
func startsNumber(text string) bool {
	text = strings.TrimLeft(text[:1], "+-") + text[1:]
	text = strings.TrimPrefix(text, ".")
	return text != "" && isDigit(rune(text[0]))
}

// number reads a number; whether it is well formed shows when it is parsed.
func (l *lexer) number() (token, error) {
	rest := l.text[l.offset:]
	end := 1
	for end < len(rest) {
		c := rest[end]
		sign := (c == '+' || c == '-') && (rest[end-1] == 'e' || rest[end-1] == 'E') && !isHex(rest)
		if !sign && c != '.' && !isNamePart(rune(c)) {
			break
		}
		end++
	}
	return l.take(numberToken, end), nil
}

// isHex tells whether a number literal is hexadecimal.
func isHex(text string) bool {
	text = strings.TrimLeft(text, "+-")
	return len(text) > 1 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')
}

// quoted reads a string literal with its quotes. A backslash escapes a
// backslash or a quote and nothing else.
func (l *lexer) quoted(quote byte) (token, error) {
	start := l.offset
	var value strings.Builder
	for i := start + 1; i < len(l.text); i++ {
		c := l.text[i]
		switch {
		case c == quote:
			l.offset = i + 1
			return token{kind: stringToken, text: value.String(), offset: start}, nil
		case c != '\\':
			value.WriteByte(c)
		case i+1 < len(l.text) && strings.IndexByte(`\'"`, l.text[i+1]) >= 0:
			i++
			value.WriteByte(l.text[i])
		default:
			return token{}, &SyntaxError{Offset: i, Message: `a backslash in a string must come before \, ' or "`}
		}
	}
	return token{}, &SyntaxError{Offset: start, Message: "the string has no end"}
}
