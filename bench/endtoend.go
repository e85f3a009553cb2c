package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"dpremote/queries"
)

// command is a command of dpremote that is measured end to end.
type command struct {
	name string
	args []string
	goal float64 // how much longer than curl it may take for a million rows
}

func endToEnd() ([]command, error) {
	projection, err := queries.Select[queries.PackageStatusDP]().WQL()
	return []command{
		{"query -o jsonl, SELECT *", []string{"query", selectAll, "-o", "jsonl"}, 3},
		{"query -o jsonl, projection", []string{"query", projection, "-o", "jsonl"}, 3},
		{"status --level dp -o jsonl", []string{"status", "--level", "dp", "-o", "jsonl"}, 3},
		{"dps -o jsonl", []string{"dps", "-o", "jsonl"}, 2},
	}, err
}

const (
	million = 1_000_000
	most    = 64 << 20 // of the memory that a command takes
)

// commands runs whole commands against the replaying server, and curl. This
// process must be small meanwhile: Linux counts the memory of who starts a
// program as the program's.
func (b *bench) commands(ctx context.Context, s *server) error {
	measured, err := endToEnd()
	if err != nil {
		return err
	}
	curl := versionOf(ctx, "curl", "--version")
	counts := []int{million / 10, million}
	if b.short {
		counts = counts[:1]
	}
	for _, c := range measured {
		var peaks []float64
		for _, rows := range counts {
			peak, err := b.command(ctx, s, c, rows, curl)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			peaks = append(peaks, peak)
			b.memory(fmt.Sprintf("%s, memory, %d rows", c.name, rows), peak, most)
		}
		if len(peaks) > 1 && peaks[0] > 0 {
			b.rows = append(b.rows, row{Name: c.name + ", memory, flat", Ours: mebibytes(peaks[1]), Peer: limit,
				Their: mebibytes(peaks[0]) + " for a tenth", Ratios: []float64{peaks[1] / peaks[0]}, Goal: 1.25, Less: true})
		}
	}
	return nil
}

// The rows of Microsoft's example of a site, and nearly half as many more, kept
// until all are there, and the memory that may take.
const (
	rowsToSort = 282_000
	mostSorted = 150_000_000
)

// sorting measures the memory of output that has an order, in each format.
func (b *bench) sorting(ctx context.Context, s *server) error {
	formats := []string{"json", "csv", "yaml", "table", "wide"}
	if b.short {
		formats = formats[3:]
	}
	for _, format := range formats {
		u, err := s.dpremote(ctx, b.dpremote, s.replay, strconv.Itoa(rowsToSort), "status", "--level", "dp", "-o", format)
		if err != nil {
			return fmt.Errorf("status -o %s: %w", format, err)
		}
		if _, err := s.asked(ctx); err != nil {
			return err
		}
		b.memory(fmt.Sprintf("status --level dp -o %s, memory, %d rows", format, rowsToSort), float64(u.peak), mostSorted)
	}
	return nil
}

// memory compares a peak of memory with what it may be. A peak of 0 is one that
// nobody knows.
func (b *bench) memory(name string, peak, most float64) {
	if peak == 0 {
		return
	}
	b.rows = append(b.rows, row{Name: name, Ours: mebibytes(peak), Peer: limit, Their: mebibytes(most), Ratios: []float64{peak / most}, Goal: 1, Less: true})
}

func mebibytes(bytes float64) string { return fmt.Sprintf("%.0f MiB", bytes/(1<<20)) }

// command runs one command in turns with curl, and gives its peak of memory.
func (b *bench) command(ctx context.Context, s *server, c command, rows int, curl string) (peak float64, err error) {
	wall := row{Name: fmt.Sprintf("%s, wall, %d rows", c.name, rows), Peer: curlName(curl), Less: true, Loose: true}
	if rows == million {
		wall.Goal = c.goal // of fewer rows the start is a part
	}
	processor := row{Name: fmt.Sprintf("%s, processor, %d rows", c.name, rows), Peer: curlName(curl), Less: true}
	var ours, their []usage
	for range b.runs() {
		u, err := s.dpremote(ctx, b.dpremote, s.replay, strconv.Itoa(rows), c.args...)
		if err != nil {
			return 0, err
		}
		ours, peak = append(ours, u), max(peak, float64(u.peak))
		same, err := s.asked(ctx)
		if err != nil {
			return 0, err
		}
		if curl == "" {
			continue
		}
		fetched, err := s.curl(ctx, rows, same)
		if err != nil {
			return 0, err
		}
		their = append(their, fetched)
		wall.Ratios = append(wall.Ratios, u.wall.Seconds()/fetched.wall.Seconds())
		processor.Ratios = append(processor.Ratios, u.processor.Seconds()/fetched.processor.Seconds())
	}
	for _, r := range []struct {
		row  *row
		took func(usage) time.Duration
	}{{&wall, func(u usage) time.Duration { return u.wall }}, {&processor, func(u usage) time.Duration { return u.processor }}} {
		r.row.Ours, r.row.Their = seconds(ours, r.took), seconds(their, r.took)
		if curl == "" {
			r.row.Note = "not installed"
		}
		b.rows = append(b.rows, *r.row)
	}
	return peak, nil
}

// seconds is the median of what runs took, empty for none.
func seconds(runs []usage, took func(usage) time.Duration) string {
	var all []float64
	for _, u := range runs {
		all = append(all, took(u).Seconds())
	}
	if len(all) == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f s", median(all))
}

// runs is how often a command is run.
func (b *bench) runs() int {
	if b.short {
		return 3
	}
	return 5
}

func curlName(version string) string {
	if fields := strings.Fields(version); len(fields) > 1 {
		return strings.Join(fields[:2], " ")
	}
	return "curl"
}

// passwordVariable holds the password for the programs that are measured.
const passwordVariable = "BENCH_PASSWORD"

// dpremote runs the program at a site without an inventory.
func (s *server) dpremote(ctx context.Context, program, url, user string, args ...string) (usage, error) {
	args = append(args, "--host", url, "--site-code", siteCode, "--auth", "basic", "--allow-unencrypted",
		"--user", user, "--password-env", passwordVariable)
	return measure(ctx, []string{passwordVariable + "=" + s.password}, program, args...)
}

// asked tells what was asked of the replaying server since it last told.
func (s *server) asked(ctx context.Context) ([]asked, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.replay+"/asked", nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var all []asked
	for {
		var a asked
		switch _, err := fmt.Fscan(res.Body, &a.recording, &a.answers, &a.pages, &a.bytes); {
		case err == io.EOF && len(all) > 0:
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("what was asked: %w", err)
		case a.answers != a.pages:
			return nil, fmt.Errorf("%d of the %d pages of recording %d were asked for", a.answers, a.pages, a.recording)
		}
		all = append(all, a)
	}
}

// curl fetches the same bytes with the same number of requests.
func (s *server) curl(ctx context.Context, rows int, same []asked) (usage, error) {
	args := []string{"-sS", "--fail", "--data-binary", "<fetch/>", "-H", "Content-Type: application/soap+xml"}
	for _, a := range same {
		args = append(args, "-o", os.DevNull, fmt.Sprintf("%s/page/%d/%d/[0-%d]", s.replay, rows, a.recording, a.pages-1))
	}
	u, err := measure(ctx, nil, "curl", args...)
	if err != nil {
		return u, err
	}
	fetched, err := s.asked(ctx)
	if err == nil && !slices.Equal(fetched, same) {
		err = fmt.Errorf("curl fetched %v, not %v", fetched, same)
	}
	return u, err
}
