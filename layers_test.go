// Package dpremote has no code of its own; its test holds the packages to
// their places.
package dpremote

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// below says which packages of this module each package may import. What is
// not listed may import none.
var below = map[string][]string{
	"bench":              {"cim", "queries", "simulator", "wsman"},
	"cmd/dpremote":       {"cim", "distribution", "internal/cmtrace", "internal/connect", "internal/history", "internal/htmlreport", "internal/inventory", "internal/live", "internal/metrics", "internal/report", "internal/sitelog", "internal/sweep", "queries", "simulator", "wsman"},
	"distribution":       {"cim", "queries", "wsman"},
	"queries":            {"cim", "wsman"},
	"cim":                {"internal/rowscan", "internal/xmlscan", "internal/xmlwrite", "wsman"},
	"wsman":              {"internal/xmlscan", "internal/xmlwrite", "wsman/internal"},
	"wsman/internal":     {"wsman/internal"},
	"internal/connect":   {"cim", "internal/inventory", "simulator", "wsman"},
	"simulator":          {"simulator/internal"},
	"simulator/internal": {"simulator/internal"},
	"internal/captures":  {},
	"internal/cmtrace":   {},
	"internal/history":   {},
	"internal/inventory": {},
	"internal/live":      {},
	"internal/memnet":    {},
	"internal/reference": {},
	"internal/metrics":   {},
	"internal/report":    {},
	"internal/rowscan":   {"internal/xmlscan"},
	"internal/screen":    {},
	"internal/sitelog":   {"internal/cmtrace", "wsman"},
	"internal/sweep":     {},
	"internal/xmlscan":   {},
	"internal/xmlwrite":  {},
	"peers/signin":       {"simulator", "wsman"},
	"scripts/supply":     {},
	"soak":               {"distribution", "internal/connect", "internal/inventory", "internal/sweep", "queries", "simulator", "wsman"},

	"internal/htmlreport": {},
}

// TestImportsPointDown asks go list what each package imports. It is how the
// simulator is kept from sharing a codec with the client, and the layers from
// knowing what is above them.
func TestImportsPointDown(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		name, ok := strings.CutPrefix(fields[0], "dpremote/")
		if !ok {
			continue // this one
		}
		packages++
		allowed, listed := below[layer(name)]
		if !listed {
			t.Errorf("%s has no place: list it here and say what it may import", name)
		}
		for _, imported := range fields[1:] {
			if inner, ok := strings.CutPrefix(imported, "dpremote/"); ok && !slices.Contains(allowed, layer(inner)) {
				t.Errorf("%s imports %s, which is not below it", name, inner)
			}
		}
	}
	if packages < len(below) {
		t.Errorf("%d packages, %d places", packages, len(below))
	}
}

// TestPictureIsTrue holds the picture of docs/architecture.md to the list: what
// a package may import stands below it there, and all that is not internal is in
// it.
func TestPictureIsTrue(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, picture, _ := strings.Cut(string(text), "\n    ")
	picture, _, _ = strings.Cut(picture, "\nA package imports")
	at := map[string]int{}
	for i, word := range strings.FieldsFunc(picture, func(r rune) bool { return strings.ContainsRune(" \n(),:;", r) }) {
		if _, drawn := at[word]; drawn {
			t.Errorf("%s is in the picture twice", word)
		}
		if _, listed := below[word]; listed {
			at[word] = i
		} else if strings.HasPrefix(word, "internal/") {
			t.Errorf("there is no package %s", word)
		}
	}
	for _, name := range append(below["cmd/dpremote"], "cmd/dpremote") {
		if _, drawn := at[name]; !drawn && !strings.HasPrefix(name, "internal/") {
			t.Errorf("%s is not in the picture", name)
		}
	}
	for name, i := range at {
		for _, imported := range below[name] {
			if j, drawn := at[imported]; drawn && j < i {
				t.Errorf("%s imports %s, which stands above it", name, imported)
			}
		}
	}
}

// layer is the place of a package: its own, or that of its family.
func layer(name string) string {
	for _, family := range []string{"simulator/internal", "wsman/internal"} {
		if strings.HasPrefix(name, family+"/") {
			return family
		}
	}
	return name
}
