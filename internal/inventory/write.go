package inventory

import (
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"
)

// Entry is a site to write: its name in the inventory and its own settings.
type Entry struct {
	Name     string
	Settings []Setting
	Comment  string // above the site; several lines are several comments
}

// Write writes an inventory: the settings of all sites, and the sites. Each key
// must be one of Keys; comment stands at the top. What Parse makes of it is what
// was given.
func Write(w io.Writer, comment string, all []Setting, sites []Entry) error {
	common, err := settingsNode(all)
	if err != nil {
		return err
	}
	named := &yaml.Node{Kind: yaml.MappingNode}
	for _, e := range sites {
		own, err := settingsNode(e.Settings)
		if err != nil {
			return fmt.Errorf("site %s: %w", e.Name, err)
		}
		name := textNode(e.Name)
		name.HeadComment = e.Comment
		named.Content = append(named.Content, name, own)
	}
	root := &yaml.Node{Kind: yaml.MappingNode, HeadComment: comment}
	if len(common.Content) > 0 {
		root.Content = append(root.Content, textNode("all"), common)
	}
	root.Content = append(root.Content, textNode("sites"), named)
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return fmt.Errorf("write the inventory: %w", err)
	}
	return encoder.Close()
}

func settingsNode(settings []Setting) (*yaml.Node, error) {
	top := &yaml.Node{Kind: yaml.MappingNode}
	sections := map[string]*yaml.Node{}
	for _, s := range settings {
		k, ok := findKey(siteKeys(), s.Key)
		if !ok {
			return nil, fmt.Errorf("write the inventory: there is no key %s", s.Key)
		}
		at, name := top, s.Key
		if section, inner, nested := strings.Cut(s.Key, "."); nested {
			if sections[section] == nil {
				sections[section] = &yaml.Node{Kind: yaml.MappingNode}
				top.Content = append(top.Content, textNode(section), sections[section])
			}
			at, name = sections[section], inner
		}
		kind := k.schema["type"]
		if s.Key == "kerberos.kdc" { // the only key whose text is a list between commas
			kind = list
		}
		at.Content = append(at.Content, textNode(name), valueNode(s.Value, kind))
	}
	return top, nil
}

// list is the type of a key that takes several texts.
const list = "array"

// valueNode is a value as the key's type wants it written.
func valueNode(value string, kind any) *yaml.Node {
	switch kind {
	case "boolean":
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: value}
	case "integer":
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: value}
	case list:
		parts := &yaml.Node{Kind: yaml.SequenceNode}
		for part := range strings.SplitSeq(value, ",") {
			parts.Content = append(parts.Content, textNode(strings.TrimSpace(part)))
		}
		return parts
	}
	return textNode(value)
}

// textNode is a text, quoted where it would be read as something else.
func textNode(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}
