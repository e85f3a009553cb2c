package metrics

import (
	"slices"
	"strings"
	"time"
)

// Detail says what rows are counted by, beside their states. What a command
// cannot know is left out rather than shown as 0.
type Detail uint8

// The details.
const (
	ByPackage Detail = 1 << iota // packages with rows in a state
	ByDP                         // distribution points with rows in a state
	ByAge                        // the oldest row in a state
	ByCause                      // failed rows by cause
)

// Row is a package on a distribution point, or several that have their state in
// common.
type Row struct {
	State   string    // one of Content.States
	N       int       // how many; 0 counts nothing
	Package string    // for ByPackage
	DP      string    // for ByDP: the server's name
	Changed time.Time // for ByAge; zero when it is not known
}

// Content counts what there is on the distribution points of one site. It is
// made by NewContent and not safe for concurrent use.
type Content struct {
	// SiteCode is the code of the site whose distribution points these are, which
	// may be a secondary site.
	SiteCode string

	detail   Detail
	states   []string
	rows     []int
	packages map[string]uint32 // by ID, the states that it is in as bits
	dps      map[string][]int  // by name, rows by state
	oldest   []time.Time
	causes   map[string]int
}

// maxStates is how many states fit into the bits of a package.
const maxStates = 32

// NewContent counts rows in some states, each of which is shown even where
// there are none. A row in a state that is not among them is not counted.
func NewContent(siteCode string, detail Detail, states []string) *Content {
	if len(states) > maxStates {
		panic("metrics: too many states")
	}
	return &Content{
		SiteCode: label(siteCode), detail: detail, states: states,
		rows: make([]int, len(states)), oldest: make([]time.Time, len(states)),
		packages: map[string]uint32{}, dps: map[string][]int{}, causes: map[string]int{},
	}
}

// Add counts a row.
func (c *Content) Add(r Row) {
	state := slices.Index(c.states, r.State)
	if state < 0 {
		return
	}
	if c.detail&ByPackage != 0 {
		c.packages[r.Package] |= c.bit(state, r.N)
	}
	if c.detail&ByDP != 0 {
		name := label(r.DP) // two that become one in a label are one
		counts := c.dps[name]
		if counts == nil {
			counts = make([]int, len(c.states))
			c.dps[strings.Clone(name)] = counts
		}
		counts[state] += r.N
	}
	c.rows[state] += r.N
	if r.N > 0 && !r.Changed.IsZero() && (c.oldest[state].IsZero() || r.Changed.Before(c.oldest[state])) {
		c.oldest[state] = r.Changed
	}
}

// bit is a state as a bit, or none where nothing is in it.
func (c *Content) bit(state, n int) uint32 {
	if n == 0 {
		return 0
	}
	return 1 << state
}

// AddCause counts failed rows that have a cause in common.
func (c *Content) AddCause(cause string, n int) { c.causes[cause] += n }

// packagesIn is how many packages have rows in a state.
func (c *Content) packagesIn(state int) (n int) {
	for _, in := range c.packages {
		if in&(1<<state) != 0 {
			n++
		}
	}
	return n
}

// dpsIn is how many distribution points have rows in a state.
func (c *Content) dpsIn(state int) (n int) {
	for _, counts := range c.dps {
		if counts[state] > 0 {
			n++
		}
	}
	return n
}
