package metrics

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

var someday = time.Unix(1_795_000_000, 500_000_000)

// full is a snapshot that shows every family.
func full() *Snapshot {
	states := []string{"installed", "pending", Failed}
	c := NewContent("PS1", ByPackage|ByDP|ByAge|ByCause, states)
	c.Add(Row{State: "installed", N: 1, Package: "PS100001", DP: "dp01", Changed: someday.Add(-time.Hour)})
	c.Add(Row{State: Failed, N: 1, Package: "PS100001", DP: "dp02", Changed: someday.Add(-time.Minute)})
	c.Add(Row{State: Failed, N: 1, Package: "PS100002", DP: "dp02", Changed: someday.Add(-2 * time.Minute)})
	c.Add(Row{State: "stale", N: 1, Package: "PS100003", DP: "dp03"}) // not counted here
	c.AddCause("disk-full", 2)
	whole := NewContent("CAS", ByPackage, []string{"installed", Failed})
	whole.Add(Row{State: "installed", N: 7, Package: "PS100001"})
	whole.Add(Row{State: Failed, N: 0, Package: "PS100001"})
	return &Snapshot{
		Version: "1.2.3", GoVersion: "go1.26", PerDP: true, MaxSeries: 100,
		Sites: []Site{
			{Name: "p01", Code: "PS1", Up: true, Duration: 1500 * time.Millisecond, LastSuccess: someday, ClockAhead: -time.Second, ClockAheadKnown: true,
				Looks: 3, Failures: 1, Content: []*Content{c}},
			{Name: "p02", Code: "PS2", Error: "unreachable"},
		},
		Hierarchies: []Hierarchy{{"CAS", whole}},
	}
}

// values are the lines of a snapshot without the comments.
func values(t *testing.T, s *Snapshot) []string {
	t.Helper()
	var out strings.Builder
	if err := Write(&out, s); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSuffix(strings.TrimPrefix(line, "dpremote_"), "\n"))
		}
	}
	return lines
}

func TestWrite(t *testing.T) {
	want := strings.Split(`build_info{goversion="go1.26",version="1.2.3"} 1
content_oldest_change_timestamp_seconds{site="p01",site_code="PS1",state="failed"} 1.7949998805e+09
content_rows{site="p01",site_code="PS1",state="failed"} 2
content_rows{site="p01",site_code="PS1",state="installed"} 1
content_rows{site="p01",site_code="PS1",state="pending"} 0
content_rows_by_cause{cause="disk-full",site="p01",site_code="PS1"} 2
distribution_point_content_rows{dp="dp01",site="p01",site_code="PS1",state="failed"} 0
distribution_point_content_rows{dp="dp01",site="p01",site_code="PS1",state="installed"} 1
distribution_point_content_rows{dp="dp02",site="p01",site_code="PS1",state="failed"} 2
distribution_points{site="p01",site_code="PS1"} 2
distribution_points_in_state{site="p01",site_code="PS1",state="failed"} 1
distribution_points_in_state{site="p01",site_code="PS1",state="installed"} 1
distribution_points_in_state{site="p01",site_code="PS1",state="pending"} 0
distribution_points_left_out 0
hierarchy_content_rows{hierarchy="CAS",state="failed"} 0
hierarchy_content_rows{hierarchy="CAS",state="installed"} 7
hierarchy_packages{hierarchy="CAS"} 1
hierarchy_packages_in_state{hierarchy="CAS",state="failed"} 0
hierarchy_packages_in_state{hierarchy="CAS",state="installed"} 1
packages{site="p01",site_code="PS1"} 2
packages_in_state{site="p01",site_code="PS1",state="failed"} 2
packages_in_state{site="p01",site_code="PS1",state="installed"} 1
packages_in_state{site="p01",site_code="PS1",state="pending"} 0
site_clock_offset_seconds{site="p01",site_code="PS1"} -1
site_error{kind="unreachable",site="p02",site_code="PS2"} 1
site_last_success_timestamp_seconds{site="p01",site_code="PS1"} 1.7950000005e+09
site_look_duration_seconds{site="p01",site_code="PS1"} 1.5
site_look_duration_seconds{site="p02",site_code="PS2"} 0
site_look_failures_total{site="p01",site_code="PS1"} 1
site_looks_total{site="p01",site_code="PS1"} 3
site_up{site="p01",site_code="PS1"} 1
site_up{site="p02",site_code="PS2"} 0`, "\n")
	if diff := cmp.Diff(want, values(t, full())); diff != "" {
		t.Error(diff)
	}
}

// Each family is shown by some snapshot, and none is shown that is not listed.
func TestFamiliesAreAllThereAre(t *testing.T) {
	shown := map[string]bool{}
	for _, line := range values(t, full()) {
		name, _, _ := strings.Cut(strings.ReplaceAll(line, "{", " "), " ")
		shown["dpremote_"+name] = true
	}
	var listed []string
	for _, f := range Families() {
		listed = append(listed, f.Name)
	}
	slices.Sort(listed)
	if diff := cmp.Diff(listed, slices.Sorted(maps.Keys(shown))); diff != "" {
		t.Error(diff)
	}
}

// The linter of promtool has nothing to say.
func TestLint(t *testing.T) {
	var out strings.Builder
	if err := Write(&out, full()); err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.New(strings.NewReader(out.String())).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Distribution points beyond the limit are counted, and those with failures are
// shown in their place.
func TestPerDPIsBounded(t *testing.T) {
	c := NewContent("PS1", ByDP, []string{"installed", Failed})
	for i := range 100 {
		c.Add(Row{State: "installed", N: 1, DP: fmt.Sprintf("dp%03d", i)})
	}
	for _, dp := range []string{"dp050", "dp099"} {
		c.Add(Row{State: Failed, N: 1, DP: dp})
	}
	for limit, want := range map[int]struct{ shown, left int }{1: {0, 100}, 2: {1, 99}, 7: {3, 97}, 199: {99, 1}, 200: {100, 0}} {
		s := &Snapshot{PerDP: true, MaxSeries: limit, Sites: []Site{{Name: "p01", Up: true, Content: []*Content{c}}}}
		all := values(t, s)
		series := slices.DeleteFunc(slices.Clone(all), func(l string) bool { return !strings.HasPrefix(l, "distribution_point_content_rows") })
		if len(series) != 2*want.shown || !slices.Contains(all, fmt.Sprintf("distribution_points_left_out %d", want.left)) || s.LeftOut() != want.left {
			t.Errorf("limit %d: %d series, %d left out", limit, len(series), s.LeftOut())
		}
		if has := strings.Contains(strings.Join(series, "\n"), `dp="dp050"`); has != (want.shown > 0) {
			t.Errorf("limit %d: the first that failed is shown: %v", limit, has)
		}
	}
	s := &Snapshot{MaxSeries: 200, Sites: []Site{{Name: "p01", Up: true, Content: []*Content{c}}}}
	if all := strings.Join(values(t, s), "\n"); strings.Contains(all, "dp=") || strings.Contains(all, "left_out") {
		t.Errorf("distribution points are shown without being asked for:\n%s", all)
	}
}

// What servers say may be anything; two names that become one are one.
func TestHostileLabels(t *testing.T) {
	c := NewContent("\xff\"\n", ByPackage|ByDP|ByCause, []string{Failed})
	for _, dp := range []string{"a\xffb", "a\xfeb", "evil\"} 1\n", strings.Repeat("x", 300), strings.Repeat("x", 299), strings.Repeat("ä", 200), ""} {
		c.Add(Row{State: Failed, N: 1, Package: dp, DP: dp})
	}
	s := &Snapshot{Version: "\xff", PerDP: true, MaxSeries: 100, Sites: []Site{{Name: "p01", Code: "PS1", Up: true, Content: []*Content{c}}}}
	all := values(t, s)
	for want, n := range map[string]int{
		`distribution_points{site="p01",site_code="` + "\uFFFD" + `\"\n"} 5`: 1,
		`dp="a` + "\uFFFD" + `b"`: 1, `dp="evil\"} 1\n"`: 1, `dp="xxx`: 1, `dp=""`: 1,
	} {
		if got := strings.Count(strings.Join(all, "\n"), want); got != n {
			t.Errorf("%q is there %d times", want, got)
		}
	}
}

func TestHandler(t *testing.T) {
	h, err := Handler(full)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatal(w.Code, err)
	}
	for _, want := range []string{"\ndpremote_site_up{site=\"p02\",site_code=\"PS2\"} 0\n", "\ngo_goroutines "} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	c := NewContent("PS1", ByPackage|ByDP|ByAge, []string{"installed", "pending", "retrying", Failed})
	names := make([]string, 500)
	for i := range names {
		names[i] = fmt.Sprintf("dp%03d.corp.example", i)
	}
	for i := 0; b.Loop(); i++ {
		c.Add(Row{State: "installed", N: 1, Package: names[i%len(names)][:8], DP: names[i%len(names)], Changed: someday})
	}
}
