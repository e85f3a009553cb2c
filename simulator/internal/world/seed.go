package world

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// domain is where every simulated server lives (RFC 2606).
const domain = "sim.example"

// The ages of what a new world holds. A package is older than its copies.
const (
	oldest       = 400 * 24 * time.Hour
	oldestSource = 300 * 24 * time.Hour
	oldestCopy   = 60 * 24 * time.Hour
	oldestTry    = 10 * 24 * time.Hour
)

// builder fills a new world from a model.
type builder struct {
	w     *World
	model Model
	start time.Time
	sites map[string]*site // by folded code
	dice  map[*site]*rand.Rand
}

func (b *builder) build() {
	for _, s := range b.model.Sites {
		b.addSite(s)
	}
	for _, s := range b.model.Sites {
		b.link(s)
	}
	for _, s := range b.model.Sites {
		b.addDPs(s)
	}
	for _, s := range b.model.Sites {
		b.addPackages(s)
	}
	for _, s := range b.model.Sites {
		b.addGroups(b.site(s.Code))
	}
	for _, s := range b.model.Sites {
		b.deal(s)
	}
}

func (b *builder) site(code string) *site { return b.sites[fold(code)] }

// addSite adds a site and its secondaries.
func (b *builder) addSite(m SiteModel) {
	kind := primary
	if b.model.isCAS(m) {
		kind = central
	}
	s := b.newSite(m.Code, m.Name, kind)
	s.reporter = s
	for _, sec := range m.Secondaries {
		child := b.newSite(sec.Code, sec.Name, secondary)
		child.parent, child.reporter = s, s
	}
}

func (b *builder) newSite(code, name string, kind siteKind) *site {
	code = fold(code)
	if name == "" {
		name = map[siteKind]string{central: "Central Site ", primary: "Primary Site ", secondary: "Secondary Site "}[kind] + code
	}
	s := &site{code: code, name: name, kind: kind, server: "cm01." + strings.ToLower(code) + "." + domain}
	b.sites[code] = s
	// Each site throws its own dice, so that a site added to a model leaves the others as they were.
	h := fnv.New64a()
	h.Write([]byte(code))
	b.dice[s] = rand.New(rand.NewPCG(b.model.Seed, h.Sum64()))
	return s
}

// link puts a site and its secondaries into their hierarchy.
func (b *builder) link(m SiteModel) {
	s := b.site(m.Code)
	root := s
	if m.Parent != "" {
		s.parent = b.site(m.Parent)
		root = s.parent
	}
	if root.tree == nil {
		root.tree = &tree{}
		b.w.trees = append(b.w.trees, root.tree)
	}
	s.tree = root.tree
	s.tree.sites = append(s.tree.sites, s)
	for _, sec := range m.Secondaries {
		child := b.site(sec.Code)
		child.tree = s.tree
		s.tree.sites = append(s.tree.sites, child)
	}
}

func (b *builder) addDPs(m SiteModel) {
	s := b.site(m.Code)
	for i := range m.DPs {
		b.addDP(s, i, m.ServerDP && i == 0)
	}
	for _, sec := range m.Secondaries {
		for i := range sec.DPs {
			b.addDP(b.site(sec.Code), i, false)
		}
	}
}

func (b *builder) addDP(s *site, i int, onServer bool) {
	name := fmt.Sprintf("dp%02d.%s.%s", i+1, strings.ToLower(s.code), domain)
	if onServer {
		name = s.server
	}
	dice := b.dice[s]
	total := int64(250+250*dice.IntN(4)) * mb * 1024
	b.w.lastDP++
	d := &dp{
		id: b.w.lastDP, name: name, nal: nalPath(name, s.code), guid: guid(dice), site: s,
		onServer:  onServer,
		installed: b.ago(dice, oldestSource, oldest),
		pull:      i%5 == 4,
		totalKB:   total,
		freeKB:    total / 100 * int64(15+dice.IntN(60)),
	}
	s.dps = append(s.dps, d)
	s.tree.dps = append(s.tree.dps, d)
	b.w.dps[fold(d.nal)] = d
}

// nalPath is a server's network abstraction layer path, as site systems have it.
func nalPath(server, siteCode string) string {
	return `["Display=\\` + server + `\"]MSWNET:["SMS_SITE=` + siteCode + `"]\\` + server + `\`
}

// addPackages adds a site's packages and, where they have a source, their
// content: a central site's packages go to every DP of the hierarchy, a
// primary's to its own and its secondaries'.
func (b *builder) addPackages(m SiteModel) {
	s, order, all := b.site(m.Code), cycle(), kinds()
	seen := map[uint32]int{}
	for i := range m.Packages {
		k := all[order[i%len(order)]]
		name := k.name(seen[k.packageType])
		if s.parent != nil {
			name += " " + s.code
		}
		p := b.addPackage(s, i+1, k, name)
		seen[k.packageType]++
		if p.noSource {
			continue
		}
		for _, d := range s.tree.dps {
			if s.kind == central || d.site.reporter == s {
				b.addContent(p, d)
			}
		}
	}
}

func (b *builder) addPackage(s *site, number int, k kind, name string) *pkg {
	dice := b.dice[s]
	p := &pkg{
		kind: k, number: uint32(len(b.w.packages) + 1), id: fmt.Sprintf("%s%05X", s.code, number), name: name, site: s,
		version: uint32(1 + dice.IntN(6)),
		created: b.ago(dice, oldestSource, oldest),
	}
	p.objectID = p.id
	if p.packageType == typeApplication {
		// An application's content package stays at version 1.
		p.version = 1
		p.objectID = "ScopeId_" + strings.Trim(guid(dice), "{}") + "/Application_" + strings.ToLower(strings.Trim(guid(dice), "{}"))
	}
	p.sourceDate = b.ago(dice, oldestCopy, oldestSource)
	p.lastRefresh = p.sourceDate
	if !p.noSource {
		p.sizeKB = k.smallest + dice.Uint32N(k.largest-k.smallest+1)
		p.sourcePath = `\\files.` + domain + `\source$\` + p.share + `\` + p.name
	}
	s.tree.packages = append(s.tree.packages, p)
	b.w.packages[fold(p.id)] = p
	return p
}

// addContent adds an installed row.
func (b *builder) addContent(p *pkg, d *dp) {
	copied := b.ago(b.dice[d.site], oldestTry, oldestCopy)
	c := &content{
		id: uint64(len(b.w.contents) + 1), pkg: p, dp: d,
		state: Installed, version: p.version, lastCopied: copied, summary: copied,
	}
	p.rows = append(p.rows, c)
	d.rows = append(d.rows, c)
	b.w.contents = append(b.w.contents, c)
}

// addGroups adds the group of all DPs that a site shows, with the packages that
// the site owns.
func (b *builder) addGroups(s *site) {
	g := &group{
		id: guid(b.dice[s]), name: "All " + s.name + " DPs", site: s,
		description: "Every distribution point of " + s.name,
		created:     b.ago(b.dice[s], oldestSource, oldest),
	}
	for _, d := range s.tree.dps {
		if s.kind == central || d.site.reporter == s {
			g.members = append(g.members, d)
			d.groups = append(d.groups, g)
		}
	}
	for _, p := range s.tree.packages {
		if p.site == s && !p.noSource {
			g.packages = append(g.packages, p)
		}
	}
	if len(g.members) > 0 {
		s.tree.groups = append(s.tree.groups, g)
	}
}

// ago is a moment between the two ages before the start, to the second.
func (b *builder) ago(dice *rand.Rand, youngest, oldest time.Duration) time.Time {
	age := youngest + time.Duration(dice.Int64N(int64(oldest-youngest)))
	return b.start.Add(-age).Truncate(time.Second)
}

// guid makes a GUID in the registry's form.
func guid(dice *rand.Rand) string {
	hi, lo := dice.Uint64(), dice.Uint64()
	return fmt.Sprintf("{%08X-%04X-4%03X-%04X-%012X}",
		uint32(hi>>32), uint16(hi>>16), uint16(hi)&0xFFF, 0x8000|uint16(lo>>48)&0x3FFF, lo&0xFFFFFFFFFFFF)
}

// deal gives the states that a site's model asks for to rows of its DPs.
func (b *builder) deal(m SiteModel) {
	s := b.site(m.Code)
	dealer := &dealer{dice: b.dice[s], troubled: map[*dp]bool{}}
	for _, d := range s.tree.dps {
		if d.site.reporter == s {
			dealer.free = append(dealer.free, d.rows...)
		}
	}
	b.dealFirst(m, dealer)
	for _, cause := range Causes() {
		for _, c := range dealer.take(cause, m.Failed[cause]) {
			b.w.seedFailed(c, cause, b.ago(dealer.dice, time.Hour, oldestTry), dealer.dice.IntN(2) == 0)
		}
	}
	for _, c := range dealer.take("", m.Retrying) {
		b.w.seedRetrying(c, b.start)
	}
	for _, c := range dealer.take("", m.Pending) {
		b.w.seedPending(c, b.start)
	}
	for _, c := range dealer.take("", m.Updating) {
		b.w.seedState(c, ContentUpdating, b.start.Add(-time.Minute))
	}
	for _, c := range dealer.take("", m.Monitoring) {
		b.w.seedState(c, ContentMonitoring, b.start.Add(-time.Minute))
	}
	b.dealLast(m, dealer)
}

// dealFirst deals what not every row is fit for. It leaves the dice alone where
// a model asks for none of it.
func (b *builder) dealFirst(m SiteModel, dealer *dealer) {
	s := b.site(m.Code)
	storming := map[*pkg]bool{}
	for range m.Storms {
		row := dealer.choose(1,
			func(c *content) bool {
				return c.dp.site == s && c.pkg.packageType != typeApplication && !storming[c.pkg]
			},
			func(c *content) bool { return c.pkg.site == s })[0]
		storming[row.pkg] = true
		b.w.seedStorm(row, b.ago(dealer.dice, 0, stormFastest))
	}
	for _, c := range dealer.choose(m.Stale,
		func(c *content) bool { return c.pkg.packageType != typeApplication },
		func(c *content) bool { return c.pkg.version > 1 }) {
		if c.pkg.version == 1 {
			b.raise(c.pkg)
		}
		c.seedStale()
	}
}

// raise makes a package one that was updated once, and all its content with it.
func (b *builder) raise(p *pkg) {
	p.version++
	for _, c := range p.rows {
		if c.version > 0 {
			c.version++
		}
	}
	for _, j := range b.w.jobs {
		if j.content.pkg == p {
			j.version++
		}
	}
}

// The ages of rows that wait, and of those that are stuck: more than three days
// is what Microsoft's support article on content distribution looks for.
const (
	oldestWait    = 2 * 24 * time.Hour
	youngestStuck = 4 * 24 * time.Hour
	oldestStuck   = 9 * 24 * time.Hour
)

// dealLast deals what was added to models later, so that what is dealt before
// stays the same, and picks the DPs in maintenance mode: those with the most
// rows that are not installed.
func (b *builder) dealLast(m SiteModel, dealer *dealer) {
	for _, cause := range WaitingCauses() {
		for _, c := range dealer.take(cause, m.Waiting[cause]) {
			b.w.seedWaiting(c, cause, b.ago(dealer.dice, time.Hour, oldestWait))
		}
	}
	for i, c := range dealer.take("", m.Stuck) {
		b.w.seedStuck(c, b.ago(dealer.dice, youngestStuck, oldestStuck), i%2 == 1)
	}
	if m.Maintenance == 0 {
		return
	}
	s := b.site(m.Code)
	troubles := map[*dp]int{}
	var dps []*dp
	for _, d := range s.tree.dps {
		if d.site.reporter != s {
			continue
		}
		dps = append(dps, d)
		for _, c := range d.rows {
			if c.state != Installed {
				troubles[d]++
			}
		}
	}
	slices.SortStableFunc(dps, func(a, b *dp) int { return cmp.Compare(troubles[b], troubles[a]) })
	for _, d := range dps[:m.Maintenance] {
		d.maintenance = b.ago(dealer.dice, time.Hour, oldestWait)
	}
}

// dealer hands out rows, each once.
type dealer struct {
	dice     *rand.Rand
	free     []*content
	troubled map[*dp]bool // DPs that have a fault of their own
}

// take takes n rows. The rows of a fault of a DP lie together on one DP, those
// of a fault of a package in one package; the others are scattered, over sound
// DPs first. Content that no resend can reach comes last.
func (d *dealer) take(cause Cause, n int) []*content {
	if n == 0 {
		return nil
	}
	d.shuffle()
	sound := func(c *content) bool { return !d.troubled[c.dp] }
	preferred := sound
	switch {
	case cause.ofDP():
		slices.SortStableFunc(d.free, func(a, b *content) int { return cmp.Compare(a.dp.id, b.dp.id) })
		first := d.pick(sound)
		preferred = func(c *content) bool { return c.dp == first.dp }
	case cause.ofPackage():
		slices.SortStableFunc(d.free, func(a, b *content) int { return cmp.Compare(a.pkg.id, b.pkg.id) })
		first := d.pick(func(c *content) bool { return sound(c) && befalls(cause, c) })
		preferred = func(c *content) bool { return c.pkg == first.pkg }
	}
	rank := func(c *content) int {
		switch {
		case c.unmovable():
			return 2
		case preferred(c):
			return 0
		}
		return 1
	}
	slices.SortStableFunc(d.free, func(a, b *content) int { return cmp.Compare(rank(a), rank(b)) })
	taken := d.cut(n)
	if cause.ofDP() {
		for _, c := range taken {
			d.troubled[c.dp] = true
		}
	}
	return taken
}

// befalls tells whether a row's package has what a fault of packages befalls.
func befalls(cause Cause, c *content) bool {
	if cause == WaitsForContent {
		return c.pkg.site != c.dp.site // content comes to a site from another
	}
	// An application's content comes from its deployment types, not from one folder.
	return c.pkg.packageType != typeApplication
}

// choose takes n rows that please, those that are preferred first. There must be
// as many.
func (d *dealer) choose(n int, pleases, preferred func(*content) bool) []*content {
	if n == 0 {
		return nil
	}
	d.shuffle()
	rank := func(c *content) int {
		switch {
		case !pleases(c):
			return 2
		case !preferred(c):
			return 1
		}
		return 0
	}
	slices.SortStableFunc(d.free, func(a, b *content) int { return cmp.Compare(rank(a), rank(b)) })
	return d.cut(n)
}

func (d *dealer) shuffle() {
	d.dice.Shuffle(len(d.free), func(i, j int) { d.free[i], d.free[j] = d.free[j], d.free[i] })
}

// cut takes the first n free rows.
func (d *dealer) cut(n int) []*content {
	taken := d.free[:n]
	d.free = d.free[n:]
	return taken
}

// pick is a random free row that pleases, or any where none does.
func (d *dealer) pick(pleases func(*content) bool) *content {
	start := d.dice.IntN(len(d.free))
	for i := range d.free {
		if c := d.free[(start+i)%len(d.free)]; pleases(c) {
			return c
		}
	}
	return d.free[start]
}
