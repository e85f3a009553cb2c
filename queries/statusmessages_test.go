package queries

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestMessageConditions holds the text of the queries: it is what a provider
// reads.
func TestMessageConditions(t *testing.T) {
	since := time.Date(2026, 11, 2, 8, 0, 0, 999, time.UTC)
	const bound = `>= '20261102080000.000000+000'`
	for _, tt := range []struct {
		name  string
		where Condition
		want  string
	}{
		{"all kinds", MessagePick{}.kinds(),
			"Component = 'SMS_DISTRIBUTION_MANAGER' AND MessageID >= 2300 AND MessageID <= 2399" +
				" OR Component = 'SMS_PACKAGE_TRANSFER_MANAGER' AND MessageID >= 8200 AND MessageID <= 8299"},
		{"some kinds", MessagePick{IDs: []uint32{2302, 2328}}.kinds(),
			"Component IN ('SMS_DISTRIBUTION_MANAGER', 'SMS_PACKAGE_TRANSFER_MANAGER') AND MessageID IN (2302, 2328)"},
		{"no time", MessagePick{}.after("Time"), ""},
		{"time", MessagePick{Since: since}.after("Time"), "Time " + bound},
		{"no packages", MessagePick{Since: since}.ofPackages(nil), ""},
		{"packages", MessagePick{Since: since}.ofPackages([]PackageID{"PS100001", "PS100002"}),
			"RecordID IN (SELECT RecordID FROM SMS_StatMsgAttributes WHERE AttributeID = 400" +
				" AND AttributeValue IN ('PS100001', 'PS100002') AND AttributeTime " + bound + ")"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.where.err != nil {
				t.Fatal(tt.where.err)
			}
			if diff := cmp.Diff(tt.want, tt.where.text); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAmongRefuses(t *testing.T) {
	for name, c := range map[string]Condition{
		"a property that is none":  among("Record ID", "SMS_StatMsg", Eq("MessageID", 1)),
		"a class that is none":     among("RecordID", "SMS_StatMsg WHERE", Eq("MessageID", 1)),
		"no condition":             among("RecordID", "SMS_StatMsg", Condition{}),
		"a mistake in a condition": among("RecordID", "SMS_StatMsg", Eq("Component", "it's")),
	} {
		if _, err := Select[StatusMessage](c).WQL(); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestMessagesRefuseWhatIsNoPackage(t *testing.T) {
	for _, err := range Messages(t.Context(), nil, MessagePick{Packages: []PackageID{"PS1' OR 1=1"}}) {
		if err == nil || !strings.Contains(err.Error(), "is not a package ID") {
			t.Errorf("error %v", err)
		}
	}
	for _, err := range Unsettled(t.Context(), nil, "no") {
		if err == nil {
			t.Error("no error")
		}
	}
}

func TestExactPackages(t *testing.T) {
	for _, tt := range []struct {
		name     string
		patterns []string
		want     []PackageID
	}{
		{"none", nil, nil},
		{"whole IDs", []string{"ps100001", "PS100002"}, []PackageID{"PS100001", "PS100002"}},
		{"a pattern among them", []string{"PS100001", "PS2*"}, nil},
	} {
		var f Filter
		for _, text := range tt.patterns {
			p, err := ParsePattern(text)
			if err != nil {
				t.Fatal(err)
			}
			f.Packages = append(f.Packages, p)
		}
		if diff := cmp.Diff(tt.want, f.ExactPackages()); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// TestDiagnosisRecordsFitTheirClasses is TestRecordsFitTheirClasses for records
// that share a class, or whose class nobody is to ask for by name.
func TestDiagnosisRecordsFitTheirClasses(t *testing.T) {
	r := selectionOf[DPMaintenance]()
	class := distributionPointInfoClass()
	for _, f := range r.fields {
		name := f.Tag.Get("cim")
		if p, ok := class.Property(name); !ok || p.Name != name || !fits(f.Type, p) {
			t.Errorf("field %s does not fit the class", f.Name)
		}
	}
}
