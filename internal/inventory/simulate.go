package inventory

import (
	"maps"
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

// Simulation describes a simulated site by counts. One row is one package on
// one distribution point.
type Simulation struct {
	// Parent is the code of the central administration site above, which is
	// simulated too; empty for the top site of a hierarchy.
	Parent string
	// Name is the site's name in ConfigMgr; the default is its name in the
	// inventory.
	Name string
	// Central is true for a central administration site: one that another
	// simulated site names as its parent. No key sets it.
	Central bool
	// DPs are the site's own distribution points, Packages the packages that it
	// owns.
	DPs, Packages int
	// ServerDP makes the site server itself the first distribution point.
	ServerDP bool
	// Failed counts failed rows by their cause, one of [Causes]. Retrying,
	// Pending, Updating and Monitoring count the rows in these states. All of
	// them count secondary sites in.
	Failed                                  map[string]int
	Retrying, Pending, Updating, Monitoring int
	// Waiting counts pending rows that something holds back, by one of
	// [WaitingCauses]; Stuck pending and retrying rows of which nothing was heard
	// for days; Stale installed rows with an old version. Storms counts packages
	// that are retried far too often. These count secondary sites in too, but for
	// storms.
	Waiting              map[string]int
	Stuck, Stale, Storms int
	// Maintenance counts distribution points in maintenance mode, of secondary
	// sites too.
	Maintenance int
	// Hidden hides everything that needs a role from queries.
	Hidden bool
	// Secondaries are the secondary sites, which have no SMS Provider: this
	// site serves their distribution points.
	Secondaries []Secondary
	// Seed varies what counts leave open. Delay is how long a distribution
	// takes; zero leaves it to the simulator. Both belong to a whole hierarchy
	// and are set at its top site.
	Seed  uint64
	Delay time.Duration

	// origins hold the places of the keys that are checked between sites.
	origins map[string]Origin
}

// Secondary is a secondary site of a simulated primary site.
type Secondary struct {
	Code, Name string
	DPs        int

	origin Origin
}

// Causes gives the causes of failure that a simulated site can have. A resend
// cures transient, hash-mismatch and cancelled only.
func Causes() []string {
	return []string{"access-denied", "cancelled", "content-missing", "disk-full", "dp-offline", "hash-mismatch",
		"site-copy-damaged", "source-missing", "transient", "unknown"}
}

// WaitingCauses gives the causes that can hold content back at a simulated site.
func WaitingCauses() []string {
	return []string{"closed", "waits-for-content", "waits-for-prestaged"}
}

// The largest counts to simulate: bounds against slips, not what the simulator
// can hold.
const (
	maxSimulatedDPs      = 5000
	maxSimulatedPackages = 10000
	maxSimulatedRows     = 5_000_000
	maxSimulatedStorms   = 100
)

func simulationKeys() []key[Simulation] {
	rows := integer(0, maxSimulatedRows)
	keys := []key[Simulation]{
		field("parent", siteCode(), func(s *Simulation) *string { return &s.Parent },
			"The code of the simulated central administration site above."),
		field("name", text(), func(s *Simulation) *string { return &s.Name },
			"The site's name in ConfigMgr; the default is its name in the inventory."),
		field("dps", integer(0, maxSimulatedDPs), func(s *Simulation) *int { return &s.DPs },
			"How many distribution points the site has; none at a central administration site."),
		field("packages", integer(0, maxSimulatedPackages), func(s *Simulation) *int { return &s.Packages },
			"How many packages the site owns."),
		field("server_dp", boolean(), func(s *Simulation) *bool { return &s.ServerDP },
			"Whether the site server itself is the first distribution point."),
		field("retrying", rows, func(s *Simulation) *int { return &s.Retrying },
			"How many rows (packages on distribution points) are being retried."),
		field("pending", rows, func(s *Simulation) *int { return &s.Pending },
			"How many rows are waiting to be distributed."),
		field("updating", rows, func(s *Simulation) *int { return &s.Updating },
			"How many rows are in state 7, content updating."),
		field("monitoring", rows, func(s *Simulation) *int { return &s.Monitoring },
			"How many rows are in state 8, content monitoring."),
		field("stale", rows, func(s *Simulation) *int { return &s.Stale },
			"How many rows are installed with the version before the package's. A resend cures them."),
		field("stuck", rows, func(s *Simulation) *int { return &s.Stuck },
			"How many rows are pending or retrying and have not moved for days. A resend cures them."),
		field("storms", integer(0, maxSimulatedStorms), func(s *Simulation) *int { return &s.Storms },
			"How many packages the site retries many times an hour on one of its own distribution points, to which it has no access."),
		field("maintenance", integer(0, maxSimulatedDPs), func(s *Simulation) *int { return &s.Maintenance },
			"How many distribution points are in maintenance mode: those with the most rows that are not installed."),
		field("hidden", boolean(), func(s *Simulation) *bool { return &s.Hidden },
			"Whether packages, distribution points, their status and jobs are hidden, as from an account without roles."),
		field("seed", integer[uint64](0, 1<<63-1), func(s *Simulation) *uint64 { return &s.Seed },
			"Varies names, sizes and dates. Only at the top site of a hierarchy."),
		field("delay", duration(0), func(s *Simulation) *time.Duration { return &s.Delay },
			"How long a distribution takes. Only at the top site of a hierarchy."),
	}
	for _, cause := range Causes() {
		keys = append(keys, causeKey("failed", cause, "How many rows have failed for this cause.",
			func(s *Simulation) *map[string]int { return &s.Failed }))
	}
	for _, cause := range WaitingCauses() {
		keys = append(keys, causeKey("waiting", cause, "How many rows are pending for this cause.",
			func(s *Simulation) *map[string]int { return &s.Waiting }))
	}
	return append(keys, key[Simulation]{
		name: "secondaries",
		doc:  "The secondary sites, whose distribution points this site serves.",
		schema: map[string]any{
			"type":  "array",
			"items": objectSchema(secondaryKeys(), "code"),
		},
		nested: readSecondaries,
	})
}

// causeKey is the key of a section that counts rows by cause.
func causeKey(section, cause, doc string, counts func(*Simulation) *map[string]int) key[Simulation] {
	rows := integer(0, maxSimulatedRows)
	return key[Simulation]{
		name:   section + "." + cause,
		doc:    doc,
		schema: rows.schema,
		decode: func(r raw) (func(*Simulation), error) {
			n, err := rows.read(r)
			if err != nil {
				return nil, err
			}
			return func(s *Simulation) {
				m := counts(s)
				if *m == nil {
					*m = map[string]int{}
				}
				(*m)[cause] = n
			}, nil
		},
	}
}

func secondaryKeys() []key[Secondary] {
	return []key[Secondary]{
		field("code", siteCode(), func(s *Secondary) *string { return &s.Code },
			"The three-character site code."),
		field("name", text(), func(s *Secondary) *string { return &s.Name },
			"The site's name in ConfigMgr; the default is its code."),
		field("dps", integer(0, maxSimulatedDPs), func(s *Secondary) *int { return &s.DPs },
			"How many distribution points the site has."),
	}
}

func readSimulation(p *parser, n *yaml.Node, where string) func(*Site) {
	sim := Simulation{origins: map[string]Origin{"": p.origin(n, "")}}
	for _, s := range readKeys(p, n, where, simulationKeys()) {
		s.assign(&sim)
		sim.origins[s.key.name] = p.origin(s.node, "")
	}
	return func(s *Site) { s.Simulate = &sim }
}

func readSecondaries(p *parser, n *yaml.Node, where string) func(*Simulation) {
	if n.Kind != yaml.SequenceNode {
		p.fail(n, where, "want a list of secondary sites, got %s", describe(n))
		return nil
	}
	var list []Secondary
	for _, item := range n.Content {
		sec, before := Secondary{origin: p.origin(item, "")}, len(p.problems)
		for _, s := range readKeys(p, item, where, secondaryKeys()) {
			s.assign(&sec)
		}
		if sec.Code == "" && len(p.problems) == before {
			p.fail(item, where, "a secondary site needs code")
		}
		if sec.Name == "" {
			sec.Name = sec.Code
		}
		list = append(list, sec)
	}
	return func(s *Simulation) { s.Secondaries = list }
}

// checkHierarchies tells which simulated sites do not fit together, and marks
// the central ones.
func (p *parser) checkHierarchies(sites []Site) {
	byCode := map[string]*Site{}
	claim := func(s *Site, code string, at Origin) {
		if first, taken := byCode[code]; taken {
			p.failAt(at, "sites."+s.Name+".simulate", "site code %s is taken already, in %s", code, first.Name)
			return
		}
		byCode[code] = s
	}
	for i := range sites {
		if s := &sites[i]; s.Simulate != nil && s.Code != "" {
			claim(s, s.Code, s.Simulate.origins[""])
		}
	}
	parents := maps.Clone(byCode)
	for i := range sites {
		if sim := sites[i].Simulate; sim != nil {
			for _, sec := range sim.Secondaries {
				if sec.Code == "" {
					continue
				}
				claim(&sites[i], sec.Code, sec.origin)
			}
			p.checkParent(&sites[i], parents)
		}
	}
}

func (p *parser) checkParent(s *Site, byCode map[string]*Site) {
	sim, where := s.Simulate, "sites."+s.Name+".simulate"
	if sim.Parent == "" {
		return
	}
	for _, key := range []string{"seed", "delay"} {
		if at, set := sim.origins[key]; set {
			p.failAt(at, where, "%s belongs to the whole hierarchy: set it at the top site", key)
		}
	}
	parent, known := byCode[sim.Parent]
	at := sim.origins["parent"]
	switch {
	case !known:
		codes := slices.Sorted(maps.Keys(byCode))
		p.failAt(at, where, "no simulated site has the code %s of the parent%s", sim.Parent, DidYouMean(sim.Parent, codes))
	case parent == s:
		p.failAt(at, where, "a site cannot be its own parent")
	case parent.Simulate.Parent != "":
		p.failAt(at, where, "parent %s has a parent itself: only a central administration site has sites below it", sim.Parent)
	default:
		parent.Simulate.Central = true
	}
}

// Hierarchies gives the simulated sites, each hierarchy with its top site
// first and the others in the file's order.
func (inv *Inventory) Hierarchies() [][]Site {
	var out [][]Site
	index := map[string]int{}
	for _, s := range inv.sites {
		if s.Simulate != nil && s.Simulate.Parent == "" {
			index[s.Code] = len(out)
			out = append(out, []Site{s})
		}
	}
	for _, s := range inv.sites {
		if s.Simulate != nil && s.Simulate.Parent != "" {
			i := index[s.Simulate.Parent]
			out[i] = append(out[i], s)
		}
	}
	return out
}
