package cim

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"dpremote/internal/xmlscan"
)

// texts makes strings of the raw values of rows. Most values of most columns
// repeat (site codes, NAL paths, package IDs), so what a raw value stands for is
// remembered for a while, column by column, and a repeated value costs a lookup
// and no memory. No string shares memory with the page that its value was in.
//
// It belongs to one enumeration and is bounded: a column whose values do not
// repeat stops remembering them, and all columns together remember at most
// maxRemembered bytes.
type texts struct {
	bytes   int             // remembered by all columns
	chunk   strings.Builder // where strings are cut from
	words   []word          // where words are put, some at once
	scratch []byte

	timeRaw []byte // the datetime before
	time    Datetime
}

const (
	maxRemembered = 8 << 20
	maxOfColumn   = 16 << 10 // values; a primary site has at most 5,000 distribution points
	maxWord       = 1 << 10  // bytes of a value that is worth remembering
	chunkSize     = 2 << 10
	wordsAtOnce   = 32
	costOfWord    = 112 // bytes a remembered value takes beside its own
)

// column is the memory of one property's values. Its zero value is ready.
type column struct {
	last         *word // the value before
	known        map[string]*word
	bytes        int
	hits, misses int
	forgetful    bool // its values do not repeat
}

// word is a raw value and what it stands for.
type word struct {
	raw, text string
	next      *word // the value that came after it the last time
}

// of is the string that a raw value stands for, false where the scanner would
// not read it. Rows come in some order, so the value is likely to be the one
// before again, or the one that followed that the last time.
func (t *texts) of(c *column, raw []byte) (string, bool) {
	last := c.last
	if last != nil {
		if string(raw) == last.raw {
			return last.text, true
		}
		if w := last.next; w != nil && string(raw) == w.raw {
			c.hits++
			c.last = w
			return w.text, true
		}
	}
	if c.forgetful || len(raw) > maxWord {
		return t.make(raw)
	}
	w, ok := c.known[string(raw)]
	if ok {
		c.hits++
	} else {
		if w = t.learn(c, raw); w == nil {
			return t.make(raw)
		}
	}
	if c.last = w; last != nil {
		last.next = w
	}
	return w.text, true
}

// learn remembers a value that a column had not, or not any more. It gives nil
// for one that is not to be remembered, or cannot be read.
func (t *texts) learn(c *column, raw []byte) *word {
	c.misses++
	if len(c.known) >= maxOfColumn || t.bytes >= maxRemembered {
		t.bytes -= c.bytes
		if *c = (column{forgetful: c.hits < c.misses}); c.forgetful {
			return nil
		}
	}
	decoded, ok := t.decode(raw)
	if !ok {
		return nil
	}
	if len(t.words) == cap(t.words) {
		t.words = make([]word, 0, wordsAtOnce)
	}
	t.words = append(t.words, word{raw: t.cut(raw)})
	w := &t.words[len(t.words)-1]
	if w.text = w.raw; string(decoded) != w.raw {
		w.text = t.cut(decoded)
	}
	if c.known == nil {
		c.known = map[string]*word{}
	}
	c.known[w.raw] = w
	cost := len(w.raw) + len(w.text) + costOfWord
	c.bytes += cost
	t.bytes += cost
	return w
}

// make is a string that is not remembered.
func (t *texts) make(raw []byte) (string, bool) {
	decoded, ok := t.decode(raw)
	if !ok {
		return "", false
	}
	return t.cut(decoded), true
}

// cut is a string of its own. Small ones are cut from a larger piece of memory,
// which lives as long as any of them.
func (t *texts) cut(b []byte) string {
	if len(b) > chunkSize/4 {
		return string(b)
	}
	from := t.chunk.Len()
	if from+len(b) > t.chunk.Cap() {
		t.chunk.Reset()
		t.chunk.Grow(chunkSize)
		from = 0
	}
	t.chunk.Write(b)
	return t.chunk.String()[from:]
}

// decode is the text of a raw value, valid until the next call.
func (t *texts) decode(raw []byte) ([]byte, bool) {
	if standsForItself(raw) {
		return raw, true
	}
	var ok bool
	t.scratch, ok = xmlscan.Unescape(t.scratch[:0], raw)
	return t.scratch, ok
}

// standsForItself tells text that stands for itself: ASCII without entities and
// carriage returns. It looks at eight bytes at once.
func standsForItself(raw []byte) bool {
	const (
		each   = 0x0101010101010101
		others = utf8.RuneSelf * each
	)
	for ; len(raw) >= 8; raw = raw[8:] {
		b := binary.LittleEndian.Uint64(raw)
		if (b|zeros(b^'&'*each)|zeros(b^'\r'*each))&others != 0 {
			return false
		}
	}
	for _, b := range raw {
		if b >= utf8.RuneSelf || b == '&' || b == '\r' {
			return false
		}
	}
	return true
}

// zeros has the highest bit of a byte set, at least of one, where eight bytes
// have a zero among them, and no highest bit set where they have none.
func zeros(b uint64) uint64 {
	const each = 0x0101010101010101
	return (b - each) &^ b & (0x80 * each)
}
