package sitelog_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dpremote/internal/cmtrace"
	"dpremote/internal/sitelog"
)

const logs = `%SMS_LOG_PATH%\`

// answer is what a scripted shell says to a command.
type answer struct {
	stdout, stderr string
	code           int
	err            error
}

func missing() answer {
	return answer{stderr: "The system cannot find the file specified.\r\n", code: 1}
}

// script is a Shell that answers each command from a list of its own; the last
// answer is given again.
type script struct {
	t       *testing.T
	answers map[string][]answer
	ran     []string
}

func (s *script) Run(_ context.Context, command string, stdout io.Writer) (string, int, error) {
	s.ran = append(s.ran, command)
	list := s.answers[command]
	if len(list) == 0 {
		s.t.Errorf("unexpected command %s", command)
		return "", 1, nil
	}
	if len(list) > 1 {
		s.answers[command] = list[1:]
	}
	_, _ = io.WriteString(stdout, list[0].stdout)
	return list[0].stderr, list[0].code, list[0].err
}

// line is the n-th line of a log, a minute each.
func line(n int, text string) string {
	return fmt.Sprintf("%d %s  $$<X><11-21-2026 10:%02d:00.000+000><thread=7 (0x7)>\r\n", n, text, n)
}

func at(minute int) time.Time { return time.Date(2026, 11, 21, 10, minute, 0, 0, time.UTC) }

func lines(from, to int) string {
	var b strings.Builder
	for n := from; n <= to; n++ {
		b.WriteString(line(n, "text"))
	}
	return b.String()
}

// numbers are the first words of the entries.
func numbers(r sitelog.Result) string {
	var all []string
	for _, e := range r.Entries {
		n, _, _ := strings.Cut(e.Message, " ")
		all = append(all, n)
	}
	return strings.Join(all, " ")
}

const (
	typeLog   = `type "` + logs + `distmgr.log"`
	typeOlder = `type "` + logs + `distmgr.lo_"`
)

func TestRead(t *testing.T) {
	id, err := sitelog.ParseWord("PS100001")
	if err != nil {
		t.Fatal(err)
	}
	const find, findOlder = `findstr /L /I /C:"PS100001" "` + logs + `distmgr.log"`, `findstr /L /I /C:"PS100001" "` + logs + `distmgr.lo_"`
	words := []sitelog.Word{id}
	one := func(a ...answer) []answer { return a }
	for _, test := range []struct {
		name    string
		query   sitelog.Query
		answers map[string][]answer
		want    string
		ran     int
	}{
		{"the last lines", sitelog.Query{Lines: 2}, map[string][]answer{typeLog: one(answer{stdout: lines(3, 6)})}, "5 6", 1},
		{"fewer than wanted", sitelog.Query{Lines: 5}, map[string][]answer{
			typeLog: one(answer{stdout: lines(3, 4)}), typeOlder: one(answer{stdout: lines(0, 2)})}, "0 1 2 3 4", 2},
		{"an older part without a line break at its end", sitelog.Query{Lines: 2}, map[string][]answer{
			typeLog: one(answer{stdout: lines(3, 3)}), typeOlder: one(answer{stdout: strings.TrimSpace(lines(0, 2))})}, "2 3", 2},
		{"no older part", sitelog.Query{Lines: 5}, map[string][]answer{
			typeLog: one(answer{stdout: lines(3, 4)}), typeOlder: one(missing())}, "3 4", 2},
		{"since a time in the log", sitelog.Query{Since: at(5)}, map[string][]answer{typeLog: one(answer{stdout: lines(4, 7)})}, "5 6 7", 1},
		{"since a time before the log", sitelog.Query{Since: at(2)}, map[string][]answer{
			typeLog: one(answer{stdout: lines(4, 7)}), typeOlder: one(answer{stdout: lines(1, 3)})}, "2 3 4 5 6 7", 2},
		{"the last of those since", sitelog.Query{Since: at(2), Lines: 3}, map[string][]answer{typeLog: one(answer{stdout: lines(4, 7)})}, "5 6 7", 1},
		{"renamed between the reads", sitelog.Query{Since: at(2)}, map[string][]answer{
			typeLog:   one(answer{stdout: lines(4, 7)}, answer{stdout: lines(9, 9)}),
			typeOlder: one(answer{stdout: lines(4, 8)})}, "4 5 6 7 8 9", 4},
		{"renamed in the middle of a line", sitelog.Query{Since: at(2)}, map[string][]answer{
			typeLog:   one(answer{stdout: lines(4, 5) + "6 te"}, answer{stdout: lines(7, 7)}),
			typeOlder: one(answer{stdout: lines(4, 6)})}, "4 5 6 7", 4},
		{"renamed each time", sitelog.Query{Since: at(1)}, map[string][]answer{
			typeLog:   one(answer{stdout: lines(2, 3)}, answer{stdout: lines(4, 5)}, answer{stdout: lines(6, 7)}),
			typeOlder: one(answer{stdout: lines(2, 3)}, answer{stdout: lines(4, 5)}, answer{stdout: lines(6, 8)})}, "6 7 8", 6},
		{"not there for a moment", sitelog.Query{Lines: 1}, map[string][]answer{typeLog: one(missing(), answer{stdout: lines(1, 1)})}, "1", 2},
		{"found on the server", sitelog.Query{Lines: 1, Words: words}, map[string][]answer{find: one(answer{stdout: lines(1, 2)})}, "2", 1},
		{"nothing found on the server", sitelog.Query{Lines: 1, Words: words}, map[string][]answer{
			find: one(answer{code: 1}), findOlder: one(answer{code: 1})}, "", 2},
		{"found in the older part", sitelog.Query{Lines: 1, Words: words}, map[string][]answer{
			find: one(answer{code: 1}), findOlder: one(answer{stdout: lines(1, 1)})}, "1", 2},
		{"an entry over lines", sitelog.Query{Lines: 1, Words: words}, map[string][]answer{
			find:    one(answer{stdout: "of PS100001\r\n"}),
			typeLog: one(answer{stdout: "<![LOG[8 what\r\nof PS100001]LOG]!><time=\"10:08:00.000+000\" date=\"11-21-2026\">\r\n"})}, "8", 2},
		{"more words than a command takes", sitelog.Query{Lines: 1, Words: slices.Repeat(words, 21)}, map[string][]answer{
			typeLog: one(answer{stdout: lines(1, 2)})}, "2", 1},
		{"another directory", sitelog.Query{Lines: 1, Dir: dir(t, `D:\SMS Logs (old)\`)}, map[string][]answer{
			`type "D:\SMS Logs (old)\distmgr.log"`: one(answer{stdout: lines(1, 2)})}, "2", 1},
		{"picked", sitelog.Query{Lines: 2, Match: func(e cmtrace.Entry) bool { return strings.HasPrefix(e.Message, "4") }}, map[string][]answer{
			typeLog: one(answer{stdout: lines(3, 7)}), typeOlder: one(missing())}, "4", 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.answers[find] != nil && test.answers[findOlder] == nil {
				test.answers[findOlder] = []answer{{code: 1}}
			}
			shell := &script{t: t, answers: test.answers}
			test.query.Log = sitelog.DistMgr
			got, err := sitelog.Read(t.Context(), shell, test.query)
			if err != nil {
				t.Fatal(err)
			}
			if numbers(got) != test.want || len(shell.ran) != test.ran {
				t.Errorf("read %q by %d commands, want %q by %d:\n%s", numbers(got), len(shell.ran), test.want, test.ran, strings.Join(shell.ran, "\n"))
			}
		})
	}
}

func dir(t *testing.T, path string) sitelog.Dir {
	t.Helper()
	d, err := sitelog.ParseDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestBegins: it is known only where all was read.
func TestBegins(t *testing.T) {
	shell := &script{t: t, answers: map[string][]answer{typeLog: {{stdout: lines(4, 7)}}, typeOlder: {{stdout: "no time\r\n" + lines(1, 3)}}}}
	for _, test := range []struct {
		since int
		want  time.Time
	}{{0, at(1)}, {5, time.Time{}}} {
		got, err := sitelog.Read(t.Context(), shell, sitelog.Query{Log: sitelog.DistMgr, Since: at(test.since)})
		if err != nil || !got.Begins.Equal(test.want) {
			t.Errorf("since minute %d: begins at %v, want %v, %v", test.since, got.Begins, test.want, err)
		}
	}
}

func TestReadErrors(t *testing.T) {
	broken := errors.New("connection lost")
	for _, test := range []struct {
		name    string
		log     sitelog.Log
		answers map[string][]answer
		text    string
		is      error
	}{
		{"no log", sitelog.DistMgr, map[string][]answer{typeLog: {missing()}},
			`^%SMS_LOG_PATH%\\distmgr\.log cannot be read on the server \(The system cannot find the file specified\.\): the server may be no site server`, nil},
		{"no log of a distribution point", sitelog.SMSDPProv, map[string][]answer{`type "` + logs + `smsdpprov.log"`: {missing()}},
			`smsdpprov\.log cannot be read .*: a distribution point writes this log`, nil},
		{"no words from the server", sitelog.DistMgr, map[string][]answer{typeLog: {{code: 5}}}, `\(exit code 5\)`, nil},
		{"connection lost", sitelog.DistMgr, map[string][]answer{typeLog: {{err: broken}}}, `^read %SMS_LOG_PATH%\\distmgr\.log: connection lost$`, broken},
		{"connection lost in between", sitelog.DistMgr, map[string][]answer{typeLog: {{stdout: lines(1, 1)}}, typeOlder: {{err: broken}}}, `distmgr\.lo_: connection lost$`, broken},
		{"too long", sitelog.DistMgr, map[string][]answer{typeLog: {{stdout: strings.Repeat("x", sitelog.MaxBytes+1)}}}, `more than 64 MB`, sitelog.ErrTooLong},
		{"too long together", sitelog.DistMgr, map[string][]answer{typeLog: {{stdout: lines(1, 1)}}, typeOlder: {{stdout: strings.Repeat("x", sitelog.MaxBytes)}}}, `more than 64 MB`, sitelog.ErrTooLong},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := sitelog.Read(t.Context(), &script{t: t, answers: test.answers}, sitelog.Query{Log: test.log})
			if err == nil || !regexp.MustCompile(test.text).MatchString(err.Error()) || test.is != nil && !errors.Is(err, test.is) || got.Entries != nil {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// TestNothingBreaksOut: nothing that could end a quoted text, name a variable or
// begin another command becomes part of one.
func TestNothingBreaksOut(t *testing.T) {
	for _, hostile := range []string{
		"", `" & calc`, `x" & calc & "`, "%PATH%", "a%b", "^", "a^b", "a\nb", "a\r\ncalc", "a|b", "a>b", "a<b", "a&b", "!x!", "'", "`", "a\x00b", "a/b",
		"]]>", "a b\"", "ʺ", "＂", "ä", strings.Repeat("a", 254), "~", "*", "?", ";", ",", "=", "\t",
	} {
		if w, err := sitelog.ParseWord(hostile); err == nil {
			t.Errorf("the word %q was taken: %v", hostile, w)
		}
		if d, err := sitelog.ParseDir(`D:\` + hostile + `\Logs`); err == nil && hostile != "" {
			t.Errorf("the directory %q was taken: %v", hostile, d)
		}
	}
	for _, path := range []string{"", "D:", "Logs", `\\server\share`, `..\Logs`, "D:Logs", `%SMS_LOG_PATH%`, `1:\x`, `D:/Logs`, `D:\` + strings.Repeat("a", 200)} {
		if d, err := sitelog.ParseDir(path); err == nil {
			t.Errorf("the directory %q was taken: %v", path, d)
		}
	}
	for _, word := range []string{"PS100001", "dp01.ps1.sim.example", "SRV_1-a"} {
		if _, err := sitelog.ParseWord(word); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{`C:\SMS_DP$\sms\logs`, `D:\Program Files\Microsoft Configuration Manager (x)\Logs\`} {
		if _, err := sitelog.ParseDir(path); err != nil {
			t.Error(err)
		}
	}
}

func TestParseLog(t *testing.T) {
	for name, file := range map[string]string{"distmgr": "distmgr.log", "PkgXfer": "PkgXferMgr.log", "smsdpprov": "smsdpprov.log"} {
		if l, err := sitelog.ParseLog(name); err != nil || l.File() != file {
			t.Errorf("%s: %s, %v", name, l.File(), err)
		}
	}
	if _, err := sitelog.ParseLog("smsprov"); err == nil {
		t.Error("smsprov is no log of these")
	}
}
