package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"
)

// somebodyConfirms refuses a change that is not confirmed by --yes and that
// nobody is there to be asked about.
func somebodyConfirms(a *app, dryRun, yes bool) error {
	if _, isTerminal := a.terminal(a.in); !dryRun && !yes && !isTerminal {
		return usage("nobody is there to confirm: give --yes, or --dry-run to see the plan")
	}
	return nil
}

// confirm asks the person at the terminal. An interrupt is an answer too.
func confirm(ctx context.Context, a *app, question string) (bool, error) {
	fmt.Fprintf(a.err, "%s [y/N] ", oneLine(question))
	answer := make(chan string, 1)
	go func() {
		line, err := bufio.NewReader(a.in).ReadString('\n')
		if err != nil && line == "" {
			close(answer)
			return
		}
		answer <- line
	}()
	select {
	case <-ctx.Done():
		a.say("")
		return false, silent(exitInterrupted)
	case line, ok := <-answer:
		if !ok {
			return false, usage("no answer: give --yes, or --dry-run to see the plan")
		}
		word := strings.ToLower(strings.TrimSpace(line))
		return word == "y" || word == "yes", nil
	}
}
