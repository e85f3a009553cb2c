package queries_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dpremote/queries"
	"dpremote/wsman"
)

const classURI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/sms/site_PS1/SMS_DistributionPoint"

func TestRefresh(t *testing.T) {
	path := nal("DP1.corp.example", "S21")
	keys := queries.Keys{PackageID: "PS100039", ServerNALPath: queries.NALPath(path), SiteCode: "S21"}
	selectors := []wsman.Selector{{Name: "PackageID", Value: "PS100039"}, {Name: "ServerNALPath", Value: path}, {Name: "SiteCode", Value: "S21"}}
	stored := instance("SMS_DistributionPoint", "ISVString", null, "PackageID", "PS100039", "RefreshNow", "false",
		"ServerNALPath", nal("dp1.CORP.example", "s21"), "SiteCode", "s21", "SourceSite", "CAS")
	put := request{Action: wsman.NamespaceTransfer + "/Put", ResourceURI: classURI, Selectors: selectors, Body: map[string]string{
		"PackageID": "PS100039", "RefreshNow": "true", "ServerNALPath": path, "SiteCode": "S21",
	}}
	get := request{Action: wsman.NamespaceTransfer + "/Get", ResourceURI: classURI, Selectors: selectors}
	whole := put
	whole.Body = map[string]string{"ISVString": "", "PackageID": "PS100039", "RefreshNow": "true",
		"ServerNALPath": nal("dp1.CORP.example", "s21"), "SiteCode": "s21", "SourceSite": "CAS"}
	other := instance("SMS_DistributionPoint", "PackageID", "PS100040", "ServerNALPath", path, "SiteCode", "S21")
	keyless := instance("SMS_DistributionPoint", "RefreshNow", "false")
	const mismatch = ` at http://site.example:5985/wsman: the server answered with another instance: `
	target := ` root/sms/site_PS1:SMS_DistributionPoint.PackageID=PS100039,ServerNALPath=` + path + `,SiteCode=S21`
	for _, tt := range []struct {
		name    string
		full    bool
		answers []string
		asked   []request
		err     string
		retry   wsman.Retry
	}{
		{name: "keys and RefreshNow", answers: []string{stored}, asked: []request{put}},
		{name: "an empty answer", answers: []string{""}, asked: []request{put}},
		{name: "another instance answers", answers: []string{other}, asked: []request{put}, retry: wsman.RetryUnknown,
			err: "put" + target + mismatch + "PS100040 on DP1.corp.example (site S21) in place of PS100039 on DP1.corp.example (site S21)"},
		{name: "an answer without keys", answers: []string{keyless}, asked: []request{put}, retry: wsman.RetryUnknown,
			err: "put" + target + mismatch + " on  (site ) in place of PS100039 on DP1.corp.example (site S21)"},
		{name: "get, change, put", full: true, answers: []string{stored, stored}, asked: []request{get, whole}},
		{name: "another instance is fetched, and nothing put", full: true, answers: []string{other}, asked: []request{get},
			err: "get" + target + mismatch + "PS100040 on DP1.corp.example (site S21) in place of PS100039 on DP1.corp.example (site S21)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			session, s := newSession(t, tt.answers...)
			err := queries.Refresh(t.Context(), session, keys, tt.full)
			if message(err) != tt.err {
				t.Errorf("error\n%q, want\n%q", message(err), tt.err)
			}
			if diff := cmp.Diff(tt.asked, s.asked); diff != "" {
				t.Error(diff)
			}
			if err == nil {
				return
			}
			var failure *wsman.Error
			if !errors.As(err, &failure) || !errors.Is(err, queries.ErrOtherInstance) || failure.Retry != tt.retry {
				t.Errorf("error %#v, want ErrOtherInstance with retry %v", err, tt.retry)
			}
		})
	}
	for _, full := range []bool{false, true} {
		session, s := newSession(t, fault("2147749890"))
		if err := queries.Refresh(t.Context(), session, keys, full); !errors.Is(err, wsman.ErrNotFound) {
			t.Errorf("full %v: error %v, want not found", full, err)
		}
		if len(s.asked) != 1 {
			t.Errorf("full %v: %d requests after a fault", full, len(s.asked))
		}
	}
}

func TestKeys(t *testing.T) {
	a := queries.Keys{PackageID: "PS10003A", ServerNALPath: queries.NALPath(nal("DP1", "PS1")), SiteCode: "PS1"}
	b := queries.Keys{PackageID: "ps10003a", ServerNALPath: queries.NALPath(nal("dp1", "ps1")), SiteCode: "ps1"}
	if a.RowKey() != b.RowKey() {
		t.Errorf("%+v and %+v differ", a.RowKey(), b.RowKey())
	}
	for name, other := range map[string]queries.Keys{
		"package": {PackageID: "PS10003B", ServerNALPath: a.ServerNALPath, SiteCode: a.SiteCode},
		"server":  {PackageID: a.PackageID, ServerNALPath: queries.NALPath(nal("DP10", "PS1")), SiteCode: a.SiteCode},
		"site":    {PackageID: a.PackageID, ServerNALPath: a.ServerNALPath, SiteCode: "PS2"},
	} {
		if other.RowKey() == a.RowKey() {
			t.Errorf("another %s has the same key", name)
		}
	}
	row := queries.PackageStatusDP{Keys: b}
	want := []wsman.Selector{{Name: "PackageID", Value: "ps10003a"}, {Name: "ServerNALPath", Value: nal("dp1", "ps1")}, {Name: "SiteCode", Value: "ps1"}}
	if diff := cmp.Diff(want, row.Selectors()); diff != "" {
		t.Errorf("the keys are not as they came: %s", diff)
	}
}
