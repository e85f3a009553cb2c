package wire

import (
	"cmp"
	"encoding/xml"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/wql"

	diff "github.com/google/go-cmp/cmp"
)

// captures is where answers of real Windows servers are, when they are.
const captures = "../../../../shared/captures"

// capture reads one of them, or skips the test when they are absent.
func capture(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(captures, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the captures are not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// changing is what differs from one answer to the next.
var changing = regexp.MustCompile(`(<a:MessageID>|<n:EnumerationContext>)uuid:[-0-9A-F]{36}<`)

// steady replaces what differs from one answer to the next.
func steady(text []byte) string {
	return string(changing.ReplaceAll(text, []byte("${1}uuid:X<")))
}

// pages are the captured answers to one query, in order.
func pages(t *testing.T, query string) [][]byte {
	t.Helper()
	capture(t, "windows-server-2008/"+query+"_000.xml") // there, or skip
	names, err := filepath.Glob(filepath.Join(captures, "windows-server-2008", query+"_*.xml"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	var out [][]byte
	for _, n := range names {
		text, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, text)
	}
	return out
}

// items are the items of a captured page.
func items(t *testing.T, page []byte) []node {
	t.Helper()
	body := readNode(t, page).at("Body")
	if len(body.Nodes) != 1 {
		t.Fatalf("a page's body has %d elements, want 1", len(body.Nodes))
	}
	return body.Nodes[0].at("Items").Nodes
}

// recorded makes instances of items. Every scalar is a string: its text is
// known and its type is not. The properties of each class are those that any
// of its items has, in this project's own order.
func recorded(t *testing.T, all []node) []*repository.Instance {
	t.Helper()
	classes := map[string]*repository.Class{}
	for _, item := range all {
		c, ok := classes[item.XMLName.Local]
		if !ok {
			c = &repository.Class{Name: item.XMLName.Local}
			classes[c.Name] = c
		}
		for i, member := range item.Nodes {
			j := c.Index(member.XMLName.Local)
			if j < 0 {
				j = len(c.Properties)
				c.Properties = append(c.Properties, repository.Property{Name: member.XMLName.Local})
			}
			// What any instance repeats, or lacks, is an array.
			again := i > 0 && item.Nodes[i-1].XMLName.Local == member.XMLName.Local
			c.Properties[j].Array = c.Properties[j].Array || again
		}
	}
	for _, c := range classes {
		slices.SortFunc(c.Properties, func(a, b repository.Property) int {
			return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
		})
	}
	for _, item := range all {
		c := classes[item.XMLName.Local]
		for i, p := range c.Properties {
			if item.at(p.Name).XMLName.Local == "" {
				c.Properties[i].Array = true
			}
		}
	}
	var out []*repository.Instance
	for _, item := range all {
		in := repository.New(classes[item.XMLName.Local])
		for _, member := range item.Nodes {
			p, _ := in.Class.Property(member.XMLName.Local)
			v := recordedValue(t, member)
			if p.Array {
				array, _ := in.Get(p.Name).([]repository.Value)
				v = append(array, v)
			}
			in.Set(p.Name, v)
		}
		out = append(out, in)
	}
	return out
}

func recordedValue(t *testing.T, member node) repository.Value {
	t.Helper()
	if member.attr("nil") == "true" {
		return nil
	}
	if stamp := member.at("Datetime"); stamp.XMLName.Local != "" {
		at, err := time.Parse(time.RFC3339Nano, stamp.Text)
		if err != nil {
			t.Fatal(err)
		}
		return repository.At(at)
	}
	return member.Text
}

// queries are the names that the captured answers begin with.
func queries(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(captures, "windows-server-2008", "*_000.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, n := range names {
		out = append(out, strings.TrimSuffix(filepath.Base(n), "_000.xml"))
	}
	return out
}

// TestCapturedQueries serves what Windows Server 2008 R2 answered and wants
// the same bytes back, but for the ids that change with every answer.
func TestCapturedQueries(t *testing.T) {
	names := queries(t)
	if len(names) == 0 {
		t.Skip("the captures are not here")
	}
	for _, query := range names {
		t.Run(query, func(t *testing.T) {
			want := pages(t, query)
			var all []node
			for _, p := range want {
				all = append(all, items(t, p)...)
			}
			instances := recorded(t, all)
			result := &wql.Result{Class: instances[0].Class, Instances: instances}
			if strings.HasSuffix(query, "_all") {
				for _, p := range result.Class.Properties {
					result.Projection = append(result.Projection, p.Name)
				}
			}
			s := serve(t, Config{})
			s.provider.results["Q"] = result
			compare(t, s, want)
		})
	}
}

// compare asks for pages with as many items as the captured ones have.
func compare(t *testing.T, s *testServer, want [][]byte) {
	t.Helper()
	uri := resourceWMI + "root/cimv2/*"
	m := message{action: actionEnumerate, uri: uri, body: enumerateBody("Q", "<w:OptimizeEnumeration/><w:MaxElements>100</w:MaxElements>")}
	for i, page := range want {
		m.id = readNode(t, page).at("Header", "RelatesTo").Text
		got := s.post(t, m.text())
		if d := diff.Diff(tokens(t, steady(page)), tokens(t, steady(got.body))); d != "" {
			t.Fatalf("page %d (-Windows +here):\n%s", i, d)
		}
		if steady(page) != steady(got.body) {
			t.Errorf("page %d has the same tokens as Windows', and other bytes:\n%s\n%s", i, steady(page), steady(got.body))
		}
		if i+1 < len(want) {
			context := readNode(t, got.body).at("Body").Nodes[0].at("EnumerationContext").Text
			m = message{action: actionPull, uri: uri, body: pullBody(context, len(items(t, want[i+1])))}
		}
	}
}

// tokens is a document as encoding/xml's raw tokens: prefixes, attributes and
// their order included.
func tokens(t *testing.T, text string) []xml.Token {
	t.Helper()
	var out []xml.Token
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.RawToken()
		if token == nil {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, xml.CopyToken(token))
	}
}

func enumerateBody(query, parts string) string {
	return `<n:Enumerate>` + parts + `<w:Filter Dialect="` + dialectWQL + `">` + quote(query) + `</w:Filter></n:Enumerate>`
}

func pullBody(context string, most int) string {
	return `<n:Pull><n:EnumerationContext>` + context + `</n:EnumerationContext><n:MaxElements>` + strconv.Itoa(most) + `</n:MaxElements></n:Pull>`
}

// shape is a tree's names and attribute names, without values; s:Text and
// f:Message hold Windows' words, which are not ours.
func shape(n node) []string {
	var out []string
	var walk func(node, string)
	walk = func(n node, indent string) {
		var attrs []string
		for _, a := range n.Attrs {
			if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
				attrs = append(attrs, a.Name.Local)
			}
		}
		slices.Sort(attrs)
		out = append(out, indent+"{"+n.XMLName.Space+"}"+n.XMLName.Local+" "+strings.Join(attrs, " "))
		for _, c := range n.Nodes {
			walk(c, indent+" ")
		}
	}
	walk(n, "")
	return out
}

// TestCapturedFaults compares the faults that Windows was seen to send.
func TestCapturedFaults(t *testing.T) {
	t.Run("invalid class in a query", func(t *testing.T) {
		want := readNode(t, capture(t, "faults/soap_fault_v2.xml"))
		s := serve(t, Config{})
		got := s.post(t, message{action: actionEnumerate, uri: resourceWMI + "root/cimv2/*", body: enumerateBody("SELECT * FROM Nope", "")}.text())
		if d := diff.Diff(shape(want), shape(readNode(t, got.body))); d != "" {
			t.Errorf("(-Windows +here):\n%s", d)
		}
		if d := diff.Diff(codes(want), codes(readNode(t, got.body))); d != "" {
			t.Errorf("(-Windows +here):\n%s", d)
		}
	})
	t.Run("too many operations", func(t *testing.T) {
		want := readNode(t, capture(t, "faults/max_concurrent_operations.xml"))
		s := serve(t, Config{MaxOperationsPerUser: 1})
		s.provider.results["Q"] = &wql.Result{Class: dpClass, Instances: []*repository.Instance{newDP("a"), newDP("b")}}
		m := message{action: actionEnumerate, uri: siteURI + "*", body: enumerateBody("Q", "")}
		s.ask(t, m)
		got := readNode(t, s.post(t, m.text()).body)
		if d := diff.Diff(shape(want), shape(got)); d != "" {
			t.Errorf("(-Windows +here):\n%s", d)
		}
		if d := diff.Diff(codes(want), codes(got)); d != "" {
			t.Errorf("(-Windows +here):\n%s", d)
		}
	})
	t.Run("too many shells", func(t *testing.T) {
		want := readNode(t, capture(t, "faults/wmi_error_v2.xml"))
		s := serve(t, Config{Shell: echoShell})
		m := message{action: actionCreate, uri: resourceCmd, body: shellBody}
		for range maxShellsPerUser {
			s.ask(t, m)
		}
		got := readNode(t, s.post(t, m.text()).body)
		if d := diff.Diff(shape(want.at("Body")), shape(got.at("Body"))); d != "" {
			t.Errorf("(-Windows +here):\n%s", d)
		}
		for _, path := range [][]string{{"CIMStatusCode"}, {"MessageID"}, {"error_Category"}, {"error_Code"}, {"error_Type"}} {
			a := want.at("Body", "Fault", "Detail", "MSFT_WmiError").at(path...)
			b := got.at("Body", "Fault", "Detail", "MSFT_WmiError").at(path...)
			if d := diff.Diff(a, b); d != "" {
				t.Errorf("%v (-Windows +here):\n%s", path, d)
			}
		}
	})
}

// codes are the values of a fault that programs go by.
func codes(n node) []string {
	f := n.at("Body", "Fault")
	provider := f.at("Detail", "WSManFault", "Message", "ProviderFault")
	var out []string
	for _, text := range []string{
		n.at("Header", "Action").Text,
		f.at("Code", "Value").Text, f.at("Code", "Subcode", "Value").Text,
		f.at("Detail", "WSManFault").attr("Code"),
		provider.attr("provider"), provider.attr("path"), provider.at("WSManFault").attr("Code"),
		provider.at("ExtendedError", "__ExtendedStatus", "Operation").Text,
		provider.at("ExtendedError", "__ExtendedStatus", "ProviderName").Text,
		provider.at("ExtendedError", "__ExtendedStatus", "StatusCode").attr("nil"),
	} {
		out = append(out, strings.TrimSpace(text))
	}
	return out
}

// TestCapturedPageSizes fills pages to the size limit alone. The server that
// was recorded had a limit of 150 KiB; where its pages ended is met to within
// one item. How it counts exactly is not known: one of its pages has 22 bytes
// more than 150 KiB as UTF-16.
func TestCapturedPageSizes(t *testing.T) {
	names := queries(t)
	if len(names) == 0 {
		t.Skip("the captures are not here")
	}
	checked := 0
	for _, query := range names {
		if !strings.HasSuffix(query, "_star") {
			continue
		}
		var all []node
		var want []int
		for _, p := range pages(t, query) {
			all = append(all, items(t, p)...)
			want = append(want, len(items(t, p)))
		}
		if len(want) < 3 {
			continue
		}
		checked++
		instances := recorded(t, all)
		s := serve(t, Config{MaxEnvelopeSizeKB: 150})
		s.provider.results["Q"] = &wql.Result{Class: instances[0].Class, Instances: instances}
		got := pageCounts(t, s, resourceWMI+"root/cimv2/*")
		near := diff.Comparer(func(a, b int) bool { return a-b <= 1 && b-a <= 1 })
		if d := diff.Diff(want, got, near); d != "" {
			t.Errorf("%s: items per page (-Windows +here):\n%s", query, d)
		}
	}
	if checked == 0 {
		t.Error("no capture has a full page")
	}
}

// pageCounts pulls query Q to its end, 1000 items at a time, and is how many
// items each answer had.
func pageCounts(t *testing.T, s *testServer, uri string) []int {
	t.Helper()
	m := message{action: actionEnumerate, uri: uri, body: enumerateBody("Q", "<w:OptimizeEnumeration/><w:MaxElements>1000</w:MaxElements>")}
	var counts []int
	for {
		answer := s.ask(t, m)
		page := answer.at("Body").Nodes[0]
		counts = append(counts, len(page.at("Items").Nodes))
		if page.at("EndOfSequence").XMLName.Local != "" {
			return counts
		}
		m = message{action: actionPull, uri: uri, body: pullBody(page.at("EnumerationContext").Text, 1000)}
	}
}
