package sweep

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sleep waits by the test's clock, or until the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestRunKeepsOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		items := []int{5, 1, 4, 2, 3}
		results := Run(t.Context(), Options[int]{Parallel: 5}, items, func(ctx context.Context, n int) (string, error) {
			return fmt.Sprint("v", n), sleep(ctx, time.Duration(n)*time.Second)
		})
		want := []Result[int, string]{
			{Index: 0, Item: 5, Value: "v5"}, {Index: 1, Item: 1, Value: "v1"}, {Index: 2, Item: 4, Value: "v4"},
			{Index: 3, Item: 2, Value: "v2"}, {Index: 4, Item: 3, Value: "v3"},
		}
		if diff := cmp.Diff(want, results); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
	})
}

func TestStreamYieldsAsTheyFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		var got []string
		for r := range Stream(t.Context(), Options[int]{Parallel: 5}, []int{5, 1, 4, 2, 3}, func(ctx context.Context, n int) (int, error) {
			return n, sleep(ctx, time.Duration(n)*time.Second)
		}) {
			got = append(got, fmt.Sprint(r.Value, " at ", time.Since(begin)))
		}
		want := []string{"1 at 1s", "2 at 2s", "3 at 3s", "4 at 4s", "5 at 5s"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestRunIsBounded(t *testing.T) {
	tests := []struct {
		name     string
		parallel int
		items    int
		want     int32
		takes    time.Duration
	}{
		{"one at a time", 1, 6, 1, 6 * time.Second},
		{"three at a time", 3, 6, 3, 2 * time.Second},
		{"more slots than items", 100, 6, 6, time.Second},
		{"default", 0, 3 * DefaultParallel, DefaultParallel, 3 * time.Second},
		{"negative is default", -1, 2 * DefaultParallel, DefaultParallel, 2 * time.Second},
		{"nothing", 3, 0, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var running, most atomic.Int32
				begin := time.Now()
				results := Run(t.Context(), Options[int]{Parallel: tt.parallel}, make([]int, tt.items), func(ctx context.Context, _ int) (int, error) {
					now := running.Add(1)
					defer running.Add(-1)
					for {
						seen := most.Load()
						if now <= seen || most.CompareAndSwap(seen, now) {
							break
						}
					}
					return 0, sleep(ctx, time.Second)
				})
				if len(results) != tt.items {
					t.Errorf("got %d results, want %d", len(results), tt.items)
				}
				if got := most.Load(); got != tt.want {
					t.Errorf("got %d at a time, want %d", got, tt.want)
				}
				if got := time.Since(begin); got != tt.takes {
					t.Errorf("took %s, want %s", got, tt.takes)
				}
			})
		})
	}
}

func TestRunFailureIsItsOwn(t *testing.T) {
	boom := errors.New("boom")
	results := Run(t.Context(), Options[int]{Parallel: 2}, []int{0, 1, 2, 3, 4}, func(ctx context.Context, n int) (int, error) {
		switch n {
		case 1:
			return 100, boom // a partial result
		case 2:
			panic("bug in two")
		case 3:
			runtime.Goexit()
		}
		return n, ctx.Err()
	})
	for _, i := range []int{0, 4} {
		if results[i].Err != nil || results[i].Value != i {
			t.Errorf("item %d: got %d and the error %v", i, results[i].Value, results[i].Err)
		}
	}
	if results[1].Value != 100 || !errors.Is(results[1].Err, boom) {
		t.Errorf("item 1: got %d and the error %v, want the partial result and boom", results[1].Value, results[1].Err)
	}
	var p *PanicError
	if !errors.As(results[2].Err, &p) {
		t.Fatalf("item 2: got the error %v, want a PanicError", results[2].Err)
	}
	if p.Error() != "panic: bug in two" || !strings.Contains(string(p.Stack), "TestRunFailureIsItsOwn") {
		t.Errorf("item 2: got %q and this stack:\n%s", p, p.Stack)
	}
	if !errors.Is(results[3].Err, errNoReturn) {
		t.Errorf("item 3: got the error %v, want %v", results[3].Err, errNoReturn)
	}
}

func TestRunCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("interrupted")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1500*time.Millisecond, func() { cancel(why) })
		var started atomic.Int32
		results := Run(ctx, Options[int]{Parallel: 2}, make([]int, 8), func(ctx context.Context, _ int) (int, error) {
			started.Add(1)
			return 1, sleep(ctx, time.Second)
		})
		var got []string
		for _, r := range results {
			switch {
			case errors.Is(r.Err, ErrNotStarted) && errors.Is(r.Err, why):
				got = append(got, "not started")
			case errors.Is(r.Err, context.Canceled):
				got = append(got, "cancelled")
			case r.Err == nil:
				got = append(got, "done")
			default:
				got = append(got, r.Err.Error())
			}
		}
		want := []string{"done", "done", "cancelled", "cancelled", "not started", "not started", "not started", "not started"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("results (-want +got):\n%s", diff)
		}
		if got := started.Load(); got != 4 {
			t.Errorf("started %d items, want 4", got)
		}
	})
}

func TestRunContextEndedBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range Run(ctx, Options[int]{}, make([]int, 20), func(context.Context, int) (int, error) {
		t.Error("an item was started")
		return 0, nil
	}) {
		if !errors.Is(r.Err, ErrNotStarted) || !errors.Is(r.Err, context.Canceled) {
			t.Errorf("item %d: got %v, want ErrNotStarted and context.Canceled", r.Index, r.Err)
		}
	}
}

func TestRunTimeout(t *testing.T) {
	perItem := func(d time.Duration) time.Duration { return d }
	tests := []struct {
		name     string
		timeout  func(time.Duration) time.Duration
		deadline time.Duration
		item     time.Duration
		takes    time.Duration
		want     string
		timedOut bool
	}{
		{"within its time", func(time.Duration) time.Duration { return 11 * time.Second }, time.Hour, 0, 10 * time.Second, "", false},
		{"past its time", perItem, time.Hour, 3 * time.Second, 3 * time.Second, "timed out after 3s: context deadline exceeded", true},
		{"no bound of its own", perItem, time.Hour, 0, 10 * time.Second, "", false},
		{"negative is no bound", perItem, time.Hour, -1, 10 * time.Second, "", false},
		{"no timeouts", nil, time.Hour, time.Second, 10 * time.Second, "", false},
		{"the sweep's deadline", perItem, 2 * time.Second, 3 * time.Second, 2 * time.Second, "context deadline exceeded", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
				defer cancel()
				begin := time.Now()
				r := Run(ctx, Options[time.Duration]{Timeout: tt.timeout}, []time.Duration{tt.item}, func(ctx context.Context, _ time.Duration) (int, error) {
					return 1, sleep(ctx, 10*time.Second)
				})[0]
				var got string
				if r.Err != nil {
					got = r.Err.Error()
				}
				if got != tt.want || errors.Is(r.Err, ErrTimedOut) != tt.timedOut {
					t.Errorf("got the error %q, want %q", got, tt.want)
				}
				if got := time.Since(begin); got != tt.takes {
					t.Errorf("took %s, want %s", got, tt.takes)
				}
			})
		})
	}
}

// An error that tells of the timeout itself is not told it again.
func TestRunTimeoutCauseOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options[int]{Timeout: func(int) time.Duration { return time.Second }}
		r := Run(t.Context(), o, []int{0}, func(ctx context.Context, _ int) (int, error) {
			<-ctx.Done()
			return 0, fmt.Errorf("query: %w", context.Cause(ctx))
		})[0]
		if got, want := fmt.Sprint(r.Err), "query: timed out after 1s"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// A consumer that stops early ends what is under way and starts nothing more.
func TestStreamStopsEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var started, ended atomic.Int32
		begin := time.Now()
		for r := range Stream(t.Context(), Options[int]{Parallel: 3}, []int{1, 10, 20, 30, 40}, func(ctx context.Context, n int) (int, error) {
			started.Add(1)
			defer ended.Add(1)
			return n, sleep(ctx, time.Duration(n)*time.Second)
		}) {
			if r.Value != 1 {
				t.Errorf("got %d first, want 1", r.Value)
			}
			break
		}
		if got := time.Since(begin); got != time.Second {
			t.Errorf("took %s, want 1s", got)
		}
		// The first item's slot may have been filled before the loop ended.
		if s, e := started.Load(), ended.Load(); s != e || s < 3 || s > 4 {
			t.Errorf("started %d and ended %d items, want the same number, 3 or 4", s, e)
		}
	})
}

func TestStreamMayBeUsedAgain(t *testing.T) {
	var calls atomic.Int32
	seq := Stream(t.Context(), Options[int]{}, []int{1, 2}, func(context.Context, int) (int, error) {
		calls.Add(1)
		return 0, nil
	})
	for range 2 {
		for r := range seq {
			if r.Err != nil {
				t.Error(r.Err)
			}
		}
	}
	if got := calls.Load(); got != 4 {
		t.Errorf("got %d calls, want 4", got)
	}
}

func ExampleRun() {
	sites := []string{"PS1", "PS2"}
	results := Run(context.Background(), Options[string]{Parallel: 4}, sites, func(_ context.Context, site string) (int, error) {
		if site == "PS2" {
			return 0, errors.New("no answer")
		}
		return 12, nil
	})
	for _, r := range results {
		fmt.Println(r.Item, r.Value, r.Err)
	}
	// Output:
	// PS1 12 <nil>
	// PS2 0 no answer
}
