package queries_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"dpremote/queries"
	"dpremote/wsman"
)

// FuzzRegistry reads a key from a server that answers anything: the types and
// names of its values first, then each value in the same way.
func FuzzRegistry(f *testing.F) {
	f.Add("1 3 4 7 11 2 8", "a\nb\nc\nd\ne\nf\ng", "sValue", "x", "0")
	f.Add("3", "bytes", "uValue", "255\n0\n256", "0")
	f.Add("4", "number", "uValue", "-1", "0")
	f.Add("11", "large", "uValue", "18446744073709551616", "0")
	f.Add("7", "texts", "sValue", "", "1")
	f.Fuzz(func(t *testing.T, types, names, member, values, code string) {
		if all := types + "\n" + names + "\n" + values + "\n" + code; !utf8.ValidString(all) || strings.ContainsFunc(all, notXML) || !plainName(member) {
			return // XML is fuzzed elsewhere
		}
		var listed, given []string
		for _, kind := range strings.Fields(types) {
			listed = append(listed, "Types", kind)
		}
		for _, name := range strings.Split(names, "\n") {
			listed = append(listed, "sNames", name)
		}
		for _, value := range strings.Split(values, "\n") {
			given = append(given, member, value)
		}
		answers := []string{output("EnumValues", "0", listed...)}
		for range listed {
			answers = append(answers, output("GetStringValue", code, given...))
		}
		session, _ := newSession(t, answers...)
		got, _, err := queries.NewRegistry(session).Values(t.Context(), "K")
		var told *wsman.Error
		if err != nil && !errors.As(err, &told) {
			t.Errorf("%T %v", err, err)
		}
		if err == nil && len(got) > len(listed)+1 {
			t.Errorf("%d values of %d names", len(got), len(listed))
		}
	})
}

func notXML(r rune) bool { return r < ' ' && r != '\n' || r >= 0xFFFE && r <= 0xFFFF }

func plainName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < 'A' || r > 'z' || r > 'Z' && r < 'a' })
}

// FuzzRegistryFile: whatever a server called its keys and values, a file holds
// them and no others when it is read as reg import does.
func FuzzRegistryFile(f *testing.F) {
	f.Add(`SOFTWARE\A [b]`, `q"u\o=`, `["Display=\\dp\"]é`, "a note")
	f.Add("K", "", "a\r\nb", "x\r\n[HKEY_LOCAL_MACHINE\\EVIL]")
	f.Add("K]\n[L", "n\n[m]", "\x00", "\u2028[HKEY]")
	f.Fuzz(func(t *testing.T, path, name, text, note string) {
		value := queries.RegistryValue{Name: name, Type: queries.RegistryString, Text: text}
		number := queries.RegistryValue{Name: "the number", Type: queries.RegistryDWORD, Number: 7}
		file, err := queries.RegistryFile([]string{note}, queries.RegistryKey{Path: path, Values: []queries.RegistryValue{value, number}})
		if err != nil || strings.ContainsRune(path+name+text, '�') || strings.ContainsAny(name, "\x00\x7f") {
			return
		}
		keys := readRegistryFile(t, file)
		if len(keys) != 1 || len(keys[`HKEY_LOCAL_MACHINE\`+path]) != 2 && name != number.Name {
			t.Errorf("%q, %q, %q: %v", path, name, text, keys)
		}
		if !slices.Contains([]string{"the number", "@", ""}, name) && keys[`HKEY_LOCAL_MACHINE\`+path]["the number"] != "4 00000007" {
			t.Errorf("%q: %v", name, keys)
		}
	})
}
