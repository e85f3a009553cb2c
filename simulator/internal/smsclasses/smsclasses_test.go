package smsclasses

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"dpremote/simulator/internal/repository"
)

// schemaFile is a machine-readable digest of the SDK's class pages. It is not
// part of the module, so the tests that need it skip without it.
const schemaFile = "../../../../shared/reference/sms-schema.yaml"

type schemaProperty struct {
	Name                string
	Type                string
	Key, Lazy, Writable bool
}

type schemaMethod struct {
	Name   string
	Static bool
	In     []schemaProperty
}

type schemaClass struct {
	Name       string
	Superclass string
	Keys       []string
	Properties []schemaProperty
	Methods    []schemaMethod
	Inherits   string `yaml:"inherits_properties_of"`
}

func readSchema(t *testing.T) []schemaClass {
	t.Helper()
	text, err := os.ReadFile(schemaFile)
	if os.IsNotExist(err) {
		t.Skipf("no schema digest at %s", schemaFile)
	}
	if err != nil {
		t.Fatal(err)
	}
	var schema struct{ Classes []schemaClass }
	if err := yaml.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	if len(schema.Classes) == 0 {
		t.Fatal("the schema digest holds no classes")
	}
	return schema.Classes
}

func find(classes []*repository.Class, name string) *repository.Class {
	i := slices.IndexFunc(classes, func(c *repository.Class) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return classes[i]
}

func TestDeclarationsAgreeWithSchema(t *testing.T) {
	schema := readSchema(t)
	declared := slices.Concat(ForNamespace(Site), ForNamespace(SMSRoot))
	properties := map[string][]schemaProperty{}
	for _, c := range schema {
		properties[c.Name] = c.Properties
	}
	for _, want := range schema {
		t.Run(want.Name, func(t *testing.T) {
			class := find(declared, want.Name)
			if class == nil {
				t.Fatal("class is not declared")
			}
			if class.Super != want.Superclass {
				t.Errorf("superclass %q, want %q", class.Super, want.Superclass)
			}
			all := slices.Concat(want.Properties, properties[want.Inherits])
			slices.SortFunc(all, func(a, b schemaProperty) int { return compareNames(a.Name, b.Name) })
			if diff := cmp.Diff(all, asSchema(class.Properties)); diff != "" {
				t.Errorf("properties (-want +got):\n%s", diff)
			}
			var keys []string
			for _, p := range class.Keys() {
				keys = append(keys, p.Name)
			}
			wantKeys := slices.Clone(want.Keys)
			slices.SortFunc(wantKeys, compareNames)
			if !slices.Equal(wantKeys, keys) {
				t.Errorf("keys %q, want %q", keys, wantKeys)
			}
			if diff := cmp.Diff(want.Methods, methodsAsSchema(class.Methods)); diff != "" {
				t.Errorf("methods (-want +got):\n%s", diff)
			}
		})
	}
}

func asSchema(properties []repository.Property) []schemaProperty {
	var out []schemaProperty
	for _, p := range properties {
		kind := string(p.Type)
		if p.Class != "" {
			kind = p.Class
		}
		if p.Array {
			kind += "[]"
		}
		out = append(out, schemaProperty{Name: p.Name, Type: kind, Key: p.Key, Lazy: p.Lazy, Writable: p.Writable})
	}
	return out
}

func methodsAsSchema(methods []repository.Method) []schemaMethod {
	var out []schemaMethod
	for _, m := range methods {
		in := asSchema(m.In)
		if in == nil {
			in = []schemaProperty{}
		}
		out = append(out, schemaMethod{Name: m.Name, Static: m.Static, In: in})
	}
	return out
}

func TestEveryNamespaceLoads(t *testing.T) {
	tests := []struct {
		name string
		kind Kind
		want []string // some of its classes
	}{
		{"root", Root, []string{"__Namespace", "__ExtendedStatus"}},
		{"sms", SMSRoot, []string{"__Namespace", "SMS_ProviderLocation"}},
		{"site", Site, []string{"__Namespace", "SMS_DistributionPoint", "SMS_BaseClass", "SMS_EmbeddedProperty"}},
		{"cimv2", CIMV2, []string{"__Namespace", "StdRegProv", "Win32_LogicalDisk", "Win32_OperatingSystem", "Win32_Service"}},
		{"default", Default, []string{"__Namespace", "StdRegProv"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			classes, err := load(test.kind)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range test.want {
				if find(classes, name) == nil {
					t.Errorf("class %s is missing", name)
				}
			}
			if !slices.IsSortedFunc(classes, func(a, b *repository.Class) int { return compareNames(a.Name, b.Name) }) {
				t.Error("the classes are not sorted")
			}
			for _, c := range classes {
				if !slices.IsSortedFunc(c.Properties, func(a, b repository.Property) int { return compareNames(a.Name, b.Name) }) {
					t.Errorf("the properties of %s are not sorted", c.Name)
				}
			}
		})
	}
}

func TestForNamespace(t *testing.T) {
	if got := ForNamespace(Kind(99)); got != nil {
		t.Errorf("an unknown kind has %d classes", len(got))
	}
	first, second := Classes(), Classes()
	if len(first) != len(ForNamespace(Site)) {
		t.Errorf("Classes has %d classes, ForNamespace(Site) %d", len(first), len(ForNamespace(Site)))
	}
	first[0].Name = "changed"
	if second[0].Name == "changed" {
		t.Error("two calls share a class")
	}
}

func TestReadOnlyAndAbstractClasses(t *testing.T) {
	classes := slices.Concat(ForNamespace(Site), ForNamespace(CIMV2))
	tests := []struct {
		class              string
		readOnly, abstract bool
	}{
		{"SMS_PackageStatusDistPointsSummarizer", true, false},
		{"SMS_PackageStatusRootSummarizer", true, false},
		{"SMS_DistributionPoint", false, false},
		{"SMS_DistributionPointGroup", false, false},
		{"SMS_PackageBaseclass", false, true},
		{"SMS_Package", false, false},
		{"CIM_OperatingSystem", false, true},
		{"Win32_OperatingSystem", false, false},
	}
	for _, test := range tests {
		t.Run(test.class, func(t *testing.T) {
			c := find(classes, test.class)
			if c == nil {
				t.Fatal("class is not declared")
			}
			if c.ReadOnly != test.readOnly || c.Abstract != test.abstract {
				t.Errorf("ReadOnly %v Abstract %v, want %v %v", c.ReadOnly, c.Abstract, test.readOnly, test.abstract)
			}
		})
	}
}

func TestRegistryMethods(t *testing.T) {
	class := find(ForNamespace(Default), "StdRegProv")
	method, ok := class.Method("enumvalues")
	if !ok {
		t.Fatal("no method EnumValues")
	}
	want := repository.Method{
		Name:   "EnumValues",
		Static: true,
		In: []repository.Property{
			{Name: "hDefKey", Type: repository.UInt32},
			{Name: "sSubKeyName", Type: repository.String},
		},
		Out: []repository.Property{
			{Name: "sNames", Type: repository.String, Array: true},
			{Name: "Types", Type: repository.SInt32, Array: true},
		},
	}
	if diff := cmp.Diff(want, method); diff != "" {
		t.Errorf("EnumValues (-want +got):\n%s", diff)
	}
}

func TestInheritance(t *testing.T) {
	classes, err := parse("test", `
		[abstract] class Base { [key] string Id; uint32 Old; uint32 Reset(); };
		class Derived : base { // an own declaration wins
			datetime Old; sint8 Another[]; Base Inner; [static] sint32 Reset([in] string Why);
		};`)
	if err != nil {
		t.Fatal(err)
	}
	if err := inherit(classes); err != nil {
		t.Fatal(err)
	}
	want := &repository.Class{
		Name:  "Derived",
		Super: "base",
		Properties: []repository.Property{
			{Name: "Another", Type: repository.SInt8, Array: true},
			{Name: "Id", Type: repository.String, Key: true},
			{Name: "Inner", Type: repository.Object, Class: "Base"},
			{Name: "Old", Type: repository.Datetime},
		},
		Methods: []repository.Method{{
			Name: "Reset", Static: true, In: []repository.Property{{Name: "Why", Type: repository.String}},
		}},
	}
	if diff := cmp.Diff(want, classes[1]); diff != "" {
		t.Errorf("Derived (-want +got):\n%s", diff)
	}
}

func TestBadDeclarations(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"not a class", "struct A { };", "expected class, found struct"},
		{"open class", "class A {", `expected "}"`},
		{"no semicolon", "class A { string B }", `expected ";"`},
		{"open list", "[abstract class A { };", `expected "]"`},
		{"open array", "class A { string B[; };", `expected "]"`},
		{"open parameters", "class A { uint32 B([in] string C; };", `expected ")"`},
		{"unknown qualifier", "class A { [keyed] string B; };", "qualifier keyed is not one of"},
		{"no direction", "class A { uint32 B(string C); };", "parameter C is not one of in, out"},
		{"open comment", "class A { /* };", "comment not terminated"},
		{"class twice", "class A { }; class a { };", "declared twice"},
		{"property twice", "class A { string B; uint32 b; };", "b is declared twice"},
		{"method twice", "class A { uint32 B(); uint32 b(); };", "method b is declared twice"},
		{"parameter twice", "class A { uint32 B([in] string C, [out] string c); };", "c is declared twice"},
		{"unknown superclass", "class A : B { };", "superclass B is not declared"},
		{"own superclass", "class A : A { };", "superclass A is not declared"},
		{"unknown embedded class", "class A { B C; };", "type B, which is not declared"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			classes, err := parse("test", test.text)
			if err == nil {
				err = inherit(classes)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}
