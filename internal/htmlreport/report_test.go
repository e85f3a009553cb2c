package htmlreport

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const hostile = `</script><img src=x onerror="document.title='taken'"><!--<script>` + "\u202e&quot;'`${1}"

var made = time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)

// sample is a report with one of each, and with hostile text wherever a server
// chooses it.
func sample() *Report {
	r := &Report{
		Made: made, Program: "dpremote test", Notes: []string{"a note " + hostile}, Selection: []string{"--package '" + hostile + "'"},
		States: []State{{"installed", KindOK}, {"pending", KindOpen}, {"failed", KindBad}, {"stale", KindStale}},
		Sites: []Site{
			{Code: "CAS", Name: "Central", Type: "CAS", Asked: "cas", SeenBy: "cas"},
			{Code: "PS1", Name: hostile, Type: "primary", Parent: "CAS", Asked: "ps1", SeenBy: "ps1"},
			{Code: "PS2", Name: "New York", Type: "primary", Parent: "CAS", Asked: "ps2", SeenBy: "cas", Error: hostile},
		},
		Failures: []Failure{{Site: "ps2", Error: hostile, Operation: "enumerate", Kind: "unreachable"}},
		Causes: []Cause{
			{"disk-full", "the disk is full", "certain", "no", "make room " + hostile},
			{"interrupted", "the transfer broke off", "likely", "yes", "refresh"},
		},
		Storms: []string{"PS100001 failed 9 times " + hostile},
		Trend: []Trend{{Site: "ps1", Points: []Point{
			{At: made.Add(-48 * time.Hour), Failed: 5}, {At: made.Add(-24 * time.Hour), Error: true}, {At: made.Add(-12 * time.Hour), Failed: 3}, {At: made, Failed: 2}}}},
	}
	for i := range 12 {
		r.Packages = append(r.Packages, Package{ID: fmt.Sprintf("PS1%05X", i+1), Name: fmt.Sprintf("Package %d", i+1), Type: "package", SizeKB: uint64(1000 * i)})
	}
	r.Packages[3].Name = hostile
	for i := range 4 {
		dp := DP{Name: fmt.Sprintf("dp%02d.ps1.example", i+1), Site: "PS1", Arrival: Arrival{Median: time.Duration(i+1) * time.Hour, Of: i}}
		for p := range r.Packages {
			if p%5 != i {
				dp.Held.Add(p)
			}
		}
		r.DPs = append(r.DPs, dp)
	}
	r.DPs[3].Name, r.DPs[3].Site = hostile, "PS2"
	r.Rows = []Row{
		{Package: 1, DP: 0, State: 2, Cause: 0, Since: made.Add(-3 * time.Hour), Message: hostile},
		{Package: 2, DP: 0, State: 2, Cause: 1, Since: made.Add(-90 * time.Hour)},
		{Package: 3, DP: 1, State: 1, Cause: -1},
		{Package: 4, DP: 3, State: 3, Cause: -1, Since: made.Add(-time.Minute)},
	}
	r.Plan = Plan{Command: "dpremote refresh --dry-run", Rules: "Rules.", Steps: []Step{
		{Package: 1, DP: 0, Skip: "disk-full", Reason: hostile, SizeKB: 1000}, {Package: 2, DP: 0, Turn: 1, SizeKB: 2000}}}
	return r
}

// large is a report about packages x dps rows of which a hundredth is not
// installed.
func large(packages, dps int) *Report {
	r := &Report{Made: made, States: []State{{"installed", KindOK}, {"retrying", KindOpen}, {"failed", KindBad}},
		Causes: []Cause{{"interrupted", "the transfer broke off", "likely", "yes", "refresh"}}}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range packages {
		r.Packages = append(r.Packages, Package{ID: fmt.Sprintf("PS1%05X", i), Name: fmt.Sprintf("Some software %d", i), Type: "application", SizeKB: random.Uint64N(1 << 20)})
	}
	for i := range dps {
		dp := DP{Name: fmt.Sprintf("dp%04d.branch.corp.example", i), Site: fmt.Sprintf("P%02d", i%10)}
		for p := range packages {
			if p%7 != 0 || i%3 != 0 {
				dp.Held.Add(p)
			}
		}
		for range packages / 100 {
			p := random.IntN(packages)
			if dp.Held.Has(p) && !slices.ContainsFunc(r.Rows, func(row Row) bool { return row.DP == i && row.Package == p }) {
				r.Rows = append(r.Rows, Row{Package: p, DP: i, State: 1 + random.IntN(2), Since: made.Add(-time.Duration(random.IntN(1e6)) * time.Second),
					Message: fmt.Sprintf("the content could not be sent: %d, %d", p, i)})
			}
		}
		r.DPs = append(r.DPs, dp)
	}
	for i, row := range r.Rows {
		r.Plan.Steps = append(r.Plan.Steps, Step{Package: row.Package, DP: row.DP, Turn: i + 1, SizeKB: 1000})
	}
	return r
}

func written(t testing.TB, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// inline is what stands in the elements of a kind, script by script.
func inline(page, open, end string) []string {
	var out []string
	for {
		_, rest, ok := strings.Cut(page, open)
		if !ok {
			return out
		}
		text, after, _ := strings.Cut(rest, end)
		out, page = append(out, text), after
	}
}

// TestPolicy holds the policy against the script and the style as they stand in
// the page.
func TestPolicy(t *testing.T) {
	page := written(t, sample())
	found := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatal("no policy")
	}
	policy := html.UnescapeString(found[1])
	for _, part := range []struct{ open, end, directive string }{{"<style>", "</style>", "style-src"}, {"<script>", "</script>", "script-src"}} {
		texts := inline(page, part.open, part.end)
		if len(texts) != 1 {
			t.Fatalf("%d elements %s, want 1", len(texts), part.open)
		}
		sum := sha256.Sum256([]byte(texts[0]))
		if want := part.directive + " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"; !strings.Contains(policy, want) {
			t.Errorf("the policy %q has no %s", policy, want)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy lets more through than it must: %s", policy)
	}
	for _, s := range []string{"http://", "https://", "@import", "url(", " style=", " onclick=", "innerHTML", "eval("} {
		if strings.Contains(page, s) {
			t.Errorf("the page has %q", s)
		}
	}
}

// TestHostileTextStaysText looks for markup that came from data.
func TestHostileTextStaysText(t *testing.T) {
	page := written(t, sample())
	if strings.Contains(page, "<img") {
		t.Error("an image came from data")
	}
	if n := strings.Count(strings.ToLower(page), "</script"); n != 2 {
		t.Errorf("%d ends of scripts, want 2", n)
	}
	static, _, _ := strings.Cut(page, `<script type="application/json"`)
	if strings.Contains(static, "\u202e") {
		t.Error("the direction of writing can be turned")
	}
	if !strings.Contains(static, "&lt;img src=x") {
		t.Error("the hostile name is not shown at all")
	}
}

// TestData reads the data back.
func TestData(t *testing.T) {
	r := sample()
	text := inline(written(t, r), `<script type="application/json" id="data">`, "</script>")
	if len(text) != 1 {
		t.Fatalf("%d elements with data", len(text))
	}
	var data struct {
		SchemaVersion int
		Kind          string
		Packages      []struct{ ID, Name string }
		DPs           []struct {
			Name string
			Held int
		}
		Sets  [][]int
		Rows  struct{ Package, DP, State, Cause, Since, Message []int64 }
		Plan  struct{ Package, DP, Turn, Skip, Reason []int64 }
		Texts []string
		Trend []struct {
			Points []struct {
				At     int64
				Failed *int
				Error  bool
			}
		}
	}
	if err := json.Unmarshal([]byte(text[0]), &data); err != nil {
		t.Fatal(err)
	}
	if data.SchemaVersion != SchemaVersion || data.Kind != "report" || data.Packages[3].Name != hostile || data.DPs[3].Name != hostile {
		t.Errorf("got %+v", data)
	}
	for i, dp := range data.DPs {
		var back Set
		place, in := 0, false
		for _, n := range data.Sets[dp.Held] {
			for range n {
				if in {
					back.Add(place)
				}
				place++
			}
			in = !in
		}
		if !slices.Equal(back, r.DPs[i].Held) {
			t.Errorf("distribution point %d holds %v, want %v", i, back, r.DPs[i].Held)
		}
	}
	for i, row := range r.Rows {
		got := data.Rows
		if got.Package[i] != int64(row.Package) || got.DP[i] != int64(row.DP) || got.State[i] != int64(row.State) || got.Cause[i] != int64(row.Cause) {
			t.Errorf("row %d is %d %d %d %d, want %+v", i, got.Package[i], got.DP[i], got.State[i], got.Cause[i], row)
		}
	}
	if data.Texts[data.Rows.Message[0]] != hostile || data.Rows.Message[1] != -1 || data.Rows.Since[2] != 0 || data.Rows.Since[1] != made.Add(-90*time.Hour).Unix() {
		t.Errorf("rows: %+v", data.Rows)
	}
	if data.Texts[data.Plan.Skip[0]] != "disk-full" || data.Plan.Skip[1] != -1 || data.Plan.Turn[1] != 1 {
		t.Errorf("plan: %+v", data.Plan)
	}
	if p := data.Trend[0].Points; !p[1].Error || p[1].Failed != nil || *p[3].Failed != 2 {
		t.Errorf("trend: %+v", p)
	}
}

// TestSummary reads what the page says without its script.
func TestSummary(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Report)
		want   []string
		not    []string
	}{
		"failures": {func(*Report) {}, []string{"2 of 38 rows failed or got stuck", "1 site did not answer", "send <strong>1 row</strong> again (2.0 MB) and skip 1 row",
			"a resend does not cure it", "2 failed, 5 at most"}, []string{"Nothing failed"}},
		"nothing failed": {func(r *Report) { r.Rows, r.Failures, r.Plan, r.Storms = nil, nil, Plan{}, nil },
			[]string{"Nothing failed.", "There is nothing to explain.", "There is nothing to send again."}, []string{"did not answer</h2>", "Retry storm"}},
		"nothing failed where it is known": {func(r *Report) { r.Rows, r.Plan = nil, Plan{} }, []string{"Nothing failed at the sites that answered."}, nil},
		"nothing failed of a part":         {func(r *Report) { r.Rows, r.Plan, r.Partial = nil, Plan{}, true }, []string{"Nothing failed among what was asked for."}, nil},
		"nobody answered": {func(r *Report) { *r = Report{Made: made, Failures: r.Failures, NoTrend: "No history."} },
			[]string{"Nothing is known: no site showed any content", "No site answered.", "No history."}, nil},
		"nothing at all": {func(r *Report) { *r = Report{} }, []string{"No content is meant for any distribution point"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := sample()
			c.change(r)
			page := written(t, r)
			for _, want := range c.want {
				if !strings.Contains(page, want) {
					t.Errorf("the page does not say %q", want)
				}
			}
			for _, not := range c.not {
				if strings.Contains(page, not) {
					t.Errorf("the page says %q", not)
				}
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, change := range map[string]func(*Report){
		"package":   func(r *Report) { r.Rows[0].Package = len(r.Packages) },
		"dp":        func(r *Report) { r.Rows[0].DP = -1 },
		"state":     func(r *Report) { r.Rows[0].State = 0 },
		"cause":     func(r *Report) { r.Rows[0].Cause = len(r.Causes) },
		"not there": func(r *Report) { r.DPs[0].Held = nil },
		"step":      func(r *Report) { r.Plan.Steps[0].DP = 99 },
		"no states": func(r *Report) { r.States, r.Rows = nil, nil },
	} {
		r := sample()
		change(r)
		var b bytes.Buffer
		if err := Write(&b, r); err == nil || b.Len() > 0 {
			t.Errorf("%s: %v, %d bytes written", name, err, b.Len())
		}
	}
}

// full fails after some bytes.
type full struct{ left int }

var errFull = errors.New("no room")

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.left {
		n := f.left
		f.left = 0
		return n, errFull
	}
	f.left -= len(p)
	return len(p), nil
}

func TestWriteTellsErrors(t *testing.T) {
	length := len(written(t, sample()))
	for n := 0; n < length; n += 997 {
		if err := Write(&full{n}, sample()); !errors.Is(err, errFull) {
			t.Fatalf("with room for %d of %d bytes: %v", n, length, err)
		}
	}
}

func TestSet(t *testing.T) {
	var s Set
	for _, i := range []int{0, 1, 63, 64, 200} {
		s.Add(i)
	}
	if s.Len() != 5 || !s.Has(63) || s.Has(62) || s.Has(1000) {
		t.Errorf("set %v", s)
	}
	if got, want := s.runs(), []int{0, 2, 61, 2, 135, 1}; !slices.Equal(got, want) {
		t.Errorf("runs %v, want %v", got, want)
	}
}

func TestThin(t *testing.T) {
	var points []Point
	for i := range 1000 {
		points = append(points, Point{At: made.Add(time.Duration(i) * time.Hour), Failed: i})
	}
	got := thin(points, 100)
	if len(got) > 101 || got[len(got)-1].Failed != 999 {
		t.Errorf("%d points, the last %+v", len(got), got[len(got)-1])
	}
	if same := []Point{{At: made}, {At: made}}; len(thin(same, 1)) != 1 {
		t.Errorf("points of one time: %v", thin(same, 1))
	}
}

func BenchmarkWrite(b *testing.B) {
	r := large(5000, 200)
	for b.Loop() {
		if err := Write(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	}
}
