// Package rowscan reads the rows of an enumeration by predicting each of them
// from the rows before it.
//
// A server writes all rows of one class by one template: the same elements in
// the same order, with the same prefixes and the same declarations, down to the
// byte. Only the values differ. So a row is
//
//	gap value gap value ... gap
//
// where a value is character data and a gap is all between two values: the end
// tag of one property, the start tag of the next, and properties between them
// that are NULL, whose markup holds no character data:
//
//	<p:SMS_X xmlns:p="..."><p:A>   1   </p:A><p:B xsi:nil="true"/><p:C>   x   </p:C></p:SMS_X>
//	--------- gap ---------------      ------------ gap ----------------      ------ gap -----
//
// A value ends at the next "<". What follows is compared, in one step, with the
// gaps that followed this value before, the last one first. When they are equal
// to the end of the row, the row's tokens are known without looking at a single
// tag again. When nothing is equal, the caller reads the row with the scanner,
// and Learn walks over it once more and remembers its gaps. Rows that are NULL
// here and there, or have arrays, make a property have more than one gap after
// it; rows that are not of this form at all (embedded instances, references,
// CDATA) are never learned.
//
// Why that gives what the scanner gives: a gap is markup that the scanner has
// read before, after the same open elements and with the same namespaces in
// scope (Begin forgets all when they are others), and a value holds no "<". So
// the row would be cut into tokens at the same places, and every name, prefix
// and attribute stands in bytes that were resolved before. What is left to the
// caller are the values, which it must resolve (xmlscan.Unescape) and may
// refuse.
package rowscan

import (
	"bytes"

	"dpremote/internal/xmlscan"
)

// Bounds of what is remembered; a class with every property NULL now and then
// comes nowhere near. A hostile server makes a Reader useless, not large.
const (
	maxGaps  = 1024
	maxBytes = 1 << 20 // of all gaps together
	maxNext  = 8       // gaps after one value
	maxTries = 64      // rows learned in vain, more than were predicted
)

// Gap is the markup before one value, or at the end of a row.
type Gap[P any] struct {
	Plan P // what the caller made of it
	text string
	open string    // the start tags of the elements that are open behind it
	last bool      // the row ends with it
	next []*Gap[P] // what was seen after its value, the latest first
}

// Value is one value of a row.
type Value[P any] struct {
	Gap *Gap[P] // before it
	Raw []byte  // as in the document; valid as long as that
}

// Reader predicts rows. Its zero value has seen none. P is what the caller
// wants to know about a gap when it comes again. A Reader is not safe for
// concurrent use.
type Reader[P any] struct {
	scope  []byte
	first  []*Gap[P]
	gaps   map[gapKey]*Gap[P]
	bytes  int
	tries  int
	values []Value[P]
	buf    []byte // scratch
}

// gapKey identifies a gap: the same markup inside of other elements, or of the
// same ones with other declarations, is another one.
type gapKey struct{ open, text string }

// Begin prepares for rows that come where the scanner stands, which is before a
// row or at the Start of the element that holds them. What was learned is kept
// if it means the same there.
func (r *Reader[P]) Begin(sc *xmlscan.Scanner) {
	r.buf = sc.AppendScope(r.buf[:0])
	if !bytes.Equal(r.buf, r.scope) {
		*r = Reader[P]{scope: bytes.Clone(r.buf), buf: r.buf, values: r.values[:0]}
	}
}

// Next predicts the row that doc begins with. It returns the row's values,
// which are valid until the next call, the gap at its end, and its length. A
// nil gap means that the row cannot be predicted.
func (r *Reader[P]) Next(doc []byte) (values []Value[P], end *Gap[P], length int) {
	values, next := r.values[:0], r.first
	for at := 0; ; {
		g := follow(next, doc[at:])
		if g == nil {
			return nil, nil, 0
		}
		at += len(g.text)
		if g.last {
			r.values = values
			if r.tries > 0 {
				r.tries--
			}
			return values, g, at
		}
		size := bytes.IndexByte(doc[at:], '<')
		if size < 0 {
			return nil, nil, 0
		}
		values = append(values, Value[P]{g, doc[at : at+size]})
		at += size
		next = g.next
	}
}

// follow is the gap that doc begins with, nil for none of them. It moves to the
// front, because the next row is likely to have it too.
func follow[P any](gaps []*Gap[P], doc []byte) *Gap[P] {
	for i, g := range gaps {
		if len(doc) < len(g.text) || string(doc[:len(g.text)]) != g.text {
			continue
		}
		if i > 0 {
			copy(gaps[1:i+1], gaps[:i])
			gaps[0] = g
		}
		return g
	}
	return nil
}
