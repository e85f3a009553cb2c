package wire

import (
	"strings"
	"testing"
	"time"

	"dpremote/simulator/internal/repository"

	"github.com/google/go-cmp/cmp"
)

// fragment is a FragmentTransfer header block for a path.
func fragment(path string) string {
	return `<w:FragmentTransfer s:mustUnderstand="true">` + path + `</w:FragmentTransfer>`
}

func TestGet(t *testing.T) {
	s := serve(t, Config{})
	m := getMessage
	m.header = selectorSet("nalpath", nalPath, "SITECODE", "PS1")
	item := s.ask(t, m).at("Body", "SMS_DP")
	if got := item.at("NALPath").Text; got != nalPath {
		t.Errorf("NALPath %s, want %s", got, nalPath)
	}
	want := map[string]string{"NALPath": nalPath, "SiteCode": "PS1"}
	if d := cmp.Diff(want, s.provider.keys); d != "" {
		t.Errorf("keys: %s", d)
	}
}

func TestGetTooLarge(t *testing.T) {
	s := serve(t, Config{})
	s.provider.stored[0].Set("Note", strings.Repeat("x", 5000))
	m := getMessage
	m.header += "<w:MaxEnvelopeSize>8192</w:MaxEnvelopeSize>"
	if got := s.refuse(t, m).Code; got != "2150858824" {
		t.Errorf("Get: code %s, want 2150858824", got)
	}
	m.action, m.body = actionPut, `<q:SMS_DP xmlns:q="`+siteURI+`SMS_DP"/>`
	if got := s.refuse(t, m).Code; got != "2150858829" {
		t.Errorf("Put, which was carried out: code %s, want 2150858829", got)
	}
}

func TestSelectors(t *testing.T) {
	epr := `<w:SelectorSet><w:Selector Name="NALPath"><a:EndpointReference><a:Address>` + anonymous +
		`</a:Address><a:ReferenceParameters><w:ResourceURI>` + siteURI + `SMS_Site</w:ResourceURI>` +
		selectorSet("SiteCode", "PS1", "Name", `a"b\c`) +
		`</a:ReferenceParameters></a:EndpointReference></w:Selector><w:Selector Name="SiteCode">PS1</w:Selector></w:SelectorSet>`
	for _, c := range []struct {
		name, header, subcode, code string
	}{
		{"none", "", "w:InvalidSelectors", "2150859002"},
		{"not all", selectorSet("SiteCode", "PS1"), "w:InvalidSelectors", "2150858842"},
		{"not a key", selectorSet("NALPath", nalPath, "SiteCode", "PS1", "Note", "x"), "w:InvalidSelectors", "2150858843"},
		{"not a property", selectorSet("NALPath", nalPath, "SiteCode", "PS1", "Nope", "x"), "w:InvalidSelectors", "2150858843"},
		{"twice", selectorSet("NALPath", nalPath, "nalPATH", nalPath), "w:InvalidSelectors", "2150858847"},
		{"without name", "<w:SelectorSet><w:Selector>x</w:Selector></w:SelectorSet>", "w:InvalidSelectors", "2150858843"},
		{"something else", "<w:SelectorSet><w:Thing Name='x'/></w:SelectorSet>", "w:InvalidSelectors", "2150858843"},
		{"too many", "<w:SelectorSet>" + strings.Repeat("<w:Selector Name='x'/>", maxSelectors+1) + "</w:SelectorSet>", "w:InvalidSelectors", "2150858843"},
		{"EPR without URI", `<w:SelectorSet><w:Selector Name="NALPath"><a:EndpointReference/></w:Selector></w:SelectorSet>`, "w:SchemaValidationError", "2150858817"},
		{"no such instance", selectorSet("NALPath", "x", "SiteCode", "PS1"), "a:DestinationUnreachable", "2150858752"},
		{"EPR of no instance", epr, "a:DestinationUnreachable", "2150858752"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Config{})
			got := s.refuse(t, message{action: actionGet, uri: siteURI + "SMS_DP", header: c.header})
			if d := cmp.Diff([]string{c.subcode, c.code}, []string{got.Subcode, got.Code}); d != "" {
				t.Error(d)
			}
			if c.header == epr {
				want := `root/sms/site_PS1:SMS_Site.Name="a\"b\\c",SiteCode="PS1"`
				if got := s.provider.keys["NALPath"]; got != want {
					t.Errorf("the EPR is the key %s, want %s", got, want)
				}
			}
		})
	}
}

// dpBody is a Put's body with members in it, of the prefix q.
func dpBody(members string) string {
	return `<q:SMS_DP xmlns:q="` + siteURI + `SMS_DP" xmlns:r="` + siteURI + `SMS_Part">` + members + `</q:SMS_DP>`
}

func TestPut(t *testing.T) {
	part := repository.New(partClass)
	part.Set("PropertyName", "x")
	outer := repository.New(partClass)
	outer.Set("Inner", part)
	noon := time.Date(2026, 1, 2, 12, 0, 0, 500_000_000, time.UTC)
	for _, c := range []struct {
		name, body string
		want       []Assignment
	}{
		{"nothing", dpBody(""), nil},
		{"default namespace", `<SMS_DP xmlns="` + siteURI + `SMS_DP"><Flag>1</Flag></SMS_DP>`, []Assignment{{"Flag", true}}},
		{"other case of the class", `<sms_dp xmlns="` + strings.ToUpper(siteURI) + `SMS_DP"><Flag>false</Flag></sms_dp>`, []Assignment{{"Flag", false}}},
		{"scalars", dpBody(`<q:Size>7</q:Size><q:Step>-7</q:Step><q:Ratio>1.5</q:Ratio><q:Note> a &lt; b </q:Note>`),
			[]Assignment{{"Size", uint64(7)}, {"Step", int64(-7)}, {"Ratio", 1.5}, {"Note", " a < b "}}},
		{"typed scalar, as Set-CimInstance writes it", dpBody(`<q:Size xsi:type="cim:cimUnsignedInt">7</q:Size>`), []Assignment{{"Size", uint64(7)}}},
		{"empty string", dpBody(`<q:Note/>`), []Assignment{{"Note", ""}}},
		{"NULL", dpBody(`<q:Note xsi:nil="true"/>`), []Assignment{{"Note", nil}}},
		{"array", dpBody(`<q:Names>a</q:Names><q:Size>1</q:Size><q:Names/>`),
			[]Assignment{{"Names", []repository.Value{"a", ""}}, {"Size", uint64(1)}}},
		{"NULL array", dpBody(`<q:Names xsi:nil="true"/>`), []Assignment{{"Names", nil}}},
		{"datetime", dpBody(`<q:Since><cim:Datetime>2026-01-02T12:00:00.5Z</cim:Datetime></q:Since>`), []Assignment{{"Since", repository.At(noon)}}},
		{"datetime without zone", dpBody(`<q:Since>2026-01-02T12:00:00.5</q:Since>`), []Assignment{{"Since", repository.DatetimeValue{Time: noon, NoZone: true}}}},
		{"interval", dpBody(`<q:Wait><cim:Interval>P0DT0H1M40S</cim:Interval></q:Wait>`),
			[]Assignment{{"Wait", repository.DatetimeValue{Interval: 100 * time.Second, IsInterval: true}}}},
		{"embedded", dpBody(`<q:Parts xsi:type="r:SMS_Part_Type"><r:Inner><r:PropertyName>x</r:PropertyName></r:Inner></q:Parts><q:Parts><r:PropertyName>x</r:PropertyName></q:Parts>`),
			[]Assignment{{"Parts", []repository.Value{outer, part}}}},
		{"reference", dpBody(`<q:Owner><a:Address>` + anonymous + `</a:Address><a:ReferenceParameters><w:ResourceURI>` + siteURI +
			`SMS_Site</w:ResourceURI>` + selectorSet("SiteCode", "PS1", "__cimnamespace", "root/sms/site_PS1") + `</a:ReferenceParameters></q:Owner>`),
			[]Assignment{{"Owner", repository.Ref{Namespace: "root/sms/site_PS1", Class: "SMS_Site", Keys: map[string]string{"SiteCode": "PS1"}}}}},
		{"reference in an EPR", dpBody(`<q:Owner><a:EndpointReference><a:Address>x</a:Address><a:ReferenceParameters><w:ResourceURI>` + siteURI +
			`SMS_Site</w:ResourceURI></a:ReferenceParameters></a:EndpointReference></q:Owner>`),
			[]Assignment{{"Owner", repository.Ref{Namespace: "root/sms/site_PS1", Class: "SMS_Site", Keys: map[string]string{}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Config{})
			answer := s.ask(t, message{action: actionPut, uri: siteURI + "SMS_DP", header: dpKeys, body: c.body})
			if d := cmp.Diff(c.want, s.provider.in); d != "" {
				t.Errorf("the provider was given: %s", d)
			}
			if got := answer.at("Body", "SMS_DP", "NALPath").Text; got != nalPath {
				t.Errorf("the answer repeats NALPath %q, want %q", got, nalPath)
			}
		})
	}
}

func TestPutRefuses(t *testing.T) {
	for _, c := range []struct{ name, body, code string }{
		{"nothing", "", "2150858817"},
		{"other class", `<q:SMS_Other xmlns:q="` + siteURI + `SMS_Other"/>`, "2150858817"},
		{"other namespace", `<q:SMS_DP xmlns:q="urn:x"/>`, "2150858817"},
		{"unknown member", dpBody(`<q:Nope>1</q:Nope>`), "2150858817"},
		{"other case of a member", dpBody(`<q:flag>true</q:flag>`), "2150858817"},
		{"member in another namespace", dpBody(`<r:Flag>true</r:Flag>`), "2150858840"},
		{"member without namespace", dpBody(`<Flag xmlns="">true</Flag>`), "2150858840"},
		{"words for a number", dpBody(`<q:Size>true</q:Size>`), "2150858817"},
		{"number out of range", dpBody(`<q:Step>128</q:Step>`), "2150858817"},
		{"elements in a scalar", dpBody(`<q:Note><q:x/></q:Note>`), "2150858817"},
		{"scalar twice", dpBody(`<q:Note>a</q:Note><q:Note>b</q:Note>`), "2150858817"},
		{"NULL in an array", dpBody(`<q:Names>a</q:Names><q:Names xsi:nil="true"/>`), "2150858817"},
		{"NULL with content", dpBody(`<q:Note xsi:nil="true">x</q:Note>`), "2150858817"},
		{"DMTF's datetime", dpBody(`<q:Since>20260102120000.000000+000</q:Since>`), "2150858817"},
		{"datetime in another element", dpBody(`<q:Since><q:Datetime>2026-01-02T12:00:00Z</q:Datetime></q:Since>`), "2150858817"},
		{"two datetimes", dpBody(`<q:Since><cim:Datetime>2026-01-02T12:00:00Z</cim:Datetime><cim:Datetime/></q:Since>`), "2150858817"},
		{"embedded of unknown class", dpBody(`<q:Parts xmlns:u="` + siteURI + `Nope" xsi:type="u:Nope_Type"/>`), "2150858817"},
		{"embedded with no declared prefix", dpBody(`<q:Parts xsi:type="u:SMS_Part_Type"/>`), "2150858817"},
		{"embedded with type of another namespace", dpBody(`<q:Parts xmlns:u="urn:x" xsi:type="u:SMS_Part_Type"/>`), "2150858817"},
		{"embedded with name that is no type", dpBody(`<q:Parts xsi:type="r:SMS_Part"/>`), "2150858817"},
		{"embedded member in the outer namespace", dpBody(`<q:Parts><q:PropertyName>x</q:PropertyName></q:Parts>`), "2150858840"},
		{"reference to nothing", dpBody(`<q:Owner>x</q:Owner>`), "2150858817"},
		{"reference to all classes", dpBody(`<q:Owner><a:Address>x</a:Address><a:ReferenceParameters><w:ResourceURI>` + siteURI + `*</w:ResourceURI></a:ReferenceParameters></q:Owner>`), "2150858817"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Config{})
			got := s.refuse(t, message{action: actionPut, uri: siteURI + "SMS_DP", header: dpKeys, body: c.body})
			if d := cmp.Diff([]string{"w:SchemaValidationError", c.code}, []string{got.Subcode, got.Code}); d != "" {
				t.Error(d)
			}
			if s.provider.in != nil {
				t.Errorf("the provider was given %v", s.provider.in)
			}
		})
	}
}

func TestFragments(t *testing.T) {
	s := serve(t, Config{})
	m := message{action: actionGet, uri: siteURI + "SMS_DP", header: dpKeys + fragment("SiteCode")}
	want := []string{
		"{" + nsSOAP + "}Body",
		" {" + nsWSMan + "}XmlFragment",
		"  {" + siteURI + "SMS_DP}SiteCode PS1",
	}
	answer := s.ask(t, m)
	if d := cmp.Diff(want, answer.at("Body").lines()); d != "" {
		t.Error(d)
	}
	if got := answer.at("Header", "FragmentTransfer").Text; got != "SiteCode" {
		t.Errorf("FragmentTransfer of the answer is %q", got)
	}

	m.action, m.header = actionPut, dpKeys+fragment("Size")
	m.body = `<w:XmlFragment xmlns:q="` + siteURI + `SMS_DP"><q:Size>8</q:Size></w:XmlFragment>`
	if got := s.ask(t, m).at("Body", "XmlFragment", "Size").Text; got != "8" {
		t.Errorf("Size %s after Put, want 8", got)
	}
	for _, c := range []struct{ name, header, body, code string }{
		{"another member", fragment("Note"), m.body, "2150858817"},
		{"no fragment in the body", fragment("Size"), dpBody("<q:Size>8</q:Size>"), "2150858817"},
		{"unknown property", fragment("size"), m.body, "2150858841"},
		{"not mustUnderstand", "<w:FragmentTransfer>Size</w:FragmentTransfer>", m.body, "2150858767"},
		{"other dialect", `<w:FragmentTransfer s:mustUnderstand="true" Dialect="urn:x">Size</w:FragmentTransfer>`, m.body, "2150858818"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m.header, m.body = dpKeys+c.header, c.body
			if got := s.refuse(t, m).Code; got != c.code {
				t.Errorf("code %s, want %s", got, c.code)
			}
		})
	}
}

func TestCreateAndDelete(t *testing.T) {
	s := serve(t, Config{})
	create := message{action: actionCreate, uri: siteURI + "SMS_DP", body: dpBody(`<q:NALPath>a&amp;b</q:NALPath><q:SiteCode>PS1</q:SiteCode>`)}
	want := []string{
		"{" + nsTransfer + "}ResourceCreated",
		" {" + nsAddressing + "}Address " + s.url,
		" {" + nsAddressing + "}ReferenceParameters",
		"  {" + nsWSMan + "}ResourceURI " + siteURI + "SMS_DP",
		"  {" + nsWSMan + "}SelectorSet",
		"   {" + nsWSMan + "}Selector Name=NALPath a&b",
		"   {" + nsWSMan + "}Selector Name=SiteCode PS1",
	}
	if d := cmp.Diff(want, s.ask(t, create).at("Body", "ResourceCreated").lines()); d != "" {
		t.Error(d)
	}
	create.header = dpKeys
	if got := s.refuse(t, create).Code; got != "2150858843" {
		t.Errorf("Create with selectors: code %s", got)
	}

	remove := message{action: actionDelete, uri: siteURI + "SMS_DP", header: dpKeys}
	answer := s.ask(t, remove)
	if a := answer.at("Header", "Action").Text; a != actionDelete+"Response" || len(answer.at("Body").Nodes) != 0 {
		t.Errorf("Delete: action %s, %d elements in the body", a, len(answer.at("Body").Nodes))
	}
	remove.header = selectorSet("NALPath", "x", "SiteCode", "PS1")
	f := readNode(t, s.post(t, remove.text()).body).at("Body", "Fault")
	wmi := f.at("Detail", "MSFT_WmiError")
	got := []string{f.at("Code", "Subcode", "Value").Text, wmi.at("CIMStatusCode").Text, wmi.at("MessageID").Text, wmi.at("error_Code").Text}
	if d := cmp.Diff([]string{"a:DestinationUnreachable", "6", "HRESULT 0x80041002", "2147749890"}, got); d != "" {
		t.Errorf("Delete of what is not there: %s", d)
	}
}

func TestInvoke(t *testing.T) {
	part := repository.New(partClass)
	part.Set("PropertyName", "x")
	q := ` xmlns:q="` + siteURI + `SMS_DP" xmlns:r="` + siteURI + `SMS_Part"`
	for _, c := range []struct {
		name, method, header, body string
		in                         []Assignment
		keys                       map[string]string
	}{
		{"static", "Count", "", "<q:Count_INPUT" + q + "/>", nil, map[string]string{}},
		{"other case", "COUNT", "", "<Count_INPUT/>", nil, map[string]string{}},
		{"instance", "Check", dpKeys, "<q:Check_INPUT" + q + "><q:Depth>3</q:Depth><q:Only>a</q:Only><q:Only>b</q:Only><q:part><r:PropertyName>x</r:PropertyName></q:part></q:Check_INPUT>",
			[]Assignment{{"Depth", uint64(3)}, {"Only", []repository.Value{"a", "b"}}, {"part", part}},
			map[string]string{"NALPath": nalPath, "SiteCode": "PS1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Config{})
			s.provider.out = []Assignment{{"Zeta", nil}, {"ReturnValue", int64(0)}, {"alpha", nil}}
			action := siteURI + "SMS_DP/" + c.method
			answer := s.ask(t, message{action: action, uri: siteURI + "SMS_DP", header: c.header, body: c.body})
			if got := answer.at("Header", "Action").Text; got != action+"Response" {
				t.Errorf("action %s", got)
			}
			if d := cmp.Diff(c.in, s.provider.in); d != "" {
				t.Errorf("in: %s", d)
			}
			if d := cmp.Diff(c.keys, s.provider.keys); d != "" {
				t.Errorf("keys: %s", d)
			}
			if !strings.EqualFold(s.provider.method, c.method) || s.provider.class != "SMS_DP" {
				t.Errorf("%s.%s was called", s.provider.class, s.provider.method)
			}
		})
	}
}

func TestInvokeOutput(t *testing.T) {
	s := serve(t, Config{})
	s.provider.out = []Assignment{
		{"Zeta", []repository.Value{uint64(1), uint64(2)}}, {"ReturnValue", int64(-1)}, {"alpha", nil},
	}
	m := message{action: siteURI + "SMS_DP/Count", uri: siteURI + "SMS_DP", body: "<Count_INPUT/>"}
	ns := "{" + siteURI + "SMS_DP}"
	want := []string{
		ns + "Count_OUTPUT type=p:Count_OUTPUT_Type",
		" " + ns + "alpha nil=true",
		" " + ns + "ReturnValue -1",
		" " + ns + "Zeta 1",
		" " + ns + "Zeta 2",
	}
	if d := cmp.Diff(want, s.ask(t, m).at("Body", "Count_OUTPUT").lines()); d != "" {
		t.Error(d)
	}
	s.provider.out = []Assignment{{"Zeta", nil}} // a NULL array is absent
	if d := cmp.Diff(want[:1], s.ask(t, m).at("Body", "Count_OUTPUT").lines()); d != "" {
		t.Error(d)
	}
}

func TestInvokeRefuses(t *testing.T) {
	for _, c := range []struct{ name, class, method, header, body, subcode, code string }{
		{"unknown method", "SMS_DP", "Nope", "", "<Nope_INPUT/>", "a:ActionNotSupported", "2150858771"},
		{"unknown class", "SMS_Nope", "Count", "", "<Count_INPUT/>", "a:DestinationUnreachable", "2150858752"},
		{"no input", "SMS_DP", "Count", "", "", "w:SchemaValidationError", "2150858817"},
		{"other input", "SMS_DP", "Count", "", "<Check_INPUT/>", "w:SchemaValidationError", "2150858817"},
		{"unknown parameter", "SMS_DP", "Count", "", `<Count_INPUT><x/></Count_INPUT>`, "w:SchemaValidationError", "2150858817"},
		{"parameter without namespace", "SMS_DP", "Check", dpKeys, `<Check_INPUT><Depth>1</Depth></Check_INPUT>`, "w:SchemaValidationError", "2150858840"},
		{"instance method on no instance", "SMS_DP", "Check", "", "<Check_INPUT/>", "w:InternalError", "2147749935"},
		{"instance method on half a key", "SMS_DP", "Check", selectorSet("SiteCode", "PS1"), "<Check_INPUT/>", "w:InvalidSelectors", "2150858842"},
		{"all classes", "*", "Count", "", "<Count_INPUT/>", "a:DestinationUnreachable", "2150858811"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Config{})
			uri := siteURI + c.class
			got := s.refuse(t, message{action: uri + "/" + c.method, uri: uri, header: c.header, body: c.body})
			if d := cmp.Diff([]string{c.subcode, c.code}, []string{got.Subcode, got.Code}); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestInvokeInherited(t *testing.T) {
	s := serve(t, Config{})
	s.provider.out = []Assignment{{"ReturnValue", int64(0)}}
	uri := siteURI + "SMS_Derived"
	answer := s.ask(t, message{action: uri + "/Count", uri: uri, body: "<Count_INPUT/>"})
	if got := answer.at("Body", "Count_OUTPUT").XMLName.Space; got != uri || s.provider.class != "SMS_Derived" {
		t.Errorf("the output is of %s, the call on %s; want SMS_Derived", got, s.provider.class)
	}
}
