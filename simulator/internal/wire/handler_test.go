package wire

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/wql"

	"github.com/google/go-cmp/cmp"
)

var getMessage = message{action: actionGet, uri: siteURI + "SMS_DP", header: dpKeys}

func TestHTTP(t *testing.T) {
	path := func(p string) func(*http.Request) {
		return func(r *http.Request) { r.URL.Path = p }
	}
	header := func(key, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(key, value) }
	}
	for _, c := range []struct {
		name   string
		change func(*http.Request)
		status int
		answer string // a header of the answer
		want   string
	}{
		{"right", path("/wsman"), 200, "Content-Type", "application/soap+xml;charset=UTF-8"},
		{"trailing slash and case", path("/WSMan/"), 200, "", ""},
		{"other path", path("/"), 404, "", ""},
		{"path below", path("/wsman/x"), 404, "", ""},
		{"other method", func(r *http.Request) { r.Method = http.MethodPut }, 405, "Allow", "POST"},
		{"no credentials", func(r *http.Request) { r.Header.Del("Authorization") }, 401, "Www-Authenticate", `Basic realm="WSMAN"`},
		{"wrong password", func(r *http.Request) { r.SetBasicAuth("sim", "x") }, 401, "Www-Authenticate", `Basic realm="WSMAN"`},
		{"unknown user", func(r *http.Request) { r.SetBasicAuth("stranger", "secret") }, 401, "", ""},
		{"no user", func(r *http.Request) { r.SetBasicAuth("", "secret") }, 401, "", ""},
		{"not base64", header("Authorization", "Basic ***"), 401, "", ""},
		{"other scheme", header("Authorization", "Negotiate TlRMTVNTUAAB"), 401, "Www-Authenticate", `Basic realm="WSMAN"`},
		{"scheme in small letters", header("Authorization", "basic c2ltOnNlY3JldA=="), 200, "", ""},
		{"other content", header("Content-Type", "text/xml"), 415, "", ""},
		{"other characters", header("Content-Type", "application/soap+xml;charset=iso-8859-1"), 415, "", ""},
		{"characters not named", header("Content-Type", "application/soap+xml"), 200, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Config{})
			got := s.post(t, getMessage.text(), c.change)
			if got.status != c.status {
				t.Errorf("status %d, want %d", got.status, c.status)
			}
			if v := got.header.Get(c.answer); v != c.want {
				t.Errorf("%s: %q, want %q", c.answer, v, c.want)
			}
			if c.status != 200 && len(got.body) > 0 {
				t.Errorf("the refusal has a body: %s", got.body)
			}
		})
	}
}

func TestSizeOfRequest(t *testing.T) {
	s := serve(t, Config{MaxEnvelopeSizeKB: 8})
	text := getMessage.text()
	pad := 8*1024 - len(text)
	if got := s.post(t, text+strings.Repeat("\n", pad)); got.status != 200 {
		t.Errorf("a request of the size allowed: status %d", got.status)
	}
	if got := s.post(t, text+strings.Repeat("\n", pad+1)); got.status != 413 || len(got.body) > 0 {
		t.Errorf("a request one byte too large: status %d, %d bytes; want 413 and none", got.status, len(got.body))
	}
}

func TestUTF16(t *testing.T) {
	for _, enc := range []encoding{utf16LE, utf16BE} {
		s := serve(t, Config{})
		m := getMessage
		m.id = "id-é\U0001F600"
		got := s.post(t, string(encode([]byte(m.text()), enc)), func(r *http.Request) {
			r.Header.Set("Content-Type", "application/soap+xml;charset=UTF-16")
		})
		if v := got.header.Get("Content-Type"); got.status != 200 || v != "application/soap+xml;charset=UTF-16" {
			t.Fatalf("status %d, Content-Type %s", got.status, v)
		}
		text, detected, err := decode(got.body)
		if err != nil || detected != enc {
			t.Fatalf("the answer's encoding is %v, want %v: %v", detected, enc, err)
		}
		if id := readNode(t, text).at("Header", "RelatesTo").Text; id != m.id {
			t.Errorf("RelatesTo %q, want %q", id, m.id)
		}
	}
}

// TestAnswer: what Answer gives is sent in the encoding of the message, and what
// it leaves the server answers.
func TestAnswer(t *testing.T) {
	s := serve(t, Config{Answer: func(message []byte) []byte {
		if bytes.Contains(message, []byte("id-é")) {
			return []byte("<é/>")
		}
		return nil
	}})
	asIs := func(*http.Request) {}
	wide := func(r *http.Request) { r.Header.Set("Content-Type", "application/soap+xml;charset=UTF-16") }
	m := getMessage
	m.id = "id-é"
	if got := s.post(t, string(encode([]byte(m.text()), utf16LE)), wide); got.status != 200 || string(got.body) != string(encode([]byte("<é/>"), utf16LE)) {
		t.Errorf("status %d, %q", got.status, got.body)
	}
	if got := s.post(t, getMessage.text(), asIs); got.status != 200 || readNode(t, got.body).at("Body", "SMS_DP").XMLName.Local == "" {
		t.Errorf("status %d, %q", got.status, got.body)
	}
}

func TestUnencryptedRefused(t *testing.T) {
	h := New(Config{Provider: newFake(), Authenticate: func(string, string) bool { return true }})
	for _, c := range []struct {
		name string
		tls  bool
		want int
	}{{"http", false, 500}, {"https", true, 200}} {
		t.Run(c.name, func(t *testing.T) {
			url := "http://server/wsman"
			if c.tls {
				url = "https://server/wsman" // httptest sets TLS by the scheme
			}
			r := httptest.NewRequest(http.MethodPost, url, strings.NewReader(getMessage.text()))
			r.SetBasicAuth("sim", "x")
			r.Header.Set("Content-Type", "application/soap+xml")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.want || c.want == 500 && w.Body.Len() > 0 {
				t.Errorf("status %d with %d bytes, want %d", w.Code, w.Body.Len(), c.want)
			}
		})
	}
}

const identifyText = `<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:i="` + nsIdentify + `"><s:Header/><s:Body><i:Identify/></s:Body></s:Envelope>`

func TestIdentify(t *testing.T) {
	stranger := func(r *http.Request) {
		r.Header.Del("Authorization")
		r.Header.Set("WSMANIDENTIFY", "unauthenticated")
	}
	product := func(t *testing.T, r response) []string {
		t.Helper()
		n := readNode(t, r.body).at("Body", "IdentifyResponse")
		return []string{strconv.Itoa(r.status), n.XMLName.Space, n.at("ProtocolVersion").Text, n.at("ProductVendor").Text,
			n.at("ProductVersion").Text, n.at("SecurityProfiles", "SecurityProfileName").Text}
	}
	t.Run("signed in", func(t *testing.T) {
		want := []string{"200", nsIdentify, nsWSMan, "Acme", "OS: 6.3.9600 SP: 0.0 Stack: 3.0",
			"http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/http/basic"}
		s := serve(t, Config{Vendor: "Acme", Version: "6.3.9600"})
		if d := cmp.Diff(want, product(t, s.post(t, identifyText))); d != "" {
			t.Error(d)
		}
	})
	t.Run("stranger, where clear text is refused", func(t *testing.T) {
		h := New(Config{Provider: newFake()})
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		s := &testServer{Handler: h, url: server.URL + "/wsman"}
		want := []string{"200", nsIdentify, nsWSMan, "Microsoft Corporation", "OS: 0.0.0 SP: 0.0 Stack: 3.0", ""}
		if d := cmp.Diff(want, product(t, s.post(t, identifyText, stranger))); d != "" {
			t.Error(d)
		}
	})
	t.Run("stranger who wants more", func(t *testing.T) {
		s := serve(t, Config{})
		for _, body := range []string{getMessage.text(), "", "<a", "\xFF\xFEa"} {
			if got := s.post(t, body, stranger); got.status != 401 || len(got.body) > 0 {
				t.Errorf("%.20q: status %d with %d bytes, want 401", body, got.status, len(got.body))
			}
		}
	})
}

func TestHeaderOfAnswers(t *testing.T) {
	s := serve(t, Config{})
	got := s.ask(t, getMessage).at("Header")
	want := []string{
		"{" + nsSOAP + "}Header",
		" {" + nsAddressing + "}Action " + actionGet + "Response",
		" {" + nsAddressing + "}MessageID uuid:X",
		" {" + nsAddressing + "}To " + anonymous,
		" {" + nsAddressing + "}RelatesTo " + testID,
	}
	lines := got.lines()
	lines[2] = strings.TrimSuffix(steady([]byte("<a:MessageID>"+strings.TrimPrefix(lines[2], " {"+nsAddressing+"}MessageID ")+"<")), "<")
	lines[2] = " {" + nsAddressing + "}MessageID " + strings.TrimPrefix(lines[2], "<a:MessageID>")
	if d := cmp.Diff(want, lines); d != "" {
		t.Error(d)
	}
}

func TestHeaderChecks(t *testing.T) {
	block := func(text string) message { return message{header: dpKeys + text} }
	required := fault{"s:Sender", "a:MessageInformationHeaderRequired", "2150858769", testID, nsAddressing + "/fault"}
	invalid := fault{"s:Sender", "a:InvalidMessageInformationHeader", "2150858767", testID, nsAddressing + "/fault"}
	wsman := func(subcode string, code uint32) fault {
		return fault{"s:Sender", "w:" + subcode, strconv.Itoa(int(code)), testID, "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"}
	}
	instead := func(without, text string) message {
		return message{without: without, header: dpKeys + text}
	}
	noID := func(f fault) fault { f.RelatesTo = ""; return f }
	for _, c := range []struct {
		name string
		m    message
		want fault // the zero fault: no fault
	}{
		{"without To", instead("To", ""), required},
		{"without ResourceURI", instead("ResourceURI", ""), required},
		{"without ReplyTo", instead("ReplyTo", ""), required},
		{"without Action", instead("Action", ""), required},
		{"without MessageID", instead("MessageID", ""), noID(required)},
		{"empty To", instead("To", "<a:To/>"), required},
		{"ReplyTo without address", instead("ReplyTo", "<a:ReplyTo/>"), required},
		{"ReplyTo elsewhere", instead("ReplyTo", "<a:ReplyTo><a:Address>http://me</a:Address></a:ReplyTo>"), invalid},
		{"space around Action", instead("Action", "<a:Action>"+actionGet+" </a:Action>"), invalid},
		{"line feed around ResourceURI", instead("ResourceURI", "<w:ResourceURI>\n"+siteURI+"SMS_DP</w:ResourceURI>"), invalid},
		{"long MessageID", instead("MessageID", "<a:MessageID>"+strings.Repeat("x", maxMessageID+1)+"</a:MessageID>"), noID(invalid)},
		{"Action twice", block("<a:Action>x</a:Action>"), invalid},
		{"Locale that must be", block(`<w:Locale xml:lang="en-US" s:mustUnderstand="true"/>`), wsman("UnsupportedFeature", codeUnsupportedFeature)},
		{"DataLocale that must be", block(`<p:DataLocale xml:lang="en-US" s:mustUnderstand="1"/>`), wsman("UnsupportedFeature", codeUnsupportedFeature)},
		{"Locale that is wished for", block(`<w:Locale xml:lang="en-US" s:mustUnderstand="false"/><p:DataLocale xml:lang="de-DE" s:mustUnderstand="false"/>`), fault{}},
		{"unknown block that must be understood", block(`<w:Magic s:mustUnderstand="true"/>`), fault{"s:MustUnderstand", "", "2150858768", testID, nsAddressing + "/fault"}},
		{"unknown block", block(`<w:Magic/>`), fault{}},
		{"small MaxEnvelopeSize", block(`<w:MaxEnvelopeSize>8191</w:MaxEnvelopeSize>`), wsman("EncodingLimit", codeEncodingLimit)},
		{"least MaxEnvelopeSize", block(`<w:MaxEnvelopeSize s:mustUnderstand="true">8192</w:MaxEnvelopeSize>`), fault{}},
		{"huge MaxEnvelopeSize", block(`<w:MaxEnvelopeSize>67108864</w:MaxEnvelopeSize>`), fault{}},
		{"MaxEnvelopeSize of words", block(`<w:MaxEnvelopeSize>much</w:MaxEnvelopeSize>`), invalid},
		{"OperationTimeout", block(`<w:OperationTimeout>PT60.5S</w:OperationTimeout>`), fault{}},
		{"OperationTimeout of words", block(`<w:OperationTimeout>60</w:OperationTimeout>`), fault{"s:Sender", "a:InvalidMessageInformationHeader", "2150858881", testID, nsAddressing + "/fault"}},
		{"unknown option that must be", block(`<w:OptionSet><w:Option Name="x" MustComply="true">1</w:Option></w:OptionSet>`), wsman("InvalidOptions", codeInvalidOptions)},
		{"unknown option", block(`<w:OptionSet s:mustUnderstand="true"><w:Option Name="x">1</w:Option></w:OptionSet>`), fault{}},
		{"known option that must be", block(`<w:OptionSet><w:Option Name="wmi:x" MustComply="true">1</w:Option></w:OptionSet>`), fault{}},
		{"OptionSet of something else", block(`<w:OptionSet><w:Thing/></w:OptionSet>`), wsman("InvalidOptions", codeInvalidOptions)},
		{"two elements in the body", message{header: dpKeys, body: "<w:A/><w:B/>"}, noID(wsman("SchemaValidationError", codeSchemaValidation))},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Config{})
			c.m.action, c.m.uri = actionGet, siteURI+"SMS_DP"
			if c.want == (fault{}) {
				s.ask(t, c.m)
				return
			}
			if d := cmp.Diff(c.want, s.refuse(t, c.m)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestNotAMessage(t *testing.T) {
	s := serve(t, Config{})
	for _, c := range []struct {
		name, text string
		want       fault
	}{
		{"nothing", "", fault{Value: "s:Sender", Subcode: "w:SchemaValidationError", Code: "2150858817"}},
		{"not XML", "hello", fault{Value: "s:Sender", Subcode: "w:SchemaValidationError", Code: "2150858817"}},
		{"not SOAP", "<a/>", fault{Value: "s:Sender", Subcode: "w:SchemaValidationError", Code: "2150858817"}},
		{"no header", `<s:Envelope xmlns:s="` + nsSOAP + `"><s:Body/></s:Envelope>`, fault{Value: "s:Sender", Subcode: "a:MessageInformationHeaderRequired", Code: "2150858769"}},
		{"SOAP 1.1", `<s:Envelope xmlns:s="` + nsSOAP11 + `"><s:Body/></s:Envelope>`, fault{Value: "s:VersionMismatch", Code: "2150858765"}},
		{"not UTF-8", "<a>\xE9</a>", fault{Value: "s:Sender", Subcode: "w:EncodingLimit", Code: "2150858828"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := readFault(t, s.post(t, c.text))
			got.Action = ""
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestResources(t *testing.T) {
	namespace := func(text string) string {
		return selectorSet("__cimnamespace", text, "NALPath", nalPath, "SiteCode", "PS1")
	}
	for _, c := range []struct {
		name, uri, header string
		dmtf              bool
		want              string // a fault's code; empty for none
		namespace         string // that the provider was asked for
	}{
		{"class", siteURI + "SMS_DP", dpKeys, false, "", "root/sms/site_PS1"},
		{"other case", strings.ToUpper(siteURI) + "sms_dp", dpKeys, false, "", "ROOT/SMS/SITE_PS1"},
		{"namespace agrees", siteURI + "SMS_DP", namespace(`ROOT\sms\site_PS1`), false, "", "root/sms/site_PS1"},
		{"namespace differs", siteURI + "SMS_DP", namespace("root/cimv2"), false, "2150858843", ""},
		{"backslashes", resourceWMI + `root\cimv2/SMS_DP`, dpKeys, false, "2150858811", ""},
		{"no class", resourceWMI + "root/", dpKeys, false, "2150858811", ""},
		{"no namespace", resourceWMI + "SMS_DP", dpKeys, false, "2150858811", ""},
		{"WQL in the class", siteURI + "SMS_DP WHERE 1=1", dpKeys, false, "2150858811", ""},
		{"selectors in the URI", siteURI + "SMS_DP?SiteCode=PS1", dpKeys, false, "2150858811", ""},
		{"all classes", siteURI + "*", dpKeys, false, "2150858811", ""},
		{"something else", "http://example.com/x", dpKeys, false, "2150858811", ""},
		{"dmtf not allowed", resourceDMTF + "SMS_DP", dpKeys, false, "2150858811", ""},
		{"dmtf", resourceDMTF + "SMS_DP", namespace("root/sms/site_PS1"), true, "", "root/sms/site_PS1"},
		{"dmtf, default namespace", resourceDMTF + "SMS_DP", dpKeys, true, "", "root/cimv2"},
		{"dmtf, bad namespace", resourceDMTF + "SMS_DP", namespace("root//x"), true, "2150858811", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, Config{DMTF: c.dmtf})
			m := message{action: actionGet, uri: c.uri, header: c.header}
			if c.want != "" {
				if got := s.refuse(t, m).Code; got != c.want {
					t.Errorf("code %s, want %s", got, c.want)
				}
				return
			}
			item := s.ask(t, m).at("Body", "SMS_DP")
			if s.provider.namespace != c.namespace {
				t.Errorf("the provider was asked for namespace %s, want %s", s.provider.namespace, c.namespace)
			}
			want := resourceWMI + c.namespace + "/SMS_DP"
			if c.dmtf {
				want = resourceDMTF + "SMS_DP"
			}
			if item.XMLName.Space != want {
				t.Errorf("the item's XML namespace is %s, want %s", item.XMLName.Space, want)
			}
		})
	}
}

func TestUnknownActions(t *testing.T) {
	s := serve(t, Config{})
	for _, action := range []string{nsEventing + "/Renew", nsEnum + "/Renew", "x", siteURI + "SMS_DP/", siteURI + "Other/Method"} {
		want := fault{"s:Sender", "a:ActionNotSupported", "2150858771", testID, nsAddressing + "/fault"}
		if d := cmp.Diff(want, s.refuse(t, message{action: action, uri: siteURI + "SMS_DP", header: dpKeys})); d != "" {
			t.Errorf("%s: %s", action, d)
		}
	}
}

func TestSettings(t *testing.T) {
	s := serve(t, Config{MaxEnvelopeSizeKB: 150, EnumerationTimeout: time.Minute})
	config := s.ask(t, message{action: actionGet, uri: nsConfig}).at("Body", "Config")
	got := []string{config.XMLName.Space, config.at("MaxEnvelopeSizekb").Text, config.at("MaxBatchItems").Text,
		config.at("Service", "EnumerationTimeoutms").Text, config.at("Service", "AllowUnencrypted").Text}
	if d := cmp.Diff([]string{nsConfig, "150", "32000", "60000", "true"}, got); d != "" {
		t.Error(d)
	}
	if got := s.refuse(t, message{action: actionPut, uri: nsConfig}).Subcode; got != "a:ActionNotSupported" {
		t.Errorf("Put: %s", got)
	}
	if got := s.refuse(t, message{action: actionGet, uri: nsConfig, header: dpKeys}).Subcode; got != "w:InvalidSelectors" {
		t.Errorf("Get with selectors: %s", got)
	}
}

func TestHooks(t *testing.T) {
	var mu sync.Mutex
	var seen []Exchange
	s := serve(t, Config{
		Intercept: func(x Exchange) error {
			switch {
			case x.Method == "Count":
				return TimedOut()
			case x.Query == "denied":
				return &repository.Status{Code: repository.AccessDenied, Operation: "ExecQuery", Text: "No."}
			}
			return nil
		},
		Observe: func(x Exchange) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, x)
		},
		Around: func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Via", "around")
				next.ServeHTTP(w, r)
			})
		},
	})
	if got := s.post(t, "", func(r *http.Request) { r.Header.Del("Authorization") }).header.Get("Via"); got != "around" {
		t.Errorf("Around was not called: %q", got)
	}
	m := getMessage
	m.header += "<w:OperationTimeout>PT5S</w:OperationTimeout>"
	sent := []message{
		m,
		{action: siteURI + "SMS_DP/Count", uri: siteURI + "SMS_DP", body: "<Count_INPUT/>"},
		{action: actionEnumerate, uri: siteURI + "*", body: enumerateBody("denied", "")},
	}
	want := []Exchange{
		{Status: 401},
		{User: "sim", Action: actionGet, ResourceURI: siteURI + "SMS_DP", Namespace: "root/sms/site_PS1", Class: "SMS_DP",
			Selectors: map[string]string{"NALPath": nalPath, "SiteCode": "PS1"}, Timeout: 5 * time.Second, Status: 200},
		{User: "sim", Action: siteURI + "SMS_DP/Count", ResourceURI: siteURI + "SMS_DP", Namespace: "root/sms/site_PS1", Class: "SMS_DP",
			Method: "Count", Selectors: map[string]string{}, Status: 500, FaultCode: 2150858793},
		{User: "sim", Action: actionEnumerate, ResourceURI: siteURI + "*", Namespace: "root/sms/site_PS1", Class: "*",
			Query: "denied", Selectors: map[string]string{}, Status: 500, FaultCode: 5},
	}
	for i, m := range sent {
		answer := s.post(t, m.text())
		want[i+1].RequestBytes, want[i+1].ResponseBytes = len(m.text()), len(answer.body)
	}
	if d := cmp.Diff(want, seen); d != "" {
		t.Error(d)
	}
}

// rot13 is a scheme that seals: what a scheme can do, done simply.
type rot13 struct{}

func (rot13) name() string        { return "Rot" }
func (rot13) challenge() string   { return "Rot" }
func (rot13) profile(bool) string { return "urn:rot" }
func (rot13) signIn(r *http.Request, credentials string) verdict {
	switch {
	case credentials == "first":
		return verdict{next: "Rot second"}
	case credentials == "second":
		return verdict{user: "sim", next: "Rot done", seal: rot13{}}
	case credentials == "" && r.Header.Get("X-Connection") == "known":
		return verdict{user: "sim", seal: rot13{}}
	}
	return verdict{}
}

func (rot13) open(contentType string, body []byte) (string, []byte, error) {
	if contentType != "multipart/encrypted" {
		return "", nil, errors.New("open body: not sealed")
	}
	return "application/soap+xml", rotate(body), nil
}

func (rot13) seal(_ string, body []byte) (string, []byte, error) {
	return "multipart/encrypted", rotate(body), nil
}

func rotate(body []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r < 128 {
			return r ^ 1
		}
		return r
	}, body)
}

// TestSealedScheme signs in by a scheme of several legs that seals bodies, on
// a server that refuses clear text.
func TestSealedScheme(t *testing.T) {
	h := New(Config{Provider: newFake()})
	h.schemes = append(h.schemes, rot13{})
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s := &testServer{Handler: h, url: server.URL + "/wsman"}
	authorize := func(value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", value) }
	}
	sealed := func(r *http.Request) {
		r.Header.Del("Authorization")
		r.Header.Set("X-Connection", "known")
		r.Header.Set("Content-Type", "multipart/encrypted")
	}
	for _, c := range []struct {
		name   string
		body   string
		change func(*http.Request)
		status int
		want   []string // WWW-Authenticate
	}{
		{"stranger", "", func(r *http.Request) { r.Header.Del("Authorization") }, 401, []string{`Basic realm="WSMAN"`, "Rot"}},
		{"first leg", "", authorize("Rot first"), 401, []string{"Rot second"}},
		{"last leg", "", authorize("Rot second"), 200, []string{"Rot done"}},
		{"clear text", getMessage.text(), authorize("Rot second"), 500, []string{"Rot done"}},
		{"sealed", string(rotate([]byte(getMessage.text()))), sealed, 200, nil},
		{"sealed fault", string(rotate([]byte("<a/>"))), sealed, 500, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := s.post(t, c.body, c.change)
			if got.status != c.status {
				t.Errorf("status %d, want %d", got.status, c.status)
			}
			if d := cmp.Diff(c.want, got.header["Www-Authenticate"]); d != "" {
				t.Error(d)
			}
			if len(got.body) > 0 {
				if v := got.header.Get("Content-Type"); v != "multipart/encrypted" {
					t.Errorf("Content-Type %s", v)
				}
				readNode(t, rotate(got.body)).at("Header", "Action")
			}
		})
	}
}

// TestConcurrency has several users at work at once; run it with -race.
func TestConcurrency(t *testing.T) {
	s := serve(t, Config{Shell: echoShell, FirstPageItems: 2, Observe: func(Exchange) {}})
	var instances []*repository.Instance
	for i := range 50 {
		instances = append(instances, newDP(strconv.Itoa(i)))
	}
	s.provider.results["Q"] = &wql.Result{Class: dpClass, Instances: instances}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			as := func(r *http.Request) { r.SetBasicAuth("user"+strconv.Itoa(i%3), "secret") }
			total, m := 0, message{action: actionEnumerate, uri: siteURI + "*", body: enumerateBody("Q", "<w:OptimizeEnumeration/><w:MaxElements>5</w:MaxElements>")}
			for {
				n, context, err := s.page(m, as)
				if err != nil {
					t.Error(err)
					return
				}
				total += n
				if context == "" {
					break
				}
				m = message{action: actionPull, uri: siteURI + "*", body: pullBody(context, 7)}
			}
			if total != len(instances) {
				t.Errorf("%d items, want %d", total, len(instances))
			}
		})
	}
	wg.Wait()
	if n := len(s.enumerations.open); n != 0 {
		t.Errorf("%d enumerations are open afterwards, want 0", n)
	}
}

// page is post for goroutines other than the test's: how many items came, and
// the next context.
func (s *testServer) page(m message, change func(*http.Request)) (int, string, error) {
	r, err := http.NewRequest(http.MethodPost, s.url, strings.NewReader(m.text()))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/soap+xml")
	change(r)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, "", err
	}
	root, err := parse(text)
	if err != nil || answer.StatusCode != 200 {
		return 0, "", errors.Join(err, errors.New("status "+answer.Status))
	}
	body := root.child(nsSOAP, "Body").children[0]
	items, context := body.child(nsWSMan, "Items"), body.child(nsEnum, "EnumerationContext")
	if items == nil {
		items = body.child(nsEnum, "Items")
	}
	if context == nil {
		return len(items.children), "", nil
	}
	return len(items.children), context.text(), nil
}
