package main

import (
	"time"

	"github.com/spf13/pflag"

	"dpremote/queries"
)

// filterFlags pick rows. Each takes a comma list.
type filterFlags struct {
	dps, packages, types, states []string
	since                        string
	stuckAfter                   time.Duration
}

// stuckAfter is how long a row may be pending or retrying by default. It is what
// Microsoft's own query for stuck distributions takes.
const stuckAfter = 3 * 24 * time.Hour

func (f *filterFlags) register(flags *pflag.FlagSet, states string) {
	flags.StringSliceVar(&f.dps, "dp", nil, "only these distribution points: names or patterns such as SRV*")
	flags.StringSliceVar(&f.packages, "package", nil, "only these packages: IDs or patterns such as PS1*")
	flags.StringSliceVar(&f.types, "type", nil, "only these package types, such as package, application, boot-image")
	flags.StringSliceVar(&f.states, "state", nil, "only these states, such as failed, retrying, stale, stuck; unhealthy for all bad ones but stale, all for any ("+states+")")
	flags.DurationVar(&f.stuckAfter, "stuck-after", stuckAfter, "take what has been pending or retrying for longer than this for stuck")
	flags.StringVar(&f.since, "since", "", "only what changed since: a duration such as 24h, or a date")
}

// filter is the filter that the flags ask for; the default states stand where
// none were given.
func (f *filterFlags) filter(now time.Time, defaultStates ...queries.State) (queries.Filter, error) {
	out := queries.Filter{States: defaultStates, StuckAfter: f.stuckAfter}
	if f.stuckAfter <= 0 {
		return out, usage("--stuck-after must be more than nothing")
	}
	var err error
	if out.DPs, err = patterns("--dp", f.dps); err != nil {
		return out, err
	}
	if out.Packages, err = patterns("--package", f.packages); err != nil {
		return out, err
	}
	for _, word := range commas(f.types) {
		t, err := queries.ParsePackageType(word)
		if err != nil {
			return out, usage("--type: %w", err)
		}
		out.Types = append(out.Types, t)
	}
	if words := commas(f.states); len(words) > 0 {
		if out.States, err = states(words); err != nil {
			return out, usage("--state: %w; or unhealthy, or all", err)
		}
	}
	out.Since, err = since(f.since, now)
	return out, err
}

// states reads state words; all stands for no filter.
func states(words []string) ([]queries.State, error) {
	if len(words) == 1 && words[0] == "all" {
		return nil, nil
	}
	return queries.ParseStates(words...)
}

func patterns(flag string, words []string) ([]queries.Pattern, error) {
	var out []queries.Pattern
	for _, word := range commas(words) {
		p, err := queries.ParsePattern(word)
		if err != nil {
			return nil, usage("%s: %w", flag, err)
		}
		if literal, exact := p.Literal(); exact && flag == "--package" {
			if _, err := queries.ParsePackageID(literal); err != nil {
				return nil, usage("--package: %w; for part of one use a pattern such as %s*", err, literal)
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// since reads how far back to look.
func since(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, text, time.UTC); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usage("--since: %q is neither a duration such as 24h nor a date such as 2026-11-21", text)
}
