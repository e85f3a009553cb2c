package simulator

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dpremote/simulator/internal/wire"
	"dpremote/simulator/internal/world"
)

// Options say how the site servers are reached and how they behave. The zero
// value of each field is the default named with it.
type Options struct {
	// Listen is the address of the first site's listener; it must be on loopback.
	// Port 0 takes a free port for each site, any other port is the first of as
	// many as there are sites. Empty is 127.0.0.1:0.
	Listen string
	// Network makes the listeners, with an address on loopback. Nil listens on
	// TCP. With another network tests can run under an invented clock.
	Network func(ctx context.Context, address string) (net.Listener, error)
	// TLS makes the servers speak HTTPS, with a certificate of an authority of
	// their own (Hierarchy.CA) for 127.0.0.1, ::1, localhost and the servers'
	// names.
	TLS bool
	// User and Password sign in by Basic and NTLM. An empty User is "sim"; an
	// empty Password is a random one.
	User, Password string
	// Schemes are the ways to sign in. None are Basic and NTLM.
	Schemes []Scheme
	// Domain is the NetBIOS domain that NTLM's challenge names. Empty is "SIM".
	Domain string
	// Keytab is the file with the keys of the service that Kerberos signs in to.
	Keytab string
	// StrictBindings refuses sign-ins over HTTPS by NTLM and Kerberos that are not
	// bound to the server's certificate (CbtHardeningLevel Strict).
	StrictBindings bool
	// AllowUnencrypted lets SOAP pass in clear over HTTP. Without it, and without
	// TLS, the servers take sealed messages only, as Windows does by default.
	AllowUnencrypted bool
	// DMTF makes the servers accept resource URIs of DSP0227 beside Windows' own.
	DMTF bool

	// Now is the clock of the state and of enumerations. Nil is time.Now. It must
	// be safe for concurrent use.
	Now func() time.Time
	// Observe is called after every exchange. Nil observes nothing. It must be
	// safe for concurrent use.
	Observe func(Exchange)
	// Answer may answer a message to a site in the site's place, after the
	// sign-in: such as with a recorded answer. It gets the message in clear, in
	// UTF-8, and gives an envelope, which is sealed if the message was. Nil, and an
	// answer of nil, leave it to the site. It must be safe for concurrent use.
	Answer func(site string, message []byte) []byte
	// Misrelate is asked about each operation's answer; true makes it relate to a
	// request that nobody sent, so that a client which looks at RelatesTo refuses
	// it. Nil is never. It must be safe for concurrent use.
	Misrelate func(Exchange) bool
	// Strict is told of what clients do wrong: each sin before its request is
	// answered, and what they left open once Close has let the last exchange end.
	// Nil looks for nothing. It must be safe for concurrent use.
	Strict func(Sin)
	// Faults are in force from the start; see Hierarchy.Inject.
	Faults []Fault
	// Around wraps a site's HTTP handler, outside of sign-in. Nil wraps nothing.
	Around func(site string, next http.Handler) http.Handler
	// ErrorLog receives what the HTTP servers complain of. Nil discards it.
	ErrorLog *log.Logger

	// MaxEnvelopeSizeKB bounds requests and answers in KiB. 0 is 500.
	MaxEnvelopeSizeKB int
	// MaxBatchItems bounds the items of one answer. 0 is 32000.
	MaxBatchItems int
	// FirstPageItems bounds the items of an optimised EnumerateResponse. 0 is 1.
	FirstPageItems int
	// EnumerationTimeout closes an idle enumeration. 0 is 4 minutes.
	EnumerationTimeout time.Duration
	// MaxOperationsPerUser bounds one user's open enumerations. 0 is 100.
	MaxOperationsPerUser int
}

// Exchange is what is known of a request and its answer. Fields that a request
// did not get far enough to have are zero.
type Exchange struct {
	Site          string // site code
	User          string
	Action        string
	ResourceURI   string
	Namespace     string
	Class         string
	Method        string // of an Invoke
	Query         string // the WQL of an Enumerate
	Events        bool   // the Pull is one of a subscription
	Selectors     map[string]string
	Status        int    // HTTP
	FaultCode     uint32 // of the WSManFault; 0 when the answer is none
	RequestBytes  int
	ResponseBytes int
}

// Endpoint is one site server.
type Endpoint struct {
	Code   string // site code
	Name   string // the site's display name
	Server string // the site server's name, as classes show it
	URL    string // where its WS-Management listens; empty when it does not
	User   string
	CA     []byte // the certificate authority in PEM; nil without TLS

	hierarchy *Hierarchy
}

// Password is the password that goes with User.
func (e Endpoint) Password() string { return e.hierarchy.Password() }

// Hierarchy is simulated site servers. It is safe for concurrent use.
type Hierarchy struct {
	world     *world.World
	options   Options
	password  func() string // a func, so that no formatting verb shows it
	endpoints []Endpoint
	handlers  map[string]http.Handler  // by site code
	services  map[string]*wire.Handler // the same without the guard
	authority *authority               // nil without TLS
	plan      plan
	clocks    map[string]*atomic.Int64 // by how much a site's clock has jumped
	doors     map[string]*door         // of those that listen

	serving   sync.RWMutex // held by each exchange for reading
	closed    bool         // guarded by serving
	closeOnce sync.Once
	closeErr  error
	servers   []*http.Server
	listening sync.WaitGroup
	stop      func() bool // ends the watch over Start's context
}

// New makes the hierarchy's state and handlers without listening. The error
// says what is wrong with the model.
func New(m Model, o Options) (*Hierarchy, error) {
	h, err := build(m, o)
	if err != nil {
		return nil, err
	}
	return h, h.injectAll(o.Faults)
}

func (h *Hierarchy) injectAll(faults []Fault) error {
	for _, f := range faults {
		if _, err := h.Inject(f); err != nil {
			return fmt.Errorf("start simulator: %w", err)
		}
	}
	return nil
}

// build makes a hierarchy in which nothing goes wrong yet.
func build(m Model, o Options) (*Hierarchy, error) {
	w, err := world.New(m.world(), o.Now)
	if err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	if err := o.checkSchemes(); err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	if o.User == "" {
		o.User = "sim"
	}
	password := o.Password
	if password == "" {
		password = rand.Text()
	}
	o.Password = ""
	h := &Hierarchy{
		world: w, options: o, handlers: map[string]http.Handler{}, services: map[string]*wire.Handler{},
		clocks: map[string]*atomic.Int64{}, doors: map[string]*door{},
		password: func() string { return password },
	}
	for _, s := range m.Sites {
		site, _ := w.Site(s.Code)
		h.endpoints = append(h.endpoints, Endpoint{
			Code: site.Code(), Name: site.Name(), Server: site.Server(), User: o.User, hierarchy: h,
		})
	}
	if o.TLS {
		names := []string{"localhost"}
		for _, e := range h.endpoints {
			names = append(names, e.Server)
		}
		if h.authority, err = newAuthority(names, o.User); err != nil {
			return nil, fmt.Errorf("start simulator: %w", err)
		}
	}
	for _, e := range h.endpoints {
		site, _ := w.Site(e.Code)
		h.clocks[e.Code] = &atomic.Int64{}
		service, err := h.service(site)
		if err != nil {
			return nil, fmt.Errorf("start simulator: %w", err)
		}
		h.services[e.Code] = service
		h.handlers[e.Code] = h.guard(service)
	}
	return h, nil
}

// Start makes a hierarchy and listens on loopback, on one port for each site of
// the model, until Close or until the context is done.
func Start(ctx context.Context, m Model, o Options) (*Hierarchy, error) {
	h, err := build(m, o)
	if err != nil {
		return nil, err
	}
	listeners, err := h.listen(ctx)
	if err != nil {
		return nil, fmt.Errorf("start simulator: %w", err)
	}
	if err := h.injectAll(o.Faults); err != nil {
		for _, l := range listeners {
			l.Close()
		}
		return nil, err
	}
	for i, l := range listeners {
		h.serve(ctx, l, h.endpoints[i].Code)
	}
	h.stop = context.AfterFunc(ctx, func() { h.shut() })
	return h, nil
}

// listen opens a listener for each site and puts their URLs into the endpoints.
func (h *Hierarchy) listen(ctx context.Context) (listeners []net.Listener, err error) {
	defer func() {
		if err != nil {
			for _, l := range listeners {
				l.Close()
			}
		}
	}()
	host, port, err := loopback(h.options.Listen)
	if err != nil {
		return nil, err
	}
	scheme := "http"
	if h.options.TLS {
		scheme = "https"
	}
	for i := range h.endpoints {
		e := &h.endpoints[i]
		number := port
		if port != 0 {
			number += i
		}
		l, err := h.open(ctx, e.Code, net.JoinHostPort(host, strconv.Itoa(number)))
		if err != nil {
			return listeners, fmt.Errorf("listen for site %s: %w", e.Code, err)
		}
		e.URL = scheme + "://" + l.Addr().String() + "/wsman"
		l = h.services[e.Code].Watch(l)
		if h.authority != nil {
			e.CA = h.authority.pem
			l = tls.NewListener(l, h.authority.config)
		}
		listeners = append(listeners, l)
	}
	return listeners, nil
}

// open opens the door of a site.
func (h *Hierarchy) open(ctx context.Context, code, address string) (net.Listener, error) {
	network := h.options.Network
	if network == nil {
		network = func(ctx context.Context, address string) (net.Listener, error) {
			return new(net.ListenConfig).Listen(ctx, "tcp", address)
		}
	}
	l, err := network(ctx, address)
	if err != nil {
		return nil, err
	}
	again := func() (net.Listener, error) {
		return network(context.WithoutCancel(ctx), l.Addr().String())
	}
	h.doors[code] = newDoor(l, again, func() bool { return h.dropped(code) })
	return h.doors[code], nil
}

// loopback splits an address to listen on.
func loopback(address string) (host string, port int, err error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: want HOST:PORT: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", 0, fmt.Errorf("listen address %q: want a loopback address such as 127.0.0.1:0", address)
	}
	number, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("listen address %q: the port is not a number from 0 to 65535", address)
	}
	return host, int(number), nil
}

// serve serves a site until the hierarchy is closed.
func (h *Hierarchy) serve(ctx context.Context, l net.Listener, code string) {
	errorLog := h.options.ErrorLog
	if errorLog == nil {
		errorLog = log.New(io.Discard, "", 0)
	}
	server := &http.Server{
		Handler:           h.handlers[code],
		ErrorLog:          errorLog,
		ReadHeaderTimeout: 30 * time.Second,
		ReadTimeout:       2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    128 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	h.services[code].ConfigureServer(server)
	h.servers = append(h.servers, server)
	h.listening.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			errorLog.Printf("serve %s: %v", l.Addr(), err)
		}
	})
}

// service is the WS-Management service of a site.
func (h *Hierarchy) service(site *world.Site) (*wire.Handler, error) {
	o := h.options
	cfg := wire.Config{
		Provider:             site,
		AllowUnencrypted:     o.AllowUnencrypted,
		DMTF:                 o.DMTF,
		Now:                  h.clock(site.Code()),
		Computer:             site.Server(),
		MaxEnvelopeSizeKB:    o.MaxEnvelopeSizeKB,
		MaxBatchItems:        o.MaxBatchItems,
		FirstPageItems:       o.FirstPageItems,
		EnumerationTimeout:   o.EnumerationTimeout,
		MaxOperationsPerUser: o.MaxOperationsPerUser,
		Shell:                site.Shell,
	}
	if o.Answer != nil {
		cfg.Answer = func(message []byte) []byte { return o.Answer(site.Code(), message) }
	}
	if o.Misrelate != nil {
		cfg.Misrelate = func(x wire.Exchange) bool { return o.Misrelate(observed(site.Code(), x)) }
	}
	if o.Observe != nil {
		cfg.Observe = func(x wire.Exchange) { o.Observe(observed(site.Code(), x)) }
	}
	cfg.Inject = func(x wire.Exchange) wire.Mishap { return h.mishap(site.Code(), x) }
	cfg.Around = func(next http.Handler) http.Handler {
		next = h.dated(site.Code(), next)
		if o.Around != nil {
			next = o.Around(site.Code(), next)
		}
		return next
	}
	h.strict(site.Code(), &cfg)
	if err := h.signIn(&cfg); err != nil {
		return nil, err
	}
	return wire.New(cfg), nil
}

// clock is a site's clock.
func (h *Hierarchy) clock(code string) func() time.Time {
	now, jumped := h.options.Now, h.clocks[code]
	if now == nil {
		now = time.Now
	}
	return func() time.Time { return now().Add(time.Duration(jumped.Load())) }
}

// dated puts a clock that has jumped into the answers.
func (h *Hierarchy) dated(code string, next http.Handler) http.Handler {
	now, jumped := h.clock(code), h.clocks[code]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if jumped.Load() != 0 {
			w.Header().Set("Date", now().UTC().Format(http.TimeFormat))
		}
		next.ServeHTTP(w, r)
	})
}

func observed(code string, x wire.Exchange) Exchange {
	return Exchange{
		Site: code, User: x.User,
		Action: x.Action, ResourceURI: x.ResourceURI, Namespace: x.Namespace, Class: x.Class,
		Method: x.Method, Query: x.Query, Events: x.Events, Selectors: x.Selectors,
		Status: x.Status, FaultCode: x.FaultCode,
		RequestBytes: x.RequestBytes, ResponseBytes: x.ResponseBytes,
	}
}

// authenticate judges a Basic sign-in. Windows does not mind the case of a user
// name.
func (h *Hierarchy) authenticate(user, password string) bool {
	right := subtle.ConstantTimeCompare([]byte(password), []byte(h.password())) == 1
	return strings.EqualFold(user, h.options.User) && right
}

// guard lets Close wait for exchanges, and refuses those that come after it.
func (h *Hierarchy) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.serving.RLock()
		defer h.serving.RUnlock()
		if h.closed {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Sites are the site servers, in the order of the model.
func (h *Hierarchy) Sites() []Endpoint { return slices.Clone(h.endpoints) }

// Handler is the WS-Management service of a site at the path /wsman, by its
// code in any case. False: the site has no SMS Provider.
func (h *Hierarchy) Handler(code string) (http.Handler, bool) {
	handler, ok := h.handlers[strings.ToUpper(code)]
	return handler, ok
}

// User is the user who may sign in.
func (h *Hierarchy) User() string { return h.options.User }

// Password is the user's password.
func (h *Hierarchy) Password() string { return h.password() }

// CA is the certificate authority of all the servers in PEM; nil without TLS.
func (h *Hierarchy) CA() []byte {
	if h.authority == nil {
		return nil
	}
	return h.authority.pem
}

// ClientCertificate is the certificate of the user who may sign in and its key,
// both in PEM; nil without TLS.
func (h *Hierarchy) ClientCertificate() (certificate, key []byte) {
	if h.authority == nil {
		return nil, nil
	}
	return h.authority.clientPEM, h.authority.clientKeyPEM
}

// closePatience is how long Close lets exchanges finish before it cuts their
// connections.
const closePatience = 2 * time.Second

// Close stops listening and waits for the exchanges that are under way; those
// that take longer than two seconds lose their connection. Closing again does
// nothing and answers the same.
func (h *Hierarchy) Close() error {
	if h.stop != nil {
		h.stop()
	}
	return h.shut()
}

func (h *Hierarchy) shut() error {
	h.closeOnce.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closePatience)
		defer cancel()
		var all sync.WaitGroup
		errs := make([]error, len(h.servers))
		for i, server := range h.servers {
			all.Go(func() {
				if err := server.Shutdown(ctx); err != nil {
					errs[i] = server.Close()
				}
			})
		}
		all.Wait()
		h.listening.Wait()
		h.serving.Lock()
		h.closed = true
		h.serving.Unlock()
		for _, e := range h.endpoints {
			h.services[e.Code].Finish()
		}
		h.closeErr = errors.Join(errs...)
	})
	return h.closeErr
}
