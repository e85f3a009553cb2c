package inventory

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Shard is one of several parts of an inventory's sites, such as each job of a
// CI matrix works on. Every site is in exactly one of Count shards. Which one
// follows from its name alone, so that a site that is added or removed moves no
// other. The zero Shard is the whole.
type Shard struct {
	Index int // from 1 to Count
	Count int
}

// maxShards keeps a slip from making a job do nothing for want of sites.
const maxShards = 1000

// ParseShard reads a shard as it is written: I/N, I from 1 to N. Empty is the
// zero Shard.
func ParseShard(text string) (Shard, error) {
	if text == "" {
		return Shard{}, nil
	}
	first, second, found := strings.Cut(text, "/")
	index, errIndex := strconv.ParseUint(first, 10, 16)
	count, errCount := strconv.ParseUint(second, 10, 16)
	switch {
	case !found || errIndex != nil || errCount != nil:
		return Shard{}, fmt.Errorf("want I/N such as 2/5, got %q", text)
	case count < 1 || count > maxShards:
		return Shard{}, fmt.Errorf("want from 1 to %d shards, got %q", maxShards, text)
	case index < 1 || index > count:
		return Shard{}, fmt.Errorf("want a shard from 1 to %d, got %q", count, text)
	}
	return Shard{int(index), int(count)}, nil
}

// IsZero tells the whole.
func (s Shard) IsZero() bool { return s.Count == 0 }

// String is the form that ParseShard reads.
func (s Shard) String() string {
	if s.IsZero() {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Count)
}

// Has tells whether a site of this name is in the shard. Names that differ in
// case only are in the same one.
//
// The place of a site is the first eight bytes, big-endian, of the SHA-256 of
// its name in lower case, modulo Count. This does not change: jobs of different
// versions may work on the shards of one inventory.
func (s Shard) Has(name string) bool {
	if s.IsZero() {
		return true
	}
	sum := sha256.Sum256([]byte(strings.ToLower(name)))
	return binary.BigEndian.Uint64(sum[:])%uint64(s.Count) == uint64(s.Index-1)
}

// Of gives those of the sites that are in the shard, in their order. It may be
// none of them.
func (s Shard) Of(sites []Site) []Site {
	return slices.DeleteFunc(slices.Clone(sites), func(site Site) bool { return !s.Has(site.Name) })
}
