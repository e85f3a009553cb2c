package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"gopkg.in/yaml.v3"

	"dpremote/internal/report"
	"dpremote/simulator"
)

// runnerCommands are the names of the commands that the runner of GitHub Actions
// finds in what a step prints, whether it knows them or not.
func runnerCommands(printed string) []string {
	var names []string
	for line := range strings.FieldsFuncSeq(printed, func(r rune) bool { return r == '\n' || r == '\r' }) {
		// It compares as people read: what has no width does not count.
		line = strings.Map(func(r rune) rune {
			if unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me) || unicode.IsControl(r) && r != '\t' {
				return -1
			}
			return r
		}, line)
		line = strings.TrimLeftFunc(line, unicode.IsSpace)
		if rest, ok := strings.CutPrefix(line, "::"); ok {
			if info, _, ok := strings.Cut(rest, "::"); ok {
				name, _, _ := strings.Cut(info, " ")
				names = append(names, name)
				continue
			}
		}
		if _, rest, ok := strings.Cut(line, "##["); ok {
			if info, _, ok := strings.Cut(rest, "]"); ok {
				name, _, _ := strings.Cut(info, " ")
				names = append(names, name)
			}
		}
	}
	return names
}

func TestRunnerCommands(t *testing.T) {
	for text, want := range map[string]string{
		"::add-mask::x": "add-mask", "a\r \t::stop-commands::x": "stop-commands", "\u2003::error title=a::b": "error",
		"x ##[group]y": "group", "\u200b:\u00ad:debug::x": "debug", "#\u200d#[echo on]": "echo",
		"a ::error::b": "", "::error": "", ":: no": "", "# #[x]": "", "##[": "",
	} {
		if got := strings.Join(runnerCommands(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestActionsGuard(t *testing.T) {
	for text, want := range map[string]string{
		"::add-mask::x\n":     ":;add-mask::x\n",
		"a::b::c ::d::\n":     "a::b::c ::d::\n",
		"a\r  ::x::y":         "a\r  :;x::y",
		": ::x::":             ": ::x::",
		":\u200b:x::":         ":\u200b;x::",
		"##[x]###[y]# #[z]#[": "##(x]###(y]# #[z]#[",
		"#\u200b#\u00ad[x]":   "#\u200b#\u00ad(x]",
		"é::x::":              "é:;x::",
		"PS1  ##[x] ::y::":    "PS1  ##(x] ::y::",
	} {
		for split := range len(text) + 1 {
			var b strings.Builder
			g := &actionsGuard{to: &b, bracket: "("}
			for _, part := range []string{text[:split], text[split:]} {
				if n, err := g.Write([]byte(part)); n != len(part) || err != nil {
					t.Fatalf("wrote %d, %v", n, err)
				}
			}
			if b.String() != want {
				t.Errorf("%q split at %d became %q, want %q", text, split, b.String(), want)
			}
			if found := runnerCommands(b.String()); len(found) > 0 {
				t.Errorf("%q is still %q", text, found)
			}
		}
	}
}

// FuzzActionsGuard lets no command through.
func FuzzActionsGuard(f *testing.F) {
	for _, seed := range []string{"::add-mask::x", "##[group]x", ":\u200b:a::", "#\u00ad#[x]", "\ufeff::a::"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if found := runnerCommands(inert(text)); len(found) > 0 {
			t.Fatalf("%q became %q, which is %q", text, inert(text), found)
		}
	})
}

// In JSON and YAML the guard changes how something is written, and not what.
func TestActionsGuardKeepsData(t *testing.T) {
	values := []string{"##[add-mask]x", "a ##[x]", "::add-mask::x", "x: ##[y]", "'##[z]", "#", "a#b"}
	for _, format := range []report.Format{report.JSON, report.JSONL, report.YAML} {
		var b strings.Builder
		a := testApp(strings.NewReader(""), &b, &b)
		a.getenv = func(name string) string { return map[string]string{"GITHUB_ACTIONS": "true"}[name] }
		a.guardActions(format)
		out, err := report.New(a.out, report.Options{Format: format, Kind: "test", Columns: []report.Column{{Name: "list"}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Row(values); err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
		if found := runnerCommands(b.String()); len(found) > 0 {
			t.Errorf("%s: the runner finds %q in\n%s", format, found, b.String())
		}
		type item struct{ List []string }
		var document struct{ Items []item }
		switch format {
		case report.JSON:
			err = json.Unmarshal([]byte(b.String()), &document)
		case report.YAML:
			err = yaml.Unmarshal([]byte(b.String()), &document)
		default:
			document.Items = make([]item, 1)
			err = json.Unmarshal([]byte(b.String()), &document.Items[0])
		}
		if err != nil || len(document.Items) != 1 || !reflect.DeepEqual(document.Items[0].List, values) {
			t.Errorf("%s: read %v, %v from\n%s", format, document, err, b.String())
		}
	}
}

func TestActionsGuardLeavesFilesAlone(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "out.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	a := testApp(strings.NewReader(""), file, &strings.Builder{})
	a.getenv = func(name string) string { return map[string]string{"GITHUB_ACTIONS": "true"}[name] }
	a.guardActions(report.CSV)
	if a.out != file {
		t.Error("a file is guarded")
	}
	if a.err == a.unguarded() {
		t.Error("standard error is not guarded")
	}
}

// commanding are texts with which a server could command a runner.
const commanding = "##[add-mask]PS1\r\n::add-mask::PS1\n \u00a0::stop-commands::x" + hostile

// commander puts commands into answers.
func commander(_ string, next http.Handler) http.Handler {
	texts := regexp.MustCompile(`(<(?:\w+:)?(?:Name|PackageName|SiteName|Description|InsString[0-9]+|Caption)>)`)
	paths := regexp.MustCompile(`(<(?:\w+:)?(?:ServerNALPath|NALPath|DPNALPath)>[^<]*?\\\\)`)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		next.ServeHTTP(recorded, r)
		for name, values := range recorded.Header() {
			w.Header()[name] = values
		}
		body := texts.ReplaceAll(recorded.Body.Bytes(), []byte("${1}"+commanding))
		body = paths.ReplaceAll(body, []byte("${1}##[add-mask]"))
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(body)
	})
}

// TestServersDoNotCommandTheRunner drives every command as a job of GitHub
// Actions against a site whose texts are commands, and against servers that
// refuse with such. Only our own annotations may be commands.
func TestServersDoNotCommandTheRunner(t *testing.T) {
	h, err := simulator.Start(t.Context(), model, simulator.Options{
		AllowUnencrypted: true, User: "sim", Password: "p", Strict: noSin(t), Around: commander})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	refuse := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = w.Write([]byte(`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body><s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code>` +
			`<s:Reason><s:Text>` + commanding + `</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>`))
	}))
	defer refuse.Close()
	t.Setenv("HOME", t.TempDir())
	shown := 0
	for name, args := range everyCommand() {
		for kind, url := range map[string]string{"site": strings.TrimSuffix(h.Sites()[1].URL, "/wsman"), "refusal": refuse.URL} {
			for _, format := range []string{"table", "wide", "csv", "jsonl", "json", "yaml"} {
				if kind == "refusal" && format != "table" && format != "json" {
					continue
				}
				t.Run(name+" "+kind+" "+format, func(t *testing.T) {
					summary := filepath.Join(t.TempDir(), "summary.md")
					env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": summary, "DPREMOTE_NO_HISTORY": "true"}
					var o, e strings.Builder
					a := testApp(strings.NewReader("p\n"), &o, &e)
					a.getenv = func(name string) string { return env[name] }
					line := append([]string{}, args...)
					if name == "discover" {
						line = append(line, url)
					} else {
						line = append(line, "--host", url, "--site-code", "PS1")
					}
					annotated, junit := judges()[name], filepath.Join(t.TempDir(), "junit.xml")
					if annotated {
						line = append(line, "--annotate", "github", "--junit", junit)
					}
					line = append(line, "--auth", "basic", "--user", "sim", "--password-stdin", "--allow-unencrypted", "--debug")
					if name != "discover" && !strings.Contains(strings.Join(line, " "), " -o ") {
						line = append(line, "-o", format)
					}
					code := runOnce(t, a, line)
					if code == exitUsage && !strings.Contains(e.String(), url) && name != "sites" {
						t.Fatalf("ended with %d: %s", code, e.String())
					}
					if strings.Contains(o.String()+e.String(), "add-mask") {
						shown++
					}
					if found := runnerCommands(o.String()); len(found) > 0 {
						t.Errorf("standard output commands %q:\n%s", found, o.String())
					}
					if annotated {
						readJUnit(t, junit).agrees(t, code)
						text, _ := os.ReadFile(junit)
						if what, bad := drives(string(text), true); bad {
							t.Errorf("the report holds %s", what)
						}
					}
					errs := 0
					for _, command := range runnerCommands(e.String()) {
						if command != "error" || !annotated {
							t.Errorf("standard error commands %s:\n%s", command, e.String())
						}
						errs++
					}
					if errs > githubAnnotations {
						t.Errorf("%d annotations", errs)
					}
					if text, err := os.ReadFile(summary); annotated && (code == exitFindings || code == exitIncomplete) {
						if err != nil || len(text) == 0 || strings.ContainsAny(string(text), "[]<>`*") {
							t.Errorf("the summary is %v:\n%s", err, text)
						}
						if errs == 0 {
							t.Errorf("nothing is annotated: %s", e.String())
						}
					}
				})
			}
		}
	}
	if shown < 40 {
		t.Errorf("commands were shown %d times only: nothing was tested", shown)
	}
}

// judges are the commands that take --junit and --annotate, by their names in
// everyCommand.
func judges() map[string]bool {
	return map[string]bool{"status": true, "diagnose": true, "refresh": true, "watch": true, "check": true}
}
