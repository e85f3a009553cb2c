package wire

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCertificateHash(t *testing.T) {
	raw := []byte("certificate")
	by256, by384, by512 := sha256.Sum256(raw), sha512.Sum384(raw), sha512.Sum512(raw)
	for _, c := range []struct {
		algorithm x509.SignatureAlgorithm
		want      []byte
	}{
		{x509.MD5WithRSA, by256[:]}, {x509.SHA1WithRSA, by256[:]}, {x509.ECDSAWithSHA1, by256[:]},
		{x509.SHA256WithRSA, by256[:]}, {x509.SHA256WithRSAPSS, by256[:]}, {x509.ECDSAWithSHA256, by256[:]},
		{x509.SHA384WithRSA, by384[:]}, {x509.SHA384WithRSAPSS, by384[:]}, {x509.ECDSAWithSHA384, by384[:]},
		{x509.SHA512WithRSA, by512[:]}, {x509.SHA512WithRSAPSS, by512[:]}, {x509.ECDSAWithSHA512, by512[:]},
		{x509.PureEd25519, by256[:]},
	} {
		t.Run(c.algorithm.String(), func(t *testing.T) {
			got := certificateHash(&x509.Certificate{Raw: raw, SignatureAlgorithm: c.algorithm})
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}
