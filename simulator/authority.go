package simulator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// authority is a certificate authority with the certificates of the servers and
// of the user who may sign in. All live in memory only.
type authority struct {
	pem                     []byte // the authority's certificate
	server                  *x509.Certificate
	config                  *tls.Config
	user                    string
	clientPEM, clientKeyPEM []byte
}

// userOf is the user that a verified certificate stands for.
func (a *authority) userOf(c *x509.Certificate) (string, bool) {
	return c.Subject.CommonName, c.Subject.CommonName == a.user
}

// newAuthority makes an authority, a server certificate for loopback addresses
// and names, and a client certificate for a user.
func newAuthority(names []string, user string) (*authority, error) {
	// Certificates are judged by the wall clock, whatever the simulation's says.
	from := time.Now().Add(-time.Hour)
	root := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "dpremote simulator CA"},
		NotBefore:             from,
		NotAfter:              from.AddDate(1, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	rootKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make certificate authority: %w", err)
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, &rootKey.PublicKey, rootKey)
	if err != nil {
		return nil, fmt.Errorf("make certificate authority: %w", err)
	}
	issue := func(serial int64, name string, use x509.ExtKeyUsage) (tls.Certificate, error) {
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(serial),
			Subject:      pkix.Name{CommonName: name},
			NotBefore:    from,
			NotAfter:     root.NotAfter,
			KeyUsage:     x509.KeyUsageDigitalSignature,
			ExtKeyUsage:  []x509.ExtKeyUsage{use},
		}
		if use == x509.ExtKeyUsageServerAuth {
			leaf.DNSNames = names
			leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
		}
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return tls.Certificate{}, fmt.Errorf("make certificate of %s: %w", name, err)
		}
		der, err := x509.CreateCertificate(rand.Reader, leaf, root, &key.PublicKey, rootKey)
		if err != nil {
			return tls.Certificate{}, fmt.Errorf("make certificate of %s: %w", name, err)
		}
		return tls.Certificate{Certificate: [][]byte{der, rootDER}, PrivateKey: key}, nil
	}
	server, err := issue(2, names[0], x509.ExtKeyUsageServerAuth)
	if err != nil {
		return nil, err
	}
	client, err := issue(3, user, x509.ExtKeyUsageClientAuth)
	if err != nil {
		return nil, err
	}
	return assemble(rootDER, server, client, user)
}

// assemble puts what was issued into the forms in which it is used.
func assemble(rootDER []byte, server, client tls.Certificate, user string) (*authority, error) {
	root, err := x509.ParseCertificate(rootDER)
	if err != nil {
		return nil, fmt.Errorf("read certificate authority: %w", err)
	}
	leaf, err := x509.ParseCertificate(server.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("read server certificate: %w", err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(client.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("write client key: %w", err)
	}
	clients := x509.NewCertPool()
	clients.AddCert(root)
	return &authority{
		pem:          pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER}),
		server:       leaf,
		user:         user,
		clientPEM:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: client.Certificate[0]}),
		clientKeyPEM: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
		config: &tls.Config{
			MinVersion:   tls.VersionTLS12,
			Certificates: []tls.Certificate{server},
			ClientAuth:   tls.VerifyClientCertIfGiven,
			ClientCAs:    clients,
			// One connection carries one sign-in, so HTTP/2 is not offered.
			NextProtos: []string{"http/1.1"},
		},
	}, nil
}
