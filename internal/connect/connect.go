// Package connect makes a site of the inventory a server one can talk to: it
// gets the password, sets up TLS and the transport, and runs the simulator for
// sites that are simulated.
//
//	inventory.Site -> Connector.Open -> account (one for all of its sites), TLS
//	               -> wsman.HTTP -> wsman.Client -> Connection with a cim.Session
//
// Simulated sites of one inventory that belong together are one hierarchy, which
// is started when the first of them is opened and lives as long as the Connector.
package connect

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"

	"dpremote/cim"
	"dpremote/internal/inventory"
	"dpremote/simulator"
	"dpremote/wsman"
)

// Connector opens sites. Its fields are set before the first use; it is then
// safe for concurrent use.
type Connector struct {
	// Inventory tells which simulated sites belong together; nil when there
	// are none.
	Inventory *inventory.Inventory
	// Passwords resolves each source of a password once.
	Passwords inventory.Passwords
	// TraceDir is where each message is written; empty for nowhere.
	TraceDir string
	// Warn is told of what the user should know but what stops nothing. It is
	// called from several goroutines; nil ignores it.
	Warn func(error)
	// Strict is told of what this program does wrong at simulated sites, until
	// Close has returned. Nil looks for nothing. It is called from several
	// goroutines.
	Strict func(simulator.Sin)
	// Debug is told what the client of a site does of its own accord: retries,
	// and what it asks less of because of the site's quotas. It is called from
	// several goroutines; nil ignores it.
	Debug func(site, text string)

	simulated simulated
	accounts  accounts
	buffers   wsman.Buffers // for the answers of all sites
}

// Connection is one site server that can be asked.
type Connection struct {
	// Session is the namespace of the site's SMS Provider. Its Namespace is
	// empty when the site's code is not known.
	*cim.Session
	URL       string
	Scheme    string // how it signs in
	Sealed    bool   // messages are encrypted without TLS
	Transport wsman.Transport
}

// At is the same server with another namespace.
func (c *Connection) At(namespace string) *cim.Session {
	return &cim.Session{Client: c.Client, Namespace: namespace, Counted: c.Counted}
}

// Close gives up the connections to the server.
func (c *Connection) Close() error { return c.Transport.Close() }

// ErrSettings is wrapped by errors that lie in what the inventory or the command
// line says: nothing was asked of the site.
var ErrSettings = errors.New("cannot be set up")

// target is what is needed to reach a server.
type target struct {
	url  string
	auth wsman.Authentication
	tls  *tls.Config
	site inventory.Site
}

// Open prepares the connection to a site. Nothing is sent yet, except to start
// a simulated site.
func (c *Connector) Open(ctx context.Context, site inventory.Site) (*Connection, error) {
	t, err := c.target(ctx, site)
	if err != nil {
		return nil, err
	}
	transport, err := wsman.NewHTTP(wsman.HTTPOptions{
		URL:              t.url,
		Slots:            site.Connections,
		ConnectTimeout:   site.ConnectTimeout,
		MaxBody:          maxBody(site.MaxEnvelopeKB),
		Buffers:          &c.buffers,
		TLS:              t.tls,
		AllowUnencrypted: t.site.AllowUnencrypted,
	}, t.auth)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSettings, err)
	}
	options := wsman.Options{
		Endpoint:         t.url,
		OperationTimeout: site.RequestTimeout,
		MaxEnvelopeSize:  site.MaxEnvelopeKB * 1024,
	}
	if c.Debug != nil {
		options.Notice = func(text string) { c.Debug(site.Name, text) }
	}
	if site.Schema == inventory.DMTF {
		options.Schema = wsman.SchemaDMTF
	}
	if c.TraceDir != "" {
		if options.Tracer, err = wsman.NewDirTracer(c.TraceDir, site.Name, c.Warn); err != nil {
			return nil, err
		}
	}
	client := wsman.NewClient(transport, options)
	return &Connection{
		Session:   &cim.Session{Client: client, Namespace: site.Namespace},
		URL:       t.url,
		Scheme:    t.auth.String(),
		Sealed:    transport.Sealed(),
		Transport: transport,
	}, nil
}

// maxBody bounds answers. A server counts the envelope in UTF-16 and may send
// it so, or in UTF-8, in which a character takes up to three bytes.
func maxBody(envelopeKB int) int64 {
	const room = 64 << 10
	return int64(envelopeKB)*1024*4 + room
}

// Close stops the simulated sites.
func (c *Connector) Close() error { return c.simulated.close() }

func (c *Connector) target(ctx context.Context, site inventory.Site) (target, error) {
	if site.Simulate != nil {
		endpoint, err := c.simulated.endpoint(ctx, c.Inventory, site, c.Strict)
		if err != nil {
			return target{}, err
		}
		return target{url: endpoint.URL, auth: wsman.NTLM(endpoint.User, "", endpoint.Password()), site: site}, nil
	}
	scheme := "http"
	if site.TLS {
		scheme = "https"
	}
	t := target{url: scheme + "://" + site.Address() + "/wsman", site: site}
	var err error
	if t.tls, err = c.tlsConfig(site); err != nil {
		return target{}, err
	}
	t.auth, err = c.accounts.authentication(ctx, &c.Passwords, site)
	return t, err
}

// tlsConfig is how the server's certificate is judged: by the system's roots
// or a file's, by one certificate's fingerprint, or, with a warning, not.
func (c *Connector) tlsConfig(site inventory.Site) (*tls.Config, error) {
	if !site.TLS {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: site.TLSServerName}
	switch {
	case site.TLSFingerprint != "":
		config.InsecureSkipVerify = true // the pinned certificate is checked instead
		config.VerifyConnection = pinned(site.TLSFingerprint)
	case site.Insecure:
		config.InsecureSkipVerify = true
		c.warn(fmt.Errorf("%s: insecure: the server's certificate is not checked, anybody may be answering; tls_fingerprint is safer", site.Name))
	}
	if site.CAFile != "" {
		pem, err := os.ReadFile(site.CAFile)
		if err != nil {
			return nil, fmt.Errorf("%w: ca_file: %w", ErrSettings, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%w: ca_file %s holds no certificate in PEM", ErrSettings, site.CAFile)
		}
	}
	return config, nil
}

func (c *Connector) warn(err error) {
	if c.Warn != nil {
		c.Warn(err)
	}
}

// pinned accepts the certificate with this SHA-256 only, whoever issued it.
func pinned(fingerprint string) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) == 0 {
			return errors.New("the server sent no certificate")
		}
		sum := sha256.Sum256(state.PeerCertificates[0].Raw)
		if got := hex.EncodeToString(sum[:]); got != fingerprint {
			return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates,
				Err: fmt.Errorf("the server's certificate has the SHA-256 %s, not the tls_fingerprint %s", got, fingerprint)}
		}
		return nil
	}
}

// simulated runs the simulated sites of an inventory, each hierarchy once and
// when it is first needed.
type simulated struct {
	mu      sync.Mutex
	running []*simulator.Hierarchy
	byName  map[string]simulator.Endpoint
}

func (s *simulated) endpoint(ctx context.Context, inv *inventory.Inventory, site inventory.Site, strict func(simulator.Sin)) (simulator.Endpoint, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.byName[site.Name]; ok {
		return e, nil
	}
	if inv == nil {
		return simulator.Endpoint{}, errors.New("a simulated site outside of an inventory")
	}
	for _, sites := range inv.Hierarchies() {
		for _, member := range sites {
			if member.Name == site.Name {
				return s.start(ctx, sites, site.Name, strict)
			}
		}
	}
	return simulator.Endpoint{}, fmt.Errorf("simulated site %s is in no hierarchy", site.Name)
}

// start runs a hierarchy for as long as the connector lives, whatever becomes
// of the context of the site that was the first to need it.
func (s *simulated) start(ctx context.Context, sites []inventory.Site, name string, strict func(simulator.Sin)) (simulator.Endpoint, error) {
	h, err := simulator.Start(context.WithoutCancel(ctx), Model(sites), simulator.Options{Schemes: []simulator.Scheme{simulator.NTLM}, Strict: strict})
	if err != nil {
		return simulator.Endpoint{}, fmt.Errorf("start the simulated sites: %w", err)
	}
	s.running = append(s.running, h)
	if s.byName == nil {
		s.byName = map[string]simulator.Endpoint{}
	}
	for i, e := range h.Sites() {
		s.byName[sites[i].Name] = e
	}
	return s.byName[name], nil
}

func (s *simulated) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, h := range s.running {
		errs = append(errs, h.Close())
	}
	s.running, s.byName = nil, nil
	return errors.Join(errs...)
}

// Model is the simulator's model of the sites of one hierarchy, the top site
// first.
func Model(sites []inventory.Site) simulator.Model {
	top := sites[0].Simulate
	m := simulator.Model{Seed: top.Seed, Delay: top.Delay}
	for _, site := range sites {
		s := site.Simulate
		model := simulator.Site{
			Code: site.Code, Name: s.Name, Parent: s.Parent,
			DPs: s.DPs, Packages: s.Packages, ServerDP: s.ServerDP,
			Failed: byCause(s.Failed), Waiting: byCause(s.Waiting),
			Retrying: s.Retrying, Pending: s.Pending, Updating: s.Updating, Monitoring: s.Monitoring,
			Stale: s.Stale, Stuck: s.Stuck, Storms: s.Storms,
			Maintenance: s.Maintenance, Hidden: s.Hidden,
		}
		for _, below := range s.Secondaries {
			model.Secondaries = append(model.Secondaries, simulator.Secondary{Code: below.Code, Name: below.Name, DPs: below.DPs})
		}
		m.Sites = append(m.Sites, model)
	}
	return m
}

func byCause(rows map[string]int) map[simulator.Cause]int {
	out := map[simulator.Cause]int{}
	for cause, n := range rows {
		out[simulator.Cause(cause)] = n
	}
	return out
}
