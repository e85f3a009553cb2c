package queries

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"dpremote/cim"
)

// selection is what a test needs of a record.
type selection struct {
	record Record
	fields []reflect.StructField
	wql    func() (string, error)
}

func selectionOf[T Record]() selection {
	var record T
	s := selection{record: record, wql: Select[T]().WQL}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[T]()) {
		if f.Tag.Get("cim") != "" {
			s.fields = append(s.fields, f)
		}
	}
	return s
}

// records lists the record of each class that has one.
func records() []selection {
	return []selection{
		selectionOf[PackageStatusRoot](), selectionOf[PackageStatusSite](), selectionOf[PackageStatusDP](),
		selectionOf[DistributionPointInfo](), selectionOf[DistributionPoint](), selectionOf[DPStatus](),
		selectionOf[DPStatusInfo](), selectionOf[DPStatusDetail](), selectionOf[Job](), selectionOf[Content](),
		selectionOf[Package](), selectionOf[ProviderLocation](), selectionOf[Site](), selectionOf[DPGroup](),
		selectionOf[DPGroupMember](), selectionOf[StatusMessage](), selectionOf[Drive](), selectionOf[DPMaintenance](),
		selectionOf[messageAttribute](), selectionOf[packageVersion](),
	}
}

// TestRecordsFitTheirClasses: every field is a property of the class and of a
// type that holds it, and every key is selected, for without them the paths of
// the rows are wrong (SDK, "Result Sets").
func TestRecordsFitTheirClasses(t *testing.T) {
	for _, r := range records() {
		t.Run(r.record.CIMClass(), func(t *testing.T) {
			class, ok := ClassNamed(r.record.CIMClass())
			if !ok {
				t.Fatal("the class is not in All")
			}
			var names []string
			for _, f := range r.fields {
				name, _, _ := strings.Cut(f.Tag.Get("cim"), ",")
				names = append(names, name)
				p, ok := class.Property(name)
				if !ok || p.Name != name {
					t.Errorf("field %s: the class has no property %s", f.Name, name)
				}
				if !fits(f.Type, p) {
					t.Errorf("field %s: a %v does not hold a %v", f.Name, f.Type, p.Kind)
				}
			}
			for _, key := range class.Keys {
				if !slices.Contains(names, key) && class.Name != "SMS_ProviderLocation" {
					t.Errorf("the key %s is not selected", key)
				}
			}
			if i := slices.IndexFunc(names, isHeavy); i >= 0 {
				t.Errorf("%s is selected", names[i])
			}
		})
	}
}

// TestEveryRecordIsListed finds the records in the source, so that one that is
// left out of records is not left out of the tests that go over them.
func TestEveryRecordIsListed(t *testing.T) {
	listed := map[string]bool{}
	for _, r := range records() {
		listed[reflect.TypeOf(r.record).Name()] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	method := regexp.MustCompile(`(?m)^func \((?:\w+ )?(\w+)\) CIMClass\(\)`)
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range method.FindAllStringSubmatch(string(source), -1) {
			if found++; !listed[m[1]] {
				t.Errorf("%s: the record %s is not in records", file, m[1])
			}
		}
	}
	if found < len(listed) {
		t.Errorf("%d records were found, %d are listed", found, len(listed))
	}
}

// isHeavy tells properties that must never be selected: large or secret.
func isHeavy(name string) bool { return name == "Icon" || name == "PXEPassword" || name == "ISVData" }

func fits(t reflect.Type, p Property) bool {
	switch {
	case p.Array:
		return t.Kind() == reflect.Slice
	case t == reflect.TypeFor[cim.Value]():
		return true
	}
	switch p.Kind {
	case KindString:
		return t.Kind() == reflect.String
	case KindBoolean:
		return t.Kind() == reflect.Bool
	case KindInteger:
		return t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64
	case KindDatetime:
		return t == reflect.TypeFor[cim.Datetime]()
	}
	return false
}

func TestEveryClassIsWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range All() {
		t.Run(c.Name, func(t *testing.T) {
			if seen[c.Name] {
				t.Error("the class stands twice")
			}
			seen[c.Name] = true
			properties := map[string]bool{}
			for _, p := range c.Properties {
				name := strings.ToLower(p.Name)
				if properties[name] || !isName(p.Name) {
					t.Errorf("the property %q stands twice or is no name", p.Name)
				}
				properties[name] = true
			}
			for _, key := range c.Keys {
				if _, ok := c.Property(key); !ok {
					t.Errorf("the key %s is no property", key)
				}
			}
			if len(c.Keys) == 0 {
				t.Error("the class has no key")
			}
		})
	}
	for _, r := range records() {
		if !seen[r.record.CIMClass()] {
			t.Errorf("%T has no class in All", r.record)
		}
	}
	for _, c := range PackageClasses() {
		if !seen[c.Name] {
			t.Errorf("%s is not in All", c.Name)
		}
	}
}

func TestKindsOfProperties(t *testing.T) {
	for _, tt := range []struct {
		class, property string
		want            Kind
		known           bool
	}{
		{"SMS_DistributionPoint", "RefreshNow", KindBoolean, true},
		{"sms_distributionpoint", "refreshnow", KindBoolean, true},
		{"SMS_DistributionPoint", "LastRefreshTime", KindDatetime, true},
		{"SMS_Package", "PackageID", KindString, true},
		{"SMS_Package", "SourceVersion", KindInteger, true},
		{"SMS_BootImagePackage", "ReferencedDrivers", KindObject, true},
		{"SMS_Package", "NoSuchThing", KindString, false},
		{"Win32_Service", "Name", KindString, false},
	} {
		c, _ := ClassNamed(tt.class)
		p, known := c.Property(tt.property)
		if p.Kind != tt.want || known != tt.known {
			t.Errorf("%s of %s is %v, %v; want %v, %v", tt.property, tt.class, p.Kind, known, tt.want, tt.known)
		}
	}
	c, _ := ClassNamed("SMS_PackageBaseclass")
	if p, _ := c.Property("LocalizedCategoryInstanceNames"); !p.Array || p.Kind != KindString {
		t.Errorf("an array of strings is %+v", p)
	}
}

// TestClassesAgreeWithSchema holds the classes against a description of the
// SMS Provider's schema, where there is one.
func TestClassesAgreeWithSchema(t *testing.T) {
	type property struct{ Name, Type string }
	var schema struct {
		Classes []struct {
			Name       string
			Keys       []string
			Inherits   string `yaml:"inherits_properties_of"`
			Properties []property
		}
	}
	data, err := os.ReadFile(filepath.Join("..", "..", "shared", "reference", "sms-schema.yaml"))
	if err != nil {
		t.Skip("no schema to compare with")
	}
	if err := yaml.Unmarshal(data, &schema); err != nil {
		t.Fatal(err)
	}
	known := map[string]Class{}
	for _, c := range schema.Classes {
		class := Class{Name: c.Name, Keys: c.Keys, Properties: known[c.Inherits].Properties}
		class.Properties = slices.Clone(class.Properties)
		for _, p := range c.Properties {
			name, array := strings.CutSuffix(p.Type, "[]")
			class.Properties = append(class.Properties, Property{p.Name, kindOfType(name), array})
		}
		known[c.Name] = class
	}
	for _, got := range All() {
		t.Run(got.Name, func(t *testing.T) {
			want, ok := known[got.Name]
			if !ok {
				t.Fatal("the schema has no such class")
			}
			for _, c := range []Class{got, want} {
				slices.SortFunc(c.Properties, func(a, b Property) int { return strings.Compare(a.Name, b.Name) })
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func kindOfType(name string) Kind {
	switch {
	case name == "string":
		return KindString
	case name == "boolean":
		return KindBoolean
	case name == "datetime":
		return KindDatetime
	case strings.HasPrefix(name, "uint"), strings.HasPrefix(name, "sint"):
		return KindInteger
	}
	return KindObject
}
