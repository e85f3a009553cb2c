package ntlm

import (
	"bytes"
	"crypto/md5"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dpremote/internal/captures"

	"github.com/google/go-cmp/cmp"
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

// The examples of MS-NLMP section 4.2.4.
func TestSpecificationKeys(t *testing.T) {
	a := NewAccount("User", "Domain", "Password")
	if diff := cmp.Diff(unhex(t, "0c868a403bfd7a93a3001ef22ef02e3f"), a.key()); diff != "" {
		t.Errorf("NTOWFv2 (-want +got):\n%s", diff)
	}
	pairs := []pair{{2, encode("Domain")}, {1, encode("Server")}}
	temp := unhex(t, "0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000")
	temp = append(appendPairs(temp, pairs), 0, 0, 0, 0)
	proof := hmacMD5(a.key(), unhex(t, "0123456789abcdef"), temp)
	if diff := cmp.Diff(unhex(t, "68cd0ab851e51c96aabc927bebef6a1c"), proof); diff != "" {
		t.Errorf("NTProofStr (-want +got):\n%s", diff)
	}
	baseKey := hmacMD5(a.key(), proof)
	if diff := cmp.Diff(unhex(t, "8de40ccadbc14a82f15cb0ad0de95ca3"), baseKey); diff != "" {
		t.Errorf("SessionBaseKey (-want +got):\n%s", diff)
	}
	encrypted, err := rc4Once(baseKey, bytes.Repeat([]byte{0x55}, 16))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(unhex(t, "c5dad2544fc9799094ce1ce90bc9d03e"), encrypted); diff != "" {
		t.Errorf("EncryptedRandomSessionKey (-want +got):\n%s", diff)
	}
}

func TestSpecificationSeal(t *testing.T) {
	s, err := newSession(bytes.Repeat([]byte{0x55}, 16), client)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(unhex(t, "59f600973cc4960a25480a7c196e4c58"), s.out.sealKey); diff != "" {
		t.Errorf("client sealing key (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(unhex(t, "4788dc861b4782f35d43fd98fe1a2d39"), s.out.signKey); diff != "" {
		t.Errorf("client signing key (-want +got):\n%s", diff)
	}
	signature, sealed := s.Seal(encode("Plaintext"))
	if diff := cmp.Diff(unhex(t, "54e50165bf1936dc996020c1811b0f06fb5f"), sealed); diff != "" {
		t.Errorf("sealed message (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(unhex(t, "010000007fb38ec5c55d497600000000"), signature); diff != "" {
		t.Errorf("signature (-want +got):\n%s", diff)
	}
}

// recorded is a sign-in and a sealed exchange of programs that are not ours.
type recorded struct {
	negotiate, challenge, authenticate []byte
	clientMIC, serverMIC               []byte
	request, response                  []byte // signature and ciphertext
}

func record(t testing.TB) recorded {
	t.Helper()
	read := func(name string) []byte {
		return captures.In(t, capturesDir).Read(t, path.Join("sealed", "ntlm", name))
	}
	up, down := read("client-to-server.bin"), read("server-to-client.bin")
	tokens := func(b []byte) (out [][]byte) {
		for _, m := range regexp.MustCompile(`Negotiate ([A-Za-z0-9+/=]+)`).FindAllSubmatch(b, -1) {
			token, err := base64.StdEncoding.DecodeString(string(m[1]))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, token)
		}
		return out
	}
	part := func(b []byte) []byte {
		_, b, _ = bytes.Cut(b, []byte("Content-Type: application/octet-stream\r\n"))
		return bytes.TrimSuffix(bytes.TrimSpace(b), []byte("--Encrypted Boundary--"))[4:]
	}
	from := func(token []byte, size int) []byte {
		at := bytes.Index(token, []byte(signature))
		return token[at : at+size]
	}
	ups, downs := tokens(up), tokens(down)
	return recorded{
		negotiate: from(ups[0], 40), challenge: from(downs[0], 0x7e), authenticate: from(ups[1], 0x11e),
		clientMIC: ups[1][len(ups[1])-16:], serverMIC: downs[1][len(downs[1])-16:],
		request: part(up), response: part(down),
	}
}

// exportedKey finds the session key as the server of the record does.
func (r recorded) exportedKey(t testing.TB, a *Account) []byte {
	t.Helper()
	m := r.authenticate
	response, err := field(m, 20)
	if err != nil {
		t.Fatal(err)
	}
	c, err := parseChallenge(r.challenge)
	if err != nil {
		t.Fatal(err)
	}
	proof := hmacMD5(a.key(), c.nonce, response[16:])
	if diff := cmp.Diff(response[:16], proof); diff != "" {
		t.Fatalf("the recorded proof of the password (-want +got):\n%s", diff)
	}
	encrypted, err := field(m, 52)
	if err != nil {
		t.Fatal(err)
	}
	key, err := rc4Once(hmacMD5(a.key(), proof), encrypted)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestRecorded(t *testing.T) {
	r := record(t)
	key := r.exportedKey(t, NewAccount("wsuser", "TESTDOM", "Wsman-Pass1"))
	t.Run("message integrity code", func(t *testing.T) {
		m := slices.Clone(r.authenticate)
		want := slices.Clone(m[micOffset:authenticateSize])
		clear(m[micOffset:authenticateSize])
		if diff := cmp.Diff(want, hmacMD5(key, r.negotiate, r.challenge, m)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	list, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}})
	if err != nil {
		t.Fatal(err)
	}
	// As a client: what the recorded client sent must be what we send, and
	// what the recorded server sent must open.
	s, err := newSession(key, client)
	if err != nil {
		t.Fatal(err)
	}
	mic, err := s.Sign(list)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.clientMIC, mic); diff != "" {
		t.Errorf("mechListMIC (-want +got):\n%s", diff)
	}
	if err := s.Verify(list, r.serverMIC); err != nil {
		t.Errorf("verify the server's mechListMIC: %v", err)
	}
	sig, sealed := s.Seal(captures.In(t, capturesDir).Read(t, "sealed/ntlm/request.xml"))
	if diff := cmp.Diff(r.request, slices.Concat(sig, sealed)); diff != "" {
		t.Errorf("sealed request (-want +got):\n%s", diff)
	}
	plain, err := s.Unseal(r.response[:16], r.response[16:])
	if err != nil {
		t.Fatalf("unseal the response: %v", err)
	}
	if diff := cmp.Diff(string(captures.In(t, capturesDir).Read(t, "sealed/ntlm/response.xml")), string(plain)); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}
	if _, err := s.Unseal(r.response[:16], r.response[16:]); err == nil || !strings.Contains(err.Error(), "number 1 where 2 was due") {
		t.Errorf("a repeated message: %v", err)
	}
}

// challengeMessage makes a CHALLENGE_MESSAGE.
func challengeMessage(flags uint32, pairs ...pair) []byte {
	info := appendPairs(nil, pairs)
	m := make([]byte, 56)
	copy(m, signature)
	binary.LittleEndian.PutUint32(m[8:], 2)
	binary.LittleEndian.PutUint32(m[20:], flags)
	copy(m[24:], "\x01\x02\x03\x04\x05\x06\x07\x08")
	binary.LittleEndian.PutUint16(m[40:], uint16(len(info)))
	binary.LittleEndian.PutUint32(m[44:], 56)
	return append(m, info...)
}

// Times of a server and of a client, as FILETIME.
var (
	serverTime = binary.LittleEndian.AppendUint64(nil, 0x01DC000000000000)
	clientTime = time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
)

func TestAuthenticate(t *testing.T) {
	bindings := bytes.Repeat([]byte{7}, 16)
	serverPairs := []pair{{1, encode("SRV")}, {avFlags, []byte{1, 0, 0, 0}}, {avTargetName, encode("forged")}}
	tests := []struct {
		name    string
		options Options
		pairs   []pair
		time    []byte
		want    []pair
	}{
		{"the server's time", Options{TargetName: "HTTP/srv", ChannelBindings: bindings}, append(serverPairs, pair{avTimestamp, serverTime}), serverTime,
			[]pair{{1, encode("SRV")}, {avTimestamp, serverTime}, {avFlags, []byte{3, 0, 0, 0}}, {avChannelBindings, bindings}, {avTargetName, encode("HTTP/srv")}}},
		{"no time, no TLS, no name", Options{}, nil, binary.LittleEndian.AppendUint64(nil, 133802606450000000),
			[]pair{{avFlags, []byte{2, 0, 0, 0}}, {avChannelBindings, make([]byte, 16)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.options.Now = func() time.Time { return clientTime }
			tt.options.Rand = strings.NewReader("nonce..|the session key!")
			a := NewAccount("u", "D", "p")
			s := NewSignIn(a, tt.options)
			challenge := challengeMessage(flagsAsked|flagTargetInfo, tt.pairs...)
			m, session, err := s.Authenticate(challenge)
			if err != nil {
				t.Fatal(err)
			}
			r := recorded{negotiate: s.Negotiate(), challenge: challenge, authenticate: m}
			if diff := cmp.Diff("the session key!", string(r.exportedKey(t, a))); diff != "" {
				t.Errorf("session key (-want +got):\n%s", diff)
			}
			response, err := field(m, 20)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.time, response[24:32]); diff != "" {
				t.Errorf("time (-want +got):\n%s", diff)
			}
			got, err := parsePairs(response[44:])
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(pair{})); diff != "" {
				t.Errorf("target information (-want +got):\n%s", diff)
			}
			mic := slices.Clone(m[micOffset:authenticateSize])
			clear(m[micOffset:authenticateSize])
			if diff := cmp.Diff(hmacMD5([]byte("the session key!"), s.Negotiate(), challenge, m), mic); diff != "" {
				t.Errorf("message integrity code (-want +got):\n%s", diff)
			}
			peer, err := newSession([]byte("the session key!"), server)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				message := fmt.Appendf(nil, "message %d", i)
				plain, err := peer.Unseal(session.Seal(message))
				if err != nil || !bytes.Equal(plain, message) {
					t.Errorf("message %d came as %q, %v", i, plain, err)
				}
			}
		})
	}
}

func TestChallengeRefused(t *testing.T) {
	full := flagsAsked | flagTargetInfo
	cut := challengeMessage(full, pair{1, []byte("ab")})
	binary.LittleEndian.PutUint16(cut[58:], 100)
	outside := challengeMessage(full)
	binary.LittleEndian.PutUint32(outside[44:], 0xFFFFFFF0)
	tests := []struct {
		name    string
		message []byte
		want    string
	}{
		{"empty", nil, "not an NTLM message"},
		{"something else", []byte(strings.Repeat("x", 100)), "not an NTLM message"},
		{"our own first message", append(negotiate(), make([]byte, 20)...), "type 1"},
		{"too long", make([]byte, maxChallengeSize+1), "too long"},
		{"NTLMv1", challengeMessage(full &^ flagExtended), "does not offer NTLMv2"},
		{"40 bit", challengeMessage(full &^ flag128), "does not offer NTLMv2 with 128 bit"},
		{"no sealing", challengeMessage(full &^ flagSeal), "lacking 0x00000020"},
		{"no target information", challengeMessage(full &^ flagTargetInfo), "lacking"},
		{"target information outside", outside, "outside the message"},
		{"target information cut", cut, "is cut"},
		{"a strange time", challengeMessage(full, pair{avTimestamp, []byte{1}}), "8 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, s, err := NewSignIn(NewAccount("u", "d", "p"), Options{}).Authenticate(tt.message)
			if err == nil || !strings.Contains(err.Error(), tt.want) || m != nil || s != nil {
				t.Errorf("%x, %v, error %v, want one with %q", m, s, err, tt.want)
			}
		})
	}
}

func TestUnsealRefuses(t *testing.T) {
	key := make([]byte, 16)
	tests := []struct {
		name   string
		change func(signature, sealed []byte) ([]byte, []byte)
		want   string
	}{
		{"altered text", func(g, c []byte) ([]byte, []byte) { c[0] ^= 1; return g, c }, "does not match"},
		{"altered signature", func(g, c []byte) ([]byte, []byte) { g[5] ^= 1; return g, c }, "does not match"},
		{"another version", func(g, c []byte) ([]byte, []byte) { g[0] = 2; return g, c }, "does not match"},
		{"another number", func(g, c []byte) ([]byte, []byte) { g[12] = 9; return g, c }, "number 9 where 0"},
		{"short signature", func(g, c []byte) ([]byte, []byte) { return g[:15], c }, "15 bytes"},
		{"no signature", func(_, c []byte) ([]byte, []byte) { return nil, c }, "0 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			from, err := newSession(key, server)
			if err != nil {
				t.Fatal(err)
			}
			to, err := newSession(key, client)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := to.Unseal(tt.change(from.Seal([]byte("hello")))); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestAccountTellsNothing(t *testing.T) {
	a := NewAccount("user", "DOM", "s3cret")
	holder := struct{ a *Account }{a}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, text := range []string{fmt.Sprintf(format, a), fmt.Sprintf(format, holder)} {
			for _, secret := range []string{"s3cret", hex.EncodeToString(a.key()), string(a.key()), fmt.Sprint(a.key())} {
				if strings.Contains(text, secret) {
					t.Errorf("%s tells the secret: %s", format, text)
				}
			}
		}
	}
	if got := NewAccount("user@dom.example", "", "x").String(); got != "user@dom.example" {
		t.Errorf("a name without domain is %q", got)
	}
}

func FuzzNTLMChallenge(f *testing.F) {
	f.Add(challengeMessage(flagsAsked | flagTargetInfo))
	f.Add(challengeMessage(flagsAsked|flagTargetInfo, pair{avTimestamp, serverTime}, pair{1, encode("SRV")}))
	f.Add(challengeMessage(flagsAsked|flagTargetInfo, pair{avFlags, []byte{1}}))
	f.Add([]byte(signature))
	account := NewAccount("u", "d", "p")
	f.Fuzz(func(t *testing.T, challenge []byte) {
		s := NewSignIn(account, Options{TargetName: "HTTP/x", ChannelBindings: make([]byte, md5.Size)})
		m, session, err := s.Authenticate(challenge)
		if err != nil {
			if m != nil || session != nil {
				t.Fatalf("an error %v with an answer", err)
			}
			return
		}
		response, err := field(m, 20)
		if err != nil {
			t.Fatal(err)
		}
		pairs, err := parsePairs(response[44:])
		if err != nil {
			t.Fatal(err)
		}
		if v := find(pairs, avFlags); len(v) != 4 || v[0]&byte(avFlagMIC) == 0 {
			t.Fatalf("the flags %x do not promise a message integrity code", v)
		}
	})
}
