package simulator

import "dpremote/simulator/internal/wire"

// Subscriptions is how many subscriptions to events are open at all sites.
func (h *Hierarchy) Subscriptions() int {
	return h.sum((*wire.Handler).Subscriptions)
}

// ForgetSubscriptions forgets all open subscriptions, as a WinRM service that
// is started anew does, and answers how many there were.
func (h *Hierarchy) ForgetSubscriptions() int {
	return h.sum((*wire.Handler).ForgetSubscriptions)
}

func (h *Hierarchy) sum(of func(*wire.Handler) int) (n int) {
	for _, s := range h.services {
		n += of(s)
	}
	return n
}
