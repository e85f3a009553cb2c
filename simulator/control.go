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
// HashMismatch and SiteCopyDamaged a validation takes note too.
func (h *Hierarchy) Break(t Target, c Cause) int {
	return h.world.Break(world.Target(t), world.Cause(c))
}

// Fail is Break, and makes the rows INSTALL_FAILED at once; with one of
// WaitingCauses they wait instead, INSTALL_PENDING. Rows that are being removed
// are left alone.
func (h *Hierarchy) Fail(t Target, c Cause) int { return h.world.Fail(world.Target(t), world.Cause(c)) }

// Fix removes an obstacle from rows, any obstacle when the cause is empty, and
// answers from how many. A failed row stays so until it is sent again; one that
// waits goes on at once. Of Closed the schedule opens; the distribution point
// still has it.
//
// DiskFull is removed from all rows of the distribution points that the target's
// rows are on: the room is theirs together, and SMS_DistributionPointDriveInfo
// shows it. SourceMissing brings back the source folder alone: the site has no
// copy of that version yet, so that a resend of what failed for it fails again,
// for ContentMissing, until the package is updated. An empty cause makes up for
// that too.
func (h *Hierarchy) Fix(t Target, c Cause) int { return h.world.Fix(world.Target(t), world.Cause(c)) }

// Fill leaves so many KB free on the content drives of the distribution points
// that the target's rows are on, and answers of how many distribution points.
// From then on content that arrives there takes of that room, and content that
// does not fit fails for DiskFull. Fix of DiskFull undoes it.
func (h *Hierarchy) Fill(t Target, leftKB int64) int { return h.world.Fill(world.Target(t), leftKB) }

// Maintain puts the distribution points that the target's rows are on into
// maintenance mode, or ends it, and answers for how many that changed. The site
// distributes nothing to them meanwhile: what is sent waits in the queue.
func (h *Hierarchy) Maintain(t Target, on bool) int { return h.world.Maintain(world.Target(t), on) }

// Storm begins a retry storm of each row that a target names (knowledge base
// article Q319207), and answers of how many. The site tries the row every
// quarter of an hour at first, and every five minutes after five hours; each try
// fails with messages 2328 and 2302, adds a job to the queue, and sends 2339 for
// every child site. A row with no lasting obstacle gets AccessDenied. Fix ends
// the storm at its next try, or at a resend before that; so does deleting the
// package's retry history in the registry, which leaves the row failed. Rows on
// a secondary site's distribution points take no storm, nor do applications on
// the site server.
//
// A storm that a model asks for has five hours behind it.
func (h *Hierarchy) Storm(t Target) int { return h.world.Storm(world.Target(t)) }

// Remove takes content away from distribution points and answers of how many
// rows. They are REMOVAL_PENDING, and gone after the time of a distribution.
func (h *Hierarchy) Remove(t Target) int { return h.world.Remove(world.Target(t)) }

// Hide makes a site's SMS Provider hide what roles give access to, or show it
// again: packages, distribution points, groups, status, jobs and status messages.
// Queries of them succeed and find nothing, as for an account that role-based
// administration gives nothing; a Get, Put or Invoke finds no such object. The
// sites themselves are shown. False when no such site has a provider.
func (h *Hierarchy) Hide(site string, hidden bool) bool { return h.world.Hide(site, hidden) }

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
