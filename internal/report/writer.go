package report

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// document is what Writer and Records share: everything but the rows.
type document struct {
	out    *output
	body   body
	whole  bool // the format has a place for errors and fields
	errors []SiteError
	fields []field
	err    error // the first failure of Set
	closed bool
}

func newDocument(out *output, b body, o Options) document {
	return document{out: out, body: b, whole: o.Format == JSON || o.Format == YAML}
}

// Error adds e to the errors of a json or yaml document. The other formats have
// no place for errors: report them elsewhere too.
func (d *document) Error(e SiteError) {
	if d.whole {
		d.errors = append(d.errors, e)
	}
}

// Set adds a member to a json or yaml document beside its items, such as a
// summary, or replaces the one that was set before. The value is taken at once.
// Close returns the error of a value that cannot be written, or of a key that
// the document uses itself.
func (d *document) Set(key string, value any) {
	if !d.whole {
		return
	}
	if err := d.set(key, value); err != nil && d.err == nil {
		d.err = fmt.Errorf("set %q of the document: %w", key, err)
	}
}

func (d *document) set(key string, value any) error {
	switch key {
	case "", "schemaVersion", "kind", "items", "errors":
		return errors.New("name is reserved")
	}
	raw, err := appendValue(nil, value, 0)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(d.fields, func(f field) bool { return f.name == key }); i >= 0 {
		d.fields[i].json = raw
		return nil
	}
	d.fields = append(d.fields, field{name: key, json: raw})
	return nil
}

// Flush writes what is buffered of jsonl, csv, json and yaml, in whole rows.
// Call it where a pause may follow, as after each page of an enumeration.
func (d *document) Flush() error {
	return d.out.flush()
}

// Close completes the output and writes what is buffered; it does not close the
// stream below. A second Close does nothing and returns nil.
func (d *document) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	failed, err := d.errorsField()
	if err == nil {
		err = d.body.close(append([]field{failed}, d.fields...))
	}
	return errors.Join(d.err, cmp.Or(err, d.out.flush()))
}

// errorsField returns the member "errors", sorted so that two runs over the
// same failures give the same document.
func (d *document) errorsField() (field, error) {
	slices.SortStableFunc(d.errors, func(a, b SiteError) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.Operation, b.Operation), cmp.Compare(a.Error, b.Error))
	})
	list := make([]any, len(d.errors))
	for i, e := range d.errors {
		list[i] = e.object()
	}
	raw, err := appendValue(nil, list, 0)
	return field{name: "errors", json: raw}, err
}

// begin checks that a row of n values for want columns may be written.
func (d *document) begin(n, want int) error {
	switch {
	case d.closed:
		return errors.New("write row: output is closed")
	case n != want:
		return fmt.Errorf("write row: %d values for %d columns", n, want)
	}
	return d.out.err
}

// write writes a row that begin has passed.
func (d *document) write(names []string, values []any) error {
	err := d.body.row(names, values)
	if err != nil && d.out.err == nil {
		return fmt.Errorf("write row: %w", err)
	}
	return err
}

// Writer writes rows whose columns are known beforehand. It is not safe for
// concurrent use.
type Writer struct {
	document
	columns int      // the number of values a row has
	picks   []int    // which of them are written
	names   []string // the names of those
	values  []any    // scratch: the values of those
	// takesCells says that the format writes cells as they are: what may have
	// many rows does.
	takesCells bool

	sorter sorter // unused without an order
	places []int  // of the columns to sort by
	by     []any  // scratch: their values
}

// New returns a Writer to w. It refuses an unknown format, an unknown or
// repeated name in o.Select, and columns of the same name. Nothing is written
// before the first row is complete; call Close in any case.
func New(w io.Writer, o Options) (*Writer, error) {
	picks, err := o.pick()
	if err != nil {
		return nil, err
	}
	places, err := o.sortPlaces()
	if err != nil {
		return nil, err
	}
	columns := make([]Column, len(picks))
	names := make([]string, len(picks))
	for i, p := range picks {
		columns[i], names[i] = o.Columns[p], o.Columns[p].Name
	}
	out := o.newOutput(w)
	b, err := newBody(out, o, columns)
	if err != nil {
		return nil, err
	}
	return &Writer{
		document:   newDocument(out, b, o),
		columns:    len(o.Columns),
		picks:      picks,
		names:      names,
		values:     make([]any, len(picks)),
		takesCells: o.Format == JSON || o.Format == JSONL,
		sorter:     sorter{orders: o.Sort},
		places:     places,
		by:         make([]any, len(places)),
	}, nil
}

// Row writes one row: a value for each of Options.Columns, in their order. The
// values may be Cells. A row with a value that cannot be written is left out as
// a whole; rows after it may still be written. An error of the stream is final.
// With Options.Sort, Close writes the rows and gives these errors; values that
// are no Cells may not be changed before.
func (w *Writer) Row(values ...any) error {
	if err := w.begin(len(values), w.columns); err != nil {
		return err
	}
	for i, p := range w.picks {
		w.values[i] = values[p]
		if w.takesCells || len(w.places) > 0 { // the sorter keeps cells in its own way
			continue
		}
		if c, ok := values[p].(*Cell); ok {
			w.values[i] = c.value()
		}
	}
	if len(w.places) > 0 {
		for i, p := range w.places {
			w.by[i] = values[p]
		}
		w.sorter.keep(w.names, w.values, w.by)
		return nil
	}
	return w.write(w.names, w.values)
}

// Close completes the output and writes what is buffered; it does not close the
// stream below. A second Close does nothing and returns nil.
func (w *Writer) Close() error {
	if w.closed {
		return nil
	}
	return errors.Join(w.sorter.write(w.write), w.document.Close())
}
