package world

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/wire"
)

// stormy is a hierarchy with one storm, at a site with secondary sites.
func stormy() Model {
	return Model{Seed: 3, Sites: []SiteModel{
		{Code: "CAS", Packages: 6},
		{Code: "PS1", Parent: "CAS", DPs: 2, Packages: 4, Storms: 1,
			Secondaries: []SecondaryModel{{Code: "S11", DPs: 1}, {Code: "S12"}}},
	}}
}

// storming finds the row that storms.
func (l *lab) storming() *content {
	l.Helper()
	i := slices.IndexFunc(l.contents, func(c *content) bool { return c.storm != nil })
	if i < 0 {
		l.Fatal("nothing storms")
	}
	return l.contents[i]
}

// told counts the messages of an ID about a row's package in an hour, the first
// before the present being 1.
func (l *lab) told(c *content, id messageID, hour int) int {
	l.Helper()
	n := 0
	for _, in := range l.query("PS1", fmt.Sprintf("SELECT * FROM SMS_StatMsg WHERE MessageID=%d AND RecordID IN "+
		"(SELECT RecordID FROM SMS_StatMsgAttributes WHERE AttributeID=400 AND AttributeValue='%s')", id, c.pkg.id)) {
		age := l.time.Sub(in.Get("Time").(repository.DatetimeValue).Time)
		if age >= time.Duration(hour-1)*time.Hour && age < time.Duration(hour)*time.Hour {
			n++
		}
	}
	return n
}

func (l *lab) jobsOf(c *content, state jobState) int {
	l.Helper()
	return len(l.query("PS1", fmt.Sprintf("SELECT * FROM SMS_DistributionJob WHERE PkgID='%s' AND State=%d", c.pkg.id, state)))
}

// retryCount is the row's retry history in the registry; false: there is none.
func (l *lab) retryCount(c *content) (value, bool) {
	l.Helper()
	out, err := l.at("PS1").Invoke("root/default", "StdRegProv", "GetDWORDValue", nil, []wire.Assignment{
		{Name: "sSubKeyName", Value: keyRetries + `\` + c.pkg.id}, {Name: "sValueName", Value: "Retry Count"}})
	if err != nil {
		l.Fatal(err)
	}
	for _, a := range out {
		if a.Name == "uValue" {
			return a.Value, true
		}
	}
	return nil, false
}

func TestStormGrows(t *testing.T) {
	l := newLab(t, stormy())
	c := l.storming()
	if c.dp.site.code != "PS1" || c.pkg.packageType == typeApplication || c.pkg.site.code != "PS1" {
		t.Errorf("a storm of %s %s on %s", c.pkg.class, c.pkg.id, c.dp.name)
	}
	oldest, latest := l.told(c, msgCopyFailed, 5), l.told(c, msgCopyFailed, 1)
	if oldest == 0 || latest <= oldest || latest < 6 {
		t.Errorf("%d failures in the first hour of five, %d in the last", oldest, latest)
	}
	for hour := range 6 {
		if failed, processed, sent := l.told(c, msgCopyFailed, hour+1), l.told(c, msgProcessFailed, hour+1), l.told(c, msgToChild, hour+1); processed != failed || sent != 2*failed {
			t.Errorf("hour %d: %d times 2328, %d times 2302, %d times 2339 to two sites", hour, failed, processed, sent)
		}
	}
	jobs := l.jobsOf(c, jobPendingRestart)
	if n, ok := l.retryCount(c); !ok || n != uint64(stormTries) || jobs != stormTries {
		t.Errorf("retry history %v, %d jobs, after %d tries", n, jobs, stormTries)
	}
	if got := l.picture("PS1", c); got.State != InstallRetrying || got.MessageID != 2328 || got.Message != 2 {
		t.Errorf("the row: %+v", got)
	}
	l.pass(time.Hour)
	if got := l.told(c, msgCopyFailed, 1); got != 12 {
		t.Errorf("%d failures an hour later, want 12", got)
	}
	if got := l.jobsOf(c, jobPendingRestart); got != jobs+12 {
		t.Errorf("%d jobs an hour later, were %d", got, jobs)
	}
	l.pass(24 * time.Hour)
	if got := l.jobsOf(c, jobPendingRestart); got != stormJobs {
		t.Errorf("%d jobs a day later, want %d", got, stormJobs)
	}
}

func TestStormTellsChildSites(t *testing.T) {
	l := newLab(t, stormy())
	c := l.storming()
	to := map[string]int{}
	for _, in := range l.query("CAS", "SELECT * FROM SMS_StatMsgWithInsStrings WHERE MessageID=2339") {
		if in.Get("InsString1") != c.pkg.id || in.Get("SiteCode") != "PS1" || in.Get("Severity") != uint64(info) {
			t.Errorf("%v of site %v, severity %#x", in.Get("InsString1"), in.Get("SiteCode"), in.Get("Severity"))
		}
		to[in.Get("InsString2").(string)]++
	}
	if diff := cmp.Diff(map[string]int{"S11": stormTries, "S12": stormTries}, to); diff != "" {
		t.Errorf("sent to (-want +got):\n%s", diff)
	}
	log, _, code := l.at("PS1").Shell(t.Context(), `type "%SMS_LOG_PATH%\distmgr.log"`, nil)
	if want := "Sent the description of package " + c.pkg.id + " to child site S12"; code != 0 || !strings.Contains(string(log), want) {
		t.Errorf("distmgr.log has no %q", want)
	}
}

// TestStormEnds tries what an administrator would.
func TestStormEnds(t *testing.T) {
	target := func(c *content) Target { return Target{Package: c.pkg.id, DP: c.dp.name} }
	for _, test := range []struct {
		name   string
		do     func(l *lab, c *content)
		after  time.Duration // until the storm is over
		ends   bool
		state  State
		tries  int // in the hour after that
		record bool
	}{
		{"nothing is done", func(*lab, *content) {}, 0, false, InstallRetrying, 12, true},
		{"a refresh alone", func(l *lab, c *content) { l.put("PS1", c) }, 0, false, InstallRetrying, 12, true},
		{"an update alone", func(l *lab, c *content) { l.update(c.pkg) }, 0, false, InstallRetrying, 12, true},
		{"fixed, and refreshed", func(l *lab, c *content) { l.Fix(target(c), AccessDenied); l.put("PS1", c) }, delay, true, Installed, 0, false},
		{"fixed, and updated", func(l *lab, c *content) { l.Fix(target(c), ""); l.update(c.pkg) }, delay, true, Installed, 0, false},
		{"fixed: the next try arrives", func(l *lab, c *content) { l.Fix(target(c), "") }, stormFastest + delay, true, Installed, 0, false},
		{"cancelled", func(l *lab, c *content) { l.cancel(c, l.now()) }, 0, false, InstallRetrying, 12, true},
		{"its retry history deleted", func(l *lab, c *content) {
			if _, err := l.at("PS1").Invoke("root/default", "StdRegProv", "DeleteKey", nil,
				[]wire.Assignment{{Name: "sSubKeyName", Value: keyRetries + `\` + c.pkg.id}}); err != nil {
				t.Fatal(err)
			}
		}, stormFastest, true, InstallFailed, 0, false},
		{"removed", func(l *lab, c *content) { l.Remove(target(c)) }, 0, true, RemovalPending, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t, stormy())
			c := l.storming()
			test.do(l, c)
			l.pass(test.after)
			l.query("PS1", "SELECT * FROM SMS_Site") // brings the world to the present
			if ended := c.storm == nil; ended != test.ends || ended && c.state != test.state {
				t.Errorf("ended is %v, state %d", ended, c.state)
			}
			l.pass(time.Hour)
			if got := l.told(c, msgToChild, 1); got != 2*test.tries {
				t.Errorf("the description was sent %d times in the next hour to two sites, want %d", got, 2*test.tries)
			}
			if c.state != test.state {
				t.Errorf("an hour later in state %d, want %d", c.state, test.state)
			}
			if _, ok := l.retryCount(c); ok != test.record {
				t.Errorf("there is a retry history: %v", ok)
			}
			if open := l.jobsOf(c, jobPendingRestart); test.ends && open != 0 {
				t.Errorf("%d jobs are left", open)
			}
		})
	}
}

func TestStormControl(t *testing.T) {
	l := newLab(t, stormy())
	old := l.storming()
	l.Fail(Target{Package: "PS100001"}, DPOffline)
	begun := l.Storm(Target{})
	want := 0
	for _, c := range l.contents {
		if c.dp.site.code == "PS1" {
			want++
		} else if c.storm != nil {
			t.Errorf("a storm on %s of a secondary site", c.dp.name)
		}
	}
	if begun != want-1 {
		t.Errorf("%d storms, want one for each of %d rows but that of %s", begun, want, old.pkg.id)
	}
	if got := l.Storm(Target{}); got != 0 {
		t.Errorf("%d rows storm twice", got)
	}
	l.pass(6 * time.Hour)
	l.query("PS1", "SELECT * FROM SMS_Site")
	for _, c := range l.packages["PS100001"].rows {
		if c.storm == nil {
			continue
		}
		if c.state != InstallRetrying || c.last.id != msgCopyFailed || c.last.win32 != errorBadNetPath {
			t.Errorf("%s in state %d, message %d with error %d", c.dp.name, c.state, c.last.id, c.last.win32)
		}
	}
	if got := l.told(old, msgCopyFailed, 1); got < 12 {
		t.Errorf("%d failures in the last hour", got)
	}
}

func TestManyStorms(t *testing.T) {
	m := stormy()
	m.Sites[1].Storms = 8 // all packages but the applications
	m.Sites[1].Stale = 2
	l := newLab(t, m)
	seen := map[*pkg]int{}
	for _, c := range l.contents {
		if c.storm != nil {
			seen[c.pkg]++
		}
	}
	if len(seen) != 8 {
		t.Errorf("storms of %d packages, want 8", len(seen))
	}
	for p, n := range seen {
		if n != 1 {
			t.Errorf("%d storms of %s", n, p.id)
		}
	}
}
