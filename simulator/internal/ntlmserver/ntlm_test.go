package ntlmserver

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The example of MS-NLMP section 4.2.4: user User of Domain, password Password.
const (
	exampleChallenge = `4e544c4d53535000 02000000 0c000c0038000000 33828ae2 0123456789abcdef 0000000000000000
		2400240044000000 060070170000000f 530065007200760065007200
		02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000`
	exampleProof  = `68cd0ab851e51c96aabc927bebef6a1c`
	exampleClient = `0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000
		02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000 00000000`
	exampleKey   = `c5dad2544fc9799094ce1ce90bc9d03e` // EncryptedRandomSessionKey
	exampleFlags = 0xe2888235
)

func example() *Server {
	return &Server{
		Computer: "SERVER", Domain: "DOMAIN",
		Now: func() time.Time { return time.Unix(1700000000, 0) },
		Password: func(user, domain string) (string, bool) {
			return "Password", strings.EqualFold(user, "User") && domain == "Domain"
		},
	}
}

// exampleAnswer is the example's AUTHENTICATE_MESSAGE.
func exampleAnswer(t testing.TB) []byte {
	return answer{
		flags: exampleFlags, domain: "Domain", user: "User",
		response: append(unhex(t, exampleProof), unhex(t, exampleClient)...), key: unhex(t, exampleKey),
	}.marshal()
}

// answer is an AUTHENTICATE_MESSAGE to be made, with room for a MIC.
type answer struct {
	flags         uint32
	domain, user  string
	response, key []byte
}

func (a answer) marshal() []byte {
	m := make([]byte, micEnd)
	copy(m, signature)
	binary.LittleEndian.PutUint32(m[8:], typeAuthorize)
	binary.LittleEndian.PutUint32(m[60:], a.flags)
	for _, f := range []struct {
		at    int
		value []byte
	}{{12, make([]byte, 24)}, {20, a.response}, {28, encodeText(a.domain, a.flags)}, {36, encodeText(a.user, a.flags)}, {52, a.key}} {
		putField(m[f.at:], len(f.value), len(m))
		m = append(m, f.value...)
	}
	return m
}

// negotiate is a NEGOTIATE_MESSAGE.
func negotiate(flags uint32) []byte {
	m := append([]byte(signature), 1, 0, 0, 0)
	m = binary.LittleEndian.AppendUint32(m, flags)
	return append(m, make([]byte, 24)...)
}

func TestExampleOfSpecification(t *testing.T) {
	s := example()
	s.Challenge = unhex(t, exampleChallenge)
	x := s.Begin()
	reply, err := x.Accept(negotiate(exampleFlags))
	if err != nil || !bytes.Equal(reply, s.Challenge) {
		t.Fatalf("challenge %x: %v", reply, err)
	}
	if reply, err = x.Accept(exampleAnswer(t)); err != nil || reply != nil {
		t.Fatalf("reply %x: %v", reply, err)
	}
	if x.User() != `Domain\User` {
		t.Errorf("user %q", x.User())
	}
	session := x.Session()
	if got := hex.EncodeToString(session.receive.signKey[:]); got != "4788dc861b4782f35d43fd98fe1a2d39" {
		t.Errorf("client's SignKey %s", got)
	}
	if got := hex.EncodeToString(session.receive.sealKey[:]); got != "59f600973cc4960a25480a7c196e4c58" {
		t.Errorf("client's SealKey %s", got)
	}
	text, err := session.Open(unhex(t, "01000000 7fb38ec5c55d4976 00000000"), unhex(t, "54e50165bf1936dc996020c1811b0f06fb5f"))
	if err != nil || !bytes.Equal(text, encodeText("Plaintext", flagUnicode)) {
		t.Errorf("opened %q: %v", text, err)
	}
}

func TestResponseKey(t *testing.T) {
	if got := hex.EncodeToString(responseKey("Password", "User", "Domain")); got != "0c868a403bfd7a93a3001ef22ef02e3f" {
		t.Errorf("NTOWFv2 is %s", got)
	}
}

func TestChallenge(t *testing.T) {
	const always = flagNTLM | flagTargetInfo | flagTargetServer
	for _, c := range []struct {
		name         string
		asked, given uint32
		target       string
	}{
		{"all", 0xFFFFFFFF, always | echoed | flagUnicode, "SERVER"},
		{"Unicode alone", flagUnicode, always | flagUnicode, "SERVER"},
		{"OEM alone", flagOEM | flagExtendedSession, always | flagOEM | flagExtendedSession, "SERVER"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := example().Begin().Accept(negotiate(c.asked))
			if err != nil {
				t.Fatal(err)
			}
			flags, nonce, err := readChallenge(m)
			if err != nil || flags != c.given || bytes.Equal(nonce, make([]byte, 8)) {
				t.Errorf("flags %08x, want %08x; nonce %x: %v", flags, c.given, nonce, err)
			}
			raw, err := field(m, 12)
			if err != nil {
				t.Fatal(err)
			}
			if name, err := decodeText(raw, flags); name != c.target || err != nil {
				t.Errorf("target %q, want %q: %v", name, c.target, err)
			}
			if raw, err = field(m, 40); err != nil {
				t.Fatal(err)
			}
			got, err := readAttributes(raw)
			want := map[uint16][]byte{
				avComputer: encodeText("SERVER", flagUnicode), avDNSComputer: encodeText("SERVER", flagUnicode),
				avDomain: encodeText("DOMAIN", flagUnicode), avDNSDomain: encodeText("DOMAIN", flagUnicode),
				avTimestamp: unhex(t, "00006dc64717da01"),
			}
			if d := cmp.Diff(want, got); d != "" || err != nil {
				t.Errorf("%v: %s", err, d)
			}
		})
	}
}

// client makes what a client makes of a challenge.
type client struct {
	flags                  uint32
	user, domain, password string
	attributes             []byte // of the response, without the end
	mic                    bool
	key                    []byte // ExportedSessionKey
}

func (c client) answer(t testing.TB, greeting, challenge []byte) []byte {
	t.Helper()
	_, nonce, err := readChallenge(challenge)
	if err != nil {
		t.Fatal(err)
	}
	attributes := c.attributes
	if c.mic {
		attributes = append(attributes, avFlags, 0, 4, 0, avFlagMIC, 0, 0, 0)
	}
	temp := append(unhex(t, "0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000"), attributes...)
	temp = append(temp, 0, 0, 0, 0)
	key := responseKey(c.password, c.user, c.domain)
	proof := hmacMD5(key, nonce, temp)
	base := hmacMD5(key, proof)
	a := answer{flags: c.flags, domain: c.domain, user: c.user, response: append(proof[:len(proof):len(proof)], temp...)}
	exported := base
	if c.flags&flagKeyExchange != 0 {
		exported, a.key = c.key, make([]byte, len(c.key))
		newRC4([16]byte(base)).XORKeyStream(a.key, c.key)
	}
	m := a.marshal()
	if c.mic {
		copy(m[micOffset:micEnd], hmacMD5(exported, greeting, challenge, m))
	}
	return m
}

func TestVerify(t *testing.T) {
	const usual = flagUnicode | flagSign | flagSeal | flagExtendedSession | flag128 | flagKeyExchange
	right := client{flags: usual, user: "User", domain: "Domain", password: "Password", mic: true, key: []byte("0123456789ABCDEF")}
	bindings := func(sum string) []byte { return append([]byte{avChannelBindings, 0, byte(len(sum)), 0}, sum...) }
	for _, c := range []struct {
		name   string
		client func(*client)
		alter  func(m []byte) []byte
		want   string // in the error
	}{
		{"right", nil, nil, ""},
		{"user in small letters", func(c *client) { c.user = "user" }, nil, ""},
		{"no MIC", func(c *client) { c.mic = false }, nil, ""},
		{"no key exchange", func(c *client) { c.flags &^= flagKeyExchange }, nil, ""},
		{"OEM", func(c *client) { c.flags = flagOEM }, nil, ""},
		{"right bindings", func(c *client) { c.attributes = bindings("right bindings 1") }, nil, ""},
		{"wrong bindings", func(c *client) { c.attributes = bindings("wrong bindings 1") }, nil, "bindings refused"},
		{"short bindings", func(c *client) { c.attributes = bindings("short") }, nil, "channel bindings"},
		{"wrong password", func(c *client) { c.password = "password" }, nil, "user or password"},
		{"unknown user", func(c *client) { c.user = "Nobody" }, nil, "user or password"},
		{"domain in other letters", func(c *client) { c.domain = "DOMAIN" }, nil, "user or password"},
		{"no user", func(c *client) { c.user = "" }, nil, "user or password"},
		{"altered MIC", nil, func(m []byte) []byte { m[micOffset] ^= 1; return m }, "MIC"},
		{"altered flags", nil, func(m []byte) []byte { m[60] ^= flagSign; return m }, "MIC"},
		{"altered proof", nil, func(m []byte) []byte {
			m[binary.LittleEndian.Uint32(m[24:])] ^= 1
			return m
		}, "user or password"},
		{"NTLMv1", nil, func(m []byte) []byte { putField(m[20:], 24, micEnd); return m }, "not NTLMv2"},
		{"no response", nil, func(m []byte) []byte { putField(m[20:], 0, 0); return m }, "not NTLMv2"},
		{"other response version", nil, func(m []byte) []byte {
			m[binary.LittleEndian.Uint32(m[24:])+16] = 2
			return m
		}, "not NTLMv2"},
		{"field beyond the end", nil, func(m []byte) []byte { putField(m[28:], 8, len(m)-7); return m }, "malformed"},
		{"field at the edge of numbers", nil, func(m []byte) []byte { putField(m[28:], 0xFFFF, 0xFFFFFFFF); return m }, "malformed"},
		{"odd name", nil, func(m []byte) []byte { putField(m[36:], 7, micEnd); return m }, "odd number"},
		{"short session key", nil, func(m []byte) []byte { putField(m[52:], 8, micEnd); return m }, "EncryptedRandomSessionKey"},
		{"cut", nil, func(m []byte) []byte { return m[:40] }, "malformed"},
		{"another challenge", nil, func([]byte) []byte { return negotiate(usual) }, "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := example()
			s.Bindings = func(sum [16]byte) error {
				if sum != [16]byte{} && string(sum[:]) != "right bindings 1" {
					return errors.New("bindings refused")
				}
				return nil
			}
			by := right
			if c.client != nil {
				c.client(&by)
			}
			x, greeting := s.Begin(), negotiate(by.flags)
			challenge, err := x.Accept(greeting)
			if err != nil {
				t.Fatal(err)
			}
			m := by.answer(t, greeting, challenge)
			if c.alter != nil {
				m = c.alter(m)
			}
			_, err = x.Accept(m)
			switch {
			case c.want == "" && (err != nil || x.User() != by.domain+`\`+by.user):
				t.Errorf("user %q: %v", x.User(), err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || x.User() != "" || x.Session() != nil):
				t.Errorf("user %q: error %v, want one with %q", x.User(), err, c.want)
			}
			if _, err := x.Accept(m); err == nil {
				t.Error("a third token was accepted")
			}
		})
	}
}

func TestFirstToken(t *testing.T) {
	for name, token := range map[string][]byte{
		"empty": nil, "cut": negotiate(flagUnicode)[:14], "no character set": negotiate(0),
		"other magic": append([]byte("NTLMSSX\x00"), negotiate(flagUnicode)[8:]...), "answer first": exampleAnswer(t),
	} {
		t.Run(name, func(t *testing.T) {
			x := example().Begin()
			if reply, err := x.Accept(token); err == nil {
				t.Errorf("accepted: %x", reply)
			}
			if _, err := x.Accept(negotiate(flagUnicode)); err == nil {
				t.Error("the exchange went on after an error")
			}
		})
	}
}

// peer is the client's session for a server's.
func peer(key []byte, flags uint32) *Session {
	s := newSession(key, flags)
	s.send, s.receive = s.receive, s.send
	return s
}

func TestSession(t *testing.T) {
	const all = flagSign | flagSeal | flag128 | flagExtendedSession | flagKeyExchange
	key := []byte("0123456789ABCDEF")
	for _, c := range []struct {
		name  string
		flags uint32
		seals bool
	}{
		{"all", all, true},
		{"no key exchange", all &^ flagKeyExchange, true},
		{"56 bits", all&^flag128 | flag56, false},
		{"40 bits", all &^ flag128, false},
		{"no sealing", all &^ flagSeal, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			server, client := newSession(key, c.flags), peer(key, c.flags)
			if server.CanSeal() != c.seals {
				t.Errorf("CanSeal is %v, want %v", server.CanSeal(), c.seals)
			}
			mic, err := client.SignMechList([]byte("list"))
			if err != nil {
				t.Fatal(err)
			}
			if err := server.VerifyMechList([]byte("list"), mic); err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"one", "", "three"} {
				for _, way := range []struct{ from, to *Session }{{client, server}, {server, client}} {
					header, sealed, err := way.from.Seal([]byte(text))
					if err != nil || len(header) != signatureLength || len(sealed) != len(text) {
						t.Fatalf("header %x, sealed %x: %v", header, sealed, err)
					}
					if got, err := way.to.Open(header, sealed); err != nil || string(got) != text {
						t.Fatalf("%q: %v", got, err)
					}
				}
			}
			header, sealed, err := client.Seal([]byte("text"))
			if err != nil {
				t.Fatal(err)
			}
			sealed[0] ^= 1
			if _, err := server.Open(header, sealed); !errors.Is(err, errSignature) {
				t.Errorf("an altered message: %v", err)
			}
		})
	}
	if s := newSession(key, all&^flagExtendedSession); s != nil {
		t.Error("a session without extended session security")
	}
}

// captured is a file of a recorded sign-in; the test is skipped without it.
func captured(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("../../../../shared/captures/sealed/ntlm", name))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("no recorded sign-in")
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// tokens are the NTLM messages inside of the SPNEGO tokens of a recording.
func tokens(t testing.TB, recording []byte) [][]byte {
	t.Helper()
	var all [][]byte
	for _, m := range regexp.MustCompile(`Negotiate ([A-Za-z0-9+/=]+)`).FindAllSubmatch(recording, -1) {
		token, err := base64.StdEncoding.DecodeString(string(m[1]))
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.Index(token, []byte(signature)); i >= 0 {
			all = append(all, token[i:])
		}
	}
	return all
}

// TestRecordedSignIn verifies a sign-in of a program that was not written here.
// The AUTHENTICATE_MESSAGE is followed by SPNEGO's mechListMIC (20 bytes), which
// no field refers to, but which the MIC would not cover.
func TestRecordedSignIn(t *testing.T) {
	sent, received := tokens(t, captured(t, "client-to-server.bin")), tokens(t, captured(t, "server-to-client.bin"))
	if len(sent) != 2 || len(received) != 1 {
		t.Fatalf("%d and %d messages", len(sent), len(received))
	}
	const micLength = 20
	message, mic := sent[1][:len(sent[1])-micLength], sent[1][len(sent[1])-signatureLength:]
	s := &Server{Challenge: received[0], Password: func(user, domain string) (string, bool) {
		return "Wsman-Pass1", user == "wsuser" && domain == "TESTDOM"
	}}
	x := s.Begin()
	for _, token := range [][]byte{sent[0], message} {
		if _, err := x.Accept(token); err != nil {
			t.Fatal(err)
		}
	}
	if x.User() != `TESTDOM\wsuser` || !x.Session().CanSeal() {
		t.Errorf("user %q", x.User())
	}
	// The list is the one mechanism, NTLMSSP.
	if err := x.Session().VerifyMechList(unhex(t, "300c060a2b06010401823702020a"), mic); err != nil {
		t.Error(err)
	}
	sealed := captured(t, "client-to-server.bin")
	sealed = sealed[bytes.LastIndex(sealed, []byte("octet-stream\r\n"))+len("octet-stream\r\n")+4:]
	sealed = sealed[:bytes.LastIndex(sealed, []byte("--Encrypted Boundary--"))]
	got, err := x.Session().Open(sealed[:16], sealed[16:])
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(captured(t, "request.xml")), string(got)); d != "" {
		t.Error(d)
	}
}

// FuzzAccept feeds any two tokens to a sign-in.
func FuzzAccept(f *testing.F) {
	f.Add(negotiate(exampleFlags), exampleAnswer(f))
	f.Add(negotiate(flagOEM), client{flags: flagOEM, user: "User", domain: "Domain", password: "x"}.answer(f, nil, unhex(f, exampleChallenge)))
	f.Add([]byte(signature), []byte(signature))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := example()
		s.Challenge = unhex(t, exampleChallenge)
		x := s.Begin()
		if _, err := x.Accept(first); err != nil {
			return
		}
		_, err := x.Accept(second)
		if (err == nil) != (x.User() != "") {
			t.Errorf("user %q, error %v", x.User(), err)
		}
	})
}

// FuzzReadAuthenticate reads messages and the attributes in them, whoever they
// are from.
func FuzzReadAuthenticate(f *testing.F) {
	f.Add(exampleAnswer(f))
	f.Fuzz(func(t *testing.T, token []byte) {
		m, err := readAuthenticate(token, 0xFFFFFFFF)
		if err != nil {
			return
		}
		if len(m.user) > 3*len(token) || len(m.domain) > 3*len(token) {
			t.Error("names longer than the message")
		}
		r, err := readNTLMv2(m.response)
		if err != nil {
			return
		}
		for id, value := range r.attributes {
			if !bytes.Contains(token, value) {
				t.Errorf("attribute %d is not from the message", id)
			}
		}
	})
}
