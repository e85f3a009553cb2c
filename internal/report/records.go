package report

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Records writes rows that bring their own names, as the answer to a query
// does. Objects of json, jsonl and yaml have exactly the names of their record.
// Tables and csv have the names of all records, in the order in which they were
// first seen, and are written by Close. With Options.Select every format has
// those names alone, absent ones as nil. It is not safe for concurrent use.
type Records struct {
	document
	chosen  []string // Options.Select
	known   []bool   // which of chosen a record had
	values  []any    // scratch: the values of chosen
	written bool     // whether there was a record

	sorter sorter // unused without an order
	found  []bool // which of the columns to sort by a record had
	by     []any  // scratch: their values
}

// NewRecords returns Records to w. It refuses an unknown format and a repeated
// name in o.Select, and ignores o.Columns.
func NewRecords(w io.Writer, o Options) (*Records, error) {
	if err := o.checkSelect(); err != nil {
		return nil, err
	}
	out := o.newOutput(w)
	var b body
	switch o.Format {
	case Table, Wide, CSV, "":
		b = &gathered{out: out, options: o, index: map[string]int{}}
	default:
		var err error
		if b, err = newBody(out, o, nil); err != nil {
			return nil, err
		}
	}
	return &Records{
		document: newDocument(out, b, o),
		chosen:   o.Select,
		known:    make([]bool, len(o.Select)),
		values:   make([]any, len(o.Select)),
		sorter:   sorter{orders: o.Sort},
		found:    make([]bool, len(o.Sort)),
		by:       make([]any, len(o.Sort)),
	}, nil
}

// Record writes one row. Its names are distinct and are compared literally. The
// slices may be reused afterwards, the values they hold may not be changed
// before Close, unless they are Cells. Errors are those of Writer.Row; of a value that cannot be
// written in a table or csv, Close returns it.
func (r *Records) Record(names []string, values []any) error {
	if err := r.begin(len(values), len(names)); err != nil {
		return err
	}
	r.written = true
	if len(r.by) > 0 {
		r.findKeys(names, values)
		r.sorter.keep(names, values, r.by)
		return nil
	}
	return r.print(names, values)
}

func (r *Records) print(names []string, values []any) error {
	if len(r.chosen) > 0 {
		names, values = r.choose(names, values)
	}
	return r.write(names, values)
}

// findKeys puts the values that the record is sorted by into r.by.
func (r *Records) findKeys(names []string, values []any) {
	for i, o := range r.sorter.orders {
		r.by[i] = nil
		if at := slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, o.Column) }); at >= 0 {
			r.by[i], r.found[i] = values[at], true
		}
	}
}

// choose returns the record with the chosen names.
func (r *Records) choose(names []string, values []any) ([]string, []any) {
	for i, name := range r.chosen {
		r.values[i] = nil
		if at := slices.Index(names, name); at >= 0 {
			r.values[i], r.known[i] = values[at], true
		}
	}
	return r.chosen, r.values
}

// Close is like Writer.Close. It also reports a name in Options.Select or
// Options.Sort that no record had; the output is complete all the same.
func (r *Records) Close() error {
	if r.closed {
		return nil
	}
	err := r.sorter.missing(r.found)
	err = errors.Join(err, r.sorter.write(r.print), r.document.Close())
	for i, ok := range r.known {
		if r.written && !ok {
			err = errors.Join(err, &ColumnError{fmt.Sprintf("select column %q: no row has it; check its name and case", r.chosen[i])})
		}
	}
	return err
}

// maxColumns bounds the width of a table whose names come from the network:
// rows that each bring new names would make it grow by their square. The widest
// classes have a few hundred properties.
const maxColumns = 1024

// gathered keeps rows until the names of all of them are known.
type gathered struct {
	out     *output
	options Options
	columns []Column
	index   map[string]int // from a column's name to its place
	rows    []gatheredRow
}

// gatheredRow has a value for some of the columns.
type gatheredRow struct {
	places []int // of the values among the columns; shared by rows that are alike
	values []any
}

func (g *gathered) row(names []string, values []any) error {
	places := make([]int, len(names))
	for i, name := range names {
		at, ok := g.index[name]
		if !ok {
			if len(g.columns) == maxColumns {
				return fmt.Errorf("name %q: there are %d others already", name, maxColumns)
			}
			at = len(g.columns)
			g.index[name] = at
			g.columns = append(g.columns, Column{Name: name})
		}
		places[i] = at
	}
	if n := len(g.rows); n > 0 && slices.Equal(places, g.rows[n-1].places) {
		places = g.rows[n-1].places
	}
	values = slices.Clone(values)
	for i, v := range values {
		if c, ok := v.(*Cell); ok {
			values[i] = c.value()
		}
	}
	g.rows = append(g.rows, gatheredRow{places: places, values: values})
	return nil
}

func (g *gathered) close(fields []field) error {
	g.alignNumbers()
	b, err := newBody(g.out, g.options, g.columns)
	if err != nil {
		return err
	}
	var failed error // of the first row that was left out
	whole := make([]any, len(g.columns))
	for i, row := range g.rows {
		clear(whole)
		for j, at := range row.places {
			whole[at] = row.values[j]
		}
		if err := b.row(nil, whole); err != nil && failed == nil {
			failed = fmt.Errorf("write row %d: %w", i+1, err)
		}
		g.rows[i] = gatheredRow{} // the body may keep its own form of it
	}
	return errors.Join(failed, b.close(fields))
}

// alignNumbers aligns the columns to the right that have numbers and nothing
// else but nil.
func (g *gathered) alignNumbers() {
	other := make([]bool, len(g.columns))
	for _, row := range g.rows {
		for j, at := range row.places {
			switch v := row.values[j]; {
			case v == nil:
			case isNumber(v):
				g.columns[at].Right = true
			default:
				other[at] = true
			}
		}
	}
	for i := range g.columns {
		g.columns[i].Right = g.columns[i].Right && !other[i]
	}
}
