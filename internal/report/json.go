package report

import (
	"fmt"
	"strconv"
)

// jsonLines writes one JSON object a line.
type jsonLines struct {
	out   *output
	same  bool     // all rows have the same names
	names []string // of the row before
	keys  []string // the same as JSON, with what stands around them
}

// newJSONLines is for rows of the given columns or, with none, of any names.
func newJSONLines(out *output, columns []Column) *jsonLines {
	j := &jsonLines{out: out, same: len(columns) > 0}
	for i, c := range columns {
		j.key(i, c.Name)
	}
	return j
}

func (j *jsonLines) row(names []string, values []any) (err error) {
	b := j.out.buf
	for i, v := range values {
		if !j.same {
			j.key(i, names[i])
		}
		b = append(b, j.keys[i]...)
		if c, ok := v.(*Cell); ok {
			b = c.append(b)
		} else if b, err = appendValue(b, v, 1); err != nil {
			return fmt.Errorf("value of %s: %w", names[i], err)
		}
	}
	if len(names) == 0 {
		b = append(b, '{')
	}
	j.out.buf = append(b, "}\n"...)
	return j.out.commit()
}

// key makes the beginning of a row's member, where the row before had another:
// rows have the same names as a rule.
func (j *jsonLines) key(i int, name string) {
	if i < len(j.names) && j.names[i] == name {
		return
	}
	begin := ","
	if i == 0 {
		begin = "{"
	}
	key := string(append(appendString([]byte(begin), name), ':'))
	j.names, j.keys = append(j.names[:i], name), append(j.keys[:i], key)
}

func (j *jsonLines) close([]field) error { return nil }

// jsonDocument writes one JSON object with the rows as its items, one a line.
type jsonDocument struct {
	out   *output
	items int
}

func newJSONDocument(out *output, kind string) *jsonDocument {
	out.buf = append(appendHead(out.buf, kind), `,"items":[`...)
	return &jsonDocument{out: out}
}

// appendHead appends what a document begins with, before its items.
func appendHead(b []byte, kind string) []byte {
	b = append(b, `{"schemaVersion":`...)
	b = strconv.AppendInt(b, SchemaVersion, 10)
	return appendString(append(b, `,"kind":`...), kind)
}

func (j *jsonDocument) row(names []string, values []any) error {
	b := j.out.buf
	if j.items > 0 {
		b = append(b, ',')
	}
	b, err := appendObject(append(b, '\n'), names, values, 0)
	if err != nil {
		return err
	}
	j.out.buf = b
	j.items++
	return j.out.commit()
}

func (j *jsonDocument) close(fields []field) error {
	b := j.out.buf
	if j.items > 0 {
		b = append(b, '\n')
	}
	b = append(b, ']')
	for _, f := range fields {
		b = appendString(append(b, ",\n"...), f.name)
		b = append(append(b, ':'), f.json...)
	}
	j.out.buf = append(b, "}\n"...)
	return j.out.commit()
}
