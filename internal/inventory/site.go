package inventory

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"
)

// Auth is how dpremote signs in.
type Auth string

// The ways to sign in. Negotiate takes Kerberos where it can and NTLM
// otherwise; Certificate presents a client certificate and needs https.
const (
	Negotiate   Auth = "negotiate"
	Kerberos    Auth = "kerberos"
	NTLM        Auth = "ntlm"
	Basic       Auth = "basic"
	Certificate Auth = "certificate"
)

// Schema is a family of resource URIs.
type Schema string

// The families: WMI is Windows' own, DMTF that of every other server (DSP0230).
const (
	WMI  Schema = "wmi"
	DMTF Schema = "dmtf"
)

// Site is one site of ConfigMgr with all that is needed to reach it. Its
// slices, and what Simulate points to, are shared between copies: read them
// only.
type Site struct {
	// Name is the site's name in the inventory.
	Name string
	// Code is the three-character site code in upper case. It may be empty
	// where Namespace is set, and for an ad-hoc site.
	Code string

	// Host is a name or an address (IPv6 without brackets). It is empty for a
	// simulated site.
	Host string
	Port int
	// TLS is true for https.
	TLS bool

	Auth Auth
	// User is a name in any of Windows' forms; Domain is empty where User
	// carries it.
	User, Domain string
	// Password says where to get the password; zero means that none is given.
	Password PasswordSource

	// CAFile is a PEM file of the certificates to trust; empty means the
	// system's.
	CAFile string
	// TLSServerName is the name that the certificate must carry; empty means
	// Host.
	TLSServerName string
	// TLSFingerprint is the SHA-256 of the server's certificate, 64 lower case
	// hexadecimal digits; empty means that none is pinned.
	TLSFingerprint string
	// Insecure accepts any certificate.
	Insecure bool
	// AllowUnencrypted accepts http without sealed messages.
	AllowUnencrypted bool

	// ClientCert and ClientKey are PEM files, for Auth Certificate.
	ClientCert, ClientKey string
	Kerberos              KerberosOptions

	Schema Schema
	// Namespace is the SMS Provider's, with slashes; it is empty only where
	// Code is too.
	Namespace string

	// Connections is the number of connections to hold, from 1 to 8.
	Connections int
	// ConnectTimeout bounds making a connection with its TLS handshake,
	// RequestTimeout one request with its answer.
	ConnectTimeout, RequestTimeout time.Duration
	// SiteTimeout bounds all work on the site; zero means no bound.
	SiteTimeout time.Duration
	// MaxEnvelopeKB is the largest answer to ask for, in units of 1024 bytes.
	MaxEnvelopeKB int

	// Simulate describes the simulated site that answers in place of Host; nil
	// for a real site.
	Simulate *Simulation

	// Groups are the names of the groups that the site is in, in the order
	// that their settings apply: the last wins.
	Groups []string

	origins map[string]Origin
}

// KerberosOptions are the settings of Kerberos; each may be empty.
type KerberosOptions struct {
	Realm string
	// KDC are the realm's servers, NAME[:PORT]; empty means that they are
	// looked up.
	KDC []string
	// SPN is the service principal name; empty means HTTP/ and the host.
	SPN string
	// Keytab, CCache and Config are the paths of a keytab, a ticket cache
	// (which may begin with its type, as FILE:) and a krb5.conf.
	Keytab, CCache, Config string
}

// Setting is a value from outside of the inventory.
type Setting struct {
	// Key is the key in the inventory; one inside another is joined by a dot,
	// as kerberos.realm.
	Key string
	// Value is the value's text: true or false, a number, a duration, or texts
	// between commas for a list.
	Value string
	// From names the source in errors and origins: the flag or the environment
	// variable, such as --user.
	From string
}

// Origin says what set a key, given as in [Setting]. The three sources of a
// password are one: each answers for the one in force.
func (s Site) Origin(key string) Origin {
	if k, known := findKey(siteKeys(), key); known && k.slot != "" {
		key = k.slot
	}
	if o, set := s.origins[key]; set {
		return o
	}
	return Origin{Layer: "default"}
}

// With lays settings over the site, each winning over those before it, and
// checks that the whole fits together. A command calls it for every site, even
// with no settings: a file may leave to flags what it takes to make a site
// complete. Keys that tell sites apart (host, site_code, simulate) cannot be
// set.
func (s Site) With(settings ...Setting) (Site, error) {
	out := s
	out.origins = maps.Clone(s.origins)
	if err := out.overlay(settings, false); err != nil {
		return Site{}, fmt.Errorf("set up site %s: %w", s.Name, err)
	}
	if err := out.check(); err != nil {
		return Site{}, fmt.Errorf("set up site %s: %w", s.Name, err)
	}
	return out, nil
}

// AdHoc makes a site out of settings alone, without an inventory. It needs
// host. Without site_code and namespace the site has neither: enough to speak
// to the server, not to query a site. Its name is the code, or else the host.
func AdHoc(settings ...Setting) (Site, error) {
	s := defaultSite()
	if err := s.overlay(settings, true); err != nil {
		return Site{}, fmt.Errorf("set up site: %w", err)
	}
	if s.Host == "" {
		return Site{}, errors.New("set up site: no host is given")
	}
	s.Name = s.Code
	if s.Name == "" {
		s.Name = s.Host
	}
	s.deriveNamespace()
	if err := s.check(); err != nil {
		return Site{}, fmt.Errorf("set up site %s: %w", s.Name, err)
	}
	return s, nil
}

// overlay applies settings; all their mistakes are reported.
func (s *Site) overlay(settings []Setting, identity bool) error {
	table := siteKeys()
	var errs []error
	for _, set := range settings {
		k, known := findKey(table, set.Key)
		if !known || k.decode == nil || (k.identity && !identity) {
			errs = append(errs, fmt.Errorf("%s: %q is not a setting that can be given here", set.From, set.Key))
			continue
		}
		assign, err := k.decode(raw{text: set.Value})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", set.From, err))
			continue
		}
		s.apply(k, assign, Origin{Layer: set.From})
	}
	return errors.Join(errs...)
}

// apply sets one key and notes where its value came from.
func (s *Site) apply(k key[Site], assign func(*Site), from Origin) {
	assign(s)
	if k.slot == passwordSlot {
		s.Password.from = from
	}
	if s.origins == nil {
		s.origins = map[string]Origin{}
	}
	name := k.name
	if k.slot != "" {
		name = k.slot
	}
	s.origins[name] = from
}

func (s *Site) deriveNamespace() {
	if s.Namespace == "" && s.Code != "" {
		s.Namespace = "root/sms/site_" + s.Code
	}
}

// check tells which settings do not fit together. A simulated site brings its
// own way to sign in, so there is nothing to check.
func (s Site) check() error {
	if s.Simulate != nil {
		return nil
	}
	var errs []error
	bad := func(key, format string, args ...any) {
		value := fmt.Sprintf(format, args...)
		errs = append(errs, fmt.Errorf("%s (from %s): %s", key, s.Origin(key), value))
	}
	switch {
	case s.Auth == Certificate && (s.ClientCert == "" || s.ClientKey == ""):
		bad("auth", "certificate needs client_cert and client_key")
	case s.Auth == Certificate && !s.TLS:
		bad("auth", "certificate needs an https host")
	case s.Auth == Basic && !s.TLS && !s.AllowUnencrypted:
		bad("auth", "basic over http shows the password to the network: use an https host or another auth, or set allow_unencrypted")
	}
	if (s.Auth == Basic || s.Auth == NTLM) && s.User == "" {
		bad("auth", "%s needs user", s.Auth)
	}
	if (s.ClientCert == "") != (s.ClientKey == "") {
		bad("client_cert", "client_cert and client_key go together: set both")
	}
	if s.Domain != "" && strings.ContainsAny(s.User, `\@`) {
		bad("domain", "the user carries a domain already: drop one of them")
	}
	return errors.Join(errs...)
}
