package distribution

import (
	"context"
	"fmt"
	"sync"
	"time"

	"dpremote/queries"
	"dpremote/wsman"
)

// rareLook is the pause between two looks at a site that tells of changes by
// itself: an event may be lost with its subscription.
const rareLook = 5 * time.Minute

// bell rings when a site should be looked at, and says whether it still tells
// of changes.
type bell struct {
	rings chan struct{}

	mu   sync.Mutex
	dead bool
}

// newBell is a bell of a site that does not tell of changes.
func newBell() *bell { return &bell{rings: make(chan struct{}, 1), dead: true} }

// ring asks for a look. Rings before that look are one.
func (b *bell) ring() {
	select {
	case b.rings <- struct{}{}:
	default:
	}
}

// wait pauses until the bell rings, or for so long, and reports whether the
// context is still good.
func (b *bell) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
	case <-b.rings:
	}
	return ctx.Err() == nil
}

func (b *bell) isDead() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dead
}

// live says that the site tells of changes, until die.
func (b *bell) live() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dead = false
}

func (b *bell) die() {
	b.mu.Lock()
	b.dead = true
	b.mu.Unlock()
	b.ring()
}

// listen rings at each event about packages, until the context ends or the site
// takes no more subscriptions. What changed is asked for then: an event says
// only that something did.
func listen(ctx context.Context, site *Site, o WatchOptions, ids []queries.PackageID, b *bell) {
	defer b.die()
	query, err := queries.PackageEvents(o.Events, ids...)
	if err != nil {
		o.Warn(site, err)
		return
	}
	// What happened before the subscription, or between two, brings no event.
	s := wsman.Subscription{Namespace: site.Session.Namespace, WQL: query, Subscribed: b.ring}
	for _, err := range site.Session.Client.Subscribe(ctx, s) {
		if err != nil {
			if ctx.Err() == nil {
				o.Warn(site, fmt.Errorf("no events, looking from time to time in their place: %w", err))
			}
			return
		}
		b.ring()
	}
}
