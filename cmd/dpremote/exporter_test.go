package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"golang.org/x/crypto/bcrypt"

	"dpremote/cim"
	"dpremote/distribution"
	"dpremote/internal/inventory"
	"dpremote/internal/metrics"
	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

// exporterAt is an exporter that runs.
type exporterAt struct {
	url  string // without a path
	told *bytes.Buffer
	stop func() int // ends it as systemd does; then told may be read
}

// startExporter starts an exporter and waits until it has looked a number of
// times.
func startExporter(t *testing.T, times int, args ...string) exporterAt {
	t.Helper()
	var x exporterAt
	var mu sync.Mutex
	var told bytes.Buffer
	serving, ended := make(chan string, 1), make(chan int, 1)
	a := testApp(strings.NewReader(""), io.Discard, writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		if _, url, ok := strings.Cut(string(p), " at "); ok && bytes.HasPrefix(p, []byte("Serving metrics of ")) {
			serving <- strings.TrimSuffix(strings.TrimSpace(url), "/metrics")
		}
		return told.Write(p)
	}))
	looks := make(chan struct{}, 100)
	a.looked = func(string, error) { looks <- struct{}{} }
	ctx, interrupt := newStop(t)
	go func() {
		ended <- a.execute(ctx, append([]string{"exporter", "--listen", "127.0.0.1:0", "--interval", "1h"}, args...))
	}()
	select {
	case x.url = <-serving:
	case code := <-ended:
		t.Fatalf("ended with %d: %s", code, told.String())
	}
	for range times {
		<-looks
	}
	x.told = &told
	x.stop = sync.OnceValue(func() int {
		interrupt()
		return <-ended
	})
	t.Cleanup(func() { x.stop() })
	return x
}

// get is the answer to a request, and its status.
func get(t *testing.T, client *http.Client, url string, auth ...string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(auth) > 0 {
		req.SetBasicAuth(auth[0], auth[1])
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// series are the lines of metrics by what stands before the value, without the
// prefix of all names.
func series(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if at := strings.LastIndexByte(line, ' '); at > 0 && !strings.HasPrefix(line, "#") {
			out[strings.TrimPrefix(line[:at], "dpremote_")] = strings.TrimSpace(line[at:])
		}
	}
	return out
}

// exported starts site servers for an exporter, and gives the inventory.
func exported(t *testing.T, o simulator.Options, more string) (h *simulator.Hierarchy, inventory string) {
	t.Helper()
	o.User, o.Password, o.Strict = "sim", cmp.Or(o.Password, "p"), noSin(t)
	h, err := simulator.Start(t.Context(), model, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	dir := t.TempDir()
	password := filepath.Join(dir, "password")
	var inv strings.Builder
	if err := h.WriteInventory(&inv, simulator.InventoryOptions{PasswordFile: password}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "inventory.yaml")
	for name, text := range map[string]string{path: inv.String() + more, password: "p\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return h, path
}

// TestExporter scrapes an exporter of a hierarchy with a site that is down. It
// counts as status does, and a scrape asks no site.
func TestExporter(t *testing.T) {
	var asked atomic.Int64
	_, inv := exported(t, simulator.Options{Observe: func(simulator.Exchange) { asked.Add(1) }}, "  down:\n    host: http://127.0.0.1:1\n    site_code: PS9\n")
	x := startExporter(t, 4, "-i", inv)
	before := asked.Load()
	status, text := get(t, http.DefaultClient, x.url+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("status %d: %s", status, text)
	}
	if n := asked.Load() - before; n != 0 || before == 0 {
		t.Errorf("a scrape made %d requests; %d before", n, before)
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	all := series(text)
	for name, want := range map[string]string{
		`site_up{site="down",site_code="PS9"}`:                                "0",
		`site_error{kind="unreachable",site="down",site_code="PS9"}`:          "1",
		`site_look_failures_total{site="down",site_code="PS9"}`:               "1",
		`site_up{site="cas",site_code="CAS"}`:                                 "1",
		`site_looks_total{site="cas",site_code="CAS"}`:                        "1",
		`content_rows{site="ps1",site_code="PS1",state="failed"}`:             "4",
		`content_rows_by_cause{cause="disk-full",site="ps1",site_code="PS1"}`: "1",
		`content_rows{site="cas",site_code="PS1",state="failed"}`:             "",
		`content_rows{site="down",site_code="PS9",state="failed"}`:            "",
		`packages{site="down",site_code="PS9"}`:                               "",
	} {
		if got := all[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	causes := 0
	for name, n := range all {
		if strings.HasPrefix(name, "content_rows_by_cause") {
			var count int
			_, _ = fmt.Sscan(n, &count)
			causes += count
		}
	}
	if causes != 6 {
		t.Errorf("%d rows have a cause, want the 6 that failed", causes)
	}

	// What status counts, the exporter counts.
	for _, args := range [][]string{{"status", "--level", "dp"}, {"dps"}} {
		var out, errs strings.Builder
		code := testApp(strings.NewReader(""), &out, &errs).execute(t.Context(), append(args, "-i", inv, "--prom", "-"))
		if code != exitIncomplete {
			t.Fatalf("%v ended with %d: %s", args, code, errs.String())
		}
		compared := 0
		for name, want := range series(out.String()) {
			same := strings.HasPrefix(name, "content_rows") || strings.HasPrefix(name, "packages") || strings.HasPrefix(name, "distribution_points")
			if same && all[name] != want {
				t.Errorf("%v: %s is %s, and the exporter has %q", args, name, want, all[name])
			}
			if same {
				compared++
			}
		}
		if compared < 80 {
			t.Errorf("%v: %d series compared", args, compared)
		}
	}

	status, text = get(t, http.DefaultClient, x.url+"/healthz")
	if status != http.StatusOK || !strings.HasPrefix(text, "3 of 4 sites answered; the last look ended ") {
		t.Errorf("health %d: %s", status, text)
	}
	if status, text = get(t, http.DefaultClient, x.url+"/"); status != http.StatusOK || !strings.Contains(text, `href="/metrics"`) {
		t.Errorf("page %d: %s", status, text)
	}
	if status, _ = get(t, http.DefaultClient, x.url+"/etc/passwd"); status != http.StatusNotFound {
		t.Errorf("another page: %d", status)
	}
	if code := x.stop(); code != exitOK || strings.Count(x.told.String(), "down: ") != 1 {
		t.Errorf("ended with %d: %s", code, x.told.String())
	}
}

// webConfig writes a certificate and a web config.
func webConfig(t *testing.T, withTLS bool) (path string, client *http.Client) {
	t.Helper()
	dir := t.TempDir()
	hash, err := bcrypt.GenerateFromPassword([]byte("scrape-me"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("basic_auth_users:\n  prometheus: %s\n", hash)
	files := map[string][]byte{}
	client = &http.Client{}
	if withTLS {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		files["tls.crt"] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		files["tls.key"] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
		text += "tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n"
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(files["tls.crt"])
		client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	}
	files["web.yml"] = []byte(text)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(client.CloseIdleConnections)
	return filepath.Join(dir, "web.yml"), client
}

// TestExporterGuarded serves with users, and with TLS, too.
func TestExporterGuarded(t *testing.T) {
	_, inv := exported(t, simulator.Options{}, "")
	for _, withTLS := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls %v", withTLS), func(t *testing.T) {
			config, client := webConfig(t, withTLS)
			x := startExporter(t, 1, "-i", inv, "--site", "ps1", "--web-config", config)
			if strings.HasPrefix(x.url, "https://") != withTLS {
				t.Errorf("it says that it is at %s", x.url)
			}
			for _, page := range []string{"/metrics", "/healthz", "/"} {
				if status, text := get(t, client, x.url+page); status != http.StatusUnauthorized || strings.Contains(text, "ps1") {
					t.Errorf("%s without a password: %d: %s", page, status, text)
				}
				if status, _ := get(t, client, x.url+page, "prometheus", "guess"); status != http.StatusUnauthorized {
					t.Errorf("%s with a wrong password: %d", page, status)
				}
				if status, _ := get(t, client, x.url+page, "prometheus", "scrape-me"); status != http.StatusOK {
					t.Errorf("%s: %d", page, status)
				}
			}
			if withTLS {
				if status, text := get(t, http.DefaultClient, strings.Replace(x.url, "https", "http", 1)+"/metrics"); status != http.StatusBadRequest {
					t.Errorf("without TLS: %d: %s", status, text)
				}
			}
			if code := x.stop(); code != exitOK || strings.Contains(x.told.String(), "scrape-me") {
				t.Errorf("ended with %d: %s", code, x.told.String())
			}
		})
	}
}

// TestExporterUsage refuses what would serve nothing, or everybody.
func TestExporterUsage(t *testing.T) {
	_, inv := exported(t, simulator.Options{}, "")
	dir := t.TempDir()
	for name, text := range map[string]string{"empty.yml": "", "http.yml": "http_server_config:\n  http2: false\n", "wrong.yml": "tls_server_config:\n  cert_file: nowhere.crt\n  key_file: nowhere.key\n", "key.yml": "nonsense: 1\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ args, want string }{
		{"--listen 0.0.0.0:0", "give a --web-config with TLS or users, or say --allow-open"},
		{"--listen :0", "--allow-open"},
		{"--listen [::]:0", "--allow-open"},
		{"--listen 192.0.2.1:0 --web-config " + dir + "/http.yml", "--allow-open"},
		{"--listen :0 --web-config " + dir + "/empty.yml", "--"},
		{"--listen 192.0.2.1:0 --allow-open", "--listen: listen tcp 192.0.2.1:0: bind"},
		{"--listen 127.0.0.1", "--listen: "},
		{"--web-config " + dir + "/nowhere.yml", "nowhere.yml"},
		{"--web-config " + dir + "/wrong.yml", "nowhere.crt"},
		{"--web-config " + dir + "/key.yml", "nonsense"},
		{"--interval 5ms", "--interval: 5ms is less than a second"},
		{"--per-dp-series 0", "--per-dp-series"},
		{"--since yesterday", "--since"},
		{"--state broken", "--state"},
	} {
		var out, errs strings.Builder
		code := testApp(strings.NewReader(""), &out, &errs).execute(t.Context(), append([]string{"exporter", "-i", inv}, strings.Fields(tt.args)...))
		if code != exitUsage || !strings.Contains(errs.String(), tt.want) {
			t.Errorf("%s: ended with %d: %s", tt.args, code, errs.String())
		}
	}
}

// TestExporterRefused tries a wrong password once, at one of three sites.
func TestExporterRefused(t *testing.T) {
	var refused atomic.Int32
	_, inv := exported(t, simulator.Options{Password: "another", Schemes: []simulator.Scheme{simulator.NTLM}, Observe: func(x simulator.Exchange) {
		if x.Status == http.StatusUnauthorized {
			refused.Add(1)
		}
	}}, "")
	x := startExporter(t, 3, "-i", inv)
	_, text := get(t, http.DefaultClient, x.url+"/metrics")
	if n := strings.Count(text, `dpremote_site_error{kind="credentials"`); n != 3 {
		t.Errorf("%d sites refuse:\n%s", n, text)
	}
	// Each site challenges, and one is shown the password.
	if n := refused.Load(); n != 4 {
		t.Errorf("%d answers of 401", n)
	}
	if code := x.stop(); code != exitOK || strings.Count(x.told.String(), "the site is not asked again until dpremote is started anew") != 3 {
		t.Errorf("ended with %d: %s", code, x.told.String())
	}
}

// watchers are looks at sites that are made up, by their codes.
func watchers(t *testing.T, errs io.Writer, parallel int, codes ...string) *looks {
	t.Helper()
	f := &fleet{g: &globals{app: testApp(strings.NewReader(""), io.Discard, errs), parallel: parallel}}
	for i, code := range codes {
		f.members = append(f.members, &member{place: i, Site: inventory.Site{Name: strings.ToLower(code), Code: code}})
	}
	return newLooks(f, 5*time.Minute)
}

// shows is a site that shows rows of some sites, and all of those below it.
func shows(code string, top string, codes ...string) *seen {
	s := &seen{view: &distribution.View{
		Site:  &distribution.Site{Session: &cim.Session{Namespace: "root/sms/site_" + code}},
		Sites: []queries.Site{{SiteCode: queries.SiteCode(code), ReportingSiteCode: queries.SiteCode(top)}},
	}}
	for _, c := range codes {
		counts := metrics.NewContent(c, 0, []string{metrics.Failed})
		counts.Add(metrics.Row{State: metrics.Failed, N: 1})
		s.content = append(s.content, counts)
	}
	return s
}

func scraped(t *testing.T, l *looks) map[string]string {
	t.Helper()
	var out strings.Builder
	if err := metrics.Write(&out, l.snapshot(&perDPFlags{})); err != nil {
		t.Fatal(err)
	}
	return series(out.String())
}

// TestLooksGoOn has one site that hangs, one that refuses, one that is down for a
// while and one that is well, under an invented clock.
func TestLooksGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs strings.Builder
		l := watchers(t, &errs, 2, "BAD", "LAZ", "OFF", "PS1")
		looks := map[string]int{}
		var mu sync.Mutex
		l.look = func(ctx context.Context, m *member) (*seen, error) {
			mu.Lock()
			looks[m.Code]++
			n := looks[m.Code]
			mu.Unlock()
			switch {
			case m.Code == "LAZ":
				<-ctx.Done()
				return nil, ctx.Err()
			case m.Code == "BAD":
				return nil, fmt.Errorf("enumerate: %w", wsman.ErrUnauthorized)
			case m.Code == "OFF" && n > 1 && n < 4:
				return nil, errors.New("nobody is there")
			}
			time.Sleep(time.Second)
			return shows(m.Code, "", m.Code), nil
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			l.run(ctx)
			close(ended)
		}()
		if _, err := l.health(); err == nil || !strings.Contains(err.Error(), "the first look at 4 sites is not done yet: bad, laz, off, ps1") {
			t.Errorf("before the first looks: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if _, err := l.health(); err == nil || !strings.Contains(err.Error(), "1 site is not done yet: laz") {
			t.Errorf("with a slow site: %v", err)
		}
		if got := scraped(t, l); got[`site_up{site="laz",site_code="LAZ"}`] != "" || got[`content_rows{site="off",site_code="OFF",state="failed"}`] != "1" {
			t.Errorf("at first: %v", got)
		}
		time.Sleep(6 * time.Minute) // the second round
		synctest.Wait()
		if words, err := l.health(); err != nil || !strings.HasPrefix(words, "1 of 4 sites answered") {
			t.Errorf("%s, %v", words, err)
		}
		got := scraped(t, l)
		for name, want := range map[string]string{
			`site_up{site="off",site_code="OFF"}`: "0", `content_rows{site="off",site_code="OFF",state="failed"}`: "",
			`site_look_failures_total{site="off",site_code="OFF"}`: "1", `site_up{site="ps1",site_code="PS1"}`: "1",
			`site_looks_total{site="ps1",site_code="PS1"}`: "2", `site_looks_total{site="bad",site_code="BAD"}`: "1",
		} {
			if got[name] != want {
				t.Errorf("%s is %q, want %q", name, got[name], want)
			}
		}
		if got[`site_last_success_timestamp_seconds{site="off",site_code="OFF"}`] == "" {
			t.Error("when it was last well is forgotten")
		}
		time.Sleep(52 * time.Minute) // an hour in all, but for a minute
		synctest.Wait()
		mu.Lock()
		// The slow one has a quarter of an hour, and then rests for half a minute.
		if want := map[string]int{"BAD": 1, "LAZ": 4, "OFF": 12, "PS1": 12}; !maps.Equal(looks, want) {
			t.Errorf("looked at %v, want %v", looks, want)
		}
		mu.Unlock()
		if got := scraped(t, l); got[`site_error{kind="timeout",site="laz",site_code="LAZ"}`] != "1" || got[`content_rows{site="off",site_code="OFF",state="failed"}`] != "1" {
			t.Errorf("after an hour: %v", got)
		}
		stop()
		<-ended
		for want, n := range map[string]int{"bad: ": 1, "off: nobody is there": 1, "off: answers again": 1, "laz: ": 1} {
			if strings.Count(errs.String(), want) != n {
				t.Errorf("%q is not there %d times:\n%s", want, n, errs.String())
			}
		}
		// It goes on being asked about when nobody looks any more.
		time.Sleep(20 * time.Minute)
		if _, err := l.health(); err == nil || !strings.Contains(err.Error(), "the last look ended 2") {
			t.Errorf("when nothing moves: %v", err)
		}
	})
}

// A site that two others show, and that is not asked itself, counts once: at the
// one that is better placed. One of the same code in another hierarchy is another.
func TestLooksCountOnce(t *testing.T) {
	l := watchers(t, io.Discard, 1, "CAS", "PS2", "LAB")
	for i, s := range []*seen{shows("CAS", "", "S21", "CAS"), shows("PS2", "CAS", "PS2", "S21"), shows("LAB", "", "LAB", "S21")} {
		if i == 1 { // S21 is below PS2
			s.view.Sites = append(s.view.Sites, queries.Site{SiteCode: "S21", ReportingSiteCode: "PS2", Type: queries.SiteSecondary})
		}
		l.sites[i] = lookedAt{seen: s, looks: 1}
	}
	var got []string
	for name := range scraped(t, l) {
		if strings.HasPrefix(name, "content_rows") {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	want := []string{
		`content_rows{site="cas",site_code="CAS",state="failed"}`,
		`content_rows{site="lab",site_code="LAB",state="failed"}`, `content_rows{site="lab",site_code="S21",state="failed"}`,
		`content_rows{site="ps2",site_code="PS2",state="failed"}`, `content_rows{site="ps2",site_code="S21",state="failed"}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}
