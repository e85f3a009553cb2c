package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"dpremote/queries"
	"dpremote/simulator"
)

// key is a row, as the simulator names it.
type key struct{ pkg, dp string }

func keyOf(r simulator.Row) key { return key{strings.ToUpper(r.Package), strings.ToLower(r.DP)} }

func keyOfKeys(k queries.Keys) key {
	return key{strings.ToUpper(string(k.PackageID)), strings.ToLower(k.ServerNALPath.Server())}
}

func (k key) String() string { return k.pkg + " on " + k.dp }

// truth is what the simulated sites know.
type truth struct {
	h *simulator.Hierarchy
	// shows are the sites whose rows a site's provider shows: its own, and those
	// of the sites below.
	shows map[string]map[string]bool
}

func newTruth(h *simulator.Hierarchy, m simulator.Model) *truth {
	t := &truth{h: h, shows: map[string]map[string]bool{}}
	for _, s := range m.Sites {
		t.shows[s.Code] = map[string]bool{s.Code: true}
	}
	for _, s := range m.Sites {
		if s.Parent != "" {
			t.shows[s.Parent][s.Code] = true
		}
	}
	return t
}

// rows are those that a site shows, as they are now.
func (t *truth) rows(code string) map[key]simulator.Row {
	rows := map[key]simulator.Row{}
	for _, r := range t.h.Rows(simulator.Target{}) {
		if t.shows[code][r.Site] {
			rows[keyOf(r)] = r
		}
	}
	return rows
}

// refreshes is how often each row was refreshed, by the sites' own count.
func (t *truth) refreshes() map[key]int {
	counts := map[key]int{}
	for _, r := range t.h.Rows(simulator.Target{}) {
		counts[keyOf(r)] = r.Refreshes
	}
	return counts
}

// seen is a row that was read.
type seen struct {
	key
	site  string
	state queries.State
}

func seenOf(rows []queries.PackageStatusDP) []seen {
	all := make([]seen, len(rows))
	for i, r := range rows {
		all[i] = seen{keyOfKeys(r.Keys), strings.ToUpper(string(r.SiteCode)), r.State}
	}
	return all
}

// compare holds rows that were read to what there was before and after. A row
// that moved meanwhile is not judged by its state; steady counts the others.
func compare(rows []seen, before, after map[key]simulator.Row) (steady int, wrong []string) {
	left := make(map[key]bool, len(before))
	for k := range before {
		left[k] = true
	}
	for _, r := range rows {
		was, known := before[r.key]
		is := after[r.key]
		switch {
		case !known:
			wrong = append(wrong, fmt.Sprintf("row %s is not there", r.key))
		case !left[r.key]:
			wrong = append(wrong, fmt.Sprintf("row %s is there twice", r.key))
		case r.site != was.Site:
			wrong = append(wrong, fmt.Sprintf("row %s is of site %s, not %s", r.key, was.Site, r.site))
		case was != is:
		case uint32(r.state) != was.State:
			wrong = append(wrong, fmt.Sprintf("row %s is in state %d, not %d", r.key, was.State, r.state))
		default:
			steady++
		}
		delete(left, r.key)
	}
	for k := range left {
		wrong = append(wrong, fmt.Sprintf("row %s is missing", k))
	}
	return steady, wrong
}

// sameSet tells what two lists of names do not have in common, in words. A
// name that was read twice is told too, unless that may be.
func sameSet(what string, read, there []string, twice bool) (wrong []string) {
	slices.Sort(read)
	if twice {
		read = slices.Compact(read)
	}
	slices.Sort(there)
	there = slices.Compact(there)
	for i, j := 0, 0; i < len(read) || j < len(there); {
		order := 0
		switch {
		case i == len(read):
			order = 1
		case j == len(there):
			order = -1
		default:
			order = cmp.Compare(read[i], there[j])
		}
		switch order {
		case -1:
			wrong = append(wrong, fmt.Sprintf("%s %s is not there, or there twice", what, read[i]))
			i++
		case 1:
			wrong = append(wrong, fmt.Sprintf("%s %s is missing", what, there[j]))
			j++
		default:
			i, j = i+1, j+1
		}
	}
	return wrong
}
