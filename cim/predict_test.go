package cim

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"dpremote/wsman"
)

// onePage is a server whose only answer holds the items it was made of.
type onePage struct{ items, sent []byte }

var messageID = regexp.MustCompile(`<a:MessageID>([^<]*)<`)

func (p *onePage) Close() error { return nil }

func (p *onePage) RoundTrip(_ context.Context, req *wsman.Request) (*wsman.Response, error) {
	p.sent = fmt.Appendf(nil, `<s:Envelope xmlns:s=%q xmlns:a=%q xmlns:n=%q xmlns:w=%q xmlns:xsi=%q xmlns:c=%q xmlns:q="u:q"><s:Header>`+
		`<a:RelatesTo>%s</a:RelatesTo></s:Header><s:Body><n:EnumerateResponse><w:Items>%s</w:Items><w:EndOfSequence/>`+
		`</n:EnumerateResponse></s:Body></s:Envelope>`,
		wsman.NamespaceSOAP, wsman.NamespaceAddressing, wsman.NamespaceEnumeration, wsman.NamespaceWSMan, wsman.NamespaceXSI, wsman.NamespaceCIM,
		messageID.FindSubmatch(req.Body)[1], p.items)
	return &wsman.Response{Status: 200, ContentType: "application/soap+xml;charset=UTF-8", Body: p.sent}, nil
}

func (p *onePage) session() *Session {
	return &Session{Client: wsman.NewClient(p, wsman.Options{Retries: -1}), Namespace: "root/sms/site_PS1"}
}

// anything is a record with a field of every kind that is predicted.
type anything struct {
	A string   `cim:"A"`
	B bool     `cim:"B"`
	C int8     `cim:"C"`
	D uint16   `cim:"D"`
	E int64    `cim:"E"`
	F uint64   `cim:"F"`
	G Datetime `cim:"G"`
	H Interval `cim:"H"`
	I *int32   `cim:"I"`
	J []string `cim:"J"`
	K float64  `cim:"K"`
	L uint32   `cim:"L,required"`
	M Value    `cim:"M"`
}

// scanned reads a page by the scanner alone.
func scanned[T any](p *onePage, read func(*wsman.Item) (T, error)) (all []T, err error) {
	for item, err := range p.session().Client.Enumerate(context.Background(), wsman.Enumeration{Namespace: "root/sms/site_PS1", WQL: "x"}) {
		if err != nil {
			return all, err
		}
		one, err := read(item)
		if err != nil {
			return all, p.session().undecoded("enumerate", "x", err)
		}
		all = append(all, one)
	}
	return all, nil
}

// comparable forms of values that hold unexported fields and NaN
var asRead = cmp.Options{cmp.AllowUnexported(Value{}, whole{}), cmpopts.EquateNaNs(), cmpopts.EquateEmpty()}

// samePrediction holds what Query and Rows give for a page against what the
// scanner gives for each of its items.
func samePrediction(t *testing.T, items []byte) {
	t.Helper()
	p := &onePage{items: items}
	d, err := NewDecoder[anything]()
	if err != nil {
		t.Fatal(err)
	}
	want, wantErr := scanned(p, func(i *wsman.Item) (anything, error) { return d.Decode(i.Scanner()) })
	var got []anything
	var gotErr error
	for record, err := range Query[anything](t.Context(), p.session(), "x") {
		if gotErr = err; err == nil {
			got = append(got, record)
		}
	}
	clear(p.sent) // what was read must not be in there any more
	if diff := cmp.Diff(want, got, asRead); diff != "" || fmt.Sprint(wantErr) != fmt.Sprint(gotErr) {
		t.Fatalf("records of %q: errors %v and %v, (-scanned +predicted):\n%s", items, wantErr, gotErr, diff)
	}

	wantRows, wantErr := scanned(p, func(i *wsman.Item) (*Instance, error) { return ReadInstance(i.Scanner()) })
	var gotRows []*Instance
	gotErr = nil
	for row, err := range p.session().Rows(t.Context(), wsman.Enumeration{Namespace: "root/sms/site_PS1", WQL: "x"}) {
		if gotErr = err; err == nil {
			i := *row.Instance
			i.Properties = slices.Clone(i.Properties)
			gotRows = append(gotRows, &i)
		}
	}
	clear(p.sent)
	if diff := cmp.Diff(wantRows, gotRows, asRead); diff != "" || fmt.Sprint(wantErr) != fmt.Sprint(gotErr) {
		t.Fatalf("rows of %q: errors %v and %v, (-scanned +predicted):\n%s", items, wantErr, gotErr, diff)
	}
}

// rowsThatDiffer are rows of one class as they may follow each other.
var rowsThatDiffer = []string{
	`<c><A>one</A><B>true</B><C>-5</C><D>7</D><E>-1</E><F>18446744073709551615</F><G><Datetime>2026-10-03T23:02:10Z</Datetime></G><H><Interval>P0DT0H1M40S</Interval></H><I>3</I><J>x</J><J>y</J><K>1.5</K><L>1</L></c>`,
	`<c><A>t&quot;wo\</A><B>0</B><C>127</C><D>65535</D><E>9223372036854775807</E><F>0</F><G><Datetime>2026-10-03T23:02:10.5Z</Datetime></G><H><Interval>P1DT0H0M0S</Interval></H><I>-3</I><J>x</J><J>y</J><J>z</J><K>NaN</K><L>2</L></c>`,
	`<c><A></A><B>1</B><C>-128</C><D>0</D><E>-9223372036854775808</E><F>00</F><G xsi:nil="true"/><H xsi:nil="1"/><I xsi:nil="true"/><K>2</K><L>3</L><M xsi:nil="true"/></c>`,
	`<q:c xsi:type="q:c_Type"><q:A>one</q:A><q:G><c:Datetime>2026-10-03T23:02:10Z</c:Datetime></q:G><q:L>1</q:L></q:c>`,
	`<q:c xmlns:q="u:other" xsi:type="q:c_Type"><q:A>one</q:A><q:G><c:Datetime> 2026-10-03T23:02:10Z </c:Datetime></q:G><q:L>1</q:L></q:c>`,
	`<c><L>1</L><A/><M xsi:type="c:cimString">m</M></c>`,
	`<c><A>a<!-- -->b</A><L>1</L></c>`,
	`<c><A><![CDATA[<&]]></A><L>1</L></c>`,
	"<c>\n <A>a\r\nb</A>\n <L>1</L>\n</c>\n",
	`<c><L>1</L><M xmlns:y="u:y" xsi:type="y:T_Type"><y:A>1</y:A></M></c>`,
	`<c><L>1</L><X><A>1</A></X></c>`,
	`<c><L>1</L><X><Datetime>x</Datetime> <A>2</A></X><A>3</A></c>`,
	`<c><L>1</L><M><a:Address>x</a:Address></M></c>`,
	`<c xsi:nil="true"/>`,
	`<c><L>1</L>text</c>`,
	`<c><L xsi:nil="true"/></c>`,
	`<c><L>4294967296</L></c>`,
	`<c><L>1</L><X>&bad;</X></c>`,
	`<c><L>1</L><X>` + "\xff" + `</X></c>`,
	`<c><L>1</L><a>case</a></c>`,
	`<c><L>1</L><G>2026-10-03T23:02:10Z</G><G>20261003230210.000000+***</G></c>`,
	`<c><L>1</L><G>2026-02-29T23:02:10Z</G></c>`,
	`<c><L>1</L><A>` + strings.Repeat("long", 600) + `</A></c>`,
	`<c><L>+1</L></c>`, `<c><L> 1 </L><C>+1</C></c>`, `<c/>`, `<c></c>`,
}

// TestPredictedRows has each kind of row follow each other, and come again.
func TestPredictedRows(t *testing.T) {
	for _, a := range rowsThatDiffer {
		for _, b := range rowsThatDiffer {
			samePrediction(t, []byte(a+a+b+a+b+b+a))
		}
	}
}

// FuzzPredictedRows lets rows differ as they like.
func FuzzPredictedRows(f *testing.F) {
	for i, a := range rowsThatDiffer {
		f.Add([]byte(a), []byte(rowsThatDiffer[(i+1)%len(rowsThatDiffer)]))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a)+len(b) > 64<<10 {
			return
		}
		samePrediction(t, bytes.Join([][]byte{a, a, b, a, b, b}, nil))
	})
}

// TestRowsArePredicted shows that the fast path is taken: a test that only
// compares would not see it gone.
func TestRowsArePredicted(t *testing.T) {
	d, err := NewDecoder[anything]()
	if err != nil {
		t.Fatal(err)
	}
	p := &onePage{items: []byte(strings.Repeat(rowsThatDiffer[1], 2) + strings.Repeat(rowsThatDiffer[2], 3) + strings.Repeat(rowsThatDiffer[1], 10))}
	for page, err := range p.session().Client.Pages(t.Context(), wsman.Enumeration{Namespace: "root/sms/site_PS1", WQL: "x"}) {
		if err != nil {
			t.Fatal(err)
		}
		sc := page.Scanner()
		d.rows.Begin(sc)
		predicted, read := 0, 0
		for {
			for d.predict(sc) {
				predicted++
			}
			mark := sc.Mark()
			if !page.Next() {
				break
			}
			if _, err := d.Decode(sc); err != nil {
				t.Fatal(err)
			}
			if err := d.rows.Learn(sc, mark, d.gap); err != nil {
				t.Fatal(err)
			}
			read++
		}
		if predicted != 11 || read != 4 {
			t.Errorf("%d rows predicted and %d read, not 11 and 4", predicted, read)
		}
	}
}

// TestTextsAreBounded has more values than are remembered.
func TestTextsAreBounded(t *testing.T) {
	repeating, unique := &column{}, &column{}
	all := &texts{}
	for i := range 6 * maxOfColumn {
		for _, of := range []struct {
			c    *column
			want string
		}{{repeating, fmt.Sprint("dp", i%5000)}, {unique, strings.Repeat("x", 100) + fmt.Sprint(i)}} {
			if got, ok := all.of(of.c, []byte(of.want)); got != of.want || !ok {
				t.Fatalf("%q became %q", of.want, got)
			}
		}
		if all.bytes > maxRemembered+2*maxWord+costOfWord {
			t.Fatalf("%d bytes are remembered", all.bytes)
		}
	}
	if repeating.forgetful || len(repeating.known) != 5000 {
		t.Errorf("of 5000 values that repeat %d are remembered", len(repeating.known))
	}
	if !unique.forgetful || unique.known != nil {
		t.Error("values that do not repeat are still remembered")
	}
}
