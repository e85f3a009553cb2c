package queries

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"dpremote/cim"
)

// Filter picks status rows. As much of it as possible goes to the server; all
// of it is checked again on the rows that come, so that SRV1 never stands for
// SRV10. The zero value picks every row, an empty list any value.
type Filter struct {
	// DPs match the FQDN of a distribution point or its first label.
	DPs []Pattern
	// Packages match package IDs. Without wildcards it must be a whole ID.
	Packages []Pattern
	Types    []PackageType
	// States are the states to pick. With StuckAfter, installed does not pick
	// what is stale, nor pending what is stuck.
	States []State
	// StuckAfter is how long a row may be pending or retrying until it is stuck,
	// and has rows judged stale too; see Yardstick. 0 takes all states as the
	// site reports them: no row is stale or stuck then.
	StuckAfter time.Duration
	// Since is the least SummaryDate.
	Since time.Time
	// NotSites are sites whose distribution points are left out, as SMS_Site
	// spells them: those that another server is asked for.
	NotSites []SiteCode
}

// maxPatterns is the most patterns that go to the server in one query. With
// more the server is asked for all, and the rows are checked here.
const maxPatterns = 20

// MatchDP tells whether the filter picks a distribution point.
func (f Filter) MatchDP(path NALPath) bool {
	if len(f.DPs) == 0 {
		return true
	}
	server := path.Server()
	return slices.ContainsFunc(f.DPs, func(p Pattern) bool { return p.matchesServer(server) })
}

// MatchPackage tells whether the filter picks a package.
func (f Filter) MatchPackage(id PackageID) bool {
	return len(f.Packages) == 0 || slices.ContainsFunc(f.Packages, func(p Pattern) bool { return p.Match(string(id)) })
}

// Match tells whether the filter picks a row.
func (f Filter) Match(r PackageStatusDP) bool { return f.match(&r) }

// match is Match without a copy of the row: there may be millions.
func (f *Filter) match(r *PackageStatusDP) bool {
	return f.MatchDP(r.ServerNALPath) && f.MatchPackage(r.PackageID) && f.matchSince(r.SummaryDate) && !slices.Contains(f.NotSites, r.SiteCode) &&
		(len(f.Types) == 0 || slices.Contains(f.Types, r.PackageType)) &&
		(len(f.States) == 0 || slices.Contains(f.States, r.State))
}

// matchCounts tells whether there is a distribution point in one of the states.
func (f Filter) matchCounts(c Counts) bool {
	return len(f.States) == 0 || slices.ContainsFunc(f.States, func(s State) bool { return c.In(s) > 0 })
}

func (f Filter) matchSince(d cim.Datetime) bool {
	return f.Since.IsZero() || !d.IsZero() && !d.Time.Before(f.Since)
}

// countsOnly refuses what rows that only count distribution points cannot be
// picked by.
func (f Filter) countsOnly(what string) error {
	switch {
	case len(f.DPs) > 0:
		return fmt.Errorf("filter %s: it counts distribution points and names none", what)
	case len(f.Types) > 0:
		return fmt.Errorf("filter %s: it does not tell package types", what)
	case len(f.NotSites) > 0:
		return fmt.Errorf("filter %s: it counts the distribution points of all sites", what)
	}
	return nil
}

// filtered asks for the rows of the filter's packages that meet the conditions.
// It takes several queries where there are many packages.
func filtered[T Record](ctx context.Context, s *cim.Session, f Filter, conditions ...Condition) iter.Seq2[T, error] {
	var parts []iter.Seq2[T, error]
	for _, packages := range f.packageConditions() {
		parts = append(parts, Select[T](packages).Where(conditions...).Run(ctx, s))
	}
	return chain(parts)
}

// packageConditions are conditions of which a row meets one at most; the rows
// of all of them are those of the filter's packages, or more.
func (f Filter) packageConditions() []Condition {
	var ids []PackageID
	var wild []Condition
	var errs []error
	for _, p := range f.Packages {
		text, exact := p.Literal()
		if !exact {
			wild = append(wild, Like("PackageID", p))
			continue
		}
		id, err := ParsePackageID(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%w; for part of one use a pattern such as %s*", err, text))
		}
		ids = append(ids, id)
	}
	ids = unique(ids)
	switch {
	case len(errs) > 0:
		return []Condition{{err: errors.Join(errs...)}}
	case len(f.Packages) == 0, len(wild) > 0 && len(wild)+len(ids) > maxPatterns:
		return []Condition{{}}
	case len(wild) == 0:
		return inChunks("PackageID", ids)
	case len(ids) > 0:
		wild = append(wild, In("PackageID", ids...))
	}
	return []Condition{Or(wild...)}
}

// inChunks is one In or several, none of which is too long. Of no values it is
// no condition.
func inChunks[V Literal](property string, values []V) []Condition {
	if len(values) == 0 {
		return []Condition{{}}
	}
	var all []Condition
	for part := range slices.Chunk(values, MaxIn) {
		all = append(all, In(property, part...))
	}
	return all
}

func unique(ids []PackageID) []PackageID {
	out := make([]PackageID, len(ids))
	for i, id := range ids {
		out[i] = PackageID(strings.ToUpper(string(id)))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// dpCondition holds for the filter's distribution points, and for some whose
// path contains their names.
func (f Filter) dpCondition() Condition {
	if len(f.DPs) == 0 || len(f.DPs) > maxPatterns || slices.ContainsFunc(f.DPs, Pattern.matchesAll) {
		return Condition{}
	}
	likes := make([]Condition, len(f.DPs))
	for i, p := range f.DPs {
		likes[i] = Contains("ServerNALPath", p)
	}
	return Or(likes...)
}

// stateCondition holds for the rows that can be in one of the filter's states
// once they are judged.
func (f Filter) stateCondition() Condition { return numbersCondition("State", reportedAs(f.States)) }

// numbersCondition holds for rows with one of the numbers; for all rows when
// there are none, or more than a query takes.
func numbersCondition[V ~uint32](property string, numbers []V) Condition {
	if len(numbers) == 0 || len(numbers) > MaxIn {
		return Condition{}
	}
	return In(property, numbers...)
}

// siteCondition holds for the rows of other sites than those to leave out; with
// many of these also for some of theirs.
func (f Filter) siteCondition() Condition {
	var other []Condition
	for _, code := range f.NotSites[:min(len(f.NotSites), MaxIn)] {
		other = append(other, Ne("SiteCode", code))
	}
	return And(other...)
}

// sinceCondition cuts to the second: a server may store no fractions.
func (f Filter) sinceCondition() Condition {
	if f.Since.IsZero() {
		return Condition{}
	}
	return Ge("SummaryDate", f.Since.Truncate(time.Second))
}

// countsCondition holds where matchCounts can.
func (f Filter) countsCondition() Condition {
	var counts []Condition
	for _, s := range f.States {
		switch s {
		case StateInstalled:
			counts = append(counts, Gt("Installed", 0))
		case StateRetrying:
			counts = append(counts, Gt("Retrying", 0))
		case StateFailed:
			counts = append(counts, Gt("Failed", 0))
		default:
			return Condition{}
		}
	}
	if len(counts) == 0 {
		return Condition{}
	}
	return Or(counts...)
}
