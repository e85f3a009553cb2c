package cmtrace

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// utc is a moment, to the second and with milliseconds.
func utc(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04:05.999", text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestEntries(t *testing.T) {
	const dp = `["Display=\\dp01.example\"]MSWNET:["SMS_SITE=PS1"]\\dp01.example\`
	morning := utc("2026-11-21 10:00:00.000")
	for _, test := range []struct {
		name, text string
		want       []Entry
	}{
		{"nothing", "", nil},
		{"empty lines", "\r\n \n\n", nil},
		{"old", "Sending thread complete  $$<SMS_PACKAGE_TRANSFER_MANAGER><11-21-2026 10:00:00.000+000><thread=1234 (0x4D2)>\r\n", []Entry{
			{Form: Old, Time: morning, Component: "SMS_PACKAGE_TRANSFER_MANAGER", Thread: 1234, Message: "Sending thread complete"}}},
		{"old, British summer", "AddFile failed $$<X><06-14-2018 06:26:25.828-60><thread=9112 (0x2398)>", []Entry{
			{Form: Old, Time: utc("2018-06-14 05:26:25.828"), Component: "X", Thread: 9112, Message: "AddFile failed"}}},
		{"old, winter in New York", "---->: An event, the code is: 0x1  $$<X><12-06-2016 03:11:46.039+300><thread=4840 (0x12E8)>", []Entry{
			{Form: Old, Time: utc("2016-12-06 08:11:46.039"), Component: "X", Thread: 4840, Message: "---->: An event, the code is: 0x1"}}},
		{"old without bias", "a$$<X><1-2-2026 03:04:05><thread=7>", []Entry{
			{Form: Old, Time: utc("2026-01-02 03:04:05"), Component: "X", Thread: 7, Message: "a"}}},
		{"old with marks in its text", `~Copied $$<x> to ` + dp + `  $$<X><11-21-2026 10:00:00.000+000><thread=7 (0x7)>  `, []Entry{
			{Form: Old, Time: morning, Component: "X", Thread: 7, Message: `~Copied $$<x> to ` + dp}}},
		{"old with a status message", `STATMSG: ID=2328 SEV=E LEV=M SOURCE="SMS Server" $$<X><11-21-2026 10:00:00.000+000><thread=7 (0x7)>`, []Entry{
			{Form: Old, Time: morning, Component: "X", Thread: 7, Severity: Error, Message: `STATMSG: ID=2328 SEV=E LEV=M SOURCE="SMS Server"`}}},
		{"an error in words is not a severity", `Failed with error SEV=E $$<X><11-21-2026 10:00:00.000+000><thread=7 (0x7)>`, []Entry{
			{Form: Old, Time: morning, Component: "X", Thread: 7, Message: `Failed with error SEV=E`}}},
		{"new", `<![LOG[text]LOG]!><time="09:00:00.000-60" date="11-21-2026" component="CAS" context="" type="3" thread="5104" file="cas.cpp:12">` + "\r\n", []Entry{
			{Form: New, Time: utc("2026-11-21 08:00:00"), Component: "CAS", Thread: 5104, Severity: Error, Message: "text", File: "cas.cpp:12"}}},
		{"new over lines, and two on one", "<![LOG[one\r\n  two]LOG]!><time=\"10:00:00.000+000\" date=\"11-21-2026\" component=\"A\" type=\"1\" thread=\"1\">" +
			`<![LOG[]LOG]!><time="10:00:00.0000001+000" date="11-21-2026" component="a > b" type="2" thread="x">`, []Entry{
			{Form: New, Time: morning, Component: "A", Thread: 1, Severity: Info, Message: "one\r\n  two"},
			{Form: New, Time: morning.Add(100), Component: "a > b", Severity: Warning}}},
		{"new and cut", "<![LOG[cut\n<![LOG[whole]LOG]!><time=\"10:00:00.000+000\" date=\"11-21-2026\" component=\"A\" type=\"0\">\n<![LOG[cut too", []Entry{
			{Message: "<![LOG[cut"}, {Form: New, Time: morning, Component: "A", Message: "whole"}, {Time: morning, Message: "<![LOG[cut too"}}},
		{"new without a time", `<![LOG[a]LOG]!><component="A">`, []Entry{{Message: `<![LOG[a]LOG]!><component="A">`}}},
		{"new with broken attributes", "<![LOG[a]LOG]!><time=\"10:00:00\n", []Entry{{Message: `<![LOG[a]LOG]!><time="10:00:00`}}},
		{"provider", "[99C][Sat 11/21/2026 11:00:00]:Expanding C:\\x[1]: y\n", []Entry{
			{Form: Provider, Time: morning, Thread: 0x99C, Message: `Expanding C:\x[1]: y`}}},
		{"plain lines have the time before", "first\na  $$<X><11-21-2026 10:00:00.000+000><thread=7 (0x7)>\n  at [1][2]:x \n[zz][Sat 11/21/2026 11:00:00]:x", []Entry{
			{Message: "first"}, {Form: Old, Time: morning, Component: "X", Thread: 7, Message: "a"},
			{Time: morning, Message: "  at [1][2]:x"}, {Time: morning, Message: "[zz][Sat 11/21/2026 11:00:00]:x"}}},
		{"not quite old", "a $$<X><11-21-2026 10:00:00.000+000><thread=7 (0x8)>\nb $$<X><Fri Oct 15 17:09:46.507 1999 Pacific Daylight Time><thread=225 (0xE1)>\n" +
			"c $$<X><11-21-2026 10:00:00.000+9999><thread=7>\nd $$<X><13-21-2026 10:00:00><thread=7>\ne $$<X><thread=7>", []Entry{
			{Message: "a $$<X><11-21-2026 10:00:00.000+000><thread=7 (0x8)>"},
			{Message: "b $$<X><Fri Oct 15 17:09:46.507 1999 Pacific Daylight Time><thread=225 (0xE1)>"},
			{Message: "c $$<X><11-21-2026 10:00:00.000+9999><thread=7>"}, {Message: "d $$<X><13-21-2026 10:00:00><thread=7>"}, {Message: "e $$<X><thread=7>"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := slices.Collect(Entries([]byte(test.text), time.FixedZone("", 3600)))
			if test.name == "old without bias" { // the server's own zone is used
				test.want[0].Time = test.want[0].Time.Add(-time.Hour)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestLongText: what is too long for one entry becomes several, and none of it
// is lost.
func TestLongText(t *testing.T) {
	long := "x" + strings.Repeat("ä", maxLine) // the cut would fall into a character
	var all strings.Builder
	entries := 0
	for e := range Entries([]byte(long+"\nnext\n"), nil) {
		if len(e.Message) > maxLine {
			t.Errorf("an entry of %d bytes", len(e.Message))
		}
		all.WriteString(e.Message)
		entries++
	}
	if all.String() != long+"next" || entries != 4 {
		t.Errorf("%d entries, %d bytes", entries, all.Len())
	}
	entry := newEntry(strings.Repeat("x\n", maxEntry/2))
	if got := slices.Collect(Entries([]byte(entry), nil)); len(got) != maxEntry/2+1 || got[0].Message != "<![LOG[x" {
		t.Errorf("%d entries of one that is too long", len(got))
	}
}

// TestManyBeginnings: entries that begin and never end do not each look for
// their end through the whole text.
func TestManyBeginnings(t *testing.T) {
	text := bytes.Repeat([]byte("<![LOG[\n"), 1<<18)
	for _, end := range []string{"", newEntry("x")} {
		n := 0
		for range Entries(append(text, end...), nil) {
			n++
		}
		if n < 1<<18 {
			t.Errorf("%d entries", n)
		}
	}
}

func newEntry(text string) string {
	return "<![LOG[" + text + `]LOG]!><time="10:00:00.000+000" date="11-21-2026" component="A" context="" type="1" thread="1" file="">`
}

// FuzzEntries: every byte belongs to one entry, and an entry's text is there.
func FuzzEntries(f *testing.F) {
	f.Add([]byte("a  $$<X><11-21-2026 10:00:00.000+000><thread=7 (0x7)>\r\nplain\n\n"))
	f.Add([]byte(newEntry("one\ntwo") + newEntry("") + "\n<![LOG["))
	f.Add([]byte("[99C][Wed 09/10/2014 14:19:07]:text\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := newScanner(text, nil)
		var all []byte
		for s.next() {
			if len(s.span) == 0 {
				t.Fatal("no progress")
			}
			all = append(all, s.span...)
			e := s.entry
			if !bytes.Contains(s.span, []byte(e.Message)) {
				t.Fatalf("the text %q is not in %q", e.Message, s.span)
			}
			if e.Form == Plain && e.Message != string(bytes.TrimRight(s.span, " \t\r\n")) && len(s.span) < maxLine-4 {
				t.Fatalf("the text %q lost something of %q", e.Message, s.span)
			}
			if e.Form != Plain && e.Time.IsZero() && !bytes.Contains(s.span, []byte("0001")) {
				t.Fatalf("no time: %q", s.span)
			}
		}
		if !bytes.Equal(all, text) {
			t.Fatalf("%q became %q", text, all)
		}
	})
}
