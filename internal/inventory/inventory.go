package inventory

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// Inventory is what one inventory file says. It does not change, so several
// goroutines may use it at once.
type Inventory struct {
	name   string
	sites  []Site
	groups []Group
}

// Group is a named set of sites.
type Group struct {
	Name string
	// Sites are the names of the group's sites and of its children's, in the
	// file's order.
	Sites []string
}

// Load reads the inventory at path. Mistakes in it come as [Problems]; a
// missing file wraps [ErrNotFound].
func Load(path string) (*Inventory, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read inventory: %w at %s", ErrNotFound, path)
	}
	if err != nil {
		return nil, fmt.Errorf("read inventory: %w", err)
	}
	defer f.Close() // nothing was written
	// One byte more than Parse accepts, so that it sees what is too large.
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("read inventory: %w", err)
	}
	return Parse(path, data)
}

// Parse reads an inventory. name is the file's path: it stands in positions,
// and relative paths in the inventory start from its directory. All mistakes
// are found before it returns, as [Problems].
func Parse(name string, data []byte) (*Inventory, error) {
	p := &parser{file: name, dir: filepath.Dir(name)}
	inv := &Inventory{name: name}
	if top := p.document(data); top != nil {
		p.inventory(inv, top)
	}
	if len(p.problems) > 0 {
		return nil, p.problems.sorted()
	}
	return inv, nil
}

// Name is the path that the inventory was read from.
func (inv *Inventory) Name() string { return inv.name }

// Sites gives all sites in the file's order.
func (inv *Inventory) Sites() []Site { return slices.Clone(inv.sites) }

// Groups gives all groups in the file's order.
func (inv *Inventory) Groups() []Group { return slices.Clone(inv.groups) }

// siteNode is a site as the file has it.
type siteNode struct {
	name     string
	key      *yaml.Node
	settings []setting[Site]
	// broken is true where a problem was told, so that what is missing is not
	// told as well.
	broken bool
}

// layer is the settings of all, a group or a site.
type layer struct {
	name     string
	settings []setting[Site]
}

// inventory reads the top of the file and puts the layers together.
func (p *parser) inventory(inv *Inventory, top *yaml.Node) {
	all := layer{name: "all"}
	var sites []siteNode
	var groups []groupNode
	hasSites := false
	parts := []string{"all", "groups", "sites"}
	for _, e := range p.mapping(top, "") {
		switch e.name {
		case "all":
			all.settings = p.shared(e.value, "all")
		case "groups":
			groups = p.groups(e.value)
		case "sites":
			hasSites = true
			sites = p.sites(e)
		default:
			p.fail(e.key, "", "unknown key %s%s; the parts of an inventory are %s",
				e.name, DidYouMean(e.name, parts), strings.Join(parts, ", "))
		}
	}
	if !hasSites {
		p.fail(top, "", "want sites: an inventory without sites is of no use")
	}
	memberships := p.resolveGroups(groups, sites)
	for i, s := range sites {
		layers := []layer{all}
		var names []string
		for _, g := range memberships.groupsOf(i) {
			layers = append(layers, layer{name: "group " + g.name, settings: g.settings})
			names = append(names, g.name)
		}
		layers = append(layers, layer{name: "site " + s.name, settings: s.settings})
		site := p.site(s, layers)
		site.Groups = names
		inv.sites = append(inv.sites, site)
	}
	inv.groups = memberships.list(sites)
	p.checkTwins(inv.sites, sites)
	p.checkHierarchies(inv.sites)
}

// shared reads the settings of all or of a group.
func (p *parser) shared(n *yaml.Node, where string) []setting[Site] {
	settings := readKeys(p, n, where, siteKeys())
	return slices.DeleteFunc(settings, func(s setting[Site]) bool {
		if s.key.identity {
			p.fail(s.node, where, "%s tells sites apart: set it at each site", s.key.name)
		}
		return s.key.identity
	})
}

func (p *parser) sites(sites entry) []siteNode {
	var out []siteNode
	before := len(p.problems)
	for _, e := range p.mapping(sites.value, "sites") {
		if p.checkName(e, "sites") {
			out = append(out, p.siteNode(e))
		}
	}
	if len(out) == 0 && len(p.problems) == before {
		p.fail(sites.key, "", "want at least one site in sites")
	}
	return out
}

func (p *parser) siteNode(e entry) siteNode {
	where, before := "sites."+e.name, len(p.problems)
	s := siteNode{name: e.name, key: e.key, settings: readKeys(p, e.value, where, siteKeys())}
	s.broken = len(p.problems) > before
	host, simulate := s.has("host"), s.has("simulate")
	switch {
	case host && simulate:
		p.fail(e.key, where, "host and simulate exclude each other: keep one")
	case !host && !simulate && !s.broken:
		p.fail(e.key, where, "want host, or simulate for a simulated site")
	}
	return s
}

func (s siteNode) has(key string) bool {
	return slices.ContainsFunc(s.settings, func(set setting[Site]) bool { return set.key.name == key })
}

// validName tells what sites and groups may be called: up to 64 letters,
// digits, dots, dashes and underscores, the first no dot or dash, so nothing
// that means something in a glob, a comma list or a shell. It is no regular
// expression: one with that many repetitions of all the world's letters takes milliseconds
// and megabytes to compile.
func validName(name string) bool {
	const most = 64
	first := true
	for _, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '_' && (first || r != '.' && r != '-') {
			return false
		}
		first = false
	}
	return !first && utf8.RuneCountInString(name) <= most
}

func (p *parser) checkName(e entry, where string) bool {
	if !validName(e.name) {
		p.fail(e.key, where, "want a name of up to 64 letters, digits, dots, dashes and underscores, got %q", e.name)
		return false
	}
	return true
}

// site merges layers, the last of which wins.
func (p *parser) site(s siteNode, layers []layer) Site {
	site := defaultSite()
	site.Name = s.name
	for _, l := range layers {
		for _, set := range l.settings {
			site.apply(set.key, set.assign, p.origin(set.node, l.name))
		}
	}
	if site.Code == "" {
		site.takeCodeFromName()
	}
	if site.Code == "" && (site.Namespace == "" || site.Simulate != nil) && !s.broken {
		p.fail(s.key, "sites."+s.name, "want site_code, three letters or digits")
	}
	if sim := site.Simulate; sim != nil && sim.Name == "" {
		sim.Name = site.Name
	}
	site.deriveNamespace()
	return site
}

func (s *Site) takeCodeFromName() {
	k, _ := findKey(siteKeys(), "site_code")
	if assign, err := k.decode(raw{text: s.Name}); err == nil {
		s.apply(k, assign, Origin{Layer: "name of the site"})
	}
}

// checkTwins refuses two sites that are one and the same.
func (p *parser) checkTwins(sites []Site, nodes []siteNode) {
	type identity struct {
		address, code, namespace string
	}
	first := map[identity]string{}
	for i, s := range sites {
		if s.Host == "" {
			continue
		}
		id := identity{strings.ToLower(s.Address()), s.Code, strings.ToLower(s.Namespace)}
		if twin, taken := first[id]; taken {
			p.fail(nodes[i].key, "sites."+s.Name, "is the same site as %s: same host, same %s", twin,
				cmp.Or(s.Code, s.Namespace))
			continue
		}
		first[id] = s.Name
	}
}
