package distribution

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/cim"
	"dpremote/queries"
)

func nal(server, site string) queries.NALPath {
	return queries.NALPath(`["Display=\\` + server + `\"]MSWNET:["SMS_SITE=` + site + `"]\\` + server + `\`)
}

var noon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func messageAt(minutes int, id uint32, pkg queries.PackageID, dp queries.NALPath, strings ...string) queries.PackageMessage {
	m := queries.PackageMessage{PackageID: pkg, DP: dp, StatusMessage: queries.StatusMessage{MessageID: id, SiteCode: "PS1",
		RecordID: int64(minutes)<<20 + int64(id), Time: cim.Datetime{Time: noon.Add(time.Duration(minutes) * time.Minute)}}}
	for i, text := range strings {
		*[]*string{&m.InsString1, &m.InsString2, &m.InsString3}[i] = text
	}
	return m
}

func TestFindStorms(t *testing.T) {
	dp1, dp2 := nal("DP01.corp.example", "PS1"), nal("DP02.corp.example", "PS1")
	tries := func(pkg queries.PackageID, n, from, gap int) []queries.PackageMessage {
		var all []queries.PackageMessage
		for i := range n {
			all = append(all, messageAt(from+i*gap, 2328, pkg, dp1), messageAt(from+i*gap, 2302, pkg, ""),
				messageAt(from+i*gap, 2339, pkg, "", "VPN", string(pkg), "S21"))
		}
		return all
	}
	sites := []queries.SiteCode{"CAS", "PS1", "S21"}
	for _, tt := range []struct {
		name     string
		messages []queries.PackageMessage
		want     []Storm
	}{
		{name: "nothing"},
		{name: "retries every half hour", messages: tries("PS100001", 40, 0, 30)},
		{name: "one try too few", messages: tries("PS100001", stormAt-1, 0, 5)},
		{name: "six in an hour and a second", messages: tries("PS100001", stormAt, 0, 12)},
		{name: "a message of a try each, so not twice as many", messages: tries("PS100001", 4, 0, 10)},
		{name: "several packages together", messages: append(tries("PS100001", 4, 0, 10), tries("PS100002", 4, 0, 10)...)},
		{name: "messages about no package", messages: tries("", 20, 0, 1)},
		{name: "a storm that straddles the hour, newest first", messages: append([]queries.PackageMessage{
			messageAt(65, 2328, "PS100001", dp2), messageAt(64, 2328, "PS100001", dp2)}, tries("PS100001", 4, 50, 3)...),
			want: []Storm{{PackageID: "PS100001", Site: "PS1", From: noon.Add(50 * time.Minute), Failures: 6, Last: noon.Add(65 * time.Minute),
				Hours: []StormHour{
					{Hour: noon, NotProcessed: 4, NotCopied: 4, Sent: 4},
					{Hour: noon.Add(time.Hour), NotCopied: 2},
				},
				Children: []queries.SiteCode{"S21"}, DP: "dp01.corp.example", DPFailures: 4, Jobs: 2, Retries: 9}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			jobs := []queries.Job{{PackageID: "ps100001", RetryCount: 9}, {PackageID: "PS100001"}, {PackageID: "PS100002", RetryCount: 50}}
			got := findStorms(nil, tt.messages, sites)
			for i := range got {
				got[i].countJobs(jobs)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWorstHour(t *testing.T) {
	at := func(minutes ...int) []time.Time {
		var all []time.Time
		for _, m := range minutes {
			all = append(all, noon.Add(time.Duration(m)*time.Minute))
		}
		return all
	}
	for _, tt := range []struct {
		name  string
		times []time.Time
		from  int
		most  int
	}{
		{"one", at(5), 5, 1},
		{"the hour ends before its end", at(0, 60), 0, 1},
		{"the first of equals", at(0, 1, 100, 101), 0, 2},
		{"the worst in the middle", at(-20, 50, 55, 58, 109, 300), 50, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from, most := worstHour(tt.times)
			if want := noon.Add(time.Duration(tt.from) * time.Minute); !from.Equal(want) || most != tt.most {
				t.Errorf("%d from %v, want %d from %v", most, from, tt.most, want)
			}
		})
	}
	if from, most := worstHour(nil); most != 0 || !from.IsZero() {
		t.Errorf("of nothing: %d from %v", most, from)
	}
}

func TestStormsOfSeveralSites(t *testing.T) {
	cas, ps1 := newWorld(t).site("CAS"), newWorld(t).site("PS1")
	storm := func(seen *Site, failures int) Storm {
		return Storm{PackageID: "PS100001", Site: "PS1", Seen: seen, Failures: failures}
	}
	a := &Examination{View: &View{Site: cas}, storms: []Storm{storm(cas, 6)}}
	b := &Examination{View: &View{Site: ps1}, storms: []Storm{storm(ps1, 7)}}
	for _, all := range [][]*Examination{{a, b}, {b, a}} {
		got := Storms(all)
		if len(got) != 1 || got[0].Seen != ps1 {
			t.Errorf("%+v, want the one that its own site shows", got)
		}
	}
}
