package queries

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Quote is text as a WQL string literal: in single quotes, with backslashes
// doubled (Windows SDK, "WHERE Clause (WQL)"). Double quotes stand as they
// are; the provider takes NAL paths so.
//
// A single quote is refused. WMI would take it behind a backslash, but nothing
// shows that the SMS Provider's own parser does. So are control characters and
// text that is not UTF-8.
func Quote(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", fmt.Errorf("quote %q: it is not UTF-8", text)
	}
	for _, r := range text {
		switch {
		case r == '\'':
			return "", fmt.Errorf("quote %q: a query cannot carry a single quote; use ? in a pattern", text)
		case r < ' ' || r == 0x7F:
			return "", fmt.Errorf("quote %q: a query cannot carry control characters", text)
		}
	}
	return "'" + strings.ReplaceAll(text, `\`, `\\`) + "'", nil
}

// EscapeLike makes a pattern for LIKE that stands for text alone: the wildcards
// [, % and _ become sets of one character (Windows SDK, "LIKE Operator"). A
// lone ] needs nothing. The result is still to be quoted.
func EscapeLike(text string) string {
	return strings.NewReplacer("[", "[[]", "%", "[%]", "_", "[_]").Replace(text)
}
