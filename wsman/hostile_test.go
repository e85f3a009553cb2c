package wsman

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf16"
)

// productionBody is the bound on answers of a site with the usual envelope.
const productionBody = 4*500<<10 + 64<<10

// costs runs f under a memory limit and fails the test when it allocates more
// than most bytes in all, the server's part included: what is in use at one time
// cannot be more than that.
func costs(t *testing.T, most uint64, f func()) {
	t.Helper()
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(256 << 20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; spent > most {
		t.Errorf("%d bytes were allocated, want at most %d", spent, most)
	}
}

// around is an envelope around a body.
func around(body string) string {
	return "<s:Envelope" + responseNamespaces + "><s:Header/><s:Body>" + body + "</s:Body></s:Envelope>"
}

func faultOf(detail string) string {
	return around(`<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang="en-US">broken</s:Text></s:Reason><s:Detail>` + detail + `</s:Detail></s:Fault>`)
}

// TestHostileDocuments: whatever an answer is, reading it costs little and ends
// in an error of few words.
func TestHostileDocuments(t *testing.T) {
	const many = 1_000_000
	attributes := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	laughs := `<!DOCTYPE s:Envelope [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>`
	tests := []struct{ name, doc, want string }{
		{"a million nested elements", strings.Repeat("<a>", many), "<a> where <Envelope> belongs"},
		{"nested in the header", "<s:Envelope" + responseNamespaces + "><s:Header>" + strings.Repeat("<a>", many), "nested more than"},
		{"nested in the body", "<s:Envelope" + responseNamespaces + "><s:Header/><s:Body><X>" + strings.Repeat("<a>", many), "relates to another"},
		{"nested in a fault", strings.TrimSuffix(faultOf(strings.Repeat("<a>", many)), ">"), "nested more than"},
		{"hundreds of thousands of attributes", "<s:Envelope " + attributes(` a%d=""`, 300_000) + ">", "more than 256 attributes"},
		{"hundreds of thousands of namespaces", "<s:Envelope " + attributes(` xmlns:a%d="urn:a"`, 300_000) + ">", "more than 256 attributes"},
		{"namespaces at every depth", "<s:Envelope" + responseNamespaces + ">" + strings.Repeat("<a "+attributes(` xmlns:a%d="urn:a"`, 200)+">", 200), "more than 512 namespaces"},
		{"a long name", "<" + strings.Repeat("a", many) + "/>", "a name longer than"},
		{"a long attribute", `<a b="` + strings.Repeat("c", many), "ends in the middle"},
		{"an endless comment", "<!--" + strings.Repeat("-", many), "ends in the middle"},
		{"many comments", strings.Repeat("<!---->", many/7), "ends in the middle"},
		{"a document type", laughs + around("<X>&b;</X>"), "document type declaration"},
		{"an external entity", `<!DOCTYPE x SYSTEM "file:///etc/passwd">` + around("<X/>"), "document type declaration"},
		{"an entity of its own", around("<X>&b;</X>"), ""},
		{"a control character", around("<X>\x1b[2J</X>"), "control character 0x1B"},
		{"a control character in a fault", faultOf("\x00"), "control character 0x00"},
		{"a control character by its number", faultOf("<X>&#27;[2J</X>"), "entity"},
		{"a fault of many members", faultOf("<d>" + strings.Repeat("<a/>", many/4) + "</d>"), "broken"},
		{"a fault of many texts", faultOf(strings.Repeat(`<f:WSManFault Code="1"><f:Message>x</f:Message></f:WSManFault>`, many/64)), "x (0x00000001)"},
		{"a gigantic text", strings.Replace(faultOf(""), "broken", strings.Repeat("x", many), 1), "xxxx …"},
		{"a gigantic code", faultOf(`<f:WSManFault Code="` + strings.Repeat("9", many) + `"/>`), "broken"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := client(t, reply{whole: tt.doc})
			var err error
			costs(t, uint64(8*len(tt.doc))+1<<20, func() { err = get(c) })
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %.300v, want one with %q", err, tt.want)
			}
			if len(err.Error()) > 2*maxFaultText {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

// endless reads the same bytes again and again.
type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		copied := copy(p[n:], e.text[e.at:])
		n, e.at = n+copied, (e.at+copied)%len(e.text)
	}
	return len(p), nil
}

// TestEndlessAnswer offers ten gigabytes.
func TestEndlessAnswer(t *testing.T) {
	for _, filling := range []string{"<a>", " ", "x"} {
		var sent atomic.Int64
		ended := make(chan struct{})
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			defer close(ended)
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
			n, _ := io.Copy(w, io.LimitReader(&endless{text: strings.Repeat(filling, 1000)}, 10<<30))
			sent.Store(n)
		}, func(o *HTTPOptions) { o.MaxBody = productionBody })
		costs(t, 32<<20, func() {
			if err := get(c); !errors.Is(err, ErrTooLarge) {
				t.Errorf("ended with %v", err)
			}
			<-ended
		})
		if sent.Load() > 64<<20 {
			t.Errorf("%d bytes were taken", sent.Load())
		}
	}
}

// hostileServer answers each connection by f, in bytes of its own.
func hostileServer(t *testing.T, f func(net.Conn)) *Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f(c)
			_ = c.Close()
		}
	}()
	return clientFor(t, "http://"+l.Addr().String(), func(o *HTTPOptions) { o.MaxBody = productionBody })
}

func TestHostileHTTP(t *testing.T) {
	repeat := func(start, filling string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Read(make([]byte, 64<<10))
			_, _ = io.WriteString(c, start)
			_, _ = io.Copy(c, io.LimitReader(&endless{text: strings.Repeat(filling, 1000)}, 10<<30))
		}
	}
	tests := []struct {
		name string
		f    func(net.Conn)
		want string
	}{
		{"endless header", repeat("HTTP/1.1 200 OK\r\n", "A: b\r\n"), "exceeded"},
		{"endless line", repeat("HTTP/1.1 200 OK\r\nA: ", "b"), "exceeded"},
		{"endless status", repeat("HTTP/1.1 200 ", "O"), "exceeded"},
		{"endless interim answers", repeat("", "HTTP/1.1 100 Continue\r\n\r\n"), "exceeded"},
		{"endless chunks", repeat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "10\r\n0123456789abcdef\r\n"), "more than"},
		{"endless chunk extension", repeat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1;"), "read the answer"},
		{"endless trailer", repeat("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "A: b\r\n"), "read the answer"},
		{"many challenges", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 64<<10))
			_, _ = io.WriteString(c, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n"+
				strings.Repeat("WWW-Authenticate: "+strings.Repeat("x", 100)+"\r\n", 1000)+"\r\n")
		}, "credentials refused"},
		{"a long content type", func(c net.Conn) {
			_, _ = c.Read(make([]byte, 64<<10))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Type: "+strings.Repeat("x", 100_000)+"\r\n\r\nx")
		}, "not WS-Man"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := hostileServer(t, tt.f)
			costs(t, 32<<20, func() {
				err := get(c)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error %.300v, want one with %q", err, tt.want)
				}
				if err != nil && len(err.Error()) > 1000 {
					t.Errorf("an error of %d bytes", len(err.Error()))
				}
			})
		})
	}
}

// TestSlowAnswer: a byte now and then does not keep a client waiting beyond its
// time.
func TestSlowAnswer(t *testing.T) {
	for _, start := range []string{"HTTP/1.1 200 OK\r\nA: ", "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n\r\n"} {
		c := hostileServer(t, func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 64<<10))
			_, err := io.WriteString(conn, start)
			for tick := time.NewTicker(time.Millisecond); err == nil; <-tick.C {
				_, err = io.WriteString(conn, " ")
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		begun := time.Now()
		_, err := c.Get(ctx, c.Schema().EPR("root/cimv2", "X"))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 10*time.Second {
			t.Errorf("ended with %v after %v", err, time.Since(begun))
		}
	}
}

func TestCompressedAnswers(t *testing.T) {
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	if _, err := io.Copy(zip, io.LimitReader(&endless{text: strings.Repeat(" ", 1000)}, 16<<20)); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	for coding, refused := range map[string]bool{"gzip": true, "deflate": true, "br": true, "identity": false} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", coding)
			if !refused {
				answerTo(w, r, instance)
				return
			}
			w.Header().Set("Content-Type", "application/soap+xml")
			_, _ = w.Write(bomb.Bytes())
		})
		costs(t, 8<<20, func() {
			err := get(c)
			if refused && (!errors.Is(err, ErrNotWSMan) || !strings.Contains(err.Error(), `compressed ("`+coding+`")`)) || !refused && err != nil {
				t.Errorf("%s: %v", coding, err)
			}
		})
	}
}

// TestRedirectsAreNotFollowed counts what the other server is asked: nothing.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var asked atomic.Int32
	other := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	for _, status := range []int{301, 302, 303, 307, 308} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.Endpoint(), status)
		})
		if err := get(c); err == nil || !strings.Contains(err.Error(), "redirects") {
			t.Errorf("HTTP %d: %v", status, err)
		}
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the password went to another server %d times", n)
	}
}

// TestEndlessEnumerations ends those that do not end by themselves.
func TestEndlessEnumerations(t *testing.T) {
	tests := []struct {
		name string
		page func(n int) reply
		want string
		is   error
	}{
		{"empty pages", func(n int) reply { return page(fmt.Sprint("c", n)) }, "pages in a row without an item", ErrIncomplete},
		{"the same context", func(int) reply { return page("c") }, "pages in a row without an item", ErrIncomplete},
		{"pages of items", func(n int) reply { return page(fmt.Sprint("c", n), "1") }, "more than 500 pages", ErrIncomplete},
		{"large pages", func(n int) reply { return page(fmt.Sprint("c", n), "1", "2", "3", "4", "5", "6") }, "more than the 5 items", ErrNotWSMan},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			replies := []reply{first("c0", "1")}
			for n := range 600 {
				replies = append(replies, tt.page(n))
			}
			s := &scripted{t: t, replies: replies}
			c := NewClient(s, Options{Endpoint: "http://server", Retries: -1, MaxElements: 5, MaxPages: 500})
			_, err := texts(c, Enumeration{Namespace: "root/cimv2", WQL: "SELECT * FROM X"})
			if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ended with %v", err)
			}
			if !strings.HasSuffix(s.actions(), " Release") && !strings.Contains(s.actions(), "Release") {
				t.Error("the server was left with the enumeration")
			}
		})
	}
}

// TestUTF16Costs reads an answer in UTF-16 without a multiple of it in memory.
func TestUTF16Costs(t *testing.T) {
	text := around("<X>" + strings.Repeat("xä€😀", 100_000) + "</X>")
	body := []byte{0xFF, 0xFE}
	for _, unit := range utf16.Encode([]rune(text)) {
		body = append(body, byte(unit), byte(unit>>8))
	}
	costs(t, uint64(4*len(body)), func() {
		if got, err := toUTF8(body, "application/soap+xml"); err != nil || string(got) != text {
			t.Errorf("%d bytes become %d: %v", len(body), len(got), err)
		}
	})
}
