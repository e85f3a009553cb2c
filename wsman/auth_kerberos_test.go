package wsman

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"dpremote/wsman/internal/kdctest"

	"github.com/google/go-cmp/cmp"
	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// kerberosServer is the server's side of Kerberos, written from RFC 4121 for
// these tests; it shares no code with the client. It numbers its messages from
// 500 and does not rotate them.
type kerberosServer struct {
	kdc *kdctest.KDC
	// What the server does amiss.
	noReply     bool // it consents without an AP-REP
	wrongTime   bool // its AP-REP answers another request
	code        int32
	plainAnswer bool
	number      uint64 // added to the numbers of its messages

	mu          sync.Mutex
	connections atomic.Int32
	signIns     atomic.Int32
	bindings    []byte
	wire        bytes.Buffer
}

type kerberosState struct {
	subkey   types.EncryptionKey
	in, out  uint64
	signedIn bool
	scheme   string
}

func (s *kerberosServer) start(t testing.TB, secure bool) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		s.connections.Add(1)
		return context.WithValue(ctx, stateKey{}, &kerberosState{})
	}
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

func (s *kerberosServer) serve(w http.ResponseWriter, r *http.Request) {
	state := r.Context().Value(stateKey{}).(*kerberosState)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.wire.Write(body)
	s.mu.Unlock()
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token, _ := base64.StdEncoding.DecodeString(text)
	switch {
	case len(token) > 0 && len(body) == 0:
		state.scheme = scheme
		out, status := s.signIn(state, token)
		if out != nil && scheme == "Negotiate" {
			out = der(0xa1, der(0x30, []byte("\xa0\x03\x0a\x01\x00\xa1\x0b\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"), der(0xa2, der(4, out))))
		}
		value := scheme
		if out != nil {
			value += " " + base64.StdEncoding.EncodeToString(out)
		}
		w.Header().Set("WWW-Authenticate", value)
		w.WriteHeader(status)
	case !state.signedIn:
		w.Header().Set("WWW-Authenticate", "Kerberos")
		w.WriteHeader(http.StatusUnauthorized)
	case r.TLS != nil:
		w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
		_, _ = w.Write(echo(body))
	default:
		s.sealed(w, state, body)
	}
}

const kerberosOID = "\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"

// signIn reads an AP-REQ and makes the AP-REP.
func (s *kerberosServer) signIn(state *kerberosState, token []byte) ([]byte, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signIns.Add(1)
	if s.code != 0 {
		e := messages.NewKRBError(types.PrincipalName{NameString: []string{"x"}}, "SIM.TEST", s.code, "")
		b, _ := e.Marshal()
		return der(0x60, []byte(kerberosOID+"\x03\x00"), b), http.StatusUnauthorized
	}
	_, b, _ := bytes.Cut(token, []byte(kerberosOID+"\x01\x00"))
	var req messages.APReq
	if req.Unmarshal(b) != nil || req.Ticket.DecryptEncPart(s.kdc.Keys, &req.Ticket.SName) != nil {
		return nil, http.StatusUnauthorized
	}
	key := req.Ticket.DecryptedEncPart.Key
	if req.DecryptAuthenticator(key) != nil || req.Authenticator.Cksum.CksumType != 0x8003 {
		return nil, http.StatusUnauthorized
	}
	a := req.Authenticator
	s.bindings = a.Cksum.Checksum[4:20]
	state.subkey = types.EncryptionKey{KeyType: 18, KeyValue: bytes.Repeat([]byte{0x42}, 32)}
	state.in, state.out, state.signedIn = uint64(a.SeqNumber), 500, true
	if s.noReply {
		return nil, http.StatusOK
	}
	if s.wrongTime {
		a.Cusec++
	}
	plain, _ := asn1.Marshal(messages.EncAPRepPart{CTime: a.CTime, Cusec: a.Cusec, Subkey: state.subkey, SequenceNumber: 500})
	sealed, _ := crypto.GetEncryptedData(der(0x60|27, plain), key, 12, 0)
	rep, _ := asn1.Marshal(messages.APRep{PVNO: 5, MsgType: 15, EncPart: sealed})
	rep = der(0x60|15, rep)
	return der(0x60, []byte(kerberosOID+"\x02\x00"), rep), http.StatusOK
}

// sealed opens a request and seals its answer.
func (s *kerberosServer) sealed(w http.ResponseWriter, state *kerberosState, body []byte) {
	const mark = "application/octet-stream\r\n"
	at := bytes.Index(body, []byte(mark))
	end := bytes.LastIndex(body, []byte("--Encrypted Boundary--"))
	if at < 0 || end < at {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	token := body[at+len(mark)+4 : end]
	et, _ := crypto.GetEtype(18)
	want := binary.BigEndian.AppendUint64([]byte{5, 4, 6, 0xff, 0, 0, 0, 28}, state.in)
	turned := append(bytes.Clone(token[16+28:]), token[16:16+28]...)
	text, err := et.DecryptMessage(state.subkey.KeyValue, turned, 24)
	if err != nil || !bytes.Equal(token[:16], want) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	state.in++
	answer := echo(text[:len(text)-16])
	if s.plainAnswer {
		w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
		_, _ = w.Write(answer)
		return
	}
	header := binary.BigEndian.AppendUint64([]byte{5, 4, 7, 0xff, 0, 0, 0, 0}, state.out+s.number)
	state.out++
	_, cipher, _ := et.EncryptMessage(state.subkey.KeyValue, append(bytes.Clone(answer), header...), 22)
	label := "application/HTTP-Kerberos-session-encrypted"
	if state.scheme == "Negotiate" {
		label = "application/HTTP-SPNEGO-session-encrypted"
	}
	w.Header().Set("Content-Type", `multipart/encrypted;protocol="`+label+`";boundary="Encrypted Boundary"`)
	fmt.Fprintf(w, "--Encrypted Boundary\r\nContent-Type: %s\r\nOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n--Encrypted Boundary\r\nContent-Type: application/octet-stream\r\n\x3c\x00\x00\x00%s%s--Encrypted Boundary--\r\n",
		label, len(answer), header, cipher)
}

// kerberosSite is a realm with a server, and a client of the realm.
func kerberosSite(t testing.TB) (*kerberosServer, *KerberosClient) {
	t.Helper()
	k := kdctest.New("SIM.TEST")
	k.Add("admin", "SIM.TEST", password)
	k.Add("HTTP/127.0.0.1", "SIM.TEST", "of the service")
	k.Add("HTTP/srv.sim.test", "SIM.TEST", "of the service")
	return &kerberosServer{kdc: k}, kerberosClient(t, k, "admin", tellPassword)
}

func kerberosClient(t testing.TB, k *kdctest.KDC, user string, password func() string) *KerberosClient {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "krb5.conf")
	if err := os.WriteFile(conf, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := NewKerberosClient(KerberosCredentials{User: user, Realm: "SIM.TEST", Password: password, Config: conf, KDCs: []string{k.Start(t)}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestKerberosSealed(t *testing.T) {
	s, client := kerberosSite(t)
	server := s.start(t, false)
	tests := []struct {
		name string
		auth Authentication
	}{
		{"Kerberos", Kerberos(KerberosOptions{Client: client})},
		{"Kerberos with another SPN", Kerberos(KerberosOptions{Client: client, SPN: "HTTP/srv.sim.test"})},
		{"Negotiate", Negotiate(NegotiateOptions{Kerberos: &KerberosOptions{Client: client}, User: "not", Password: tellPassword})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			transport := openTransport(t, HTTPOptions{URL: server.URL, Slots: 2}, tt.auth)
			before := s.connections.Load()
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					text := secretText + strings.Repeat("x", i*100)
					got, err := ask(transport, text)
					if err != nil || got != "answer to "+text {
						t.Errorf("%q, %v", got, err)
					}
				})
			}
			wg.Wait()
			if n := s.connections.Load() - before; n > 2 {
				t.Errorf("%d connections for two slots", n)
			}
		})
	}
	if s.signIns.Load() != s.connections.Load() {
		t.Errorf("%d sign-ins over %d connections", s.signIns.Load(), s.connections.Load())
	}
	if logins, tickets := s.kdc.Asked(); logins != 1 || tickets != 2 {
		t.Errorf("%d logins and %d tickets, want 1 and 2: tickets are shared", logins, tickets)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if bytes.Contains(s.wire.Bytes(), []byte(secretText)) {
		t.Error("a request left in clear text")
	}
	if !bytes.Equal(s.bindings, make([]byte, 16)) {
		t.Errorf("channel bindings %x over http", s.bindings)
	}
}

func TestKerberosOverTLS(t *testing.T) {
	for _, scheme := range []string{"Kerberos", "Negotiate"} {
		t.Run(scheme, func(t *testing.T) {
			s, client := kerberosSite(t)
			server := s.start(t, true)
			o := KerberosOptions{Client: client}
			auth := Kerberos(o)
			if scheme == "Negotiate" {
				auth = Negotiate(NegotiateOptions{Kerberos: &o})
			}
			transport := openTransport(t, HTTPOptions{URL: server.URL, TLS: trust(server)}, auth)
			if got, err := ask(transport, "hello"); err != nil || got != "answer to hello" {
				t.Fatalf("%q, %v", got, err)
			}
			sum := sha256.Sum256(server.Certificate().Raw)
			data := append([]byte("tls-server-end-point:"), sum[:]...)
			want := md5.Sum(append(append(make([]byte, 16), byte(len(data)), 0, 0, 0), data...))
			if diff := cmp.Diff(want[:], s.bindings); diff != "" {
				t.Errorf("channel bindings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestKerberosRefusals(t *testing.T) {
	tests := []struct {
		name   string
		change func(*kerberosServer)
		user   string
		secret string
		is     error
		text   string
		retry  Retry
	}{
		{"no AP-REP", func(s *kerberosServer) { s.noReply = true }, "admin", password, ErrServerUnproven, "without a token", RetryUseless},
		{"another's AP-REP", func(s *kerberosServer) { s.wrongTime = true }, "admin", password, ErrServerUnproven, "another request", RetryUseless},
		{"the server's clock", func(s *kerberosServer) { s.code = 37 }, "admin", password, ErrClockSkew, "set the time", RetryUseless},
		{"another account's SPN", func(s *kerberosServer) { s.code = 41 }, "admin", password, ErrUnknownSPN, "another account has that name", RetryUseless},
		{"the service's key is another", func(s *kerberosServer) { s.kdc = kdctest.New("SIM.TEST") }, "admin", password, ErrUnauthorized, "HTTP 401", RetryUseless},
		{"wrong password", func(*kerberosServer) {}, "admin", "wrong", ErrUnauthorized, "the password or key of admin@SIM.TEST is wrong", RetryUseless},
		{"unknown service", func(s *kerberosServer) { s.kdc.Code = 7 }, "admin", password, ErrUnknownSPN, "HTTP/127.0.0.1", RetryUseless},
		{"clear text", func(s *kerberosServer) { s.plainAnswer = true }, "admin", password, nil, "not sealed", RetryUnknown},
		{"a message of another place", func(s *kerberosServer) { s.number = 1 }, "admin", password, nil, "number 501 where 500 was due", RetryUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, _ := kerberosSite(t)
			client := kerberosClient(t, s.kdc, tt.user, func() string { return tt.secret })
			tt.change(s)
			transport := openTransport(t, HTTPOptions{URL: s.start(t, false).URL}, Kerberos(KerberosOptions{Client: client}))
			c := NewClient(transport, Options{Endpoint: "srv", Retries: -1})
			_, err := c.Put(t.Context(), c.Schema().EPR("root/"+secretText, "X"), nil)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.text) || e.Retry != tt.retry || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("error %v (%v), want one with %q that is %v (%v)", err, e.Retry, tt.text, tt.is, tt.retry)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if bytes.Contains(s.wire.Bytes(), []byte(secretText)) {
				t.Error("the request left in clear text")
			}
		})
	}
}

func TestNoKDC(t *testing.T) {
	s, _ := kerberosSite(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	conf := filepath.Join(t.TempDir(), "krb5.conf")
	if err := os.WriteFile(conf, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := NewKerberosClient(KerberosCredentials{User: "admin@SIM.TEST", Password: tellPassword, Config: conf, KDCs: []string{l.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	transport := openTransport(t, HTTPOptions{URL: s.start(t, false).URL}, Kerberos(KerberosOptions{Client: client}))
	if _, err := ask(transport, "x"); !errors.Is(err, ErrNoKDC) || !strings.Contains(err.Error(), "port 88") {
		t.Errorf("error %v", err)
	}
}

func TestKerberosClientTellsNothing(t *testing.T) {
	_, client := kerberosSite(t)
	credentials := KerberosCredentials{User: "admin", Password: tellPassword}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, v := range []any{client, credentials, KerberosOptions{Client: client}, Kerberos(KerberosOptions{Client: client})} {
			if text := fmt.Sprintf(format, v); strings.Contains(text, password) {
				t.Errorf("%s tells the password: %s", format, text)
			}
		}
	}
}
