package main

import (
	"context"
	"math"
	"os"
	"runtime"
	"strings"
	"time"
)

// sampleBytes is how much is allocated for each sample of the heap.
const sampleBytes = 4 << 10

// level is what the process holds.
type level struct {
	goroutines  int
	files       int // open ones; -1 where that cannot be told
	connections int64
}

func (s *soak) level() level {
	return level{runtime.NumGoroutine(), openFiles(), s.connections.open.Load()}
}

// openFiles counts them where the system lists them.
func openFiles() int {
	for _, list := range []string{"/proc/self/fd", "/dev/fd"} {
		if entries, err := os.ReadDir(list); err == nil {
			return len(entries)
		}
	}
	return -1
}

// patience is how long what ends by itself may take to: a server's handler that
// stalls, a socket that is being closed.
const patience = 20 * time.Second

// settles waits until no more is held than at first.
func (s *soak) settles(ctx context.Context, first level) (level, bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		now := s.level()
		if now.goroutines <= first.goroutines && now.files <= first.files && now.connections <= first.connections {
			return now, true
		}
		select {
		case <-ctx.Done():
			return now, false
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stacks are all goroutines.
func stacks() string {
	buffer := make([]byte, 1<<20)
	return string(buffer[:runtime.Stack(buffer, true)])
}

// heap is what is in use after a collection: of the whole process, and of what
// was not allocated by the simulated sites or for their connections, whose
// state grows with what is done to them.
func heap() (all, client int64) {
	runtime.GC()
	runtime.GC() // the profile is that of the collection before
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), clientHeap()
}

// clientHeap estimates, from samples: an allocation of so many bytes is sampled
// with the probability 1-exp(-bytes/sampleBytes).
func clientHeap() (bytes int64) {
	n, _ := runtime.MemProfile(nil, false)
	records := make([]runtime.MemProfileRecord, n+200)
	n, ok := runtime.MemProfile(records, false)
	if !ok {
		return 0
	}
	for _, r := range records[:n] {
		if !ofSites(r.Stack()) {
			bytes += scaled(r)
		}
	}
	return bytes
}

func scaled(r runtime.MemProfileRecord) int64 {
	if r.InUseObjects() == 0 {
		return 0
	}
	size := float64(r.InUseBytes()) / float64(r.InUseObjects())
	return int64(float64(r.InUseBytes()) / -math.Expm1(-size/sampleBytes))
}

// ofSites tells what was allocated by the simulated sites.
func ofSites(stack []uintptr) bool {
	frames := runtime.CallersFrames(stack)
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, "dpremote/simulator") || strings.HasPrefix(frame.Function, "net/http.(*conn)") ||
			strings.HasPrefix(frame.Function, "net/http.(*Server)") || strings.HasPrefix(frame.Function, "net/http.(*connReader)") {
			return true
		}
		if !more {
			return false
		}
	}
}
