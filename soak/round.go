package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dpremote/distribution"
	"dpremote/internal/sweep"
	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

// round opens the sites, works on them and closes them. A calm one is one in
// which nothing goes wrong, so that errors are wrong too.
func (s *soak) round(ctx context.Context, calm bool) error {
	s.rounds++
	f, err := openFleet(ctx, s.site, &s.journal)
	if err != nil {
		return err
	}
	r := &visit{soak: s, fleet: f, calm: calm, events: s.rounds%2 == 0 || calm}
	r.work(ctx)
	if err := f.close(); err != nil {
		s.figures.fault("round %d: close: %v", s.rounds, err)
	}
	if now, ok := s.settles(context.WithoutCancel(ctx), s.first); !ok {
		s.figures.fault("round %d left %s, and began with %s; its goroutines:\n%.8000s", s.rounds, now, s.first, stacks())
	}
	all, client := heap()
	s.peak = max(s.peak, all)
	s.heaps.all, s.heaps.client = append(s.heaps.all, all), append(s.heaps.client, client)
	return nil
}

// visit is what a round does with its sites.
type visit struct {
	*soak
	fleet  *fleet
	calm   bool
	events bool // watch by events
}

func (r *visit) work(ctx context.Context) {
	r.upset()
	views := r.status(ctx)
	sweeping(ctx, r, "dps", r.dps)
	sweeping(ctx, r, "query", r.query)
	r.hold()
	if !r.calm {
		r.brokenOff(ctx)
	}
	r.hold()
	sent, at := r.refresh(ctx, views)
	r.watch(ctx, sent, at)
	r.hold()
}

// hold takes note of what is held now.
func (r *visit) hold() {
	now := r.level()
	r.most.goroutines, r.most.files = max(r.most.goroutines, now.goroutines), max(r.most.files, now.files)
	r.most.connections = max(r.most.connections, now.connections)
}

// curable are causes of failure that a resend cures.
var curable = [...]simulator.Cause{simulator.Transient, simulator.Cancelled, simulator.HashMismatch}

// upset has content fail at the sites, and a clock jump.
func (r *visit) upset() {
	rows := r.site.Rows(simulator.Target{})
	for range r.sites {
		row := rows[r.random.IntN(len(rows))]
		r.site.Fail(simulator.Target{Package: row.Package, DP: row.DP}, curable[r.random.IntN(len(curable))])
	}
	if r.calm {
		return
	}
	by := []time.Duration{time.Hour, -time.Hour}[r.rounds%2]
	code := r.model.Sites[r.random.IntN(len(r.model.Sites))].Code
	if _, err := r.site.Inject(simulator.Fault{Kind: simulator.ClockJump, Site: code, For: by}); err != nil {
		r.figures.fault("inject: %v", err)
	}
}

// sweeping does something at all sites and counts what comes of it. Each tells
// in words what is wrong with what it read.
func sweeping[T any](ctx context.Context, r *visit, what string, do func(context.Context, *member) (T, []string, error)) []T {
	var all []T
	o := sweep.Options[*member]{}
	if !r.calm { // which is slow on a slow machine, and right
		o.Timeout = func(*member) time.Duration { return siteTimeout }
	}
	for _, res := range sweep.Run(ctx, o, r.fleet.members, func(ctx context.Context, m *member) (T, error) {
		value, wrong, err := do(ctx, m)
		for _, text := range wrong {
			r.figures.fault("round %d: %s of %s: %s", r.rounds, what, m.Name, text)
		}
		return value, err
	}) {
		where := fmt.Sprintf("round %d: %s of %s", r.rounds, what, res.Item.Name)
		switch {
		case res.Err == nil:
			r.figures.add(groupReads, "right", 1) // or named as wrong
			all = append(all, res.Value)
		case ctx.Err() != nil:
			r.figures.add(groupReads, "broken off", 1)
		default:
			r.figures.add(groupReads, "failed", 1)
			r.figures.problem(where, res.Err)
			if r.calm {
				r.figures.fault("%s: failed though nothing went wrong: %v", where, res.Err)
			}
		}
	}
	return all
}

// status reads what a plan needs, as refresh and status do.
func (r *visit) status(ctx context.Context) []*distribution.View {
	return sweeping(ctx, r, "status", func(ctx context.Context, m *member) (*distribution.View, []string, error) {
		before := r.truth.rows(m.code)
		v, err := distribution.Look(ctx, m.Site, distribution.LookFor{Reasons: true, Cooldown: time.Minute})
		if err != nil {
			return nil, nil, err
		}
		wrong := r.rows(m, v.Rows, before)
		var codes, there []string
		for _, s := range v.Sites {
			codes = append(codes, string(s.SiteCode))
		}
		for code := range r.truth.shows[m.code] {
			there = append(there, code)
		}
		return v, append(wrong, sameSet("site", codes, there, false)...), nil
	})
}

// rows holds rows that were read to the site's own.
func (r *visit) rows(m *member, rows []queries.PackageStatusDP, before map[key]simulator.Row) []string {
	steady, wrong := compare(seenOf(rows), before, r.truth.rows(m.code))
	r.figures.add(groupRows, "in the right state", steady)
	r.figures.add(groupRows, "that moved meanwhile", len(rows)-steady)
	return wrong
}

// dps reads the distribution points.
func (r *visit) dps(ctx context.Context, m *member) (struct{}, []string, error) {
	dps, err := queries.Collect(queries.DPs(ctx, m.Session))
	if err != nil {
		return struct{}{}, nil, err
	}
	var names, there []string
	for _, d := range dps {
		names = append(names, keyOfKeys(queries.Keys{ServerNALPath: d.NALPath}).dp)
	}
	for k := range r.truth.rows(m.code) {
		there = append(there, k.dp)
	}
	r.figures.add(groupRows, "of distribution points", len(dps))
	return struct{}{}, sameSet("distribution point", names, there, false), nil
}

// query asks as the command of that name does, which does not know what tells
// one row from another: a server that sends a row twice has it twice.
func (r *visit) query(ctx context.Context, m *member) (struct{}, []string, error) {
	var names, there []string
	asked := wsman.Enumeration{Namespace: m.Session.Namespace, WQL: "SELECT PackageID, ServerNALPath FROM SMS_PackageStatusDistPointsSummarizer"}
	for row, err := range m.Session.Rows(ctx, asked) {
		if err != nil {
			return struct{}{}, nil, err
		}
		id, _ := row.Instance.Get("PackageID")
		path, _ := row.Instance.Get("ServerNALPath")
		names = append(names, keyOfKeys(queries.Keys{PackageID: queries.PackageID(id.Text()), ServerNALPath: queries.NALPath(path.Text())}).String())
	}
	for k := range r.truth.rows(m.code) {
		there = append(there, k.String())
	}
	r.figures.add(groupRows, "of queries", len(names))
	return struct{}{}, sameSet("row", names, there, true), nil
}

// brokenOff begins a sweep that ends at a random moment, as by Ctrl-C.
func (r *visit) brokenOff(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	timer := time.AfterFunc(time.Duration(5+r.random.IntN(300))*time.Millisecond, cancel)
	defer timer.Stop()
	r.status(ctx)
}

// refresh sends again what failed, and gives the rows that were stored. Now and
// then it is broken off.
func (r *visit) refresh(ctx context.Context, views []*distribution.View) (sent []distribution.Row, at time.Time) {
	elsewhere := map[queries.SiteCode]string{}
	for _, s := range r.model.Sites {
		elsewhere[queries.SiteCode(s.Code)] = "it did not answer"
	}
	for _, v := range views {
		delete(elsewhere, v.Site.Code())
	}
	var failed []distribution.Row
	for _, row := range distribution.Merge(views) {
		if row.State == queries.StateFailed {
			failed = append(failed, row)
		}
	}
	steps := distribution.MakePlan(failed, distribution.Rules{Force: true, Now: time.Now(), Elsewhere: elsewhere})
	if !r.calm && r.random.IntN(3) == 0 {
		short, cancel := context.WithCancel(ctx)
		defer cancel()
		timer := time.AfterFunc(time.Duration(1+r.random.IntN(200))*time.Millisecond, cancel)
		defer timer.Stop()
		ctx = short
	}
	r.journal.take()
	before := r.truth.refreshes()
	at = time.Now()
	results := distribution.Refresh(ctx, steps, distribution.PutAuto, nil)
	return r.stored(results, before), at
}

// stored holds the outcomes of a refresh to the sites' own counts, and gives the
// rows that were stored.
func (r *visit) stored(results []distribution.Result, before map[key]int) (sent []distribution.Row) {
	begun, after := r.journal.take(), r.truth.refreshes()
	told := map[key]bool{}
	for _, res := range results {
		k := keyOfKeys(res.Keys)
		if told[k] {
			r.figures.fault("round %d: refresh of %s: there are two results", r.rounds, k)
		}
		told[k] = true
		times := after[k] - before[k]
		outcome, least, most := "stored", 1, 1
		switch {
		case res.Err != nil && res.Unknown:
			outcome, least = "not known", 0
		case res.Err != nil && begun[k] == 0:
			outcome, least, most = "not sent", 0, 0
		case res.Err != nil:
			outcome, least, most = "refused", 0, 0
		default:
			sent = append(sent, res.Row)
		}
		r.figures.add(groupRefresh, outcome, 1)
		if times < least || times > most || begun[k] > 1 && outcome != "stored" {
			r.figures.fault("round %d: refresh of %s: %s after %d acts, but the site stored %d", r.rounds, k, outcome, begun[k], times)
		}
		if res.Err != nil && !errors.Is(res.Err, distribution.ErrGivenUp) {
			r.figures.problem(fmt.Sprintf("round %d: refresh of %s", r.rounds, k), res.Err)
		}
		if res.Err != nil && r.calm {
			r.figures.fault("round %d: refresh of %s: failed though nothing went wrong: %v", r.rounds, k, res.Err)
		}
	}
	for k, n := range after {
		if n != before[k] && !told[k] {
			r.figures.fault("round %d: the site refreshed %s, of which no result tells", r.rounds, k)
		}
	}
	return sent
}

// watchFor is how long content is waited for, which takes a moment.
const watchFor = 30 * time.Second

// watch waits until what was sent has arrived.
func (r *visit) watch(ctx context.Context, sent []distribution.Row, since time.Time) {
	ctx, cancel := context.WithTimeout(ctx, watchFor)
	defer cancel()
	o := distribution.WatchOptions{Fastest: 200 * time.Millisecond, Slowest: time.Second, Sent: since}
	if r.events {
		o.Events = time.Second
		o.Warn = func(_ *distribution.Site, err error) { r.figures.add(groupErrors, "no events: "+kindOf(err), 1) }
	}
	outcomes := distribution.Watch(ctx, sent, o)
	rows := map[key]simulator.Row{}
	for _, row := range r.site.Rows(simulator.Target{}) {
		rows[keyOf(row)] = row
	}
	for _, out := range outcomes {
		k := keyOfKeys(out.Keys)
		r.figures.add(groupWatches, string(out.End), 1)
		switch state := queries.State(rows[k].State); {
		case out.End == distribution.EndInstalled && state == queries.StateInstalled:
		case out.End == distribution.EndUnseen && out.Err != nil && !r.calm:
			r.figures.problem(fmt.Sprintf("round %d: watch of %s", r.rounds, k), out.Err)
		case out.End == distribution.EndOpen && context.Cause(ctx) == context.Canceled: // Ctrl-C
		default:
			r.figures.fault("round %d: watch of %s ended as %s, and the site has it as %v: %v", r.rounds, k, out.End, state, out.Err)
		}
	}
}
