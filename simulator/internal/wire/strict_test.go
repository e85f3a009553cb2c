package wire

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// strictServer is a strict testServer, and the sins that it told.
type strictServer struct {
	*testServer
	http *httptest.Server
	id   int

	mu   sync.Mutex
	sins []string
}

// strictly starts a server of three rows.
func strictly(t *testing.T, cfg Config) *strictServer {
	t.Helper()
	s := &strictServer{}
	cfg.Strict = func(sin Sin) {
		s.mu.Lock()
		defer s.mu.Unlock()
		action := sin.Request.Action[strings.LastIndexByte(sin.Request.Action, '/')+1:]
		s.sins = append(s.sins, strings.TrimSpace(fmt.Sprintf("%s: %s %s", action, sin.Kind, sin.What)))
	}
	cfg.AllowUnencrypted = true
	s.testServer = withRows(t, 3, cfg)
	s.http = httptest.NewUnstartedServer(s.Handler)
	s.http.Listener = s.Watch(s.http.Listener)
	s.ConfigureServer(s.http.Config)
	s.http.Start()
	t.Cleanup(s.http.Close)
	s.url = s.http.URL + "/wsman"
	return s
}

// told is what the server has told by its end.
func (s *strictServer) told() []string {
	s.http.Close()
	s.Finish()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sins
}

const strictLimits = `<w:MaxEnvelopeSize s:mustUnderstand="true">512000</w:MaxEnvelopeSize><w:OperationTimeout>PT60S</w:OperationTimeout>`

// tell sends a message that is right but for what the test does to it.
func (s *strictServer) tell(t *testing.T, m message, change ...func(*http.Request)) node {
	t.Helper()
	if s.id++; m.id == "" {
		m.id = fmt.Sprintf("uuid:%d", s.id)
	}
	if m.without != "MaxEnvelopeSize" {
		m.header += strictLimits
	}
	return readNode(t, s.post(t, m.text(), change...).body)
}

func (s *strictServer) enumerate(t *testing.T) (context string) {
	t.Helper()
	n := s.tell(t, message{action: actionEnumerate, uri: siteURI + "*", body: enumerateQ})
	return n.at("Body", "EnumerateResponse", "EnumerationContext").Text
}

const enumerateQ = `<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>1</w:MaxElements><w:Filter Dialect="` + dialectWQL + `">Q</w:Filter></n:Enumerate>`

func contextBody(local, context string) string {
	return `<n:` + local + `><n:EnumerationContext>` + context + `</n:EnumerationContext></n:` + local + `>`
}

func TestSins(t *testing.T) {
	const dp = siteURI + "SMS_DP"
	get := message{action: actionGet, uri: dp, header: dpKeys}
	with := func(change func(*message)) func(*testing.T, *strictServer) {
		return func(t *testing.T, s *strictServer) {
			m := get
			change(&m)
			s.tell(t, m)
		}
	}
	tests := []struct {
		name string
		do   func(*testing.T, *strictServer)
		want []string
	}{
		{"none", with(func(*message) {}), nil},
		{"no To", with(func(m *message) { m.without = "To" }), []string{"Get: header the header block To is missing"}},
		{"no MessageID", with(func(m *message) { m.without = "MessageID" }), []string{"Get: header the header block MessageID is missing"}},
		{"no limits", with(func(m *message) { m.without = "MaxEnvelopeSize" }), []string{
			"Get: header the header block MaxEnvelopeSize is missing", "Get: header the header block OperationTimeout is missing"}},
		{"mustUnderstand", with(func(m *message) {
			m.without, m.header = "Action", m.header+`<a:Action>`+actionGet+`</a:Action>`
		}), []string{"Get: header the header block Action is not mustUnderstand"}},
		{"a locale that must be", with(func(m *message) {
			m.header += `<w:Locale xml:lang="en-US" s:mustUnderstand="true"/>`
		}), []string{"Get: header the header block Locale is mustUnderstand"}},
		{"a MessageID twice", func(t *testing.T, s *strictServer) {
			for range 2 {
				s.tell(t, message{action: actionGet, uri: dp, header: dpKeys, id: "uuid:twice"})
			}
		}, []string{"Get: message id the MessageID uuid:twice was used before"}},
		{"a body of something else", with(func(m *message) { m.body = "<n:Pull/>" }), []string{"Get: action the action " + actionGet + " has the body <Pull>"}},
		{"an instance of another class", with(func(m *message) {
			m.action, m.body = actionPut, `<x:SMS_Other xmlns:x="`+siteURI+`SMS_Other"/>`
		}), []string{"Put: action the instance <SMS_Other> of namespace " + siteURI + "SMS_Other was sent to " + dp}},
		{"a method of another class", with(func(m *message) {
			m.action, m.body = siteURI+"SMS_Other/Check", `<x:Check_INPUT xmlns:x="`+dp+`"/>`
		}), []string{"Check: action the action " + siteURI + "SMS_Other/Check was asked of " + dp}},
		{"a method's input of another class", with(func(m *message) {
			m.action, m.body = dp+"/Check", `<x:Check_INPUT xmlns:x="`+siteURI+`SMS_Other"/>`
		}), []string{"Check: action the method Check has the body <Check_INPUT> of namespace " + siteURI + "SMS_Other"}},
		{"another content type", func(t *testing.T, s *strictServer) {
			s.post(t, get.text(), func(r *http.Request) { r.Header.Set("Content-Type", "text/xml") })
		}, []string{": content type the content type text/xml is not SOAP 1.2's"}},
		{"an enumeration left open", func(t *testing.T, s *strictServer) { s.enumerate(t) },
			[]string{"Enumerate: left open the enumeration was not read to its end, and not released"}},
		{"an enumeration released", func(t *testing.T, s *strictServer) {
			s.tell(t, message{action: actionRelease, uri: siteURI + "*", body: contextBody("Release", s.enumerate(t))})
		}, nil},
		{"an enumeration read to its end", func(t *testing.T, s *strictServer) {
			context := s.enumerate(t)
			for range 2 {
				context = s.tell(t, message{action: actionPull, uri: siteURI + "*", body: contextBody("Pull", context)}).
					at("Body", "PullResponse", "EnumerationContext").Text
			}
		}, nil},
		{"a Pull sent twice", func(t *testing.T, s *strictServer) {
			context := s.enumerate(t)
			next := s.tell(t, message{action: actionPull, uri: siteURI + "*", body: contextBody("Pull", context)}).
				at("Body", "PullResponse", "EnumerationContext").Text
			s.tell(t, message{action: actionPull, uri: siteURI + "*", body: contextBody("Pull", context)})
			s.tell(t, message{action: actionRelease, uri: siteURI + "*", body: contextBody("Release", next)})
			s.mu.Lock()
			defer s.mu.Unlock()
			s.sins = []string{strings.Replace(s.sins[0], context, "C", 1)}
		}, []string{"Pull: context the context C was answered before, and is used again"}},
		{"a subscription left open", func(t *testing.T, s *strictServer) {
			s.tell(t, message{action: actionSubscribe, uri: siteURI + "*", body: subscribeBody(operations, pullDelivery, "")})
		}, []string{"Subscribe: left open the subscription was not unsubscribed"}},
		{"a shell left open", func(t *testing.T, s *strictServer) {
			s.tell(t, message{action: actionCreate, uri: resourceCmd, body: shellBody})
		}, []string{"Create: left open the remote shell was not deleted"}},
		{"a shell deleted", func(t *testing.T, s *strictServer) {
			id := s.tell(t, message{action: actionCreate, uri: resourceCmd, body: shellBody}).at("Body", "Shell", "ShellId").Text
			s.tell(t, message{action: actionDelete, uri: resourceCmd, header: selectorSet("ShellId", id)})
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := strictly(t, Config{Shell: echoShell})
			s.provider.results["SELECT * FROM SMS_DP"] = s.provider.results["Q"]
			tt.do(t, s)
			if d := cmp.Diff(tt.want, s.told()); d != "" {
				t.Errorf("sins (-want +told):\n%s", d)
			}
		})
	}
}

// TestTimedOutIsLeftOpen forgets no enumeration because the server closed it.
func TestTimedOutIsLeftOpen(t *testing.T) {
	now := time.Unix(1e9, 0)
	s := strictly(t, Config{Now: func() time.Time { return now }})
	s.enumerate(t)
	now = now.Add(time.Hour)
	s.tell(t, message{action: actionRelease, uri: siteURI + "*", body: contextBody("Release", s.enumerate(t))})
	if d := cmp.Diff([]string{"Enumerate: left open the enumeration was left until it timed out"}, s.told()); d != "" {
		t.Errorf("sins (-want +told):\n%s", d)
	}
}

// TestLostAnswers: what a client never learnt of is not its to close.
func TestLostAnswers(t *testing.T) {
	tests := map[string]func(http.ResponseWriter, *http.Request, http.Handler){
		"excused": func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			Excuse(r)
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"cut": func(_ http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		},
	}
	for name, around := range tests {
		t.Run(name, func(t *testing.T) {
			s := strictly(t, Config{Around: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { around(w, r, next) })
			}})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url,
				strings.NewReader(message{action: actionEnumerate, uri: siteURI + "*", body: enumerateQ, header: strictLimits}.text()))
			if err != nil {
				t.Fatal(err)
			}
			r.SetBasicAuth("sim", "secret")
			r.Header.Set("Content-Type", "application/soap+xml;charset=UTF-8")
			if answer, err := http.DefaultClient.Do(r); err == nil {
				_ = answer.Body.Close()
			}
			if told := s.told(); told != nil || len(s.enumerations.open) != 1 {
				t.Errorf("%d open, sins %v", len(s.enumerations.open), told)
			}
		})
	}
}

// raw is a message as HTTP.
func raw(m message) string {
	m.header += strictLimits
	body := m.text()
	return "POST /wsman HTTP/1.1\r\nHost: x\r\nAuthorization: Basic c2ltOnNlY3JldA==\r\nContent-Type: application/soap+xml;charset=UTF-8\r\n" +
		fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body
}

// TestRequestsInFlight sends a second request before the first one is answered,
// and, in the same way, after it.
func TestRequestsInFlight(t *testing.T) {
	for _, patient := range []bool{true, false} {
		s := strictly(t, Config{})
		c, err := net.Dial("tcp", strings.TrimPrefix(s.http.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		answers := bufio.NewReader(c)
		read := func() {
			answer, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
				t.Errorf("HTTP %d, %v", answer.StatusCode, err)
			}
		}
		requests := []string{
			raw(message{action: actionGet, uri: siteURI + "SMS_DP", header: dpKeys, id: "uuid:1"}),
			raw(message{action: actionGet, uri: siteURI + "SMS_DP", header: dpKeys, id: "uuid:2"}),
		}
		if !patient {
			requests = []string{requests[0] + requests[1]}
		}
		for _, text := range requests {
			if _, err := io.WriteString(c, text); err != nil {
				t.Fatal(err)
			}
			if read(); !patient {
				read()
			}
		}
		told := s.told()
		if patient && told != nil {
			t.Errorf("a client that waits sins: %v", told)
		}
		if !patient && (len(told) == 0 || !strings.HasPrefix(told[0], "Get: in flight")) {
			t.Errorf("two requests at once: %v", told)
		}
	}
}

// TestGivingUp: a client that closes its connection before it has the answer
// need not release what it does not know; one that has it must.
func TestGivingUp(t *testing.T) {
	for _, reads := range []bool{false, true} {
		s := strictly(t, Config{})
		c, err := net.Dial("tcp", strings.TrimPrefix(s.http.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, raw(message{action: actionEnumerate, uri: siteURI + "*", body: enumerateQ})); err != nil {
			t.Fatal(err)
		}
		answers := bufio.NewReader(c)
		if _, err := answers.Peek(1); err != nil { // it is on its way
			t.Fatal(err)
		}
		if reads {
			answer, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, answer.Body); err != nil {
				t.Fatal(err)
			}
		} else {
			// Linux resets a connection that is closed with bytes unread; this is
			// the same everywhere.
			if err := c.(*net.TCPConn).SetLinger(0); err != nil {
				t.Fatal(err)
			}
		}
		_ = c.Close()
		if told := s.told(); (len(told) == 1) != reads {
			t.Errorf("who reads (%v) the answer: %v", reads, told)
		}
	}
}

func TestClearTextSins(t *testing.T) {
	body := message{action: actionGet, uri: siteURI + "SMS_DP", header: dpKeys + strictLimits}.text()
	tests := []struct {
		name    string
		headers map[string]string
		want    string
	}{
		{"Basic", map[string]string{"Authorization": "Basic c2ltOnNlY3JldA=="}, "the password was sent in clear text"},
		{"nobody", nil, "SOAP was sent in clear text"},
		{"anonymous", map[string]string{"WSMANIDENTIFY": "unauthenticated"}, ""},
		{"sealed", map[string]string{"Content-Type": sealedType + `;protocol="` + labelSPNEGO + `"`}, ""},
	}
	for _, tt := range tests {
		var told []string
		h := New(Config{Provider: newFake(), Strict: func(s Sin) { told = append(told, s.What) }})
		r := httptest.NewRequest(http.MethodPost, "/wsman", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/soap+xml;charset=UTF-8")
		for name, value := range tt.headers {
			r.Header.Set(name, value)
		}
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got := strings.Join(told, "; "); got != tt.want {
			t.Errorf("%s: told %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestMishapsExcuse: an enumeration is the client's to release after a Pull that
// was not carried out, unless its answer did not say that the context is good.
func TestMishapsExcuse(t *testing.T) {
	left := []string{"Enumerate: left open the enumeration was not read to its end, and not released"}
	tests := []struct {
		name     string
		mishap   Mishap
		releases bool
		want     []string
	}{
		{"a fault", Mishap{Fault: TimedOut()}, false, left},
		{"a fault, and released", Mishap{Fault: TimedOut()}, true, nil},
		{"a fault with 200, and released", Mishap{Fault: &Fault{Subcode: "w:InternalError", Code: 0x80338012, Status: 200}}, true, nil},
		{"a context that is closed", Mishap{Fault: &Fault{Subcode: "n:InvalidEnumerationContext", Code: codeContextClosed}}, false, nil},
		{"a context that is not valid", Mishap{Fault: &Fault{Subcode: "n:InvalidEnumerationContext", Code: codeInvalidContext}}, false, nil},
		{"no SOAP", Mishap{Plain: &Plain{Status: 500}}, false, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := strictly(t, Config{Inject: func(x Exchange) Mishap {
				if x.Action == actionPull {
					return tt.mishap
				}
				return Mishap{}
			}})
			context := s.enumerate(t)
			pull := message{action: actionPull, uri: siteURI + "*", body: contextBody("Pull", context), header: strictLimits, id: "uuid:pull"}
			s.post(t, pull.text())
			if tt.releases {
				s.tell(t, message{action: actionRelease, uri: siteURI + "*", body: contextBody("Release", context)})
			}
			if d := cmp.Diff(tt.want, s.told()); d != "" {
				t.Errorf("sins (-want +told):\n%s", d)
			}
		})
	}
}

// TestUnreachable: what a client could not come back to close is excused; what
// it went on with after that is not.
func TestUnreachable(t *testing.T) {
	for _, back := range []bool{false, true} {
		s := strictly(t, Config{})
		context := s.enumerate(t)
		s.Unreachable()
		if back {
			s.tell(t, message{action: actionPull, uri: siteURI + "*", body: contextBody("Pull", context)})
		}
		if told := s.told(); (len(told) == 1) != back {
			t.Errorf("a client that comes back (%v): %v", back, told)
		}
	}
}
