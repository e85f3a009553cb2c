package queries

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSiteCode(t *testing.T) {
	for text, want := range map[string]SiteCode{"PS1": "PS1", "ps1": "PS1", "123": "123"} {
		if got, err := ParseSiteCode(text); err != nil || got != want {
			t.Errorf("ParseSiteCode(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "PS", "PS12", "P'1", "P 1", "ÄB", "PS_"} {
		if got, err := ParseSiteCode(text); err == nil {
			t.Errorf("ParseSiteCode(%q) = %q, want an error", text, got)
		}
	}
	if got := SiteCode("PS1").Namespace(); got != "root/sms/site_PS1" {
		t.Errorf("Namespace() = %q", got)
	}
}

func TestParsePackageID(t *testing.T) {
	for text, want := range map[string]PackageID{"PS100039": "PS100039", "ps10003a": "PS10003A", "00000000": "00000000"} {
		if got, err := ParsePackageID(text); err != nil || got != want {
			t.Errorf("ParsePackageID(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "PS10003", "PS1000399", "PS1'0039", "PS1%0039", "PS1@0039", "PS1[0039", "PS1{0039", "PS1`0039", "PS1/0039", "PS1:0039", "PS1ü039"} {
		if got, err := ParsePackageID(text); err == nil {
			t.Errorf("ParsePackageID(%q) = %q, want an error", text, got)
		}
	}
}

func TestNALPath(t *testing.T) {
	type parts struct {
		Server, Host, Provider string
		Site                   SiteCode
		Cloud                  bool
	}
	for _, tt := range []struct {
		name string
		path NALPath
		want parts
	}{
		{"server", `["Display=\\DP1.corp.example\"]MSWNET:["SMS_SITE=PS1"]\\DP1.corp.example\`,
			parts{"DP1.corp.example", "DP1", "MSWNET", "PS1", false}},
		{"short name, lower-case mark", `["display=\\dp1\"]mswnet:["sms_site=ps1"]\\dp1\`,
			parts{"dp1", "dp1", "MSWNET", "PS1", false}},
		{"share", `["Display=\\DP1\SMSPKGD$\"]MSWNET:["SMS_SITE=PS1"]\\DP1\SMSPKGD$\`,
			parts{"DP1", "DP1", "MSWNET", "PS1", false}},
		{"cloud", `["Display=https://cdp.cloud.example/"]MSAZURE:["SMS_SITE=PS1"]https://cdp.cloud.example/`,
			parts{"cdp.cloud.example", "cdp", "MSAZURE", "PS1", true}},
		{"cloud with backslashes", `["Display=\\cdp.cloud.example\"]MSAZURE:\\cdp.cloud.example\`,
			parts{"cdp.cloud.example", "cdp", "MSAZURE", "", true}},
		{"only a name", `DP1.corp.example`, parts{"DP1.corp.example", "DP1", "", "", false}},
		{"only a UNC path", `\\DP1.corp.example\`, parts{"DP1.corp.example", "DP1", "", "", false}},
		{"unknown form", `something]\\x\y`, parts{"x", "x", "", "", false}},
		{"site code that is none", `["Display=\\a\"]MSWNET:["SMS_SITE=LONG"]\\a\`, parts{"a", "a", "MSWNET", "", false}},
		{"cut off", `["Display=\\a\"]MSWNET:["SMS_SITE=`, parts{`MSWNET:["SMS_SITE=`, `MSWNET:["SMS_SITE=`, "MSWNET", "", false}},
		{"empty", "", parts{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := parts{tt.path.Server(), tt.path.Host(), tt.path.Provider(), tt.path.Site(), tt.path.Cloud()}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNALPathKey(t *testing.T) {
	a := NALPath(`["Display=\\DP1.corp.example\"]MSWNET:["SMS_SITE=PS1"]\\DP1.corp.example\`)
	b := NALPath(`["Display=\\dp1.CORP.example\"]MSWNET:["SMS_SITE=ps1"]\\dp1.CORP.example\`)
	c := NALPath(`["Display=\\DP1.corp.example\"]MSWNET:["SMS_SITE=PS2"]\\DP1.corp.example\`)
	if a.Key() != b.Key() {
		t.Errorf("%q and %q differ", a.Key(), b.Key())
	}
	if a.Key() == c.Key() {
		t.Errorf("two sites have the key %q", a.Key())
	}
}

func FuzzNALPath(f *testing.F) {
	for _, seed := range []string{
		`["Display=\\DP1.corp.example\"]MSWNET:["SMS_SITE=PS1"]\\DP1.corp.example\`,
		`["Display=https://x"]MSAZURE:["SMS_SITE=PS1"]https://x/`, `[]"":\/`, "]", `["SMS_SITE=`, "\xff[\"SMS_SITE=ABC\"]\\\\\xfe\\", "://", "İ]x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := NALPath(text)
		server := path.Server()
		if strings.ContainsAny(server, `\/]`) || !strings.Contains(text, server) {
			t.Errorf("server %q of %q", server, text)
		}
		if !strings.HasPrefix(server, path.Host()) || strings.Contains(path.Host(), ".") {
			t.Errorf("host %q of server %q", path.Host(), server)
		}
		if site := path.Site(); site != "" {
			if _, err := ParseSiteCode(string(site)); err != nil {
				t.Errorf("site of %q: %v", text, err)
			}
		}
		if p := path.Provider(); p != "" && !isAlphanumeric(p) {
			t.Errorf("provider %q of %q", p, text)
		}
		if NALPath(path.Key()).Key() != path.Key() {
			t.Errorf("the key %q has another key", path.Key())
		}
	})
}
