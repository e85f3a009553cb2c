package queries_test

import (
	"iter"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/cim"
	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

// simulate starts a primary site with a secondary one, and says how to reach
// it.
func simulate(t *testing.T) (*simulator.Hierarchy, *wsman.Client) {
	t.Helper()
	model := simulator.Model{Seed: 1, Delay: time.Hour, Sites: []simulator.Site{{
		Code: "PS1", DPs: 3, Packages: 20, Pending: 1,
		Failed: map[simulator.Cause]int{simulator.DiskFull: 1, simulator.SourceMissing: 1, simulator.AccessDenied: 1,
			simulator.DPOffline: 1, simulator.HashMismatch: 1, simulator.Transient: 1},
		Secondaries: []simulator.Secondary{{Code: "S21", DPs: 2}},
	}}}
	return simulateModel(t, model)
}

func simulateModel(t *testing.T, model simulator.Model) (*simulator.Hierarchy, *wsman.Client) {
	t.Helper()
	h, err := simulator.Start(t.Context(), model, simulator.Options{AllowUnencrypted: true, Strict: func(s simulator.Sin) { t.Error(s) }})
	if err != nil {
		t.Fatal(err)
	}
	site := h.Sites()[0]
	transport, err := wsman.NewHTTP(wsman.HTTPOptions{URL: site.URL, AllowUnencrypted: true}, wsman.Basic(site.User, site.Password()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := transport.Close(); err != nil {
			t.Error(err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h, wsman.NewClient(transport, wsman.Options{Endpoint: site.URL, Retries: -1})
}

func collect[T any](t *testing.T, rows iter.Seq2[T, error]) []T {
	t.Helper()
	all, err := queries.Collect(rows)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSimulatedSite runs the queries against a site server that has its own
// reading of WQL and of the classes.
func TestSimulatedSite(t *testing.T) {
	h, client := simulate(t)
	location, err := queries.Locate(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if location.Site != "PS1" || len(location.Machines) != 1 {
		t.Fatalf("located %+v", location)
	}
	s := &cim.Session{Client: client, Namespace: location.Namespace}

	t.Run("every class has rows", func(t *testing.T) {
		counts := map[string]int{
			"sites": len(collect(t, queries.Sites(t.Context(), s))),
			"DPs":   len(collect(t, queries.DPs(t.Context(), s))),
			"infos": len(collect(t, queries.DPStatusInfos(t.Context(), s))),
		}
		if diff := cmp.Diff(map[string]int{"sites": 2, "DPs": 5, "infos": 5}, counts); diff != "" {
			t.Error(diff)
		}
		for name, n := range map[string]int{
			"root":     len(collect(t, queries.StatusRoot(t.Context(), s, queries.Filter{}))),
			"site":     len(collect(t, queries.StatusSite(t.Context(), s, queries.Filter{}))),
			"contents": len(collect(t, queries.Contents(t.Context(), s))),
			"packages": len(collect(t, queries.Packages(t.Context(), s))),
			"groups":   len(collect(t, queries.Groups(t.Context(), s))),
			"members":  len(collect(t, queries.GroupMembers(t.Context(), s))),
			"drives":   len(collect(t, queries.Drives(t.Context(), s))),
			"points":   len(collect(t, queries.Select[queries.DistributionPoint]().Run(t.Context(), s))),
			"details":  len(collect(t, queries.Select[queries.DPStatusDetail]().Run(t.Context(), s))),
			"messages": len(collect(t, queries.Select[queries.StatusMessage]().Run(t.Context(), s))),
			"root by":  len(collect(t, queries.StatusRoot(t.Context(), s, queries.Filter{States: queries.Unhealthy()}))),
			"site by":  len(collect(t, queries.StatusSite(t.Context(), s, queries.Filter{Since: time.Unix(0, 0)}))),
		} {
			if n == 0 {
				t.Errorf("no rows: %s", name)
			}
		}
	})

	t.Run("a filter picks what a look at all rows picks", func(t *testing.T) {
		all := collect(t, queries.StatusDP(t.Context(), s, queries.Filter{}))
		some := all[len(all)/2]
		for name, f := range map[string]queries.Filter{
			"host":             {DPs: patterns(t, some.ServerNALPath.Host())},
			"FQDN":             {DPs: patterns(t, some.ServerNALPath.Server())},
			"globs":            {DPs: patterns(t, "dp0[12]*", "*.s21.*")},
			"package":          {Packages: patterns(t, string(some.PackageID))},
			"packages":         {Packages: patterns(t, "ps10000?", string(some.PackageID))},
			"failed":           {States: []queries.State{queries.StateFailed}},
			"types":            {Types: []queries.PackageType{queries.TypePackage, queries.TypeApplication}},
			"since":            {Since: some.SummaryDate.Time},
			"all at once":      {DPs: patterns(t, "dp*"), Packages: patterns(t, "PS1*"), States: queries.Unhealthy(), Types: []queries.PackageType{0, 3, 5, 8, 257, 258, 259}},
			"nothing":          {DPs: patterns(t, "nosuch")},
			"part of the path": {DPs: patterns(t, "MSWNET")},
		} {
			var want []queries.RowKey
			for _, r := range all {
				if f.Match(r) {
					want = append(want, r.RowKey())
				}
			}
			var got []queries.RowKey
			for _, r := range collect(t, queries.StatusDP(t.Context(), s, f)) {
				got = append(got, r.RowKey())
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if none := name == "nothing" || name == "part of the path"; none != (len(got) == 0) {
				t.Errorf("%s: %d rows", name, len(got))
			}
		}
	})

	t.Run("the causes are told", func(t *testing.T) {
		got := map[string]int{}
		for _, r := range collect(t, queries.Causes(t.Context(), s)) {
			got[r.Cause().Name]++
		}
		want := map[string]int{"disk-full": 1, "source-missing": 1, "access-denied": 1, "dp-offline": 1, "hash-mismatch": 1, "interrupted": 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})

	t.Run("a refresh makes a job", func(t *testing.T) {
		failed := collect(t, queries.StatusDP(t.Context(), s, queries.Filter{States: []queries.State{queries.StateFailed}}))
		before := len(collect(t, queries.Jobs(t.Context(), s)))
		for i, full := range []bool{false, true} {
			if err := queries.Refresh(t.Context(), s, failed[i].Keys, full); err != nil {
				t.Fatalf("full %v: %v", full, err)
			}
			row := simulator.Target{Package: string(failed[i].PackageID), DP: failed[i].ServerNALPath.Server()}
			if n := h.Refreshes(row); n != 1 {
				t.Errorf("full %v: the row was refreshed %d times", full, n)
			}
		}
		if jobs := collect(t, queries.Jobs(t.Context(), s)); len(jobs) != before+2 {
			t.Errorf("%d open jobs, want 2 more than %d", len(jobs), before)
		}
		pending := collect(t, queries.StatusDP(t.Context(), s, queries.Filter{States: []queries.State{queries.StatePending},
			Packages: patterns(t, string(failed[0].PackageID)), DPs: patterns(t, failed[0].ServerNALPath.Server())}))
		if len(pending) != 1 {
			t.Errorf("%d rows are pending, want the one that was refreshed", len(pending))
		}
	})
}

func patterns(t *testing.T, texts ...string) []queries.Pattern {
	t.Helper()
	var all []queries.Pattern
	for _, text := range texts {
		p, err := queries.ParsePattern(text)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}
