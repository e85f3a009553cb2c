package queries_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dpremote/cim"
	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

const registryURI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/StdRegProv"

// registryCall is what a call of the registry provider looks like.
func registryCall(uri, method, key string, value ...string) request {
	r := request{Action: uri + "/" + method, ResourceURI: uri, Body: map[string]string{"hDefKey": "2147483650", "sSubKeyName": key}}
	if len(value) > 0 {
		r.Body["sValueName"] = value[0]
	}
	return r
}

func output(method, code string, members ...string) string {
	return instance(method+"_OUTPUT", append([]string{"ReturnValue", code}, members...)...)
}

func TestRegistryKeys(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		want         []string
		found        bool
		denied       bool
		retry        wsman.Retry
		fails        bool
	}{
		{name: "several", answer: output("EnumKey", "0", "sNames", "PS100001", "sNames", "PS100002"), want: []string{"PS100001", "PS100002"}, found: true},
		{name: "one, which looks like a scalar", answer: output("EnumKey", "0", "sNames", "PS100001"), want: []string{"PS100001"}, found: true},
		{name: "none, which is not sent", answer: output("EnumKey", "0"), found: true},
		{name: "none, as null", answer: output("EnumKey", "0", "sNames", null), found: true},
		{name: "no such key", answer: output("EnumKey", "2")},
		{name: "access denied by the key", answer: output("EnumKey", "5"), fails: true, denied: true},
		{name: "another error", answer: output("EnumKey", "1018"), fails: true},
		{name: "no value is for a key no answer", answer: output("EnumKey", "1"), fails: true},
		{name: "nothing", answer: output("EnumKey", null), fails: true, retry: wsman.RetrySafe},
		{name: "no answer that is CIM", answer: "<p:EnumKey_OUTPUT xmlns:p='x'>text</p:EnumKey_OUTPUT>", fails: true, retry: wsman.RetrySafe},
	} {
		t.Run(tt.name, func(t *testing.T) {
			session, s := newSession(t, tt.answer)
			names, found, err := queries.NewRegistry(session).Keys(t.Context(), `SOFTWARE\a<b`)
			if (err != nil) != tt.fails || found != tt.found || errors.Is(err, wsman.ErrAccessDenied) != tt.denied {
				t.Errorf("found %v, error %v", found, err)
			}
			var op *wsman.Error
			if errors.As(err, &op) && op.Retry != tt.retry {
				t.Errorf("retry %s, want %s", op.Retry, tt.retry)
			}
			if diff := cmp.Diff(tt.want, names); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff([]request{registryCall(registryURI, "EnumKey", `SOFTWARE\a<b`)}, s.asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRegistryValues(t *testing.T) {
	session, s := newSession(t,
		output("EnumValues", "0", "Types", "1", "Types", "2", "Types", "3", "Types", "3", "Types", "4", "Types", "7", "Types", "7", "Types", "11", "Types", "8", "Types", "4",
			"sNames", "", "sNames", "expand", "sNames", "bytes", "sNames", "no bytes", "sNames", "number", "sNames", "texts", "sNames", "text", "sNames", "large",
			"sNames", "resources", "sNames", "gone"),
		output("GetStringValue", "0", "sValue", "the <default>"),
		output("GetExpandedStringValue", "0", "sValue", `C:\Windows`),
		output("GetBinaryValue", "0", "uValue", "255", "uValue", "0"),
		output("GetBinaryValue", "0"),
		output("GetDWORDValue", "0", "uValue", "4294967295"),
		output("GetMultiStringValue", "0", "sValue", "a", "sValue", ""),
		output("GetMultiStringValue", "0", "sValue", "one"),
		output("GetQWORDValue", "0", "uValue", "18446744073709551615"),
		output("GetDWORDValue", "1"),
	)
	got, found, err := queries.NewRegistry(session).Values(t.Context(), "K")
	if err != nil || !found {
		t.Fatal(found, err)
	}
	want := []queries.RegistryValue{
		{Type: queries.RegistryString, Text: "the <default>"},
		{Name: "expand", Type: queries.RegistryExpand, Text: `C:\Windows`},
		{Name: "bytes", Type: queries.RegistryBinary, Data: []byte{255, 0}},
		{Name: "no bytes", Type: queries.RegistryBinary},
		{Name: "number", Type: queries.RegistryDWORD, Number: 1<<32 - 1},
		{Name: "texts", Type: queries.RegistryMulti, Texts: []string{"a", ""}},
		{Name: "text", Type: queries.RegistryMulti, Texts: []string{"one"}},
		{Name: "large", Type: queries.RegistryQWORD, Number: 1<<64 - 1},
		{Name: "resources", Type: 8},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got[8].Readable() || !got[7].Readable() || got[8].Type.String() != "unknown (8)" {
		t.Errorf("%+v", got[8])
	}
	if diff := cmp.Diff(registryCall(registryURI, "GetStringValue", "K", ""), s.asked[1]); diff != "" {
		t.Errorf("the default value: %s", diff)
	}
}

func TestRegistryValuesThatMakeNoSense(t *testing.T) {
	for name, answers := range map[string][]string{
		"fewer types than names": {output("EnumValues", "0", "Types", "1", "sNames", "a", "sNames", "b")},
		"a type in words":        {output("EnumValues", "0", "Types", "REG_SZ", "sNames", "a")},
		"a byte too large":       {output("EnumValues", "0", "Types", "3", "sNames", "a"), output("GetBinaryValue", "0", "uValue", "256")},
		"a number too large":     {output("EnumValues", "0", "Types", "4", "sNames", "a"), output("GetDWORDValue", "0", "uValue", "4294967296")},
		"no number":              {output("EnumValues", "0", "Types", "11", "sNames", "a"), output("GetQWORDValue", "0")},
		"another type":           {output("EnumValues", "0", "Types", "1", "sNames", "a"), output("GetStringValue", "2147749893")},
	} {
		t.Run(name, func(t *testing.T) {
			session, _ := newSession(t, answers...)
			if got, _, err := queries.NewRegistry(session).Values(t.Context(), "K"); err == nil {
				t.Errorf("gave %+v", got)
			}
		})
	}
}

// TestRegistryDefaultAlone reads a default value that is not listed.
func TestRegistryDefaultAlone(t *testing.T) {
	for _, tt := range []struct {
		answer string
		want   []queries.RegistryValue
	}{
		{output("GetStringValue", "0", "sValue", "x"), []queries.RegistryValue{{Type: queries.RegistryString, Text: "x"}}},
		{output("GetStringValue", "0", "sValue", null), nil},
		{output("GetStringValue", "1"), nil},
		{output("GetStringValue", "2"), nil},
	} {
		session, _ := newSession(t, output("EnumValues", "0"), tt.answer)
		got, found, err := queries.NewRegistry(session).Values(t.Context(), "K")
		if err != nil || !found {
			t.Fatal(found, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.answer, diff)
		}
	}
}

// TestRegistryNamespaces asks root\default where root\cimv2 does not serve, and
// stays with what did.
func TestRegistryNamespaces(t *testing.T) {
	const elsewhere = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/default/StdRegProv"
	const noClass, noRights, other = "2150858752", "5", "2150859173" // the last is a quota
	good := output("EnumKey", "0", "sNames", "a")
	for _, tt := range []struct {
		name    string
		answers []string
		asked   []string // resource URIs of two calls
		fails   bool     // the first
		denied  bool
	}{
		{name: "in the first", answers: []string{good, good}, asked: []string{registryURI, registryURI}},
		{name: "in the second", answers: []string{fault(noClass), good, good}, asked: []string{registryURI, elsewhere, elsewhere}},
		{name: "kept out of the first", answers: []string{fault(noRights), good, good}, asked: []string{registryURI, elsewhere, elsewhere}},
		{name: "kept out of both", answers: []string{fault(noRights), fault(noRights), good}, fails: true, denied: true,
			asked: []string{registryURI, elsewhere, registryURI}},
		{name: "kept out of the first, unknown in the second", answers: []string{fault(noRights), fault(noClass), good}, fails: true, denied: true,
			asked: []string{registryURI, elsewhere, registryURI}},
		{name: "another fault", answers: []string{fault(other), good}, fails: true, asked: []string{registryURI, registryURI}},
		{name: "a key that refuses", answers: []string{output("EnumKey", "5"), good}, fails: true, denied: true, asked: []string{registryURI, registryURI}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			session, s := newSession(t, tt.answers...)
			registry := queries.NewRegistry(session)
			_, _, err := registry.Keys(t.Context(), "K")
			if (err != nil) != tt.fails || errors.Is(err, wsman.ErrAccessDenied) != tt.denied {
				t.Errorf("the first call gave %v", err)
			}
			if _, found, err := registry.Keys(t.Context(), "K"); !found || err != nil {
				t.Errorf("the second call gave %v, %v", found, err)
			}
			var asked []string
			for _, r := range s.asked {
				asked = append(asked, r.ResourceURI)
			}
			if diff := cmp.Diff(tt.asked, asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRegistryDelete(t *testing.T) {
	tree := queries.RegistryKey{Path: "K", Keys: []queries.RegistryKey{{Path: `K\a`}, {Path: `K\b`}}}
	session, s := newSession(t, output("DeleteKey", "0"), output("DeleteKey", "2"), output("DeleteKey", "0"))
	if err := queries.NewRegistry(session).Delete(t.Context(), tree); err != nil {
		t.Error(err)
	}
	want := []request{registryCall(registryURI, "DeleteKey", `K\a`), registryCall(registryURI, "DeleteKey", `K\b`), registryCall(registryURI, "DeleteKey", "K")}
	if diff := cmp.Diff(want, s.asked); diff != "" {
		t.Error(diff)
	}

	session, s = newSession(t, output("DeleteKey", "5"))
	if err := queries.NewRegistry(session).Delete(t.Context(), tree); !errors.Is(err, wsman.ErrAccessDenied) || len(s.asked) != 1 {
		t.Errorf("access denied gives %v after %d requests", err, len(s.asked))
	}
	session, _ = newSession(t, output("DeleteKey", null))
	err := queries.NewRegistry(session).Delete(t.Context(), queries.RegistryKey{Path: "K"})
	var op *wsman.Error
	if !errors.As(err, &op) || op.Retry != wsman.RetryUnknown {
		t.Errorf("no ReturnValue gives %v", err)
	}
}

// TestRegistryIsBounded reads keys that go on for ever.
func TestRegistryIsBounded(t *testing.T) {
	var answers []string
	for range 100 {
		answers = append(answers, output("EnumValues", "0", "Types", "8", "sNames", "a"), output("EnumKey", "0", "sNames", "deeper"))
	}
	session, s := newSession(t, answers...)
	if _, _, err := queries.NewRegistry(session).Tree(t.Context(), "K"); err == nil || len(s.asked) > 20 {
		t.Errorf("%v after %d requests", err, len(s.asked))
	}
}

// TestSimulatedRegistry reads and deletes a retry history at a site server that
// has its own idea of the provider.
func TestSimulatedRegistry(t *testing.T) {
	model := simulator.Model{Seed: 1, Sites: []simulator.Site{{Code: "PS1", DPs: 2, Packages: 6, Retrying: 2}}}
	_, client := simulateModel(t, model)
	location, err := queries.Locate(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	registry := queries.NewRegistry(&cim.Session{Client: client, Namespace: location.Namespace})
	const history = `SOFTWARE\Microsoft\SMS\Components\SMS_DISTRIBUTION_MANAGER\Retry History`
	names, found, err := registry.Keys(t.Context(), history)
	if err != nil || !found || len(names) == 0 {
		t.Fatal(names, found, err)
	}
	key, found, err := registry.Tree(t.Context(), history+`\`+names[0])
	if err != nil || !found {
		t.Fatal(found, err)
	}
	kinds := map[string]queries.RegistryType{}
	for _, v := range key.All() {
		kinds[v.Name] = v.Type
		switch v.Name {
		case "Source":
			if want := `C:\Packages\` + names[0]; v.Text != want {
				t.Errorf("%s is %q, want %q", v.Name, v.Text, want)
			}
		case "Retry Count":
			if v.Number != 3 {
				t.Errorf("%s is %d", v.Name, v.Number)
			}
		case "State":
			if diff := cmp.Diff([]byte{2, 0}, v.Data); diff != "" {
				t.Error(diff)
			}
		case "Distribution Points":
			if len(v.Texts) == 0 || queries.NALPath(v.Texts[0]).Site() != "PS1" {
				t.Errorf("%s is %q", v.Name, v.Texts)
			}
		}
	}
	want := map[string]queries.RegistryType{"Source": queries.RegistryExpand, "Retry Count": queries.RegistryDWORD,
		"State": queries.RegistryBinary, "Next Retry": queries.RegistryQWORD, "Distribution Points": queries.RegistryMulti}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
	if err := registry.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, found, err := registry.Values(t.Context(), key.Path); found || err != nil {
		t.Errorf("after the deletion: %v, %v", found, err)
	}
	if err := registry.Delete(t.Context(), queries.RegistryKey{Path: `SOFTWARE\Microsoft\SMS\Setup`}); !errors.Is(err, wsman.ErrAccessDenied) {
		t.Errorf("another key: %v", err)
	}
}
