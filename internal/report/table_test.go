package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"
)

func TestFit(t *testing.T) {
	tests := []struct {
		name          string
		widths, least []int
		total         int
		want          []int
	}{
		{"fits", []int{3, 5}, []int{0, 0}, 8, []int{3, 5}},
		{"widest first", []int{10, 30, 20}, []int{8, 8, 8}, 40, []int{10, 15, 15}},
		{"kept", []int{10, 30}, []int{8, 30}, 38, []int{8, 30}},
		{"cannot", []int{10, 30}, []int{8, 9}, 5, []int{8, 9}},
		{"huge", []int{1 << 40, 1 << 40}, []int{8, 8}, 80, []int{40, 40}},
		{"negative total", []int{5}, []int{2}, -3, []int{2}},
		{"none", nil, nil, 0, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fit(tt.widths, tt.least, tt.total)
			if diff := cmp.Diff(tt.want, tt.widths); diff != "" {
				t.Errorf("widths (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever the width, no line is wider, and colours end where they began.
func TestTableKeepsToWidth(t *testing.T) {
	red := func(any) text.Colors { return text.Colors{text.FgRed, text.Bold} }
	for width := 2; width < 120; width++ {
		var b bytes.Buffer
		w, err := New(&b, Options{Width: width, Color: true, Columns: []Column{
			{Name: "site"}, {Name: "count", Right: true}, {Name: "state", Color: red}, {Name: "message"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range []string{"short", strings.Repeat("long ", 30), strings.Repeat("全角", 30)} {
			if err := w.Row("PS1", 123456, "failed", message); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != 4 {
			t.Errorf("width %d: %d lines, want 4", width, len(lines))
		}
		for _, line := range lines {
			if n := text.StringWidthWithoutEscSequences(line); n > width {
				t.Errorf("width %d: line of %d cells: %q", width, n, line)
			}
			if strings.Count(line, "\x1b[31;1m") != strings.Count(line, text.EscapeReset) {
				t.Errorf("width %d: colour without end: %q", width, line)
			}
		}
	}
}

// What is minor goes when texts would become too narrow, in its order, and the
// headings say so; keys and numbers stay whole as long as no column is lost.
func TestTableLeavesOut(t *testing.T) {
	columns := []Column{
		{Name: "SITE", Key: true}, {Name: "DP", Key: true}, {Name: "TYPE", Minor: 2}, {Name: "STATE"},
		{Name: "VERSION", Right: true, Minor: 2}, {Name: "CHANGED", Key: true, Minor: 1}, {Name: "WHY"},
	}
	row := []any{"PS1", "dp01.ps1.sim.example", "driver package", "failed", 123, "2026-10-05", "a long reason that nobody can read in full here"}
	for _, tt := range []struct {
		width        int
		options      Options
		heading, row string
	}{
		{120, Options{}, "SITE  DP                    TYPE            STATE   VERSION  CHANGED     WHY",
			"PS1   dp01.ps1.sim.example  driver package  failed      123  2026-10-05  a long reason that nobody can read in full here"},
		{96, Options{}, "SITE  DP                    TYPE            STATE   VERSION  CHANGED     WHY",
			"PS1   dp01.ps1.sim.example  driver package  failed      123  2026-10-05  a long reason that nob…"},
		{80, Options{}, "SITE  DP                    STATE   CHANGED     WHY                            …",
			"PS1   dp01.ps1.sim.example  failed  2026-10-05  a long reason that nobody ca…"},
		{60, Options{}, "SITE  DP                    STATE   WHY                    …",
			"PS1   dp01.ps1.sim.example  failed  a long reason that n…"},
		{40, Options{}, "SITE  DP             STATE   WHY      …",
			"PS1   dp01.ps1.sim…  failed  a long…"},
		{60, Options{NoHeaders: true}, "", "PS1  dp01.ps1.sim.example  failed  a long reason that nobod…"},
		{60, Options{Format: Wide}, "SITE  DP                    TYPE            STATE   VERSION  CHANGED     WHY",
			"PS1   dp01.ps1.sim.example  driver package  failed      123  2026-10-05  a long reason that nobody can read in full here"},
		{60, Options{Select: []string{"DP", "TYPE", "VERSION", "WHY"}}, "DP                    TYPE           VERSION  WHY",
			"dp01.ps1.sim.example  driver packa…      123  a long reason…"},
	} {
		o := tt.options
		o.Width, o.Columns = tt.width, columns
		var b bytes.Buffer
		w, err := New(&b, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Row(row...); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		want := strings.TrimPrefix(tt.heading+"\n"+tt.row+"\n", "\n")
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("width %d (-want +got):\n%s", tt.width, diff)
		}
	}
}

// TestTableAligns has each row end where the others do, on a terminal: the widths
// are those that tmux gives these texts.
func TestTableAligns(t *testing.T) {
	texts := []struct {
		text  string
		width int
	}{
		{"ascii", 5}, {"日本語パック", 12}, {"한국어 팩", 9}, {"ｆｕｌｌ", 8}, {"ｶﾅ", 2}, {"a\u3000b", 4}, {"e\u0301a\u0308", 2},
		{"\u0301x", 1}, {"📦🔥", 4}, {"👩\u200d💻", 4}, {"1\ufe0f\u20e3", 1}, {"❤\ufe0f", 1}, {"zero\u200bwidth", 9}, {"soft\u00adhyphen", 10},
		{"مرحبا", 5}, {"שלום", 4}, {"ภาษาไทย", 7}, {"tag\U000e0041x", 4}, {"─│ … ·", 6}, {"two\nlines\tmore", 14}, {"esc\x1b[31m", 8}, {"rlo\u202eabc", 7},
	}
	var b bytes.Buffer
	w, err := New(&b, Options{Width: 40, NoHeaders: true, Columns: []Column{{Name: "text"}, {Name: "end"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range texts {
		if err := w.Row(tt.text, "|"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	for i, tt := range texts {
		shown := strings.TrimRight(strings.TrimSuffix(lines[i], "|"), " ")
		if spaces := len(lines[i]) - len(shown) - 1; tt.width+spaces != 16 {
			t.Errorf("%q ends after %d columns: %q", tt.text, tt.width+spaces, lines[i])
		}
		if strings.ContainsAny(lines[i], "\u200d\ufe0f\u00ad\x1b\u202e\t") {
			t.Errorf("%q is shown as %q", tt.text, lines[i])
		}
	}
}

// The environment is the command's to interpret.
func TestColorIgnoresEnvironment(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	t.Setenv("TERM", "dumb")
	text.DisableColors()
	t.Cleanup(text.EnableColors)
	red := func(any) text.Colors { return text.Colors{text.FgRed} }
	for want, color := range map[string]bool{"S\n\x1b[31mx\x1b[0m\n": true, "S\nx\n": false} {
		var b bytes.Buffer
		w, err := New(&b, Options{Color: color, Columns: []Column{{Name: "S", Color: red}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Row("x"); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("color %v (-want +got):\n%s", color, diff)
		}
	}
}
