package wsman

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/internal/captures"
)

var subscribed = Subscription{Namespace: `root\sms\site_S01`, WQL: "SELECT * FROM __InstanceOperationEvent WITHIN 30 WHERE TargetInstance ISA 'X' AND A<'b&c'"}

const eventing = ` xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing"`

// begun is a SubscribeResponse.
func begun(context, id string) reply {
	return reply{body: "<e:SubscribeResponse" + eventing + "><e:SubscriptionManager><a:Address>http://server:5985/wsman</a:Address>" +
		"<a:ReferenceProperties><w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/wmi/root/sms/site_S01/*</w:ResourceURI>" +
		"<e:Identifier>" + id + "</e:Identifier></a:ReferenceProperties></e:SubscriptionManager><e:Expires>PT0.000S</e:Expires>" +
		"<n:EnumerationContext>" + context + "</n:EnumerationContext></e:SubscribeResponse>"}
}

func faulty(subcode, code string) reply {
	return reply{status: 500, body: `<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>` + subcode + `</s:Value></s:Subcode></s:Code>` +
		`<s:Reason><s:Text xml:lang="en-US">no</s:Text></s:Reason><s:Detail><f:WSManFault Code="` + code + `" Machine="S"/></s:Detail></s:Fault>`}
}

// TestSubscribe plays scripts in a bubble of invented time. Each ends with a
// fault that no new subscription cures, or with a caller who stops.
func TestSubscribe(t *testing.T) {
	over := faulty("w:AccessDenied", "5")
	idle := page("c2")
	idle.body = strings.Replace(idle.body, "</n:PullResponse>", "<n:Items/></n:PullResponse>", 1)
	lost := reply{err: &TransportError{Sent: true, Err: errors.New("reset")}}
	tests := []struct {
		name    string
		replies []reply
		stop    int // after so many events; 0 for never
		want    []string
		actions string
		begun   int
		err     error
	}{
		{"events", []reply{begun("c1", "I"), page("c2", "1", "2"), page("c3", "3"), over}, 0, []string{"1", "2", "3"},
			"Subscribe Pull(c1) Pull(c2) Pull(c3) Unsubscribe", 1, ErrAccessDenied},
		{"left early", []reply{begun("c1", "I"), page("c2", "1", "2")}, 1, []string{"1"}, "Subscribe Pull(c1) Unsubscribe", 1, nil},
		{"idle by an empty page", []reply{begun("c1", "I"), idle, page("c3", "1")}, 1, []string{"1"}, "Subscribe Pull(c1) Pull(c2) Unsubscribe", 1, nil},
		{"idle by a time-out", []reply{begun("c1", "I"), {status: 500, body: timedOut}, {status: 500, body: timedOut}, page("c2", "1")}, 1, []string{"1"},
			"Subscribe Pull(c1) Pull(c1) Pull(c1) Unsubscribe", 1, nil},
		{"idle by a heartbeat", []reply{begun("c1", "I"), {body: ""}, page("c2", "1")}, 1, []string{"1"}, "Subscribe Pull(c1) Pull(c1) Unsubscribe", 1, nil},
		{"expired", []reply{begun("c1", "I"), page("c2", "1"), faulty("n:InvalidEnumerationContext", "2150858779"), begun("d1", "J"), page("d2", "2")}, 2,
			[]string{"1", "2"}, "Subscribe Pull(c1) Pull(c2) Subscribe Pull(d1) Unsubscribe", 2, nil},
		{"pulled too late", []reply{begun("c1", "I"), faulty("w:Odd", "0x8033800A"), {}, begun("d1", "J"), page("d2", "1")}, 1,
			[]string{"1"}, "Subscribe Pull(c1) Unsubscribe Subscribe Pull(d1) Unsubscribe", 2, nil},
		{"ended by the server", []reply{begun("c1", "I"), page("", "1"), begun("d1", "J"), page("d2", "2")}, 2,
			[]string{"1", "2"}, "Subscribe Pull(c1) Subscribe Pull(d1) Unsubscribe", 2, nil},
		{"a Pull that was lost is not repeated", []reply{begun("c1", "I"), lost, {}, begun("d1", "J"), page("d2", "1")}, 1,
			[]string{"1"}, "Subscribe Pull(c1) Unsubscribe Subscribe Pull(d1) Unsubscribe", 2, nil},
		{"dies again and again", []reply{begun("a", "I"), page(""), begun("b", "I"), page(""), begun("c", "I"), page(""), begun("d", "I"), page("")}, 0, nil,
			"Subscribe Pull(a) Subscribe Pull(b) Subscribe Pull(c) Subscribe Pull(d) Unsubscribe", 4, ErrContext},
		{"refused", []reply{faulty("n:CannotProcessFilter", "2150858778")}, 0, nil, "Subscribe", 0, ErrBadQuery},
		{"no context", []reply{begun("", "I")}, 0, nil, "Subscribe Unsubscribe", 0, ErrNotWSMan},
		{"another answer", []reply{begun("c1", "I"), {body: "<w:Other/>"}}, 0, nil, "Subscribe Pull(c1) Unsubscribe", 1, ErrNotWSMan},
		{"no identifier", []reply{begun("c1", ""), page("c2", "1")}, 1, []string{"1"}, "Subscribe Pull(c1)", 1, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := client(t, tt.replies...)
				began := 0
				sub := subscribed
				sub.Subscribed = func() { began++ }
				got, err := events(t.Context(), c, sub, tt.stop)
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Error(d)
				}
				if s.actions() != tt.actions {
					t.Errorf("asked for %s, want %s", s.actions(), tt.actions)
				}
				if !errors.Is(err, tt.err) || began != tt.begun {
					t.Errorf("began %d times, want %d; error %v, want %v", began, tt.begun, err, tt.err)
				}
			})
		})
	}
}

// events collects the texts of events, and stops after so many.
func events(ctx context.Context, c *Client, s Subscription, stop int) (got []string, err error) {
	for item, err := range c.Subscribe(ctx, s) {
		if err != nil {
			return got, err
		}
		text, err := item.Scanner().Content()
		if err != nil {
			return got, err
		}
		if got = append(got, string(text)); len(got) == stop {
			return got, nil
		}
	}
	return got, nil
}

// TestSubscribeMessages reads what is sent.
func TestSubscribeMessages(t *testing.T) {
	c, s := client(t, begun("c1", "GUID"), page("c2", "1"))
	if _, err := events(t.Context(), c, subscribed, 1); err != nil {
		t.Fatal(err)
	}
	for i, parts := range [][]string{
		{`<w:ResourceURI s:mustUnderstand="true">http://schemas.microsoft.com/wbem/wsman/1/wmi/root/sms/site_S01/*</w:ResourceURI>`,
			`<e:Delivery Mode="http://schemas.dmtf.org/wbem/wsman/1/wsman/Pull"><w:Heartbeats>PT60S</w:Heartbeats>`, `<e:Expires>PT3600S</e:Expires>`,
			`<w:Filter Dialect="http://schemas.microsoft.com/wbem/wsman/1/WQL">SELECT * FROM __InstanceOperationEvent WITHIN 30 WHERE TargetInstance ISA 'X' AND A&lt;'b&amp;c'</w:Filter>`},
		{`<n:Pull><n:EnumerationContext>c1</n:EnumerationContext><n:MaxElements>32000</n:MaxElements></n:Pull>`},
		{`<e:Identifier xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing">GUID</e:Identifier></s:Header>`, `<e:Unsubscribe xmlns:e=`},
	} {
		for _, part := range parts {
			if !strings.Contains(s.sent[i].raw, part) {
				t.Errorf("%s does not hold %s:\n%s", s.sent[i].Action, part, s.sent[i].raw)
			}
		}
	}
}

// TestSubscribeCancelled ends the context while a Pull waits: the server is
// told all the same.
func TestSubscribeCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := client(t, begun("c1", "I"))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		c.transport = &patient{s}
		_, err := events(ctx, c, subscribed, 0)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if want := "Subscribe Unsubscribe"; s.actions() != want {
			t.Errorf("asked for %s, want %s", s.actions(), want)
		}
	})
}

// patient never answers a Pull.
type patient struct{ *scripted }

func (p *patient) RoundTrip(ctx context.Context, req *Request) (*Response, error) {
	if !strings.Contains(string(req.Body), "<n:Pull>") {
		return p.scripted.RoundTrip(ctx, req)
	}
	<-ctx.Done()
	return nil, &TransportError{Sent: true, Err: ctx.Err()}
}

// TestSubscribeCancelledOnTheWay ends the context while the answer to a
// Subscribe is on its way: what the server then holds is ended, unless it never
// answers.
func TestSubscribeCancelledOnTheWay(t *testing.T) {
	for takes, want := range map[time.Duration]string{time.Second: "Subscribe Unsubscribe", time.Hour: ""} {
		synctest.Test(t, func(t *testing.T) {
			c, s := client(t, begun("c1", "I"), reply{})
			c.transport = &slowToSubscribe{s, takes}
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			began := time.Now()
			if _, err := events(ctx, c, subscribed, 0); err == nil {
				t.Error("no error")
			}
			if took := time.Since(began); s.actions() != want || took > 2*timeToClean {
				t.Errorf("asked for %s in %s, want %s", s.actions(), took, want)
			}
		})
	}
}

// slowToSubscribe answers a Subscribe after some time, and no Pull of a context
// that is over.
type slowToSubscribe struct {
	*scripted
	takes time.Duration
}

func (p *slowToSubscribe) RoundTrip(ctx context.Context, req *Request) (*Response, error) {
	if strings.Contains(string(req.Body), "<e:Subscribe ") {
		timer := time.NewTimer(p.takes)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return nil, &TransportError{Sent: true, Err: ctx.Err()}
		case <-timer.C:
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, &TransportError{Err: err}
	}
	return p.scripted.RoundTrip(ctx, req)
}

// TestSubscribeIdlesSlowly has a server that answers each Pull at once and
// brings nothing.
func TestSubscribeIdlesSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		replies := []reply{begun("c0", "I")}
		for range 200 {
			replies = append(replies, page("c"))
		}
		c, s := client(t, replies...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := events(ctx, c, subscribed, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if n := strings.Count(s.actions(), "Pull"); n < 6 || n > 25 {
			t.Errorf("%d Pulls in a minute in which nothing happened", n)
		}
	})
}

// TestSubscribeCaptures plays what a Windows server answered: the event log's,
// whose form is that of every event source.
func TestSubscribeCaptures(t *testing.T) {
	play := func(name string) reply {
		doc := string(captures.In(t, capturesDir).Read(t, "eventing/"+name+".xml"))
		before, rest, _ := strings.Cut(doc, "<a:RelatesTo>")
		_, after, _ := strings.Cut(rest, "</a:RelatesTo>")
		return reply{whole: before + "<a:RelatesTo>ID</a:RelatesTo>" + after}
	}
	replies := []reply{play("subscribe_resp"), play("pull_resp_01"), play("pull_resp_02"), play("pull_resp_01")}
	synctest.Test(t, func(t *testing.T) {
		c, s := client(t, replies...)
		c.transport = &relating{s}
		var names []string
		for item, err := range c.Subscribe(t.Context(), subscribed) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, string(item.Scanner().Local()))
			if len(names) == 2 {
				break
			}
		}
		if d := cmp.Diff([]string{"Event", "Event"}, names); d != "" {
			t.Error(d)
		}
		want := "Subscribe Pull(uuid:00A69F40-AF0D-4E6D-93BD-EFE6AADC3F51) Pull(uuid:05071354-C4AD-4745-AA80-1127029F660E)" +
			" Pull(uuid:F31A07AC-3B61-4ECC-A489-1B492FA1E7D6) Unsubscribe"
		if s.actions() != want {
			t.Errorf("asked for %s", s.actions())
		}
		last := s.sent[len(s.sent)-1].raw
		for _, part := range []string{">885E9924-235C-44EB-9834-B3440B7DCD38</e:Identifier>", "http://schemas.microsoft.com/wbem/wsman/1/windows/EventLog"} {
			if !strings.Contains(last, part) {
				t.Errorf("the Unsubscribe does not hold %s", part)
			}
		}
	})
}

// relating makes recorded answers relate to the requests.
type relating struct{ *scripted }

func (r *relating) RoundTrip(ctx context.Context, req *Request) (*Response, error) {
	res, err := r.scripted.RoundTrip(ctx, req)
	if err != nil {
		return nil, err
	}
	_, rest, _ := strings.Cut(string(req.Body), "<a:MessageID>")
	id, _, _ := strings.Cut(rest, "</a:MessageID>")
	res.Body = []byte(strings.Replace(string(res.Body), ">ID<", ">"+id+"<", 1))
	return res, nil
}

// TestSubscribeCut cuts an answer with events at every byte: none of them is
// handed out.
func TestSubscribeCut(t *testing.T) {
	whole := page("c2", "1", "2").response("ID")
	for n := range len(whole.Body) {
		synctest.Test(t, func(t *testing.T) {
			c, s := client(t, begun("c1", "I"), reply{whole: string(whole.Body[:n]) + " "})
			c.transport = &relating{s}
			if got, err := events(t.Context(), c, subscribed, 0); err == nil || len(got) > 0 {
				t.Fatalf("cut at byte %d: events %v, error %v", n, got, err)
			}
		})
	}
}
