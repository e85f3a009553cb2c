package inventory

import (
	"regexp"
	"strings"
	"testing"
)

// TestValidName holds the check of names against the regular expression that
// says the same.
func TestValidName(t *testing.T) {
	form := regexp.MustCompile(`^[\pL\pN_][\pL\pN_.-]{0,63}$`)
	long := strings.Repeat("é", 64)
	names := []string{"", "a", "_", "PS1", "emea-paris.2", "Zürich", "東京", "½", "a b", "a,b", "a*", "[a]", "-a", ".a", "a-", "a.", "a\n", "\xff", "a\xff", "é́", long, long + "x", "1", "a/b", "$x"}
	for _, name := range names {
		if got, want := validName(name), form.MatchString(name); got != want {
			t.Errorf("%q: %t, want %t", name, got, want)
		}
	}
}
