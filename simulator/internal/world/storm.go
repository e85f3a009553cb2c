package world

import (
	"slices"
	"time"
)

// A storm is a package that a site's Distribution Manager cannot bring to one
// of the site's own DPs, and retries far too often (Microsoft knowledge base
// article Q319207). Each try writes 2328 and 2302, adds a job to the queue, and
// sends the package's description to every child site, which 2339 tells.

// The pace of a storm: it grows from a try every quarter of an hour to one every
// five minutes.
const (
	stormSlowest = 15 * time.Minute
	stormStep    = 20 * time.Second
	stormFastest = 5 * time.Minute
	// stormTries is how many tries a model's storm has behind it: those of some
	// five hours, in which it came to its full pace.
	stormTries = 31
	// stormJobs is how many of its jobs are in the queue at most.
	stormJobs = 50
)

// storm is the retries of one row.
type storm struct {
	content *content
	tries   uint32
	jobs    []*job // open, oldest first
}

// gap is the time between the latest try and the next.
func (s *storm) gap() time.Duration {
	return max(stormSlowest-time.Duration(max(s.tries, 1)-1)*stormStep, stormFastest)
}

// canStorm tells whether a row can: storms are of a site's own DPs, whose
// content the site sends.
func (c *content) canStorm() bool {
	return c.dp.site == c.dp.site.reporter && !c.unmovable() && !c.removed() && c.storm == nil
}

// seedStorm makes a row one that storms for hours; its latest try was at a
// time.
func (w *World) seedStorm(c *content, latest time.Time) {
	c.obstruct(AccessDenied)
	c.lose(true)
	c.storm = &storm{content: c}
	first := latest
	for past := (storm{}); past.tries < stormTries-1; {
		past.tries++
		first = first.Add(-past.gap())
	}
	for at := first; c.storm.tries < stormTries; at = at.Add(c.storm.gap()) {
		w.try(c.storm, at)
	}
	w.again(c.storm, latest)
}

// retry is a storm's next try. Where there is no obstacle any more it sends the
// content, whose arrival ends the storm; a retry history that was deleted ends
// it too.
func (w *World) retry(s *storm, at time.Time) {
	c := s.content
	if c.storm != s {
		return
	}
	switch {
	case w.forgotten[c]:
		w.calm(c, jobCancelled, at)
		w.move(c, InstallFailed, at)
		w.log(c, at, bad(msgCopyFailed, failureOf(c.cause).win32))
		return
	case c.cause.cured() || c.blocked():
		if c.state != InstallPending {
			w.send(c, actionAdd, at)
		}
	default:
		w.try(s, at)
	}
	w.again(s, at)
}

// again schedules a storm's next try.
func (w *World) again(s *storm, at time.Time) {
	w.after(at, s.gap(), func(at time.Time) { w.retry(s, at) })
}

// try is a try of a storm, which fails.
func (w *World) try(s *storm, at time.Time) {
	c, from := s.content, s.content.dp.site
	s.tries++
	if c.job.open() && !slices.Contains(s.jobs, c.job) {
		s.jobs = append(s.jobs, c.job) // that of a refresh makes it one more
	}
	s.jobs = slices.DeleteFunc(s.jobs, func(j *job) bool { return !j.open() })
	if len(s.jobs) >= stormJobs {
		w.end(s.jobs[0], jobFailed, at)
	}
	j := w.newJob(c, actionAdd, at)
	j.state, j.retries, j.restarts = jobPendingRestart, s.tries, at.Add(s.gap())
	s.jobs = append(s.jobs, j)
	w.move(c, InstallRetrying, at)
	failed := retryOf(c.cause)
	failed.id = msgCopyFailed
	w.log(c, at, failed)
	about := message{at: at, site: from, pkg: c.pkg, version: c.pkg.version}
	about.note = bad(msgProcessFailed, 0)
	w.report(about)
	for _, child := range from.children() {
		about.note, about.child = good(msgToChild), child.code
		w.report(about)
	}
}

// children are the sites below a site.
func (s *site) children() []*site {
	var all []*site
	for _, other := range s.tree.sites {
		if other.parent == s {
			all = append(all, other)
		}
	}
	return all
}

// calm ends a row's storm, if there is one, and the jobs that it made.
func (w *World) calm(c *content, state jobState, at time.Time) {
	if c.storm == nil {
		return
	}
	for _, j := range c.storm.jobs {
		w.end(j, state, at)
	}
	c.storm = nil
}

// Storm makes retry storms of rows from now on, a try every quarter of an hour
// at first and every five minutes in the end, and tells of how many. A row that
// nothing is in the way of gets an obstacle, AccessDenied. Rows on the DPs of
// secondary sites, and content that no resend reaches, do not storm.
func (w *World) Storm(t Target) int {
	now, unlock := w.write()
	defer unlock()
	begun := 0
	for _, c := range w.rows(t) {
		if !c.canStorm() {
			continue
		}
		if c.cause.cured() || c.cause.waits() {
			c.obstruct(AccessDenied)
		}
		c.held = false
		c.storm = &storm{content: c}
		w.try(c.storm, now)
		w.again(c.storm, now)
		begun++
	}
	return begun
}
