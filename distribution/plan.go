package distribution

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"dpremote/queries"
)

// Skip names why a row is not sent again. The empty one means that it is.
type Skip string

// The reasons to skip a row.
const (
	SkipNothing    Skip = ""
	SkipCause      Skip = "cause"       // a refresh would fail again; see Row.Finding
	SkipStorm      Skip = "storm"       // it fails again and again, and each time loads the hierarchy
	SkipQueued     Skip = "queued"      // a transfer of it is under way
	SkipCooldown   Skip = "cooldown"    // it was refreshed a short while ago
	SkipQueueFull  Skip = "queue-full"  // the distribution point or the site has enough to do
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
	// Turn is the row's place in the order of sending, from 1; 0 when it is
	// skipped.
	Turn int
	// Later says that there is no room for it in the queues now: it is sent when
	// there is; see Pace.
	Later bool
}

// Rules decide what a plan sends again.
type Rules struct {
	// Force sends again what would be skipped for its cause, a storm, the queue
	// or the cooldown.
	Force bool
	// Cooldown is how long a row is left alone after a refresh.
	Cooldown time.Duration
	// Max is the most rows to send again; 0 means no limit.
	Max   int
	Pace  Pace
	Order Order
	Now   time.Time
	// Storms are the retry storms that are known. Those that are over count for
	// nothing.
	Storms []Storm
	// Elsewhere are sites that are known and that the plan must not act for,
	// each with the reason: they were left out, or did not answer. Another
	// site's view of their distribution points lags behind, and acting on it
	// would go behind somebody's back.
	Elsewhere map[queries.SiteCode]string
}

// Pace bounds how many transfers a refresh lets be open at once, those included
// that are open already. The zero value bounds nothing.
type Pace struct {
	// PerDP is the most of one distribution point. A pull distribution point
	// takes 50 (Microsoft support article "Package Transfer Manager").
	PerDP int
	// PerSite is the most of one site, which sends 15 at once unless set
	// otherwise (Microsoft support article "Components and threads").
	PerSite int
	// Wait keeps rows in the plan for which there is no room yet; RefreshPaced
	// sends them. Without it they are skipped.
	Wait bool
}

// Order is the order in which rows are sent. The zero value is OrderSmall.
type Order string

// The orders. Rows that are equal in it are sent in the plan's order.
const (
	OrderSmall Order = "small" // the smallest content first, so that most of it is done soon
	OrderLarge Order = "large" // the largest first
	OrderOld   Order = "old"   // what has been in its state for longest first
	OrderList  Order = "list"  // as the plan lists them
)

// ParseOrder reads the name of an order.
func ParseOrder(name string) (Order, error) {
	switch o := Order(name); o {
	case OrderSmall, OrderLarge, OrderOld, OrderList:
		return o, nil
	}
	return "", fmt.Errorf("unknown order %q: use small, large, old or list", name)
}

// compare orders rows. Content of an unknown size comes last.
func (o Order) compare(a, b Row) int {
	switch o {
	case OrderList:
		return 0
	case OrderOld:
		return a.SummaryDate.Time.Compare(b.SummaryDate.Time)
	case OrderLarge:
		return cmp.Compare(b.SizeKB, a.SizeKB)
	}
	if (a.SizeKB == 0) != (b.SizeKB == 0) {
		return cmp.Compare(b.SizeKB, a.SizeKB)
	}
	return cmp.Compare(a.SizeKB, b.SizeKB)
}

// MakePlan decides about each row. The steps are in the rows' order.
func MakePlan(rows []Row, rules Rules) []Step {
	steps := make([]Step, len(rows))
	turns := make([]*Step, len(rows))
	for i, row := range rows {
		steps[i].Row = row
		turns[i] = &steps[i]
	}
	slices.SortStableFunc(turns, func(a, b *Step) int { return rules.Order.compare(a.Row, b.Row) })
	planned := 0
	load := newLoad()
	for _, step := range turns {
		if step.Skip, step.Reason = rules.judge(step.Row); step.Skip != SkipNothing {
			continue
		}
		if rules.Max > 0 && planned >= rules.Max {
			step.Skip, step.Reason = SkipMax, fmt.Sprintf("more than the %d that are allowed at once", rules.Max)
			continue
		}
		if why := load.full(step.Row, rules.Pace); why != "" && !rules.Force {
			if !rules.Pace.Wait {
				step.Skip, step.Reason = SkipQueueFull, why+": run again later, or with --wait"
				continue
			}
			step.Later = true
		} else {
			load.add(step.Row)
		}
		planned++
		step.Turn = planned
	}
	return steps
}

// load counts what a plan adds to the queues.
type load struct {
	dps   map[string]int // by NALPath.Key
	sites map[*Site]int
}

func newLoad() *load { return &load{map[string]int{}, map[*Site]int{}} }

func (l *load) add(row Row) {
	l.dps[row.ServerNALPath.Key()]++
	l.sites[row.Owner]++
}

// full says why there is no room for one more, and nothing when there is.
func (l *load) full(row Row, pace Pace) string {
	if n := row.Queue + l.dps[row.ServerNALPath.Key()]; pace.PerDP > 0 && n >= pace.PerDP {
		return fmt.Sprintf("the distribution point has %d transfers to do", n)
	}
	if n := row.SiteQueue + l.sites[row.Owner]; pace.PerSite > 0 && n >= pace.PerSite {
		return fmt.Sprintf("the site has %d transfers to do", n)
	}
	return ""
}

// judge says whether to skip a row for what it is.
func (r Rules) judge(row Row) (Skip, string) {
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
	}
	for _, s := range r.Storms {
		if strings.EqualFold(string(s.PackageID), string(row.PackageID)) && s.Rages(r.Now) {
			return SkipStorm, fmt.Sprintf("a retry storm: it failed %d times within an hour at site %s, and a refresh would add to that", s.Failures, s.Site)
		}
	}
	switch {
	case row.Jobs > 0 && row.State != queries.StateStuck:
		return SkipQueued, "a transfer of it is in the queue already"
	case row.Resend == CuresNo:
		return SkipCause, row.Words
	case r.Cooldown > 0 && !row.Refreshed.IsZero() && r.Now.Sub(row.Refreshed) < r.Cooldown:
		ago := max(r.Now.Sub(row.Refreshed), 0).Round(time.Second)
		return SkipCooldown, fmt.Sprintf("it was refreshed %s ago (cooldown %s)", ago, r.Cooldown)
	}
	return SkipNothing, ""
}

// Travel is how much content a plan sends.
type Travel struct {
	Rows    int
	KB      uint64
	Unknown int // rows whose size is not known, which KB leaves out
}

func (t *Travel) add(s Step) {
	t.Rows++
	t.KB += uint64(s.SizeKB)
	if s.SizeKB == 0 {
		t.Unknown++
	}
}

// DPTravel is what a plan sends to one distribution point.
type DPTravel struct {
	Server   string
	SiteCode queries.SiteCode
	Travel
}

// Travels adds up what a plan sends: in all, and to each distribution point, the
// most KB first. A refresh sends every file again (Microsoft support article
// "Understand package actions").
func Travels(steps []Step) (Travel, []DPTravel) {
	var all Travel
	byDP := map[queries.RowKey]*DPTravel{}
	for _, s := range steps {
		if s.Skip != SkipNothing {
			continue
		}
		all.add(s)
		key := s.RowKey()
		key.Package = ""
		if byDP[key] == nil {
			byDP[key] = &DPTravel{Server: s.ServerNALPath.Server(), SiteCode: s.SiteCode}
		}
		byDP[key].add(s)
	}
	var dps []DPTravel
	for _, d := range byDP {
		dps = append(dps, *d)
	}
	slices.SortFunc(dps, func(a, b DPTravel) int {
		return cmp.Or(cmp.Compare(b.KB, a.KB), cmp.Compare(b.Rows, a.Rows), cmp.Compare(a.Server, b.Server), cmp.Compare(a.SiteCode, b.SiteCode))
	})
	return all, dps
}

func isRemoval(s queries.State) bool {
	return s == queries.StateRemovalPending || s == queries.StateRemovalRetrying || s == queries.StateRemovalFailed
}
