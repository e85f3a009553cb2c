package wsman

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"dpremote/wsman/internal/kdc"
	"dpremote/wsman/internal/krbgss"

	"github.com/jcmturner/gokrb5/v8/messages"
)

// Why Kerberos fails. A wrong password or a refused account is
// ErrUnauthorized. The texts say what to do.
var (
	ErrClockSkew     = kdc.ErrClockSkew
	ErrUnknownSPN    = kdc.ErrUnknownService
	ErrTicketExpired = kdc.ErrExpired
	ErrNoKDC         = kdc.ErrNoKDC
	// ErrServerUnproven says that a server consented without showing that it
	// holds the service's key.
	ErrServerUnproven = krbgss.ErrNotProven
)

// KerberosCredentials say who signs in. One of Password, Keytab and CCache is
// given.
type KerberosCredentials struct {
	// User may be user@REALM. With a CCache it is not used.
	User string
	// Realm is the account's; empty means the one in User, else the default of
	// krb5.conf.
	Realm string
	// Password tells the password; a function, so that printing this tells
	// nothing.
	Password func() string
	// Keytab is the path of a keytab.
	Keytab string
	// CCache is a credential cache: FILE:path, DIR:path or a path, as in
	// KRB5CCNAME. It is read again when its tickets have expired.
	CCache string
	// Config is the path of a krb5.conf; empty means /etc/krb5.conf, which may
	// be missing.
	Config string
	// KDCs are the KDCs of the realm, as host or host:port. Empty means those
	// of krb5.conf, else those of DNS.
	KDCs []string
}

// KerberosClient holds the tickets of one account. It is made once a run and
// shared by all sites: the first that needs a ticket gets it. Tickets are
// replaced when they near their end. A password that the KDC refuses is tried
// once. It is safe for concurrent use and has nothing to close.
type KerberosClient struct{ tickets *kdc.Client }

// NewKerberosClient reads the files that the credentials name. It sends
// nothing.
func NewKerberosClient(c KerberosCredentials) (*KerberosClient, error) {
	return newKerberosClient(c, nil)
}

func newKerberosClient(c KerberosCredentials, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*KerberosClient, error) {
	o := kdc.Options{
		User: c.User, Realm: c.Realm, Keytab: c.Keytab, CCache: c.CCache,
		Config: c.Config, KDCs: slices.Clone(c.KDCs), Dial: dial,
	}
	if c.Password != nil {
		o.Password = c.Password()
	}
	tickets, err := kdc.New(o)
	if err != nil {
		return nil, fmt.Errorf("prepare Kerberos: %w", err)
	}
	return &KerberosClient{tickets}, nil
}

// String tells nothing of the credentials.
func (*KerberosClient) String() string { return "Kerberos client" }

// GoString is String.
func (c *KerberosClient) GoString() string { return c.String() }

// KerberosOptions say how Kerberos signs in.
type KerberosOptions struct {
	// Client has the tickets.
	Client *KerberosClient
	// SPN is the server's service name; empty means HTTP/ and the host of the
	// URL in lower case.
	SPN string
}

// Kerberos signs in with a ticket (RFC 4121) by the HTTP scheme Kerberos, which
// WinRM knows beside Negotiate. The server must prove itself, too. Over http
// messages are sealed; over https TLS does that, and the sign-in is bound to
// the server's certificate.
func Kerberos(o KerberosOptions) Authentication {
	return &signIn{
		name: "Kerberos", scheme: "Kerberos", label: labelKerberos,
		begin: func(t target) (dialogue, error) {
			return &bareKerberos{kerberosMechanism{options: o, target: t}}, nil
		},
	}
}

// bareKerberos is Kerberos without SPNEGO: one token each way.
type bareKerberos struct{ kerberosMechanism }

func (k *bareKerberos) next(ctx context.Context, token []byte) ([]byte, error) {
	out, err := k.step(ctx, token)
	if err == nil && out == nil {
		err = errors.New("the server asks for a token where none is due")
	}
	return out, err
}

func (k *bareKerberos) finish(ctx context.Context, token []byte) error {
	if len(token) == 0 {
		return fmt.Errorf("%w: its consent came without a token", ErrServerUnproven)
	}
	_, err := k.step(ctx, token)
	return err
}

// kerberosMechanism is Kerberos as a mechanism.
type kerberosMechanism struct {
	options KerberosOptions
	target  target
	signIn  *krbgss.SignIn
	session *krbgss.Session // nil until the server is proven
}

func (m *kerberosMechanism) spn() string {
	if m.options.SPN != "" {
		return m.options.SPN
	}
	return "HTTP/" + strings.ToLower(m.target.host)
}

func (m *kerberosMechanism) step(ctx context.Context, token []byte) ([]byte, error) {
	switch {
	case token == nil:
		return m.request(ctx)
	case m.session != nil:
		return nil, errors.New("the server sent a second Kerberos token")
	}
	session, err := m.signIn.Accept(token)
	if err != nil {
		var refusal messages.KRBError
		if errors.As(err, &refusal) {
			err = fmt.Errorf("the server refuses the ticket: %w", m.options.Client.tickets.Explain(err, m.spn()))
		}
		return nil, err
	}
	m.session = session
	return nil, nil
}

func (m *kerberosMechanism) request(ctx context.Context) ([]byte, error) {
	if m.options.Client == nil {
		return nil, errors.New("there is no Kerberos client")
	}
	credential, err := m.options.Client.tickets.Ticket(ctx, m.spn())
	if errors.Is(err, kdc.ErrRefused) {
		return nil, fmt.Errorf("%w: %w", ErrUnauthorized, err)
	}
	if err != nil {
		return nil, fmt.Errorf("get a ticket for %s: %w", m.spn(), err)
	}
	m.signIn, err = krbgss.NewSignIn(credential, m.target.bindings, time.Now())
	if err != nil {
		return nil, err
	}
	return m.signIn.Token(), nil
}

func (m *kerberosMechanism) established() bool { return m.session != nil }

func (m *kerberosMechanism) sign(message []byte) ([]byte, error) { return m.session.Sign(message) }
func (m *kerberosMechanism) verify(message, signature []byte) error {
	return m.session.Verify(message, signature)
}

func (m *kerberosMechanism) seal(plain []byte) (header, sealed []byte, err error) {
	return m.session.Seal(plain)
}

// unseal does not ask where the server chose to cut the token.
func (m *kerberosMechanism) unseal(token []byte, _ int) ([]byte, error) {
	return m.session.Unseal(token)
}
