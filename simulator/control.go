package simulator

import "dpremote/simulator/internal/world"

// Target names rows, a row being one package on one distribution point: those of
// a package, on a distribution point, or both. The zero Target names every row.
type Target struct {
	Package string // PackageID
	DP      string // FQDN or NAL path
}

// Row is the state of one row.
type Row struct {
	Package   string // PackageID
	DP        string // FQDN
	Site      string // the code of the site that the distribution point belongs to
	State     uint32 // SMS_PackageStatusDistPointsSummarizer.State
	Cause     Cause  // the obstacle that the next distribution meets, or empty
	Refreshes int    // how often RefreshNow was put
}

// Break puts an obstacle in the way of the next distributions of rows, and
// answers how many rows. What is installed stays so until then; of
// HashMismatch a validation takes note too.
func (h *Hierarchy) Break(t Target, c Cause) int {
	return h.world.Break(world.Target(t), world.Cause(c))
}

// Fail is Break, and makes the rows INSTALL_FAILED at once.
func (h *Hierarchy) Fail(t Target, c Cause) int { return h.world.Fail(world.Target(t), world.Cause(c)) }

// Fix removes an obstacle from rows, any obstacle when the cause is empty, and
// answers from how many. A failed row stays so until it is sent again.
func (h *Hierarchy) Fix(t Target, c Cause) int { return h.world.Fix(world.Target(t), world.Cause(c)) }

// Refreshes is how often RefreshNow was put on the rows that a target names.
func (h *Hierarchy) Refreshes(t Target) int { return h.world.Refreshes(world.Target(t)) }

// Updates is how often RefreshPkgSource was called on a package; false when
// there is no such package. Each call on a task sequence is a mistake of the
// caller: it would have ruined a real one.
func (h *Hierarchy) Updates(packageID string) (int, bool) { return h.world.Updates(packageID) }

// Rows are the rows that a target names, by package and distribution point.
func (h *Hierarchy) Rows(t Target) []Row {
	var rows []Row
	for _, r := range h.world.Rows(world.Target(t)) {
		rows = append(rows, Row{
			Package: r.Package, DP: r.DP, Site: r.Site,
			State: uint32(r.State), Cause: Cause(r.Cause), Refreshes: r.Refreshes,
		})
	}
	return rows
}
