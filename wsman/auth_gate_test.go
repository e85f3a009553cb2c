package wsman

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
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
