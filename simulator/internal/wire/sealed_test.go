package wire

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bodgit/ntlmssp"
)

// account is who may sign in by NTLM in these tests.
func account(user, domain string) (string, bool) {
	return "Secret-1", strings.EqualFold(user, "admin") && domain == "LAB"
}

// newCertificate is a self-signed certificate for a host and its key.
func newCertificate(t testing.TB, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

// signedServer is a server for the schemes that sign in connections.
type signedServer struct {
	*Handler
	url         string
	certificate tls.Certificate // of https
	seen        chan Exchange   // what was observed
}

// serveSigned starts a server over http or https. Provider is set when nil.
func serveSigned(t testing.TB, cfg Config, https bool) *signedServer {
	t.Helper()
	s := &signedServer{seen: make(chan Exchange, 1000)}
	if cfg.Provider == nil {
		cfg.Provider = newFake()
	}
	cfg.Observe = func(x Exchange) { s.seen <- x }
	if https {
		s.certificate = newCertificate(t, "server")
		cfg.ServerCertificate = s.certificate.Leaf
	}
	s.Handler = New(cfg)
	server := httptest.NewUnstartedServer(s.Handler)
	s.ConfigureServer(server.Config)
	if https {
		server.TLS = &tls.Config{Certificates: []tls.Certificate{s.certificate}, ClientAuth: tls.RequestClientCert}
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	s.url = server.URL + "/wsman"
	return s
}

// one is a client with one connection that lives until the test's end.
func (s *signedServer) one(t testing.TB, certificates ...tls.Certificate) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxConnsPerHost: 1, TLSClientConfig: &tls.Config{Certificates: certificates}}
	if s.certificate.Leaf != nil {
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		transport.TLSClientConfig.RootCAs.AddCert(s.certificate.Leaf)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// send posts a body. Authorization and Content-Type may be empty.
func send(t testing.TB, client *http.Client, url, authorization, contentType string, body []byte) response {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if contentType == "" {
		contentType = "application/soap+xml;charset=UTF-8"
	}
	r.Header.Set("Content-Type", contentType)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{answer.StatusCode, answer.Header, read}
}

// answerToken is the token in an answer's WWW-Authenticate.
func answerToken(t testing.TB, r response, word string) []byte {
	t.Helper()
	text, found := strings.CutPrefix(r.header.Get("Www-Authenticate"), word+" ")
	token, err := base64.StdEncoding.DecodeString(text)
	if !found || err != nil {
		t.Fatalf("status %d, WWW-Authenticate %q", r.status, r.header["Www-Authenticate"])
	}
	return token
}

func authorization(word string, token []byte) string {
	return word + " " + base64.StdEncoding.EncodeToString(token)
}

// newNTLM is a foreign implementation of NTLM's client.
func newNTLM(t testing.TB, user, password string) *ntlmssp.Client {
	t.Helper()
	c, err := ntlmssp.NewClient(ntlmssp.SetUserInfo(user, password), ntlmssp.SetDomain("LAB"),
		ntlmssp.SetWorkstation("HERE"), ntlmssp.SetVersion(ntlmssp.DefaultVersion()))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// signInNTLM signs a client's connection in, with no body, by bare tokens.
func signInNTLM(t testing.TB, client *http.Client, url, word string, by *ntlmssp.Client) response {
	t.Helper()
	greeting, err := by.Authenticate(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	challenged := send(t, client, url, authorization(word, greeting), "", nil)
	if challenged.status != http.StatusUnauthorized {
		t.Fatalf("status %d after the first token, want 401", challenged.status)
	}
	answer, err := by.Authenticate(answerToken(t, challenged, word), nil)
	if err != nil {
		t.Fatal(err)
	}
	return send(t, client, url, authorization(word, answer), "", nil)
}

// sealedBody writes a body as MS-WSMV section 2.2.9.1 shows it.
func sealedBody(label string, length int, header, ciphertext []byte) (contentType string, body []byte) {
	text := fmt.Sprintf("--Encrypted Boundary\r\n\tContent-Type: %s\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n"+
		"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n", label, length)
	body = binary.LittleEndian.AppendUint32([]byte(text), uint32(len(header)))
	body = append(append(body, header...), ciphertext...)
	return `multipart/encrypted;protocol="` + label + `";boundary="Encrypted Boundary"`, append(body, "--Encrypted Boundary--\r\n"...)
}

// unsealedBody takes a sealed answer apart, byte for byte as Windows sends it.
func unsealedBody(t testing.TB, r response, label string) (length int, header, ciphertext []byte) {
	t.Helper()
	if want := `multipart/encrypted;protocol="` + label + `";boundary="Encrypted Boundary"`; r.header.Get("Content-Type") != want {
		t.Fatalf("status %d, Content-Type %q, want %q", r.status, r.header.Get("Content-Type"), want)
	}
	head, rest, found := bytes.Cut(r.body, []byte("\tContent-Type: application/octet-stream\r\n"))
	var of string
	_, err := fmt.Sscanf(string(head), "--Encrypted Boundary\r\n\tContent-Type: %s\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n--Encrypted Boundary\r\n", &of, &length)
	rest, ended := bytes.CutSuffix(rest, []byte("--Encrypted Boundary--\r\n"))
	if !found || !ended || err != nil || of != label || len(rest) < 4 {
		t.Fatalf("body %q: %v", r.body, err)
	}
	n := binary.LittleEndian.Uint32(rest)
	return length, rest[4 : 4+n], rest[4+n:]
}

// exchangeNTLM sends a sealed message and opens its answer.
func exchangeNTLM(t testing.TB, client *http.Client, url string, by *ntlmssp.Client, text string) response {
	t.Helper()
	ciphertext, signature, err := by.SecuritySession().Wrap([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	contentType, body := sealedBody(labelSPNEGO, len(text), signature, ciphertext)
	got := send(t, client, url, "", contentType, body)
	if len(got.body) == 0 {
		return got
	}
	length, header, ciphertext := unsealedBody(t, got, labelSPNEGO)
	if got.body, err = by.SecuritySession().Unwrap(ciphertext, header); err != nil {
		t.Fatal(err)
	}
	if length != len(got.body) {
		t.Errorf("Length=%d for %d bytes", length, len(got.body))
	}
	return got
}
