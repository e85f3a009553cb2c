package main

// recall remembers what was found out about keys, for a million rows name a few
// thousand distribution points, in some order and again and again in that order:
// the key is likely to be the one before, or the one that followed that the last
// time, which takes no lookup. Its zero value has no memory. It is not safe for
// concurrent use.
type recall[K comparable, V any] struct {
	known map[K]*recalled[K, V]
	last  *recalled[K, V]
}

type recalled[K comparable, V any] struct {
	key   K
	value V
	next  *recalled[K, V] // the key that came after it the last time
}

// maxRecalled bounds what is remembered: more distribution points than a
// hierarchy has.
const maxRecalled = 1 << 17

// of is the value of a key, which find makes where it is not known.
func (r *recall[K, V]) of(key K, find func(K) V) *V {
	before := r.last
	if before != nil {
		if before.key == key {
			return &before.value
		}
		if next := before.next; next != nil && next.key == key {
			r.last = next
			return &next.value
		}
	}
	it := r.known[key]
	if it == nil {
		if r.known == nil || len(r.known) >= maxRecalled {
			r.known = map[K]*recalled[K, V]{}
		}
		it = &recalled[K, V]{key: key, value: find(key)}
		r.known[key] = it
	}
	if before != nil {
		before.next = it
	}
	r.last = it
	return &it.value
}
