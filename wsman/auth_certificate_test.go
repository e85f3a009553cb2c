package wsman

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clientCertificate makes a certificate that nobody signed but itself.
func clientCertificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestCertificate(t *testing.T) {
	certificate := clientCertificate(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) != 1 || !bytes.Equal(r.TLS.PeerCertificates[0].Raw, certificate.Certificate[0]) {
			t.Error("the certificate was not shown")
		}
		want := "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"
		if r.Header.Get("WSMANIDENTIFY") != "" {
			want = ""
		}
		if diff := cmp.Diff(want, r.Header.Get("Authorization")); diff != "" {
			t.Errorf("Authorization (-want +got):\n%s", diff)
		}
		w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
		_, _ = w.Write([]byte("hello"))
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	defer server.Close()
	transport := openTransport(t, HTTPOptions{URL: server.URL, TLS: trust(server)}, Certificate(certificate))
	if got, err := ask(transport, "x"); err != nil || got != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := transport.RoundTrip(t.Context(), &Request{Anonymous: true}); err != nil {
		t.Error(err)
	}
}

func TestCertificateOverTLSOnly(t *testing.T) {
	_, err := NewHTTP(HTTPOptions{URL: "http://srv:5985", AllowUnencrypted: true}, Certificate(tls.Certificate{}))
	if err == nil || !strings.Contains(err.Error(), "https only") {
		t.Errorf("error %v", err)
	}
}

func TestChannelBindings(t *testing.T) {
	tests := []struct {
		algorithm x509.SignatureAlgorithm
		want      crypto.Hash
	}{
		{x509.MD5WithRSA, crypto.SHA256}, {x509.SHA1WithRSA, crypto.SHA256}, {x509.ECDSAWithSHA1, crypto.SHA256},
		{x509.SHA256WithRSA, crypto.SHA256}, {x509.SHA256WithRSAPSS, crypto.SHA256}, {x509.ECDSAWithSHA256, crypto.SHA256},
		{x509.SHA384WithRSA, crypto.SHA384}, {x509.ECDSAWithSHA384, crypto.SHA384}, {x509.SHA384WithRSAPSS, crypto.SHA384},
		{x509.SHA512WithRSA, crypto.SHA512}, {x509.ECDSAWithSHA512, crypto.SHA512}, {x509.SHA512WithRSAPSS, crypto.SHA512},
		{x509.PureEd25519, 0},
	}
	for _, tt := range tests {
		t.Run(tt.algorithm.String(), func(t *testing.T) {
			c := &x509.Certificate{Raw: []byte("certificate"), SignatureAlgorithm: tt.algorithm}
			var want []byte
			if tt.want != 0 {
				h := tt.want.New()
				h.Write(c.Raw)
				data := append([]byte("tls-server-end-point:"), h.Sum(nil)...)
				b := binary.LittleEndian.AppendUint32(make([]byte, 16), uint32(len(data)))
				sum := md5.Sum(append(b, data...))
				want = sum[:]
			}
			got := channelBindings(&tls.ConnectionState{PeerCertificates: []*x509.Certificate{c}})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if got := channelBindings(nil); got != nil {
		t.Errorf("without TLS: %x", got)
	}
}
