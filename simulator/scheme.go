package simulator

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jcmturner/gokrb5/v8/keytab"

	"dpremote/simulator/internal/wire"
)

// Scheme is a way to sign in.
type Scheme string

// The schemes.
const (
	Basic       Scheme = "basic"       // user and password in each request; it seals nothing
	NTLM        Scheme = "ntlm"        // NTLMv2 within Negotiate; sealed over HTTP
	Kerberos    Scheme = "kerberos"    // by a ticket for the service whose keytab is given; sealed over HTTP
	Certificate Scheme = "certificate" // a certificate of the servers' own authority; over HTTPS only
)

// Schemes are all schemes.
func Schemes() []Scheme { return []Scheme{Basic, NTLM, Kerberos, Certificate} }

// ParseSchemes reads the names of schemes.
func ParseSchemes(names []string) ([]Scheme, error) {
	var out []Scheme
	for _, name := range names {
		s := Scheme(strings.ToLower(name))
		if !slices.Contains(Schemes(), s) {
			return nil, fmt.Errorf("unknown scheme %q: use basic, ntlm, kerberos or certificate", name)
		}
		out = append(out, s)
	}
	return out, nil
}

// checkSchemes fills in the default schemes and refuses what cannot work.
func (o *Options) checkSchemes() error {
	if len(o.Schemes) == 0 {
		o.Schemes = []Scheme{Basic, NTLM}
	}
	if o.offers(Kerberos) != (o.Keytab != "") {
		return errors.New("kerberos needs the keytab of its service, and a keytab needs kerberos")
	}
	if o.offers(Certificate) && !o.TLS {
		return errors.New("certificates need TLS")
	}
	if o.Domain == "" {
		o.Domain = "SIM"
	}
	return nil
}

func (o *Options) offers(s Scheme) bool { return slices.Contains(o.Schemes, s) }

// signIn tells the wire who may sign in, and how.
func (h *Hierarchy) signIn(cfg *wire.Config) error {
	o := &h.options
	if o.offers(Basic) {
		cfg.Authenticate = h.authenticate
	}
	if o.offers(NTLM) {
		cfg.Domain = o.Domain
		cfg.NTLM = h.ntlmPassword
	}
	if o.offers(Kerberos) {
		keys, err := keytab.Load(o.Keytab)
		if err != nil {
			return fmt.Errorf("read keytab %s: %w", o.Keytab, err)
		}
		cfg.Kerberos = &wire.KerberosService{Keytab: keys}
	}
	if h.authority == nil {
		return nil
	}
	cfg.ServerCertificate = h.authority.server
	if o.StrictBindings {
		cfg.ChannelBindings = wire.BindingsStrict
	}
	if o.offers(Certificate) {
		cfg.Certificates = h.authority.userOf
	}
	return nil
}

// ntlmPassword is the account's password. Its user may come with the domain,
// with the server's own name, or alone.
func (h *Hierarchy) ntlmPassword(user, _ string) (string, bool) {
	if !strings.EqualFold(user, h.options.User) {
		return "", false
	}
	return h.password(), true
}
