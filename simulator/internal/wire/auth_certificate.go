package wire

import (
	"crypto/x509"
	"net/http"
)

// profileMutual is the security profile of client certificates, and the word
// that Authorization holds for them (DSP0226 annex C, MS-WSMV section 2.2.9).
const profileMutual = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

// certificates signs in by the certificate that the client showed in the TLS
// handshake. Whether TLS asks for one, and which authorities it trusts, is for
// the listener's tls.Config to say.
type certificates struct {
	user func(*x509.Certificate) (user string, ok bool)
}

func (certificates) name() string { return profileMutual }

// challenge is empty: a URI is no auth-scheme that WWW-Authenticate could list.
func (certificates) challenge() string { return "" }

func (certificates) profile(tls bool) string {
	if !tls {
		return ""
	}
	return profileMutual
}

// signIn implements scheme. A certificate alone signs nobody in: the client must
// ask for it by Authorization.
func (c certificates) signIn(r *http.Request, credentials string) verdict {
	if r.Header.Get("Authorization") == "" || credentials != "" || r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return verdict{}
	}
	user, ok := c.user(r.TLS.PeerCertificates[0])
	if !ok {
		return verdict{}
	}
	return verdict{user: user}
}
