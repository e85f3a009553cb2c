package xmlwrite

import (
	"encoding/xml"
	"strings"
	"testing"
)

func TestWriter(t *testing.T) {
	var w Writer
	w.Open("a:X", "xmlns:a", `u"<&`+"\n", "b", "'")
	w.Leaf("a:Y", `n < 5 AND s='a&b' ]]> "q"`+"\r\n")
	w.Empty("a:Z", "c", "1")
	w.Close("a:X")
	got, err := w.Bytes()
	want := `<a:X xmlns:a="u&#34;&lt;&amp;&#10;" b="'"><a:Y>n &lt; 5 AND s='a&amp;b' ]]&gt; "q"&#13;` + "\n" + `</a:Y><a:Z c="1"/></a:X>`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func TestUnsendableText(t *testing.T) {
	for _, text := range []string{"a\x00b", "\x1b[31m", "\xff", "\ufffe"} {
		var w Writer
		w.Leaf("a", text)
		if _, err := w.Bytes(); err == nil || !strings.Contains(err.Error(), "cannot be sent") {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

// FuzzRoundTrip reads back what was written with encoding/xml.
func FuzzRoundTrip(f *testing.F) {
	f.Add("SELECT * FROM X WHERE a<'b&c'", `["Display=\\SRV\"]`)
	f.Add("\r\n\t", "\u00e9\ufffd")
	f.Fuzz(func(t *testing.T, text, attr string) {
		var w Writer
		w.Leaf("a", text, "b", attr)
		doc, err := w.Bytes()
		if err != nil {
			return
		}
		var got struct {
			Text string `xml:",chardata"`
			Attr string `xml:"b,attr"`
		}
		if err := xml.Unmarshal(doc, &got); err != nil {
			t.Fatalf("%s: %v", doc, err)
		}
		if got.Text != text || got.Attr != attr {
			t.Fatalf("wrote %q and %q, read %q and %q", text, attr, got.Text, got.Attr)
		}
	})
}
