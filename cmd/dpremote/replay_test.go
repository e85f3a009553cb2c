package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"dpremote/internal/captures"
)

// ask runs a query against a server that is no site server.
func ask(t *testing.T, url string, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e strings.Builder
	a := testApp(strings.NewReader(""), &o, &e)
	a.getenv = testEnv
	args = append([]string{"--host", url, "--auth", "basic", "--user", "u", "--password-env", "TEST_PASSWORD", "--allow-unencrypted"}, args...)
	code = a.execute(t.Context(), args)
	return code, o.String(), e.String()
}

// testEnv is an environment with a password and nothing else.
func testEnv(name string) string {
	if name == "TEST_PASSWORD" {
		return "p"
	}
	return ""
}

// TestQueryOfCaptures asks a server that replays what a Windows server
// answered.
func TestQueryOfCaptures(t *testing.T) {
	pages := captures.In(t, "../../../shared/captures").Enumerations(t)["Win32_Service_star"]
	server := captures.NewServer(pages)
	listener := httptest.NewServer(server)
	defer listener.Close()
	code, out, errs := ask(t, listener.URL, "query", "--namespace", "root/cimv2", "SELECT * FROM Win32_Service", "-o", "jsonl")
	if code != exitOK || errs != "" {
		t.Fatalf("ended with %d: %s", code, errs)
	}
	want := 0
	for _, page := range pages {
		want += strings.Count(string(page), `xsi:type="p:Win32_`) // one of them is of a subclass
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != want || want < 100 {
		t.Errorf("%d rows, the capture has %d", len(lines), want)
	}
	var first map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil {
		t.Fatal(err)
	}
	if first["Name"] != "AeLookupSvc" || first["InstallDate"] != nil || first["Started"] != "false" {
		t.Errorf("the first service is %v", first)
	}
	if got := strings.Join(server.Requests(), " "); got != "Enumerate Pull Pull Pull" {
		t.Errorf("asked for %s", got)
	}
}

// TestQueryOfACutAnswer cuts the last page: the rows that came are printed,
// and the exit code says that they are not all.
func TestQueryOfACutAnswer(t *testing.T) {
	pages := captures.In(t, "../../../shared/captures").Enumerations(t)["Win32_Service_star"]
	last := pages[len(pages)-1]
	server := captures.NewServer(append(pages[:len(pages)-1:len(pages)-1], last[:len(last)/2]))
	listener := httptest.NewServer(server)
	defer listener.Close()
	code, out, errs := ask(t, listener.URL, "query", "--namespace", "root/cimv2", "SELECT * FROM Win32_Service", "-o", "json")
	if code != exitIncomplete || !strings.Contains(errs, "ends in the middle") || strings.Count(errs, "\n") != 1 {
		t.Errorf("ended with %d: %s", code, errs)
	}
	var doc struct{ Items, Errors []map[string]any }
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Errors) != 1 || doc.Errors[0]["retry"] != "safe" || len(doc.Items) == 0 {
		t.Errorf("%d items, errors %v", len(doc.Items), doc.Errors)
	}
}

// TestNoWSMan asks servers that are something else.
func TestNoWSMan(t *testing.T) {
	tests := []struct {
		name, text string
		handler    http.HandlerFunc
	}{
		{"a web server", "the answer is not WS-Man", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }},
		{"a page that is not there", "no WS-Man service at this address", http.NotFound},
		{"a sealed listener", "the server takes no unencrypted traffic", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }},
		{"a hasty one", "EOF", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			listener := httptest.NewServer(tt.handler)
			defer listener.Close()
			code, out, errs := ask(t, listener.URL, "query", "--namespace", "root/cimv2", "SELECT * FROM X", "-o", "jsonl")
			if code != exitIncomplete || !strings.Contains(errs, tt.text) || strings.Count(errs, "\n") != 1 || out != "" {
				t.Errorf("ended with %d, printed %q: %s", code, out, errs)
			}
		})
	}
}

// rows serves an enumeration of n rows, a page at a time, without holding it.
func rows(n, perPage int) http.HandlerFunc {
	var served atomic.Int64
	row := `<w:XmlFragment><Path>["Display=\\dp01.ps1.example\"]MSWNET:["SMS_SITE=PS1"]\\dp01.ps1.example\</Path><State>3</State></w:XmlFragment>`
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, rest, _ := strings.Cut(string(body), "<a:MessageID>")
		id, _, _ := strings.Cut(rest, "</a:MessageID>")
		element := "PullResponse"
		if strings.Contains(string(body), "<n:Enumerate>") {
			element = "EnumerateResponse"
			served.Store(0)
		}
		last := served.Add(int64(perPage)) >= int64(n)
		w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
		_, _ = io.WriteString(w, `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"`+
			` xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header><a:RelatesTo>`+id+
			`</a:RelatesTo></s:Header><s:Body><n:`+element+`>`)
		if !last {
			_, _ = io.WriteString(w, "<n:EnumerationContext>c"+strconv.FormatInt(served.Load(), 10)+"</n:EnumerationContext>")
		}
		_, _ = io.WriteString(w, "<n:Items>"+strings.Repeat(row, perPage)+"</n:Items>")
		if last {
			_, _ = io.WriteString(w, "<n:EndOfSequence/>")
		}
		_, _ = io.WriteString(w, "</n:"+element+"></s:Body></s:Envelope>")
	}
}

// TestQueryKeepsNoRows looks at the heap half way through many rows: it must
// not grow with them.
func TestQueryKeepsNoRows(t *testing.T) {
	const total, perPage = 100_000, 500
	listener := httptest.NewServer(rows(total, perPage))
	defer listener.Close()
	var e strings.Builder
	w := &heapWatcher{at: 40 << 10, t: t}
	a := testApp(strings.NewReader(""), w, &e)
	a.getenv = testEnv
	code := a.execute(t.Context(), []string{"--host", listener.URL, "--auth", "basic", "--user", "u", "--password-env", "TEST_PASSWORD", "--allow-unencrypted",
		"query", "--namespace", "root/x", "SELECT Path, State FROM X", "-o", "jsonl"})
	if code != exitOK || w.lines != total {
		t.Fatalf("ended with %d after %d rows: %s", code, w.lines, e.String())
	}
	const most = 16 << 20
	if grown := int64(w.late) - int64(w.early); grown > most {
		t.Errorf("the heap grew by %d MB between row %d and the end", grown>>20, w.at)
	}
}

// heapWatcher counts lines and measures the heap early and late.
type heapWatcher struct {
	t           *testing.T
	at, lines   int
	early, late uint64
}

func (w *heapWatcher) Write(p []byte) (int, error) {
	before := w.lines
	w.lines += strings.Count(string(p), "\n")
	if before < w.at && w.lines >= w.at {
		w.early = heap()
	}
	if w.lines >= 95_000 && w.late == 0 {
		w.late = heap()
	}
	return len(p), nil
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
