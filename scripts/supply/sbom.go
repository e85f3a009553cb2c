package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"time"
)

// bill is a bill of materials (CycloneDX 1.6, JSON).
type bill struct {
	BOMFormat    string       `json:"bomFormat"`
	SpecVersion  string       `json:"specVersion"`
	SerialNumber string       `json:"serialNumber"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string          `json:"type"`
	Ref        string          `json:"bom-ref"`
	Name       string          `json:"name"`
	Version    string          `json:"version"`
	Hashes     []hash          `json:"hashes,omitempty"`
	Licenses   []licenceChoice `json:"licenses,omitempty"`
	PURL       string          `json:"purl,omitempty"`
	Properties []property      `json:"properties,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type licenceChoice struct {
	License struct {
		ID string `json:"id"`
	} `json:"license"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref       string   `json:"ref"`
	DependsOn []string `json:"dependsOn,omitempty"`
}

// writeBill writes what a binary is made of, as Go has written it into the
// binary, with the licences of the modules.
func writeBill(out io.Writer, path string, at time.Time) error {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	modules, err := linked()
	if err != nil {
		return err
	}
	licences := map[string][]string{}
	for _, m := range modules {
		licences[m.Path+"@"+m.Version] = m.ids()
	}
	sum := sha256.Sum256(data)
	b := bill{BOMFormat: "CycloneDX", SpecVersion: "1.6", Version: 1, SerialNumber: serial(sum)}
	b.Metadata.Timestamp = at.Format(time.RFC3339)
	b.Metadata.Component = component{
		Type: "application", Ref: info.Main.Path, Name: info.Main.Path, Version: os.Getenv("VERSION"), Licenses: choices([]string{"MIT"}),
		Hashes: []hash{{"SHA-256", hex.EncodeToString(sum[:])}}, Properties: settings(info),
	}
	for _, m := range append([]*debug.Module{{Path: "std", Version: info.GoVersion}}, info.Deps...) {
		ids, ok := licences[m.Path+"@"+m.Version]
		if !ok {
			return fmt.Errorf("%s: %s %s is in the binary, and not among what go list links", path, m.Path, m.Version)
		}
		b.Components = append(b.Components, part(m, ids))
	}
	all := dependency{Ref: info.Main.Path}
	for _, c := range b.Components {
		all.DependsOn = append(all.DependsOn, c.Ref)
	}
	b.Dependencies = []dependency{all}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(b)
}

// serial is an identifier made from a hash, in the form of a UUID of version 8
// (RFC 9562 section 5.8).
func serial(sum [sha256.Size]byte) string {
	id := slices.Clone(sum[:16])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

func choices(ids []string) []licenceChoice {
	out := make([]licenceChoice, len(ids))
	for i, id := range ids {
		out[i].License.ID = id
	}
	return out
}

// settings are how the binary was built.
func settings(info *debug.BuildInfo) []property {
	out := []property{{"go:version", info.GoVersion}}
	for _, s := range info.Settings {
		if s.Key[0] != '-' || s.Key == "-trimpath" {
			out = append(out, property{"go:build:" + s.Key, s.Value})
		}
	}
	return out
}

func part(m *debug.Module, ids []string) component {
	purl := "pkg:golang/" + m.Path + "@" + m.Version
	c := component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, Licenses: choices(ids), PURL: purl}
	if m.Sum != "" {
		c.Properties = []property{{"go:sum", m.Sum}}
	}
	return c
}
