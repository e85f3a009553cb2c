// Command bench measures dpremote against other programs and against limits,
// and prints one table: what, ours, theirs, the ratio and the goal.
//
//	bench [-short] [-json FILE] [-baseline FILE [-record]] DPREMOTE
//
// DPREMOTE is the program to run end to end. Both sides of a row are measured
// in turns, several times, and each turn gives a ratio: the table shows the
// median of the ratios and how far they spread. Times depend on the machine and
// its load, ratios hardly, so only ratios are compared with a baseline: a ratio
// that is less than half as good as the baseline's fails. A row whose peer is
// not installed says so and fails nothing.
//
// The pages come from the simulator and are served, with other ids, by a
// process of its own:
//
//	bench -serve DIR
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
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
	flag.Parse()
	err := errors.New("usage: bench [-short] [-json FILE] [-baseline FILE [-record]] DPREMOTE")
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
	dpremote, json, baseline string
	short, record            bool
}

// run measures everything and prints the table.
func run(ctx context.Context, o options) error {
	b := &bench{options: o}
	steps := []func(context.Context) error{b.endToEnd, b.decoding}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
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
