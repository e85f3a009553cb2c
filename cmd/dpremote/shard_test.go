package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dpremote/simulator"
)

// sharded runs a command line against simulated sites whose inventory was
// edited.
type sharded struct {
	*simulator.Hierarchy
	inventory string
}

func serveSharded(t *testing.T, edit *strings.Replacer) sharded {
	t.Helper()
	h, err := simulator.Start(t.Context(), model, simulator.Options{User: "sim", Password: "p", Strict: noSin(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	t.Setenv(simulator.PasswordVariable, "p")
	var text strings.Builder
	if err := h.WriteInventory(&text, simulator.InventoryOptions{}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	if err := os.WriteFile(path, []byte(edit.Replace(text.String())), 0o600); err != nil {
		t.Fatal(err)
	}
	return sharded{h, path}
}

func (s sharded) run(ctx context.Context, args ...string) (code int, out, errs string) {
	var o, e strings.Builder
	a := testApp(strings.NewReader(""), &o, &e)
	a.getenv = os.Getenv
	code = a.execute(ctx, append([]string{"-i", s.inventory}, args...))
	return code, o.String(), e.String()
}

// However many shards there are, all of them together send every row once, as
// one process does: the central site shows the rows of the primary sites too,
// and must not act for those of another shard.
func TestShardsActOnce(t *testing.T) {
	inventories := map[string]*strings.Replacer{
		"site codes": strings.NewReplacer(),
		"namespaces": strings.NewReplacer("  ps1:", "  london:", "site_code: PS1", "namespace: root/sms/site_PS1"),
	}
	for name, edit := range inventories {
		for shards := 1; shards <= 5; shards++ {
			t.Run(fmt.Sprintf("%s, %d shards", name, shards), func(t *testing.T) {
				s := serveSharded(t, edit)
				// All plans are made before anything is sent: what is sent is
				// no failed row for the next one.
				planned, working := map[string]int{}, 0
				for _, mode := range []string{"--dry-run", "--yes"} {
					for i := 1; i <= shards; i++ {
						code, out, errs := s.run(t.Context(), "--shard", fmt.Sprintf("%d/%d", i, shards), "refresh", mode, "--force",
							"-o", "csv", "--no-headers", "--columns", "nalPath,package,action")
						if code != exitOK {
							t.Errorf("shard %d ended with %d: %s", i, code, errs)
						}
						if mode == "--yes" {
							continue
						}
						if out != "" {
							working++
						}
						for line := range strings.Lines(out) {
							planned[strings.TrimSpace(line)]++
						}
					}
				}
				for row, n := range planned {
					if n != 1 || !strings.HasSuffix(row, ",refresh") {
						t.Errorf("%s is in %d plans", row, n)
					}
				}
				if len(planned) != 6 {
					t.Errorf("%d rows are planned, want 6", len(planned))
				}
				sent := 0
				for _, r := range s.Rows(simulator.Target{}) {
					sent += r.Refreshes
					if r.Refreshes > 1 {
						t.Errorf("%s on %s was sent %d times", r.Package, r.DP, r.Refreshes)
					}
				}
				if want := 6; sent != want {
					t.Errorf("%d rows were sent, want %d", sent, want)
				}
				if name == "site codes" && shards == 5 && working != 2 { // PS1 and PS2 are in two, CAS in a third
					t.Errorf("%d shards have something to send: the test tests nothing", working)
				}
			})
		}
	}
}

// A shard that holds no site is fine for every command.
func TestEmptyShard(t *testing.T) {
	s := serveSharded(t, strings.NewReplacer())
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	for name, args := range everyCommand() {
		t.Run(name, func(t *testing.T) {
			switch name {
			case "discover", "report", "update": // of a server; and of all sites, with --shard refused
				return
			}
			code, out, errs := s.run(t.Context(), append([]string{"--shard", "2/5"}, args...)...)
			if code != exitOK || !strings.Contains(errs, "Shard 2/5 holds none of the 3 sites selected: there is nothing to do.") {
				t.Errorf("ended with %d, printed %s and %s", code, out, errs)
			}
		})
	}
	if n := refreshes(s.Hierarchy); n > 0 {
		t.Errorf("%d rows were sent", n)
	}
}

// What no site of a shard shows may be another shard's.
func TestShardOfUnknownThings(t *testing.T) {
	s := serveSharded(t, strings.NewReplacer())
	for _, args := range [][]string{
		{"refresh", "--yes", "--package", "PS900001"},
		{"refresh", "--yes", "--dp-group", "nosuch"},
		{"status", "--level", "dp", "--dp", "dp01.ps2.sim.example"},
		{"diagnose", "PS900001"},
		{"watch", "--package", "PS900001"},
	} {
		if code, _, errs := s.run(t.Context(), append([]string{"--shard", "4/5"}, args...)...); code != exitOK || !strings.Contains(errs, "Shard 4/5: ") {
			t.Errorf("%v in PS1's shard: ended with %d: %s", args, code, errs)
		}
		if code, _, errs := s.run(t.Context(), append([]string{"--site", "ps1"}, args...)...); code != exitUsage {
			t.Errorf("%v at PS1: ended with %d: %s", args, code, errs)
		}
	}
}
