// Command bench measures dpremote against other programs and against limits,
// and prints one table: what, ours, theirs, the ratio and the goal.
//
//	bench [-short] [-only PATTERN] [-json FILE] [-baseline FILE [-record]] DPREMOTE
//
// DPREMOTE is the program to run end to end. Where times are compared, both sides
// are measured in turns, several times (with -short some once), and each turn gives
// a ratio: the table shows the median of the ratios and how far they spread. Times
// depend on the machine and its load, ratios hardly, so only ratios are compared
// with a baseline: a ratio that is less than half as good as the baseline's fails,
// and so does what takes more than a limit that is not one of time. A row whose
// peer is not installed says so and fails nothing.
//
// The pages come from the simulator and are served, with other ids, by a
// process of its own:
//
//	bench -serve
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	serve := flag.Bool("serve", false, "serve prepared pages until standard input ends")
	flag.BoolVar(&o.short, "short", false, "measure less, for CI")
	flag.StringVar(&o.json, "json", "", "write the results to this file")
	flag.StringVar(&o.baseline, "baseline", "", "file of ratios to compare with")
	flag.BoolVar(&o.record, "record", false, "write the ratios to the file of -baseline instead")
	flag.StringVar(&o.only, "only", "", "measure only what this regular expression matches: commands, sorting, sweeping, paging, watching, latency, start, sealing, decoding")
	flag.Parse()
	err := errors.New("usage: bench [-short] [-only PATTERN] [-json FILE] [-baseline FILE [-record]] DPREMOTE")
	switch {
	case *serve && flag.NArg() == 0:
		err = serveUntilEOF(ctx, os.Stdin, os.Stdout)
	case !*serve && flag.NArg() == 1:
		o.dpremote = flag.Arg(0)
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	dpremote, json, baseline, only string
	short, record                  bool
}

// run measures everything, or what o.only matches, and prints the table.
func run(ctx context.Context, o options) error {
	b := &bench{options: o}
	steps := []struct {
		name string
		do   func(context.Context, *server) error
	}{
		{"commands", b.commands}, {"sorting", b.sorting}, {"sweeping", b.sweeping},
		{"paging", b.paging}, {"watching", b.watching}, {"latency", b.latency}, {"start", b.start},
		{"sealing", b.sealing}, {"decoding", b.decoding}, // last: they make this process large
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	s, err := startServer(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.stop() }()
	for _, step := range steps {
		if !only.MatchString(step.name) {
			continue
		}
		if err := step.do(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if len(b.rows) == 0 {
		return fmt.Errorf("-only %s: nothing is called so", o.only)
	}
	printTable(os.Stdout, b.rows)
	if o.json != "" {
		if err := writeJSON(o.json, b.report()); err != nil {
			return err
		}
	}
	switch {
	case o.baseline == "":
		return nil
	case o.record:
		return record(o.baseline, b.rows)
	}
	return compare(o.baseline, b.rows)
}

// bench is a run and its rows so far.
type bench struct {
	options
	rows []row
}
