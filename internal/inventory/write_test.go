package inventory

import (
	"strings"
	"testing"
)

func TestWriteReadsBack(t *testing.T) {
	var b strings.Builder
	err := Write(&b, "made by a test\nin two lines", []Setting{
		{Key: "auth", Value: "basic"}, {Key: "user", Value: `CORP\svc`}, {Key: "connections", Value: "2"}, {Key: "insecure", Value: "true"},
		{Key: "kerberos.realm", Value: "CORP.EXAMPLE"}, {Key: "kerberos.kdc", Value: "a:88,b"}, {Key: "password_env", Value: "PW"},
	}, []Entry{
		{Name: "007", Settings: []Setting{{Key: "host", Value: "https://[::1]:5986"}, {Key: "site_code", Value: "007"}}, Comment: "the first"},
		{Name: "1E5", Settings: []Setting{{Key: "host", Value: "https://b"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	inv, err := Parse("made.yaml", []byte(b.String()))
	if err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	sites := inv.Sites()
	if len(sites) != 2 || sites[0].Code != "007" || sites[0].Host != "::1" || !sites[0].TLS || sites[0].User != `CORP\svc` || sites[0].Connections != 2 ||
		!sites[0].Insecure || sites[0].Kerberos.Realm != "CORP.EXAMPLE" || len(sites[0].Kerberos.KDC) != 2 || sites[0].Password.IsZero() || sites[1].Code != "1E5" {
		t.Errorf("%+v from\n%s", sites, b.String())
	}
	for _, want := range []string{"# made by a test\n# in two lines\n", "# the first\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestWriteUnknownKey(t *testing.T) {
	var b strings.Builder
	if err := Write(&b, "", []Setting{{Key: "hots"}}, nil); err == nil {
		t.Error("an unknown key was written")
	}
}
