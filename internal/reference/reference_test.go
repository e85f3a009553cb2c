package reference_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"dpremote/internal/reference"
)

// tree is a program with what is hard to write: patterns, backslashes, dots and
// quotes at the beginning of a line, tables.
func tree() *cobra.Command {
	root := &cobra.Command{Use: "prog", Short: "Do it", Run: func(*cobra.Command, []string) {}}
	root.PersistentFlags().StringP("in", "i", "", "read `FILE`, such as *.txt or <stdin>|-")
	sub := &cobra.Command{
		Use: "sub-way NAME|OTHER", Short: "Go below", Run: func(*cobra.Command, []string) {}, Aliases: []string{"tube"},
		Long: "Some *words* and\n.hidden ones in C:\\dir:\n\n  one   1\n\n  two   'it'\n\n'Quoted' again.",
		Example: `  prog sub-way "x" \
    --in 'a b'`,
	}
	sub.Flags().StringArray("each", nil, "one of several")
	sub.Flags().StringSlice("list", []string{"a", "b"}, "a list")
	sub.Flags().Duration("wait", 0, "how long")
	hidden := &cobra.Command{Use: "secret", Hidden: true, Run: sub.Run}
	root.AddCommand(sub, hidden)
	return root
}

func book() *reference.Book {
	return &reference.Book{
		Root: tree(), Version: "1.2-3", Date: time.Date(2026, 11, 21, 23, 0, 0, 0, time.FixedZone("", -7200)),
		ExitStatus: []reference.Term{{Name: "0", Meaning: "fine"}}, Files: []reference.Term{{Name: "~/.prog", Meaning: "its settings"}},
	}
}

func TestMan(t *testing.T) {
	b := book()
	pages := b.Commands()
	if len(pages) != 2 || reference.PageName(pages[1]) != "prog-sub-way" {
		t.Fatalf("%d pages", len(pages))
	}
	const want = `.TH PROG\-SUB\-WAY 1 "2026-11-22" "prog 1.2\-3" "prog manual"
.ad l
.SH NAME
prog\-sub\-way \- Go below
.SH SYNOPSIS
\fBprog sub\-way\fR NAME|OTHER [flags]
.SH DESCRIPTION
Some *words* and
\&.hidden ones in C:\edir:
.PP
.EX
one   1

two   \(aqit\(aq
.EE
.PP
\(aqQuoted\(aq again.
.PP
Also called: tube.
.SH OPTIONS
.TP
\fB\-\-each\fR \fIstring\fR
one of several
.TP
\fB\-h\fR, \fB\-\-help\fR
help for sub\-way
.TP
\fB\-\-list\fR \fIstrings\fR
a list (default a,b)
.TP
\fB\-\-wait\fR \fIduration\fR
how long
.PP
The options of every command, such as \fB\-\-inventory\fR, \fB\-\-site\fR and \fB\-\-output\fR, are in
\%\fBprog\fR(1).
.SH EXIT STATUS
.TP
\fB0\fR
fine
.SH EXAMPLES
.EX
prog sub\-way \(dqx\(dq \e
  \-\-in \(aqa b\(aq
.EE
.SH SEE ALSO
\%\fBprog\fR(1)
`
	if diff := cmp.Diff(want, string(b.Man(pages[1]))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	root := string(b.Man(pages[0]))
	for _, part := range []string{".br\n\\fBprog\\fR \\fIcommand\\fR [flags]\n", ".SH COMMANDS\n.TP\n\\%\\fBprog\\-sub\\-way\\fR(1)\nGo below\n", ".SH FILES\n.TP\n\\fB\\(ti/.prog\\fR\nits settings\n",
		"\\fB\\-i\\fR, \\fB\\-\\-in\\fR \\fIFILE\\fR\nread FILE"} {
		if !strings.Contains(root, part) {
			t.Errorf("no %q in\n%s", part, root)
		}
	}
	b.Date = time.Time{}
	if page := string(b.Man(pages[0])); !strings.HasPrefix(page, `.TH PROG 1 "" "prog 1.2\-3"`) {
		t.Errorf("without a date: %s", page[:60])
	}
}

func TestMarkdown(t *testing.T) {
	b := book()
	const want = "# prog sub-way\n\nGo below.\n\n    prog sub-way NAME|OTHER [flags]\n\nSome \\*words\\* and\n.hidden ones in C:\\\\dir:\n" +
		"\n    one   1\n\n    two   'it'\n\n'Quoted' again.\n\nAlso called: tube.\n" +
		"\n## Examples\n\n    prog sub-way \"x\" \\\n      --in 'a b'\n" +
		"\n## Options\n\n| option | what it does |\n|---|---|\n| `--each string` | one of several |\n| `-h`, `--help` | help for sub-way |\n| `--list strings` | a list (default a,b) |\n| `--wait duration` | how long |\n" +
		"\nThe [options of every command](prog.md#options-of-every-command) and the\n[exit status](prog.md#exit-status) are with [prog](prog.md).\n"
	if diff := cmp.Diff(want, string(b.Markdown(b.Commands()[1]))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	root := string(b.Markdown(b.Root))
	for _, part := range []string{"| [prog sub-way](prog-sub-way.md) | Go below |\n", "## Options of every command\n", "| `-i`, `--in FILE` | read FILE, such as \\*.txt or \\<stdin\\>\\|- |\n",
		"## Exit status\n\n| status | what it means |\n|---|---|\n| `0` | fine |\n", "| `~/.prog` | its settings |\n"} {
		if !strings.Contains(root, part) {
			t.Errorf("no %q in\n%s", part, root)
		}
	}
}
