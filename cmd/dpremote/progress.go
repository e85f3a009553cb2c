package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"dpremote/distribution"
	"dpremote/internal/live"
	"dpremote/internal/report"
	"dpremote/queries"
)

// progress tells people how a watch goes: on a terminal by a picture that
// changes in place, elsewhere by a line a change. It is safe for concurrent
// use.
type progress struct {
	app     *app
	display *live.Display // nil when there is no terminal to draw on
	restore func()
	started time.Time
	ends    time.Time

	mu      sync.Mutex
	changes []live.Change
	sites   map[string]*siteProgress
}

// siteProgress is how it goes at a site.
type siteProgress struct {
	distribution.Progress
	before map[distribution.End]int // of the watches before this one
}

// startProgress begins to tell of a watch that ends with the context. Until
// stop, what the app says and logs goes above the picture.
func (g *globals) startProgress(ctx context.Context) *progress {
	a := g.app
	p := &progress{app: a, started: a.now(), sites: map[string]*siteProgress{}, restore: func() {}}
	p.ends, _ = ctx.Deadline()
	if g.format == string(report.Table) || g.format == string(report.Wide) {
		p.display, p.restore = a.stage.show(ctx, live.Options{})
	}
	return p
}

// stop removes the picture. Later calls do nothing.
func (p *progress) stop() { p.restore() }

// changed tells that the state of a row changed.
func (p *progress) changed(before, after distribution.Row) {
	p.tell(fmt.Sprintf("%s: %s -> %s", after.Keys, before.State, after.State))
}

const keptChanges = 20

// tell tells something that happened.
func (p *progress) tell(what string) {
	if p.display == nil {
		p.app.say("  %s", what)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.changes) == keptChanges {
		p.changes = slices.Clone(p.changes[1:])
	}
	p.changes = append(p.changes, live.Change{At: p.app.now(), Text: what})
	p.draw()
}

// looked takes note of how it goes at a site.
func (p *progress) looked(now distribution.Progress) {
	if p.display == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	site := p.sites[now.Site.Name]
	if site == nil {
		site = &siteProgress{before: map[distribution.End]int{}}
		p.sites[now.Site.Name] = site
	}
	site.Progress = now
	p.draw()
}

// again keeps what ended before other rows are watched at the same sites.
func (p *progress) again() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, site := range p.sites {
		for end, n := range site.Ends {
			site.before[end] += n
		}
		site.Ends = nil
	}
}

// The columns of a site's counts.
const (
	columnDone = iota
	columnPending
	columnRetrying
	columnFailed
	columnOther
	allColumns
)

func countTitles() []live.Column {
	return []live.Column{
		{Title: "DONE", Color: text.Colors{text.FgGreen}}, {Title: "PENDING", Color: text.Colors{text.FgYellow}},
		{Title: "RETRYING", Color: text.Colors{text.FgYellow}}, {Title: "FAILED", Color: text.Colors{text.FgRed}}, {Title: "OTHER"},
	}
}

// counts are a site's rows by how far they are.
func (s *siteProgress) counts() []int {
	counts := make([]int, allColumns)
	for state, n := range s.States {
		switch state {
		case queries.StatePending:
			counts[columnPending] += n
		case queries.StateRetrying:
			counts[columnRetrying] += n
		case queries.StateFailed:
			counts[columnFailed] += n
		default:
			counts[columnOther] += n
		}
	}
	for _, ends := range []map[distribution.End]int{s.before, s.Ends} {
		for end, n := range ends {
			switch end {
			case distribution.EndInstalled, distribution.EndGone:
				counts[columnDone] += n
			case distribution.EndFailed:
				counts[columnFailed] += n
			default:
				counts[columnOther] += n
			}
		}
	}
	return counts
}

// note says in a word what is particular about a site.
func (s *siteProgress) note() string {
	switch {
	case s.Ends[distribution.EndUnseen] > 0:
		return "given up"
	case len(s.Open) == 0:
		return "done"
	case s.Err != nil:
		return "the last look failed"
	case s.ByEvents:
		return "or when it tells"
	}
	return ""
}

// draw shows it all. p.mu is held.
func (p *progress) draw() {
	state := live.State{Started: p.started, Deadline: p.ends, Columns: countTitles(), Changes: p.changes}
	total, hasOther := 0, false
	names := sortedKeys(p.sites)
	// Where nothing is open, nothing is to be seen.
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(min(len(p.sites[b].Open), 1), min(len(p.sites[a].Open), 1))
	})
	for _, name := range names {
		s := p.sites[name]
		counts := s.counts()
		for _, n := range counts {
			total += n
		}
		hasOther = hasOther || counts[columnOther] > 0
		state.Sites = append(state.Sites, live.Site{Name: name, Counts: counts, Next: s.Next, Note: s.note()})
		for _, row := range s.Open {
			state.Open = append(state.Open, live.Row{Where: row.ServerNALPath.Server(), What: string(row.PackageID),
				State: row.State.String(), Color: stateColor(row.State), Since: when(row.SummaryDate)})
		}
	}
	if !hasOther {
		state.Columns = state.Columns[:columnOther]
	}
	// What failed moves last, if at all.
	slices.SortStableFunc(state.Open, func(a, b live.Row) int {
		return cmp.Compare(failedLast(a.State), failedLast(b.State))
	})
	state.Title = fmt.Sprintf("Waiting for %d of %s", len(state.Open), count(total, "row", "rows"))
	p.display.Update(state)
}

func failedLast(state string) int {
	if strings.HasSuffix(state, queries.StateFailed.String()) {
		return 1
	}
	return 0
}

// packages shows the packages that are open though all rows that are watched
// have ended.
func (p *progress) packages(totals []distribution.Total) {
	if p.display == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	state := live.State{Started: p.started, Deadline: p.ends, Changes: p.changes}
	for _, t := range totals {
		if t.Arrival() == distribution.ArrivalOpen {
			state.Open = append(state.Open, live.Row{Where: t.Site.Name, What: string(t.PackageID), State: countsText(t)})
		}
	}
	state.Title = fmt.Sprintf("Waiting for %s on distribution points that no row tells of", count(len(state.Open), "package", "packages"))
	p.display.Update(state)
}

// countsText is how far a package is in a line.
func countsText(t distribution.Total) string {
	s := fmt.Sprintf("%d of %d installed", t.Installed, t.Targeted)
	if t.Retrying > 0 {
		s += fmt.Sprintf(", %d retrying", t.Retrying)
	}
	if t.Failed > 0 {
		s += fmt.Sprintf(", %d failed", t.Failed)
	}
	return s
}
