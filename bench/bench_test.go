package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"dpremote/cim"
	"dpremote/queries"
	"dpremote/wsman"
)

// fewPoints is enough distribution points for some full pages.
const fewPoints = 600

// TestReplay reads a script through the real client, over HTTP.
func TestReplay(t *testing.T) {
	recordings, err := prepare(t.Context(), fewPoints)
	if err != nil {
		t.Fatal(err)
	}
	replaying := newReplay(recordings)
	web := httptest.NewServer(replaying)
	defer web.Close()
	const rows = 10_000
	s := recordings[recordedProjection].stretch(rows)
	if s.rows < rows-1000 || s.rows > rows+1000 {
		t.Errorf("%d rows are far from %d", s.rows, rows)
	}
	transport, err := wsman.NewHTTP(wsman.HTTPOptions{URL: web.URL + "/wsman", AllowUnencrypted: true}, wsman.Basic(strconv.Itoa(rows), "x"))
	if err != nil {
		t.Fatal(err)
	}
	defer transport.Close()
	session := &cim.Session{Client: wsman.NewClient(transport, wsman.Options{}), Namespace: namespace}
	seen := map[queries.RowKey]bool{}
	for r, err := range queries.StatusDP(t.Context(), session, queries.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		seen[r.RowKey()] = true
	}
	if len(seen) != s.rows {
		t.Errorf("%d different rows, not %d", len(seen), s.rows)
	}

	// The same pages one by one, as curl has them, which must be all that there
	// are.
	process := &server{replay: web.URL}
	read, err := process.asked(t.Context())
	if err != nil || len(read) != 1 || read[0].answers != s.pages || read[0].bytes == 0 {
		t.Errorf("asked for %+v, %v: not for %d pages", read, err, s.pages)
	}
	fetch := func(place int) {
		res, err := http.Post(fmt.Sprintf("%s/page/%d/%d/%d", web.URL, rows, recordedProjection, place), "application/soap+xml", strings.NewReader("<fetch/>"))
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("page %d: %v, %v", place, res, err)
		}
		_ = res.Body.Close()
	}
	for place := range s.pages - 1 {
		fetch(place)
	}
	if all, err := process.asked(t.Context()); err == nil {
		t.Errorf("a page is missing: %+v", all)
	}
	for place := range s.pages {
		fetch(place)
	}
	if all, err := process.asked(t.Context()); err != nil || !slices.Equal(all, read) {
		t.Errorf("%+v, %v: not %+v", all, err, read)
	}
}

// TestRequests holds requests to the fewest pages.
func TestRequests(t *testing.T) {
	for _, tt := range []struct {
		answers, bytes int
		met            bool
	}{
		{101, 100 * 250 << 10, true},
		{106, 100 * 250 << 10, true},
		{107, 100 * 250 << 10, false},
		{2, 1000, true},
		{3, 1000, false},
	} {
		b := &bench{}
		b.requests("query", tt.answers, tt.bytes)
		if r := b.rows[0]; r.met() != tt.met {
			t.Errorf("%d answers for %d bytes: met %t, %+v", tt.answers, tt.bytes, r.met(), r)
		}
	}
}

// TestSitesThatDoNotStart leaves nothing behind.
func TestSitesThatDoNotStart(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for program, want := range map[string]string{"false": "start simulated sites: it has ended", "no-such-program-at-all": "not found"} {
		b := &bench{options: options{dpremote: program}}
		if _, err := b.simulate(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", program, err)
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("%v, %v are left", left, err)
	}
}

// TestDecoderCounts holds the in-process measurement's own check: it fails when
// not all rows are decoded.
func TestDecoderCounts(t *testing.T) {
	recordings, err := prepare(t.Context(), fewPoints)
	if err != nil {
		t.Fatal(err)
	}
	d := newDecoder(recordings[recordedAll].stretch(5_000))
	for name, f := range map[string]func(context.Context) error{
		"records": d.records, "instances": d.instances, "tokens": d.tokens, "scan": d.scan,
	} {
		if err := f(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty, err := d.emptied()
	if err != nil {
		t.Fatal(err)
	}
	if err := empty.records(t.Context()); err != nil {
		t.Errorf("emptied: %v", err)
	}
	d.transport.script.rows++
	if err := d.records(t.Context()); err == nil {
		t.Error("a missing row is not seen")
	}
}

// TestCompare says which ratios fail.
func TestCompare(t *testing.T) {
	rows := func(speed, times float64) []row {
		return []row{
			{Name: "decode", Peer: "encoding/xml go1.26.8", Ratios: []float64{speed, 0, 1000}},
			{Name: "memory", Peer: limit, Ratios: []float64{0.9}, Goal: 1, Less: true},
			{Name: "query", Peer: "curl 7.88.1", Ratios: []float64{times}, Less: true},
			{Name: "wall", Peer: "curl 7.88.1", Ratios: []float64{100 * times * times}, Less: true, Loose: true},
			missing("decode", "xmllint"),
		}
	}
	file := filepath.Join(t.TempDir(), "baseline.json")
	if err := record(file, rows(30, 2)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		rows  []row
		wants []string
	}{
		{"the same", rows(30, 2), nil},
		{"better", rows(90, 0.5), nil},
		{"worse, not by half", rows(15, 4), nil},
		{"slower", rows(14, 2), []string{"decode: the ratio was 30.0 and is 14.0"}},
		{"takes longer", rows(30, 4.1), []string{"query: the ratio was 2.00 and is 4.10"}},
		{"a limit that is not kept", []row{{Name: "memory", Peer: limit, Ratios: []float64{1.1}, Goal: 1, Less: true}}, []string{"memory: 1.10 of the limit, which is 1.00"}},
		{"nothing to compare", []row{missing("decode", "xmllint")}, []string{"has none of the ratios"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := compare(file, tt.rows)
			if (err != nil) != (tt.wants != nil) {
				t.Fatalf("%v", err)
			}
			for _, want := range tt.wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
		})
	}
}

// TestTable shows a row that is met, one that is missed and one without a peer.
func TestTable(t *testing.T) {
	var out bytes.Buffer
	printTable(&out, []row{
		{Name: "a", Ours: "1", Their: "2", Peer: "p 1", Ratios: []float64{20, 22, 21}, Goal: 20},
		{Name: "b", Ours: "1", Their: "2", Peer: "p 1", Ratios: []float64{4}, Goal: 3, Less: true, Note: "why"},
		missing("c", "xmllint"),
	})
	want := `WHAT  OURS  THEIRS  PEER OR LIMIT  RATIO          GOAL
a     1     2       p 1            21.0 ±5%       at least 20.0  met
b     1     2       p 1            4.00 ±0%       at most 3.00   MISSED (why)
c                   xmllint        not installed`
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nnot\n%s", got, want)
	}
}

// TestMeasure sees a program's time, memory and failure.
func TestMeasure(t *testing.T) {
	u, err := measure(t.Context(), []string{"BENCH_TEST_CHILD=1"}, os.Args[0], "-test.run=^TestChild$")
	if err != nil || u.wall <= 0 || u.processor <= 0 || u.peak < 1<<20 {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := measure(t.Context(), nil, os.Args[0], "-no-such-flag"); err == nil || !strings.Contains(err.Error(), "no-such-flag") {
		t.Errorf("a program that fails: %v", err)
	}
	if v := versionOf(t.Context(), "no-such-program-at-all", "--version"); v != "" {
		t.Errorf("a program that is not there has version %q", v)
	}
}

// TestChild is what TestMeasure runs.
func TestChild(t *testing.T) {
	if os.Getenv("BENCH_TEST_CHILD") == "" {
		return // it is no test by itself
	}
}
