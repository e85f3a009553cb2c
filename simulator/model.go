package simulator

import (
	"time"

	"dpremote/simulator/internal/world"
)

// Model describes what to simulate. Everything in it is counted; names follow
// from codes and counts (dp01.ps1.sim.example, package PS100001).
type Model struct {
	// Seed chooses sizes, dates, identifiers and which rows fail. Two models that
	// are equal make equal hierarchies.
	Seed uint64
	// Sites are the sites that have an SMS Provider: central administration sites
	// and primary sites. Sites without a parent are hierarchies of their own.
	Sites []Site
	// Delay is the length of a distribution. 0 is 6 seconds.
	Delay time.Duration
}

// Site describes one site. A site that others name as their parent is a central
// administration site: it has packages, which go to every distribution point of
// its hierarchy, but no distribution points. The packages of a primary site go
// to its own distribution points and to those of its secondary sites. About one
// package in sixteen is a task sequence, which has no content.
type Site struct {
	Code   string // three letters or digits
	Name   string // empty is made from the code
	Parent string // the code of the central administration site, or empty

	DPs      int // distribution points of the site itself
	Packages int // packages that the site owns
	// ServerDP makes the site server the first distribution point. Applications
	// there take no redistribution: Distribution Manager holds them to be
	// installed.
	ServerDP bool

	// Rows that are not installed, counted over the distribution points of the
	// site and of its secondaries.
	Failed     map[Cause]int // INSTALL_FAILED, by cause
	Retrying   int           // INSTALL_RETRYING
	Pending    int           // INSTALL_PENDING
	Updating   int           // CONTENT_UPDATING
	Monitoring int           // CONTENT_MONITORING
	// Waiting is rows that something holds back, by one of WaitingCauses. They
	// are INSTALL_PENDING, and go on by themselves when Fix removes the cause.
	Waiting map[Cause]int
	// Stuck is rows of which nothing was heard for four to nine days: in turn
	// INSTALL_RETRYING with a job that was retried often, and INSTALL_PENDING
	// without a job. A resend cures them.
	Stuck int

	// Stale is rows that are INSTALLED with the version before the package's. A
	// resend cures them. They are never of applications, whose version stays 1.
	Stale int
	// Storms is packages with a retry storm, on one distribution point of the
	// site itself; see Hierarchy.Storm. They count as rows that are not installed.
	Storms int
	// Maintenance is distribution points in maintenance mode, of the site and of
	// its secondaries: those with the most rows that are not installed.
	Maintenance int
	// Hidden makes the site's SMS Provider hide all that roles give access to;
	// see Hierarchy.Hide.
	Hidden bool

	// Secondaries are the secondary sites below a primary. They have no SMS
	// Provider.
	Secondaries []Secondary
}

// Secondary describes a secondary site.
type Secondary struct {
	Code, Name string
	DPs        int
}

// Cause is why content does not arrive.
type Cause string

// The causes of failure, with the messages and errors by which they show.
const (
	DiskFull        Cause = "disk-full"         // message 2328 with 0x80070070; see Hierarchy.Fill too
	SourceMissing   Cause = "source-missing"    // message 2306; cured by an update when the source is back
	AccessDenied    Cause = "access-denied"     // message 2328 with 0x80070005
	DPOffline       Cause = "dp-offline"        // message 2391 with 0x80070035
	HashMismatch    Cause = "hash-mismatch"     // message 2382; cured by a resend, not by a validation
	Transient       Cause = "transient"         // message 8203 with 0x80070079; cured by a resend
	SiteCopyDamaged Cause = "site-copy-damaged" // message 2382 after each resend; cured by an update
	ContentMissing  Cause = "content-missing"   // message 2328 with 0x80070002; cured by an update
	Cancelled       Cause = "cancelled"         // message 8203 with 0x800704C7; cured by a resend
	Unexplained     Cause = "unknown"           // message 2394, whose meaning no source tells; cured by Fix only
)

// The causes that hold content back.
const (
	WaitsForPrestaged Cause = "waits-for-prestaged" // message 2371, no job
	WaitsForContent   Cause = "waits-for-content"   // message 2372, no job
	Closed            Cause = "closed"              // a job that waits for a distribution point with a schedule
)

// Causes are the causes of failure, for Site.Failed.
func Causes() []Cause { return causes(world.Causes()) }

// WaitingCauses are the causes that hold content back, for Site.Waiting. Break,
// Fail and Fix take them like the others.
func WaitingCauses() []Cause { return causes(world.WaitingCauses()) }

func causes(all []world.Cause) []Cause {
	var out []Cause
	for _, c := range all {
		out = append(out, Cause(c))
	}
	return out
}

// world is the model as the state takes it.
func (m Model) world() world.Model {
	out := world.Model{Seed: m.Seed, Delay: m.Delay}
	for _, s := range m.Sites {
		site := world.SiteModel{
			Code: s.Code, Name: s.Name, Parent: s.Parent,
			DPs: s.DPs, Packages: s.Packages, ServerDP: s.ServerDP,
			Failed: byCause(s.Failed), Waiting: byCause(s.Waiting),
			Retrying: s.Retrying, Pending: s.Pending, Updating: s.Updating, Monitoring: s.Monitoring,
			Stale: s.Stale, Stuck: s.Stuck, Storms: s.Storms,
			Maintenance: s.Maintenance, Hidden: s.Hidden,
		}
		for _, sec := range s.Secondaries {
			site.Secondaries = append(site.Secondaries, world.SecondaryModel(sec))
		}
		out.Sites = append(out.Sites, site)
	}
	return out
}

func byCause(rows map[Cause]int) map[world.Cause]int {
	out := map[world.Cause]int{}
	for cause, n := range rows {
		out[world.Cause(cause)] = n
	}
	return out
}
