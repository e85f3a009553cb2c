package wsman

import (
	"context"
	"fmt"

	"dpremote/internal/xmlscan"
)

// Page is the items of one answer, still in the answer's bytes. It is not safe
// for concurrent use.
type Page struct {
	ctx   context.Context
	sc    *xmlscan.Scanner
	depth int // of the element that holds the items
	mode  Mode
	most  int // items that were asked for
	item  *Item
	items int
	ended bool
	err   error
}

// Next goes to the next item, to its Start, and reports whether there is one.
// After the last item, and after an error, there is none: the iteration over
// the pages then reports the error.
func (p *Page) Next() bool {
	if p.ended || p.err != nil {
		return false
	}
	if p.err = p.ctx.Err(); p.err != nil {
		return false
	}
	found, err := p.next()
	p.err = err
	if found {
		p.items++
	}
	if p.items > p.most {
		p.err = p.tooMany()
		return false
	}
	return found
}

func (p *Page) tooMany() error {
	return fmt.Errorf("%w: a page of more than the %d items that were asked for", ErrNotWSMan, p.most)
}

// Item is the item that Next went to, valid until Next is called again.
func (p *Page) Item() *Item { return p.item }

// Scanner stands before the items, or in the one that Next went to. A caller
// who reads whole items by it without Next says so by Passed.
func (p *Page) Scanner() *xmlscan.Scanner { return p.sc }

// Passed counts an item that the caller has read by himself. It reports false
// when the enumeration's context is over, which Next then notes; it looks only
// now and then.
func (p *Page) Passed() bool {
	const often = 256
	p.items++
	return p.items%often != 0 || p.ctx.Err() == nil
}

// Items is how many items were gone to or passed so far.
func (p *Page) Items() int { return p.items }

func (p *Page) next() (bool, error) {
	if err := p.sc.SkipTo(p.depth + 1); err != nil { // what is left of the item before
		return false, err
	}
	for {
		t, err := p.sc.Next()
		switch {
		case err != nil:
			return false, err
		case t == xmlscan.End:
			p.ended = true
			return false, nil
		case t == xmlscan.Start:
			p.item, err = p.open()
			return err == nil, err
		}
	}
}

// open prepares the item at whose Start the scanner stands.
func (p *Page) open() (*Item, error) {
	isEPR := p.sc.Is(NamespaceAddressing, "EndpointReference")
	isBoth := p.sc.Is(NamespaceWSMan, "Item")
	switch p.mode {
	case EnumerateEPR:
		if isEPR {
			epr, err := ReadEPR(p.sc)
			return &Item{EPR: &epr}, err
		}
	case EnumerateObjectAndEPR:
		if isBoth {
			return itemWithEPR(p.sc)
		}
	default:
		if !isEPR {
			return &Item{sc: p.sc}, nil
		}
	}
	return nil, fmt.Errorf("%w: an item <%s>, which was not asked for", ErrNotWSMan, p.sc.Local())
}
