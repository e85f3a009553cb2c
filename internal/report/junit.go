package report

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
	"unicode/utf8"
)

// Verdict is how a case of a JUnit report ended. The zero value is Passed.
type Verdict int

// The verdicts. An error is what kept somebody from telling whether the case
// passed or failed.
const (
	Passed Verdict = iota
	Failed
	Errored
	Skipped
	verdicts
)

// element is what a case holds that did not pass.
func (v Verdict) element() string { return [...]string{"", "failure", "error", "skipped"}[v] }

// Case is one case of a JUnit report. Its text may come from a server: what XML
// 1.0 cannot hold, or what drives a terminal that it is printed on, is written
// as an escape such as \u001b.
type Case struct {
	Suite string
	Name  string
	Took  time.Duration
	Verdict
	// Type says in a word or two why the case did not pass, Message in a line,
	// and Text in several. They are left out of what passed.
	Type, Message, Text string
}

// JUnit gathers the cases of suites and writes them as a JUnit report, as Ant
// began it and as Jenkins, GitLab and others read it. A suite tells how many
// cases it has before it tells them, so they are kept until the end: in memory,
// and beyond a few megabytes in a file. It is not safe for concurrent use.
type JUnit struct {
	name   string
	begun  time.Time
	suites []*junitSuite
	byName map[string]*junitSuite
	scratch
}

// scratch is where cases are kept that are too many for memory. The file is made
// when it is needed.
type scratch struct {
	kept, most int // bytes in memory, and when they go to the file
	file       *os.File
	size       int64
	err        error
}

type junitSuite struct {
	name, host string
	took       time.Duration
	counts     [verdicts]int
	cases      []byte // the latest
	spilled    []span // those before, in the file
}

type span struct{ at, size int64 }

// junitMemory is how many bytes of cases are kept in memory.
const junitMemory = 4 << 20

// NewJUnit begins a report of a name, on something that began at a time. It is
// to be closed.
func NewJUnit(name string, begun time.Time) *JUnit {
	return &JUnit{name: name, begun: begun, byName: map[string]*junitSuite{}, scratch: scratch{most: junitMemory}}
}

// Suite makes a suite known, so that it is in the report, in its place, without
// cases too. host is the server that it is about, and took how long that was
// asked; both may be left out. A suite that is known keeps what it has and adds
// to its time.
func (j *JUnit) Suite(name, host string, took time.Duration) {
	s := j.suite(name)
	s.host = cmp.Or(s.host, host)
	s.took += took
}

func (j *JUnit) suite(name string) *junitSuite {
	s := j.byName[name]
	if s == nil {
		s = &junitSuite{name: name}
		j.byName[name] = s
		j.suites = append(j.suites, s)
	}
	return s
}

// Add adds a case. An error of the file that keeps them is told by Write too.
func (j *JUnit) Add(c Case) error {
	s := j.suite(c.Suite)
	s.counts[c.Verdict]++
	before := len(s.cases)
	s.cases = appendCase(s.cases, c)
	if j.kept += len(s.cases) - before; j.kept > j.most && j.err == nil {
		j.err = j.spill()
	}
	return j.err
}

// spill moves what is in memory to the file.
func (j *JUnit) spill() error {
	var err error
	if j.file == nil {
		if j.file, err = os.CreateTemp("", "dpremote-junit-*"); err != nil {
			return fmt.Errorf("keep the cases of the JUnit report: %w", err)
		}
	}
	for _, s := range j.suites {
		n, err := j.file.Write(s.cases)
		if err != nil {
			return fmt.Errorf("keep the cases of the JUnit report: %w", err)
		}
		if n > 0 {
			s.spilled = append(s.spilled, span{j.size, int64(n)})
		}
		j.size += int64(n)
		s.cases = s.cases[:0]
	}
	j.kept = 0
	return nil
}

// Count is how many cases ended in a way.
func (j *JUnit) Count(v Verdict) (n int) {
	for _, s := range j.suites {
		n += s.counts[v]
	}
	return n
}

// Write writes the report, of something that took so long.
func (j *JUnit) Write(out io.Writer, took time.Duration) error {
	if j.err != nil {
		return j.err
	}
	w := bufio.NewWriter(out)
	passed, failed, errored, skipped := j.Count(Passed), j.Count(Failed), j.Count(Errored), j.Count(Skipped)
	b := append([]byte(nil), `<?xml version="1.0" encoding="UTF-8"?>`+"\n<testsuites"...)
	b = appendAttribute(b, "name", j.name)
	b = appendInt(b, "tests", passed+failed+errored+skipped)
	b = appendInt(b, "failures", failed)
	b = appendInt(b, "errors", errored)
	b = appendSeconds(b, took)
	_, _ = w.Write(append(b, ">\n"...)) // Flush tells the error
	for i, s := range j.suites {
		_, _ = w.Write(s.begin(i, j.begun))
		for _, part := range s.spilled {
			if _, err := io.Copy(w, io.NewSectionReader(j.file, part.at, part.size)); err != nil {
				return fmt.Errorf("read the cases of the JUnit report: %w", err)
			}
		}
		_, _ = w.Write(s.cases)
		_, _ = w.WriteString("  </testsuite>\n")
	}
	_, _ = w.WriteString("</testsuites>\n")
	return w.Flush()
}

// begin is the start of a suite.
func (s *junitSuite) begin(id int, begun time.Time) []byte {
	all := 0
	for _, n := range s.counts {
		all += n
	}
	b := appendAttribute([]byte("  <testsuite"), "name", s.name)
	b = appendInt(b, "id", id)
	b = appendInt(b, "tests", all)
	b = appendInt(b, "failures", s.counts[Failed])
	b = appendInt(b, "errors", s.counts[Errored])
	b = appendInt(b, "skipped", s.counts[Skipped])
	b = appendSeconds(b, s.took)
	b = appendAttribute(b, "timestamp", begun.UTC().Format(time.RFC3339))
	if s.host != "" {
		b = appendAttribute(b, "hostname", s.host)
	}
	return append(b, ">\n"...)
}

// Close removes the file that kept cases.
func (j *JUnit) Close() error {
	if j.file == nil {
		return nil
	}
	file := j.file
	j.file = nil
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

func appendCase(b []byte, c Case) []byte {
	b = append(b, "    <testcase"...)
	b = appendAttribute(b, "classname", c.Suite)
	b = appendAttribute(b, "name", c.Name)
	b = appendSeconds(b, c.Took)
	if c.Verdict == Passed {
		return append(b, "/>\n"...)
	}
	b = append(b, "><"...)
	b = append(b, c.element()...)
	if c.Type != "" {
		b = appendAttribute(b, "type", c.Type)
	}
	b = appendAttribute(b, "message", c.Message)
	b = append(b, '>')
	b = appendXML(b, c.Text, false)
	b = append(b, "</"...)
	b = append(b, c.element()...)
	return append(b, "></testcase>\n"...)
}

func appendAttribute(b []byte, name, value string) []byte {
	b = append(b, ' ')
	b = append(b, name...)
	b = append(b, `="`...)
	return append(appendXML(b, value, true), '"')
}

func appendInt(b []byte, name string, n int) []byte {
	return appendAttribute(b, name, strconv.Itoa(n))
}

// appendSeconds appends a time as all readers take it: in seconds, without an
// exponent.
func appendSeconds(b []byte, d time.Duration) []byte {
	return appendAttribute(b, "time", strconv.FormatFloat(max(d, 0).Seconds(), 'f', 3, 64))
}

// appendXML appends text for XML 1.0 (section 2.2), in an attribute on one line.
func appendXML(b []byte, text string, inAttribute bool) []byte {
	for i := 0; i < len(text); {
		if c := text[i]; c >= ' ' && c <= '~' && c != '&' && c != '<' && c != '>' && c != '"' {
			b = append(b, c)
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == '"':
			b = append(b, "&quot;"...)
		case r == '\n' && inAttribute, r == '\t' && inAttribute:
			b = append(b, ' ')
		case r == '\n', r == '\t':
			b = append(b, byte(r))
		case unprintable(r), r == '\ufffe', r == '\uffff':
			b = fmt.Appendf(b, `\u%04x`, r)
		default: // with U+FFFD for what is no UTF-8
			b = utf8.AppendRune(b, r)
		}
		i += size
	}
	return b
}
