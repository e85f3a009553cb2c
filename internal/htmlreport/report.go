package htmlreport

import (
	"fmt"
	"math/bits"
	"time"
)

// SchemaVersion is the version of the data in the page.
const SchemaVersion = 1

// Report is what a page is about. The zero value is a page about nothing.
type Report struct {
	Made    time.Time
	Program string // that made it, with its version
	// Selection is what was asked for where that was not all, such as
	// "--package PS1*".
	Selection []string
	// Partial says that what is installed was not asked for.
	Partial bool
	Notes   []string // for people

	// States are those that occur. The first one is that of everything that a DP
	// holds and no row is about.
	States   []State
	Sites    []Site
	Failures []Failure
	Packages []Package
	DPs      []DP
	Causes   []Cause
	Rows     []Row // what is not in the first state, each package on a DP once
	Plan     Plan
	Storms   []string
	Trend    []Trend
	NoTrend  string // why there is none
}

// Kind is how bad a state is.
type Kind string

// The kinds, the best first.
const (
	KindOK    Kind = "ok"
	KindStale Kind = "stale" // there, and too old
	KindOpen  Kind = "open"  // under way
	KindBad   Kind = "bad"
)

// State is a state of a package on a distribution point.
type State struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
}

// Site is a site of a hierarchy.
type Site struct {
	Code   string `json:"code"`
	Name   string `json:"name,omitempty"`
	Type   string `json:"type,omitempty"`
	Parent string `json:"parent,omitempty"` // a code
	Asked  string `json:"asked,omitempty"`  // its name in the inventory; empty when it was not asked
	Error  string `json:"error,omitempty"`  // why it did not answer
	SeenBy string `json:"seenBy,omitempty"` // whose view this is, when it did not
}

// Failure is a site that did not answer, or not well.
type Failure struct {
	Site      string `json:"site"`
	Error     string `json:"error"`
	Operation string `json:"operation,omitempty"`
	Kind      string `json:"kind"`
}

// Package is a package, in one hierarchy.
type Package struct {
	ID, Name, Type string
	SizeKB         uint64 // 0 when it is not known
	Arrival
}

// DP is a distribution point.
type DP struct {
	Name string // of the server
	Site string // the code of its site
	Held Set    // the packages that are meant for it, by their places
	Arrival
}

// Arrival is how long content took from the making of its version to the copy.
type Arrival struct {
	Median time.Duration
	Of     int // copies; Median is nothing when there are none
}

// Cause is why something is not installed, and what to do.
type Cause struct {
	Name       string `json:"name"`
	Words      string `json:"words"`
	Confidence string `json:"confidence"`
	Cures      string `json:"cures"` // whether a refresh does: yes, no, unknown
	Advice     string `json:"advice"`
}

// Row is a package on a distribution point.
type Row struct {
	Package, DP, State int // places in the report's lists
	Cause              int // its place, or -1
	Since              time.Time
	Message            string
}

// Plan is what a refresh would do.
type Plan struct {
	Command string // that does it
	Steps   []Step
	Rules   string // for people
}

// Step is what the plan does about a row.
type Step struct {
	Package, DP int
	Turn        int    // in the order of sending, from 1; 0 when it is skipped
	Skip        string // a word; empty when it is sent
	Reason      string // for people, of what is skipped
	SizeKB      uint64
}

// Trend is what sweeps counted at a site.
type Trend struct {
	Site   string  `json:"site"`
	Points []Point `json:"points"`
}

// Point is what one sweep counted.
type Point struct {
	At     time.Time
	Failed int
	Error  bool // the site did not answer; Failed is nothing then
}

// Set is a set of places. The zero value is empty.
type Set []uint64

// Add adds a place, which is not negative.
func (s *Set) Add(i int) {
	for len(*s) <= i/64 {
		*s = append(*s, 0)
	}
	(*s)[i/64] |= 1 << (i % 64)
}

// Has tells whether a place is in the set.
func (s Set) Has(i int) bool { return i/64 < len(s) && s[i/64]>>(i%64)&1 == 1 }

// Len is how many places are in the set.
func (s Set) Len() (n int) {
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return n
}

// runs are in turn how many places are left out and how many follow that are in
// the set.
func (s Set) runs() []int {
	out := []int{}
	start, in := 0, false
	for i := range len(s)*64 + 1 {
		if s.Has(i) != in {
			out = append(out, i-start)
			start, in = i, !in
		}
	}
	return out
}

// check refuses a report whose parts do not fit together.
func (r *Report) check() error {
	if len(r.States) == 0 && len(r.DPs) > 0 {
		return fmt.Errorf("report: there are distribution points and no state")
	}
	at := func(i, n int) bool { return i >= 0 && i < n }
	for i, row := range r.Rows {
		if !at(row.Package, len(r.Packages)) || !at(row.DP, len(r.DPs)) || !at(row.State, len(r.States)) || row.State == 0 || row.Cause >= len(r.Causes) {
			return fmt.Errorf("report: row %d is about nothing that is in the report", i)
		}
		if !r.DPs[row.DP].Held.Has(row.Package) {
			return fmt.Errorf("report: row %d is about a package that is not meant for its distribution point", i)
		}
	}
	for i, s := range r.Plan.Steps {
		if !at(s.Package, len(r.Packages)) || !at(s.DP, len(r.DPs)) {
			return fmt.Errorf("report: step %d is about nothing that is in the report", i)
		}
	}
	return nil
}
