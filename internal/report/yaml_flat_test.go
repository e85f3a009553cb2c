package report

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestYAMLFlat writes rows in both ways: what appendFlat takes is what the
// library writes.
func TestYAMLFlat(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"a", "Z", "yes", "null", "y", "e", "0x1", "1e3", ".inf", "nan", "~", "-", "?", ":", ": ", " #", "#", ",", "[", "]", "{", "}", "&", "*", "!", "|", ">",
		"'", "\"", "\\", "%", "@", "`", " ", "  ", "\t", "\n", "\x7f", "é", "\u2028", "\xff", "0", "12", "/", ".", "_", "=", "<<", "T", "2026-10-24T17:53:33Z",
		`["Display=\\dp1.example\"]MSWNET:["SMS_SITE=PS1"]\\dp1.example\`, strings.Repeat("long words ", 20), strings.Repeat("x", 200)}
	text := func() string {
		var s strings.Builder
		for range random.IntN(5) {
			s.WriteString(pieces[random.IntN(len(pieces))])
		}
		return s.String()
	}
	flat := 0
	const rows = 50_000
	for range rows {
		names, values := make([]string, 1+random.IntN(3)), []any{}
		for i := range names {
			names[i] = []string{"siteCode", "a b", "x-1", text()}[random.IntN(4)] + string(rune('A'+i))
			values = append(values, []any{text(), text(), text(), random.IntN(1000), -5.25, 1e-9, nil, true, time.Unix(1e9, 0), []string{"a"}, Object{}}[random.IntN(11)])
		}
		y, err := newYAMLDocument(&output{w: io.Discard}, "k")
		if err != nil {
			t.Fatal(err)
		}
		got, ok := y.appendFlat([]byte("before"), names, values)
		if !ok {
			if string(got) != "before" {
				t.Fatalf("%q is left of a row that was not taken", got)
			}
			continue
		}
		flat++
		y.out.buf = []byte("before")
		if err := y.appendItem(names, values); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, y.out.buf) {
			t.Fatalf("%q %q:\n%s\nnot\n%s", names, values, got, y.out.buf)
		}
	}
	if flat < rows/10 {
		t.Errorf("only %d rows of %d were taken", flat, rows)
	}
}
