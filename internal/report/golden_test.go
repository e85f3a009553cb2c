package report_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"

	"dpremote/internal/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares got with testdata/name, or rewrites that file.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// state is a value that names itself.
type state int

func (s state) String() string {
	if s == 0 {
		return "installed"
	}
	return "failed"
}

func stateColor(v any) text.Colors {
	if v == state(0) {
		return nil
	}
	return text.Colors{text.FgRed}
}

func columns() []report.Column {
	return []report.Column{
		{Name: "site", Title: "SITE"},
		{Name: "packageID", Title: "PACKAGE"},
		{Name: "name", Title: "NAME", Max: 20},
		{Name: "state", Title: "STATE", Color: stateColor},
		{Name: "retries", Title: "RETRIES", Right: true},
		{Name: "updated", Title: "UPDATED"},
		{Name: "age", Title: "AGE", Right: true},
		{Name: "groups", Title: "GROUPS", Wide: true},
		{Name: "nal", Title: "NAL PATH", Wide: true},
		{Name: "pull"},
	}
}

func rows() [][]any {
	at := time.Date(2026, 11, 3, 9, 30, 1, 500_000_000, time.FixedZone("", 3600))
	nal := `["Display=\\SRV1.corp.example\"]MSWNET:["SMS_SITE=PS1"]\\SRV1.corp.example\`
	return [][]any{
		{"PS1", "PS100001", "7-Zip 24", state(0), 0, at, 90 * time.Minute, []string{"Berlin", "Paris"}, nal, false},
		{"PS1", "PS100002", `Visio, "Pro" <2024> & others`, state(1), uint32(12), time.Time{}, 1500 * time.Millisecond, []string{}, nal, true},
		{"PS2", "PS200007", "日本語パック の更新プログラム", state(1), nil, at.AddDate(0, 0, 1), 72 * time.Hour, nil, nil, nil},
		{"PS2", "10E5", "two\nlines\t\x1b[31mred\u202e", state(0), int64(-1), at, time.Duration(0), []string{"no"}, "", false},
	}
}

func write(out io.Writer, o report.Options, rows [][]any) error {
	w, err := report.New(out, o)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := w.Row(row...); err != nil {
			return err
		}
	}
	w.Error(report.SiteError{Site: "PS9", Operation: "identify", Error: "no route to host", Retry: "safe", Kind: "unreachable"})
	w.Error(report.SiteError{Site: "PS3", Operation: "enumerate SMS_DPStatusInfo", Error: "access denied", Retry: "no", Kind: "credentials"})
	w.Set("summary", map[string]int{"failed": 2, "installed": 2})
	w.Set("complete", false)
	return w.Close()
}

func TestWriterGolden(t *testing.T) {
	tests := []struct {
		name    string
		options report.Options
		rows    [][]any
	}{
		{"status.table", report.Options{}, rows()},
		{"status.wide", report.Options{Format: report.Wide, Width: 40}, rows()},
		{"status.json", report.Options{Format: report.JSON}, rows()},
		{"status.jsonl", report.Options{Format: report.JSONL}, rows()},
		{"status.yaml", report.Options{Format: report.YAML}, rows()},
		{"status.csv", report.Options{Format: report.CSV}, rows()},
		{"color.table", report.Options{Color: true}, rows()},
		{"width.table", report.Options{Width: 76, Color: true}, rows()},
		{"tiny.table", report.Options{Width: 24}, rows()},
		{"bare.table", report.Options{NoHeaders: true}, rows()},
		{"bare.csv", report.Options{Format: report.CSV, NoHeaders: true}, rows()},
		{"select.table", report.Options{Select: []string{"nal", "SITE"}}, rows()},
		{"select.json", report.Options{Format: report.JSON, Select: []string{"state", "packageid"}}, rows()},
		{"empty.table", report.Options{}, nil},
		{"empty.bare.table", report.Options{NoHeaders: true}, nil},
		{"empty.json", report.Options{Format: report.JSON}, nil},
		{"empty.jsonl", report.Options{Format: report.JSONL}, nil},
		{"empty.yaml", report.Options{Format: report.YAML}, nil},
		{"empty.csv", report.Options{Format: report.CSV}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.options.Kind, tt.options.Columns = "status", columns()
			var b bytes.Buffer
			if err := write(&b, tt.options, tt.rows); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name, b.Bytes())
		})
	}
}

func TestRecordsGolden(t *testing.T) {
	embedded := report.Object{Names: []string{"StartTime", "DayDuration"}, Values: []any{"20261103093001.000000+***", 0}}
	records := []report.Object{
		{Names: []string{"PackageID", "Size"}, Values: []any{"PS100001", uint64(1 << 63)}},
		{Names: []string{"Name", "PackageID", "Schedule"}, Values: []any{"SRV1", nil, embedded}},
		{Names: nil, Values: nil},
		{Names: []string{"Size", "Flags"}, Values: []any{int64(7), []any{true, 1.5, "x", nil}}},
	}
	tests := []struct {
		name    string
		options report.Options
	}{
		{"query.table", report.Options{}},
		{"query.json", report.Options{Format: report.JSON}},
		{"query.jsonl", report.Options{Format: report.JSONL}},
		{"query.yaml", report.Options{Format: report.YAML}},
		{"query.csv", report.Options{Format: report.CSV}},
		{"query.select.jsonl", report.Options{Format: report.JSONL, Select: []string{"Size", "PackageID"}}},
		{"query.select.csv", report.Options{Format: report.CSV, Select: []string{"Size", "PackageID"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.options.Kind = "query"
			var b bytes.Buffer
			r, err := report.NewRecords(&b, tt.options)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			var values []any
			for _, record := range records {
				// The same slices each time, as a caller that saves memory does.
				names, values = append(names[:0], record.Names...), append(values[:0], record.Values...)
				if err := r.Record(names, values); err != nil {
					t.Fatal(err)
				}
			}
			r.Error(report.SiteError{Site: "PS3", Operation: "pull", Error: "timed out", Retry: "safe", Kind: "fault"})
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name, b.Bytes())
		})
	}
}

// failing is a stream that fails after n bytes.
type failing struct{ n int }

var errFull = errors.New("no space left")

func (f *failing) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}
