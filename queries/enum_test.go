package queries

import (
	"encoding"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseState(t *testing.T) {
	for text, want := range map[string]State{
		"failed": 3, "FAILED": 3, "INSTALL_FAILED": 3, " 3 ": 3, "0x3": 3,
		"installed": 0, "pending": 1, "retrying": 2,
		"removal pending": 4, "removal-pending": 4, "REMOVAL_PENDING": 4, "removal failed": 6,
		"updating": 7, "updating (7)": 7, "CONTENT_UPDATING": 7, "monitoring": 8,
		"unknown (42)": 42, "42": 42,
	} {
		t.Run(text, func(t *testing.T) {
			got, err := ParseState(text)
			if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("ParseState(%q) = %v, want %v", text, got, want)
			}
		})
	}
	for _, text := range []string{"", "broken", "-1", "4294967296", "unknown (x)", "unknown"} {
		t.Run("refuse "+text, func(t *testing.T) {
			if got, err := ParseState(text); err == nil {
				t.Errorf("ParseState(%q) = %v, want an error", text, got)
			}
		})
	}
}

func TestParseStates(t *testing.T) {
	for _, tt := range []struct {
		name  string
		words []string
		want  []State
	}{
		{"none", nil, nil},
		{"failed means 3 alone", []string{"failed"}, []State{StateFailed}},
		{"unhealthy is a set", []string{"unhealthy"}, []State{StateRetrying, StateFailed, StateRemovalFailed, StateStuck}},
		{"sorted and without doubles", []string{"8", "Unhealthy", "failed", "pending"},
			[]State{StatePending, StateRetrying, StateFailed, StateRemovalFailed, StateMonitoring, StateStuck}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseStates(tt.words...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	_, err := ParseStates("failed", "fialed")
	want := `unknown state "fialed": use a number or one of installed, pending, retrying, failed, ` +
		`removal pending, removal retrying, removal failed, updating (7), monitoring (8), stale, stuck`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestParsePackageType(t *testing.T) {
	for text, want := range map[string]PackageType{
		"package": 0, "driver": 3, "driver package": 3, "Driver-Package": 3, "ts": 4, "task-sequence": 4,
		"updates": 5, "software updates": 5, "application": 8, "app": 8, "8": 8,
		"image": 257, "os image": 257, "boot-image": 258, "boot": 258, "OS upgrade": 259, "os-install": 259, "vhd": 260,
	} {
		t.Run(text, func(t *testing.T) {
			got, err := ParsePackageType(text)
			if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("ParsePackageType(%q) = %d, want %d", text, got, want)
			}
		})
	}
	if got, err := ParsePackageType("floppy"); err == nil {
		t.Errorf("ParsePackageType(floppy) = %v, want an error", got)
	}
}

// TestEnumsReadTheirOwnWords holds for every table: what is printed is read
// back as the same number, and no word or alias stands for two.
func TestEnumsReadTheirOwnWords(t *testing.T) {
	for name, e := range map[string]enum{
		"state": states, "package type": packageTypes, "job state": jobStates, "action": actions, "severity": severities,
		"site type": siteTypes, "site status": siteStatuses, "site mode": siteModes, "source flag": sourceFlags, "DP action": dpActions,
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range append(numbers(e), 12345) {
				got, err := e.parse(name, e.name(n))
				if err != nil || got != n {
					t.Errorf("%q is read as %d, %v; want %d", e.name(n), got, err, n)
				}
			}
			seen := map[uint32]bool{}
			for _, v := range e {
				if seen[v.number] {
					t.Errorf("%d stands twice", v.number)
				}
				seen[v.number] = true
			}
		})
	}
}

func numbers(e enum) []uint32 {
	var all []uint32
	for _, v := range e {
		all = append(all, v.number)
	}
	return all
}

func TestWords(t *testing.T) {
	for _, tt := range []struct {
		value fmt.Stringer
		want  string
	}{
		{StateInstalled, "installed"}, {StateFailed, "failed"}, {StateUpdating, "updating (7)"}, {State(9), "unknown (9)"},
		{TypeApplication, "application"}, {TypeBootImage, "boot image"}, {PackageType(1), "unknown (1)"},
		{JobPendingRestart, "pending restart"}, {JobState(99), "unknown (99)"},
		{ActionAdd, "add"}, {Action(9), "unknown (9)"},
		{MessageGood, "good"}, {MessageBusy, "busy"}, {MessageState(3), "bad (3)"}, {MessageState(4), "bad (4)"}, {MessageState(0), "unknown (0)"},
		{SeverityInfo, "info"}, {SeverityWarning, "warning"}, {SeverityError, "error"}, {MessageSeverity(1), "unknown (1)"},
		{SiteSecondary, "secondary"}, {SitePrimary, "primary"}, {SiteCAS, "CAS"}, {SiteType(3), "unknown (3)"},
		{SiteActive, "active"}, {SiteStatus(8), "unknown (8)"}, {SiteModeNormal, "normal"}, {SiteMode(3), "upgrade"},
		{SourceDirect, "direct"}, {SourceNone, "no source"}, {PackageSourceFlag(7), "unknown (7)"},
		{DPDeleted, "deleted"}, {DPAction(4), "unknown (4)"},
		{RemedyUnknown, "unknown"}, {RemedyRefresh, "refresh"}, {RemedyRepair, "repair"}, {RemedyWait, "wait"}, {Remedy(9), "unknown (9)"},
	} {
		t.Run(fmt.Sprintf("%T %s", tt.value, tt.want), func(t *testing.T) {
			if got := tt.value.String(); got != tt.want {
				t.Errorf("String() = %q, want %q", got, tt.want)
			}
			got, err := tt.value.(encoding.TextMarshaler).MarshalText()
			if err != nil || string(got) != tt.want {
				t.Errorf("MarshalText() = %q, %v; want %q", got, err, tt.want)
			}
		})
	}
	for k, want := range map[Kind]string{KindString: "string", KindInteger: "integer", KindBoolean: "boolean",
		KindDatetime: "datetime", KindObject: "object", 9: "unknown (9)"} {
		if k.String() != want {
			t.Errorf("kind %d is %q, want %q", k, k.String(), want)
		}
	}
}

func TestJobStateOpen(t *testing.T) {
	open := map[JobState]bool{
		JobPending: true, JobReady: true, JobStarted: true, JobInProgress: true, JobPendingRestart: true,
		JobComplete: false, JobFailed: false, JobCancelled: false, JobSuspended: true, 77: true,
	}
	for state, want := range open {
		if state.Open() != want {
			t.Errorf("%v.Open() = %v, want %v", state, state.Open(), want)
		}
	}
}
