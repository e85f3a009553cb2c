package inventory

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseShard(t *testing.T) {
	for text, want := range map[string]Shard{"": {}, "1/1": {1, 1}, "2/5": {2, 5}, "1000/1000": {1000, 1000}} {
		got, err := ParseShard(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%q: got %v and the error %v", text, got, err)
		}
	}
	for text, want := range map[string]string{
		"2": "want I/N", "/": "want I/N", "a/b": "want I/N", "1/2/3": "want I/N", " 1/2": "want I/N", "-1/2": "want I/N", "1/99999": "want I/N",
		"0/2": "want a shard from 1 to 2", "3/2": "want a shard from 1 to 2", "0/0": "want from 1 to 1000", "1/1001": "want from 1 to 1000",
	} {
		if got, err := ParseShard(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v and the error %v, want %q", text, got, err, want)
		}
	}
}

// Each site is in one shard, and none of many shards is much fuller than the
// others.
func TestShardsPartition(t *testing.T) {
	const sites = 3000
	for _, count := range []int{1, 2, 3, 4, 7, 8, 16} {
		held := make([]int, count)
		for i := range sites {
			name, in := fmt.Sprintf("P%04d", i), 0
			for index := range count {
				if (Shard{index + 1, count}).Has(name) {
					held[index]++
					in++
				}
			}
			if in != 1 {
				t.Fatalf("%s is in %d of %d shards", name, in, count)
			}
		}
		for index, n := range held {
			if even := sites / count; n < even*3/4 || n > even*5/4 {
				t.Errorf("shard %d of %d holds %d of %d sites", index+1, count, n, sites)
			}
		}
	}
}

// Where a site is may never change: the jobs of a matrix may run different
// versions.
func TestShardIsStable(t *testing.T) {
	var got []string
	for _, name := range []string{"cas", "CAS", "ps1", "ps2", "ps3", "emea-paris", "Zürich"} {
		for index := range 5 {
			if s := (Shard{index + 1, 5}); s.Has(name) {
				got = append(got, name+" "+s.String())
			}
		}
	}
	want := []string{"cas 5/5", "CAS 5/5", "ps1 4/5", "ps2 1/5", "ps3 5/5", "emea-paris 5/5", "Zürich 1/5"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
}

func TestShardOf(t *testing.T) {
	inv := mustParse(t, fiveSites)
	all := inv.Sites()
	var got int
	for index := range 2 {
		part := Shard{index + 1, 2}.Of(all)
		got += len(part)
	}
	if got != len(all) || len(all) != 5 || all[0].Name != "NYC" {
		t.Errorf("%d sites in two shards, of %v", got, all)
	}
	if whole := (Shard{}).Of(all); len(whole) != 5 {
		t.Errorf("the whole holds %d sites", len(whole))
	}
}
