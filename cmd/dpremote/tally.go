package main

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"dpremote/distribution"
	"dpremote/internal/inventory"
	"dpremote/internal/metrics"
	"dpremote/queries"
)

// tally counts for monitoring what the sites of a fleet show. Rows count at the
// member that serves their distribution point, whoever of its hierarchy shows
// them, or else at the member that shows them. A nil tally counts nothing. It is
// safe for concurrent use.
type tally struct {
	detail  metrics.Detail
	states  []string
	members map[queries.SiteCode]*member

	mu          sync.Mutex
	views       map[*member]*distribution.View // their sites alone
	content     map[*member]map[queries.SiteCode]*metrics.Content
	hierarchies map[queries.SiteCode]*metrics.Content
	servers     recall[queries.NALPath, string] // names, for there are many rows for each
}

// countedStates are the states of rows as metrics name them, of which a filter
// may leave out some.
func countedStates(f queries.Filter) []string {
	states := f.States
	if len(states) == 0 {
		states = []queries.State{
			queries.StateInstalled, queries.StatePending, queries.StateRetrying, queries.StateFailed,
			queries.StateRemovalPending, queries.StateRemovalRetrying, queries.StateRemovalFailed,
			queries.StateUpdating, queries.StateMonitoring, queries.StateStale, queries.StateStuck, unknownState,
		}
	}
	var names []string
	for _, s := range states {
		if name := stateLabel(s); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// unknownState stands for all that a site reports and nobody knows.
const unknownState = queries.State(1<<32 - 1)

// stateLabel is a state as the value of a label, which is the same for all
// states that are not known.
func stateLabel(s queries.State) string {
	word, _, _ := strings.Cut(s.String(), " (") // a number
	return strings.ReplaceAll(word, " ", "_")
}

// summarizedStates are those that the counts of a package tell apart.
func summarizedStates() []string { return []string{"installed", "retrying", metrics.Failed, "other"} }

func newTally(members []*member, detail metrics.Detail, states []string) *tally {
	t := &tally{
		detail: detail, states: states, members: map[queries.SiteCode]*member{}, views: map[*member]*distribution.View{},
		content: map[*member]map[queries.SiteCode]*metrics.Content{}, hierarchies: map[queries.SiteCode]*metrics.Content{},
	}
	for _, m := range members {
		site := withCodes([]inventory.Site{m.Site})[0]
		t.members[queries.SiteCode(strings.ToUpper(site.Code))] = m
	}
	return t
}

// saw keeps the sites that a member shows, which tell who serves what.
func (t *tally) saw(m *member, v *distribution.View) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.views[m] = v
}

// owner is the member that the distribution points of a site count at. A site
// of the same code in another hierarchy is another site.
func (t *tally) owner(viewer *member, code queries.SiteCode) *member {
	view := t.views[viewer]
	if view == nil {
		return viewer
	}
	owner := t.members[view.HomeOf(code)]
	if owner == nil || t.views[owner] != nil && t.views[owner].Top() != view.Top() {
		return viewer
	}
	return owner
}

// maxCodes is how many sites one member may tell of, before what is left counts
// as that of others: a bound for servers that make sites up.
const maxCodes = 1000

// of is where the distribution points of a site count. t.mu is held.
func (t *tally) of(m *member, code queries.SiteCode) *metrics.Content {
	codes := t.content[m]
	if codes == nil {
		codes = map[queries.SiteCode]*metrics.Content{}
		t.content[m] = codes
	}
	if codes[code] != nil {
		return codes[code]
	}
	label := queries.SiteCode("other")
	if known, err := queries.ParseSiteCode(string(code)); err == nil && len(codes) < maxCodes {
		label = known
	}
	if codes[label] == nil {
		codes[label] = metrics.NewContent(string(label), t.detail, t.states)
	}
	return codes[label]
}

// row counts a row that a member shows.
func (t *tally) row(m *member, r queries.PackageStatusDP) {
	if t == nil {
		return
	}
	row := metrics.Row{State: stateLabel(r.State), N: 1, Package: string(r.PackageID)}
	if at, ok := queries.Happened(r.SummaryDate); ok {
		row.Changed = at
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	row.DP = *t.servers.of(r.ServerNALPath, func(path queries.NALPath) string { return strings.ToLower(path.Server()) })
	t.of(t.owner(m, r.SiteCode), r.SiteCode).Add(row)
}

// dp counts the rows of a distribution point that a member shows.
func (t *tally) dp(m *member, info queries.DistributionPointInfo, states *stateCounts) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.of(t.owner(m, info.SiteCode), info.SiteCode)
	for s, n := range states.all() {
		c.Add(metrics.Row{State: stateLabel(s), N: n, DP: strings.ToLower(info.Server())})
	}
}

// pkg counts a package at a site that a member shows.
func (t *tally) pkg(m *member, r queries.PackageStatusSite) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	addCounts(t.of(t.owner(m, r.SiteCode), r.SiteCode), r.PackageID, r.Counts)
}

// inHierarchy counts a package in the hierarchy below a site.
func (t *tally) inHierarchy(top queries.SiteCode, r queries.PackageStatusRoot) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.hierarchies[top] == nil {
		t.hierarchies[top] = metrics.NewContent(string(top), t.detail, t.states)
	}
	addCounts(t.hierarchies[top], r.PackageID, r.Counts)
}

func addCounts(c *metrics.Content, id queries.PackageID, counts queries.Counts) {
	for i, n := range []uint32{counts.Installed, counts.Retrying, counts.Failed, counts.Other()} {
		c.Add(metrics.Row{State: summarizedStates()[i], N: int(n), Package: string(id)})
	}
}

// shown is what counts at a member, which is not shown where it did not answer:
// its own site in any case.
func (t *tally) shown(m *member) []*metrics.Content {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.site != nil {
		t.of(m, m.site.Code())
	}
	codes := t.content[m]
	var out []*metrics.Content
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		out = append(out, codes[code])
	}
	return out
}

// siteMetrics is what is known of a member beside what it shows.
func siteMetrics(m *member, took time.Duration, err error) metrics.Site {
	site := withCodes([]inventory.Site{m.Site})[0]
	s := metrics.Site{Name: m.Name, Code: site.Code, Duration: took, Up: err == nil}
	if err != nil {
		s.Error = kindOf(err)
	}
	if m.Connection != nil {
		s.ClockAhead, s.ClockAheadKnown = m.Client.ClockOffset()
	}
	return s
}
