package reference

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Man is a command's page of section 1, in the language of man(7), with its
// sections in the order of man-pages(7).
func (b *Book) Man(cmd *cobra.Command) []byte {
	m := &manPage{}
	title, date := strings.ToUpper(PageName(cmd)), ""
	if !b.Date.IsZero() {
		date = b.Date.UTC().Format("2006-01-02")
	}
	name := b.Root.Name()
	m.printf(".TH %s 1 \"%s\" \"%s\" \"%s\"\n", escape(title), date, escape(strings.TrimSpace(name+" "+b.Version)), escape(name+" manual"))
	m.printf(".ad l\n")
	m.section("NAME")
	m.printf("%s \\- %s\n", escape(PageName(cmd)), escape(cmd.Short))
	m.section("SYNOPSIS")
	m.synopsis(cmd)
	m.section("DESCRIPTION")
	m.text(description(cmd))
	if len(cmd.Aliases) > 0 {
		m.printf(".PP\nAlso called: %s.\n", escape(strings.Join(cmd.Aliases, ", ")))
	}
	if below := visible(cmd); len(below) > 0 {
		m.section("COMMANDS")
		for _, c := range below {
			m.printf(".TP\n%s\n%s\n", pageRef(c), escape(c.Short))
		}
	}
	m.section("OPTIONS")
	m.options(options(cmd))
	if cmd.HasParent() {
		m.printf(".PP\nThe options of every command, such as \\fB\\-\\-inventory\\fR, \\fB\\-\\-site\\fR and \\fB\\-\\-output\\fR, are in\n%s.\n", pageRef(b.Root))
	}
	m.terms("EXIT STATUS", b.ExitStatus)
	if cmd == b.Root {
		m.terms("ENVIRONMENT", b.Environment)
		m.terms("FILES", b.Files)
	}
	if cmd.Example != "" {
		m.section("EXAMPLES")
		m.text(cmd.Example)
	}
	m.section("SEE ALSO")
	var others []string
	for _, c := range related(cmd) {
		others = append(others, pageRef(c))
	}
	m.printf("%s\n", strings.Join(others, ",\n"))
	return []byte(m.String())
}

// manPage is a page that is being written.
type manPage struct{ strings.Builder }

func (m *manPage) printf(format string, args ...any) { fmt.Fprintf(m, format, args...) }

func (m *manPage) section(title string) { m.printf(".SH %s\n", title) }

// synopsis has the words that are typed as they are in bold.
func (m *manPage) synopsis(cmd *cobra.Command) {
	path := cmd.CommandPath()
	rest := strings.TrimPrefix(cmd.UseLine(), path)
	m.printf("\\fB%s\\fR%s\n", escape(path), escape(rest))
	if len(visible(cmd)) > 0 {
		m.printf(".br\n\\fB%s\\fR \\fIcommand\\fR [flags]\n", escape(path))
	}
}

func (m *manPage) text(text string) {
	for i, b := range blocks(text) {
		if i > 0 {
			m.printf(".PP\n")
		}
		if b.literal {
			m.printf(".EX\n")
		}
		for _, line := range b.lines {
			m.printf("%s\n", escape(line))
		}
		if b.literal {
			m.printf(".EE\n")
		}
	}
}

func (m *manPage) options(all []option) {
	for _, o := range all {
		m.printf(".TP\n")
		if o.shorthand != "" {
			m.printf("\\fB%s\\fR, ", escape("-"+o.shorthand))
		}
		m.printf("\\fB%s\\fR", escape("--"+o.name))
		if o.value != "" {
			m.printf(" \\fI%s\\fR", escape(o.value))
		}
		m.printf("\n%s\n", escape(o.meaning))
	}
}

func (m *manPage) terms(title string, terms []Term) {
	if len(terms) == 0 {
		return
	}
	m.section(title)
	for _, t := range terms {
		m.printf(".TP\n\\fB%s\\fR\n%s\n", escape(t.Name), escape(t.Meaning))
	}
}

// pageRef is another page as pages name one: dpremote-status(1), never cut.
func pageRef(cmd *cobra.Command) string { return "\\%\\fB" + escape(PageName(cmd)) + "\\fR(1)" }

// escape has roff show a line of text as it is, dashes and quotes in ASCII.
func escape(line string) string {
	line = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`, `"`, `\(dq`).Replace(line)
	if strings.HasPrefix(line, ".") {
		line = `\&` + line
	}
	return line
}
