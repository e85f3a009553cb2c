package world

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/wire"
)

// every is a hierarchy with all that can be amiss, but for maintenance mode.
func every() Model {
	m := small()
	ps1 := &m.Sites[1]
	ps1.Failed[SiteCopyDamaged], ps1.Failed[ContentMissing], ps1.Failed[Cancelled], ps1.Failed[Unexplained] = 2, 2, 2, 2
	ps1.Waiting = map[Cause]int{WaitsForPrestaged: 2, WaitsForContent: 2, Closed: 2}
	ps1.Stale, ps1.Stuck, ps1.Storms = 3, 4, 2
	m.Sites[2].Storms, m.Sites[2].Stale = 1, 2
	return m
}

// TestOldModelsKeepTheirRows pins the hierarchy of a model without the keys that
// were added later: scripts rely on names, states and versions.
func TestOldModelsKeepTheirRows(t *testing.T) {
	l := newLab(t, small())
	var all strings.Builder
	for _, c := range l.contents {
		fmt.Fprintln(&all, c.pkg.id, c.pkg.name, c.dp.name, c.state, c.cause, c.version, c.pkg.version, c.summary.Unix())
	}
	const want = "2bf5b1c438776e2428b33b0fdfec7f8461d039d19f04e4eef077be305032348e"
	if got := fmt.Sprintf("%x", sha256.Sum256([]byte(all.String()))); got != want {
		t.Errorf("the rows are other ones than they were: %s", got)
	}
}

func (l *lab) update(p *pkg) {
	l.Helper()
	l.invoke(p.site.code, p.class, "RefreshPkgSource", map[string]string{"PackageID": p.id})
}

// waiting finds a row that waits for a cause.
func (l *lab) waiting(cause Cause) *content {
	l.Helper()
	for _, c := range l.contents {
		if c.cause == cause && c.held {
			return c
		}
	}
	l.Fatalf("no row waits for %s", cause)
	return nil
}

// TestUpdateCuresWhatTheSiteLacks sends again in vain, and updates.
func TestUpdateCuresWhatTheSiteLacks(t *testing.T) {
	for cause, test := range map[Cause]struct {
		before func(l *lab, c *content)
		id     uint64 // the message of the refresh that fails
	}{
		SiteCopyDamaged: {func(*lab, *content) {}, 2382},
		ContentMissing:  {func(*lab, *content) {}, 2328},
		SourceMissing: {func(l *lab, c *content) {
			l.update(c.pkg)
			l.pass(2 * delay)
			if got := l.picture("PS1", c); got.State != InstallFailed || got.MessageID != 2306 {
				t.Errorf("updated without a source: %+v", got)
			}
			if n := l.Fix(Target{Package: c.pkg.id, DP: c.dp.name}, SourceMissing); n != 1 {
				t.Errorf("Fix: %d rows", n)
			}
		}, 2328},
	} {
		t.Run(string(cause), func(t *testing.T) {
			l := newLab(t, every())
			c := l.failed(cause)
			test.before(l, c)
			for range 2 {
				l.put("PS1", c)
				l.pass(2 * delay)
				if got := l.picture("PS1", c); got.State != InstallFailed || got.MessageID != test.id || got.Message != 4 {
					t.Errorf("refreshed: %+v", got)
				}
			}
			version := c.pkg.version
			l.update(c.pkg)
			l.pass(delay + delay/2) // the package may be another site's
			if got := l.picture("PS1", c); got.State != Installed || got.Version != uint64(version)+1 {
				t.Errorf("updated: %+v, want version %d installed", got, version+1)
			}
		})
	}
}

// TestWaitingRowsGoOnByThemselves sends rows that wait in vain, and takes the
// cause away.
func TestWaitingRowsGoOnByThemselves(t *testing.T) {
	for cause, test := range map[Cause]struct {
		id       uint64
		job      string
		property string // of the DP
	}{
		WaitsForPrestaged: {2371, "", "PreStagingAllowed"},
		WaitsForContent:   {2372, "", ""},
		Closed:            {2357, "2/0", "AddressScheduleEnabled"},
	} {
		t.Run(string(cause), func(t *testing.T) {
			l := newLab(t, every())
			c := l.waiting(cause)
			if test.property != "" {
				in := only(l, l.query("PS1", "SELECT * FROM SMS_DistributionPointInfo WHERE NALPath='"+escape(c.dp.nal)+"'"))
				if in.Get(test.property) != true {
					t.Errorf("%s of the DP is %v", test.property, in.Get(test.property))
				}
			}
			want := picture{InstallPending, 0, test.job, test.id, 2}
			if diff := cmp.Diff(want, l.picture("PS1", c)); diff != "" {
				t.Errorf("before (-want +got):\n%s", diff)
			}
			l.put("PS1", c)
			l.pass(3 * delay)
			if diff := cmp.Diff(want, l.picture("PS1", c)); diff != "" {
				t.Errorf("refreshed (-want +got):\n%s", diff)
			}
			if n := l.Fix(Target{Package: c.pkg.id, DP: c.dp.name}, cause); n != 1 {
				t.Errorf("Fix: %d rows", n)
			}
			l.pass(delay)
			if got := l.picture("PS1", c); got.State != Installed || got.Version != uint64(c.pkg.version) {
				t.Errorf("fixed: %+v", got)
			}
		})
	}
}

// TestWaitingCanBeginLate lets causes that hold content back meet transfers that
// run, and what waits meet another obstacle.
func TestWaitingCanBeginLate(t *testing.T) {
	for _, cause := range WaitingCauses() {
		l := newLab(t, small())
		c := l.failed(Transient)
		target := Target{Package: c.pkg.id, DP: c.dp.name}
		l.put("PS1", c)
		l.pass(delay / 2)
		l.Break(target, cause)
		l.pass(delay)
		if got := l.picture("PS1", c); got.State != InstallPending {
			t.Errorf("%s while it was sent: %+v", cause, got)
		}
		l.Break(target, AccessDenied)
		l.pass(2 * delay)
		if got := l.picture("PS1", c); got.State != InstallFailed || got.MessageID != 2328 {
			t.Errorf("%s, then no access: %+v", cause, got)
		}
		if n := l.Fail(target, cause); n != 1 {
			t.Errorf("Fail for %s: %d rows", cause, n)
		}
		if got := l.picture("PS1", c); got.State != InstallPending || got.Message != 2 {
			t.Errorf("Fail for %s: %+v", cause, got)
		}
	}
}

func TestValidationFindsTheSitesDamage(t *testing.T) {
	l := newLab(t, every())
	c := l.failed(SiteCopyDamaged)
	l.Break(Target{DP: c.dp.name}, SiteCopyDamaged)
	for _, row := range c.dp.rows {
		if row.state != Installed {
			continue
		}
		l.invoke("PS1", "SMS_DistributionPoint", "VerifyPackage", nil,
			wire.Assignment{Name: "PackageId", Value: row.pkg.id}, wire.Assignment{Name: "NALPath", Value: row.dp.nal})
		l.pass(delay)
		if got := l.picture("PS1", row); got.State != InstallFailed || got.MessageID != 2382 {
			t.Errorf("validated: %+v", got)
		}
		return
	}
	t.Error("nothing is installed there")
}

func TestStaleRowsAreCuredByAResend(t *testing.T) {
	m := Model{Sites: []SiteModel{{Code: "PS1", DPs: 2, Packages: 4, Stale: 6, Pending: 1}}} // every row but the application's
	l := newLab(t, m)
	stale := func() []*content {
		var all []*content
		l.query("PS1", "SELECT * FROM SMS_Site") // brings the world to the present
		for _, c := range l.contents {
			if c.state == Installed && c.version != c.pkg.version {
				if c.version+1 != c.pkg.version || c.pkg.packageType == typeApplication {
					t.Errorf("%s %s has version %d of %d", c.pkg.class, c.pkg.id, c.version, c.pkg.version)
				}
				all = append(all, c)
			}
		}
		return all
	}
	rows := stale()
	if len(rows) != 6 {
		t.Fatalf("%d stale rows, want 6", len(rows))
	}
	for _, c := range rows {
		l.put("PS1", c)
	}
	l.pass(delay)
	if rows := stale(); len(rows) != 0 {
		t.Errorf("%d rows are stale after a resend", len(rows))
	}
	if _, err := New(Model{Sites: []SiteModel{{Code: "PS1", DPs: 2, Packages: 4, Stale: 7}}}, nil); err == nil || !strings.Contains(err.Error(), "7 stale rows: want at most 6") {
		t.Errorf("one too many: error %v", err)
	}
}

func TestStuckRows(t *testing.T) {
	l := newLab(t, Model{Sites: []SiteModel{{Code: "PS1", DPs: 3, Packages: 4, Stuck: 5}}})
	kinds := map[picture]int{}
	var rows []*content
	for _, c := range l.contents {
		if c.state == Installed {
			continue
		}
		rows = append(rows, c)
		if age := epoch.Sub(c.summary); age < youngestStuck || age > oldestStuck {
			t.Errorf("%s is stuck for %s", c.pkg.id, age)
		}
		if c.job != nil && c.job.retries < 10 {
			t.Errorf("the transfer of %s was retried %d times", c.pkg.id, c.job.retries)
		}
		kinds[l.picture("PS1", c)]++
	}
	want := map[picture]int{{InstallRetrying, 0, "2/4", 8203, 2}: 3, {InstallPending, 0, "", 2357, 2}: 2}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	l.pass(48 * time.Hour)
	for _, c := range rows {
		if got := l.picture("PS1", c); kinds[got] == 0 {
			t.Errorf("%s moved by itself: %+v", c.pkg.id, got)
		}
		l.put("PS1", c)
	}
	l.pass(delay)
	for _, c := range rows {
		if got := l.picture("PS1", c); got.State != Installed {
			t.Errorf("%s after a resend: %+v", c.pkg.id, got)
		}
	}
}

// freeOn is what the classes show of a DP's content drive.
func (l *lab) freeOn(d *dp) (kb int64, status int64) {
	l.Helper()
	in := only(l, l.query("PS1", "SELECT * FROM SMS_DistributionPointDriveInfo WHERE Drive='D:' AND NALPath='"+escape(d.nal)+"'"))
	return in.Get("BytesFree").(int64), in.Get("Status").(int64)
}

func TestRoomIsADistributionPoints(t *testing.T) {
	l := newLab(t, small())
	c := l.failed(DiskFull)
	if n := l.Fix(Target{Package: c.pkg.id, DP: c.dp.name}, DiskFull); n != 3 {
		t.Errorf("room was made for %d rows, want all 3", n)
	}
	if kb, status := l.freeOn(c.dp); kb <= fullKB || status != 0 {
		t.Errorf("%d KB free, status %d", kb, status)
	}
	if got := l.picture("PS1", c); got.State != InstallFailed {
		t.Errorf("the row moved by itself: %+v", got)
	}
	l.put("PS1", c)
	l.pass(delay)
	if got := l.picture("PS1", c); got.State != Installed {
		t.Errorf("after a resend: %+v", got)
	}
}

func TestContentThatDoesNotFit(t *testing.T) {
	l := newLab(t, Model{Sites: []SiteModel{{Code: "PS1", DPs: 1, Packages: 4, Failed: map[Cause]int{Transient: 2}}}})
	var rows []*content
	for _, c := range l.contents {
		if c.state == InstallFailed {
			rows = append(rows, c)
		}
	}
	small, large := rows[0], rows[1]
	if small.pkg.sizeKB > large.pkg.sizeKB {
		small, large = large, small
	}
	left := int64(large.pkg.sizeKB) + int64(small.pkg.sizeKB) - 1
	if n := l.Fill(Target{DP: small.dp.name}, left); n != 1 {
		t.Errorf("Fill: %d DPs", n)
	}
	l.put("PS1", large)
	l.pass(delay)
	l.put("PS1", small)
	l.pass(2 * delay)
	if got := l.picture("PS1", large); got.State != Installed {
		t.Errorf("what fits: %+v", got)
	}
	if got := l.picture("PS1", small); got.State != InstallFailed || got.MessageID != 2328 {
		t.Errorf("what fits no more: %+v", got)
	}
	if kb, status := l.freeOn(small.dp); kb != int64(small.pkg.sizeKB)-1 || status != errorDiskFull {
		t.Errorf("%d KB free, status %d", kb, status)
	}
	l.Fix(Target{DP: small.dp.name}, DiskFull)
	l.put("PS1", small)
	l.pass(delay)
	if got := l.picture("PS1", small); got.State != Installed {
		t.Errorf("with room: %+v", got)
	}
}

func TestMaintenanceMode(t *testing.T) {
	m := small()
	m.Sites[1].Maintenance = 1
	l := newLab(t, m)
	const busyDPs = "SELECT * FROM SMS_DistributionPointInfo WHERE MaintenanceMode>0"
	in := only(l, l.query("CAS", busyDPs))
	if at := in.Get("MaintenanceModeLastStartTime").(repository.DatetimeValue); !at.Time.Before(epoch) {
		t.Errorf("in maintenance mode since %s", at.Time)
	}
	name := in.Get("ServerName").(string)
	var c *content
	for _, r := range l.dpNamed(name).rows {
		if r.state == InstallFailed {
			c = r
		}
	}
	if c == nil {
		t.Fatalf("nothing has failed on %s, which has the most troubles", name)
	}
	c.cause = ""
	l.put("PS1", c)
	l.pass(3 * delay)
	want := picture{InstallPending, uint64(c.version), "2/0", 2357, 2}
	if diff := cmp.Diff(want, l.picture("PS1", c)); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	for _, n := range []int{1, 0} { // the second time there is nothing to end
		if got := l.Maintain(Target{DP: name}, false); got != n {
			t.Errorf("maintenance mode ended at %d DPs, want %d", got, n)
		}
	}
	l.pass(delay)
	if got := l.picture("PS1", c); got.State != Installed {
		t.Errorf("after maintenance: %+v", got)
	}
	if n := l.Maintain(Target{DP: name}, true); n != 1 || len(l.query("PS1", busyDPs)) != 1 {
		t.Errorf("maintenance mode began at %d DPs", n)
	}
}

func TestHiddenSite(t *testing.T) {
	m := every()
	m.Sites[1].Hidden = true
	l := newLab(t, m)
	s, c := l.at("PS1"), l.failed(Transient)
	const ns = "root/sms/site_PS1"
	open := map[string]bool{"SMS_Site": true, "SMS_Identification": true, "SMS_SystemResourceList": true, "SMS_SCI_SysResUse": true, "SMS_ComponentSummarizer": true}
	for _, table := range s.namespaces[fold(ns)].tables {
		class := table.class.Name
		if found := len(l.query("PS1", "SELECT * FROM "+class)) > 0; found != open[class] {
			t.Errorf("%s: shown is %v", class, found)
		}
	}
	for _, query := range []string{
		"SELECT * FROM SMS_PackageStatusDistPointsSummarizer WHERE PackageID='" + c.pkg.id + "'", // by index
		"SELECT * FROM SMS_PackageBaseclass",
	} {
		if got := l.query("PS1", query); len(got) != 0 {
			t.Errorf("%s finds %d", query, len(got))
		}
	}
	_, err := s.Get(ns, "SMS_DistributionPoint", keysOf(c))
	wantCode(t, "get", repository.NotFound, err)
	_, err = s.Put(ns, "SMS_DistributionPoint", keysOf(c), []wire.Assignment{{Name: "RefreshNow", Value: true}})
	wantCode(t, "put", repository.NotFound, err)
	_, err = s.Invoke(ns, "SMS_DistributionPoint", "VerifyPackage", nil,
		[]wire.Assignment{{Name: "PackageId", Value: c.pkg.id}, {Name: "NALPath", Value: c.dp.nal}})
	wantCode(t, "verify", repository.NotFound, err)
	if got := l.query("CAS", "SELECT * FROM SMS_PackageStatusDistPointsSummarizer WHERE SiteCode='PS1'"); len(got) == 0 {
		t.Error("the CAS shows no rows of the site either")
	}
	if !l.Hide("ps1", false) || l.Hide("S21", true) {
		t.Error("Hide: only sites with a provider can")
	}
	l.put("PS1", c)
}

func TestRemovedRowsAreGone(t *testing.T) {
	l := newLab(t, every())
	c := l.failed(Transient)
	target := Target{Package: c.pkg.id, DP: c.dp.name}
	targeted := func() any {
		return only(l, l.query("PS1", "SELECT * FROM SMS_PackageStatusRootSummarizer WHERE PackageID='"+c.pkg.id+"'")).Get("Targeted")
	}
	before := targeted().(uint64)
	l.put("PS1", c)
	for _, n := range []int{1, 0} { // it is removed once
		if got := l.Remove(target); got != n {
			t.Errorf("%d rows are removed, want %d", got, n)
		}
	}
	in := l.put("PS1", c) // which does nothing
	if got := l.picture("PS1", c); got.State != RemovalPending || got.Job != "2/7" || in.Get("Status") != uint64(3) {
		t.Errorf("while it is removed: %+v, status %v", got, in.Get("Status"))
	}
	l.update(c.pkg)
	l.pass(delay)
	for _, class := range []string{"SMS_PackageStatusDistPointsSummarizer", "SMS_DistributionDPStatus", "SMS_DPStatusDetails", "SMS_PackageContentServerInfo"} {
		property := map[string]string{"SMS_PackageStatusDistPointsSummarizer": "ServerNALPath", "SMS_PackageContentServerInfo": "ContentServerID"}[class]
		if property == "" {
			property = "NALPath"
		}
		text := fmt.Sprintf("SELECT * FROM %s WHERE PackageID='%s' AND %s='%s'", class, c.pkg.id, property, escape(c.dp.nal))
		if got := l.query("PS1", text); len(got) != 0 {
			t.Errorf("%s: %d instances", class, len(got))
		}
	}
	if got := l.query("PS1", fmt.Sprintf("SELECT * FROM SMS_DistributionDPStatus WHERE ID=%d", c.id)); len(got) != 0 {
		t.Errorf("by its ID there are %d", len(got))
	}
	if got := targeted(); got != before-1 {
		t.Errorf("%d DPs are targeted, were %d", got, before)
	}
	_, err := l.at("PS1").Put("root/sms/site_PS1", "SMS_DistributionPoint", keysOf(c), []wire.Assignment{{Name: "RefreshNow", Value: true}})
	wantCode(t, "refresh of what is gone", repository.NotFound, err)
	if rows := l.Rows(target); len(rows) != 0 || l.Fail(target, DiskFull) != 0 {
		t.Errorf("the controls still see %v", rows)
	}
	l.pass(2 * delay) // what had been scheduled does nothing
	if c.state != RemovalPending || c.job.open() {
		t.Errorf("what is gone is in state %d", c.state)
	}
}
