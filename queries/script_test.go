package queries_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"dpremote/cim"
	"dpremote/internal/xmlscan"
	"dpremote/internal/xmlwrite"
	"dpremote/wsman"
)

// script is a server that answers requests in the order of its answers and
// notes what it was asked. It is not safe for concurrent use.
type script struct {
	t       *testing.T
	answers []string // the content of the body, in turn
	asked   []request
}

// request is what matters of a message.
type request struct {
	Action, ResourceURI string
	Selectors           []wsman.Selector
	WQL                 string
	Body                map[string]string // the members of the body's element
}

func newSession(t *testing.T, answers ...string) (*cim.Session, *script) {
	t.Helper()
	s := &script{t: t, answers: answers}
	client := wsman.NewClient(s, wsman.Options{Endpoint: "http://site.example:5985/wsman", Retries: -1})
	return &cim.Session{Client: client, Namespace: "root/sms/site_PS1"}, s
}

func (s *script) Close() error { return nil }

func (s *script) RoundTrip(_ context.Context, req *wsman.Request) (*wsman.Response, error) {
	asked, id, err := readRequest(req.Body)
	if err != nil {
		s.t.Errorf("read the request: %v", err)
	}
	s.asked = append(s.asked, asked)
	if len(s.answers) == 0 {
		return nil, &wsman.TransportError{Err: fmt.Errorf("nothing is left to answer to %s", asked.Action)}
	}
	body := s.answers[0]
	s.answers = s.answers[1:]
	status := 200
	if strings.HasPrefix(body, "<s:Fault>") {
		status = 500
	}
	envelope := `<s:Envelope xmlns:s="` + wsman.NamespaceSOAP + `" xmlns:a="` + wsman.NamespaceAddressing +
		`" xmlns:n="` + wsman.NamespaceEnumeration + `" xmlns:w="` + wsman.NamespaceWSMan +
		`" xmlns:xsi="` + wsman.NamespaceXSI + `" xmlns:cim="` + wsman.NamespaceCIM +
		`"><s:Header><a:RelatesTo>` + id + `</a:RelatesTo></s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
	return &wsman.Response{Status: status, ContentType: "application/soap+xml;charset=UTF-8", Body: []byte(envelope)}, nil
}

// queries are the WQL texts that the server was asked, in order.
func (s *script) queries() []string {
	var all []string
	for _, r := range s.asked {
		all = append(all, r.WQL)
	}
	return all
}

// readRequest walks a message and picks out what matters.
func readRequest(envelope []byte) (r request, id string, err error) {
	sc := xmlscan.New(envelope)
	inBody, root := false, 0
	for {
		token, err := sc.Next()
		switch {
		case err != nil || token == xmlscan.EOF:
			return r, id, err
		case token != xmlscan.Start:
			continue
		}
		name := string(sc.Local())
		switch {
		case name == "Body":
			inBody = true
		case name == "Selector":
			key, _ := sc.Attr("", "Name")
			s := wsman.Selector{Name: string(key)}
			s.Value, err = text(sc)
			r.Selectors = append(r.Selectors, s)
		case name == "Action":
			r.Action, err = text(sc)
		case name == "MessageID":
			id, err = text(sc)
		case name == "ResourceURI":
			r.ResourceURI, err = text(sc)
		case name == "Filter":
			r.WQL, err = text(sc)
		case inBody && root == 0:
			root = sc.Depth()
			r.Body = map[string]string{}
		case inBody && sc.Depth() == root+1 && strings.Contains(string(sc.Space()), "/wmi/"):
			r.Body[name], err = text(sc)
		}
		if err != nil {
			return r, id, err
		}
	}
}

// text is the text below the element at whose Start the scanner stands.
func text(sc *xmlscan.Scanner) (string, error) {
	var b strings.Builder
	depth := sc.Depth()
	for {
		token, err := sc.Next()
		switch {
		case err != nil:
			return "", err
		case token == xmlscan.Text:
			b.Write(sc.Text())
		case token == xmlscan.End && sc.Depth() == depth:
			return b.String(), nil
		}
	}
}

// page is an answer with the last rows of an enumeration.
func page(rows ...string) string {
	return `<n:EnumerateResponse><n:EnumerationContext/><w:Items>` + strings.Join(rows, "") +
		`</w:Items><w:EndOfSequence/></n:EnumerateResponse>`
}

// row is a projected row: names and values in turn. A value that starts with
// an angle bracket is XML.
func row(members ...string) string {
	var w xmlwrite.Writer
	w.Open("w:XmlFragment")
	write(&w, "", members)
	w.Close("w:XmlFragment")
	b, err := w.Bytes()
	if err != nil {
		panic(err)
	}
	return string(b)
}

// instance is a whole instance of a class.
func instance(class string, members ...string) string {
	var w xmlwrite.Writer
	w.Open("p:"+class, "xmlns:p", "http://schemas.microsoft.com/wbem/wsman/1/wmi/root/sms/site_PS1/"+class)
	write(&w, "p:", members)
	w.Close("p:" + class)
	b, err := w.Bytes()
	if err != nil {
		panic(err)
	}
	return string(b)
}

func write(w *xmlwrite.Writer, prefix string, members []string) {
	for i := 0; i < len(members); i += 2 {
		name, value := prefix+members[i], members[i+1]
		switch {
		case value == null:
			w.Empty(name, "xsi:nil", "true")
		case strings.HasPrefix(value, "<"):
			w.Open(name)
			w.Raw([]byte(value))
			w.Close(name)
		default:
			w.Leaf(name, value)
		}
	}
}

const null = "NULL"

// datetime is the value of a datetime property.
func datetime(text string) string { return "<cim:Datetime>" + text + "</cim:Datetime>" }

// fault is an answer with a WMI error.
func fault(code string) string {
	return `<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang="en-US">no</s:Text></s:Reason>` +
		`<s:Detail><f:WSManFault xmlns:f="` + wsman.NamespaceFault + `" Code="` + code + `" Machine="site"><f:Message>no</f:Message>` +
		`</f:WSManFault></s:Detail></s:Fault>`
}

// nal is the NAL path of a server.
func nal(server, site string) string {
	return `["Display=\\` + server + `\"]MSWNET:["SMS_SITE=` + site + `"]\\` + server + `\`
}
