package distribution

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/cim"
	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

// TestVerdictTable gives each row of the table the least evidence that it asks
// for: that row must be taken, and no earlier one.
func TestVerdictTable(t *testing.T) {
	for i, r := range rules() {
		t.Run(r.told+" "+r.why, func(t *testing.T) {
			taken := slices.IndexFunc(rules(), func(other rule) bool { return other.applies(r.told, r.signs) })
			if taken != i {
				t.Errorf("row %d hides row %d", taken, i)
			}
			v := r.finding()
			if v.Why == "" || v.Words == "" || v.Advice == "" {
				t.Errorf("something is missing: %+v", v)
			}
			if _, known := queries.CauseNamed(r.told); r.told != "" && !known {
				t.Errorf("no message tells %s", r.told)
			}
			if cause, ok := queries.CauseNamed(r.why); ok && cause.Hopeless() != (r.resend == CuresNo) {
				t.Errorf("a refresh cures: %s, and %s has the remedy %s", r.resend, r.why, cause.Remedy)
			}
		})
	}
	for _, c := range queries.AllCauses() {
		if !slices.ContainsFunc(rules(), func(r rule) bool { return r.why == c.Name }) {
			t.Errorf("no row gives %s", c.Name)
		}
	}
}

func failedDossier() dossier {
	return dossier{row: Row{PackageStatusDP: queries.PackageStatusDP{State: queries.StateFailed, PackageType: queries.TypePackage}}}
}

func status(id uint32, strings ...string) *queries.DPStatus {
	s := &queries.DPStatus{MessageID: id}
	for i, text := range strings {
		*[]*string{&s.InsString1, &s.InsString2}[i] = text
	}
	return s
}

func TestJudge(t *testing.T) {
	dp := nal("DP01.corp.example", "PS1")
	about := func(id, win32 uint32, path queries.NALPath) queries.PackageMessage {
		return queries.PackageMessage{PackageID: "PS100001", DP: path, StatusMessage: queries.StatusMessage{MessageID: id, Win32Error: win32}}
	}
	full, roomy := queries.Drive{BytesFree: 10, BytesTotal: 1 << 20}, queries.Drive{BytesFree: 1 << 29, BytesTotal: 1 << 30}
	unknownSize := queries.Drive{BytesFree: 0, BytesTotal: -1}
	limited := &queries.DistributionPointInfo{Scheduled: true}
	type want struct {
		why        string
		confidence Confidence
		resend     Cures
	}
	for _, tt := range []struct {
		name string
		make func(*dossier)
		want want
	}{
		{"being removed", func(c *dossier) { c.row.Deleted = true; c.status = status(2382) }, want{"being-removed", Certain, CuresNo}},
		{"removal failed", func(c *dossier) { c.row.State = queries.StateRemovalFailed }, want{"being-removed", Certain, CuresNo}},
		{"installed", func(c *dossier) { c.row.State = queries.StateInstalled }, want{"none", Certain, CuresNo}},
		{"application on the site server", func(c *dossier) {
			c.row.OnSiteServer, c.row.PackageType, c.status = true, queries.TypeApplication, status(8203)
		}, want{"site-server", Certain, CuresNo}},
		{"package on the site server", func(c *dossier) { c.row.OnSiteServer = true; c.status = status(2382) }, want{"hash-mismatch", Certain, CuresYes}},
		{"maintenance", func(c *dossier) { c.maintenance = &queries.DPMaintenance{MaintenanceMode: 1} }, want{"maintenance", Likely, CuresNo}},
		{"disk full", func(c *dossier) { c.status = status(2328, "0x80070070"); c.drives = []queries.Drive{roomy, full} }, want{"disk-full", Certain, CuresNo}},
		{"the last copy met a full disk", func(c *dossier) {
			c.status, c.drives = status(2328, "0x80070070"), []queries.Drive{{BytesTotal: 1 << 30, BytesFree: 1 << 29, Status: 112}}
		}, want{"disk-full", Certain, CuresNo}},
		{"disk was full", func(c *dossier) { c.status = status(2328, "0x80070070"); c.drives = []queries.Drive{roomy} }, want{"disk-was-full", Likely, CuresYes}},
		{"disk full, room not known", func(c *dossier) { c.status = status(2328, "0x80070070") }, want{"disk-full", Likely, CuresNo}},
		{"source missing", func(c *dossier) { c.status = status(2306) }, want{"source-missing", Certain, CuresNo}},
		{"access denied", func(c *dossier) { c.status = status(2328, "0x80070005") }, want{"access-denied", Certain, CuresNo}},
		{"offline", func(c *dossier) { c.status = status(2391) }, want{"dp-offline", Certain, CuresNo}},
		{"hash wrong", func(c *dossier) { c.status = status(2382) }, want{"hash-mismatch", Certain, CuresYes}},
		{"hash not checked", func(c *dossier) { c.status = status(2383) }, want{"hash-mismatch", Likely, CuresYes}},
		{"content missing at the site", func(c *dossier) { c.status = status(8203, "0x80070003") }, want{"content-missing", Likely, CuresNo}},
		{"content missing for its source", func(c *dossier) {
			c.status, c.messages = status(8203, "0x80070003"), []queries.PackageMessage{about(2306, 3, "")}
		}, want{"source-missing", Likely, CuresNo}},
		{"prestaged", func(c *dossier) { c.status = status(2371) }, want{"waits-for-prestaged", Certain, CuresNo}},
		{"waits for content", func(c *dossier) { c.status = status(2372) }, want{"waits-for-content", Certain, CuresNo}},
		{"cancelled", func(c *dossier) { c.status = status(8203, "0x800704C7") }, want{"cancelled", Certain, CuresYes}},
		{"broke off", func(c *dossier) { c.status = status(8203, "0x80070079") }, want{"interrupted", Likely, CuresYes}},
		{"broke off, the schedule is closed", func(c *dossier) {
			c.status, c.dp, c.jobs = status(8203, "0x80070079"), limited, []queries.Job{{State: queries.JobPending}}
		}, want{"closed", Likely, CuresNo}},
		{"schedule closed", func(c *dossier) { c.dp, c.jobs = limited, []queries.Job{{State: queries.JobPending}} }, want{"closed", Likely, CuresNo}},
		{"transfer runs", func(c *dossier) { c.dp, c.jobs = limited, []queries.Job{{State: queries.JobInProgress}} }, want{"in-transfer", Likely, CuresNo}},
		{"drive full, no message", func(c *dossier) { c.drives = []queries.Drive{full} }, want{"disk-full", Guess, CuresNo}},
		{"pending without a transfer", func(c *dossier) { c.row.State = queries.StatePending }, want{"lost-request", Guess, CuresYes}},
		{"stale", func(c *dossier) { c.row.State = queries.StateStale }, want{"stale", Likely, CuresYes}},
		{"stale, and on its way", func(c *dossier) {
			c.row.State, c.jobs = queries.StateStale, []queries.Job{{State: queries.JobInProgress}}
		}, want{"in-transfer", Likely, CuresNo}},
		{"stale for its source", func(c *dossier) {
			c.row.State, c.messages = queries.StateStale, []queries.PackageMessage{about(2306, 0, "")}
		}, want{"source-missing", Guess, CuresNo}},
		{"stuck in the queue", func(c *dossier) {
			c.row.State, c.jobs = queries.StateStuck, []queries.Job{{State: queries.JobPendingRestart}}
		}, want{"stuck", Likely, CuresYes}},
		{"stuck, the schedule is closed", func(c *dossier) {
			c.row.State, c.dp, c.jobs = queries.StateStuck, limited, []queries.Job{{State: queries.JobPending}}
		}, want{"closed", Guess, CuresNo}},
		{"stuck and not in the queue", func(c *dossier) { c.row.State = queries.StateStuck }, want{"lost-request", Likely, CuresYes}},
		{"stuck for its source", func(c *dossier) {
			c.row.State, c.messages = queries.StateStuck, []queries.PackageMessage{about(2306, 0, "")}
		}, want{"source-missing", Guess, CuresNo}},
		{"stuck on a full disk", func(c *dossier) {
			c.row.State, c.status, c.drives = queries.StateStuck, status(2328, "0x80070070"), []queries.Drive{full}
		}, want{"disk-full", Certain, CuresNo}},
		{"larger than the room", func(c *dossier) {
			c.status, c.drives, c.row.SizeKB = status(2328, "0x80070070"), []queries.Drive{roomy}, 1<<29+1
		}, want{"disk-full", Certain, CuresNo}},
		{"nothing known", func(c *dossier) { c.drives = []queries.Drive{unknownSize} }, want{"unknown", Guess, CuresUnknown}},
		{"a message that nobody knows", func(c *dossier) { c.status = status(2345, "what", "ever") }, want{"unknown", Guess, CuresUnknown}},
		{"details tell", func(c *dossier) {
			c.status = status(2345)
			c.details = []queries.DPStatusDetail{{PackageID: "PS100001", MessageID: 2382}}
		}, want{"hash-mismatch", Likely, CuresYes}},
		{"details of the distribution point tell", func(c *dossier) {
			c.details = []queries.DPStatusDetail{{MessageID: 2391}}
		}, want{"dp-offline", Guess, CuresNo}},
		{"a status message of the row tells", func(c *dossier) {
			c.messages = []queries.PackageMessage{about(2302, 0, ""), about(2328, 5, dp)}
		}, want{"access-denied", Likely, CuresNo}},
		{"what was overcome tells nothing", func(c *dossier) {
			c.messages = []queries.PackageMessage{about(2330, 0, dp), about(2328, 5, dp)}
		}, want{"unknown", Guess, CuresUnknown}},
		{"a message about the package tells", func(c *dossier) {
			c.messages = []queries.PackageMessage{about(2302, 5, "")}
		}, want{"access-denied", Guess, CuresNo}},
		{"the source was read since", func(c *dossier) {
			c.status, c.messages = status(8203, "0x80070003"), []queries.PackageMessage{about(2376, 0, ""), about(2306, 3, "")}
		}, want{"content-missing", Likely, CuresNo}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := failedDossier()
			tt.make(&c)
			v := c.judge()
			if diff := cmp.Diff(tt.want, want{v.Why, v.Confidence, v.Resend}, cmp.AllowUnexported(want{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// examine asks sites of a world for what failed.
func (w *world) examine(codes ...string) []*Examination {
	w.t.Helper()
	var all []*Examination
	for _, code := range codes {
		x, err := Examine(w.t.Context(), w.site(code), ExamineFor{
			LookFor: LookFor{Filter: queries.Filter{States: []queries.State{queries.StateFailed}}}, Since: time.Now().Add(-30 * 24 * time.Hour),
			Packages: []queries.PackageID{"PS100001", "PS1NOPE0"}})
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, x)
	}
	return all
}

func TestDiagnoseWorld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		all := w.examine("CAS", "PS1", "PS2")
		diagnoses := Diagnose(all)
		got := map[string]int{}
		for _, d := range diagnoses {
			got[d.Why+" "+d.Confidence.String()+" "+d.Resend.String()]++
			if len(d.Evidence) == 0 || d.Advice == "" || strings.EqualFold(d.Owner.Name, "CAS") {
				t.Errorf("%s: %d lines of evidence, advice %q, from %s", d.Keys, len(d.Evidence), d.Advice, d.Owner.Name)
			}
			records := map[int64]bool{}
			for _, e := range d.Evidence {
				if e.RecordID != 0 && records[e.RecordID] {
					t.Errorf("%s: message %d is told twice", d.Keys, e.RecordID)
				}
				records[e.RecordID] = true
			}
		}
		want := map[string]int{"interrupted likely yes": 9, "disk-full certain no": 2, "hash-mismatch certain yes": 1, "source-missing certain no": 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[queries.PackageID]bool{"PS100001": true}, all[1].Known); diff != "" {
			t.Error(diff)
		}
		if storms := Storms(all); len(storms) > 0 {
			t.Errorf("%+v", storms)
		}
	})
}

// TestDiagnoseThatRoomWasMade follows a disk from full to roomy: the verdict
// turns before the row's message does.
func TestDiagnoseThatRoomWasMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.hierarchy.Fix(simulator.Target{}, simulator.DiskFull)
		got := map[string]int{}
		for _, d := range Diagnose(w.examine("PS1")) {
			got[d.Why]++
		}
		want := map[string]int{"interrupted": 4, "disk-was-full": 2, "hash-mismatch": 1}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestDiagnoseStorm sends a row again and again, though its disk is full.
func TestDiagnoseStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var row queries.PackageStatusDP
		for _, d := range Diagnose(w.examine("PS1")) {
			if d.Why == "disk-full" {
				row = d.PackageStatusDP
			}
		}
		site := w.site("PS1")
		for range stormAt {
			if err := queries.Refresh(t.Context(), site.Session, row.Keys, false); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Minute) // in the bubble's time
		}
		storms := Storms(w.examine("CAS", "PS1"))
		if len(storms) != 1 {
			t.Fatalf("%d storms", len(storms))
		}
		s := storms[0]
		if s.PackageID != row.PackageID || s.Site != "PS1" || s.Failures < stormAt || s.Seen.Name != "PS1" ||
			s.DP != strings.ToLower(row.ServerNALPath.Server()) {
			t.Errorf("%+v", s)
		}
	})
}

// TestExamineSites that do not know everything, or fail.
func TestExamineSites(t *testing.T) {
	for _, tt := range []struct {
		name, about string
		subcode     string
		fails       bool
	}{
		{"no maintenance mode", "MaintenanceMode", "wsman:SchemaValidationError", false},
		{"no rights to maintenance mode", "MaintenanceMode", "wsman:AccessDenied", true},
		{"no messages", "SMS_StatMsgWithInsStrings", "wsman:InternalError", true},
		{"no jobs", "SMS_DistributionJob", "wsman:InternalError", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.answer = func(_ string, req *wsman.Request) (*wsman.Response, error) {
					if !bytes.Contains(req.Body, []byte(tt.about)) {
						return nil, nil
					}
					return fault(tt.subcode), nil
				}
				_, err := Examine(t.Context(), w.site("PS1"), ExamineFor{LookFor: LookFor{Filter: queries.Filter{States: []queries.State{queries.StateFailed}}}})
				if (err != nil) != tt.fails {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

func fault(subcode string) *wsman.Response {
	return &wsman.Response{Status: http.StatusInternalServerError, ContentType: "application/soap+xml;charset=UTF-8", Body: []byte(
		`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:wsman="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Body><s:Fault>` +
			`<s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>` + subcode + `</s:Value></s:Subcode></s:Code>` +
			`<s:Reason><s:Text xml:lang="en-US">no</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>`)}
}

func TestExamineNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		x, err := Examine(t.Context(), w.site("PS1"), ExamineFor{LookFor: LookFor{Filter: queries.Filter{States: []queries.State{queries.StateRemovalFailed}}}})
		if err != nil {
			t.Fatal(err)
		}
		if x.Blind || len(Diagnose([]*Examination{x})) != 0 {
			t.Errorf("blind %v, %d rows", x.Blind, len(x.View.Rows))
		}
	})
}

func TestEvidence(t *testing.T) {
	c := failedDossier()
	c.status = status(2328, "PS100001", "0x80070070")
	c.status.LastStatusID, c.status.LastUpdateDate = 7, cim.Datetime{Time: noon}
	c.details = []queries.DPStatusDetail{{MessageID: 2391, StatusMsgID: 8, LastStatusTime: cim.Datetime{Time: noon.Add(time.Minute)}}, {StatusMsgID: 7}}
	old := messageAt(-5, 2345, "PS100001", "", "what", "ever")
	old.Win32Error = 1450
	c.messages = []queries.PackageMessage{{StatusMessage: queries.StatusMessage{RecordID: 7}}, old}
	c.jobs = []queries.Job{{Action: queries.ActionAdd, State: queries.JobPendingRestart, PackageVersion: 3, RetryCount: 2}}
	c.dp = &queries.DistributionPointInfo{RateLimited: true}
	c.drives = []queries.Drive{{Drive: "E:", BytesFree: 2048, BytesTotal: 4096, PercentFree: 50, Status: 112}, {Drive: "F:", BytesTotal: -1}}
	c.maintenance = &queries.DPMaintenance{}
	want := []string{
		"2026-11-02 12:01:00Z details 2391: the distribution point cannot be reached",
		"2026-11-02 12:00:00Z status 2328: the package could not be copied to the distribution point: PS100001, 0x80070070",
		"2026-11-02 11:55:00Z message: message 2345: what, ever (error 1450)",
		"job: add of version 3 is pending restart, tried again 2 times",
		"maintenance: the distribution point is in maintenance mode",
		"dp: content is sent to it by a schedule or rate limit",
		"drive: E: has 2 MB free of 4 MB (50 %), the last copy ended with error 112",
		"drive: F: has 0 MB free",
	}
	var got []string
	for _, e := range c.evidence() {
		got = append(got, e.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for range 2 * messagesKept {
		c.messages = append(c.messages, old)
	}
	if n := len(c.evidence()); n != len(want)-1+messagesKept {
		t.Errorf("%d lines of evidence", n)
	}
}

// TestExamineBlind: an account without rights sees no distribution points, just
// as if there were none.
func TestExamineBlind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := strictly(t, simulator.Model{Sites: []simulator.Site{{Code: "PS9", Packages: 2}}}, simulator.Options{})
		w := &world{t: t, hierarchy: h}
		if x := w.examine("PS9")[0]; !x.Blind || len(x.Known) != 0 {
			t.Errorf("blind %v, knows %v", x.Blind, x.Known)
		}
	})
}
