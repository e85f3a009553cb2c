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

// The causes. A resend cures the last two.
const (
	DiskFull      Cause = "disk-full"      // message 2328 with 0x80070070
	SourceMissing Cause = "source-missing" // message 2306
	AccessDenied  Cause = "access-denied"  // message 2328 with 0x80070005
	DPOffline     Cause = "dp-offline"     // message 2391 with 0x80070035
	HashMismatch  Cause = "hash-mismatch"  // message 2382; validation does not cure it
	Transient     Cause = "transient"      // message 8203
)

// Causes are all causes.
func Causes() []Cause {
	return []Cause{DiskFull, SourceMissing, AccessDenied, DPOffline, HashMismatch, Transient}
}

// world is the model as the state takes it.
func (m Model) world() world.Model {
	out := world.Model{Seed: m.Seed, Delay: m.Delay}
	for _, s := range m.Sites {
		site := world.SiteModel{
			Code: s.Code, Name: s.Name, Parent: s.Parent,
			DPs: s.DPs, Packages: s.Packages, ServerDP: s.ServerDP,
			Failed:   map[world.Cause]int{},
			Retrying: s.Retrying, Pending: s.Pending, Updating: s.Updating, Monitoring: s.Monitoring,
		}
		for cause, n := range s.Failed {
			site.Failed[world.Cause(cause)] = n
		}
		for _, sec := range s.Secondaries {
			site.Secondaries = append(site.Secondaries, world.SecondaryModel(sec))
		}
		out.Sites = append(out.Sites, site)
	}
	return out
}
