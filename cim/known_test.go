package cim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"dpremote/wsman"
)

type keyed struct {
	Package string `cim:"PackageID"`
	keyedDP
	State uint32 `cim:"State"`
}

type keyedDP struct {
	DP string `cim:"ServerNALPath,required"`
}

// TestKnown feeds rows, of the form PACKAGE DP STATE, and ! for a new start.
func TestKnown(t *testing.T) {
	type row = [3]string
	again := row{"!"}
	a, b, a2 := row{"A", "1", "3"}, row{"B", "1", "3"}, row{"A", "1", "0"}
	both := []string{"PackageID", "ServerNALPath"}
	tests := []struct {
		name string
		keys []string
		rows []row
		want string // of each row: n new, k known, e error; of a start + allowed, - not
	}{
		{"once each", both, []row{a, b, {"A", "2", "3"}}, "nnn"},
		{"keys that run together", both, []row{{"A", "12", ""}, {"A1", "2", ""}}, "nn"},
		{"twice, unchanged", both, []row{a, b, a}, "nnk"},
		{"twice, changed: no keys", both, []row{a, a2, a, again}, "nnn-"},
		{"a new start", both, []row{a, b, again, b, a, {"C", "1", ""}}, "nn+kkn"},
		{"a new start, changed", both, []row{a, again, a2, b}, "n+kn"},
		{"two new starts", both, []row{a, again, a, b, again, b, a}, "n+kn+kk"},
		{"after a start the same keys twice", both, []row{a, again, a, a2}, "n+ke"},
		{"new after a start, twice, changed", both, []row{again, a, a2}, "+ne"},
		{"no keys", nil, []row{a, a, again}, "nn-"},
		{"a key that the record lacks", []string{"PackageID", "SiteCode"}, []row{a, a, again}, "nn-"},
		{"nothing yet", nil, []row{again, a}, "+n"},
		{"case of names", []string{"packageid"}, []row{a, b, a}, "nnk"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := newKnown[keyed](tt.keys)
			got := ""
			for _, r := range tt.rows {
				if r == again {
					got += map[bool]string{true: "+", false: "-"}[k.begin()]
					continue
				}
				isNew, err := true, error(nil)
				if k.keys != nil {
					isNew, err = k.noteKeys(keyed{Package: r[0], keyedDP: keyedDP{r[1]}}, []byte(fmt.Sprint(r)))
				}
				k.any = true
				switch {
				case err != nil:
					got += "e"
				case isNew:
					got += "n"
				default:
					got += "k"
				}
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// TestKnownEndless: a server that repeats itself is given up when it has sent
// everything once more, and not before.
func TestKnownEndless(t *testing.T) {
	k := newKnown[keyed]([]string{"PackageID"})
	note := func(n int) error {
		_, err := k.noteKeys(keyed{Package: fmt.Sprint(n)}, fmt.Append(nil, n))
		return err
	}
	const rows = 500
	for n := range rows {
		if err := note(n); err != nil {
			t.Fatal(err)
		}
	}
	more := 0
	for ; more < 10*rows; more++ {
		if err := note(more % rows); err != nil {
			if !errors.Is(err, wsman.ErrIncomplete) {
				t.Errorf("error %v", err)
			}
			break
		}
	}
	if more < rows || more > 2*rows {
		t.Errorf("given up after %d rows that were known", more)
	}
}

// TestKnownForgets: more rows than are remembered are all new, and cannot come
// from the start again.
func TestKnownForgets(t *testing.T) {
	k := newKnown[keyed]([]string{"PackageID"})
	note := func(n int) bool {
		k.any = true
		isNew, err := true, error(nil)
		if k.keys != nil {
			isNew, err = k.noteKeys(keyed{Package: fmt.Sprint(n)}, fmt.Append(nil, n))
		}
		if err != nil {
			t.Fatal(err)
		}
		return isNew
	}
	for n := range 10_000 {
		if !note(n) {
			t.Fatalf("row %d is taken for another", n)
		}
	}
	k.rows.n = maxKnown // as if there had been so many, two of which may well have one hash
	if !k.begin() || note(7) {
		t.Error("what is remembered does not count")
	}
	if !note(maxKnown) || !note(7) || k.begin() {
		t.Error("more is remembered than there should be")
	}
	for _, part := range k.rows.parts {
		if size := len(part.slots); size != 0 {
			t.Fatalf("%d slots are held for nothing", size)
		}
	}
}

// TestRowSet compares a set with a map, while it grows.
func TestRowSet(t *testing.T) {
	var s rowSet
	known := map[uint64]mark{} // by the bits that count
	const bits = rowSetBits + 64 - markBits
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 100_000 {
		id := random.Uint64()
		switch {
		case i%3 == 1:
			id &= 0xFF<<56 | 0xFF<<(64-bits) // few places in each part
		case i%3 == 2:
			id |= 0x00FFFFFFFFFFFFF0 << (64 - bits) & 0x00FFFFFFFFFFFFFF // all at a part's end
		}
		id &^= 1<<(64-bits) - 1
		now := markOf(uint8(1+i%lastPass), random.Uint64())
		was, ok := s.swap(id, now)
		if before, there := known[id]; ok != there || was != before {
			t.Fatalf("row %d: %x %t, not %x %t", i, was, ok, before, there)
		}
		known[id] = now
	}
	if s.n != len(known) {
		t.Errorf("%d rows, not %d", s.n, len(known))
	}
	for id, mark := range known {
		if was, ok := s.swap(id, mark); !ok || was != mark {
			t.Fatalf("%x is not known", id)
		}
	}
}

// BenchmarkKnown is what remembering costs a row.
func BenchmarkKnown(b *testing.B) {
	content := make([]byte, 600)
	rows := make([]keyed, 10_000)
	for i := range rows {
		rows[i] = keyed{Package: fmt.Sprintf("PS1%05X", i/8), keyedDP: keyedDP{fmt.Sprintf(`["Display=\\\\dp%d.ps1.example\\"]MSWNET:["SMS_SITE=PS1"]\\\\dp%d.ps1.example\\`, i%8, i%8)}}
	}
	b.ReportAllocs()
	for b.Loop() {
		k := newKnown[keyed]([]string{"PackageID", "ServerNALPath"})
		for i := range rows {
			if isNew, err := k.noteKeys(rows[i], content); !isNew || err != nil {
				b.Fatal(isNew, err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/row")
}
