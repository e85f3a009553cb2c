package main

import (
	"cmp"
	"math"
	"slices"
	"time"

	"dpremote/cim"
	"dpremote/queries"
)

// keptRows packs the rows of many sites that are kept to be sorted, for there
// may be hundreds of thousands: 40 bytes a row instead of 150. Packages, paths
// and sites are numbers, and dates are to the second, as they are printed.
type keptRows struct {
	codes numbered[queries.SiteCode]
	paths numbered[queries.NALPath]
	ids   numbered[queries.PackageID]
}

type keptRow struct {
	changed, copied      int64 // seconds since 1970, never for never
	code, path, id       uint32
	state, kind, version uint32
}

const never = math.MinInt64

func (k *keptRows) pack(r queries.PackageStatusDP) keptRow {
	return keptRow{
		changed: seconds(r.SummaryDate), copied: seconds(r.LastCopied),
		code: k.codes.number(r.SiteCode), path: k.paths.number(r.ServerNALPath), id: k.ids.number(r.PackageID),
		state: uint32(r.State), kind: uint32(r.PackageType), version: r.SourceVersion,
	}
}

func (k *keptRows) unpack(r keptRow) queries.PackageStatusDP {
	return queries.PackageStatusDP{
		Keys:  queries.Keys{PackageID: k.ids.all[r.id], ServerNALPath: k.paths.all[r.path], SiteCode: k.codes.all[r.code]},
		State: queries.State(r.state), PackageType: queries.PackageType(r.kind), SourceVersion: r.version,
		SummaryDate: datetime(r.changed), LastCopied: datetime(r.copied),
	}
}

func seconds(d cim.Datetime) int64 {
	t := when(d)
	if t.IsZero() {
		return never
	}
	return t.Unix()
}

func datetime(seconds int64) cim.Datetime {
	if seconds == never {
		return cim.Datetime{}
	}
	return cim.Datetime{Time: time.Unix(seconds, 0).UTC()}
}

// keptList is the rows of one site, in blocks: a slice in one piece would be
// there twice whenever it grows.
type keptList struct{ blocks [][]keptRow }

const keptBlock = 256 // rows

func (l *keptList) add(r keptRow) {
	last := len(l.blocks) - 1
	if last < 0 || len(l.blocks[last]) == keptBlock {
		l.blocks = append(l.blocks, nil)
		last++
	}
	l.blocks[last] = append(l.blocks[last], r)
}

func (l *keptList) at(i uint32) keptRow { return l.blocks[i/keptBlock][i%keptBlock] }

// keptPlace says where a kept row is, and by what it is sorted.
type keptPlace struct {
	code, server, id, path uint32 // places in the order of each
	list, row              uint32
}

// sorted is the order of distribution.CompareKeys. Rows with the same keys stay
// in the order of the lists.
func (k *keptRows) sorted(lists []*keptList) []keptPlace {
	n := 0
	for _, l := range lists {
		for _, block := range l.blocks {
			n += len(block)
		}
	}
	codes, ids := ranks(k.codes.all, asItIs), ranks(k.ids.all, asItIs)
	servers, paths := ranks(k.paths.all, queries.NALPath.Server), ranks(k.paths.all, asItIs)
	all := make([]keptPlace, 0, n)
	for i, l := range lists {
		at := uint32(0)
		for _, block := range l.blocks {
			for _, r := range block {
				all = append(all, keptPlace{codes[r.code], servers[r.path], ids[r.id], paths[r.path], uint32(i), at})
				at++
			}
		}
	}
	slices.SortFunc(all, func(a, b keptPlace) int {
		return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.server, b.server), cmp.Compare(a.id, b.id), cmp.Compare(a.path, b.path),
			cmp.Compare(a.list, b.list), cmp.Compare(a.row, b.row))
	})
	return all
}

// numbered gives texts numbers. One that was not seen for long may get another.
type numbered[T ~string] struct {
	all   []T // by number
	known recall[T, uint32]
}

func (n *numbered[T]) number(text T) uint32 {
	return *n.known.of(text, func(text T) uint32 {
		n.all = append(n.all, text)
		return uint32(len(n.all) - 1)
	})
}

func asItIs[T ~string](text T) string { return string(text) }

// ranks tells where each of some texts stands among all, by key. Texts with the
// same key stand in the same place.
func ranks[T ~string](texts []T, key func(T) string) []uint32 {
	keys, order, out := make([]string, len(texts)), make([]int, len(texts)), make([]uint32, len(texts))
	for i, text := range texts {
		keys[i], order[i] = key(text), i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
	rank := uint32(0)
	for i, at := range order {
		if i > 0 && keys[at] != keys[order[i-1]] {
			rank++
		}
		out[at] = rank
	}
	return out
}
