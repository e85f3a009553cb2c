package inventory

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// JSONSchema gives the JSON schema (draft 2020-12) of the inventory, for editors.
func JSONSchema() ([]byte, error) {
	shared := slices.DeleteFunc(siteKeys(), func(k key[Site]) bool { return k.identity })
	names := map[string]any{"type": []string{"array", "string"}, "items": map[string]any{"type": []string{"string", "number"}}}
	site := objectSchema(siteKeys())
	site["oneOf"] = []any{
		map[string]any{"required": []string{"host"}},
		map[string]any{"required": []string{"simulate"}},
	}
	schema := map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "dpremote inventory",
		"description":          "The sites of Configuration Manager that dpremote works on, and how to reach them.",
		"type":                 "object",
		"additionalProperties": false,
		"required":             []string{"sites"},
		"properties": map[string]any{
			"all": described(ref("vars"), "Settings of every site."),
			"groups": map[string]any{
				"description":          "Named sets of sites, with settings that they share.",
				"type":                 []string{"object", "null"},
				"additionalProperties": ref("group"),
			},
			"sites": map[string]any{
				"description":          "The sites by name.",
				"type":                 "object",
				"minProperties":        1,
				"additionalProperties": ref("site"),
			},
		},
		"$defs": map[string]any{
			"vars": nullable(objectSchema(shared)),
			"site": site,
			"group": map[string]any{
				"type":                 []string{"object", "null"},
				"additionalProperties": false,
				"properties": map[string]any{
					"vars":     described(ref("vars"), "Settings of the group's sites."),
					"sites":    described(names, "The group's sites: names or globs."),
					"children": described(names, "Groups whose sites belong to this one too."),
				},
			},
		},
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(schema); err != nil {
		return nil, fmt.Errorf("encode inventory schema: %w", err)
	}
	return out.Bytes(), nil
}

// objectSchema is the schema of an object with the keys of a table.
func objectSchema[T any](table []key[T], required ...string) map[string]any {
	properties := map[string]any{}
	for _, k := range table {
		property := described(k.schema, k.doc)
		if k.initial != "" {
			property["default"] = initialValue(k.initial)
		}
		section, inner, nested := strings.Cut(k.name, ".")
		if !nested {
			properties[k.name] = property
			continue
		}
		if properties[section] == nil {
			properties[section] = nullable(object(map[string]any{}))
		}
		properties[section].(map[string]any)["properties"].(map[string]any)[inner] = property
	}
	schema := object(properties)
	if len(required) > 0 {
		schema["required"] = required
	}
	return schema
}

// initialValue gives a default in the type that the file would have it in.
func initialValue(text string) any {
	var v any
	if json.Unmarshal([]byte(text), &v) == nil {
		return v
	}
	return text
}

func object(properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

func nullable(object map[string]any) map[string]any {
	object["type"] = []string{"object", "null"}
	return object
}

func ref(name string) map[string]any { return map[string]any{"$ref": "#/$defs/" + name} }

// described is a copy of a schema with a description.
func described(schema map[string]any, doc string) map[string]any {
	out := maps.Clone(schema)
	out["description"] = doc
	return out
}
