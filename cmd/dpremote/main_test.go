package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"dpremote/simulator"
)

func TestMain(m *testing.M) {
	testscript.Main(homeless{m}, map[string]func(){"dpremote": strictMain, "dpremote-hasty": hasty})
}

// homeless runs tests where nobody's home can be written to.
type homeless struct{ m *testing.M }

func (h homeless) Run() int {
	for _, variable := range []string{"HOME", "USERPROFILE"} {
		if err := os.Setenv(variable, filepath.Join(os.DevNull, "home")); err != nil {
			panic(err)
		}
	}
	return h.m.Run()
}

// exitSin is the exit code of a dpremote that sinned at its own simulated sites.
const exitSin = 99

// strictMain is main of a dpremote whose own simulated sites are strict.
func strictMain() {
	a, done := newApp(), &sins{}
	a.strict = done.add
	code := a.run()
	for _, s := range done.take() {
		a.log.Errorf("the client sins: %v", s)
		code = exitSin
	}
	os.Exit(code)
}

// model is what the scripts' site servers have: small, and quick to cure.
var model = simulator.Model{
	Seed:  3,
	Delay: 200 * time.Millisecond,
	Sites: []simulator.Site{
		{Code: "CAS", Name: "Central", Packages: 3},
		{Code: "PS1", Name: "London", Parent: "CAS", DPs: 3, Packages: 4, Failed: map[simulator.Cause]int{
			simulator.Transient: 3, simulator.DiskFull: 1}, Retrying: 1},
		{Code: "PS2", Name: "New York", Parent: "CAS", DPs: 1, Packages: 3, Failed: map[simulator.Cause]int{
			simulator.Transient: 1, simulator.HashMismatch: 1}, Secondaries: []simulator.Secondary{{Code: "S21", Name: "Boston", DPs: 1}}},
	},
}

const simPassword = "Sim-Pass<&>1"

// serveScript starts the site servers of one script and tells it by variables
// and files where they are.
func serveScript(env *testscript.Env) error {
	t := env.T().(testing.TB)
	done := &sins{}
	env.Values[sinsKey{}] = done
	model := model
	if strings.HasSuffix(t.Name(), "/watch") {
		// One process sends and another watches: what is sent must not have
		// arrived before that has started, on a slow machine either.
		model.Delay = 4 * time.Second
	}
	h, err := simulator.Start(t.Context(), model, simulator.Options{TLS: true, User: "sim", Password: simPassword, DMTF: true,
		Schemes: []simulator.Scheme{simulator.Basic, simulator.NTLM, simulator.Certificate}, StrictBindings: true,
		Strict: done.add})
	if err != nil {
		return err
	}
	env.Defer(func() {
		_ = h.Close()
		for _, s := range done.take() {
			t.Errorf("the client sins: %v", s)
		}
	})
	dir := filepath.Join(env.WorkDir, "sim")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	files := simulator.InventoryOptions{PasswordFile: filepath.Join(dir, "password"), CAFile: filepath.Join(dir, "ca.pem")}
	var inv strings.Builder
	if err := h.WriteInventory(&inv, files); err != nil {
		return err
	}
	partly := inv.String() + "  down:\n    host: https://127.0.0.1:1\n    site_code: PS9\n"
	halved := inv.String()
	for _, s := range h.Sites() {
		if s.Code == "PS1" {
			halved = strings.Replace(halved, strings.TrimSuffix(s.URL, "/wsman"), "https://127.0.0.1:1", 1)
		}
	}
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or else the server does not see the client go
		<-r.Context().Done()
	}))
	env.Defer(silent.Close)
	env.Setenv("SILENT", silent.URL)
	certificate, key := h.ClientCertificate()
	for name, text := range map[string]string{
		filepath.Join(dir, "client.pem"): string(certificate), filepath.Join(dir, "client.key"): string(key),
		filepath.Join(env.WorkDir, "partly.yaml"): partly,
		filepath.Join(env.WorkDir, "halved.yaml"): halved,
		files.PasswordFile:                        simPassword + "\n", files.CAFile: string(h.CA()), filepath.Join(dir, "inventory.yaml"): inv.String(),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return err
		}
	}
	sealed, err := serveSealed(env, dir)
	if err != nil {
		return err
	}
	env.Setenv("SEALED", sealed)
	env.Setenv("SIM", filepath.Join(dir, "inventory.yaml"))
	env.Setenv("SIM_PASSWORD", simPassword)
	env.Setenv("SIM_CA", files.CAFile)
	env.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector would sleep a second after each command
	for _, s := range h.Sites() {
		env.Setenv("URL_"+s.Code, strings.TrimSuffix(s.URL, "/wsman"))
	}
	env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
	env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
	return nil
}

type sinsKey struct{}

// sins are what the client of a script has done wrong so far.
type sins struct {
	mu  sync.Mutex
	all []simulator.Sin
}

func (s *sins) add(sin simulator.Sin) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, sin)
}

// take is the sins so far, which are then forgotten.
func (s *sins) take() []simulator.Sin {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all
	s.all = nil
	return all
}

// confess forgives the sins of a kind that a script makes the client do:
// confess KIND. There must be some, and no others.
func confess(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: confess KIND")
	}
	all := ts.Value(sinsKey{}).(*sins).take()
	if len(all) == 0 {
		ts.Fatalf("the client did not sin")
	}
	for _, s := range all {
		if string(s.Kind) != args[0] {
			ts.Fatalf("the client sins: %v", s)
		}
	}
}

// noSin fails a test when a client does what it should not.
func noSin(t testing.TB) func(simulator.Sin) {
	return func(s simulator.Sin) { t.Errorf("the client sins: %v", s) }
}

// serveSealed starts the same sites as Windows has them by default: over http,
// and sealed. It gives the path of their inventory.
func serveSealed(env *testscript.Env, dir string) (string, error) {
	h, err := simulator.Start(env.T().(testing.TB).Context(), model, simulator.Options{User: "sim", Password: simPassword, Strict: env.Values[sinsKey{}].(*sins).add})
	if err != nil {
		return "", err
	}
	env.Defer(func() { _ = h.Close() })
	for _, s := range h.Sites() {
		env.Setenv("HTTP_"+s.Code, strings.TrimSuffix(s.URL, "/wsman"))
	}
	var inv strings.Builder
	if err := h.WriteInventory(&inv, simulator.InventoryOptions{PasswordFile: filepath.Join(dir, "password")}); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sealed.yaml")
	return path, os.WriteFile(path, []byte(inv.String()), 0o600)
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               serveScript,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"confess": confess,
		},
	})
}

// exits runs a command that must end with an exit code: exits CODE COMMAND...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		ts.Fatalf("exit code %q is no number", args[0])
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// TestSim serves the sites of an inventory by dpremote sim, and asks them by
// the inventory that it wrote.
func TestSim(t *testing.T) {
	path := filepath.Join(t.TempDir(), "made", "inventory.yaml")
	var told strings.Builder
	stop := startSim(t, &told, path, "--strict")
	var out, errs strings.Builder
	client := testApp(strings.NewReader(""), &out, &errs)
	if code := client.execute(t.Context(), []string{"-i", path, "status", "--level", "dp", "--state", "failed", "-o", "csv", "--no-headers"}); code != exitOK {
		t.Errorf("status ended with %d: %s", code, errs.String())
	}
	if rows := strings.Count(out.String(), "\n"); rows != 9 {
		t.Errorf("%d failed rows, want 9:\n%s", rows, out.String())
	}
	if info, err := os.Stat(filepath.Join(filepath.Dir(path), "sim.password")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("password file: %v %v", info, err)
	}
	if code := stop(); code != exitOK || strings.Contains(told.String(), "sins") {
		t.Errorf("sim ended with %d: %s", code, told.String())
	}
}

// TestSimFaults makes things go wrong at the sites of dpremote sim. The client
// makes up for them, and leaves nothing open.
func TestSimFaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	var told, out, errs strings.Builder
	stop := startSim(t, &told, path, "--strict",
		"--fault", "fault=reset-during,site=P01,action=pull,count=1", "--fault", "fault=http-503,action=enumerate,site=CAS,count=1")
	client := testApp(strings.NewReader(""), &out, &errs)
	if code := client.execute(t.Context(), []string{"-i", path, "status", "--level", "dp", "--state", "failed", "-o", "csv", "--no-headers", "--debug"}); code != exitOK {
		t.Errorf("status ended with %d: %s", code, errs.String())
	}
	if rows := strings.Count(out.String(), "\n"); rows != 9 {
		t.Errorf("%d failed rows, want 9:\n%s", rows, out.String())
	}
	if code := stop(); code != exitOK {
		t.Errorf("sim ended with %d: %s", code, told.String())
	}
	for _, want := range []string{"p01: pull failed, asked again in ", "cas: enumerate failed, asked again in "} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("%q was not logged:\n%s", want, errs.String())
		}
	}
	for _, want := range []string{"fault=reset-during,site=P01,action=pull,count=1: happened 1 times, of ", "fault=http-503,site=CAS,action=enumerate,count=1: happened 1 times, of "} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("%q was not said:\n%s", want, told.String())
		}
	}
}

// startSim starts dpremote sim, and ends it by an interrupt.
func startSim(t *testing.T, told io.Writer, path string, args ...string) (stop func() int) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = read.Close() })
	ctx, interrupt := newStop(t)
	server := testApp(strings.NewReader(""), write, told)
	ended := make(chan int)
	args = append([]string{"sim", "--primaries", "1", "--standalone", "2", "--latency", "0s-1ms", "--dps", "2", "--packages", "2", "--failed", "3", "--write", path}, args...)
	go func() { ended <- server.execute(ctx, args) }()
	buffer := make([]byte, 4096)
	n, err := read.Read(buffer) // it prints the path once it listens
	if err != nil || strings.TrimSpace(string(buffer[:n])) != path {
		t.Fatalf("printed %q, %v", buffer[:n], err)
	}
	return func() int {
		interrupt()
		return <-ended
	}
}

// TestSimTellsSins sends what no client of ours does to a strict sim.
func TestSimTellsSins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "inventory.yaml")
	var told strings.Builder
	stop := startSim(t, &told, path, "--strict")
	inv, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	url := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).Find(inv)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, string(url)+"/wsman", strings.NewReader("<soap/>"))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("sim", "guess")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	const want = ": clear text: the password was sent in clear text"
	if code := stop(); code != exitFindings || strings.Count(told.String(), want) != 1 || !strings.Contains(told.String(), "dpremote: "+errSinned.Error()) {
		t.Errorf("sim ended with %d: %s", code, told.String())
	}
}

// Sites by counts are 276 and more, each answering in its own time.
func TestSimByCounts(t *testing.T) {
	o := simOptions{primaries: 25, standalone: 250, dps: 2, packages: 3, failed: 7}
	m, err := o.byCounts()
	if err != nil {
		t.Fatal(err)
	}
	below := 0
	for _, s := range m.Sites {
		if s.Parent == "CAS" {
			below++
		}
	}
	if last := m.Sites[len(m.Sites)-1]; len(m.Sites) != 276 || below != 25 || last.Code != "250" || last.Failed[simulator.AccessDenied] != 2 {
		t.Errorf("%d sites, %d below CAS, the last %v", len(m.Sites), below, last)
	}
	for _, o := range []simOptions{{primaries: 100}, {standalone: 1000}} {
		if _, err := o.byCounts(); exitCode(err) != exitUsage {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for text, want := range map[string]latency{"": {}, "5ms": {5 * time.Millisecond, 5 * time.Millisecond}, "0s-1s": {0, time.Second}} {
		if got, err := parseLatency(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"5", "-5ms", "2ms-1ms", "1ms-", "1ms-2ms-3ms"} {
		if got, err := parseLatency(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// testApp is an app without a terminal, and without a history unless flags name
// one.
func testApp(in io.Reader, out, errs io.Writer) *app {
	a := newApp()
	a.in, a.out, a.err = in, out, errs
	a.getenv = func(name string) string { return map[string]string{"DPREMOTE_NO_HISTORY": "true"}[name] }
	a.terminal = func(any) (int, bool) { return 0, false }
	a.log = newLogger(errs)
	return a
}

// newStop is a context with the function that ends it.
func newStop(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}
