package wire

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	azure "github.com/Azure/go-ntlmssp"
	"github.com/bodgit/ntlmssp"
	bodgit "github.com/bodgit/ntlmssp/http"
	"github.com/google/go-cmp/cmp"
	"github.com/masterzen/winrm"
)

func TestNTLMSealed(t *testing.T) {
	for _, word := range []string{"Negotiate", "NTLM"} {
		t.Run(word, func(t *testing.T) {
			s := serveSigned(t, Config{NTLM: account}, false)
			client, by := s.one(t), newNTLM(t, "admin", "Secret-1")
			if got := signInNTLM(t, client, s.url, word, by); got.status != 200 || len(got.body) > 0 || got.header["Www-Authenticate"] != nil {
				t.Fatalf("signed in: status %d, %q, %q", got.status, got.header, got.body)
			}
			for range 3 {
				got := exchangeNTLM(t, client, s.url, by, getMessage.text())
				if got.status != 200 || readNode(t, got.body).at("Header", "RelatesTo").Text != testID {
					t.Errorf("status %d: %s", got.status, got.body)
				}
				if f := readFault(t, exchangeNTLM(t, client, s.url, by, "<a/>")); f.Value != "s:Sender" {
					t.Errorf("fault %+v", f)
				}
			}
			for len(s.seen) > 1 {
				<-s.seen
			}
			if x := <-s.seen; x.User != `LAB\admin` {
				t.Errorf("user %q", x.User)
			}
		})
	}
}

func TestNTLMRefused(t *testing.T) {
	s := serveSigned(t, Config{NTLM: account}, false)
	for _, c := range []struct{ name, user, password string }{
		{"wrong password", "admin", "secret-1"}, {"unknown user", "nobody", "Secret-1"}, {"anonymous", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := s.one(t)
			got := signInNTLM(t, client, s.url, "Negotiate", newNTLM(t, c.user, c.password))
			if d := cmp.Diff([]string{"Negotiate"}, got.header["Www-Authenticate"]); got.status != 401 || d != "" {
				t.Errorf("status %d: %s", got.status, d)
			}
			if got := signInNTLM(t, client, s.url, "Negotiate", newNTLM(t, "admin", "Secret-1")); got.status != 200 {
				t.Errorf("a second sign-in on the connection: status %d", got.status)
			}
		})
	}
}

// TestSignInIsOfConnection has two connections of which one is signed in.
func TestSignInIsOfConnection(t *testing.T) {
	s := serveSigned(t, Config{NTLM: account, AllowUnencrypted: true}, false)
	in, out := s.one(t), s.one(t)
	by := newNTLM(t, "admin", "Secret-1")
	signInNTLM(t, in, s.url, "Negotiate", by)
	text := []byte(getMessage.text())
	if got := send(t, in, s.url, "", "", text); got.status != 200 || got.header.Get("Content-Type") != "application/soap+xml;charset=UTF-8" {
		t.Errorf("in clear, which is allowed here: status %d, %q", got.status, got.header)
	}
	if got := send(t, out, s.url, "", "", text); got.status != 401 {
		t.Errorf("the other connection: status %d, want 401", got.status)
	}
	if got := exchangeNTLM(t, in, s.url, by, string(text)); got.status != 200 {
		t.Errorf("sealed after clear text: status %d", got.status)
	}
	if got := send(t, in, s.url, "Negotiate AAAA", "", text); got.status != 401 {
		t.Errorf("a bad token: status %d, want 401", got.status)
	}
	if got := send(t, in, s.url, "", "", text); got.status != 401 {
		t.Errorf("after the bad token: status %d, want 401", got.status)
	}
}

func TestUnsealedRefused(t *testing.T) {
	s := serveSigned(t, Config{NTLM: account}, false)
	client, by := s.one(t), newNTLM(t, "admin", "Secret-1")
	signInNTLM(t, client, s.url, "Negotiate", by)
	if got := send(t, client, s.url, "", "", []byte(getMessage.text())); got.status != 500 || len(got.body) > 0 {
		t.Errorf("status %d with %d bytes, want 500 and none", got.status, len(got.body))
	}
	if got := exchangeNTLM(t, client, s.url, by, getMessage.text()); got.status != 200 {
		t.Errorf("sealed after that: status %d", got.status)
	}
}

func TestSealedBodyRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		alter func(contentType string, body []byte) (string, []byte)
		want  int
	}{
		{"altered", func(ct string, b []byte) (string, []byte) { b[len(b)-40] ^= 1; return ct, b }, 400},
		{"cut", func(ct string, b []byte) (string, []byte) { return ct, b[:len(b)-30] }, 400},
		{"other label", func(ct string, b []byte) (string, []byte) {
			return strings.Replace(ct, "SPNEGO", "Kerberos", 1), bytes.Replace(b, []byte("SPNEGO"), []byte("Kerberos"), 1)
		}, 400},
		{"other length", func(ct string, b []byte) (string, []byte) {
			return ct, bytes.Replace(b, []byte("Length="), []byte("Length=1"), 1)
		}, 400},
		{"other form", func(ct string, b []byte) (string, []byte) { return "multipart/encrypted", b }, 400},
		{"larger than allowed", func(ct string, b []byte) (string, []byte) {
			return ct, append(make([]byte, 10*1024), b...)
		}, 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serveSigned(t, Config{NTLM: account, MaxEnvelopeSizeKB: 8}, false)
			client, by := s.one(t), newNTLM(t, "admin", "Secret-1")
			signInNTLM(t, client, s.url, "Negotiate", by)
			ciphertext, signature, err := by.SecuritySession().Wrap([]byte(getMessage.text()))
			if err != nil {
				t.Fatal(err)
			}
			contentType, body := c.alter(sealedBody(labelSPNEGO, len(ciphertext), signature, ciphertext))
			if got := send(t, client, s.url, "", contentType, body); got.status != c.want || len(got.body) > 0 {
				t.Errorf("status %d with %d bytes, want %d", got.status, len(got.body), c.want)
			}
			if got := send(t, client, s.url, "", "", nil); got.status != 401 {
				t.Errorf("afterwards: status %d, want 401", got.status)
			}
		})
	}
}

func TestSizeOfSealedRequest(t *testing.T) {
	s := serveSigned(t, Config{NTLM: account, MaxEnvelopeSizeKB: 8}, false)
	client, by := s.one(t), newNTLM(t, "admin", "Secret-1")
	signInNTLM(t, client, s.url, "Negotiate", by)
	text := getMessage.text()
	text += strings.Repeat("\n", 8*1024-len(text))
	if got := exchangeNTLM(t, client, s.url, by, text); got.status != 200 {
		t.Errorf("a message of the size allowed: status %d", got.status)
	}
	if got := exchangeNTLM(t, client, s.url, by, text+"\n"); got.status != 413 {
		t.Errorf("a message one byte too large: status %d, want 413", got.status)
	}
}

// TestServerNotConfigured has a server that cannot know a connection again.
func TestServerNotConfigured(t *testing.T) {
	h := New(Config{Provider: newFake(), NTLM: account})
	token, err := newNTLM(t, "admin", "Secret-1").Authenticate(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "http://server/wsman", nil)
	r.Header.Set("Authorization", authorization("Negotiate", token))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if d := cmp.Diff([]string{"Negotiate"}, w.Header()["Www-Authenticate"]); w.Code != 401 || d != "" {
		t.Errorf("status %d: %s", w.Code, d)
	}
}

func TestChallengesAndProfiles(t *testing.T) {
	basic := func(string, string) bool { return true }
	service := newKerberosService(t)
	const http, https = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/http/", "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/"
	for _, c := range []struct {
		name       string
		cfg        Config
		challenges []string
		profiles   []string // of https
	}{
		{"nothing", Config{}, []string{`Basic realm="WSMAN"`}, []string{https + "basic"}},
		{"NTLM", Config{NTLM: account}, []string{"Negotiate"}, []string{https + "spnego-kerberos"}},
		{"Kerberos", Config{Kerberos: service}, []string{"Negotiate", "Kerberos"}, []string{https + "spnego-kerberos"}},
		{"certificates and Basic", Config{Certificates: certificateUser, Authenticate: basic}, []string{`Basic realm="WSMAN"`},
			[]string{https + "mutual", https + "basic"}},
		{"all", Config{NTLM: account, Kerberos: service, Certificates: certificateUser, Authenticate: basic},
			[]string{"Negotiate", "Kerberos", `Basic realm="WSMAN"`}, []string{https + "spnego-kerberos", https + "mutual", https + "basic"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serveSigned(t, c.cfg, false)
			got := send(t, s.one(t), s.url, "", "", nil)
			if d := cmp.Diff(c.challenges, got.header["Www-Authenticate"]); got.status != 401 || d != "" {
				t.Errorf("status %d: %s", got.status, d)
			}
			if d := cmp.Diff(c.profiles, s.profiles(true)); d != "" {
				t.Error(d)
			}
			for _, p := range s.profiles(false) {
				if !strings.HasPrefix(p, http) {
					t.Errorf("profile %s over http", p)
				}
			}
		})
	}
}

// TestAzureNTLM signs in over https by a client that is not ours and that seals
// nothing.
func TestAzureNTLM(t *testing.T) {
	s := serveSigned(t, Config{NTLM: account}, true)
	client := s.one(t)
	client.Transport = azure.Negotiator{RoundTripper: client.Transport}
	for _, c := range []struct {
		name, password string
		want           int
	}{{"right", "Secret-1", 200}, {"again", "Secret-1", 200}, {"wrong password", "x", 401}} {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequest(http.MethodPost, s.url, strings.NewReader(getMessage.text()))
			if err != nil {
				t.Fatal(err)
			}
			r.SetBasicAuth(`LAB\admin`, c.password)
			r.Header.Set("Content-Type", "application/soap+xml")
			got, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Body.Close()
			if got.StatusCode != c.want {
				t.Errorf("status %d, want %d", got.StatusCode, c.want)
			}
		})
	}
}

// TestChannelBindings has a foreign client that sends them or not.
func TestChannelBindings(t *testing.T) {
	other := newCertificate(t, "other")
	for _, c := range []struct {
		name  string
		level ChannelBindings
		sends bool
		wrong bool // the server believes in another certificate
		want  int
	}{
		{"relaxed, right", BindingsRelaxed, true, false, 200},
		{"relaxed, none", BindingsRelaxed, false, false, 200},
		{"relaxed, wrong", BindingsRelaxed, true, true, 401},
		{"strict, right", BindingsStrict, true, false, 200},
		{"strict, none", BindingsStrict, false, false, 401},
		{"none, wrong", BindingsNone, true, true, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serveSigned(t, Config{NTLM: account, ChannelBindings: c.level}, true)
			if c.wrong {
				s.cfg.ServerCertificate = other.Leaf
			}
			client, err := bodgit.NewClient(s.one(t), newNTLM(t, "admin", "Secret-1"), bodgit.SendCBT(c.sends))
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.NewRequest(http.MethodPost, s.url, nil) // it would send a body once only
			if err != nil {
				t.Fatal(err)
			}
			got, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Body.Close()
			if got.StatusCode != c.want {
				t.Errorf("status %d, want %d", got.StatusCode, c.want)
			}
		})
	}
}

// TestForeignSealedShell runs a command by the encrypting transport of a client
// that is not ours, which signs in anew for each message.
func TestForeignSealedShell(t *testing.T) {
	s := serveSigned(t, Config{NTLM: account, Shell: echoShell}, false)
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	encryption, err := winrm.NewEncryption("ntlm")
	if err != nil {
		t.Fatal(err)
	}
	params := *winrm.DefaultParameters
	params.TransportDecorator = func() winrm.Transporter { return encryption }
	endpoint := winrm.NewEndpoint(u.Hostname(), port, false, false, nil, nil, nil, 10*time.Second)
	client, err := winrm.NewClientWithParameters(endpoint, `LAB\admin`, "Secret-1", &params)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	stdout, stderr, code, err := client.RunCmdWithContext(context.Background(), "dir")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]any{"out:dir|", "err & <more>", 3}, []any{stdout, stderr, code}); d != "" {
		t.Error(d)
	}
}

// recordedRequests are the requests of a recorded sign-in, in one context as of one
// connection.
func recordedRequests(t *testing.T, h *Handler, name string) []*http.Request {
	t.Helper()
	ctx := h.connContext(context.Background(), nil)
	in := bufio.NewReader(bytes.NewReader(capture(t, "sealed/"+name+"/client-to-server.bin")))
	var all []*http.Request
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return all
		}
		var body bytes.Buffer
		if _, err := body.ReadFrom(r.Body); err != nil {
			t.Fatal(err)
		}
		r.Body = http.NoBody
		if body.Len() > 0 {
			r.Body = nopCloser{&body}
		}
		all = append(all, r.WithContext(ctx))
	}
}

type nopCloser struct{ *bytes.Buffer }

func (nopCloser) Close() error { return nil }

// TestRecordedNTLM repeats a foreign client's whole sign-in, SPNEGO with its
// MICs and all, against the recorded challenge, and opens its request.
func TestRecordedNTLM(t *testing.T) {
	h := New(Config{Provider: newFake(), NTLM: func(user, domain string) (string, bool) {
		return "Wsman-Pass1", user == "wsuser" && domain == "TESTDOM"
	}})
	answers := capture(t, "sealed/ntlm/server-to-client.bin")
	_, after, _ := bytes.Cut(answers, []byte("Negotiate "))
	line, after, _ := bytes.Cut(after, []byte("\r\n"))
	first, err := base64.StdEncoding.DecodeString(string(line))
	if err != nil {
		t.Fatal(err)
	}
	h.ntlmChallenge = first[bytes.Index(first, []byte("NTLMSSP\x00")):]
	_, after, _ = bytes.Cut(after, []byte("Negotiate "))
	last, _, _ := bytes.Cut(after, []byte("\r\n"))

	requests := recordedRequests(t, h, "ntlm")
	if len(requests) != 3 {
		t.Fatalf("%d requests", len(requests))
	}
	if v := h.signIn(requests[0]); v.user != "" || v.next != "Negotiate "+string(line) {
		t.Errorf("first answer: %+v, recorded %s", v, line)
	}
	if v := h.signIn(requests[1]); v.user != `TESTDOM\wsuser` || v.next != "Negotiate "+string(last) {
		t.Errorf("last answer: %+v, recorded %s", v, last)
	}
	v := h.signIn(requests[2])
	if v.seal == nil {
		t.Fatalf("the connection is not signed in: %+v", v)
	}
	var body bytes.Buffer
	if _, err := body.ReadFrom(requests[2].Body); err != nil {
		t.Fatal(err)
	}
	contentType, text, err := v.seal.open(requests[2].Header.Get("Content-Type"), body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "application/soap+xml;charset=UTF-8" {
		t.Errorf("Content-Type %q", contentType)
	}
	if d := cmp.Diff(string(capture(t, "sealed/ntlm/request.xml")), string(text)); d != "" {
		t.Error(d)
	}
	// RC4 with the same key and number seals the same answer to the same bytes.
	_, sealed, err := v.seal.seal("application/soap+xml;charset=UTF-8", capture(t, "sealed/ntlm/response.xml"))
	if err != nil {
		t.Fatal(err)
	}
	_, want, _ := bytes.Cut(answers, []byte("octet-stream\r\n"))
	_, got, _ := bytes.Cut(sealed, []byte("octet-stream\r\n"))
	if !bytes.Equal(bytes.TrimSpace(got), bytes.TrimSpace(want)) {
		t.Error("the answer is not sealed as the recorded one")
	}
}

// FuzzNegotiate feeds any two tokens to a connection.
func FuzzNegotiate(f *testing.F) {
	client, err := ntlmssp.NewClient(ntlmssp.SetUserInfo("admin", "Secret-1"), ntlmssp.SetDomain("LAB"))
	if err != nil {
		f.Fatal(err)
	}
	token, err := client.Authenticate(nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token, token)
	f.Add(negTokenInitBytes(f, token, nil, oidNTLM), negTokenResp{token: token, mic: []byte("mic")}.marshal())
	f.Add(negTokenInitBytes(f, nil, []byte("mic"), oidKerberosMS, oidNTLM), negTokenResp{token: token}.marshal())
	h := New(Config{Provider: newFake(), NTLM: account, Kerberos: newKerberosService(f)})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		ctx := h.connContext(context.Background(), nil)
		for _, token := range [][]byte{first, second} {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://server/wsman", nil)
			r.Header.Set("Authorization", authorization("Negotiate", token))
			if v := h.signIn(r); v.user != "" {
				t.Errorf("signed in: %+v", v)
			}
		}
	})
}

// TestHTTP2NotOffered has a client that would rather speak HTTP/2, in which a
// connection cannot be signed in.
func TestHTTP2NotOffered(t *testing.T) {
	h := New(Config{Provider: newFake(), NTLM: account})
	certificate := newCertificate(t, "server")
	server := &http.Server{Handler: h, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}}
	h.ConfigureServer(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	s := &signedServer{Handler: h, url: "https://" + listener.Addr().String() + "/wsman", certificate: certificate}
	client := s.one(t)
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	if got := signInNTLM(t, client, s.url, "Negotiate", newNTLM(t, "admin", "Secret-1")); got.status != 200 {
		t.Errorf("status %d", got.status)
	}
}

// TestOneRequestAtATime has many requests in one connection's context at once.
func TestOneRequestAtATime(t *testing.T) {
	var busy, most atomic.Int32
	h := New(Config{Provider: newFake(), AllowUnencrypted: true, Authenticate: func(string, string) bool { return true },
		Intercept: func(Exchange) error {
			most.Store(max(most.Load(), busy.Add(1)))
			runtime.Gosched()
			busy.Add(-1)
			return nil
		}})
	ctx := h.connContext(context.Background(), nil)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://server/wsman", strings.NewReader(getMessage.text()))
			r.SetBasicAuth("sim", "x")
			r.Header.Set("Content-Type", "application/soap+xml")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				t.Errorf("status %d", w.Code)
			}
		})
	}
	wg.Wait()
	if most.Load() != 1 {
		t.Errorf("%d requests were answered at once, want 1", most.Load())
	}
}
