package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dpremote/internal/inventory"
	"dpremote/queries"
)

// findings are what --fail-on names. The zero value names nothing.
type findings struct {
	states []queries.State
	older  time.Duration // what is not installed and has not changed for longer; 0 for nothing
}

// failOnHelp is what --fail-on says of itself.
const failOnHelp = "exit with 3 when something is in one of these states, or older-than=AGE: not installed, and unchanged for longer"

const olderThan = "older-than"

// parseFindings reads the words of --fail-on.
func parseFindings(words []string) (findings, error) {
	var out findings
	var states []string
	for _, word := range words {
		name, age, hasAge := strings.Cut(word, "=")
		if !strings.EqualFold(strings.TrimSpace(name), olderThan) {
			states = append(states, word)
			continue
		}
		var err error
		switch {
		case !hasAge:
			return out, usage("--fail-on: %s wants an age, such as %s=24h", olderThan, olderThan)
		case out.older > 0:
			return out, usage("--fail-on: %s is given twice", olderThan)
		}
		if out.older, err = parseAge(age); err != nil {
			return out, usage("--fail-on: %s=%s: %w", olderThan, age, err)
		}
	}
	if slices.Contains(states, "all") {
		return out, usage("--fail-on: all is no finding; name states, such as failed,retrying")
	}
	for _, word := range states {
		if _, err := queries.ParseStates(word); err != nil {
			return out, usage("--fail-on: %w, unhealthy or %s=24h%s", err, olderThan, inventory.DidYouMean(word, findingWords()))
		}
	}
	var err error
	out.states, err = queries.ParseStates(states...)
	return out, err
}

// parseAge reads how old something may be.
func parseAge(text string) (time.Duration, error) {
	age, ok := days(text)
	if !ok {
		var err error
		if age, err = time.ParseDuration(text); err != nil {
			return 0, fmt.Errorf("%q is no age such as 24h or 2d", text)
		}
	}
	if age <= 0 {
		return 0, errors.New("an age must be more than nothing")
	}
	return age, nil
}

// findingWords are the words that --fail-on knows.
func findingWords() []string {
	return append(words(queries.States()), "unhealthy", olderThan+"=24h")
}

// forLevel refuses what the rows of a level cannot show: those of root and site
// count three states, and do not tell since when a distribution point is in one.
func (f findings) forLevel(level string, words []string) error {
	if level == "dp" {
		return nil
	}
	counted := []queries.State{queries.StateInstalled, queries.StateRetrying, queries.StateFailed}
	for _, s := range f.states {
		if !slices.Contains(counted, s) && !slices.Contains(words, "unhealthy") {
			return usage("--fail-on: --level %s does not count what is %s; use --level dp", level, s)
		}
	}
	if f.older > 0 {
		return usage("--fail-on: --level %s does not tell how old a state is: %s needs --level dp", level, olderThan)
	}
	return nil
}

// names tells whether a row is a finding, at a time by its site's clock. What is
// stale is installed, and its date is that of the version it has: no age.
func (f findings) names(r queries.PackageStatusDP, now time.Time) bool {
	return slices.Contains(f.states, r.State) || f.tooOld(r, now)
}

func (f findings) tooOld(r queries.PackageStatusDP, now time.Time) bool {
	if f.older <= 0 || r.State == queries.StateInstalled || r.State == queries.StateStale {
		return false
	}
	at, known := queries.Happened(r.SummaryDate)
	return known && now.Sub(at) > f.older
}

// counted is the first state that is a finding of those that are counted, and
// how many distribution points are in it.
func (f findings) counted(c queries.Counts) (queries.State, uint32) {
	for _, s := range f.states {
		if s <= queries.StateFailed && s != queries.StatePending && c.In(s) > 0 {
			return s, c.In(s)
		}
	}
	return 0, 0
}
