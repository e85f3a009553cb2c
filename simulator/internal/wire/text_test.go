package wire

import (
	"bytes"
	"encoding/xml"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"dpremote/simulator/internal/repository"

	"github.com/google/go-cmp/cmp"
)

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
		ok   bool
	}{
		{"PT60S", time.Minute, true},
		{"PT0S", 0, true},
		{"P1D", 24 * time.Hour, true},
		{"P0DT0H1M40S", 100 * time.Second, true},
		{"P12DT3H4M5.678900S", 12*24*time.Hour + 3*time.Hour + 4*time.Minute + 5678900*time.Microsecond, true},
		{"PT1.5S", 1500 * time.Millisecond, true},
		{"PT7200.000S", 2 * time.Hour, true},
		{"", 0, false},
		{"P", 0, false},
		{"PT", 0, false},
		{"P1DT", 0, false},
		{"60", 0, false},
		{"PT60", 0, false},
		{"PTS", 0, false},
		{"PT1S1M", 0, false},
		{"PT1.5M", 0, false},
		{"PT1.S", 0, false},
		{"-PT1S", 0, false},
		{"PT-1S", 0, false},
		{"P1Y", 0, false},
		{"P1M", 0, false},
		{" PT1S", 0, false},
		{"P106752D", 0, false},
		{"PT9223372037S", 0, false},
		{"PT9223372036.9S", 0, false},
		{"P106751DT23H47M17S", 0, false},
		{"P106751DT23H47M16S", 9223372036 * time.Second, true},
	} {
		got, ok := parseDuration(c.text)
		if got != c.want || ok != c.ok {
			t.Errorf("%q: %v, %t; want %v, %t", c.text, got, ok, c.want, c.ok)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                       "P0DT0H0M0S",
		100 * time.Second:       "P0DT0H1M40S",
		25*time.Hour + 1500000:  "P1DT1H0M0.0015S",
		59*time.Second + 999999: "P0DT0H0M59.000999S",
		-time.Second:            "P0DT0H0M0S",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

// FuzzDuration wants every interval that is written to be read again.
func FuzzDuration(f *testing.F) {
	f.Add(int64(0))
	f.Add(int64(100 * time.Second))
	f.Add(int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, n int64) {
		d := max(time.Duration(n), 0).Truncate(time.Microsecond)
		got, ok := parseDuration(formatDuration(d))
		if got != d || !ok {
			t.Errorf("%v is read as %v, %t", d, got, ok)
		}
	})
}

func TestFormatTime(t *testing.T) {
	at := time.Date(2013, 4, 15, 16, 28, 41, 546_875_000, time.UTC)
	for _, c := range []struct {
		v    repository.DatetimeValue
		want string
	}{
		{repository.At(at), "2013-04-15T16:28:41.546875Z"},
		{repository.At(at.Add(-46_875 * time.Microsecond)), "2013-04-15T16:28:41.5Z"},
		{repository.At(at.Truncate(time.Second)), "2013-04-15T16:28:41Z"},
		{repository.At(at.Add(999)), "2013-04-15T16:28:41.546875Z"},
		{repository.DatetimeValue{Time: at, NoZone: true}, "2013-04-15T16:28:41.546875"},
		{repository.DatetimeValue{Time: at.In(time.FixedZone("", 7200))}, "2013-04-15T18:28:41.546875+02:00"},
	} {
		if got := formatTime(c.v); got != c.want {
			t.Errorf("%+v: %s, want %s", c.v, got, c.want)
		}
	}
}

func TestEncodings(t *testing.T) {
	const text = "<a>é \U0001F600</a>"
	for _, c := range []struct {
		name string
		body []byte
		want encoding
		ok   bool
	}{
		{"utf-8", []byte(text), utf8Encoding, true},
		{"utf-8 with mark", []byte("\uFEFF" + text), utf8Encoding, true},
		{"utf-16le", encode([]byte(text), utf16LE), utf16LE, true},
		{"utf-16be", encode([]byte(text), utf16BE), utf16BE, true},
		{"utf-16le without mark", encode([]byte(text), utf16LE)[2:], utf16LE, true},
		{"utf-16be without mark", encode([]byte(text), utf16BE)[2:], utf16BE, true},
		{"half a character", append(encode([]byte(text), utf16LE), 0), utf16LE, false},
		{"latin-1", []byte("<a>\xE9</a>"), utf8Encoding, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, enc, err := decode(c.body)
			if enc != c.want || (err == nil) != c.ok || c.ok && string(got) != text {
				t.Errorf("%q, %v, %v", got, enc, err)
			}
		})
	}
}

// FuzzUTF16 compares the writing and the counting with unicode/utf16.
func FuzzUTF16(f *testing.F) {
	f.Add("<a>é \U0001F600\uFFFF</a>")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		units := utf16.Encode([]rune(text))
		if got := utf16Size([]byte(text)); got != 2*len(units) {
			t.Errorf("size %d, want %d", got, 2*len(units))
		}
		for _, enc := range []encoding{utf16LE, utf16BE} {
			got, detected, err := decode(encode([]byte(text), enc))
			if err != nil || detected != enc || string(got) != text {
				t.Errorf("%q comes back as %q, %v, %v", text, got, detected, err)
			}
		}
	})
}

// FuzzEscape wants encoding/xml to read what was written, in content and in
// an attribute.
func FuzzEscape(f *testing.F) {
	f.Add("a<b & \"c\" 'd' > \r\n\t]]>")
	f.Add("\x00\x01\x1F\uFFFE\xFF\U0001F600 ")
	f.Fuzz(func(t *testing.T, text string) {
		w := &xmlWriter{}
		w.leaf("a", text, "b", text)
		var got struct {
			Text      string `xml:",chardata"`
			Attribute string `xml:"b,attr"`
		}
		if err := xml.Unmarshal(w.buf, &got); err != nil {
			t.Fatalf("%v: %q", err, w.buf)
		}
		want := strings.Map(func(r rune) rune {
			if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
				return '?'
			}
			return r
		}, strings.ToValidUTF8(text, "\xFF"))
		want = string(bytes.ReplaceAll([]byte(want), []byte("\xFF"), []byte("\uFFFD")))
		if strings.ToValidUTF8(text, "") == text { // how runs of bad bytes are replaced is nobody's concern
			if d := cmp.Diff([]string{want, want}, []string{got.Text, got.Attribute}); d != "" {
				t.Error(d)
			}
		}
	})
}

func TestScalars(t *testing.T) {
	for _, c := range []struct {
		text string
		kind repository.Type
		want repository.Value
		ok   bool
	}{
		{"true", repository.Boolean, true, true},
		{"0", repository.Boolean, false, true},
		{"TRUE", repository.Boolean, nil, false},
		{"255", repository.UInt8, uint64(255), true},
		{"256", repository.UInt8, nil, false},
		{"-1", repository.UInt8, nil, false},
		{"true", repository.UInt32, nil, false},
		{"", repository.UInt32, nil, false},
		{" 1", repository.UInt32, nil, false},
		{"-128", repository.SInt8, int64(-128), true},
		{"-129", repository.SInt8, nil, false},
		{"18446744073709551615", repository.UInt64, uint64(math.MaxUint64), true},
		{"-9223372036854775808", repository.SInt64, int64(math.MinInt64), true},
		{"1e3", repository.Real64, 1000.0, true},
		{"-INF", repository.Real64, math.Inf(-1), true},
		{"inf", repository.Real64, nil, false},
		{"0x1p4", repository.Real64, nil, false},
		{" a ", repository.String, " a ", true},
		{"", repository.String, "", true},
		{"x", repository.Object, nil, false},
	} {
		got, ok := parseScalar(c.text, c.kind)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q as %s: %v, %t; want %v, %t", c.text, c.kind, got, ok, c.want, c.ok)
		}
		if ok && c.kind != repository.Boolean && c.kind != repository.Real64 && scalarText(got) != c.text {
			t.Errorf("%q as %s is written %q", c.text, c.kind, scalarText(got))
		}
	}
}

func TestRealText(t *testing.T) {
	for f, want := range map[float64]string{1.5: "1.5", math.Inf(1): "INF", math.Inf(-1): "-INF", 1e21: "1e+21", 0: "0"} {
		if got := realText(f); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
}

func TestObjectPath(t *testing.T) {
	got := objectPath(repository.Ref{Namespace: "root/cimv2", Class: "C", Keys: map[string]string{"b": `\\x\"y"`, "a": "1"}})
	if want := `root/cimv2:C.a="1",b="\\\\x\\\"y\""`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
