package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"dpremote/internal/report"
)

// The kinds of annotations.
const (
	annotateNone   = "none"
	annotateAuto   = "auto"
	annotateGitHub = "github"
	annotateGitLab = "gitlab"
)

// annotateTo is what --annotate says.
type annotateTo struct{ kind, file string }

// codeQualityFile is where GitLab's documents have the report.
const codeQualityFile = "gl-code-quality-report.json"

// parseAnnotate reads --annotate. auto is what the environment tells.
func parseAnnotate(text string, getenv func(string) string) (annotateTo, error) {
	kind, file, hasFile := strings.Cut(text, "=")
	if kind == annotateAuto && !hasFile {
		switch {
		case inActions(getenv):
			kind = annotateGitHub
		case getenv("GITLAB_CI") == "true":
			kind = annotateGitLab
		default:
			kind = annotateNone
		}
	}
	switch {
	case kind == annotateGitLab && !hasFile:
		return annotateTo{kind, codeQualityFile}, nil
	case kind == annotateGitLab && file != "", !hasFile && (kind == annotateNone || kind == annotateGitHub):
		return annotateTo{kind, file}, nil
	}
	return annotateTo{}, usage("--annotate: %q is none of none, github, gitlab, gitlab=FILE, auto", text)
}

// How much is shown. GitHub shows ten annotations of a step; its summary takes a
// megabyte.
const (
	githubAnnotations = 10
	summaryNotes      = 100
	keptNotes         = 1000
)

// notes are what annotations tell: every site that failed, and the first of the
// findings. A nil one keeps nothing. It is not safe for concurrent use.
type notes struct {
	g       *globals
	to      annotateTo
	command string
	out     *outFile // GitLab's
	sites   []note
	rows    []note
	all     int // of the rows
	suites  []string
	counts  map[string]*[4]int // by suite and verdict
}

type note struct {
	member *member
	report.Case
}

// newNotes makes what keeps annotations, or nil where none are asked for.
func newNotes(g *globals, to annotateTo, command string) (*notes, error) {
	n := &notes{g: g, to: to, command: command, counts: map[string]*[4]int{}}
	switch to.kind {
	case annotateNone:
		return nil, nil
	case annotateGitLab:
		var err error
		n.out, err = openOut("--annotate", to.file, forOwner, nil)
		return n, err
	}
	return n, nil
}

func (n *notes) discard() {
	if n != nil && n.out != nil {
		n.out.discard()
	}
}

func (n *notes) add(m *member, c report.Case) {
	if n == nil {
		return
	}
	if n.counts[c.Suite] == nil {
		n.counts[c.Suite] = &[4]int{}
		n.suites = append(n.suites, c.Suite)
	}
	n.counts[c.Suite][c.Verdict]++
	switch {
	case c.Verdict == report.Errored && strings.HasPrefix(c.Name, siteCase):
		n.sites = append(n.sites, note{m, c})
	case c.Verdict == report.Errored || c.Verdict == report.Failed:
		if n.all++; n.all <= keptNotes {
			n.rows = append(n.rows, note{m, c})
		}
	}
}

// kept are the notes, what is worse first.
func (n *notes) kept() []note { return append(n.sites[:len(n.sites):len(n.sites)], n.rows...) }

// left is how many more there are than so many.
func (n *notes) left(shown int) int { return len(n.sites) + n.all - shown }

// write tells what was kept.
func (n *notes) write() error {
	switch {
	case n == nil:
		return nil
	case n.to.kind == annotateGitLab:
		if err := n.out.write(n.writeCodeQuality); err != nil {
			return fmt.Errorf("--annotate: %w", err)
		}
		return nil
	}
	n.writeCommands(n.g.app.unguarded())
	return n.appendSummary(n.g.app.getenv("GITHUB_STEP_SUMMARY"))
}

// place is where the site is in the inventory, as a path below the directory
// that the CI system has checked out; it is empty where that is not known.
func (n *notes) place(m *member) (path string, line int) {
	if m == nil {
		return "", 0
	}
	for _, key := range []string{"host", "simulate"} {
		from := m.Origin(key)
		if from.File == "" {
			continue
		}
		root := firstOf(n.g.app.getenv("GITHUB_WORKSPACE"), n.g.app.getenv("CI_PROJECT_DIR"), ".")
		root, err1 := filepath.Abs(root)
		file, err2 := filepath.Abs(from.File)
		path, err3 := filepath.Rel(root, file)
		if errors.Join(err1, err2, err3) == nil && filepath.IsLocal(path) {
			return filepath.ToSlash(path), from.Line
		}
	}
	return "", 0
}

func firstOf(all ...string) string {
	for _, s := range all {
		if s != "" {
			return s
		}
	}
	return ""
}

// writeCommands writes GitHub's workflow commands (its document "Workflow
// commands for GitHub Actions"), as many as it shows.
func (n *notes) writeCommands(w io.Writer) {
	shown := n.kept()
	more := 0
	if most := githubAnnotations; n.left(most) > 0 {
		shown = shown[:most-1]
		more = n.left(most - 1)
	}
	for _, note := range shown {
		properties := ""
		if path, line := n.place(note.member); path != "" {
			properties = fmt.Sprintf("file=%s,line=%d,", commandProperty(path), line)
		}
		fmt.Fprintf(w, "::error %stitle=%s::%s\n", properties, commandProperty(note.Suite+": "+note.Name), commandData(note.Message))
	}
	if more > 0 {
		fmt.Fprintf(w, "::error title=%s::%s\n", commandProperty(n.command), commandData(fmt.Sprintf("%d more were found: the rows in the log tell all of them", more)))
	}
}

// commandData escapes the text of a workflow command.
func commandData(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(inert(oneLine(text)))
}

// commandProperty escapes a property of a workflow command.
func commandProperty(text string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(commandData(text))
}

// appendSummary adds what was found to the summary of a GitHub job, in Markdown.
func (n *notes) appendSummary(path string) (err error) {
	if path == "" {
		return nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return fmt.Errorf("--annotate: the job's summary: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	w := bufio.NewWriter(file)
	fmt.Fprintf(w, "### %s\n\n", markdown(n.command))
	fmt.Fprint(w, "| site | fine | failed | errors | skipped |\n| --- | ---: | ---: | ---: | ---: |\n")
	for i, suite := range n.suites {
		if i == keptNotes {
			fmt.Fprintf(w, "\n%d more sites.\n", len(n.suites)-i)
			break
		}
		c := n.counts[suite]
		fmt.Fprintf(w, "| %s | %d | %d | %d | %d |\n", markdown(suite), c[report.Passed], c[report.Failed], c[report.Errored], c[report.Skipped])
	}
	shown := n.kept()
	if len(shown) > summaryNotes {
		shown = shown[:summaryNotes]
	}
	if len(shown) > 0 {
		fmt.Fprint(w, "\n| site | what | how |\n| --- | --- | --- |\n")
	}
	for _, note := range shown {
		fmt.Fprintf(w, "| %s | %s | %s |\n", markdown(note.Suite), markdown(note.Name), markdown(note.Message))
	}
	if more := n.left(len(shown)); more > 0 {
		fmt.Fprintf(w, "\n%d more.\n", more)
	}
	fmt.Fprintln(w)
	return w.Flush()
}

// markdown is text that Markdown shows as it is, in a table too: what could mean
// something there is written as a character reference.
func markdown(text string) string {
	const most = 300 // characters: a summary has room for all of them
	var b strings.Builder
	length := 0
	for _, r := range inert(oneLine(text)) {
		if length++; length > most {
			b.WriteString("…")
			break
		}
		if r < ' ' || r > ' ' && r <= '~' && !strings.ContainsRune("-.,;'()", r) && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') {
			fmt.Fprintf(&b, "&#%d;", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// codeQuality is one entry of GitLab's Code Quality report (its document "Code
// Quality", section "Code Quality report format").
type codeQuality struct {
	Description string              `json:"description"`
	CheckName   string              `json:"check_name"`
	Fingerprint string              `json:"fingerprint"` // the same as long as the same is wrong
	Severity    string              `json:"severity"`
	Location    codeQualityLocation `json:"location"`
}

type codeQualityLocation struct {
	Path  string           `json:"path"`
	Lines codeQualityLines `json:"lines"`
}

type codeQualityLines struct {
	Begin int `json:"begin"`
}

// writeCodeQuality writes GitLab's report. It is about files, so each entry
// stands at its site in the inventory.
func (n *notes) writeCodeQuality(w io.Writer) error {
	list := []codeQuality{}
	for _, note := range n.kept() {
		entry := codeQuality{
			Description: oneLine(note.Suite + ": " + note.Name + ": " + note.Message),
			CheckName:   oneLine(n.command + ": " + note.Type),
			Severity:    "major",
			Location:    codeQualityLocation{Path: "inventory.yaml", Lines: codeQualityLines{1}},
		}
		if note.Verdict == report.Errored {
			entry.Severity = "critical"
		}
		if path, line := n.place(note.member); path != "" {
			entry.Location = codeQualityLocation{path, codeQualityLines{line}}
		}
		sum := sha256.Sum256([]byte(n.command + "\x00" + note.Suite + "\x00" + note.Name + "\x00" + note.Type))
		entry.Fingerprint = hex.EncodeToString(sum[:])
		list = append(list, entry)
	}
	if more := n.left(len(list)); more > 0 {
		n.g.app.say("%s has the first %d of what was found, and leaves out %d.", n.to.file, len(list), more)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(list)
}
