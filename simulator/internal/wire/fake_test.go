package wire

import (
	"bytes"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/wql"
)

// fakeProvider is a namespace whose answers a test sets. Its zero value knows
// no class.
type fakeProvider struct {
	mu      sync.Mutex
	classes []*repository.Class
	results map[string]*wql.Result // by query text
	stored  []*repository.Instance // for Get, Put and Delete, by their keys
	err     error                  // answers everything but Class, when set
	out     []Assignment           // of Invoke

	// What the last call was given.
	namespace, class, method string
	keys                     map[string]string
	in                       []Assignment
}

func (p *fakeProvider) note(namespace, class string, keys map[string]string, in []Assignment) {
	p.namespace, p.class, p.keys, p.in = namespace, class, keys, in
}

func (p *fakeProvider) Class(namespace, name string) (*repository.Class, error) {
	if strings.EqualFold(namespace, "root/nowhere") {
		return nil, &repository.Status{Code: repository.InvalidNamespace, Operation: "ConnectServer", Parameter: namespace, Text: "No such namespace."}
	}
	for _, c := range p.classes {
		if strings.EqualFold(c.Name, name) {
			return c, nil
		}
	}
	return nil, &repository.Status{Code: repository.InvalidClass, Operation: "GetObject", Parameter: name, Text: "No such class."}
}

func (p *fakeProvider) Query(namespace, text string) (*wql.Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.namespace = namespace
	if p.err != nil {
		return nil, p.err
	}
	if r, ok := p.results[text]; ok {
		return r, nil
	}
	return nil, &repository.Status{Code: repository.InvalidClass, Operation: "ExecQuery", Parameter: text, Text: "No such class."}
}

// find is the stored instance with these keys.
func (p *fakeProvider) find(operation, class string, keys map[string]string) (*repository.Instance, error) {
	if p.err != nil {
		return nil, p.err
	}
	for _, in := range p.stored {
		match := in.Class.Name == class
		for key, value := range keys {
			match = match && keyText(in.Get(key)) == value
		}
		if match {
			return in, nil
		}
	}
	return nil, &repository.Status{Code: repository.NotFound, Operation: operation, Parameter: class, Text: "Not found."}
}

func (p *fakeProvider) Get(namespace, class string, keys map[string]string) (*repository.Instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note(namespace, class, keys, nil)
	return p.find("GetObject", class, keys)
}

func (p *fakeProvider) Put(namespace, class string, keys map[string]string, changed []Assignment) (*repository.Instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note(namespace, class, keys, changed)
	in, err := p.find("PutInstance", class, keys)
	if err != nil {
		return nil, err
	}
	in = in.Clone()
	for _, c := range changed {
		in.Set(c.Name, c.Value)
	}
	return in, nil
}

func (p *fakeProvider) Create(namespace, class string, values []Assignment) (*repository.Instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note(namespace, class, nil, values)
	if p.err != nil {
		return nil, p.err
	}
	c, err := p.Class(namespace, class)
	if err != nil {
		return nil, err
	}
	in := repository.New(c)
	for _, v := range values {
		in.Set(v.Name, v.Value)
	}
	return in, nil
}

func (p *fakeProvider) Delete(namespace, class string, keys map[string]string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note(namespace, class, keys, nil)
	_, err := p.find("DeleteInstance", class, keys)
	return err
}

func (p *fakeProvider) Invoke(namespace, class, method string, keys map[string]string, in []Assignment) ([]Assignment, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note(namespace, class, keys, in)
	p.method = method
	return p.out, p.err
}

// The site namespace's prefix of resource URIs.
const siteURI = resourceWMI + "root/sms/site_PS1/"

// dpClass is a class with a property of each kind.
var dpClass = &repository.Class{
	Name: "SMS_DP",
	Properties: []repository.Property{
		{Name: "Flag", Type: repository.Boolean},
		{Name: "NALPath", Type: repository.String, Key: true},
		{Name: "Names", Type: repository.String, Array: true},
		{Name: "Note", Type: repository.String},
		{Name: "Owner", Type: repository.Reference, Class: "SMS_Site"},
		{Name: "Parts", Type: repository.Object, Class: "SMS_Part", Array: true},
		{Name: "Ratio", Type: repository.Real64},
		{Name: "Since", Type: repository.Datetime},
		{Name: "SiteCode", Type: repository.String, Key: true},
		{Name: "Size", Type: repository.UInt32},
		{Name: "Step", Type: repository.SInt8},
		{Name: "Wait", Type: repository.Datetime},
	},
	Methods: []repository.Method{
		{Name: "Check", In: []repository.Property{{Name: "Depth", Type: repository.UInt8}, {Name: "Only", Type: repository.String, Array: true}, {Name: "part", Type: repository.Object, Class: "SMS_Part"}}},
		{Name: "Count", Static: true, Out: []repository.Property{{Name: "alpha", Type: repository.String}, {Name: "Zeta", Type: repository.UInt32, Array: true}}},
	},
}

// partClass is embedded in dpClass.
var partClass = &repository.Class{
	Name: "SMS_Part",
	Properties: []repository.Property{
		{Name: "Inner", Type: repository.Object, Class: "SMS_Part"},
		{Name: "PropertyName", Type: repository.String},
	},
}

const nalPath = `["Display=\\dp01\"]MSWNET:["SMS_SITE=PS1"]\\dp01\`

func newDP(path string) *repository.Instance {
	in := repository.New(dpClass)
	in.Set("NALPath", path)
	in.Set("SiteCode", "PS1")
	return in
}

// newFake is a provider with dpClass and one instance of it.
func newFake() *fakeProvider {
	return &fakeProvider{
		classes: []*repository.Class{dpClass, partClass, {Name: "SMS_Derived", Super: "SMS_DP"}},
		stored:  []*repository.Instance{newDP(nalPath)},
		results: map[string]*wql.Result{},
	}
}

// testServer is a Handler on loopback, for the user sim with password secret.
type testServer struct {
	*Handler
	url      string
	provider *fakeProvider
}

// serve starts a server. Config's Provider and Authenticate are set when nil,
// and AllowUnencrypted always.
func serve(t *testing.T, cfg Config) *testServer {
	t.Helper()
	s := &testServer{}
	if cfg.Provider == nil {
		s.provider = newFake()
		cfg.Provider = s.provider
	}
	if cfg.Authenticate == nil {
		cfg.Authenticate = func(user, password string) bool { return user != "stranger" && password == "secret" }
	}
	cfg.AllowUnencrypted = true
	s.Handler = New(cfg)
	server := httptest.NewServer(s.Handler)
	t.Cleanup(server.Close)
	s.url = server.URL + "/wsman"
	return s
}

// response is what came back.
type response struct {
	status int
	header http.Header
	body   []byte
}

// post sends a body as the user sim.
func (s *testServer) post(t *testing.T, body string, change ...func(*http.Request)) response {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, s.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("sim", "secret")
	r.Header.Set("Content-Type", "application/soap+xml;charset=UTF-8")
	for _, c := range change {
		c(r)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	read, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{answer.StatusCode, answer.Header, read}
}

// ask is post for a message that is answered 200; it is the answer's envelope.
func (s *testServer) ask(t *testing.T, m message) node {
	t.Helper()
	answer := s.post(t, m.text())
	if answer.status != http.StatusOK {
		t.Fatalf("status %d, want 200: %s", answer.status, answer.body)
	}
	return readNode(t, answer.body)
}

// refuse is post for a message that is answered by a fault.
func (s *testServer) refuse(t *testing.T, m message) fault {
	t.Helper()
	return readFault(t, s.post(t, m.text()))
}

// message is a request. Its zero fields are those of a request that is right.
type message struct {
	action, uri string
	header      string // further header blocks, or others in place of
	without     string // the local name of a block to leave out
	body        string
	id          string
}

const testID = "uuid:0E5E8E3A-6f5b-4E63-8E9F-0A6B1D6D3C11"

// text writes the message as a client would.
func (m message) text() string {
	if m.id == "" {
		m.id = testID
	}
	var b strings.Builder
	b.WriteString(`<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:a="` + nsAddressing + `" xmlns:n="` + nsEnum +
		`" xmlns:w="` + nsWSMan + `" xmlns:p="` + nsMicrosoft + `" xmlns:xsi="` + nsXSI + `" xmlns:cim="` + nsCIM +
		`" xmlns:rsp="` + nsShell + `"><s:Header>`)
	for _, block := range []struct{ local, text string }{
		{"To", `<a:To>http://server:5985/wsman</a:To>`},
		{"ResourceURI", `<w:ResourceURI s:mustUnderstand="true">` + quote(m.uri) + `</w:ResourceURI>`},
		{"ReplyTo", `<a:ReplyTo><a:Address s:mustUnderstand="true">` + anonymous + `</a:Address></a:ReplyTo>`},
		{"Action", `<a:Action s:mustUnderstand="true">` + quote(m.action) + `</a:Action>`},
		{"MessageID", `<a:MessageID>` + m.id + `</a:MessageID>`},
	} {
		if block.local != m.without {
			b.WriteString(block.text)
		}
	}
	b.WriteString(m.header + `</s:Header><s:Body>` + m.body + `</s:Body></s:Envelope>`)
	return b.String()
}

// quote escapes text for XML.
func quote(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes everything
	return b.String()
}

// selectorSet is a SelectorSet of pairs of name and value.
func selectorSet(pairs ...string) string {
	text := "<w:SelectorSet>"
	for i := 0; i+1 < len(pairs); i += 2 {
		text += `<w:Selector Name="` + quote(pairs[i]) + `">` + quote(pairs[i+1]) + `</w:Selector>`
	}
	return text + "</w:SelectorSet>"
}

// dpKeys are the selectors of the stored instance.
var dpKeys = selectorSet("NALPath", nalPath, "SiteCode", "PS1")

// node is an element as encoding/xml's own unmarshalling reads it: a reading
// that has nothing to do with this package's.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Nodes   []node     `xml:",any"`
}

func readNode(t *testing.T, text []byte) node {
	t.Helper()
	var n node
	if err := xml.Unmarshal(text, &n); err != nil {
		t.Fatalf("read answer: %v: %s", err, text)
	}
	return n
}

// at is the node at the end of a path of local names; the zero node when
// there is none.
func (n node) at(path ...string) node {
	for _, local := range path {
		i := 0
		for i < len(n.Nodes) && n.Nodes[i].XMLName.Local != local {
			i++
		}
		if i == len(n.Nodes) {
			return node{}
		}
		n = n.Nodes[i]
	}
	return n
}

// attr is an attribute's value, by local name.
func (n node) attr(local string) string {
	for _, a := range n.Attrs {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// lines writes a tree one element a line: name with namespace, attributes but
// namespace declarations, text.
func (n node) lines() []string { return n.appendLines(nil, "") }

func (n node) appendLines(to []string, indent string) []string {
	line := indent + "{" + n.XMLName.Space + "}" + n.XMLName.Local
	for _, a := range n.Attrs {
		if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
			line += " " + a.Name.Local + "=" + a.Value
		}
	}
	if len(n.Nodes) == 0 && n.Text != "" {
		line += " " + n.Text
	}
	to = append(to, line)
	for _, c := range n.Nodes {
		to = c.appendLines(to, indent+" ")
	}
	return to
}

// fault is the part of a fault that clients go by.
type fault struct {
	Value, Subcode, Code, RelatesTo, Action string
}

func readFault(t *testing.T, r response) fault {
	t.Helper()
	if r.status != http.StatusInternalServerError {
		t.Fatalf("status %d, want 500: %s", r.status, r.body)
	}
	n := readNode(t, r.body)
	f := n.at("Body", "Fault")
	return fault{
		Value:     f.at("Code", "Value").Text,
		Subcode:   f.at("Code", "Subcode", "Value").Text,
		Code:      f.at("Detail", "WSManFault").attr("Code"),
		RelatesTo: n.at("Header", "RelatesTo").Text,
		Action:    n.at("Header", "Action").Text,
	}
}
