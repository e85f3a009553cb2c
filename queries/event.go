package queries

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// PackageEvents is the text of an event query (Windows SDK, "Receiving Event
// Notifications" and "WITHIN Clause"): what happens to the rows of a record's
// class, which must have a PackageID, that are the packages'; of none, to all
// rows. Created, changed and deleted rows are events alike.
//
// The classes of packages' status have no event provider: WMI reads them
// every so often, as within says, which is a query each time.
func PackageEvents[T Record](within time.Duration, packages ...PackageID) (string, error) {
	var record T
	if within <= 0 {
		return "", errors.New("query events: how often to look is missing")
	}
	class, err := Quote(record.CIMClass())
	if err != nil {
		return "", fmt.Errorf("query events: %w", err)
	}
	seconds := strconv.FormatFloat(within.Seconds(), 'f', -1, 64)
	text := "SELECT * FROM __InstanceOperationEvent WITHIN " + seconds + " WHERE TargetInstance ISA " + class
	ids := unique(packages)
	if len(ids) == 0 || len(ids) > maxPatterns {
		return text, nil
	}
	tests := make([]string, len(ids))
	for i, id := range ids {
		literal, err := Quote(string(id))
		if err != nil {
			return "", fmt.Errorf("query events: %w", err)
		}
		tests[i] = "TargetInstance.PackageID = " + literal
	}
	return text + " AND (" + strings.Join(tests, " OR ") + ")", nil
}
