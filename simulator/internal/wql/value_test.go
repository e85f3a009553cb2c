package wql

import (
	"math"
	"strings"
	"testing"
	"time"

	"dpremote/simulator/internal/repository"
)

func TestCompare(t *testing.T) {
	day := repository.At(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	tests := []struct {
		name  string
		a, b  repository.Value
		order int
		ok    bool
	}{
		{"strings", "PS1", "ps1", 0, true},
		{"strings in order", "a", "B", -1, true},
		{"prefix", "ab", "a", 1, true},
		{"letters beyond ASCII", "ÄB", "äa", 1, true},
		{"booleans", false, true, -1, true},
		{"signed", int64(-1), int64(1), -1, true},
		{"signed with unsigned", int64(-1), uint64(math.MaxUint64), -1, true},
		{"unsigned with signed", uint64(math.MaxUint64), int64(-1), 1, true},
		{"equal of two types", uint64(5), int64(5), 0, true},
		{"equal of two other types", int64(5), uint64(5), 0, true},
		{"large integers exactly", uint64(1<<63 + 1), uint64(1 << 63), 1, true},
		{"real with integer", 2.5, int64(2), 1, true},
		{"unsigned with real", uint64(2), 2.5, -1, true},
		{"dates", day, repository.At(day.Time.Add(time.Microsecond)), -1, true},
		{"intervals", intervalOf(time.Hour), intervalOf(time.Minute), 1, true},
		{"date with interval", day, intervalOf(time.Minute), 0, false},
		{"string with number", "1", uint64(1), 0, false},
		{"number with string", uint64(1), "1", 0, false},
		{"boolean with number", true, uint64(1), 0, false},
		{"NULL", nil, nil, 0, false},
		{"array", []repository.Value{}, uint64(1), 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			order, ok := compare(test.a, test.b)
			if order != test.order || ok != test.ok {
				t.Errorf("compare(%v, %v) = %d, %v, want %d, %v", test.a, test.b, order, ok, test.order, test.ok)
			}
			if back, _ := compare(test.b, test.a); ok && back != -order {
				t.Errorf("compare(%v, %v) = %d, the other way %d", test.a, test.b, order, back)
			}
			if ok && (key(test.a) == key(test.b)) != (order == 0) {
				t.Errorf("keys %v and %v do not tell what compare tells: %d", key(test.a), key(test.b), order)
			}
		})
	}
}

func FuzzCompareFold(f *testing.F) {
	for _, seed := range [][2]string{{"PS1", "ps1"}, {"k", "\u212a"}, {"ſ", "S"}, {"a", "ab"}, {"\xff", "\xfe"}, {"ß", "ẞ"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		order := compareFold(a, b)
		if (order == 0) != strings.EqualFold(a, b) {
			t.Errorf("compareFold(%q, %q) = %d, EqualFold says %v", a, b, order, strings.EqualFold(a, b))
		}
		if (order == 0) != (key(a) == key(b)) {
			t.Errorf("compareFold(%q, %q) = %d, keys %q and %q", a, b, order, key(a), key(b))
		}
		if back := compareFold(b, a); back != -order {
			t.Errorf("compareFold(%q, %q) = %d, the other way %d", a, b, order, back)
		}
	})
}
