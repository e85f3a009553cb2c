package report

import (
	"encoding/csv"
	"fmt"
)

// csvFile writes records as RFC 4180 has them, but with lines ended by a line
// feed, as awk, cut and their like want them.
type csvFile struct {
	out     *output
	columns []Column
	w       *csv.Writer
	cells   []string
	text    []byte // scratch: one value
}

// appender lets encoding/csv write into an output's buffer.
type appender struct{ out *output }

func (a appender) Write(p []byte) (int, error) {
	a.out.buf = append(a.out.buf, p...)
	return len(p), nil
}

func newCSV(out *output, o Options, columns []Column) *csvFile {
	c := &csvFile{out: out, columns: columns, w: csv.NewWriter(appender{out}), cells: make([]string, len(columns))}
	if o.NoHeaders || len(columns) == 0 {
		return c
	}
	for i, column := range columns {
		c.cells[i] = column.Name
	}
	c.record()
	return c
}

func (c *csvFile) row(_ []string, values []any) error {
	for i, v := range values {
		var err error
		if c.text, err = appendText(c.text[:0], v, 0); err != nil {
			return fmt.Errorf("value of %s: %w", c.columns[i].Name, err)
		}
		c.cells[i] = string(c.text)
	}
	c.record()
	return c.out.commit()
}

// record writes the cells. Readers skip an empty line, so a lone empty cell is
// quoted, which encoding/csv does not do.
func (c *csvFile) record() {
	if len(c.cells) == 1 && c.cells[0] == "" {
		c.out.buf = append(c.out.buf, "\"\"\n"...)
		return
	}
	_ = c.w.Write(c.cells) // into memory: it cannot fail
	c.w.Flush()
}

func (c *csvFile) close([]field) error { return nil }
