package main

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/cim"
	"dpremote/internal/inventory"
	"dpremote/queries"
	"dpremote/simulator"
)

var updateGolden = flag.Bool("update", false, "rewrite the golden files")

// junitFile is a JUnit report as its readers see it.
type junitFile struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Suites   []struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	} `xml:"testsuite"`
}

type junitCase struct {
	Class   string    `xml:"classname,attr"`
	Name    string    `xml:"name,attr"`
	Failure *junitWhy `xml:"failure"`
	Error   *junitWhy `xml:"error"`
	Skipped *junitWhy `xml:"skipped"`
}

type junitWhy struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// readJUnit reads a report and checks that its numbers are those of its cases.
func readJUnit(t *testing.T, path string) junitFile {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file junitFile
	if err := xml.Unmarshal(text, &file); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	tests, failures, errs := 0, 0, 0
	seen := map[string]bool{}
	for _, s := range file.Suites {
		counts := [3]int{}
		for _, c := range s.Cases {
			for i, why := range []*junitWhy{c.Failure, c.Error, c.Skipped} {
				if why != nil {
					counts[i]++
				}
			}
			if key := c.Class + "\x00" + c.Name; seen[key] || c.Class != s.Name {
				t.Errorf("%s has the case %s of %s, twice: %t", s.Name, c.Name, c.Class, seen[key])
			} else {
				seen[key] = true
			}
		}
		if s.Tests != len(s.Cases) || counts != [3]int{s.Failures, s.Errors, s.Skipped} {
			t.Errorf("%s tells %d cases, %d failures, %d errors, %d skipped, and has %d and %v", s.Name, s.Tests, s.Failures, s.Errors, s.Skipped, len(s.Cases), counts)
		}
		tests, failures, errs = tests+s.Tests, failures+s.Failures, errs+s.Errors
	}
	if tests != file.Tests || failures != file.Failures || errs != file.Errors {
		t.Errorf("the suites have %d cases, %d failures, %d errors, all of it %d, %d, %d", tests, failures, errs, file.Tests, file.Failures, file.Errors)
	}
	return file
}

// agrees checks that a report says what an exit code does.
func (f junitFile) agrees(t *testing.T, code int) {
	t.Helper()
	ok := false
	switch code {
	case exitOK:
		ok = f.Failures == 0 && f.Errors == 0
	case exitFindings:
		ok = f.Failures > 0 && f.Errors == 0
	case exitIncomplete, exitCredentials, exitDeadline:
		ok = f.Errors > 0
	}
	if !ok {
		t.Errorf("ended with %d, and the report has %d failures and %d errors", code, f.Failures, f.Errors)
	}
}

// TestVerdictAgrees runs commands on sites that are whole, of which one is down,
// and that refuse the password. Whatever comes of it, the JUnit report and the
// exit status say the same.
func TestVerdictAgrees(t *testing.T) {
	lines := [][]string{ // the first of them also where sites fail
		{"status"}, {"status", "--level", "dp"}, {"diagnose"}, {"refresh", "--yes", "-o", "json"}, {"watch", "--deadline", "1ms"}, {"sites", "check"},
		{"status", "--level", "site"}, {"status", "--level", "dp", "-o", "jsonl"},
		{"status", "--level", "dp", "--state", "installed"},
		{"status", "--level", "dp", "--fail-on", "retrying,older-than=1h"},
		{"status", "--package", "PS200003", "--fail-on", "failed"},
		{"diagnose", "--state", "installed"}, {"diagnose", "--fail-on", "older-than=1s"},
		{"refresh", "--dry-run"}, {"refresh", "--yes", "--force", "--max", "1"},
		{"refresh", "--yes", "--wait", "--interval", "20ms"},
		{"refresh", "--yes", "--wait", "--interval", "20ms", "--force", "--cooldown", "0"},
		{"refresh", "--yes", "--wait", "--deadline", "1ns", "--force", "--cooldown", "0", "--state", "all"},
		{"refresh", "--yes", "--wait", "--deadline", "1ms", "--force", "--cooldown", "0", "--state", "all"},
		{"watch", "--state", "installed"}, {"watch", "--state", "failed", "--settle", "1ms", "--interval", "20ms", "--deadline", "20s"},
		{"watch", "--package", "PS200003", "--deadline", "10s"},
	}
	const everywhere = 6
	codes := map[int]int{}
	for _, sites := range []string{"whole", "halved", "refused"} {
		s := serveSharded(t, strings.NewReplacer())
		switch sites {
		case "halved":
			s.inventory = s.halved(t)
		case "refused":
			t.Setenv(simulator.PasswordVariable, "wrong")
		}
		lines := lines
		if sites != "whole" {
			lines = lines[:everywhere]
		}
		for _, line := range lines {
			t.Run(sites+" "+strings.Join(line, " "), func(t *testing.T) {
				t.Setenv("DPREMOTE_NO_HISTORY", "true")
				path := filepath.Join(t.TempDir(), "junit.xml")
				code, out, errs := s.run(t.Context(), append(line, "--junit", path)...)
				codes[code]++
				if code == exitUsage || code == exitInternal {
					t.Fatalf("ended with %d, printed %s and %s", code, out, errs)
				}
				readJUnit(t, path).agrees(t, code)
			})
		}
	}
	for _, code := range []int{exitOK, exitFindings, exitIncomplete, exitCredentials, exitDeadline} {
		if codes[code] == 0 {
			t.Errorf("nothing ended with %d: %v", code, codes)
		}
	}
}

// halved is the path of an inventory in which PS1 does not answer.
func (s sharded) halved(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(s.inventory)
	if err != nil {
		t.Fatal(err)
	}
	halved := strings.Replace(string(text), strings.TrimSuffix(s.Sites()[1].URL, "/wsman"), "http://127.0.0.1:1", 1)
	if halved == string(text) {
		t.Fatal("no site was changed")
	}
	path := filepath.Join(t.TempDir(), "halved.yaml")
	if err := os.WriteFile(path, []byte(halved), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestJUnitIsTheDocument compares the report with what -o json says of the same
// run: a case for each row, and a failure for each that failed.
func TestJUnitIsTheDocument(t *testing.T) {
	s := serveSharded(t, strings.NewReplacer())
	for _, inventory := range []string{s.inventory, s.halved(t)} {
		s.inventory = inventory
		path := filepath.Join(t.TempDir(), "junit.xml")
		code, out, errs := s.run(t.Context(), "status", "--level", "dp", "-o", "json", "--junit", path)
		var document struct {
			Items  []struct{ SiteCode, DP, Package, State string }
			Errors []struct{ Site string }
		}
		if err := json.Unmarshal([]byte(out), &document); err != nil {
			t.Fatalf("ended with %d: %v, %s", code, err, errs)
		}
		file := readJUnit(t, path)
		file.agrees(t, code)
		var want, got []string
		for _, item := range document.Items {
			verdict := "passed"
			if item.State == "failed" {
				verdict = "failed"
			}
			want = append(want, item.SiteCode+" "+item.Package+" on "+item.DP+" "+verdict)
		}
		for _, s := range file.Suites {
			for _, c := range s.Cases {
				switch {
				case c.Failure != nil:
					got = append(got, c.Class+" "+c.Name+" failed")
				case c.Error == nil:
					got = append(got, c.Class+" "+c.Name+" passed")
				}
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" || len(got) < 10 {
			t.Errorf("the document and the report (%d cases) differ:\n%s", len(got), diff)
		}
		if file.Errors != len(document.Errors) {
			t.Errorf("%d sites failed, and the report has %d errors", len(document.Errors), file.Errors)
		}
	}
}

// TestJUnitOfStatus shows the whole of a report: an unreachable site with its
// reason, and rows that failed.
func TestJUnitOfStatus(t *testing.T) {
	s := serveSharded(t, strings.NewReplacer())
	s.inventory = s.halved(t)
	path := filepath.Join(t.TempDir(), "junit.xml")
	code, _, errs := s.run(t.Context(), "status", "--level", "dp", "--state", "unhealthy", "--junit", path)
	if code != exitIncomplete {
		t.Fatalf("ended with %d: %s", code, errs)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for pattern, word := range map[string]string{
		`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`: "WHEN", `time="\d+\.\d{3}"`: `time="SECONDS"`, `127\.0\.0\.1:\d+`: "HOST", `dial tcp[^"<]*`: "WHY",
	} {
		text = regexp.MustCompile(pattern).ReplaceAll(text, []byte(word))
	}
	golden := filepath.Join("testdata", "junit", "status.xml")
	if *updateGolden {
		if err := os.WriteFile(golden, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", golden, diff)
	}
}

// A run that is interrupted, or ends because it was called wrongly, leaves the
// report of the one before, and nothing beside it.
func TestJUnitIsWrittenWhole(t *testing.T) {
	interrupted, interrupt := context.WithCancel(t.Context())
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or else the server does not see the client go
		interrupt()
		<-r.Context().Done()
	}))
	defer silent.Close()
	s := serveSharded(t, strings.NewReplacer())
	dir := t.TempDir()
	for name, test := range map[string]struct {
		ctx  context.Context
		args []string
		code int
	}{
		"interrupted":    {interrupted, []string{"--host", silent.URL, "--site-code", "PS1", "--auth", "basic", "--user", "u", "--password-env", "PATH", "--allow-unencrypted", "status"}, exitInterrupted},
		"no such row":    {t.Context(), []string{"-i", s.inventory, "status", "--level", "dp", "--package", "PS199999"}, exitUsage},
		"no such column": {t.Context(), []string{"-i", s.inventory, "status", "--columns", "x"}, exitUsage},
		"no such level":  {t.Context(), []string{"-i", s.inventory, "status", "--fail-on", "older-than=1h"}, exitUsage},
		"wrong flags":    {t.Context(), []string{"-i", s.inventory, "refresh", "--yes", "--order", "x"}, exitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "junit.xml")
			if err := os.WriteFile(path, []byte("old"), 0o640); err != nil {
				t.Fatal(err)
			}
			var out, errs strings.Builder
			a := testApp(strings.NewReader(""), &out, &errs)
			a.getenv = os.Getenv
			args := append(test.args, "--junit", path, "--annotate", "gitlab="+filepath.Join(dir, "quality.json"))
			if code := a.execute(test.ctx, args); code != test.code {
				t.Errorf("ended with %d: %s", code, errs.String())
			}
			if text, err := os.ReadFile(path); string(text) != "old" {
				t.Errorf("the file holds %q, %v", text, err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// TestRefreshVerdict looks at each outcome: cured, skipped with its cause, and
// the case that says why the exit status is 3 all the same.
func TestRefreshVerdict(t *testing.T) {
	s := serveSharded(t, strings.NewReplacer())
	t.Setenv("DPREMOTE_NO_HISTORY", "true")
	path := filepath.Join(t.TempDir(), "junit.xml")
	code, _, errs := s.run(t.Context(), "refresh", "--yes", "--wait", "--interval", "20ms", "--junit", path)
	if code != exitFindings {
		t.Fatalf("ended with %d: %s", code, errs)
	}
	cured, skipped, others := 0, 0, 0
	for _, suite := range readJUnit(t, path).Suites {
		for _, c := range suite.Cases {
			switch {
			case c.Skipped != nil && c.Skipped.Type == "disk-full" && strings.Contains(c.Skipped.Message, "make room"):
				skipped++
			case c.Name == "everything cured" && c.Failure != nil && c.Failure.Message == "not sent again, and not cured: 1 disk-full":
				others++
			case c.Failure == nil && c.Error == nil && c.Skipped == nil:
				cured++
			default:
				t.Errorf("%s: %+v", c.Name, c)
			}
		}
	}
	if cured != 5 || skipped != 1 || others != 1 {
		t.Errorf("%d cured, %d skipped, %d others", cured, skipped, others)
	}
}

func TestFindings(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	row := func(state queries.State, age time.Duration) queries.PackageStatusDP {
		r := queries.PackageStatusDP{State: state}
		if age > 0 {
			r.SummaryDate = cim.Datetime{Time: now.Add(-age)}
		}
		return r
	}
	tests := []struct {
		failOn string
		row    queries.PackageStatusDP
		want   bool
	}{
		{"", row(queries.StateFailed, time.Hour), false},
		{"failed", row(queries.StateFailed, 0), true},
		{"failed", row(queries.StateRetrying, 0), false},
		{"unhealthy", row(queries.StateRetrying, 0), true},
		{"older-than=24h", row(queries.StatePending, 25*time.Hour), true},
		{"older-than=1d", row(queries.StatePending, 25*time.Hour), true},
		{"older-than=24h", row(queries.StatePending, 24*time.Hour), false},
		{"older-than=24h", row(queries.StateFailed, time.Hour), false},
		{"older-than=24h,failed", row(queries.StateFailed, time.Hour), true},
		{"Older-Than=24h", row(queries.StateRemovalPending, 25*time.Hour), true},
		{"older-than=24h", row(queries.StateInstalled, 2500*time.Hour), false},
		{"older-than=24h", row(queries.StateStale, 2500*time.Hour), false},
		{"older-than=24h", row(queries.StatePending, 0), false}, // nobody knows since when
	}
	for _, tt := range tests {
		f, err := parseFindings(commas([]string{tt.failOn}))
		if err != nil {
			t.Errorf("%s: %v", tt.failOn, err)
			continue
		}
		if got := f.names(tt.row, now); got != tt.want {
			t.Errorf("%s: %s since %v is a finding: %t", tt.failOn, tt.row.State, tt.row.SummaryDate.Time, got)
		}
	}
	for failOn, want := range map[string]string{
		"faild":                         "did you mean failed?",
		"older=24h":                     "unknown state",
		"oldr-than=24h":                 "did you mean older-than=24h?",
		"older-than":                    "wants an age, such as older-than=24h",
		"older-than=":                   `"" is no age such as 24h or 2d`,
		"older-than=yesterday":          `"yesterday" is no age`,
		"older-than=-1h":                "more than nothing",
		"older-than=0d":                 "more than nothing",
		"older-than=1h,older-than=2h":   "given twice",
		"all":                           "all is no finding",
		"older-than=99999999999999999h": "is no age",
	} {
		if _, err := parseFindings(commas([]string{failOn})); exitCode(err) != exitUsage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", failOn, err, want)
		}
	}
}

// The age of a state is by the clock of its site.
func TestOlderThanByTheSitesClock(t *testing.T) {
	t.Setenv("TEST_PASSWORD", "p")
	for ahead, want := range map[time.Duration]int{0: exitOK, 3 * time.Hour: exitFindings} {
		h, err := simulator.Start(t.Context(), model, simulator.Options{AllowUnencrypted: true, User: "sim", Password: "p", Strict: noSin(t), Around: datedAhead(ahead)})
		if err != nil {
			t.Fatal(err)
		}
		run := func(args ...string) (code int, out, errs string) {
			var o, e strings.Builder
			a := testApp(strings.NewReader(""), &o, &e)
			a.getenv = os.Getenv
			code = a.execute(t.Context(), append([]string{"--host", strings.TrimSuffix(h.Sites()[1].URL, "/wsman"), "--site-code", "PS1", "--auth", "basic",
				"--user", "sim", "--password-env", "TEST_PASSWORD", "--allow-unencrypted", "status", "--level", "dp", "--state", "failed"}, args...))
			return code, o.String(), e.String()
		}
		_, dates, _ := run("-o", "csv", "--no-headers", "--columns", "changed")
		oldest := time.Duration(0)
		for line := range strings.Lines(dates) {
			changed, err := time.Parse(time.RFC3339, strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			oldest = max(oldest, time.Since(changed))
		}
		if code, _, errs := run("--fail-on", "older-than="+(oldest+time.Hour).String()); code != want || oldest == 0 {
			t.Errorf("%s ahead: ended with %d, want %d: %s", ahead, code, want, errs)
		}
		_ = h.Close()
	}
}

// datedAhead has a server whose clock is ahead.
func datedAhead(ahead time.Duration) func(string, http.Handler) http.Handler {
	return func(_ string, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
			next.ServeHTTP(w, r)
		})
	}
}

func TestAnnotateFlag(t *testing.T) {
	for _, tt := range []struct {
		text string
		env  map[string]string
		want annotateTo
	}{
		{"none", nil, annotateTo{kind: annotateNone}},
		{"github", nil, annotateTo{kind: annotateGitHub}},
		{"gitlab", nil, annotateTo{annotateGitLab, codeQualityFile}},
		{"gitlab=a=b.json", nil, annotateTo{annotateGitLab, "a=b.json"}},
		{"auto", nil, annotateTo{kind: annotateNone}},
		{"auto", map[string]string{"GITHUB_ACTIONS": "true"}, annotateTo{kind: annotateGitHub}},
		{"auto", map[string]string{"GITLAB_CI": "true"}, annotateTo{annotateGitLab, codeQualityFile}},
	} {
		got, err := parseAnnotate(tt.text, func(name string) string { return tt.env[name] })
		if err != nil || got != tt.want {
			t.Errorf("%s with %v: %v, %v", tt.text, tt.env, got, err)
		}
	}
	for _, text := range []string{"", "gh", "github=x", "gitlab=", "none=x", "auto=x"} {
		if _, err := parseAnnotate(text, func(string) string { return "" }); exitCode(err) != exitUsage {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestCodeQuality reads GitLab's report: an entry for each finding, which stands
// at its site in the inventory and keeps its fingerprint.
func TestCodeQuality(t *testing.T) {
	s := serveSharded(t, strings.NewReplacer())
	halved := s.halved(t)
	text, err := os.ReadFile(halved)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(halved)
	t.Setenv("CI_PROJECT_DIR", dir)
	path := filepath.Join(dir, "quality.json")
	var before []string
	for range 2 {
		s.inventory = halved
		code, _, errs := s.run(t.Context(), "status", "--level", "dp", "--annotate", "gitlab="+path)
		if code != exitIncomplete {
			t.Fatalf("ended with %d: %s", code, errs)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var list []codeQuality
		if err := json.Unmarshal(data, &list); err != nil {
			t.Fatal(err)
		}
		if len(list) != 7 || list[0].Severity != "critical" || list[1].Severity != "major" {
			t.Fatalf("%d entries: %s", len(list), data)
		}
		lines := strings.Split(string(text), "\n")
		var prints []string
		for _, entry := range list {
			if entry.Location.Path != "halved.yaml" || !strings.Contains(lines[entry.Location.Lines.Begin-1], "host:") || entry.Description == "" || entry.CheckName == "" {
				t.Errorf("%+v", entry)
			}
			prints = append(prints, entry.Fingerprint)
		}
		if slices.Sort(prints); len(slices.Compact(slices.Clone(prints))) != 7 || before != nil && !slices.Equal(prints, before) {
			t.Errorf("fingerprints %q, before %q", prints, before)
		}
		before = prints
	}
}

// Annotations are bounded, and say what they leave out.
func TestAnnotationsAreBounded(t *testing.T) {
	h, err := simulator.Start(t.Context(), simulator.Model{Seed: 1, Sites: []simulator.Site{{Code: "PS1", DPs: 10, Packages: 150, Failed: map[simulator.Cause]int{simulator.Transient: 1200}}}},
		simulator.Options{User: "sim", Password: "p", Strict: noSin(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	dir := t.TempDir()
	summary, quality := filepath.Join(dir, "summary.md"), filepath.Join(dir, "quality.json")
	env := map[string]string{"TEST_PASSWORD": "p", "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": summary}
	run := func(annotate string) string {
		var out, errs strings.Builder
		a := testApp(strings.NewReader(""), &out, &errs)
		a.getenv = func(name string) string { return env[name] }
		if code := a.execute(t.Context(), []string{"--host", strings.TrimSuffix(h.Sites()[0].URL, "/wsman"), "--site-code", "PS1", "--auth", "ntlm", "--user", "sim",
			"--password-env", "TEST_PASSWORD", "status", "--level", "dp", "--annotate", annotate}); code != exitFindings {
			t.Fatalf("ended with %d: %s", code, errs.String())
		}
		return errs.String()
	}
	printed := run("auto")
	if n := strings.Count(printed, "::error "); n != githubAnnotations || !strings.Contains(printed, "::error title=dpremote status::1191 more were found") {
		t.Errorf("%d annotations:\n%s", n, printed)
	}
	text, err := os.ReadFile(summary)
	if err != nil || !strings.Contains(string(text), " | 1200 | 0 | 0 |\n") || !strings.Contains(string(text), "\n1100 more.\n") || len(text) > 64<<10 {
		t.Errorf("the summary (%d bytes) is %v:\n%.2000s", len(text), err, text)
	}
	printed = run("gitlab=" + quality)
	var list []codeQuality
	if text, err = os.ReadFile(quality); err != nil || json.Unmarshal(text, &list) != nil || len(list) != keptNotes || !strings.Contains(printed, "leaves out 200.") {
		t.Errorf("%d entries, %v: %s", len(list), err, printed)
	}
}

func TestWorkflowCommandEscapes(t *testing.T) {
	if got := commandData("50%\r\nof a: b, c\u009b"); got != "50%25  of a: b, c " {
		t.Errorf("data %q", got)
	}
	if got := commandProperty("a: b, 50%"); got != "a%3A b%2C 50%25" {
		t.Errorf("property %q", got)
	}
	if got := markdown("[x](http://y) | `z` <b> @me #1 ok-2.0"); strings.ContainsAny(got, "[]|`<>@") || !strings.HasSuffix(got, "1 ok-2.0") {
		t.Errorf("markdown %q", got)
	}
	if got := markdown(strings.Repeat("é", 1000)); len([]rune(got)) != 301 {
		t.Errorf("%d characters", len([]rune(got)))
	}
}

func TestSuiteOfASite(t *testing.T) {
	for want, site := range map[string]inventory.Site{
		"PS1": {Name: "london", Code: "PS1"}, "PS2": {Name: "york", Namespace: "root/sms/site_PS2"}, "cm01": {Name: "cm01"},
	} {
		if got := (&member{Site: site}).code(); got != want {
			t.Errorf("%s: %s, want %s", site.Name, got, want)
		}
	}
}
