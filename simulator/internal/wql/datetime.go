package wql

import (
	"strconv"
	"strings"
	"time"

	"dpremote/simulator/internal/repository"
)

// layouts are the forms in which a date may stand in a query, other than that of
// DMTF. Without an offset it is UTC.
var layouts = [...]string{
	"2006-01-02",
	"2006-01-02 15:04",
	"2006-01-02 15:04:05",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02T15:04:05Z07:00",
	"2006/01/02",
	"2006/01/02 15:04:05",
	"01/02/2006",
	"01/02/2006 15:04:05",
}

// parseDatetime reads a datetime of DMTF (DSP0004 section 5.2.4), a point in
// time or an interval, or a date in one of the layouts. Asterisks in the time of
// day are read as zeros.
func parseDatetime(text string) (repository.DatetimeValue, bool) {
	text = strings.TrimSpace(text)
	if len(text) == len("yyyymmddhhmmss.mmmmmmsutc") && text[14] == '.' {
		return parseDMTF(text)
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			return repository.At(t), true
		}
	}
	return repository.DatetimeValue{}, false
}

// parseDMTF reads yyyymmddHHMMSS.mmmmmmsUUU or ddddddddHHMMSS.mmmmmm:000; the
// text is of that length and has its point.
func parseDMTF(text string) (repository.DatetimeValue, bool) {
	digits := text[:8] + strings.ReplaceAll(text[8:14]+text[15:21], "*", "0")
	offset := text[22:]
	if text[21] == ':' {
		d, ok := parseInterval(digits)
		return intervalOf(d), ok && offset == "000"
	}
	t, err := time.Parse("20060102150405.000000", digits[:14]+"."+digits[14:])
	if err != nil || text[21] != '+' && text[21] != '-' {
		return repository.DatetimeValue{}, false
	}
	if offset == "***" {
		return repository.DatetimeValue{Time: t, NoZone: true}, true
	}
	minutes, err := strconv.ParseUint(offset, 10, 16)
	if err != nil {
		return repository.DatetimeValue{}, false
	}
	east := time.Duration(minutes) * time.Minute
	if text[21] == '-' {
		east = -east
	}
	return repository.At(t.Add(-east)), true
}

// parseInterval reads ddddddddHHMMSSmmmmmm.
func parseInterval(digits string) (time.Duration, bool) {
	var total time.Duration
	for _, part := range []struct {
		from, to int
		unit     time.Duration
	}{{0, 8, 24 * time.Hour}, {8, 10, time.Hour}, {10, 12, time.Minute}, {12, 14, time.Second}, {14, 20, time.Microsecond}} {
		n, err := strconv.ParseUint(digits[part.from:part.to], 10, 32)
		if err != nil {
			return 0, false
		}
		total += time.Duration(n) * part.unit
	}
	// A time.Duration holds some 292 years, that is 106751 days.
	return total, digits[:8] <= "00106000"
}

// dateUnit is a unit of DateDiff, DateAdd and DATEPART.
type dateUnit int

const (
	yearUnit dateUnit = iota
	quarterUnit
	monthUnit
	dayOfYearUnit
	dayUnit
	weekUnit
	weekdayUnit
	hourUnit
	minuteUnit
	secondUnit
	millisecondUnit
)

// dateUnitOf is the unit of a name: those of SQL Server's DATEPART, which the
// SMS Provider's are handed to.
func dateUnitOf(name string) (dateUnit, bool) {
	switch strings.ToLower(name) {
	case "year", "yy", "yyyy":
		return yearUnit, true
	case "quarter", "qq", "q":
		return quarterUnit, true
	case "month", "mm", "m":
		return monthUnit, true
	case "dayofyear", "dy", "y":
		return dayOfYearUnit, true
	case "day", "dd", "d":
		return dayUnit, true
	case "week", "wk", "ww":
		return weekUnit, true
	case "weekday", "dw", "w":
		return weekdayUnit, true
	case "hour", "hh":
		return hourUnit, true
	case "minute", "mi", "n":
		return minuteUnit, true
	case "second", "ss", "s":
		return secondUnit, true
	case "millisecond", "ms":
		return millisecondUnit, true
	}
	return 0, false
}

// datePart is one part of a date, in UTC. A week begins on Sunday, which is
// weekday 1, and week 1 holds the first of January.
func datePart(unit dateUnit, t time.Time) int64 {
	t = t.UTC()
	switch unit {
	case yearUnit:
		return int64(t.Year())
	case quarterUnit:
		return int64(t.Month()-1)/3 + 1
	case monthUnit:
		return int64(t.Month())
	case dayOfYearUnit:
		return int64(t.YearDay())
	case dayUnit:
		return int64(t.Day())
	case weekUnit:
		first := time.Date(t.Year(), time.January, 1, 0, 0, 0, 0, time.UTC)
		return int64(t.YearDay()-1+int(first.Weekday()))/7 + 1
	case weekdayUnit:
		return int64(t.Weekday()) + 1
	case hourUnit:
		return int64(t.Hour())
	case minuteUnit:
		return int64(t.Minute())
	case secondUnit:
		return int64(t.Second())
	}
	return int64(t.Nanosecond()) / int64(time.Millisecond)
}

// dateDiff is how many boundaries of the unit lie between two dates, as SQL
// Server's DATEDIFF counts: from 23:59 to 00:01 is a day.
func dateDiff(unit dateUnit, from, to time.Time) int64 {
	return boundaries(unit, to) - boundaries(unit, from)
}

// boundaries counts the boundaries of a unit before t, from some fixed one on.
func boundaries(unit dateUnit, t time.Time) int64 {
	t = t.UTC()
	const day = 24 * 60 * 60
	switch unit {
	case yearUnit:
		return int64(t.Year())
	case quarterUnit:
		return int64(t.Year())*4 + int64(t.Month()-1)/3
	case monthUnit:
		return int64(t.Year())*12 + int64(t.Month())
	case dayOfYearUnit, dayUnit, weekdayUnit:
		return floorDiv(t.Unix(), day)
	case weekUnit:
		// 1970-01-01 was a Thursday, four days after a Sunday.
		return floorDiv(t.Unix()+4*day, 7*day)
	case hourUnit:
		return floorDiv(t.Unix(), 60*60)
	case minuteUnit:
		return floorDiv(t.Unix(), 60)
	case secondUnit:
		return t.Unix()
	}
	return t.UnixMilli()
}

func floorDiv(a, b int64) int64 {
	if a < 0 {
		a -= b - 1
	}
	return a / b
}

// dateAdd is a date n units later. It answers false when that is not a date of
// the years 1 to 9999, and as in SQL Server n is of 32 bits.
func dateAdd(unit dateUnit, n int32, t time.Time) (time.Time, bool) {
	t = t.UTC()
	switch unit {
	case yearUnit:
		t = addMonths(t, 12*int(n))
	case quarterUnit:
		t = addMonths(t, 3*int(n))
	case monthUnit:
		t = addMonths(t, int(n))
	case dayOfYearUnit, dayUnit, weekdayUnit:
		t = t.AddDate(0, 0, int(n))
	case weekUnit:
		t = t.AddDate(0, 0, 7*int(n))
	case hourUnit:
		t = addSeconds(t, 60*60*int64(n))
	case minuteUnit:
		t = addSeconds(t, 60*int64(n))
	case secondUnit:
		t = addSeconds(t, int64(n))
	case millisecondUnit:
		t = t.Add(time.Duration(n) * time.Millisecond)
	}
	return t, t.Year() >= 1 && t.Year() <= 9999
}

// addSeconds is for spans that a time.Duration may not hold.
func addSeconds(t time.Time, n int64) time.Time {
	return time.Unix(t.Unix()+n, int64(t.Nanosecond())).UTC()
}

// addMonths adds months; a day that the month lacks becomes its last.
func addMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month(), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC).AddDate(0, n, 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}
