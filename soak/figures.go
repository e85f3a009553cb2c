package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"dpremote/internal/sweep"
	"dpremote/simulator"
	"dpremote/wsman"
)

// figures are counted as a soak goes on. They are safe for concurrent use.
type figures struct {
	mu     sync.Mutex
	counts map[string]map[string]int // by group and name
	wrong  []string
	more   int // that did not hold either
}

// mostWrongs is how many are kept and printed.
const mostWrongs = 40

func (f *figures) add(group, name string, n int) {
	if n == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[string]map[string]int{}
	}
	if f.counts[group] == nil {
		f.counts[group] = map[string]int{}
	}
	f.counts[group][name] += n
}

func (f *figures) count(group, name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[group][name]
}

// total is the sum of a group.
func (f *figures) total(group string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.counts[group] {
		n += c
	}
	return n
}

// fault says that something did not hold.
func (f *figures) fault(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.wrong) == mostWrongs {
		f.more++
		return
	}
	f.wrong = append(f.wrong, fmt.Sprintf(format, args...))
}

// wrongs is how often something did not hold.
func (f *figures) wrongs() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.wrong) + f.more
}

// line prints a group: its sum and its parts, the most first.
func (f *figures) line(w io.Writer, group string) {
	sum := f.total(group)
	f.mu.Lock()
	defer f.mu.Unlock()
	parts := f.counts[group]
	names := make([]string, 0, len(parts))
	for name := range parts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if parts[a] != parts[b] {
			return parts[b] - parts[a]
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, parts[name])
	}
	fmt.Fprintf(w, "%-14s %d: %s\n", group, sum, strings.Join(names, ", "))
}

// The groups.
const (
	groupRequests = "requests"
	groupReads    = "reads"
	groupErrors   = "errors"
	groupRows     = "rows"
	groupRefresh  = "refreshes"
	groupWatches  = "watched rows"
	groupFaults   = "faults"
	groupConns    = "connections"
	groupSubs     = "subscriptions"
)

// observe counts a request, by its operation.
func (f *figures) observe(x simulator.Exchange) {
	name := strings.ToLower(x.Action[strings.LastIndexByte(x.Action, '/')+1:])
	switch {
	case x.Action == "":
		name = "sign-in"
	case x.Events:
		name = "events"
	}
	f.add(groupRequests, name, 1)
}

// problem counts an error. Some are wrong whatever happens to a site.
func (f *figures) problem(where string, err error) {
	kind := kindOf(err)
	f.add(groupErrors, kind, 1)
	if kind == "panic" || kind == "credentials" || kind == "other" {
		f.fault("%s: unexpected error: %v", where, err)
	}
}

// kindOf sorts errors as dpremote's JSON does.
func kindOf(err error) string {
	var bug *sweep.PanicError
	var fault *wsman.Fault
	var status *wsman.HTTPError
	var transport *wsman.TransportError
	var op *wsman.Error
	switch {
	case errors.As(err, &bug):
		return "panic"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.Is(err, wsman.ErrUnauthorized):
		return "credentials"
	case errors.Is(err, sweep.ErrTimedOut), errors.Is(err, wsman.ErrNoAnswer), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.As(err, &fault):
		return "fault"
	case errors.As(err, &status):
		return "http"
	case errors.As(err, &transport):
		return "unreachable"
	case errors.As(err, &op):
		return "answer" // that could not be read
	}
	return "other"
}

// heaps are what was in use after each round, in bytes.
type heaps struct{ all, client []int64 }

// mayGrow is how much more of the client's heap may be in use in the last
// rounds than in the first ones, for what the estimate is off by.
const mayGrow = 2 << 20

// warmUp is how many rounds fill what is filled once.
const warmUp = 2

// leak compares the last third of the rounds with the first, by their medians,
// and tells whether the heap grew. Too few rounds tell nothing.
func leak(client []int64) (first, last int64, grew, known bool) {
	if len(client) < warmUp+3 {
		return 0, 0, false, false
	}
	client = client[warmUp:]
	third := len(client) / 3
	first, last = median(client[:third]), median(client[len(client)-third:])
	return first, last, last > first+mayGrow, true
}

func median(all []int64) int64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

func seconds(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }

func mib(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
