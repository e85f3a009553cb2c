package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/cim"
	"dpremote/distribution"
	"dpremote/queries"
)

// TestKeptRows sorts packed rows as distribution.CompareKeys sorts the rows
// themselves, rows with the same keys in the order in which they came.
func TestKeptRows(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	path := func() queries.NALPath {
		form := []string{`["Display=\\%[1]s\"]MSWNET:["SMS_SITE=PS1"]\\%[1]s\`, `MSWNET:["SMS_SITE=PS1"]\\%s\`, `\\%s`, `%s`}[random.IntN(4)]
		return queries.NALPath(fmt.Sprintf(form, []string{"dp1.example", "DP1.example", "dp2", "dp10", ""}[random.IntN(5)]))
	}
	date := func() cim.Datetime {
		switch n := random.IntN(10); n {
		case 0:
			return cim.Datetime{}
		case 1:
			return cim.Datetime{Time: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)} // never
		default:
			return cim.Datetime{Time: time.Date(2020, 1, n, 0, 0, n, 999_999_999, time.UTC)}
		}
	}
	type placed struct {
		list int
		row  queries.PackageStatusDP
	}
	var k keptRows
	var want []placed
	lists := []*keptList{{}, {}, {}}
	for list := range lists {
		for range []int{3 * keptBlock, 0, keptBlock + 1}[list] {
			r := queries.PackageStatusDP{
				Keys: queries.Keys{
					PackageID: queries.PackageID(fmt.Sprintf("PS1%05X", random.IntN(20))), ServerNALPath: path(),
					SiteCode: queries.SiteCode([]string{"PS1", "ps1", "AA1"}[random.IntN(3)]),
				},
				State: queries.State(random.Uint32()), PackageType: queries.PackageType(random.IntN(300)), SourceVersion: random.Uint32(),
				LastCopied: date(), SummaryDate: date(),
			}
			lists[list].add(k.pack(r))
			for _, d := range []*cim.Datetime{&r.LastCopied, &r.SummaryDate} { // all that is printed
				*d = cim.Datetime{Time: when(*d).Truncate(time.Second)}
			}
			want = append(want, placed{list, r})
		}
	}
	slices.SortStableFunc(want, func(a, b placed) int { return distribution.CompareKeys(a.row.Keys, b.row.Keys) })
	var got []placed
	for _, p := range k.sorted(lists) {
		got = append(got, placed{int(p.list), k.unpack(lists[p.list].at(p.row))})
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(placed{})); diff != "" {
		t.Error(diff)
	}
}
