package krbserver

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxReplays bounds the authenticators that are remembered. Only holders of a
// ticket can add to them.
const maxReplays = 1 << 16

// replays are the authenticators that were accepted, each until the clock skew
// alone refuses it (RFC 4120 section 3.2.3). It is safe for concurrent use.
type replays struct {
	mu   sync.Mutex
	seen map[[32]byte]time.Time // hash of the ciphertext, to when it is stale
}

// add remembers an authenticator; false when it was there, or there is no room.
// Since its ciphertext is integrity-protected and has a random confounder, equal
// ciphertexts are what makes authenticators the same.
func (c *replays) add(ciphertext []byte, now, stale time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := sha256.Sum256(ciphertext)
	if until, found := c.seen[key]; found && !now.After(until) {
		return false
	}
	for old, until := range c.seen {
		if now.After(until) {
			delete(c.seen, old)
		}
	}
	if len(c.seen) >= maxReplays {
		return false
	}
	c.seen[key] = stale
	return true
}
