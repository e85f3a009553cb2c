package wsman

import (
	"bytes"
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/rc4"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unicode/utf16"

	//lint:ignore SA1019 MS-NLMP asks for MD4
	"golang.org/x/crypto/md4"
)

// ntlmServer is the server's side of NTLMv2, written from MS-NLMP for these
// tests; it shares no code with the client. A sign-in belongs to a connection.
type ntlmServer struct {
	user, domain, password string

	// What the server does amiss.
	refuse      bool // it refuses whatever is right
	bare        bool // it answers without SPNEGO
	noMIC       bool // it signs no list of mechanisms
	wrongMIC    bool
	plainAnswer bool // it answers in clear text
	damage      func(body []byte) []byte
	status      int // of answers; 0 means 200
	finalStatus int // of the last leg, where not 200

	answer func(request []byte) []byte

	mu          sync.Mutex
	attempts    atomic.Int32 // passwords tried
	connections atomic.Int32
	wire        bytes.Buffer // all that clients sent
	bindings    []byte       // what the last client bound itself to
	targetName  string
	certificate *x509.Certificate
}

type ntlmState struct {
	negotiate, challenge []byte
	signed               bool
	in, out              *rc4.Cipher
	inKey, outKey        []byte
	inSeq, outSeq        uint32
}

type stateKey struct{}

// start serves until the test ends.
func (s *ntlmServer) start(t testing.TB, secure bool) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		s.connections.Add(1)
		return context.WithValue(ctx, stateKey{}, &ntlmState{})
	}
	server.Listener = &recordingListener{server.Listener, s}
	if secure {
		server.StartTLS()
		s.certificate = server.Certificate()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

// recordingListener keeps all bytes that come in.
type recordingListener struct {
	net.Listener
	server *ntlmServer
}

func (l *recordingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &recordingConn{c, l.server}, nil
}

type recordingConn struct {
	net.Conn
	server *ntlmServer
}

func (c *recordingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.server.mu.Lock()
	c.server.wire.Write(p[:n])
	c.server.mu.Unlock()
	return n, err
}

func (s *ntlmServer) serve(w http.ResponseWriter, r *http.Request) {
	state := r.Context().Value(stateKey{}).(*ntlmState)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case scheme == "Negotiate":
		token, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(body) > 0 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		s.signIn(w, state, token)
	case !state.signed:
		w.Header().Set("WWW-Authenticate", "Negotiate")
		w.WriteHeader(http.StatusUnauthorized)
	case r.TLS != nil:
		w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
		_, _ = w.Write(s.answer(body))
	default:
		s.sealed(w, state, body)
	}
}

func (s *ntlmServer) signIn(w http.ResponseWriter, state *ntlmState, token []byte) {
	at := bytes.Index(token, []byte("NTLMSSP\x00"))
	if at < 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	message := token[at:]
	switch message[8] {
	case 1:
		state.negotiate = bytes.Clone(message)
		state.challenge = s.challenge()
		out := state.challenge
		if !s.bare {
			oid := "\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a"
			out = der(0xa1, der(0x30, []byte("\xa0\x03\x0a\x01\x01"), der(0xa1, []byte(oid)), der(0xa2, der(4, out))))
		}
		w.Header().Set("WWW-Authenticate", "Negotiate "+base64.StdEncoding.EncodeToString(out))
		w.WriteHeader(http.StatusUnauthorized)
	case 3:
		var mic []byte
		if !s.bare {
			mic = message[len(message)-16:] // mechListMIC is the token's last member
			message = message[:len(message)-20]
		}
		s.attempts.Add(1)
		if s.refuse || !s.check(state, message, mic) {
			w.Header().Set("WWW-Authenticate", "Negotiate")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		s.accept(w, state)
	}
}

func (s *ntlmServer) accept(w http.ResponseWriter, state *ntlmState) {
	if s.finalStatus != 0 {
		w.WriteHeader(s.finalStatus)
		return
	}
	state.signed = true
	if !s.bare {
		done := [][]byte{[]byte("\xa0\x03\x0a\x01\x00")}
		if !s.noMIC {
			list := []byte("\x30\x0c\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a")
			if s.wrongMIC {
				list[0] = 0
			}
			done = append(done, der(0xa3, der(4, state.signature(state.out, state.outKey, &state.outSeq, list))))
			state.out = stream(state.outKey2())
		}
		w.Header().Set("WWW-Authenticate", "Negotiate "+base64.StdEncoding.EncodeToString(der(0xa1, der(0x30, done...))))
	}
	w.WriteHeader(http.StatusOK)
}

// der is one element.
func der(tag byte, parts ...[]byte) []byte {
	content := bytes.Join(parts, nil)
	out := []byte{tag}
	switch n := len(content); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	default:
		out = append(out, 0x82, byte(n>>8), byte(n))
	}
	return append(out, content...)
}

func (s *ntlmServer) challenge() []byte {
	info := []byte("\x02\x00\x06\x00D\x00O\x00M\x00" + "\x07\x00\x08\x00\x01\x02\x03\x04\x05\x06\xdc\x01" + "\x00\x00\x00\x00")
	m := append([]byte("NTLMSSP\x00\x02\x00\x00\x00\x00\x00\x00\x00\x38\x00\x00\x00\x35\x82\x8a\xe2"), make([]byte, 32)...)
	_, _ = rand.Read(m[24:32])
	binary.LittleEndian.PutUint16(m[40:], uint16(len(info)))
	binary.LittleEndian.PutUint32(m[44:], 56)
	return append(m, info...)
}

// check verifies an AUTHENTICATE_MESSAGE and takes its session key.
func (s *ntlmServer) check(state *ntlmState, m, mic []byte) bool {
	get := func(at int) []byte {
		n, off := binary.LittleEndian.Uint16(m[at:]), binary.LittleEndian.Uint32(m[at+4:])
		return m[off : off+uint32(n)]
	}
	response := get(20)
	hash := md4.New()
	hash.Write(utf16LE(s.password))
	owf := mac(hash.Sum(nil), utf16LE(strings.ToUpper(s.user)+s.domain))
	proof := mac(owf, state.challenge[24:32], response[16:])
	if !bytes.Equal(get(28), utf16LE(s.domain)) || !bytes.Equal(get(36), utf16LE(s.user)) || !hmac.Equal(proof, response[:16]) {
		return false
	}
	key := make([]byte, 16)
	stream(mac(owf, proof)).XORKeyStream(key, get(52))
	blank := bytes.Clone(m)
	copy(blank[72:88], make([]byte, 16))
	if !hmac.Equal(mac(key, state.negotiate, state.challenge, blank), m[72:88]) {
		return false
	}
	s.readPairs(response[44:])
	state.keys(key)
	if s.bare {
		return true
	}
	list := []byte("\x30\x0c\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a")
	ok := hmac.Equal(mic, state.signature(state.in, state.inKey, &state.inSeq, list))
	state.in = stream(state.inKey2())
	return ok
}

func (s *ntlmServer) readPairs(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(b) >= 4 {
		id, n := binary.LittleEndian.Uint16(b), binary.LittleEndian.Uint16(b[2:])
		value := b[4 : 4+n]
		switch id {
		case 0:
			return
		case 9:
			units := make([]uint16, n/2)
			for i := range units {
				units[i] = binary.LittleEndian.Uint16(value[2*i:])
			}
			s.targetName = string(utf16.Decode(units))
		case 10:
			s.bindings = bytes.Clone(value)
		}
		b = b[4+n:]
	}
}

func (st *ntlmState) keys(key []byte) {
	derive := func(way, purpose string) []byte {
		sum := md5.Sum(append(bytes.Clone(key), "session key to "+way+" "+purpose+" key magic constant\x00"...))
		return sum[:]
	}
	// The sign key is followed by the seal key.
	st.inKey = append(derive("client-to-server", "signing"), derive("client-to-server", "sealing")...)
	st.outKey = append(derive("server-to-client", "signing"), derive("server-to-client", "sealing")...)
	st.in, st.out = stream(st.inKey2()), stream(st.outKey2())
	st.inSeq, st.outSeq = 0, 0
}

func (st *ntlmState) inKey2() []byte  { return st.inKey[16:] }
func (st *ntlmState) outKey2() []byte { return st.outKey[16:] }

func (st *ntlmState) signature(c *rc4.Cipher, key []byte, seq *uint32, message []byte) []byte {
	number := binary.LittleEndian.AppendUint32(nil, *seq)
	*seq++
	sum := mac(key[:16], number, message)[:8]
	c.XORKeyStream(sum, sum)
	return bytes.Join([][]byte{{1, 0, 0, 0}, sum, number}, nil)
}

// sealed opens a request and seals its answer.
func (s *ntlmServer) sealed(w http.ResponseWriter, state *ntlmState, body []byte) {
	const mark = "application/octet-stream\r\n"
	at := bytes.Index(body, []byte(mark))
	end := bytes.LastIndex(body, []byte("--Encrypted Boundary--"))
	if at < 0 || end < at {
		w.WriteHeader(http.StatusInternalServerError) // unsealed, as Windows refuses it
		return
	}
	part := body[at+len(mark) : end]
	text := make([]byte, len(part)-20)
	state.in.XORKeyStream(text, part[20:])
	if !bytes.Equal(part[:4], []byte{16, 0, 0, 0}) || !hmac.Equal(part[4:20], state.signature(state.in, state.inKey, &state.inSeq, text)) {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	answer := s.answer(text)
	if s.plainAnswer {
		w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
		_, _ = w.Write(answer)
		return
	}
	ciphertext := make([]byte, len(answer))
	state.out.XORKeyStream(ciphertext, answer)
	signature := state.signature(state.out, state.outKey, &state.outSeq, answer)
	const label = "application/HTTP-SPNEGO-session-encrypted"
	var b bytes.Buffer
	fmt.Fprintf(&b, "--Encrypted Boundary\r\n\tContent-Type: %s\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n\x10\x00\x00\x00%s%s--Encrypted Boundary--\r\n",
		label, len(answer), signature, ciphertext)
	out := b.Bytes()
	if s.damage != nil {
		out = s.damage(out)
	}
	w.Header().Set("Content-Type", `multipart/encrypted;protocol="`+label+`";boundary="Encrypted Boundary"`)
	if s.status != 0 {
		w.WriteHeader(s.status)
	}
	_, _ = w.Write(out)
}

func stream(key []byte) *rc4.Cipher {
	c, err := rc4.NewCipher(key)
	if err != nil {
		return nil
	}
	return c
}

func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(crypto.MD5.New, key)
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

func utf16LE(s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}
