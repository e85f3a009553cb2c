package wire

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/spnego"
	"github.com/jcmturner/gokrb5/v8/types"
)

const (
	testRealm   = "TEST.LAB"
	testService = "HTTP/server.test"
)

// newKerberosService is a service with keys of AES128 and AES256.
func newKerberosService(t testing.TB) *KerberosService {
	t.Helper()
	k := keytab.New()
	for _, e := range []int32{17, 18} {
		if err := k.AddEntry(testService, testRealm, "secret", time.Unix(1, 0), 2, e); err != nil {
			t.Fatal(err)
		}
	}
	return &KerberosService{Keytab: k}
}

// ticketHolder is a client that has made its ticket itself, knowing the
// service's key, and that seals and opens by RFC 4121 in its simplest form.
type ticketHolder struct {
	session       types.EncryptionKey // the ticket's
	key           types.EncryptionKey // the server's subkey
	send, receive uint64
}

// token is a client's token at a time of its clock.
func (c *ticketHolder) token(t testing.TB, service *KerberosService, etype int32, clock time.Time, bindings [16]byte) []byte {
	t.Helper()
	user := types.NewPrincipalName(1, "alice")
	ticket, key, err := messages.NewTicket(user, testRealm, types.NewPrincipalName(2, testService), testRealm, types.NewKrbFlags(),
		service.Keytab, etype, 2, clock, clock, clock.Add(time.Hour), clock.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	a, err := types.NewAuthenticator(testRealm, user)
	if err != nil {
		t.Fatal(err)
	}
	a.CTime, a.Cusec = clock.Truncate(time.Second).UTC(), 0
	sum := append([]byte{16, 0, 0, 0}, bindings[:]...)
	a.Cksum = types.Checksum{CksumType: 0x8003, Checksum: append(sum, 0x3E, 0, 0, 0)}
	r, err := messages.NewAPReq(ticket, key, a)
	if err != nil {
		t.Fatal(err)
	}
	types.SetFlag(&r.APOptions, flags.APOptionMutualRequired)
	request, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	c.session, c.send = key, uint64(a.SeqNumber)
	inner := append([]byte{6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x12, 1, 2, 2, 1, 0}, request...)
	return append([]byte{0x60, 0x82, byte(len(inner) >> 8), byte(len(inner))}, inner...)
}

// finish reads the token with the AP-REP, by gokrb5's reader.
func (c *ticketHolder) finish(t testing.TB, token []byte) {
	t.Helper()
	var k spnego.KRB5Token
	if err := k.Unmarshal(token); err != nil || !k.IsAPRep() {
		t.Fatalf("token %x: %v", token, err)
	}
	plain, err := crypto.DecryptEncPart(k.APRep.EncPart, c.session, 12)
	if err != nil {
		t.Fatal(err)
	}
	var part messages.EncAPRepPart
	if err := part.Unmarshal(plain); err != nil {
		t.Fatal(err)
	}
	c.key, c.receive = part.Subkey, uint64(part.SequenceNumber)
}

// exchange sends a sealed message and opens its answer. Its tokens have RRC 0,
// as MIT's, while the server's must be Windows': EC 0, RRC 28, 60 bytes of
// header.
func (c *ticketHolder) exchange(t testing.TB, client *http.Client, url, label, text string) response {
	t.Helper()
	e, err := crypto.GetEtype(c.key.KeyType)
	if err != nil {
		t.Fatal(err)
	}
	head := binary.BigEndian.AppendUint64([]byte{5, 4, 6, 0xFF, 0, 0, 0, 0}, c.send)
	c.send++
	_, body, err := e.EncryptMessage(c.key.KeyValue, append([]byte(text), head...), 24)
	if err != nil {
		t.Fatal(err)
	}
	contentType, sealed := sealedBody(label, len(text), head, body)
	got := send(t, client, url, "", contentType, sealed)
	if len(got.body) == 0 {
		return got
	}
	length, header, ciphertext := unsealedBody(t, got, label)
	want := binary.BigEndian.AppendUint64([]byte{5, 4, 7, 0xFF, 0, 0, 0, 28}, c.receive)
	c.receive++
	if len(header) != 60 || len(ciphertext) != length || !bytes.Equal(header[:16], want) {
		t.Fatalf("header %x (%d bytes), want %x; %d bytes for %d", header[:16], len(header), want, len(ciphertext), length)
	}
	token := append(append([]byte(nil), header[44:]...), ciphertext...)
	plain, err := e.DecryptMessage(c.key.KeyValue, append(token, header[16:44]...), 22)
	if err != nil {
		t.Fatal(err)
	}
	got.body = plain[:len(plain)-16]
	return got
}

func TestKerberosSealed(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		word, label string
		etype       int32
		wrap        bool // in SPNEGO
	}{
		{"Kerberos", labelKerberos, 18, false},
		{"Kerberos", labelKerberos, 17, false},
		{"Negotiate", labelSPNEGO, 18, true},
		{"Negotiate", labelSPNEGO, 18, false},
	} {
		t.Run(c.word, func(t *testing.T) {
			service := newKerberosService(t)
			s := serveSigned(t, Config{Kerberos: service, NTLM: account, Now: func() time.Time { return now }}, false)
			client, by := s.one(t), &ticketHolder{}
			token := by.token(t, service, c.etype, now.Add(-4*time.Minute), [16]byte{})
			if c.wrap {
				token = negTokenInitBytes(t, token, nil, oidKerberosMS, oidKerberos, oidNTLM)
			}
			got := send(t, client, s.url, authorization(c.word, token), "", nil)
			if got.status != 200 || len(got.body) > 0 {
				t.Fatalf("status %d with %d bytes", got.status, len(got.body))
			}
			reply := answerToken(t, got, c.word)
			if c.wrap {
				r := readResp(t, reply)
				if r.State != acceptCompleted || r.Mechanism != oidKerberosMS.String() {
					t.Fatalf("answer %+v", r)
				}
				reply = []byte(r.Token)
			}
			by.finish(t, reply)
			for range 2 {
				if got := by.exchange(t, client, s.url, c.label, getMessage.text()); got.status != 200 || readNode(t, got.body).at("Header", "RelatesTo").Text != testID {
					t.Errorf("status %d: %s", got.status, got.body)
				}
				if f := readFault(t, by.exchange(t, client, s.url, c.label, "<a/>")); f.Value != "s:Sender" {
					t.Errorf("fault %+v", f)
				}
			}
			if got := send(t, client, s.url, "", "", []byte(getMessage.text())); got.status != 500 || len(got.body) > 0 {
				t.Errorf("in clear: status %d with %d bytes, want 500 and none", got.status, len(got.body))
			}
			if x := <-s.seen; x.User != "alice@TEST.LAB" {
				t.Errorf("user %q", x.User)
			}
		})
	}
}

func TestKerberosRefused(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	service := newKerberosService(t)
	s := serveSigned(t, Config{Kerberos: service, Now: func() time.Time { return now }}, false)
	used := (&ticketHolder{}).token(t, service, 18, now, [16]byte{})
	if got := send(t, s.one(t), s.url, authorization("Kerberos", used), "", nil); got.status != 200 {
		t.Fatalf("status %d", got.status)
	}
	for _, c := range []struct {
		name  string
		token []byte
		code  int32
	}{
		{"fast clock", (&ticketHolder{}).token(t, service, 18, now.Add(6*time.Minute), [16]byte{}), errorcode.KRB_AP_ERR_SKEW},
		{"used before", used, errorcode.KRB_AP_ERR_REPEAT},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := send(t, s.one(t), s.url, authorization("Kerberos", c.token), "", nil)
			if got.status != 401 {
				t.Fatalf("status %d, want 401", got.status)
			}
			var k spnego.KRB5Token
			if err := k.Unmarshal(answerToken(t, got, "Kerberos")); err != nil || !k.IsKRBError() || k.KRBError.ErrorCode != c.code {
				t.Errorf("KRB-ERROR %+v: %v; want code %d", k.KRBError, err, c.code)
			}
			got = send(t, s.one(t), s.url, authorization("Negotiate", negTokenInitBytes(t, c.token, nil, oidKerberos)), "", nil)
			if r := readResp(t, answerToken(t, got, "Negotiate")); got.status != 401 || r.State != reject || r.Token == "" {
				t.Errorf("in SPNEGO: status %d, %+v", got.status, r)
			}
		})
	}
}

func TestKerberosOverTLS(t *testing.T) {
	for _, c := range []struct {
		name     string
		bindings func(*signedServer) [16]byte
		want     int
	}{
		{"right bindings", func(s *signedServer) [16]byte { return bindingsSum(s.certificate.Leaf) }, 200},
		{"wrong bindings", func(*signedServer) [16]byte { return [16]byte{1} }, 401},
		{"no bindings", func(*signedServer) [16]byte { return [16]byte{} }, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			service := newKerberosService(t)
			s := serveSigned(t, Config{Kerberos: service, ChannelBindings: BindingsStrict}, true)
			token := (&ticketHolder{}).token(t, service, 18, time.Now(), c.bindings(s))
			got := send(t, s.one(t), s.url, authorization("Kerberos", token), "", []byte(getMessage.text()))
			if got.status != c.want {
				t.Errorf("status %d, want %d", got.status, c.want)
			}
		})
	}
}

// TestRecordedKerberos signs in by a foreign client's recorded token.
func TestRecordedKerberos(t *testing.T) {
	keys := keytab.New()
	if err := keys.Unmarshal(capture(t, "sealed/kerberos/service.keytab")); err != nil {
		t.Fatal(err)
	}
	h := New(Config{Provider: newFake(), Kerberos: &KerberosService{Keytab: keys, Skew: 100 * 365 * 24 * time.Hour}})
	requests := recordedRequests(t, h, "kerberos")
	if len(requests) != 2 {
		t.Fatalf("%d requests", len(requests))
	}
	in := h.signIn(requests[0])
	again := h.signIn(requests[1])
	if in.user == "" || in.next == "" || again.user != in.user || again.seal == nil {
		t.Errorf("%+v, then %+v", in, again)
	}
}

// TestRecordedForm opens the recorded bodies as far as their form goes.
func TestRecordedForm(t *testing.T) {
	for name, label := range map[string]string{"kerberos": labelKerberos, "ntlm": labelSPNEGO} {
		t.Run(name, func(t *testing.T) {
			for file, length := range map[string]int{"client-to-server.bin": 1344, "server-to-client.bin": 2550} {
				_, body, _ := bytes.Cut(capture(t, "sealed/"+name+"/"+file), []byte(`boundary="Encrypted Boundary"`))
				_, body, _ = bytes.Cut(body, []byte("\r\n\r\n"))
				original, payload, err := sealedParts(bytes.TrimRight(body, "\r\n"), sealedBoundary, label)
				if err != nil {
					t.Fatal(err)
				}
				contentType, n, err := originalContent(original)
				if d := cmp.Diff([]any{"application/soap+xml;charset=UTF-8", length}, []any{contentType, n}); d != "" || err != nil {
					t.Errorf("%v: %s", err, d)
				}
				if want := 4 + int(binary.LittleEndian.Uint32(payload)) + length; len(payload) != want {
					t.Errorf("%d bytes of payload, want %d", len(payload), want)
				}
			}
		})
	}
}
