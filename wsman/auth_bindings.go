package wsman

import (
	"crypto"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
)

// channelBindings is what ties a sign-in to a TLS connection, so that who sits
// between cannot pass it on: the MD5 of the gss_channel_bindings_struct
// (RFC 4121 section 4.1.1.2, MS-NLMP section 2.2.2.1) over the
// tls-server-end-point of RFC 5929 section 4. It is nil without TLS, and with
// a certificate for which RFC 5929 defines none.
func channelBindings(state *tls.ConnectionState) []byte {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	certificate := state.PeerCertificates[0]
	hash := endPointHash(certificate.SignatureAlgorithm)
	if hash == 0 {
		return nil
	}
	h := hash.New()
	h.Write(certificate.Raw)
	data := h.Sum([]byte("tls-server-end-point:"))
	var b []byte
	b = append(b, make([]byte, 16)...) // no addresses
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	sum := md5.Sum(append(b, data...))
	return sum[:]
}

// endPointHash is the hash of the certificate's signature, but SHA-256 for the
// two that are broken.
func endPointHash(a x509.SignatureAlgorithm) crypto.Hash {
	switch a {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1,
		x509.SHA256WithRSA, x509.DSAWithSHA256, x509.ECDSAWithSHA256, x509.SHA256WithRSAPSS:
		return crypto.SHA256
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		return crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		return crypto.SHA512
	}
	return 0
}
