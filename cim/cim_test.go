package cim

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dpremote/internal/xmlscan"
	"dpremote/wsman"
)

const namespaces = ` xmlns:p="urn:C" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:cim="http://schemas.dmtf.org/wbem/wscim/1/common"` +
	` xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:q="urn:Q"`

// started is a scanner at the Start of an instance with these properties.
func started(t *testing.T, properties string) *xmlscan.Scanner {
	t.Helper()
	sc := xmlscan.New([]byte("<p:C" + namespaces + ">" + properties + "</p:C>"))
	if _, err := sc.Next(); err != nil {
		t.Fatal(err)
	}
	return sc
}

func TestReadInstance(t *testing.T) {
	epr := wsman.EPR{Address: "http://s", ResourceURI: "urn:D", Selectors: []wsman.Selector{{Name: "K", Value: "1"}}}
	reference := `<a:Address>http://s</a:Address><a:ReferenceParameters><w:ResourceURI>urn:D</w:ResourceURI><w:SelectorSet><w:Selector Name="K">1</w:Selector></w:SelectorSet></a:ReferenceParameters>`
	embedded := func(name string) Value {
		return ObjectValue(&Instance{Class: "E", Namespace: "urn:Q", Properties: []Property{{"N", TextValue(name)}}})
	}
	withType := func(v Value, typ string) Value { v.typ = typ; return v }
	tests := []struct {
		name, xml string
		want      []Property
	}{
		{"text", "<p:A>x &amp; y</p:A>", []Property{{"A", TextValue("x & y")}}},
		{"empty", "<p:A></p:A>", []Property{{"A", TextValue("")}}},
		{"white space", "<p:A> \n</p:A>", []Property{{"A", TextValue(" \n")}}},
		{"null", `<p:A xsi:nil="true"/>`, []Property{{"A", Value{}}}},
		{"absent", "", nil},
		{"typed", `<p:A xsi:type="cim:cimUnsignedInt">7</p:A>`, []Property{{"A", withType(TextValue("7"), "cimUnsignedInt")}}},
		{"array", "<p:A>1</p:A><p:A>2</p:A><p:B>3</p:B>", []Property{{"A", ArrayValue(TextValue("1"), TextValue("2"))}, {"B", TextValue("3")}}},
		{"array apart", "<p:A>1</p:A><p:B>3</p:B><p:A>2</p:A>", []Property{{"A", ArrayValue(TextValue("1"), TextValue("2"))}, {"B", TextValue("3")}}},
		{"array with null", `<p:A>1</p:A><p:A xsi:nil="true"/><p:A>2</p:A>`, []Property{{"A", ArrayValue(TextValue("1"), Value{}, TextValue("2"))}}},
		{"unsorted", "<p:B>1</p:B><p:A>2</p:A>", []Property{{"B", TextValue("1")}, {"A", TextValue("2")}}},
		{"datetime", "<p:A><cim:Datetime>2013-04-15T16:28:41.5Z</cim:Datetime></p:A>", []Property{{"A", Value{kind: DateTime, text: "2013-04-15T16:28:41.5Z"}}}},
		{"datetime with white space", "<p:A>\n <cim:Datetime> 2013-04-15 </cim:Datetime>\n</p:A>", []Property{{"A", Value{kind: DateTime, text: "2013-04-15"}}}},
		{"wildcard datetime", "<p:A><cim:CIM_DateTime>2013****************.******+000</cim:CIM_DateTime></p:A>", []Property{{"A", Value{kind: DateTime, text: "2013****************.******+000"}}}},
		{"interval", "<p:A><cim:Interval>P0DT0H1M40S</cim:Interval></p:A>", []Property{{"A", IntervalValue(100 * time.Second)}}},
		{"embedded", `<p:A xsi:type="q:E_Type"><q:N>one</q:N></p:A>`, []Property{{"A", withType(embedded("one"), "E_Type")}}},
		{"embedded array", `<p:A xsi:type="q:E_Type"><q:N>one</q:N></p:A><p:A xsi:type="q:E_Type"><q:N>two</q:N></p:A>`,
			[]Property{{"A", ArrayValue(withType(embedded("one"), "E_Type"), withType(embedded("two"), "E_Type"))}}},
		{"embedded and empty", `<p:A xsi:type="q:E_Type"/>`, []Property{{"A", withType(ObjectValue(&Instance{Class: "E", Namespace: "urn:Q"}), "E_Type")}}},
		{"embedded without a type", "<p:A><N>one</N></p:A>", []Property{{"A", ObjectValue(&Instance{Properties: []Property{{"N", TextValue("one")}}})}}},
		{"reference", "<p:A>" + reference + "</p:A>", []Property{{"A", ReferenceValue(epr)}}},
		{"wrapped reference", "<p:A><a:EndpointReference>" + reference + "</a:EndpointReference></p:A>", []Property{{"A", ReferenceValue(epr)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadInstance(started(t, tt.xml))
			if err != nil {
				t.Fatal(err)
			}
			want := &Instance{Class: "C", Namespace: "urn:C", Properties: tt.want}
			if d := cmp.Diff(want, got, cmp.AllowUnexported(Value{}, whole{})); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestReadProjection(t *testing.T) {
	sc := xmlscan.New([]byte(`<w:XmlFragment` + namespaces + `><A>1</A><B xsi:nil="true"/><C><Datetime>2013-04-15</Datetime></C></w:XmlFragment>`))
	if _, err := sc.Next(); err != nil {
		t.Fatal(err)
	}
	got, err := ReadInstance(sc)
	if err != nil {
		t.Fatal(err)
	}
	want := &Instance{Properties: []Property{{"A", TextValue("1")}, {"B", Value{}}, {"C", Value{kind: DateTime, text: "2013-04-15"}}}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(Value{}, whole{})); d != "" {
		t.Error(d)
	}
}

func TestReadInstanceRefuses(t *testing.T) {
	for name, xml := range map[string]string{
		"text between properties": "<p:A>1</p:A>stray<p:B/>",
		"text beside elements":    "<p:A>stray<q:N>1</q:N></p:A>",
		"text after a datetime":   "<p:A><cim:Datetime>2013-04-15</cim:Datetime>stray</p:A>",
	} {
		if got, err := ReadInstance(started(t, xml)); err == nil {
			t.Errorf("%s: read %v", name, got)
		}
	}
}

type inner struct {
	N string `cim:"N"`
}

type record struct {
	A    []string       `cim:"A"`
	B    bool           `cim:"B"`
	D    Datetime       `cim:"D"`
	E    inner          `cim:"E"`
	Es   []inner        `cim:"Es"`
	F    float64        `cim:"F"`
	I    int32          `cim:"I"`
	In   Instance       `cim:"In"`
	Iv   Interval       `cim:"Iv"`
	P    *uint64        `cim:"P"`
	Q    *string        `cim:"Q"`
	R    wsman.EPR      `cim:"R"`
	S    string         `cim:"S"`
	U    uint8          `cim:"U"`
	V    Value          `cim:"V"`
	Rest map[string]int // no tag: not a property
}

func TestDecode(t *testing.T) {
	d, err := NewDecoder[record]()
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Decode(started(t, `<p:A>1</p:A><p:A>2</p:A><p:b>TRUE</p:b><p:D><cim:Datetime>2013-04-15T16:28:41Z</cim:Datetime></p:D>`+
		`<p:E xsi:type="q:E_Type"><q:N>one</q:N></p:E><p:Es><q:N>x</q:N></p:Es><p:Es><q:N>y</q:N></p:Es><p:F>1.5</p:F><p:Grown>new</p:Grown><p:I>-7</p:I>`+
		`<p:In xsi:type="q:E_Type"><q:N>z</q:N></p:In><p:Iv><cim:Interval>P1DT0H0M1S</cim:Interval></p:Iv><p:P>18446744073709551615</p:P><p:Q xsi:nil="true"/>`+
		`<p:R><a:Address>h</a:Address></p:R><p:S> s </p:S><p:U>255</p:U><p:V>1</p:V><p:V>2</p:V>`))
	if err != nil {
		t.Fatal(err)
	}
	most := uint64(18446744073709551615)
	want := record{
		A: []string{"1", "2"}, B: true, D: Datetime{Time: time.Date(2013, 4, 15, 16, 28, 41, 0, time.UTC)}, E: inner{"one"}, Es: []inner{{"x"}, {"y"}},
		F: 1.5, I: -7, In: Instance{Class: "E", Namespace: "urn:Q", Properties: []Property{{"N", TextValue("z")}}}, Iv: Interval{1, time.Second},
		P: &most, R: wsman.EPR{Address: "h"}, S: " s ", U: 255, V: ArrayValue(TextValue("1"), TextValue("2")),
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(Value{}, whole{}, record{})); diff != "" {
		t.Error(diff)
	}
	// The next record starts afresh, whatever the one before held.
	if got, err = d.Decode(started(t, "<p:S>x</p:S>")); err != nil || !cmp.Equal(record{S: "x"}, got, cmp.AllowUnexported(Value{}, whole{}, record{})) {
		t.Errorf("%+v %v", got, err)
	}
}

func TestDecodeRefuses(t *testing.T) {
	d, err := NewDecoder[record]()
	if err != nil {
		t.Fatal(err)
	}
	for xml, want := range map[string]string{
		"<p:U>256</p:U>":               `property U: "256" is not a uint8`,
		"<p:I>x</p:I>":                 `property I: "x" is not a int32`,
		"<p:B>maybe</p:B>":             `property B: "maybe" is not a boolean`,
		"<p:D>yesterday</p:D>":         `"yesterday" is not a datetime`,
		"<p:Iv>P1M</p:Iv>":             `"P1M" is not an interval`,
		"<p:R>x</p:R>":                 "text where a reference belongs",
		"<p:In>x</p:In>":               "text where an instance belongs",
		"<p:S><q:N/></p:S>":            "element <N> inside <S>",
		"stray":                        "text \"stray\" between properties",
		"<p:E><q:N><q:M/></q:N></p:E>": "property E: property N: ",
	} {
		if _, err := d.Decode(started(t, xml)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %s", xml, err, want)
		}
	}
}

func TestRequired(t *testing.T) {
	d, err := NewDecoder[struct {
		A string `cim:"A"`
		N uint32 `cim:"N,required"`
	}]()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := d.Decode(started(t, "<p:N>0</p:N>")); err != nil || got.N != 0 {
		t.Errorf("%+v %v", got, err)
	}
	for _, xml := range []string{"<p:A>x</p:A>", `<p:A>x</p:A><p:N xsi:nil="true"/>`} {
		if _, err := d.Decode(started(t, xml)); err == nil || !strings.Contains(err.Error(), "property N: NULL or missing") {
			t.Errorf("%s: %v", xml, err)
		}
	}
}

func TestNoRecords(t *testing.T) {
	if _, err := NewDecoder[int](); err == nil {
		t.Error("an int is no record")
	}
	if _, err := NewDecoder[struct{ A string }](); err == nil {
		t.Error("a struct without tags is no record")
	}
	if _, err := NewDecoder[struct {
		A chan int `cim:"A"`
	}](); err == nil {
		t.Error("nothing goes into a channel")
	}
}

func TestFields(t *testing.T) {
	got, err := Fields[record]()
	want := strings.Fields("A B D E Es F I In Iv P Q R S U V")
	if err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v %v", got, err)
	}
}

func TestBodyReadsBack(t *testing.T) {
	in := &Instance{Class: "C", Namespace: "urn:C", Properties: []Property{
		{"A", ArrayValue(TextValue("1"), TextValue("<2>"))},
		{"B", BoolValue(true)},
		{"D", TimeValue(time.Date(2013, 4, 15, 16, 28, 41, 123456789, time.FixedZone("", 3600)))},
		{"E", Value{kind: Object, typ: "E_Type", whole: &whole{instance: &Instance{Class: "E", Namespace: `urn:"Q"`, Properties: []Property{
			{"Deep", Value{kind: Object, typ: "F_Type", whole: &whole{instance: &Instance{Class: "F", Namespace: "urn:F", Properties: []Property{{"N", IntValue(-1)}}}}}}}}}}},
		{"I", IntervalValue(26*time.Hour + 1500*time.Millisecond)},
		{"N", Value{}},
		{"R", ReferenceValue(wsman.EPR{Address: "h", ResourceURI: "urn:D", Selectors: []wsman.Selector{{Name: "K", Value: `["x"]\\`}}})},
		{"S", TextValue(`a<b&"c"` + "\r\n")},
		{"U", UintValue(18446744073709551615)},
	}}
	body, err := Body("urn:C", "C", in.Properties)
	if err != nil {
		t.Fatal(err)
	}
	wrapped := []byte(`<e xmlns:a="` + wsman.NamespaceAddressing + `" xmlns:w="` + wsman.NamespaceWSMan + `">` + string(body) + "</e>")
	sc := xmlscan.New(wrapped)
	for !sc.Is("urn:C", "C") {
		if _, err := sc.Next(); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ReadInstance(sc)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(in, got, cmp.AllowUnexported(Value{}, whole{})); d != "" {
		t.Error(d)
	}
}

func TestBodyRefuses(t *testing.T) {
	deep := &Instance{Class: "C"}
	for range maxEmbedding + 1 {
		deep = &Instance{Class: "C", Properties: []Property{{"A", ObjectValue(deep)}}}
	}
	for name, properties := range map[string][]Property{
		"a name with markup":               {{"A><B", TextValue("1")}},
		"a name with a digit first":        {{"1A", TextValue("1")}},
		"no name":                          {{"", TextValue("1")}},
		"a control character":              {{"A", TextValue("\x07")}},
		"too deep":                         {{"A", ObjectValue(deep)}},
		"an embedded class without a name": {{"A", ObjectValue(&Instance{})}},
	} {
		if body, err := Body("urn:C", "C", properties); err == nil {
			t.Errorf("%s: %s", name, body)
		}
	}
}

func TestParseDatetime(t *testing.T) {
	utc := func(y, mo, d, h, mi, s, us int) Datetime {
		return Datetime{Time: time.Date(y, time.Month(mo), d, h, mi, s, us*1000, time.UTC)}
	}
	open := func(d Datetime, s string) Datetime { d.Open = s; return d }
	tests := []struct {
		text string
		want Datetime
	}{
		{"2013-04-15T16:28:41.546875Z", utc(2013, 4, 15, 16, 28, 41, 546875)},
		{"2013-04-15T16:28:41Z", utc(2013, 4, 15, 16, 28, 41, 0)},
		{"2013-04-15T16:28:41.5+02:00", utc(2013, 4, 15, 14, 28, 41, 500000)},
		{"2013-04-15T16:28:41-00:30", utc(2013, 4, 15, 16, 58, 41, 0)},
		{"2013-04-15T16:28:41", utc(2013, 4, 15, 16, 28, 41, 0)},
		{" 2013-04-15T16:28:41.25 ", utc(2013, 4, 15, 16, 28, 41, 250000)},
		{"2013-04-15", utc(2013, 4, 15, 0, 0, 0, 0)},
		{"2013-04-15+02:00", utc(2013, 4, 14, 22, 0, 0, 0)},
		{"20130415162841.546875+120", utc(2013, 4, 15, 14, 28, 41, 546875)},
		{"20130415162841.546875-060", utc(2013, 4, 15, 17, 28, 41, 546875)},
		{"19900101000000.000000+***", open(utc(1990, 1, 1, 0, 0, 0, 0), "19900101000000.000000+***")},
		{"201304151628**.******+000", open(utc(2013, 4, 15, 16, 28, 0, 0), "201304151628**.******+000")},
		{"2013**********.******+000", open(utc(2013, 1, 1, 0, 0, 0, 0), "2013**********.******+000")},
		{"20130415162841.54****+000", open(utc(2013, 4, 15, 16, 28, 41, 540000), "20130415162841.54****+000")},
	}
	for _, tt := range tests {
		got, err := ParseDatetime(tt.text)
		if err != nil || got.Open != tt.want.Open || !got.Time.Equal(tt.want.Time) {
			t.Errorf("%s: %v %v, want %v", tt.text, got, err, tt.want)
		}
	}
	for _, text := range []string{"", "now", "2013-13-01T00:00:00Z", "20131301000000.000000+000", "20130230000000.000000+000",
		"00000001000000.000000:000", "20130415162841.546875x000", "2013041516284x.546875+000", "20130415252841.546875+000"} {
		if got, err := ParseDatetime(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func TestParseInterval(t *testing.T) {
	tests := []struct {
		text string
		want Interval
	}{
		{"P0DT0H1M40S", IntervalOf(100 * time.Second)},
		{"P1DT2H", IntervalOf(26 * time.Hour)},
		{"PT0.5S", IntervalOf(500 * time.Millisecond)},
		{"PT36H", Interval{1, 12 * time.Hour}},
		{"P99999999DT23H59M59.999999S", Interval{99999999, 24*time.Hour - time.Microsecond}},
		{"00000001020304.000005:000", IntervalOf(26*time.Hour + 3*time.Minute + 4*time.Second + 5*time.Microsecond)},
		{"99999999235959.999999:000", Interval{99999999, 24*time.Hour - time.Microsecond}},
	}
	for _, tt := range tests {
		got, err := ParseInterval(tt.text)
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v %v, want %+v", tt.text, got, err, tt.want)
		}
	}
	for _, text := range []string{"", "P", "1D", "PT", "P1Y", "P1M", "PT1X", "PT-1S", "PT1S1M", "-P1D", "PT1e3S", "PTNaNS", "PT999999999999999999H"} {
		if got, err := ParseInterval(text); err == nil {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
	if _, fits := (Interval{Days: 99999999}).Duration(); fits {
		t.Error("a quarter of a million years fit into a Duration")
	}
	if d, fits := (Interval{1, time.Hour}).Duration(); !fits || d != 25*time.Hour {
		t.Errorf("%v %v", d, fits)
	}
}

func FuzzDatetime(f *testing.F) {
	f.Add("2013-04-15T16:28:41.546875Z")
	f.Add("19900101000000.000000+***")
	f.Add("00000001020304.000005:000")
	f.Add("P1DT2H3M4.5S")
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseDatetime(text); err == nil && d.Open == "" {
			again, err := ParseDatetime(d.String())
			if d.Time.Year() > 0 && (err != nil || !again.Time.Equal(d.Time)) {
				t.Errorf("%q is %v, which is read as %v %v", text, d, again, err)
			}
		}
		if i, err := ParseInterval(text); err == nil {
			again, err := ParseInterval(i.String())
			if err != nil || again != i {
				t.Errorf("%q is %v, which is read as %v %v", text, i, again, err)
			}
		}
	})
}

// FuzzInstance reads any document as an instance and as a record: neither may
// panic, and what an instance holds can be written and read again.
func FuzzInstance(f *testing.F) {
	f.Add("<p:C" + namespaces + `><p:A>1</p:A><p:A>2</p:A><p:N xsi:nil="true"/></p:C>`)
	f.Add("<p:C" + namespaces + `><p:E xsi:type="q:E_Type"><q:N>one</q:N></p:E><p:D><cim:Datetime>2013-04-15</cim:Datetime></p:D></p:C>`)
	f.Add("<w:XmlFragment" + namespaces + `><R><a:Address>h</a:Address></R></w:XmlFragment>`)
	f.Fuzz(func(t *testing.T, doc string) {
		sc := xmlscan.New([]byte(doc))
		if tok, err := sc.Next(); err != nil || tok != xmlscan.Start {
			return
		}
		d, err := NewDecoder[record]()
		if err != nil {
			t.Fatal(err)
		}
		other := xmlscanCopy(doc)
		if _, err := d.Decode(other); err == nil && other.Depth() != 1 {
			t.Errorf("the decoder stopped at depth %d", other.Depth())
		}
		i, err := ReadInstance(sc)
		if err != nil {
			return
		}
		body, err := Body("urn:C", "C", i.Properties)
		if err != nil {
			return // a name or character that is no CIM
		}
		again := xmlscanCopy(`<e xmlns:a="` + wsman.NamespaceAddressing + `" xmlns:w="` + wsman.NamespaceWSMan + `">` + string(body) + "</e>")
		if _, err := again.Next(); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		same, err := ReadInstance(again)
		if err != nil {
			t.Fatalf("%s cannot be read again: %v", body, err)
		}
		if !isPlain(i) {
			return
		}
		if diff := cmp.Diff(i.Properties, same.Properties, cmp.AllowUnexported(Value{}, whole{}), cmpopts.IgnoreFields(Value{}, "typ"), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s is read again as\n%s", body, diff)
		}
	})
}

// isPlain tells an instance whose values all come back as they were: an
// embedded instance without a class, for example, can be read but not written.
func isPlain(i *Instance) bool {
	for _, p := range i.Properties {
		for _, v := range p.Value.Items() {
			if k := v.Kind(); k != Text && k != Null {
				return false
			}
		}
	}
	return true
}

// xmlscanCopy is a scanner at the first Start of a document.
func xmlscanCopy(doc string) *xmlscan.Scanner {
	sc := xmlscan.New([]byte(doc))
	_, _ = sc.Next()
	return sc
}

func BenchmarkDecode(b *testing.B) {
	type row struct {
		PackageID  string   `cim:"PackageID"`
		Path       string   `cim:"ServerNALPath"`
		SiteCode   string   `cim:"SiteCode"`
		State      uint32   `cim:"State"`
		LastCopied Datetime `cim:"LastCopied"`
	}
	doc := []byte(`<w:XmlFragment` + namespaces + `><LastCopied><Datetime>2026-11-21T10:00:00Z</Datetime></LastCopied><PackageID>PS100001</PackageID>` +
		`<ServerNALPath>["Display=\\dp01.ps1.example\"]MSWNET:["SMS_SITE=PS1"]\\dp01.ps1.example\</ServerNALPath><SiteCode>PS1</SiteCode><State>3</State></w:XmlFragment>`)
	d, err := NewDecoder[row]()
	if err != nil {
		b.Fatal(err)
	}
	sc := xmlscan.New(doc)
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		sc.Reset(doc)
		if _, err := sc.Next(); err != nil {
			b.Fatal(err)
		}
		if _, err := d.Decode(sc); err != nil {
			b.Fatal(err)
		}
	}
}
