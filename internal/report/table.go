package report

import (
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

const (
	ellipsis = "…"
	gap      = "  " // between columns
	// minWidth is the narrowest to which a column is cut, in cells, unless its
	// heading is wider.
	minWidth = 8
)

// grid gathers rows and writes them as a table.
type grid struct {
	out     *output
	options Options
	columns []Column
	heading []string
	rows    [][]tableCell
}

// tableCell is the text of a value, not yet coloured: escape sequences would
// be in the way of measuring and cutting.
type tableCell struct {
	text   string
	colors text.Colors
}

func newTable(out *output, o Options, columns []Column) *grid {
	g := &grid{out: out, options: o, columns: columns}
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
	cells := make([]tableCell, len(values))
	for i, v := range values {
		column := g.columns[i]
		s, err := cell(v)
		if err != nil {
			return fmt.Errorf("value of %s: %w", column.Name, err)
		}
		if g.narrow() {
			s = text.Snip(s, column.Max, ellipsis)
		}
		cells[i].text = s
		if g.options.Color && column.Color != nil {
			cells[i].colors = column.Color(v)
		}
	}
	g.rows = append(g.rows, cells)
	return nil
}

func (g *grid) close([]field) error {
	if len(g.columns) == 0 {
		return nil
	}
	t := table.NewWriter()
	t.SetStyle(g.style())
	t.SuppressTrailingSpaces()
	widths := g.widths()
	t.SetColumnConfigs(g.configs())
	if !g.options.NoHeaders {
		t.AppendHeader(g.headingRow())
	}
	for i, cells := range g.rows {
		t.AppendRow(tableRow(cells, widths))
		g.rows[i] = nil // the table has its own form of it
	}
	if t.Length() == 0 && g.options.NoHeaders {
		return nil
	}
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

func (g *grid) configs() []table.ColumnConfig {
	var configs []table.ColumnConfig
	for i, c := range g.columns {
		if c.Right {
			configs = append(configs, table.ColumnConfig{Number: i + 1, Align: text.AlignRight, AlignHeader: text.AlignRight})
		}
	}
	return configs
}

func (g *grid) headingRow() table.Row {
	row := make(table.Row, len(g.heading))
	for i, s := range g.heading {
		row[i] = s
	}
	return row
}

// tableRow returns cells cut to the widths and coloured. Colours are applied
// here and not by the table, because that would look at the environment
// whether to, which is the caller's to decide.
func tableRow(cells []tableCell, widths []int) table.Row {
	row := make(table.Row, len(cells))
	for i, c := range cells {
		s := text.Snip(c.text, widths[i], ellipsis)
		if len(c.colors) > 0 && s != "" {
			s = text.Escape(s, c.colors.EscapeSeq())
		}
		row[i] = s
	}
	return row
}

// widths returns the widest text that each column may have, in cells; 0 means
// no limit. It takes from the widest columns until the line fits.
func (g *grid) widths() []int {
	widths := make([]int, len(g.columns))
	if g.options.Width <= 0 || !g.narrow() {
		return widths
	}
	least := make([]int, len(g.columns))
	for i, c := range g.columns {
		if !g.options.NoHeaders {
			widths[i] = text.StringWidthWithoutEscSequences(g.heading[i])
		}
		least[i] = max(minWidth, widths[i])
		for _, cells := range g.rows {
			widths[i] = max(widths[i], text.StringWidthWithoutEscSequences(cells[i].text))
		}
		if c.Right {
			least[i] = widths[i]
		}
	}
	fit(widths, least, g.options.Width-len(gap)*(len(widths)-1))
	return widths
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
