package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// yamlDocument writes the document of jsonDocument as YAML. Each part is first
// made as JSON and then translated, so that the two cannot differ. Parts are
// block collections at the left margin; put together they are one document.
type yamlDocument struct {
	out   *output
	json  []byte // scratch: the item being translated
	items int
}

func newYAMLDocument(out *output, kind string) (*yamlDocument, error) {
	y := &yamlDocument{out: out}
	head, err := parseJSON(append(appendHead(nil, kind), '}'))
	if err != nil {
		return nil, err
	}
	if err := y.append(head); err != nil {
		return nil, err
	}
	out.buf = append(out.buf, "items:"...)
	return y, nil
}

func (y *yamlDocument) row(names []string, values []any) error {
	before := len(y.out.buf)
	if y.items == 0 {
		y.out.buf = append(y.out.buf, '\n')
	}
	var flat bool
	if y.out.buf, flat = y.appendFlat(y.out.buf, names, values); !flat {
		if err := y.appendItem(names, values); err != nil {
			y.out.buf = y.out.buf[:before]
			return err
		}
	}
	y.items++
	return y.out.commit()
}

// appendItem appends any row.
func (y *yamlDocument) appendItem(names []string, values []any) error {
	var err error
	if y.json, err = appendObject(y.json[:0], names, values, 0); err != nil {
		return err
	}
	item, err := parseJSON(y.json)
	if err != nil {
		return err
	}
	return y.append(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{item}})
}

func (y *yamlDocument) close(fields []field) error {
	if y.items == 0 {
		y.out.buf = append(y.out.buf, " []\n"...)
	}
	for _, f := range fields {
		value, err := parseJSON(f.json)
		if err != nil {
			return err
		}
		member := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{stringNode(f.name), value}}
		if err := y.append(member); err != nil {
			return err
		}
	}
	return y.out.commit()
}

// append adds the YAML of n to the output.
func (y *yamlDocument) append(n *yaml.Node) error {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(n); err != nil {
		return fmt.Errorf("encode yaml: %w", err)
	}
	if err := e.Close(); err != nil {
		return fmt.Errorf("encode yaml: %w", err)
	}
	y.out.buf = append(y.out.buf, b.Bytes()...)
	return nil
}

// parseJSON returns the YAML node of a JSON value, members in their order.
func parseJSON(b []byte) (*yaml.Node, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	n, err := parseValue(d)
	if err != nil {
		return nil, fmt.Errorf("translate json to yaml: %w", err)
	}
	return n, nil
}

func parseValue(d *json.Decoder) (*yaml.Node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		return parseCollection(d, t)
	case string:
		return stringNode(t), nil
	case json.Number:
		return plainNode(t.String()), nil
	case bool:
		return plainNode(strconv.FormatBool(t)), nil
	}
	return plainNode("null"), nil
}

// parseCollection returns the object or array whose opening was just read.
func parseCollection(d *json.Decoder, open json.Delim) (*yaml.Node, error) {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	if open == '{' {
		n.Kind = yaml.MappingNode
	}
	for d.More() {
		v, err := parseValue(d) // of an object: names and values in turn
		if err != nil {
			return nil, err
		}
		n.Content = append(n.Content, v)
	}
	if len(n.Content) == 0 {
		n.Style = yaml.FlowStyle
	}
	_, err := d.Token() // the closing
	return n, err
}

// plainNode returns a scalar whose type readers infer.
func plainNode(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Value: value}
}

// stringNode returns a string that every reader takes for one.
func stringNode(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if !plain(s) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// plain reports whether s may stand without quotes: it begins with a letter, is
// printable ASCII without a number sign, which may begin a comment, and is no word
// that YAML 1.1 readers, which are many, take for a boolean
// (https://yaml.org/type/bool.html).
func plain(s string) bool {
	if s == "" || (s[0]|0x20) < 'a' || (s[0]|0x20) > 'z' {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '#' {
			return false
		}
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		return false
	}
	return true
}
