package queries

import (
	"fmt"
	"strconv"
	"strings"
)

// enum is the words for the values of a property. It is a constant table.
type enum []enumValue

type enumValue struct {
	number  uint32
	word    string // for people, and accepted when reading
	aliases string // more that is accepted when reading, with spaces between
}

// name is the word for a number, or unknown with the number.
func (e enum) name(n uint32) string {
	for _, v := range e {
		if v.number == n {
			return v.word
		}
	}
	return unknown(n)
}

// unknown is how a value without a word is shown.
func unknown(n uint32) string { return "unknown (" + strconv.FormatUint(uint64(n), 10) + ")" }

// parse reads a word, an alias, a number, or a value without a word as it is
// shown. Case, spaces, hyphens and underscores make no difference. what names
// the property in the error.
func (e enum) parse(what, text string) (uint32, error) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseUint(text, 0, 32); err == nil {
		return uint32(n), nil
	}
	folded := foldWord(text)
	for _, v := range e {
		if foldWord(v.word) == folded {
			return v.number, nil
		}
		for alias := range strings.FieldsSeq(v.aliases) {
			if foldWord(alias) == folded {
				return v.number, nil
			}
		}
	}
	if digits, ok := strings.CutPrefix(folded, "unknown("); ok {
		if n, err := strconv.ParseUint(strings.TrimSuffix(digits, ")"), 10, 32); err == nil {
			return uint32(n), nil
		}
	}
	return 0, fmt.Errorf("unknown %s %q: use a number or one of %s", what, text, e.words())
}

func (e enum) words() string {
	words := make([]string, len(e))
	for i, v := range e {
		words[i] = v.word
	}
	return strings.Join(words, ", ")
}

func foldWord(s string) string {
	return strings.NewReplacer(" ", "", "-", "", "_", "").Replace(strings.ToLower(s))
}
