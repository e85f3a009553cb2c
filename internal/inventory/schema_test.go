package inventory

import (
	"encoding/json"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the shipped JSON schema")

const shippedSchema = "../../inventory.schema.json"

// The shipped schema is made from the table that the parser reads by, so they
// know the same keys.
func TestShippedSchemaIsCurrent(t *testing.T) {
	want, err := JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(shippedSchema, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(shippedSchema)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("inventory.schema.json is stale; run go test ./internal/inventory -run Schema -update (-want +got):\n%s", diff)
	}
}

// schemaNode is the part of a JSON schema that says which keys there are.
type schemaNode struct {
	Ref        string                `json:"$ref"`
	Defs       map[string]schemaNode `json:"$defs"`
	Properties map[string]schemaNode `json:"properties"`
	Items      *schemaNode           `json:"items"`
	Additional json.RawMessage       `json:"additionalProperties"`
}

// keys gives the dotted names of all keys below a node.
func (n schemaNode) keys(prefix string) []string {
	var out []string
	for name, p := range n.Properties {
		inner := p.keys(prefix + name + ".")
		if len(inner) == 0 {
			inner = []string{prefix + name}
		}
		out = append(out, inner...)
	}
	if n.Items != nil {
		out = append(out, n.Items.keys(prefix)...)
	}
	return out
}

// Each key that the schema offers must be read by the parser, and each that it
// does not offer refused: here the file, not the table, is the witness.
func TestSchemaKeysAreParsed(t *testing.T) {
	data, err := os.ReadFile(shippedSchema)
	if err != nil {
		t.Fatal(err)
	}
	var schema schemaNode
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	keys := slices.Sorted(slices.Values(schema.Defs["site"].keys("")))
	if diff := cmp.Diff(slices.Sorted(slices.Values(tableKeys())), keys); diff != "" {
		t.Fatalf("keys of a site, table against schema (-want +got):\n%s", diff)
	}
	for _, key := range keys {
		t.Run(key, func(t *testing.T) {
			_, err := Parse("i.yaml", []byte(nestedYAML(key)))
			// The value is of no type that any key takes, so a known key is
			// told apart from an unknown one by what is wrong.
			if err == nil || strings.Contains(err.Error(), "unknown key") {
				t.Errorf("the parser does not know the key: %v", err)
			}
			_, err = Parse("i.yaml", []byte(nestedYAML(key+"zzzzzzzzz")))
			if err == nil || !strings.Contains(err.Error(), "unknown key") {
				t.Errorf("the parser accepts an unknown key: %v", err)
			}
		})
	}
}

// tableKeys gives the dotted names of all keys that the parser goes by.
func tableKeys() []string {
	var out []string
	for _, k := range siteKeys() {
		if k.nested == nil {
			out = append(out, k.name)
		}
	}
	for _, k := range simulationKeys() {
		if k.nested == nil {
			out = append(out, "simulate."+k.name)
		}
	}
	for _, k := range secondaryKeys() {
		out = append(out, "simulate.secondaries."+k.name)
	}
	return out
}

// nestedYAML gives an inventory in which the dotted key holds nothing.
func nestedYAML(key string) string {
	doc, indent := "sites:\n  PS1:\n", "    "
	for part := range strings.SplitSeq(key, ".") {
		if strings.HasSuffix(doc, "secondaries:\n") {
			doc += indent + "-\n"
			indent += "  "
		}
		doc += indent + part + ":\n"
		indent += "  "
	}
	return strings.TrimSuffix(doc, "\n") + " null\n"
}

func TestShippedInventory(t *testing.T) {
	inv, err := Load("../../inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range inv.Sites() {
		if s.Simulate == nil {
			t.Errorf("site %s is not simulated: the shipped inventory must work anywhere", s.Name)
		}
		if _, err := s.With(); err != nil {
			t.Error(err)
		}
		names = append(names, s.Name)
	}
	if diff := cmp.Diff([]string{"CAS", "PS1", "PS2"}, names); diff != "" {
		t.Errorf("sites (-want +got):\n%s", diff)
	}
	if got := len(inv.Hierarchies()); got != 1 {
		t.Errorf("got %d hierarchies, want 1", got)
	}
}

// The commented-out examples must be right too.
func TestShippedInventoryExamples(t *testing.T) {
	data, err := os.ReadFile("../../inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, examples, found := strings.Cut(string(data), "  # A real site, by https:\n")
	if !found {
		t.Fatal("the examples of real sites are gone")
	}
	doc := "sites:\n"
	for line := range strings.Lines(examples) {
		// Prose stands directly behind the comment sign and a space, and is no
		// key with a value.
		if inner, isComment := strings.CutPrefix(line, "  # "); isComment && isYAMLLine(inner) {
			doc += "  " + inner
		}
	}
	inv, err := Parse("inventory.yaml", []byte(doc))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, doc)
	}
	var codes []string
	for _, s := range inv.Sites() {
		codes = append(codes, s.Code)
		if _, err := s.With(); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff([]string{"LON", "PAR"}, codes); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
}

func isYAMLLine(line string) bool {
	name, _, found := strings.Cut(strings.TrimSpace(line), ":")
	return found && !strings.Contains(name, " ") && !strings.Contains(name, ",")
}
