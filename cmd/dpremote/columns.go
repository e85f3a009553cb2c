package main

import (
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"dpremote/cim"
	"dpremote/internal/history"
	"dpremote/queries"
)

// stateColor colours a state; the word says the same.
func stateColor(value any) text.Colors {
	switch fmt.Sprint(value) {
	case queries.StateInstalled.String(), "installed", "ok", "cured", "refresh", "yes":
		return text.Colors{text.FgGreen}
	case queries.StateFailed.String(), queries.StateRemovalFailed.String(), queries.StateStuck.String(), "failed again", "error", "no":
		return text.Colors{text.FgRed}
	case queries.StateRetrying.String(), queries.StatePending.String(), queries.StateRemovalRetrying.String(), queries.StateStale.String(), "skip", "not decided":
		return text.Colors{text.FgYellow}
	}
	return nil
}

// badColor colours a number of failures.
func badColor(value any) text.Colors {
	if fmt.Sprint(value) == "0" {
		return nil
	}
	return text.Colors{text.FgRed}
}

// orNil leaves out what is not known.
func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// when is the time that a datetime stands for, zero for never.
func when(d cim.Datetime) time.Time {
	t, _ := queries.Happened(d)
	return t
}

// actColor colours the outcome of an act; the word says the same.
func actColor(value any) text.Colors {
	switch history.Outcome(fmt.Sprint(value)) {
	case history.Stored:
		return text.Colors{text.FgGreen}
	case history.Refused:
		return text.Colors{text.FgRed}
	}
	return text.Colors{text.FgYellow}
}
