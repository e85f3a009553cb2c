package cim

// rowSet remembers rows: the hash of their keys, and for each what was last
// seen of it. It takes some 20 to 40 bytes a row, a fifth of what a map does,
// for there may be hundreds of thousands. Its zero value is empty.
type rowSet struct {
	slots []slot // a power of two of them, at most three quarters full
	n     int
}

// slot is a row, or free when it has no mark.
type slot struct {
	id   uint64
	mark mark
}

// mark is what was seen of a row: the pass in the lowest byte, from 1, and above
// it as much of a hash of its content as there is room for.
type mark uint64

const lastPass = 0xFF

func markOf(pass uint8, content uint64) mark { return mark(content<<8 | uint64(pass)) }

func (m mark) pass() uint8 { return uint8(m & lastPass) }

func (m mark) sameContent(other mark) bool { return m>>8 == other>>8 }

// leastSlots is where a set begins.
const leastSlots = 1 << 10

// swap remembers what is seen of a row now, and gives what was seen of it
// before.
func (s *rowSet) swap(id uint64, now mark) (was mark, ok bool) {
	if 4*(s.n+1) > 3*len(s.slots) {
		s.grow()
	}
	at := s.find(id)
	was, ok = at.mark, at.mark != 0
	if !ok {
		s.n++
	}
	*at = slot{id, now}
	return was, ok
}

// find is the slot of a row, or the free one where it belongs.
func (s *rowSet) find(id uint64) *slot {
	last := uint64(len(s.slots) - 1)
	for i := id & last; ; i = (i + 1) & last {
		if at := &s.slots[i]; at.mark == 0 || at.id == id {
			return at
		}
	}
}

func (s *rowSet) grow() {
	before := s.slots
	s.slots = make([]slot, max(leastSlots, 2*len(before)))
	for _, row := range before {
		if row.mark != 0 {
			*s.find(row.id) = row
		}
	}
}
