// Package reference writes what commands say in their help as a page each: for
// man, and in Markdown. Help is plain text, of which a line that begins with two
// spaces or more is a table or code and stays as it is.
//
// It stands beside github.com/spf13/cobra/doc, which takes help for Markdown
// (and so loses the asterisks of patterns), repeats the options of all commands
// on each page, and knows no sections for the exit status, the environment and
// files.
//
// It is for the reference alone and not linked into dpremote.
package reference

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Book is what there is to write. Only Root is necessary.
type Book struct {
	Root    *cobra.Command
	Version string    // of the program, for man pages
	Date    time.Time // of man pages; zero for none
	// ExitStatus stands on every man page, Environment and Files on that of Root.
	ExitStatus, Environment, Files []Term
}

// Term is something with what it means.
type Term struct{ Name, Meaning string }

// Commands are the commands that have a page: Root and all below it that are
// not hidden, sorted by their names.
func (b *Book) Commands() []*cobra.Command {
	var all []*cobra.Command
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		all = append(all, cmd)
		for _, below := range visible(cmd) {
			walk(below)
		}
	}
	walk(b.Root)
	return all
}

// PageName is the name of a command's page, without an ending: dpremote-sites-check.
func PageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// visible are the commands below a command that have a page.
func visible(cmd *cobra.Command) []*cobra.Command {
	return slices.DeleteFunc(slices.Clone(cmd.Commands()), func(c *cobra.Command) bool { return !c.IsAvailableCommand() })
}

// related are the commands to see also: the one above, and those below.
func related(cmd *cobra.Command) []*cobra.Command {
	if cmd.HasParent() {
		return append([]*cobra.Command{cmd.Parent()}, visible(cmd)...)
	}
	return visible(cmd)
}

// option is a flag as a reader sees it.
type option struct {
	name, shorthand string // without dashes
	value           string // what stands for its value; empty for none
	meaning         string
}

// options are the flags that a command has and the one above it has not.
func options(cmd *cobra.Command) []option {
	cmd.InitDefaultHelpFlag()
	var all []option
	cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Deprecated != "" {
			return
		}
		value, meaning := pflag.UnquoteUsage(f)
		if value == "stringArray" {
			value = "string" // and the flag may come again
		}
		if d := strings.Trim(f.DefValue, "[]"); !slices.Contains([]string{"", "0", "0s", "false"}, d) {
			meaning += " (default " + d + ")"
		}
		all = append(all, option{f.Name, f.Shorthand, value, meaning})
	})
	return all
}

// block is a part of a text: a paragraph, or lines that stay as they are.
type block struct {
	literal bool
	lines   []string
}

// blocks parts a text. The indentation that all lines of a literal block have is
// taken off.
func blocks(text string) []block {
	const indentation = "  "
	var all []block
	fresh := true
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if strings.TrimSpace(line) == "" {
			fresh = true
			continue
		}
		stripped, literal := strings.CutPrefix(line, indentation)
		last := len(all) - 1
		switch {
		case last < 0 || literal != all[last].literal || fresh && !literal:
			all = append(all, block{literal, []string{stripped}})
		case fresh:
			all[last].lines = append(all[last].lines, "", stripped)
		default:
			all[last].lines = append(all[last].lines, stripped)
		}
		fresh = false
	}
	return all
}

// description is a command's long text, or its short one as a sentence.
func description(cmd *cobra.Command) string {
	if cmd.Long != "" {
		return cmd.Long
	}
	return cmd.Short + "."
}
