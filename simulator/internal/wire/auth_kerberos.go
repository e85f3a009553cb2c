package wire

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"github.com/jcmturner/gokrb5/v8/keytab"

	"dpremote/simulator/internal/krbserver"
)

// KerberosService is the service that clients ask tickets for.
type KerberosService struct {
	// Keytab has its keys: a ticket for any principal in it is accepted. It may
	// not change while a Handler uses it.
	Keytab *keytab.Keytab
	// Skew is how far the clocks of client and server may differ. 0 is 5
	// minutes.
	Skew time.Duration
}

// service is the configured service; nil when there is none.
func (c Config) service() *krbserver.Service {
	if c.Kerberos == nil || c.Kerberos.Keytab == nil {
		return nil
	}
	return krbserver.New(c.Kerberos.Keytab, cmp.Or(c.Kerberos.Skew, 5*time.Minute), c.Now)
}

// plainKerberos takes Kerberos's tokens under Kerberos's own name, as Windows'
// clients send them to WinRM.
func (h *Handler) plainKerberos() gss {
	return gss{word: "Kerberos", known: "spnego-kerberos", label: labelKerberos,
		begin: func(r *http.Request) handshake { return h.beginKerberos(r) }}
}

// kerberos is Kerberos as a handshake, of one token.
type kerberos struct {
	service  *krbserver.Service
	bindings func([16]byte) error
}

// beginKerberos starts a sign-in by Kerberos.
func (h *Handler) beginKerberos(r *http.Request) handshake {
	return kerberos{h.kerberos, h.bindings(r)}
}

func (k kerberos) accept(token []byte) (progress, error) {
	a, err := k.service.Accept(token, k.bindings)
	if err != nil {
		var told *krbserver.Error
		if errors.As(err, &told) {
			return progress{reply: told.Reply}, err
		}
		return progress{}, err
	}
	p := progress{reply: a.Reply, user: a.User}
	if a.Session != nil {
		p.session = a.Session
	}
	return p, nil
}
