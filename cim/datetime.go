package cim

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Datetime is a CIM datetime: a point in time of which parts may be left open
// (DSP0004 section 5.2.4). The zero value is no time at all. Datetimes can be
// compared with == only when they came from the same text.
type Datetime struct {
	// Time is the point in time in UTC. Parts that are left open hold their
	// least value; a time without a zone is read as UTC, which is how WinRM
	// sends one.
	Time time.Time
	// Open is the text as it was sent, when parts of it are left open by
	// asterisks. It is empty otherwise.
	Open string
}

// IsZero reports that there is no time.
func (d Datetime) IsZero() bool { return d.Time.IsZero() && d.Open == "" }

// String is the time in RFC 3339, the text as sent where parts are open, and
// empty for no time.
func (d Datetime) String() string {
	switch {
	case d.Open != "":
		return d.Open
	case d.IsZero():
		return ""
	}
	return d.Time.Format(time.RFC3339Nano)
}

// ParseDatetime reads a datetime in any form that servers send: XML Schema's
// dateTime, date and time, with and without fraction and zone, and DMTF's
// yyyymmddhhmmss.mmmmmmsuuu in which asterisks leave parts open. An interval
// is not a datetime.
func ParseDatetime(s string) (Datetime, error) {
	s = strings.TrimSpace(s)
	if len(s) == dmtfLength && s[14] == '.' {
		return parseDMTF(s)
	}
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02Z07:00", "2006-01-02", "15:04:05.999999999Z07:00", "15:04:05.999999999",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return Datetime{Time: t.UTC()}, nil
		}
	}
	return Datetime{}, fmt.Errorf("%q is not a datetime", s)
}

// datetime is the Datetime of a raw value, false where it is none. The datetimes
// of a row are often equal, so the last one is remembered.
func (t *texts) datetime(raw []byte) (Datetime, bool) {
	if string(raw) == string(t.timeRaw) {
		return t.time, len(raw) > 0
	}
	d, ok := utcOf(raw)
	if !ok {
		text, isText := t.decode(raw)
		var err error
		if d, err = ParseDatetime(string(text)); err != nil || !isText {
			return Datetime{}, false
		}
	}
	t.timeRaw, t.time = append(t.timeRaw[:0], raw...), d
	return d, true
}

// utcOf reads the form in which WinRM writes nearly all datetimes,
// 2013-04-15T16:28:41.546875Z, as ParseDatetime does. It leaves the others to
// that.
func utcOf(raw []byte) (Datetime, bool) {
	const seconds = len("2006-01-02T15:04:05")
	if len(raw) <= seconds || raw[len(raw)-1] != 'Z' ||
		raw[4] != '-' || raw[7] != '-' || raw[10] != 'T' || raw[13] != ':' || raw[16] != ':' {
		return Datetime{}, false
	}
	century, ok0 := twoDigits(raw[0:])
	year, ok1 := twoDigits(raw[2:])
	month, ok2 := twoDigits(raw[5:])
	day, ok3 := twoDigits(raw[8:])
	hour, ok4 := twoDigits(raw[11:])
	minute, ok5 := twoDigits(raw[14:])
	second, ok6 := twoDigits(raw[17:])
	nanos, ok7 := nanosOf(raw[seconds : len(raw)-1])
	year += 100 * century
	if !(ok0 && ok1 && ok2 && ok3 && ok4 && ok5 && ok6 && ok7) ||
		month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59 {
		return Datetime{}, false
	}
	if day > 28 && time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() != day {
		return Datetime{}, false
	}
	return Datetime{Time: time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)}, true
}

func twoDigits(raw []byte) (int, bool) {
	tens, ones := raw[0]-'0', raw[1]-'0'
	return int(tens)*10 + int(ones), tens <= 9 && ones <= 9
}

// nanosOf reads a fraction of a second, with its point, or nothing.
func nanosOf(raw []byte) (int, bool) {
	if len(raw) == 0 {
		return 0, true
	}
	if len(raw) > len(".123456789") || raw[0] != '.' {
		return 0, false
	}
	n, ok := digitsOf(raw[1:])
	for range len(".123456789") - len(raw) {
		n *= 10
	}
	return int(n), ok
}

// dmtfLength is the length of every DMTF datetime and interval.
const dmtfLength = len("yyyymmddhhmmss.mmmmmmsuuu")

// part is one part of a DMTF datetime: where it stands, and its least value.
type part struct{ from, to, least int }

func parseDMTF(s string) (Datetime, error) {
	parts := [...]part{{0, 4, 1}, {4, 6, 1}, {6, 8, 1}, {8, 10, 0}, {10, 12, 0}, {12, 14, 0}}
	var n [len(parts)]int
	open := false
	for i, p := range parts {
		v, isOpen, err := digits(s[p.from:p.to], p.least)
		if err != nil {
			return Datetime{}, fmt.Errorf("%q is not a datetime: %w", s, err)
		}
		n[i], open = v, open || isOpen
	}
	micros, isOpen, err := fraction(s[15:21])
	if err != nil {
		return Datetime{}, fmt.Errorf("%q is not a datetime: %w", s, err)
	}
	offset, noZone, err := zone(s[21:])
	if err != nil {
		return Datetime{}, fmt.Errorf("%q is not a datetime: %w", s, err)
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], micros*1000, time.UTC)
	if t.Month() != time.Month(n[1]) || t.Day() != n[2] || n[3] > 23 || n[4] > 59 || n[5] > 60 {
		return Datetime{}, fmt.Errorf("%q is not a datetime: there is no such time", s)
	}
	d := Datetime{Time: t.Add(-offset)}
	if open || isOpen || noZone {
		d.Open = s
	}
	return d, nil
}

func digits(s string, least int) (n int, open bool, err error) {
	if strings.Trim(s, "*") == "" {
		return least, true, nil
	}
	u, err := strconv.ParseUint(s, 10, 31)
	return int(u), false, err
}

// fraction reads microseconds, of which trailing digits may be open.
func fraction(s string) (micros int, open bool, err error) {
	known := strings.TrimRight(s, "*")
	u, err := strconv.ParseUint(known+strings.Repeat("0", len(s)-len(known)), 10, 31)
	return int(u), known != s, err
}

// zone reads the offset from UTC in minutes; "+***" leaves it open.
func zone(s string) (offset time.Duration, open bool, err error) {
	if s[0] != '+' && s[0] != '-' {
		return 0, false, fmt.Errorf("zone %q", s)
	}
	minutes, open, err := digits(s[1:], 0)
	if s[0] == '-' {
		minutes = -minutes
	}
	return time.Duration(minutes) * time.Minute, open, err
}

// Interval is a CIM interval. The zero value is none.
type Interval struct {
	Days int           // up to 99,999,999, more than a time.Duration holds
	Rest time.Duration // less than a day
}

// IntervalOf is the interval of a duration that is not negative.
func IntervalOf(d time.Duration) Interval {
	const day = 24 * time.Hour
	return Interval{Days: int(d / day), Rest: d % day}
}

// Duration is the interval as a duration, and whether it fits into one.
func (i Interval) Duration() (time.Duration, bool) {
	const day = 24 * time.Hour
	const most = int((1<<63-1)/day) - 1
	if i.Days > most {
		return 0, false
	}
	return time.Duration(i.Days)*day + i.Rest, true
}

// String is the interval as WinRM writes it: P0DT0H1M40S.
func (i Interval) String() string {
	rest := i.Rest
	h := rest / time.Hour
	rest -= h * time.Hour
	m := rest / time.Minute
	rest -= m * time.Minute
	seconds := strconv.FormatFloat(rest.Seconds(), 'f', -1, 64)
	return fmt.Sprintf("P%dDT%dH%dM%sS", i.Days, h, m, seconds)
}

// ParseInterval reads an interval: XML Schema's duration without years and
// months, or DMTF's ddddddddhhmmss.mmmmmm:000.
func ParseInterval(s string) (Interval, error) {
	s = strings.TrimSpace(s)
	if len(s) == dmtfLength && s[14] == '.' && s[21] == ':' {
		return parseDMTFInterval(s)
	}
	i, err := parseDuration(s)
	if err != nil {
		return Interval{}, fmt.Errorf("%q is not an interval: %w", s, err)
	}
	return i, nil
}

func parseDMTFInterval(s string) (Interval, error) {
	days, _, err1 := digits(s[:8], 0)
	h, _, err2 := digits(s[8:10], 0)
	m, _, err3 := digits(s[10:12], 0)
	sec, _, err4 := digits(s[12:14], 0)
	micros, _, err5 := fraction(s[15:21])
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			return Interval{}, fmt.Errorf("%q is not an interval: %w", s, err)
		}
	}
	return normalised(int64(days), time.Duration(h)*time.Hour+time.Duration(m)*time.Minute+
		time.Duration(sec)*time.Second+time.Duration(micros)*time.Microsecond), nil
}

func normalised(days int64, rest time.Duration) Interval {
	const day = 24 * time.Hour
	return Interval{Days: int(days + int64(rest/day)), Rest: rest % day}
}

// parseDuration reads PnDTnHnMn.nS.
func parseDuration(s string) (Interval, error) {
	rest, ok := strings.CutPrefix(s, "P")
	if !ok || rest == "" {
		return Interval{}, fmt.Errorf("it does not start with P and a number")
	}
	date, clock, hasClock := strings.Cut(rest, "T")
	var days uint64
	if date != "" {
		d, ok := strings.CutSuffix(date, "D")
		var err error
		if days, err = strconv.ParseUint(d, 10, 31); !ok || err != nil {
			return Interval{}, fmt.Errorf("days %q", date)
		}
	}
	if hasClock && clock == "" {
		return Interval{}, fmt.Errorf("nothing after T")
	}
	d, err := parseClock(clock)
	return normalised(int64(days), d), err
}

// parseClock reads nHnMn.nS, each part at most once and in this order.
func parseClock(s string) (time.Duration, error) {
	var total time.Duration
	for _, unit := range []struct {
		letter string
		length time.Duration
	}{{"H", time.Hour}, {"M", time.Minute}, {"S", time.Second}} {
		number, rest, ok := strings.Cut(s, unit.letter)
		if !ok {
			continue
		}
		const most = float64(1 << 61) // three of them fit into a Duration
		f, err := strconv.ParseFloat(number, 64)
		if err != nil || f*float64(unit.length) > most || strings.Trim(number, "0123456789.") != "" {
			return 0, fmt.Errorf("%q before %s", number, unit.letter)
		}
		total += time.Duration(f*float64(unit.length) + 0.5)
		s = rest
	}
	if s != "" {
		return 0, fmt.Errorf("%q at its end", s)
	}
	return total, nil
}
