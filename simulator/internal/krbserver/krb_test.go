package krbserver

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

var (
	now     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	service = types.NewPrincipalName(nametype.KRB_NT_SRV_INST, "HTTP/server.test")
	user    = types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, "alice")
)

const realm = "TEST.LAB"

// keys is a keytab of the service.
func keys(t testing.TB) *keytab.Keytab {
	t.Helper()
	k := keytab.New()
	for _, e := range []int32{etypeID.AES128_CTS_HMAC_SHA1_96, etypeID.AES256_CTS_HMAC_SHA1_96, etypeID.AES128_CTS_HMAC_SHA256_128, etypeID.RC4_HMAC} {
		if err := k.AddEntry("HTTP/server.test", realm, "secret", now, 2, e); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

func newService(t testing.TB) *Service {
	return New(keys(t), 5*time.Minute, func() time.Time { return now })
}

// client makes an AP-REQ with a ticket that it has made itself, knowing the
// service's key. Its zero fields are right.
type client struct {
	etype         int32
	keys          *keytab.Keytab // in place of the service's
	service       types.PrincipalName
	start, end    time.Time
	flags         asn1.BitString
	authenticator func(*types.Authenticator)
	mutual        bool // the AP-REQ's option
	oneSided      bool // the context's flag is not set
	bindings      [16]byte
}

// sent is a token, and what the client knows besides.
type sent struct {
	token         []byte
	key           types.EncryptionKey // the ticket's
	authenticator types.Authenticator
}

// token is the token alone.
func (c client) token(t testing.TB) []byte {
	t.Helper()
	return c.make(t).token
}

func (c client) make(t testing.TB) sent {
	t.Helper()
	if c.etype == 0 {
		c.etype = etypeID.AES256_CTS_HMAC_SHA1_96
	}
	if c.keys == nil {
		c.keys = keys(t)
	}
	if c.service.NameString == nil {
		c.service = service
	}
	if c.start.IsZero() {
		c.start, c.end = now.Add(-time.Hour), now.Add(time.Hour)
	}
	if c.flags.BitLength == 0 {
		c.flags = types.NewKrbFlags()
	}
	ticket, key, err := messages.NewTicket(user, realm, c.service, realm, c.flags, c.keys, c.etype, 2, c.start, c.start, c.end, c.end)
	if err != nil {
		t.Fatal(err)
	}
	a, err := types.NewAuthenticator(realm, user)
	if err != nil {
		t.Fatal(err)
	}
	a.CTime, a.Cusec, a.SeqNumber = now, 7, 1000
	sum := binary.LittleEndian.AppendUint32(nil, 16)
	sum = append(sum, c.bindings[:]...)
	context := uint32(0x3E)
	if c.oneSided {
		context &^= contextMutual
	}
	sum = binary.LittleEndian.AppendUint32(sum, context)
	a.Cksum = types.Checksum{CksumType: checksumType, Checksum: sum}
	if c.authenticator != nil {
		c.authenticator(&a)
	}
	r, err := messages.NewAPReq(ticket, key, a)
	if err != nil {
		t.Fatal(err)
	}
	if c.mutual {
		types.SetFlag(&r.APOptions, flags.APOptionMutualRequired)
	}
	b, err := r.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	token, err := frame(idRequest, b)
	if err != nil {
		t.Fatal(err)
	}
	return sent{token, key, a}
}

// readReply is what a client reads in the token with the AP-REP.
func readReply(t testing.TB, token []byte, key types.EncryptionKey) messages.EncAPRepPart {
	t.Helper()
	id, message, err := unframe(token)
	if err != nil || id != idReply {
		t.Fatalf("identifier %04x: %v", id, err)
	}
	var reply messages.APRep
	if err := reply.Unmarshal(message); err != nil {
		t.Fatal(err)
	}
	plain, err := decrypt(key, reply.EncPart.Cipher, keyusage.AP_REP_ENCPART)
	if err != nil {
		t.Fatal(err)
	}
	var part messages.EncAPRepPart
	if err := part.Unmarshal(plain); err != nil {
		t.Fatal(err)
	}
	return part
}

// peer is the client's session for a server's.
func peer(key types.EncryptionKey, subkey bool, send, receive uint32) *Session {
	s := newSession(key, subkey, receive, send)
	s.send, s.receive = s.receive, s.send
	return s
}

func TestAccept(t *testing.T) {
	subkey := types.EncryptionKey{KeyType: etypeID.AES128_CTS_HMAC_SHA1_96, KeyValue: []byte("0123456789ABCDEF")}
	for _, c := range []struct {
		name   string
		client client
		seals  bool
	}{
		{"AES256", client{}, true},
		{"AES128", client{etype: etypeID.AES128_CTS_HMAC_SHA1_96}, true},
		{"AES128 with SHA-256", client{etype: etypeID.AES128_CTS_HMAC_SHA256_128}, true},
		{"RC4", client{etype: etypeID.RC4_HMAC}, false},
		{"subkey", client{authenticator: func(a *types.Authenticator) { a.SubKey = subkey }}, true},
		{"negative number", client{authenticator: func(a *types.Authenticator) { a.SeqNumber = -5 }}, true},
	} {
		for _, mutual := range []bool{true, false} {
			t.Run(fmt.Sprint(c.name, ", mutual ", mutual), func(t *testing.T) {
				c.client.mutual, c.client.oneSided = mutual, !mutual
				out := c.client.make(t)
				got, err := newService(t).Accept(out.token, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got.User != "alice@TEST.LAB" || (got.Session != nil) != c.seals || (got.Reply != nil) != mutual {
					t.Fatalf("user %q, session %v, reply %x", got.User, got.Session, got.Reply)
				}
				key, ours := out.key, uint32(out.authenticator.SeqNumber)
				if out.authenticator.SubKey.KeyValue != nil {
					key = out.authenticator.SubKey
				}
				theirs := ours
				if mutual {
					part := readReply(t, got.Reply, out.key)
					if !part.CTime.Equal(now) || part.Cusec != 7 || bytes.Equal(part.Subkey.KeyValue, key.KeyValue) || part.Subkey.KeyType != key.KeyType {
						t.Errorf("AP-REP %+v", part)
					}
					key, theirs = part.Subkey, uint32(part.SequenceNumber)
				}
				if c.seals {
					talk(t, peer(key, mutual, ours, theirs), got.Session)
				}
			})
		}
	}
}

// talk seals, opens and signs between two sessions.
func talk(t *testing.T, client, server *Session) {
	t.Helper()
	for _, way := range []struct{ from, to *Session }{{client, server}, {server, client}, {client, server}} {
		for _, text := range []string{"text", "", strings.Repeat("long", 1000)} {
			header, sealed, err := way.from.Seal([]byte(text))
			if err != nil || len(sealed) != len(text) {
				t.Fatalf("%d bytes sealed to %d: %v", len(text), len(sealed), err)
			}
			if got, err := way.to.Open(header, sealed); err != nil || string(got) != text {
				t.Fatalf("opened %q: %v", got, err)
			}
		}
		mic, err := way.from.SignMechList([]byte("list"))
		if err != nil {
			t.Fatal(err)
		}
		if err := way.to.VerifyMechList([]byte("list"), mic); err != nil {
			t.Fatal(err)
		}
		if err := way.to.VerifyMechList([]byte("list"), mic); !errors.Is(err, errMIC) {
			t.Errorf("a repeated MIC: %v", err)
		}
	}
}

func TestRefuse(t *testing.T) {
	other := keytab.New()
	if err := other.AddEntry("HTTP/server.test", realm, "other", now, 2, etypeID.AES256_CTS_HMAC_SHA1_96); err != nil {
		t.Fatal(err)
	}
	if err := other.AddEntry("HTTP/elsewhere.test", realm, "other", now, 2, etypeID.AES256_CTS_HMAC_SHA1_96); err != nil {
		t.Fatal(err)
	}
	invalid := types.NewKrbFlags()
	types.SetFlag(&invalid, flags.Invalid)
	change := func(f func(*types.Authenticator)) client { return client{authenticator: f} }
	for _, c := range []struct {
		name   string
		client client
		code   int32
	}{
		{"other key", client{keys: other}, errorcode.KRB_AP_ERR_MODIFIED},
		{"other service", client{keys: other, service: types.NewPrincipalName(2, "HTTP/elsewhere.test")}, errorcode.KRB_AP_ERR_NOKEY},
		{"slow clock", change(func(a *types.Authenticator) { a.CTime = now.Add(-5*time.Minute - time.Second) }), errorcode.KRB_AP_ERR_SKEW},
		{"fast clock", change(func(a *types.Authenticator) { a.CTime = now.Add(5 * time.Minute) }), errorcode.KRB_AP_ERR_SKEW},
		{"expired", client{start: now.Add(-time.Hour), end: now.Add(-5*time.Minute - time.Second)}, errorcode.KRB_AP_ERR_TKT_EXPIRED},
		{"not yet valid", client{start: now.Add(6 * time.Minute), end: now.Add(time.Hour)}, errorcode.KRB_AP_ERR_TKT_NYV},
		{"invalid", client{flags: invalid}, errorcode.KRB_AP_ERR_TKT_NYV},
		{"other user", change(func(a *types.Authenticator) { a.CName = types.NewPrincipalName(1, "bob") }), errorcode.KRB_AP_ERR_BADMATCH},
		{"other realm", change(func(a *types.Authenticator) { a.CRealm = "ELSEWHERE" }), errorcode.KRB_AP_ERR_BADMATCH},
		{"no checksum", change(func(a *types.Authenticator) { a.Cksum = types.Checksum{} }), errorcode.KRB_AP_ERR_INAPP_CKSUM},
		{"short checksum", change(func(a *types.Authenticator) { a.Cksum.Checksum = a.Cksum.Checksum[:23] }), errorcode.KRB_AP_ERR_INAPP_CKSUM},
		{"wrong bindings", client{bindings: [16]byte{1}}, errorcode.KRB_AP_ERR_MODIFIED},
	} {
		t.Run(c.name, func(t *testing.T) {
			token := c.client.token(t)
			_, err := newService(t).Accept(token, func(sum [16]byte) error {
				if sum != [16]byte{} {
					return errors.New("other bindings")
				}
				return nil
			})
			var e *Error
			if !errors.As(err, &e) || e.Code != c.code {
				t.Fatalf("error %v, want code %d", err, c.code)
			}
			id, message, err := unframe(e.Reply)
			if err != nil || id != idError {
				t.Fatalf("reply %x: %v", e.Reply, err)
			}
			var told messages.KRBError
			if err := told.Unmarshal(message); err != nil {
				t.Fatal(err)
			}
			if told.ErrorCode != c.code || !told.STime.Equal(now) || told.Realm != realm {
				t.Errorf("KRB-ERROR %+v", told)
			}
		})
	}
}

func TestSkewAllowed(t *testing.T) {
	token := client{authenticator: func(a *types.Authenticator) { a.CTime = now.Add(-5 * time.Minute) }}.token(t)
	if _, err := newService(t).Accept(token, nil); err != nil {
		t.Error(err)
	}
}

func TestReplay(t *testing.T) {
	s, clock := newService(t), now
	s.now = func() time.Time { return clock }
	token := client{}.token(t)
	if _, err := s.Accept(token, nil); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if _, err := s.Accept(token, nil); !errors.As(err, &e) || e.Code != errorcode.KRB_AP_ERR_REPEAT {
		t.Errorf("a repeated token: %v", err)
	}
	clock = clock.Add(5*time.Minute + time.Second)
	if _, err := s.Accept(token, nil); !errors.As(err, &e) || e.Code != errorcode.KRB_AP_ERR_SKEW {
		t.Errorf("a stale token: %v", err)
	}
	if !s.replays.add([]byte("another"), clock, clock) || len(s.replays.seen) != 1 {
		t.Errorf("%d authenticators are remembered, want 1", len(s.replays.seen))
	}
}

func TestMalformedTokens(t *testing.T) {
	right := client{}.token(t)
	reply, err := frame(idReply, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	empty, err := frame(idRequest, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string][]byte{
		"empty": nil, "cut": right[:len(right)-1], "AP-REP": reply, "no AP-REQ": empty, "NTLM": []byte("NTLMSSP\x00\x01\x00\x00\x00"),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := newService(t).Accept(token, nil); err == nil {
				t.Error("accepted")
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	key := types.EncryptionKey{KeyType: etypeID.AES256_CTS_HMAC_SHA384_192, KeyValue: bytes.Repeat([]byte("k"), 32)}
	for _, c := range []struct {
		name  string
		alter func(token []byte) []byte
		want  error
	}{
		{"ciphertext", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, errWrap},
		{"identifier", func(b []byte) []byte { b[0] = 4; return b }, errWrap},
		{"sent by acceptor", func(b []byte) []byte { b[2] |= flagAcceptor; return b }, errWrap},
		{"not sealed", func(b []byte) []byte { b[2] &^= flagSealed; return b }, errWrap},
		{"EC", func(b []byte) []byte { b[5] = 1; return b }, errWrap},
		{"huge EC", func(b []byte) []byte { b[4] = 0xFF; return b }, errWrap},
		{"RRC", func(b []byte) []byte { b[7]++; return b }, errWrap},
		{"number", func(b []byte) []byte { b[15]++; return b }, errWrap},
		{"cut", func(b []byte) []byte { return b[:70] }, errWrap},
		{"empty", func([]byte) []byte { return nil }, errWrap},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, client := newSession(key, true, 0, 0), peer(key, true, 0, 0)
			header, sealed, err := client.Seal([]byte("text"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := server.Open(c.alter(append(header, sealed...)), nil); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
	t.Run("repeated", func(t *testing.T) {
		server, client := newSession(key, true, 0, 0), peer(key, true, 0, 0)
		header, sealed, err := client.Seal([]byte("text"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := server.Open(header, sealed); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Open(header, sealed); !errors.Is(err, errSequence) {
			t.Errorf("error %v, want %v", err, errSequence)
		}
	})
	t.Run("other types of key", func(t *testing.T) {
		talk(t, peer(key, false, 1, 2), newSession(key, false, 2, 1))
		key.KeyValue = key.KeyValue[:24]
		if newSession(key, true, 0, 0) != nil {
			t.Error("a session with a key of the wrong length")
		}
	})
}

// captured is a file of a recorded sign-in; the test is skipped without it.
func captured(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../../../shared/captures/sealed/kerberos", name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("no recorded sign-in")
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// recordedToken is the token in an HTTP message.
func recordedToken(t testing.TB, recording []byte) []byte {
	t.Helper()
	m := regexp.MustCompile(`Kerberos ([A-Za-z0-9+/=]+)\r`).FindSubmatch(recording)
	if m == nil {
		t.Fatal("no token")
	}
	token, err := base64.StdEncoding.DecodeString(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// recordedBody is the sealed message in a recording, without the length of its
// header.
func recordedBody(recording []byte) []byte {
	_, body, _ := bytes.Cut(recording, []byte("octet-stream\r\n"))
	return body[4:bytes.LastIndex(body, []byte("--Encrypted Boundary--"))]
}

// TestRecordedSignIn verifies a sign-in of a program that was not written here,
// opens its request, and reads its peer's answer as a client would.
func TestRecordedSignIn(t *testing.T) {
	k := keytab.New()
	if err := k.Unmarshal(captured(t, "service.keytab")); err != nil {
		t.Fatal(err)
	}
	_, message, err := unframe(recordedToken(t, captured(t, "client-to-server.bin")))
	if err != nil {
		t.Fatal(err)
	}
	s := New(k, 5*time.Minute, time.Now)
	r := &request{}
	if err := r.Unmarshal(message); err != nil {
		t.Fatal(err)
	}
	if err := r.decryptTicket(s); err != nil {
		t.Fatal(err)
	}
	if err := r.decryptAuthenticator(); err != nil {
		t.Fatal(err)
	}
	// The recorded server's choice of subkey and number, made again.
	part := readReply(t, recordedToken(t, captured(t, "server-to-client.bin")), r.ticket.Key)
	s.now = func() time.Time { return r.madeAt().Add(time.Second) }
	s.rand = bytes.NewReader(binary.BigEndian.AppendUint32(part.Subkey.KeyValue, uint32(part.SequenceNumber)<<1))
	got, err := s.Accept(recordedToken(t, captured(t, "client-to-server.bin")), nil)
	if err != nil {
		t.Fatal(err)
	}
	again := readReply(t, got.Reply, r.ticket.Key)
	if d := cmp.Diff(part, again); d != "" {
		t.Errorf("AP-REP: %s", d)
	}
	opened, err := got.Session.Open(nil, recordedBody(captured(t, "client-to-server.bin")))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(captured(t, "request.xml")), string(opened)); d != "" {
		t.Errorf("%s opened by the server: %s", got.User, d)
	}
	c := peer(part.Subkey, true, uint32(r.authenticator.SeqNumber), uint32(part.SequenceNumber))
	opened, err = c.Open(nil, recordedBody(captured(t, "server-to-client.bin")))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(captured(t, "response.xml")), string(opened)); d != "" {
		t.Errorf("answer opened by a client: %s", d)
	}
}

// FuzzAccept feeds any token to a service.
func FuzzAccept(f *testing.F) {
	token := client{mutual: true}.token(f)
	f.Add(token)
	token = client{etype: etypeID.RC4_HMAC}.token(f)
	f.Add(token)
	s := newService(f)
	f.Fuzz(func(t *testing.T, token []byte) {
		a, err := s.Accept(token, nil)
		if (err == nil) != (a != nil && a.User == "alice@TEST.LAB") {
			t.Errorf("accepted %+v: %v", a, err)
		}
	})
}

// FuzzMessage feeds any AP-REQ to a service, past the token's frame.
func FuzzMessage(f *testing.F) {
	token := client{mutual: true}.token(f)
	_, message, err := unframe(token)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(message)
	s := newService(f)
	f.Fuzz(func(t *testing.T, message []byte) {
		token, err := frame(idRequest, message)
		if err != nil {
			return // too long to be framed
		}
		if a, err := s.Accept(token, nil); err == nil && a.User != "alice@TEST.LAB" {
			t.Errorf("accepted %+v", a)
		}
	})
}

// FuzzDecrypted reads any plain text as a ticket and an authenticator: what a
// client with a ticket of its own can send.
func FuzzDecrypted(f *testing.F) {
	a, err := types.NewAuthenticator(realm, user)
	if err != nil {
		f.Fatal(err)
	}
	b, err := a.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, plain []byte) {
		r := &request{}
		if err := r.authenticator.Unmarshal(plain); err != nil {
			return
		}
		if err := r.checkChecksum(nil); err == nil && r.authenticator.Cksum.CksumType != checksumType {
			t.Error("another checksum was taken")
		}
		if err := r.checkTimes(now, time.Minute); err == nil && now.Sub(r.madeAt()).Abs() > time.Minute {
			t.Error("another time was taken")
		}
	})
}

// FuzzOpen feeds any message to a session.
func FuzzOpen(f *testing.F) {
	key := types.EncryptionKey{KeyType: etypeID.AES128_CTS_HMAC_SHA1_96, KeyValue: []byte("0123456789ABCDEF")}
	header, sealed, err := peer(key, true, 1, 1).Seal([]byte("text"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(header, sealed)
	f.Fuzz(func(t *testing.T, header, sealed []byte) {
		if got, err := newSession(key, true, 1, 1).Open(header, sealed); err == nil && string(got) != "text" {
			t.Errorf("opened %q", got)
		}
	})
}
