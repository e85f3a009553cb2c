package world

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/smsclasses"
	"dpremote/simulator/internal/wire"
)

// tally is the numbers of one summarizer row.
type tally struct{ Targeted, Installed, Retrying, Failed uint64 }

func tallyOf(in *repository.Instance) tally {
	return tally{in.Get("Targeted").(uint64), in.Get("Installed").(uint64), in.Get("Retrying").(uint64), in.Get("Failed").(uint64)}
}

func (n *tally) plus(o tally) {
	n.Targeted += o.Targeted
	n.Installed += o.Installed
	n.Retrying += o.Retrying
	n.Failed += o.Failed
}

// checkCounts compares the three summarizers, and the status of content objects,
// with each other.
func checkCounts(l *lab) {
	l.Helper()
	byPackage, byRow, bySite := map[string]tally{}, map[string]tally{}, map[string]tally{}
	for _, in := range l.query("CAS", "SELECT * FROM SMS_PackageStatusRootSummarizer") {
		byPackage[in.Get("PackageID").(string)] = tallyOf(in)
	}
	for _, in := range l.query("CAS", "SELECT * FROM SMS_PackageStatusDetailSummarizer") {
		n := bySite[in.Get("PackageID").(string)]
		n.plus(tallyOf(in))
		bySite[in.Get("PackageID").(string)] = n
	}
	for id := range byPackage {
		byRow[id] = tally{}
	}
	for _, in := range l.query("CAS", "SELECT * FROM SMS_PackageStatusDistPointsSummarizer") {
		n := tally{Targeted: 1}
		switch State(in.Get("State").(uint64)) {
		case Installed:
			n.Installed = 1
		case InstallRetrying:
			n.Retrying = 1
		case InstallFailed:
			n.Failed = 1
		}
		sum := byRow[in.Get("PackageID").(string)]
		sum.plus(n)
		byRow[in.Get("PackageID").(string)] = sum
	}
	if diff := cmp.Diff(byPackage, bySite); diff != "" {
		l.Fatalf("root and detail summarizer differ at %s (-root +detail):\n%s", l.time, diff)
	}
	if diff := cmp.Diff(byPackage, byRow); diff != "" {
		l.Fatalf("root and DP summarizer differ at %s (-root +DP):\n%s", l.time, diff)
	}
	for _, in := range l.query("PS1", "SELECT * FROM SMS_ObjectContentExtraInfo") {
		id := in.Get("PackageID").(string)
		n := byPackage[id]
		sum := in.Get("NumberSuccess").(uint64) + in.Get("NumberInProgress").(uint64) + in.Get("NumberErrors").(uint64)
		if in.Get("Targeted") != n.Targeted || sum != n.Targeted {
			l.Fatalf("SMS_ObjectContentExtraInfo of %s: targeted %v, of which known %d, want %d", id, in.Get("Targeted"), sum, n.Targeted)
		}
	}
	// A primary shows the rows of its own sites, and the hierarchy's totals.
	for _, code := range []string{"PS1", "PS2"} {
		for _, in := range l.query(code, "SELECT * FROM SMS_PackageStatusRootSummarizer") {
			if got := tallyOf(in); got != byPackage[in.Get("PackageID").(string)] {
				l.Fatalf("root summarizer at %s: %+v", code, got)
			}
		}
	}
}

// TestCountsAgreeAtAllTimes does random things at random times.
func TestCountsAgreeAtAllTimes(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := small()
			if seed%2 == 1 {
				m = every()
				m.Sites[1].Maintenance = 1
			}
			m.Seed = seed
			l := newLab(t, m)
			dice := rand.New(rand.NewPCG(seed, 1))
			checkCounts(l)
			for range 60 {
				if c := l.contents[dice.IntN(len(l.contents))]; !c.gone {
					l.something(dice, c)
				}
				l.pass(time.Duration(dice.Int64N(int64(delay))))
				checkCounts(l)
			}
			l.Fix(Target{}, "")
			l.Maintain(Target{}, false)
			for _, c := range l.contents {
				if !c.gone {
					l.put(c.dp.site.reporter.code, c)
				}
			}
			l.pass(2 * delay) // an update may still have been on its way to its site
			checkCounts(l)
			for _, r := range l.Rows(Target{}) {
				if r.State != Installed {
					t.Errorf("%s on %s is in state %d in the end", r.Package, r.DP, r.State)
				}
			}
			for _, c := range l.contents {
				if c.storm != nil || c.held || c.job.open() {
					t.Errorf("%s on %s in the end: storm %v, held %v, job open %v", c.pkg.id, c.dp.name, c.storm, c.held, c.job.open())
				}
			}
		})
	}
}

// something does one of the things that can be done to a row.
func (l *lab) something(dice *rand.Rand, c *content) {
	l.Helper()
	argument := []wire.Assignment{{Name: "PackageId", Value: c.pkg.id}, {Name: "NALPath", Value: c.dp.nal}}
	switch dice.IntN(13) {
	case 0, 1:
		l.put(c.dp.site.reporter.code, c)
	case 2:
		l.put("CAS", c)
	case 3:
		l.invoke("CAS", c.pkg.class, "RefreshPkgSource", map[string]string{"PackageID": c.pkg.id})
	case 4:
		l.invoke("CAS", "SMS_DistributionPoint", "VerifyPackage", nil, argument...)
	case 5:
		l.invoke("CAS", "SMS_DistributionPoint", "CancelDistribution", nil, argument...)
	case 6, 7:
		all := slices.Concat(Causes(), WaitingCauses())
		l.Break(Target{DP: c.dp.name}, all[dice.IntN(len(all))])
	case 8:
		l.Fix(Target{Package: c.pkg.id}, "")
	case 9:
		l.Maintain(Target{DP: c.dp.name}, dice.IntN(2) == 0)
	case 10:
		l.Storm(Target{Package: c.pkg.id, DP: c.dp.name})
	case 11:
		l.Remove(Target{Package: c.pkg.id, DP: c.dp.name})
	case 12:
		l.Fill(Target{DP: c.dp.name}, dice.Int64N(1<<20))
	}
}

// TestNothingDependsOnWhoLooks plays the same calls on two worlds, of which one
// is looked at all the time and the other only in the end.
func TestNothingDependsOnWhoLooks(t *testing.T) {
	watched, alone := newLab(t, every()), newLab(t, every())
	for _, l := range []*lab{watched, alone} {
		l.put("CAS", l.failed(Transient))
		l.put("PS1", l.failed(DiskFull))
		l.Fix(Target{}, Closed)
		l.Remove(Target{Package: "CAS00003"})
		for range 40 {
			l.pass(20 * time.Second)
			if l == watched {
				l.query("PS1", "SELECT * FROM SMS_DistributionJob")
			}
		}
	}
	if diff := cmp.Diff(dump(watched), dump(alone)); diff != "" {
		t.Errorf("(-watched +alone):\n%s", diff)
	}
}

func TestBuildsAreEqual(t *testing.T) {
	for _, m := range []Model{small(), every()} {
		if diff := cmp.Diff(dump(newLab(t, m)), dump(newLab(t, m))); diff != "" {
			t.Errorf("two builds of one model differ:\n%s", diff)
		}
	}
	other := small()
	other.Seed++
	if cmp.Equal(dump(newLab(t, small())), dump(newLab(t, other))) {
		t.Error("the seed changes nothing")
	}
}

// dump is every instance of every class that the sites show.
func dump(l *lab) []string {
	var all []string
	for _, code := range []string{"CAS", "PS1", "PS2"} {
		s := l.at(code)
		_, unlock := l.read()
		for kind, ns := range s.namespaces {
			for _, tab := range ns.tables {
				for in := range tab.all(s) {
					all = append(all, fmt.Sprint(code, kind, in.Class.Name, textOf(in.Values)))
				}
			}
		}
		unlock()
	}
	slices.Sort(all)
	return all
}

// textOf is values as text, embedded instances by their values.
func textOf(values []value) string {
	var text []string
	for _, v := range values {
		switch v := v.(type) {
		case *repository.Instance:
			text = append(text, textOf(v.Values))
		case []value:
			text = append(text, textOf(v))
		default:
			text = append(text, fmt.Sprint(v))
		}
	}
	return fmt.Sprint(text)
}

func TestModelIsDealtOut(t *testing.T) {
	m := every()
	l := newLab(t, m)
	for _, s := range m.Sites {
		got := map[string]int{}
		for _, c := range l.contents {
			switch {
			case c.dp.site.reporter.code != s.Code:
			case c.storm != nil:
				got["storm"]++
			case epoch.Sub(c.summary) >= youngestStuck && (c.state == InstallPending || c.state == InstallRetrying):
				got["stuck"]++
			case c.state == Installed && c.version != c.pkg.version:
				got["stale"]++
			case c.state != Installed:
				got[fmt.Sprint(c.state, c.cause)]++
			}
		}
		want := map[string]int{}
		for cause, n := range s.Failed {
			want[fmt.Sprint(InstallFailed, cause)] = n
		}
		for cause, n := range s.Waiting {
			want[fmt.Sprint(InstallPending, cause)] = n
		}
		for key, n := range map[string]int{
			fmt.Sprint(InstallRetrying, Transient): s.Retrying, fmt.Sprint(InstallPending, ""): s.Pending,
			fmt.Sprint(ContentUpdating, ""): s.Updating, fmt.Sprint(ContentMonitoring, ""): s.Monitoring,
			"storm": s.Storms, "stuck": s.Stuck, "stale": s.Stale,
		} {
			if n > 0 {
				want[key] = n
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("site %s (-want +got):\n%s", s.Code, diff)
		}
	}
}

func (l *lab) dpNamed(name string) *dp {
	for _, d := range l.dps {
		if d.name == name {
			return d
		}
	}
	l.Fatalf("no DP %s", name)
	return nil
}

func TestWholeSiteCanFail(t *testing.T) {
	l := newLab(t, Model{Sites: []SiteModel{{Code: "PS1", DPs: 2, Packages: 2, ServerDP: true, Failed: map[Cause]int{DPOffline: 1, SourceMissing: 2, DiskFull: 1}}}})
	for _, r := range l.Rows(Target{}) {
		if r.State != InstallFailed {
			t.Errorf("%s on %s is in state %d", r.Package, r.DP, r.State)
		}
	}
}

// TestInstancesAreWhatTheirClassesSay checks every value of every instance
// against its property's type, and that keys are there, are unique, and find the
// instance.
func TestInstancesAreWhatTheirClassesSay(t *testing.T) {
	// The class pages give these classes keys that several rows share.
	ambiguous := []string{"SMS_StatInsStr", "SMS_StatAttr", "SMS_StatMsgAttributes", "SMS_DPGroupContentInfo"}
	m := every()
	m.Sites[1].Maintenance = 1
	m.Sites[0].Packages = len(cycle()) // one of each kind and more
	l := newLab(t, m)
	for name, ns := range l.at("PS1").namespaces {
		s := l.at("PS1")
		for _, tab := range ns.tables {
			_, unlock := l.read()
			instances := collect(tab.all(s))
			unlock()
			if len(instances) == 0 {
				t.Errorf("%s has no instances", tab.class.Name)
			}
			seen := map[string]bool{}
			for i, in := range instances {
				checkTypes(t, in)
				keys := map[string]string{}
				for _, p := range tab.class.Keys() {
					keys[p.Name] = keyText(in.Get(p.Name))
				}
				path := objectPath(tab.class, keys)
				if slices.Contains(ambiguous, tab.class.Name) {
					continue
				}
				if seen[path] {
					t.Errorf("two instances have the path %s", path)
				}
				seen[path] = true
				if i%7 != 0 {
					continue
				}
				got, err := s.Get(name, tab.class.Name, keys)
				if err != nil {
					t.Errorf("get %s: %v", path, err)
				} else if textOf(got.Values) != textOf(in.Values) {
					t.Errorf("get %s: another instance", path)
				}
			}
		}
	}
}

func keyText(v value) string {
	if at, ok := v.(repository.DatetimeValue); ok {
		return at.Time.Format(time.RFC3339)
	}
	return fmt.Sprint(v)
}

// checkTypes checks the values of an instance.
func checkTypes(t *testing.T, in *repository.Instance) {
	t.Helper()
	for i, p := range in.Class.Properties {
		v := in.Values[i]
		if v == nil {
			if p.Key {
				t.Errorf("%s.%s is a key and NULL", in.Class.Name, p.Name)
			}
			continue
		}
		elements := []value{v}
		if list, ok := v.([]value); ok != p.Array {
			t.Errorf("%s.%s: %T, but array is %v", in.Class.Name, p.Name, v, p.Array)
		} else if p.Array {
			elements = list
		}
		for _, e := range elements {
			if !hasType(e, p.Type) {
				t.Errorf("%s.%s is %T, want %s", in.Class.Name, p.Name, e, p.Type)
			}
			if embedded, ok := e.(*repository.Instance); ok {
				checkTypes(t, embedded)
			}
		}
	}
}

func hasType(v value, want repository.Type) bool {
	switch v := v.(type) {
	case bool:
		return want == repository.Boolean
	case string:
		return want == repository.String
	case int64:
		return want == repository.SInt64 || want == repository.SInt32 && v == int64(int32(v)) || want == repository.SInt16 && v == int64(int16(v))
	case uint64:
		return want == repository.UInt64 || want == repository.UInt32 && v == uint64(uint32(v)) ||
			want == repository.UInt16 && v == uint64(uint16(v)) || want == repository.UInt8 && v == uint64(uint8(v))
	case repository.DatetimeValue:
		return want == repository.Datetime
	case *repository.Instance:
		return want == repository.Object
	}
	return false
}

// TestIndexesFindWhatScansFind compares each index with a look at all rows.
func TestIndexesFindWhatScansFind(t *testing.T) {
	l := newLab(t, every())
	l.put("PS1", l.failed(Transient))
	l.Remove(Target{Package: "CAS00001", DP: "dp01.ps2.sim.example"})
	l.pass(delay)
	for _, code := range []string{"CAS", "PS2"} {
		s := l.at(code)
		_, unlock := l.read()
		for _, tab := range l.schema.kinds[smsclasses.Site].tables {
			all := collect(tab.all(s))
			for property, index := range tab.indexes {
				groups := map[string][]string{}
				example := map[string]value{}
				for _, in := range all {
					v := in.Get(property)
					groups[fmt.Sprint(v)] = append(groups[fmt.Sprint(v)], textOf(in.Values))
					example[fmt.Sprint(v)] = v
				}
				for key, want := range groups {
					var got []string
					for in := range index(s, example[key]) {
						if fmt.Sprint(in.Get(property)) == key {
							got = append(got, textOf(in.Values))
						}
					}
					slices.Sort(got)
					slices.Sort(want)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Fatalf("%s by %s %s at %s (-scan +index):\n%s", tab.class.Name, property, key, code, diff)
					}
				}
			}
		}
		unlock()
	}
}

// TestConcurrentUse is for the race detector; its counters prove that no refresh
// is lost or done twice.
func TestConcurrentUse(t *testing.T) {
	var elapsed atomic.Int64
	w, err := New(small(), func() time.Time { return epoch.Add(time.Duration(elapsed.Add(int64(50 * time.Millisecond)))) })
	if err != nil {
		t.Fatal(err)
	}
	const workers, rounds = 8, 40
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			code := []string{"CAS", "PS1"}[worker%2]
			s, _ := w.Site(code)
			for i := range rounds {
				c := w.packages["CAS00001"].rows[i%6] // PS1's DPs
				if _, err := s.Put("root/sms/site_"+code, "SMS_DistributionPoint", keysOf(c), []wire.Assignment{{Name: "RefreshNow", Value: true}}); err != nil {
					t.Errorf("put: %v", err)
				}
				if _, err := s.Query("root/sms/site_"+code, "SELECT * FROM SMS_DistributionDPStatus WHERE PackageID='CAS00001'"); err != nil {
					t.Errorf("query: %v", err)
				}
				s.Shell(t.Context(), `type "%SMS_LOG_PATH%\distmgr.log"`, nil)
				w.Break(Target{Package: "CAS00002"}, DPOffline)
				w.Fix(Target{}, DPOffline)
			}
		})
	}
	all.Wait()
	if got := w.Refreshes(Target{Package: "CAS00001"}); got != workers*rounds {
		t.Errorf("%d refreshes, want %d", got, workers*rounds)
	}
}

func TestStatusMessagesAreBounded(t *testing.T) {
	l := newLab(t, Model{Sites: []SiteModel{{Code: "PS1", DPs: 1, Packages: 1}}})
	c := l.contents[0]
	for range messagesKept + 3 {
		l.log(c, epoch, good(msgInstalled))
	}
	if n := len(l.messages); n > messagesKept {
		t.Errorf("%d messages are kept", n)
	}
	if _, ok := l.message(c.last.record); !ok {
		t.Error("the newest message is gone")
	}
}

func TestJobsLeaveTheQueue(t *testing.T) {
	l := newLab(t, small())
	c := l.failed(Transient)
	before := len(l.query("PS1", "SELECT * FROM SMS_DistributionJob"))
	l.put("PS1", c)
	l.pass(delay + jobsKept)
	// The two jobs of the model have come to their end in the meantime.
	if got := len(l.query("PS1", "SELECT * FROM SMS_DistributionJob")); got > before {
		t.Errorf("%d jobs, there were %d before", got, before)
	}
	l.pass(2 * jobsKept)
	if got := l.query("PS1", "SELECT * FROM SMS_DistributionJob"); len(got) != 0 || len(l.events) != 0 {
		t.Errorf("in the end: %d jobs, %d events", len(got), len(l.events))
	}
}
