package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dpremote/distribution"
	"dpremote/internal/history"
	"dpremote/queries"
	"dpremote/simulator"
)

// A central site has the rows of all its hierarchy. It is asked for those of
// sites that are not asked themselves or did not answer, and for no others; what
// is printed, and what the history counts at it, is the same in each case. Nobody
// stands in for a site that broke after it has shown a row, and then the history
// counts nothing at the central site.
func TestRowsAreLeftToTheirSites(t *testing.T) {
	const class = "SMS_PackageStatusDistPointsSummarizer"
	dps := ""
	for _, tt := range []struct {
		name   string
		faults []simulator.Fault
		args   []string
		asked  []string // of the central site: the sites that it is to leave out
		seenBy string   // the rows of PS1
		lost   int      // of them
		exit   int
	}{
		{name: "all are asked", asked: []string{"PS1 PS2 S21"}, seenBy: "ps1"},
		{name: "one is not asked", args: []string{"--exclude", "ps1"}, asked: []string{"PS2 S21"}, seenBy: "cas"},
		{name: "it alone is asked", args: []string{"--site", "cas"}, asked: []string{""}, seenBy: "cas"},
		{name: "one does not answer", faults: []simulator.Fault{{Kind: simulator.Internal, Site: "PS1", Class: class}},
			asked: []string{"PS1 PS2 S21", "CAS PS2 S21"}, seenBy: "cas", exit: exitIncomplete},
		{name: "one breaks", faults: []simulator.Fault{{Kind: simulator.Internal, Site: "PS1", Class: class, Action: "pull"}},
			asked: []string{"PS1 PS2 S21"}, seenBy: "ps1", lost: 20, exit: exitIncomplete},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			var asked []string
			h, err := simulator.Start(t.Context(), model, simulator.Options{User: "sim", Password: "p", Strict: noSin(t), Faults: tt.faults,
				Observe: func(x simulator.Exchange) {
					if !strings.Contains(x.Query, class) {
						return
					}
					left := leftAside(x.Query)
					mu.Lock()
					defer mu.Unlock()
					if x.Site == "CAS" {
						asked = append(asked, left)
					} else if left != "" {
						t.Errorf("%s is asked without %s, which it cannot have", x.Site, left)
					}
				}})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			t.Setenv(simulator.PasswordVariable, "p")
			var inventory strings.Builder
			if err := h.WriteInventory(&inventory, simulator.InventoryOptions{}); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			path, book := filepath.Join(dir, "inventory.yaml"), filepath.Join(dir, "h.db")
			if err := os.WriteFile(path, []byte(inventory.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			run := func(args ...string) string {
				t.Helper()
				asked = nil
				code, out, errs := sharded{h, path}.run(t.Context(), append(append([]string{"-o", "jsonl", "--history", book}, tt.args...), args...)...)
				if code != tt.exit {
					t.Errorf("%s ended with %d: %s", args, code, errs)
				}
				if !slices.Equal(asked, tt.asked) {
					t.Errorf("%s asks the central site without %q, not without %q", args, asked, tt.asked)
				}
				return out
			}
			out := run("status", "--level", "dp")
			rows := map[string]int{}
			for line := range strings.Lines(out) {
				_, site, _ := strings.Cut(line, `"siteCode":"`)
				_, by, _ := strings.Cut(line, `"site":"`)
				rows[site[:3]+" by "+strings.TrimRight(by, "\"}\n")]++
			}
			if n := rows["PS1 by "+tt.seenBy]; n != 21-tt.lost || strings.Count(out, "\n") != 33-tt.lost {
				t.Errorf("%d rows, not %d, of which %d of PS1 by %s: %v", strings.Count(out, "\n"), 33-tt.lost, n, tt.seenBy, rows)
			}
			if got := countsOf(t, book, "cas"); (got == "") != (tt.lost > 0) || tt.lost == 0 && got != "map[failed:6 installed:26 retrying:1]" {
				t.Errorf("the history counts %s", got)
			}
			if tt.lost > 0 {
				return // dps counts, and so prints nothing before it is done
			}
			out = run("dps")
			if dps == "" {
				dps = out
			}
			if out != dps || !strings.Contains(out, "dp01.ps1") {
				t.Errorf("the distribution points are\n%s, not\n%s", out, dps)
			}
		})
	}
}

// leftAside are the sites that a query leaves out.
func leftAside(wql string) string {
	var left []string
	for _, part := range strings.Split(wql, "SiteCode <> '")[1:] {
		left = append(left, part[:strings.IndexByte(part, '\'')])
	}
	slices.Sort(left)
	return strings.Join(left, " ")
}

// countsOf is what the history has of the one sweep of a site.
func countsOf(t *testing.T, book, site string) string {
	t.Helper()
	h, err := history.Open(t.Context(), book, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	var all []string
	for s, err := range h.Summaries(t.Context(), time.Time{}, site) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(s.Counts))
	}
	return strings.Join(all, "; ")
}

// TestStandIns tells who stands in for whom.
func TestStandIns(t *testing.T) {
	cas, ps1 := &member{}, &member{}
	view := func(code, top string) *distribution.View { return shows(code, top).view }
	unlisted := view("PS1", "CAS")
	unlisted.Sites = nil // the account may not see them
	for _, tt := range []struct {
		name string
		ps1  *distribution.View
		want bool
	}{
		{"it answered", view("PS1", "CAS"), false},
		{"it did not", nil, true},
		{"another of its code did", view("PS1", ""), true},
		{"it does not tell where it belongs", unlisted, false},
	} {
		shown := map[*member]*distribution.View{cas: view("CAS", "")}
		if tt.ps1 != nil {
			shown[ps1] = tt.ps1
		}
		all := []leaving{{cas, shown[cas], map[queries.SiteCode]bool{"PS1": true}}}
		above, missing := (&fleet{}).standIns(owners{"CAS": cas, "PS1": ps1}, all, shown)
		if missing[cas]["PS1"] != tt.want || (len(above.members) > 0) != tt.want {
			t.Errorf("%s: the central site stands in: %v", tt.name, missing)
		}
	}
}

// A site of the same code in another hierarchy is another site: what a central
// site has of its own one is its to tell.
func TestSitesOfOneCodeInTwoHierarchies(t *testing.T) {
	t.Setenv(simulator.PasswordVariable, "p")
	start := func(sites ...simulator.Site) string {
		t.Helper()
		h, err := simulator.Start(t.Context(), simulator.Model{Sites: sites}, simulator.Options{User: "sim", Password: "p", Strict: noSin(t)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = h.Close() })
		return h.Sites()[0].URL
	}
	first := start(simulator.Site{Code: "CAS"}, simulator.Site{Code: "PS1", Parent: "CAS", DPs: 2, Packages: 3})
	other := start(simulator.Site{Code: "PS1", DPs: 1, Packages: 4})
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	inventory := "all: {user: sim, password_env: " + simulator.PasswordVariable + ", auth: ntlm}\nsites:\n" +
		"  cas: {host: \"" + strings.TrimSuffix(first, "/wsman") + "\", site_code: CAS}\n" +
		"  other: {host: \"" + strings.TrimSuffix(other, "/wsman") + "\", site_code: PS1}\n"
	if err := os.WriteFile(path, []byte(inventory), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		rows int
	}{
		{[]string{"status", "--level", "dp", "-o", "jsonl"}, 2*3 + 4},
		{[]string{"status", "--level", "dp", "-o", "json"}, 2*3 + 4},
		{[]string{"dps", "-o", "jsonl"}, 2}, // the simulator gives the first one of both the same path
	} {
		code, out, errs := sharded{nil, path}.run(t.Context(), tt.args...)
		if n := strings.Count(out, `"dp":`); code != exitOK || n != tt.rows {
			t.Errorf("%s ended with %d: %d rows, not %d: %s%s", tt.args, code, n, tt.rows, out, errs)
		}
	}
}
