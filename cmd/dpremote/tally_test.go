package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dpremote/internal/metrics"
	"dpremote/queries"
	"dpremote/simulator"
)

// counted are the counts of a tally in the text format.
func counted(t *testing.T, tally *tally, members ...*member) map[string]string {
	t.Helper()
	s := &metrics.Snapshot{}
	for _, m := range members {
		s.Sites = append(s.Sites, metrics.Site{Name: m.Name, Up: true, Content: tally.shown(m)})
	}
	var out strings.Builder
	if err := metrics.Write(&out, s); err != nil {
		t.Fatal(err)
	}
	return series(out.String())
}

// Rows count at the member that serves them, whoever shows them, but not at one
// of another hierarchy that has the same code.
func TestTallyFindsTheOwner(t *testing.T) {
	l := watchers(t, io.Discard, 1, "CAS", "PS1", "PS2")
	cas, ps1, ps2 := l.f.members[0], l.f.members[1], l.f.members[2]
	tally := newTally(l.f.members, 0, []string{"failed", "unknown"})
	failed := func(site queries.SiteCode, s queries.State) queries.PackageStatusDP {
		return queries.PackageStatusDP{Keys: queries.Keys{PackageID: "CAS00001", SiteCode: site}, State: s}
	}
	view := shows("CAS", "").view
	view.Sites = append(view.Sites, queries.Site{SiteCode: "S11", ReportingSiteCode: "PS1", Type: queries.SiteSecondary})
	tally.saw(cas, view)
	tally.saw(ps2, shows("PS2", "").view) // it is at the top of its own
	for _, site := range []queries.SiteCode{"PS1", "ps1", "S11", "PS2", "S99"} {
		tally.row(cas, failed(site, queries.StateFailed))
	}
	tally.row(ps2, failed("PS2", queries.StateFailed))
	tally.row(ps2, failed("PS2", 77))
	tally.row(ps2, failed("PS2", 78))
	tally.row(ps2, failed("PS2", queries.StateInstalled)) // not counted here
	got := counted(t, tally, cas, ps1, ps2)
	for name, want := range map[string]string{
		`content_rows{site="PS1",site_code="PS1",state="failed"}`: "2", `content_rows{site="PS1",site_code="S11",state="failed"}`: "1",
		`content_rows{site="CAS",site_code="PS2",state="failed"}`: "1", `content_rows{site="CAS",site_code="S99",state="failed"}`: "1",
		`content_rows{site="PS2",site_code="PS2",state="failed"}`: "1", `content_rows{site="PS2",site_code="PS2",state="unknown"}`: "2",
		`content_rows{site="CAS",site_code="PS1",state="failed"}`: "",
	} {
		name = strings.NewReplacer(`site="CAS"`, `site="cas"`, `site="PS1"`, `site="ps1"`, `site="PS2"`, `site="ps2"`).Replace(name)
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// A server that makes sites and states up makes no more series than a bound.
func TestTallyIsBounded(t *testing.T) {
	l := watchers(t, io.Discard, 1, "PS1")
	tally := newTally(l.f.members, 0, countedStates(queries.Filter{}))
	tally.saw(l.f.members[0], shows("PS1", "").view)
	const sites, states = 3 * maxCodes, 50
	for i := range sites {
		for _, code := range []string{fmt.Sprintf("%03X", i), fmt.Sprintf("site %d", i), "\xff"} {
			tally.row(l.f.members[0], queries.PackageStatusDP{Keys: queries.Keys{SiteCode: queries.SiteCode(code)}, State: queries.State(i % states)})
		}
	}
	codes := tally.shown(l.f.members[0])
	if most := maxCodes + 1; len(codes) > most {
		t.Errorf("%d site codes", len(codes))
	}
	if !slices.ContainsFunc(codes, func(c *metrics.Content) bool { return c.SiteCode == "other" }) {
		t.Error("what is beyond the bound is not counted")
	}
	if got, most := len(countedStates(queries.Filter{States: []queries.State{77, 78, queries.StateFailed}})), 2; got != most {
		t.Errorf("%d states", got)
	}
}

// A file is for a collector that is somebody else; that of an interrupted
// command is left as it was.
func TestPromFile(t *testing.T) {
	dir := t.TempDir()
	path, kept := filepath.Join(dir, "new.prom"), filepath.Join(dir, "kept.prom")
	if err := os.WriteFile(kept, []byte("as it was"), 0o640); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	_, inv := exported(t, simulator.Options{Observe: func(x simulator.Exchange) {
		if x.Action != "" {
			interrupt()
		}
	}}, "")
	for _, args := range [][]string{{"status"}, {"status", "--level", "site"}, {"status", "--level", "dp"}, {"dps"}} {
		var errs strings.Builder
		code := testApp(strings.NewReader(""), io.Discard, &errs).execute(ctx, append(args, "-i", inv, "--prom", kept))
		if code != exitInterrupted {
			t.Errorf("%v ended with %d: %s", args, code, errs.String())
		}
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != "as it was" {
		t.Errorf("%q, %v", text, err)
	}
	for _, file := range []string{path, kept} {
		var errs strings.Builder
		if code := testApp(strings.NewReader(""), io.Discard, &errs).execute(t.Context(), []string{"dps", "-i", inv, "--prom", file}); code != exitOK {
			t.Fatalf("ended with %d: %s", code, errs.String())
		}
	}
	for file, want := range map[string]os.FileMode{path: 0o644, kept: 0o640} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != want || info.Size() < 1000 {
			t.Errorf("%s: %v, %v", file, info, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
