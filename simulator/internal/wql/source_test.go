package wql

import (
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"dpremote/simulator/internal/repository"
)

// memory is a Source of a few classes and instances.
type memory struct {
	classes   []*repository.Class
	instances []*repository.Instance
}

func (m *memory) Class(name string) (*repository.Class, bool) {
	for _, c := range m.classes {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	return nil, false
}

func (m *memory) derives(c *repository.Class, from string) bool {
	for ok := true; ok; c, ok = m.Class(c.Super) {
		if strings.EqualFold(c.Name, from) {
			return true
		}
	}
	return false
}

func (m *memory) Subclasses(name string) []*repository.Class {
	var found []*repository.Class
	for _, c := range m.classes {
		if m.derives(c, name) {
			found = append(found, c)
		}
	}
	return found
}

func (m *memory) Instances(class string) iter.Seq[*repository.Instance] {
	return func(yield func(*repository.Instance) bool) {
		for _, in := range m.instances {
			if m.derives(in.Class, class) && !yield(in) {
				return
			}
		}
	}
}

// add adds an instance; values alternates names and values.
func (m *memory) add(t testing.TB, class string, values ...any) *repository.Instance {
	t.Helper()
	c, ok := m.Class(class)
	if !ok {
		t.Fatalf("no class %s", class)
	}
	in := repository.New(c)
	for i := 0; i < len(values); i += 2 {
		if !in.Set(values[i].(string), values[i+1]) {
			t.Fatalf("class %s has no property %s", class, values[i])
		}
	}
	m.instances = append(m.instances, in)
	return in
}

func class(name, super string, properties ...repository.Property) *repository.Class {
	slices.SortFunc(properties, func(a, b repository.Property) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return &repository.Class{Name: name, Super: super, Properties: properties}
}

func property(name string, of repository.Type) repository.Property {
	return repository.Property{Name: name, Type: of}
}

// testNow is the time of every run.
var testNow = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

const testNALPath = `["Display=\\DP01.ps1.example\"]MSWNET:["SMS_SITE=PS1"]\\DP01.ps1.example\`

// newMemory is a source in which a base class has two derived ones that hold its
// properties in different places.
func newMemory(t testing.TB) *memory {
	t.Helper()
	id, name := property("PackageID", repository.String), property("Name", repository.String)
	id.Key = true
	version := property("SourceVersion", repository.UInt32)
	lazy := property("ISVString", repository.String)
	lazy.Lazy = true
	tags := property("Tags", repository.String)
	tags.Array = true
	inner := property("Inner", repository.Object)
	inner.Class = "Inner"
	m := &memory{classes: []*repository.Class{
		class("Package_Base", "", id, name, version, lazy),
		class("Package", "Package_Base", id, name, version, lazy, property("Author", repository.String), property("StoredVersion", repository.UInt32)),
		class("Image", "Package_Base", id, name, version, lazy, property("Zone", repository.String)),
		class("Inner", "", property("Depth", repository.UInt8), property("Label", repository.String)),
		class("Row", "",
			id, inner, tags, lazy,
			property("State", repository.UInt32),
			property("Delta", repository.SInt32),
			property("Big", repository.UInt64),
			property("Ratio", repository.Real64),
			property("RefreshNow", repository.Boolean),
			property("When", repository.Datetime),
			property("Age", repository.Datetime),
			property("ServerNALPath", repository.String),
			property("Owner", repository.Reference)),
		class("Event", "", property("TargetInstance", repository.Object)),
		class("Empty", ""),
	}}
	m.add(t, "Package", "PackageID", "PS100001", "Name", "Office", "SourceVersion", uint64(3), "StoredVersion", uint64(3), "ISVString", "secret")
	m.add(t, "Image", "PackageID", "PS100002", "Name", "windows 11", "SourceVersion", uint64(1), "Zone", "North")
	m.add(t, "Package", "PackageID", "PS100003", "Name", "Zip", "SourceVersion", uint64(4), "StoredVersion", uint64(2))
	depth, _ := m.Class("Inner")
	object := repository.New(depth)
	object.Set("Depth", uint64(2))
	object.Set("Label", "Two")
	m.add(t, "Row", "PackageID", "PS100001", "State", uint64(0), "Delta", int64(-5), "Big", uint64(1<<64-1), "Ratio", 1.5,
		"RefreshNow", true, "When", repository.At(time.Date(2026, 1, 31, 23, 30, 0, 0, time.UTC)), "Inner", object,
		"ServerNALPath", testNALPath, "Tags", []repository.Value{"a"}, "ISVString", "secret",
		"Age", repository.DatetimeValue{IsInterval: true, Interval: 36 * time.Hour})
	m.add(t, "Row", "PackageID", "PS100002", "State", uint64(3), "Delta", int64(7), "Big", uint64(0), "Ratio", -2.0,
		"RefreshNow", false, "When", repository.DatetimeValue{Time: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), NoZone: true},
		"ServerNALPath", `\\DP02`, "Owner", repository.Ref{Class: "Package"})
	m.add(t, "Row", "PackageID", "PS1000A3")
	m.add(t, "Event", "TargetInstance", m.instances[0])
	m.add(t, "Event", "TargetInstance", m.instances[4])
	m.add(t, "Event")
	return m
}

// indexedMemory is a memory that finds instances by PackageID and remembers what
// it was asked.
type indexedMemory struct {
	*memory
	asked []repository.Value
}

func (m *indexedMemory) InstancesWith(class, property string, values []repository.Value) (iter.Seq[*repository.Instance], bool) {
	if property != "PackageID" && property != "State" && property != "Delta" {
		return nil, false
	}
	m.asked = append(m.asked, property)
	m.asked = append(m.asked, values...)
	return func(yield func(*repository.Instance) bool) {
		for in := range m.Instances(class) {
			for _, v := range values {
				if order, ok := compare(v, in.Get(property)); ok && order == 0 && !yield(in) {
					return
				}
			}
		}
	}, true
}
