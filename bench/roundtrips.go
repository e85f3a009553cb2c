package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"dpremote/queries"
)

// roundTrip is what each request takes: 50 ms there and back, and 200 ms of the
// server's time.
const roundTrip = 250 * time.Millisecond

// latency measures what there is beside the round trips, at servers that take
// long for each.
func (b *bench) latency(ctx context.Context, s *server) error {
	if err := b.hidden(ctx, s); err != nil {
		return err
	}
	return b.slots(ctx)
}

// rounds is how often is measured what mostly waits.
func (b *bench) rounds() int {
	if b.short {
		return 1
	}
	return 3
}

// hidden compares a query with the sum of the server's times for its pages:
// decoding and output hide behind the server's work on the next page.
func (b *bench) hidden(ctx context.Context, s *server) error {
	rows := 10_000
	if b.short {
		rows /= 2
	}
	r := row{Name: fmt.Sprintf("query -o jsonl, SELECT *, wall, %s a page", roundTrip), Peer: "sum of the server's times", Goal: 1.03, Less: true, Loose: true}
	for range b.rounds() {
		u, err := s.dpremote(ctx, b.dpremote, s.replay, fmt.Sprintf("%d+%s", rows, roundTrip), "query", selectAll, "-o", "jsonl")
		if err != nil {
			return err
		}
		all, err := s.asked(ctx)
		if err != nil {
			return err
		}
		least := time.Duration(all[0].answers) * roundTrip
		r.Ratios = append(r.Ratios, u.wall.Seconds()/least.Seconds())
		r.Ours, r.Their = secondsOf(u.wall), secondsOf(least)
		r.Note = fmt.Sprintf("%d pages", all[0].answers)
	}
	b.rows = append(b.rows, r)
	return nil
}

// slots compares the sending of N rows over k connections with N/k round trips.
func (b *bench) slots(ctx context.Context) error {
	const failed, connections = 400, 8
	s, err := b.simulate(ctx, "--standalone", strconv.Itoa(b.rounds()), "--dps", "20", "--packages", "30",
		"--failed", strconv.Itoa(failed), "--latency", roundTrip.String(), "--delay", "1h")
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }()
	least := roundTrip * failed / connections
	r := row{Name: fmt.Sprintf("refresh of %d rows over %d connections, %s each", failed, connections, roundTrip), Peer: "round trips over connections",
		Their: secondsOf(least), Goal: 1.1, Less: true, Loose: true}
	for site := range b.rounds() {
		refresh := []string{"refresh", "--site", fmt.Sprintf("%03d", site+1), "--connections", strconv.Itoa(connections),
			"--force", "--per-dp", "0", "--per-site", "0"}
		switch n, err := s.countLines(ctx, `"action":"refresh"`, append(refresh, "--dry-run")...); {
		case err != nil:
			return err
		case n != failed:
			return fmt.Errorf("%d rows are planned, not %d", n, failed)
		}
		look, err := s.dpremote(ctx, append(refresh, "--dry-run")...)
		if err != nil {
			return err
		}
		whole, err := s.dpremote(ctx, append(refresh, "--yes")...)
		if err != nil && !ended(err, 3) { // what is sent and not yet there is a finding
			return err
		}
		took := whole.wall - look.wall // both look at the site first
		r.Ours, r.Ratios = secondsOf(took), append(r.Ratios, took.Seconds()/least.Seconds())
	}
	b.rows = append(b.rows, r)
	return nil
}

// watching compares what a look at a site costs with what it costs at one of a
// tenth of the rows, where as much is not done.
func (b *bench) watching(ctx context.Context, _ *server) error {
	var cost []float64
	const small, packages = 100, 10
	for _, points := range []int{small, 10 * small} {
		each, err := b.lookCost(ctx, points, packages)
		if err != nil {
			return fmt.Errorf("%d distribution points: %w", points, err)
		}
		cost = append(cost, each)
	}
	kilobytes := func(bytes float64) string { return fmt.Sprintf("%.1f kB", bytes/1000) }
	b.rows = append(b.rows, row{Name: fmt.Sprintf("watch, a request, %d rows of which 40 are not done", 10*small*packages), Ours: kilobytes(cost[1]),
		Peer: fmt.Sprintf("%d rows", small*packages), Their: kilobytes(cost[0]), Ratios: []float64{cost[1] / cost[0]}, Goal: 1.1, Less: true})
	return nil
}

// lookCost is how many bytes a request of a watch brings, once it has begun: a
// longer watch is compared with a shorter one.
func (b *bench) lookCost(ctx context.Context, points, packages int) (float64, error) {
	s, err := b.simulate(ctx, "--standalone", "1", "--dps", strconv.Itoa(points), "--packages", strconv.Itoa(packages), "--failed", "40", "--delay", "1h")
	if err != nil {
		return 0, err
	}
	defer func() { _ = s.stop() }()
	short, shortSize, err := s.traced(ctx, "watch", "--interval", "100ms", "--deadline", "1s")
	if err != nil {
		return 0, err
	}
	long, longSize, err := s.traced(ctx, "watch", "--interval", "100ms", "--deadline", "3s")
	if err != nil {
		return 0, err
	}
	if long < short+10 {
		return 0, errors.New("the longer watch does not ask more")
	}
	return float64(longSize-shortSize) / float64(long-short), nil
}

// paging compares the answers that a query needs at a simulated site, which makes
// pages as it is asked, with the fewest that a server can make of them.
func (b *bench) paging(ctx context.Context, _ *server) error {
	const points, packages = 1000, 20
	s, err := b.simulate(ctx, "--standalone", "1", "--dps", strconv.Itoa(points), "--packages", strconv.Itoa(packages))
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }()
	projection, err := queries.Select[queries.PackageStatusDP]().WQL()
	if err != nil {
		return err
	}
	for _, q := range []struct{ name, wql string }{{"SELECT *", selectAll}, {"projection", projection}} {
		answers, size, err := s.traced(ctx, "query", q.wql)
		if err != nil {
			return err
		}
		if size < points*packages*300 {
			return fmt.Errorf("%s: %d bytes are not all rows", q.name, size)
		}
		b.requests(fmt.Sprintf("query, %s, requests for %d rows", q.name, points*packages), answers, size)
	}
	return nil
}

// requests compares requests with the fewest pages in which so many bytes fit, and
// one more: an envelope has 500 KB, in UTF-16.
func (b *bench) requests(name string, answers, size int) {
	const most = 500 << 10 / 2
	fewest := (size+most-1)/most + 1
	b.rows = append(b.rows, row{Name: name, Ours: strconv.Itoa(answers), Peer: "fewest pages, and one more", Their: strconv.Itoa(fewest),
		Ratios: []float64{float64(answers) / float64(fewest)}, Goal: 1.05, Less: true})
}

func secondsOf(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
