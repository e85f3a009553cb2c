package kdc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dpremote/wsman/internal/kdctest"

	"github.com/google/go-cmp/cmp"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

const (
	realm    = "SIM.TEST"
	password = "Pa55word"
	spn      = "HTTP/srv.sim.test"
)

func newKDC() *kdctest.KDC {
	k := kdctest.New(realm)
	k.Add("admin", realm, password)
	k.Add(spn, realm, "of the service")
	return k
}

// write makes a file of the test's.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func options(t testing.TB, k *kdctest.KDC) Options {
	t.Helper()
	return Options{User: "admin", Realm: realm, Password: password, KDCs: []string{k.Start(t)}, Config: write(t, "krb5.conf", "")}
}

func newClient(t testing.TB, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// keys writes a keytab.
func keys(t testing.TB, user, password string) string {
	t.Helper()
	kt := keytab.New()
	if err := kt.AddEntry(user, realm, password, time.Unix(1, 0), 1, 18); err != nil {
		t.Fatal(err)
	}
	b, err := kt.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "keytab", string(b))
}

func TestTicket(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Options, *kdctest.KDC)
	}{
		{"password", func(*Options, *kdctest.KDC) {}},
		{"password without proof", func(_ *Options, k *kdctest.KDC) { k.NoPreauth = true }},
		{"realm in the user", func(o *Options, _ *kdctest.KDC) { o.User, o.Realm = "admin@"+realm, "" }},
		{"a domain instead of a realm", func(o *Options, _ *kdctest.KDC) { o.User, o.Realm = "admin@sim.test", "" }},
		{"keytab", func(o *Options, _ *kdctest.KDC) { o.Password, o.Keytab = "", "FILE:"+keys(t, "admin", password) }},
		{"a dead KDC first", func(o *Options, _ *kdctest.KDC) { o.KDCs = append([]string{"127.0.0.1:1"}, o.KDCs...) }},
		{"krb5.conf", func(o *Options, _ *kdctest.KDC) {
			o.Config = write(t, "krb5.conf", "[libdefaults]\n default_realm = SIM.TEST\n[realms]\n SIM.TEST = {\n  kdc = "+o.KDCs[0]+"\n }\n")
			o.KDCs, o.Realm = nil, ""
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := newKDC()
			o := options(t, k)
			tt.change(&o, k)
			c := newClient(t, o)
			for range 3 {
				got, err := c.Ticket(t.Context(), spn)
				if err != nil {
					t.Fatal(err)
				}
				if got.Ticket.SName.PrincipalNameString() != spn || len(got.Key.KeyValue) != 32 || got.Client.PrincipalNameString() != "admin" || got.Realm != realm {
					t.Errorf("a ticket of %v@%s for %v", got.Client, got.Realm, got.Ticket.SName)
				}
				if err := got.Ticket.DecryptEncPart(k.Keys, &got.Ticket.SName); err != nil {
					t.Errorf("the service cannot open it: %v", err)
				}
			}
			if logins, tickets := k.Asked(); logins != 1 || tickets != 1 {
				t.Errorf("%d logins and %d tickets for three requests, want one of each", logins, tickets)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Options, *kdctest.KDC)
		is     error
		text   string
		logins int // after two requests
	}{
		{"wrong password", func(o *Options, _ *kdctest.KDC) { o.Password = "wrong" }, ErrRefused, "the password or key of admin@SIM.TEST is wrong", 1},
		{"wrong password without proof", func(o *Options, k *kdctest.KDC) { o.Password, k.NoPreauth = "wrong", true }, ErrRefused, "is wrong", 1},
		{"wrong key", func(o *Options, _ *kdctest.KDC) { o.Password, o.Keytab = "", keys(t, "admin", "wrong") }, ErrRefused, "is wrong", 1},
		{"unknown account", func(o *Options, _ *kdctest.KDC) { o.User = "nobody" }, ErrRefused, "check user and realm", 0},
		{"the clock is late", func(_ *Options, k *kdctest.KDC) { k.Offset = time.Hour }, ErrClockSkew, "off the server's: set the time", 2},
		{"the clock is late, no proof", func(_ *Options, k *kdctest.KDC) { k.Offset, k.NoPreauth = time.Hour, true }, ErrClockSkew, "set the time", 2},
		{"unknown service", func(_ *Options, k *kdctest.KDC) { k.Code = errorcode.KDC_ERR_S_PRINCIPAL_UNKNOWN }, ErrUnknownService, spn + ": connect by the server's full DNS name", 1},
		{"expired ticket", func(_ *Options, k *kdctest.KDC) { k.Code = errorcode.KRB_AP_ERR_TKT_EXPIRED }, ErrExpired, "kinit", 1},
		{"no AES", func(_ *Options, k *kdctest.KDC) { k.Code = errorcode.KDC_ERR_ETYPE_NOSUPP }, nil, "enable AES", 1},
		{"another realm", func(_ *Options, k *kdctest.KDC) { k.Code = errorcode.KDC_ERR_WRONG_REALM }, ErrRefused, "give that one", 1},
		{"disabled", func(_ *Options, k *kdctest.KDC) { k.Code = errorcode.KDC_ERR_CLIENT_REVOKED }, ErrRefused, "disabled, locked", 1},
		{"expired password", func(_ *Options, k *kdctest.KDC) { k.Code = errorcode.KDC_ERR_KEY_EXPIRED }, ErrRefused, "must be changed", 1},
		{"policy", func(_ *Options, k *kdctest.KDC) { k.Code = errorcode.KDC_ERR_POLICY }, ErrRefused, "policy", 1},
		{"something else", func(_ *Options, k *kdctest.KDC) { k.Code = errorcode.KRB_ERR_GENERIC }, nil, "KRB_ERR_GENERIC", 1},
		{"no KDC", func(o *Options, _ *kdctest.KDC) { o.KDCs = []string{"127.0.0.1:1"} }, ErrNoKDC, "port 88", 0},
		{"no KDC known", func(o *Options, _ *kdctest.KDC) {
			o.KDCs, o.Config = nil, write(t, "krb5.conf", "[libdefaults]\ndns_lookup_kdc = false\n")
		}, ErrNoKDC, "none is configured", 0},
		{"too much work", func(_ *Options, k *kdctest.KDC) { k.Iterations = 1 << 31 }, nil, "too much work", 0},
		{"nonsense", func(_ *Options, k *kdctest.KDC) { k.Reply = func([]byte) []byte { return []byte("hello") } }, nil, "read the AS-REP", 0},
		{"nothing", func(_ *Options, k *kdctest.KDC) { k.Reply = func([]byte) []byte { return nil } }, nil, "read the AS-REP", 0},
		{"another account's ticket", func(_ *Options, k *kdctest.KDC) {
			k.NoPreauth = true
			k.Reply = func(b []byte) []byte { return []byte(strings.Replace(string(b), "admin", "nimda", 1)) }
		}, nil, "another account", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := newKDC()
			o := options(t, k)
			tt.change(&o, k)
			c := newClient(t, o)
			for range 2 {
				_, err := c.Ticket(t.Context(), spn)
				if err == nil || !strings.Contains(err.Error(), tt.text) || tt.is != nil && !errors.Is(err, tt.is) {
					t.Errorf("error %v, want one with %q that is %v", err, tt.text, tt.is)
				}
				if err != nil && strings.Contains(err.Error(), password) {
					t.Errorf("the error tells the password: %v", err)
				}
			}
			if logins, _ := k.Asked(); logins != tt.logins {
				t.Errorf("%d logins, want %d", logins, tt.logins)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name string
		o    Options
		want string
	}{
		{"nothing", Options{User: "a", Realm: "R"}, "give one of"},
		{"two secrets", Options{User: "a", Realm: "R", Password: "x", Keytab: "y"}, "give one of"},
		{"no realm", Options{User: "a", Password: "x"}, "give user and realm"},
		{"no user", Options{Realm: "R", Password: "x"}, "give user and realm"},
		{"no krb5.conf", Options{User: "a", Password: "x", Config: "/nowhere/krb5.conf"}, "no such file"},
		{"no keytab", Options{User: "a", Realm: "R", Keytab: "/nowhere/keytab"}, "no such file"},
		{"a keytab that is none", Options{User: "a", Realm: "R", Keytab: write(t, "kt", "\x05\x02\x00\x00\x00\x09\x00\x09")}, "read the keytab"},
		{"a keytab of another account", Options{User: "a", Realm: realm, Keytab: keys(t, "admin", "x")}, "has no AES key for a@SIM.TEST"},
		{"no ccache", Options{CCache: "FILE:/nowhere/cc"}, "get one by kinit"},
		{"a ccache elsewhere", Options{CCache: "KEYRING:persistent:0"}, "use FILE: or DIR: instead"},
		{"a ccache that is none", Options{CCache: write(t, "cc", "hello")}, "no credential cache of version"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.o.Config == "" {
				tt.o.Config = write(t, "krb5.conf", "")
			}
			if _, err := New(tt.o); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// Tickets are replaced before they end, not earlier.
func TestRenewal(t *testing.T) {
	k := newKDC()
	o := options(t, k)
	start := time.Now()
	now := start
	o.Now = func() time.Time { return now }
	c := newClient(t, o)
	for _, step := range []struct {
		after time.Duration
		asked int
	}{{0, 1}, {50 * time.Minute, 1}, {56 * time.Minute, 2}, {80 * time.Minute, 2}, {5 * time.Hour, 3}} {
		now, k.Offset = start.Add(step.after), step.after
		if _, err := c.Ticket(t.Context(), spn); err != nil {
			t.Errorf("after %v: %v", step.after, err)
		}
		if logins, tickets := k.Asked(); logins != step.asked || tickets != step.asked {
			t.Errorf("after %v: %d logins and %d tickets, want %d", step.after, logins, tickets, step.asked)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	k := newKDC()
	c := newClient(t, options(t, k))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.Ticket(t.Context(), spn); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if logins, tickets := k.Asked(); logins != 1 || tickets != 1 {
		t.Errorf("%d logins and %d tickets, want one of each", logins, tickets)
	}
}

// A wrong password is tried once, however many ask.
func TestWrongPasswordOnce(t *testing.T) {
	k := newKDC()
	o := options(t, k)
	o.Password = "wrong"
	c := newClient(t, o)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := c.Ticket(t.Context(), fmt.Sprintf("HTTP/srv%d", i)); !errors.Is(err, ErrRefused) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if logins, _ := k.Asked(); logins != 1 {
		t.Errorf("the password was tried %d times", logins)
	}
}

func TestOtherRealms(t *testing.T) {
	// SIM.TEST trusts ROOT.TEST, which trusts FAR.TEST, where the service is.
	home, root, far := newKDC(), kdctest.New("ROOT.TEST"), kdctest.New("FAR.TEST")
	service := "HTTP/srv.far.test"
	home.Add("krbtgt/ROOT.TEST", realm, "trust 1")
	root.Add("krbtgt/ROOT.TEST", realm, "trust 1")
	root.Add("krbtgt/FAR.TEST", "ROOT.TEST", "trust 2")
	far.Add("krbtgt/FAR.TEST", "ROOT.TEST", "trust 2")
	far.Add(service, "FAR.TEST", "of the service")
	home.Referrals = map[string]string{service: "ROOT.TEST", "krbtgt/FAR.TEST": "ROOT.TEST"}
	root.Referrals = map[string]string{service: "FAR.TEST"}
	realms := fmt.Sprintf("[realms]\nROOT.TEST = {\nkdc = %s\n}\nFAR.TEST = {\nkdc = %s\n}\n", root.Start(t), far.Start(t))
	for name, conf := range map[string]string{"the KDCs refer": realms, "krb5.conf maps the domain": realms + "[domain_realm]\n.far.test = FAR.TEST\n"} {
		t.Run(name, func(t *testing.T) {
			o := options(t, home)
			o.Config = write(t, "krb5.conf", conf)
			got, err := newClient(t, o).Ticket(t.Context(), service)
			if err != nil {
				t.Fatal(err)
			}
			if got.Ticket.Realm != "FAR.TEST" || got.Realm != realm {
				t.Errorf("a ticket of %s for a client of %s", got.Ticket.Realm, got.Realm)
			}
		})
	}
	t.Run("in a circle", func(t *testing.T) {
		home.Referrals["HTTP/circle"] = realm
		if _, err := newClient(t, options(t, home)).Ticket(t.Context(), "HTTP/circle"); err == nil || !strings.Contains(err.Error(), "without an end") {
			t.Errorf("error %v", err)
		}
	})
}

func TestCancelled(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		c, err := l.Accept() // and says nothing
		if err == nil {
			defer c.Close()
			cancel()
			<-t.Context().Done()
		}
	}()
	c := newClient(t, Options{User: "a", Realm: realm, Password: "x", KDCs: []string{l.Addr().String()}, Config: write(t, "krb5.conf", "")})
	if _, err := c.Ticket(ctx, spn); !errors.Is(err, context.Canceled) || errors.Is(err, ErrNoKDC) {
		t.Errorf("error %v", err)
	}
}

// cacheOf writes a ccache of version 4 with tickets.
func cacheOf(t testing.TB, tickets ...*ticket) []byte {
	t.Helper()
	data := func(b []byte, v []byte) []byte {
		return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
	}
	principal := func(b []byte, name types.PrincipalName, realm string) []byte {
		b = binary.BigEndian.AppendUint32(b, uint32(name.NameType))
		b = binary.BigEndian.AppendUint32(b, uint32(len(name.NameString)))
		b = data(b, []byte(realm))
		for _, s := range name.NameString {
			b = data(b, []byte(s))
		}
		return b
	}
	b := []byte("\x05\x04\x00\x0c\x00\x01\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00")
	b = principal(b, tickets[0].Client, tickets[0].Realm)
	entry := func(service types.PrincipalName, realm string, k *ticket, der []byte) {
		b = principal(b, k.Client, k.Realm)
		b = principal(b, service, realm)
		b = binary.BigEndian.AppendUint16(b, uint16(k.Key.KeyType))
		b = data(b, k.Key.KeyValue)
		for _, at := range []time.Time{k.start, k.start, k.end, k.renewable} {
			b = binary.BigEndian.AppendUint32(b, uint32(at.Unix()))
		}
		b = append(b, 0, 0, 0, 0, 0) // user-to-user, flags
		b = append(b, "\x00\x00\x00\x01\x00\x02\x00\x00\x00\x01a\x00\x00\x00\x00"...)
		b = data(data(b, der), nil)
	}
	entry(types.NewPrincipalName(0, "krb5_ccache_conf_data"), "X-CACHECONF:", tickets[0], []byte("yes"))
	for _, k := range tickets {
		der, err := k.Ticket.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		entry(k.service, realm, k, der)
	}
	return b
}

// granted gets tickets to put into a ccache.
func granted(t testing.TB, o Options) *Client {
	t.Helper()
	c := newClient(t, o)
	if _, err := c.Ticket(t.Context(), spn); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCCache(t *testing.T) {
	k := newKDC()
	k.Add("HTTP/other", realm, "x")
	o := options(t, k)
	from := granted(t, o)
	file := write(t, "tktx", string(cacheOf(t, from.tgt, from.tickets[spn])))
	dir := filepath.Dir(file)
	if err := os.WriteFile(filepath.Join(dir, "primary"), []byte("tktx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, "FILE:" + file, "DIR:" + dir, "DIR::" + file} {
		t.Run(strings.ReplaceAll(name, dir, ""), func(t *testing.T) {
			c := newClient(t, Options{CCache: name, Config: o.Config, KDCs: o.KDCs})
			_, before := k.Asked()
			for _, name := range []string{spn, "HTTP/other"} {
				if _, err := c.Ticket(t.Context(), name); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if logins, tickets := k.Asked(); logins != 1 || tickets != before+1 {
				t.Errorf("%d logins and %d tickets more; the cache has one of the two tickets", logins, tickets-before)
			}
		})
	}
}

func TestCCacheExpires(t *testing.T) {
	k := newKDC()
	o := options(t, k)
	from := granted(t, o)
	file := write(t, "cc", string(cacheOf(t, from.tgt)))
	now := time.Now()
	c := newClient(t, Options{CCache: file, Config: o.Config, KDCs: o.KDCs, Now: func() time.Time { return now }})
	now = now.Add(58 * time.Minute) // near its end, and it cannot be renewed
	if _, err := c.Ticket(t.Context(), spn); err != nil {
		t.Errorf("near the end: %v", err)
	}
	now = now.Add(time.Hour)
	if _, err := c.Ticket(t.Context(), "HTTP/x"); !errors.Is(err, ErrExpired) || !strings.Contains(err.Error(), "kinit") {
		t.Errorf("after the end: %v", err)
	}
	// Somebody runs kinit.
	from.tgt.end = now.Add(time.Hour)
	if err := os.WriteFile(file, cacheOf(t, from.tgt), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Ticket(t.Context(), spn); err != nil {
		t.Errorf("after a new one: %v", err)
	}
}

func TestPrimaryElsewhere(t *testing.T) {
	file := write(t, "primary", "../tkt")
	if _, err := ccachePath("DIR:" + filepath.Dir(file)); err == nil || !strings.Contains(err.Error(), "no credential cache") {
		t.Errorf("error %v", err)
	}
}

func TestConf(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"more.conf": "[realms]\nB = {\n kdc = b.example\n}\n",
		"ignored~":  "[libdefaults]\ndefault_realm = WRONG\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := write(t, "krb5.conf", `# a comment
includedir `+dir+`
[libdefaults]
	default_realm = "A.EXAMPLE"
	dns_lookup_kdc = false
	module = /usr/lib/x.so
[realms]
	A.EXAMPLE = {
		kdc = one.a.example
		auth_to_local_names = {
			kdc = no
		}
		kdc = two.a.example:8888
	}
[domain_realm]
	.a.example = A.EXAMPLE
	host.b.example = B
[appdefaults]
	pam = {
		default_realm = WRONG
	}
`)
	got, err := loadConf(path)
	if err != nil {
		t.Fatal(err)
	}
	want := &krb5conf{
		defaultRealm: "A.EXAMPLE", noDNS: true, files: 2,
		kdcs:    map[string][]string{"A.EXAMPLE": {"one.a.example", "two.a.example:8888"}, "B": {"b.example"}},
		domains: map[string]string{".a.example": "A.EXAMPLE", "host.b.example": "B"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(krb5conf{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for host, want := range map[string]string{"srv.a.example": "A.EXAMPLE", "SRV.sub.A.example.": "A.EXAMPLE", "a.example": "", "host.b.example": "B", "other.b.example": "", "": ""} {
		if realm := got.realmOf(host); realm != want {
			t.Errorf("realm of %q: %q, want %q", host, realm, want)
		}
	}
}

func TestConfRefuses(t *testing.T) {
	loop := write(t, "krb5.conf", "")
	if err := os.WriteFile(loop, []byte("include "+loop+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ path, want string }{
		"a circle": {loop, "files are included"},
		"a brace":  {write(t, "b", "[realms]\n}\n"), ":2: a brace closes nothing"},
	} {
		if _, err := loadConf(tt.path); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.want)
		}
	}
}

func TestFindKDC(t *testing.T) {
	n := &network{
		kdcs: map[string][]string{"A": {"h", "h:1", "::1", "[::1]:2"}},
		srv: func(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
			if service != "kerberos" || proto != "tcp" || name != "B" {
				return "", nil, errors.New("no such name")
			}
			return "", []*net.SRV{{Target: "k.b.", Port: 88}}, nil
		},
	}
	for realm, want := range map[string][]string{"A": {"h:88", "h:1", "[::1]:88", "[::1]:2"}, "B": {"k.b:88"}, "C": nil} {
		got, err := n.find(t.Context(), realm)
		if diff := cmp.Diff(want, got); diff != "" || (want == nil) != errors.Is(err, ErrNoKDC) {
			t.Errorf("%s: %v (-want +got):\n%s", realm, err, diff)
		}
	}
}

func FuzzCCache(f *testing.F) {
	tgt := &ticket{service: tgtName(realm), start: time.Unix(1e9, 0), end: time.Unix(2e9, 0), renewable: time.Unix(0, 0)}
	tgt.Client, tgt.Realm, tgt.Key = types.NewPrincipalName(1, "admin"), realm, types.EncryptionKey{KeyType: 18, KeyValue: make([]byte, 32)}
	tgt.Ticket = messages.Ticket{TktVNO: 5, Realm: realm, SName: tgtName(realm), EncPart: types.EncryptedData{EType: 18, KVNO: 1, Cipher: []byte("x")}}
	whole := cacheOf(f, tgt, tgt)
	if c, err := parseCCache(whole); err != nil || len(c.tickets) != 2 {
		f.Fatalf("the seed: %v, %v", c, err)
	}
	f.Add(whole)
	f.Add(whole[:60])
	f.Add([]byte("\x05\x03\x00\x00\x00\x01\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseCCache(b)
		if err == nil && len(c.tickets)*20 > len(b) {
			t.Errorf("%d tickets out of %d bytes", len(c.tickets), len(b))
		}
	})
}

func FuzzKeytab(f *testing.F) {
	b, err := os.ReadFile(keys(f, "admin", "x"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		kt := keytab.New()
		if err := parseKeytab(kt, b); err == nil && len(kt.Entries) > len(b) {
			t.Errorf("%d keys out of %d bytes", len(kt.Entries), len(b))
		}
	})
}

func FuzzConf(f *testing.F) {
	f.Add([]byte("[libdefaults]\n default_realm = A.EXAMPLE\n dns_lookup_kdc = no\n[realms]\n A.EXAMPLE = {\n  kdc = k.a.example:88\n }\n[domain_realm]\n .a.example = A.EXAMPLE\n"))
	f.Add([]byte("[realms]\nA = {\nkdc = [::1]:88\nB = {\nkdc = x\n}*\n}\n}"))
	f.Add([]byte("# a comment\n; another\n[capaths]\nmodule x.so\n= {"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if strings.Contains(string(b), "include") {
			return // of other files, which are not the fuzzer's
		}
		c := &krb5conf{kdcs: map[string][]string{}, domains: map[string]string{}}
		err := c.parse("krb5.conf", b)
		if err != nil && !strings.HasPrefix(err.Error(), "krb5.conf:") {
			t.Errorf("%v does not say where", err)
		}
		n := len(c.domains)
		for _, all := range c.kdcs {
			n += len(all)
		}
		if n > strings.Count(string(b), "=") {
			t.Errorf("%d settings out of %q", n, b)
		}
	})
}
