package ntlmserver

import (
	"crypto/hmac"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"
)

// Server verifies sign-ins. Password is required. It is safe for concurrent
// use if its functions are.
type Server struct {
	// Password is the password of an account; ok is false when there is none.
	// The domain is as the client sent it and may be empty.
	Password func(user, domain string) (password string, ok bool)
	// Bindings judges the MD5 of the channel bindings that a client sent; it is
	// zero when it sent none. Nil accepts all.
	Bindings func(sum [16]byte) error
	// Computer and Domain are the server's NetBIOS names. An empty Domain is
	// Computer, as on a server in no domain.
	Computer, Domain string
	// Now is the clock. Nil is time.Now.
	Now func() time.Time
	// Challenge, unless nil, is the CHALLENGE_MESSAGE sent to everybody in place
	// of a fresh one, so that a sign-in on record can be verified again.
	Challenge []byte
}

// Exchange is one sign-in. It is not safe for concurrent use.
type Exchange struct {
	server    *Server
	negotiate []byte // as received
	challenge []byte // as sent; nil until then
	done      bool
	user      string
	session   *Session
}

// Begin starts a sign-in.
func (s *Server) Begin() *Exchange { return &Exchange{server: s} }

// User is DOMAIN\user, or user for want of a domain; empty until Accept has
// signed somebody in.
func (x *Exchange) User() string { return x.user }

// Session protects messages after a sign-in; nil before it, and when client
// and server did not agree on extended session security.
func (x *Exchange) Session() *Session { return x.session }

// IsToken tells whether a token is NTLM's own, in no wrapping.
func IsToken(token []byte) bool {
	return len(token) >= len(signature) && string(token[:8]) == signature
}

// Accept takes the client's next token. The first is answered by a challenge;
// the second, which has no answer, signs the client in. After an error the
// Exchange is of no further use.
func (x *Exchange) Accept(token []byte) (reply []byte, err error) {
	if x.done {
		return nil, errors.New("accept NTLM token: the sign-in is over")
	}
	if x.challenge == nil {
		reply, err = x.greet(token)
	} else {
		x.done = true
		err = x.verify(token)
	}
	if err != nil {
		x.done = true
		return nil, fmt.Errorf("accept NTLM token: %w", err)
	}
	return reply, nil
}

// greet answers a NEGOTIATE_MESSAGE (MS-NLMP section 3.2.5.1.1).
func (x *Exchange) greet(token []byte) ([]byte, error) {
	asked, err := negotiateFlags(token)
	if err != nil {
		return nil, err
	}
	x.negotiate, x.challenge = append([]byte(nil), token...), x.server.Challenge
	if x.challenge != nil {
		return x.challenge, nil
	}
	c := challenge{
		flags:    asked&echoed | flagNTLM | flagTargetInfo | flagTargetServer,
		computer: x.server.Computer, domain: x.server.Domain, now: time.Now(),
	}
	switch {
	case asked&flagUnicode != 0:
		c.flags |= flagUnicode
	case asked&flagOEM != 0:
		c.flags |= flagOEM
	default:
		return nil, fmt.Errorf("no character set in NEGOTIATE_MESSAGE: %w", errMalformed)
	}
	if c.domain == "" {
		c.domain = c.computer
	}
	if x.server.Now != nil {
		c.now = x.server.Now()
	}
	if _, err := io.ReadFull(rand.Reader, c.nonce[:]); err != nil {
		return nil, fmt.Errorf("make challenge: %w", err)
	}
	x.challenge = c.marshal()
	return x.challenge, nil
}

// errRefused is all that is told of a wrong user or password.
var errRefused = errors.New("user or password is wrong")

// verify judges an AUTHENTICATE_MESSAGE (section 3.2.5.1.2).
func (x *Exchange) verify(token []byte) error {
	offered, nonce, err := readChallenge(x.challenge)
	if err != nil {
		return err
	}
	m, err := readAuthenticate(token, offered)
	if err != nil {
		return err
	}
	response, err := readNTLMv2(m.response)
	if err != nil {
		return err
	}
	password, ok := x.server.Password(m.user, m.domain)
	if !ok || m.user == "" {
		return errRefused
	}
	key := responseKey(password, m.user, m.domain)
	if !hmac.Equal(response.proof, hmacMD5(key, nonce, response.client)) {
		return errRefused
	}
	exported, err := m.exportedKey(hmacMD5(key, response.proof))
	if err != nil {
		return err
	}
	if err := x.checkMIC(m, response, exported); err != nil {
		return err
	}
	if err := x.checkBindings(response); err != nil {
		return err
	}
	x.user, x.session = m.user, newSession(exported, m.flags)
	if m.domain != "" {
		x.user = m.domain + `\` + m.user
	}
	return nil
}

// exportedKey is ExportedSessionKey, for a base key that is NTLMv2's key
// exchange key as well (section 3.4.5.1).
func (m *authenticate) exportedKey(base []byte) ([]byte, error) {
	if m.flags&flagKeyExchange == 0 || m.flags&(flagSign|flagSeal) == 0 {
		return base, nil
	}
	if len(m.key) != len(base) {
		return nil, fmt.Errorf("read EncryptedRandomSessionKey: %w", errMalformed)
	}
	exported := make([]byte, len(m.key))
	newRC4([16]byte(base)).XORKeyStream(exported, m.key)
	return exported, nil
}

// checkMIC verifies that none of the three messages was altered, if the client
// says that it sent a MIC. The proof covers its saying so.
func (x *Exchange) checkMIC(m *authenticate, response ntlmv2, exported []byte) error {
	if !response.hasMIC() {
		return nil
	}
	mic, zeroed, err := m.mic()
	if err != nil {
		return err
	}
	if !hmac.Equal(mic, hmacMD5(exported, x.negotiate, x.challenge, zeroed)) {
		return errors.New("the MIC is wrong: a message was altered on the way")
	}
	return nil
}

func (x *Exchange) checkBindings(response ntlmv2) error {
	sum, err := response.bindings()
	if err != nil || x.server.Bindings == nil {
		return err
	}
	return x.server.Bindings(sum)
}
