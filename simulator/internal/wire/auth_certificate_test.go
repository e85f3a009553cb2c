package wire

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func certificateUser(c *x509.Certificate) (string, bool) {
	return c.Subject.CommonName, c.Subject.CommonName == "alice"
}

func TestCertificates(t *testing.T) {
	alice, mallory := newCertificate(t, "alice"), newCertificate(t, "mallory")
	for _, c := range []struct {
		name          string
		https         bool
		certificates  []tls.Certificate
		authorization string
		want          int
	}{
		{"right", true, []tls.Certificate{alice}, profileMutual, 200},
		{"not asked for", true, []tls.Certificate{alice}, "", 401},
		{"asked for with more", true, []tls.Certificate{alice}, profileMutual + " x", 401},
		{"unknown certificate", true, []tls.Certificate{mallory}, profileMutual, 401},
		{"no certificate", true, nil, profileMutual, 401},
		{"http", false, nil, profileMutual, 401},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serveSigned(t, Config{Certificates: certificateUser}, c.https)
			got := send(t, s.one(t, c.certificates...), s.url, c.authorization, "", []byte(getMessage.text()))
			if got.status != c.want {
				t.Errorf("status %d, want %d", got.status, c.want)
			}
			want := Exchange{Status: c.want, User: map[int]string{http.StatusOK: "alice"}[c.want]}
			x := <-s.seen
			if d := cmp.Diff(want, Exchange{Status: x.Status, User: x.User}); d != "" {
				t.Error(d)
			}
		})
	}
}
