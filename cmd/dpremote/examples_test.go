package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/bcrypt"

	"dpremote/simulator"
)

// example is a command line that help or documents show.
type example struct{ where, line string }

// shownCommands are the command lines in the help of every command, in the
// README and in the documents.
func shownCommands(t *testing.T) []example {
	t.Helper()
	var all []example
	walkCommands(newRoot(newApp()), func(cmd *cobra.Command) {
		for _, line := range commandLines(cmd.Example) {
			all = append(all, example{"help of " + cmd.CommandPath(), line})
		}
	})
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(documents, "../../README.md", "../../CONTRIBUTING.md") {
		text, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range commandLines(codeOf(string(text))) {
			all = append(all, example{filepath.Base(path), line})
		}
	}
	units, err := filepath.Glob("../../docs/monitoring/*.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range units {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range commandLines(strings.ReplaceAll(string(text), "ExecStart=/usr/bin/", "")) {
			all = append(all, example{filepath.Base(path), line})
		}
	}
	for _, job := range pipelines(t) {
		for _, script := range job.scripts {
			for _, line := range commandLines(script) {
				all = append(all, example{"ci.md, job " + job.name, line})
			}
		}
	}
	return all
}

// codeOf is the indented code of a Markdown text.
func codeOf(text string) string {
	var code strings.Builder
	fenced := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if strings.HasPrefix(line, "    ") && !fenced {
			code.WriteString(line)
		}
	}
	return code.String()
}

// commandLines are the lines that begin with dpremote, those that go on joined.
func commandLines(text string) []string {
	var lines []string
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "$ ")
		line = strings.TrimPrefix(line, "go run ./cmd/")
		if strings.HasPrefix(line, "dpremote ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// shellWords splits a line as a shell does, as far as examples need: quotes,
// comments, and what stands behind a pipe or goes to a file is left out.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	begun, quote := false, rune(0)
	end := func() {
		if begun {
			words = append(words, word.String())
		}
		word.Reset()
		begun = false
	}
	for _, r := range line + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, begun = r, true
		case r == ' ':
			end()
		case !begun && (r == '#' || r == '|' || r == '>'):
			return words
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	return words
}

var exampleHost = regexp.MustCompile(`^(https://)?[a-z0-9-]+\.corp\.example$`)

// adapt turns a line's words into those that can be run here: hosts are the
// simulated server, and there is no Kerberos.
func adapt(words []string, url, ca, dir string) []string {
	var out []string
	remote := false
	for i := 0; i < len(words); i++ {
		switch word := words[i]; {
		case exampleHost.MatchString(word):
			out, remote = append(out, url), true
		case word == "--auth" || word == "--user" || word == "--password-env" || word == "--ca-file":
			i++
		case word == "--password-stdin":
		case word == "-i" && strings.HasPrefix(words[i+1], "/etc/"):
			i++
		case word == "--web-config":
			i++
			out = append(out, word, filepath.Join(filepath.Dir(ca), "web.yml"))
		case word == "--prom" && words[i+1] == "-":
			i++
			out = append(out, word, "-")
		case word == "--listen":
			out, i = append(out, word, "127.0.0.1:0"), i+1
		case word == "--trace-dir" || word == "--write" || word == "--out" || word == "--junit" || word == "--prom":
			i++
			out = append(out, word, filepath.Join(dir, filepath.Base(words[i])))
		case word == "--annotate" && strings.HasPrefix(words[i+1], annotateGitLab):
			i++
			_, file, _ := strings.Cut(words[i]+"="+codeQualityFile, "=")
			out = append(out, word, annotateGitLab+"="+filepath.Join(dir, strings.Split(file, "=")[0]))
		default:
			out = append(out, word)
		}
	}
	if words[0] == "exporter" && !slices.Contains(words, "--listen") {
		out = append(out, "--listen", "127.0.0.1:0")
	}
	if remote {
		out = append(out, "--auth", "basic", "--user", "sim", "--password-env", "EXAMPLE_PASSWORD", "--ca-file", ca)
	}
	return out
}

// TestExamples runs every command line that help and documents show, on the
// sites of the inventory that is shipped. What a command finds there is its own
// affair; that it is understood and does its work is not.
func TestExamples(t *testing.T) {
	h, err := simulator.Start(t.Context(), simulator.Model{Sites: []simulator.Site{{Code: "PS1", DPs: 2, Packages: 6}}},
		simulator.Options{TLS: true, User: "sim", Password: "pw", Strict: noSin(t), Schemes: []simulator.Scheme{simulator.Basic}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, h.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("pw"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(ca), "web.yml"), []byte("basic_auth_users: {prometheus: "+string(hash)+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inventory, err := filepath.Abs("../../inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := shownCommands(t)
	if len(all) < 40 {
		t.Errorf("%d examples: where are the others?", len(all))
	}
	for i, e := range all {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			args := adapt(shellWords(e.line)[1:], strings.TrimSuffix(h.Sites()[0].URL, "/wsman"), ca, dir)
			var errs strings.Builder
			a := testApp(strings.NewReader(strings.Repeat("yes\n", 3)), io.Discard, &errs)
			a.terminal = func(any) (int, bool) { return 100, true }
			a.getenv = func(name string) string {
				return map[string]string{"EXAMPLE_PASSWORD": "pw", "XDG_STATE_HOME": dir, "DPREMOTE_INVENTORY": inventory}[name]
			}
			// Some wait for hours, or until they are stopped.
			ctx, stop := context.WithCancel(t.Context())
			timer := time.AfterFunc(2*time.Second, stop)
			defer timer.Stop()
			defer stop()
			a.looked = func(string, error) { stop() }
			switch code := a.execute(ctx, args); {
			case code == exitOK, code == exitFindings, code == exitDeadline, code == exitInterrupted:
			case slices.Contains(args, "--resume") && strings.Contains(errs.String(), "there is nothing to resume"):
				// It was understood; kill_test.go sees it at work.
			default:
				t.Errorf("%s: %s\nends with %d: %s", e.where, e.line, code, errs.String())
			}
		})
	}
}

// TestHelp looks for what the help of every command must have: an example of
// this command, the exit codes, and lines that fit.
func TestHelp(t *testing.T) {
	walkCommands(newRoot(newApp()), func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		if !slices.ContainsFunc(commandLines(cmd.Example), func(line string) bool { return strings.HasPrefix(line, path+" ") }) {
			t.Errorf("%s has no example", path)
		}
		for line := range strings.Lines(cmd.Long) {
			if len(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("%s: a line of its help is wider than a terminal of 80 columns: %s", path, line)
			}
		}
		var out, errs strings.Builder
		code := testApp(nil, &out, &errs).execute(t.Context(), append(strings.Fields(path)[1:], "--help"))
		if code != exitOK || errs.Len() > 0 {
			t.Errorf("%s --help: ended with %d: %s", path, code, errs.String())
		}
		for _, part := range []string{"Usage:\n", "Examples:\n" + cmd.Example, exitHelp} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("%s --help does not say %q", path, part)
			}
		}
	})
}

// TestTroubleshooting looks for the messages that the document explains.
func TestTroubleshooting(t *testing.T) {
	text, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	err = filepath.WalkDir("../..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		code, err := os.ReadFile(path)
		source.Write(code)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	explained := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "## ") {
			continue
		}
		for _, found := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(line, -1) {
			explained++
			if !strings.Contains(source.String(), found[1]) {
				t.Errorf("nothing says %q", found[1])
			}
		}
	}
	if explained < 10 {
		t.Errorf("%d messages are explained", explained)
	}
}
