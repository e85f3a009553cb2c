package ntlm

import (
	"crypto/rand"
	"crypto/rc4"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Options say what a sign-in binds itself to.
type Options struct {
	// TargetName is the service that the client means, such as HTTP/host; the
	// server may refuse another. Empty leaves it out.
	TargetName string
	// ChannelBindings is the MD5 of the gss_channel_bindings_struct (MS-NLMP
	// section 2.2.2.1), nil where there is no TLS.
	ChannelBindings []byte
	// Now is the clock, used where the server does not tell its time; nil
	// means time.Now.
	Now func() time.Time
	// Rand gives keys and nonces; nil means crypto/rand.
	Rand io.Reader
}

// SignIn is one sign-in. It is not safe for concurrent use.
type SignIn struct {
	account   *Account
	options   Options
	negotiate []byte
}

// NewSignIn starts a sign-in.
func NewSignIn(account *Account, o Options) *SignIn {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return &SignIn{account: account, options: o, negotiate: negotiate()}
}

// Negotiate is the first message. It holds no names and no secrets.
func (s *SignIn) Negotiate() []byte { return s.negotiate }

// Authenticate answers the server's challenge: it gives the last message and
// the Session, which holds once the server accepts it. Errors are those of a
// malformed challenge, or of a server that wants less than this package gives.
func (s *SignIn) Authenticate(serverChallenge []byte) ([]byte, *Session, error) {
	c, err := parseChallenge(serverChallenge)
	if err != nil {
		return nil, nil, err
	}
	var random [8 + 16]byte
	if _, err := io.ReadFull(s.options.Rand, random[:]); err != nil {
		return nil, nil, fmt.Errorf("make a session key: %w", err)
	}
	response, baseKey, err := s.respond(c, random[:8])
	if err != nil {
		return nil, nil, err
	}
	// For NTLMv2 the key exchange key is the session base key (section 3.4.5.1).
	exported := random[8:]
	encrypted, err := rc4Once(baseKey, exported)
	if err != nil {
		return nil, nil, err
	}
	a := &authenticate{
		flags:      (flagsAsked | flagTargetInfo) & c.flags,
		response:   response,
		domain:     encode(s.account.domain),
		user:       encode(s.account.user),
		sessionKey: encrypted,
	}
	m, err := a.marshal()
	if err != nil {
		return nil, nil, err
	}
	copy(m[micOffset:], hmacMD5(exported, s.negotiate, serverChallenge, m))
	session, err := newSession(exported, client)
	if err != nil {
		return nil, nil, err
	}
	return m, session, nil
}

// respond is the NTLMv2_RESPONSE (section 2.2.2.8) and the session base key
// (section 3.3.2).
func (s *SignIn) respond(c *challenge, nonce []byte) (response, baseKey []byte, err error) {
	now := find(c.target, avTimestamp)
	switch {
	case now == nil:
		now = binary.LittleEndian.AppendUint64(nil, filetime(s.options.Now()))
	case len(now) != 8:
		return nil, nil, errors.New("target information: the time is not 8 bytes long")
	}
	temp := append([]byte{1, 1, 0, 0, 0, 0, 0, 0}, now...)
	temp = append(temp, nonce...)
	temp = append(temp, 0, 0, 0, 0)
	temp = appendPairs(temp, s.bind(c.target))
	temp = append(temp, 0, 0, 0, 0)
	proof := hmacMD5(s.account.key(), c.nonce, temp)
	return append(proof, temp...), hmacMD5(s.account.key(), proof), nil
}

// bind is the server's target information with what the client adds: that it
// sends a message integrity code, the channel and the service it means.
func (s *SignIn) bind(target []pair) []pair {
	var bits uint32
	if v := find(target, avFlags); len(v) == 4 {
		bits = binary.LittleEndian.Uint32(v)
	}
	var out []pair
	for _, p := range target {
		if p.id != avFlags && p.id != avTargetName && p.id != avChannelBindings {
			out = append(out, p)
		}
	}
	out = append(out, pair{avFlags, binary.LittleEndian.AppendUint32(nil, bits|avFlagMIC)})
	bindings := s.options.ChannelBindings
	if bindings == nil {
		bindings = make([]byte, 16) // says that there is no channel to bind to
	}
	out = append(out, pair{avChannelBindings, bindings})
	if s.options.TargetName != "" {
		out = append(out, pair{avTargetName, encode(s.options.TargetName)})
	}
	return out
}

// filetime counts 100 ns since 1601 (MS-DTYP section 2.3.3).
func filetime(t time.Time) uint64 {
	const between1601And1970 = 116444736000000000
	return uint64(t.UnixNano()/100 + between1601And1970)
}

func rc4Once(key, in []byte) ([]byte, error) {
	c, err := rc4.NewCipher(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(in))
	c.XORKeyStream(out, in)
	return out, nil
}
