package wire

import "testing"

// TestCut cuts one message at each kind of byte.
func TestCut(t *testing.T) {
	const doc = `<s:Envelope><s:Header><a:To>x</a:To></s:Header><s:Body><p:X a="1"><p:A>a&amp;b</p:A><p:B>grün</p:B></p:X></s:Body></s:Envelope>`
	const head = `<s:Envelope><s:Header><a:To>x</a:To></s:Header><s:Body>`
	tests := []struct {
		cut  Cut
		want string
	}{
		{CutStart, `<s:E`},
		{CutName, head + `<p:`},
		{CutAttribute, head + `<p:X a="1`},
		{CutText, head + `<p:X a="1"><p:A>a&amp;b</p:A><p:B>g`},
		{CutEntity, head + `<p:X a="1"><p:A>a&a`},
		{CutRune, head + `<p:X a="1"><p:A>a&amp;b</p:A><p:B>gr` + "\xc3"},
		{CutBetween, head + `<p:X a="1"><p:A>a&amp;b</p:A><p:B>grün</p:B>`},
		{CutClosing, head + `<p:X a="1"><p:A>a&amp;b</p:A><p:B>grün</p:B></p:`},
		{CutLast, doc[:len(doc)-1]},
	}
	for _, tt := range tests {
		if got := doc[:tt.cut.at([]byte(doc))]; got != tt.want {
			t.Errorf("cut %d: got %s\nwant %s", tt.cut, got, tt.want)
		}
	}
	// Whatever a message is, something of it is missing.
	for _, other := range []string{"<a/>", "<s:Body></s:Body>", "<s:Body><a/></s:Body>", "<s:Body>é</s:Body>"} {
		for cut := CutStart; cut <= CutLast; cut++ {
			if at := cut.at([]byte(other)); at < 0 || at >= len(other) {
				t.Errorf("cut %d of %s is at %d", cut, other, at)
			}
		}
	}
}

// TestMishaps: what is not to be done is not done, and what is done is.
func TestMishaps(t *testing.T) {
	plain := &Plain{Status: 503}
	tests := []struct {
		name   string
		mishap Mishap
		status int
		done   bool
	}{
		{"nothing", Mishap{}, 200, true},
		{"a fault", Mishap{Fault: TimedOut()}, 500, false},
		{"a fault of what was done", Mishap{Fault: TimedOut(), Done: true}, 500, true},
		{"a fault with 200", Mishap{Fault: &Fault{Subcode: "w:InternalError", Status: 200}}, 200, false},
		{"no SOAP", Mishap{Plain: plain}, 503, false},
		{"no SOAP of what was done", Mishap{Plain: plain, Done: true}, 503, true},
		{"another type", Mishap{ContentType: "text/html"}, 200, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var seen Exchange
			s := serve(t, Config{
				Inject:  func(Exchange) Mishap { return tt.mishap },
				Observe: func(x Exchange) { seen = x },
			})
			got := s.post(t, getMessage.text())
			if done := s.provider.class != ""; got.status != tt.status || done != tt.done {
				t.Errorf("status %d, done %v; want %d and %v", got.status, done, tt.status, tt.done)
			}
			if seen.Status != tt.status || seen.Class == "" {
				t.Errorf("observed %+v", seen)
			}
			if want := tt.mishap.ContentType; want != "" && got.header.Get("Content-Type") != want {
				t.Errorf("Content-Type %q, want %q", got.header.Get("Content-Type"), want)
			}
		})
	}
}

// TestDisorder arranges the items of one page.
func TestDisorder(t *testing.T) {
	for _, tt := range []struct {
		disorder Disorder
		items    [][]byte
		want     string
	}{
		{Orderly, [][]byte{[]byte("1"), []byte("2")}, "12"},
		{Reversed, [][]byte{[]byte("1"), []byte("2")}, "21"},
		{Duplicate, [][]byte{[]byte("1"), []byte("2")}, "1122"},
		{Repeats, [][]byte{[]byte("1")}, "1"},
		{Duplicate, nil, ""},
	} {
		got := ""
		for _, item := range tt.disorder.arrange(tt.items) {
			got += string(item)
		}
		if got != tt.want {
			t.Errorf("disorder %d: %s, want %s", tt.disorder, got, tt.want)
		}
	}
}
