package xmlscan

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// scan writes a document's tokens one a line, runs of text joined.
func scan(doc []byte) ([]string, error) {
	var out []string
	var text []byte
	flush := func() {
		if len(text) > 0 {
			out = append(out, fmt.Sprintf("text %q", text))
			text = nil
		}
	}
	s := New(doc)
	for {
		t, err := s.Next()
		if err != nil {
			return out, err
		}
		switch t {
		case EOF:
			return out, nil
		case Text:
			text = append(text, s.Text()...)
		case Start:
			flush()
			line := fmt.Sprintf("start %d {%s}%s", s.Depth(), s.Space(), s.Local())
			for _, a := range s.Attrs() {
				line += fmt.Sprintf(" {%s}%s=%q", a.Space, a.Local, a.Value)
			}
			out = append(out, line)
		case End:
			flush()
			out = append(out, fmt.Sprintf("end %d {%s}%s", s.Depth(), s.Space(), s.Local()))
		}
	}
}

// reference does the same with encoding/xml. It reports an undeclared prefix,
// which encoding/xml lets pass, and a directive.
func reference(doc []byte) (out []string, refused bool, err error) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errors.New("not UTF-8") }
	var text []byte
	depth := 0
	scopes := []map[string]bool{{"": true, "http://www.w3.org/XML/1998/namespace": true}}
	flush := func() {
		if len(text) > 0 {
			out = append(out, fmt.Sprintf("text %q", text))
			text = nil
		}
	}
	for {
		t, err := d.Token()
		if err == io.EOF {
			return out, refused, nil
		}
		if err != nil {
			return out, refused, err
		}
		switch t := t.(type) {
		case xml.Directive:
			refused = true
		case xml.CharData:
			if depth > 0 {
				text = append(text, t...)
			} else if len(bytes.TrimSpace(t)) > 0 {
				refused = true
			}
		case xml.StartElement:
			flush()
			if depth == 0 && len(out) > 0 {
				refused = true
			}
			depth++
			declared := map[string]bool{}
			for uri := range scopes[len(scopes)-1] {
				declared[uri] = true
			}
			line := fmt.Sprintf("start %d {%s}%s", depth, t.Name.Space, t.Name.Local)
			for _, a := range t.Attr {
				if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
					declared[a.Value] = true
					continue
				}
				line += fmt.Sprintf(" {%s}%s=%q", a.Name.Space, a.Name.Local, a.Value)
			}
			scopes = append(scopes, declared)
			refused = refused || !declared[t.Name.Space] || strings.Contains(t.Name.Local, ":")
			for _, a := range t.Attr {
				if a.Name.Space != "xmlns" && (!declared[a.Name.Space] || strings.Contains(a.Name.Local, ":")) {
					refused = true
				}
			}
			out = append(out, line)
		case xml.EndElement:
			flush()
			out = append(out, fmt.Sprintf("end %d {%s}%s", depth, t.Name.Space, t.Name.Local))
			depth--
			scopes = scopes[:len(scopes)-1]
		}
	}
}

var seeds = []string{
	`<a/>`,
	`<?xml version="1.0" encoding="utf-8"?>` + "\r\n" + `<s:E xmlns:s="u:s" a='1' s:b="&lt;&#x41;"><s:T>x&amp;y]] </s:T><!-- c --><n xmlns="d"><m/></n></s:E>` + "\n",
	`<a><![CDATA[<&]]>tail</a>`,
	"<a>one\r\ntwo\rthree&#13;</a>",
	`<a xmlns="u"><b xmlns=""/></a>`,
	`<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`,
	`<a><b></a></b>`,
	`<p:a/>`,
	`<a b="1" b="2"/>`,
	"\xef\xbb\xbf<a>\xc3\xa9</a>",
	`<a`, `<a>`, `<a></a><b/>`, `text`, ``, `<a b=c/>`, `<a>&#0;</a>`, `<a/ >`,
	`<a xml:lang="en"/>`,
	`<a:b:c xmlns:a="u"/>`,
}

// FuzzAgainstEncodingXML holds the scanner against encoding/xml: what that
// reads and we do not refuse on purpose must come out the same.
func FuzzAgainstEncodingXML(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		want, refused, wantErr := reference(doc)
		got, err := scan(doc)
		if wantErr != nil || refused || len(want) == 0 {
			return // ours must only not panic; it checks less than encoding/xml does
		}
		if err != nil {
			if reason := onPurpose(doc, err); reason == "" {
				t.Fatalf("encoding/xml reads %q, the scanner says: %v", doc, err)
			}
			return
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("of %q (-encoding/xml +scanner):\n%s", doc, d)
		}
	})
}

// onPurpose names why the scanner refuses a document that encoding/xml reads.
func onPurpose(doc []byte, err error) string {
	for _, reason := range []string{"nested more than", "more than 256 attributes", "more than 512 namespaces", "a name longer", "its prefix is not declared", "undeclared prefix", "second root", "outside the root"} {
		if strings.Contains(err.Error(), reason) {
			return reason
		}
	}
	if errors.Is(err, ErrTruncated) && bytes.Contains(doc, []byte("<?")) {
		return "encoding/xml ends quietly"
	}
	return ""
}

func TestSameAsEncodingXML(t *testing.T) {
	for _, doc := range seeds[:5] {
		want, _, err := reference([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		got, err := scan([]byte(doc))
		if err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("of %q (-encoding/xml +scanner):\n%s", doc, d)
		}
	}
}

func TestCapturesSameAsEncodingXML(t *testing.T) {
	files, _ := filepath.Glob("../../../shared/captures/*/*.xml")
	if len(files) == 0 {
		t.Skip("the captures of Windows servers are not beside the project")
	}
	for _, name := range files {
		doc, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want, _, err := reference(doc)
		if err != nil {
			t.Fatal(err)
		}
		got, err := scan(doc)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-encoding/xml +scanner):\n%s", name, d)
		}
	}
}

func TestRefused(t *testing.T) {
	deep := strings.Repeat("<a>", maxDepth+1)
	var many strings.Builder
	for i := range maxAttributes + 1 {
		fmt.Fprintf(&many, " a%d=''", i)
	}
	tests := []struct{ name, doc, want string }{
		{"empty", "", "ends in the middle"},
		{"cut in a tag", "<a><b", "ends in the middle"},
		{"cut in an attribute", `<a b="`, "ends in the middle"},
		{"cut in text", "<a>text", "ends in the middle"},
		{"cut before the last tag", "<a><b></b>", "ends in the middle"},
		{"cut in an end tag", "<a></a", "ends in the middle"},
		{"cut in a comment", "<a><!-- ", "ends in the middle"},
		{"DTD", "<!DOCTYPE a><a/>", "document type declaration"},
		{"entity", "<a>&nbsp;</a>", "entity"},
		{"NUL reference", "<a>&#0;</a>", "entity"},
		{"bare ampersand", "<a>a & b</a>", "entity"},
		{"wrong end tag", "<a><b></a></b>", "does not close <b>"},
		{"longer end tag", "<a></ab>", "does not close <a>"},
		{"two roots", "<a/><b/>", "second root"},
		{"text outside", "<a/>text", "outside the root"},
		{"undeclared prefix", "<p:a/>", "prefix is not declared"},
		{"undeclared attribute prefix", "<a p:b=''/>", "prefix is not declared"},
		{"too deep", deep, "nested more than"},
		{"too many attributes", "<a" + many.String() + "/>", "more than 256 attributes"},
		{"not UTF-8", "<a>\xff</a>", "not UTF-8"},
		{"long name", "<" + strings.Repeat("a", maxName+1) + "/>", "a name longer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := scan([]byte(tt.doc))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestMarkAndRewind(t *testing.T) {
	s := New([]byte(`<a xmlns:p="u"><p:b xmlns:q="v">1</p:b><c/></a>`))
	next := func(want Token, local string) {
		t.Helper()
		got, err := s.Next()
		if err != nil || got != want || string(s.Local()) != local {
			t.Fatalf("got %v <%s> %v, want %v <%s>", got, s.Local(), err, want, local)
		}
	}
	next(Start, "a")
	m := s.Mark()
	next(Start, "b")
	if err := s.Skip(); err != nil {
		t.Fatal(err)
	}
	next(Start, "c")
	s.Rewind(m)
	next(Start, "b")
	if text, err := s.Content(); err != nil || string(text) != "1" {
		t.Fatalf("content %q %v", text, err)
	}
	next(Start, "c")
	next(End, "c")
	if err := s.SkipTo(1); err != nil {
		t.Fatal(err)
	}
	if err := s.SkipTo(1); err != nil {
		t.Fatal(err)
	}
	if tok, err := s.Next(); tok != EOF || err != nil {
		t.Fatalf("got %v %v at the end", tok, err)
	}
}

func TestContentJoinsRunsAndLeavesTheDocument(t *testing.T) {
	doc := []byte(`<a>one<!-- c -->two<![CDATA[<3>]]></a>`)
	before := string(doc)
	s := New(doc)
	if _, err := s.Next(); err != nil {
		t.Fatal(err)
	}
	got, err := s.Content()
	if err != nil || string(got) != "onetwo<3>" {
		t.Errorf("content %q %v", got, err)
	}
	if string(doc) != before {
		t.Errorf("the document was changed to %q", doc)
	}
}

func BenchmarkScan(b *testing.B) {
	var doc bytes.Buffer
	doc.WriteString(`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>`)
	for i := range 1000 {
		fmt.Fprintf(&doc, `<p:R xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/x/R"><p:PackageID>PS1%05X</p:PackageID><p:State>3</p:State></p:R>`, i)
	}
	doc.WriteString(`</s:Body></s:Envelope>`)
	b.Run("scanner", func(b *testing.B) {
		b.SetBytes(int64(doc.Len()))
		s := New(nil)
		for b.Loop() {
			s.Reset(doc.Bytes())
			for {
				if t, err := s.Next(); err != nil {
					b.Fatal(err)
				} else if t == EOF {
					break
				}
			}
		}
	})
	b.Run("encoding-xml", func(b *testing.B) {
		b.SetBytes(int64(doc.Len()))
		for b.Loop() {
			d := xml.NewDecoder(bytes.NewReader(doc.Bytes()))
			for {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
