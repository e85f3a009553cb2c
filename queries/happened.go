package queries

import (
	"time"

	"dpremote/cim"
)

// Happened is the time that a datetime stands for, and false for none and for
// the dates by which Configuration Manager says never: the first days of 1970,
// 1980 and 1990. Time zones may have moved them by some hours, so all that is
// older than the product counts as never.
func Happened(d cim.Datetime) (time.Time, bool) {
	const firstRelease = 1994
	if d.IsZero() || d.Time.Year() < firstRelease {
		return time.Time{}, false
	}
	return d.Time, true
}
