package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"dpremote/simulator"
)

// disguises are the forms in which a secret may show up.
func disguises(secret, user string) map[string][]byte {
	var wide []byte
	for _, u := range utf16.Encode([]rune(secret)) {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	var escaped bytes.Buffer
	_ = xml.EscapeText(&escaped, []byte(secret))
	base64Core := func(b []byte) []byte { // without the ends, which depend on what stands beside it
		s := base64.StdEncoding.EncodeToString(b)
		return []byte(s[:len(s)/4*4-4])
	}
	return map[string][]byte{
		"as it is":              []byte(secret),
		"in XML":                escaped.Bytes(),
		"in a URL":              []byte(url.QueryEscape(secret)),
		"in UTF-16":             wide,
		"in hexadecimal":        []byte(hex.EncodeToString([]byte(secret))),
		"in base64":             base64Core([]byte(secret)),
		"in UTF-16 in base64":   base64Core(wide),
		"in Basic's base64":     base64Core([]byte(user + ":" + secret)),
		"its first half as is":  []byte(secret[:len(secret)/2]),
		"its second half as is": []byte(secret[len(secret)/2:]),
	}
}

// everyCommand is a command line for each command that opens a site.
func everyCommand() map[string][]string {
	nal := `ServerNALPath=["Display=\\dp01.ps1.sim.example\"]MSWNET:["SMS_SITE=PS1"]\\dp01.ps1.sim.example\`
	return map[string][]string{
		"diagnose": {"diagnose"},
		"clear":    {"diagnose", "--clear-retry", "CAS00001", "--yes"},
		"dps":      {"dps"},
		"get":      {"get", "SMS_Site", "SiteCode=PS1"},
		"logs":     {"logs", "distmgr"},
		"invoke":   {"invoke", "SMS_Package", "RefreshPkgSource", "--key", "PackageID=PS100001"},
		"put":      {"put", "SMS_DistributionPoint", "PackageID=PS100001", nal, "SiteCode=PS1", "--set", "RefreshNow=true"},
		"query":    {"query", "SELECT * FROM SMS_Site"},
		"refresh":  {"refresh", "--yes", "--force"},
		"sites":    {"sites", "-o", "wide"},
		"check":    {"sites", "check", "-o", "json"},
		"discover": {"sites", "discover"},
		"status":   {"status", "--level", "dp"},
		"update":   {"update", "--yes", "--force", "PS100001"},
		"validate": {"validate", "--yes", "--all"},
		"cancel":   {"cancel", "--yes", "--all"},
		"report":   {"report", "--out", "-"},
		"watch":    {"watch", "--state", "installed"},
		"exporter": {"exporter", "--listen", "127.0.0.1:0"},
	}
}

// runOnce runs a command line; an exporter is stopped when it has looked at a
// site.
func runOnce(t *testing.T, a *app, line []string) int {
	ctx, stop := newStop(t)
	a.looked = func(string, error) { stop() }
	return a.execute(ctx, line)
}

// TestSecretsStayInside drives every command with every log and trace on, with
// the right password and with a wrong one, and looks for the secret in all
// that was written.
func TestSecretsStayInside(t *testing.T) {
	const right, wrong = "Right-Zw8<&>Quartz", "Wrong-Qk3<&>Sphinx"
	h, err := simulator.Start(t.Context(), model, simulator.Options{TLS: true, User: "sim", Password: right, Strict: noSin(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	host := strings.TrimSuffix(h.Sites()[1].URL, "/wsman")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, h.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	home := t.TempDir() // where commands keep what they delete
	t.Setenv("HOME", home)
	// The others of them find nothing to do where they are not let in.
	acts := map[string]bool{"put": true, "invoke": true, "refresh": true}
	for name, args := range everyCommand() {
		for _, tried := range [][2]string{{"basic", right}, {"basic", wrong}, {"ntlm", right}, {"ntlm", wrong}, {"negotiate", wrong}} {
			auth, secret := tried[0], tried[1]
			t.Run(name+" "+auth+" "+secret[:5], func(t *testing.T) {
				traces, state := filepath.Join(t.TempDir(), "traces"), filepath.Join(t.TempDir(), "state")
				line := append([]string{}, args...)
				if name == "discover" {
					line = append(line, host)
				} else {
					line = append(line, "--host", host, "--site-code", "PS1")
				}
				line = append(line, "--auth", auth, "--user", "sim", "--password-stdin", "--ca-file", ca, "--debug", "--trace-dir", traces,
					"--no-history=false", "--history", filepath.Join(state, "history.db"))
				reports := t.TempDir()
				if judges()[name] {
					line = append(line, "--junit", filepath.Join(reports, "junit.xml"), "--annotate", "gitlab="+filepath.Join(reports, "quality.json"))
				}
				var out, errs strings.Builder
				code := runOnce(t, testApp(strings.NewReader(secret+"\n"), &out, &errs), line)
				isIn := code == exitOK || code == exitFindings && judges()[name]
				if name != "sites" && name != "exporter" && isIn != (secret == right) {
					t.Fatalf("ended with %d: %s", code, errs.String())
				}
				written := map[string][]byte{"standard output": []byte(out.String()), "standard error": []byte(errs.String())}
				readFiles(t, traces, written)
				readFiles(t, home, written)
				readFiles(t, reports, written)
				if judges()[name] && written[filepath.Join(reports, "junit.xml")] == nil {
					t.Error("no report was written")
				}
				if readFiles(t, state, written); acts[name] && written[filepath.Join(state, "history.db")] == nil {
					t.Error("no history was written")
				}
				// A sign-in that fails before the message is sent leaves no answer.
				if least := 3; name != "sites" && len(written) < least {
					t.Errorf("only %d things were written: no trace", len(written))
				}
				for where, text := range written {
					for how, form := range disguises(secret, "sim") {
						if bytes.Contains(text, form) {
							t.Errorf("%s holds the secret %s:\n%s", where, how, text)
						}
					}
				}
			})
		}
	}
}

func readFiles(t *testing.T, dir string, into map[string][]byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil // a command that sends nothing makes no directory
		}
		data, err := os.ReadFile(path)
		into[path] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestEveryCommandIsDriven fails when a command is added that
// TestSecretsStayInside does not drive.
func TestEveryCommandIsDriven(t *testing.T) {
	offline := map[string]bool{"history": true, "sim": true, "version": true, "help": true, "completion": true}
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if !offline[sub.Name()] && everyCommand()[sub.Name()] == nil {
				t.Errorf("%s is not driven", sub.CommandPath())
			}
			walk(sub)
		}
	}
	walk(newRoot(newApp()))
}

// TestTheSearchFinds shows that TestSecretsStayInside can fail.
func TestTheSearchFinds(t *testing.T) {
	for how, form := range disguises("Right-Zw8<&>Quartz", "sim") {
		if len(form) < 6 {
			t.Errorf("%s: %q is too short to be told from chance", how, form)
		}
	}
	authorization := base64.StdEncoding.EncodeToString([]byte("sim:Right-Zw8<&>Quartz"))
	if !bytes.Contains([]byte("Authorization: Basic "+authorization), disguises("Right-Zw8<&>Quartz", "sim")["in Basic's base64"]) {
		t.Error("a Basic header would go unseen")
	}
}
