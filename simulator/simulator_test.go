package simulator_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"gopkg.in/yaml.v3"

	"dpremote/simulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// model is a small hierarchy.
func model() simulator.Model {
	return simulator.Model{Seed: 3, Sites: []simulator.Site{
		{Code: "CAS", Packages: 4},
		{Code: "PS1", Parent: "CAS", DPs: 3, Packages: 4, Failed: map[simulator.Cause]int{simulator.Transient: 2, simulator.DiskFull: 1}},
		{Code: "PS2", Parent: "CAS", DPs: 1, Packages: 1, Secondaries: []simulator.Secondary{{Code: "S21", DPs: 1}}},
	}}
}

// start starts a hierarchy and ends it with the test.
func start(t *testing.T, m simulator.Model, o simulator.Options) *simulator.Hierarchy {
	t.Helper()
	if o.Strict == nil {
		o.Strict = func(s simulator.Sin) { t.Error(s) }
	}
	h, err := simulator.Start(t.Context(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return h
}

// request is a WS-Management request.
type request struct {
	action, resource string
	selectors        map[string]string
	body             string
}

const (
	actionEnumerate = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate"
	actionPut       = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Put"
	wmi             = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
)

// envelope is the request as SOAP.
func (r request) envelope() string {
	var selectors strings.Builder
	for name, text := range r.selectors {
		selectors.WriteString(`<w:Selector Name="` + name + `">` + escape(text) + `</w:Selector>`)
	}
	return `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"` +
		` xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>` +
		`<a:To>http://localhost/wsman</a:To>` +
		`<w:ResourceURI s:mustUnderstand="true">` + r.resource + `</w:ResourceURI>` +
		`<a:ReplyTo><a:Address>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>` +
		`<a:Action s:mustUnderstand="true">` + r.action + `</a:Action>` +
		`<a:MessageID>uuid:` + rand.Text() + `</a:MessageID>` +
		`<w:MaxEnvelopeSize s:mustUnderstand="true">512000</w:MaxEnvelopeSize><w:OperationTimeout>PT60S</w:OperationTimeout>` +
		`<w:SelectorSet>` + selectors.String() + `</w:SelectorSet>` +
		`</s:Header><s:Body>` + r.body + `</s:Body></s:Envelope>`
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}

// query is a request for the first page of a query.
func query(site, text string) request {
	return request{
		action: actionEnumerate, resource: wmi + "root/sms/site_" + site + "/*",
		body: `<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>100</w:MaxElements>` +
			`<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">` + escape(text) + `</w:Filter></n:Enumerate>`,
	}
}

// refresh is a Put of RefreshNow.
func refresh(site, packageID, nal, dpSite string) request {
	const class = "SMS_DistributionPoint"
	resource := wmi + "root/sms/site_" + site + "/" + class
	return request{
		action: actionPut, resource: resource,
		selectors: map[string]string{"PackageID": packageID, "ServerNALPath": nal, "SiteCode": dpSite},
		body:      `<p:` + class + ` xmlns:p="` + resource + `"><p:RefreshNow>true</p:RefreshNow></p:` + class + `>`,
	}
}

// httpRequest is a request over HTTP, signed in.
func (r request) httpRequest(ctx context.Context, url, user, password string) *http.Request {
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(r.envelope()))
	req.Header.Set("Content-Type", "application/soap+xml;charset=UTF-8")
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	return req
}

// send sends a request and answers its status and body.
func send(t *testing.T, client *http.Client, req *http.Request) (int, string) {
	t.Helper()
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// clientFor trusts the hierarchy's authority. Its connections end with the test.
func clientFor(t *testing.T, h *simulator.Hierarchy) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	if ca := h.CA(); ca != nil {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(ca) {
			t.Fatal("the authority is not PEM")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// texts are the texts of all elements of a name in an answer.
func texts(t *testing.T, answer, name string) []string {
	t.Helper()
	var all []string
	d := xml.NewDecoder(strings.NewReader(answer))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, answer)
		}
		if begin, ok := token.(xml.StartElement); ok && begin.Name.Local == name {
			var text string
			if err := d.DecodeElement(&text, &begin); err != nil {
				t.Fatal(err)
			}
			all = append(all, text)
		}
	}
}

func TestSitesAnswerOverHTTP(t *testing.T) {
	for _, test := range []struct {
		name    string
		options simulator.Options
		scheme  string
	}{
		{"http", simulator.Options{AllowUnencrypted: true}, "http://127.0.0.1:"},
		{"https", simulator.Options{TLS: true}, "https://127.0.0.1:"},
		{"a chosen user", simulator.Options{AllowUnencrypted: true, User: `SIM\ann`, Password: "päss:word"}, "http://127.0.0.1:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := start(t, model(), test.options)
			client := clientFor(t, h)
			var codes []string
			for _, e := range h.Sites() {
				codes = append(codes, e.Code)
				if !strings.HasPrefix(e.URL, test.scheme) || !strings.HasSuffix(e.URL, "/wsman") {
					t.Errorf("URL %s", e.URL)
				}
				if (e.CA != nil) != test.options.TLS {
					t.Errorf("site %s: authority %q", e.Code, e.CA)
				}
				status, answer := send(t, client, query(e.Code, "SELECT ThisSiteCode FROM SMS_Identification").httpRequest(t.Context(), e.URL, e.User, e.Password()))
				if got := texts(t, answer, "ThisSiteCode"); status != http.StatusOK || !cmp.Equal([]string{e.Code}, got) {
					t.Errorf("site %s: HTTP %d, ThisSiteCode %v", e.Code, status, got)
				}
			}
			if diff := cmp.Diff([]string{"CAS", "PS1", "PS2"}, codes); diff != "" {
				t.Errorf("sites (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSignInIsDemanded(t *testing.T) {
	h := start(t, model(), simulator.Options{AllowUnencrypted: true})
	other := start(t, model(), simulator.Options{AllowUnencrypted: true})
	if h.Password() == other.Password() || len(h.Password()) < 20 {
		t.Errorf("passwords %q and %q", h.Password(), other.Password())
	}
	e := h.Sites()[1]
	for _, test := range []struct {
		name, user, password string
		want                 int
	}{
		{"nobody", "", "", http.StatusUnauthorized},
		{"a wrong password", e.User, "sim", http.StatusUnauthorized},
		{"no password", e.User, "", http.StatusUnauthorized},
		{"a wrong user", "admin", e.Password(), http.StatusUnauthorized},
		{"the user in capitals", strings.ToUpper(e.User), e.Password(), http.StatusOK},
	} {
		t.Run(test.name, func(t *testing.T) {
			req := query("PS1", "SELECT * FROM SMS_Site").httpRequest(t.Context(), e.URL, test.user, test.password)
			if got, _ := send(t, clientFor(t, h), req); got != test.want {
				t.Errorf("HTTP %d, want %d", got, test.want)
			}
		})
	}
}

func TestClearTextIsRefusedByDefault(t *testing.T) {
	var sins []simulator.Sin
	h := start(t, model(), simulator.Options{Strict: func(s simulator.Sin) { sins = append(sins, s) }})
	e := h.Sites()[1]
	status, answer := send(t, clientFor(t, h), query("PS1", "SELECT * FROM SMS_Site").httpRequest(t.Context(), e.URL, e.User, e.Password()))
	if status != http.StatusInternalServerError || answer != "" {
		t.Errorf("HTTP %d, %q", status, answer)
	}
	if len(sins) != 1 || sins[0].Kind != simulator.SinClear || sins[0].Site != "PS1" || sins[0].Request.Status != status {
		t.Errorf("the client's sins are %v", sins)
	}
}

func TestPasswordDoesNotShow(t *testing.T) {
	h, err := simulator.New(model(), simulator.Options{Password: "hunter2hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		if text := fmt.Sprintf(verb, h) + fmt.Sprintf(verb, h.Sites()[0]); strings.Contains(text, "hunter2") {
			t.Errorf("%s shows the password", verb)
		}
	}
	if h.Sites()[0].Password() != "hunter2hunter2" {
		t.Error("the endpoint does not know the password")
	}
}

func TestInventory(t *testing.T) {
	type site struct {
		Host     string `yaml:"host"`
		SiteCode string `yaml:"site_code"`
	}
	type document struct {
		All   map[string]any  `yaml:"all"`
		Sites map[string]site `yaml:"sites"`
	}
	for _, test := range []struct {
		name    string
		options simulator.Options
		where   simulator.InventoryOptions
		want    map[string]any
	}{
		{"http", simulator.Options{AllowUnencrypted: true}, simulator.InventoryOptions{},
			map[string]any{"auth": "basic", "user": "sim", "password_env": "DPREMOTE_SIM_PASSWORD", "allow_unencrypted": true}},
		{"https", simulator.Options{TLS: true, User: "ann"}, simulator.InventoryOptions{PasswordFile: "password", CAFile: "ca.pem"},
			map[string]any{"auth": "basic", "user": "ann", "password_file": "password", "ca_file": "ca.pem"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := model()
			m.Sites = append(m.Sites, simulator.Site{Code: "1E5"}) // reads as a number
			h := start(t, m, test.options)
			var text bytes.Buffer
			if err := h.WriteInventory(&text, test.where); err != nil {
				t.Fatal(err)
			}
			var got document
			if err := yaml.Unmarshal(text.Bytes(), &got); err != nil {
				t.Fatalf("%v in\n%s", err, &text)
			}
			if diff := cmp.Diff(test.want, got.All); diff != "" {
				t.Errorf("all (-want +got):\n%s", diff)
			}
			want := map[string]site{}
			for _, e := range h.Sites() {
				want[strings.ToLower(e.Code)] = site{strings.TrimSuffix(e.URL, "/wsman"), e.Code}
			}
			if diff := cmp.Diff(want, got.Sites); diff != "" {
				t.Errorf("sites (-want +got):\n%s", diff)
			}
			if strings.Contains(text.String(), h.Password()) {
				t.Error("the inventory holds the password")
			}
		})
	}
}

func TestInventoryNeedsListeners(t *testing.T) {
	h, err := simulator.New(model(), simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.WriteInventory(io.Discard, simulator.InventoryOptions{}); err == nil || !strings.Contains(err.Error(), "site CAS does not listen") {
		t.Errorf("without listeners: %v", err)
	}
	h = start(t, model(), simulator.Options{TLS: true})
	if err := h.WriteInventory(io.Discard, simulator.InventoryOptions{}); err == nil || !strings.Contains(err.Error(), "certificate authority") {
		t.Errorf("without a CA file: %v", err)
	}
}

func TestStartErrors(t *testing.T) {
	busy := start(t, simulator.Model{Sites: []simulator.Site{{Code: "PS1"}}}, simulator.Options{})
	taken := strings.TrimSuffix(strings.TrimPrefix(busy.Sites()[0].URL, "http://"), "/wsman")
	for _, test := range []struct {
		name   string
		model  simulator.Model
		listen string
		want   string
	}{
		{"model", simulator.Model{}, "", "start simulator: build world: no sites"},
		{"address of the world", model(), "0.0.0.0:0", `listen address "0.0.0.0:0": want a loopback address`},
		{"no port", model(), "127.0.0.1", `listen address "127.0.0.1": want HOST:PORT`},
		{"port that is none", model(), "127.0.0.1:http", "the port is not a number"},
		{"port taken", model(), taken, "listen for site CAS"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, err := simulator.Start(t.Context(), test.model, simulator.Options{Listen: test.listen})
			if err == nil {
				h.Close()
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q, want %q in it", err, test.want)
			}
		})
	}
}

func TestContextEndsTheServers(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	h, err := simulator.Start(ctx, model(), simulator.Options{AllowUnencrypted: true})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := h.Close(); err != nil { // waits, whoever closes
		t.Error(err)
	}
	if err := h.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
	if _, err := clientFor(t, h).Get(h.Sites()[0].URL); err == nil {
		t.Error("a site still listens")
	}
}

func TestHandlerRefusesAfterClose(t *testing.T) {
	h, err := simulator.New(model(), simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	handler, _ := h.Handler("PS1")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/wsman", nil))
	if answer.Code != http.StatusServiceUnavailable {
		t.Errorf("HTTP %d", answer.Code)
	}
}

// TestCloseWaitsForExchanges closes while an exchange is under way.
func TestCloseWaitsForExchanges(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	var finished atomic.Bool
	h, err := simulator.Start(t.Context(), model(), simulator.Options{Around: func(_ string, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(entered)
			<-leave
			next.ServeHTTP(w, r)
			finished.Store(true)
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	client := clientFor(t, h)
	var all sync.WaitGroup
	all.Go(func() {
		if resp, err := client.Get(h.Sites()[0].URL); err == nil {
			resp.Body.Close()
		}
	})
	<-entered
	all.Go(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if !finished.Load() {
			t.Error("Close did not wait")
		}
	})
	close(leave)
	all.Wait()
}

// TestRefreshUnderAnInventedClock drives a site without listening, by a bubble's
// clock.
func TestRefreshUnderAnInventedClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []simulator.Exchange
		h, err := simulator.New(model(), simulator.Options{
			AllowUnencrypted: true,
			Observe:          func(x simulator.Exchange) { seen = append(seen, x) },
		})
		if err != nil {
			t.Fatal(err)
		}
		handler, ok := h.Handler("ps1")
		if !ok {
			t.Fatal("PS1 has no handler")
		}
		if _, ok := h.Handler("S21"); ok {
			t.Error("a secondary site has a handler")
		}
		var row simulator.Row
		for _, r := range h.Rows(simulator.Target{}) {
			if r.Cause == simulator.Transient {
				row = r
			}
		}
		target := simulator.Target{Package: row.Package, DP: row.DP}
		ask := func(r request) string {
			t.Helper()
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, r.httpRequest(t.Context(), "http://cm01.ps1.sim.example:5985/wsman", h.User(), h.Password()))
			if answer.Code != http.StatusOK {
				t.Fatalf("HTTP %d: %s", answer.Code, answer.Body)
			}
			return answer.Body.String()
		}
		state := func() []string {
			t.Helper()
			text := "SELECT State FROM SMS_PackageStatusDistPointsSummarizer WHERE PackageID='" + row.Package + "' AND ServerNALPath LIKE '%" + row.DP + "%'"
			return texts(t, ask(query("PS1", text)), "State")
		}
		nal := `["Display=\\` + row.DP + `\"]MSWNET:["SMS_SITE=PS1"]\\` + row.DP + `\`
		answer := ask(refresh("PS1", row.Package, nal, row.Site))
		if diff := cmp.Diff([]string{"false"}, texts(t, answer, "RefreshNow")); diff != "" {
			t.Errorf("RefreshNow in the answer (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"1"}, state()); diff != "" {
			t.Errorf("state at once (-want +got):\n%s", diff)
		}
		time.Sleep(6 * time.Second)
		if diff := cmp.Diff([]string{"0"}, state()); diff != "" {
			t.Errorf("state after the delay (-want +got):\n%s", diff)
		}
		if got := h.Refreshes(target); got != 1 {
			t.Errorf("%d refreshes", got)
		}
		if len(seen) != 3 || seen[0].Site != "PS1" || seen[0].Action != actionPut || seen[0].Status != http.StatusOK || seen[1].Query == "" {
			t.Errorf("exchanges %+v", seen)
		}
	})
}

func TestControl(t *testing.T) {
	h, err := simulator.New(model(), simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	target := simulator.Target{Package: "CAS00001", DP: "DP02.ps1.sim.example"}
	if n := h.Fail(target, simulator.DPOffline); n != 1 {
		t.Errorf("Fail: %d rows", n)
	}
	want := []simulator.Row{{Package: "CAS00001", DP: "dp02.ps1.sim.example", Site: "PS1", State: 3, Cause: simulator.DPOffline}}
	if diff := cmp.Diff(want, h.Rows(target)); diff != "" {
		t.Errorf("failed (-want +got):\n%s", diff)
	}
	if n := h.Fix(target, simulator.DiskFull); n != 0 {
		t.Errorf("Fix of another cause: %d rows", n)
	}
	if n := h.Fix(target, simulator.DPOffline); n != 1 {
		t.Errorf("Fix: %d rows", n)
	}
	if n := h.Break(simulator.Target{DP: "dp01.s21.sim.example"}, simulator.AccessDenied); n != 5 {
		t.Errorf("Break: %d rows", n)
	}
	if n, ok := h.Updates("CAS00001"); n != 0 || !ok {
		t.Errorf("Updates: %d, %v", n, ok)
	}
	if _, ok := h.Updates("XXX00001"); ok {
		t.Error("Updates of a package that does not exist")
	}
}

// TestControlOfWhatIsNoCause turns the other controls and looks at what the
// provider shows.
func TestControlOfWhatIsNoCause(t *testing.T) {
	m := model()
	m.Sites[1].Hidden, m.Sites[2].Maintenance = true, 1
	synctest.Test(t, func(t *testing.T) {
		h, err := simulator.New(m, simulator.Options{AllowUnencrypted: true, FirstPageItems: 100})
		if err != nil {
			t.Fatal(err)
		}
		ask := func(site string, r request) (int, string) {
			t.Helper()
			handler, _ := h.Handler(site)
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, r.httpRequest(t.Context(), "http://"+site+"/wsman", h.User(), h.Password()))
			return answer.Code, answer.Body.String()
		}
		count := func(site, what, property string) int {
			t.Helper()
			status, answer := ask(site, query(site, "SELECT "+property+" FROM "+what))
			if status != http.StatusOK {
				t.Fatalf("%s at %s: HTTP %d", what, site, status)
			}
			return len(texts(t, answer, property))
		}
		const rows, jobs = "SMS_PackageStatusDistPointsSummarizer", "SMS_DistributionJob"
		if n, sites := count("PS1", rows, "PackageID"), count("PS1", "SMS_Site", "SiteCode"); n != 0 || sites != 1 {
			t.Errorf("the hidden site shows %d rows and %d sites", n, sites)
		}
		if !h.Hide("PS1", false) || h.Hide("S21", false) {
			t.Error("Hide: a site with a provider is one, a secondary site is none")
		}
		row := simulator.Target{Package: "CAS00001", DP: "dp01.ps1.sim.example"}
		if n := h.Storm(row); n != 1 || h.Rows(row)[0].State != 2 || count("PS1", jobs, "JobID") != 1 {
			t.Errorf("%d storms, %+v", n, h.Rows(row))
		}
		drives := "SMS_DistributionPointDriveInfo WHERE BytesFree=1000"
		if n := h.Fill(row, 1000); n != 1 || count("PS1", drives, "Drive") != 1 {
			t.Errorf("%d drives were filled, %d are shown", n, count("PS1", drives, "Drive"))
		}
		maintained := "SMS_DistributionPointInfo WHERE MaintenanceMode=1"
		if n := count("PS2", maintained, "NALPath"); n != 1 {
			t.Errorf("%d distribution points are in maintenance mode, want the model's", n)
		}
		if n := h.Maintain(row, true); n != 1 || count("PS1", maintained, "NALPath") != 1 {
			t.Errorf("maintenance mode: %d", n)
		}
		before := count("PS1", rows, "PackageID")
		if n := h.Remove(row); n != 1 || h.Rows(row)[0].State != 4 {
			t.Errorf("%d rows are removed, %+v", n, h.Rows(row))
		}
		time.Sleep(6 * time.Second)
		if n := count("PS1", rows, "PackageID"); n != before-1 || len(h.Rows(row)) != 0 {
			t.Errorf("%d rows after the removal, were %d", n, before)
		}
		const notFound = ">2147749890<" // WBEM_E_NOT_FOUND
		nal := `["Display=\\` + row.DP + `\"]MSWNET:["SMS_SITE=PS1"]\\` + row.DP + `\`
		if status, answer := ask("PS1", refresh("PS1", row.Package, nal, "PS1")); status != http.StatusInternalServerError || !strings.Contains(answer, notFound) {
			t.Errorf("refresh of what is gone: HTTP %d: %s", status, answer)
		}
	})
}

func TestCausesAreThoseOfTheModel(t *testing.T) {
	m := simulator.Model{Sites: []simulator.Site{{Code: "PS1", DPs: 4, Packages: 4,
		Failed: map[simulator.Cause]int{}, Waiting: map[simulator.Cause]int{}}}}
	want := map[simulator.Cause]int{}
	for _, c := range simulator.Causes() {
		m.Sites[0].Failed[c], want[c] = 1, 1
	}
	for _, c := range simulator.WaitingCauses() {
		m.Sites[0].Waiting[c], want[c] = 1, 1
	}
	h, err := simulator.New(m, simulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[simulator.Cause]int{}
	for _, r := range h.Rows(simulator.Target{}) {
		if r.Cause != "" {
			got[r.Cause]++
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
