package main

import (
	"context"
	"strconv"
	"sync"
	"time"

	"dpremote/cim"
	"dpremote/distribution"
	"dpremote/internal/history"
	"dpremote/internal/report"
	"dpremote/queries"
)

// statusDP shows a row for each package on each distribution point, as the site
// that serves the distribution point has it. Sites above show such rows too, and
// are asked for them, and believed, only where that site did not answer or is not
// among those that are asked: a central site has the rows of its whole hierarchy.
// So nearly every row is known to be the right one when it comes: it is printed
// then, or kept once until all can be sorted.
func statusDP(ctx context.Context, f *fleet, filter queries.Filter, judge *verdict) error {
	out, err := report.New(f.g.app.out, f.g.reportOptions("status-dp", statusDPColumns()))
	if err != nil {
		return usage("%w", err)
	}
	l := newDPList(f, filter, judge, out)
	eachThen(ctx, f, func(ctx context.Context, m *member) (struct{}, error) {
		return struct{}{}, l.read(ctx, m, l.elsewhere, l.itself)
	}, l.done)
	l.standIn(ctx)
	f.g.record.summarize(ctx, f, l.summaries())
	if err := l.printSorted(); err != nil {
		return err
	}
	if l.rows == 0 {
		if err := f.whyNothing(ctx, filter); err != nil {
			return err
		}
	}
	f.addErrors(out)
	return out.Close()
}

func statusDPColumns() []report.Column {
	return []report.Column{
		{Name: "siteCode", Title: "SITE"}, {Name: "dp", Title: "DP"}, {Name: "package", Title: "PACKAGE"},
		{Name: "type", Title: "TYPE", Minor: 2}, {Name: "state", Title: "STATE", Color: stateColor},
		{Name: "sourceVersion", Title: "VERSION", Right: true, Minor: 2}, {Name: "changed", Title: "CHANGED", Minor: 1},
		{Name: "lastCopied", Title: "LAST COPIED", Wide: true}, {Name: "nalPath", Title: "NAL PATH", Wide: true},
		{Name: "site", Title: "SEEN BY", Wide: true},
	}
}

// dpList gathers the rows of many sites, each once.
type dpList struct {
	f       *fleet
	filter  queries.Filter
	judge   *verdict
	streams bool
	owners  owners

	mu   sync.Mutex
	out  *report.Writer
	line dpLine
	err  error // of the output, which ends everything
	rows int
	// taken are rows that more than one site could show, because the site that
	// serves them was not asked.
	taken map[queries.RowKey]bool
	sites []dpRows // by place
	kept  keptRows
}

// dpRows are the rows of one site.
type dpRows struct {
	view     *distribution.View        // its sites alone
	kept     keptList                  // those that are to be sorted
	printed  bool                      // some rows were
	answered bool                      // to its end
	stood    map[queries.SiteCode]bool // sites that it stood in for, to the end
	deferred map[queries.SiteCode]bool // sites whose rows it has, and that are asked themselves
	shown    stateCounts               // all rows that it was asked for, whether taken or not
	code     queries.SiteCode          // of the row before, and where that site is at home
	home     queries.SiteCode
}

// homeOf is the home of a site's rows, which come one after the other.
func (s *dpRows) homeOf(code queries.SiteCode) queries.SiteCode {
	if code != s.code {
		s.code, s.home = code, s.view.HomeOf(code)
	}
	return s.home
}

// rightAbout tells whether to take a row from a site.
type rightAbout func(m *member, home queries.SiteCode, row queries.Keys) bool

func newDPList(f *fleet, filter queries.Filter, judge *verdict, out *report.Writer) *dpList {
	l := &dpList{
		f: f, filter: filter, judge: judge, out: out, streams: f.g.streams(),
		owners: f.owners(), taken: map[queries.RowKey]bool{}, sites: make([]dpRows, len(f.members)),
	}
	for i := range f.members {
		l.sites[i].deferred = map[queries.SiteCode]bool{}
	}
	return l
}

// summaries are what each site has, for the history. What it was not asked for,
// because another site was, counts as that one showed it: a site's count does not
// depend on which others a sweep asked. Where nobody showed it there is none.
func (l *dpList) summaries() []history.Summary {
	var out []history.Summary
	for i, m := range l.f.members {
		if counts, ok := l.counts(&l.sites[i]); ok {
			out = append(out, history.Summary{Site: m.Name, Counts: counts})
		}
	}
	return out
}

// counts are the rows of a site by state, false where they are not all known.
func (l *dpList) counts(s *dpRows) (map[string]int, bool) {
	all := []*dpRows{s}
	for home := range s.deferred {
		owner := l.owner(home)
		switch {
		case s.stood[home]: // they are in what it has shown
		case owner.answered && sameHierarchy(owner.view, s.view):
			all = append(all, owner)
		default:
			return nil, false
		}
	}
	counts := map[string]int{}
	for _, s := range all {
		for state, n := range s.shown.all() {
			counts[state.String()] += n
		}
	}
	return counts, s.answered
}

// owner is the site of a code that is asked itself.
func (l *dpList) owner(home queries.SiteCode) *dpRows { return &l.sites[l.owners[home].place] }

// elsewhere tells which rows of a site to leave to another that is asked.
func (l *dpList) elsewhere(m *member, home queries.SiteCode) bool {
	s := &l.sites[m.place]
	if !l.owners.elsewhere(m, s.view, home) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.deferred[home] = true
	return true
}

// read reads a site's rows, but for those of the sites that elsewhere tells, and
// takes those that it is right about.
func (l *dpList) read(ctx context.Context, m *member, elsewhere func(m *member, home queries.SiteCode) bool, right rightAbout) error {
	if err := needNamespace(m); err != nil {
		return err
	}
	s := &l.sites[m.place]
	if s.view == nil {
		sites, err := queries.Collect(queries.Sites(ctx, m.Session))
		if err != nil {
			return err
		}
		s.view = &distribution.View{Site: m.site, Sites: sites}
		l.f.tally.saw(m, s.view)
	}
	filter := l.filter
	filter.NotSites = s.view.CodesAt(func(home queries.SiteCode) bool { return elsewhere(m, home) })
	for row, err := range queries.StatusDP(ctx, m.Session, filter) {
		if err != nil {
			return err
		}
		if err := l.row(m, row, right); err != nil {
			return err
		}
	}
	return nil
}

func (l *dpList) row(m *member, row queries.PackageStatusDP, right rightAbout) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.sites[m.place]
	home := s.homeOf(row.SiteCode)
	isRight := !l.f.others[home] && right(m, home, row.Keys)
	if isRight || !s.deferred[home] {
		s.shown.add(row.State)
	}
	if !isRight {
		return nil
	}
	if !l.streams {
		s.kept.add(l.kept.pack(row))
		return nil
	}
	s.printed = true
	if l.err == nil {
		l.err = l.print(m, row)
	}
	if l.err != nil {
		return errOutput
	}
	return nil
}

// itself is right about the rows of the site itself, and about those of sites
// that are not asked.
func (l *dpList) itself(m *member, home queries.SiteCode, row queries.Keys) bool {
	switch {
	case l.owners[home] == m, len(l.f.members) == 1:
		return true
	case l.owners[home] != nil: // and yet it was not left out: the site does not list its sites
		l.sites[m.place].deferred[home] = true
		return false
	}
	return l.take(row)
}

// take tells whether no other site has shown the row.
func (l *dpList) take(row queries.Keys) bool {
	key := row.RowKey()
	if l.taken[key] {
		return false
	}
	l.taken[key] = true
	return true
}

// done takes note that a site has no more rows. Of one that failed none are
// kept.
func (l *dpList) done(m *member, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := &l.sites[m.place]
	s.answered = err == nil
	if err != nil {
		s.kept = keptList{}
	}
	if l.err == nil && l.streams {
		l.err = l.out.Flush()
	}
}

// standIn reads the rows of sites that failed from the sites above them. What a
// site has printed before it failed stays, and nobody stands in for it.
func (l *dpList) standIn(ctx context.Context) {
	shown := map[*member]*distribution.View{}
	var all []leaving
	for i, m := range l.f.members {
		s := &l.sites[i]
		if s.answered || s.printed {
			shown[m] = s.view
		}
		if s.answered {
			all = append(all, leaving{m, s.view, s.deferred})
		}
	}
	above, missing := l.f.standIns(l.owners, all, shown)
	if len(missing) == 0 || l.err != nil || ctx.Err() != nil {
		return
	}
	others := func(m *member, home queries.SiteCode) bool { return !missing[m][home] }
	eachThen(ctx, above, func(ctx context.Context, m *member) (struct{}, error) {
		return struct{}{}, l.read(ctx, m, others, func(m *member, home queries.SiteCode, row queries.Keys) bool {
			return missing[m][home] && l.take(row)
		})
	}, func(m *member, err error) {
		if err == nil {
			l.sites[m.place].stood = missing[m]
		}
	})
	l.f.failures = append(l.f.failures, above.failures...)
}

// printSorted prints what was kept, sorted as distribution.Merge does it.
func (l *dpList) printSorted() error {
	if l.err != nil {
		return l.err
	}
	lists := make([]*keptList, len(l.sites))
	for i := range l.sites {
		lists[i] = &l.sites[i].kept
	}
	for _, p := range l.kept.sorted(lists) {
		if err := l.print(l.f.members[p.list], l.kept.unpack(lists[p.list].at(p.row))); err != nil {
			return err
		}
	}
	return nil
}

func (l *dpList) print(m *member, r queries.PackageStatusDP) error {
	l.rows++
	l.judge.row(m, r)
	l.f.tally.row(m, r)
	return l.out.Row(l.line.values(m, r)...)
}

// dpLine is the cells of a row of statusDPColumns. They are used again for the
// next row, for there may be millions.
type dpLine struct {
	cells [10]report.Cell
	all   [10]any

	points          recall[queries.NALPath, pointText]
	changed, copied dateWord
}

// pointText is how rows write a distribution point.
type pointText struct{ server, path report.Word }

func pointTextOf(path queries.NALPath) pointText {
	return pointText{report.NewWord(path.Server()), report.NewWord(string(path))}
}

// dateWord is the date of the row before and its text: rows that were written
// together have the same.
type dateWord struct {
	date time.Time
	word report.Word
}

// of is the text of a date, nil for never.
func (d *dateWord) of(date cim.Datetime) *report.Word {
	t := when(date)
	switch {
	case t.IsZero():
		return nil
	case !t.Equal(d.date):
		d.date = t
		d.word.SetTime(t)
	}
	return &d.word
}

func (d *dpLine) values(m *member, r queries.PackageStatusDP) []any {
	point := d.points.of(r.ServerNALPath, pointTextOf)
	cells := &d.cells
	for i := range cells {
		d.all[i] = &cells[i]
	}
	cells[0].SetText(string(r.SiteCode))
	cells[1].SetWord(&point.server)
	cells[2].SetText(string(r.PackageID))
	cells[3].SetText(r.PackageType.String())
	cells[4].SetText(r.State.String())
	cells[5].SetInteger(strconv.FormatUint(uint64(r.SourceVersion), 10))
	changed := d.changed.of(r.SummaryDate)
	copied := changed // as a rule: the content is as it came
	if r.LastCopied != r.SummaryDate {
		copied = d.copied.of(r.LastCopied)
	}
	d.setWord(6, changed)
	d.setWord(7, copied)
	cells[8].SetWord(&point.path)
	cells[9].SetText(m.Name)
	return d.all[:]
}

// setWord sets a cell to a word, of which there may be none.
func (d *dpLine) setWord(i int, w *report.Word) {
	if w == nil {
		d.all[i] = nil
		return
	}
	d.cells[i].SetWord(w)
}
