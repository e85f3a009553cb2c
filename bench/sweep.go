package main

import (
	"context"
	"fmt"
)

// A hierarchy of a central site and 25 primary sites, and 250 other sites, each
// of which takes its own time for an answer.
var manySites = []string{"--primaries", "25", "--standalone", "250", "--latency", "10ms-300ms"}

const siteCount = 276

// sweeping measures commands at many sites.
func (b *bench) sweeping(ctx context.Context, _ *server) error {
	if err := b.slowest(ctx); err != nil {
		return err
	}
	return b.manyRows(ctx)
}

// slowest compares a sweep with its slowest site alone.
func (b *bench) slowest(ctx context.Context) error {
	s, err := b.simulate(ctx, append(manySites, "--dps", "2", "--packages", "4", "--failed", "2")...)
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }()
	for _, c := range []struct {
		name string
		args []string
	}{
		{"query", []string{"query", "SELECT SiteCode FROM SMS_Site"}},
		{"status --level dp", []string{"status", "--level", "dp"}},
		{"dps", []string{"dps"}},
	} {
		r := row{Name: fmt.Sprintf("%s, wall, %d sites", c.name, siteCount), Peer: "the slowest site alone", Goal: 1.2, Less: true, Loose: true}
		for range b.rounds() {
			one, err := s.dpremote(ctx, append(c.args, "--site", "250")...)
			if err != nil {
				return err
			}
			all, err := s.dpremote(ctx, append(c.args, "--parallel", "300")...)
			if err != nil {
				return err
			}
			r.Ours, r.Their = secondsOf(all.wall), secondsOf(one.wall)
			r.Ratios = append(r.Ratios, float64(all.wall)/float64(one.wall))
		}
		b.rows = append(b.rows, r)
	}
	return nil
}

// manyRows measures the memory of a sweep of as many rows as sorting does at
// one site.
func (b *bench) manyRows(ctx context.Context) error {
	s, err := b.simulate(ctx, append(manySites, "--dps", "10", "--packages", "100", "--failed", "10")...)
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }()
	switch n, err := s.countLines(ctx, `"dp":`, "status", "--level", "dp", "--parallel", "300"); {
	case err != nil:
		return err
	case n != rowsToSort:
		return fmt.Errorf("the sites have %d rows, not %d", n, rowsToSort)
	}
	for _, format := range []string{"jsonl", "json", "table"} {
		u, err := s.dpremote(ctx, "status", "--level", "dp", "-o", format, "--parallel", "300")
		if err != nil {
			return err
		}
		b.memory(fmt.Sprintf("status --level dp -o %s, memory, %d sites, %d rows", format, siteCount, rowsToSort), float64(u.peak), mostSorted)
	}
	return nil
}
