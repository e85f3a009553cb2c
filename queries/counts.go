package queries

// Counts are the distribution points that a package is meant for, by how far
// they are.
type Counts struct {
	Targeted  uint32 `cim:"Targeted"`  // that should hold the package
	Installed uint32 `cim:"Installed"` // that hold its current version
	Retrying  uint32 `cim:"Retrying"`  // that failed and are tried again
	Failed    uint32 `cim:"Failed"`    // that failed and are given up
}

// Other is how many are in none of the three states: pending as a rule, or
// being updated or removed.
func (c Counts) Other() uint32 {
	known := uint64(c.Installed) + uint64(c.Retrying) + uint64(c.Failed)
	if known >= uint64(c.Targeted) {
		return 0
	}
	return c.Targeted - uint32(known)
}

// Done tells whether every distribution point holds the package. A package
// without source files is meant for none, and done.
func (c Counts) Done() bool { return c.Installed >= c.Targeted && c.Retrying == 0 && c.Failed == 0 }

// In is how many are in a state, as far as counts can tell: every state but
// the three that are counted is one of Other. Counts do not tell what is stale
// or stuck.
func (c Counts) In(s State) uint32 {
	switch s {
	case StateInstalled:
		return c.Installed
	case StateRetrying:
		return c.Retrying
	case StateFailed:
		return c.Failed
	case StateStale, StateStuck:
		return 0
	}
	return c.Other()
}
