package inventory

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Bounds on what a file may cost: its size in bytes, and the problems told.
const (
	maxFileSize = 4 << 20
	maxProblems = 50
)

// parser reads one file and collects its problems.
type parser struct {
	file     string
	dir      string
	problems Problems
}

// fail notes a problem at a node. where is the path of keys that led there,
// empty at the top.
func (p *parser) fail(n *yaml.Node, where, format string, args ...any) {
	p.failAt(p.origin(n, ""), where, format, args...)
}

func (p *parser) failAt(at Origin, where, format string, args ...any) {
	if p.full() {
		return
	}
	message := fmt.Sprintf(format, args...)
	if where != "" {
		message = where + ": " + message
	}
	p.problems = append(p.problems, Problem{File: p.file, Line: at.Line, Column: at.Column, Message: message})
}

// full tells that no more problems are told, so that reading may stop.
func (p *parser) full() bool { return len(p.problems) >= maxProblems }

func (p *parser) origin(n *yaml.Node, layer string) Origin {
	return Origin{Layer: layer, File: p.file, Line: max(n.Line, 1), Column: max(n.Column, 1)}
}

// document reads the only document of the file. It gives nil where there is
// none, or none that could be read.
func (p *parser) document(data []byte) *yaml.Node {
	top := &yaml.Node{}
	if len(data) > maxFileSize {
		p.fail(top, "", "the file is larger than %d bytes", maxFileSize)
		return nil
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		p.fail(top, "", "the file is empty: want sites")
		return nil
	case err != nil:
		p.failSyntax(err)
		return nil
	}
	switch err := d.Decode(&second); {
	case err == nil:
		p.fail(&second, "", "want one YAML document, got another one")
	case !errors.Is(err, io.EOF):
		p.failSyntax(err)
		return nil
	}
	if len(doc.Content) != 1 {
		p.fail(top, "", "the file is empty: want sites")
		return nil
	}
	return doc.Content[0]
}

// syntaxError is the form of the YAML library's errors. The line is missing
// from those about the first line. countsFromZero are those of its parser,
// which count lines from 0; those of its scanner count from 1.
var (
	syntaxError    = regexp.MustCompile(`^yaml: (?:line (\d+): )?((?s).*)$`)
	countsFromZero = regexp.MustCompile(`^(did not find expected (<|node content|'-'|key|',')|found (undefined tag|duplicate|incompatible))`)
)

func (p *parser) failSyntax(err error) {
	message, at := err.Error(), &yaml.Node{Line: 1, Column: 1}
	if m := syntaxError.FindStringSubmatch(message); m != nil {
		message = m[2]
		if line, err := strconv.Atoi(m[1]); err == nil {
			at.Line = line
			if countsFromZero.MatchString(message) {
				at.Line++
			}
		}
	}
	if strings.HasPrefix(message, "unknown anchor") || strings.HasPrefix(message, "did not find expected alphabetic") {
		// A glob such as * is meant. The library would repeat the text, and
		// that may be a password.
		message = "put text that begins with * or & in quotes"
	}
	p.fail(at, "", "read YAML: %s", message)
}

// entry is a key with its value.
type entry struct {
	name       string
	key, value *yaml.Node
}

// mapping gives the entries of a mapping, in the file's order, without those
// that are wrong in themselves. An empty value is a mapping of nothing.
func (p *parser) mapping(n *yaml.Node, where string) []entry {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		p.fail(n, where, "want keys with values, got %s", describe(n))
		return nil
	}
	var out []entry
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content) && !p.full(); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case k.ShortTag() == "!!merge":
			p.fail(k, where, "merging with << is not supported: use groups")
			continue
		case k.Kind != yaml.ScalarNode || k.ShortTag() == "!!null":
			p.fail(k, where, "want a name as key, got %s", describe(k))
			continue
		}
		folded := strings.ToLower(k.Value)
		if line, twice := lines[folded]; twice {
			p.fail(k, where, "duplicate key %s, first on line %d", k.Value, line)
			continue
		}
		lines[folded] = k.Line
		out = append(out, entry{name: k.Value, key: k, value: v})
	}
	return out
}

// describe names what a node is, never what it holds.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias (*name), which is not supported: use groups"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	}
	return "a text"
}

// value gives a node as one text or a list of texts.
func (p *parser) value(n *yaml.Node, where string) (raw, bool) {
	switch n.Kind {
	case yaml.ScalarNode:
		if n.ShortTag() != "!!null" {
			return raw{text: n.Value, tag: n.ShortTag(), dir: p.dir}, true
		}
	case yaml.SequenceNode:
		list, ok := p.texts(n, where)
		return raw{list: list, isList: true, dir: p.dir}, ok
	}
	p.fail(n, where, "want a value, got %s", describe(n))
	return raw{}, false
}

// texts gives the items of a sequence as they are written.
func (p *parser) texts(n *yaml.Node, where string) (items []string, ok bool) {
	ok = true
	for _, item := range n.Content {
		if item.Kind != yaml.ScalarNode || item.ShortTag() == "!!null" {
			p.fail(item, where, "want a text in the list, got %s", describe(item))
			ok = false
			continue
		}
		items = append(items, item.Value)
	}
	return items, ok
}

// setting is a key that was read, ready to be applied.
type setting[T any] struct {
	key    key[T]
	node   *yaml.Node // the key's
	assign func(*T)
}

// readKeys reads the keys of a table.
func readKeys[T any](p *parser, n *yaml.Node, where string, table []key[T]) []setting[T] {
	settings := readSection(p, n, where, "", table)
	slots := map[string]string{}
	for _, s := range settings {
		if s.key.slot == "" {
			continue
		}
		if first, twice := slots[s.key.slot]; twice {
			p.fail(s.node, where, "%s and %s exclude each other: keep one", first, s.key.name)
		}
		slots[s.key.slot] = s.key.name
	}
	return settings
}

// readSection reads the keys that begin with prefix, which is empty or ends in
// a dot. It goes as deep as the table's names do.
func readSection[T any](p *parser, n *yaml.Node, where, prefix string, table []key[T]) []setting[T] {
	var out []setting[T]
	for _, e := range p.mapping(n, where) {
		name, inner := prefix+e.name, where+"."+e.name
		k, known := findKey(table, name)
		switch {
		case !known && prefix == "" && slices.Contains(sections(table), name):
			out = append(out, readSection(p, e.value, inner, name+".", table)...)
		case !known || strings.Contains(e.name, "."):
			// A dotted name is this table's way to say nesting, not the file's.
			p.fail(e.key, where, "%s", unknownKey(e.name, prefix, table))
		default:
			if assign := readValue(p, e.value, inner, k); assign != nil {
				out = append(out, setting[T]{key: k, node: e.key, assign: assign})
			}
		}
	}
	return out
}

// readValue gives nil for a value that is wrong.
func readValue[T any](p *parser, n *yaml.Node, where string, k key[T]) func(*T) {
	if k.nested != nil {
		return k.nested(p, n, where)
	}
	v, ok := p.value(n, where)
	if !ok {
		return nil
	}
	assign, err := k.decode(v)
	if err != nil {
		p.fail(n, where, "%v", err)
		return nil
	}
	return assign
}

// unknownKey says that there is no such key, and what may have been meant.
func unknownKey[T any](name, prefix string, table []key[T]) string {
	switch plain(name) {
	case "password", "passwd", "pass", "secret":
		return fmt.Sprintf("%s: the inventory holds no passwords: use password_command, "+
			"such as [pass, show, dpremote], or password_file or password_env", name)
	}
	near := sections(table)
	if prefix != "" {
		near = nil
	}
	for _, k := range table {
		inner, found := strings.CutPrefix(k.name, prefix)
		switch {
		case !found:
		case !strings.Contains(inner, "."):
			near = append(near, inner)
		case strings.HasSuffix(inner, "."+name):
			section, _, _ := strings.Cut(inner, ".")
			return fmt.Sprintf("unknown key %s; it belongs under %s", name, section)
		}
	}
	return fmt.Sprintf("unknown key %s%s", name, DidYouMean(name, near))
}
