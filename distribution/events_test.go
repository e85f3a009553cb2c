package distribution

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

// asked counts what the sites were asked for.
type asked struct {
	mu                            sync.Mutex
	enumerate, subscribe, release int
}

func (a *asked) note(req *wsman.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for part, n := range map[string]*int{"<n:Enumerate>": &a.enumerate, "<e:Subscribe ": &a.subscribe, "<e:Unsubscribe ": &a.release} {
		if bytes.Contains(req.Body, []byte(part)) {
			*n++
		}
	}
}

// TestBothModesEndAlike refreshes the same rows in two equal worlds, and
// watches one by looking and one by events.
func TestBothModesEndAlike(t *testing.T) {
	watch := func(events time.Duration) (ends map[string]End, count *asked) {
		ends, count = map[string]End{}, &asked{}
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			rows := Merge(w.look("CAS", "PS1", "PS2"))
			Refresh(t.Context(), MakePlan(rows, Rules{Force: true}), PutAuto, nil)
			w.answer = func(_ string, req *wsman.Request) (*wsman.Response, error) {
				count.note(req)
				return nil, nil
			}
			for _, o := range Watch(t.Context(), rows, WatchOptions{Events: events, Warn: func(_ *Site, err error) { t.Error(err) }}) {
				ends[o.Keys.String()] = o.End
			}
		})
		return ends, count
	}
	byLooks, looks := watch(0)
	byEvents, events := watch(5 * time.Second)
	if d := cmp.Diff(byLooks, byEvents); d != "" {
		t.Error(d)
	}
	if len(byLooks) != failedRows {
		t.Errorf("%d rows ended, want %d", len(byLooks), failedRows)
	}
	if looks.subscribe != 0 || events.subscribe != 2 || events.release != 2 {
		t.Errorf("%d subscriptions without events; with them %d, of which %d were ended", looks.subscribe, events.subscribe, events.release)
	}
}

// TestEventsWakeAWatch fails a row while looks are rare: the event tells, not
// the next look.
func TestEventsWakeAWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		v, err := Look(t.Context(), w.site("PS1"), LookFor{Filter: queries.Filter{States: []queries.State{queries.StatePending}}})
		if err != nil {
			t.Fatal(err)
		}
		rows := Merge([]*View{v})
		began := time.Now()
		go func() {
			time.Sleep(90 * time.Second) // of invented time
			Refresh(t.Context(), MakePlan(rows, Rules{Force: true}), PutAuto, nil)
		}()
		out := Watch(t.Context(), rows, WatchOptions{Events: 2 * time.Second})
		if out[0].End != EndInstalled || time.Since(began) > 2*time.Minute {
			t.Errorf("ended %s after %s", out[0].End, time.Since(began))
		}
	})
}

// TestSameSequenceInBothModes plays the same changes in two equal worlds: some
// rows are sent again while others are left alone, a disk is cleared and its
// rows follow, and the last stay as they are until the deadline.
func TestSameSequenceInBothModes(t *testing.T) {
	type end struct {
		End   End
		State queries.State
		Moved bool
		Cause string
	}
	watch := func(events time.Duration) map[string]end {
		ends := map[string]end{}
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			rows := Merge(w.look("CAS", "PS1", "PS2"))
			send := func(causes ...string) {
				var some []Row
				for _, r := range rows {
					if slices.Contains(causes, r.Why) {
						some = append(some, r)
					}
				}
				if len(some) == 0 {
					t.Errorf("no row failed for %v", causes)
				}
				Refresh(t.Context(), MakePlan(some, Rules{Force: true}), PutAuto, nil)
			}
			go func() {
				time.Sleep(70 * time.Second) // of invented time
				send("interrupted")
				time.Sleep(5 * time.Minute)
				w.hierarchy.Fix(simulator.Target{}, simulator.DiskFull)
				send("disk-full")
				time.Sleep(time.Minute)
				send("source-missing")
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
			defer cancel()
			for _, o := range Watch(ctx, rows, WatchOptions{Settled: true, Events: events, Warn: func(_ *Site, err error) { t.Error(err) }}) {
				ends[o.Keys.String()] = end{o.End, o.State, o.Moved, o.Why}
			}
		})
		return ends
	}
	byLooks, byEvents := watch(0), watch(5*time.Second)
	if d := cmp.Diff(byLooks, byEvents); d != "" {
		t.Error(d)
	}
	counts := map[End]int{}
	for _, e := range byLooks {
		counts[e.End]++
	}
	if d := cmp.Diff(map[End]int{EndInstalled: 11, EndFailed: 1, EndOpen: 1}, counts); d != "" {
		t.Error(d)
	}
}

// TestSubscriptionsEnd counts the subscriptions that are open at the sites
// while rows are watched, and after that.
func TestSubscriptionsEnd(t *testing.T) {
	for _, how := range []string{"done", "interrupted", "deadline"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				rows := Merge(w.look("PS1", "PS2"))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				switch how {
				case "done":
					Refresh(t.Context(), MakePlan(rows, Rules{Force: true}), PutAuto, nil)
				case "deadline":
					ctx, cancel = context.WithTimeout(ctx, 10*time.Second)
					defer cancel()
				}
				go func() {
					time.Sleep(3 * time.Second) // of invented time
					if n := w.hierarchy.Subscriptions(); n != 2 {
						t.Errorf("%d subscriptions while two sites are watched", n)
					}
					if how == "interrupted" {
						cancel()
					}
				}()
				Watch(ctx, rows, WatchOptions{Events: time.Second, Warn: func(_ *Site, err error) { t.Error(err) }})
				if n := w.hierarchy.Subscriptions(); n != 0 {
					t.Errorf("%d subscriptions are left", n)
				}
			})
		})
	}
}

// TestSubscriptionForgotten starts the sites' service anew while rows are
// watched, and changes them later: that is told by new subscriptions, well
// before the next look.
func TestSubscriptionForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := Merge(w.look("PS2"))
		began := time.Now()
		go func() {
			for range 3 {
				time.Sleep(90 * time.Second) // of invented time
				if w.hierarchy.ForgetSubscriptions() != 1 {
					t.Error("there was no subscription to forget")
				}
			}
			time.Sleep(20 * time.Second)
			Refresh(t.Context(), MakePlan(rows, Rules{Force: true}), PutAuto, nil)
		}()
		for _, o := range Watch(t.Context(), rows, WatchOptions{Events: 2 * time.Second, Warn: func(_ *Site, err error) { t.Error(err) }}) {
			if o.End != EndInstalled && o.End != EndFailed {
				t.Errorf("%s ended %s", o.Keys, o.End)
			}
		}
		if took := time.Since(began); took > 10*time.Minute {
			t.Errorf("took %s", took)
		}
	})
}

// TestEventOfADeletedRow has a row deleted: the event alone makes the watch look,
// and the row counts as gone once two looks have not found it.
func TestEventOfADeletedRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		rows := Merge(w.look("PS2"))[:1]
		began := time.Now()
		const deleted = 90 * time.Second
		told := false
		w.answer = func(_ string, req *wsman.Request) (*wsman.Response, error) {
			body := string(req.Body)
			if time.Since(began) < deleted {
				return nil, nil
			}
			switch {
			case strings.Contains(body, "FROM SMS_PackageStatusDistPointsSummarizer WHERE"):
				return related(body, emptyAnswer), nil
			case strings.Contains(body, "<n:Pull>") && !told:
				told = true
				return related(body, strings.Replace(deletion, "CONTEXT", between(body, "<n:EnumerationContext>", "<"), 1)), nil
			}
			return nil, nil
		}
		out := Watch(t.Context(), rows, WatchOptions{Events: 20 * time.Second, Warn: func(_ *Site, err error) { t.Error(err) }})
		took := time.Since(began)
		if out[0].End != EndGone || !told || took < deleted || took > deleted+2*time.Minute {
			t.Errorf("ended %s after %s, told %v", out[0].End, took, told)
		}
	})
}

// deletion is an answer to a Pull with the event of a row that is no more.
const deletion = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"` +
	` xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"><s:Header><a:RelatesTo>ID</a:RelatesTo></s:Header>` +
	`<s:Body><n:PullResponse><n:EnumerationContext>CONTEXT</n:EnumerationContext><n:Items><p:__InstanceDeletionEvent xmlns:p="urn:p">` +
	`<p:TargetInstance/></p:__InstanceDeletionEvent></n:Items></n:PullResponse></s:Body></s:Envelope>`

// related is an answer to a request.
func related(request, answer string) *wsman.Response {
	id := between(request, "<a:MessageID>", "<")
	return &wsman.Response{Status: 200, ContentType: "application/soap+xml", Body: []byte(strings.Replace(answer, "ID</a:RelatesTo>", id+"</a:RelatesTo>", 1))}
}

func between(text, start, end string) string {
	_, rest, _ := strings.Cut(text, start)
	found, _, _ := strings.Cut(rest, end)
	return found
}

// TestEventsRefused has a site that takes no subscriptions, and one that loses
// them on the way: the watch goes on by looking.
func TestEventsRefused(t *testing.T) {
	tests := map[string]struct{ status int }{"refused": {500}, "lost": {0}}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				rows := Merge(w.look("PS2"))
				Refresh(t.Context(), MakePlan(rows, Rules{Force: true}), PutAuto, nil)
				w.answer = func(_ string, req *wsman.Request) (*wsman.Response, error) {
					switch {
					case !bytes.Contains(req.Body, []byte("<e:Subscribe ")):
						return nil, nil
					case tt.status == 0:
						return nil, &wsman.TransportError{Sent: true, Err: errors.New("connection reset")}
					}
					return &wsman.Response{Status: tt.status, ContentType: "application/soap+xml", Body: []byte(schemaFault)}, nil
				}
				warned := 0
				for _, o := range Watch(t.Context(), rows, WatchOptions{Events: time.Second, Warn: func(*Site, error) { warned++ }}) {
					if o.End != EndInstalled && o.End != EndFailed {
						t.Errorf("%s ended %s", o.Keys, o.End)
					}
				}
				if warned != 1 {
					t.Errorf("warned %d times", warned)
				}
			})
		})
	}
}
