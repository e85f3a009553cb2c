package wire

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// parseDuration reads an xs:duration that is not negative. Years and months
// have no fixed length and are refused, as are durations beyond 292 years.
func parseDuration(text string) (time.Duration, bool) {
	rest, ok := strings.CutPrefix(text, "P")
	if !ok || rest == "" {
		return 0, false
	}
	days, clock, hasClock := strings.Cut(rest, "T")
	if hasClock && clock == "" {
		return 0, false
	}
	var total time.Duration
	for _, part := range []struct {
		text  *string
		mark  byte
		unit  time.Duration
		parts bool // may have a fraction
	}{
		{&days, 'D', 24 * time.Hour, false},
		{&clock, 'H', time.Hour, false},
		{&clock, 'M', time.Minute, false},
		{&clock, 'S', time.Second, true},
	} {
		d, ok := cutAmount(part.text, part.mark, part.unit, part.parts)
		if !ok || d > math.MaxInt64-total {
			return 0, false
		}
		total += d
	}
	if days != "" || clock != "" {
		return 0, false
	}
	return total, true
}

// cutAmount takes "<number><mark>" from the front of text, if it is there.
func cutAmount(text *string, mark byte, unit time.Duration, fraction bool) (time.Duration, bool) {
	i := strings.IndexByte(*text, mark)
	if i < 0 {
		return 0, true
	}
	number := (*text)[:i]
	*text = (*text)[i+1:]
	integer, decimals, hasPoint := strings.Cut(number, ".")
	if !digits(integer) || hasPoint && (!fraction || !digits(decimals)) {
		return 0, false
	}
	n, err := strconv.ParseInt(integer, 10, 64)
	if err != nil || n > math.MaxInt64/int64(unit) {
		return 0, false
	}
	whole, nanos := time.Duration(n)*unit, int64(0)
	if hasPoint {
		nanos, err = strconv.ParseInt((decimals + "000000000")[:9], 10, 64)
	}
	if err != nil || time.Duration(nanos) > math.MaxInt64-whole {
		return 0, false
	}
	return whole + time.Duration(nanos), true
}

// digits tells whether text is one or more decimal digits.
func digits(text string) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return text != ""
}

// formatDuration writes an interval as Windows does: every part but years and
// months, and the fraction of a second in microseconds without trailing zeros.
// A negative interval is written as none: CIM has no such interval (DSP0004).
func formatDuration(d time.Duration) string {
	d = max(d, 0)
	seconds := int64(d / time.Second)
	b := []byte{'P'}
	b = append(strconv.AppendInt(b, seconds/86400, 10), "DT"...)
	b = append(strconv.AppendInt(b, seconds/3600%24, 10), 'H')
	b = append(strconv.AppendInt(b, seconds/60%60, 10), 'M')
	b = strconv.AppendInt(b, seconds%60, 10)
	if micros := int64(d % time.Second / time.Microsecond); micros > 0 {
		text := strconv.FormatInt(1_000_000+micros, 10)[1:]
		b = append(append(b, '.'), strings.TrimRight(text, "0")...)
	}
	return string(append(b, 'S'))
}
