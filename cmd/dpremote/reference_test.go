package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dpremote/internal/inventory"
	"dpremote/internal/reference"
)

// The reference is written from the commands themselves, by tests: so dpremote
// is not linked with what writes it.
var (
	writeReference = flag.Bool("write-reference", false, "rewrite docs/reference from the commands")
	manPages       = flag.String("man-pages", "", "write man pages into this `directory`, of the version $VERSION and the time $SOURCE_DATE_EPOCH")
)

const referenceDir = "../../docs/reference"

// book is what the reference says beside the help of commands.
func book(t *testing.T) *reference.Book {
	b := &reference.Book{Root: newRoot(newApp()), ExitStatus: exitTerms(t)}
	add := func(name, meaning string) {
		b.Environment = append(b.Environment, reference.Term{Name: name, Meaning: meaning})
	}
	add("DPREMOTE_INVENTORY", "The inventory file, as --inventory.")
	for _, name := range environmentFlags() {
		add("DPREMOTE_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_")), "In place of --"+name+".")
	}
	for _, key := range inventory.Keys() {
		if key.Variable != "" {
			add(key.Variable, key.Doc+" For every site, over the "+key.Name+" of the inventory.")
		}
	}
	add("KRB5CCNAME", "The Kerberos credential cache, as kinit takes it.")
	add("NO_COLOR", "No colours, unless --color says so. TERM=dumb does the same.")
	add("XDG_CONFIG_HOME, XDG_STATE_HOME", "In place of ~/.config and ~/.local/state.")
	b.Files = []reference.Term{
		{Name: "./inventory.yaml, ~/.config/dpremote/inventory.yaml", Meaning: "The inventory, where neither --inventory nor DPREMOTE_INVENTORY names one."},
		{Name: "~/.local/state/dpremote/history.db", Meaning: "What was done, for its owner alone: see dpremote history. On Windows it is in %LOCALAPPDATA%."},
		{Name: "~/.local/state/dpremote/retry-history/", Meaning: "What diagnose --clear-retry has deleted."},
		{Name: "/etc/krb5.conf", Meaning: "Realms and their servers, for Kerberos."},
	}
	return b
}

// exitTerms are the exit codes with their meanings, from the text that is in the
// help of every command.
func exitTerms(t *testing.T) []reference.Term {
	var terms []reference.Term
	for _, line := range strings.Split(exitHelp, "\n")[1:] {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, err := strconv.Atoi(code); err == nil {
			terms = append(terms, reference.Term{Name: code, Meaning: strings.TrimSpace(meaning)})
			continue
		}
		terms[len(terms)-1].Meaning += " " + strings.TrimSpace(line)
	}
	if len(terms) < 8 {
		t.Fatalf("%d exit codes: where are the others?", len(terms))
	}
	return terms
}

// TestReference holds docs/reference against the commands.
func TestReference(t *testing.T) {
	b := book(t)
	pages := map[string][]byte{}
	for _, cmd := range b.Commands() {
		pages[reference.PageName(cmd)+".md"] = b.Markdown(cmd)
	}
	if *writeReference {
		rewrite(t, pages)
	}
	there, err := filepath.Glob(filepath.Join(referenceDir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range there {
		if pages[filepath.Base(path)] == nil {
			t.Errorf("docs/reference/%s is of no command: run make docs", filepath.Base(path))
		}
	}
	for name, want := range pages {
		if got, err := os.ReadFile(filepath.Join(referenceDir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("docs/reference/%s is not what the commands say: run make docs", name)
		}
	}
}

func rewrite(t *testing.T, pages map[string][]byte) {
	if err := os.RemoveAll(referenceDir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(referenceDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range pages {
		if err := os.WriteFile(filepath.Join(referenceDir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestManPages writes the man pages and looks at their sections. make peers has
// them read by programs for man pages.
func TestManPages(t *testing.T) {
	b := book(t)
	dir := *manPages
	if dir == "" {
		dir = t.TempDir()
	} else {
		seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
		if err != nil {
			t.Fatalf("SOURCE_DATE_EPOCH: %v", err)
		}
		b.Version, b.Date = os.Getenv("VERSION"), time.Unix(seconds, 0)
	}
	order := []string{"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"}
	for _, cmd := range b.Commands() {
		name, page := reference.PageName(cmd), b.Man(cmd)
		if err := os.WriteFile(filepath.Join(dir, name+".1"), page, 0o644); err != nil {
			t.Fatal(err)
		}
		var sections []string
		for line := range strings.Lines(string(page)) {
			if title, ok := strings.CutPrefix(line, ".SH "); ok {
				sections = append(sections, strings.TrimSpace(title))
			}
		}
		want := slices.DeleteFunc(slices.Clone(order), func(s string) bool {
			return s == "COMMANDS" && !cmd.HasSubCommands() || cmd.HasParent() && (s == "ENVIRONMENT" || s == "FILES")
		})
		if !slices.Equal(sections, want) {
			t.Errorf("%s has the sections %q, want %q", name, sections, want)
		}
	}
}
