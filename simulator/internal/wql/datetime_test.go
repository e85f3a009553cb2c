package wql

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/simulator/internal/repository"
)

// at reads a time for a test.
func at(t *testing.T, text string) time.Time {
	t.Helper()
	for _, layout := range []string{"2006-01-02 15:04:05.000", "2006-01-02 15:04:05", "2006-01-02"} {
		if parsed, err := time.Parse(layout, text); err == nil {
			return parsed
		}
	}
	t.Fatalf("%q is not a time", text)
	return time.Time{}
}

func TestParseDatetime(t *testing.T) {
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		text string
		want repository.Value // nil when it is not one
	}{
		{"20260310120000.000000+000", repository.At(noon)},
		{"20260310130000.250000+060", repository.At(noon.Add(250 * time.Millisecond))},
		{"20260310070000.000000-300", repository.At(noon)},
		{"20260310120000.000000+***", repository.DatetimeValue{Time: noon, NoZone: true}},
		{"2026031012****.******+***", repository.DatetimeValue{Time: noon, NoZone: true}},
		{"2026-03-10", repository.At(noon.Add(-12 * time.Hour))},
		{" 2026-03-10 12:00 ", repository.At(noon)},
		{"2026-03-10 12:00:00", repository.At(noon)},
		{"2026-03-10T12:00:00", repository.At(noon)},
		{"2026-03-10T12:00:00.5Z", repository.At(noon.Add(500 * time.Millisecond))},
		{"2026-03-10 14:00:00+02:00", repository.At(noon)},
		{"2026/03/10 12:00:00", repository.At(noon)},
		{"03/10/2026 12:00:00", repository.At(noon)},
		{"00000002030405.000006:000", intervalOf(51*time.Hour + 4*time.Minute + 5*time.Second + 6*time.Microsecond)},
		{"", nil},
		{"tomorrow", nil},
		{"2026-02-30", nil},
		{"20261310120000.000000+000", nil},
		{"********120000.000000+000", nil},
		{"20260310120000.000000?000", nil},
		{"20260310120000.000000+-01", nil},
		{"20260310120000.00000x+000", nil},
		{"00000002030405.000006:060", nil},
		{"99999999000000.000000:000", nil},
		{"0000000203040x.000006:000", nil},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			var got repository.Value
			if d, ok := parseDatetime(test.text); ok {
				got = d
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("datetime (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDatePart(t *testing.T) {
	when := at(t, "2026-05-09 13:14:15.678") // a Saturday
	tests := []struct {
		unit string
		want int64
	}{
		{"yy", 2026}, {"Year", 2026}, {"qq", 2}, {"mm", 5}, {"dy", 129}, {"DD", 9}, {"wk", 19}, {"dw", 7},
		{"hh", 13}, {"mi", 14}, {"ss", 15}, {"ms", 678},
	}
	for _, test := range tests {
		t.Run(test.unit, func(t *testing.T) {
			unit, ok := dateUnitOf(test.unit)
			if !ok {
				t.Fatal("unknown unit")
			}
			if got := datePart(unit, when); got != test.want {
				t.Errorf("part %s is %d, want %d", test.unit, got, test.want)
			}
		})
	}
	t.Run("week of the first of January", func(t *testing.T) {
		// 2028-01-01 is a Saturday, so the second week begins on the 2nd.
		if first, second := datePart(weekUnit, at(t, "2028-01-01")), datePart(weekUnit, at(t, "2028-01-02")); first != 1 || second != 2 {
			t.Errorf("weeks %d and %d, want 1 and 2", first, second)
		}
	})
}

func TestDateDiff(t *testing.T) {
	tests := []struct {
		unit, from, to string
		want           int64
	}{
		{"year", "2025-12-31", "2026-01-01", 1},
		{"quarter", "2025-12-31", "2026-04-01", 2},
		{"month", "2025-12-31", "2026-02-01", 2},
		{"day", "2026-01-01 23:59:59", "2026-01-02", 1},
		{"day", "2026-01-01", "2026-01-01 23:59:59", 0},
		{"day", "2026-01-02", "2026-01-01", -1},
		{"day", "1969-12-31 12:00:00", "1970-01-01", 1},
		{"dy", "1969-12-30", "1970-01-01", 2},
		{"week", "2026-03-07", "2026-03-08", 1}, // Saturday, Sunday
		{"week", "2026-03-08", "2026-03-14", 0},
		{"week", "1969-12-27", "1969-12-28", 1},
		{"hour", "2026-01-01 00:59:59", "2026-01-01 01:00:00", 1},
		{"minute", "2026-01-01 00:00:59", "2026-01-01 00:01:00", 1},
		{"second", "2026-01-01", "2026-01-02", 86400},
		{"ms", "2026-01-01 00:00:00.001", "2026-01-01 00:00:00.004", 3},
	}
	for _, test := range tests {
		t.Run(test.unit+" "+test.from+" "+test.to, func(t *testing.T) {
			unit, ok := dateUnitOf(test.unit)
			if !ok {
				t.Fatal("unknown unit")
			}
			if got := dateDiff(unit, at(t, test.from), at(t, test.to)); got != test.want {
				t.Errorf("difference %d, want %d", got, test.want)
			}
		})
	}
}

func TestDateAdd(t *testing.T) {
	tests := []struct {
		unit string
		n    int32
		from string
		want string // "" when it is out of range
	}{
		{"year", 1, "2024-02-29", "2025-02-28"},
		{"quarter", -1, "2026-05-31", "2026-02-28"},
		{"month", 1, "2026-01-31", "2026-02-28"},
		{"month", 13, "2026-01-31 10:00:00", "2027-02-28 10:00:00"},
		{"day", -1, "2026-03-01", "2026-02-28"},
		{"dw", 1, "2026-03-01", "2026-03-02"},
		{"week", 2, "2026-03-01", "2026-03-15"},
		{"hour", -1, "2026-03-01", "2026-02-28 23:00:00"},
		{"minute", 90, "2026-03-01", "2026-03-01 01:30:00"},
		{"second", 1, "2026-03-01", "2026-03-01 00:00:01"},
		{"ms", 1, "2026-03-01", "2026-03-01 00:00:00.001"},
		{"year", 9000, "2026-03-01", ""},
		{"year", -1 << 31, "2026-03-01", ""},
		{"hour", 1<<31 - 1, "2026-03-01", ""},
		{"week", -1 << 31, "2026-03-01", ""},
	}
	for _, test := range tests {
		t.Run(test.unit+" "+test.from, func(t *testing.T) {
			unit, ok := dateUnitOf(test.unit)
			if !ok {
				t.Fatal("unknown unit")
			}
			got, ok := dateAdd(unit, test.n, at(t, test.from))
			if ok != (test.want != "") {
				t.Fatalf("%v, in range %v", got, ok)
			}
			if ok && !got.Equal(at(t, test.want)) {
				t.Errorf("%v, want %s", got, test.want)
			}
		})
	}
}

func TestSubstring(t *testing.T) {
	tests := []struct {
		name, text    string
		start, length int64
		want          string
	}{
		{"from the first", "PS100001", 1, 3, "PS1"},
		{"to the end", "PS100001", 7, 99, "01"},
		{"behind the end", "PS1", 4, 1, ""},
		{"before the start", "PS1", -1, 3, "P"},
		{"nothing", "PS1", 2, 0, ""},
		{"all before the start", "PS1", -5, 3, ""},
		{"characters, not bytes", "Größe", 3, 2, "öß"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := substring(test.text, test.start, test.length); got != test.want {
				t.Errorf("substring %q, want %q", got, test.want)
			}
		})
	}
}
