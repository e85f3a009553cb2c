package report

import (
	"bytes"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestCells writes the same rows with values and with cells that are used again.
func TestCells(t *testing.T) {
	rows := [][]any{
		{"text", int64(5), true}, {"text", int64(-7), false}, {`["Display=\\a\"]`, int64(0), true},
		{"", int64(999999999999999999), false}, {"\x1b\xff\u2028é", int64(1), true},
	}
	var dates []time.Time
	for i := range rows {
		dates = append(dates, time.Date(2024, 2, 29, 23, 59, 58, 999_999_999, time.FixedZone("", 3600)).AddDate(0, 0, i/2))
		rows[i] = append(rows[i], rows[i][0], dates[i].UTC().Format(time.RFC3339))
	}
	names := []string{"a", "b", "c", "d", "e"}
	for _, format := range Formats() {
		var want, got bytes.Buffer
		for _, w := range []struct {
			out   *bytes.Buffer
			cells bool
		}{{&want, false}, {&got, true}} {
			r, err := NewRecords(w.out, Options{Format: format, Kind: "k"})
			if err != nil {
				t.Fatal(err)
			}
			cells := make([]Cell, 5)
			var date Word
			for i, row := range rows {
				values := row
				if w.cells {
					cells[0].SetText(row[0].(string))
					if !cells[1].SetInteger(strconv.FormatInt(row[1].(int64), 10)) {
						t.Errorf("%v is no integer", row[1])
					}
					cells[2].SetBool(row[2].(bool))
					word := NewWord(row[3].(string))
					cells[3].SetWord(&word)
					date.SetTime(dates[i])
					cells[4].SetWord(&date)
					if i%2 == 1 { // a cell may be another kind each time
						cells[0].SetWord(&word)
						cells[3].SetText(row[3].(string))
					}
					values = []any{&cells[0], &cells[1], &cells[2], &cells[3], &cells[4]}
				}
				if err := r.Record(names, values); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Errorf("%s: (-values +cells)\n%s", format, diff)
		}
	}
}

// TestIntegers says what a cell takes for an integer as it is.
func TestIntegers(t *testing.T) {
	for s, want := range map[string]bool{
		"0": true, "7": true, "-7": true, "123456789012345678": true,
		"": false, "-": false, "-0": false, "00": false, "07": false, "+7": false, " 7": false, "7 ": false, "7.0": false,
		"1e3": false, "0x1": false, "1_000": false, "１": false, "1234567890123456789": false, "NaN": false, "--1": false,
	} {
		c := Cell{text: "before"}
		if got := c.SetInteger(s); got != want || !got && c.text != "before" {
			t.Errorf("SetInteger(%q) = %v, and the cell holds %q", s, got, c.text)
		}
	}
}
