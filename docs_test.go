package dpremote

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestExtendingNamesWhatIsThere looks for the files and the tests that
// docs/extending.md speaks of.
func TestExtendingNamesWhatIsThere(t *testing.T) {
	text, err := os.ReadFile("docs/extending.md")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		tests.Write(source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files, named := 0, 0
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(string(text), -1) {
		switch word := m[1]; {
		case strings.HasPrefix(word, "Test"):
			if named++; !strings.Contains(tests.String(), "\nfunc "+word+"(t *testing.T)") {
				t.Errorf("there is no test %s", word)
			}
		case strings.Contains(word, "/") && !strings.ContainsAny(word, " ") && !strings.Contains(word, "NAME"):
			found, err := filepath.Glob(word)
			if files++; err != nil || len(found) == 0 {
				t.Errorf("there is no %s", word)
			}
		}
	}
	if files < 20 || named < 12 {
		t.Errorf("%d files and %d tests are named", files, named)
	}
}
