package metrics

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Snapshot is all that is known at one time. The zero value shows nothing but
// the build.
type Snapshot struct {
	Version, GoVersion string
	Sites              []Site
	// Hierarchies are counted where no site's own distribution points are.
	Hierarchies []Hierarchy
	// PerDP shows each distribution point on its own, up to MaxSeries series.
	PerDP     bool
	MaxSeries int
}

// Site is a site of the inventory and what it showed when it was last looked at.
type Site struct {
	Name, Code string
	// Up says that it answered the last look; otherwise Error is the kind of its
	// error, and what it has shown before is not to be in Content.
	Up    bool
	Error string
	// Duration is how long the last look took.
	Duration time.Duration
	// LastSuccess is when a look was last complete; zero for never.
	LastSuccess time.Time
	// ClockAhead is how far its clock is ahead of ours, when that is known.
	ClockAhead      time.Duration
	ClockAheadKnown bool
	// Looks and Failures count since the start; they are shown when there was
	// one at least.
	Looks, Failures uint64
	Content         []*Content
}

// Hierarchy is what its sites together show of packages.
type Hierarchy struct {
	Top     string // code of the site at the top
	Content *Content
}

// dpSeries are the counts of one distribution point.
type dpSeries struct {
	site, siteCode, dp string
	states             []string
	counts             []int
}

// size is how many series they are: states with nothing in them are left out,
// but for what an alert looks at.
func (d dpSeries) size() (n int) {
	for i := range d.counts {
		if d.shown(i) {
			n++
		}
	}
	return n
}

func (d dpSeries) shown(state int) bool { return d.counts[state] > 0 || d.states[state] == Failed }

// States that are treated in a way of their own.
const (
	// Failed is shown of every distribution point.
	Failed = "failed"
	// Installed is a state to stay in, so that its age tells nothing.
	Installed = "installed"
)

// perDP are the distribution points that are shown, and how many were left out.
// Those with most that is failed come first, so that they are shown in any case.
func (s *Snapshot) perDP() (shown []dpSeries, leftOut int) {
	if !s.PerDP {
		return nil, 0
	}
	var all []dpSeries
	for _, site := range s.Sites {
		for _, c := range site.Content {
			for _, dp := range slices.Sorted(maps.Keys(c.dps)) {
				all = append(all, dpSeries{site.Name, c.SiteCode, dp, c.states, c.dps[dp]})
			}
		}
	}
	failed := func(d dpSeries) int {
		if i := slices.Index(d.states, Failed); i >= 0 {
			return d.counts[i]
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b dpSeries) int { return cmp.Compare(failed(b), failed(a)) })
	room := s.MaxSeries
	for i, d := range all {
		if room -= d.size(); room < 0 {
			return all[:i], len(all) - i
		}
	}
	return all, 0
}

// LeftOut is how many distribution points are not shown because there is no
// room for them in MaxSeries.
func (s *Snapshot) LeftOut() int {
	_, leftOut := s.perDP()
	return leftOut
}

// label is text from a server as the value of a label.
func label(text string) string {
	const most = 255 // what a name in DNS may have
	if len(text) > most {
		text = text[:most]
	}
	return strings.ToValidUTF8(text, "�")
}
