package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"dpremote/internal/connect"
	"dpremote/internal/inventory"
	"dpremote/simulator"
)

// simOptions are the flags of sim.
type simOptions struct {
	listen, write, keytab string
	schemes               []string
	tls, strictBindings   bool
	strict                bool
	primaries, standalone int
	dps, packages, failed int
	seed                  uint64
	delay                 time.Duration
	latency               string
	faults                []string
}

func newSim(g *globals) *cobra.Command {
	o := &simOptions{}
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Serve simulated sites on loopback, until interrupted",
		Long: `Serve simulated site servers on loopback, for trying things out and for tests:
the simulated sites of the inventory, or, with --primaries and --standalone,
sites made by counts. Once they listen, an inventory with which dpremote reaches
them is written (--write) and its path is printed; beside it are the password,
for its owner only, and with --tls the certificate authority and a client
certificate.

As on a real server, messages in clear text are refused, unless you say
--allow-unencrypted: without --tls they are sealed.

With --strict the sites tell what their clients do that a server may let pass,
or feels only later: header blocks that are missing, message IDs and enumeration
contexts that are used twice, enumerations, subscriptions and shells that are
left open, a second request on a busy connection, clear text that could have
been sealed.

Things go wrong on request: each --fault is one, as NAME=VALUE separated by
commas. fault names what happens, and the others when: site, action (identify,
enumerate, pull, events, release, get, put, create, delete, invoke, subscribe,
unsubscribe) and class choose requests; skip lets so many pass first, count ends
it after so many, probability and seed draw lots. for is how long stall and
refuse last and how far clock-jump goes, retry-after what http-503 asks for, and
done=true carries out first what is then answered with an error. Which faults
there are:
` + faultHelp() + `

How often each has happened is said at the end.`,
		Example: `  dpremote sim
  dpremote sim --listen 127.0.0.1:15985 --write sim/inventory.yaml
  dpremote sim --primaries 3 --dps 50 --packages 200 --failed 400 --tls
  dpremote sim --primaries 25 --standalone 250 --latency 10ms-300ms
  dpremote sim --fault fault=reset-during,site=PS1,action=pull,count=1
  dpremote sim --fault fault=http-503,retry-after=5s,probability=0.1,seed=7`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runSim(cmd.Context(), g, o) },
	}
	f := cmd.Flags()
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback address of the first site; the others take the ports that follow, or free ones for port 0")
	f.StringVar(&o.write, "write", "", "inventory file to write (default: inventory.yaml in a new temporary directory)")
	f.BoolVar(&o.tls, "tls", false, "speak https, with a certificate authority of its own")
	f.StringSliceVar(&o.schemes, "sign-in", []string{"basic", "ntlm"}, "ways to sign in: basic, ntlm, kerberos, certificate; the first that protects messages goes into the inventory")
	f.StringVar(&o.keytab, "keytab", "", "keytab of the service, for kerberos")
	f.BoolVar(&o.strictBindings, "strict-bindings", false, "refuse sign-ins over https that are not bound to the certificate")
	f.BoolVar(&o.strict, "strict", false, "tell on stderr what clients do wrong, and exit with 3 at the end if they did")
	f.IntVar(&o.primaries, "primaries", 0, "make a hierarchy of a central site and so many primary sites, instead of the inventory's")
	f.IntVar(&o.standalone, "standalone", 0, "make so many primary sites without a central site, instead of the inventory's")
	f.IntVar(&o.dps, "dps", 10, "of sites by counts: distribution points of each primary site")
	f.IntVar(&o.packages, "packages", 20, "of sites by counts: packages of each site")
	f.IntVar(&o.failed, "failed", 10, "of sites by counts: failed rows of each primary site, of six causes in turn")
	f.Uint64Var(&o.seed, "seed", 1, "of sites by counts: what else there is follows from this number")
	f.StringArrayVar(&o.faults, "fault", nil, "make something go wrong, such as fault=reset-during,action=pull,count=1; repeat it for more")
	f.DurationVar(&o.delay, "delay", 0, "how long a distribution takes (default 6s)")
	f.StringVar(&o.latency, "latency", "", "how long each answer is held back: a duration, or two such as 10ms-300ms, between which each site has one of its own")
	return cmd
}

func runSim(ctx context.Context, g *globals, o *simOptions) error {
	faults, err := parseFaults(o.faults)
	if err != nil {
		return err
	}
	models, err := o.models(g)
	if err != nil {
		return err
	}
	dir, path, err := o.place()
	if err != nil {
		return err
	}
	schemes, err := simulator.ParseSchemes(commas(o.schemes))
	if err != nil {
		return usage("--sign-in: %w", err)
	}
	slow, err := parseLatency(o.latency)
	if err != nil {
		return usage("--latency: %w", err)
	}
	unencrypted, err := g.changed.GetBool("allow-unencrypted")
	if err != nil {
		return err
	}
	options := simulator.Options{
		Faults: faults,
		Listen: o.listen, TLS: o.tls, User: "sim", Password: rand.Text(), DMTF: true,
		Schemes: schemes, Keytab: o.keytab, StrictBindings: o.strictBindings, AllowUnencrypted: unencrypted,
	}
	if slow.most > 0 {
		options.Around = slow.around(models.Sites)
	}
	var mu sync.Mutex
	sinned := false
	if o.strict {
		options.Strict = func(s simulator.Sin) {
			mu.Lock()
			defer mu.Unlock()
			sinned = true
			g.app.say("The client sins: %v", s)
		}
	}
	h, err := simulator.Start(ctx, models, options)
	if err != nil {
		return usage("start the simulated sites: %w", err)
	}
	defer h.Close()
	if err := o.writeFiles(h, dir, path); err != nil {
		return err
	}
	for _, s := range h.Sites() {
		g.app.say("%s (%s) listens at %s", s.Code, s.Name, s.URL)
	}
	g.app.say("Inventory: %s", path)
	if _, err := fmt.Fprintln(g.app.out, path); err != nil {
		return err
	}
	<-ctx.Done()
	_ = h.Close() // tells what is left open, and waits for the last to be told
	for _, i := range h.Injected() {
		g.app.say("%s: happened %d times, of %d", i.Fault(), i.Times(), i.Matched())
	}
	if sinned {
		return &codedError{exitFindings, errSinned}
	}
	return nil
}

// errSinned ends a strict sim whose clients were not as they should be.
var errSinned = errors.New("clients did what they should not: see above")

// latency is how long answers are held back: the first site's for the least,
// the last one's for the most, and those between them in even steps.
type latency struct{ least, most time.Duration }

// parseLatency reads one duration, or two with a dash between them.
func parseLatency(text string) (latency, error) {
	if text == "" {
		return latency{}, nil
	}
	from, to, found := strings.Cut(text, "-")
	if !found {
		to = from
	}
	least, errLeast := time.ParseDuration(from)
	most, errMost := time.ParseDuration(to)
	if errLeast != nil || errMost != nil || least < 0 || most < least {
		return latency{}, fmt.Errorf("want a duration such as 50ms, or two such as 10ms-300ms, got %q", text)
	}
	return latency{least, most}, nil
}

// around holds back what the sites' servers do with a request.
func (l latency) around(sites []simulator.Site) func(string, http.Handler) http.Handler {
	held := map[string]time.Duration{}
	for i, s := range sites {
		held[s.Code] = l.least
		if last := len(sites) - 1; last > 0 {
			held[s.Code] += (l.most - l.least) * time.Duration(i) / time.Duration(last)
		}
	}
	return func(site string, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(held[site]):
				next.ServeHTTP(w, r)
			case <-r.Context().Done():
			}
		})
	}
}

// models is what to simulate.
func (o *simOptions) models(g *globals) (simulator.Model, error) {
	switch {
	case o.primaries < 0 || o.standalone < 0:
		return simulator.Model{}, usage("--primaries and --standalone cannot be negative")
	case o.primaries+o.standalone > 0:
		return o.byCounts()
	}
	for _, name := range []string{"dps", "packages", "failed", "seed"} {
		if g.changed.Changed(name) {
			return simulator.Model{}, usage("--%s goes with --primaries or --standalone", name)
		}
	}
	inv, err := g.load()
	if err != nil {
		return simulator.Model{}, err
	}
	var m simulator.Model
	for _, sites := range inv.Hierarchies() {
		part := connect.Model(sites)
		m.Sites = append(m.Sites, part.Sites...)
		if m.Seed == 0 {
			m.Seed, m.Delay = part.Seed, part.Delay
		}
	}
	if len(m.Sites) == 0 {
		return m, usage("%s has no simulated sites: give --primaries or --standalone", inv.Name())
	}
	if o.delay > 0 {
		m.Delay = o.delay
	}
	return m, nil
}

// byCounts is a hierarchy of CAS and P01 to P99, and the primary sites 001 to
// 999 by themselves.
func (o *simOptions) byCounts() (simulator.Model, error) {
	const mostBelow, mostAlone = 99, 999
	switch {
	case o.primaries > mostBelow:
		return simulator.Model{}, usage("--primaries: at most %d", mostBelow)
	case o.standalone > mostAlone:
		return simulator.Model{}, usage("--standalone: at most %d", mostAlone)
	}
	m := simulator.Model{Seed: o.seed, Delay: o.delay}
	if o.primaries > 0 {
		m.Sites = append(m.Sites, simulator.Site{Code: "CAS", Packages: o.packages})
	}
	for i := range o.primaries {
		m.Sites = append(m.Sites, o.primary(fmt.Sprintf("P%02d", i+1), "CAS"))
	}
	for i := range o.standalone {
		m.Sites = append(m.Sites, o.primary(fmt.Sprintf("%03d", i+1), ""))
	}
	return m, nil
}

// primary is a primary site by counts.
func (o *simOptions) primary(code, parent string) simulator.Site {
	// Six causes, always the same: hierarchies of these counts stay what they were.
	causes := []simulator.Cause{simulator.AccessDenied, simulator.DiskFull, simulator.DPOffline,
		simulator.HashMismatch, simulator.SourceMissing, simulator.Transient}
	s := simulator.Site{Code: code, Parent: parent, DPs: o.dps, Packages: o.packages, Failed: map[simulator.Cause]int{}}
	for n := range o.failed {
		s.Failed[causes[n%len(causes)]]++
	}
	return s
}

// place is the directory for the files, and the inventory's path in it.
func (o *simOptions) place() (dir, path string, err error) {
	if o.write == "" {
		dir, err = os.MkdirTemp("", "dpremote-sim-")
		return dir, filepath.Join(dir, inventory.FileName), err
	}
	if path, err = filepath.Abs(o.write); err != nil {
		return "", "", err
	}
	if err := mayWrite(path); err != nil {
		return "", "", err
	}
	dir = filepath.Dir(path)
	return dir, path, os.MkdirAll(dir, 0o700)
}

// simHead is the first line of inventories that sim has written, and so may
// replace.
const simHead = "# Written by dpremote sim.\n"

// mayWrite refuses to replace an inventory that somebody else has written.
func mayWrite(path string) error {
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !bytes.HasPrefix(old, []byte(simHead)):
		return usage("--write: %s is there already, and is not from sim: choose another name", path)
	}
	return nil
}

// writeFiles writes the password, the certificate authority and, last, the
// inventory: who waits for that finds everything.
func (o *simOptions) writeFiles(h *simulator.Hierarchy, dir, path string) error {
	files := simulator.InventoryOptions{PasswordFile: filepath.Join(dir, "sim.password")}
	if err := os.WriteFile(files.PasswordFile, []byte(h.Password()+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the password: %w", err)
	}
	if ca := h.CA(); ca != nil {
		files.CAFile = filepath.Join(dir, "sim-ca.pem")
		files.CertFile, files.KeyFile = filepath.Join(dir, "sim-client.pem"), filepath.Join(dir, "sim-client.key")
		certificate, key := h.ClientCertificate()
		for name, text := range map[string][]byte{files.CAFile: ca, files.CertFile: certificate, files.KeyFile: key} {
			if err := os.WriteFile(name, text, 0o600); err != nil {
				return fmt.Errorf("write certificates: %w", err)
			}
		}
	}
	temporary, err := os.CreateTemp(dir, "inventory-*.yaml")
	if err != nil {
		return fmt.Errorf("write the inventory: %w", err)
	}
	if _, err = temporary.WriteString(simHead); err == nil {
		err = h.WriteInventory(temporary, files)
	}
	if closeErr := temporary.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		_ = os.Remove(temporary.Name())
		return fmt.Errorf("write the inventory: %w", err)
	}
	return nil
}
