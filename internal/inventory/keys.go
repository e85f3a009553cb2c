package inventory

import (
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// passwordSlot is the one thing that three keys set in different ways.
const passwordSlot = "password"

// key is one key that a T may be given: the parser, the overlay, the
// environment variables and the schema all follow from it.
type key[T any] struct {
	// name is the key; one inside another is joined by a dot, which makes the
	// part before the dot a section.
	name   string
	doc    string
	schema map[string]any
	// initial is the text of the default; empty means the zero value.
	initial string
	// slot names what several keys set: only one of them may stand in one
	// place.
	slot string
	// identity marks what tells sites apart, and so belongs to a single site.
	identity bool
	// decode reads a text or a list. It is nil where nested is not.
	decode func(raw) (func(*T), error)
	// nested reads a node that holds keys of its own.
	nested func(p *parser, n *yaml.Node, where string) func(*T)
}

// field makes a key whose value goes to one field of T.
func field[T, V any](name string, k kind[V], at func(*T) *V, doc string) key[T] {
	return key[T]{
		name:   name,
		doc:    doc,
		schema: k.schema,
		decode: func(r raw) (func(*T), error) {
			v, err := k.read(r)
			if err != nil {
				return nil, err
			}
			return func(t *T) { *at(t) = v }, nil
		},
	}
}

func (k key[T]) withDefault(text string) key[T] { k.initial = text; return k }
func (k key[T]) inSlot(slot string) key[T]      { k.slot = slot; return k }
func (k key[T]) ofOneSite() key[T]              { k.identity = true; return k }

func findKey[T any](table []key[T], name string) (key[T], bool) {
	i := slices.IndexFunc(table, func(k key[T]) bool { return k.name == name })
	if i < 0 {
		return key[T]{}, false
	}
	return table[i], true
}

// siteKeys are the keys of a site; all and groups take those that do not tell
// sites apart.
func siteKeys() []key[Site] {
	return slices.Concat(identityKeys(), signInKeys(), tlsKeys(), kerberosKeys(), requestKeys())
}

func identityKeys() []key[Site] {
	host := key[Site]{
		name:   "host",
		doc:    "The server to speak to: [http://|https://]NAME[:PORT]. Without a scheme it is http; the ports are 5985 for http and 5986 for https. IPv6 addresses stand in brackets.",
		schema: hostText().schema,
		decode: func(r raw) (func(*Site), error) {
			v, err := hostText().read(r)
			if err != nil {
				return nil, err
			}
			return func(s *Site) { s.Host, s.Port, s.TLS = v.host, v.port, v.tls }, nil
		},
	}
	simulate := key[Site]{
		name:   "simulate",
		doc:    "In place of host: a simulated site, served inside dpremote itself.",
		schema: nullable(objectSchema(simulationKeys())),
		nested: readSimulation,
	}
	return []key[Site]{
		host.ofOneSite(),
		simulate.ofOneSite(),
		field("site_code", siteCode(), func(s *Site) *string { return &s.Code },
			"The three-character site code. The default is the site's name where that is one.").ofOneSite(),
	}
}

func signInKeys() []key[Site] {
	password := func(s *Site) *PasswordSource { return &s.Password }
	return []key[Site]{
		field("auth", choice(Negotiate, Kerberos, NTLM, Basic, Certificate), func(s *Site) *Auth { return &s.Auth },
			"How to sign in.").withDefault(string(Negotiate)),
		field("user", text(), func(s *Site) *string { return &s.User },
			`The account: NAME, DOMAIN\NAME or NAME@DOMAIN.`),
		field("domain", text(), func(s *Site) *string { return &s.Domain },
			"The account's domain, where user does not carry it."),
		field("password_command", passwordCommand(), password,
			"A program that prints the password: a list of the program and its arguments, or a line for the shell.").inSlot(passwordSlot),
		field("password_file", passwordFile(), password,
			"A file that holds the password and that nobody else can read.").inSlot(passwordSlot),
		field("password_env", passwordVariable(), password,
			"The environment variable that holds the password.").inSlot(passwordSlot),
		field("client_cert", filePath(), func(s *Site) *string { return &s.ClientCert },
			"A PEM file with the client certificate, for auth: certificate."),
		field("client_key", filePath(), func(s *Site) *string { return &s.ClientKey },
			"A PEM file with the client certificate's key."),
	}
}

func tlsKeys() []key[Site] {
	return []key[Site]{
		field("ca_file", filePath(), func(s *Site) *string { return &s.CAFile },
			"A PEM file of the certificates to trust in place of the system's."),
		field("tls_server_name", text(), func(s *Site) *string { return &s.TLSServerName },
			"The name that the server's certificate must carry, where it is not the host."),
		field("tls_fingerprint", fingerprint(), func(s *Site) *string { return &s.TLSFingerprint },
			"The SHA-256 of the server's certificate, in hexadecimal digits."),
		field("insecure", boolean(), func(s *Site) *bool { return &s.Insecure },
			"Accept any certificate. For a test only.").withDefault("false"),
		field("allow_unencrypted", boolean(), func(s *Site) *bool { return &s.AllowUnencrypted },
			"Accept http without sealed messages. For a test only.").withDefault("false"),
	}
}

func kerberosKeys() []key[Site] {
	return []key[Site]{
		field("kerberos.realm", text(), func(s *Site) *string { return &s.Kerberos.Realm },
			"The realm; the default is what krb5.conf says."),
		field("kerberos.kdc", textList(), func(s *Site) *[]string { return &s.Kerberos.KDC },
			"The realm's servers, NAME[:PORT]; the default is to look them up."),
		field("kerberos.spn", text(), func(s *Site) *string { return &s.Kerberos.SPN },
			"The service principal name; the default is HTTP/ and the host."),
		field("kerberos.keytab", filePath(), func(s *Site) *string { return &s.Kerberos.Keytab },
			"A keytab with the user's key."),
		field("kerberos.ccache", ticketCache(), func(s *Site) *string { return &s.Kerberos.CCache },
			"A ticket cache, as kinit writes it."),
		field("kerberos.krb5_conf", filePath(), func(s *Site) *string { return &s.Kerberos.Config },
			"A krb5.conf in place of the system's."),
	}
}

func requestKeys() []key[Site] {
	return []key[Site]{
		field("schema", choice(WMI, DMTF), func(s *Site) *Schema { return &s.Schema },
			"The family of resource URIs: wmi for Windows, dmtf for other servers.").withDefault(string(WMI)),
		field("namespace", namespace(), func(s *Site) *string { return &s.Namespace },
			"The SMS Provider's namespace; the default is root/sms/site_ and the site code."),
		field("connections", integer(1, 8), func(s *Site) *int { return &s.Connections },
			"How many connections to hold to the site.").withDefault("4"),
		field("connect_timeout", duration(time.Millisecond), func(s *Site) *time.Duration { return &s.ConnectTimeout },
			"How long making a connection may take.").withDefault("10s"),
		field("request_timeout", duration(time.Millisecond), func(s *Site) *time.Duration { return &s.RequestTimeout },
			"How long one request may take.").withDefault("60s"),
		field("site_timeout", duration(0), func(s *Site) *time.Duration { return &s.SiteTimeout },
			"How long all work on the site may take; 0s is no bound.").withDefault("0s"),
		field("max_envelope_kb", integer(8, 65536), func(s *Site) *int { return &s.MaxEnvelopeKB },
			"The largest answer to ask the server for, in units of 1024 bytes. It gives no more than its own limit, which is 500 unless somebody raised it.").withDefault("2048"),
	}
}

// defaultSite has every default of the table.
func defaultSite() Site {
	var s Site
	for _, k := range siteKeys() {
		if k.initial == "" {
			continue
		}
		// A test holds that every default reads.
		if assign, err := k.decode(raw{text: k.initial}); err == nil {
			assign(&s)
		}
	}
	return s
}

// Key describes one key of a site, for help texts and documentation.
type Key struct {
	// Name is the key; one inside another is joined by a dot.
	Name string
	Doc  string
	// Default is empty where there is none, or where Doc tells.
	Default string
	// Variable is the environment variable that sets it for every site; empty
	// for a key that tells sites apart.
	Variable string
}

// Keys gives the keys of a site, in the order to describe them.
func Keys() []Key {
	var out []Key
	for _, k := range siteKeys() {
		out = append(out, Key{Name: k.name, Doc: k.doc, Default: k.initial, Variable: variable(k)})
	}
	return out
}

// FromEnvironment gives the settings that environment variables hold:
// DPREMOTE_USER for user, DPREMOTE_KERBEROS_REALM for kerberos.realm, and so
// on. An empty variable is an unset one.
func FromEnvironment(getenv func(string) string) []Setting {
	var out []Setting
	for _, k := range Keys() {
		if k.Variable == "" {
			continue
		}
		if v := getenv(k.Variable); v != "" {
			out = append(out, Setting{Key: k.Name, Value: v, From: k.Variable})
		}
	}
	return out
}

func variable(k key[Site]) string {
	if k.identity {
		return ""
	}
	return "DPREMOTE_" + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_"))
}

// sections are the parts before a dot: keys that hold keys.
func sections[T any](table []key[T]) []string {
	set := map[string]bool{}
	for _, k := range table {
		if section, _, nested := strings.Cut(k.name, "."); nested {
			set[section] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
