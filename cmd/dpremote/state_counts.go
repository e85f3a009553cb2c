package main

import (
	"iter"

	"dpremote/queries"
)

// stateCounts counts rows by state. Its zero value has counted none. The states
// that sites report have a place each, for rows may be millions, and a map of
// each distribution point would be most of the memory.
type stateCounts struct {
	reported [queries.StateMonitoring + 1]int
	others   map[queries.State]int
}

func (c *stateCounts) add(s queries.State) {
	if int(s) < len(c.reported) {
		c.reported[s]++
		return
	}
	if c.others == nil {
		c.others = map[queries.State]int{}
	}
	c.others[s]++
}

// of is how many rows are in one of some states.
func (c *stateCounts) of(states ...queries.State) (n int) {
	for _, s := range states {
		if int(s) < len(c.reported) {
			n += c.reported[s]
		} else {
			n += c.others[s]
		}
	}
	return n
}

// all yields the states that some rows are in, and how many.
func (c *stateCounts) all() iter.Seq2[queries.State, int] {
	return func(yield func(queries.State, int) bool) {
		for s, n := range c.reported {
			if n > 0 && !yield(queries.State(s), n) {
				return
			}
		}
		for s, n := range c.others {
			if !yield(s, n) {
				return
			}
		}
	}
}

// none tells that nothing was counted.
func (c *stateCounts) none() bool {
	for range c.all() {
		return false
	}
	return true
}
