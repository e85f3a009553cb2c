package world

import (
	"strings"
	"testing"
	"time"
)

func TestModelValidation(t *testing.T) {
	primary := func(change func(*SiteModel)) Model {
		s := SiteModel{Code: "PS1", DPs: 2, Packages: 3}
		change(&s)
		return Model{Sites: []SiteModel{s}}
	}
	for _, test := range []struct {
		name  string
		model Model
		want  string // part of the error; empty: none
	}{
		{"one site", primary(func(*SiteModel) {}), ""},
		{"nothing on it", Model{Sites: []SiteModel{{Code: "ps1"}}}, ""},
		{"every row failed", primary(func(s *SiteModel) { s.Failed = map[Cause]int{DiskFull: 6} }), ""},
		{"no sites", Model{}, "no sites"},
		{"negative delay", Model{Sites: []SiteModel{{Code: "PS1"}}, Delay: -time.Second}, "delay -1s is negative"},
		{"long code", primary(func(s *SiteModel) { s.Code = "PS12" }), `site code "PS12": want three letters or digits`},
		{"odd code", primary(func(s *SiteModel) { s.Code = "P/1" }), `site code "P/1"`},
		{"code used twice", Model{Sites: []SiteModel{{Code: "PS1"}, {Code: "ps1"}}}, `site code "ps1": used twice`},
		{"code of a secondary", primary(func(s *SiteModel) { s.Secondaries = []SecondaryModel{{Code: "PS1"}} }), "used twice"},
		{"unknown parent", primary(func(s *SiteModel) { s.Parent = "CAS" }), `site PS1: parent "CAS" is not a site of the model`},
		{"own parent", primary(func(s *SiteModel) { s.Parent = "ps1"; s.DPs = 0 }), "is its own parent"},
		{"primary below a primary", Model{Sites: []SiteModel{{Code: "CAS"}, {Code: "PS1", Parent: "CAS"}, {Code: "PS2", Parent: "PS1"}}},
			"site PS2: parent PS1 is itself a primary site"},
		{"CAS with DPs", Model{Sites: []SiteModel{{Code: "CAS", DPs: 1}, {Code: "PS1", Parent: "CAS"}}}, "site CAS: a central administration site has neither"},
		{"CAS with a secondary", Model{Sites: []SiteModel{{Code: "CAS", Secondaries: []SecondaryModel{{Code: "S01"}}}, {Code: "PS1", Parent: "CAS"}}},
			"site CAS: a central administration site has neither"},
		{"negative DPs", primary(func(s *SiteModel) { s.DPs = -1 }), "-1 distribution points"},
		{"negative DPs of a secondary", primary(func(s *SiteModel) { s.Secondaries = []SecondaryModel{{Code: "S01", DPs: -1}} }), "secondary site S01: -1 distribution points"},
		{"too many DPs", primary(func(s *SiteModel) { s.DPs = 5001 }), "5001 distribution points: want 0 to 5000"},
		{"negative packages", primary(func(s *SiteModel) { s.Packages = -1 }), "-1 packages"},
		{"too many packages", primary(func(s *SiteModel) { s.Packages = 10001 }), "10001 packages"},
		{"too many rows", primary(func(s *SiteModel) { s.DPs, s.Packages = 5000, 10000 }), "rows: want at most 5000000"},
		{"server DP without DPs", primary(func(s *SiteModel) { s.DPs, s.ServerDP = 0, true }), "the site server cannot be a distribution point"},
		{"unknown cause", primary(func(s *SiteModel) { s.Failed = map[Cause]int{"gremlins": 1} }), `cause "gremlins" is unknown`},
		{"a waiting cause does not fail", primary(func(s *SiteModel) { s.Failed = map[Cause]int{Closed: 1} }), `failed: cause "closed" is unknown`},
		{"a failure does not wait", primary(func(s *SiteModel) { s.Waiting = map[Cause]int{DiskFull: 1} }), `waiting: cause "disk-full" is unknown`},
		{"every row stale", primary(func(s *SiteModel) { s.Stale = 4 }), ""},
		{"a stale application", primary(func(s *SiteModel) { s.Stale = 5 }), "5 stale rows: want at most 4, those of packages that are no applications"},
		{"storms of all packages", primary(func(s *SiteModel) { s.Storms, s.Stale = 2, 2 }), ""},
		{"too many storms", primary(func(s *SiteModel) { s.Storms = 3 }), "3 storms: want at most 2"},
		{"more storms than any site has", primary(func(s *SiteModel) { s.Packages, s.Storms = 1000, 101 }), "101 storms: want at most 100"},
		{"storms and stale rows", primary(func(s *SiteModel) { s.Storms, s.Stale = 2, 3 }), "3 stale rows: want at most 2"},
		{"a storm at a secondary site", primary(func(s *SiteModel) {
			s.DPs, s.Storms, s.Secondaries = 0, 1, []SecondaryModel{{Code: "S01", DPs: 2}}
		}), "a storm needs a distribution point of the site's own"},
		{"negative storms", primary(func(s *SiteModel) { s.Storms = -1 }), "storms: -1 rows"},
		{"maintenance everywhere", primary(func(s *SiteModel) { s.Maintenance = 2 }), ""},
		{"maintenance of what is not there", primary(func(s *SiteModel) { s.Maintenance = 3 }), "3 distribution points in maintenance mode: want 0 to 2"},
		{"negative rows", primary(func(s *SiteModel) { s.Retrying = -1 }), "retrying: -1 rows"},
		{"more failures than rows", primary(func(s *SiteModel) { s.Failed = map[Cause]int{DiskFull: 4}; s.Pending = 3 }),
			"site PS1: 7 rows that are not installed are asked for, but 3 packages with content on 2 distribution points make 6 rows"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(test.model, func() time.Time { return epoch })
			switch {
			case test.want == "" && err != nil:
				t.Errorf("error: %v", err)
			case test.want != "" && err == nil:
				t.Errorf("no error, want %q", test.want)
			case test.want != "" && !strings.Contains(err.Error(), test.want):
				t.Errorf("error %q, want %q in it", err, test.want)
			}
		})
	}
}

func TestAllProblemsAreReported(t *testing.T) {
	_, err := New(Model{Sites: []SiteModel{{Code: "X", Parent: "Y", DPs: -1}}}, nil)
	for _, want := range []string{`site code "X"`, `parent "Y"`, "-1 distribution points"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}
