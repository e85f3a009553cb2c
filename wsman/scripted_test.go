package wsman

import (
	"context"
	"encoding/xml"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// scripted is a Transport that answers from a list, in order. It reads
// requests with encoding/xml.
type scripted struct {
	t       *testing.T
	mu      sync.Mutex
	replies []reply
	sent    []request
}

// reply is one answer: body elements, wrapped in an envelope that relates to
// the request, or whatever whole and status say.
type reply struct {
	body   string
	whole  string // in place of an envelope
	status int    // 200
	media  string // application/soap+xml;charset=UTF-8
	err    error
	relate string // in place of the request's id
}

type request struct {
	Action  string
	Body    string
	Context string
	raw     string
}

const responseNamespaces = ` xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"` +
	` xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"` +
	` xmlns:x="http://schemas.xmlsoap.org/ws/2004/09/transfer" xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"`

func (s *scripted) RoundTrip(_ context.Context, req *Request) (*Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var parsed struct {
		Header struct{ Action, MessageID string }
		Body   struct {
			Inner string `xml:",innerxml"`
			Pull  struct{ EnumerationContext string }
		}
	}
	if err := xml.Unmarshal(req.Body, &parsed); err != nil {
		s.t.Errorf("request is no XML: %v\n%s", err, req.Body)
	}
	action := parsed.Header.Action[strings.LastIndexByte(parsed.Header.Action, '/')+1:]
	s.sent = append(s.sent, request{action, parsed.Body.Inner, parsed.Body.Pull.EnumerationContext, string(req.Body)})
	if len(s.replies) == 0 {
		return nil, &TransportError{Sent: true, Err: fmt.Errorf("no answer left for %s", action)}
	}
	r := s.replies[0]
	s.replies = s.replies[1:]
	if r.err != nil {
		return nil, r.err
	}
	return r.response(parsed.Header.MessageID), nil
}

func (r reply) response(id string) *Response {
	if r.relate != "" {
		id = r.relate
	}
	if r.status == 0 {
		r.status = 200
	}
	if r.media == "" {
		r.media = "application/soap+xml;charset=UTF-8"
	}
	body := r.whole
	if body == "" {
		body = "<s:Envelope" + responseNamespaces + "><s:Header><a:RelatesTo>" + id + "</a:RelatesTo></s:Header><s:Body>" + r.body + "</s:Body></s:Envelope>"
	}
	return &Response{Status: r.status, ContentType: r.media, Body: []byte(body)}
}

func (s *scripted) Close() error { return nil }

// actions are what was asked for, in order.
func (s *scripted) actions() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, r := range s.sent {
		a := r.Action
		if r.Context != "" {
			a += "(" + r.Context + ")"
		}
		out = append(out, a)
	}
	return strings.Join(out, " ")
}

// client makes a client that never retries, over scripted answers.
func client(t *testing.T, replies ...reply) (*Client, *scripted) {
	s := &scripted{t: t, replies: replies}
	return NewClient(s, Options{Endpoint: "http://server:5985/wsman", Retries: -1}), s
}

// first is an EnumerateResponse, page a PullResponse; the last page has no
// context.
func first(context string, items ...string) reply {
	return reply{body: "<n:EnumerateResponse><n:EnumerationContext>" + context + "</n:EnumerationContext>" +
		wrap("w", items) + end("w", context == "") + "</n:EnumerateResponse>"}
}

func page(context string, items ...string) reply {
	ctx := ""
	if context != "" {
		ctx = "<n:EnumerationContext>" + context + "</n:EnumerationContext>"
	}
	return reply{body: "<n:PullResponse>" + ctx + wrap("n", items) + end("n", context == "") + "</n:PullResponse>"}
}

func wrap(prefix string, items []string) string {
	if len(items) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("<" + prefix + ":Items>")
	for _, i := range items {
		b.WriteString("<X>" + i + "</X>")
	}
	b.WriteString("</" + prefix + ":Items>")
	return b.String()
}

func end(prefix string, is bool) string {
	if !is {
		return ""
	}
	return "<" + prefix + ":EndOfSequence/>"
}

// texts collects the items of an enumeration, which are elements with text.
func texts(c *Client, e Enumeration) (got []string, err error) {
	for item, err := range c.Enumerate(context.Background(), e) {
		if err != nil {
			return got, err
		}
		text, err := item.Scanner().Content()
		if err != nil {
			return got, err
		}
		got = append(got, string(text))
	}
	return got, nil
}
