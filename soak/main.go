// Command soak works on many simulated sites for a while, in which all kinds of
// things go wrong, and holds the client to what the sites themselves know:
//
//	soak [-for 10m] [-sites 200] [-seed N]
//
// A round is what runs of dpremote do one after the other: it opens the sites,
// reads their status, their distribution points and a query's rows, breaks a
// sweep off, sends again what failed, waits for it by looking or by events, and
// closes all. In between the simulated sites have more content fail. The last
// round is calm: nothing goes wrong any more, so everything must be right.
//
// What must hold:
//
//   - Rows that were read without an error are the site's: none is missing, none
//     there twice, and each is in the state that the site had it in.
//   - A request that was stored was stored once, one that failed never, and one
//     whose outcome is not known at most once.
//   - What a watch says of the end of a row is so.
//   - After each round all connections are closed, and no goroutine, file or
//     subscription is left.
//   - The client's heap does not grow from round to round.
//   - The client does nothing that a strict site server minds.
//
// It prints figures, and ends with status 1 after naming what did not hold. A
// run with the same seed has the same sites, failures and faults; which request
// a fault meets depends on the machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	o := options{fewest: warmUp + 2} // so that they tell whether the heap grows
	flag.DurationVar(&o.length, "for", 10*time.Minute, "begin no round after so long, but for the first four and the last")
	flag.IntVar(&o.sites, "sites", 200, "simulate so many sites")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of what happens")
	flag.Parse()
	if flag.NArg() > 0 || o.sites < 2 || o.sites > 2000 || o.length <= 0 {
		fmt.Fprintln(os.Stderr, "usage: soak [-for 10m] [-sites 200] [-seed N]; from 2 to 2000 sites")
		os.Exit(64)
	}
	runtime.MemProfileRate = sampleBytes // for clientHeap; before much is allocated
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	wrongs, err := run(ctx, o, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
	if wrongs > 0 {
		os.Exit(1)
	}
}

// options say what to do.
type options struct {
	length time.Duration
	sites  int
	fewest int // rounds, if the time is over or not; the calm one comes on top
	seed   uint64
}
