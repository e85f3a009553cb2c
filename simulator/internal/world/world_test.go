package world

import (
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/wire"
)

// epoch is when test worlds begin.
var epoch = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

// delay is the length of a distribution in test worlds.
const delay = 8 * time.Second

// lab is a world with a clock that tests turn.
type lab struct {
	*testing.T
	*World
	time time.Time
}

func newLab(t *testing.T, m Model) *lab {
	t.Helper()
	l := &lab{T: t, time: epoch}
	if m.Delay == 0 {
		m.Delay = delay
	}
	w, err := New(m, func() time.Time { return l.time })
	if err != nil {
		t.Fatal(err)
	}
	l.World = w
	return l
}

// pass lets time pass.
func (l *lab) pass(d time.Duration) { l.time = l.time.Add(d) }

func (l *lab) at(code string) *Site {
	l.Helper()
	s, ok := l.Site(code)
	if !ok {
		l.Fatalf("site %s has no provider", code)
	}
	return s
}

// query runs a query at a site's own namespace.
func (l *lab) query(code, text string) []*repository.Instance {
	l.Helper()
	result, err := l.at(code).Query("root/sms/site_"+code, text)
	if err != nil {
		l.Fatalf("query %s at %s: %v", text, code, err)
	}
	return result.Instances
}

// values are the values of one property over the instances.
func values(all []*repository.Instance, property string) []any {
	var out []any
	for _, in := range all {
		out = append(out, in.Get(property))
	}
	return out
}

// keysOf are the keys of the row's SMS_DistributionPoint.
func keysOf(c *content) map[string]string {
	return map[string]string{"PackageID": c.pkg.id, "ServerNALPath": c.dp.nal, "SiteCode": c.dp.site.code}
}

// put puts RefreshNow on a row at a site.
func (l *lab) put(code string, c *content) *repository.Instance {
	l.Helper()
	in, err := l.at(code).Put("root/sms/site_"+code, "SMS_DistributionPoint", keysOf(c), []wire.Assignment{{Name: "RefreshNow", Value: true}})
	if err != nil {
		l.Fatalf("put RefreshNow: %v", err)
	}
	return in
}

// invoke runs a method and wants it to return 0.
func (l *lab) invoke(code, class, method string, keys map[string]string, in ...wire.Assignment) {
	l.Helper()
	out, err := l.at(code).Invoke("root/sms/site_"+code, class, method, keys, in)
	if err != nil {
		l.Fatalf("invoke %s.%s: %v", class, method, err)
	}
	if diff := cmp.Diff([]wire.Assignment{{Name: "ReturnValue", Value: int64(0)}}, out); diff != "" {
		l.Fatalf("invoke %s.%s (-want +got):\n%s", class, method, diff)
	}
}

// failed finds a row of a package type other than applications that failed for a
// cause.
func (l *lab) failed(cause Cause) *content {
	l.Helper()
	for _, c := range l.contents {
		if c.cause == cause && c.state == InstallFailed && c.pkg.packageType != typeApplication {
			return c
		}
	}
	l.Fatalf("no row failed for %s", cause)
	return nil
}

// picture is what the classes show of a row.
type picture struct {
	State     State
	Version   uint64
	Job       string // "" none, or action and state
	MessageID uint64
	Message   uint64 // MessageState
}

func (l *lab) picture(code string, c *content) picture {
	l.Helper()
	where := fmt.Sprintf(" WHERE PackageID='%s' AND %%s='%s'", c.pkg.id, escape(c.dp.nal))
	row := only(l, l.query(code, "SELECT * FROM SMS_PackageStatusDistPointsSummarizer"+fmt.Sprintf(where, "ServerNALPath")))
	status := only(l, l.query(code, "SELECT * FROM SMS_DistributionDPStatus"+fmt.Sprintf(where, "NalPath")))
	p := picture{
		State:     State(row.Get("State").(uint64)),
		Version:   row.Get("SourceVersion").(uint64),
		MessageID: status.Get("MessageID").(uint64),
		Message:   status.Get("MessageState").(uint64),
	}
	jobs := l.query(code, fmt.Sprintf("SELECT * FROM SMS_DistributionJob WHERE PkgID='%s' AND NALPath='%s'", c.pkg.id, escape(c.dp.nal)))
	if len(jobs) > 0 {
		last := jobs[len(jobs)-1]
		p.Job = fmt.Sprintf("%d/%d", last.Get("Action"), last.Get("State"))
	}
	return p
}

// escape makes text fit a WQL literal.
func escape(text string) string { return strings.ReplaceAll(text, `\`, `\\`) }

func only(l *lab, all []*repository.Instance) *repository.Instance {
	l.Helper()
	if len(all) != 1 {
		l.Fatalf("%d instances, want 1", len(all))
	}
	return all[0]
}

// small is a hierarchy with a failure of every cause.
func small() Model {
	return Model{Seed: 7, Sites: []SiteModel{
		{Code: "CAS", Packages: 12},
		{
			Code: "PS1", Parent: "CAS", DPs: 6, Packages: 8, Retrying: 1, Pending: 1, Updating: 1, Monitoring: 1,
			Failed: map[Cause]int{DiskFull: 3, SourceMissing: 3, AccessDenied: 3, DPOffline: 3, HashMismatch: 3, Transient: 5},
		},
		{
			Code: "PS2", Parent: "CAS", DPs: 3, Packages: 4, Failed: map[Cause]int{Transient: 4},
			Secondaries: []SecondaryModel{{Code: "S21", DPs: 2}},
		},
	}}
}

func TestDistributionByCause(t *testing.T) {
	const quarter = delay / 4
	type step struct {
		after time.Duration
		want  picture
	}
	queued := step{0, picture{InstallPending, 0, "2/0", 2357, 2}}
	sending := step{quarter, picture{InstallPending, 0, "2/3", 8204, 2}}
	cured := []step{queued, sending, {delay - quarter, picture{Installed, 1, "2/5", 2330, 1}}}
	stubborn := func(id uint64) []step {
		return []step{
			queued, sending,
			{delay - quarter - time.Millisecond, picture{InstallPending, 0, "2/3", 8204, 2}},
			{time.Millisecond, picture{InstallRetrying, 0, "2/4", id, 2}},
			{delay, picture{InstallFailed, 0, "2/6", id, 4}},
			{jobsKept, picture{InstallFailed, 0, "", id, 4}},
		}
	}
	for cause, test := range map[Cause]struct {
		id    uint64
		error string // in the last insertion string
		win32 uint64
		steps []step
	}{
		DiskFull:        {2328, "0x80070070", 112, stubborn(2328)},
		AccessDenied:    {2328, "0x80070005", 5, stubborn(2328)},
		SourceMissing:   {2306, "0x80070003", 3, stubborn(2306)},
		DPOffline:       {2391, "0x80070035", 53, stubborn(2391)},
		HashMismatch:    {2382, "0x80091007", 0x80091007, cured},
		Transient:       {8203, "0x80070079", 121, cured},
		SiteCopyDamaged: {2382, "0x80091007", 0x80091007, stubborn(2382)},
		ContentMissing:  {2328, "0x80070002", 2, stubborn(2328)},
		Cancelled:       {8203, "0x800704C7", 1223, cured},
		Unexplained:     {2394, "", 0, stubborn(2394)},
	} {
		t.Run(string(cause), func(t *testing.T) {
			l := newLab(t, every())
			c := l.failed(cause)
			held := uint64(c.version)
			if diff := cmp.Diff(picture{InstallFailed, held, "", test.id, 4}, l.picture("PS1", c)); diff != "" {
				t.Fatalf("before (-want +got):\n%s", diff)
			}
			checkMessage(l, c, test.id, test.win32, test.error)
			if got := l.put("PS1", c).Get("RefreshNow"); got != false {
				t.Errorf("RefreshNow reads %v after the Put", got)
			}
			for i, s := range test.steps {
				l.pass(s.after)
				want := s.want
				want.Version = held
				if want.State == Installed {
					want.Version = uint64(c.pkg.version)
				}
				if diff := cmp.Diff(want, l.picture("PS1", c)); diff != "" {
					t.Fatalf("step %d (-want +got):\n%s", i, diff)
				}
			}
			if c.refreshes != 1 || !c.lastRefresh.Equal(epoch) {
				t.Errorf("refreshes %d, last at %s", c.refreshes, c.lastRefresh)
			}
		})
	}
}

// checkMessage follows a row's status to its status message.
func checkMessage(l *lab, c *content, id, win32 uint64, errorText string) {
	l.Helper()
	status := only(l, l.query("PS1", fmt.Sprintf("SELECT * FROM SMS_DistributionDPStatus WHERE ID=%d", c.id)))
	m := only(l, l.query("PS1", fmt.Sprintf("SELECT * FROM SMS_StatMsgWithInsStrings WHERE RecordID=%d", status.Get("LastStatusID"))))
	if m.Get("MessageID") != id || m.Get("Win32Error") != win32 || m.Get("Severity") != uint64(failure) {
		l.Errorf("message %v, Win32 error %v, severity %#x", m.Get("MessageID"), m.Get("Win32Error"), m.Get("Severity"))
	}
	texts := ""
	for i := range 10 {
		name := fmt.Sprintf("InsString%d", i+1)
		if m.Get(name) != status.Get(name) {
			l.Errorf("%s differs: message %v, status %v", name, m.Get(name), status.Get(name))
		}
		texts += fmt.Sprint(m.Get(name), "|")
	}
	if !strings.Contains(texts, errorText) || !strings.Contains(texts, c.pkg.id) {
		l.Errorf("insertion strings %s hold neither %s nor %s", texts, errorText, c.pkg.id)
	}
}

func TestFixedCauseIsCuredByTheNextTry(t *testing.T) {
	l := newLab(t, small())
	c := l.failed(DiskFull)
	free := fmt.Sprintf("SELECT * FROM SMS_DistributionPointDriveInfo WHERE NALPath='%s' AND Drive='D:'", escape(c.dp.nal))
	if got := only(l, l.query("PS1", free)); got.Get("BytesFree") != int64(fullKB) || got.Get("PercentFree") != int64(0) {
		t.Errorf("drive of a full DP: %v KB free, %v%%", got.Get("BytesFree"), got.Get("PercentFree"))
	}
	l.put("PS1", c)
	l.pass(delay + delay/2) // it is retrying
	if n := l.Fix(Target{DP: c.dp.name}, DiskFull); n == 0 {
		t.Error("nothing was fixed")
	}
	l.pass(delay / 2)
	if got := l.picture("PS1", c); got.State != Installed || got.Message != 1 {
		t.Errorf("after the repair: %+v", got)
	}
	if got := only(l, l.query("PS1", free)); got.Get("BytesFree").(int64) <= fullKB {
		t.Errorf("the drive is still full: %v KB", got.Get("BytesFree"))
	}
}

func TestRefreshAtCentralSiteTakesReplication(t *testing.T) {
	l := newLab(t, small())
	c := l.failed(Transient)
	l.put("CAS", c)
	l.pass(delay/2 - time.Millisecond)
	if got := l.picture("CAS", c); got.State != InstallFailed || got.Job != "" {
		t.Errorf("before replication: %+v", got)
	}
	l.pass(time.Millisecond)
	if got := l.picture("PS1", c); got.State != InstallPending || got.Job != "2/0" {
		t.Errorf("after replication: %+v", got)
	}
	l.pass(delay)
	if got := l.picture("CAS", c); got.State != Installed {
		t.Errorf("in the end: %+v", got)
	}
}

func TestModelRowsMoveByThemselves(t *testing.T) {
	l := newLab(t, small())
	count := func(state State) int {
		return len(l.query("PS1", fmt.Sprintf("SELECT PackageID FROM SMS_PackageStatusDistPointsSummarizer WHERE State=%d", state)))
	}
	for _, step := range []struct {
		after                                time.Duration
		pending, retrying, updating, monitor int
	}{
		{0, 1, 1, 1, 1},
		{pendingFor, 0, 1, 1, 1},
		{retryGap - pendingFor, 0, 0, 1, 1},
	} {
		l.pass(step.after)
		got := []int{count(InstallPending), count(InstallRetrying), count(ContentUpdating), count(ContentMonitoring)}
		if diff := cmp.Diff([]int{step.pending, step.retrying, step.updating, step.monitor}, got); diff != "" {
			t.Errorf("at %s (-want +got):\n%s", l.time.Sub(epoch), diff)
		}
	}
}

func TestValidation(t *testing.T) {
	verify := func(l *lab, c *content) {
		l.invoke("PS1", "SMS_DistributionPoint", "VerifyPackage", nil,
			wire.Assignment{Name: "PackageId", Value: c.pkg.id}, wire.Assignment{Name: "NALPath", Value: c.dp.nal})
	}
	sound := func(l *lab) *content {
		for _, c := range l.contents {
			if c.state == Installed && c.dp.site.code == "PS1" {
				return c
			}
		}
		return nil
	}
	for _, test := range []struct {
		name  string
		find  func(*lab) *content
		state State
		id    uint64
	}{
		{"good content", sound, Installed, 2384},
		{"damaged content that was installed", func(l *lab) *content {
			c := sound(l)
			l.Break(Target{c.pkg.id, c.dp.name}, HashMismatch)
			return c
		}, InstallFailed, 2382},
		{"damaged content that has failed stays so", func(l *lab) *content { return l.failed(HashMismatch) }, InstallFailed, 2382},
		{"content that never came", func(l *lab) *content { return l.failed(DiskFull) }, InstallFailed, 2383},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t, small())
			c := test.find(l)
			state := c.state
			verify(l, c)
			if got := l.picture("PS1", c); got.State != state || got.MessageID != 2381 {
				t.Errorf("queued: %+v", got)
			}
			l.pass(delay / 4)
			if got := l.picture("PS1", c); got.State != state || got.MessageID != 2380 {
				t.Errorf("running: %+v", got)
			}
			l.pass(delay)
			if got := l.picture("PS1", c); got.State != test.state || got.MessageID != test.id || got.Job != "" {
				t.Errorf("done: %+v", got)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	l := newLab(t, small())
	c := l.failed(Transient)
	l.put("PS1", c)
	l.pass(delay / 2)
	cancel := func() {
		l.invoke("PS1", "SMS_DistributionPoint", "CancelDistribution", nil,
			wire.Assignment{Name: "PackageId", Value: c.pkg.id}, wire.Assignment{Name: "NALPath", Value: c.dp.nal})
	}
	cancel()
	want := picture{InstallFailed, uint64(c.version), "2/7", 8203, 4}
	if diff := cmp.Diff(want, l.picture("PS1", c)); diff != "" {
		t.Errorf("cancelled (-want +got):\n%s", diff)
	}
	l.pass(delay)
	cancel() // nothing runs: nothing happens
	if diff := cmp.Diff(want, l.picture("PS1", c)); diff != "" {
		t.Errorf("later (-want +got):\n%s", diff)
	}
}

func TestRefreshOfRunningTransferStartsItOver(t *testing.T) {
	l := newLab(t, small())
	c := l.failed(Transient)
	l.put("PS1", c)
	l.pass(delay - time.Millisecond)
	l.put("PS1", c)
	l.pass(time.Millisecond)
	if got := l.picture("PS1", c); got.State != InstallPending {
		t.Errorf("the first transfer ended: %+v", got)
	}
	jobs := l.query("PS1", "SELECT State FROM SMS_DistributionJob WHERE PkgID='"+c.pkg.id+"'")
	if diff := cmp.Diff([]any{uint64(jobCancelled), uint64(jobPending)}, values(jobs, "State")); diff != "" {
		t.Errorf("jobs (-want +got):\n%s", diff)
	}
	l.pass(delay - time.Millisecond)
	if got := l.picture("PS1", c); got.State != Installed {
		t.Errorf("the second transfer did not end: %+v", got)
	}
	if got := l.Refreshes(Target{Package: c.pkg.id}); got != 2 {
		t.Errorf("%d refreshes, want 2", got)
	}
}

func TestApplicationOnSiteServerIsNotRedistributed(t *testing.T) {
	l := newLab(t, Model{Sites: []SiteModel{{Code: "PS1", DPs: 2, Packages: 2, ServerDP: true, Failed: map[Cause]int{Transient: 3}}}})
	const app = "PS100002"
	if got := l.Rows(Target{Package: app, DP: l.at("PS1").Server()})[0].State; got != Installed {
		t.Errorf("the model dealt a failure to the row that cannot be cured: state %d", got)
	}
	l.Fail(Target{Package: app}, Transient)
	var onServer, elsewhere *content
	for _, c := range l.packages[app].rows {
		if c.dp.onServer {
			onServer = c
		} else {
			elsewhere = c
		}
		l.put("PS1", c)
	}
	l.pass(delay)
	if onServer.state != InstallFailed || onServer.job != nil || onServer.refreshes != 1 {
		t.Errorf("on the site server: state %d, job %v, %d refreshes", onServer.state, onServer.job, onServer.refreshes)
	}
	l.picture("PS1", elsewhere) // brings the world to the present
	if elsewhere.state != Installed {
		t.Errorf("elsewhere: state %d", elsewhere.state)
	}
}

func TestUpdate(t *testing.T) {
	l := newLab(t, small())
	c := l.failed(SourceMissing)
	p := c.pkg
	version, class := p.version, p.class
	summary := func() string {
		row := only(l, l.query("PS1", "SELECT * FROM SMS_PackageStatusRootSummarizer WHERE PackageID='"+p.id+"'"))
		return fmt.Sprintf("v%d targeted %d installed %d retrying %d failed %d",
			row.Get("SourceVersion"), row.Get("Targeted"), row.Get("Installed"), row.Get("Retrying"), row.Get("Failed"))
	}
	n := len(p.rows)
	update := func() {
		l.invoke(p.site.code, class, "RefreshPkgSource", map[string]string{"PackageID": p.id})
	}
	check := func(when, want string) {
		t.Helper()
		if got := summary(); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	bump := func() {
		if p.packageType != typeApplication {
			version++
		}
	}
	update()
	bump()
	check("at once", fmt.Sprintf("v%d targeted %d installed 0 retrying 0 failed 0", version, n))
	if got := only(l, l.query("PS1", "SELECT * FROM "+class+" WHERE PackageID='"+p.id+"'")).Get("ActionInProgress"); got != uint64(1) {
		t.Errorf("ActionInProgress %v", got)
	}
	l.pass(delay)
	check("first try", fmt.Sprintf("v%d targeted %d installed 0 retrying %d failed 0", version, n, n))
	l.pass(delay)
	check("given up", fmt.Sprintf("v%d targeted %d installed 0 retrying 0 failed %d", version, n, n))
	for _, row := range p.rows {
		l.put(row.dp.site.reporter.code, row)
	}
	l.pass(2 * delay)
	check("sent again", fmt.Sprintf("v%d targeted %d installed 0 retrying 0 failed %d", version, n, n))

	l.Fix(Target{Package: p.id}, SourceMissing)
	update()
	bump()
	l.pass(delay)
	check("with its source back", fmt.Sprintf("v%d targeted %d installed %d retrying 0 failed 0", version, n, n))
	if got, ok := l.Updates(p.id); got != 2 || !ok {
		t.Errorf("Updates: %d, %v", got, ok)
	}
}

func TestUpdateOfSpecialPackages(t *testing.T) {
	l := newLab(t, small())
	for _, p := range l.at("CAS").site.tree.packages {
		before := p.version
		l.invoke(p.site.code, p.class, "RefreshPkgSource", map[string]string{"PackageID": p.id})
		want := before + 1
		if p.packageType == typeApplication || p.packageType == typeTaskSequence {
			want = before
		}
		if p.version != want {
			t.Errorf("%s %s: version %d, want %d", p.class, p.id, p.version, want)
		}
	}
}

func TestGroups(t *testing.T) {
	l := newLab(t, small())
	c := l.failed(Transient)
	g := c.dp.groups[len(c.dp.groups)-1] // its site's own
	keys := map[string]string{"GroupID": g.id}
	l.invoke("PS1", "SMS_DistributionPointGroup", "ReDistributePackage", keys, wire.Assignment{Name: "PackageID", Value: c.pkg.id})
	if got := l.Refreshes(Target{Package: c.pkg.id}); got != len(g.members) {
		t.Errorf("%d refreshes over %d members", got, len(g.members))
	}
	l.pass(delay)
	if got := l.picture("PS1", c); got.State != Installed {
		t.Errorf("after ReDistributePackage: %+v", got)
	}
	l.invoke("PS1", "SMS_DistributionPointGroup", "RefreshDPGroup", keys)
	for _, row := range l.Rows(Target{}) {
		p := l.packages[row.Package]
		if p.site == g.site && row.Site == "PS1" && row.State == Installed && row.Refreshes > 0 && row.Package != c.pkg.id {
			t.Errorf("RefreshDPGroup sent %s to %s again, where it was", row.Package, row.DP)
		}
	}
	members := l.query("PS2", "SELECT * FROM SMS_DPGroupMembers")
	for _, in := range members {
		if nal := in.Get("DPNALPath").(string); !strings.Contains(nal, ".ps2.") && !strings.Contains(nal, ".s21.") {
			t.Errorf("PS2 shows group member %s", nal)
		}
	}
	if len(members) != 2*5 { // in the hierarchy's group and in its own
		t.Errorf("PS2 shows %d group members", len(members))
	}
}

func TestViews(t *testing.T) {
	l := newLab(t, small())
	for _, test := range []struct {
		site, query, property string
		want                  []any
	}{
		{"CAS", "SELECT SiteCode FROM SMS_Site", "SiteCode", []any{"CAS", "PS1", "PS2", "S21"}},
		{"PS1", "SELECT SiteCode FROM SMS_Site", "SiteCode", []any{"PS1"}},
		{"PS2", "SELECT SiteCode FROM SMS_Site", "SiteCode", []any{"PS2", "S21"}},
		{"PS2", "SELECT Type FROM SMS_Site", "Type", []any{uint64(2), uint64(1)}},
		{"CAS", "SELECT Type FROM SMS_Site WHERE SiteCode='cas'", "Type", []any{uint64(4)}},
		{"PS2", "SELECT * FROM SMS_Site WHERE Type=1", "ReportingSiteCode", []any{"PS2"}},
		{"PS2", "SELECT ServerName FROM SMS_DistributionPointInfo", "ServerName", []any{
			"dp01.ps2.sim.example", "dp02.ps2.sim.example", "dp03.ps2.sim.example", "dp01.s21.sim.example", "dp02.s21.sim.example"}},
		{"PS2", "SELECT * FROM SMS_DistributionPointInfo WHERE SiteCode='S21' AND ServerName LIKE 'dp01%'", "NALPath", []any{
			`["Display=\\dp01.s21.sim.example\"]MSWNET:["SMS_SITE=S21"]\\dp01.s21.sim.example\`}},
		{"PS1", "SELECT * FROM SMS_DistributionPointInfo WHERE IsPullDP=TRUE", "ServerName", []any{"dp05.ps1.sim.example"}},
		{"PS1", "SELECT * FROM SMS_Identification", "ThisSiteCode", []any{"PS1"}},
		{"PS2", "SELECT * FROM SMS_Package WHERE SourceSite='PS1'", "PackageID", []any{"PS100001", "PS100003", "PS100006"}},
		{"PS2", "SELECT * FROM SMS_PackageStatusDetailSummarizer WHERE PackageID='CAS00001'", "SiteCode", []any{"PS2", "S21"}},
		{"CAS", "SELECT * FROM SMS_PackageStatusDetailSummarizer WHERE PackageID='CAS00001'", "SiteCode", []any{"CAS", "PS1", "PS2", "S21"}},
		{"CAS", "SELECT * FROM SMS_PackageStatusDetailSummarizer WHERE PackageID='PS100001'", "SiteCode", []any{"PS1"}},
		{"CAS", "SELECT * FROM SMS_PackageStatusDetailSummarizer WHERE PackageID='PS100008'", "Targeted", []any{uint64(0), uint64(0), uint64(0), uint64(0)}},
		{"CAS", "SELECT * FROM SMS_PackageStatusDistPointsSummarizer WHERE PackageID='CAS00008'", "State", nil},
		{"PS2", "SELECT Targeted FROM SMS_PackageStatusRootSummarizer WHERE PackageID='CAS00001'", "Targeted", []any{uint64(11)}},
	} {
		if diff := cmp.Diff(test.want, values(l.query(test.site, test.query), test.property)); diff != "" {
			t.Errorf("%s at %s (-want +got):\n%s", test.query, test.site, diff)
		}
	}
	for code, want := range map[string]int{"CAS": 11*11 + 6*7 + 5*4, "PS1": 6 * (11 + 7), "PS2": 5 * (11 + 4)} {
		if got := len(l.query(code, "SELECT PackageID FROM SMS_PackageStatusDistPointsSummarizer")); got != want {
			t.Errorf("%s shows %d rows, want %d", code, got, want)
		}
	}
	if _, ok := l.Site("S21"); ok {
		t.Error("a secondary site has an SMS Provider")
	}
}

func TestSeparateHierarchiesDoNotSeeEachOther(t *testing.T) {
	l := newLab(t, Model{Sites: []SiteModel{{Code: "AAA", DPs: 2, Packages: 3}, {Code: "BBB", DPs: 1, Packages: 1}}})
	if got := values(l.query("BBB", "SELECT * FROM SMS_PackageBaseclass"), "PackageID"); len(got) != 1 || got[0] != "BBB00001" {
		t.Errorf("BBB shows packages %v", got)
	}
	if got := l.query("BBB", "SELECT * FROM SMS_PackageStatusDistPointsSummarizer WHERE PackageID='AAA00001'"); len(got) != 0 {
		t.Errorf("BBB shows %d rows of AAA", len(got))
	}
	_, err := l.at("BBB").Get("root/sms/site_BBB", "SMS_Package", map[string]string{"PackageID": "AAA00001"})
	wantCode(t, "get a package of another hierarchy", repository.NotFound, err)
}

func TestProviderLocation(t *testing.T) {
	l := newLab(t, small())
	result, err := l.at("PS2").Query(`ROOT\SMS`, "SELECT * FROM SMS_ProviderLocation WHERE ProviderForLocalSite=TRUE")
	if err != nil {
		t.Fatal(err)
	}
	in := only(l, result.Instances)
	if got := in.Get("NamespacePath"); got != `\\cm01.ps2.sim.example\root\sms\site_PS2` {
		t.Errorf("NamespacePath %v", got)
	}
	result, err = l.at("PS2").Query("root/sms", "SELECT * FROM SMS_ProviderLocation")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"CAS", "PS1", "PS2"}, values(result.Instances, "SiteCode")); diff != "" {
		t.Errorf("providers (-want +got):\n%s", diff)
	}
}

func TestStatusMessagesOfAPackage(t *testing.T) {
	l := newLab(t, small())
	c := l.failed(DPOffline)
	l.put("PS1", c)
	l.pass(2 * delay)
	const head = "SELECT RecordID,MessageID,Severity,Time FROM SMS_StatMsgWithInsStrings WHERE Component='SMS_DISTRIBUTION_MANAGER' AND Time>='20261102080000.000000+000' AND RecordID IN (SELECT RecordID FROM SMS_StatMsgAttributes WHERE AttributeID=400 AND AttributeValue='"
	at := c.pkg.site.code
	if at != "PS1" {
		at = "CAS" // shows the messages of all sites
	}
	got := values(l.query(at, head+c.pkg.id+"')"), "MessageID")
	if diff := cmp.Diff([]any{uint64(2357), uint64(2391), uint64(2391), uint64(2302)}, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestRecordsAreInOrderOfTime(t *testing.T) {
	l := newLab(t, small())
	var last time.Time
	record := int64(0)
	for _, in := range l.query("CAS", "SELECT * FROM SMS_StatusMessage") {
		at, id := in.Get("Time").(repository.DatetimeValue).Time, in.Get("RecordID").(int64)
		if at.Before(last) || id <= record {
			t.Errorf("record %d of %s comes after record %d of %s", id, at, record, last)
		}
		last, record = at, id
	}
	if record == 0 {
		t.Error("no status messages")
	}
}

func TestLastRefreshTimeOfOldIsTheClassPagesDefault(t *testing.T) {
	l := newLab(t, small())
	c := l.failed(Transient)
	in, err := l.at("PS1").Get("root/sms/site_PS1", "sms_distributionpoint", keysOf(c))
	if err != nil {
		t.Fatal(err)
	}
	want := repository.DatetimeValue{Time: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), NoZone: true}
	if diff := cmp.Diff(value(want), in.Get("LastRefreshTime")); diff != "" {
		t.Errorf("LastRefreshTime (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(value(repository.At(epoch)), l.put("PS1", c).Get("LastRefreshTime")); diff != "" {
		t.Errorf("LastRefreshTime after a refresh (-want +got):\n%s", diff)
	}
}

func wantCode(t *testing.T, what string, want repository.Code, err error) {
	t.Helper()
	status, ok := err.(*repository.Status)
	if !ok {
		t.Errorf("%s: error %v is not a status", what, err)
		return
	}
	if status.Code != want {
		t.Errorf("%s: code %#x, want %#x (%s)", what, status.Code, want, status.Text)
	}
}

func TestErrors(t *testing.T) {
	l := newLab(t, small())
	s, c := l.at("PS1"), l.failed(Transient)
	const ns = "root/sms/site_PS1"
	other := keysOf(c)
	other["SiteCode"] = "PS2"
	refresh := []wire.Assignment{{Name: "RefreshNow", Value: true}}
	get := func(ns, class string, keys map[string]string) func() error {
		return func() error { _, err := s.Get(ns, class, keys); return err }
	}
	put := func(class string, keys map[string]string, changed ...wire.Assignment) func() error {
		return func() error { _, err := s.Put(ns, class, keys, changed); return err }
	}
	invoke := func(class, method string, keys map[string]string, in ...wire.Assignment) func() error {
		return func() error { _, err := s.Invoke(ns, class, method, keys, in); return err }
	}
	query := func(text string) func() error { return func() error { _, err := s.Query(ns, text); return err } }
	for _, test := range []struct {
		name string
		do   func() error
		want repository.Code
	}{
		{"another site's namespace", get("root/sms/site_PS2", "SMS_Site", nil), repository.InvalidNamespace},
		{"query in an unknown namespace", func() error { _, err := s.Query("root/nope", "SELECT * FROM X"); return err }, repository.InvalidNamespace},
		{"class in an unknown namespace", func() error { _, err := s.Class("root/nope", "X"); return err }, repository.InvalidNamespace},
		{"unknown class", get(ns, "SMS_Nothing", nil), repository.InvalidClass},
		{"query of an unknown class", query("SELECT * FROM SMS_Nothing"), repository.InvalidClass},
		{"query that is none", query("SELECT FROM"), repository.InvalidQuery},
		{"no such instance", get(ns, "SMS_Package", map[string]string{"PackageID": "PS1FFFFF"}), repository.NotFound},
		{"too few keys", get(ns, "SMS_DistributionPoint", map[string]string{"PackageID": c.pkg.id}), repository.InvalidParameter},
		{"unknown key", get(ns, "SMS_Package", map[string]string{"Name": "x"}), repository.InvalidParameter},
		{"number that is none", get(ns, "SMS_DistributionJob", map[string]string{"JobID": "x"}), repository.NotFound},
		{"wrong site code", put("SMS_DistributionPoint", other, refresh...), repository.NotFound},
		{"summarizer", put("SMS_PackageStatusDistPointsSummarizer", keysOf(c), refresh...), repository.NotCapable},
		{"class that is not stored", put("SMS_Package", map[string]string{"PackageID": "PS100001"}), repository.NotSupported},
		{"key changed", put("SMS_DistributionPoint", keysOf(c), wire.Assignment{Name: "SiteCode", Value: "PS2"}), repository.InvalidParameter},
		{"unknown property", put("SMS_DistributionPoint", keysOf(c), wire.Assignment{Name: "Nope", Value: "x"}), repository.InvalidParameter},
		{"unknown method", invoke("SMS_Package", "Nope", map[string]string{"PackageID": "PS100001"}), repository.InvalidMethod},
		{"method of an unknown instance", invoke("SMS_Package", "RefreshPkgSource", map[string]string{"PackageID": "PS1FFFFF"}), repository.NotFound},
		{"method on the wrong class of package", invoke("SMS_DriverPackage", "RefreshPkgSource", map[string]string{"PackageID": "PS100001"}), repository.NotFound},
		{"method that is declared only", invoke("SMS_Package", "Unlock", map[string]string{"PackageID": "PS100001"}), repository.NotSupported},
		{"unknown parameter", invoke("SMS_DistributionPoint", "VerifyPackage", nil, wire.Assignment{Name: "X", Value: "x"}), repository.InvalidParameter},
		{"missing parameters", invoke("SMS_DistributionPoint", "VerifyPackage", nil), repository.InvalidParameter},
		{"package that is not on the DP", invoke("SMS_DistributionPoint", "CancelDistribution", nil,
			wire.Assignment{Name: "PackageId", Value: "PS1FFFFF"}, wire.Assignment{Name: "NALPath", Value: c.dp.nal}), repository.NotFound},
		{"unknown group", invoke("SMS_DistributionPointGroup", "RefreshDPGroup", map[string]string{"GroupID": "x"}), repository.NotFound},
		{"create read-only", func() error { _, err := s.Create(ns, "SMS_StatMsg", nil); return err }, repository.NotCapable},
		{"create", func() error { _, err := s.Create(ns, "SMS_Package", nil); return err }, repository.NotSupported},
		{"delete", func() error { return s.Delete(ns, "SMS_DistributionPoint", keysOf(c)) }, repository.NotSupported},
		{"delete what is not there", func() error { return s.Delete(ns, "SMS_DistributionPoint", other) }, repository.NotFound},
	} {
		t.Run(test.name, func(t *testing.T) { wantCode(t, test.name, test.want, test.do()) })
	}
	if c.refreshes != 0 || c.state != InstallFailed {
		t.Errorf("a refused request moved the row: %d refreshes, state %d", c.refreshes, c.state)
	}
}

func TestFullPut(t *testing.T) {
	l := newLab(t, small())
	c := l.failed(Transient)
	in, err := l.at("PS1").Get("root/sms/site_PS1", "SMS_DistributionPoint", keysOf(c))
	if err != nil {
		t.Fatal(err)
	}
	var all []wire.Assignment
	for i, p := range in.Class.Properties {
		v := in.Values[i]
		if p.Name == "RefreshNow" {
			v = true
		}
		all = append(all, wire.Assignment{Name: p.Name, Value: v})
	}
	lower := map[string]string{}
	for name, text := range keysOf(c) {
		lower[strings.ToLower(name)] = strings.ToLower(text)
	}
	if _, err := l.at("PS1").Put("ROOT/SMS/SITE_ps1", "sms_distributionpoint", lower, all); err != nil {
		t.Fatal(err)
	}
	if c.refreshes != 1 || c.state != InstallPending {
		t.Errorf("%d refreshes, state %d", c.refreshes, c.state)
	}
}

func TestPutWithoutRefreshNowDoesNothing(t *testing.T) {
	l := newLab(t, small())
	c := l.failed(Transient)
	for _, changed := range [][]wire.Assignment{nil, {{Name: "RefreshNow", Value: false}}, {{Name: "RefreshNow", Value: nil}}} {
		if _, err := l.at("PS1").Put("root/sms/site_PS1", "SMS_DistributionPoint", keysOf(c), changed); err != nil {
			t.Fatal(err)
		}
	}
	if c.refreshes != 0 || c.state != InstallFailed {
		t.Errorf("%d refreshes, state %d", c.refreshes, c.state)
	}
}

// collect is a sequence's elements.
func collect[R any](seq iter.Seq[R]) []R {
	var all []R
	for r := range seq {
		all = append(all, r)
	}
	return all
}
