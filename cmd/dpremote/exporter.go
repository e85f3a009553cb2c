package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"dpremote/internal/metrics"
)

// exporterOptions are the flags of exporter.
type exporterOptions struct {
	filterFlags
	perDPFlags
	listen, webConfig string
	interval          time.Duration
	causes, open      bool
}

func newExporter(g *globals) *cobra.Command {
	o := &exporterOptions{}
	cmd := &cobra.Command{
		Use:   "exporter",
		Short: "Serve metrics for Prometheus, until interrupted",
		Long: `Look at the sites every --interval and serve what was found to Prometheus:

  /metrics   what the last looks found; a scrape never asks a site
  /healthz   200 when the sites have been looked at lately; else 503 and why

Each site is looked at in its own time, so that a slow one does not hold up the
others; --parallel bounds how many at once, and a look that takes longer than
--site-timeout, or else three intervals, has failed. A site that was not
reached, or did not answer all that was asked, has dpremote_site_up 0 and no
counts until it answers again. --state, --package and the other flags leave out
what is not to be counted; with --state unhealthy a large site sends only what
is wrong.

A site that refuses the credentials is not asked again until dpremote is started
anew, so that the account is not locked out. dpremote_site_error says so.

It listens on loopback. Elsewhere it wants a --web-config with TLS or users, as
every exporter of the Prometheus project takes it (web.yml); --allow-open serves
without: the names and the state of all sites are then open to the network. See
docs/monitoring.md for unit files, alerts and a dashboard.`,
		Example: `  dpremote exporter
  dpremote exporter --listen 127.0.0.1:9985 --interval 10m --site 'PS*'
  dpremote exporter --state unhealthy --per-dp
  dpremote exporter --listen :9985 --web-config /etc/dpremote/web.yml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runExporter(cmd.Context(), g, o) },
	}
	f := cmd.Flags()
	o.filterFlags.register(f, "default: all")
	o.perDPFlags.register(f)
	f.StringVar(&o.listen, "listen", "127.0.0.1:9985", "address to serve at; port 0 takes a free one, which is told")
	f.StringVar(&o.webConfig, "web-config", "", "file that says how to serve: TLS, users, client certificates")
	f.BoolVar(&o.open, "allow-open", false, "serve on other addresses than loopback without TLS or users")
	f.DurationVar(&o.interval, "interval", 5*time.Minute, "how often to look at each site")
	f.BoolVar(&o.causes, "causes", true, "count failures by cause, which takes a query more where there are any")
	return cmd
}

func (o *exporterOptions) check(now time.Time) error {
	if o.interval < time.Second {
		return usage("--interval: %s is less than a second", o.interval)
	}
	if err := o.perDPFlags.check(); err != nil {
		return err
	}
	_, err := o.filter(now)
	return err
}

func runExporter(ctx context.Context, g *globals, o *exporterOptions) error {
	if err := o.check(g.app.now()); err != nil {
		return err
	}
	guard, err := readGuard(o.webConfig)
	if err != nil {
		return err
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	if len(f.members) == 0 {
		return nil // of this shard
	}
	listener, err := o.bind(ctx, g.app, guard)
	if err != nil {
		return err
	}
	defer listener.Close()
	l := newLooks(f, o.interval)
	l.look = func(ctx context.Context, m *member) (*seen, error) {
		filter, err := o.filter(g.app.now()) // for --since moves on
		if err != nil {
			return nil, err
		}
		return l.see(ctx, m, lookFor{filter, o.causes})
	}
	handler, err := newExporterHandler(l, &o.perDPFlags)
	if err != nil {
		return err
	}
	g.app.say("Serving metrics of %s at %s", count(len(f.members), "site", "sites"), guard.url(listener.Addr()))
	return serve(ctx, g.app.log, listener, handler, o.webConfig, l.run)
}

// bind listens, and refuses to where everybody could read.
func (o *exporterOptions) bind(ctx context.Context, a *app, guard guard) (net.Listener, error) {
	at, err := net.ResolveTCPAddr("tcp", o.listen)
	if err != nil {
		return nil, usage("--listen: %w", err)
	}
	switch {
	case at.IP.IsLoopback():
	case !guard.tls && !guard.users && !o.open:
		return nil, usage("--listen %s: others could read the names and the state of all sites: give a --web-config with TLS or users, or say --allow-open", o.listen)
	case guard.users && !guard.tls:
		a.log.Warnf("--web-config %s has users and no TLS: passwords go over the network in clear text", o.webConfig)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", at.String())
	if err != nil {
		return nil, usage("--listen: %w", err)
	}
	return listener, nil
}

// guard is what a web config protects by.
type guard struct{ tls, users bool }

// readGuard checks a web config and says what is in it. That of no file is zero.
func readGuard(path string) (guard, error) {
	if path == "" {
		return guard{}, nil
	}
	if err := web.Validate(path); err != nil {
		return guard{}, usage("--web-config %s: %w", path, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return guard{}, usage("--web-config: %w", err)
	}
	var config struct {
		TLS   map[string]any `yaml:"tls_server_config"`
		Users map[string]any `yaml:"basic_auth_users"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return guard{}, usage("--web-config %s: %w", path, err)
	}
	return guard{tls: len(config.TLS) > 0, users: len(config.Users) > 0}, nil
}

func (g guard) url(at net.Addr) string {
	scheme := "http"
	if g.tls {
		scheme = "https"
	}
	return scheme + "://" + at.String() + "/metrics"
}

// newExporterHandler serves what was seen.
func newExporterHandler(l *looks, o *perDPFlags) (http.Handler, error) {
	scrape, err := metrics.Handler(func() *metrics.Snapshot {
		s := l.snapshot(o)
		l.tellLeftOut(o, s.LeftOut())
		return s
	})
	if err != nil {
		return nil, err
	}
	page, err := web.NewLandingPage(web.LandingConfig{
		Name: "dpremote exporter", Description: "Content of Configuration Manager on distribution points", Version: versionText(), Profiling: "false",
		Links: []web.LandingLinks{
			{Address: "metrics", Text: "Metrics", Description: "what the last looks found"},
			{Address: "healthz", Text: "Health", Description: "whether the sites are looked at"},
		},
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", scrape)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		words, err := l.health()
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			words = err.Error()
		}
		_, _ = fmt.Fprintln(w, oneLine(words))
	})
	mux.Handle("GET /{$}", page)
	return mux, nil
}

// serve serves and works at something else until the context ends. Requests
// under way are then answered.
func serve(ctx context.Context, logger *logrus.Logger, listener net.Listener, handler http.Handler, webConfig string, work func(context.Context)) error {
	debug := debugWriter{logger}
	server := &http.Server{
		Handler: handler, ErrorLog: log.New(debug, "", 0),
		ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		defer cancel()
		served <- web.Serve(listener, server, &web.FlagConfig{WebConfigFile: &webConfig}, slog.New(slog.NewTextHandler(debug, nil)))
	}()
	work(ctx)
	<-ctx.Done()
	const grace = 5 * time.Second
	last, done := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer done()
	if err := server.Shutdown(last); err != nil {
		_ = server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}

// debugWriter has what others write in the log, for those who look for it.
type debugWriter struct{ log *logrus.Logger }

// Write implements io.Writer.
func (d debugWriter) Write(p []byte) (int, error) {
	d.log.Debug(strings.TrimSpace(string(p)))
	return len(p), nil
}
