package report

import (
	"fmt"
	"io"
)

// bufferSize is the fill, in bytes, at which an output is written.
const bufferSize = 32 << 10

// output gathers whole rows and hands them to w in large writes. A Write never
// ends within a row, so that a reader of jsonl sees no half line for long.
type output struct {
	w    io.Writer
	buf  []byte // rows that are not yet written; bodies append to it
	each bool   // write after every row
	err  error  // the first failure of w; everything later returns it
}

// commit ends a row that was appended to buf.
func (o *output) commit() error {
	if o.each || len(o.buf) >= bufferSize {
		return o.flush()
	}
	return o.err
}

// flush writes what is gathered.
func (o *output) flush() error {
	if o.err == nil && len(o.buf) > 0 {
		n, err := o.w.Write(o.buf)
		if err == nil && n < len(o.buf) {
			err = io.ErrShortWrite
		}
		if err != nil {
			o.err = fmt.Errorf("write output: %w", err)
		}
	}
	o.buf = o.buf[:0]
	return o.err
}
