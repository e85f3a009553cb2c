package rowscan

import (
	"bytes"
	"slices"

	"dpremote/internal/xmlscan"
)

const namespaceXSI = "http://www.w3.org/2001/XMLSchema-instance"

// Content says what a property has inside.
type Content uint8

// The kinds of content.
const (
	Text  Content = iota // character data, maybe in a wrapper: a value
	Null                 // nothing that counts: xsi:nil
	Empty                // nothing: an element that closes itself
)

// Property is one property of a learned row.
type Property struct {
	Name    string
	Type    Name // of xsi:type, zero for none
	Wrapper Name // the one element around the text, zero for none
	Content Content
}

// Name is an expanded XML name.
type Name struct{ Space, Local string }

// Item is what a row's own element says.
type Item struct{ Name }

// Planner says what a gap means to the caller: the properties in it that have
// no value, and the one whose value follows, nil at the end of the row. It
// refuses what the caller does not want to be predicted.
type Planner[P any] func(item Item, without []Property, value *Property) (P, bool)

// Learn remembers the row that the scanner has just read, from its mark, taken
// before the row. The scanner is afterwards where it was: behind the row. A row
// of another form is not remembered. The error is that of a document that
// cannot be read, which the caller would have met before.
func (r *Reader[P]) Learn(sc *xmlscan.Scanner, mark xmlscan.Mark, plan Planner[P]) error {
	if r.tries >= maxTries || len(r.gaps) >= maxGaps || r.bytes >= maxBytes {
		return nil
	}
	r.tries++
	sc.Rewind(mark)
	l := &learner[P]{sc: sc, doc: sc.Document(), known: r.gaps, plan: plan, from: sc.Offset()}
	for t := xmlscan.Text; t != xmlscan.Start; {
		var err error
		if t, err = sc.Next(); t == xmlscan.EOF || t == xmlscan.End || err != nil {
			return err // there was no row
		}
	}
	depth := sc.Depth()
	whole, err := l.row()
	if err != nil {
		return err
	}
	if err := sc.SkipTo(depth); err != nil {
		return err
	}
	if whole {
		r.keep(l.seen)
	}
	return nil
}

// keep adds a row's gaps to what is known.
func (r *Reader[P]) keep(row []*Gap[P]) {
	if r.gaps == nil {
		r.gaps = map[gapKey]*Gap[P]{}
	}
	next := &r.first
	open := ""
	for _, g := range row {
		key := gapKey{open, g.text}
		open = g.open
		if known, ok := r.gaps[key]; ok {
			g = known // if it is not g, it comes twice in the row
		} else {
			r.gaps[key] = g
			r.bytes += len(g.text) + len(g.open)
		}
		if at := slices.Index(*next, g); at >= 0 {
			*next = slices.Delete(*next, at, at+1)
		}
		*next = slices.Insert(*next, 0, g)
		if len(*next) > maxNext {
			*next = (*next)[:maxNext]
		}
		next = &g.next
	}
}

// learner walks over one row.
type learner[P any] struct {
	sc      *xmlscan.Scanner
	doc     []byte
	known   map[gapKey]*Gap[P]
	plan    Planner[P]
	item    Item
	tag     string // of the item
	without []Property
	from    int // where the gap begins
	seen    []*Gap[P]
}

// row reads the element whose Start was just given, and tells whether it is a
// row that can be predicted.
func (l *learner[P]) row() (ok bool, err error) {
	depth := l.sc.Depth()
	if l.isNil() {
		return false, nil
	}
	l.item = Item{Name{string(l.sc.Space()), string(l.sc.Local())}}
	l.tag = l.tagAt(l.from)
	for {
		before := l.sc.Offset()
		t, err := l.sc.Next()
		switch {
		case err != nil:
			return false, err
		case t == xmlscan.Text && len(bytes.TrimSpace(l.sc.Text())) > 0:
			return false, nil
		case t == xmlscan.End && l.sc.Depth() == depth:
			return l.gap(l.sc.Offset(), nil, ""), nil
		case t == xmlscan.Start:
			if ok, err := l.property(before); !ok || err != nil {
				return false, err
			}
		}
	}
}

// property reads a property whose start tag begins at or after an offset.
func (l *learner[P]) property(before int) (ok bool, err error) {
	depth := l.sc.Depth()
	p := Property{Name: string(l.sc.Local())}
	if t, found := l.sc.Attr(namespaceXSI, "type"); found {
		space, local := l.sc.QName(t)
		p.Type = Name{string(space), string(local)}
	}
	if l.isNil() {
		p.Content = Null
		l.without = append(l.without, p)
		return true, l.sc.Skip()
	}
	open := l.tag + l.tagAt(before)
	at := l.sc.Offset()
	t, err := l.sc.Next()
	if t == xmlscan.Start && err == nil {
		p.Wrapper = Name{string(l.sc.Space()), string(l.sc.Local())}
		open += l.tagAt(at)
		at = l.sc.Offset()
		t, err = l.sc.Next()
	}
	switch {
	case err != nil:
		return false, err
	case t == xmlscan.End && l.sc.Offset() == at: // it closes itself: there is no place for a value
		p.Content = Empty
		l.without = append(l.without, p)
		return p.Wrapper == Name{} && l.sc.Depth() == depth, nil
	case t == xmlscan.Text && l.doc[at] == '<': // CDATA, or a comment first
		return false, nil
	case t == xmlscan.Start || !l.gap(at, &p, open):
		return false, nil
	case t == xmlscan.Text:
		l.from = l.sc.Offset()
		if t, err = l.sc.Next(); t != xmlscan.End || err != nil {
			return false, err
		}
	default:
		l.from = at
	}
	return l.close(depth)
}

// close reads on from an End to that of the property at depth, if only white
// space is left.
func (l *learner[P]) close(depth int) (ok bool, err error) {
	for t := xmlscan.End; t != xmlscan.End || l.sc.Depth() > depth; {
		if t, err = l.sc.Next(); err != nil {
			return false, err
		}
		if t == xmlscan.Start || t == xmlscan.Text && len(bytes.TrimSpace(l.sc.Text())) > 0 {
			return false, nil
		}
	}
	return true, nil
}

// gap ends the gap, at the value of a property or, where value is nil, with the
// row.
func (l *learner[P]) gap(end int, value *Property, open string) bool {
	before := ""
	if n := len(l.seen); n > 0 {
		before = l.seen[n-1].open
	}
	g, ok := l.known[gapKey{before, string(l.doc[l.from:end])}]
	if !ok {
		plan, ok := l.plan(l.item, l.without, value)
		if !ok {
			return false
		}
		g = &Gap[P]{Plan: plan, text: string(l.doc[l.from:end]), open: open, last: value == nil}
		l.without = nil // it is the plan's
	}
	l.seen, l.without = append(l.seen, g), l.without[:0]
	return true
}

func (l *learner[P]) isNil() bool {
	v, _ := l.sc.Attr(namespaceXSI, "nil")
	return string(v) == "true" || string(v) == "1"
}

// tagAt is the start tag that was just read, which begins at or after an offset.
func (l *learner[P]) tagAt(at int) string {
	read := l.doc[at:l.sc.Offset()]
	return string(read[bytes.LastIndexByte(read, '<'):])
}
