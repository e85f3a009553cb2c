package report

import (
	"encoding/binary"
	"iter"
	"slices"

	"github.com/jedib0t/go-pretty/v6/text"
)

// tableRows keeps the rows of a table, which can be laid out only when the last
// one is known. There may be hundreds of thousands, so a row is bytes and not
// values: for each cell the number of its colours, the length of its text, and
// the text or, for a long one, its number among those that there were. Its zero
// value is empty.
type tableRows struct {
	full   []string // whole rows each
	last   []byte   // the same, not yet full
	colors []text.Colors
	long   []string // texts, by number
	number map[string]int
}

// A text is long from so many bytes on, as paths are, and so many are numbered at
// most: more than a site has distribution points.
const (
	longText = 32
	maxLong  = 1 << 14
)

// tableBlock is the size from which on a block is full.
const tableBlock = 64 << 10

// add keeps a row. All rows have as many cells.
func (r *tableRows) add(cells []tableCell) {
	for _, c := range cells {
		color := uint64(r.colorNumber(c.colors))
		if n := r.longNumber(c.text); n >= 0 {
			r.last = binary.AppendUvarint(r.last, color<<1|1)
			r.last = binary.AppendUvarint(r.last, uint64(n))
			continue
		}
		r.last = binary.AppendUvarint(r.last, color<<1)
		r.last = binary.AppendUvarint(r.last, uint64(len(c.text)))
		r.last = append(r.last, c.text...)
	}
	if len(r.last) >= tableBlock {
		r.full = append(r.full, string(r.last))
		r.last = r.last[:0]
	}
}

// longNumber is that of a long text, or -1.
func (r *tableRows) longNumber(s string) int {
	if len(s) < longText {
		return -1
	}
	n, ok := r.number[s]
	switch {
	case ok:
		return n
	case len(r.long) == maxLong:
		return -1
	case r.number == nil:
		r.number = map[string]int{}
	}
	n = len(r.long)
	r.number[s] = n
	r.long = append(r.long, s)
	return n
}

// colorNumber is that of colours, of which there are a few, from 1; 0 is none.
func (r *tableRows) colorNumber(c text.Colors) int {
	if len(c) == 0 {
		return 0
	}
	at := slices.IndexFunc(r.colors, func(known text.Colors) bool { return slices.Equal(known, c) })
	if at < 0 {
		at = len(r.colors)
		r.colors = append(r.colors, slices.Clone(c))
	}
	return 1 + at
}

// all yields the rows of n cells each. A row is valid until the next one.
func (r *tableRows) all(n int) iter.Seq[[]tableCell] {
	return func(yield func([]tableCell) bool) {
		cells := make([]tableCell, n)
		for _, block := range append(slices.Clip(r.full), string(r.last)) {
			for len(block) > 0 {
				for i := range cells {
					cells[i] = r.cut(&block)
				}
				if !yield(cells) {
					return
				}
			}
		}
	}
}

// cut takes a cell from the beginning of a block.
func (r *tableRows) cut(block *string) tableCell {
	var c tableCell
	head, n := uvarint(block), uvarint(block)
	if color := head >> 1; color > 0 {
		c.colors = r.colors[color-1]
	}
	if head&1 > 0 {
		c.text = r.long[n]
		return c
	}
	c.text, *block = (*block)[:n], (*block)[n:]
	return c
}

// uvarint takes a number from the beginning of a block.
func uvarint(block *string) (n int) {
	for i := 0; ; i++ {
		b := (*block)[i]
		n |= int(b&0x7f) << (7 * i)
		if b < 0x80 {
			*block = (*block)[i+1:]
			return n
		}
	}
}
