package wsman

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// While a password is unproven, the second waits for the first's verdict.
func TestGateWaits(t *testing.T) {
	tests := []struct {
		name    string
		first   verdict
		refused bool // the second
	}{{"accepted", accepted, false}, {"refused", refused, true}, {"unknown", unknown, false}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate()
				leave, err := g.enter(t.Context(), "a")
				if err != nil {
					t.Fatal(err)
				}
				second := make(chan error, 1)
				go func() {
					leave, err := g.enter(t.Context(), "b")
					if err == nil {
						leave(unknown)
					}
					second <- err
				}()
				synctest.Wait()
				if len(second) != 0 {
					t.Error("the second did not wait")
				}
				leave(tt.first)
				if err := <-second; errors.Is(err, ErrUnauthorized) != tt.refused || !tt.refused && err != nil {
					t.Errorf("the second: %v", err)
				}
			})
		})
	}
}

// A proven password is tried by many at once.
func TestGateOpens(t *testing.T) {
	g := newGate()
	leave, err := g.enter(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	leave(accepted)
	first, err := g.enter(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	second, err := g.enter(t.Context(), "b")
	if err != nil {
		t.Fatal(err)
	}
	first(accepted)
	second(refused)
	if _, err := g.enter(t.Context(), "b"); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("the server that refused: %v", err)
	}
	if _, err := g.enter(t.Context(), "a"); err != nil {
		t.Errorf("the server that accepted: %v", err)
	}
}

// A password that was changed while the process runs is refused twice, however
// many servers have accepted it before. A server that alone refuses it stops
// nobody else.
func TestGateDoubtsWhatIsOld(t *testing.T) {
	for _, changed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			g := newGate()
			try := func(server string, v verdict) bool {
				leave, err := g.enter(t.Context(), server)
				if err == nil {
					leave(v)
				}
				return err == nil
			}
			servers := []string{"a", "b", "c", "d"}
			for _, s := range servers {
				if !try(s, accepted) {
					t.Fatal(s)
				}
			}
			if try("stranger", refused); !try("a", accepted) {
				t.Fatal("a server that never accepted counts for others")
			}
			time.Sleep(5 * time.Minute)
			// One at a time again, though it was accepted.
			leave, err := g.enter(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			var tried atomic.Int32
			var all sync.WaitGroup
			for _, s := range servers[1:] {
				all.Go(func() {
					verdict := accepted
					if changed {
						verdict = refused
					}
					if try(s, verdict) {
						tried.Add(1)
					}
				})
			}
			synctest.Wait()
			if tried.Load() != 0 {
				t.Error("the others did not wait")
			}
			leave(refused)
			all.Wait()
			if want := map[bool]int32{true: 1, false: 3}[changed]; tried.Load() != want {
				t.Errorf("changed %v: %d others tried, want %d", changed, tried.Load(), want)
			}
			for _, s := range servers {
				if entered := try(s, unknown); entered != (!changed && s != "a") {
					t.Errorf("changed %v: later %s tries: %v", changed, s, entered)
				}
			}
		})
	}
}

// Many connections that were under way when the password was changed are one
// server's refusal.
func TestGateCountsServers(t *testing.T) {
	g := newGate()
	var leaves []func(verdict)
	for range 4 {
		leave, err := g.enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		leaves = append(leaves, leave)
		if len(leaves) == 1 {
			leave(accepted)
		}
	}
	for _, leave := range leaves[1:] {
		leave(refused)
	}
	if _, err := g.enter(t.Context(), "b"); err != nil {
		t.Errorf("another server is not asked: %v", err)
	}
}

func TestGateCancelled(t *testing.T) {
	g := newGate()
	if _, err := g.enter(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.enter(ctx, "b"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
