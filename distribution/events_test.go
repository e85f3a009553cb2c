package distribution

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/queries"
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
