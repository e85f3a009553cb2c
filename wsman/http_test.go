package wsman

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf16"

	"go.uber.org/goleak"
)

// serve starts a server and makes a client for it that signs in by Basic.
func serve(t *testing.T, h http.HandlerFunc, change ...func(*HTTPOptions)) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return clientFor(t, server.URL, change...)
}

func clientFor(t *testing.T, url string, change ...func(*HTTPOptions)) *Client {
	t.Helper()
	o := HTTPOptions{URL: url, AllowUnencrypted: true}
	for _, c := range change {
		c(&o)
	}
	transport, err := NewHTTP(o, Basic("admin", "s3cret!"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = transport.Close() })
	return NewClient(transport, Options{Endpoint: url, Retries: -1})
}

// answer writes an envelope that relates to the request.
func answerTo(w http.ResponseWriter, r *http.Request, rep reply) {
	body, _ := io.ReadAll(r.Body)
	_, rest, _ := strings.Cut(string(body), "<a:MessageID>")
	id, _, _ := strings.Cut(rest, "</a:MessageID>")
	res := rep.response(id)
	w.Header().Set("Content-Type", res.ContentType)
	w.WriteHeader(res.Status)
	_, _ = w.Write(res.Body)
}

var instance = reply{body: `<X xmlns="urn:X"><A>1</A></X>`}

func get(c *Client) error {
	_, err := c.Get(context.Background(), c.Schema().EPR("root/cimv2", "X"))
	return err
}

func TestHTTPRequest(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.Method != http.MethodPost || r.URL.Path != "/wsman" || user != "admin" || password != "s3cret!" ||
			r.Header.Get("Content-Type") != "application/soap+xml;charset=UTF-8" || r.Header.Get("Accept-Encoding") != "identity" || r.ContentLength <= 0 {
			t.Errorf("%s %s, %v, length %d", r.Method, r.URL, r.Header, r.ContentLength)
		}
		answerTo(w, r, instance)
	})
	if err := get(c); err != nil {
		t.Error(err)
	}
}

func TestHTTPAnswers(t *testing.T) {
	tests := []struct {
		name  string
		reply func(w http.ResponseWriter, r *http.Request)
		is    error
		text  string
		put   Retry
	}{
		{"refused", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("WWW-Authenticate", "Negotiate")
			w.Header().Add("WWW-Authenticate", `Basic realm="WSMAN"`)
			w.WriteHeader(401)
		}, ErrUnauthorized, "credentials refused (HTTP 401; the server offers Negotiate, Basic)", RetryUseless},
		{"forbidden", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, ErrAccessDenied, "HTTP 403", RetryUseless},
		{"unsealed", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, ErrUnsealed, "unencrypted traffic", RetryUseless},
		{"not found", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, ErrNotWSMan, "check host and port", RetryUseless},
		{"a web page", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>hello</html>") }, ErrNotWSMan, "not WS-Man (HTTP 200, 18 bytes of text/html", RetryUnknown},
		{"a redirect", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", "/x"); w.WriteHeader(302) }, ErrNotWSMan, "redirects", RetryUseless},
		{"too large a request", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(413) }, ErrNotWSMan, "HTTP 413", RetryUseless},
		{"busy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, nil, "HTTP 503", RetrySafe},
		{"a gateway in between", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, ErrNotWSMan, "HTTP 502", RetryUnknown},
		{"no SOAP", func(w http.ResponseWriter, r *http.Request) { answerTo(w, r, reply{whole: "<a/>"}) }, ErrNotWSMan, "<Envelope>", RetryUnknown},
		{"no XML", func(w http.ResponseWriter, r *http.Request) { answerTo(w, r, reply{whole: "hello"}) }, nil, "malformed XML", RetryUnknown},
		{"cut", func(w http.ResponseWriter, r *http.Request) {
			answerTo(w, r, reply{whole: "<s:Envelope" + responseNamespaces + "><s:Hea"})
		}, nil, "ends in the middle", RetryUnknown},
		{"larger than allowed", func(w http.ResponseWriter, r *http.Request) {
			answerTo(w, r, reply{body: strings.Repeat(" ", 100_000)})
		}, ErrTooLarge, "more than 65536 bytes", RetryUnknown},
		{"connection lost", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, "EOF", RetryUnknown},
		{"body lost", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.Header().Set("Content-Type", soapMediaType)
			fmt.Fprint(w, "<s:Envelope")
		}, nil, "read the answer: unexpected EOF", RetryUnknown},
		{"empty body for a Get", func(w http.ResponseWriter, r *http.Request) { answerTo(w, r, reply{body: " "}) }, ErrNotWSMan, "empty body", RetrySafe},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, tt.reply, func(o *HTTPOptions) { o.MaxBody = 1 << 16 })
			err := get(c)
			if err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("error %v, want one with %q", err, tt.text)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("%v is not %v", err, tt.is)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells the password: %v", err)
			}
			if tt.name == "empty body for a Get" {
				return // a Put may be answered so
			}
			_, err = c.Put(t.Context(), c.Schema().EPR("root", "X"), nil)
			var e *Error
			if !errors.As(err, &e) || e.Retry != tt.put {
				t.Errorf("of a Put: %v, want retry %v", err, tt.put)
			}
		})
	}
}

func TestNothingListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	_ = l.Close()
	c := clientFor(t, url)
	_, err = c.Put(t.Context(), c.Schema().EPR("root", "X"), nil)
	var e *Error
	if !errors.As(err, &e) || e.Retry != RetrySafe || !strings.Contains(err.Error(), "refused") {
		t.Errorf("error %v, retry %v: a Put that never left may be repeated", err, e.Retry)
	}
}

func TestClearTextIsRefused(t *testing.T) {
	_, err := NewHTTP(HTTPOptions{URL: "http://server:5985"}, Basic("u", "s3cret!"))
	if err == nil || !strings.Contains(err.Error(), "clear text") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error %v", err)
	}
	if _, err := NewHTTP(HTTPOptions{URL: "http://server:5985"}, Anonymous()); err != nil {
		t.Errorf("asking anonymously: %v", err)
	}
}

func TestBadURL(t *testing.T) {
	for _, u := range []string{"", "server:5985", "ftp://server", "https://u:s3cret!@server", "http://%zz:s3cret!@x"} {
		_, err := NewHTTP(HTTPOptions{URL: u}, Anonymous())
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: error %v", u, err)
		}
	}
}

func TestTLS(t *testing.T) {
	quiet := log.New(io.Discard, "", 0)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answerTo(w, r, instance) }))
	server.Config.ErrorLog = quiet
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	trusting := func(o *HTTPOptions) { o.TLS = &tls.Config{RootCAs: roots} }

	if err := get(clientFor(t, server.URL, trusting)); err != nil {
		t.Errorf("trusted: %v", err)
	}
	err := get(clientFor(t, server.URL))
	var e *Error
	if !errors.As(err, &e) || e.Retry != RetryUseless || !strings.Contains(err.Error(), "ca_file") {
		t.Errorf("not trusted: %v", err)
	}
	wrongName := func(o *HTTPOptions) { o.TLS = &tls.Config{RootCAs: roots, ServerName: "elsewhere.test"} }
	if err := get(clientFor(t, server.URL, wrongName)); err == nil || !strings.Contains(err.Error(), "tls_server_name") {
		t.Errorf("wrong name: %v", err)
	}
	old := httptest.NewUnstartedServer(server.Config.Handler)
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.Config.ErrorLog = quiet
	old.StartTLS()
	defer old.Close()
	if err := get(clientFor(t, old.URL, func(o *HTTPOptions) { o.TLS = &tls.Config{InsecureSkipVerify: true} })); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	plain := httptest.NewServer(server.Config.Handler)
	defer plain.Close()
	if err := get(clientFor(t, strings.Replace(plain.URL, "http:", "https:", 1))); err == nil || !strings.Contains(err.Error(), "does not speak TLS") {
		t.Errorf("a port without TLS: %v", err)
	}
}

// TestSlots counts requests and connections: never more at once than slots,
// and a connection is used again.
func TestSlots(t *testing.T) {
	var now, most, connections atomic.Int32
	var seen sync.Map
	release := make(chan struct{})
	var once sync.Once
	var started atomic.Bool
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, known := seen.LoadOrStore(r.RemoteAddr, true); !known {
			connections.Add(1)
		}
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		if n == 2 {
			once.Do(func() { close(release) })
		}
		if started.Load() {
			<-release // both slots are busy at once
		}
		answerTo(w, r, instance)
	}, func(o *HTTPOptions) { o.Slots = 2 })
	if err := get(c); err != nil { // the password is proven by one request alone
		t.Fatal(err)
	}
	started.Store(true)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := get(c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() != 2 || connections.Load() > 2 {
		t.Errorf("%d requests at once over %d connections, with two slots", most.Load(), connections.Load())
	}
}

// TestOneWrongPasswordForManyServers signs in to many servers at once with a
// password that all refuse: it is tried once.
func TestOneWrongPasswordForManyServers(t *testing.T) {
	var tried atomic.Int32
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		tried.Add(1)
		w.WriteHeader(http.StatusUnauthorized)
	})
	account := Basic("admin", "wrong")
	var wg sync.WaitGroup
	for range 20 {
		server := httptest.NewServer(refuse)
		defer server.Close()
		transport, err := NewHTTP(HTTPOptions{URL: server.URL, AllowUnencrypted: true}, account)
		if err != nil {
			t.Fatal(err)
		}
		defer transport.Close()
		wg.Go(func() {
			if err := get(NewClient(transport, Options{})); !errors.Is(err, ErrUnauthorized) {
				t.Errorf("error %v", err)
			}
		})
	}
	wg.Wait()
	if tried.Load() != 1 {
		t.Errorf("a wrong password was tried %d times", tried.Load())
	}
}

func TestCancelledWhileWaiting(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	arrived, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
		answerTo(w, r, instance)
	}))
	defer server.Close()
	transport, err := NewHTTP(HTTPOptions{URL: server.URL, Slots: 1, AllowUnencrypted: true}, Basic("u", "p"))
	if err != nil {
		t.Fatal(err)
	}
	defer transport.Close()
	c := NewClient(transport, Options{Endpoint: server.URL})
	done := make(chan error)
	go func() { done <- get(c) }()
	<-arrived
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Put(ctx, c.Schema().EPR("root", "X"), nil)
	var e *Error
	if !errors.Is(err, context.Canceled) || !errors.As(err, &e) || e.Retry == RetryUnknown {
		t.Errorf("a Put that waited for a slot: %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestClosedIdleConnection has the server close its connections between two
// commands: the second one must not fail.
func TestClosedIdleConnection(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answerTo(w, r, instance) }))
	defer server.Close()
	c := clientFor(t, server.URL, func(o *HTTPOptions) { o.Slots = 1 })
	c.options.Retries, c.options.Backoff = 2, time.Microsecond
	for range 5 {
		if err := get(c); err != nil {
			t.Fatal(err)
		}
		server.CloseClientConnections()
	}
}

func TestUTF16Answer(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		c := serve(t, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, rest, _ := strings.Cut(string(body), "<a:MessageID>")
			id, _, _ := strings.Cut(rest, "</a:MessageID>")
			doc := "\ufeff" + string(reply{body: "<X>é𝄞</X>"}.response(id).Body)
			var out []byte
			for _, u := range utf16.Encode([]rune(doc)) {
				out = order.AppendUint16(out, u)
			}
			w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-16")
			_, _ = w.Write(out)
		})
		item, err := c.Get(t.Context(), c.Schema().EPR("root", "X"))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := item.Scanner().Content(); err != nil || string(text) != "é𝄞" {
			t.Errorf("read %q %v", text, err)
		}
	}
}

func TestReadsAreRetriedWritesAreNot(t *testing.T) {
	var asked atomic.Int32
	h := func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(503)
			return
		}
		answerTo(w, r, instance)
	}
	c := serve(t, h)
	c.options.Retries, c.options.Backoff = 2, time.Microsecond
	if err := get(c); err != nil || asked.Load() != 3 {
		t.Errorf("a Get: %v after %d requests", err, asked.Load())
	}
	asked.Store(0)
	if _, err := c.Put(t.Context(), c.Schema().EPR("root", "X"), nil); err == nil || asked.Load() != 1 {
		t.Errorf("a Put: %v after %d requests", err, asked.Load())
	}
}

func TestIdentify(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		version := "OS: 10.0.20348 SP: 0.0 Stack: 3.0"
		if r.Header.Get("WSMANIDENTIFY") == "unauthenticated" {
			version = "OS: 0.0.0 SP: 0.0 Stack: 3.0"
			if r.Header.Get("Authorization") != "" {
				t.Error("an anonymous Identify carries credentials")
			}
		}
		w.Header().Set("Content-Type", soapMediaType)
		fmt.Fprintf(w, `<s:Envelope xmlns:s="%s" xmlns:i="%s"><s:Header/><s:Body><i:IdentifyResponse><i:ProtocolVersion>v</i:ProtocolVersion>`+
			`<i:ProductVendor>Microsoft Corporation</i:ProductVendor><i:ProductVersion>%s</i:ProductVersion><i:SecurityProfiles><i:SecurityProfileName>p1</i:SecurityProfileName>`+
			`<i:SecurityProfileName>p2</i:SecurityProfileName></i:SecurityProfiles></i:IdentifyResponse></s:Body></s:Envelope>`, NamespaceSOAP, NamespaceIdentity, version)
	})
	for anonymous, want := range map[bool]string{true: "OS: 0.0.0 SP: 0.0 Stack: 3.0", false: "OS: 10.0.20348 SP: 0.0 Stack: 3.0"} {
		id, err := c.Identify(t.Context(), anonymous)
		if err != nil || id.ProductVersion != want || id.ProductVendor != "Microsoft Corporation" || len(id.SecurityProfiles) != 2 {
			t.Errorf("anonymous %v: %+v %v", anonymous, id, err)
		}
	}
}

// TestOneConnectionForOneAfterTheOther shows that requests which do not overlap
// need one connection, and so one sign-in, however many slots there are.
func TestOneConnectionForOneAfterTheOther(t *testing.T) {
	connections := map[string]bool{}
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true // the requests come one at a time
		answerTo(w, r, instance)
	})
	for range 10 {
		if err := get(c); err != nil {
			t.Fatal(err)
		}
	}
	if len(connections) != 1 {
		t.Errorf("10 requests, one after the other, over %d connections", len(connections))
	}
}

// TestBuffersAreUsedAgain follows an answer's buffer.
func TestBuffersAreUsedAgain(t *testing.T) {
	var texts []string
	for _, size := range []int{2, 1, 5, 2} {
		texts = append(texts, strings.Repeat("an answer ", size*minSpare/10+1))
	}
	for _, isChunked := range []bool{false, true} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if isChunked {
				w.(http.Flusher).Flush()
			}
			_, _ = w.Write(body)
		}))
		defer server.Close()
		transport, err := NewHTTP(HTTPOptions{URL: server.URL, AllowUnencrypted: true}, Basic("admin", "s3cret!"))
		if err != nil {
			t.Fatal(err)
		}
		defer transport.Close()
		var before []byte
		for i, text := range texts {
			res, err := transport.RoundTrip(t.Context(), &Request{Body: []byte(text)})
			if err != nil || string(res.Body) != text {
				t.Fatalf("%d bytes, not %d: %v", len(res.Body), len(text), err)
			}
			if i > 0 && cap(before) > len(text) && &before[:1][0] != &res.Body[0] {
				t.Errorf("chunked %v: answer %d has a buffer of its own", isChunked, i)
			}
			before = res.Body
			res.release()
		}
		if n := len(transport.buffers.spare); n != 1 {
			t.Errorf("chunked %v: %d spare buffers for one request at a time", isChunked, n)
		}
	}
}

// TestBuffersAreFew: what is kept is bounded, and what is taken is counted off.
func TestBuffersAreFew(t *testing.T) {
	var b Buffers
	b.give(nil)
	b.give(make([]byte, minSpare-1))
	b.give(make([]byte, maxSpare+1))
	if len(b.spare) != 0 {
		t.Errorf("%d buffers are kept that are of no use", len(b.spare))
	}
	for range 3 * mostSpares / minSpare {
		b.give(make([]byte, minSpare))
	}
	if b.size != mostSpares || len(b.spare)*minSpare != mostSpares {
		t.Errorf("%d buffers of %d bytes are kept", len(b.spare), b.size)
	}
	if buf := b.take(minSpare); len(buf) != 0 || cap(buf) != minSpare || b.size != mostSpares-minSpare {
		t.Errorf("took %d of %d bytes, and %d are left", len(buf), cap(buf), b.size)
	}
	if buf := b.take(2 * minSpare); len(buf) != 0 || cap(buf) < 2*minSpare {
		t.Errorf("took %d of %d bytes", len(buf), cap(buf))
	}
	for b.size > 0 {
		if cap(b.take(-1)) != minSpare {
			t.Fatal("an answer of unknown length has no spare buffer")
		}
	}
	if b.take(-1) == nil || len(b.spare) != 0 {
		t.Errorf("%d buffers are left", len(b.spare))
	}
}

// TestTooLongByItsOwnWords has a server announce more than is read.
func TestTooLongByItsOwnWords(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000001")
		answerTo(w, r, instance)
	}, func(o *HTTPOptions) { o.MaxBody = 1000000 })
	if err := get(c); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v", err)
	}
}
