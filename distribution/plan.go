package distribution

import (
	"fmt"
	"strings"
	"time"

	"dpremote/queries"
)

// Skip names why a row is not sent again. The empty one means that it is.
type Skip string

// The reasons to skip a row.
const (
	SkipNothing    Skip = ""
	SkipCause      Skip = "cause"       // a refresh would fail again; see Row.Cause
	SkipQueued     Skip = "queued"      // a transfer of it is under way
	SkipCooldown   Skip = "cooldown"    // it was refreshed a short while ago
	SkipQueueFull  Skip = "queue-full"  // the distribution point has enough to do
	SkipSiteServer Skip = "site-server" // applications there take no refresh
	SkipDeleted    Skip = "deleted"     // the package is being taken away
	SkipRemoval    Skip = "removal"     // the row is about a removal, which a refresh does not help
	SkipMax        Skip = "max"         // as many as allowed are in the plan
	SkipElsewhere  Skip = "elsewhere"   // it is for a site to do that is not asked; see Rules.Elsewhere
)

// Step is what to do about one row, and why.
type Step struct {
	Row
	Skip   Skip
	Reason string // for people; empty when the row is sent again
}

// Rules decide what a plan sends again.
type Rules struct {
	// Force sends again what would be skipped for its cause, for the queue or
	// for the cooldown.
	Force bool
	// Cooldown is how long a row is left alone after a refresh.
	Cooldown time.Duration
	// Max is the most rows to send again; 0 means no limit.
	Max int
	// MaxQueue is the most open jobs of a distribution point, those of the plan
	// included; 0 means no limit. A pull distribution point takes 50 (Microsoft
	// support article "Package Transfer Manager").
	MaxQueue int
	Now      time.Time
	// Elsewhere are sites that are known and that the plan must not act for,
	// each with the reason: they were left out, or did not answer. Another
	// site's view of their distribution points lags behind, and acting on it
	// would go behind somebody's back.
	Elsewhere map[queries.SiteCode]string
}

// MakePlan decides about each row, in their order.
func MakePlan(rows []Row, rules Rules) []Step {
	steps := make([]Step, 0, len(rows))
	planned := 0
	queue := map[string]int{}
	for _, row := range rows {
		step := Step{Row: row}
		dp := row.ServerNALPath.Key()
		step.Skip, step.Reason = rules.judge(row, queue[dp])
		if step.Skip == SkipNothing && rules.Max > 0 && planned >= rules.Max {
			step.Skip, step.Reason = SkipMax, fmt.Sprintf("more than the %d that are allowed at once", rules.Max)
		}
		if step.Skip == SkipNothing {
			planned++
			queue[dp]++
		}
		steps = append(steps, step)
	}
	return steps
}

// judge says whether to skip a row, when so many of its distribution point are
// in the plan already.
func (r Rules) judge(row Row, planned int) (Skip, string) {
	if why, ok := r.Elsewhere[queries.SiteCode(strings.ToUpper(string(row.Home)))]; ok {
		return SkipElsewhere, why
	}
	switch {
	case row.Deleted:
		return SkipDeleted, "the package is being removed from this distribution point"
	case isRemoval(row.State):
		return SkipRemoval, fmt.Sprintf("%s: a refresh does not help a removal", row.State)
	case row.OnSiteServer && row.PackageType == queries.TypeApplication:
		return SkipSiteServer, "applications on a site server's own distribution point take no refresh: remove the content and distribute it anew"
	case r.Force:
		return SkipNothing, ""
	case row.Jobs > 0:
		return SkipQueued, "a transfer of it is in the queue already"
	case row.Cause.Hopeless():
		return SkipCause, row.Cause.Words
	case r.Cooldown > 0 && !row.Refreshed.IsZero() && r.Now.Sub(row.Refreshed) < r.Cooldown:
		ago := max(r.Now.Sub(row.Refreshed), 0).Round(time.Second)
		return SkipCooldown, fmt.Sprintf("it was refreshed %s ago (cooldown %s)", ago, r.Cooldown)
	case r.MaxQueue > 0 && row.Queue+planned >= r.MaxQueue:
		return SkipQueueFull, fmt.Sprintf("the distribution point has %d transfers to do: run again later", row.Queue+planned)
	}
	return SkipNothing, ""
}

func isRemoval(s queries.State) bool {
	return s == queries.StateRemovalPending || s == queries.StateRemovalRetrying || s == queries.StateRemovalFailed
}
