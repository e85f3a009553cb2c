package wire

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tree is an element as the test's own kind of node, for comparison.
func (e *element) tree() node {
	n := node{XMLName: xml.Name{Space: e.name.space, Local: e.name.local}, Text: e.text()}
	for _, a := range e.attributes {
		n.Attrs = append(n.Attrs, xml.Attr{Name: xml.Name{Space: a.name.space, Local: a.name.local}, Value: a.value})
	}
	for _, c := range e.children {
		n.Nodes = append(n.Nodes, c.tree())
	}
	return n
}

// withoutDeclarations drops the namespace declarations, which encoding/xml
// gives as attributes.
func (n node) withoutDeclarations() node {
	var attrs []xml.Attr
	for _, a := range n.Attrs {
		if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
			attrs = append(attrs, a)
		}
	}
	n.Attrs = attrs
	nodes := n.Nodes
	n.Nodes = nil
	for _, c := range nodes {
		n.Nodes = append(n.Nodes, c.withoutDeclarations())
	}
	return n
}

var goodDocuments = []string{
	`<a/>`,
	`<?xml version="1.0" encoding="utf-16"?><a>x</a>`,
	`<p:a xmlns:p="u" p:b="1" b="2"><c xmlns="v" d="3">t &lt;&amp; <![CDATA[<raw>]]> u</c><!-- no --></p:a>`,
	`<a xmlns="u"><b xmlns=""><c/></b><d/></a>`,
	`<p:a xmlns:p="u"><p:a xmlns:p="v"/><p:b/></p:a>`,
	`<a xml:lang="en">&#65;&#x42;</a>` + "\n",
}

func TestParse(t *testing.T) {
	for _, text := range goodDocuments {
		t.Run(text, func(t *testing.T) {
			e, err := parse([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			plain := strings.Replace(text, ` encoding="utf-16"`, "", 1)
			if d := cmp.Diff(readNode(t, []byte(plain)).withoutDeclarations(), e.tree()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", ``, "ends early"},
		{"not closed", `<a><b></b>`, "ends early"},
		{"wrong end", `<a></b>`, "matches no start"},
		{"end of another prefix", `<p:a xmlns:p="u" xmlns:q="u"></q:a>`, "matches no start"},
		{"second root", `<a/><b/>`, "more than one root"},
		{"text outside", `<a/>x`, "text outside"},
		{"document type", `<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>`, "document type"},
		{"unknown entity", `<a>&e;</a>`, "entity"},
		{"processing instruction", `<a><?do it?></a>`, "processing instruction"},
		{"undeclared prefix", `<p:a/>`, "not declared"},
		{"undeclared attribute prefix", `<a p:b="1"/>`, "not declared"},
		{"prefix out of scope", `<a><b xmlns:p="u"/><p:c/></a>`, "not declared"},
		{"attribute twice", `<a b="1" b="2"/>`, "twice"},
		{"attribute twice by namespace", `<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>`, "twice"},
		{"prefix declared twice", `<a xmlns:p="u" xmlns:p="v"/>`, "twice"},
		{"empty declaration", `<a xmlns:p=""/>`, "empty"},
		{"too deep", strings.Repeat("<a>", maxDepth+1) + strings.Repeat("</a>", maxDepth+1), "deeper"},
		{"too many attributes", `<a` + manyAttributes() + `/>`, "attributes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one that says %q", err, c.want)
			}
		})
	}
}

func manyAttributes() string {
	var b strings.Builder
	for i := range maxAttributes + 1 {
		b.WriteString(" a" + strings.Repeat("b", i) + `="1"`)
	}
	return b.String()
}

func TestQName(t *testing.T) {
	e, err := parse([]byte(`<a xmlns="u" xmlns:p="v"><b xmlns:p="w"/></a>`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		text string
		want name
		ok   bool
	}{
		{"p:x", name{"w", "x"}, true},
		{"x", name{"u", "x"}, true},
		{"xml:lang", name{nsXML, "lang"}, true},
		{"q:x", name{}, false},
	} {
		got, err := e.children[0].qname(c.text)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%s: %v, %v; want %v", c.text, got, err, c.want)
		}
	}
}

// FuzzParse compares with encoding/xml's own reading: what parse accepts, it
// must accept too, and find the same in it.
func FuzzParse(f *testing.F) {
	for _, text := range goodDocuments {
		f.Add(text)
	}
	f.Add(message{action: actionGet, uri: siteURI + "SMS_DP", header: dpKeys}.text())
	f.Fuzz(func(t *testing.T, text string) {
		e, err := parse([]byte(text))
		if err != nil || strings.Contains(text, "<?") {
			return // a declared encoding is another matter to encoding/xml
		}
		var want node
		if err := xml.Unmarshal([]byte(text), &want); err != nil {
			t.Fatalf("parse accepts what encoding/xml does not: %v", err)
		}
		if d := cmp.Diff(want.withoutDeclarations(), e.tree()); d != "" {
			t.Error(d)
		}
	})
}
