package report

import (
	"fmt"
	"strings"
)

// csvFile writes records as RFC 4180 has them, lines ended by CR LF. Unlike
// encoding/csv it leaves the line ends inside of values as they are.
type csvFile struct {
	out     *output
	columns []Column
	text    []byte // scratch: one value
}

func newCSV(out *output, o Options, columns []Column) *csvFile {
	c := &csvFile{out: out, columns: columns}
	if o.NoHeaders || len(columns) == 0 {
		return c
	}
	for i, column := range columns {
		out.buf = c.appendField(out.buf, i, len(columns), column.Name)
	}
	out.buf = append(out.buf, "\r\n"...)
	return c
}

func (c *csvFile) row(_ []string, values []any) error {
	b := c.out.buf
	for i, v := range values {
		var err error
		if c.text, err = appendText(c.text[:0], v, 0); err != nil {
			return fmt.Errorf("value of %s: %w", c.columns[i].Name, err)
		}
		b = c.appendField(b, i, len(values), string(c.text))
	}
	c.out.buf = append(b, "\r\n"...)
	return c.out.commit()
}

func (c *csvFile) close([]field) error { return nil }

// appendField appends field i of n.
func (c *csvFile) appendField(b []byte, i, n int, s string) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	// Readers skip an empty line, so a lone empty field is quoted.
	if !strings.ContainsAny(s, ",\"\r\n") && !(s == "" && n == 1) {
		return append(b, s...)
	}
	b = append(b, '"')
	for j := range len(s) {
		if s[j] == '"' {
			b = append(b, '"')
		}
		b = append(b, s[j])
	}
	return append(b, '"')
}
