// Command dpremote finds content that Configuration Manager failed to copy to
// distribution points, says why, sends it again and waits until it has arrived,
// over WS-Management and from any operating system.
//
// A command is one file of this package: its flags, and a function that runs
// it. What it needs beside that comes from app (streams, clock, environment),
// from globals (the flags that all have) and from fleet, the sites that a
// command is about, which opens them and gathers their errors:
//
//	arguments -> globals -> inventory -> fleet -> each site, side by side
//	          -> queries or distribution -> rows -> report -> standard output
//	                                                 errors -> exit code
//
// A command that changes something is a change, which fleet carries out: plan,
// question, request, outcome. Exit codes are in exit.go.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(newApp().run())
}

// run is main with an exit code. The first interrupt ends the context, so that
// commands send nothing more, wait a little for the answer to what they sent,
// tidy up and show what was done; the second one ends the process.
func (a *app) run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a.enter()
	go func() {
		<-ctx.Done()
		bySignal := context.Cause(ctx) != context.Canceled
		stop()
		if bySignal {
			a.say("Stopping; interrupt once more to end at once.")
		}
	}()
	return a.execute(ctx, os.Args[1:])
}
