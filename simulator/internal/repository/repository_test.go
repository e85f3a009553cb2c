package repository

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testClass() *Class {
	return &Class{
		Name: "Row",
		Properties: []Property{
			{Name: "PackageID", Type: String, Key: true},
			{Name: "SiteCode", Type: String, Key: true},
			{Name: "State", Type: UInt32},
		},
		Methods: []Method{{Name: "Refresh", Static: true}},
	}
}

func TestClassFindsNamesIgnoringCase(t *testing.T) {
	c := testClass()
	if p, ok := c.Property("STATE"); !ok || p.Name != "State" {
		t.Errorf("property STATE is %v, %v", p, ok)
	}
	if i := c.Index("sitecode"); i != 1 {
		t.Errorf("sitecode is at %d, want 1", i)
	}
	if m, ok := c.Method("refresh"); !ok || !m.Static {
		t.Errorf("method refresh is %v, %v", m, ok)
	}
	if p, ok := c.Property("Nothing"); ok {
		t.Errorf("property Nothing is %v", p)
	}
	if m, ok := c.Method("Nothing"); ok {
		t.Errorf("method Nothing is %v", m)
	}
}

func TestKeys(t *testing.T) {
	var got []string
	for _, p := range testClass().Keys() {
		got = append(got, p.Name)
	}
	if diff := cmp.Diff([]string{"PackageID", "SiteCode"}, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func TestInstance(t *testing.T) {
	in := New(testClass())
	if v := in.Get("State"); v != nil {
		t.Errorf("a new instance has State %v", v)
	}
	if !in.Set("state", uint64(3)) || in.Set("Nothing", "x") {
		t.Error("Set does not tell which properties there are")
	}
	tests := []struct {
		name string
		want Value
	}{
		{"STATE", uint64(3)},
		{"PackageID", nil},
		{"Nothing", nil},
		{"__CLASS", "Row"},
		{"__class", "Row"},
		{"__PATH", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := in.Get(test.name); got != test.want {
				t.Errorf("Get(%s) = %v, want %v", test.name, got, test.want)
			}
		})
	}
}

func TestClone(t *testing.T) {
	in := New(testClass())
	in.Set("State", uint64(3))
	clone := in.Clone()
	clone.Set("State", uint64(0))
	if v := in.Get("State"); v != uint64(3) {
		t.Errorf("a change of the clone made State %v", v)
	}
	if clone.Class != in.Class {
		t.Error("the clone is of another class")
	}
}

func TestAt(t *testing.T) {
	east := time.Date(2026, 1, 1, 2, 0, 0, 0, time.FixedZone("", 2*60*60))
	want := DatetimeValue{Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, At(east)); diff != "" {
		t.Errorf("At (-want +got):\n%s", diff)
	}
	if zone, _ := At(east).Time.Zone(); zone != "UTC" {
		t.Errorf("zone %s, want UTC", zone)
	}
}

func TestStatusError(t *testing.T) {
	var err error = &Status{Code: InvalidClass, Operation: "ExecQuery", Text: "class Nothing does not exist"}
	if got, want := err.Error(), "ExecQuery: class Nothing does not exist (0x80041010)"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
}
