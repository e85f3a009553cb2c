package wire

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/wql"

	"github.com/google/go-cmp/cmp"
)

// withRows is a server whose query Q has n rows.
func withRows(t *testing.T, n int, cfg Config) *testServer {
	t.Helper()
	s := serve(t, cfg)
	r := &wql.Result{Class: dpClass}
	for i := range n {
		r.Instances = append(r.Instances, newDP("dp"+strconv.Itoa(i)))
	}
	s.provider.results["Q"] = r
	s.provider.results["SELECT * FROM SMS_DP"] = r
	return s
}

// summary is what an EnumerateResponse or PullResponse has.
type summary struct {
	Action, Context string // Context is "", "empty" or "uuid"
	ItemsIn         string // the namespace of Items; "" when absent
	Items           int
	EndIn           string // the namespace of EndOfSequence; "" when absent
}

func summarise(n node) (summary, string) {
	page := n.at("Body").Nodes[0]
	s := summary{Action: n.at("Header", "Action").Text}
	context := page.at("EnumerationContext")
	if context.XMLName.Local != "" {
		s.Context = "empty"
	}
	if strings.HasPrefix(context.Text, "uuid:") {
		s.Context = "uuid"
	}
	s.ItemsIn, s.Items = page.at("Items").XMLName.Space, len(page.at("Items").Nodes)
	s.EndIn = page.at("EndOfSequence").XMLName.Space
	return s, context.Text
}

func TestPages(t *testing.T) {
	const first, next = actionEnumerate + "Response", actionPull + "Response"
	optimize := "<w:OptimizeEnumeration/>"
	most := func(n int) string { return "<w:MaxElements>" + strconv.Itoa(n) + "</w:MaxElements>" }
	for _, c := range []struct {
		name  string
		rows  int
		cfg   Config
		parts string
		pull  int // MaxElements of each Pull
		want  []summary
	}{
		{"nothing, optimised", 0, Config{}, optimize + most(9), 9, []summary{{first, "empty", "", 0, nsWSMan}}},
		{"nothing", 0, Config{}, "", 9, []summary{{first, "uuid", "", 0, ""}, {next, "", "", 0, nsEnum}}},
		{"one, optimised", 1, Config{}, optimize + most(9), 9, []summary{{first, "empty", nsWSMan, 1, nsWSMan}}},
		{"first page holds one", 6, Config{}, optimize + most(9), 4, []summary{
			{first, "uuid", nsWSMan, 1, ""}, {next, "uuid", nsEnum, 4, ""}, {next, "", nsEnum, 1, nsEnum}}},
		{"larger first page", 6, Config{FirstPageItems: 100}, optimize + most(4), 4, []summary{
			{first, "uuid", nsWSMan, 4, ""}, {next, "", nsEnum, 2, nsEnum}}},
		{"all in the first page", 6, Config{FirstPageItems: 100}, optimize + most(9), 4, []summary{{first, "empty", nsWSMan, 6, nsWSMan}}},
		{"MaxElements absent is one", 2, Config{FirstPageItems: 100}, optimize, 9, []summary{
			{first, "uuid", nsWSMan, 1, ""}, {next, "", nsEnum, 1, nsEnum}}},
		{"not optimised", 2, Config{FirstPageItems: 100}, most(9), 9, []summary{
			{first, "uuid", "", 0, ""}, {next, "", nsEnum, 2, nsEnum}}},
		{"MaxBatchItems", 5, Config{FirstPageItems: 100, MaxBatchItems: 3}, optimize + most(9), 9, []summary{
			{first, "uuid", nsWSMan, 3, ""}, {next, "", nsEnum, 2, nsEnum}}},
		{"Pull of what is just left", 3, Config{}, optimize, 2, []summary{
			{first, "uuid", nsWSMan, 1, ""}, {next, "", nsEnum, 2, nsEnum}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := withRows(t, c.rows, c.cfg)
			m := message{action: actionEnumerate, uri: siteURI + "*", body: enumerateBody("Q", c.parts)}
			var got []summary
			var contexts []string
			for {
				page, context := summarise(s.ask(t, m))
				got = append(got, page)
				if page.EndIn != "" || len(got) > 9 {
					break
				}
				contexts = append(contexts, context)
				m = message{action: actionPull, uri: siteURI + "*", body: pullBody(context, c.pull)}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			// Every context was good once.
			for _, context := range contexts {
				want := fault{"s:Receiver", "n:InvalidEnumerationContext", "2150858779", testID, nsEnum + "/fault"}
				if d := cmp.Diff(want, s.refuse(t, message{action: actionPull, uri: siteURI + "*", body: pullBody(context, 1)})); d != "" {
					t.Error(d)
				}
			}
		})
	}
}

// TestPageSize wants pages as full as the limit allows and no fuller.
func TestPageSize(t *testing.T) {
	const rows = 300
	for _, limit := range []int{8192, 20000, 65536} {
		s := withRows(t, rows, Config{FirstPageItems: 1000, MaxEnvelopeSizeKB: 32})
		header := "<w:MaxEnvelopeSize>" + strconv.Itoa(limit) + "</w:MaxEnvelopeSize>"
		limit = min(limit, 32*1024)
		m := message{action: actionEnumerate, uri: siteURI + "*", header: header,
			body: enumerateBody("Q", "<w:OptimizeEnumeration/><w:MaxElements>1000</w:MaxElements>")}
		total := 0
		for {
			answer := s.post(t, m.text())
			page, context := summarise(readNode(t, answer.body))
			total += page.Items
			size := utf16Size(answer.body)
			item := utf16Size(answer.body) / (page.Items + 1) * 2 // more than one item takes
			if size > limit || context != "" && size < limit-item {
				t.Errorf("a page of %d items is %d bytes of %d", page.Items, size, limit)
			}
			if page.EndIn != "" {
				break
			}
			m = message{action: actionPull, uri: siteURI + "*", header: header, body: pullBody(context, 1000)}
		}
		if total != rows {
			t.Errorf("limit %d: %d items, want %d", limit, total, rows)
		}
	}
}

// TestLargeItem has an item that no page holds, between two that are small.
func TestLargeItem(t *testing.T) {
	s := withRows(t, 3, Config{FirstPageItems: 9})
	s.provider.results["Q"].Instances[1].Set("Note", strings.Repeat("x", 5000))
	small := "<w:MaxEnvelopeSize>8192</w:MaxEnvelopeSize>"
	page, context := summarise(s.ask(t, message{action: actionEnumerate, uri: siteURI + "*", header: small,
		body: enumerateBody("Q", "<w:OptimizeEnumeration/><w:MaxElements>9</w:MaxElements>")}))
	if page.Items != 1 {
		t.Fatalf("%d items, want 1", page.Items)
	}
	pull := message{action: actionPull, uri: siteURI + "*", header: small, body: pullBody(context, 9)}
	want := fault{"s:Sender", "w:EncodingLimit", "2150858824", testID, "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"}
	if d := cmp.Diff(want, s.refuse(t, pull)); d != "" {
		t.Error(d)
	}
	pull.header = ""
	if page, _ := summarise(s.ask(t, pull)); page.Items != 2 {
		t.Errorf("with a larger envelope: %d items, want 2", page.Items)
	}
}

func TestLargeFirstItemClosesEnumeration(t *testing.T) {
	s := withRows(t, 2, Config{MaxOperationsPerUser: 1})
	s.provider.results["Q"].Instances[0].Set("Note", strings.Repeat("x", 5000))
	m := message{action: actionEnumerate, uri: siteURI + "*", header: "<w:MaxEnvelopeSize>8192</w:MaxEnvelopeSize>",
		body: enumerateBody("Q", "<w:OptimizeEnumeration/>")}
	for range 2 {
		if got := s.refuse(t, m).Code; got != "2150858824" {
			t.Errorf("code %s, want 2150858824", got)
		}
	}
}

func TestItems(t *testing.T) {
	full := newDP(nalPath)
	full.Set("Flag", true)
	full.Set("Names", []repository.Value{"a", "", "b\x01<"})
	full.Set("Owner", repository.Ref{Namespace: `root\sms\site_PS1`, Class: "SMS_Site", Keys: map[string]string{"SiteCode": "PS1", "B": "2"}})
	inner := repository.New(partClass)
	inner.Set("PropertyName", "inner")
	outer := repository.New(partClass)
	outer.Set("Inner", inner)
	full.Set("Parts", []repository.Value{outer, inner})
	full.Set("Ratio", 1.5)
	full.Set("Since", repository.At(time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)))
	full.Set("Size", uint64(7))
	full.Set("Step", int64(-7))
	full.Set("Wait", repository.DatetimeValue{Interval: 100 * time.Second, IsInterval: true})
	ns, part := "{"+siteURI+"SMS_DP}", "{"+siteURI+"SMS_Part}"
	a, w := "{"+nsAddressing+"}", "{"+nsWSMan+"}"
	object := []string{
		ns + "SMS_DP type=p:SMS_DP_Type",
		" " + ns + "Flag true",
		" " + ns + "NALPath " + nalPath,
		" " + ns + "Names a",
		" " + ns + "Names",
		" " + ns + "Names b?<",
		" " + ns + "Note nil=true",
		" " + ns + "Owner",
		"  " + a + "Address " + anonymous,
		"  " + a + "ReferenceParameters",
		"   " + w + "ResourceURI " + siteURI + "SMS_Site",
		"   " + w + "SelectorSet",
		"    " + w + "Selector Name=B 2",
		"    " + w + "Selector Name=SiteCode PS1",
		" " + ns + "Parts type=p1:SMS_Part_Type",
		"  " + part + "Inner type=p2:SMS_Part_Type",
		"   " + part + "Inner nil=true",
		"   " + part + "PropertyName inner",
		"  " + part + "PropertyName nil=true",
		" " + ns + "Parts type=p3:SMS_Part_Type",
		"  " + part + "Inner nil=true",
		"  " + part + "PropertyName inner",
		" " + ns + "Ratio 1.5",
		" " + ns + "Since",
		"  {" + nsCIM + "}Datetime 2026-01-02T03:04:05.6Z",
		" " + ns + "SiteCode PS1",
		" " + ns + "Size 7",
		" " + ns + "Step -7",
		" " + ns + "Wait",
		"  {" + nsCIM + "}Interval P0DT0H1M40S",
	}
	epr := []string{
		a + "EndpointReference",
		" " + a + "Address " + anonymous,
		" " + a + "ReferenceParameters",
		"  " + w + "ResourceURI " + siteURI + "SMS_DP",
		"  " + w + "SelectorSet",
		"   " + w + "Selector Name=NALPath " + nalPath,
		"   " + w + "Selector Name=SiteCode PS1",
	}
	both := []string{w + "Item"}
	for _, line := range append(append([]string{}, object...), epr...) {
		both = append(both, " "+line)
	}
	for _, c := range []struct {
		name, mode string
		projection []string
		want       []string
	}{
		{"object", "", nil, object},
		{"object, named", "EnumerateObject", nil, object},
		{"EPR", "EnumerateEPR", nil, epr},
		{"both", "EnumerateObjectAndEPR", nil, both},
		{"projection", "", []string{"__CLASS", "Names", "Note", "Parts", "Since", "Wait"}, []string{
			w + "XmlFragment",
			" {}__CLASS SMS_DP",
			" {}Names a", " {}Names", " {}Names b?<",
			" {}Note nil=true",
			" {}Parts", "  {}Inner", "   {}Inner nil=true", "   {}PropertyName inner", "  {}PropertyName nil=true",
			" {}Parts", "  {}Inner nil=true", "  {}PropertyName inner",
			" {}Since", "  {}Datetime 2026-01-02T03:04:05.6Z",
			" {}Wait", "  {}Interval P0DT0H1M40S",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Config{})
			s.provider.results["Q"] = &wql.Result{Class: dpClass, Instances: []*repository.Instance{full}, Projection: c.projection}
			parts := "<w:OptimizeEnumeration/>"
			if c.mode != "" {
				parts += "<w:EnumerationMode>" + c.mode + "</w:EnumerationMode>"
			}
			answer := s.ask(t, message{action: actionEnumerate, uri: siteURI + "*", body: enumerateBody("Q", parts)})
			if d := cmp.Diff(c.want, answer.at("Body", "EnumerateResponse", "Items").Nodes[0].lines()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestEnumerateRequests(t *testing.T) {
	wqlFilter := func(prefix string) string {
		return "<n:Enumerate><" + prefix + ":Filter Dialect=\"" + dialectWQL + "\">Q</" + prefix + ":Filter></n:Enumerate>"
	}
	keys := selectorSet("SiteCode", "PS1")
	for _, c := range []struct {
		name, uri, header, body string
		subcode, code           string // empty for none
	}{
		{"filter in w", "*", "", wqlFilter("w"), "", ""},
		{"filter in n", "*", "", wqlFilter("n"), "", ""},
		{"two filters", "*", "", strings.Replace(wqlFilter("w"), "</n:E", "<n:Filter/></n:E", 1), "w:SchemaValidationError", "2150858817"},
		{"class without filter", "SMS_DP", "", "<n:Enumerate/>", "", ""},
		{"unknown class without filter", "SMS_Nope", "", "<n:Enumerate/>", "a:DestinationUnreachable", "2150858752"},
		{"class without filter, with keys", "SMS_DP", keys, "<n:Enumerate/>", "w:InvalidSelectors", "2150858843"},
		{"all without filter", "*", "", "<n:Enumerate/>", "n:CannotProcessFilter", "2150858778"},
		{"WQL on a class", "SMS_DP", "", wqlFilter("w"), "n:CannotProcessFilter", "2150859003"},
		{"WQL with keys", "*", keys, wqlFilter("w"), "n:CannotProcessFilter", "2150859003"},
		{"other dialect", "*", "", `<n:Enumerate><w:Filter Dialect="http://schemas.dmtf.org/wbem/cql/1/dsp0202.pdf">Q</w:Filter></n:Enumerate>`, "n:FilterDialectRequestedUnavailable", "2150858777"},
		{"no dialect", "*", "", `<n:Enumerate><w:Filter>Q</w:Filter></n:Enumerate>`, "n:FilterDialectRequestedUnavailable", "2150858777"},
		{"bad query", "*", "", enumerateBody("SELEC", ""), "n:CannotProcessFilter", "2150858778"},
		{"other mode", "*", "", enumerateBody("Q", "<w:EnumerationMode>All</w:EnumerationMode>"), "w:UnsupportedFeature", "2150858818"},
		{"EndTo", "*", "", enumerateBody("Q", "<n:EndTo/>"), "w:UnsupportedFeature", "2150858818"},
		{"MaxElements of none", "*", "", enumerateBody("Q", "<w:MaxElements>0</w:MaxElements>"), "w:SchemaValidationError", "2150858817"},
		{"MaxElements of words", "*", "", enumerateBody("Q", "<w:MaxElements>x</w:MaxElements>"), "w:SchemaValidationError", "2150858817"},
		{"no body", "*", "", "", "w:SchemaValidationError", "2150858817"},
		{"other body", "*", "", "<n:Pull/>", "w:SchemaValidationError", "2150858817"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := withRows(t, 2, Config{})
			m := message{action: actionEnumerate, uri: siteURI + c.uri, header: c.header, body: c.body}
			if c.code == "" {
				s.ask(t, m)
				return
			}
			got := s.refuse(t, m)
			if d := cmp.Diff([]string{c.subcode, c.code}, []string{got.Subcode, got.Code}); d != "" {
				t.Error(d)
			}
			if n := len(s.enumerations.open); n != 0 {
				t.Errorf("%d enumerations are open, want 0", n)
			}
		})
	}
}

func TestEnumerateDMTF(t *testing.T) {
	s := withRows(t, 1, Config{DMTF: true})
	header := selectorSet("__cimnamespace", "root/sms/site_PS1")
	for _, uri := range []string{resourceDMTFAll, resourceDMTF + "*"} {
		answer := s.ask(t, message{action: actionEnumerate, uri: uri, header: header,
			body: enumerateBody("Q", "<w:OptimizeEnumeration/><w:EnumerationMode>EnumerateObjectAndEPR</w:EnumerationMode>")})
		item := answer.at("Body", "EnumerateResponse", "Items", "Item")
		got := []string{item.at("SMS_DP").XMLName.Space,
			item.at("EndpointReference", "ReferenceParameters", "ResourceURI").Text,
			item.at("EndpointReference", "ReferenceParameters", "SelectorSet", "Selector").Text}
		if d := cmp.Diff([]string{resourceDMTF + "SMS_DP", resourceDMTF + "SMS_DP", "root/sms/site_PS1"}, got); d != "" {
			t.Error(d)
		}
	}
}

// open starts an enumeration of Q and is its first context.
func (s *testServer) begin(t *testing.T) string {
	t.Helper()
	_, context := summarise(s.ask(t, message{action: actionEnumerate, uri: siteURI + "*", body: enumerateBody("Q", "")}))
	return context
}

func TestEnumerationsEnd(t *testing.T) {
	const gone = "2150858779"
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := withRows(t, 9, Config{Now: func() time.Time { return now }, EnumerationTimeout: time.Minute})
	pull := func(context string) message {
		return message{action: actionPull, uri: siteURI + "*", body: pullBody(context, 1)}
	}
	t.Run("released", func(t *testing.T) {
		context := s.begin(t)
		m := pull(context)
		m.action, m.body = actionRelease, `<n:Release><n:EnumerationContext>`+context+`</n:EnumerationContext></n:Release>`
		answer := s.ask(t, m)
		if a := answer.at("Header", "Action").Text; a != actionRelease+"Response" || len(answer.at("Body").Nodes) != 0 {
			t.Errorf("action %s, %d elements in the body", a, len(answer.at("Body").Nodes))
		}
		for _, m := range []message{m, pull(context)} {
			if got := s.refuse(t, m).Code; got != gone {
				t.Errorf("code %s, want %s", got, gone)
			}
		}
	})
	t.Run("idle", func(t *testing.T) {
		context := s.begin(t)
		for range 3 { // each Pull begins a new minute
			now = now.Add(time.Minute)
			_, context = summarise(s.ask(t, pull(context)))
		}
		now = now.Add(time.Minute + 1)
		if got := s.refuse(t, pull(context)).Code; got != gone {
			t.Errorf("code %s, want %s", got, gone)
		}
	})
	t.Run("another user's", func(t *testing.T) {
		other := s.post(t, pull(s.begin(t)).text(), func(r *http.Request) { r.SetBasicAuth("other", "secret") })
		if got := readFault(t, other).Code; got != gone {
			t.Errorf("code %s, want %s", got, gone)
		}
	})
	t.Run("another resource's", func(t *testing.T) {
		m := pull(s.begin(t))
		m.uri = siteURI + "SMS_DP"
		if got := s.refuse(t, m).Code; got != gone {
			t.Errorf("code %s, want %s", got, gone)
		}
	})
	t.Run("being pulled", func(t *testing.T) {
		context := s.begin(t)
		s.enumerations.mu.Lock()
		s.enumerations.open[context].taken = true
		s.enumerations.mu.Unlock()
		if got := s.refuse(t, pull(context)).Code; got != "2150858758" {
			t.Errorf("code %s, want 2150858758", got)
		}
	})
	t.Run("no context", func(t *testing.T) {
		for _, body := range []string{"<n:Pull/>", "", "<n:Pull><n:EnumerationContext/><n:MaxElements>x</n:MaxElements></n:Pull>"} {
			if got := s.refuse(t, message{action: actionPull, uri: siteURI + "*", body: body}).Code; got != "2150858817" {
				t.Errorf("%s: code %s, want 2150858817", body, got)
			}
		}
	})
}

func TestOperationQuota(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := withRows(t, 9, Config{MaxOperationsPerUser: 2, Now: func() time.Time { return now }})
	s.begin(t)
	s.begin(t)
	m := message{action: actionEnumerate, uri: siteURI + "*", body: enumerateBody("Q", "")}
	want := fault{"s:Receiver", "w:InternalError", "2150859174", testID, "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"}
	if d := cmp.Diff(want, s.refuse(t, m)); d != "" {
		t.Error(d)
	}
	if got := s.post(t, m.text(), func(r *http.Request) { r.SetBasicAuth("other", "secret") }); got.status != 200 {
		t.Errorf("another user: status %d, want 200", got.status)
	}
	now = now.Add(5 * time.Minute)
	s.ask(t, m)
}

// TestKeys has keys of every kind in an EPR.
func TestKeys(t *testing.T) {
	class := &repository.Class{Name: "K"}
	in := &repository.Instance{Class: class}
	for _, k := range []struct {
		name  string
		value repository.Value
	}{
		{"bool", true},
		{"empty", ""},
		{"int", int64(-1)},
		{"interval", repository.DatetimeValue{Interval: time.Minute, IsInterval: true}},
		{"null", nil},
		{"real", 0.5},
		{"time", repository.At(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))},
		{"uint", uint64(1)},
	} {
		class.Properties = append(class.Properties, repository.Property{Name: k.name, Key: true})
		in.Values = append(in.Values, k.value)
	}
	class.Properties = append(class.Properties, repository.Property{Name: "z", Key: true, Type: repository.Reference})
	in.Values = append(in.Values, repository.Ref{Namespace: "root/x", Class: "R", Keys: map[string]string{"A": "1"}})
	s := serve(t, Config{})
	s.provider.results["Q"] = &wql.Result{Class: class, Instances: []*repository.Instance{in}}
	answer := s.ask(t, message{action: actionEnumerate, uri: siteURI + "*",
		body: enumerateBody("Q", "<w:OptimizeEnumeration/><w:EnumerationMode>EnumerateEPR</w:EnumerationMode>")})
	a, w := "{"+nsAddressing+"}", "{"+nsWSMan+"}"
	want := []string{
		w + "SelectorSet",
		" " + w + "Selector Name=bool true",
		" " + w + "Selector Name=empty",
		" " + w + "Selector Name=int -1",
		" " + w + "Selector Name=interval P0DT0H1M0S",
		" " + w + "Selector Name=null",
		" " + w + "Selector Name=real 0.5",
		" " + w + "Selector Name=time 2026-01-02T03:04:05Z",
		" " + w + "Selector Name=uint 1",
		" " + w + "Selector Name=z",
		"  " + a + "EndpointReference",
		"   " + a + "Address " + anonymous,
		"   " + a + "ReferenceParameters",
		"    " + w + "ResourceURI " + resourceWMI + "root/x/R",
		"    " + w + "SelectorSet",
		"     " + w + "Selector Name=A 1",
	}
	got := answer.at("Body", "EnumerateResponse", "Items", "EndpointReference", "ReferenceParameters", "SelectorSet").lines()
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestSingleton has no keys: its EPR has no SelectorSet, and Get needs none.
func TestSingleton(t *testing.T) {
	class := &repository.Class{Name: "One", Properties: []repository.Property{{Name: "A", Type: repository.String}}}
	s := serve(t, Config{})
	s.provider.classes = append(s.provider.classes, class)
	s.provider.stored = []*repository.Instance{repository.New(class)}
	s.provider.results["Q"] = &wql.Result{Class: class, Instances: s.provider.stored}
	answer := s.ask(t, message{action: actionEnumerate, uri: siteURI + "*",
		body: enumerateBody("Q", "<w:OptimizeEnumeration/><w:EnumerationMode>EnumerateEPR</w:EnumerationMode>")})
	parameters := answer.at("Body", "EnumerateResponse", "Items", "EndpointReference", "ReferenceParameters")
	if d := cmp.Diff([]string{"{" + nsAddressing + "}ReferenceParameters", " {" + nsWSMan + "}ResourceURI " + siteURI + "One"}, parameters.lines()); d != "" {
		t.Error(d)
	}
	if got := s.ask(t, message{action: actionGet, uri: siteURI + "One"}).at("Body", "One").XMLName.Space; got != siteURI+"One" {
		t.Errorf("Get answers an instance of %s", got)
	}
}
