package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dpremote/simulator"
)

// BenchmarkSweep asks 276 sites of mixed latency, one central site, its 25
// primary sites and 250 others, and reports how many times as long it takes as
// the slowest of them alone (total/slowest). The sites are simulated in the same
// process, so their work is in the time too.
func BenchmarkSweep(b *testing.B) {
	o := simOptions{primaries: 25, standalone: 250, dps: 2, packages: 4, failed: 2, seed: 1}
	m, err := o.byCounts()
	if err != nil {
		b.Fatal(err)
	}
	slow := latency{10 * time.Millisecond, 300 * time.Millisecond}
	h, err := simulator.Start(b.Context(), m, simulator.Options{User: "sim", Password: "p", Around: slow.around(m.Sites)})
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	b.Setenv(simulator.PasswordVariable, "p")
	var inv strings.Builder
	if err := h.WriteInventory(&inv, simulator.InventoryOptions{}); err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "inventory.yaml")
	if err := os.WriteFile(path, []byte(inv.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	slowest := strings.ToLower(m.Sites[len(m.Sites)-1].Code)
	for name, args := range map[string][]string{
		"query":  {"query", "SELECT SiteCode FROM SMS_Site", "-o", "jsonl"},
		"status": {"status", "--level", "dp", "-o", "json"},
		"dps":    {"dps"},
	} {
		b.Run(name, func(b *testing.B) {
			run := func(flags ...string) time.Duration {
				var errs strings.Builder
				a := testApp(strings.NewReader(""), io.Discard, &errs)
				a.getenv = os.Getenv
				begin := time.Now()
				if code := a.execute(b.Context(), append(append([]string{"-i", path}, flags...), args...)); code != exitOK {
					b.Fatalf("%v ended with %d: %s", args, code, errs.String())
				}
				return time.Since(begin)
			}
			// The least of each is what others on the machine disturb least.
			var one, all time.Duration
			for b.Loop() {
				one = least(one, run("--site", slowest))
				all = least(all, run("--parallel", "300"))
			}
			b.ReportMetric(float64(all)/float64(one), "total/slowest")
			b.ReportMetric(0, "ns/op") // one and all together mean nothing
		})
	}
}

// least is the least of durations of which zero is none.
func least(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}
