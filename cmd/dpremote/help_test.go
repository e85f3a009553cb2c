package main

import (
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
)

// TestHelpFits reads the help of every command on a page and on terminals. What
// is shown as a command line may be longer: it is there to be copied.
func TestHelpFits(t *testing.T) {
	for _, terminal := range []int{0, 80, 100, 200} {
		width := terminal
		switch terminal {
		case 0:
			width = pageWidth
		case 200:
			width = readableLine
		}
		var names []string
		a := testApp(nil, nil, nil)
		walkCommands(newRoot(a), func(c *cobra.Command) { names = append(names, c.CommandPath()) })
		if len(names) < 20 {
			t.Fatalf("%d commands", len(names))
		}
		for _, name := range names {
			var out, errs strings.Builder
			a := testApp(nil, &out, &errs)
			a.terminal = func(any) (int, bool) { return terminal, terminal > 0 }
			if code := a.execute(t.Context(), append(strings.Fields(name)[1:], "--help")); code != exitOK {
				t.Fatalf("%s --help: %d, %s", name, code, errs.String())
			}
			if !strings.Contains(out.String(), "Exit status:") || !strings.Contains(out.String(), "\n      --sort strings") {
				t.Errorf("%s --help: %s", name, out.String())
			}
			inExamples := false
			for line := range strings.Lines(out.String()) {
				line = strings.TrimSuffix(line, "\n")
				if !strings.HasPrefix(line, " ") {
					inExamples = line == "Examples:"
				}
				if n := text.StringWidthWithoutEscSequences(line); n > width && !inExamples {
					t.Errorf("%s --help on %d columns: %d: %s", name, terminal, n, line)
				}
			}
		}
	}
}
