package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"dpremote/distribution"
	"dpremote/internal/metrics"
	"dpremote/internal/sweep"
	"dpremote/queries"
	"dpremote/wsman"
)

// patience is how many intervals a look may take, and how old the last look may
// be before the exporter is not well.
const patience = 3

// looks looks at the sites of a fleet again and again, at each in its own time,
// so that a slow one does not hold up the others. What it saw is read by
// scrapes. It is safe for concurrent use.
type looks struct {
	f        *fleet
	interval time.Duration
	look     func(context.Context, *member) (*seen, error)
	slots    chan struct{} // as many as sites may be looked at at a time
	started  time.Time

	mu      sync.Mutex
	sites   []lookedAt // by member.place
	leftOut int        // distribution points, as was told last
}

// lookedAt is what is known of a site. The zero value was not looked at yet.
type lookedAt struct {
	seen    *seen         // of the last look; nil when it failed
	err     error         // of the last look
	refused bool          // the site is not asked again
	ended   time.Time     // the last look
	took    time.Duration // the last look
	success time.Time
	looks   uint64
	failed  uint64 // of them
}

// seen is what a site showed at one look.
type seen struct {
	view    *distribution.View // its sites alone
	content []*metrics.Content
}

func newLooks(f *fleet, interval time.Duration) *looks {
	return &looks{
		f: f, interval: interval, started: f.g.app.now(),
		slots: make(chan struct{}, f.g.parallel), sites: make([]lookedAt, len(f.members)),
	}
}

// run looks until the context ends.
func (l *looks) run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	for _, m := range l.f.members {
		running.Go(func() { l.keepLooking(ctx, m) })
	}
}

func (l *looks) keepLooking(ctx context.Context, m *member) {
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
		began := time.Now()
		select {
		case l.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		l.once(ctx, m)
		<-l.slots
		// A look that took longer than the interval is followed by a rest, too.
		const least = 10
		next.Reset(max(l.interval-time.Since(began), l.interval/least))
	}
}

// once looks at a site, within its time. A site that refused the credentials is
// not asked again, so that the account is not locked out: they are those that
// dpremote was started with.
func (l *looks) once(ctx context.Context, m *member) {
	if l.isRefused(m) {
		return
	}
	limit := m.SiteTimeout
	if limit <= 0 {
		limit = patience * l.interval
	}
	began := l.f.g.app.now()
	r := sweep.Run(ctx, sweep.Options[*member]{Timeout: func(*member) time.Duration { return limit }}, []*member{m}, l.look)[0]
	if ctx.Err() == nil {
		l.note(m, r.Value, r.Err, began)
	}
}

// isRefused tells a site that is not asked again, which is as good as looked at.
func (l *looks) isRefused(m *member) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.sites[m.place]
	if s.refused {
		s.ended = l.f.g.app.now()
	}
	return s.refused
}

// note keeps what came of a look, and logs what is new about it.
func (l *looks) note(m *member, found *seen, err error, began time.Time) {
	l.mu.Lock()
	before := l.sites[m.place]
	s := &l.sites[m.place]
	s.ended = l.f.g.app.now()
	s.took = s.ended.Sub(began)
	s.seen, s.err, s.refused = found, err, errors.Is(err, wsman.ErrUnauthorized)
	s.looks++
	if err == nil {
		s.success = s.ended
	} else {
		s.seen = nil
		s.failed++
	}
	l.mu.Unlock()

	log := l.f.g.app.log.WithField("site", m.Name)
	switch {
	case s.refused:
		log.Errorf("%v; the site is not asked again until dpremote is started anew", err)
	case err != nil && (before.err == nil || kindOf(before.err) != kindOf(err)):
		log.Error(err)
	case err != nil:
		log.Debug(err)
	case before.err != nil:
		log.Warn("answers again")
	}
	if tell := l.f.g.app.looked; tell != nil {
		tell(m.Name, err)
	}
}

// views are the sites that each member showed at the last look, where it
// answered.
func (l *looks) views() map[*member]*distribution.View {
	l.mu.Lock()
	defer l.mu.Unlock()
	views := map[*member]*distribution.View{}
	for i, s := range l.sites {
		if s.seen != nil {
			views[l.f.members[i]] = s.seen.view
		}
	}
	return views
}

// snapshot is what is known now.
func (l *looks) snapshot(o *perDPFlags) *metrics.Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := newSnapshot(o)
	best := l.bestViews()
	for i, m := range l.f.members {
		s := &l.sites[i]
		if s.looks == 0 {
			continue
		}
		site := siteMetrics(m, s.took, s.err)
		site.LastSuccess, site.Looks, site.Failures = s.success, s.looks, s.failed
		if s.seen != nil {
			for _, c := range s.seen.content {
				if by, ok := best[s.seen.key(c)]; !ok || by == i {
					site.Content = append(site.Content, c)
				}
			}
		}
		out.Sites = append(out.Sites, site)
	}
	return out
}

// tellLeftOut tells how many distribution points are left out when that changes.
func (l *looks) tellLeftOut(o *perDPFlags, n int) {
	l.mu.Lock()
	changed := n != l.leftOut
	l.leftOut = n
	l.mu.Unlock()
	if changed {
		o.sayLeftOut(l.f.g.app, n)
	}
}

// siteOfHierarchy identifies a site. Those of different hierarchies may have the
// same code.
type siteOfHierarchy struct{ top, code queries.SiteCode }

func (s *seen) key(c *metrics.Content) siteOfHierarchy {
	return siteOfHierarchy{s.view.Top(), queries.SiteCode(c.SiteCode)}
}

// bestViews are the places of the members that are best placed to tell of sites
// that several show, none of which serves them. l.mu is held.
func (l *looks) bestViews() map[siteOfHierarchy]int {
	best := map[siteOfHierarchy]int{}
	for i, s := range l.sites {
		if s.seen == nil {
			continue
		}
		for _, c := range s.seen.content {
			key := s.seen.key(c)
			other, ok := best[key]
			if !ok || s.seen.view.Rank(key.code) < l.sites[other].seen.view.Rank(key.code) {
				best[key] = i
			}
		}
	}
	return best
}

// health says that all is well, or what is not.
func (l *looks) health() (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.f.g.app.now()
	var waiting []string
	var last time.Time
	up := 0
	for i, s := range l.sites {
		switch {
		case s.ended.IsZero():
			waiting = append(waiting, l.f.members[i].Name)
		case s.err == nil:
			up++
		}
		if s.ended.After(last) {
			last = s.ended
		}
	}
	if len(waiting) > 0 && (last.IsZero() || now.Sub(l.started) < l.interval) {
		return "", fmt.Errorf("the first look at %s is not done yet: %s", count(len(waiting), "site", "sites"), strings.Join(waiting, ", "))
	}
	if old := now.Sub(last); old > patience*l.interval {
		return "", fmt.Errorf("the last look ended %s ago, with an interval of %s", durationText(old), l.interval)
	}
	return fmt.Sprintf("%d of %s answered; the last look ended %s ago", up, count(len(l.sites), "site", "sites"), durationText(now.Sub(last))), nil
}

// lookFor says what to look for.
type lookFor struct {
	filter queries.Filter
	causes bool
}

// see looks at a site: its rows are counted as they come, and not kept.
func (l *looks) see(ctx context.Context, m *member, what lookFor) (*seen, error) {
	if err := l.f.open(ctx, m); err != nil {
		return nil, err
	}
	if err := needNamespace(m); err != nil {
		return nil, err
	}
	sites, err := queries.Collect(queries.Sites(ctx, m.Session))
	if err != nil {
		return nil, err
	}
	view := &distribution.View{Site: m.site, Sites: sites}
	detail := metrics.ByPackage | metrics.ByDP | metrics.ByAge
	if what.causes {
		detail |= metrics.ByCause
	}
	t := newTally(l.f.members, detail, countedStates(what.filter))
	t.views = l.views()
	t.saw(m, view)
	// What another member serves, that member is asked for.
	elsewhere := func(home queries.SiteCode) bool { return l.f.others[home] || t.owner(m, home) != m }
	filter := what.filter
	filter.NotSites = view.CodesAt(elsewhere)
	var failed []queries.PackageStatusDP
	for row, err := range queries.StatusDP(ctx, m.Session, filter) {
		if err != nil {
			return nil, err
		}
		if elsewhere(view.HomeOf(row.SiteCode)) { // the site does not list its site
			continue
		}
		t.row(m, row)
		if what.causes && row.State == queries.StateFailed {
			failed = append(failed, row)
		}
	}
	if err := t.causes(ctx, m, failed); err != nil {
		return nil, err
	}
	return &seen{view, t.shown(m)}, nil
}

// causes counts why rows failed.
func (t *tally) causes(ctx context.Context, m *member, failed []queries.PackageStatusDP) error {
	rows, err := distribution.WithCauses(ctx, m.site, failed)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range rows {
		t.of(m, r.SiteCode).AddCause(cmp.Or(r.Why, queries.Classify(0, 0, nil).Name), 1)
	}
	return nil
}
