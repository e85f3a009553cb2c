package htmlreport

import (
	"cmp"
	"maps"
	"slices"
)

// totals are all rows by state.
type totals struct {
	Rows, OK int
	Bad      int // of the bad kind
	States   []stateCount
}

// stateCount is how many rows are in a state.
type stateCount struct {
	State
	N int
}

// badness is the order in which states are told: the worst first.
func badness(k Kind) int {
	return slices.Index([]Kind{KindBad, KindOpen, KindStale, KindOK}, k)
}

// totals counts all rows.
func (r *Report) totals() totals {
	var t totals
	counts := make([]int, len(r.States))
	for _, row := range r.Rows {
		counts[row.State]++
	}
	for _, dp := range r.DPs {
		t.Rows += dp.Held.Len()
	}
	t.OK = t.Rows - len(r.Rows)
	if len(counts) > 0 {
		counts[0] = t.OK
	}
	for i, s := range r.States {
		if s.Kind == KindBad {
			t.Bad += counts[i]
		}
		if counts[i] > 0 && (i > 0 || !r.Partial) {
			t.States = append(t.States, stateCount{s, counts[i]})
		}
	}
	slices.SortStableFunc(t.States, func(a, b stateCount) int {
		return cmp.Or(cmp.Compare(badness(a.Kind), badness(b.Kind)), cmp.Compare(b.N, a.N))
	})
	return t
}

// siteLine is a site with the counts of its distribution points.
type siteLine struct {
	Site
	DPs, Rows, OK, Stale, Open, Bad int
}

// siteLines counts the rows of each site. Distribution points of a site that is
// not listed get a line of their own.
func (r *Report) siteLines() []siteLine {
	var lines []siteLine
	places := map[string]int{}
	line := func(code string) *siteLine {
		i, ok := places[code]
		if !ok {
			i = len(lines)
			places[code] = i
			lines = append(lines, siteLine{Site: Site{Code: code}})
		}
		return &lines[i]
	}
	for _, s := range r.Sites {
		line(s.Code).Site = s
	}
	for _, dp := range r.DPs {
		l := line(dp.Site)
		l.DPs++
		l.Rows += dp.Held.Len()
	}
	for _, row := range r.Rows {
		l := line(r.DPs[row.DP].Site)
		switch r.States[row.State].Kind {
		case KindBad:
			l.Bad++
		case KindOpen:
			l.Open++
		case KindStale:
			l.Stale++
		}
	}
	for i := range lines {
		l := &lines[i]
		l.OK = l.Rows - l.Bad - l.Open - l.Stale
	}
	return lines
}

// causeLine is a cause with the rows that have it.
type causeLine struct {
	Cause
	Rows, DPs, Packages int
}

// causeLines counts the rows of each cause, the most frequent first.
func (r *Report) causeLines() []causeLine {
	lines := make([]causeLine, len(r.Causes))
	dps, packages := make([]map[int]bool, len(lines)), make([]map[int]bool, len(lines))
	for i, c := range r.Causes {
		lines[i].Cause = c
		dps[i], packages[i] = map[int]bool{}, map[int]bool{}
	}
	for _, row := range r.Rows {
		if row.Cause >= 0 {
			lines[row.Cause].Rows++
			dps[row.Cause][row.DP] = true
			packages[row.Cause][row.Package] = true
		}
	}
	for i := range lines {
		lines[i].DPs, lines[i].Packages = len(dps[i]), len(packages[i])
	}
	lines = slices.DeleteFunc(lines, func(l causeLine) bool { return l.Rows == 0 })
	slices.SortStableFunc(lines, func(a, b causeLine) int { return cmp.Compare(b.Rows, a.Rows) })
	return lines
}

// planView is the plan in numbers.
type planView struct {
	Sent, Skipped, Unknown int
	KB                     uint64
	Skips                  []skipCount
	DPs                    []dpLoad // the most KB first
	MoreDPs                int      // than those
}

// skipCount is how many rows are skipped for a reason.
type skipCount struct {
	Word, Reason string // the reason, where all of them have the same
	N            int
}

// dpLoad is what the plan sends to a distribution point.
type dpLoad struct {
	DP
	Rows int
	KB   uint64
}

// loadsShown is how many distribution points the plan lists.
const loadsShown = 10

func (r *Report) planView() planView {
	var v planView
	skips, loads := map[string]*skipCount{}, map[int]*dpLoad{}
	for _, s := range r.Plan.Steps {
		if s.Skip != "" {
			v.Skipped++
			addSkip(skips, s)
			continue
		}
		v.Sent++
		v.KB += s.SizeKB
		if s.SizeKB == 0 {
			v.Unknown++
		}
		if loads[s.DP] == nil {
			loads[s.DP] = &dpLoad{DP: r.DPs[s.DP]}
		}
		loads[s.DP].Rows++
		loads[s.DP].KB += s.SizeKB
	}
	for _, word := range slices.Sorted(maps.Keys(skips)) {
		v.Skips = append(v.Skips, *skips[word])
	}
	slices.SortStableFunc(v.Skips, func(a, b skipCount) int { return cmp.Compare(b.N, a.N) })
	for _, dp := range slices.Sorted(maps.Keys(loads)) {
		v.DPs = append(v.DPs, *loads[dp])
	}
	slices.SortStableFunc(v.DPs, func(a, b dpLoad) int { return cmp.Or(cmp.Compare(b.KB, a.KB), cmp.Compare(b.Rows, a.Rows)) })
	if len(v.DPs) > loadsShown {
		v.MoreDPs = len(v.DPs) - loadsShown
		v.DPs = v.DPs[:loadsShown]
	}
	return v
}

// addSkip counts a skipped row. Reasons that differ are left to the list.
func addSkip(skips map[string]*skipCount, s Step) {
	c := skips[s.Skip]
	if c == nil {
		c = &skipCount{Word: s.Skip, Reason: s.Reason}
		skips[s.Skip] = c
	}
	c.N++
	if c.Reason != s.Reason {
		c.Reason = ""
	}
}
