package reference

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// Markdown is a command's page, which links to the others as files beside it.
// The page of Root has what holds for every command.
func (b *Book) Markdown(cmd *cobra.Command) []byte {
	m := &markdownPage{}
	m.printf("# %s\n\n%s.\n\n", cmd.CommandPath(), plain(cmd.Short))
	m.printf("    %s\n", cmd.UseLine())
	if cmd.Long != "" {
		m.text(cmd.Long)
	}
	if len(cmd.Aliases) > 0 {
		m.printf("\nAlso called: %s.\n", plain(strings.Join(cmd.Aliases, ", ")))
	}
	if cmd.Example != "" {
		m.printf("\n## Examples\n")
		m.text(cmd.Example)
	}
	if below := visible(cmd); len(below) > 0 {
		m.table("Commands", "command", "what it does", len(below), func(i int) (string, string) { return link(below[i]), plain(below[i].Short) })
	}
	title, own := "Options", options(cmd)
	if cmd == b.Root {
		title = "Options of every command"
	}
	m.table(title, "option", "what it does", len(own), func(i int) (string, string) { return own[i].code(), plain(own[i].meaning) })
	if cmd == b.Root {
		m.terms("Exit status", "status", b.ExitStatus)
		m.terms("Environment", "variable", b.Environment)
		m.terms("Files", "file", b.Files)
		return []byte(m.String())
	}
	root := PageName(b.Root) + ".md"
	m.printf("\nThe [options of every command](%s#options-of-every-command) and the\n[exit status](%s#exit-status) are with %s.\n", root, root, link(b.Root))
	return []byte(m.String())
}

// markdownPage is a page that is being written.
type markdownPage struct{ strings.Builder }

func (m *markdownPage) printf(format string, args ...any) { fmt.Fprintf(m, format, args...) }

func (m *markdownPage) text(text string) {
	for _, b := range blocks(text) {
		m.printf("\n")
		for _, line := range b.lines {
			switch {
			case line == "":
				m.printf("\n")
			case b.literal:
				m.printf("    %s\n", line)
			default:
				m.printf("%s\n", plain(line))
			}
		}
	}
}

func (m *markdownPage) table(title, left, right string, rows int, row func(int) (left, right string)) {
	m.printf("\n## %s\n\n| %s | %s |\n|---|---|\n", title, left, right)
	for i := range rows {
		l, r := row(i)
		m.printf("| %s | %s |\n", l, r)
	}
}

func (m *markdownPage) terms(title, left string, terms []Term) {
	if len(terms) == 0 {
		return
	}
	m.table(title, left, "what it means", len(terms), func(i int) (string, string) {
		return "`" + terms[i].Name + "`", plain(terms[i].Meaning)
	})
}

// code is an option as one types it.
func (o option) code() string {
	code := "`--" + strings.TrimSpace(o.name+" "+o.value) + "`"
	if o.shorthand != "" {
		code = "`-" + o.shorthand + "`, " + code
	}
	return code
}

func link(cmd *cobra.Command) string { return "[" + cmd.CommandPath() + "](" + PageName(cmd) + ".md)" }

// plain has Markdown show a line of text as it is.
func plain(line string) string {
	line = regexp.MustCompile("[\\\\`*_<>|~\\[\\]]").ReplaceAllString(line, `\$0`)
	return regexp.MustCompile(`^([#+-]\s)`).ReplaceAllString(line, `\$1`)
}
