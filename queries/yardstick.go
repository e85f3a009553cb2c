package queries

import (
	"context"
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

	last    PackageID // of the row before
	current uint32    // its version
}

// Judge is the row with its state as it is to be taken. An application is never
// stale: its content stays at version 1, whatever is in it (Microsoft's "Deploy
// and manage content").
func (y Yardstick) Judge(r PackageStatusDP) PackageStatusDP {
	y.judge(&r)
	return r
}

func (y *Yardstick) judge(r *PackageStatusDP) {
	switch r.State {
	case StateInstalled:
		if r.PackageID != y.last {
			y.last, y.current = r.PackageID, y.Versions[PackageID(strings.ToUpper(string(r.PackageID)))]
		}
		if r.PackageType.Versioned() && r.SourceVersion != 0 && r.SourceVersion < y.current {
			r.State = StateStale
		}
	case StatePending, StateRetrying:
		if at, ok := Happened(r.SummaryDate); ok && at.Before(y.StuckBefore) {
			r.State = StateStuck
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

// packageVersion is the version of a package (SMS_PackageStatusRootSummarizer).
type packageVersion struct {
	PackageID     PackageID `cim:"PackageID"`
	SourceVersion uint32    `cim:"SourceVersion"`
}

// CIMClass is SMS_PackageStatusRootSummarizer.
func (packageVersion) CIMClass() string { return "SMS_PackageStatusRootSummarizer" }

// MakeYardstick makes the yardstick of a filter's StuckAfter, which is the zero
// one when that is 0. It reads the packages' versions where the filter can pick
// what is installed. The clocks differ: the site's counts.
func MakeYardstick(ctx context.Context, s *cim.Session, f Filter) (Yardstick, error) {
	var y Yardstick
	if f.StuckAfter <= 0 {
		return y, nil
	}
	if len(f.States) == 0 || slices.Contains(reportedAs(f.States), StateInstalled) {
		y.Versions = map[PackageID]uint32{}
		for p, err := range filtered[packageVersion](ctx, s, f) {
			if err != nil {
				return y, err
			}
			y.Versions[PackageID(strings.ToUpper(string(p.PackageID)))] = p.SourceVersion
		}
	}
	ahead, _ := s.Client.ClockOffset()
	y.StuckBefore = time.Now().Add(ahead - f.StuckAfter)
	return y, nil
}
