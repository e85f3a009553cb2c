package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dpremote/cim"
	"dpremote/distribution"
	"dpremote/internal/cmtrace"
	"dpremote/internal/connect"
	"dpremote/internal/inventory"
	"dpremote/queries"
	"dpremote/wsman"
)

func TestLogFilter(t *testing.T) {
	const text = `Start adding PS100001.9 to server ["Display=\\SRV1.corp.example\"]MSWNET:["SMS_SITE=PS1"]\\SRV1.corp.example\ from \\FILES\src`
	for _, test := range []struct {
		packages, dps []string
		text          string
		want          bool
		words         int
	}{
		{nil, nil, text, true, 0},
		{[]string{"ps100001"}, nil, text, true, 1},
		{[]string{"PS10000A,PS100001"}, nil, text, true, 2},
		{[]string{"PS100001"}, nil, "XPS100001 PS1000011", false, 1},
		{[]string{"PS1*"}, nil, text, true, 0},
		{[]string{"PS1*", "CAS00001"}, nil, "CAS00001", true, 0},
		{[]string{"P*"}, nil, "Packages", false, 0},
		{nil, []string{"srv1"}, text, true, 1},
		{nil, []string{"SRV1.corp.example"}, text, true, 1},
		{nil, []string{"SRV1.corp.example"}, `made a connection to \\srv1\ADMIN$`, true, 1},
		{nil, []string{"SRV1.corp.example"}, "srv1 is a word here", false, 1},
		{nil, []string{"SRV1.corp.example"}, `\\SRV1.other.example\x`, false, 1},
		{nil, []string{"SRV1"}, `\\SRV10.corp.example\ SRV10`, false, 1},
		{nil, []string{"SRV10"}, text, false, 1},
		{nil, []string{"SRV*"}, text, true, 0},
		{nil, []string{"S*"}, "Start of something, server: none", false, 0},
		{nil, []string{"S*"}, "server: SRV1.CORP.EXAMPLE, DPPriority: 200", true, 0},
		{nil, []string{"files"}, text, true, 1},
		{[]string{"PS100001"}, []string{"SRV2"}, text, false, 1},
	} {
		f, err := newLogFilter(test.packages, test.dps)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.match(cmtrace.Entry{Message: test.text}); got != test.want || len(f.words()) != test.words {
			t.Errorf("--package %v --dp %v: %v, %d words of %q", test.packages, test.dps, got, len(f.words()), test.text)
		}
	}
}

// TestLogLinesThatBelong: the newest lines of the row's package that name its
// distribution point or none.
func TestLogLinesThatBelong(t *testing.T) {
	path := func(name string) queries.NALPath {
		return queries.NALPath(`["Display=\\` + name + `\"]MSWNET:["SMS_SITE=PS1"]\\` + name + `\`)
	}
	known := dpNames{}
	known.add(path("SRV1.corp.example"))
	known.add(path("SRV10.corp.example"))
	var log packageLog
	log.lines = map[queries.PackageID][]packageLine{}
	begin := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for i, text := range []string{
		"PS100001 too old", `PS100001 to \\SRV10\x`, "PS100001 to srv10.corp.example", `PS100001 to \\SRV1\x`, "1 PS100001", "2 PS100001", "3 PS100001", "4 PS100001", "from srv1.corp.example to srv10.corp.example",
	} {
		e := cmtrace.Entry{Time: begin.Add(time.Duration(i) * time.Minute), Message: text}
		log.lines["PS100001"] = append(log.lines["PS100001"], packageLine{file: "x.log", Entry: e, dps: known.in(text)})
	}
	d := &distribution.Diagnosis{Evidence: []distribution.Evidence{
		{Source: distribution.FromStatus, Time: begin.Add(210 * time.Second), Text: "status"}, {Source: distribution.FromDrive, Text: "drive"},
	}}
	d.PackageID, d.ServerNALPath = "ps100001", path("srv1.corp.example")
	log.addTo(d)
	var got []string
	for _, e := range d.Evidence {
		got = append(got, e.Source+" "+e.Text)
	}
	want := []string{"log x.log: from srv1.corp.example to srv10.corp.example", "log x.log: 4 PS100001", "log x.log: 3 PS100001", "log x.log: 2 PS100001",
		"log x.log: 1 PS100001", "status status", `log x.log: PS100001 to \\SRV1\x`, "drive drive"}
	if len(got) != len(want) {
		t.Fatalf("%d pieces of evidence: %q", len(got), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("evidence %d is %q, want %q", i, got[i], want[i])
		}
	}
}

// TestLogsThatCannotBeRead: they are told, and neither fail a diagnosis nor
// change it.
func TestLogsThatCannotBeRead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer server.Close()
	transport, err := wsman.NewHTTP(wsman.HTTPOptions{URL: server.URL, AllowUnencrypted: true}, wsman.Basic("u", "p"))
	if err != nil {
		t.Fatal(err)
	}
	defer transport.Close()
	session := &cim.Session{Client: wsman.NewClient(transport, wsman.Options{Endpoint: server.URL}), Namespace: "root/sms/site_PS1"}
	var errs strings.Builder
	f := &fleet{g: &globals{app: testApp(strings.NewReader(""), &errs, &errs), parallel: 1}, members: []*member{{
		Site: inventory.Site{Name: "london"}, Connection: &connect.Connection{Session: session, Transport: transport},
	}}}
	found := []distribution.Diagnosis{{Row: distribution.Row{Owner: &distribution.Site{Name: "london", Session: session}, Home: "PS1"}}}
	found[0].PackageID = "PS100001"
	addLogs(t.Context(), f, found, time.Time{})
	if len(f.failures) > 0 || len(found[0].Evidence) > 0 || !strings.HasPrefix(errs.String(), "dpremote: warning: london: without its logs: ") {
		t.Errorf("failures %v, evidence %v, told %q", f.failures, found[0].Evidence, errs.String())
	}
}
