package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
)

// row is one line of the table.
type row struct {
	Name  string `json:"name"`
	Ours  string `json:"ours"`
	Peer  string `json:"peer"`  // its name and version, or the limit's
	Their string `json:"their"` // what it does
	// Ratios are those of the turns; none where the peer is missing.
	Ratios []float64 `json:"ratios"`
	// Goal is what the ratio should be at least or, where less is better, at
	// most; 0 for none.
	Goal float64 `json:"goal"`
	Less bool    `json:"lessIsBetter"`
	// Loose says that the ratio depends on the machine, or on who else uses it: it
	// is no part of a baseline.
	Loose bool   `json:"loose,omitempty"`
	Note  string `json:"note,omitempty"`
}

// limit is the peer of a row that has none.
const limit = "limit"

// missing is a row whose peer is not there.
func missing(name, peer string) row { return row{Name: name, Peer: peer, Note: "not installed"} }

// ratio is the median of the turns' ratios.
func (r row) ratio() float64 { return median(r.Ratios) }

// spread is how far the ratios of the middle half of the turns are apart, as a
// part of their median.
func (r row) spread() float64 {
	if len(r.Ratios) < 2 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(r.Ratios))
	n := len(sorted)
	return (sorted[n-1-n/4] - sorted[n/4]) / median(r.Ratios)
}

// met tells whether the goal is reached.
func (r row) met() bool {
	if r.Less {
		return r.ratio() <= r.Goal
	}
	return r.ratio() >= r.Goal
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

func printTable(w io.Writer, rows []row) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "WHAT\tOURS\tTHEIRS\tPEER OR LIMIT\tRATIO\tGOAL\t")
	for _, r := range rows {
		ratio, goal, verdict := r.Note, "", ""
		if len(r.Ratios) > 0 {
			ratio = fmt.Sprintf("%s ±%.0f%%", number(r.ratio()), 50*r.spread())
		}
		if r.Goal != 0 {
			goal = map[bool]string{false: "at least ", true: "at most "}[r.Less] + number(r.Goal)
			if len(r.Ratios) > 0 {
				verdict = map[bool]string{false: "MISSED", true: "met"}[r.met()]
			}
		}
		if r.Note != "" && len(r.Ratios) > 0 {
			verdict = strings.TrimSpace(verdict + " (" + r.Note + ")")
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Name, r.Ours, r.Their, r.Peer, ratio, goal, verdict)
	}
	_ = t.Flush()
}

// number writes a ratio to three digits.
func number(f float64) string {
	switch {
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return fmt.Sprintf("%.1f", f)
	}
	return fmt.Sprintf("%.2f", f)
}

// results is the form of -json.
type results struct {
	Go         string `json:"go"`
	Processors int    `json:"processors"`
	Short      bool   `json:"short"`
	Rows       []row  `json:"rows"`
}

func (b *bench) report() results {
	return results{Go: runtime.Version(), Processors: runtime.NumCPU(), Short: b.short, Rows: b.rows}
}

func writeJSON(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(data, '\n'), 0o644)
}

// record writes the ratios as the baseline.
func record(name string, rows []row) error {
	ratios := map[string]float64{}
	for _, r := range rows {
		if len(r.Ratios) > 0 && !r.Loose {
			ratios[r.Name+" / "+withoutVersion(r.Peer)] = r.ratio()
		}
	}
	return writeJSON(name, ratios)
}

// withoutVersion is a peer's name without the words that are a version.
func withoutVersion(peer string) string {
	words := slices.DeleteFunc(strings.Fields(peer), func(w string) bool {
		w = strings.TrimPrefix(w, "go")
		return w != "" && w[0] >= '0' && w[0] <= '9'
	})
	return strings.Join(words, " ")
}

// compare fails for each ratio that is less than half as good as the
// baseline's, and for each limit that is not kept. A baseline that has nothing in
// common with the rows fails too.
func compare(name string, rows []row) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var baseline map[string]float64
	if err := json.Unmarshal(data, &baseline); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var failed []error
	compared := 0
	for _, r := range rows {
		was, ok := baseline[r.Name+" / "+withoutVersion(r.Peer)]
		if !ok || len(r.Ratios) == 0 || r.Loose {
			continue
		}
		compared++
		switch is := r.ratio(); {
		case r.Less && is > 2*was || !r.Less && is < was/2:
			failed = append(failed, fmt.Errorf("%s: the ratio was %s and is %s", r.Name, number(was), number(is)))
		case r.Peer == limit && !r.met():
			failed = append(failed, fmt.Errorf("%s: %s of the limit, which is %s", r.Name, number(is), number(r.Goal)))
		}
	}
	if compared == 0 {
		failed = append(failed, fmt.Errorf("%s has none of the ratios", name))
	}
	return errors.Join(failed...)
}
