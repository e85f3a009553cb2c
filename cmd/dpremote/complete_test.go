package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completed asks for completions as a shell's script does: the words without
// their descriptions, the directive, and all that went to standard error.
func completed(t *testing.T, env map[string]string, args ...string) (words []string, directive, told string) {
	t.Helper()
	var out, errs strings.Builder
	a := testApp(strings.NewReader(""), &out, &errs)
	a.getenv = func(name string) string { return env[name] }
	if code := a.execute(t.Context(), append([]string{cobra.ShellCompRequestCmd}, args...)); code != exitOK {
		t.Fatalf("%q: ended with %d: %s", args, code, errs.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, line := range lines[:len(lines)-1] {
		word, _, _ := strings.Cut(line, "\t")
		words = append(words, word)
	}
	return words, lines[len(lines)-1], errs.String()
}

// The directives that a script is given (cobra.ShellCompDirective).
const (
	anyFiles    = ":0"
	noFiles     = ":4"
	noSpace     = ":6"
	filesOf     = ":8"
	directories = ":16"
	inOrder     = ":36" // and no files
)

func shippedInventory(t *testing.T) map[string]string {
	t.Helper()
	path, err := filepath.Abs("../../inventory.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"DPREMOTE_INVENTORY": path}
}

func TestComplete(t *testing.T) {
	env := shippedInventory(t)
	for _, tt := range []struct {
		args      string // the last one is being typed
		want      string
		directive string
	}{
		{"ref", "refresh", noFiles},
		{"sites ", "check discover", noFiles},
		{"status --leve", "--level", noFiles},
		{"status --site ", "CAS PS1 PS2", inOrder},
		{"status --site ps", "PS1 PS2", inOrder},
		{"status --site=P", "PS1 PS2", inOrder},
		{"status --site PS2,", "PS2,CAS PS2,PS1", inOrder},
		{"status --site PS2,PS", "PS2,PS1", inOrder},
		{"status --site ps2,CAS --site ", "PS1", inOrder},
		{"status --site PS2 --exclude P", "PS1 PS2", inOrder},
		{"status --exclude C", "CAS", inOrder},
		{"status --group ", "primaries emea amer", inOrder},
		{"status --group emea,a", "emea,amer", inOrder},
		{"status --output ", "table wide json jsonl yaml csv", inOrder},
		{"status -o j", "json jsonl", inOrder},
		{"status --level d", "dp", inOrder},
		{"status --color a", "auto always", inOrder},
		{"status --state re", "retrying removal-pending removal-retrying removal-failed", inOrder},
		{"status --state failed,st", "failed,stale failed,stuck", inOrder},
		{"status --fail-on un", "unhealthy", inOrder},
		{"status --type boot-image,os", "boot-image,os-image boot-image,os-upgrade", inOrder},
		{"status --auth n", "negotiate ntlm", inOrder},
		{"status --schema ", "wmi dmtf", inOrder},
		{"status --columns pack", "package", inOrder},
		{"status --level site --columns siteCode,s", "siteCode,sourceVersion siteCode,site", inOrder},
		{"status --sort pack", "package", inOrder},
		{"dps --sort failed,-inst", "failed,-installed", inOrder},
		{"history --runs --columns r", "run refused", inOrder},
		{"history --outcome open,", "open,stored open,refused open,unknown open,not-sent", inOrder},
		{"refresh --order ", "small large old list", inOrder},
		{"refresh --put ", "auto partial full", inOrder},
		{"refresh --columns out", "outcome", inOrder},
		{"refresh --dry-run --columns out", "", inOrder},
		{"watch --mode ", "auto poll events", inOrder},
		{"sim --sign-in basic,", "basic,ntlm basic,kerberos basic,certificate", inOrder},
		{"sim --fault f", "fault= for=", noSpace},
		{"sim --fault fault=cut-e", "fault=cut-entity", noFiles},
		{"sim --fault fault=drop,action=un", "fault=drop,action=unsubscribe", noFiles},
		{"sim --fault fault=drop,f", "fault=drop,for=", noSpace},
		{"sim --fault fault=drop --fault fault=stal", "fault=stall", noFiles},
		{"query --namespace root/c", "root/cimv2", inOrder},
		{"get sms_site", "SMS_Site", noFiles},
		{"get SMS_DistributionPoint PackageID=PS100001 ", "ServerNALPath= SiteCode=", noSpace},
		{"put SMS_DistributionPoint --set Refr", "RefreshNow=", noSpace},
		{"put SMS_DistributionPoint --null Las", "LastRefreshTime", noFiles},
		{"invoke SMS_Package RefreshPkgSource --key ", "PackageID=", noSpace},
		{"invoke SMS_Package ", "", noFiles},
		{"logs p", "pkgxfer", noFiles},
		{"logs pkgxfer ", "", noFiles},
		{"completion ", "bash fish powershell zsh", noFiles},
		{"status -i ", "yaml yml", filesOf},
		{"report --out ", "", anyFiles},
		{"status --trace-dir ", "", directories},
		{"status --user ", "", noFiles},
		{"status --parallel ", "", noFiles},
		{"update PS1", "", noFiles},
	} {
		words, directive, _ := completed(t, env, strings.Split(tt.args, " ")...)
		if got := strings.Join(words, " "); got != tt.want || directive != tt.directive {
			t.Errorf("%s\ngives %s %s, want %s %s", tt.args, got, directive, tt.want, tt.directive)
		}
	}
}

// TestCompleteKeepsQuiet has inventories that would do something, or fail, if
// more were done with them than reading names.
func TestCompleteKeepsQuiet(t *testing.T) {
	dir := t.TempDir()
	marker := filepath.Join(dir, "ran")
	write := func(name, text string) map[string]string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return map[string]string{"DPREMOTE_INVENTORY": path, "DPREMOTE_OUTPUT": "nonsense", "DPREMOTE_PARALLEL": "many"}
	}
	secrets := write("secrets.yaml", `
sites:
  PS1: {host: ps1.corp.example, user: u, password_command: "touch `+marker+`"}
  PS2: {host: ps2.corp.example, user: u, password_file: `+filepath.Join(dir, "missing")+`}
  PS3: {host: ps3.corp.example, user: u, password_env: NOT_SET, ca_file: `+filepath.Join(dir, "missing")+`}
`)
	for name, tt := range map[string]struct {
		env  map[string]string
		want string
	}{
		"secrets": {secrets, "PS1 PS2 PS3"},
		"broken":  {write("broken.yaml", "sites: [}"), ""},
		"unknown": {write("unknown.yaml", "sites: {PS1: {simulate: {}}}\nnonsense: 1\n"), ""},
		"missing": {map[string]string{"DPREMOTE_INVENTORY": filepath.Join(dir, "none.yaml")}, ""},
		"none":    {map[string]string{"HOME": dir}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			words, _, told := completed(t, tt.env, "status", "--site", "")
			if got := strings.Join(words, " "); got != tt.want {
				t.Errorf("completes %q, want %q", got, tt.want)
			}
			// What cobra says of itself goes where scripts throw it away.
			if rest := regexp.MustCompile(`(?m)^Completion ended with directive: .*\n`).ReplaceAllString(told, ""); rest != "" {
				t.Errorf("said %q", rest)
			}
		})
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("the password's command was run")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("%v, %v: only the inventories should be there", entries, err)
	}
}

// TestEveryFlagCompletes fails for a flag whose value is a text and of which
// nobody has said how it is completed.
func TestEveryFlagCompletes(t *testing.T) {
	g := &globals{app: testApp(nil, io.Discard, io.Discard)}
	known := g.flagCompletions()
	seen := map[string]bool{}
	walkCommands(newRoot(g.app), func(cmd *cobra.Command) {
		cmd.NonInheritedFlags().VisitAll(func(f *pflag.Flag) {
			values, ok := known[f.Name]
			seen[f.Name] = true
			if _, registered := cmd.GetFlagCompletionFunc(f.Name); registered != (values != nil) {
				t.Errorf("--%s of %s: its completion is not in the table, or not registered", f.Name, cmd.CommandPath())
			}
			if textual := strings.HasPrefix(f.Value.Type(), "string"); textual && !ok {
				t.Errorf("--%s of %s: say in flagCompletions what it may be, with nil for anything", f.Name, cmd.CommandPath())
			}
		})
	})
	for name := range known {
		if !seen[name] {
			t.Errorf("--%s is the flag of no command", name)
		}
	}
	for name := range argumentCompletions() {
		if cmd, _, err := newRoot(g.app).Find([]string{name}); err != nil || cmd.ValidArgsFunction == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCompletedWordsAreAll holds what is offered against what a command says it
// takes when it is given nonsense.
func TestCompletedWordsAreAll(t *testing.T) {
	env := shippedInventory(t)
	for _, args := range []string{
		"status --output", "status --color", "status --level", "status --state", "status --type", "status --auth", "status --schema",
		"refresh --dry-run --order", "refresh --dry-run --put", "watch --mode", "history --outcome", "sim --sign-in",
	} {
		line := strings.Fields(args)
		offered, _, _ := completed(t, env, append(line, "")...)
		said := complaint(t, env, append(line, "nonsense")...)
		list := regexp.MustCompile(`.*(?:none of|one of|use|valid:) (.*?)(?:, got .*)?\n`).FindStringSubmatch(said)
		if list == nil {
			t.Errorf("%s: no words in %s", args, said)
			continue
		}
		var taken []string
		for _, word := range regexp.MustCompile(`[,;] or |[,;] | or `).Split(list[1], -1) {
			word, _, _ = strings.Cut(word, " (")
			taken = append(taken, strings.ReplaceAll(strings.ToLower(word), " ", "-"))
		}
		slices.Sort(taken)
		slices.Sort(offered)
		if diff := cmp.Diff(taken, offered); diff != "" {
			t.Errorf("%s: taken and offered differ (-taken +offered):\n%s\n%s", args, diff, said)
		}
	}
}

// TestEveryCommandHasColumns fails for a new command whose columns are not
// completed.
func TestEveryCommandHasColumns(t *testing.T) {
	without := map[string]string{
		"dpremote": "help", "sim": "no rows", "exporter": "no rows", "report": "HTML", "completion": "a script",
		"query": "what the query selects", "get": "what the class has", "put": "what the class has", "invoke": "what the method gives",
	}
	walkCommands(newRoot(newApp()), func(cmd *cobra.Command) {
		_, none := without[cmd.Name()]
		if got := columnNames(cmd); (len(got) == 0) != none {
			t.Errorf("%s: columnNames has %q for it", cmd.CommandPath(), got)
		}
	})
}

// TestCompletedColumnsAreAll does the same for --columns.
func TestCompletedColumnsAreAll(t *testing.T) {
	for _, args := range []string{
		"sites", "sites check", "version", "dps", "status", "status --level site", "status --level dp", "diagnose",
		"refresh --yes -o csv", "update PS100005 --dry-run", "update PS100005 --yes -o csv",
		"validate --all --dry-run", "validate --all --yes -o csv", "cancel --all --dry-run",
		"watch --deadline 1s", "logs distmgr", "history", "history --runs",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			env := shippedInventory(t)
			env["XDG_STATE_HOME"] = t.TempDir()
			line := append(strings.Fields(args), "--columns")
			offered, _, _ := completed(t, env, append(line, "")...)
			_, list, ok := strings.Cut(complaint(t, env, append(line, "nonsense")...), "valid: ")
			if taken := strings.Split(strings.TrimSpace(list), ", "); !ok || cmp.Diff(taken, offered) != "" {
				t.Errorf("taken %q, offered %q", taken, offered)
			}
		})
	}
}

// complaint is what a command says about a wrong value.
func complaint(t *testing.T, env map[string]string, args ...string) string {
	t.Helper()
	var errs strings.Builder
	a := testApp(strings.NewReader(""), io.Discard, &errs)
	a.getenv = func(name string) string { return env[name] }
	if code := a.execute(t.Context(), args); code != exitUsage {
		t.Errorf("%q: ended with %d: %s", args, code, errs.String())
	}
	return errs.String()
}

// walkCommands visits each command of a tree.
func walkCommands(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, below := range cmd.Commands() {
		walkCommands(below, visit)
	}
}

// TestCompletionScripts has a script for each shell, which calls this program.
func TestCompletionScripts(t *testing.T) {
	for shell := range shells() {
		var out, errs strings.Builder
		if code := testApp(nil, &out, &errs).execute(t.Context(), []string{"completion", shell}); code != exitOK || errs.Len() > 0 {
			t.Errorf("%s: ended with %d: %s", shell, code, errs.String())
		}
		if !strings.Contains(out.String(), cobra.ShellCompRequestCmd) {
			t.Errorf("%s: the script asks for no completions:\n%s", shell, out.String())
		}
	}
	var errs strings.Builder
	if code := testApp(nil, io.Discard, &errs).execute(t.Context(), []string{"completion", "tcsh"}); code != exitUsage {
		t.Errorf("tcsh: ended with %d: %s", code, errs.String())
	}
}
