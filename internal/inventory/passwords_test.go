package inventory

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// blocking gives an environment whose variables are there once release is
// closed, and counts the look-ups.
func blocking(values map[string]string) (env Env, release chan struct{}, lookups *atomic.Int32) {
	release, lookups = make(chan struct{}), &atomic.Int32{}
	return Env{Getenv: func(name string) string {
		lookups.Add(1)
		<-release
		return values[name]
	}}, release, lookups
}

func TestPasswordsResolveOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env, release, lookups := blocking(map[string]string{"A": "hunter2", "B": "other"})
		passwords := &Passwords{Env: env}
		var done sync.WaitGroup
		for _, variable := range []string{"A", "B"} {
			for range 20 {
				done.Go(func() {
					got, err := passwords.Resolve(t.Context(), envSource(variable))
					want := map[string]string{"A": "hunter2", "B": "other"}[variable]
					if err != nil || got.Reveal() != want {
						t.Errorf("%s: got %q and the error %v, want %q", variable, got.Reveal(), err, want)
					}
				})
			}
		}
		synctest.Wait()
		close(release)
		done.Wait()
		if _, err := passwords.Resolve(t.Context(), envSource("A")); err != nil {
			t.Error(err)
		}
		if got := lookups.Load(); got != 2 {
			t.Errorf("got %d look-ups, want one for each of 2 sources", got)
		}
	})
}

func TestPasswordsKeepFailure(t *testing.T) {
	var lookups int
	passwords := &Passwords{Env: Env{Getenv: func(string) string { lookups++; return "" }}}
	for range 3 {
		if _, err := passwords.Resolve(t.Context(), envSource("A")); err == nil || !strings.Contains(err.Error(), "unset") {
			t.Errorf("got %v, want it to say that the variable is unset", err)
		}
	}
	if lookups != 1 {
		t.Errorf("got %d look-ups, want 1", lookups)
	}
}

// One caller's end is not the others'.
func TestPasswordsCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env, release, lookups := blocking(map[string]string{"A": "hunter2"})
		passwords := &Passwords{Env: env}
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() {
			if _, err := passwords.Resolve(ctx, envSource("A")); !errors.Is(err, context.Canceled) {
				t.Errorf("the caller who left: got %v, want context.Canceled", err)
			}
		})
		synctest.Wait()
		done.Go(func() {
			got, err := passwords.Resolve(t.Context(), envSource("A"))
			if err != nil || got.Reveal() != "hunter2" {
				t.Errorf("the caller who stayed: got %q and the error %v", got.Reveal(), err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(release)
		done.Wait()
		if got := lookups.Load(); got != 1 {
			t.Errorf("got %d look-ups, want 1", got)
		}
	})
}

// After the last caller has left, the next one does not inherit what was
// stopped for them.
func TestPasswordsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env, release, lookups := blocking(map[string]string{"A": "hunter2"})
		passwords := &Passwords{Env: env}
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() {
			if _, err := passwords.Resolve(ctx, envSource("A")); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v, want context.Canceled", err)
			}
		})
		synctest.Wait()
		cancel()
		done.Wait()
		close(release)
		got, err := passwords.Resolve(t.Context(), envSource("A"))
		if err != nil || got.Reveal() != "hunter2" {
			t.Errorf("got %q and the error %v, want hunter2", got.Reveal(), err)
		}
		if got := lookups.Load(); got != 2 {
			t.Errorf("got %d look-ups, want 2", got)
		}
	})
}

func TestPasswordsEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	passwords := &Passwords{Env: Env{Getenv: func(string) string { t.Error("looked up all the same"); return "x" }}}
	if _, err := passwords.Resolve(ctx, envSource("A")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// Known passwords have no source to share: each keeps its own.
func TestPasswordsKnown(t *testing.T) {
	var passwords Passwords
	for _, secret := range []string{"one", "two"} {
		got, err := passwords.Resolve(t.Context(), KnownPassword("a prompt", NewPassword(secret)))
		if err != nil || got.Reveal() != secret {
			t.Errorf("got %q and the error %v, want %q", got.Reveal(), err, secret)
		}
	}
	if _, err := passwords.Resolve(t.Context(), PasswordSource{}); err == nil {
		t.Error("no source: got no error")
	}
}
