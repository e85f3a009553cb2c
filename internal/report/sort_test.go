package report_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/internal/report"
)

// TestSortGolden sorts the rows of the other golden files by a column that is
// written and one that is not: what is equal stays in its order.
func TestSortGolden(t *testing.T) {
	order := []report.Order{{Column: "STATE"}, {Column: "retries", Descending: true}}
	for name, format := range map[string]report.Format{
		"sort.table": report.Table, "sort.wide": report.Wide, "sort.json": report.JSON, "sort.jsonl": report.JSONL, "sort.yaml": report.YAML, "sort.csv": report.CSV,
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			o := report.Options{Kind: "status", Columns: columns(), Format: format, Sort: order, Select: []string{"packageID", "state", "name"}}
			if err := write(&b, o, rows()); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.Bytes())
		})
	}
}

// sorted gives the numbers of the rows in the order in which they are written.
func sorted(t *testing.T, order string, values ...any) string {
	t.Helper()
	orders, err := report.ParseOrder(strings.Split(order, ","))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := report.New(&b, report.Options{Format: report.CSV, NoHeaders: true, Sort: orders, Select: []string{"n"},
		Columns: []report.Column{{Name: "n"}, {Name: "v"}}})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		if err := w.Row(i, v); err != nil {
			t.Fatal(err)
		}
	}
	if b.Len() > 0 {
		t.Errorf("written before all rows were there: %q", b.String())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.TrimSpace(b.String()), "\n", " ")
}

func TestSortByValue(t *testing.T) {
	at := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	tests := []struct {
		name, order string
		values      []any
		want        string
	}{
		{"numbers", "v", []any{100, uint32(20), int64(-3), 20.5}, "2 1 3 0"},
		{"numbers down", "-v", []any{100, uint32(20), int64(-3), 20.5}, "0 3 1 2"},
		{"numbers up", "+V", []any{3, 1, 2}, "1 2 0"},
		{"numbers as text", "v", []any{"100", "20", "3"}, "2 1 0"},
		{"large integers", "v", []any{uint64(math.MaxUint64), uint64(math.MaxUint64 - 1), int64(math.MinInt64), int64(math.MinInt64 + 1)}, "2 3 1 0"},
		{"one is no number", "v", []any{"100", "20", "x3"}, "0 1 2"},
		{"not taken for numbers", "v", []any{"Infinity", "NaN", "2"}, "2 0 1"},
		{"empty last", "v", []any{nil, 2, "", 1, time.Time{}}, "3 1 0 2 4"},
		{"empty last, down", "-v", []any{nil, 2, "", 1}, "1 3 0 2"},
		{"times", "v", []any{at.Add(time.Hour), at, at.Add(time.Minute).In(time.FixedZone("", -3600))}, "1 2 0"},
		{"times as text", "-v", []any{"2026-11-03T10:00:00Z", "2026-11-03T10:30:00+01:00", "2026-11-03T09:45:00Z"}, "0 2 1"},
		{"durations", "v", []any{90 * time.Minute, 2 * time.Second, 3 * time.Minute}, "1 2 0"},
		{"states by word", "v", []any{state(0), state(1), state(0)}, "1 0 2"},
		{"text without regard to case", "v", []any{"b", "A", "a", "B"}, "1 2 3 0"},
		{"truth", "v", []any{true, false}, "1 0"},
		{"lists", "v", []any{[]string{"b"}, []string{}, []string{"a", "z"}}, "2 0 1"},
		{"stable", "v", []any{1, 0, 1, 0, 1}, "1 3 0 2 4"},
		{"stable, down", "-v", []any{1, 0, 1, 0, 1}, "0 2 4 1 3"},
		{"by two", "v,-n", []any{1, 0, 1, 0, 1}, "3 1 4 2 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := sorted(t, tt.order, tt.values...); got != tt.want {
				t.Errorf("sorted by %s: %s, want %s", tt.order, got, tt.want)
			}
		})
	}
}

// Cells are used again for the next row.
func TestSortCells(t *testing.T) {
	for _, format := range []report.Format{report.JSONL, report.CSV} {
		var b bytes.Buffer
		w, err := report.New(&b, report.Options{Format: format, NoHeaders: true, Sort: []report.Order{{Column: "n"}}, Columns: []report.Column{{Name: "n"}}})
		if err != nil {
			t.Fatal(err)
		}
		var c report.Cell
		for _, n := range []string{"30", "4", "100"} {
			c.SetInteger(n)
			if err := w.Row(&c); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		want := map[report.Format]string{report.JSONL: "{\"n\":4}\n{\"n\":30}\n{\"n\":100}\n", report.CSV: "4\n30\n100\n"}[format]
		if b.String() != want {
			t.Errorf("%s: %q", format, b.String())
		}
	}
}

func TestSortRecords(t *testing.T) {
	write := func(o report.Options) (string, error) {
		var b bytes.Buffer
		r, err := report.NewRecords(&b, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, record := range []report.Object{
			{Names: []string{"ID", "Size"}, Values: []any{"a", 300}},
			{Names: []string{"Other"}, Values: []any{"x"}},
			{Names: []string{"ID", "Size"}, Values: []any{"b", 20}},
		} {
			if err := r.Record(record.Names, record.Values); err != nil {
				t.Fatal(err)
			}
		}
		err = r.Close()
		return b.String(), err
	}
	got, err := write(report.Options{Format: report.JSONL, Sort: []report.Order{{Column: "size"}}})
	want := "{\"ID\":\"b\",\"Size\":20}\n{\"ID\":\"a\",\"Size\":300}\n{\"Other\":\"x\"}\n"
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v: %s", err, diff)
	}
	got, err = write(report.Options{Format: report.CSV, Select: []string{"ID"}, Sort: []report.Order{{Column: "Size"}}})
	if diff := cmp.Diff("ID\nb\na\n\"\"\n", got); diff != "" || err != nil {
		t.Errorf("by a column that is not written: %v: %s", err, diff)
	}
	got, err = write(report.Options{Format: report.CSV, Sort: []report.Order{{Column: "sise"}}})
	var unknown *report.ColumnError
	if !errors.As(err, &unknown) || err.Error() != `sort by column "sise": no row has it; they have: ID, Size, Other` || !strings.HasSuffix(got, "b,20,\n") {
		t.Errorf("an unknown column: %v: %q", err, got)
	}
}

func TestSortRefuses(t *testing.T) {
	_, err := report.New(&bytes.Buffer{}, report.Options{Columns: columns(), Sort: []report.Order{{Column: "size"}}})
	var unknown *report.ColumnError
	if !errors.As(err, &unknown) || !strings.HasPrefix(err.Error(), `sort by column "size": unknown; valid: site, packageID, name, `) {
		t.Errorf("unknown: %v", err)
	}
	for _, word := range []string{"", "-", "+"} {
		if _, err := report.ParseOrder([]string{word}); err == nil {
			t.Errorf("%q is taken", word)
		}
	}
	// A value that cannot be compared costs the order and no rows.
	var b bytes.Buffer
	w, err := report.New(&b, report.Options{Format: report.CSV, Columns: []report.Column{{Name: "n"}, {Name: "v"}}, Select: []string{"n"}, NoHeaders: true,
		Sort: []report.Order{{Column: "v"}}})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range []any{2, make(chan int), 1} {
		if err := w.Row(i, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), `sort by column "v"`) || b.String() != "0\n1\n2\n" {
		t.Errorf("%v: %q", err, b.String())
	}
}
