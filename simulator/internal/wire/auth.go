package wire

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// scheme is one way of signing in (an auth-scheme of RFC 9110 section 11). A
// further one is a file with a type that has these methods, and a line in
// makeSchemes.
type scheme interface {
	// name is the word that Authorization begins with.
	name() string
	// challenge is what WWW-Authenticate says to those not signed in; nothing
	// when empty.
	challenge() string
	// profile is the security profile that Identify lists for the scheme; none
	// when empty.
	profile(tls bool) string
	// signIn judges what follows the name in Authorization. It is called with
	// no credentials for a request without Authorization, so that a scheme
	// that signs in a connection can know the connection again (it is in the
	// request's context, if ConfigureServer put it there).
	signIn(r *http.Request, credentials string) verdict
}

// verdict is what a scheme says to a request.
type verdict struct {
	user string // who is signed in; empty when nobody is, or not yet
	next string // WWW-Authenticate of the answer, when the scheme goes on or proves itself
	seal sealer // of a scheme that seals bodies; nil leaves them in clear

	// completed says that this request ended a handshake. Without a body that
	// is all it was sent for.
	completed bool
}

// sealer opens and seals bodies (MS-WSMV section 2.2.9.1).
type sealer interface {
	// open is the Content-Type and body inside of a sealed body.
	open(contentType string, body []byte) (string, []byte, error)
	// seal is the reverse.
	seal(contentType string, body []byte) (string, []byte, error)
}

// makeSchemes lists the ways in which this server lets users sign in.
func (h *Handler) makeSchemes() []scheme {
	var all []scheme
	if h.cfg.NTLM != nil || h.kerberos != nil {
		all = append(all, h.negotiate())
	}
	if h.cfg.NTLM != nil {
		all = append(all, h.plainNTLM())
	}
	if h.kerberos != nil {
		all = append(all, h.plainKerberos())
	}
	if h.cfg.Certificates != nil {
		all = append(all, certificates{h.cfg.Certificates})
	}
	if h.cfg.Authenticate != nil || len(all) == 0 {
		all = append(all, basic{h.cfg.Authenticate})
	}
	return all
}

// signIn asks the scheme that a request names. Without one it asks each.
func (h *Handler) signIn(r *http.Request) verdict {
	name, credentials, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	for _, s := range h.schemes {
		if name != "" && !strings.EqualFold(name, s.name()) {
			continue
		}
		if v := s.signIn(r, strings.TrimSpace(credentials)); v.user != "" || v.next != "" {
			return v
		}
	}
	return verdict{}
}

// challenges are the WWW-Authenticate headers for a request that is not
// signed in.
func (h *Handler) challenges(v verdict) []string {
	if v.next != "" {
		return []string{v.next}
	}
	var all []string
	for _, s := range h.schemes {
		if c := s.challenge(); c != "" {
			all = append(all, c)
		}
	}
	return all
}

// basic is RFC 7617.
type basic struct {
	authenticate func(user, password string) bool
}

func (basic) name() string      { return "Basic" }
func (basic) challenge() string { return `Basic realm="WSMAN"` }

func (basic) profile(tls bool) string {
	return profilePrefix(tls) + "basic"
}

// profilePrefix is what the security profiles of a transport begin with.
func profilePrefix(tls bool) string {
	if tls {
		return "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/"
	}
	return "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/http/"
}

func (b basic) signIn(_ *http.Request, credentials string) verdict {
	text, err := base64.StdEncoding.DecodeString(credentials)
	if err != nil {
		return verdict{}
	}
	user, password, ok := strings.Cut(string(text), ":")
	if !ok || user == "" || b.authenticate == nil || !b.authenticate(user, password) {
		return verdict{}
	}
	return verdict{user: user}
}
