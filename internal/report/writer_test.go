package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"dpremote/internal/report"
)

func TestParseFormat(t *testing.T) {
	for _, want := range report.Formats() {
		if got, err := report.ParseFormat(string(want)); got != want || err != nil {
			t.Errorf("ParseFormat(%q) = %q, %v", want, got, err)
		}
	}
	want := `parse output format "XML": unknown; valid: table, wide, json, jsonl, yaml, csv`
	if _, err := report.ParseFormat("XML"); err == nil || err.Error() != want {
		t.Errorf("ParseFormat(XML): error %v, want %s", err, want)
	}
}

func TestNewErrors(t *testing.T) {
	ab := []report.Column{{Name: "a"}, {Name: "b"}}
	tests := []struct {
		name    string
		options report.Options
		want    string
	}{
		{"format", report.Options{Format: "xml"}, `parse output format "xml": unknown; valid: table, wide, json, jsonl, yaml, csv`},
		{"selected unknown", report.Options{Columns: ab, Select: []string{"a", "x"}}, `select column "x": unknown; valid: a, b`},
		{"selected twice", report.Options{Columns: ab, Select: []string{"a", "A"}}, `select column "A": named twice`},
		{"selected nothing", report.Options{Columns: ab, Select: []string{""}}, `select column "": unknown; valid: a, b`},
		{"column twice", report.Options{Columns: []report.Column{{Name: "a"}, {Name: "A"}}}, `define columns: name "A" is empty or repeated`},
		{"column without name", report.Options{Columns: []report.Column{{}}}, `define columns: name "" is empty or repeated`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := report.New(io.Discard, tt.options); err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

func TestNewRecordsErrors(t *testing.T) {
	tests := []struct {
		name    string
		options report.Options
		want    string
	}{
		{"format", report.Options{Format: "xml"}, `parse output format "xml": unknown; valid: table, wide, json, jsonl, yaml, csv`},
		{"selected twice", report.Options{Select: []string{"a", "A"}}, `select column "A": named twice`},
		{"selected nothing", report.Options{Select: []string{""}}, `select columns: a name is empty`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := report.NewRecords(io.Discard, tt.options); err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// A row that cannot be written leaves no trace, and the document stays whole.
func TestRowErrors(t *testing.T) {
	want := map[report.Format]string{
		report.Table: "A  B\n1  2\n3  4\n",
		report.Wide:  "A  B\n1  2\n3  4\n",
		report.JSON:  `{"schemaVersion":1,"kind":"","items":[` + "\n" + `{"a":1,"b":2},` + "\n" + `{"a":3,"b":4}` + "\n],\n" + `"errors":[]}` + "\n",
		report.JSONL: "{\"a\":1,\"b\":2}\n{\"a\":3,\"b\":4}\n",
		report.YAML:  "schemaVersion: 1\nkind: \"\"\nitems:\n- a: 1\n  b: 2\n- a: 3\n  b: 4\nerrors: []\n",
		report.CSV:   "a,b\n1,2\n3,4\n",
	}
	for _, format := range report.Formats() {
		t.Run(string(format), func(t *testing.T) {
			var b bytes.Buffer
			w, err := report.New(&b, report.Options{Format: format, Columns: []report.Column{{Name: "a", Title: "A"}, {Name: "b", Title: "B"}}})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, row := range [][]any{{1}, {0, make(chan int)}, {1, 2}, {0, func() {}}, {3, 4}} {
				if err := w.Row(row...); err != nil {
					got = append(got, err.Error())
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			got = append(got, w.Row(5, 6).Error())
			wantErrors := []string{
				"write row: 1 values for 2 columns",
				"write row: value of b: type chan int cannot be written",
				"write row: value of b: type func() cannot be written",
				"write row: output is closed",
			}
			if diff := cmp.Diff(wantErrors, got); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want[format], b.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
			if err := w.Close(); err != nil {
				t.Errorf("second Close: %v", err)
			}
		})
	}
}

func TestRecordErrors(t *testing.T) {
	for _, format := range []report.Format{report.Table, report.CSV} {
		t.Run(string(format), func(t *testing.T) {
			var b bytes.Buffer
			r, err := report.NewRecords(&b, report.Options{Format: format, Select: []string{"a", "B"}})
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Record([]string{"a"}, nil); err == nil {
				t.Error("Record took a name without a value")
			}
			for _, v := range []any{make(chan int), 1} {
				if err := r.Record([]string{"a", "b"}, []any{v, 2}); err != nil {
					t.Error(err)
				}
			}
			want := "write row 1: value of a: type chan int cannot be written\n" +
				`select column "B": no row has it; check its name and case`
			if err := r.Close(); err == nil || err.Error() != want {
				t.Errorf("Close: %v, want %s", err, want)
			}
			if lines := strings.Count(b.String(), "\n"); lines != 2 {
				t.Errorf("got %d lines, want 2:\n%s", lines, b.String())
			}
			if err := r.Close(); err != nil {
				t.Errorf("second Close: %v", err)
			}
		})
	}
}

func TestSet(t *testing.T) {
	for _, format := range []report.Format{report.JSON, report.YAML} {
		t.Run(string(format), func(t *testing.T) {
			var b bytes.Buffer
			w, err := report.New(&b, report.Options{Format: format})
			if err != nil {
				t.Fatal(err)
			}
			counts := map[string]int{"failed": 1}
			w.Set("summary", counts)
			counts["failed"] = 2 // too late
			w.Set("shard", "1/2")
			w.Set("shard", "2/2")
			w.Set("items", 1)
			w.Set("broken", make(chan int))
			want := `set "items" of the document: name is reserved`
			if err := w.Close(); err == nil || err.Error() != want {
				t.Errorf("Close: %v, want %s", err, want)
			}
			var got map[string]any
			if err := yaml.Unmarshal(b.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			wantDocument := map[string]any{
				"schemaVersion": 1, "kind": "", "items": []any{}, "errors": []any{},
				"summary": map[string]any{"failed": 1}, "shard": "2/2",
			}
			if diff := cmp.Diff(wantDocument, got); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrorsAreSorted(t *testing.T) {
	var b bytes.Buffer
	w, err := report.New(&b, report.Options{Format: report.JSON})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []report.SiteError{{Site: "B", Operation: "pull"}, {Site: "B", Operation: "get"}, {Site: "A", Error: "y"}, {Site: "A", Error: "x"}} {
		w.Error(e)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var document struct{ Errors []report.SiteError }
	if err := json.Unmarshal(b.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	want := []report.SiteError{{Site: "A", Error: "x"}, {Site: "A", Error: "y"}, {Site: "B", Operation: "get"}, {Site: "B", Operation: "pull"}}
	if diff := cmp.Diff(want, document.Errors); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

// writes remembers each Write.
type writes []string

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}

func TestLineBuffered(t *testing.T) {
	tests := []struct {
		format report.Format
		want   writes
	}{
		{report.JSONL, writes{"{\"n\":0}\n", "{\"n\":1}\n"}},
		{report.CSV, writes{"n\n0\n", "1\n"}},
	}
	for _, tt := range tests {
		t.Run(string(tt.format), func(t *testing.T) {
			var got writes
			w, err := report.New(&got, report.Options{Format: tt.format, Columns: []report.Column{{Name: "n"}}, LineBuffered: true})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 2 {
				if err := w.Row(i); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFlush(t *testing.T) {
	want := map[report.Format]string{
		report.Table: "",
		report.Wide:  "",
		report.JSON:  `{"schemaVersion":1,"kind":"","items":[` + "\n" + `{"x":1}`,
		report.JSONL: "{\"x\":1}\n",
		report.YAML:  "schemaVersion: 1\nkind: \"\"\nitems:\n- x: 1\n",
		report.CSV:   "x\n1\n",
	}
	for _, format := range report.Formats() {
		t.Run(string(format), func(t *testing.T) {
			var b bytes.Buffer
			w, err := report.New(&b, report.Options{Format: format, Columns: []report.Column{{Name: "x"}}})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Row(1); err != nil {
				t.Fatal(err)
			}
			if b.Len() > 0 {
				t.Errorf("written before Flush: %q", b.String())
			}
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want[format], b.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}
}

// Every Write ends with a row, and none is much larger than the buffer.
func TestWritesAreWholeRows(t *testing.T) {
	var got writes
	r, err := report.NewRecords(&got, report.Options{Format: report.JSONL})
	if err != nil {
		t.Fatal(err)
	}
	const rows = 10_000
	for i := range rows {
		if err := r.Record([]string{"n", "s"}, []any{i, strings.Repeat("x", i%50)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	lines := 0
	for i, s := range got {
		if !strings.HasSuffix(s, "}\n") {
			t.Errorf("write %d ends within a row", i)
		}
		if len(s) > 33<<10 {
			t.Errorf("write %d has %d bytes", i, len(s))
		}
		lines += strings.Count(s, "\n")
	}
	if lines != rows || len(got) < 2 {
		t.Errorf("%d lines in %d writes, want %d lines in several", lines, len(got), rows)
	}
}

func TestStreamErrors(t *testing.T) {
	for _, format := range report.Formats() {
		t.Run(string(format), func(t *testing.T) {
			w, err := report.New(&failing{}, report.Options{Format: format, Columns: []report.Column{{Name: "n"}}})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Row(1); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); !errors.Is(err, errFull) {
				t.Errorf("Close: %v, want %v", err, errFull)
			}
		})
	}
	t.Run("is final", func(t *testing.T) {
		w, err := report.New(&failing{n: 100}, report.Options{Format: report.JSONL, Columns: []report.Column{{Name: "n"}}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20_000 {
			err = errors.Join(err, w.Row(i))
		}
		if !errors.Is(err, errFull) {
			t.Errorf("Row: %v, want %v", err, errFull)
		}
		if err := w.Row(0); err == nil || err.Error() != "write output: no space left" {
			t.Errorf("Row after the failure: %v", err)
		}
		if err := w.Close(); !errors.Is(err, errFull) {
			t.Errorf("Close: %v, want %v", err, errFull)
		}
	})
	t.Run("short write", func(t *testing.T) {
		w, err := report.New(short{}, report.Options{Format: report.JSON})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("Close: %v, want %v", err, io.ErrShortWrite)
		}
	})
}

type short struct{}

func (short) Write(p []byte) (int, error) { return len(p) - 1, nil }

// csv is read back by a reader that we did not write.
func TestCSVIsRead(t *testing.T) {
	rows := [][]string{
		{"n", "s"},
		{"", ""},
		{`"`, `a "quoted" word`},
		{"a,b", "two\nlines"},
		{" leading", "trailing "},
		{`\.`, "=1+1"},
		{"\r", "日本語"},
	}
	var b bytes.Buffer
	w, err := report.New(&b, report.Options{Format: report.CSV, Columns: []report.Column{{Name: "n"}, {Name: "s"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		if err := w.Row(row[0], row[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestCSVLoneEmptyField(t *testing.T) {
	var b bytes.Buffer
	if err := writeColumn(&b, report.Options{Format: report.CSV}, "", "x"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("s\n\"\"\nx\n", b.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

// writeColumn writes rows of one column named s.
func writeColumn(out io.Writer, o report.Options, values ...any) error {
	o.Columns = []report.Column{{Name: "s"}}
	w, err := report.New(out, o)
	if err != nil {
		return err
	}
	for _, v := range values {
		if err := w.Row(v); err != nil {
			return err
		}
	}
	return w.Close()
}

func FuzzCSV(f *testing.F) {
	f.Add("", "a,b", "\"")
	f.Add("two\nlines", "\r", " ")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		var out bytes.Buffer
		r, err := report.NewRecords(&out, report.Options{Format: report.CSV, NoHeaders: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(r.Record([]string{"a", "b", "c"}, []any{a, b, c}), r.Close()); err != nil {
			t.Fatal(err)
		}
		got, err := csv.NewReader(&out).Read()
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, s := range []string{a, b, c} {
			// The reader turns CR LF into LF; what we wrote had it as it was.
			want = append(want, strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\r\n", "\n"))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
	})
}

// FuzzDocuments holds the YAML document against the JSON document.
func FuzzDocuments(f *testing.F) {
	for _, s := range []string{
		"", "yes", "No", "~", "null", "1:30", "0o17", "1e3", "2026-11-03", "- a", "a: b", "a #b", "<<", "=", "&a", "*a", "!a",
		"\n", " \n x", "x\n\n", "\t", "\x00", "\x7f", "\u0085", "\u2028", "\ufeff", "\xff", "😀", `\`, `"`, "'", "---", "...",
		strings.Repeat("long key ", 30),
	} {
		f.Add(s, s, int64(len(s)))
	}
	f.Fuzz(func(t *testing.T, name, value string, n int64) {
		if name == "other" {
			return // names are distinct
		}
		got := map[report.Format]any{}
		for _, format := range []report.Format{report.JSON, report.YAML} {
			var b bytes.Buffer
			r, err := report.NewRecords(&b, report.Options{Format: format, Kind: value})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				list := []any{value, n, []string{value}, []any{}, report.Object{Names: []string{name}, Values: []any{nil}}}
				if err := r.Record([]string{name, "other"}, []any{value, list}); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			document := map[string]any{}
			if format == report.JSON {
				err = json.Unmarshal(b.Bytes(), &document)
			} else {
				err = yaml.Unmarshal(b.Bytes(), &document)
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", format, err, b.String())
			}
			got[format] = fmt.Sprint(numbersAsFloat(document))
		}
		if diff := cmp.Diff(got[report.JSON], got[report.YAML]); diff != "" {
			t.Errorf("documents (-json +yaml):\n%s", diff)
		}
	})
}

// numbersAsFloat makes what yaml decodes comparable with what json decodes.
func numbersAsFloat(v any) any {
	switch v := v.(type) {
	case int:
		return float64(v)
	case []any:
		for i := range v {
			v[i] = numbersAsFloat(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbersAsFloat(v[k])
		}
	}
	return v
}

// TestRowOfCells: a row of cells is written in each format as its values are,
// and leaves the cells free for the next row.
func TestRowOfCells(t *testing.T) {
	columns := []report.Column{{Name: "name"}, {Name: "count"}, {Name: "none"}}
	for _, format := range []report.Format{report.Table, report.Wide, report.JSON, report.JSONL, report.YAML, report.CSV} {
		written := func(cells bool) string {
			var out strings.Builder
			w, err := report.New(&out, report.Options{Format: format, Kind: "test", Columns: columns})
			if err != nil {
				t.Fatal(err)
			}
			var name, count report.Cell
			for i, text := range []string{"a", "b", "b"} {
				values := []any{text, int64(i), nil}
				if cells {
					name.SetText(text)
					count.SetInteger(strconv.Itoa(i))
					values = []any{&name, &count, nil}
				}
				if err := w.Row(values...); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			return out.String()
		}
		if want, got := written(false), written(true); got != want || !strings.Contains(got, "b") {
			t.Errorf("%s: cells give\n%s\nwant\n%s", format, got, want)
		}
	}
}
