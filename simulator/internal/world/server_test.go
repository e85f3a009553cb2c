package world

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/wire"
)

func TestShell(t *testing.T) {
	l := newLab(t, small())
	s := l.at("PS1")
	const missing = "The system cannot find the file specified.\r\n"
	for _, test := range []struct {
		name, command  string
		args           []string
		stdout, stderr string
		code           int
	}{
		{"hostname", "hostname", nil, "CM01-PS1\r\n", "", 0},
		{"hostname.exe in capitals", "HOSTNAME.EXE", nil, "CM01-PS1\r\n", "", 0},
		{"by cmd", "cmd.exe", []string{"/q", "/c", "hostname"}, "CM01-PS1\r\n", "", 0},
		{"ver", "ver", nil, "\r\nMicrosoft Windows [Version 10.0.20348.2227]\r\n", "", 0},
		{"echo", "echo", []string{"100%", "of", "%COMPUTERNAME%", "%nope%"}, "100% of CM01-PS1 %nope%\r\n", "", 0},
		{"one line", "echo a  b", nil, "a b\r\n", "", 0},
		{"nothing", "", nil, "", "", 0},
		{"unknown", "format", []string{"c:"}, "", "'format' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n", 1},
		{"type of nothing", "type", nil, "", "The syntax of the command is incorrect.\r\n", 1},
		{"type of another file", "type", []string{`C:\Windows\win.ini`}, "", missing, 1},
		{"type of another log", "type", []string{`"%SMS_LOG_PATH%\smsprov.log"`}, "", missing, 1},
		{"blanks without quotes", "type", []string{`%SMS_LOG_PATH%\distmgr.log`}, "", "The syntax of the command is incorrect.\r\n", 1},
		{"findstr without file", "findstr", []string{"x"}, "", "FINDSTR: Bad command line\r\n", 2},
		{"findstr that finds nothing", "findstr", []string{"nothing", `"%SMS_LOG_PATH%\distmgr.log"`}, "", "", 1},
		{"not ASCII", "echo ıİſ%COMPUTERNAME%", nil, "ıİſCM01-PS1\r\n", "", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, code := s.Shell(t.Context(), test.command, test.args)
			if string(stdout) != test.stdout || string(stderr) != test.stderr || code != test.code {
				t.Errorf("stdout %q, stderr %q, exit code %d", stdout, stderr, code)
			}
		})
	}
}

// logLines is what a command prints, a line each, without their breaks.
func (l *lab) logLines(code, command string) []string {
	l.Helper()
	out, stderr, exit := l.at(code).Shell(l.Context(), command, nil)
	if exit != 0 || len(stderr) > 0 {
		l.Fatalf("%s: exit code %d, %s", command, exit, stderr)
	}
	if len(out) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(out), "\r\n"), "\r\n")
}

func TestLogsShowWhatHappened(t *testing.T) {
	l := newLab(t, small())
	c := l.failed(Transient)
	l.pass(time.Hour)
	l.put("PS1", c)
	l.pass(delay)
	lines := l.logLines("PS1", `findstr /i /c:"package `+strings.ToLower(c.pkg.id)+`" "%SMS_LOG_PATH%\distmgr.log"`)
	want := "Package " + c.pkg.id + " is now on " + c.dp.nal + "  $$<SMS_DISTRIBUTION_MANAGER><11-02-2026 09:00:08.000+000><thread=5104 (0x13F0)>"
	if got := lines[len(lines)-1]; got != want {
		t.Errorf("last line\n%s, want\n%s", got, want)
	}
	lines = l.logLines("PS1", `type "C:\Program Files\Microsoft Configuration Manager\Logs\PkgXferMgr.log"`)
	all := strings.Join(lines, "\n")
	for _, want := range []string{
		"Sending legacy content " + c.pkg.id, "Finished sending SWD package " + c.pkg.id, "STATMSG: ID=8200 SEV=I",
		`ISTR0="` + c.pkg.id + `"`, "CSendFileAction::SendFiles failed; 0x80070079",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("PkgXferMgr.log has no %q:\n%s", want, all)
		}
	}
}

// TestFindstrOfSeveralTexts: a line with any of them is found.
func TestFindstrOfSeveralTexts(t *testing.T) {
	l := newLab(t, small())
	const file = ` "%SMS_LOG_PATH%\distmgr.log"`
	whole := l.logLines("PS1", "type"+file)
	want := 0
	for _, line := range whole {
		if strings.Contains(line, "SEV=W") || strings.Contains(line, "SEV=E") {
			want++
		}
	}
	if got := len(l.logLines("PS1", `findstr /L /I /C:"sev=w" /C:"sev=e"`+file)); got != want || want == 0 || want == len(whole) {
		t.Errorf("%d lines found, %d of %d wanted", got, want, len(whole))
	}
}

// TestOlderLogs: what is older than a day is in the older part, and nothing is
// in both.
func TestOlderLogs(t *testing.T) {
	l := newLab(t, small())
	const log, older = `type "%SMS_LOG_PATH%\distmgr.log"`, `type "%SMS_LOG_PATH%\distmgr.lo_"`
	both := func() int { return len(l.logLines("PS1", log)) + len(l.logLines("PS1", older)) }
	before := both()
	l.pass(time.Hour)
	l.put("PS1", l.failed(Transient))
	l.pass(delay)
	if n := len(l.logLines("PS1", log)); n == 0 || both() <= before {
		t.Errorf("%d lines today, %d in all, %d before", n, both(), before)
	}
	total := both()
	l.pass(25 * time.Hour)
	if n := len(l.logLines("PS1", log)); n != 0 || both() < total {
		t.Errorf("a day later %d lines in the log, %d in all, %d before", n, both(), total)
	}
}

// TestProviderLog: the provider of a distribution point logs where the site
// server is one.
func TestProviderLog(t *testing.T) {
	const log = `type "%SMS_LOG_PATH%\smsdpprov.log"`
	if _, _, code := newLab(t, small()).at("PS1").Shell(t.Context(), log, nil); code != 1 {
		t.Errorf("exit code %d of a site whose server is no distribution point", code)
	}
	l := newLab(t, Model{Sites: []SiteModel{{Code: "PS1", DPs: 1, Packages: 1, ServerDP: true}}})
	c := l.contents[0]
	l.put("PS1", c)
	l.pass(delay)
	got := l.logLines("PS1", log)
	if len(got) != 1 || !strings.HasPrefix(got[0], "[13F0][Mon 11/02/2026 08:00:08]:Content '"+c.pkg.id+".") {
		t.Errorf("the log is %q", got)
	}
	if got := l.logLines("PS1", `type "%SMS_LOG_PATH%\smsdpprov.lo_"`); len(got) != 1 || !strings.Contains(got[0], "usage gathering") {
		t.Errorf("the older part is %q", got)
	}
}

func TestRegistry(t *testing.T) {
	l := newLab(t, small())
	retrying := ""
	for _, r := range l.Rows(Target{}) {
		if r.State == InstallRetrying {
			retrying = r.Package
		}
	}
	call := func(method, key, name string) []wire.Assignment {
		t.Helper()
		in := []wire.Assignment{{Name: "hDefKey", Value: uint64(localMachine)}, {Name: "sSubKeyName", Value: key}}
		if name != "" {
			in = append(in, wire.Assignment{Name: "sValueName", Value: name})
		}
		out, err := l.at("PS1").Invoke("root/default", "StdRegProv", method, nil, in)
		if err != nil {
			t.Fatalf("%s %s: %v", method, key, err)
		}
		return out
	}
	names := func(names ...value) wire.Assignment { return wire.Assignment{Name: "sNames", Value: names} }
	ok, notFound := wire.Assignment{Name: "ReturnValue", Value: int64(0)}, wire.Assignment{Name: "ReturnValue", Value: int64(2)}
	const history = `software\microsoft\sms\components\SMS_DISTRIBUTION_MANAGER\Retry History`
	for _, test := range []struct {
		name, method, key, value string
		want                     []wire.Assignment
	}{
		{"keys", "EnumKey", `SOFTWARE\Microsoft\SMS`, "", []wire.Assignment{names("Components", "Identification", "Setup"), ok}},
		{"no such key", "EnumKey", `SOFTWARE\Nope`, "", []wire.Assignment{notFound}},
		{"retry history", "EnumKey", history, "", []wire.Assignment{names(retrying), ok}},
		{"text", "GetStringValue", keyIdentity, "installation directory", []wire.Assignment{{Name: "sValue", Value: installDir}, ok}},
		{"number", "GetDWORDValue", keyComponent, "Maximum Number of Packages", []wire.Assignment{{Name: "uValue", Value: uint64(3)}, ok}},
		{"number read as text", "GetStringValue", keyComponent, "Maximum Number of Packages", []wire.Assignment{{Name: "ReturnValue", Value: int64(0x80041005)}}},
		{"no such value", "GetStringValue", keyIdentity, "Nope", []wire.Assignment{{Name: "ReturnValue", Value: int64(1)}}},
		{"value of no key", "GetStringValue", `SOFTWARE\Nope`, "Nope", []wire.Assignment{notFound}},
		{"expanded", "GetExpandedStringValue", history + `\` + retrying, "source", []wire.Assignment{{Name: "sValue", Value: `C:\Packages\` + retrying}, ok}},
		{"bytes", "GetBinaryValue", history + `\` + retrying, "state", []wire.Assignment{{Name: "uValue", Value: []value{uint64(2), uint64(0)}}, ok}},
		{"values", "EnumValues", keySetup, "", []wire.Assignment{names("Full Version", "Installation Directory"), {Name: "Types", Value: []value{int64(1), int64(1)}}, ok}},
		{"delete something else", "DeleteKey", keySetup, "", []wire.Assignment{{Name: "ReturnValue", Value: int64(5)}}},
		{"delete the retry history", "DeleteKey", history + `\` + retrying, "", []wire.Assignment{ok}},
		{"it is gone", "EnumKey", history, "", []wire.Assignment{notFound}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, call(test.method, test.key, test.value)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestWindowsClasses(t *testing.T) {
	l := newLab(t, small())
	l.pass(90 * time.Minute)
	result, err := l.at("PS1").Query("root/cimv2", "SELECT CSName, LocalDateTime FROM Win32_OperatingSystem")
	if err != nil {
		t.Fatal(err)
	}
	in := only(l, result.Instances)
	if got := in.Get("LocalDateTime"); !cmp.Equal(got, value(repository.At(epoch.Add(90*time.Minute)))) {
		t.Errorf("LocalDateTime %v", got)
	}
	if in.Get("MUILanguages") != nil {
		t.Error("MUILanguages is not NULL")
	}
	result, err = l.at("PS1").Query("root", "SELECT Name FROM __NAMESPACE")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"CIMV2", "DEFAULT", "SMS"}, values(result.Instances, "Name")); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
}
