package wsman

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

var query = Enumeration{Namespace: `root\sms\site_S01`, WQL: "SELECT A FROM X WHERE B<'c&d'"}

var errNotSent = errors.New("connection refused")

const timedOut = `<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:TimedOut</s:Value></s:Subcode></s:Code>` +
	`<s:Reason><s:Text xml:lang="de-DE">Zeit</s:Text></s:Reason><s:Detail><f:WSManFault Code="2150858793" Machine="S"><f:Message>Zeit</f:Message></f:WSManFault></s:Detail></s:Fault>`

func TestEnumerate(t *testing.T) {
	fault := func(body string) reply { return reply{status: 500, body: body} }
	tests := []struct {
		name    string
		replies []reply
		want    []string
		actions string
		err     error
	}{
		{"nothing", []reply{first("")}, nil, "Enumerate", nil},
		{"all on the first page", []reply{first("", "1", "2")}, []string{"1", "2"}, "Enumerate", nil},
		{"pages", []reply{first("c1", "1"), page("c2", "2", "3"), page("", "4")}, []string{"1", "2", "3", "4"}, "Enumerate Pull(c1) Pull(c2)", nil},
		{"empty first page", []reply{first("c1"), page("", "1")}, []string{"1"}, "Enumerate Pull(c1)", nil},
		{"empty page in between", []reply{first("c1", "1"), page("c2"), page("", "2")}, []string{"1", "2"}, "Enumerate Pull(c1) Pull(c2)", nil},
		{"empty last page", []reply{first("c1", "1"), page("")}, []string{"1"}, "Enumerate Pull(c1)", nil},
		{"context after the items", []reply{
			{body: "<n:EnumerateResponse><w:Items><X>1</X></w:Items><n:EnumerationContext>c1</n:EnumerationContext></n:EnumerateResponse>"},
			page("", "2")}, []string{"1", "2"}, "Enumerate Pull(c1)", nil},
		{"no end mark", []reply{first("c1", "1"), {body: "<n:PullResponse><n:Items><X>2</X></n:Items></n:PullResponse>"}},
			[]string{"1", "2"}, "Enumerate Pull(c1)", ErrIncomplete},
		{"pull timed out once", []reply{first("c1", "1"), fault(timedOut), page("", "2")}, []string{"1", "2"}, "Enumerate Pull(c1) Pull(c1)", nil},
		{"pull timed out twice", []reply{first("c1", "1"), fault(timedOut), fault(timedOut)}, []string{"1"}, "Enumerate Pull(c1) Pull(c1) Release", ErrTimedOut},
		{"pull never sent", []reply{first("c1", "1"), {err: &TransportError{Err: errNotSent}}}, []string{"1"}, "Enumerate Pull(c1) Release", errNotSent},
		{"answer to something else", []reply{first("c1", "1"), {relate: "uuid:other", body: page("", "2").body}}, []string{"1"}, "Enumerate Pull(c1)", errRelatesTo},
		{"pull never answered", []reply{first("c1", "1"), {err: &TransportError{Sent: true, Err: errors.New("reset")}}}, []string{"1"}, "Enumerate Pull(c1)", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, s := client(t, tt.replies...)
			got, err := texts(c, query)
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			if s.actions() != tt.actions {
				t.Errorf("asked for %s, want %s", s.actions(), tt.actions)
			}
			if tt.name == "pull never answered" {
				var e *Error
				if !errors.As(err, &e) || e.Op != "pull" || e.Retry != RetrySafe {
					t.Errorf("error %#v", err)
				}
			} else if !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
		})
	}
}

// TestEnumerateCut cuts the answers of an enumeration at every byte. What
// comes out is a beginning of the rows with an error, never all without one.
func TestEnumerateCut(t *testing.T) {
	for _, which := range []string{"first", "last"} {
		whole := page("", "2", "3").response("ID")
		if which == "first" {
			whole = first("", "1", "2").response("ID")
		}
		for n := range len(whole.Body) {
			cut := cutTransport{body: whole.Body[:n], first: which == "first"}
			c := NewClient(&cut, Options{Retries: -1})
			got, err := texts(c, query)
			if err == nil {
				t.Fatalf("%s page cut at byte %d: rows %v and no error", which, n, got)
			}
		}
	}
}

// cutTransport answers one page, cut, with the request's id in it.
type cutTransport struct {
	body  []byte
	first bool
	asked int
}

func (c *cutTransport) RoundTrip(_ context.Context, req *Request) (*Response, error) {
	_, rest, _ := strings.Cut(string(req.Body), "<a:MessageID>")
	id, _, _ := strings.Cut(rest, "</a:MessageID>")
	c.asked++
	if c.asked == 1 && !c.first {
		return first("c1", "1").response(id), nil
	}
	body := strings.ReplaceAll(string(c.body), ">ID<", ">"+id+"<")
	return &Response{Status: 200, ContentType: soapMediaType, Body: []byte(body)}, nil
}

func (c *cutTransport) Close() error { return nil }

func TestEnumerateLeftEarly(t *testing.T) {
	defer goleak.VerifyNone(t)
	tests := []struct {
		name    string
		replies []reply
		stop    int
		actions string
	}{
		{"on the first page", []reply{first("c1", "1", "2"), page("c2", "3"), {body: ""}}, 1, "Enumerate Pull(c1) Release"},
		{"on a later page", []reply{first("c1", "1"), page("c2", "2", "3"), page("c3", "4"), {body: ""}}, 2, "Enumerate Pull(c1) Pull(c2) Release"},
		{"the page under way is the last", []reply{first("c1", "1"), page("", "2")}, 1, "Enumerate Pull(c1)"},
		{"on the last page", []reply{first("c1", "1"), page("", "2", "3")}, 2, "Enumerate Pull(c1)"},
		{"the only page", []reply{first("", "1", "2")}, 1, "Enumerate"},
		{"release fails", []reply{first("c1", "1"), page("c2", "2"), {status: 500, body: timedOut}}, 1, "Enumerate Pull(c1) Release"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, s := client(t, tt.replies...)
			n := 0
			for _, err := range c.Enumerate(t.Context(), query) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == tt.stop {
					break
				}
			}
			if s.actions() != tt.actions {
				t.Errorf("asked for %s, want %s", s.actions(), tt.actions)
			}
			if last := s.sent[len(s.sent)-1]; last.Action == "Release" && !strings.Contains(last.Body, ">c") {
				t.Errorf("released %s", last.Body)
			}
		})
	}
}

// TestReleaseIsRepeated loses connections while an enumeration is left: the
// Release is sent until it has reached the server, and not more often than the
// policy of retries says, nor for longer than a moment.
func TestReleaseIsRepeated(t *testing.T) {
	lost := reply{err: &TransportError{Err: errNotSent}}
	for _, tt := range []struct {
		name    string
		answers []reply
		want    string
	}{
		{"lost before it was sent", []reply{lost, lost, {}}, " Release Release Release"},
		{"lost on its way", []reply{{err: &TransportError{Sent: true, Err: errNotSent}}}, " Release"},
		{"a server that is too busy for long", []reply{{status: 503}, {status: 503}, {status: 503}, {status: 503}, {status: 503}}, " Release Release Release Release"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{t: t, replies: append([]reply{first("c1", "1", "2"), page("c2", "3")}, tt.answers...)}
				c := NewClient(s, Options{Retries: 3})
				start := time.Now()
				for _, err := range c.Enumerate(t.Context(), query) {
					if err != nil {
						t.Fatal(err)
					}
					break
				}
				if got, want := s.actions(), "Enumerate Pull(c1)"+tt.want; got != want {
					t.Errorf("asked for %s, want %s", got, want)
				}
				if took := time.Since(start); took > timeToClean {
					t.Errorf("left after %s", took)
				}
			})
		})
	}
}

// TestReleaseOutlivesTheContext leaves an enumeration because its context is
// over: the server is told all the same.
func TestReleaseOutlivesTheContext(t *testing.T) {
	c, s := client(t, first("c1", "1", "2"), page("c2", "3"), reply{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range c.Enumerate(ctx, query) {
		cancel()
		break
	}
	if got := s.actions(); got != "Enumerate Pull(c1) Release" {
		t.Errorf("asked for %s", got)
	}
	if id := s.sent[2].Body; !strings.Contains(id, ">c2<") {
		t.Errorf("released %s, want the newest context", id)
	}
}

func TestEnumerateNeverEnding(t *testing.T) {
	replies := []reply{first("c", "1")}
	for range maxEmptyPages + 5 {
		replies = append(replies, page("c"))
	}
	c, _ := client(t, replies...)
	_, err := texts(c, query)
	if !errors.Is(err, ErrIncomplete) || !strings.Contains(err.Error(), "in a row") {
		t.Errorf("error %v", err)
	}
}

func TestEnumerateRequest(t *testing.T) {
	c, s := client(t, first("c1"), page(""))
	if _, err := texts(c, Enumeration{Namespace: `root\sms\site_S01`, WQL: query.WQL, Mode: EnumerateObjectAndEPR, MaxElements: 7}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<w:ResourceURI s:mustUnderstand="true">http://schemas.microsoft.com/wbem/wsman/1/wmi/root/sms/site_S01/*</w:ResourceURI>`,
		`<a:ReplyTo><a:Address s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>`,
		`<w:MaxEnvelopeSize s:mustUnderstand="true">2097152</w:MaxEnvelopeSize>`,
		`<w:OperationTimeout>PT60S</w:OperationTimeout>`,
		`<w:Locale xml:lang="en-US" s:mustUnderstand="false"/><p:DataLocale xml:lang="en-US" s:mustUnderstand="false"/></s:Header>`,
		`<n:Enumerate><w:OptimizeEnumeration/><w:MaxElements>7</w:MaxElements><w:EnumerationMode>EnumerateObjectAndEPR</w:EnumerationMode>` +
			`<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">SELECT A FROM X WHERE B&lt;'c&amp;d'</w:Filter></n:Enumerate>`,
	} {
		if !strings.Contains(s.sent[0].raw, want) {
			t.Errorf("request lacks %s:\n%s", want, s.sent[0].raw)
		}
	}
	if want := "<n:Pull><n:EnumerationContext>c1</n:EnumerationContext><n:MaxElements>7</n:MaxElements></n:Pull>"; s.sent[1].Body != want {
		t.Errorf("pull %s, want %s", s.sent[1].Body, want)
	}
}

func TestEnumerateDMTF(t *testing.T) {
	s := &scripted{t: t, replies: []reply{first("", "1")}}
	c := NewClient(s, Options{Schema: SchemaDMTF})
	if _, err := texts(c, Enumeration{Namespace: "root/interop", Class: "CIM_X"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		">http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_X</w:ResourceURI>",
		`<w:SelectorSet><w:Selector Name="__cimnamespace">root/interop</w:Selector></w:SelectorSet>`,
	} {
		if !strings.Contains(s.sent[0].raw, want) {
			t.Errorf("request lacks %s:\n%s", want, s.sent[0].raw)
		}
	}
}

func TestEnumerateObjectAndEPR(t *testing.T) {
	nal := `["Display=\\SRV\"]MSWNET:["SMS_SITE=S01"]\\SRV\`
	item := `<w:Item><X>1</X><a:EndpointReference><a:Address>http://s/wsman</a:Address><a:ReferenceParameters><w:ResourceURI>urn:X</w:ResourceURI>` +
		`<w:SelectorSet><w:Selector Name="NALPath">` + nal + `</w:Selector><w:Selector Name="Empty"/><w:Selector Name="Ref"><a:EndpointReference><a:Address>y</a:Address>` +
		`<a:ReferenceParameters><w:ResourceURI>urn:Y</w:ResourceURI></a:ReferenceParameters></a:EndpointReference></w:Selector></w:SelectorSet>` +
		`</a:ReferenceParameters></a:EndpointReference></w:Item>`
	c, _ := client(t, reply{body: "<n:EnumerateResponse><w:Items>" + item + item + "</w:Items><w:EndOfSequence/></n:EnumerateResponse>"})
	n := 0
	for item, err := range c.Enumerate(t.Context(), Enumeration{Namespace: "root", Class: "X", Mode: EnumerateObjectAndEPR}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		want := &EPR{Address: "http://s/wsman", ResourceURI: "urn:X", Selectors: []Selector{
			{Name: "NALPath", Value: nal}, {Name: "Empty"}, {Name: "Ref", EPR: &EPR{Address: "y", ResourceURI: "urn:Y"}}}}
		if d := cmp.Diff(want, item.EPR); d != "" {
			t.Error(d)
		}
		if n == 1 {
			continue // an item that is not read is passed over
		}
		if text, err := item.Scanner().Content(); err != nil || string(text) != "1" {
			t.Errorf("object %q %v", text, err)
		}
	}
	if n != 2 {
		t.Errorf("%d items, want 2", n)
	}
}

// TestItemsNotAskedFor sends references where instances belong, and the other
// way round.
func TestItemsNotAskedFor(t *testing.T) {
	epr := "<a:EndpointReference><a:Address>x</a:Address></a:EndpointReference>"
	tests := []struct {
		name string
		mode Mode
		item string
		ok   bool
	}{
		{"a reference for an instance", EnumerateObject, epr, false},
		{"an instance for a reference", EnumerateEPR, "<X/>", false},
		{"an instance for both", EnumerateObjectAndEPR, "<X/>", false},
		{"a reference for both", EnumerateObjectAndEPR, epr, false},
		{"both, but no instance", EnumerateObjectAndEPR, "<w:Item>" + epr + "</w:Item>", false},
		{"both, but no reference", EnumerateObjectAndEPR, "<w:Item><X/></w:Item>", false},
		{"both, the reference first", EnumerateObjectAndEPR, "<w:Item>" + epr + "<X>1</X></w:Item>", true},
		{"a reference", EnumerateEPR, epr, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := client(t, reply{body: "<n:EnumerateResponse><w:Items>" + tt.item + "</w:Items><w:EndOfSequence/></n:EnumerateResponse>"})
			n := 0
			for item, err := range c.Enumerate(t.Context(), Enumeration{Namespace: "root", Class: "X", Mode: tt.mode}) {
				if tt.ok != (err == nil) {
					t.Fatalf("error %v", err)
				}
				if err != nil {
					return
				}
				n++
				if tt.mode == EnumerateObjectAndEPR && (!item.Scanner().Is("", "X") || item.EPR == nil) {
					t.Errorf("item <%s>, reference %v", item.Scanner().Local(), item.EPR)
				}
			}
			if n != 1 {
				t.Errorf("%d items", n)
			}
		})
	}
}

// hanging is a Transport that answers once and then never.
type hanging struct{ first reply }

func (h *hanging) RoundTrip(ctx context.Context, req *Request) (*Response, error) {
	_, rest, _ := strings.Cut(string(req.Body), "<a:MessageID>")
	id, _, _ := strings.Cut(rest, "</a:MessageID>")
	if h.first.body != "" {
		r := h.first
		h.first = reply{}
		return r.response(id), nil
	}
	<-ctx.Done()
	return nil, &TransportError{Sent: true, Err: ctx.Err()}
}

func (h *hanging) Close() error { return nil }

// TestSilentServer waits for a server that says nothing: as long as it may
// work and a little more, once.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClient(&hanging{}, Options{})
		start := time.Now()
		err := get(c)
		var e *Error
		if !errors.Is(err, ErrNoAnswer) || !errors.As(err, &e) || e.Retry != RetrySafe || !strings.Contains(err.Error(), "no answer within 1m10s") {
			t.Errorf("error %v", err)
		}
		if waited := time.Since(start); waited != 70*time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}

// TestLeftWhileThePageHangs leaves an enumeration whose next page never comes:
// the caller gets on after a moment.
func TestLeftWhileThePageHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClient(&hanging{first: first("c1", "1", "2")}, Options{})
		start := time.Now()
		for range c.Enumerate(t.Context(), query) {
			break
		}
		if waited := time.Since(start); waited > 2*timeToClean {
			t.Errorf("waited %v", waited)
		}
	})
}

// late is a Transport whose Pulls take a while, whatever becomes of who asked.
type late struct {
	*scripted
	takes time.Duration
}

func (l *late) RoundTrip(ctx context.Context, req *Request) (*Response, error) {
	if strings.Contains(string(req.Body), actionPull+"<") {
		select {
		case <-time.After(l.takes):
		case <-ctx.Done():
			return nil, &TransportError{Sent: true, Err: ctx.Err()}
		}
	}
	return l.scripted.RoundTrip(ctx, req)
}

// TestInterruptedWhilePulling: the page under way brings the context that is to
// be released, so that it is awaited for a moment.
func TestInterruptedWhilePulling(t *testing.T) {
	for takes, want := range map[time.Duration]string{
		time.Second: "Enumerate Pull(c1) Release", // whose body is no Pull
		time.Hour:   "Enumerate",
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &scripted{t: t, replies: []reply{first("c1", "1"), page("c2", "2"), {body: " "}}}
			c := NewClient(&late{s, takes}, Options{Retries: -1})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			rows, start := 0, time.Now()
			var last error
			for _, err := range c.Enumerate(ctx, query) {
				if last = err; err == nil {
					rows++
				}
			}
			var e *Error
			if rows != 1 || !errors.Is(last, context.DeadlineExceeded) || !errors.As(last, &e) || e.Retry != RetrySafe {
				t.Errorf("%d rows, %v", rows, last)
			}
			if got := s.actions(); got != want {
				t.Errorf("sent %q, want %q", got, want)
			}
			if want == "Enumerate" {
				return
			}
			if waited := time.Since(start); waited > 2*time.Second || !strings.Contains(s.sent[2].raw, "<n:EnumerationContext>c2<") {
				t.Errorf("waited %v and released %s", waited, s.sent[2].raw)
			}
		})
	}
}
