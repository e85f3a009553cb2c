package main

import (
	"context"
	"sync"

	"dpremote/distribution"
)

// journal counts the requests that changed something, by row, as a history would
// write them down. It is safe for concurrent use.
type journal struct {
	mu    sync.Mutex
	begun map[key]int
}

// write is a distribution.Journal.
func (j *journal) write(_ context.Context, a distribution.Act) (func(error), error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.begun[keyOfKeys(a.Keys)]++
	return func(error) {}, nil
}

// take gives what was counted, and begins anew.
func (j *journal) take() map[key]int {
	j.mu.Lock()
	defer j.mu.Unlock()
	begun := j.begun
	j.begun = map[key]int{}
	return begun
}
