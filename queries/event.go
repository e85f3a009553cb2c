package queries

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// PackageEvents is the text of an event query (Windows SDK, "Receiving Event
// Notifications", "WITHIN Clause" and "ISA Operator for Event Queries"): what
// happens to the status of packages, in the whole hierarchy and on each
// distribution point; of no packages, to that of all. Created, changed and
// deleted rows are events alike.
//
// It is one query for both classes, so that a site needs one subscription and
// one connection for it: ISA may be joined with OR. Neither class has an event
// provider: WMI reads both every so often, as within says, which is two queries
// each time.
func PackageEvents(within time.Duration, packages ...PackageID) (string, error) {
	if within <= 0 {
		return "", errors.New("query events: how often to look is missing")
	}
	classes, err := eventTests("TargetInstance ISA ", PackageStatusDP{}.CIMClass(), PackageStatusRoot{}.CIMClass())
	if err != nil {
		return "", err
	}
	seconds := strconv.FormatFloat(within.Seconds(), 'f', -1, 64)
	text := "SELECT * FROM __InstanceOperationEvent WITHIN " + seconds + " WHERE " + classes
	ids := unique(packages)
	if len(ids) == 0 || len(ids) > maxPatterns {
		return text, nil
	}
	picked, err := eventTests("TargetInstance.PackageID = ", ids...)
	if err != nil {
		return "", err
	}
	return text + " AND " + picked, nil
}

// eventTests joins tests of the same kind, one for each value, with OR.
func eventTests[T ~string](test string, values ...T) (string, error) {
	tests := make([]string, len(values))
	for i, v := range values {
		literal, err := Quote(string(v))
		if err != nil {
			return "", fmt.Errorf("query events: %w", err)
		}
		tests[i] = test + literal
	}
	return "(" + strings.Join(tests, " OR ") + ")", nil
}
