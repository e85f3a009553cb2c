package cim_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dpremote/cim"
	"dpremote/internal/captures"
	"dpremote/internal/xmlscan"
	"dpremote/wsman"
)

// capturesDir is where the recordings of real servers lie, beside the project.
const capturesDir = "../../shared/captures"

// What the recordings hold. A change of these numbers means that some were
// lost, here or there.
const (
	enumerationFiles     = 55
	enumerationInstances = 508
	otherFiles           = 11
)

// node is an element as encoding/xml reads it: the independent reading that
// ours is held against.
type node struct {
	name     xml.Name
	attrs    map[string]string // by local name
	children []*node
	text     string
}

func readTree(doc []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	root := &node{}
	stack := []*node{root}
	for {
		t, err := d.Token()
		if err == io.EOF {
			return root.children[0], nil
		}
		if err != nil {
			return nil, err
		}
		top := stack[len(stack)-1]
		switch t := t.(type) {
		case xml.StartElement:
			n := &node{name: t.Name, attrs: map[string]string{}}
			for _, a := range t.Attr {
				n.attrs[a.Name.Local] = a.Value
			}
			top.children = append(top.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += string(t)
		}
	}
}

func (n *node) find(local string) *node {
	if n.name.Local == local {
		return n
	}
	for _, c := range n.children {
		if found := c.find(local); found != nil {
			return found
		}
	}
	return nil
}

// describe writes a property's element as describeValue writes its value.
func (n *node) describe() string {
	switch {
	case n.attrs["nil"] == "true":
		return "null"
	case len(n.children) == 0:
		return fmt.Sprintf("text %q", n.text)
	}
	if n.children[0].name.Space == wsman.NamespaceAddressing {
		return fmt.Sprintf("reference %q", n.find("ResourceURI").text)
	}
	switch child := n.children[0]; child.name.Local {
	case "Datetime":
		return fmt.Sprintf("datetime %q", strings.TrimSpace(child.text))
	case "Interval":
		return fmt.Sprintf("interval %q", strings.TrimSpace(child.text))
	}
	return "instance {" + strings.Join(describeChildren(n), "; ") + "}"
}

// describeChildren writes an instance's properties, elements of the same name
// as one array.
func describeChildren(n *node) []string {
	var lines []string
	for i := 0; i < len(n.children); {
		name := n.children[i].name.Local
		var values []string
		for ; i < len(n.children) && n.children[i].name.Local == name; i++ {
			values = append(values, n.children[i].describe())
		}
		if len(values) == 1 {
			lines = append(lines, name+" = "+values[0])
		} else {
			lines = append(lines, name+" = array ["+strings.Join(values, ", ")+"]")
		}
	}
	return lines
}

func describeInstance(i *cim.Instance) []string {
	var lines []string
	for _, p := range i.Properties {
		lines = append(lines, p.Name+" = "+describeValue(p.Value))
	}
	return lines
}

func describeValue(v cim.Value) string {
	switch v.Kind() {
	case cim.Null:
		return "null"
	case cim.Array:
		var values []string
		for _, item := range v.Items() {
			values = append(values, describeValue(item))
		}
		return "array [" + strings.Join(values, ", ") + "]"
	case cim.Object:
		return "instance {" + strings.Join(describeInstance(v.Instance()), "; ") + "}"
	case cim.Reference:
		return fmt.Sprintf("reference %q", v.Reference().ResourceURI)
	}
	return fmt.Sprintf("%s %q", v.Kind(), v.Text())
}

// replay is a Transport that answers from recordings.
type replay struct{ server *captures.Server }

func (r replay) RoundTrip(_ context.Context, req *wsman.Request) (*wsman.Response, error) {
	body, err := r.server.Reply(req.Body)
	if err != nil {
		return nil, &wsman.TransportError{Sent: true, Err: err}
	}
	return &wsman.Response{Status: 200, ContentType: "application/soap+xml;charset=UTF-8", Body: body}, nil
}

func (replay) Close() error { return nil }

// TestCapturedEnumerations runs each recorded enumeration through the client
// and holds every instance against encoding/xml's reading of the same pages.
func TestCapturedEnumerations(t *testing.T) {
	files, instances := 0, 0
	for name, pages := range captures.In(t, capturesDir).Enumerations(t) {
		t.Run(name, func(t *testing.T) {
			var want [][]string
			for _, page := range pages {
				files++
				root, err := readTree(page)
				if err != nil {
					t.Fatal(err)
				}
				for _, item := range root.find("Items").children {
					want = append(want, append([]string{item.name.Local}, describeChildren(item)...))
				}
			}
			server := captures.NewServer(pages)
			session := &cim.Session{Client: wsman.NewClient(replay{server}, wsman.Options{}), Namespace: "root/cimv2"}
			var got [][]string
			for row, err := range session.Rows(t.Context(), wsman.Enumeration{WQL: "recorded"}) {
				if err != nil {
					t.Fatal(err)
				}
				class := row.Instance.Class
				if class == "" {
					class = "XmlFragment"
				}
				got = append(got, append([]string{class}, describeInstance(row.Instance)...))
			}
			instances += len(got)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-encoding/xml +cim):\n%s", d)
			}
			if n := len(server.Requests()); n != len(pages) {
				t.Errorf("%d requests for %d pages: %v", n, len(pages), server.Requests())
			}
		})
	}
	t.Logf("%d files, %d instances", files, instances)
	if files < enumerationFiles || instances < enumerationInstances {
		t.Errorf("%d files with %d instances, there were %d with %d", files, instances, enumerationFiles, enumerationInstances)
	}
}

// TestOtherCaptures reads what the bodies of the other recordings hold, which
// is no CIM data but has its shapes, and holds it against encoding/xml.
func TestOtherCaptures(t *testing.T) {
	files := 0
	for _, pattern := range []string{"faults/*.xml", "eventing/*.xml", "shell/*.xml"} {
		for _, name := range captures.In(t, capturesDir).Files(t, pattern) {
			files++
			doc, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			root, err := readTree(doc)
			if err != nil {
				t.Fatal(err)
			}
			sc := xmlscan.New(doc)
			for !sc.Is(wsman.NamespaceSOAP, "Body") {
				if _, err := sc.Next(); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			body, err := cim.ReadInstance(sc)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if d := cmp.Diff(describeChildren(root.find("Body")), describeInstance(body)); d != "" {
				t.Errorf("%s (-encoding/xml +cim):\n%s", name, d)
			}
		}
	}
	t.Logf("%d files", files)
	if files < otherFiles {
		t.Errorf("%d files, there were %d", files, otherFiles)
	}
}

// often is a recorded page with its items so many times over, as the only page
// of an enumeration.
func often(t testing.TB, page []byte, times int) []byte {
	t.Helper()
	from := bytes.Index(page, []byte("Items>")) + len("Items>")
	to := bytes.LastIndex(page[:bytes.LastIndex(page, []byte("Items>"))], []byte("</"))
	if from < len("Items>") || to < from {
		t.Fatal("a page without items")
	}
	var out []byte
	out = append(out, page[:from]...)
	out = append(out, bytes.Repeat(page[from:to], times)...)
	rest, prefix := page[to:], page[to+len("</"):]
	prefix = prefix[:bytes.IndexByte(prefix, ':')]
	end := bytes.IndexByte(rest, '>') + 1
	out = append(append(out, rest[:end]...), "<"+string(prefix)+":EndOfSequence/>"...)
	return append(out, rest[end:]...)
}

// whole answers every request with one page, in which it changes the id that it
// relates to.
type whole struct{ page []byte }

func newWhole(page []byte) whole {
	return whole{bytes.ReplaceAll(page, []byte("PullResponse"), []byte("EnumerateResponse"))}
}

func (w whole) RoundTrip(_ context.Context, req *wsman.Request) (*wsman.Response, error) {
	_, id, _ := bytes.Cut(req.Body, []byte("<a:MessageID>"))
	_, old, ok := bytes.Cut(w.page, []byte("<a:RelatesTo>"))
	if !ok || copy(old[:bytes.IndexByte(old, '<')], id) != bytes.IndexByte(id, '<') {
		return nil, &wsman.TransportError{Err: errors.New("the page has no place for the id")}
	}
	return &wsman.Response{Status: 200, ContentType: "application/soap+xml;charset=UTF-8", Body: w.page}, nil
}

func (whole) Close() error { return nil }

// TestCapturedRowsComeAgain repeats the items of each recorded page, so that
// each of them is predicted as far as it can be.
func TestCapturedRowsComeAgain(t *testing.T) {
	const times = 3
	pages := 0
	for name, recorded := range captures.In(t, capturesDir).Enumerations(t) {
		for _, page := range recorded {
			pages++
			root, err := readTree(page)
			if err != nil {
				t.Fatal(err)
			}
			var once []string
			for _, item := range root.find("Items").children {
				once = append(once, fmt.Sprintf("%q", describeChildren(item)))
			}
			session := &cim.Session{Client: wsman.NewClient(newWhole(often(t, page, times)), wsman.Options{}), Namespace: "root/cimv2"}
			var got []string
			for row, err := range session.Rows(t.Context(), wsman.Enumeration{WQL: "recorded"}) {
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				got = append(got, fmt.Sprintf("%q", describeInstance(row.Instance)))
			}
			if d := cmp.Diff(slices.Repeat(once, times), got); d != "" {
				t.Errorf("%s (-encoding/xml +cim):\n%s", name, d)
			}
		}
	}
	if pages < enumerationFiles {
		t.Errorf("%d pages, there were %d", pages, enumerationFiles)
	}
}

// someProperties is a record for the classes of the recordings.
type someProperties struct {
	Name      string `cim:"Name"`
	Caption   string `cim:"Caption"`
	DeviceID  string `cim:"DeviceID"`
	Status    string `cim:"Status"`
	Size      uint64 `cim:"Size"`
	ProcessID uint32 `cim:"ProcessId"`
}

// BenchmarkCapturedRows reads the recorded pages, each with its items often
// enough to fill a page, into records and into instances. It passes over the
// tokens of the same bytes by encoding/xml, and over their "<" alone.
func BenchmarkCapturedRows(b *testing.B) {
	const full = 250 << 10
	var pages []whole
	size := 0
	for _, recorded := range captures.In(b, capturesDir).Enumerations(b) {
		for _, page := range recorded {
			p := newWhole(often(b, page, 1+full/len(page)))
			pages = append(pages, p)
			size += len(p.page)
		}
	}
	b.Run("records", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			for _, p := range pages {
				session := &cim.Session{Client: wsman.NewClient(p, wsman.Options{}), Namespace: "root/cimv2"}
				for _, err := range cim.Query[someProperties](b.Context(), session, "recorded") {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		}
	})
	b.Run("instances", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			for _, p := range pages {
				session := &cim.Session{Client: wsman.NewClient(p, wsman.Options{}), Namespace: "root/cimv2"}
				for _, err := range session.Rows(b.Context(), wsman.Enumeration{WQL: "recorded"}) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		}
	})
	b.Run("scan", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			for _, p := range pages {
				for rest := p.page; ; {
					at := bytes.IndexByte(rest, '<')
					if at < 0 {
						break
					}
					rest = rest[at+1:]
				}
			}
		}
	})
	b.Run("tokens", func(b *testing.B) {
		b.SetBytes(int64(size))
		for b.Loop() {
			for _, p := range pages {
				for d := xml.NewDecoder(bytes.NewReader(p.page)); ; {
					if _, err := d.Token(); err == io.EOF {
						break
					} else if err != nil {
						b.Fatal(err)
					}
				}
			}
		}
	})
}
