package wsman

import (
	"context"
	"errors"
	"strings"

	"dpremote/wsman/internal/ntlm"
	"dpremote/wsman/internal/spnego"
)

// NTLM signs in by user and password with NTLMv2 (MS-NLMP), carried by
// Negotiate, and never by anything older. The domain may be empty: for a local
// account, a name like user@domain, or where user is DOMAIN\user. Over http
// messages are sealed; over https TLS does that, and the sign-in is bound to
// the server's certificate.
//
// One Authentication is one account, for any number of servers: until one has
// accepted the password it is tried by one connection at a time, and after a
// refusal not at all, so that the account is not locked out.
func NTLM(user, domain, password string) Authentication { return ntlmSignIn(user, domain, password) }

func ntlmSignIn(user, domain, password string) *signIn {
	if d, u, ok := strings.Cut(user, `\`); ok && domain == "" {
		user, domain = u, d
	}
	if domain == "." {
		domain = "" // as Windows writes "this machine"
	}
	account := ntlm.NewAccount(user, domain, password)
	return &signIn{
		name: "NTLM", scheme: "Negotiate", label: labelSPNEGO, gate: newGate(),
		begin: func(t target) (dialogue, error) {
			if user == "" {
				return nil, errors.New("no user is given, and no Kerberos ticket")
			}
			o := ntlm.Options{TargetName: "HTTP/" + t.host, ChannelBindings: t.bindings}
			return newNegotiation(spnego.NTLM, &ntlmMechanism{signIn: ntlm.NewSignIn(account, o)})
		},
	}
}

// ntlmMechanism is NTLM as a mechanism.
type ntlmMechanism struct {
	signIn  *ntlm.SignIn
	session *ntlm.Session // nil until the challenge is answered
}

func (m *ntlmMechanism) step(_ context.Context, token []byte) (out []byte, err error) {
	switch {
	case token == nil:
		return m.signIn.Negotiate(), nil
	case m.session != nil:
		return nil, errors.New("the server sent a second NTLM challenge")
	}
	out, m.session, err = m.signIn.Authenticate(token)
	return out, err
}

func (m *ntlmMechanism) established() bool { return m.session != nil }

func (m *ntlmMechanism) sign(message []byte) ([]byte, error) { return m.session.Sign(message) }
func (m *ntlmMechanism) verify(message, signature []byte) error {
	return m.session.Verify(message, signature)
}

func (m *ntlmMechanism) seal(plain []byte) (header, sealed []byte, err error) {
	header, sealed = m.session.Seal(plain)
	return header, sealed, nil
}

func (m *ntlmMechanism) unseal(token []byte, header int) ([]byte, error) {
	return m.session.Unseal(token[:header], token[header:])
}
