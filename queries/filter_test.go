package queries

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/cim"
)

func patterns(t testing.TB, texts ...string) []Pattern {
	t.Helper()
	var all []Pattern
	for _, text := range texts {
		all = append(all, pattern(t, text))
	}
	return all
}

func conditionTexts(conditions ...Condition) []string {
	var all []string
	for _, c := range conditions {
		text := c.text
		if c.err != nil {
			text = "error: " + c.err.Error()
		}
		all = append(all, text)
	}
	return all
}

func TestPackageConditions(t *testing.T) {
	var many []string
	for i := range 2*MaxIn + 1 {
		many = append(many, fmt.Sprintf("PS1%05X", i))
	}
	for _, tt := range []struct {
		name     string
		packages []string
		want     []string
	}{
		{"all", nil, []string{""}},
		{"one", []string{"ps100001"}, []string{`PackageID = 'PS100001'`}},
		{"doubles", []string{"PS100002", "ps100001", "PS100002"}, []string{`PackageID IN ('PS100001', 'PS100002')`}},
		{"a pattern", []string{"PS1*"}, []string{`PackageID LIKE 'PS1%'`}},
		{"both", []string{"PS1*", "CAS00001"}, []string{`PackageID LIKE 'PS1%' OR PackageID = 'CAS00001'`}},
		{"too many for patterns", append(many[:maxPatterns:maxPatterns], "CAS*"), []string{""}},
		{"no ID", []string{"Office", "PS100001"},
			[]string{`error: "Office" is not a package ID: it has eight letters or digits; for part of one use a pattern such as Office*`}},
		{"a quote", []string{"PS'*"}, []string{`error: compare PackageID: quote "PS'%": a query cannot carry a single quote; use ? in a pattern`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := conditionTexts(Filter{Packages: patterns(t, tt.packages...)}.packageConditions()...)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("many are asked for in several queries", func(t *testing.T) {
		conditions := Filter{Packages: patterns(t, many...)}.packageConditions()
		if len(conditions) != 3 {
			t.Errorf("%d queries for %d packages, want 3", len(conditions), len(many))
		}
		if got := conditionTexts(conditions[2])[0]; got != `PackageID = 'PS100064'` {
			t.Errorf("the last query is for %s", got)
		}
	})
}

func TestFilterConditions(t *testing.T) {
	for _, tt := range []struct {
		name string
		got  Condition
		want string
	}{
		{"no DPs", Filter{}.dpCondition(), ""},
		{"DPs", Filter{DPs: patterns(t, "SRV1", "lon-*")}.dpCondition(),
			`ServerNALPath LIKE '%SRV1%' OR ServerNALPath LIKE '%lon-%'`},
		{"an underscore", Filter{DPs: patterns(t, "a_b")}.dpCondition(), `ServerNALPath LIKE '%a[_]b%'`},
		{"any DP", Filter{DPs: patterns(t, "SRV1", "*")}.dpCondition(), ""},
		{"many DPs", Filter{DPs: make([]Pattern, maxPatterns+1)}.dpCondition(), ""},
		{"no sites", Filter{}.siteCondition(), ""},
		{"other sites", Filter{NotSites: []SiteCode{"PS1", "S21"}}.siteCondition(), `SiteCode <> 'PS1' AND SiteCode <> 'S21'`},
		{"many other sites", Filter{NotSites: slices.Repeat([]SiteCode{"PS1"}, MaxIn+1)}.siteCondition(),
			strings.Repeat(`SiteCode <> 'PS1' AND `, MaxIn-1) + `SiteCode <> 'PS1'`},
		{"no time", Filter{}.sinceCondition(), ""},
		{"a time", Filter{Since: time.Date(2026, 1, 2, 3, 4, 5, 999, time.UTC)}.sinceCondition(), `SummaryDate >= '20260102030405.000000+000'`},
		{"no numbers", numbersCondition[State]("State", nil), ""},
		{"numbers", numbersCondition("PackageType", []PackageType{TypePackage, TypeBootImage}), `PackageType IN (0, 258)`},
		{"too many numbers", numbersCondition("State", make([]State, MaxIn+1)), ""},
		{"no counts", Filter{}.countsCondition(), ""},
		{"counts", Filter{States: []State{StateInstalled, StateRetrying, StateFailed}}.countsCondition(), `Installed > 0 OR Retrying > 0 OR Failed > 0`},
		{"what is not counted", Filter{States: []State{StateFailed, StatePending}}.countsCondition(), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff([]string{tt.want}, conditionTexts(tt.got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFilterMatch(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	row := PackageStatusDP{
		Keys:        Keys{"PS100039", `["Display=\\SRV1.corp.example\"]MSWNET:["SMS_SITE=PS1"]\\SRV1.corp.example\`, "PS1"},
		State:       StateFailed,
		PackageType: TypeDriver,
		SummaryDate: cim.Datetime{Time: at},
	}
	undated := row
	undated.SummaryDate = cim.Datetime{}
	for _, tt := range []struct {
		name string
		f    Filter
		row  PackageStatusDP
		want bool
	}{
		{"everything", Filter{}, row, true},
		{"short name", Filter{DPs: patterns(t, "srv1")}, row, true},
		{"FQDN", Filter{DPs: patterns(t, "other", "SRV1.CORP.example")}, row, true},
		{"a name within the name", Filter{DPs: patterns(t, "SRV")}, row, false},
		{"a longer name", Filter{DPs: patterns(t, "SRV10")}, row, false},
		{"a part of the path that is not the server", Filter{DPs: patterns(t, "*MSWNET*")}, row, false},
		{"package", Filter{Packages: patterns(t, "ps100039")}, row, true},
		{"package pattern", Filter{Packages: patterns(t, "CAS*", "PS1*")}, row, true},
		{"other package", Filter{Packages: patterns(t, "PS10003A")}, row, false},
		{"type", Filter{Types: []PackageType{TypePackage, TypeDriver}}, row, true},
		{"other type", Filter{Types: []PackageType{TypePackage}}, row, false},
		{"state", Filter{States: Unhealthy()}, row, true},
		{"other state", Filter{States: []State{StateInstalled}}, row, false},
		{"another site", Filter{NotSites: []SiteCode{"CAS", "S21"}}, row, true},
		{"a site left out", Filter{NotSites: []SiteCode{"CAS", "PS1"}}, row, false},
		{"at the time", Filter{Since: at}, row, true},
		{"before the time", Filter{Since: at.Add(time.Nanosecond)}, row, false},
		{"no time", Filter{Since: at}, undated, false},
		{"all but one", Filter{DPs: patterns(t, "srv1"), Packages: patterns(t, "PS100039"), States: []State{StateFailed}, Types: []PackageType{TypeImage}}, row, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.f.Match(tt.row); got != tt.want {
				t.Errorf("Match = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestCounts(t *testing.T) {
	type facts struct {
		Other             uint32
		Done              bool
		Installed, Failed uint32
		Pending           uint32
	}
	for _, tt := range []struct {
		name string
		c    Counts
		want facts
	}{
		{"no source", Counts{}, facts{Done: true}},
		{"done", Counts{Targeted: 3, Installed: 3}, facts{Done: true, Installed: 3}},
		{"mixed", Counts{Targeted: 10, Installed: 4, Retrying: 1, Failed: 2}, facts{Other: 3, Installed: 4, Failed: 2, Pending: 3}},
		{"pending", Counts{Targeted: 2, Installed: 1}, facts{Other: 1, Installed: 1, Pending: 1}},
		{"installed and failed elsewhere", Counts{Targeted: 1, Installed: 1, Failed: 1}, facts{Installed: 1, Failed: 1}},
		{"more than fits", Counts{Targeted: 5, Installed: 1<<32 - 1, Failed: 1<<32 - 1}, facts{Installed: 1<<32 - 1, Failed: 1<<32 - 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := facts{tt.c.Other(), tt.c.Done(), tt.c.In(StateInstalled), tt.c.In(StateFailed), tt.c.In(StatePending)}
			if tt.c.In(StateRetrying) != tt.c.Retrying {
				t.Errorf("%d are retrying, want %d", tt.c.In(StateRetrying), tt.c.Retrying)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
