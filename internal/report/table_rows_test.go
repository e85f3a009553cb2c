package report

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/text"
)

// TestTableParts renders tables in parts of all sizes: they look as they do in
// one piece.
func TestTableParts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	words := []any{"", "a", "日本語のテキスト", "dp1.corp.example", "e\u0301te\u0301 et automne", strings.Repeat("long text ", 7), 7, -12345, nil, true, "\x1b[31mred", "a\tb\nc"}
	red := func(v any) text.Colors {
		if fmt.Sprint(v) == "7" {
			return text.Colors{text.FgRed, text.Bold}
		}
		return nil
	}
	for range 300 {
		o := Options{Width: []int{0, 0, 12, 30, 60, 120}[random.IntN(6)], Color: random.IntN(2) == 0, NoHeaders: random.IntN(3) == 0}
		if random.IntN(4) == 0 {
			o.Format = Wide
		}
		var columns []Column
		for i := range 1 + random.IntN(6) {
			columns = append(columns, Column{Name: fmt.Sprint("column", i), Right: random.IntN(3) == 0, Max: random.IntN(2) * 9, Key: i == 0, Minor: min(i, random.IntN(3)), Color: red})
		}
		rows := make([][]any, random.IntN(20))
		for i := range rows {
			for range columns {
				rows[i] = append(rows[i], words[random.IntN(1+random.IntN(len(words)))])
			}
		}
		render := func(most int) string {
			var b bytes.Buffer
			g := newTable(&output{w: &b}, o, columns)
			g.most = most
			for _, row := range rows {
				if err := g.row(nil, row); err != nil {
					t.Fatal(err)
				}
			}
			if err := g.close(nil); err != nil {
				t.Fatal(err)
			}
			if err := g.out.flush(); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
		want := render(1 << 30)
		for _, most := range []int{1, 2, 3, 7, 10} {
			if got := render(most); got != want {
				t.Fatalf("%+v: in parts of %d\n%q\nnot\n%q", o, most, got, want)
			}
		}
	}
}

// TestTableRows reads back what was kept, over many blocks.
func TestTableRows(t *testing.T) {
	var r tableRows
	row := func(i int) []tableCell {
		cells := []tableCell{{text: fmt.Sprint(i)}, {}, {text: fmt.Sprintf("%0*d", i%300, i/2)}}
		if i%3 > 0 {
			cells[1].colors = text.Colors{text.Color(i % 3)}
		}
		return cells
	}
	const rows = maxLong + 3000
	for i := range rows {
		r.add(row(i))
	}
	if len(r.full) < 5 || len(r.colors) != 2 || len(r.long) != maxLong {
		t.Errorf("%d blocks, %d colours, %d long texts", len(r.full), len(r.colors), len(r.long))
	}
	n := 0
	for cells := range r.all(3) {
		if got, want := fmt.Sprint(cells), fmt.Sprint(row(n)); got != want {
			t.Fatalf("row %d: %s, not %s", n, got, want)
		}
		n++
	}
	if n != rows {
		t.Errorf("%d rows of %d", n, rows)
	}
}
