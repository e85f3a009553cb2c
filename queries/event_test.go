package queries

import (
	"testing"
	"time"
)

func TestPackageEvents(t *testing.T) {
	const all = "SELECT * FROM __InstanceOperationEvent WITHIN 30 WHERE " +
		"(TargetInstance ISA 'SMS_PackageStatusDistPointsSummarizer' OR TargetInstance ISA 'SMS_PackageStatusRootSummarizer')"
	many := make([]PackageID, maxPatterns+1)
	for i := range many {
		many[i] = PackageID("PS1000" + string(rune('A'+i)) + "0")
	}
	tests := []struct {
		name     string
		within   time.Duration
		packages []PackageID
		want     string // empty for an error
	}{
		{"all", 30 * time.Second, nil, all},
		{"too many to name", 30 * time.Second, many, all},
		{"one", 30 * time.Second, []PackageID{"PS100001"}, all + " AND (TargetInstance.PackageID = 'PS100001')"},
		{"two, one of them twice", 30 * time.Second, []PackageID{"PS100002", "PS100001", "ps100002"},
			all + " AND (TargetInstance.PackageID = 'PS100001' OR TargetInstance.PackageID = 'PS100002')"},
		{"a quote", 30 * time.Second, []PackageID{"PS1'OR'1"}, ""},
		{"never", 0, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := PackageEvents(tt.within, tt.packages...)
			if got != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("got %s, error %v; want %s", got, err, tt.want)
			}
		})
	}
	if got, err := PackageEvents(1500 * time.Millisecond); err != nil || got[:53] != "SELECT * FROM __InstanceOperationEvent WITHIN 1.5 WHE" {
		t.Errorf("got %s, %v", got, err)
	}
}
