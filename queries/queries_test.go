package queries_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/cim"
	"dpremote/queries"
	"dpremote/wsman"
)

// at is a datetime in UTC.
func at(t *testing.T, text string) cim.Datetime {
	t.Helper()
	d, err := cim.ParseDatetime(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// check compares what a query yields, and what was asked for, with what is
// wanted.
func check[T any](t *testing.T, s *script, rows iter.Seq2[T, error], want []T, wql ...string) {
	t.Helper()
	got, err := queries.Collect(rows)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(cim.Value{})); diff != "" {
		t.Errorf("rows: %s", diff)
	}
	if diff := cmp.Diff(wql, s.queries()); diff != "" {
		t.Errorf("WQL: %s", diff)
	}
}

func TestStatusDP(t *testing.T) {
	path := nal("SRV1.corp.example", "S21")
	member := func(server string) string {
		return row("LastCopied", datetime("2026-01-02T03:04:05Z"), "PackageID", "PS100039", "PackageType", "258",
			"ServerNALPath", nal(server, "S21"), "SiteCode", "S21", "SourceVersion", "4", "State", "3", "SummaryDate", datetime("2026-01-03T00:00:00Z"))
	}
	session, s := newSession(t, page(member("SRV10.corp.example"), member("SRV1.corp.example")))
	srv1, err := queries.ParsePattern("SRV1")
	if err != nil {
		t.Fatal(err)
	}
	rows := queries.StatusDP(t.Context(), session, queries.Filter{
		DPs: []queries.Pattern{srv1}, Types: []queries.PackageType{queries.TypeBootImage}, States: queries.Unhealthy(),
		Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	check(t, s, rows, []queries.PackageStatusDP{{
		Keys:  queries.Keys{PackageID: "PS100039", ServerNALPath: queries.NALPath(path), SiteCode: "S21"},
		State: queries.StateFailed, PackageType: queries.TypeBootImage, SourceVersion: 4,
		LastCopied: at(t, "2026-01-02T03:04:05Z"), SummaryDate: at(t, "2026-01-03T00:00:00Z"),
	}}, `SELECT LastCopied, PackageID, PackageType, ServerNALPath, SiteCode, SourceVersion, State, SummaryDate`+
		` FROM SMS_PackageStatusDistPointsSummarizer WHERE ServerNALPath LIKE '%SRV1%' AND PackageType = 258`+
		` AND State IN (1, 2, 3, 6) AND SummaryDate >= '20260101000000.000000+000'`)
}

func TestStatusRoot(t *testing.T) {
	session, s := newSession(t, page(
		row("Failed", "1", "Installed", "4", "Name", "Browser", "PackageID", "PS100039", "Retrying", "0", "SourceDate", datetime("2026-01-02T03:04:05Z"),
			"SourceSite", "PS1", "SourceSize", "2048", "SourceVersion", "7", "Targeted", "6"),
		row("Failed", "0", "Installed", "4", "PackageID", "PS100040", "Targeted", "4"),
	))
	rows := queries.StatusRoot(t.Context(), session, queries.Filter{States: []queries.State{queries.StateFailed}})
	check(t, s, rows, []queries.PackageStatusRoot{{
		PackageID: "PS100039", Name: "Browser", Counts: queries.Counts{Targeted: 6, Installed: 4, Failed: 1},
		SourceSite: "PS1", SourceVersion: 7, SourceSize: 2048, SourceDate: at(t, "2026-01-02T03:04:05Z"),
	}}, `SELECT Failed, Installed, Name, PackageID, Retrying, SourceDate, SourceSite, SourceSize, SourceVersion, Targeted`+
		` FROM SMS_PackageStatusRootSummarizer WHERE Failed > 0`)
}

func TestStatusSite(t *testing.T) {
	session, s := newSession(t, page(
		row("Failed", "1", "Installed", "4", "Name", "Browser", "PackageID", "PS100039", "Retrying", "2", "SiteCode", "PS1",
			"SiteName", "Berlin", "SourceVersion", "7", "SummaryDate", datetime("2026-01-02T03:04:05Z"), "Targeted", "7"),
		row("PackageID", "PS100040", "SiteCode", "PS1", "SummaryDate", null),
	))
	rows := queries.StatusSite(t.Context(), session, queries.Filter{Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
	check(t, s, rows, []queries.PackageStatusSite{{
		PackageID: "PS100039", SiteCode: "PS1", SiteName: "Berlin", Name: "Browser",
		Counts: queries.Counts{Targeted: 7, Installed: 4, Retrying: 2, Failed: 1}, SourceVersion: 7, SummaryDate: at(t, "2026-01-02T03:04:05Z"),
	}}, `SELECT Failed, Installed, Name, PackageID, Retrying, SiteCode, SiteName, SourceVersion, SummaryDate, Targeted`+
		` FROM SMS_PackageStatusDetailSummarizer WHERE SummaryDate >= '20260101000000.000000+000'`)
}

func TestFiltersThatDoNotApply(t *testing.T) {
	star, err := queries.ParsePattern("*")
	if err != nil {
		t.Fatal(err)
	}
	session, s := newSession(t)
	root := func(f queries.Filter) error {
		_, err := queries.Collect(queries.StatusRoot(t.Context(), session, f))
		return err
	}
	site := func(f queries.Filter) error {
		_, err := queries.Collect(queries.StatusSite(t.Context(), session, f))
		return err
	}
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"root by DP", root(queries.Filter{DPs: []queries.Pattern{star}}),
			"filter the status of packages in the hierarchy: it counts distribution points and names none"},
		{"root by type", root(queries.Filter{Types: []queries.PackageType{0}}),
			"filter the status of packages in the hierarchy: it does not tell package types"},
		{"root by time", root(queries.Filter{Since: time.Unix(1, 0)}),
			"filter the status of packages in the hierarchy: it does not tell when it changed"},
		{"site by DP", site(queries.Filter{DPs: []queries.Pattern{star}}),
			"filter the status of packages at sites: it counts distribution points and names none"},
	} {
		if tt.err == nil || tt.err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, tt.err, tt.want)
		}
	}
	if len(s.asked) != 0 {
		t.Errorf("the server was asked %v", s.asked)
	}
}

func TestCauses(t *testing.T) {
	bad := func(id string) string {
		return row("ID", "17", "InsString1", id, "InsString2", nal("dp1.corp.example", "PS1"), "InsString3", "0x80070070", "InsString4", null,
			"LastStatusID", "72057594037927937", "LastUpdateDate", datetime("2026-01-02T03:04:05Z"), "MessageID", "2328",
			"MessageSeverity", "3221225472", "MessageState", "4", "NalPath", nal("dp1.corp.example", "PS1"), "PackageID", id, "SiteCode", "PS1")
	}
	want := func(id queries.PackageID) queries.DPStatus {
		return queries.DPStatus{
			ID: 17, PackageID: id, NALPath: queries.NALPath(nal("dp1.corp.example", "PS1")), MessageID: 2328, MessageState: 4,
			MessageSeverity: queries.SeverityError, LastUpdateDate: at(t, "2026-01-02T03:04:05Z"), LastStatusID: 1<<56 + 1, SiteCode: "PS1",
			Inserts: queries.Inserts{InsString1: string(id), InsString2: nal("dp1.corp.example", "PS1"), InsString3: "0x80070070"},
		}
	}
	const list = `SELECT ID, InsString1, InsString10, InsString2, InsString3, InsString4, InsString5, InsString6, InsString7, InsString8, InsString9,` +
		` LastStatusID, LastUpdateDate, MessageID, MessageSeverity, MessageState, NalPath, PackageID, SiteCode FROM SMS_DistributionDPStatus`
	t.Run("of all packages", func(t *testing.T) {
		session, s := newSession(t, page(bad("PS100039")))
		check(t, s, queries.Causes(t.Context(), session), []queries.DPStatus{want("PS100039")}, list+` WHERE MessageState >= 3`)
	})
	t.Run("of some", func(t *testing.T) {
		session, s := newSession(t, page(bad("PS100039"), bad("PS10003A")))
		check(t, s, queries.Causes(t.Context(), session, "PS10003A", "PS100039", "ps10003a"),
			[]queries.DPStatus{want("PS100039"), want("PS10003A")}, list+` WHERE MessageState >= 3 AND PackageID IN ('PS100039', 'PS10003A')`)
	})
	t.Run("of what is no package", func(t *testing.T) {
		session, _ := newSession(t)
		if _, err := queries.Collect(queries.Causes(t.Context(), session, "nothing")); err == nil {
			t.Error("no error")
		}
	})
	row := want("PS100039")
	if got := row.Cause().Name; got != "disk-full" {
		t.Errorf("the cause is %s", got)
	}
	if got, want := row.Text(), "the package could not be copied to the distribution point: PS100039, dp1.corp.example, 0x80070070"; got != want {
		t.Errorf("the text is %q, want %q", got, want)
	}
}

func TestJobs(t *testing.T) {
	session, s := newSession(t, page(
		row("Action", "2", "CreationTime", datetime("2026-01-02T03:04:05Z"), "JobID", "9", "LastUpdateTime", null, "NALPath", nal("dp1", "PS1"),
			"PackageVersion", "3", "PkgID", "PS100039", "RemainingSize", "5000000000", "ReStartTime", datetime("2026-01-02T04:00:00Z"),
			"RetryCount", "1", "StartTime", null, "State", "4", "TotalSize", "6000000000"),
		row("JobID", "10", "State", "5"),
	))
	jobs, err := queries.Collect(queries.Jobs(t.Context(), session))
	if err != nil {
		t.Fatal(err)
	}
	if len(jobs) != 1 {
		t.Fatalf("%d jobs, want the open one", len(jobs))
	}
	job := jobs[0]
	if got, want := job.Restarts(), at(t, "2026-01-02T04:00:00Z"); got != want {
		t.Errorf("restarts %v, want %v", got, want)
	}
	job.ReStartTime = cim.Value{}
	want := queries.Job{JobID: 9, PackageID: "PS100039", NALPath: queries.NALPath(nal("dp1", "PS1")), Action: queries.ActionAdd,
		State: queries.JobPendingRestart, PackageVersion: 3, RetryCount: 1, RemainingSize: 5e9, TotalSize: 6e9, CreationTime: at(t, "2026-01-02T03:04:05Z")}
	if diff := cmp.Diff(want, job, cmp.AllowUnexported(cim.Value{})); diff != "" {
		t.Error(diff)
	}
	if !strings.HasSuffix(s.queries()[0], " FROM SMS_DistributionJob WHERE State <> 5 AND State <> 6 AND State <> 7") {
		t.Errorf("asked %s", s.queries()[0])
	}
	for _, v := range []cim.Value{{}, cim.UintValue(30), cim.TextValue("soon")} {
		job.ReStartTime = v
		if !job.Restarts().IsZero() {
			t.Errorf("%q is the time %v", v, job.Restarts())
		}
	}
}

// TestWholeClasses asks for the classes that are asked for without a filter.
func TestWholeClasses(t *testing.T) {
	path := nal("DP1.corp.example", "PS1")
	ask := func(t *testing.T, answer string, run func(*cim.Session) (any, error), from string, want any) {
		t.Helper()
		session, s := newSession(t, page(answer))
		got, err := run(session)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if !strings.HasSuffix(s.queries()[0], " FROM "+from) {
			t.Errorf("asked %s", s.queries()[0])
		}
	}
	t.Run("distribution points", func(t *testing.T) {
		ask(t, row("AddressScheduleEnabled", "true", "Description", "Rack 3", "GroupCount", "2", "IsPullDP", "true", "NALPath", path, "PreStagingAllowed", "false",
			"Priority", "200", "RateLimitsEnabled", "true", "ResourceType", "Windows NT Server", "ServerName", "DP1.corp.example", "SiteCode", "PS1", "SiteName", "Berlin"),
			func(s *cim.Session) (any, error) { return queries.Collect(queries.DPs(t.Context(), s)) }, "SMS_DistributionPointInfo",
			[]queries.DistributionPointInfo{{NALPath: queries.NALPath(path), SiteCode: "PS1", ResourceType: "Windows NT Server", ServerName: "DP1.corp.example",
				SiteName: "Berlin", Description: "Rack 3", IsPullDP: true, RateLimited: true, Scheduled: true, GroupCount: 2, Priority: 200}})
	})
	t.Run("status of distribution points", func(t *testing.T) {
		ask(t, row("LastStatusTime", null, "MessageState", "4", "NALPath", path, "Name", "DP1", "NumberErrors", "1", "NumberInProgress", "2", "NumberInstalled", "3", "NumberUnknown", "4"),
			func(s *cim.Session) (any, error) { return queries.Collect(queries.DPStatusInfos(t.Context(), s)) }, "SMS_DPStatusInfo",
			[]queries.DPStatusInfo{{NALPath: queries.NALPath(path), Name: "DP1", MessageState: 4, NumberErrors: 1, NumberInProgress: 2, NumberInstalled: 3, NumberUnknown: 4}})
	})
	t.Run("contents", func(t *testing.T) {
		ask(t, row("LastUpdateDate", null, "NumberErrors", "1", "NumberInProgress", "2", "NumberSuccess", "3", "NumberUnknown", "4", "ObjectID", "ScopeId_1/Application_2", "ObjectType", "512",
			"PackageID", "PS100039", "SoftwareName", "Browser & Co", "SourceSite", "PS1", "SourceSize", "2048", "SourceVersion", "1", "Targeted", "10"),
			func(s *cim.Session) (any, error) { return queries.Collect(queries.Contents(t.Context(), s)) }, "SMS_ObjectContentExtraInfo",
			[]queries.Content{{ObjectID: "ScopeId_1/Application_2", PackageID: "PS100039", ObjectType: 512, SoftwareName: "Browser & Co", SourceSite: "PS1", SourceVersion: 1,
				SourceSize: 2048, Targeted: 10, NumberSuccess: 3, NumberInProgress: 2, NumberErrors: 1, NumberUnknown: 4}})
	})
	t.Run("packages", func(t *testing.T) {
		ask(t, row("ActionInProgress", "1", "LastRefreshTime", datetime("1990-01-01T00:00:00Z"), "Manufacturer", "Example", "Name", "Browser", "PackageID", "PS100039", "PackageSize", "10",
			"PackageType", "0", "PkgSourceFlag", "2", "PkgSourcePath", `\\files\browser`, "SourceDate", null, "SourceSite", "PS1", "SourceVersion", "3", "Version", "1.0"),
			func(s *cim.Session) (any, error) {
				return queries.Collect(queries.Packages(t.Context(), s, queries.Eq("SourceSite", "PS1")))
			},
			"SMS_PackageBaseclass WHERE SourceSite = 'PS1'",
			[]queries.Package{{PackageID: "PS100039", Name: "Browser", Manufacturer: "Example", Version: "1.0", SourceSite: "PS1", SourceVersion: 3, PackageSize: 10,
				SourceFlag: queries.SourceDirect, SourcePath: `\\files\browser`, LastRefreshTime: at(t, "1990-01-01T00:00:00Z"), Action: queries.ActionUpdate}})
	})
	t.Run("sites", func(t *testing.T) {
		ask(t, row("BuildNumber", "9128", "Mode", "0", "ReportingSiteCode", "CAS", "ServerName", "ps1.corp.example", "SiteCode", "PS1", "SiteName", "Berlin", "Status", "1", "Type", "2", "Version", "5.00.9128.1000"),
			func(s *cim.Session) (any, error) { return queries.Collect(queries.Sites(t.Context(), s)) }, "SMS_Site",
			[]queries.Site{{SiteCode: "PS1", SiteName: "Berlin", ServerName: "ps1.corp.example", Type: queries.SitePrimary, Status: queries.SiteActive,
				ReportingSiteCode: "CAS", Version: "5.00.9128.1000", BuildNumber: 9128}})
	})
	t.Run("groups", func(t *testing.T) {
		ask(t, row("ContentCount", "5", "Description", null, "GroupID", "{1}", "MemberCount", "3", "Name", "All", "OutOfSyncContentCount", "1", "SourceSite", "CAS"),
			func(s *cim.Session) (any, error) { return queries.Collect(queries.Groups(t.Context(), s)) }, "SMS_DistributionPointGroup",
			[]queries.DPGroup{{GroupID: "{1}", Name: "All", SourceSite: "CAS", MemberCount: 3, ContentCount: 5, OutOfSyncContentCount: 1}})
	})
	t.Run("members", func(t *testing.T) {
		ask(t, row("DPNALPath", path, "GroupID", "{1}"),
			func(s *cim.Session) (any, error) { return queries.Collect(queries.GroupMembers(t.Context(), s)) }, "SMS_DPGroupMembers",
			[]queries.DPGroupMember{{GroupID: "{1}", DPNALPath: queries.NALPath(path)}})
	})
	t.Run("drives", func(t *testing.T) {
		ask(t, row("BytesFree", "100", "BytesTotal", "-1", "Drive", "E", "NALPath", path, "PercentFree", "1", "Status", "112"),
			func(s *cim.Session) (any, error) { return queries.Collect(queries.Drives(t.Context(), s)) }, "SMS_DistributionPointDriveInfo",
			[]queries.Drive{{NALPath: queries.NALPath(path), Drive: "E", BytesFree: 100, BytesTotal: -1, PercentFree: 1, Status: 112}})
	})
}

func TestMessagesAndDetails(t *testing.T) {
	session, s := newSession(t,
		page(row("Component", "SMS_DISTRIBUTION_MANAGER", "InsString1", "Browser", "InsString2", null, "InsString3", "PS100039", "MachineName", "PS1SRV", "MessageID", "2302",
			"RecordID", "72057594037927937", "Severity", "3221225472", "SiteCode", "PS1", "Time", datetime("2026-01-02T03:04:05Z"), "Win32Error", "2147942405")),
		page(row("ID", "-1", "LastStatusTime", null, "MessageID", "2384", "MessageSeverity", "1073741824", "MessageState", "1", "NALPath", "x", "PackageID", "", "SiteCode", "PS1",
			"StatusMsgID", "72057594037927937")),
	)
	messages, err := queries.Collect(queries.Select[queries.StatusMessage](queries.Eq("Component", queries.DistributionManager)).Run(t.Context(), session))
	if err != nil {
		t.Fatal(err)
	}
	want := []queries.StatusMessage{{RecordID: 1<<56 + 1, MessageID: 2302, Severity: queries.SeverityError, Time: at(t, "2026-01-02T03:04:05Z"),
		Component: queries.DistributionManager, MachineName: "PS1SRV", SiteCode: "PS1", Win32Error: 0x80070005,
		Inserts: queries.Inserts{InsString1: "Browser", InsString3: "PS100039"}}}
	if diff := cmp.Diff(want, messages); diff != "" {
		t.Error(diff)
	}
	if got := messages[0].Cause().Name; got != "access-denied" {
		t.Errorf("the cause is %s", got)
	}
	if got, want := messages[0].Text(), "the package could not be processed: Browser, PS100039"; got != want {
		t.Errorf("the text is %q, want %q", got, want)
	}
	details, err := queries.Collect(queries.Select[queries.DPStatusDetail]().Run(t.Context(), session))
	if err != nil || len(details) != 1 {
		t.Fatalf("%d rows, %v", len(details), err)
	}
	if d := details[0]; d.ID != -1 || d.StatusMsgID != 1<<56+1 || d.Cause().Name != "unknown" || d.Text() != "the content's hash is right" {
		t.Errorf("%+v: %s, %s", d, d.Cause().Name, d.Text())
	}
	if len(s.asked) != 2 {
		t.Errorf("%d requests", len(s.asked))
	}
}

func TestLocate(t *testing.T) {
	local := func(code, machine, own string) string {
		return row("Machine", machine, "NamespacePath", `\\`+machine+`\root\sms\site_`+code, "ProviderForLocalSite", own, "SiteCode", code)
	}
	for _, tt := range []struct {
		name, answer, err string
		want              queries.Location
	}{
		{name: "one", answer: page(local("PS1", "ps1.corp.example", "true")),
			want: queries.Location{Site: "PS1", Namespace: "root/sms/site_PS1", Machines: []string{"ps1.corp.example"}}},
		{name: "several providers, and another site", answer: page(local("CAS", "cas.corp.example", "false"), local("PS1", "a", "true"), local("ps1", "b", "TRUE")),
			want: queries.Location{Site: "PS1", Namespace: "root/sms/site_PS1", Machines: []string{"a", "b"}}},
		{name: "none", answer: page(local("CAS", "cas.corp.example", "false")),
			err: "locate the site at http://site.example:5985/wsman: no SMS Provider of its own site is listed in root/sms:" +
				" check that it is a site server and that the account may read there, or name the site code"},
		{name: "two sites", answer: page(local("PS1", "a", "true"), local("PS2", "b", "true")),
			err: "locate the site at http://site.example:5985/wsman: it says that it belongs to PS1 and to PS2: name the site code"},
		{name: "a code that is none", answer: page(local("../x", "a", "true")),
			err: `locate the site at http://site.example:5985/wsman: SMS_ProviderLocation: "../x" is not a site code: it has three letters or digits`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			session, s := newSession(t, tt.answer)
			got, err := queries.Locate(t.Context(), session.Client)
			if message(err) != tt.err {
				t.Fatalf("error %q, want %q", message(err), tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if uri := s.asked[0].ResourceURI; !strings.HasSuffix(uri, "/wmi/root/sms/*") {
				t.Errorf("asked %s", uri)
			}
		})
	}
	t.Run("a fault is kept", func(t *testing.T) {
		session, _ := newSession(t, fault("2147749891"))
		if _, err := queries.Locate(t.Context(), session.Client); !errors.Is(err, wsman.ErrAccessDenied) {
			t.Errorf("error %v, want access denied", err)
		}
	})
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRowsBeforeAnErrorAreKept(t *testing.T) {
	session, _ := newSession(t, `<n:EnumerateResponse><n:EnumerationContext>c</n:EnumerationContext><w:Items>`+
		row("DPNALPath", "x", "GroupID", "g")+`</w:Items></n:EnumerateResponse>`, fault("5"))
	got, err := queries.Collect(queries.GroupMembers(t.Context(), session))
	if !errors.Is(err, wsman.ErrAccessDenied) {
		t.Errorf("error %v, want access denied", err)
	}
	if diff := cmp.Diff([]queries.DPGroupMember{{GroupID: "g", DPNALPath: "x"}}, got); diff != "" {
		t.Error(diff)
	}
}

func TestManyPackagesTakeSeveralQueries(t *testing.T) {
	var ids []queries.PackageID
	for i := range queries.MaxIn + 1 {
		ids = append(ids, queries.PackageID("PS1"+strings.Repeat("0", 3)+string(rune('A'+i/26))+string(rune('A'+i%26))))
	}
	session, s := newSession(t, page(), page())
	if _, err := queries.Collect(queries.Causes(t.Context(), session, ids...)); err != nil {
		t.Fatal(err)
	}
	if len(s.asked) != 2 || !strings.HasSuffix(s.queries()[1], "PackageID = 'PS1000BY'") {
		t.Errorf("asked %q", s.queries())
	}
}

func TestSmallFacts(t *testing.T) {
	if c := (queries.Content{ObjectType: 512}); c.Type() != queries.TypeApplication {
		t.Errorf("object type 512 is %v", c.Type())
	}
	if c := (queries.Content{ObjectType: 258}); c.Type() != queries.TypeBootImage {
		t.Errorf("object type 258 is %v", c.Type())
	}
	d := queries.DistributionPointInfo{NALPath: queries.NALPath(nal("dp1.corp.example", "PS1"))}
	if d.Server() != "dp1.corp.example" || d.Cloud() {
		t.Errorf("server %q, cloud %v", d.Server(), d.Cloud())
	}
	if d.ResourceType = "Windows Azure"; !d.Cloud() {
		t.Error("a resource of another type is no cloud distribution point")
	}
	for typ, versioned := range map[queries.PackageType]bool{queries.TypePackage: true, queries.TypeApplication: false} {
		if typ.Versioned() != versioned {
			t.Errorf("%v versioned: %v", typ, typ.Versioned())
		}
	}
	for text, happened := range map[string]bool{
		"1970-01-01T00:00:00Z": false, "1980-01-01T00:00:00Z": false, "19900101000000.000000+***": false,
		"1989-12-31T23:00:00Z": false, "2026-01-02T03:04:05Z": true,
	} {
		if got, ok := queries.Happened(at(t, text)); ok != happened || !got.IsZero() != happened {
			t.Errorf("%s happened: %v, %v", text, got, ok)
		}
	}
	if _, ok := queries.Happened(cim.Datetime{}); ok {
		t.Error("no time has happened")
	}
}

func TestPackageClasses(t *testing.T) {
	for typ, want := range map[queries.PackageType]string{
		queries.TypePackage: "SMS_Package", queries.TypeDriver: "SMS_DriverPackage", queries.TypeTaskSequence: "SMS_TaskSequencePackage",
		queries.TypeSoftwareUpdates: "SMS_SoftwareUpdatesPackage", queries.TypeDeviceSetting: "SMS_DeviceSettingPackage",
		queries.TypeVirtualApp: "", queries.TypeApplication: "SMS_ContentPackage", queries.TypeImage: "SMS_ImagePackage",
		queries.TypeBootImage: "SMS_BootImagePackage", queries.TypeOSInstall: "SMS_OperatingSystemInstallPackage", queries.TypeVHD: "SMS_VhdPackage",
	} {
		got, ok := queries.PackageClassOf(typ)
		if got.Name != want || ok != (want != "") {
			t.Errorf("the class of %v is %q, %v; want %q", typ, got.Name, ok, want)
		}
		if harmful := typ == queries.TypeTaskSequence; (got.Harm != "") != harmful {
			t.Errorf("%v: harm %q", typ, got.Harm)
		}
	}
}

func TestContextEndsAQuery(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	session := &cim.Session{Client: wsman.NewClient(refusing{}, wsman.Options{Retries: -1}), Namespace: "root/sms/site_PS1"}
	if _, err := queries.Collect(queries.Sites(ctx, session)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that the context was cancelled", err)
	}
}

// refusing is a transport that only knows the context.
type refusing struct{}

func (refusing) RoundTrip(ctx context.Context, _ *wsman.Request) (*wsman.Response, error) {
	return nil, ctx.Err()
}

func (refusing) Close() error { return nil }
