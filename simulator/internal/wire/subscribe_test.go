package wire

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/wql"
)

func subscribeBody(filter, delivery, rest string) string {
	return `<e:Subscribe xmlns:e="` + nsEventing + `">` + delivery + rest +
		`<w:Filter Dialect="` + dialectWQL + `">` + quote(filter) + `</w:Filter></e:Subscribe>`
}

const (
	pullDelivery = `<e:Delivery xmlns:e="` + nsEventing + `" Mode="` + modePull + `"/>`
	operations   = `SELECT * FROM __InstanceOperationEvent WITHIN 0.01 WHERE TargetInstance ISA 'SMS_DP'`
)

// eventServer is a server of SMS_DP whose instances a test sets.
type eventServer struct {
	*testServer
}

func withEvents(t *testing.T, cfg Config, paths ...string) *eventServer {
	t.Helper()
	s := &eventServer{testServer: serve(t, cfg)}
	s.set(paths...)
	return s
}

// set makes instances of paths, each with the note that follows a colon.
func (s *eventServer) set(paths ...string) {
	r := &wql.Result{Class: dpClass}
	for _, p := range paths {
		path, note, _ := strings.Cut(p, ":")
		in := newDP(path)
		in.Set("Note", note)
		r.Instances = append(r.Instances, in)
	}
	s.provider.mu.Lock()
	defer s.provider.mu.Unlock()
	s.provider.results["SELECT * FROM SMS_DP"] = r
}

// subscribe gives the context and the identifier.
func (s *eventServer) subscribe(t *testing.T, filter, rest string) (context, id string) {
	t.Helper()
	n := s.ask(t, message{action: actionSubscribe, uri: siteURI + "*", body: subscribeBody(filter, pullDelivery, rest)})
	response := n.at("Body", "SubscribeResponse")
	if uri := response.at("SubscriptionManager", "ReferenceProperties", "ResourceURI").Text; uri != siteURI+"*" {
		t.Errorf("the manager's resource is %s", uri)
	}
	return response.at("EnumerationContext").Text, response.at("SubscriptionManager", "ReferenceProperties", "Identifier").Text
}

func pullEvents(context, timeout string) message {
	return message{action: actionPull, uri: siteURI + "*", body: pullBody(context, 100),
		header: "<w:OperationTimeout>" + timeout + "</w:OperationTimeout>"}
}

// happened are the events of a PullResponse: class, key and notes.
func happened(n node) (events []string, context string) {
	response := n.at("Body", "PullResponse")
	for _, e := range response.at("Items").Nodes {
		text := strings.TrimPrefix(e.XMLName.Local, "__Instance") + " " + e.at("TargetInstance", "NALPath").Text
		if e.XMLName.Local == "__InstanceModificationEvent" {
			text += " " + e.at("PreviousInstance", "Note").Text + ">" + e.at("TargetInstance", "Note").Text
		}
		events = append(events, text)
	}
	return events, response.at("EnumerationContext").Text
}

func TestEvents(t *testing.T) {
	for _, c := range []struct {
		name, filter string
		want         []string
	}{
		{"operations", operations, []string{"ModificationEvent a 1>2", "CreationEvent d", "DeletionEvent b"}},
		{"creations", strings.Replace(operations, "Operation", "Creation", 1), []string{"CreationEvent d"}},
		{"modifications", strings.Replace(operations, "Operation", "Modification", 1), []string{"ModificationEvent a 1>2"}},
		{"deletions", strings.Replace(operations, "Operation", "Deletion", 1), []string{"DeletionEvent b"}},
		{"condition", operations + ` AND (TargetInstance.NALPath = 'a' OR TargetInstance.NALPath = 'd')`, []string{"ModificationEvent a 1>2", "CreationEvent d"}},
		{"before", strings.Replace(operations, "Operation", "Modification", 1) + ` AND PreviousInstance.Note = '1'`, []string{"ModificationEvent a 1>2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := withEvents(t, Config{}, "a:1", "b", "c")
			context, _ := s.subscribe(t, c.filter, "")
			s.set("a:2", "c", "d")
			got, next := happened(s.ask(t, pullEvents(context, "PT60S")))
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			if next == context || next == "" {
				t.Errorf("the next context is %q", next)
			}
			// Nothing more: the Pull is timed out, and the context stays good.
			for range 2 {
				f := s.refuse(t, pullEvents(next, "PT0.03S"))
				if f.Subcode != "w:TimedOut" {
					t.Errorf("an idle Pull draws %+v", f)
				}
			}
			if f := s.refuse(t, pullEvents(context, "PT1S")); f.Subcode != "n:InvalidEnumerationContext" {
				t.Errorf("a Pull of the old context draws %+v", f)
			}
		})
	}
}

// TestEventsOfTwoClasses subscribes to two classes by one query.
func TestEventsOfTwoClasses(t *testing.T) {
	s := withEvents(t, Config{}, "a:1")
	other := func(note string) {
		in := newDP("other")
		in.Set("Note", note)
		s.provider.mu.Lock()
		defer s.provider.mu.Unlock()
		s.provider.results["SELECT * FROM SMS_Derived"] = &wql.Result{Class: dpClass, Instances: []*repository.Instance{in}}
	}
	other("1")
	both := strings.Replace(operations, "TargetInstance ISA 'SMS_DP'", "(TargetInstance ISA 'SMS_DP' OR TargetInstance ISA 'SMS_Derived')", 1)
	context, _ := s.subscribe(t, both, "")
	s.set("a:2")
	other("2")
	got, _ := happened(s.ask(t, pullEvents(context, "PT60S")))
	if d := cmp.Diff([]string{"ModificationEvent a 1>2", "ModificationEvent other 1>2"}, got); d != "" {
		t.Error(d)
	}
	wrong := strings.Replace(both, "SMS_Derived", "SMS_Nothing", 1)
	f := s.refuse(t, message{action: actionSubscribe, uri: siteURI + "*", body: subscribeBody(wrong, pullDelivery, "")})
	if f.Value != "s:Receiver" && f.Value != "s:Sender" {
		t.Errorf("a class that is not there draws %+v", f)
	}
	if n := s.Handler.Subscriptions(); n != 1 {
		t.Errorf("%d subscriptions are open", n)
	}
	if n := s.Handler.ForgetSubscriptions(); n != 1 || s.Handler.Subscriptions() != 0 {
		t.Errorf("forgot %d subscriptions, %d are left", n, s.Handler.Subscriptions())
	}
}

// TestEventWhileAPullWaits changes an instance when the Pull is under way.
func TestEventWhileAPullWaits(t *testing.T) {
	s := withEvents(t, Config{}, "a:1")
	context, _ := s.subscribe(t, operations, "")
	done := make(chan []string)
	go func() {
		events, _ := happened(readNode(t, s.post(t, pullEvents(context, "PT60S").text()).body))
		done <- events
	}()
	s.set("a:2")
	if d := cmp.Diff([]string{"ModificationEvent a 1>2"}, <-done); d != "" {
		t.Error(d)
	}
}

func TestUnsubscribe(t *testing.T) {
	s := withEvents(t, Config{}, "a")
	context, id := s.subscribe(t, operations, "")
	end := message{action: actionUnsubscribe, uri: siteURI + "*", body: `<e:Unsubscribe xmlns:e="` + nsEventing + `"/>`,
		header: `<e:Identifier xmlns:e="` + nsEventing + `">` + id + `</e:Identifier>`}
	stranger := s.post(t, end.text(), func(r *http.Request) { r.SetBasicAuth("other", "secret") })
	if f := readFault(t, stranger); f.Subcode != "w:InvalidParameter" {
		t.Errorf("another user's Unsubscribe draws %+v", f)
	}
	waiting := make(chan fault)
	go func() { waiting <- readFault(t, s.post(t, pullEvents(context, "PT60S").text())) }()
	if action := s.ask(t, end).at("Header", "Action").Text; action != actionUnsubscribe+"Response" {
		t.Errorf("answered %s", action)
	}
	if f := <-waiting; f.Subcode != "n:InvalidEnumerationContext" {
		t.Errorf("the Pull that waited drew %+v", f)
	}
	if f := s.refuse(t, end); f.Subcode != "w:InvalidParameter" {
		t.Errorf("the second Unsubscribe draws %+v", f)
	}
}

// TestSubscriptionsEnd lets subscriptions expire, and go silent.
func TestSubscriptionsEnd(t *testing.T) {
	for _, c := range []struct {
		name, delivery, rest string
		after                time.Duration
		want                 string
	}{
		{"alive", pullDelivery, "", time.Hour, "w:TimedOut"},
		{"expired", pullDelivery, `<e:Expires>PT1M</e:Expires>`, 2 * time.Minute, "n:InvalidEnumerationContext"},
		{"silent", strings.Replace(pullDelivery, "/>", "><w:Heartbeats>PT10S</w:Heartbeats></e:Delivery>", 1), "", 11 * time.Second, "n:InvalidEnumerationContext"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var mu sync.Mutex
			now := time.Date(2026, 11, 21, 2, 0, 0, 0, time.UTC)
			s := withEvents(t, Config{Now: func() time.Time {
				mu.Lock()
				defer mu.Unlock()
				return now
			}}, "a")
			n := s.ask(t, message{action: actionSubscribe, uri: siteURI + "*", body: subscribeBody(operations, c.delivery, c.rest)})
			mu.Lock()
			now = now.Add(c.after)
			mu.Unlock()
			if f := s.refuse(t, pullEvents(n.at("Body", "SubscribeResponse", "EnumerationContext").Text, "PT0.02S")); f.Subcode != c.want {
				t.Errorf("a Pull draws %s, want %s", f.Subcode, c.want)
			}
		})
	}
}

func TestSubscribeRefused(t *testing.T) {
	for _, c := range []struct{ name, uri, filter, delivery, rest, want string }{
		{"push", "*", operations, strings.Replace(pullDelivery, modePull, "urn:push", 1), "", "e:DeliveryModeRequestedUnavailable"},
		{"no delivery", "*", operations, "", "", "w:SchemaValidationError"},
		{"no heartbeat", "*", operations, strings.Replace(pullDelivery, "/>", "><w:Heartbeats>soon</w:Heartbeats></e:Delivery>", 1), "", "w:SchemaValidationError"},
		{"no expiry", "*", operations, pullDelivery, "<e:Expires>2027-01-01T00:00:00Z</e:Expires>", "e:InvalidExpirationTime"},
		{"a class's URI", "SMS_DP", operations, pullDelivery, "", "n:CannotProcessFilter"},
		{"no WQL", "*", "SELECT", pullDelivery, "", "n:CannotProcessFilter"},
		{"no WITHIN", "*", strings.Replace(operations, "WITHIN 0.01 ", "", 1), pullDelivery, "", "n:CannotProcessFilter"},
		{"no class", "*", "SELECT * FROM __InstanceCreationEvent WITHIN 1", pullDelivery, "", "n:CannotProcessFilter"},
		{"unknown class", "*", strings.Replace(operations, "SMS_DP", "SMS_Nothing", 1), pullDelivery, "", "n:CannotProcessFilter"},
		{"unknown property", "*", operations + " AND TargetInstance.Nothing = 1", pullDelivery, "", "n:CannotProcessFilter"},
		{"no event class", "*", "SELECT * FROM SMS_DP WITHIN 1 WHERE TargetInstance ISA 'SMS_DP'", pullDelivery, "", "n:CannotProcessFilter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := withEvents(t, Config{}, "a")
			if f := s.refuse(t, message{action: actionSubscribe, uri: siteURI + c.uri, body: subscribeBody(c.filter, c.delivery, c.rest)}); f.Subcode != c.want {
				t.Errorf("draws %+v, want %s", f, c.want)
			}
		})
	}
}

func TestSubscriptionQuota(t *testing.T) {
	s := withEvents(t, Config{}, "a")
	for range maxSubscriptions {
		s.subscribe(t, operations, "")
	}
	f := s.refuse(t, message{action: actionSubscribe, uri: siteURI + "*", body: subscribeBody(operations, pullDelivery, "")})
	if f.Code != "2150859174" {
		t.Errorf("one too many draws %+v", f)
	}
}

// TestEventTime reads TIME_CREATED as a FILETIME.
func TestEventTime(t *testing.T) {
	w := &eventWatch{classes: []*repository.Class{eventClass("__InstanceOperationEvent", "__Event", "SMS_DP")}}
	e := w.event(0, newDP("a"), nil, time.Date(2026, 11, 21, 2, 0, 0, 500, time.UTC))
	if got := e.Get("TIME_CREATED"); got != uint64(134397000000000005) {
		t.Errorf("TIME_CREATED is %v", got)
	}
}
