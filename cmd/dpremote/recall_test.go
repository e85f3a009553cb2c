package main

import (
	"strconv"
	"testing"

	"dpremote/queries"
)

// TestRecall asks in orders that repeat and that do not: the value is always the
// key's own, and is made again only after too many keys.
func TestRecall(t *testing.T) {
	var r recall[int, string]
	made := 0
	find := func(n int) string { made++; return strconv.Itoa(n) }
	const keys = 50
	for i := range 10_000 {
		key := i % keys
		switch i / 1000 % 3 {
		case 1:
			key = i / 7 % keys // each some times
		case 2:
			key = i * i % keys // in no order
		}
		if got := *r.of(key, find); got != strconv.Itoa(key) {
			t.Fatalf("call %d: %q for %d", i, got, key)
		}
	}
	if made != keys {
		t.Errorf("%d values made of %d keys", made, keys)
	}
	for key := range maxRecalled + 1 {
		r.of(key, find)
	}
	if len(r.known) > maxRecalled {
		t.Errorf("%d keys are remembered", len(r.known))
	}
	if got := *r.of(3, find); got != "3" {
		t.Errorf("%q for 3, which was forgotten", got)
	}
}

func TestStateCounts(t *testing.T) {
	var c stateCounts
	if !c.none() {
		t.Error("counts before the first row")
	}
	const unknown = queries.State(4_000_000_000)
	for _, s := range []queries.State{queries.StateInstalled, unknown, queries.StateFailed, queries.StateStuck, queries.StateFailed, queries.StateMonitoring, unknown} {
		c.add(s)
	}
	if n := c.of(queries.StateFailed, queries.StateStuck, unknown, queries.StateRetrying); n != 5 {
		t.Errorf("%d, not 2 failed, 1 stuck, 2 unknown", n)
	}
	sum := 0
	for s, n := range c.all() {
		if n != c.of(s) {
			t.Errorf("%v: %d and %d", s, n, c.of(s))
		}
		sum += n
	}
	if sum != 7 || c.none() {
		t.Errorf("%d of 7 rows", sum)
	}
}
