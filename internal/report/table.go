package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

const (
	ellipsis = "…"
	gap      = "  " // between columns
	// comfortWidth is the narrowest to which a column is cut, in cells, as long
	// as there is something to leave out, and minWidth the narrowest of all,
	// unless its heading is wider.
	comfortWidth = 16
	minWidth     = 8
)

// grid gathers rows and writes them as a table.
type grid struct {
	out     *output
	options Options
	columns []Column
	heading []string
	rows    tableRows
	cells   []tableCell // scratch: the row being added
	most    int         // rows that are rendered at once
}

// tableCell is the text of a value, not yet coloured: escape sequences would
// be in the way of measuring and cutting.
type tableCell struct {
	text   string
	colors text.Colors
}

func newTable(out *output, o Options, columns []Column) *grid {
	g := &grid{out: out, options: o, columns: columns, cells: make([]tableCell, len(columns)), most: partRows}
	for _, c := range columns {
		title := c.Title
		if title == "" {
			title = c.Name
		}
		g.heading = append(g.heading, printable(title))
	}
	return g
}

// narrow reports whether long texts are cut.
func (g *grid) narrow() bool { return g.options.Format != Wide }

func (g *grid) row(_ []string, values []any) error {
	clear(g.cells)
	for i, v := range values {
		column := g.columns[i]
		s, err := cell(v)
		if err != nil {
			return fmt.Errorf("value of %s: %w", column.Name, err)
		}
		if g.narrow() {
			s = cut(s, column.Max)
		}
		g.cells[i].text = s
		if g.options.Color && column.Color != nil {
			g.cells[i].colors = column.Color(v)
		}
	}
	g.rows.add(g.cells)
	return nil
}

func (g *grid) close([]field) error {
	if len(g.columns) == 0 {
		return nil
	}
	l := g.layout()
	configs := g.configs(l)
	t := g.part(configs)
	if !g.options.NoHeaders {
		t.AppendHeader(g.headingRow(l))
	}
	begun := false
	for cells := range g.rows.all(len(g.columns)) {
		if t.Length() == g.most {
			if err := g.render(t); err != nil {
				return err
			}
			t, begun = g.part(configs), true
		}
		t.AppendRow(tableRow(cells, l, len(configs)))
	}
	if t.Length() == 0 && (g.options.NoHeaders || begun) {
		return nil
	}
	return g.render(t)
}

// partRows is how many rows are rendered at once. The library takes some
// kilobytes for each; as all parts have the same widths, nobody sees where one
// ends.
const partRows = 512

// part is a table for some of the rows.
func (g *grid) part(configs []table.ColumnConfig) table.Writer {
	t := table.NewWriter()
	t.SetStyle(g.style())
	t.SuppressTrailingSpaces()
	t.SetColumnConfigs(configs)
	return t
}

func (g *grid) render(t table.Writer) error {
	g.out.buf = append(append(g.out.buf, t.Render()...), '\n')
	return g.out.commit()
}

// style has no borders: columns are told apart by space alone.
func (g *grid) style() table.Style {
	s := table.Style{
		Name:    "columns",
		Box:     table.BoxStyle{MiddleVertical: gap, UnfinishedRow: ellipsis},
		Options: table.Options{SeparateColumns: true},
	}
	if g.narrow() {
		s.Size.WidthMax = g.options.Width
	}
	return s
}

// configs gives each column that is shown the width that it has in the whole
// table.
func (g *grid) configs(l layout) []table.ColumnConfig {
	configs := make([]table.ColumnConfig, len(l.places))
	for i, p := range l.places {
		c := &configs[i]
		c.Number, c.WidthMin = i+1, g.headingWidth(p)
		if g.columns[p].Right {
			c.Align, c.AlignHeader = text.AlignRight, text.AlignRight
		}
	}
	for cells := range g.rows.all(len(g.columns)) {
		for i, p := range l.places {
			configs[i].WidthMin = max(configs[i].WidthMin, width(cut(cells[p].text, l.widths[i])))
		}
	}
	if g.leavesOut(l) {
		configs = append(configs, table.ColumnConfig{Number: len(l.places) + 1, WidthMin: width(ellipsis)})
	}
	return configs
}

// leavesOut tells whether the heading says that there are more columns.
func (g *grid) leavesOut(l layout) bool {
	return len(l.places) < len(g.columns) && !g.options.NoHeaders
}

func (g *grid) headingRow(l layout) table.Row {
	var row table.Row
	for _, p := range l.places {
		row = append(row, g.heading[p])
	}
	if g.leavesOut(l) {
		row = append(row, ellipsis)
	}
	return row
}

// tableRow returns cells cut to the widths and coloured. Colours are applied
// here and not by the table, because that would look at the environment
// whether to, which is the caller's to decide. The row has n cells, as the
// heading has, which may say that there are more columns.
func tableRow(cells []tableCell, l layout, n int) table.Row {
	row := make(table.Row, n)
	for i := len(l.places); i < n; i++ {
		row[i] = ""
	}
	for i, p := range l.places {
		c := cells[p]
		s := cut(c.text, l.widths[i])
		if len(c.colors) > 0 && s != "" {
			s = text.Escape(s, c.colors.EscapeSeq())
		}
		row[i] = s
	}
	return row
}

// cut cuts a text to a width, without a space before the ellipsis; 0 means no
// limit.
func cut(s string, width int) string {
	if len(s) <= width || width <= 0 {
		return s // no text takes more cells than bytes
	}
	short := text.Snip(s, width, ellipsis)
	if short == s {
		return s
	}
	return strings.TrimRight(strings.TrimSuffix(short, ellipsis), " ") + ellipsis
}

// layout is which columns are shown, and the widest text that each may have, in
// cells; 0 means no limit.
type layout struct {
	places, widths []int
}

// layout makes the line fit. It takes from the widest texts until they become
// uncomfortable, then leaves out what is minor, then takes more, and at last
// from the keys.
func (g *grid) layout() layout {
	var l layout
	for i := range g.columns {
		l.places = append(l.places, i)
	}
	l.widths = make([]int, len(l.places))
	if g.options.Width <= 0 || !g.narrow() {
		return l
	}
	natural := g.natural()
	for g.total(l, natural, comfortable) > g.options.Width {
		at := g.mostMinor(l)
		if at < 0 {
			break
		}
		l.places = slices.Delete(l.places, at, at+1)
	}
	l.widths = l.widths[:len(l.places)]
	for i, p := range l.places {
		l.widths[i] = natural[p]
	}
	for _, limit := range []limit{comfortable, cramped, desperate} {
		fit(l.widths, g.leasts(l, natural, limit), g.options.Width-g.gaps(l))
	}
	return l
}

// natural is how wide the columns are when nothing is cut.
func (g *grid) natural() []int {
	widths := make([]int, len(g.columns))
	for i := range widths {
		widths[i] = g.headingWidth(i)
	}
	for cells := range g.rows.all(len(g.columns)) {
		for i, c := range cells {
			widths[i] = max(widths[i], width(c.text))
		}
	}
	return widths
}

// width is how many cells a text takes: as many as it has bytes where all are
// printable ASCII.
func width(s string) int {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return text.StringWidthWithoutEscSequences(s)
		}
	}
	return len(s)
}

func (g *grid) headingWidth(i int) int {
	if g.options.NoHeaders {
		return 0
	}
	return text.StringWidthWithoutEscSequences(g.heading[i])
}

// limit is how much is taken from texts.
type limit int

const (
	comfortable limit = iota // what can be read well
	cramped                  // what can be told apart
	desperate                // the same, and keys are cut too
)

// leasts are the narrowest to which the columns may be cut.
func (g *grid) leasts(l layout, natural []int, limit limit) []int {
	leasts := make([]int, len(l.places))
	for i, p := range l.places {
		c := g.columns[p]
		switch least := max(minWidth, g.headingWidth(p)); {
		case c.Right, c.Key && limit < desperate:
			leasts[i] = natural[p]
		case limit == comfortable:
			leasts[i] = min(natural[p], max(comfortWidth, least))
		default:
			leasts[i] = min(natural[p], least)
		}
	}
	return leasts
}

// total is the width of a line whose texts are cut as far as they may be.
func (g *grid) total(l layout, natural []int, limit limit) int {
	sum := g.gaps(l)
	for _, least := range g.leasts(l, natural, limit) {
		sum += least
	}
	return sum
}

// gaps is what a line takes beside its texts: the gaps, and the sign that there
// are columns that it leaves out.
func (g *grid) gaps(l layout) int {
	width := len(gap) * (len(l.places) - 1)
	if g.leavesOut(l) {
		width += len(gap) + text.StringWidthWithoutEscSequences(ellipsis)
	}
	return width
}

// mostMinor is the place of the column to leave out next, -1 for none.
func (g *grid) mostMinor(l layout) int {
	if len(g.options.Select) > 0 {
		return -1
	}
	last, most := -1, 0
	for i, p := range slices.Backward(l.places) {
		if minor := g.columns[p].Minor; minor > most {
			last, most = i, minor
		}
	}
	return last
}

// fit lowers the largest of widths one by one until their sum is at most total,
// none below its least.
func fit(widths, least []int, total int) {
	sum := 0
	for i := range widths {
		// Nothing wider than the whole can stay, which bounds the steps below.
		widths[i] = min(widths[i], max(total, least[i]))
		sum += widths[i]
	}
	for ; sum > total; sum-- {
		widest := -1
		for i, w := range widths {
			if w > least[i] && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}
