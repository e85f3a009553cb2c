package wsman

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// failing is the error of a read that may be tried again.
func failing(cause error) error {
	return &Error{Op: "get", Endpoint: "http://server", Retry: RetrySafe, Err: cause}
}

// TestAgain says when something is done again, and after how long.
func TestAgain(t *testing.T) {
	busy := func(after time.Duration) error {
		return failing(&HTTPError{Status: http.StatusServiceUnavailable, RetryAfter: after})
	}
	reset := failing(&TransportError{Sent: true, Err: errors.New("reset")})
	tests := []struct {
		name        string
		err         error
		attempt     int
		limit       time.Duration // of the context; 0 is none
		again       bool
		least, most time.Duration
	}{
		{"first", reset, 0, 0, true, 250 * time.Millisecond, 500 * time.Millisecond},
		{"second", reset, 1, 0, true, 500 * time.Millisecond, time.Second},
		{"third", reset, 2, 0, true, time.Second, 2 * time.Second},
		{"attempts are used up", reset, 9, 0, false, 0, 0},
		{"backoff is bounded", reset, 8, 0, true, 15 * time.Second, 30 * time.Second},
		{"the server says when", busy(5 * time.Second), 0, 0, true, 5 * time.Second, 6 * time.Second},
		{"the server says much later", busy(time.Hour), 0, 0, false, 0, 0},
		{"there is no time left", busy(5 * time.Second), 0, 4 * time.Second, false, 0, 0},
		{"silence", failing(ErrNoAnswer), 0, 0, false, 0, 0},
		{"refused credentials", &Error{Err: ErrUnauthorized}, 0, 0, false, 0, 0},
		{"unknown outcome", &Error{Retry: RetryUnknown, Err: errors.New("reset")}, 0, 0, false, 0, 0},
		{"no error of an operation", errors.New("other"), 0, 0, false, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := NewClient(&scripted{t: t}, Options{Retries: 9})
				ctx := t.Context()
				if tt.limit > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.limit)
					defer cancel()
				}
				begin := time.Now()
				if got := c.Again(ctx, tt.err, tt.attempt); got != tt.again {
					t.Errorf("again: %v, want %v", got, tt.again)
				}
				if took := time.Since(begin); took < tt.least || took > tt.most {
					t.Errorf("took %s, want %s to %s", took, tt.least, tt.most)
				}
			})
		})
	}
}

// TestBackoffIsJittered: clients that fail together do not come back together.
func TestBackoffIsJittered(t *testing.T) {
	pauses := map[time.Duration]bool{}
	for range 50 {
		pauses[backoff(time.Second, 3)] = true
	}
	if len(pauses) < 10 {
		t.Errorf("%d different pauses of 50", len(pauses))
	}
}

// TestBudget lets everything fail: after some 20 retries each read is sent once,
// and answers earn retries again.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reset := reply{err: &TransportError{Sent: true, Err: errors.New("reset")}}
		s := &scripted{t: t, replies: slices.Repeat([]reply{reset}, 100)}
		c := NewClient(s, Options{})
		for range 20 {
			if err := get(c); err == nil {
				t.Fatal("no error")
			}
		}
		if got := len(s.sent); got != 20+fullBudget {
			t.Errorf("20 reads sent %d requests, want %d", got, 20+fullBudget)
		}
		s.replies = slices.Repeat([]reply{instance}, 10)
		for range 10 {
			if err := get(c); err != nil {
				t.Fatal(err)
			}
		}
		s.sent, s.replies = nil, []reply{reset, instance}
		if err := get(c); err != nil || len(s.sent) != 2 {
			t.Errorf("after ten answers: %d requests, %v", len(s.sent), err)
		}
	})
}

// TestRefusedOnce never sends what was refused for its credentials again.
func TestRefusedOnce(t *testing.T) {
	s := &scripted{t: t, replies: slices.Repeat([]reply{{status: 401, whole: " "}}, 9)}
	c := NewClient(s, Options{Retries: 5})
	if err := get(c); !errors.Is(err, ErrUnauthorized) || len(s.sent) != 1 {
		t.Errorf("%d requests, %v", len(s.sent), err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	date := now.Format(http.TimeFormat)
	for _, tt := range []struct {
		text, date string
		want       time.Duration
	}{
		{"7", "", 7 * time.Second},
		{now.Add(time.Minute).Format(http.TimeFormat), date, time.Minute},
		{now.Add(-time.Minute).Format(http.TimeFormat), date, 0},
		{now.Add(time.Minute).Format(http.TimeFormat), "", 0}, // by whose clock?
		{"-7", date, 0}, {"soon", date, 0}, {"", date, 0}, {"99999999999999999999", date, 0},
	} {
		h := http.Header{}
		h.Set("Retry-After", tt.text)
		h.Set("Date", tt.date)
		if got := retryAfter(h); got != tt.want {
			t.Errorf("%q at %q: %s, want %s", tt.text, tt.date, got, tt.want)
		}
	}
}

const tooMany = `<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:InternalError</s:Value></s:Subcode></s:Code>` +
	`<s:Reason><s:Text xml:lang="en">too many</s:Text></s:Reason><s:Detail><f:WSManFault Code="2150859240" Machine="S"><f:Message>too many</f:Message></f:WSManFault></s:Detail></s:Fault>`

const tooLarge = `<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>w:EncodingLimit</s:Value></s:Subcode></s:Code>` +
	`<s:Reason><s:Text xml:lang="en">large</s:Text></s:Reason><s:Detail><f:WSManFault Code="2150858824" Machine="S"><f:Message>large</f:Message></f:WSManFault></s:Detail></s:Fault>`

// elements are the MaxElements of the requests that have one.
func (s *scripted) elements() (all []string) {
	for _, r := range s.sent {
		if _, rest, ok := strings.Cut(r.raw, "MaxElements>"); ok {
			n, _, _ := strings.Cut(rest, "<")
			all = append(all, r.Action+" "+n)
		}
	}
	return all
}

// TestSmallerPages: quotas and answers that are too large make pages smaller,
// for the rest of the client's life, and somebody is told.
func TestSmallerPages(t *testing.T) {
	fault := func(body string) reply { return reply{status: 500, body: body} }
	tests := []struct {
		name    string
		replies []reply
		want    []string
		err     error
		notices int
	}{
		{"quota", []reply{fault(tooMany), first("c1", "1"), page("", "2"), first("", "1")},
			[]string{"Enumerate 32000", "Enumerate 1000", "Pull 1000", "Enumerate 1000"}, nil, 2},
		{"quota of a Pull", []reply{first("c1", "1"), fault(tooMany), fault(tooMany), page("", "2"), first("", "1")},
			[]string{"Enumerate 32000", "Pull 32000", "Pull 1000", "Pull 500", "Enumerate 500"}, nil, 4},
		{"too large", []reply{fault(tooLarge), fault(tooLarge), fault(tooLarge), first("", "1"), first("", "1")},
			[]string{"Enumerate 32000", "Enumerate 1000", "Enumerate 100", "Enumerate 10", "Enumerate 10"}, nil, 3},
		{"always too large", []reply{fault(tooLarge), fault(tooLarge), fault(tooLarge), fault(tooLarge), fault(tooLarge), first("", "1")},
			[]string{"Enumerate 32000", "Enumerate 1000", "Enumerate 100", "Enumerate 10", "Enumerate 1", "Enumerate 1"}, ErrTooLarge, 4},
		{"a Pull too large is not repeated", []reply{first("c1", "1"), fault(tooLarge), {}, first("", "1")},
			[]string{"Enumerate 32000", "Pull 32000", "Enumerate 1000"}, ErrTooLarge, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{t: t, replies: tt.replies}
				var notices []string
				c := NewClient(s, Options{Notice: func(text string) { notices = append(notices, text) }})
				if _, err := texts(c, query); !errors.Is(err, tt.err) {
					t.Errorf("error %v, want %v", err, tt.err)
				}
				if _, err := texts(c, query); err != nil {
					t.Errorf("another query: %v", err)
				}
				if d := cmp.Diff(tt.want, s.elements()); d != "" {
					t.Error(d)
				}
				if len(notices) != tt.notices {
					t.Errorf("%d notices: %q", len(notices), notices)
				}
			})
		})
	}
}

// crowd is a server that takes a second for a Get, refuses what is more than it
// takes at once, and counts.
type crowd struct {
	mu                sync.Mutex
	takes, busy, most int
	refused           int
}

func (s *crowd) RoundTrip(_ context.Context, req *Request) (*Response, error) {
	_, rest, _ := strings.Cut(string(req.Body), "<a:MessageID>")
	id, _, _ := strings.Cut(rest, "</a:MessageID>")
	s.mu.Lock()
	s.busy++
	s.most = max(s.most, s.busy)
	full := s.busy > s.takes
	if full {
		s.refused++
	}
	s.mu.Unlock()
	time.Sleep(time.Second) // of the invented clock
	s.mu.Lock()
	s.busy--
	s.mu.Unlock()
	if full {
		return reply{status: 500, body: tooMany}.response(id), nil
	}
	return instance.response(id), nil
}

func (s *crowd) Close() error { return nil }

// TestQuotaLowersConcurrency: after a quota fault fewer requests are under way
// at once, and none is refused any more.
func TestQuotaLowersConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &crowd{takes: 3}
		c := NewClient(s, Options{Retries: 5})
		all := func(n int) {
			var wg sync.WaitGroup
			for range n {
				wg.Go(func() {
					if err := get(c); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
		all(8)
		if s.most != 8 || s.refused == 0 {
			t.Fatalf("%d at once, %d refused", s.most, s.refused)
		}
		s.most, s.refused = 0, 0
		all(20)
		if s.most > s.takes || s.refused > 0 {
			t.Errorf("afterwards %d at once, %d refused", s.most, s.refused)
		}
	})
}

// TestQuotaWaitEnds: who waits for a turn goes with its context, and sent
// nothing.
func TestQuotaWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClient(&crowd{takes: 9}, Options{})
		c.pressure.most = 1
		go func() { _ = get(c) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := c.Put(ctx, c.Schema().EPR("root", "X"), nil)
		var failed *Error
		if !errors.As(err, &failed) || failed.Retry != RetrySafe || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		time.Sleep(2 * time.Second)
	})
}

// TestCutAnswersAreAskedForAgain: a read whose answer was cut is sent again, a
// write is not, and its outcome is unknown.
func TestCutAnswersAreAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := reply{whole: "<s:Envelope" + responseNamespaces + "><s:Hea"}
		s := &scripted{t: t, replies: []reply{cut, instance, cut}}
		c := NewClient(s, Options{})
		if err := get(c); err != nil || len(s.sent) != 2 {
			t.Errorf("Get: %d requests, %v", len(s.sent), err)
		}
		_, err := c.Put(t.Context(), c.Schema().EPR("root", "X"), nil)
		var failed *Error
		if !errors.As(err, &failed) || failed.Retry != RetryUnknown || len(s.sent) != 3 {
			t.Errorf("Put: %d requests, %v", len(s.sent), err)
		}
	})
}

// TestSilentFailure: an empty 500 to an encrypted request is no refusal of clear
// text.
func TestSilentFailure(t *testing.T) {
	for _, encrypted := range []bool{false, true} {
		e := &HTTPError{Status: 500, Encrypted: encrypted}
		if errors.Is(e, ErrUnsealed) == encrypted || errors.Is(e, ErrNotWSMan) {
			t.Errorf("encrypted %v: %v", encrypted, e)
		}
		want := map[bool]Retry{false: RetryUseless, true: RetryUnknown}[encrypted]
		if got := retryOf(fmt.Errorf("x: %w", e), false); got != want {
			t.Errorf("encrypted %v: a Put may be repeated: %s, want %s", encrypted, got, want)
		}
	}
}
