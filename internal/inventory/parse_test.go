package inventory

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func mustParse(t *testing.T, doc string) *Inventory {
	t.Helper()
	inv, err := Parse("dir/inventory.yaml", []byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func mustSite(t *testing.T, doc string) Site {
	t.Helper()
	sites := mustParse(t, doc).Sites()
	if len(sites) != 1 {
		t.Fatalf("got %d sites, want 1", len(sites))
	}
	return sites[0]
}

// ignoreInner leaves out what has tests of its own: places and passwords.
var ignoreInner = cmp.Options{
	cmpopts.IgnoreUnexported(Site{}, Simulation{}, Secondary{}),
	cmpopts.IgnoreFields(Site{}, "Password"),
}

func TestParseDefaults(t *testing.T) {
	got := mustSite(t, "sites: {PS1: {host: ps1.corp.example}}")
	want := Site{
		Name: "PS1", Code: "PS1", Host: "ps1.corp.example", Port: 5985,
		Auth: Negotiate, Schema: WMI, Namespace: "root/sms/site_PS1",
		Connections: 4, ConnectTimeout: 10 * time.Second, RequestTimeout: time.Minute, MaxEnvelopeKB: 2048,
	}
	if diff := cmp.Diff(want, got, ignoreInner); diff != "" {
		t.Errorf("site (-want +got):\n%s", diff)
	}
	if !got.Password.IsZero() {
		t.Errorf("got the password source %s, want none", got.Password)
	}
}

func TestParseEveryKey(t *testing.T) {
	got := mustSite(t, `
sites:
  lon:
    host: https://lon.corp.example:8443
    site_code: l0n
    auth: kerberos
    user: svc
    domain: CORP
    password_env: LON_PASSWORD
    ca_file: ca.pem
    tls_server_name: lon
    tls_fingerprint: "AB:cd:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd"
    insecure: true
    allow_unencrypted: true
    schema: dmtf
    namespace: \root\sms\site_LON
    connections: 8
    connect_timeout: 1s
    request_timeout: 2m
    site_timeout: 1h30m
    max_envelope_kb: 8
    client_cert: /etc/cert.pem
    client_key: ../key.pem
    kerberos:
      realm: CORP.EXAMPLE
      kdc: [dc1, "dc2:88"]
      spn: HTTP/lon
      keytab: svc.keytab
      ccache: FILE:/tmp/krb5cc_0
      krb5_conf: krb5.conf
`)
	want := Site{
		Name: "lon", Code: "L0N", Host: "lon.corp.example", Port: 8443, TLS: true,
		Auth: Kerberos, User: "svc", Domain: "CORP",
		CAFile: "dir/ca.pem", TLSServerName: "lon",
		TLSFingerprint: "abcd00112233445566778899aabbccddeeff00112233445566778899aabbccdd",
		Insecure:       true, AllowUnencrypted: true,
		Schema: DMTF, Namespace: "root/sms/site_LON", Connections: 8,
		ConnectTimeout: time.Second, RequestTimeout: 2 * time.Minute, SiteTimeout: 90 * time.Minute, MaxEnvelopeKB: 8,
		ClientCert: "/etc/cert.pem", ClientKey: "key.pem",
		Kerberos: KerberosOptions{
			Realm: "CORP.EXAMPLE", KDC: []string{"dc1", "dc2:88"}, SPN: "HTTP/lon",
			Keytab: "dir/svc.keytab", CCache: "FILE:/tmp/krb5cc_0", Config: "dir/krb5.conf",
		},
	}
	if diff := cmp.Diff(want, got, ignoreInner); diff != "" {
		t.Errorf("site (-want +got):\n%s", diff)
	}
	if want := "password_env LON_PASSWORD (from site lon, dir/inventory.yaml:9:5)"; got.Password.String() != want {
		t.Errorf("got the password source %q, want %q", got.Password, want)
	}
}

func TestParseSimulation(t *testing.T) {
	inv := mustParse(t, `
sites:
  PS1:
    simulate:
      parent: cas
      name: London
      dps: 6
      packages: 7
      server_dp: true
      failed: {disk-full: 1, source-missing: 2, access-denied: 3, dp-offline: 4, hash-mismatch: 5, transient: 6}
      retrying: 2
      pending: 3
      updating: 4
      monitoring: 5
      waiting: {closed: 1, waits-for-content: 2, waits-for-prestaged: 3}
      stale: 6
      stuck: 7
      storms: 8
      maintenance: 1
      hidden: true
      secondaries:
        - {code: s21, name: Paris, dps: 2}
        - code: 022
  central:
    site_code: CAS
    simulate: {packages: 3, seed: 7, delay: 250ms}
  alone:
    site_code: X01
    simulate:
`)
	sites := inv.Sites()
	want := []*Simulation{
		{
			Parent: "CAS", Name: "London", DPs: 6, Packages: 7, ServerDP: true,
			Failed: map[string]int{
				"disk-full": 1, "source-missing": 2, "access-denied": 3, "dp-offline": 4, "hash-mismatch": 5, "transient": 6,
			},
			Retrying: 2, Pending: 3, Updating: 4, Monitoring: 5,
			Waiting: map[string]int{"closed": 1, "waits-for-content": 2, "waits-for-prestaged": 3},
			Stale:   6, Stuck: 7, Storms: 8, Maintenance: 1, Hidden: true,
			Secondaries: []Secondary{{Code: "S21", Name: "Paris", DPs: 2}, {Code: "022", Name: "022"}},
		},
		{Name: "central", Central: true, Packages: 3, Seed: 7, Delay: 250 * time.Millisecond},
		{Name: "alone"},
	}
	for i, s := range sites {
		if diff := cmp.Diff(want[i], s.Simulate, ignoreInner); diff != "" {
			t.Errorf("simulate of %s (-want +got):\n%s", s.Name, diff)
		}
	}
	var got [][]string
	for _, h := range inv.Hierarchies() {
		var codes []string
		for _, s := range h {
			codes = append(codes, s.Code)
		}
		got = append(got, codes)
	}
	if diff := cmp.Diff([][]string{{"CAS", "PS1"}, {"X01"}}, got); diff != "" {
		t.Errorf("hierarchies (-want +got):\n%s", diff)
	}
}

// The layers, lowest first: default, all, a parent group, a group of its own
// (further down in the file), the parent's child, the site.
func TestParsePrecedence(t *testing.T) {
	type layers struct{ all, child, parent, later, site string }
	doc := func(l layers) string {
		return strings.Join([]string{
			"all: {" + l.all + "}",
			"groups:",
			"  child: {sites: [ps1], vars: {" + l.child + "}}",
			"  parent: {children: [child], vars: {" + l.parent + "}}",
			"  later: {sites: [P*], vars: {" + l.later + "}}",
			"sites:",
			"  PS1: {host: h, " + l.site + "}",
		}, "\n")
	}
	const a, c, p, l, s = "user: all", "user: child", "user: parent", "user: later", "user: site"
	tests := []struct {
		name   string
		layers layers
		want   string
		origin string
	}{
		{"default", layers{}, "", "default"},
		{"all", layers{all: a}, "all", "all, dir/inventory.yaml:1:7"},
		{"parent group", layers{all: a, parent: p}, "parent", "group parent, dir/inventory.yaml:4:38"},
		{"later group", layers{all: a, parent: p, later: l}, "later", "group later, dir/inventory.yaml:5:31"},
		{"child group", layers{all: a, parent: p, later: l, child: c}, "child", "group child, dir/inventory.yaml:3:32"},
		{"site", layers{all: a, parent: p, later: l, child: c, site: s}, "site", "site PS1, dir/inventory.yaml:7:18"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := mustSite(t, doc(tt.layers))
			if s.User != tt.want {
				t.Errorf("got the user %q, want %q", s.User, tt.want)
			}
			if got := s.Origin("user").String(); got != tt.origin {
				t.Errorf("got the origin %q, want %q", got, tt.origin)
			}
		})
	}
}

// A source of a password replaces another kind of source from a lower layer.
func TestParsePasswordSourceReplaces(t *testing.T) {
	s := mustSite(t, "all: {password_env: ALL}\nsites: {PS1: {host: h, password_file: /pw}}")
	const want = "password_file /pw (from site PS1, dir/inventory.yaml:2:24)"
	if got := s.Password.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, key := range []string{"password_env", "password_file", "password_command"} {
		if got := s.Origin(key).Layer; got != "site PS1" {
			t.Errorf("origin of %s: got %q, want site PS1", key, got)
		}
	}
}

func TestParseGroups(t *testing.T) {
	inv := mustParse(t, `
groups:
  world: {children: [Emea, amer]}
  emea: {sites: [P*, "l?n"], children: [nordics]}
  amer: {sites: nyc}
  nordics: {sites: [STO]}
  empty:
sites:
  NYC: {host: a}
  PAR: {host: b}
  LON: {host: c}
  STO: {host: d}
`)
	wantGroups := []Group{
		{Name: "world", Sites: []string{"NYC", "PAR", "LON", "STO"}},
		{Name: "emea", Sites: []string{"PAR", "LON", "STO"}},
		{Name: "amer", Sites: []string{"NYC"}},
		{Name: "nordics", Sites: []string{"STO"}},
		{Name: "empty"},
	}
	if diff := cmp.Diff(wantGroups, inv.Groups()); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	sites := inv.Sites()
	if diff := cmp.Diff([]string{"world", "emea", "nordics"}, sites[3].Groups); diff != "" {
		t.Errorf("groups of STO (-want +got):\n%s", diff)
	}
}

func TestParseHomeDirectory(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	s := mustSite(t, "sites: {PS1: {host: h, ca_file: ~/ca.pem}}")
	if want := filepath.Join(home, "ca.pem"); s.CAFile != want {
		t.Errorf("got %q, want %q", s.CAFile, want)
	}
}

// An empty text takes back what a lower layer has set.
func TestParseEmptyTextUnsets(t *testing.T) {
	s := mustSite(t, "all: {domain: CORP, ca_file: ca.pem}\nsites: {PS1: {host: h, domain: '', ca_file: ''}}")
	if s.Domain != "" || s.CAFile != "" {
		t.Errorf("got the domain %q and the CA file %q, want neither", s.Domain, s.CAFile)
	}
}

func TestParseProblems(t *testing.T) {
	tests := []struct {
		name string
		doc  string
		want []string
	}{
		{"empty", "", []string{"1:1: the file is empty: want sites"}},
		{"comment only", "# nothing\n", []string{"1:1: the file is empty: want sites"}},
		{"no mapping", "- a", []string{"1:1: want keys with values, got a list", "1:1: want sites: an inventory without sites is of no use"}},
		{"syntax", "sites:\n  PS1: {host: h\n", []string{"2:1: read YAML: did not find expected ',' or '}'"}},
		{"no sites", "all: {}", []string{"1:1: want sites: an inventory without sites is of no use"}},
		{"sites of none", "sites: {}", []string{"1:1: want at least one site in sites"}},
		{"two documents", "sites: {PS1: {host: h}}\n---\na: b\n", []string{"2:1: want one YAML document, got another one"}},
		{"unknown part", "site: {PS1: {host: h}}", []string{
			"1:1: unknown key site; did you mean sites?; the parts of an inventory are all, groups, sites",
			"1:1: want sites: an inventory without sites is of no use",
		}},
		{"unknown key", "sites:\n  PS1:\n    host: h\n    conections: 3\n", []string{
			"4:5: sites.PS1: unknown key conections; did you mean connections?"}},
		{"unknown key without a neighbour", "sites: {PS1: {host: h, colour: red}}", []string{
			"1:24: sites.PS1: unknown key colour"}},
		{"longer key", "sites: {PS1: {hostname: h}}", []string{"1:15: sites.PS1: unknown key hostname; did you mean host?"}},
		{"other case", "sites: {PS1: {host: h, CA-File: x}}", []string{"1:24: sites.PS1: unknown key CA-File; did you mean ca_file?"}},
		{"key of a section", "sites: {PS1: {host: h, keytab: x}}", []string{
			"1:24: sites.PS1: unknown key keytab; it belongs under kerberos"}},
		{"unknown key in a section", "sites: {PS1: {host: h, kerberos: {relam: X}}}", []string{
			"1:35: sites.PS1.kerberos: unknown key relam; did you mean realm?"}},
		{"dotted key", "sites: {PS1: {host: h, kerberos.realm: X}}", []string{
			"1:24: sites.PS1: unknown key kerberos.realm; did you mean kerberos?"}},
		{"section of a wrong type", "sites: {PS1: {host: h, kerberos: [a]}}", []string{
			"1:34: sites.PS1.kerberos: want keys with values, got a list"}},
		{"duplicate key", "sites:\n  PS1:\n    host: h\n    user: a\n    user: b\n", []string{
			"5:5: sites.PS1: duplicate key user, first on line 4"}},
		{"duplicate site", "sites:\n  PS1: {host: a}\n  ps1: {host: b}\n", []string{
			"3:3: sites: duplicate key ps1, first on line 2"}},
		{"literal password", "sites: {PS1: {host: h, password: hunter2}}", []string{
			"1:24: sites.PS1: password: the inventory holds no passwords: use password_command, such as [pass, show, dpremote], or password_file or password_env"}},
		{"two sources of a password", "sites: {PS1: {host: h, password_env: A, password_file: b}}", []string{
			"1:41: sites.PS1: password_env and password_file exclude each other: keep one"}},
		{"password in password_env", "sites: {PS1: {host: h, password_env: 'hunter2!'}}", []string{
			"1:38: sites.PS1.password_env: want the name of an environment variable, not the password"}},
		{"empty password_command", "sites: {PS1: {host: h, password_command: []}}", []string{
			"1:42: sites.PS1.password_command: want a list, the program and its arguments, or a line for the shell"}},
		{"host and simulate", "sites: {PS1: {host: h, simulate: {}}}", []string{
			"1:9: sites.PS1: host and simulate exclude each other: keep one"}},
		{"neither host nor simulate", "sites:\n  PS1:\n", []string{
			"2:3: sites.PS1: want host, or simulate for a simulated site"}},
		{"host in all", "all: {host: h}\nsites: {PS1: {host: h}}", []string{
			"1:7: all: host tells sites apart: set it at each site"}},
		{"no site code", "sites: {london: {host: h}}", []string{
			"1:9: sites.london: want site_code, three letters or digits"}},
		{"bad site code", "sites: {london: {host: h, site_code: LOND}}", []string{
			`1:38: sites.london.site_code: want a site code, three letters or digits, got "LOND"`}},
		{"bad site name", "sites: {'P*': {host: h}, ok1: {host: h}}", []string{
			`1:9: sites: want a name of up to 64 letters, digits, dots, dashes and underscores, got "P*"`}},
		{"list as key", "sites: {[a, b]: {host: h}}", []string{"1:9: sites: want a name as key, got a list"}},
		{"wrong types", `sites:
  PS1:
    host: 17
    user: [a]
    domain: 5
    insecure: "yes"
    connections: 9
    connect_timeout: 30
    request_timeout: -5s
    site_timeout: 48h
    auth: kerberus
    schema: WMI
    namespace: "root sms"
    tls_fingerprint: abcd
    max_envelope_kb: many
    ca_file:
    client_cert: {a: b}
    kerberos: {kdc: [a, [b]], realm: true}
`, []string{
			"3:11: sites.PS1.host: want [http://|https://]NAME[:PORT]",
			"4:11: sites.PS1.user: want one text, got a list",
			"5:13: sites.PS1.domain: want text: put the value in quotes",
			`6:15: sites.PS1.insecure: want true or false, got "yes"`,
			`7:18: sites.PS1.connections: want a whole number from 1 to 8, got "9"`,
			`8:22: sites.PS1.connect_timeout: want a duration with its unit, such as 30s or 1m30s, got "30"`,
			"9:22: sites.PS1.request_timeout: want a duration from 1ms to 24h0m0s, got -5s",
			"10:19: sites.PS1.site_timeout: want a duration from 0s to 24h0m0s, got 48h0m0s",
			`11:11: sites.PS1.auth: want one of negotiate, kerberos, ntlm, basic, certificate, got "kerberus"; did you mean kerberos?`,
			`12:13: sites.PS1.schema: want one of wmi, dmtf, got "WMI"; did you mean wmi?`,
			`13:16: sites.PS1.namespace: want a namespace such as root/sms/site_PS1, got "root sms"`,
			"14:22: sites.PS1.tls_fingerprint: want the certificate's SHA-256 as 64 hexadecimal digits",
			`15:22: sites.PS1.max_envelope_kb: want a whole number from 8 to 65536, got "many"`,
			"16:13: sites.PS1.ca_file: want a value, got nothing",
			"17:18: sites.PS1.client_cert: want a value, got keys with values",
			"18:25: sites.PS1.kerberos.kdc: want a text in the list, got a list",
			"18:38: sites.PS1.kerberos.realm: want text: put the value in quotes",
		}},
		{"same host and code", "sites:\n  PS1: {host: A}\n  two: {host: 'http://a:5985', site_code: ps1}\n", []string{
			"3:3: sites.two: is the same site as PS1: same host, same PS1"}},
		{"setting in a group", "groups: {g: {user: x, kerberos: {}}}\nsites: {PS1: {host: h}}", []string{
			"1:14: groups.g: user is a setting: put it under vars",
			"1:23: groups.g: kerberos is a setting: put it under vars"}},
		{"unknown key in a group", "groups: {g: {site: x}}\nsites: {PS1: {host: h}}", []string{
			"1:14: groups.g: unknown key site; did you mean sites?; a group has vars, sites, children"}},
		{"host in a group", "groups: {g: {vars: {site_code: PS1}}}\nsites: {PS1: {host: h}}", []string{
			"1:21: groups.g.vars: site_code tells sites apart: set it at each site"}},
		{"pattern without a match", "groups: {g: {sites: [PS2, '[']}}\nsites: {PS1: {host: h}}", []string{
			`1:22: groups.g.sites: no site matches "PS2"; did you mean PS1?`,
			`1:27: groups.g.sites: "[" is not a valid glob`}},
		{"bad member", "groups: {g: {sites: [{a: b}, ~]}}\nsites: {PS1: {host: h}}", []string{
			"1:22: groups.g.sites: want a list of names, got keys with values",
			"1:30: groups.g.sites: want a list of names, got nothing"}},
		{"unknown child", "groups: {emea: {}, g: {children: [emae]}}\nsites: {PS1: {host: h}}", []string{
			`1:35: groups.g.children: no group is called "emae"; did you mean emea?`}},
		{"cycle", "groups: {a: {children: [b]}, b: {children: [a]}}\nsites: {PS1: {host: h}}", []string{
			"1:25: groups.a.children: the group is among its own children's children"}},
		{"alias", "all: &x {user: a}\nsites: {PS1: *x, PS2: {host: *x}}", []string{
			"2:14: sites.PS1: want keys with values, got an alias (*name), which is not supported: use groups",
			"2:30: sites.PS2.host: want a value, got an alias (*name), which is not supported: use groups"}},
		{"unknown alias", "sites: {PS1: {host: h, user: *hunter2}}", []string{
			"1:1: read YAML: put text that begins with * or & in quotes"}},
		{"glob without quotes", "sites: {PS1: {host: h}}\ngroups:\n  g: {sites: [*]}\n", []string{
			"3:1: read YAML: put text that begins with * or & in quotes"}},
		{"merge", "all: &x {user: a}\nsites: {PS1: {<<: *x, host: h}}", []string{
			"2:15: sites.PS1: merging with << is not supported: use groups"}},
		{"unknown cause", "sites: {PS1: {simulate: {failed: {diskfull: 1, disk: 2}}}}", []string{
			"1:35: sites.PS1.simulate.failed: unknown key diskfull; did you mean disk-full?",
			"1:48: sites.PS1.simulate.failed: unknown key disk"}},
		{"a cause that waits among failures", "sites: {PS1: {simulate: {failed: {closed: 1}, waiting: {disk-full: 1}}}}", []string{
			"1:35: sites.PS1.simulate.failed: unknown key closed",
			"1:57: sites.PS1.simulate.waiting: unknown key disk-full"}},
		{"simulated wrong types", "sites: {PS1: {simulate: {dps: -1, failed: 3, secondaries: {}, delay: 6}}}", []string{
			`1:31: sites.PS1.simulate.dps: want a whole number from 0 to 5000, got "-1"`,
			"1:43: sites.PS1.simulate.failed: want keys with values, got a number",
			"1:59: sites.PS1.simulate.secondaries: want a list of secondary sites, got keys with values",
			`1:70: sites.PS1.simulate.delay: want a duration with its unit, such as 30s or 1m30s, got "6"`}},
		{"secondary without a code", "sites: {PS1: {simulate: {secondaries: [{dps: 1}]}}}", []string{
			"1:40: sites.PS1.simulate.secondaries: a secondary site needs code"}},
		{"simulated twice", "sites:\n  PS1: {simulate: {secondaries: [{code: PS2}, {code: ABC}, {code: ABC}]}}\n  PS2: {simulate: {}}\n", []string{
			"2:34: sites.PS1.simulate: site code PS2 is taken already, in PS2",
			"2:60: sites.PS1.simulate: site code ABC is taken already, in PS1"}},
		{"unknown parent", "sites: {PS1: {simulate: {parent: CSA}}, CAS: {host: h}, CAZ: {simulate: {}}}", []string{
			"1:26: sites.PS1.simulate: no simulated site has the code CSA of the parent"}},
		{"own parent", "sites: {PS1: {simulate: {parent: PS1}}}", []string{
			"1:26: sites.PS1.simulate: a site cannot be its own parent"}},
		{"parent with a parent", "sites: {CAS: {simulate: }, PS1: {simulate: {parent: CAS}}, PS2: {simulate: {parent: PS1}}}", []string{
			"1:77: sites.PS2.simulate: parent PS1 has a parent itself: only a central administration site has sites below it"}},
		{"delay below the top", "sites: {CAS: {simulate: }, PS1: {simulate: {parent: CAS, delay: 1s, seed: 2}}}", []string{
			"1:58: sites.PS1.simulate: delay belongs to the whole hierarchy: set it at the top site",
			"1:69: sites.PS1.simulate: seed belongs to the whole hierarchy: set it at the top site"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Parse("i.yaml", []byte(tt.doc))
			var got []string
			var problems Problems
			if !errors.As(err, &problems) {
				t.Fatalf("got the error %v, want problems", err)
			}
			for _, p := range problems {
				got = append(got, strings.TrimPrefix(p.Error(), "i.yaml:"))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Error("the error repeats the password")
			}
		})
	}
}

func TestParseTooLarge(t *testing.T) {
	_, err := Parse("i.yaml", []byte(strings.Repeat("#", maxFileSize+1)))
	if err == nil || !strings.Contains(err.Error(), "i.yaml:1:1: the file is larger") {
		t.Errorf("got %v, want a complaint about the size", err)
	}
}

func TestParseManyProblems(t *testing.T) {
	_, err := Parse("i.yaml", []byte("sites:\n"+strings.Repeat("  '*': 1\n", 1000)))
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != maxProblems {
		t.Errorf("got %d problems, want %d", len(problems), maxProblems)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "my.yaml")
	if err := os.WriteFile(name, []byte("sites: {PS1: {host: h, ca_file: ca.pem}}"), 0o644); err != nil {
		t.Fatal(err)
	}
	inv, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "ca.pem"); inv.Sites()[0].CAFile != want {
		t.Errorf("got the CA file %q, want %q", inv.Sites()[0].CAFile, want)
	}
	if inv.Name() != name {
		t.Errorf("got the name %q, want %q", inv.Name(), name)
	}
	if _, err := Load(filepath.Join(dir, "none.yaml")); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing file: got %v, want ErrNotFound", err)
	}
	if _, err := Load(dir); err == nil || errors.Is(err, ErrNotFound) {
		t.Errorf("directory: got %v, want an error of its own", err)
	}
}

// What is in a position must be a position: whatever the file, each problem
// has a line of it and a column.
func FuzzParse(f *testing.F) {
	shipped, err := os.ReadFile("../../inventory.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(shipped),
		"", "\x00", "sites:", "sites: {PS1: {host: h}}", "a: &a [*a]", "<<: {a: b}", "? [a]\n: b", "!!binary x: y",
		"all: {password: x}\ngroups: {g: {sites: ['*'], children: [g]}}\nsites: {PS1: {simulate: {secondaries: [{code: a}]}}}",
		"sites: {PS1: {host: '[::1]:1', kerberos: {kdc: a}}}", "%YAML 1.1\n---\nsites: ~\n...\n---\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		inv, err := Parse("i.yaml", data)
		if err == nil {
			for _, s := range inv.Sites() {
				if s.Namespace == "" || (s.Host == "") == (s.Simulate == nil) {
					t.Errorf("incomplete site: %+v", s)
				}
			}
			return
		}
		var problems Problems
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("got %v, want problems", err)
		}
		lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") +
			strings.Count(string(data), "\u0085") + strings.Count(string(data), "\u2028") + strings.Count(string(data), "\u2029") + 2
		for _, p := range problems {
			if p.File != "i.yaml" || p.Line < 1 || p.Line > lines || p.Column < 1 || p.Message == "" {
				t.Errorf("problem without a place: %#v", p)
			}
		}
	})
}
