package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"dpremote/internal/report"
)

var junitBegun = time.Date(2026, 11, 21, 22, 15, 0, 0, time.FixedZone("", 3600))

func junitOf(t testing.TB, cases ...report.Case) *report.JUnit {
	t.Helper()
	j := report.NewJUnit("dpremote status", junitBegun)
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, c := range cases {
		if err := j.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

func TestJUnitGolden(t *testing.T) {
	hostile := "\x1b[31mred\u009b2J\u202e ]]> <![CDATA[ \"&\" \ufffe\xff ::error::\r\nnext\tline"
	j := junitOf(t)
	j.Suite("PS1", "cm01.corp.example", 1500*time.Millisecond)
	j.Suite("PS2", "", 0)
	for _, c := range []report.Case{
		{Suite: "PS1", Name: "PS100001 on dp01"},
		{Suite: "PS1", Name: "PS100002 on dp01", Verdict: report.Failed, Type: "failed", Message: "failed since 2026-11-20T10:00:00Z", Text: "two\nlines"},
		{Suite: "PS3", Name: "site ps3", Verdict: report.Errored, Type: "unreachable", Message: "connection refused", Text: "connection refused"},
		{Suite: "PS1", Name: "PS100003 on dp01", Took: 90 * time.Second, Verdict: report.Skipped, Message: "the disk is full", Text: "make room"},
		{Suite: hostile, Name: hostile, Took: -time.Second, Verdict: report.Failed, Type: hostile, Message: hostile, Text: hostile},
	} {
		if err := j.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	j.Suite("PS1", "another", time.Second)
	var b bytes.Buffer
	if err := j.Write(&b, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
	golden(t, "junit.xml", b.Bytes())
}

func TestJUnitOfNothing(t *testing.T) {
	var b bytes.Buffer
	if err := junitOf(t).Write(&b, 0); err != nil {
		t.Fatal(err)
	}
	golden(t, "junit.empty.xml", b.Bytes())
}

// junitDocument is what a reader gets of a report.
type junitDocument struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Suites   []struct {
		Name    string `xml:"name,attr"`
		Tests   int    `xml:"tests,attr"`
		Skipped int    `xml:"skipped,attr"`
		Cases   []struct {
			Name    string    `xml:"name,attr"`
			Failure *struct{} `xml:"failure"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

// TestJUnitKeepsLittle writes more cases than fit into what is kept in memory,
// of suites by turns. Each must come out whole, in its suite and in its order.
func TestJUnitKeepsLittle(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // on Windows
	const suites, cases = 40, 200_000
	j := report.NewJUnit("many", junitBegun)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range cases {
		c := report.Case{Suite: fmt.Sprint("S", i%suites), Name: fmt.Sprintf("PS1%05d on dp%d.ps1.sim.example", i, i%7)}
		if i%10 == 0 {
			c.Verdict, c.Type, c.Message, c.Text = report.Failed, "failed", "it failed", strings.Repeat("why ", 20)
		}
		if err := j.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 16<<20 {
		t.Errorf("%d MB are kept in memory", kept>>20)
	}
	var b bytes.Buffer
	if err := j.Write(&b, time.Minute); err != nil {
		t.Fatal(err)
	}
	var got junitDocument
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Tests != cases || got.Failures != cases/10 || len(got.Suites) != suites {
		t.Errorf("%d cases, %d failures, %d suites", got.Tests, got.Failures, len(got.Suites))
	}
	for i, s := range got.Suites {
		if s.Tests != cases/suites || len(s.Cases) != cases/suites {
			t.Fatalf("%s: %d cases, %d told", s.Name, len(s.Cases), s.Tests)
		}
		for k, c := range s.Cases {
			n := k*suites + i
			if want := fmt.Sprintf("PS1%05d on dp%d.ps1.sim.example", n, n%7); c.Name != want || (c.Failure != nil) != (n%10 == 0) {
				t.Fatalf("case %d of %s is %s, failed %t, want %s", k, s.Name, c.Name, c.Failure != nil, want)
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("the cases are kept in %v, %v", left, err)
	}
	if err := errors.Join(j.Close(), j.Close()); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestJUnitTellsFailures(t *testing.T) {
	j := junitOf(t, report.Case{Suite: "PS1", Name: "x"})
	if err := j.Write(&failing{n: 100}, 0); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

// FuzzJUnitText has any text come out of any place as XML.
func FuzzJUnitText(f *testing.F) {
	f.Add("a\x00b\x1b", "\ufffe]]>")
	f.Add("\xff\xc0", "&#0; \u202e\u0085")
	f.Fuzz(func(t *testing.T, name, text string) {
		j := junitOf(t, report.Case{Suite: name, Name: text, Verdict: report.Failed, Type: name, Message: text, Text: name + text})
		var b bytes.Buffer
		if err := j.Write(&b, 0); err != nil {
			t.Fatal(err)
		}
		var got junitDocument
		if err := xml.Unmarshal(b.Bytes(), &got); err != nil || len(got.Suites) != 1 || len(got.Suites[0].Cases) != 1 {
			t.Fatalf("%q, %q: %v\n%s", name, text, err, b.Bytes())
		}
		for _, r := range b.String() {
			if r != '\n' && r != '\t' && (r < ' ' || r >= 0x7f && r < 0xa0) {
				t.Fatalf("%q in %q", r, b.String())
			}
		}
	})
}

// BenchmarkJUnit adds cases of which one in ten failed.
func BenchmarkJUnit(b *testing.B) {
	j := junitOf(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c := report.Case{Suite: "PS1", Name: "PS100001 on dp01.ps1.sim.example"}
		if i%10 == 0 {
			c.Verdict, c.Type, c.Message, c.Text = report.Failed, "failed", "failed since 2026-11-20T10:00:00Z", "nal path"
		}
		if err := j.Add(c); err != nil {
			b.Fatal(err)
		}
	}
}
