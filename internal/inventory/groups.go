package inventory

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// pattern is a glob with its place in the file.
type pattern struct {
	text string
	node *yaml.Node
}

// groupNode is a group as the file has it.
type groupNode struct {
	name     string
	settings []setting[Site]
	sites    []pattern
	children []pattern // names, no globs
}

func (p *parser) groups(n *yaml.Node) []groupNode {
	var out []groupNode
	for _, e := range p.mapping(n, "groups") {
		if p.checkName(e, "groups") {
			out = append(out, p.group(e))
		}
	}
	return out
}

func (p *parser) group(e entry) groupNode {
	g, where := groupNode{name: e.name}, "groups."+e.name
	parts := []string{"vars", "sites", "children"}
	for _, part := range p.mapping(e.value, where) {
		inner := where + "." + part.name
		switch part.name {
		case "vars":
			g.settings = p.shared(part.value, inner)
		case "sites":
			g.sites = p.patterns(part.value, inner)
		case "children":
			g.children = p.patterns(part.value, inner)
		default:
			if _, known := findKey(siteKeys(), part.name); known || slices.Contains(sections(siteKeys()), part.name) {
				p.fail(part.key, where, "%s is a setting: put it under vars", part.name)
				continue
			}
			p.fail(part.key, where, "unknown key %s%s; a group has %s",
				part.name, DidYouMean(part.name, parts), strings.Join(parts, ", "))
		}
	}
	return g
}

// patterns reads a list of names or globs; one text is a list of one.
func (p *parser) patterns(n *yaml.Node, where string) []pattern {
	nodes := []*yaml.Node{n}
	switch {
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		return nil
	case n.Kind == yaml.SequenceNode:
		nodes = n.Content
	}
	var out []pattern
	for _, item := range nodes {
		if item.Kind != yaml.ScalarNode || item.ShortTag() == "!!null" {
			p.fail(item, where, "want a list of names, got %s", describe(item))
			continue
		}
		out = append(out, pattern{text: item.Value, node: item})
	}
	return out
}

// membership says which groups hold which sites.
type membership struct {
	groups []groupNode
	// depth is the length of the longest way down to a group: a child lies
	// deeper than each of its parents.
	depth []int
	// holds has a row for each group and a column for each site.
	holds [][]bool
}

// resolveGroups finds the sites of each group, those of its children included.
func (p *parser) resolveGroups(groups []groupNode, sites []siteNode) membership {
	m := membership{groups: groups, depth: make([]int, len(groups))}
	names := make([]string, len(sites))
	for i, s := range sites {
		names[i] = s.name
	}
	for _, g := range groups {
		held := make([]bool, len(sites))
		for _, pat := range g.sites {
			p.markMatches(held, pat, names, "groups."+g.name+".sites")
		}
		m.holds = append(m.holds, held)
	}
	children := p.childIndexes(groups)
	order, cycle := childrenFirst(children)
	if cycle >= 0 {
		g := groups[cycle]
		p.fail(g.children[0].node, "groups."+g.name+".children", "the group is among its own children's children")
		return m
	}
	for _, parent := range order {
		for _, child := range children[parent] {
			for i, held := range m.holds[child] {
				m.holds[parent][i] = m.holds[parent][i] || held
			}
		}
	}
	for _, parent := range slices.Backward(order) {
		for _, child := range children[parent] {
			m.depth[child] = max(m.depth[child], m.depth[parent]+1)
		}
	}
	return m
}

func (p *parser) markMatches(held []bool, pat pattern, names []string, where string) {
	found := false
	for i, name := range names {
		ok, err := matches(pat.text, name)
		if err != nil {
			p.fail(pat.node, where, "%q is not a valid glob", pat.text)
			return
		}
		if ok {
			held[i], found = true, true
		}
	}
	// Without sites there is a greater problem, which is told already.
	if !found && len(names) > 0 {
		p.fail(pat.node, where, "no site matches %q%s", pat.text, DidYouMean(pat.text, names))
	}
}

// childIndexes gives, for each group, the places of its children.
func (p *parser) childIndexes(groups []groupNode) [][]int {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.name
	}
	out := make([][]int, len(groups))
	for i, g := range groups {
		for _, child := range g.children {
			at := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, child.text) })
			if at < 0 {
				p.fail(child.node, "groups."+g.name+".children", "no group is called %q%s", child.text, DidYouMean(child.text, names))
				continue
			}
			out[i] = append(out[i], at)
		}
	}
	return out
}

// childrenFirst orders a graph so that each node comes after its children. If
// there is a cycle it gives one of the cycle's nodes; otherwise cycle is -1.
func childrenFirst(children [][]int) (order []int, cycle int) {
	const (
		fresh = iota
		open
		done
	)
	state := make([]int, len(children))
	cycle = -1
	var visit func(int)
	visit = func(n int) {
		switch state[n] {
		case done:
			return
		case open:
			cycle = n
			return
		}
		state[n] = open
		for _, child := range children[n] {
			visit(child)
		}
		state[n] = done
		order = append(order, n)
	}
	for n := range children {
		visit(n)
	}
	return order, cycle
}

// groupsOf gives the groups of a site in the order that their settings apply:
// parents before children, and otherwise as in the file.
func (m membership) groupsOf(site int) []groupNode {
	var indexes []int
	for i, held := range m.holds {
		if held[site] {
			indexes = append(indexes, i)
		}
	}
	slices.SortStableFunc(indexes, func(a, b int) int { return cmp.Compare(m.depth[a], m.depth[b]) })
	out := make([]groupNode, len(indexes))
	for i, g := range indexes {
		out[i] = m.groups[g]
	}
	return out
}

func (m membership) list(sites []siteNode) []Group {
	var out []Group
	for i, g := range m.groups {
		group := Group{Name: g.name}
		for s, held := range m.holds[i] {
			if held {
				group.Sites = append(group.Sites, sites[s].name)
			}
		}
		out = append(out, group)
	}
	return out
}

// matches tells whether a glob matches a name, without regard to case.
func matches(glob, name string) (bool, error) {
	return path.Match(strings.ToLower(glob), strings.ToLower(name))
}
