package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"dpremote/internal/metrics"
	"dpremote/simulator"
)

const monitoring = "../../docs/monitoring/"

// expression is one that a file of docs/monitoring asks Prometheus.
type expression struct {
	where, text string
	labels      []string // that its result is asked for beside: in legends and annotations
}

// alertRules are the alerts that are shipped.
func alertRules(t *testing.T) []expression {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	readMonitoring(t, "dpremote.rules.yml", func(text []byte) error { return yaml.Unmarshal(text, &file) })
	var out []expression
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			e := expression{where: r.Alert, text: r.Expr}
			for _, a := range r.Annotations {
				for _, m := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(a, -1) {
					e.labels = append(e.labels, m[1])
				}
			}
			out = append(out, e)
		}
	}
	return out
}

// dashboard is as much of a Grafana dashboard as tells whether it loads.
type dashboard struct {
	Title, UID    string
	SchemaVersion int
	Templating    struct {
		List []struct {
			Name, Type string
			Query      any
		}
	}
	Panels []struct {
		ID          int
		Type, Title string
		Datasource  struct{ Type, UID string }
		GridPos     struct{ X, Y, W, H int }
		Targets     []struct {
			RefID, Expr, LegendFormat string
			Datasource                struct{ Type, UID string }
		}
	}
}

func readDashboard(t *testing.T) (d dashboard, all []expression) {
	t.Helper()
	readMonitoring(t, "dashboard.json", func(text []byte) error { return json.Unmarshal(text, &d) })
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			e := expression{where: p.Title, text: target.Expr}
			for _, m := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				e.labels = append(e.labels, m[1])
			}
			all = append(all, e)
		}
	}
	return d, all
}

func readMonitoring(t *testing.T, name string, parse func([]byte) error) {
	t.Helper()
	text, err := os.ReadFile(monitoring + name)
	if err == nil {
		err = parse(text)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// check looks whether an expression asks for what is served: names, labels, and
// values that are written out. Served are values by label by name.
func (e expression) check(served map[string]map[string][]string) (problems []string) {
	var (
		metricName = regexp.MustCompile(`\b(dpremote_\w+|up)\b(?:{([^}]*)})?`)
		matcher    = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"`)
		grouping   = regexp.MustCompile(`\b(?:by|without|on|ignoring) \(([^)]*)\)`)
	)
	found := metricName.FindAllStringSubmatch(e.text, -1)
	if len(found) == 0 {
		return []string{"it asks for no metric of ours"}
	}
	labels := map[string]bool{}
	for _, m := range found {
		family, ok := served[m[1]]
		if !ok {
			problems = append(problems, m[1]+" is not served")
			continue
		}
		for name := range family {
			labels[name] = true
		}
		for _, pair := range matcher.FindAllStringSubmatch(m[2], -1) {
			values, ok := family[pair[1]]
			if !ok {
				problems = append(problems, fmt.Sprintf("%s has no label %s", m[1], pair[1]))
				continue
			}
			for value := range strings.SplitSeq(pair[2], "|") {
				if !strings.HasPrefix(value, "$") && !slices.Contains(values, value) {
					problems = append(problems, fmt.Sprintf("%s is never %s", pair[1], value))
				}
			}
		}
	}
	asked := slices.Clone(e.labels)
	for _, m := range grouping.FindAllStringSubmatch(e.text, -1) {
		asked = append(asked, strings.FieldsFunc(m[1], func(r rune) bool { return r == ',' || r == ' ' })...)
		for _, label := range e.labels {
			if !strings.Contains(m[1], label) {
				problems = append(problems, "the sum has no label "+label)
			}
		}
	}
	for _, label := range asked {
		if !labels[label] {
			problems = append(problems, "nothing in it has a label "+label)
		}
	}
	return problems
}

// servedBy are the families of a scrape.
func servedBy(text string) map[string]map[string][]string {
	seriesForm, labelForm := regexp.MustCompile(`^(\w+)(?:{(.*)})? \S+$`), regexp.MustCompile(`(\w+)="([^"]*)"`)
	served := map[string]map[string][]string{}
	for line := range strings.Lines(text) {
		m := seriesForm.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		if served[m[1]] == nil {
			served[m[1]] = map[string][]string{}
		}
		for _, pair := range labelForm.FindAllStringSubmatch(m[2], -1) {
			served[m[1]][pair[1]] = append(served[m[1]][pair[1]], pair[2])
		}
	}
	return served
}

// TestMonitoringAsksForWhatIsServed holds the alerts and the dashboard against a
// scrape of an exporter that has everything: failures, distribution points one
// by one, a site that refuses.
func TestMonitoringAsksForWhatIsServed(t *testing.T) {
	other, err := simulator.Start(t.Context(), simulator.Model{Sites: []simulator.Site{{Code: "PS8"}}}, simulator.Options{User: "sim", Password: "another"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("p"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, inv := exported(t, simulator.Options{}, fmt.Sprintf("  refuses:\n    host: %s\n    site_code: PS8\n    user: sim2\n    password_file: %s\n",
		strings.TrimSuffix(other.Sites()[0].URL, "/wsman"), password))
	x := startExporter(t, 4, "-i", inv, "--per-dp")
	_, text := get(t, http.DefaultClient, x.url+"/metrics")
	served := servedBy(text)
	served["up"] = map[string][]string{"job": {"dpremote"}, "instance": nil} // of the server itself
	d, all := readDashboard(t)
	alerts := alertRules(t)
	if len(alerts) < 8 || len(all) < 15 {
		t.Errorf("%d alerts and %d expressions of the dashboard: where are the others?", len(alerts), len(all))
	}
	for _, e := range append(all, alerts...) {
		for _, problem := range e.check(served) {
			t.Errorf("%s: %s: %s", e.where, e.text, problem)
		}
	}
	for _, v := range d.Templating.List {
		if v.Type == "query" && !strings.Contains(fmt.Sprint(v.Query), "label_values(dpremote_site_up, "+v.Name+")") {
			t.Errorf("variable %s: %v", v.Name, v.Query)
		}
	}
	// It can fail.
	for text, want := range map[string]string{
		`dpremote_nothing`: "not served", `sum(dpremote_site_up{dp="x"})`: "no label dp", `sum by (dp) (dpremote_site_up)`: "label dp",
		`dpremote_content_rows{state="broken"}`: "never broken", `vector(1)`: "no metric",
	} {
		if got := (expression{text: text}).check(served); !strings.Contains(strings.Join(got, "; "), want) {
			t.Errorf("%s: %v, want %q", text, got, want)
		}
	}
}

// TestDashboard looks at what Grafana stumbles over.
func TestDashboard(t *testing.T) {
	d, _ := readDashboard(t)
	const width = 24
	ids, cells := map[int]string{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if other, ok := ids[p.ID]; ok || p.ID == 0 {
			t.Errorf("%s and %s have the ID %d", p.Title, other, p.ID)
		}
		ids[p.ID] = p.Title
		if p.GridPos.X+p.GridPos.W > width || p.GridPos.W == 0 || p.GridPos.H == 0 {
			t.Errorf("%s does not fit: %+v", p.Title, p.GridPos)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other, ok := cells[at]; ok {
					t.Fatalf("%s lies on %s", p.Title, other)
				}
				cells[at] = p.Title
			}
		}
		refs := map[string]bool{}
		for _, target := range p.Targets {
			if refs[target.RefID] || target.RefID == "" || target.Datasource.UID != "${datasource}" || p.Datasource.UID != "${datasource}" {
				t.Errorf("%s: %+v", p.Title, target)
			}
			refs[target.RefID] = true
		}
		if !slices.Contains([]string{"stat", "timeseries", "table", "bargauge"}, p.Type) || p.Title == "" || len(p.Targets) == 0 {
			t.Errorf("panel %d: %s %q", p.ID, p.Type, p.Title)
		}
	}
	if d.Title == "" || d.UID == "" || d.SchemaVersion < 36 || len(d.Panels) < 10 {
		t.Errorf("%q %q %d, %d panels", d.Title, d.UID, d.SchemaVersion, len(d.Panels))
	}
}

// TestMetricsAreDocumented holds the table of docs/monitoring.md against the
// code, and the files that the document names against the directory.
func TestMetricsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| `dpremote_") {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	for i, f := range metrics.Families() {
		want := fmt.Sprintf("| `%s` | %s | %s | %s |", f.Name, f.Type, strings.Join(f.Labels, ", "), f.Help)
		if i >= len(rows) || rows[i] != want {
			t.Errorf("row %d is not\n%s", i+1, want)
		}
	}
	if len(rows) != len(metrics.Families()) {
		t.Errorf("%d rows, %d families", len(rows), len(metrics.Families()))
	}
	files, err := os.ReadDir(monitoring)
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if !strings.Contains(string(text), "`"+f.Name()+"`") {
			t.Errorf("%s is not told of", f.Name())
		}
	}
}

// TestWebConfigExample holds the keys of the example against the toolkit that
// reads them: what it complains of is the certificate that is not there.
func TestWebConfigExample(t *testing.T) {
	_, err := readGuard(monitoring + "web.yml")
	if err == nil || !strings.Contains(err.Error(), "exporter.crt") {
		t.Errorf("error %v", err)
	}
	dir := t.TempDir()
	with, client := webConfig(t, true)
	for from, to := range map[string]string{"tls.crt": "exporter.crt", "tls.key": "exporter.key"} {
		if err := os.Rename(filepath.Join(filepath.Dir(with), from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	example, err := os.ReadFile(monitoring + "web.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "web.yml"), example, 0o600); err != nil {
		t.Fatal(err)
	}
	_, inv := exported(t, simulator.Options{}, "")
	x := startExporter(t, 1, "-i", inv, "--site", "ps1", "--web-config", filepath.Join(dir, "web.yml"))
	if status, _ := get(t, client, x.url+"/healthz", "prometheus", "change-me"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
}
