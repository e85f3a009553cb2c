package report

import (
	"fmt"
	"slices"
	"strings"
)

// Format names an output format. The zero value means Table.
type Format string

// The output formats.
const (
	Table Format = "table"
	Wide  Format = "wide"
	JSON  Format = "json"
	JSONL Format = "jsonl"
	YAML  Format = "yaml"
	CSV   Format = "csv"
)

// Formats returns every format, in the order in which help lists them.
func Formats() []Format {
	return []Format{Table, Wide, JSON, JSONL, YAML, CSV}
}

// ParseFormat returns the format called s. Its error lists the valid names.
func ParseFormat(s string) (Format, error) {
	if f := Format(s); slices.Contains(Formats(), f) {
		return f, nil
	}
	var names []string
	for _, f := range Formats() {
		names = append(names, string(f))
	}
	return "", fmt.Errorf("parse output format %q: unknown; valid: %s", s, strings.Join(names, ", "))
}
