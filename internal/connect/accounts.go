package connect

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"sync"

	"dpremote/internal/inventory"
	"dpremote/wsman"
)

// accounts makes each account's sign-in once and shares it among all sites, so
// that tickets are fetched once and a wrong password is tried once.
type accounts struct {
	mu       sync.Mutex
	signIns  map[account]wsman.Authentication
	kerberos map[account]*wsman.KerberosClient
}

// account is what tells accounts apart. The password is in it as a digest.
type account struct {
	scheme, user, domain         string
	password                     [sha256.Size]byte
	realm, keytab, ccache, files string
}

// authentication is how to sign in to a site.
func (a *accounts) authentication(ctx context.Context, passwords *inventory.Passwords, site inventory.Site) (wsman.Authentication, error) {
	if site.Auth == inventory.Certificate {
		return clientCertificate(site)
	}
	kerberos := site.Auth == inventory.Kerberos || site.Auth == inventory.Negotiate && hasTickets(site)
	if !kerberos && site.User == "" {
		return nil, fmt.Errorf("%w: user is missing, for auth %s", ErrSettings, site.Auth)
	}
	var password inventory.Password
	if NeedsPassword(site) {
		if site.Password.IsZero() {
			return nil, fmt.Errorf("%w: no password for %s: set password_command, password_file or password_env", ErrSettings, site.User)
		}
		var err error
		if password, err = passwords.Resolve(ctx, site.Password); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			return nil, fmt.Errorf("%w: %w", ErrSettings, err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	key := account{scheme: string(site.Auth), user: site.User, domain: site.Domain, password: sha256.Sum256([]byte(password.Reveal()))}
	if kerberos {
		return a.withTickets(key, password, site)
	}
	if known, ok := a.signIns[key]; ok {
		return known, nil
	}
	auth := withPassword(site, password)
	if a.signIns == nil {
		a.signIns = map[account]wsman.Authentication{}
	}
	a.signIns[key] = auth
	return auth, nil
}

// withPassword signs in by user and password.
func withPassword(site inventory.Site, password inventory.Password) wsman.Authentication {
	switch site.Auth {
	case inventory.Basic:
		user := site.User
		if site.Domain != "" {
			user = site.Domain + `\` + user
		}
		return wsman.Basic(user, password.Reveal())
	case inventory.NTLM:
		return wsman.NTLM(site.User, site.Domain, password.Reveal())
	}
	return wsman.Negotiate(wsman.NegotiateOptions{User: site.User, Domain: site.Domain, Password: password.Reveal})
}

// withTickets signs in by Kerberos. Tickets are shared by all sites of an
// account; the service's name is a site's own.
func (a *accounts) withTickets(key account, password inventory.Password, site inventory.Site) (wsman.Authentication, error) {
	k := site.Kerberos
	key.scheme = "" // tickets are the same for Kerberos and Negotiate
	key.realm, key.keytab, key.ccache, key.files = k.Realm, k.Keytab, k.CCache, strings.Join(append([]string{k.Config}, k.KDC...), "\x00")
	client, ok := a.kerberos[key]
	if !ok {
		credentials := wsman.KerberosCredentials{
			User: site.User, Realm: realmOf(site), Keytab: k.Keytab, CCache: cacheOf(site), Config: k.Config, KDCs: k.KDC,
		}
		if NeedsPassword(site) {
			credentials.Password = password.Reveal
		}
		var err error
		if client, err = wsman.NewKerberosClient(credentials); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSettings, err)
		}
		if a.kerberos == nil {
			a.kerberos = map[account]*wsman.KerberosClient{}
		}
		a.kerberos[key] = client
	}
	o := wsman.KerberosOptions{Client: client, SPN: k.SPN}
	if site.Auth == inventory.Negotiate {
		return wsman.Negotiate(wsman.NegotiateOptions{Kerberos: &o}), nil
	}
	return wsman.Kerberos(o), nil
}

// realmOf is the account's realm: where a domain is given without a realm it
// may be one.
func realmOf(site inventory.Site) string {
	if site.Kerberos.Realm == "" && strings.Contains(site.Domain, ".") {
		return strings.ToUpper(site.Domain)
	}
	return site.Kerberos.Realm
}

// NeedsPassword tells whether signing in to a site takes a password.
func NeedsPassword(site inventory.Site) bool {
	if site.Simulate != nil || site.Auth == inventory.Certificate {
		return false
	}
	if site.Auth == inventory.Basic || site.Auth == inventory.NTLM || site.Auth == inventory.Negotiate && !hasTickets(site) {
		return true
	}
	return site.Kerberos.Keytab == "" && site.Kerberos.CCache == "" && (!site.Password.IsZero() || cacheOf(site) == "")
}

// hasTickets tells whether Negotiate is to be Kerberos: a realm, a keytab or a
// ticket is at hand.
func hasTickets(site inventory.Site) bool {
	k := site.Kerberos
	if k.Realm != "" || k.Keytab != "" || k.CCache != "" {
		return true
	}
	return site.Password.IsZero() && cacheOf(site) != ""
}

// cacheOf is the credential cache to use, or empty: the site's, or the one
// that kinit fills, where it is there and nothing else is given.
func cacheOf(site inventory.Site) string {
	switch {
	case site.Kerberos.CCache != "":
		return site.Kerberos.CCache
	case site.Kerberos.Keytab != "" || !site.Password.IsZero():
		return ""
	}
	if named := os.Getenv("KRB5CCNAME"); named != "" {
		return named
	}
	usual := fmt.Sprintf("/tmp/krb5cc_%d", os.Getuid())
	if _, err := os.Stat(usual); err != nil {
		return ""
	}
	return usual
}

func clientCertificate(site inventory.Site) (wsman.Authentication, error) {
	certificate, err := tls.LoadX509KeyPair(site.ClientCert, site.ClientKey)
	if err != nil {
		return nil, fmt.Errorf("%w: client_cert and client_key: %w", ErrSettings, err)
	}
	return wsman.Certificate(certificate), nil
}
