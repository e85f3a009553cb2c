package wsman_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dpremote/simulator"
	"dpremote/wsman"
	"dpremote/wsman/internal/kdctest"

	"github.com/jcmturner/gokrb5/v8/keytab"
)

// realm is a KDC with an account sim and the simulator's service. It gives a
// client of it and the service's keytab.
func realm(t *testing.T, password string) (client *wsman.KerberosClient, keys string) {
	t.Helper()
	k := kdctest.New("SIM.TEST")
	k.Add("sim", "SIM.TEST", password)
	k.Add("HTTP/127.0.0.1", "SIM.TEST", "of the service")
	dir := t.TempDir()
	kt := keytab.New()
	if err := kt.AddEntry("HTTP/127.0.0.1", "SIM.TEST", "of the service", time.Unix(1, 0), 1, 18); err != nil {
		t.Fatal(err)
	}
	b, err := kt.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	keys = filepath.Join(dir, "keytab")
	conf := filepath.Join(dir, "krb5.conf")
	for path, b := range map[string][]byte{keys: b, conf: nil} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	client, err = wsman.NewKerberosClient(wsman.KerberosCredentials{
		User: "sim@SIM.TEST", Password: func() string { return password }, Config: conf, KDCs: []string{k.Start(t)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client, keys
}

// The simulator's side of each scheme is written from the specifications apart
// from the client's, so that each is held against the other.
func TestSignInAtSimulator(t *testing.T) {
	const password = "s3cret"
	client, keys := realm(t, password)
	kerberos := wsman.KerberosOptions{Client: client}
	auths := map[string]wsman.Authentication{
		"NTLM":               wsman.NTLM("sim", "SIM", password),
		"Kerberos":           wsman.Kerberos(kerberos),
		"Negotiate, NTLM":    wsman.Negotiate(wsman.NegotiateOptions{User: "sim", Password: func() string { return password }}),
		"Negotiate Kerberos": wsman.Negotiate(wsman.NegotiateOptions{Kerberos: &kerberos}),
	}
	for _, secure := range []bool{false, true} {
		o := simulator.Options{
			User: "sim", Password: password, Schemes: []simulator.Scheme{simulator.NTLM, simulator.Kerberos},
			Keytab: keys, TLS: secure, StrictBindings: secure,
			Strict: func(s simulator.Sin) { t.Error(s) },
		}
		h, err := simulator.Start(context.Background(), simulator.Model{Sites: []simulator.Site{{Code: "PS1", DPs: 2, Packages: 5}}}, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = h.Close() })
		for name, auth := range auths {
			t.Run(fmt.Sprintf("%s, TLS %v", name, secure), func(t *testing.T) {
				list(t, at(t, h, auth))
			})
		}
		t.Run(fmt.Sprintf("wrong password, TLS %v", secure), func(t *testing.T) {
			_, err := at(t, h, wsman.NTLM("sim", "SIM", "wrong")).Identify(t.Context(), false)
			if !errors.Is(err, wsman.ErrUnauthorized) || strings.Contains(err.Error(), "wrong") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestCertificateAtSimulator(t *testing.T) {
	h, err := simulator.Start(context.Background(), simulator.Model{Sites: []simulator.Site{{Code: "PS1", DPs: 2, Packages: 5}}},
		simulator.Options{Schemes: []simulator.Scheme{simulator.Certificate}, TLS: true, Strict: func(s simulator.Sin) { t.Error(s) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	certificate, err := tls.X509KeyPair(h.ClientCertificate())
	if err != nil {
		t.Fatal(err)
	}
	list(t, at(t, h, wsman.Certificate(certificate)))
}

// at is a client of the simulated site.
func at(t *testing.T, h *simulator.Hierarchy, auth wsman.Authentication) *wsman.Client {
	t.Helper()
	site := h.Sites()[0]
	o := wsman.HTTPOptions{URL: site.URL, Slots: 2}
	if site.CA != nil {
		o.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
		o.TLS.RootCAs.AppendCertsFromPEM(site.CA)
	}
	transport, err := wsman.NewHTTP(o, auth)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = transport.Close() })
	return wsman.NewClient(transport, wsman.Options{Endpoint: site.URL, Retries: -1})
}

// list enumerates distribution points in several pages, and asks for a fault.
func list(t *testing.T, c *wsman.Client) {
	t.Helper()
	rows := 0
	for _, err := range c.Enumerate(t.Context(), wsman.Enumeration{Namespace: "root/sms/site_PS1", WQL: "SELECT * FROM SMS_DistributionPoint", MaxElements: 3}) {
		if err != nil {
			t.Fatal(err)
		}
		rows++
	}
	if rows < 4 {
		t.Errorf("%d rows", rows)
	}
	_, err := c.Get(t.Context(), c.Schema().EPR("root/sms/site_PS1", "No_Class"))
	var fault *wsman.Fault
	if !errors.As(err, &fault) {
		t.Errorf("a class that is not there: %v, want a fault", err)
	}
}
