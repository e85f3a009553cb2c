package wsman

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
)

const (
	secretText = "SECRET-SOAP-TEXT"
	password   = "Pa55-wörd"
)

func tellPassword() string { return password }

// echo answers with the request's text, marked.
func echo(request []byte) []byte { return append([]byte("answer to "), request...) }

func newNTLMServer() *ntlmServer {
	return &ntlmServer{user: "Admin", domain: "DOM", password: password, answer: echo}
}

// openTransport makes a transport that is closed when the test ends.
func openTransport(t testing.TB, o HTTPOptions, auth Authentication) *HTTP {
	t.Helper()
	transport, err := NewHTTP(o, auth)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = transport.Close() })
	return transport
}

func trust(server *httptest.Server) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return &tls.Config{RootCAs: roots}
}

// ask sends one request and gives the answer's text.
func ask(transport *HTTP, text string) (string, error) {
	res, err := transport.RoundTrip(context.Background(), &Request{Body: []byte(text)})
	switch {
	case err != nil:
		return "", err
	case res.Status != http.StatusOK || res.ContentType != "application/soap+xml;charset=UTF-8":
		return "", fmt.Errorf("HTTP %d, %s, %d bytes", res.Status, res.ContentType, len(res.Body))
	}
	return string(res.Body), nil
}

func TestNTLMSealed(t *testing.T) {
	tests := []struct {
		name   string
		change func(*ntlmServer)
		auth   Authentication
	}{
		{"SPNEGO", func(*ntlmServer) {}, NTLM("Admin", "DOM", password)},
		{"SPNEGO without a signed list", func(s *ntlmServer) { s.noMIC = true }, NTLM("Admin", "DOM", password)},
		{"bare NTLM", func(s *ntlmServer) { s.bare = true }, NTLM("Admin", "DOM", password)},
		{"Negotiate", func(*ntlmServer) {}, Negotiate(NegotiateOptions{User: "Admin", Domain: "DOM", Password: tellPassword})},
		{"domain in the user", func(*ntlmServer) {}, NTLM(`DOM\Admin`, "", password)},
		{"local account", func(s *ntlmServer) { s.domain = "" }, NTLM("Admin", "", password)},
		{"local account, as Windows writes it", func(s *ntlmServer) { s.domain = "" }, NTLM(`.\Admin`, "", password)},
		{"user@domain", func(s *ntlmServer) { s.user, s.domain = "Admin@dom.example", "" }, NTLM("Admin@dom.example", "", password)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newNTLMServer()
			tt.change(s)
			server := s.start(t, false)
			transport := openTransport(t, HTTPOptions{URL: server.URL, Slots: 1}, tt.auth)
			for i := range 5 {
				text := fmt.Sprintf("%s %d", secretText, i)
				got, err := ask(transport, text)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff("answer to "+text, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
			if s.connections.Load() != 1 || s.attempts.Load() != 1 {
				t.Errorf("%d connections, %d passwords tried; want one of each", s.connections.Load(), s.attempts.Load())
			}
			checkWire(t, s)
			if want := "HTTP/127.0.0.1"; s.targetName != want {
				t.Errorf("target name %q, want %q", s.targetName, want)
			}
			if !bytes.Equal(s.bindings, make([]byte, 16)) {
				t.Errorf("channel bindings %x over http", s.bindings)
			}
		})
	}
}

// checkWire looks for what must never leave in clear text.
func checkWire(t *testing.T, s *ntlmServer) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	wire := s.wire.Bytes()
	if len(wire) == 0 {
		t.Fatal("nothing was sent")
	}
	for _, secret := range []string{secretText, password, string(utf16LE(password)),
		base64.StdEncoding.EncodeToString([]byte(password)), base64.StdEncoding.EncodeToString(utf16LE(password))} {
		if bytes.Contains(wire, []byte(secret)) {
			t.Errorf("%q left in clear text", secret)
		}
	}
}

// A server that does anything but complete the sign-in gets no clear text.
func TestNothingInClearText(t *testing.T) {
	tests := []struct {
		name     string
		change   func(*ntlmServer)
		password string
		is       error
		text     string
		attempts int
	}{
		{"wrong password", func(*ntlmServer) {}, "wrong", ErrUnauthorized, "HTTP 401", 1},
		{"refusal", func(s *ntlmServer) { s.refuse = true }, password, ErrUnauthorized, "HTTP 401", 1},
		{"the mechanisms signed wrongly", func(s *ntlmServer) { s.wrongMIC = true }, password, nil, "signature of the mechanisms", 1},
		{"an error instead of consent", func(s *ntlmServer) { s.finalStatus = 500 }, password, ErrUnsealed, "HTTP 500", 1},
		{"busy", func(s *ntlmServer) { s.finalStatus = 503 }, password, nil, "HTTP 503", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newNTLMServer()
			tt.change(s)
			server := s.start(t, false)
			transport := openTransport(t, HTTPOptions{URL: server.URL, AllowUnencrypted: true}, NTLM("Admin", "DOM", tt.password))
			c := NewClient(transport, Options{Endpoint: server.URL, Retries: -1})
			_, err := c.Put(t.Context(), c.Schema().EPR("root/"+secretText, "X"), nil)
			if err == nil || !strings.Contains(err.Error(), tt.text) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v, want one with %q that is %v", err, tt.text, tt.is)
			}
			if strings.Contains(err.Error(), tt.password) {
				t.Errorf("the error tells the password: %v", err)
			}
			if int(s.attempts.Load()) != tt.attempts {
				t.Errorf("%d passwords tried, want %d", s.attempts.Load(), tt.attempts)
			}
			checkWire(t, s)
		})
	}
}

// Servers that do not speak NTLM at all.
func TestForeignSignIn(t *testing.T) {
	challenge := func(value string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", value)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	token := func(s string) string { return "Negotiate " + base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := []struct {
		name   string
		answer http.HandlerFunc
		text   string
		is     error
		retry  Retry
	}{
		{"Basic only", challenge("Basic realm=x"), "the server offers Basic", ErrUnauthorized, RetryUseless},
		{"consent to all", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "welcome") }, "before it was complete", nil, RetryUseless},
		{"a token that is not base64", challenge("Negotiate %%%"), "not base64", nil, RetryUseless},
		{"a token too long", challenge("Negotiate " + strings.Repeat("A", maxSignInToken+4)), "too long", nil, RetryUseless},
		{"a token that is nothing", challenge(token("hello")), "SPNEGO token", nil, RetryUseless},
		{"a rejection", challenge(token("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x02")), "rejects", ErrUnauthorized, RetryUseless},
		{"an NTLM that is too weak", challenge(token("NTLMSSP\x00\x02\x00\x00\x00" + strings.Repeat("\x00", 40))), "does not offer NTLMv2", nil, RetryUseless},
		{"a closed connection", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "sign in by NTLM: EOF", nil, RetrySafe},
		{"no WS-Man here", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "HTTP 404", ErrNotWSMan, RetryUseless},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var bodies atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				bodies.Add(r.ContentLength)
				tt.answer(w, r)
			}))
			defer server.Close()
			c := NewClient(openTransport(t, HTTPOptions{URL: server.URL}, NTLM("u", "d", "p")), Options{Endpoint: server.URL, Retries: -1})
			_, err := c.Put(t.Context(), c.Schema().EPR("root", "X"), nil)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.text) || e.Retry != tt.retry || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v (retry %v), want one with %q that is %v (retry %v)", err, e.Retry, tt.text, tt.is, tt.retry)
			}
			if n := bodies.Load(); n != 0 {
				t.Errorf("%d bytes of body were sent", n)
			}
		})
	}
}

// A connection that is lost after the password was proven may have cost an
// attempt, so it is not tried again by itself.
func TestLostAfterProof(t *testing.T) {
	s := newNTLMServer()
	var legs atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if legs.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
		s.serve(w, r.WithContext(context.WithValue(r.Context(), stateKey{}, &ntlmState{})))
	}))
	defer server.Close()
	c := NewClient(openTransport(t, HTTPOptions{URL: server.URL}, NTLM("Admin", "DOM", password)), Options{Endpoint: server.URL, Retries: 3})
	err := get(c)
	var e *Error
	if !errors.As(err, &e) || e.Retry != RetryUseless || !strings.Contains(err.Error(), "not tried again") || legs.Load() != 2 {
		t.Errorf("error %v after %d legs", err, legs.Load())
	}
}

func TestAnswerMustBeSealed(t *testing.T) {
	tests := []struct {
		name   string
		change func(*ntlmServer)
		want   string
	}{
		{"clear text", func(s *ntlmServer) { s.plainAnswer = true }, "not sealed"},
		{"altered", func(s *ntlmServer) { s.damage = func(b []byte) []byte { b[len(b)-30] ^= 1; return b } }, "signature does not match"},
		{"cut", func(s *ntlmServer) { s.damage = func(b []byte) []byte { return b[:len(b)-10] } }, "no end mark"},
		{"a header longer than all", func(s *ntlmServer) {
			s.damage = func(b []byte) []byte {
				return bytes.Replace(b, []byte("\x10\x00\x00\x00"), []byte("\xff\xff\xff\xff"), 1)
			}
		}, "header of"},
		{"sealed twice over", func(s *ntlmServer) {
			var first []byte
			s.damage = func(b []byte) []byte {
				if first == nil {
					first = b
				}
				return first
			}
		}, "number 1 where 2 was due"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newNTLMServer()
			tt.change(s)
			transport := openTransport(t, HTTPOptions{URL: s.start(t, false).URL, Slots: 1}, NTLM("Admin", "DOM", password))
			_, err := ask(transport, "one")
			if err == nil {
				_, err = ask(transport, "two")
			}
			var te *TransportError
			if !errors.As(err, &te) || !te.Sent || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q and that the request was sent", err, tt.want)
			}
			s.damage, s.plainAnswer = nil, false
			if _, err := ask(transport, "again"); err != nil {
				t.Errorf("after a new sign-in: %v", err)
			}
			if s.connections.Load() != 2 {
				t.Errorf("%d connections, want a second for the new sign-in", s.connections.Load())
			}
		})
	}
}

var withoutDate = cmpopts.IgnoreFields(Response{}, "Date", "release")

// A sealed fault comes with HTTP 500 and is a fault, not an error of the
// transport.
func TestSealedFault(t *testing.T) {
	s := newNTLMServer()
	s.status = 500
	transport := openTransport(t, HTTPOptions{URL: s.start(t, false).URL}, NTLM("Admin", "DOM", password))
	res, err := transport.RoundTrip(t.Context(), &Request{Body: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	want := &Response{Status: 500, ContentType: "application/soap+xml;charset=UTF-8", Body: []byte("answer to x"), Encrypted: true}
	if diff := cmp.Diff(want, res, withoutDate); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Of an answer that is not sealed, only a status other than SOAP's counts.
func TestUnsealedStatus(t *testing.T) {
	s := newNTLMServer()
	s.status = 503
	s.damage = func([]byte) []byte { return []byte("<html>forged</html>") }
	transport := openTransport(t, HTTPOptions{URL: s.start(t, false).URL}, NTLM("Admin", "DOM", password))
	res, err := transport.RoundTrip(t.Context(), &Request{Body: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&Response{Status: 503, Encrypted: true}, res, withoutDate); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestNTLMOverTLS(t *testing.T) {
	s := newNTLMServer()
	server := s.start(t, true)
	transport := openTransport(t, HTTPOptions{URL: server.URL, TLS: trust(server)}, NTLM("Admin", "DOM", password))
	got, err := ask(transport, "hello")
	if err != nil || got != "answer to hello" {
		t.Fatalf("%q, %v", got, err)
	}
	// The certificate of httptest is signed with SHA-256.
	sum := sha256.Sum256(s.certificate.Raw)
	data := append([]byte("tls-server-end-point:"), sum[:]...)
	whole := append(make([]byte, 16), byte(len(data)), 0, 0, 0)
	want := md5.Sum(append(whole, data...))
	if diff := cmp.Diff(want[:], s.bindings); diff != "" {
		t.Errorf("channel bindings (-want +got):\n%s", diff)
	}
}

func TestTLSRefused(t *testing.T) {
	s := newNTLMServer()
	server := s.start(t, true)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	transport := openTransport(t, HTTPOptions{URL: server.URL}, NTLM("Admin", "DOM", password))
	if _, err := ask(transport, "hello"); err == nil || !strings.Contains(err.Error(), "ca_file") {
		t.Errorf("error %v, want one that tells what to do", err)
	}
	if s.attempts.Load() != 0 {
		t.Error("a password was tried at an unknown server")
	}
}

// notice makes a transport's connections tell when they are closed.
func notice(transport *HTTP) <-chan struct{} {
	closed := make(chan struct{}, 16)
	for _, s := range transport.slots {
		s.dial.wrap = func(c net.Conn) net.Conn { return &noticedConn{Conn: c, closed: closed} }
	}
	return closed
}

// noticedConn tells when it is closed.
type noticedConn struct {
	net.Conn
	once   sync.Once
	closed chan<- struct{}
}

func (c *noticedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.closed <- struct{}{} })
	return err
}

// A server that closes an idle connection costs one new sign-in, and no
// failed command, not even of a Put.
func TestIdleConnectionClosed(t *testing.T) {
	s := newNTLMServer()
	server := s.start(t, false)
	transport := openTransport(t, HTTPOptions{URL: server.URL, Slots: 1}, NTLM("Admin", "DOM", password))
	closed := notice(transport)
	for i := range 3 {
		if _, err := ask(transport, secretText); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		server.CloseClientConnections()
		<-closed // the client has noticed
	}
	if s.connections.Load() != 3 || s.attempts.Load() != 3 {
		t.Errorf("%d connections and %d sign-ins, want 3", s.connections.Load(), s.attempts.Load())
	}
	checkWire(t, s)
}

// A server that has forgotten the sign-in: over https the request is sent
// again after a new one; over http nothing shows that the refusal is real.
func TestForgottenSignIn(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS %v", secure), func(t *testing.T) {
			s := newNTLMServer()
			forget := false
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if forget {
					forget = false
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				s.serve(w, r)
			}))
			server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
				return context.WithValue(ctx, stateKey{}, &ntlmState{})
			}
			o := HTTPOptions{Slots: 1}
			if secure {
				server.StartTLS()
				o.TLS = trust(server)
			} else {
				server.Start()
			}
			defer server.Close()
			o.URL = server.URL
			transport := openTransport(t, o, NTLM("Admin", "DOM", password))
			if _, err := ask(transport, "one"); err != nil {
				t.Fatal(err)
			}
			forget = true
			_, err := ask(transport, "two")
			var te *TransportError
			if secure && err != nil || !secure && (!errors.As(err, &te) || !te.Sent) {
				t.Errorf("error %v", err)
			}
			if _, err := ask(transport, "three"); err != nil {
				t.Errorf("after that: %v", err)
			}
			if s.attempts.Load() != 2 {
				t.Errorf("%d sign-ins, want 2", s.attempts.Load())
			}
		})
	}
}

// Many requests at once over several slots: no state is shared. Run by -race.
func TestSlotsInParallel(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS %v", secure), func(t *testing.T) {
			s := newNTLMServer()
			server := s.start(t, secure)
			o := HTTPOptions{URL: server.URL, Slots: 3}
			if secure {
				o.TLS = trust(server)
			}
			transport := openTransport(t, o, NTLM("Admin", "DOM", password))
			var wg sync.WaitGroup
			for i := range 12 {
				wg.Go(func() {
					text := fmt.Sprintf("%s %d", secretText, i)
					got, err := ask(transport, text)
					if err != nil || got != "answer to "+text {
						t.Errorf("%q, %v", got, err)
					}
				})
			}
			wg.Wait()
			if s.connections.Load() > 3 || s.attempts.Load() != s.connections.Load() {
				t.Errorf("%d connections and %d sign-ins over 3 slots", s.connections.Load(), s.attempts.Load())
			}
		})
	}
}

// One wrong password is tried once, however many requests, slots and sites
// there are for the account.
func TestWrongPasswordOnce(t *testing.T) {
	s := newNTLMServer()
	auth := NTLM("Admin", "DOM", "wrong")
	var wg sync.WaitGroup
	refusals := make(chan error, 16)
	for range 4 {
		transport := openTransport(t, HTTPOptions{URL: s.start(t, false).URL}, auth)
		c := NewClient(transport, Options{Endpoint: "x", Retries: 3})
		for range 4 {
			wg.Go(func() { refusals <- get(c) })
		}
	}
	wg.Wait()
	close(refusals)
	told := 0
	for err := range refusals {
		if !errors.Is(err, ErrUnauthorized) {
			t.Errorf("error %v", err)
		}
		if strings.Contains(err.Error(), "not tried again") {
			told++
		}
	}
	if s.attempts.Load() != 1 || told != 15 {
		t.Errorf("the password was tried %d times, %d were told so; want 1 and 15", s.attempts.Load(), told)
	}
}

// A server that refuses what others accept is not asked again; the others are.
func TestOneServerRefuses(t *testing.T) {
	good, bad := newNTLMServer(), newNTLMServer()
	bad.refuse = true
	auth := NTLM("Admin", "DOM", password)
	toGood := openTransport(t, HTTPOptions{URL: good.start(t, false).URL}, auth)
	toBad := openTransport(t, HTTPOptions{URL: bad.start(t, false).URL}, auth)
	if _, err := ask(toGood, "x"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := ask(toBad, "x"); err == nil {
			t.Error("the refusing server accepted")
		}
	}
	for range 3 {
		if _, err := ask(toGood, "x"); err != nil {
			t.Error(err)
		}
	}
	if bad.attempts.Load() != 1 {
		t.Errorf("the refusing server saw %d passwords, want 1", bad.attempts.Load())
	}
}

// Identify without credentials does not touch the signed-in connection.
func TestAnonymousBesideSignIn(t *testing.T) {
	s := newNTLMServer()
	transport := openTransport(t, HTTPOptions{URL: s.start(t, false).URL, Slots: 1}, NTLM("Admin", "DOM", password))
	for range 2 {
		res, err := transport.RoundTrip(t.Context(), &Request{Body: []byte("who?"), Anonymous: true})
		if err != nil || res.Status != http.StatusUnauthorized {
			t.Errorf("%v, %v", res, err)
		}
		if _, err := ask(transport, "x"); err != nil {
			t.Error(err)
		}
	}
	if s.attempts.Load() != 1 {
		t.Errorf("%d sign-ins", s.attempts.Load())
	}
}

func TestSignInCancelled(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	entered := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
	}))
	defer server.Close()
	transport, err := NewHTTP(HTTPOptions{URL: server.URL}, NTLM("u", "d", "p"))
	if err != nil {
		t.Fatal(err)
	}
	defer transport.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	if _, err := transport.RoundTrip(ctx, &Request{Body: []byte("x")}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := newNTLMServer()
	server := s.start(t, false)
	defer server.Close()
	transport, err := NewHTTP(HTTPOptions{URL: server.URL}, NTLM("Admin", "DOM", password))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(transport, "x"); err != nil {
		t.Error(err)
	}
	if err := transport.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoUser(t *testing.T) {
	s := newNTLMServer()
	transport := openTransport(t, HTTPOptions{URL: s.start(t, false).URL}, Negotiate(NegotiateOptions{}))
	if _, err := ask(transport, "x"); err == nil || !strings.Contains(err.Error(), "no user") {
		t.Errorf("error %v", err)
	}
}

func TestAuthenticationTellsNothing(t *testing.T) {
	key := md5.Sum([]byte(password))
	for _, auth := range []Authentication{
		NTLM("Admin", "DOM", password), Negotiate(NegotiateOptions{User: "Admin", Password: tellPassword}),
		Certificate(tls.Certificate{PrivateKey: []byte(password)}),
	} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			for _, text := range []string{fmt.Sprintf(format, auth), fmt.Sprintf(format, struct{ a Authentication }{auth}), fmt.Sprintf(format, auth.newSession())} {
				for _, secret := range []string{password, hex.EncodeToString([]byte(password)), fmt.Sprint([]byte(password)), hex.EncodeToString(key[:])} {
					if strings.Contains(text, secret) {
						t.Errorf("%s of %s tells the password: %s", format, auth, text)
					}
				}
			}
		}
	}
}
