package wire

import (
	"encoding/base64"
	"net/http"

	"dpremote/simulator/internal/ntlmserver"
)

// maxToken bounds the base64 of one token, in bytes: a Kerberos ticket with the
// largest list of groups that Windows allows has 48000 bytes.
const maxToken = 1 << 17

// handshake is the server's side of one sign-in by tokens of the GSS-API (RFC
// 2743 section 2.2.2).
type handshake interface {
	// accept takes the client's next token. A progress with a reply may come
	// with an error too: some mechanisms say what is wrong.
	accept(token []byte) (progress, error)
}

// progress is where a handshake has got to.
type progress struct {
	reply   []byte  // the token for the client; may be empty
	user    string  // who signed in; empty until the handshake is complete
	session session // of a complete handshake; nil when nothing can be protected
}

// session protects messages after a handshake.
type session interface {
	// CanSeal tells whether Seal and Open may be used.
	CanSeal() bool
	// Seal encrypts and signs a message, into a header and the ciphertext.
	Seal(message []byte) (header, sealed []byte, err error)
	// Open is the reverse for a message of the client.
	Open(header, sealed []byte) ([]byte, error)
	// SignMechList is the mechListMIC of RFC 4178 section 4.2.2.
	SignMechList(list []byte) ([]byte, error)
	// VerifyMechList verifies the client's.
	VerifyMechList(list, mic []byte) error
}

// gss is a scheme that signs in a connection by a handshake.
type gss struct {
	word  string // in Authorization
	known string // the profile's last part; empty when the scheme is not made known
	label string // protocol of sealed bodies
	begin func(r *http.Request) handshake
}

// Protocols of sealed bodies (MS-WSMV section 2.2.9.1).
const (
	labelSPNEGO   = "application/HTTP-SPNEGO-session-encrypted"
	labelKerberos = "application/HTTP-Kerberos-session-encrypted"
)

// negotiate is RFC 4559, with every mechanism that is configured.
func (h *Handler) negotiate() gss {
	return gss{word: "Negotiate", known: "spnego-kerberos", label: labelSPNEGO,
		begin: func(r *http.Request) handshake { return &negotiation{mechanisms: h.mechanisms(r)} }}
}

// plainNTLM takes NTLM's tokens under NTLM's own name. WinRM's listener does
// not offer that, but clients that begin with it are let in.
func (h *Handler) plainNTLM() gss {
	return gss{word: "NTLM", label: labelSPNEGO,
		begin: func(r *http.Request) handshake { return h.beginNTLM(r) }}
}

func (s gss) name() string { return s.word }

func (s gss) challenge() string {
	if s.known == "" {
		return ""
	}
	return s.word
}

func (s gss) profile(tls bool) string {
	if s.known == "" {
		return ""
	}
	return profilePrefix(tls) + s.known
}

// signIn takes the next token of the request's connection. Without a token it
// knows a connection that is signed in again.
func (s gss) signIn(r *http.Request, credentials string) verdict {
	c := connectionOf(r)
	if c == nil {
		return verdict{}
	}
	if r.Header.Get("Authorization") == "" {
		if c.word != s.word {
			return verdict{}
		}
		c.handshake = nil
		return c.signedIn
	}
	if len(credentials) > maxToken {
		c.forget()
		return verdict{}
	}
	token, err := base64.StdEncoding.DecodeString(credentials)
	if err != nil || len(token) == 0 {
		c.forget()
		return verdict{}
	}
	if c.word != s.word || c.handshake == nil {
		c.forget()
		c.word, c.handshake = s.word, s.begin(r)
	}
	return s.advance(c, token)
}

// advance gives a token to the handshake of a connection.
func (s gss) advance(c *connection, token []byte) verdict {
	p, err := c.handshake.accept(token)
	v := verdict{}
	if len(p.reply) > 0 {
		v.next = s.word + " " + base64.StdEncoding.EncodeToString(p.reply)
	}
	if err != nil {
		c.forget()
		return v
	}
	if p.user == "" {
		if v.next == "" {
			v.next = s.word // go on, although there is nothing to say
		}
		return v
	}
	v.user = p.user
	if p.session != nil && p.session.CanSeal() {
		v.seal = sealed{label: s.label, session: p.session}
	}
	c.handshake, c.signedIn = nil, verdict{user: v.user, seal: v.seal}
	v.completed = true
	return v
}

// ntlm is NTLM as a handshake.
type ntlm struct{ *ntlmserver.Exchange }

func (n ntlm) accept(token []byte) (progress, error) {
	reply, err := n.Accept(token)
	p := progress{reply: reply, user: n.User()}
	if s := n.Session(); s != nil {
		p.session = s
	}
	return p, err
}

// beginNTLM starts a sign-in by NTLM.
func (h *Handler) beginNTLM(r *http.Request) handshake {
	server := ntlmserver.Server{
		Password: h.cfg.NTLM, Bindings: h.bindings(r),
		Computer: h.cfg.Computer, Domain: h.cfg.Domain, Now: h.cfg.Now, Challenge: h.ntlmChallenge,
	}
	return ntlm{server.Begin()}
}
