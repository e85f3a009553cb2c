package world

import (
	"slices"
	"strings"
	"time"
)

// Target names rows: those of a package, on a DP, or both. The zero Target names
// every row.
type Target struct {
	Package string // PackageID
	DP      string // FQDN or NAL path
}

// names tells whether the target names a row that is still there.
func (t Target) names(c *content) bool {
	return !c.gone && (t.Package == "" || strings.EqualFold(t.Package, c.pkg.id)) &&
		(t.DP == "" || strings.EqualFold(t.DP, c.dp.name) || strings.EqualFold(t.DP, c.dp.nal))
}

// rows are the rows that a target names.
func (w *World) rows(t Target) []*content {
	if p, ok := w.packages[fold(t.Package)]; ok {
		return filter(p.rows, t)
	}
	return filter(w.contents, t)
}

func filter(all []*content, t Target) []*content {
	var named []*content
	for _, c := range all {
		if t.names(c) {
			named = append(named, c)
		}
	}
	return named
}

// Break puts an obstacle in the way of the next distributions of rows and tells
// of how many. What is installed stays so until then; of damaged content
// (HashMismatch, SiteCopyDamaged) a validation takes note too.
func (w *World) Break(t Target, cause Cause) int {
	now, unlock := w.write()
	defer unlock()
	named := w.rows(t)
	for _, c := range named {
		c.obstruct(cause)
		w.release(c, now)
	}
	return len(named)
}

// Fail is Break, and makes the rows fail at once, or wait where that is what
// the cause does. Rows that are being removed are left alone.
func (w *World) Fail(t Target, cause Cause) int {
	now, unlock := w.write()
	defer unlock()
	failed := 0
	for _, c := range w.rows(t) {
		if c.removed() {
			continue
		}
		failed++
		w.end(c.job, jobFailed, now)
		if cause.waits() {
			w.seedWaiting(c, cause, now)
			continue
		}
		w.seedFailed(c, cause, now, true)
	}
	return failed
}

// Fix removes an obstacle from rows, any when cause is empty, and tells from how
// many. A failed row stays so until it is sent again; one that waits goes on.
//
// Room on a disk is a distribution point's: it is made for all its rows. A
// source that is back (SourceMissing) leaves the site without a copy of the
// content, ContentMissing, until an update takes one.
func (w *World) Fix(t Target, cause Cause) int {
	now, unlock := w.write()
	defer unlock()
	fixed := 0
	for _, c := range w.rows(t) {
		if cause == "" || cause == SourceMissing {
			c.pkg.sourceMissing = false
		}
		if cause == DiskFull || cause == "" && (c.cause == DiskFull || c.dp.limited) {
			fixed += c.dp.makeRoom()
		}
		if c.cause == "" || cause != "" && c.cause != cause {
			continue
		}
		c.cause = ""
		if cause == SourceMissing {
			c.cause = ContentMissing
		}
		fixed++
		w.release(c, now)
	}
	return fixed
}

// makeRoom takes the obstacle of a full disk from all rows of a DP and tells
// from how many.
func (d *dp) makeRoom() int {
	d.limited = false
	freed := 0
	for _, c := range d.rows {
		if c.cause == DiskFull {
			c.cause = ""
			freed++
		}
	}
	return freed
}

// Fill leaves so many KB on the content drives of the DPs whose rows a target
// names, and tells of how many DPs. Content that comes takes of it; content that
// does not fit meets DiskFull. Fix of DiskFull undoes it.
func (w *World) Fill(t Target, leftKB int64) int {
	_, unlock := w.write()
	defer unlock()
	named := w.dpsOf(t)
	for _, d := range named {
		d.limited, d.leftKB = true, min(max(leftKB, 0), d.totalKB)
	}
	return len(named)
}

// Maintain puts the DPs whose rows a target names into maintenance mode, or ends
// it, and tells of how many. What is sent to such a DP waits in the queue.
func (w *World) Maintain(t Target, on bool) int {
	now, unlock := w.write()
	defer unlock()
	changed := 0
	for _, d := range w.dpsOf(t) {
		if on != d.maintenance.IsZero() {
			continue // it is so already
		}
		changed++
		d.maintenance = time.Time{}
		if on {
			d.maintenance = now
		}
		for _, c := range d.rows {
			w.release(c, now)
		}
	}
	return changed
}

// dpsOf are the DPs of the rows that a target names.
func (w *World) dpsOf(t Target) []*dp {
	var named []*dp
	seen := map[*dp]bool{}
	for _, c := range w.rows(t) {
		if !seen[c.dp] {
			seen[c.dp] = true
			named = append(named, c.dp)
		}
	}
	return named
}

// Remove takes content away from DPs and tells of how many rows. They are in
// REMOVAL_PENDING for the length of a distribution, and gone after it.
func (w *World) Remove(t Target) int {
	now, unlock := w.write()
	defer unlock()
	removed := 0
	for _, c := range w.rows(t) {
		if c.removed() {
			continue
		}
		removed++
		w.calm(c, jobCancelled, now)
		w.end(c.job, jobCancelled, now)
		c.cause, c.held = "", false
		w.move(c, RemovalPending, now)
		w.after(now, w.delay, func(time.Time) { c.leave() })
	}
	return removed
}

// leave makes content gone from its DP.
func (c *content) leave() {
	c.gone = true
	here := func(other *content) bool { return other == c }
	c.pkg.rows = slices.DeleteFunc(c.pkg.rows, here)
	c.dp.rows = slices.DeleteFunc(c.dp.rows, here)
}

// Hide makes a site's provider show no securable object (packages, distribution
// points, their status, jobs, status messages), as role-based administration
// does to an account without roles: queries succeed and find nothing. False when
// the site has no provider.
func (w *World) Hide(code string, hidden bool) bool {
	_, unlock := w.write()
	defer unlock()
	s, ok := w.sites[fold(code)]
	if ok {
		s.hidden = hidden
	}
	return ok
}

// Refreshes is how often RefreshNow was put on the rows that a target names.
func (w *World) Refreshes(t Target) int {
	_, unlock := w.read()
	defer unlock()
	total := 0
	for _, c := range w.rows(t) {
		total += c.refreshes
	}
	return total
}

// Updates is how often RefreshPkgSource was called on a package; false when
// there is no such package. On a task sequence each call does harm.
func (w *World) Updates(packageID string) (int, bool) {
	_, unlock := w.read()
	defer unlock()
	p, ok := w.packages[fold(packageID)]
	if !ok {
		return 0, false
	}
	return p.updates, true
}

// Row is what a world knows of one row, for tests.
type Row struct {
	Package, DP, Site string
	State             State
	Cause             Cause
	Refreshes         int
}

// Rows are the rows that a target names, by package and DP.
func (w *World) Rows(t Target) []Row {
	_, unlock := w.read()
	defer unlock()
	var all []Row
	for _, c := range w.rows(t) {
		all = append(all, Row{c.pkg.id, c.dp.name, c.dp.site.code, c.state, c.cause, c.refreshes})
	}
	return all
}
