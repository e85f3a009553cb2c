package queries

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"dpremote/cim"
)

// Yardstick tells which rows are stale and which are stuck. The zero value
// judges nothing.
type Yardstick struct {
	// Versions are the packages' versions, by their IDs in upper case. Rows of
	// others are not stale.
	Versions map[PackageID]uint32
	// StuckBefore is when a row that is still pending or retrying must have
	// changed last to be stuck, by the site's clock; zero for never.
	StuckBefore time.Time
}

// Judge is the row with its state as it is to be taken. An application is never
// stale: its content stays at version 1, whatever is in it (Microsoft's "Deploy
// and manage content").
func (y Yardstick) Judge(r PackageStatusDP) PackageStatusDP {
	switch r.State {
	case StateInstalled:
		current := y.Versions[PackageID(strings.ToUpper(string(r.PackageID)))]
		if r.PackageType.Versioned() && r.SourceVersion != 0 && r.SourceVersion < current {
			r.State = StateStale
		}
	case StatePending, StateRetrying:
		if at, ok := Happened(r.SummaryDate); ok && at.Before(y.StuckBefore) {
			r.State = StateStuck
		}
	}
	return r
}

func judged(rows iter.Seq2[PackageStatusDP, error], y Yardstick) iter.Seq2[PackageStatusDP, error] {
	return func(yield func(PackageStatusDP, error) bool) {
		for r, err := range rows {
			if !yield(y.Judge(r), err) {
				return
			}
		}
	}
}

// reportedAs are the states that sites report of rows which may be judged to be
// in one of some states.
func reportedAs(states []State) []State {
	var out []State
	for _, s := range states {
		switch s {
		case StateStale:
			out = append(out, StateInstalled)
		case StateStuck:
			out = append(out, StatePending, StateRetrying)
		default:
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// NeedsVersions tells whether the filter cannot pick rows without the
// Yardstick's versions.
func (f Filter) NeedsVersions() bool {
	return len(f.States) == 0 || slices.Contains(reportedAs(f.States), StateInstalled)
}

// packageVersion is the version of a package (SMS_PackageStatusRootSummarizer).
type packageVersion struct {
	PackageID     PackageID `cim:"PackageID"`
	SourceVersion uint32    `cim:"SourceVersion"`
}

// CIMClass is SMS_PackageStatusRootSummarizer.
func (packageVersion) CIMClass() string { return "SMS_PackageStatusRootSummarizer" }

// Versions reads the versions of the filter's packages, for a Yardstick.
func Versions(ctx context.Context, s *cim.Session, f Filter) (map[PackageID]uint32, error) {
	versions := map[PackageID]uint32{}
	for p, err := range filtered[packageVersion](ctx, s, f) {
		if err != nil {
			return nil, err
		}
		versions[PackageID(strings.ToUpper(string(p.PackageID)))] = p.SourceVersion
	}
	return versions, nil
}
