package krbgss

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dpremote/internal/captures"

	"github.com/google/go-cmp/cmp"
	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/asnAppTag"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/msgtype"
	"github.com/jcmturner/gokrb5/v8/iana/nametype"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// capturesDir is where the recordings of real servers lie, beside the project.
const capturesDir = "../../../../shared/captures"

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The ciphers are a library's. These vectors, of RFC 8009 appendix A, are why
// the two new encryption types are offered.
func TestSpecificationCiphers(t *testing.T) {
	aes128 := types.EncryptionKey{KeyType: etypeID.AES128_CTS_HMAC_SHA256_128, KeyValue: unhex(t, "3705D96080C17728A0E800EAB6E0D23C")}
	aes256 := types.EncryptionKey{KeyType: etypeID.AES256_CTS_HMAC_SHA384_192, KeyValue: unhex(t, "6D404D37FAF79F9DF0D33568D320669800EB4836472EA8A026D16B7182460C52")}
	tests := []struct {
		name          string
		key           types.EncryptionKey
		cipher, plain string
	}{
		{"AES128, 6 bytes", aes128, "84D7F30754ED987BAB0BF3506BEB09CFB55402CEF7E6877CE99E247E52D16ED4421DFDF8976C", "000102030405"},
		{"AES128, 16 bytes", aes128, "3517D640F50DDC8AD3628722B3569D2AE07493FA8263254080EA65C1008E8FC295FB4852E7D83E1E7C48C37EEBE6B0D3", "000102030405060708090A0B0C0D0E0F"},
		{"AES256, 6 bytes", aes256, "4ED7B37C2BCAC8F74F23C1CF07E62BC7B75FB3F637B9F559C7F664F69EAB7B6092237526EA0D1F61CB20D69D10F2", "000102030405"},
		{"AES256, 16 bytes", aes256, "BC47FFEC7998EB91E8115CF8D19DAC4BBBE2E163E87DD37F49BECA92027764F68CF51F14D798C2273F35DF574D1F932E40C4FF255B36A266", "000102030405060708090A0B0C0D0E0F"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := decrypt(tt.key, unhex(t, tt.cipher), 2)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(unhex(t, tt.plain), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// recorded is a sign-in and a sealed exchange of programs that are not ours.
type recorded struct {
	signIn            *SignIn // as it was after the AP-REQ
	reply             []byte
	request, response []byte // Wrap tokens
}

func record(t testing.TB) recorded {
	t.Helper()
	read := func(name string) []byte { return captures.In(t, capturesDir).Read(t, "sealed/kerberos/"+name) }
	up, down := read("client-to-server.bin"), read("server-to-client.bin")
	token := func(b []byte) []byte {
		m := regexp.MustCompile(`Kerberos ([A-Za-z0-9+/=]+)`).FindSubmatch(b)
		token, err := base64.StdEncoding.DecodeString(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	part := func(b []byte) []byte {
		_, b, _ = bytes.Cut(b, []byte("Content-Type: application/octet-stream\r\n"))
		return bytes.TrimSuffix(bytes.TrimSpace(b), []byte("--Encrypted Boundary--"))[4:]
	}
	kt := keytab.New()
	if err := kt.Unmarshal(read("service.keytab")); err != nil {
		t.Fatal(err)
	}
	kind, b, err := unframe(token(up))
	if err != nil || kind != tokenRequest {
		t.Fatalf("token of type %#x, %v", kind, err)
	}
	var req messages.APReq
	if err := req.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	if err := req.Ticket.DecryptEncPart(kt, &req.Ticket.SName); err != nil {
		t.Fatal(err)
	}
	key := req.Ticket.DecryptedEncPart.Key
	if err := req.DecryptAuthenticator(key); err != nil {
		t.Fatal(err)
	}
	return recorded{
		signIn: &SignIn{credential: Credential{Ticket: req.Ticket, Key: key}, authenticator: req.Authenticator},
		reply:  token(down), request: part(up), response: part(down),
	}
}

func TestRecorded(t *testing.T) {
	r := record(t)
	s, err := r.signIn.Accept(r.reply)
	if err != nil {
		t.Fatalf("accept the recorded server: %v", err)
	}
	peer, err := newSession(s.key, s.subkey, acceptor, uint32(s.taken), uint32(s.sent))
	if err != nil {
		t.Fatal(err)
	}
	request := captures.In(t, capturesDir).Read(t, "sealed/kerberos/request.xml")

	plain, err := s.Unseal(r.response)
	if err != nil {
		t.Fatalf("unseal the response: %v", err)
	}
	if diff := cmp.Diff(string(captures.In(t, capturesDir).Read(t, "sealed/kerberos/response.xml")), string(plain)); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
	// What we send must look as what the recorded client sent, but for the
	// random confounder, and must open as that does.
	header, sealed, err := s.Seal(request)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.request[:16], header[:16]); diff != "" || len(header) != 60 || len(header)+len(sealed) != len(r.request) {
		t.Errorf("a header of %d bytes, text of %d (-recorded +ours):\n%s", len(header), len(sealed), diff)
	}
	for name, token := range map[string][]byte{"recorded": r.request, "ours": append(header, sealed...)} {
		p := *peer
		plain, err := p.Unseal(token)
		if err != nil {
			t.Errorf("unseal the %s request: %v", name, err)
		}
		if diff := cmp.Diff(string(request), string(plain)); diff != "" {
			t.Errorf("%s request (-want +got):\n%s", name, diff)
		}
	}
	if _, err := s.Unseal(r.response); err == nil || !strings.Contains(err.Error(), "repeated") {
		t.Errorf("a repeated message: %v", err)
	}
}

// service issues tickets for itself and answers sign-ins, by the library's
// types and not by this package's code.
type service struct {
	key        types.EncryptionKey // of the service
	sessionKey types.EncryptionKey
	subkey     types.EncryptionKey // what the AP-REP gives; empty for none
	cusec      int                 // added to what the AP-REP repeats
}

func key(id int32, fill byte) types.EncryptionKey {
	return types.EncryptionKey{KeyType: id, KeyValue: bytes.Repeat([]byte{fill}, keySize(id))}
}

func newService(id int32) *service {
	return &service{key: key(id, 1), sessionKey: key(id, 2), subkey: key(id, 3)}
}

func (s *service) credential(t testing.TB) Credential {
	t.Helper()
	client := types.NewPrincipalName(nametype.KRB_NT_PRINCIPAL, "admin")
	part := messages.EncTicketPart{
		Flags: types.NewKrbFlags(), Key: s.sessionKey, CRealm: "SIM", CName: client,
		AuthTime: time.Now().UTC(), EndTime: time.Now().Add(time.Hour).UTC(),
	}
	b, err := asn1.Marshal(part)
	if err != nil {
		t.Fatal(err)
	}
	enc, err := crypto.GetEncryptedData(asn1tools.AddASNAppTag(b, asnAppTag.EncTicketPart), s.key, keyusage.KDC_REP_TICKET, 1)
	if err != nil {
		t.Fatal(err)
	}
	ticket := messages.Ticket{TktVNO: 5, Realm: "SIM", SName: types.NewPrincipalName(nametype.KRB_NT_SRV_INST, "HTTP/srv"), EncPart: enc}
	return Credential{Ticket: ticket, Key: s.sessionKey, Client: client, Realm: "SIM"}
}

// answer reads an AP-REQ and makes the AP-REP.
func (s *service) answer(t testing.TB, token []byte) (types.Authenticator, []byte) {
	t.Helper()
	_, b, err := unframe(token)
	if err != nil {
		t.Fatal(err)
	}
	var req messages.APReq
	if err := req.Unmarshal(b); err != nil {
		t.Fatal(err)
	}
	if !types.IsFlagSet(&req.APOptions, 2) {
		t.Error("the AP-REQ does not ask for mutual authentication")
	}
	if err := req.Ticket.Decrypt(s.key); err != nil {
		t.Fatal(err)
	}
	if err := req.DecryptAuthenticator(req.Ticket.DecryptedEncPart.Key); err != nil {
		t.Fatal(err)
	}
	a := req.Authenticator
	part := messages.EncAPRepPart{CTime: a.CTime, Cusec: a.Cusec + s.cusec, Subkey: s.subkey, SequenceNumber: 77}
	plain, err := asn1.Marshal(part)
	if err != nil {
		t.Fatal(err)
	}
	enc, err := crypto.GetEncryptedData(asn1tools.AddASNAppTag(plain, asnAppTag.EncAPRepPart), s.sessionKey, keyusage.AP_REP_ENCPART, 0)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := asn1.Marshal(messages.APRep{PVNO: 5, MsgType: msgtype.KRB_AP_REP, EncPart: enc})
	if err != nil {
		t.Fatal(err)
	}
	reply, err := frame(tokenReply, asn1tools.AddASNAppTag(rep, asnAppTag.APREP))
	if err != nil {
		t.Fatal(err)
	}
	return a, reply
}

func TestSignIn(t *testing.T) {
	for _, id := range []int32{etypeID.AES128_CTS_HMAC_SHA1_96, etypeID.AES256_CTS_HMAC_SHA1_96, etypeID.AES128_CTS_HMAC_SHA256_128, etypeID.AES256_CTS_HMAC_SHA384_192} {
		for _, subkey := range []bool{true, false} {
			t.Run(fmt.Sprintf("type %d, acceptor's subkey %v", id, subkey), func(t *testing.T) {
				srv := newService(id)
				if !subkey {
					srv.subkey = types.EncryptionKey{}
				}
				signIn(t, srv)
			})
		}
	}
}

// signIn signs in at srv and exchanges messages.
func signIn(t *testing.T, srv *service) {
	t.Helper()
	bindings := bytes.Repeat([]byte{9}, 16)
	now := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)
	s, err := NewSignIn(srv.credential(t), bindings, now)
	if err != nil {
		t.Fatal(err)
	}
	a, reply := srv.answer(t, s.Token())
	wantSum := append(append([]byte{16, 0, 0, 0}, bindings...), 0x3e, 0, 0, 0)
	if diff := cmp.Diff(types.Checksum{CksumType: 0x8003, Checksum: wantSum}, a.Cksum); diff != "" {
		t.Errorf("checksum (-want +got):\n%s", diff)
	}
	if !a.CTime.Equal(now.Truncate(time.Second)) || a.Cusec != 678901 {
		t.Errorf("the authenticator says %v and %d µs", a.CTime, a.Cusec)
	}
	session, err := s.Accept(reply)
	if err != nil {
		t.Fatal(err)
	}
	peerKey, acceptors := srv.subkey, true
	if len(peerKey.KeyValue) == 0 {
		peerKey, acceptors = a.SubKey, false
	}
	peer, err := newSession(peerKey, acceptors, acceptor, 77, uint32(a.SeqNumber))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		message := bytes.Repeat([]byte{'x'}, i*17)
		carry(t, session, peer, message)
		carry(t, peer, session, message)
		mic, err := session.Sign(message)
		if err != nil {
			t.Fatal(err)
		}
		if err := peer.Verify(message, mic); err != nil {
			t.Errorf("verify signature %d: %v", i, err)
		}
	}
}

func carry(t *testing.T, from, to *Session, message []byte) {
	t.Helper()
	header, sealed, err := from.Seal(message)
	if err != nil {
		t.Fatal(err)
	}
	if len(sealed) != len(message) {
		t.Errorf("%d bytes became %d", len(message), len(sealed))
	}
	plain, err := to.Unseal(append(header, sealed...))
	if err != nil || !bytes.Equal(plain, message) {
		t.Errorf("message came as %q, %v", plain, err)
	}
}

func TestAcceptRefuses(t *testing.T) {
	refusal := messages.NewKRBError(types.NewPrincipalName(nametype.KRB_NT_SRV_INST, "HTTP/srv"), "SIM", 37, "")
	b, err := refusal.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	skew, err := frame(tokenError, b)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(srv *service)
		token  func(reply []byte) []byte
		want   string
		proof  bool
	}{
		{"another request's", func(s *service) { s.cusec = 1 }, nil, "answers another request", true},
		{"another key's", func(s *service) { s.sessionKey.KeyValue = bytes.Repeat([]byte{8}, 32) }, nil, "did not prove", true},
		{"no AES subkey", func(s *service) {
			s.subkey = types.EncryptionKey{KeyType: etypeID.RC4_HMAC, KeyValue: make([]byte, 16)}
		}, nil, "encryption type 23", false},
		{"a subkey of a wrong length", func(s *service) { s.subkey.KeyValue = s.subkey.KeyValue[:5] }, nil, "key of 5 bytes", false},
		{"nothing", nil, func([]byte) []byte { return nil }, "not a Kerberos token", false},
		{"too long", nil, func([]byte) []byte { return make([]byte, maxTokenSize+1) }, "too long", false},
		{"an AP-REQ", nil, func(r []byte) []byte { return bytes.Replace(r, []byte{2, 0, 'o'}, []byte{1, 0, 'o'}, 1) }, "type 0x0100", false},
		{"a refusal", nil, func([]byte) []byte { return skew }, "SKEW", false},
		{"another mechanism", nil, func(r []byte) []byte { return bytes.Replace(r, []byte{0x12, 1, 2, 2}, []byte{0x12, 1, 2, 3}, 1) }, "mechanism", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := newService(etypeID.AES256_CTS_HMAC_SHA1_96)
			s, err := NewSignIn(srv.credential(t), nil, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			credential := srv.sessionKey
			_, reply := srv.answer(t, s.Token())
			if tt.change != nil {
				tt.change(srv)
				if !bytes.Equal(credential.KeyValue, srv.sessionKey.KeyValue) {
					reply = forge(t, srv, s)
				} else {
					_, reply = srv.answer(t, s.Token())
				}
			}
			if tt.token != nil {
				reply = tt.token(reply)
			}
			session, err := s.Accept(reply)
			if err == nil || !strings.Contains(err.Error(), tt.want) || session != nil {
				t.Fatalf("%v, error %v, want one with %q", session, err, tt.want)
			}
			if errors.Is(err, ErrNotProven) != tt.proof {
				t.Errorf("%v: is it ErrNotProven? want %v", err, tt.proof)
			}
		})
	}
	t.Run("no AES ticket", func(t *testing.T) {
		c := newService(etypeID.AES256_CTS_HMAC_SHA1_96).credential(t)
		c.Key.KeyType = etypeID.RC4_HMAC
		if _, err := NewSignIn(c, nil, time.Now()); err == nil || !strings.Contains(err.Error(), "AES keys") {
			t.Errorf("error %v", err)
		}
	})
}

// forge makes an AP-REP by who does not have the session key.
func forge(t *testing.T, srv *service, s *SignIn) []byte {
	t.Helper()
	imposter := newService(etypeID.AES256_CTS_HMAC_SHA1_96)
	imposter.sessionKey = srv.sessionKey
	other, err := NewSignIn(imposter.credential(t), nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	other.authenticator.CTime, other.authenticator.Cusec = s.authenticator.CTime, s.authenticator.Cusec
	if other.token, err = other.request(); err != nil {
		t.Fatal(err)
	}
	_, reply := imposter.answer(t, other.token)
	return reply
}

// pair is a client and its server.
func pair(t testing.TB) (*Session, *Session) {
	t.Helper()
	k := key(etypeID.AES256_CTS_HMAC_SHA1_96, 5)
	c, err := newSession(k, true, initiator, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSession(k, true, acceptor, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

// rotate turns a token to another RRC.
func rotate(token []byte, to int) []byte {
	body := token[16:]
	was := int(binary.BigEndian.Uint16(token[6:])) % len(body)
	straight := append(append([]byte(nil), body[was:]...), body[:was]...)
	at := len(straight) - to%len(straight)
	out := append(append([]byte(nil), token[:16]...), straight[at:]...)
	binary.BigEndian.PutUint16(out[6:], uint16(to))
	return append(out, straight[:at]...)
}

func TestUnsealHonoursRotation(t *testing.T) {
	for _, rotation := range []int{0, 1, 12, 28, 44, 59, 65535} {
		t.Run(fmt.Sprint(rotation), func(t *testing.T) {
			client, server := pair(t)
			header, sealed, err := server.Seal([]byte("hello, world"))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := client.Unseal(rotate(append(header, sealed...), rotation))
			if err != nil || string(plain) != "hello, world" {
				t.Errorf("%q, %v", plain, err)
			}
		})
	}
}

// A token with filler, as MS-KILE section 3.4.5.4.1 describes it.
func TestUnsealHonoursFiller(t *testing.T) {
	client, server := pair(t)
	h := server.header(tokenWrap, flagSealed, acceptor, server.sent)
	copy(h[4:8], []byte{0, 16, 0, 0})
	text := append(append([]byte("hello"), make([]byte, 16)...), h...)
	_, c, err := server.et.EncryptMessage(server.key.KeyValue, text, usageAcceptorSeal)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := client.Unseal(rotate(append(h, c...), 28))
	if err != nil || string(plain) != "hello" {
		t.Errorf("%q, %v", plain, err)
	}
}

func TestUnsealRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(token []byte) []byte
		want   string
	}{
		{"altered text", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "integrity"},
		{"not sealed", func(b []byte) []byte { b[2] &^= flagSealed; return b }, "flags"},
		{"our own direction", func(b []byte) []byte { b[2] &^= flagByAcceptor; return b }, "flags"},
		{"another key", func(b []byte) []byte { b[2] &^= flagAcceptorSubkey; return b }, "flags"},
		{"another number", func(b []byte) []byte { b[15]++; return b }, "number 3 where 2 was due"},
		{"another type", func(b []byte) []byte { b[0] = 4; return b }, "type 0404"},
		{"malformed filler", func(b []byte) []byte { b[3] = 0; return b }, "malformed header"},
		{"altered filler", func(b []byte) []byte { b[5] = 1; return b }, "altered"},
		{"filler longer than the text", func(b []byte) []byte { b[4] = 0xFF; return b }, "shorter than its filler"},
		{"cut", func(b []byte) []byte { return b[:len(b)-1] }, "integrity"},
		{"cut to the header", func(b []byte) []byte { return b[:16] }, "without text"},
		{"cut in the header", func(b []byte) []byte { return b[:15] }, "too short"},
		{"cut in the checksum", func(b []byte) []byte { return b[:40] }, "too few"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, server := pair(t)
			header, sealed, err := server.Seal([]byte("hello, world"))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := client.Unseal(tt.change(append(header, sealed...)))
			if err == nil || !strings.Contains(err.Error(), tt.want) || plain != nil {
				t.Errorf("%q, error %v, want one with %q", plain, err, tt.want)
			}
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	client, server := pair(t)
	mic, err := server.Sign([]byte("list"))
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Verify([]byte("another list"), mic); err == nil {
		t.Error("a signature of something else is taken")
	}
	if err := client.Verify([]byte("list"), mic[:20]); err == nil {
		t.Error("a cut signature is taken")
	}
	if err := client.Verify([]byte("list"), mic); err != nil {
		t.Errorf("the right signature: %v", err)
	}
}

func TestSessionTellsNothing(t *testing.T) {
	client, _ := pair(t)
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, client); strings.Contains(text, fmt.Sprint(client.key.KeyValue)) || strings.Contains(text, "0x5") {
			t.Errorf("%s tells the key: %s", format, text)
		}
	}
}

func FuzzGSSToken(f *testing.F) {
	srv := newService(etypeID.AES256_CTS_HMAC_SHA1_96)
	credential := srv.credential(f)
	s, err := NewSignIn(credential, nil, time.Unix(1e9, 0))
	if err != nil {
		f.Fatal(err)
	}
	_, reply := srv.answer(f, s.Token())
	client, server := pair(f)
	header, sealed, err := server.Seal([]byte("hello, world"))
	if err != nil {
		f.Fatal(err)
	}
	mic, err := server.Sign([]byte("list"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(reply)
	f.Add(append(header, sealed...))
	f.Add(mic)
	f.Add([]byte("\x60\x02\x06\x00"))
	f.Fuzz(func(t *testing.T, token []byte) {
		_, _ = s.Accept(token)
		c := *client
		if plain, err := c.Unseal(token); err == nil && len(plain) > len(token) {
			t.Errorf("%d bytes out of %d", len(plain), len(token))
		}
		c = *client
		_ = c.Verify([]byte("list"), token)
	})
}

// TestAESKeys opens what the library sealed, of every length near two blocks and
// many, in place and joined, and nothing that was altered anywhere. The library
// opens what the keys sealed.
func TestAESKeys(t *testing.T) {
	for _, kind := range []int32{etypeID.AES128_CTS_HMAC_SHA1_96, etypeID.AES256_CTS_HMAC_SHA1_96} {
		k := key(kind, 5)
		et, err := sealingType(kind)
		if err != nil {
			t.Fatal(err)
		}
		o, err := newAESKeys(k, et, usageAcceptorSeal)
		if err != nil {
			t.Fatal(err)
		}
		for size := range 100 {
			plain := bytes.Repeat([]byte("0123456789abcdefg"), 10)[:headerSize+size]
			_, c, err := et.EncryptMessage(k.KeyValue, plain, usageAcceptorSeal)
			if err != nil {
				t.Fatal(err)
			}
			for cut := aes.BlockSize; cut <= len(c)-aes.BlockSize-o.size; cut++ {
				text := bytes.Clone(c)
				if err := o.open(text[:cut:cut], text[cut:]); err != nil {
					t.Fatalf("%d bytes cut at %d: %v", size, cut, err)
				}
				if got := text[aes.BlockSize : len(text)-o.size]; !bytes.Equal(got, plain) {
					t.Fatalf("%d bytes cut at %d: %q", size, cut, got)
				}
			}
			ours := slices.Concat(make([]byte, aes.BlockSize), plain, make([]byte, o.size))
			o.seal(ours)
			if got, err := et.DecryptMessage(k.KeyValue, ours, usageAcceptorSeal); err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("the library opens %d bytes as %q, %v", size, got, err)
			}
			for at := range c {
				text := bytes.Clone(c)
				text[at] ^= 1 << (at % 8)
				if err := o.open(text[:aes.BlockSize], text[aes.BlockSize:]); err == nil {
					t.Fatalf("%d bytes altered at %d are taken", size, at)
				}
			}
		}
	}
}

// BenchmarkSeal is what sealing a request costs.
func BenchmarkSeal(b *testing.B) {
	client, _ := pair(b)
	request := bytes.Repeat([]byte("<w:Selector>"), 130)
	b.SetBytes(int64(len(request)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := client.Seal(request); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnseal is what opening an answer costs, beside the cipher and the
// checksum alone.
func BenchmarkUnseal(b *testing.B) {
	plain := bytes.Repeat([]byte("<State>3</State>"), 16<<10)
	b.Run("token", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		b.ReportAllocs()
		client, server := pair(b)
		header, sealed, err := server.Seal(plain)
		if err != nil {
			b.Fatal(err)
		}
		token := append(header, sealed...)
		scratch := make([]byte, 0, len(token))
		for b.Loop() {
			client.taken = 2 // the same token again, which is opened in place
			if _, err := client.Unseal(append(scratch[:0], token...)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("cipher", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		block, err := aes.NewCipher(make([]byte, 32))
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			cipher.NewCBCDecrypter(block, make([]byte, 16)).CryptBlocks(plain, plain)
			mac := hmac.New(sha1.New, make([]byte, 32))
			mac.Write(plain)
			mac.Sum(nil)
		}
	})
}
