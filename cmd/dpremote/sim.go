package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
	primaries             int
	dps, packages, failed int
	seed                  uint64
	delay                 time.Duration
}

func newSim(g *globals) *cobra.Command {
	o := &simOptions{}
	cmd := &cobra.Command{
		Use:   "sim",
		Short: "Serve simulated sites on loopback, until interrupted",
		Long: `Serve simulated site servers on loopback, for trying things out and for tests:
the simulated sites of the inventory, or, with --primaries, a hierarchy made by
counts. Once they listen, an inventory with which dpremote reaches them is
written (--write) and its path is printed; beside it are the password, for its
owner only, and with --tls the certificate authority and a client certificate.

As on a real server, messages in clear text are refused, unless you say
--allow-unencrypted: without --tls they are sealed.`,
		Example: `  dpremote sim
  dpremote sim --listen 127.0.0.1:15985 --write sim/inventory.yaml
  dpremote sim --primaries 3 --dps 50 --packages 200 --failed 400 --tls`,
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
	f.IntVar(&o.primaries, "primaries", 0, "make a hierarchy of a central site and so many primary sites, instead of the inventory's")
	f.IntVar(&o.dps, "dps", 10, "with --primaries: distribution points of each primary site")
	f.IntVar(&o.packages, "packages", 20, "with --primaries: packages of each site")
	f.IntVar(&o.failed, "failed", 10, "with --primaries: failed rows of each primary site, of six causes in turn")
	f.Uint64Var(&o.seed, "seed", 1, "with --primaries: what else there is follows from this number")
	f.DurationVar(&o.delay, "delay", 0, "how long a distribution takes (default 6s)")
	return cmd
}

func runSim(ctx context.Context, g *globals, o *simOptions) error {
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
	unencrypted, err := g.changed.GetBool("allow-unencrypted")
	if err != nil {
		return err
	}
	options := simulator.Options{
		Listen: o.listen, TLS: o.tls, User: "sim", Password: rand.Text(), DMTF: true,
		Schemes: schemes, Keytab: o.keytab, StrictBindings: o.strictBindings, AllowUnencrypted: unencrypted,
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
	return nil
}

// models is what to simulate.
func (o *simOptions) models(g *globals) (simulator.Model, error) {
	if o.primaries > 0 {
		return o.byCounts()
	}
	if o.primaries < 0 {
		return simulator.Model{}, usage("--primaries cannot be negative")
	}
	for _, name := range []string{"dps", "packages", "failed", "seed"} {
		if g.changed.Changed(name) {
			return simulator.Model{}, usage("--%s goes with --primaries", name)
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
		return m, usage("%s has no simulated sites: give --primaries", inv.Name())
	}
	if o.delay > 0 {
		m.Delay = o.delay
	}
	return m, nil
}

func (o *simOptions) byCounts() (simulator.Model, error) {
	const most = 99
	if o.primaries > most {
		return simulator.Model{}, usage("--primaries: at most %d", most)
	}
	m := simulator.Model{Seed: o.seed, Delay: o.delay, Sites: []simulator.Site{{Code: "CAS", Packages: o.packages}}}
	// Six causes, always the same: hierarchies of these counts stay what they were.
	causes := []simulator.Cause{simulator.AccessDenied, simulator.DiskFull, simulator.DPOffline,
		simulator.HashMismatch, simulator.SourceMissing, simulator.Transient}
	for i := range o.primaries {
		s := simulator.Site{Code: fmt.Sprintf("P%02d", i+1), Parent: "CAS", DPs: o.dps, Packages: o.packages, Failed: map[simulator.Cause]int{}}
		for n := range o.failed {
			s.Failed[causes[n%len(causes)]]++
		}
		m.Sites = append(m.Sites, s)
	}
	return m, nil
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
