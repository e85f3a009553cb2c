package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

type (
	packageID  string
	namedInt   int16
	namedUint  uint16
	namedFloat float32
	namedBool  bool
	level      uint8
	marshaled  struct{}
	both       struct{}
	pointed    struct{ n int }
)

func (level) String() string                   { return "warning" }
func (marshaled) MarshalJSON() ([]byte, error) { return []byte(`{"b":"<", "a":1}`), nil }
func (both) MarshalJSON() ([]byte, error)      { return []byte(`7`), nil }
func (both) String() string                    { return "seven" }
func (p *pointed) String() string              { return strings.Repeat("*", p.n) }

func TestValues(t *testing.T) {
	at := time.Date(2026, 3, 1, 1, 2, 3, 4000, time.FixedZone("", -3600))
	hour, one, text := time.Hour, 1, "x"
	tests := []struct {
		name             string
		value            any
		json, csv, table string
	}{
		{"nil", nil, `null`, ``, `-`},
		{"string", "a<b>&\"\n", `"a<b>&\"\n"`, "a<b>&\"\n", `a<b>&" `},
		{"empty string", "", `""`, ``, ``},
		{"invalid string", "a\xff", `"a\ufffd"`, "a\ufffd", "a\ufffd"},
		{"bool", true, `true`, `true`, `true`},
		{"int", -7, `-7`, `-7`, `-7`},
		{"int8", int8(math.MinInt8), `-128`, `-128`, `-128`},
		{"int16", int16(-300), `-300`, `-300`, `-300`},
		{"int32", int32(-70000), `-70000`, `-70000`, `-70000`},
		{"int64", int64(math.MinInt64), `-9223372036854775808`, `-9223372036854775808`, `-9223372036854775808`},
		{"uint", uint(7), `7`, `7`, `7`},
		{"uint8", uint8(255), `255`, `255`, `255`},
		{"uint16", uint16(65535), `65535`, `65535`, `65535`},
		{"uint32", uint32(math.MaxUint32), `4294967295`, `4294967295`, `4294967295`},
		{"uint64", uint64(math.MaxUint64), `18446744073709551615`, `18446744073709551615`, `18446744073709551615`},
		{"float32", float32(0.1), `0.1`, `0.1`, `0.1`},
		{"float64", 1e6, `1000000`, `1000000`, `1000000`},
		{"small float", 1e-7, `1e-07`, `1e-07`, `1e-07`},
		{"NaN", math.NaN(), `"NaN"`, `NaN`, `NaN`},
		{"infinity", math.Inf(1), `"Infinity"`, `Infinity`, `Infinity`},
		{"minus infinity", float32(math.Inf(-1)), `"-Infinity"`, `-Infinity`, `-Infinity`},
		{"time", at, `"2026-03-01T02:02:03.000004Z"`, `2026-03-01T02:02:03.000004Z`, `2026-03-01T02:02:03Z`},
		{"zero time", time.Time{}, `null`, ``, `-`},
		{"duration", 90*time.Minute + 250*time.Millisecond, `5400.25`, `5400.25`, `1h30m`},
		{"strings", []string{"a", "b\""}, `["a","b\""]`, `a;b"`, `a, b"`},
		{"nil strings", []string(nil), `[]`, ``, ``},
		{"values", []any{1, nil, []any{"x", at}}, `[1,null,["x","2026-03-01T02:02:03.000004Z"]]`, `1;;x;2026-03-01T02:02:03.000004Z`, `1, -, x, 2026-03-01T02:02:03Z`},
		{"bytes are numbers", []byte{1, 2}, `[1,2]`, `1;2`, `1, 2`},
		{"object", Object{[]string{"b", "a"}, []any{1, "x"}}, `{"b":1,"a":"x"}`, `{"b":1,"a":"x"}`, `{"b":1,"a":"x"}`},
		{"named string", packageID("PS100001"), `"PS100001"`, `PS100001`, `PS100001`},
		{"stringer", level(2), `"warning"`, `warning`, `warning`},
		{"nil stringer", (*pointed)(nil), `null`, ``, `-`},
		{"pointer stringer", &pointed{2}, `"**"`, `**`, `**`},
		{"text marshaler", netip.MustParseAddr("::1"), `"::1"`, `::1`, `::1`},
		{"json marshaler", marshaled{}, `{"b":"<","a":1}`, `{"b":"<","a":1}`, `{"b":"<","a":1}`},
		{"json marshaler and stringer", both{}, `7`, `seven`, `seven`},
		{"raw message", json.RawMessage(`[1, 2]`), `[1,2]`, `[1,2]`, `[1,2]`},
		{"error", errors.New("refused"), `"refused"`, `refused`, `refused`},
		{"struct", struct{ A string }{"<"}, `{"A":"<"}`, `{"A":"<"}`, `{"A":"<"}`},
		{"map", map[string]int{"b": 1, "a": 2}, `{"a":2,"b":1}`, `{"a":2,"b":1}`, `{"a":2,"b":1}`},
		{"nil map", map[string]int(nil), `null`, ``, `-`},
		{"named numbers", []any{namedInt(-1), namedUint(2), namedFloat(0.5), namedFloat(math.NaN()), namedBool(true)}, `[-1,2,0.5,"NaN",true]`, `-1;2;0.5;NaN;true`, `-1, 2, 0.5, NaN, true`},
		{"pointer to int", &one, `1`, `1`, `1`},
		{"pointer to string", &text, `"x"`, `x`, `x`},
		{"pointer to time", &at, `"2026-03-01T02:02:03.000004Z"`, `2026-03-01T02:02:03.000004Z`, `2026-03-01T02:02:03Z`},
		{"pointer to duration", &hour, `3600`, `3600`, `1h`},
		{"nil pointer to time", (*time.Time)(nil), `null`, ``, `-`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j, err := appendValue(nil, tt.value, 0)
			if err != nil {
				t.Fatal(err)
			}
			c, err := appendText(nil, tt.value, 0)
			if err != nil {
				t.Fatal(err)
			}
			s, err := cell(tt.value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.json, tt.csv, tt.table}, []string{string(j), string(c), s}); diff != "" {
				t.Errorf("json, csv, table (-want +got):\n%s", diff)
			}
			if !json.Valid(j) {
				t.Errorf("not JSON: %s", j)
			}
		})
	}
}

type broken struct{}

func (broken) MarshalText() ([]byte, error) { return nil, errors.New("broken") }

func TestValueErrors(t *testing.T) {
	var deep any = "x"
	for range 1000 {
		deep = []any{deep}
	}
	var deepObject any
	for range 1000 {
		deepObject = Object{[]string{"a"}, []any{deepObject}}
	}
	tests := []struct {
		name  string
		value any
	}{
		{"channel", make(chan int)},
		{"channel within", []any{make(chan int)}},
		{"deep list", deep},
		{"deep object", deepObject},
		{"object without values", Object{Names: []string{"a"}}},
		{"marshaler", broken{}},
		{"invalid raw message", json.RawMessage(`{"a":`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if b, err := appendValue(nil, tt.value, 0); err == nil {
				t.Errorf("json: %s", b)
			}
			if b, err := appendText(nil, tt.value, 0); err == nil {
				t.Errorf("csv: %s", b)
			}
			if s, err := cell(tt.value); err == nil {
				t.Errorf("table: %s", s)
			}
		})
	}
}

func TestShortDuration(t *testing.T) {
	tests := map[string]time.Duration{
		"0s": 0, "250ms": 250*time.Millisecond + 1, "1s": time.Second, "10s": 10 * time.Second, "10m": 10 * time.Minute,
		"1m30s": 90 * time.Second, "10h": 10 * time.Hour, "1h0m1s": time.Hour + time.Second, "-2h30m": -150 * time.Minute,
	}
	for want, d := range tests {
		if got := shortDuration(d); got != want {
			t.Errorf("shortDuration(%v) = %s, want %s", d, got, want)
		}
	}
}

// marshalString is encoding/json without its HTML escaping.
func marshalString(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func checkString(t *testing.T, s string) {
	t.Helper()
	got := string(appendString(nil, s))
	var back, want string
	if err := json.Unmarshal([]byte(got), &back); err != nil {
		t.Fatalf("appendString(%q) = %s: %v", s, got, err)
	}
	reference := marshalString(t, s)
	if err := json.Unmarshal([]byte(reference), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, back); diff != "" {
		t.Errorf("appendString(%q) = %s (-want +got):\n%s", s, got, diff)
	}
	if strings.ContainsFunc(got, unicode.IsControl) {
		t.Errorf("appendString(%q) = %q has a control", s, got)
	}
	// DEL and C1 are the one difference that is meant.
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x7f && r <= 0x9f }) && got != reference {
		t.Errorf("appendString(%q) = %s, want %s", s, got, reference)
	}
}

func TestAppendString(t *testing.T) {
	for r := range rune(0x3000) {
		checkString(t, "a"+string(r)+"b")
	}
	for _, s := range []string{"", "\xff", "\xc3", "\xed\xa0\x80", "a\xffb\xfe", "\ufffd", "😀", "\u2028\u2029", "<>&", "\U0010ffff"} {
		checkString(t, s)
	}
	if got, want := string(appendString(nil, "\x7f\u009b\x1b")), `"\u007f\u009b\u001b"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "\x00\x1f\x7f", "\u009b", "\u2028", "\xff\xfe", "\xe2\x80", `"\`, "<&>", "日本語 😀"} {
		f.Add(s)
	}
	f.Fuzz(checkString)
}

func FuzzCell(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b[2J", "\u009b2J", "\x1b]0;title\x07", "a\r\nb\tc", "\u202eevil", "\xff\x9b", "\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := cell(s)
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.ValidString(got) || strings.ContainsFunc(got, unprintable) {
			t.Errorf("cell(%q) = %q", s, got)
		}
		again, err := cell(got)
		if err != nil || again != got {
			t.Errorf("cell(%q) = %q, %v; want it unchanged", got, again, err)
		}
	})
}

// A row of the usual types costs no memory, in jsonl and in json.
func TestRowAllocations(t *testing.T) {
	for _, format := range []Format{JSON, JSONL} {
		w, row := benchmarkWriter(t, format)
		if n := testing.AllocsPerRun(1000, func() {
			if err := w.Row(row...); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a row, want 0", format, n)
		}
	}
}

// The buffer does not grow with the rows.
func TestMemoryIsFlat(t *testing.T) {
	for _, format := range []Format{JSON, JSONL, YAML, CSV} {
		w, row := benchmarkWriter(t, format)
		for range 2000 {
			if err := w.Row(row...); err != nil {
				t.Fatal(err)
			}
		}
		if n := cap(w.out.buf); n > 3*bufferSize {
			t.Errorf("%s: the buffer has grown to %d bytes", format, n)
		}
	}
}

func TestGatheredColumnsAreBounded(t *testing.T) {
	r, err := NewRecords(io.Discard, Options{Format: CSV})
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxColumns {
		if err := r.Record([]string{strconv.Itoa(i)}, []any{i}); err != nil {
			t.Fatal(err)
		}
	}
	want := `write row: name "x": there are 1024 others already`
	if err := r.Record([]string{"x"}, []any{1}); err == nil || err.Error() != want {
		t.Errorf("Record: %v, want %s", err, want)
	}
	if err := r.Record([]string{"0"}, []any{1}); err != nil {
		t.Errorf("Record of a known name: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func benchmarkWriter(tb testing.TB, format Format) (*Writer, []any) {
	tb.Helper()
	row := []any{
		"PS1", "PS100001", `["Display=\\SRV1.corp.example\"]MSWNET:["SMS_SITE=PS1"]\\SRV1.corp.example\`,
		uint32(3), int64(12), true, time.Date(2026, 11, 3, 9, 30, 1, 0, time.UTC), nil, []string{"Berlin", "Paris"},
	}
	columns := make([]Column, len(row))
	for i := range columns {
		columns[i].Name = "column" + string(rune('A'+i))
	}
	w, err := New(io.Discard, Options{Format: format, Columns: columns})
	if err != nil {
		tb.Fatal(err)
	}
	return w, row
}

func BenchmarkRow(b *testing.B) {
	for _, format := range []Format{JSONL, JSON, CSV, YAML} {
		b.Run(string(format), func(b *testing.B) {
			w, row := benchmarkWriter(b, format)
			line, err := appendObject(nil, w.names, row, 0)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				if err := w.Row(row...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTable(b *testing.B) {
	const rows = 10_000
	for b.Loop() {
		w, row := benchmarkWriter(b, Table)
		for range rows {
			if err := w.Row(row...); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
