// Command dpremote finds content that Configuration Manager failed to copy to
// distribution points, says why, sends it again and waits until it has arrived,
// over WS-Management and from any operating system.
//
// A command is one file of this package: its flags, and a function that runs
// it. What it needs beside that comes from app (streams, clock, environment)
// and from run, which opens the sites that a command is about and gathers their
// errors. Exit codes are in exit.go.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	os.Exit(run(newApp()))
}

// run is main with an exit code. The first interrupt ends the context, so that
// commands stop and tidy up; the second one ends the process.
func run(a *app) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop()
	}()
	return a.execute(ctx, os.Args[1:])
}
