package inventory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const fiveSites = `
groups:
  emea: {sites: [PAR, LON, STO]}
  amer: {sites: [NYC]}
  capitals: {sites: [PAR, LON, STO]}
sites:
  NYC: {host: a}
  PAR: {host: b}
  LON: {host: c}
  STO: {host: d}
  TYO: {host: e}
`

func TestSelect(t *testing.T) {
	tests := []struct {
		name string
		sel  Selection
		want string
	}{
		{"all", Selection{}, "NYC PAR LON STO TYO"},
		{"one", Selection{Sites: []string{"lon"}}, "LON"},
		{"file order", Selection{Sites: []string{"TYO", "NYC"}}, "NYC TYO"},
		{"glob", Selection{Sites: []string{"*O*"}}, "LON STO TYO"},
		{"class", Selection{Sites: []string{"[n-p]*"}}, "NYC PAR"},
		{"group", Selection{Groups: []string{"EMEA"}}, "PAR LON STO"},
		{"groups", Selection{Groups: []string{"em*", "amer"}}, "NYC PAR LON STO"},
		{"group and sites", Selection{Groups: []string{"emea"}, Sites: []string{"*O*"}}, "LON STO"},
		{"exclude", Selection{Exclude: []string{"?AR", "tyo"}}, "NYC LON STO"},
		{"exclude from a group", Selection{Groups: []string{"emea"}, Exclude: []string{"NYC", "LON"}}, "PAR STO"},
	}
	inv := mustParse(t, fiveSites)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sites, err := inv.Select(tt.sel)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, s := range sites {
				names = append(names, s.Name)
			}
			if diff := cmp.Diff(tt.want, strings.Join(names, " ")); diff != "" {
				t.Errorf("sites (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSelectRefuses(t *testing.T) {
	tests := []struct {
		name string
		sel  Selection
		want string
	}{
		{"unknown site", Selection{Sites: []string{"LOM"}}, `no site matches "LOM"; did you mean LON?; the sites are NYC, PAR, LON, STO, TYO`},
		{"unknown group", Selection{Groups: []string{"apac*"}}, `no group matches "apac*"; the groups are emea, amer, capitals`},
		{"unknown exclusion", Selection{Exclude: []string{"Q*"}}, `no site matches "Q*"`},
		{"one of several", Selection{Sites: []string{"LON", "Q*"}}, `no site matches "Q*"`},
		{"bad glob", Selection{Sites: []string{"[a"}}, `"[a" is not a valid glob`},
		{"empty pattern", Selection{Sites: []string{""}}, `no site matches ""`},
		{"nothing in common", Selection{Sites: []string{"NYC"}, Groups: []string{"emea"}}, "no site is left"},
		{"all excluded", Selection{Exclude: []string{"*"}}, "no site is left"},
	}
	inv := mustParse(t, fiveSites)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sites, err := inv.Select(tt.sel)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %d sites and the error %v, want it to contain %q", len(sites), err, tt.want)
			}
		})
	}
}

func TestSelectNamesNotThousands(t *testing.T) {
	var doc strings.Builder
	doc.WriteString("sites:\n")
	for i := range 100 {
		fmt.Fprintf(&doc, "  A%02d: {host: h}\n", i)
	}
	_, err := mustParse(t, doc.String()).Select(Selection{Sites: []string{"x"}})
	if err == nil || !strings.HasSuffix(err.Error(), "A28, A29 and 70 more") {
		t.Errorf("got %v, want 30 names and the number of the rest", err)
	}
	_, err = mustParse(t, "sites: {PS1: {host: h}}").Select(Selection{Groups: []string{"x"}})
	if err == nil || !strings.HasSuffix(err.Error(), "the groups are none") {
		t.Errorf("got %v, want it to say that there are no groups", err)
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"a", "", 1}, {"host", "host", 0}, {"hots", "host", 1},
		{"hst", "host", 1}, {"hoost", "host", 1}, {"hist", "host", 1}, {"relam", "realm", 1}, {"kitten", "sitting", 3},
		{strings.Repeat("a", 65), "a", 65},
	}
	for _, tt := range tests {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q): got %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := distance(tt.b, tt.a); got != tt.want {
			t.Errorf("distance(%q, %q): got %d, want %d", tt.b, tt.a, got, tt.want)
		}
	}
}
