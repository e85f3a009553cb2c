package wsman

import "sync"

// Buffers are where answers were read to, kept for the answers that come next.
// Transports that share them need no more than there are answers in use at once,
// however many servers there are. The zero value is ready for use, and safe for
// concurrent use.
type Buffers struct {
	mu    sync.Mutex
	spare [][]byte // the last one given back is the last
	size  int      // of all of them
}

// What is kept: a page takes up to 500 KB under WinRM's default MaxEnvelopeSize,
// in UTF-16 or as UTF-8 of Asian texts somewhat more. A small buffer is soon made.
const (
	minSpare   = 16 << 10
	maxSpare   = 4 << 20
	mostSpares = 16 << 20
)

// take is a buffer with room for n bytes, or one of any size where n is not
// known, -1. It is empty.
func (b *Buffers) take(n int) []byte {
	if n < 0 || n >= minSpare {
		if spare := b.last(); cap(spare) >= n && cap(spare) > 0 {
			return spare
		}
	}
	return make([]byte, 0, max(n, 0)+max(n, 0)/8) // the next page may be a little longer
}

// last is the spare buffer that was given back last, nil for none.
func (b *Buffers) last() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := len(b.spare) - 1
	if at < 0 {
		return nil
	}
	spare := b.spare[at]
	b.spare[at] = nil
	b.spare = b.spare[:at]
	b.size -= cap(spare)
	return spare
}

// give keeps a buffer that nobody uses any longer, if it is of use.
func (b *Buffers) give(buf []byte) {
	if cap(buf) < minSpare || cap(buf) > maxSpare {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size+cap(buf) <= mostSpares {
		b.spare = append(b.spare, buf[:0])
		b.size += cap(buf)
	}
}
