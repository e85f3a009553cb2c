package queries_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dpremote/queries"
)

// readRegistryFile reads a file as reg import does: keys and typed bytes.
func readRegistryFile(t *testing.T, file []byte) map[string]map[string]string {
	t.Helper()
	if !bytes.HasPrefix(file, []byte{0xff, 0xfe}) || len(file)%2 != 0 {
		t.Fatalf("no UTF-16 with a mark: % x", file[:min(len(file), 8)])
	}
	var units []uint16
	for i := 2; i < len(file); i += 2 {
		units = append(units, binary.LittleEndian.Uint16(file[i:]))
	}
	text := string(utf16.Decode(units))
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		t.Errorf("a line ends otherwise: %q", text)
	}
	for line := range strings.Lines(text) {
		// A long name may take more by itself; then no data stands beside it.
		isName := strings.HasSuffix(strings.TrimSpace(line), `:\`)
		if n := len(strings.TrimSpace(line)); n > 80 && strings.Contains(line, "=hex") && !isName {
			t.Errorf("a line of %d characters: %s", n, line)
		}
	}
	text = strings.ReplaceAll(text, "\\\r\n  ", "")
	lines := strings.Split(text, "\r\n")
	if lines[0] != "Windows Registry Editor Version 5.00" || lines[1] != "" {
		t.Errorf("begins %q", lines[:2])
	}
	keys := map[string]map[string]string{}
	key := ""
	for _, line := range lines[2:] {
		switch {
		case line == "" || line[0] == ';':
		case line[0] == '[':
			key = strings.TrimSuffix(line[1:], "]")
			keys[key] = map[string]string{}
		default:
			name, data := readName(t, line)
			keys[key][name] = readData(t, data)
		}
	}
	return keys
}

func readName(t *testing.T, line string) (name, data string) {
	t.Helper()
	if data, ok := strings.CutPrefix(line, "@="); ok {
		return "@", data
	}
	quoted, err := strconv.QuotedPrefix(line)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	name, err = strconv.Unquote(quoted)
	if err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return name, strings.TrimPrefix(line[len(quoted):], "=")
}

// readData gives the type's number and the bytes.
func readData(t *testing.T, data string) string {
	t.Helper()
	kind, value, found := strings.Cut(data, ":")
	switch {
	case data[0] == '"':
		text, err := strconv.Unquote(data)
		if err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		return "1 " + text
	case found && kind == "dword":
		return "4 " + value
	case found && kind == "hex":
		kind = "hex(3)"
	}
	if _, err := hex.DecodeString(strings.ReplaceAll(value, ",", "")); err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	return strings.Trim(kind, "hex()") + " " + strings.ReplaceAll(value, ",", "")
}

func TestRegistryFile(t *testing.T) {
	key := queries.RegistryKey{Path: `SOFTWARE\A [b]`, Values: []queries.RegistryValue{
		{Type: queries.RegistryString, Text: "default"},
		{Name: `q"u\o=`, Type: queries.RegistryString, Text: `["Display=\\dp\"]é`},
		{Name: "lines", Type: queries.RegistryString, Text: "a\r\nb"},
		{Name: "expand", Type: queries.RegistryExpand, Text: "x"},
		{Name: "bytes", Type: queries.RegistryBinary, Data: bytes.Repeat([]byte{0xab}, 100)},
		{Name: "none", Type: queries.RegistryBinary},
		{Name: "number", Type: queries.RegistryDWORD, Number: 31},
		{Name: "texts", Type: queries.RegistryMulti, Texts: []string{"a", "𝄞"}},
		{Name: "large", Type: queries.RegistryQWORD, Number: 1 << 40},
	}, Keys: []queries.RegistryKey{{Path: `SOFTWARE\A [b]\below`}}}
	file, err := queries.RegistryFile([]string{"a note\r\n[HKEY_LOCAL_MACHINE\\EVIL]", "another"}, key)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]string{
		`HKEY_LOCAL_MACHINE\SOFTWARE\A [b]`: {
			"@": "1 default", `q"u\o=`: `1 ["Display=\\dp\"]é`, "lines": "1 61000d000a0062000000", "expand": "2 78000000",
			"bytes": "3 " + strings.Repeat("ab", 100), "none": "3 ", "number": "4 0000001f", "texts": "7 6100000034d81edd00000000",
			"large": "b 0000000000010000",
		},
		`HKEY_LOCAL_MACHINE\SOFTWARE\A [b]\below`: {},
	}
	if diff := cmp.Diff(want, readRegistryFile(t, file), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// TestRegistryFileRefuses what would be lost.
func TestRegistryFileRefuses(t *testing.T) {
	for name, key := range map[string]queries.RegistryKey{
		"a type that is not read":   {Path: "K", Values: []queries.RegistryValue{{Name: "x", Type: 8}}},
		"a value's name in lines":   {Path: "K", Values: []queries.RegistryValue{{Name: "x\n[y]", Type: queries.RegistryString}}},
		"a key's name in lines":     {Path: "K\r\n"},
		"one of these further down": {Path: "K", Keys: []queries.RegistryKey{{Path: "K\x00"}}},
	} {
		if file, err := queries.RegistryFile(nil, key); err == nil {
			t.Errorf("%s: %q", name, file)
		}
	}
}

func TestJobsOf(t *testing.T) {
	session, s := newSession(t, page(row("JobID", "7", "PkgID", "PS100039", "State", "5")))
	got, err := queries.Collect(queries.JobsOf(t.Context(), session, "PS100039", "ps100039"))
	if err != nil || len(got) != 1 || got[0].JobID != 7 || got[0].State.Open() {
		t.Errorf("got %+v, %v", got, err)
	}
	if none, err := queries.Collect(queries.JobsOf(t.Context(), session)); err != nil || len(none) != 0 || len(s.asked) != 1 {
		t.Errorf("without packages: %v, %v, %d requests", none, err, len(s.asked))
	}
}
