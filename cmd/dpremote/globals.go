package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"dpremote/internal/connect"
	"dpremote/internal/inventory"
	"dpremote/internal/report"
	"dpremote/internal/sweep"
)

// globals are the flags that every command has.
type globals struct {
	app     *app
	changed *pflag.FlagSet // the flags of the command that runs
	record  *recorder      // of the command that runs

	inventory            string
	sites, groups, leave []string
	shardText            string
	shard                inventory.Shard
	parallel             int
	traceDir             string
	historyFile          string
	noHistory            bool
	format               string
	columns, sort        []string
	order                []report.Order // what sort says
	noHeaders, debug     bool
	color                string

	host, siteCode string
	passwordStdin  bool
}

// settingFlags are flags that set a key of the inventory for every site.
var settingFlags = map[string]string{
	"auth":              "auth",
	"user":              "user",
	"password-env":      "password_env",
	"password-file":     "password_file",
	"password-command":  "password_command",
	"client-cert":       "client_cert",
	"client-key":        "client_key",
	"kerberos-realm":    "kerberos.realm",
	"kerberos-kdc":      "kerberos.kdc",
	"kerberos-spn":      "kerberos.spn",
	"kerberos-keytab":   "kerberos.keytab",
	"kerberos-ccache":   "kerberos.ccache",
	"krb5-conf":         "kerberos.krb5_conf",
	"ca-file":           "ca_file",
	"tls-server-name":   "tls_server_name",
	"tls-fingerprint":   "tls_fingerprint",
	"insecure":          "insecure",
	"allow-unencrypted": "allow_unencrypted",
	"schema":            "schema",
	"connections":       "connections",
	"connect-timeout":   "connect_timeout",
	"request-timeout":   "request_timeout",
	"site-timeout":      "site_timeout",
}

func (g *globals) register(f *pflag.FlagSet) {
	f.StringVarP(&g.inventory, "inventory", "i", "", "inventory file (default: $DPREMOTE_INVENTORY, ./inventory.yaml, ~/.config/dpremote/inventory.yaml)")
	f.StringSliceVar(&g.sites, "site", nil, "only these sites of the inventory (names or globs)")
	f.StringSliceVar(&g.groups, "group", nil, "only the sites of these groups")
	f.StringSliceVar(&g.leave, "exclude", nil, "not these sites")
	f.StringVar(&g.shardText, "shard", "", "only the I-th of N shares of the selected sites, such as 2/5; a site's name decides which it is in")
	f.IntVar(&g.parallel, "parallel", sweep.DefaultParallel, "how many sites to work on at once")
	f.StringVarP(&g.format, "output", "o", "table", "output format: "+formatNames())
	f.StringSliceVar(&g.columns, "columns", nil, "only these columns, in this order")
	f.StringSliceVar(&g.sort, "sort", nil, "sort rows by these columns, printed or not, descending with - before the name, such as -failed,dp; all rows are then kept in memory until the end, with -o jsonl too")
	f.BoolVar(&g.noHeaders, "no-headers", false, "leave out the headings of tables and csv")
	f.StringVar(&g.color, "color", "auto", "colours: auto, always or never")
	f.StringVar(&g.traceDir, "trace-dir", "", "write each request and answer into this directory, secrets left out")
	f.StringVar(&g.historyFile, "history", "", "file to write down in what is done (default: $XDG_STATE_HOME/dpremote/history.db, ~/.local/state/...)")
	f.BoolVar(&g.noHistory, "no-history", false, "do not write down what is done")
	f.BoolVar(&g.debug, "debug", false, "log what is done")

	f.StringVar(&g.host, "host", "", "a server that is in no inventory: [http://|https://]NAME[:PORT]")
	f.StringVar(&g.siteCode, "site-code", "", "the site code of --host")
	f.String("auth", "", "how to sign in: negotiate, kerberos, ntlm, basic or certificate")
	f.String("user", "", "user to sign in as")
	f.BoolVar(&g.passwordStdin, "password-stdin", false, "read the password from standard input")
	f.String("password-env", "", "environment variable that holds the password")
	f.String("password-file", "", "file that holds the password, for its owner only")
	f.String("password-command", "", "command that prints the password")
	f.String("client-cert", "", "client certificate in PEM, for --auth certificate")
	f.String("client-key", "", "key of the client certificate in PEM")
	f.String("kerberos-realm", "", "realm of the account (default: what krb5.conf says)")
	f.String("kerberos-kdc", "", "servers of the realm, NAME[:PORT], between commas (default: krb5.conf, or DNS)")
	f.String("kerberos-spn", "", "service principal of the server (default: HTTP/ and the host)")
	f.String("kerberos-keytab", "", "keytab to sign in with")
	f.String("kerberos-ccache", "", "credential cache to sign in with (default: $KRB5CCNAME, or the one that kinit fills)")
	f.String("krb5-conf", "", "krb5.conf to read")
	f.String("ca-file", "", "certificates to trust, in PEM")
	f.String("tls-server-name", "", "name that the server's certificate must carry")
	f.String("tls-fingerprint", "", "SHA-256 of the one certificate to accept")
	f.Bool("insecure", false, "accept any certificate: anybody may be answering")
	f.Bool("allow-unencrypted", false, "accept http without encryption: anybody may be listening")
	f.String("schema", "", "family of resource URIs: wmi or dmtf")
	f.Int("connections", 0, "connections to hold to each site, 1 to 8")
	f.Duration("connect-timeout", 0, "how long connecting may take (default 10s)")
	f.Duration("request-timeout", 0, "how long the server may work on one request (default 60s)")
	f.Duration("site-timeout", 0, "how long a site may take in all (default: no limit)")
}

func formatNames() string {
	var names []string
	for _, f := range report.Formats() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

// environmentFlags are global flags that an environment variable stands in for:
// DPREMOTE_OUTPUT for --output, and so on. Those that set keys of the inventory
// have their variables there (inventory.FromEnvironment, inventory.Find).
func environmentFlags() []string {
	return []string{"output", "color", "parallel", "shard", "trace-dir", "history", "no-history", "no-headers", "debug"}
}

func (g *globals) fromEnvironment() error {
	for _, name := range environmentFlags() {
		variable := "DPREMOTE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		value := g.app.getenv(variable)
		if value == "" || g.changed.Changed(name) {
			continue
		}
		if err := g.changed.Set(name, value); err != nil {
			return usage("%s: %w", variable, err)
		}
	}
	return nil
}

// settings are what flags and the environment lay over the inventory, the
// flags on top.
func (g *globals) settings() []inventory.Setting {
	settings := inventory.FromEnvironment(g.app.getenv)
	g.changed.Visit(func(f *pflag.Flag) {
		if key, ok := settingFlags[f.Name]; ok {
			settings = append(settings, inventory.Setting{Key: key, Value: f.Value.String(), From: "--" + f.Name})
		}
	})
	return settings
}

// selected are the sites that are chosen, whatever the shard, and the inventory
// they came from, which is nil for --host.
func (g *globals) selected() ([]inventory.Site, *inventory.Inventory, error) {
	sites, inv, err := g.choose()
	if err != nil {
		return nil, nil, err
	}
	for i := range sites {
		if inv != nil {
			if sites[i], err = sites[i].With(g.settings()...); err != nil {
				return nil, nil, usage("%w", err)
			}
		}
	}
	return sites, inv, nil
}

// share is the shard's part of the sites that are selected. That it may be none
// is no mistake: the other jobs of a matrix work on them.
func (g *globals) share(selected []inventory.Site) []inventory.Site {
	mine := g.shard.Of(selected)
	if len(mine) == 0 {
		g.app.say("Shard %s holds none of the %s selected: there is nothing to do.", g.shard, count(len(selected), "site", "sites"))
	}
	return mine
}

func (g *globals) choose() ([]inventory.Site, *inventory.Inventory, error) {
	if g.host != "" {
		if len(g.sites)+len(g.groups)+len(g.leave) > 0 || !g.shard.IsZero() {
			return nil, nil, usage("--host names the only site: leave out --site, --group, --exclude and --shard")
		}
		settings := append(g.settings(), inventory.Setting{Key: "host", Value: g.host, From: "--host"})
		if g.siteCode != "" {
			settings = append(settings, inventory.Setting{Key: "site_code", Value: g.siteCode, From: "--site-code"})
		}
		site, err := inventory.AdHoc(settings...)
		if err != nil {
			return nil, nil, usage("%w", err)
		}
		return []inventory.Site{site}, nil, nil
	}
	if g.siteCode != "" {
		return nil, nil, usage("--site-code goes with --host; use --site to choose from the inventory")
	}
	inv, err := g.load()
	if err != nil {
		return nil, nil, err
	}
	sites, err := inv.Select(inventory.Selection{Sites: commas(g.sites), Groups: commas(g.groups), Exclude: commas(g.leave)})
	if err != nil {
		return nil, nil, usage("%w", err)
	}
	return sites, inv, nil
}

func (g *globals) load() (*inventory.Inventory, error) {
	exists := func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	}
	path, err := inventory.Find(g.inventory, g.app.getenv, exists)
	if err != nil {
		return nil, err
	}
	return inventory.Load(path)
}

// readPassword reads the password from standard input where that was asked
// for, or from the terminal where one is missing and somebody is there to ask.
func (g *globals) readPassword(sites []inventory.Site) error {
	if g.passwordStdin {
		line, err := readLine(g.app.in)
		if err != nil {
			return usage("--password-stdin: %w", err)
		}
		setPassword(sites, inventory.KnownPassword("--password-stdin", inventory.NewPassword(line)), func(inventory.Site) bool { return true })
		return nil
	}
	for _, s := range sites {
		if !needsPassword(s) {
			continue
		}
		if _, ok := g.app.terminal(g.app.in); !ok {
			return nil // who opens the site says what is missing
		}
		same := func(other inventory.Site) bool {
			return needsPassword(other) && other.User == s.User && other.Domain == s.Domain
		}
		password, err := g.askPassword(s)
		if err != nil {
			return err
		}
		setPassword(sites, inventory.KnownPassword("the prompt", password), same)
		return g.readPassword(sites)
	}
	return nil
}

// needsPassword tells a site that cannot be signed in to without a password
// that is not there.
func needsPassword(s inventory.Site) bool {
	return s.Password.IsZero() && s.User != "" && connect.NeedsPassword(s)
}

func setPassword(sites []inventory.Site, source inventory.PasswordSource, which func(inventory.Site) bool) {
	for i := range sites {
		if sites[i].Simulate == nil && which(sites[i]) {
			sites[i].Password = source
		}
	}
}

func (g *globals) askPassword(s inventory.Site) (inventory.Password, error) {
	fmt.Fprintf(g.app.err, "Password of %s for %s: ", s.User, s.Name)
	f, ok := g.app.in.(*os.File)
	if !ok {
		return inventory.Password{}, errors.New("no terminal to ask for a password")
	}
	text, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(g.app.err)
	if err != nil {
		return inventory.Password{}, fmt.Errorf("read the password: %w", err)
	}
	return inventory.NewPassword(string(text)), nil
}

// readLine reads all of a stream that holds one line.
func readLine(r io.Reader) (string, error) {
	const most = 64 << 10
	data, err := io.ReadAll(io.LimitReader(r, most))
	switch {
	case err != nil:
		return "", err
	case len(data) == most:
		return "", errors.New("more than a password")
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if line == "" {
		return "", errors.New("it is empty")
	}
	return line, nil
}

// connector opens the sites of an inventory.
func (g *globals) connector(inv *inventory.Inventory) *connect.Connector {
	return &connect.Connector{
		Inventory: inv,
		Passwords: inventory.Passwords{Env: inventory.Env{Getenv: g.app.getenv, Asking: g.app.stage.lend}},
		TraceDir:  g.traceDir,
		Warn:      func(err error) { g.app.log.Warn(err) },
		Strict:    g.app.strict,
		Debug:     func(site, text string) { g.app.log.WithField("site", site).Debug(text) },
	}
}

func (g *globals) checkFlags() error {
	if _, err := report.ParseFormat(g.format); err != nil {
		return usage("--output: %w", err)
	}
	if g.color != "auto" && g.color != "always" && g.color != "never" {
		return usage("--color: %q is none of auto, always, never", g.color)
	}
	if g.app.stage != nil {
		g.app.stage.color = func() bool { return g.colors(true) }
	}
	if g.parallel < 1 {
		return usage("--parallel: %d is less than 1", g.parallel)
	}
	var err error
	if g.order, err = report.ParseOrder(commas(g.sort)); err != nil {
		return usage("--sort: %w", err)
	}
	if g.shard, err = inventory.ParseShard(g.shardText); err != nil {
		return usage("--shard: %w", err)
	}
	return nil
}

// reportOptions are the options of every output of a command.
func (g *globals) reportOptions(kind string, columns []report.Column) report.Options {
	for i, c := range columns {
		columns[i].Key = slices.Contains(keyColumns(), c.Name)
	}
	width, isTerminal := g.app.terminal(under(g.app.out))
	return report.Options{
		Format: report.Format(g.format), Kind: kind, Columns: columns, Select: commas(g.columns), Sort: g.order,
		NoHeaders: g.noHeaders, Width: width, Color: g.colors(isTerminal), LineBuffered: isTerminal,
	}
}

// colors tells whether to use colours on a stream.
func (g *globals) colors(isTerminal bool) bool {
	return g.color == "always" || g.color == "auto" && isTerminal && text.ANSICodesSupported && g.app.getenv("NO_COLOR") == "" && g.app.getenv("TERM") != "dumb"
}

// keyColumns are what rows are known by, and times, in every table that has
// them.
func keyColumns() []string {
	return []string{"site", "siteCode", "dp", "package", "time", "begun", "started", "changed"}
}

// streams tells whether rows are printed as they come. All other formats have
// them in an order.
func (g *globals) streams() bool { return report.Format(g.format) == report.JSONL && len(g.order) == 0 }

// durationText is a duration for people: no fraction of a second from ten
// seconds on.
func durationText(d time.Duration) string {
	if d >= 10*time.Second {
		return d.Round(time.Second).String()
	}
	return d.Round(10 * time.Millisecond).String()
}

// count is a number with its noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
