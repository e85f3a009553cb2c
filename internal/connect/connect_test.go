package connect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/internal/inventory"
	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

// site makes a site of settings.
func site(t *testing.T, settings ...string) inventory.Site {
	t.Helper()
	var list []inventory.Setting
	for _, s := range settings {
		key, value, _ := strings.Cut(s, "=")
		list = append(list, inventory.Setting{Key: key, Value: value, From: "test"})
	}
	s, err := inventory.AdHoc(list...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func server(t *testing.T, o simulator.Options) *simulator.Hierarchy {
	t.Helper()
	o.User, o.Password = "sim", "right"
	o.Strict = func(s simulator.Sin) { t.Error(s) }
	h, err := simulator.Start(t.Context(), simulator.Model{Sites: []simulator.Site{{Code: "PS1", DPs: 1, Packages: 1}, {Code: "PS2", DPs: 1, Packages: 1}}}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func hostOf(h *simulator.Hierarchy, i int) string {
	return "host=" + strings.TrimSuffix(h.Sites()[i].URL, "/wsman")
}

// sites asks a site for its sites.
func sites(ctx context.Context, c *Connector, s inventory.Site) error {
	conn, err := c.Open(ctx, s)
	if err != nil {
		return err
	}
	defer conn.Close()
	rows, err := queries.Collect(queries.Sites(ctx, conn.Session))
	if err == nil && len(rows) == 0 {
		return errors.New("no sites")
	}
	return err
}

func TestOpen(t *testing.T) {
	t.Setenv("CONNECT_TEST_PASSWORD", "right")
	t.Setenv("KRB5CCNAME", "")
	secure := server(t, simulator.Options{TLS: true, Schemes: []simulator.Scheme{simulator.Basic, simulator.NTLM, simulator.Certificate}, StrictBindings: true})
	plain := server(t, simulator.Options{})
	dir := t.TempDir()
	certificate, key := secure.ClientCertificate()
	for name, text := range map[string][]byte{"ca.pem": secure.CA(), "client.pem": certificate, "client.key": key, "empty.pem": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := func(key, name string) string { return key + "=" + filepath.Join(dir, name) }
	password, user := "password_env=CONNECT_TEST_PASSWORD", "user=sim"
	tests := []struct {
		name     string
		settings []string
		is       error  // what the error is, nil for none
		text     string // and says
	}{
		{"basic", []string{hostOf(secure, 0), "site_code=PS1", "auth=basic", user, password, in("ca_file", "ca.pem")}, nil, ""},
		{"ntlm over https", []string{hostOf(secure, 0), "site_code=PS1", "auth=ntlm", user, password, in("ca_file", "ca.pem")}, nil, ""},
		{"ntlm, sealed", []string{hostOf(plain, 0), "site_code=PS1", "auth=ntlm", user, password}, nil, ""},
		{"negotiate with a domain", []string{hostOf(plain, 0), "site_code=PS1", "user=sim", "domain=CORP", password}, nil, ""},
		{"certificate", []string{hostOf(secure, 0), "site_code=PS1", "auth=certificate", in("client_cert", "client.pem"), in("client_key", "client.key"), in("ca_file", "ca.pem")}, nil, ""},
		{"not trusted", []string{hostOf(secure, 0), "site_code=PS1", "auth=basic", user, password}, nil, "unknown authority"},
		{"insecure", []string{hostOf(secure, 0), "site_code=PS1", "auth=basic", user, password, "insecure=true"}, nil, ""},
		{"another certificate pinned", []string{hostOf(secure, 0), "site_code=PS1", "auth=basic", user, password, "tls_fingerprint=" + strings.Repeat("0", 64)}, nil, "not the tls_fingerprint"},
		{"no such CA file", []string{hostOf(secure, 0), "site_code=PS1", "auth=basic", user, password, in("ca_file", "nowhere.pem")}, ErrSettings, "ca_file"},
		{"a CA file without a certificate", []string{hostOf(secure, 0), "site_code=PS1", "auth=basic", user, password, in("ca_file", "empty.pem")}, ErrSettings, "holds no certificate"},
		{"no password", []string{hostOf(secure, 0), "site_code=PS1", "auth=basic", user}, ErrSettings, "no password for sim"},
		{"a variable that is not set", []string{hostOf(secure, 0), "site_code=PS1", "auth=basic", user, "password_env=CONNECT_TEST_NOTHING"}, ErrSettings, "CONNECT_TEST_NOTHING"},
		{"wrong password", []string{hostOf(plain, 0), "site_code=PS1", "user=sim", "password_env=PATH"}, wsman.ErrUnauthorized, ""},
		{"no keytab", []string{hostOf(plain, 0), "site_code=PS1", "auth=kerberos", user, "kerberos.realm=R.TEST", in("kerberos.keytab", "nowhere")}, ErrSettings, "nowhere"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			warned := 0
			c := &Connector{Warn: func(error) { warned++ }}
			defer c.Close()
			err := sites(t.Context(), c, site(t, tt.settings...))
			switch {
			case tt.is == nil && tt.text == "" && err != nil,
				tt.is != nil && !errors.Is(err, tt.is),
				tt.text != "" && (err == nil || !strings.Contains(err.Error(), tt.text)):
				t.Errorf("error %v", err)
			}
			if (warned > 0) != (tt.name == "insecure") {
				t.Errorf("%d warnings", warned)
			}
		})
	}
}

// TestPinned accepts the one certificate, whoever issued it.
func TestPinned(t *testing.T) {
	t.Setenv("CONNECT_TEST_PASSWORD", "right")
	h := server(t, simulator.Options{TLS: true})
	fingerprint := serverFingerprint(t, h)
	err := sites(t.Context(), &Connector{}, site(t, hostOf(h, 0), "site_code=PS1", "auth=basic", "user=sim", "password_env=CONNECT_TEST_PASSWORD", "tls_fingerprint="+fingerprint))
	if err != nil {
		t.Error(err)
	}
	err = sites(t.Context(), &Connector{}, site(t, hostOf(h, 0), "site_code=PS1", "auth=basic", "user=sim", "password_env=CONNECT_TEST_PASSWORD"))
	if err == nil || !strings.HasSuffix(err.Error(), "tls_fingerprint: "+fingerprint) {
		t.Errorf("the error of who trusts nobody does not end in %s: %v", fingerprint, err)
	}
}

// serverFingerprint learns the certificate from the error that names it.
func serverFingerprint(t *testing.T, h *simulator.Hierarchy) string {
	t.Helper()
	err := sites(t.Context(), &Connector{}, site(t, hostOf(h, 0), "site_code=PS1", "auth=basic", "user=sim", "password_env=CONNECT_TEST_PASSWORD", "tls_fingerprint="+strings.Repeat("1", 64)))
	_, rest, ok := strings.Cut(err.Error(), "has the SHA-256 ")
	if !ok {
		t.Fatal(err)
	}
	block, _ := pem.Decode(h.CA())
	sum := sha256.Sum256(block.Bytes)
	if rest[:64] == hex.EncodeToString(sum[:]) {
		t.Fatal("the error names the authority's certificate")
	}
	return rest[:64]
}

// TestAccountsAreShared signs in to two sites by one account: the wrong
// password is tried at one of them only.
func TestAccountsAreShared(t *testing.T) {
	for _, auth := range []string{"basic", "ntlm", "negotiate"} {
		t.Run(auth, func(t *testing.T) {
			var signIns atomic.Int32
			h := server(t, simulator.Options{AllowUnencrypted: true, Observe: func(x simulator.Exchange) {
				if x.Status == 401 {
					signIns.Add(1)
				}
			}})
			t.Setenv("CONNECT_TEST_PASSWORD", "wrong")
			c := &Connector{}
			for i := range 2 {
				s := site(t, hostOf(h, i), "site_code=PS"+string(rune('1'+i)), "auth="+auth, "user=sim", "password_env=CONNECT_TEST_PASSWORD", "allow_unencrypted=true")
				if err := sites(t.Context(), c, s); !errors.Is(err, wsman.ErrUnauthorized) {
					t.Errorf("error %v", err)
				} else if told := strings.Contains(err.Error(), "not tried again"); told != (i == 1) {
					t.Errorf("site %d: %v", i, err)
				}
			}
			// NTLM is challenged at both sites, and proves the password at one.
			if most := map[string]int32{"basic": 1, "ntlm": 3, "negotiate": 3}[auth]; signIns.Load() != most {
				t.Errorf("%d answers of 401, want %d", signIns.Load(), most)
			}
		})
	}
}

func TestNeedsPassword(t *testing.T) {
	t.Setenv("KRB5CCNAME", "FILE:/somewhere")
	tests := []struct {
		settings string
		want     bool
	}{
		{"auth=basic", true},
		{"auth=ntlm", true},
		{"auth=negotiate", false}, // there is a cache
		{"auth=negotiate password_env=X", true},
		{"auth=negotiate kerberos.realm=R", false},
		{"auth=kerberos", false},
		{"auth=kerberos password_env=X", true},
		{"auth=kerberos kerberos.keytab=x", false},
		{"auth=kerberos kerberos.ccache=FILE:x", false},
	}
	for _, tt := range tests {
		s := site(t, append([]string{"host=https://h", "user=u"}, strings.Fields(tt.settings)...)...)
		if got := NeedsPassword(s); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.settings, got, tt.want)
		}
	}
}

// TestSimulated runs the sites of an inventory, each hierarchy once.
func TestSimulated(t *testing.T) {
	inv, err := inventory.Parse("inventory.yaml", []byte(`
sites:
  CAS: {simulate: {packages: 2}}
  PS1: {simulate: {parent: CAS, dps: 1, packages: 1}}
  LAB: {simulate: {dps: 1, packages: 1}}
`))
	if err != nil {
		t.Fatal(err)
	}
	c := &Connector{Inventory: inv}
	defer c.Close()
	urls := map[string]bool{}
	for range 2 {
		for _, s := range inv.Sites() {
			conn, err := c.Open(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			urls[conn.URL] = true
			if !conn.Sealed {
				t.Errorf("%s is not sealed", s.Name)
			}
			if _, err := queries.Collect(queries.Sites(t.Context(), conn.Session)); err != nil {
				t.Error(err)
			}
			_ = conn.Close()
		}
	}
	if len(urls) != 3 {
		t.Errorf("three sites at %d addresses", len(urls))
	}
}

// TestModelHasTheInventorysKeys gives a site of the inventory everything that
// can be simulated.
func TestModelHasTheInventorysKeys(t *testing.T) {
	sim := inventory.Simulation{
		Name: "London", DPs: 6, Packages: 12, ServerDP: true, Retrying: 1, Pending: 2, Updating: 3, Monitoring: 4,
		Failed: map[string]int{}, Waiting: map[string]int{}, Stale: 5, Stuck: 6, Storms: 7, Maintenance: 1, Hidden: true,
		Secondaries: []inventory.Secondary{{Code: "S11", Name: "Paris", DPs: 2}}, Seed: 8, Delay: time.Second,
	}
	want := simulator.Site{
		Code: "PS1", Name: "London", DPs: 6, Packages: 12, ServerDP: true, Retrying: 1, Pending: 2, Updating: 3, Monitoring: 4,
		Failed: map[simulator.Cause]int{}, Waiting: map[simulator.Cause]int{}, Stale: 5, Stuck: 6, Storms: 7, Maintenance: 1, Hidden: true,
		Secondaries: []simulator.Secondary{{Code: "S11", Name: "Paris", DPs: 2}},
	}
	// The lists of causes are told apart by who knows them: they must be the same.
	for _, cause := range inventory.Causes() {
		sim.Failed[cause] = 1
	}
	for _, cause := range simulator.Causes() {
		want.Failed[cause] = 1
	}
	for _, cause := range inventory.WaitingCauses() {
		sim.Waiting[cause] = 2
	}
	for _, cause := range simulator.WaitingCauses() {
		want.Waiting[cause] = 2
	}
	got := Model([]inventory.Site{{Code: "PS1", Simulate: &sim}})
	if diff := cmp.Diff(simulator.Model{Seed: 8, Delay: time.Second, Sites: []simulator.Site{want}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := simulator.New(got, simulator.Options{}); err != nil {
		t.Errorf("the simulator does not take it: %v", err)
	}
}
