package wire

import (
	"crypto"
	"crypto/md5"
	_ "crypto/sha256" // for certificateHash
	_ "crypto/sha512" // for certificateHash
	"crypto/x509"
	"encoding/binary"
	"errors"
	"net/http"
)

// ChannelBindings says how strictly a sign-in over https must be bound to the
// TLS connection's certificate (CbtHardeningLevel, MS-WSMV section 2.2.4.34).
type ChannelBindings int

// Levels of ChannelBindings.
const (
	// BindingsRelaxed refuses wrong bindings, but lets in clients that send
	// none. It is the default, as on Windows.
	BindingsRelaxed ChannelBindings = iota
	// BindingsStrict refuses clients that send none too.
	BindingsStrict
	// BindingsNone looks at no bindings.
	BindingsNone
)

// bindings is the judge of the channel bindings of a request; nil when there is
// nothing to judge. It gets the MD5 that a client sent, zero when it sent none.
func (h *Handler) bindings(r *http.Request) func(sum [16]byte) error {
	if r.TLS == nil || h.cfg.ChannelBindings == BindingsNone || h.cfg.ServerCertificate == nil {
		return nil
	}
	want := bindingsSum(h.cfg.ServerCertificate)
	strict := h.cfg.ChannelBindings == BindingsStrict
	return func(sum [16]byte) error {
		switch {
		case sum == want, sum == [16]byte{} && !strict:
			return nil
		case sum == [16]byte{}:
			return errors.New("the client sent no channel bindings")
		}
		return errors.New("the channel bindings are those of another certificate")
	}
}

// bindingsSum is the MD5 of gss_channel_bindings_struct (RFC 4121 section
// 4.1.1.2, MS-NLMP section 3.1.5.1.2) for the bindings tls-server-end-point of
// RFC 5929: no addresses, and the certificate's hash as application data.
func bindingsSum(certificate *x509.Certificate) [16]byte {
	data := append([]byte("tls-server-end-point:"), certificateHash(certificate)...)
	b := make([]byte, 16, 20+len(data)) // two empty addresses: type and length each
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	return md5.Sum(append(b, data...))
}

// certificateHash is the hash of RFC 5929 section 4.1: by the algorithm of the
// certificate's signature, SHA-256 where that is MD5 or SHA-1. For Ed25519,
// whose signature has no hash of its own, it is SHA-256 too.
func certificateHash(certificate *x509.Certificate) []byte {
	algorithm := crypto.SHA256
	switch certificate.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		algorithm = crypto.SHA384
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		algorithm = crypto.SHA512
	}
	hash := algorithm.New()
	hash.Write(certificate.Raw)
	return hash.Sum(nil)
}
