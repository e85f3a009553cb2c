package cim

// rowSet remembers rows: a hash of their keys, and for each what was last seen
// of it. It takes 11 to 16 bytes a row, and grows in small parts, each by itself:
// a table in one piece would for a moment be there twice, in the old and the new
// size, and the collector lets memory grow to a multiple of that. Its zero value
// is empty.
type rowSet struct {
	parts [rowSetParts]rowSetPart // by the highest bits of the hash
	n     int
}

const (
	rowSetBits  = 6
	rowSetParts = 1 << rowSetBits
	leastSlots  = 8 // with which a part begins
)

type rowSetPart struct {
	slots []slot // at most three quarters full
	n     int
}

// slot is a row, or free when it is 0: the bits of the hash behind those that
// choose the part, and in the lowest ones the mark.
type slot uint64

// mark is what was seen of a row: the pass in the lowest four bits, from 1, and
// above it as much of a hash of its content as there is room for.
type mark uint32

const (
	passBits = 4
	lastPass = 1<<passBits - 1
	markBits = 24
	markMask = 1<<markBits - 1
)

func markOf(pass uint8, content uint64) mark {
	return mark(content<<passBits&markMask) | mark(pass)
}

func (m mark) pass() uint8 { return uint8(m & lastPass) }

func (m mark) sameContent(other mark) bool { return m>>passBits == other>>passBits }

// swap remembers what is seen of a row now, and gives what was seen of it
// before.
func (s *rowSet) swap(id uint64, now mark) (was mark, ok bool) {
	p := &s.parts[id>>(64-rowSetBits)]
	if 4*(p.n+1) > 3*len(p.slots) {
		p.grow()
	}
	row := slot(id<<rowSetBits&^markMask) | slot(now)
	at := p.find(row)
	was, ok = mark(*at&markMask), *at != 0
	if !ok {
		s.n++
		p.n++
	}
	*at = row
	return was, ok
}

// find is the slot of a row, or the free one where it belongs.
func (p *rowSetPart) find(row slot) *slot {
	n := uint64(len(p.slots))
	for i := uint64(row>>32) * n >> 32; ; i++ {
		if i == n {
			i = 0
		}
		if at := &p.slots[i]; *at == 0 || *at>>markBits == row>>markBits {
			return at
		}
	}
}

// grow makes a part larger by half.
func (p *rowSetPart) grow() {
	before := p.slots
	p.slots = make([]slot, max(leastSlots, len(before)+len(before)/2))
	for _, row := range before {
		if row != 0 {
			*p.find(row) = row
		}
	}
}
