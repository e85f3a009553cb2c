package world

import "strings"

// Target names rows: those of a package, on a DP, or both. The zero Target names
// every row.
type Target struct {
	Package string // PackageID
	DP      string // FQDN or NAL path
}

func (t Target) names(c *content) bool {
	return (t.Package == "" || strings.EqualFold(t.Package, c.pkg.id)) &&
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
// (HashMismatch) a validation takes note too.
func (w *World) Break(t Target, cause Cause) int {
	_, unlock := w.write()
	defer unlock()
	named := w.rows(t)
	for _, c := range named {
		c.cause = cause
		c.pkg.sourceMissing = c.pkg.sourceMissing || cause == SourceMissing
	}
	return len(named)
}

// Fail is Break, and makes the rows fail at once.
func (w *World) Fail(t Target, cause Cause) int {
	now, unlock := w.write()
	defer unlock()
	named := w.rows(t)
	for _, c := range named {
		w.end(c.job, jobFailed, now)
		w.seedFailed(c, cause, now, true)
	}
	return len(named)
}

// Fix removes an obstacle from rows, any when cause is empty, and tells from how
// many. A failed row stays so until it is sent again.
func (w *World) Fix(t Target, cause Cause) int {
	_, unlock := w.write()
	defer unlock()
	fixed := 0
	for _, c := range w.rows(t) {
		if cause == "" || cause == SourceMissing {
			c.pkg.sourceMissing = false
		}
		if c.cause == "" || cause != "" && c.cause != cause {
			continue
		}
		c.cause = ""
		fixed++
	}
	return fixed
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
