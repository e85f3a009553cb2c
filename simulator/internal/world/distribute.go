package world

import (
	"cmp"
	"slices"
	"time"
)

// The course of a distribution, in time. A transfer is queued, runs from a
// quarter of the world's delay on, and has its outcome after the whole of it.
// One that fails is tried once more, a delay later, and then given up.
const (
	// retryGap is how long Distribution Manager waits before it tries a row again
	// that the model made retrying (its default, 30 minutes).
	retryGap = 30 * time.Minute
	// pendingFor is how long a row stays in the queue that the model made pending.
	pendingFor = 10 * time.Minute
	// jobsKept is how long a job that is over stays in the queue.
	jobsKept = time.Hour
)

// refresh is RefreshNow: the same version is sent again to one DP. Asked for at
// a site that is not the DP's own it takes half a delay longer, for
// replication.
func (w *World) refresh(c *content, now time.Time, via *site) {
	c.refreshes++
	c.lastRefresh = now
	if c.unmovable() {
		return
	}
	w.replicate(now, via, c.dp.site.reporter, func(at time.Time) { w.send(c, actionAdd, at) })
}

// replicate runs something at once when it is asked for at the site that does
// it, and after a replication cycle when it is asked for elsewhere.
func (w *World) replicate(now time.Time, from, to *site, run func(at time.Time)) {
	if from == to {
		run(now)
		return
	}
	w.after(now, w.delay/2, run)
}

// update is RefreshPkgSource: a new version is sent to every DP of the package.
func (w *World) update(p *pkg, now time.Time, via *site) {
	p.updates++
	if p.packageType == typeTaskSequence {
		p.damaged = true
		return
	}
	w.replicate(now, via, p.site, func(at time.Time) { w.snapshot(p, at) })
}

// snapshot takes a package's source as its new version and sends it.
func (w *World) snapshot(p *pkg, at time.Time) {
	if p.packageType != typeApplication {
		p.version++
	}
	p.sourceDate, p.lastRefresh = at, at
	w.logPackage(p, at, busy(msgProcessing))
	if p.sourceMissing {
		w.logPackage(p, at, failureOf(SourceMissing))
		w.logPackage(p, at, bad(msgProcessFailed, 0))
	} else {
		w.logPackage(p, at, busy(msgSnapshot))
		w.logPackage(p, at, good(msgProcessed))
	}
	for _, c := range p.rows {
		if p.sourceMissing && c.cause.cured() {
			c.cause = SourceMissing // there is nothing to send, now or on a refresh
		}
		c.lastRefresh = at
		w.send(c, actionUpdate, at)
	}
}

// send queues a transfer. A transfer that still runs is started over.
func (w *World) send(c *content, what action, at time.Time) {
	w.end(c.job, jobCancelled, at)
	j := w.newJob(c, what, at)
	w.move(c, InstallPending, at)
	w.log(c, at, busy(msgQueued))
	w.after(at, w.delay/4, func(at time.Time) {
		if c.job == j && j.open() {
			j.state, j.started, j.updated = jobInProgress, at, at
			w.log(c, at, busy(msgSending))
		}
	})
	w.after(at, w.delay, func(at time.Time) { w.attempt(j, at) })
}

func (w *World) newJob(c *content, what action, at time.Time) *job {
	w.lastJob++
	j := &job{id: w.lastJob, content: c, action: what, state: jobPending, version: c.pkg.version, created: at, updated: at}
	w.jobs = append(w.jobs, j)
	c.job = j
	return j
}

// attempt is the end of a transfer's attempt: it meets its obstacle or not.
func (w *World) attempt(j *job, at time.Time) {
	c := j.content
	if c.job != j || !j.open() {
		return // cancelled, or started over
	}
	switch {
	case c.cause.cured():
		w.install(c, at)
	case j.retries == 0:
		j.retries++
		j.state, j.updated, j.restarts = jobPendingRestart, at, at.Add(w.delay)
		w.move(c, InstallRetrying, at)
		w.log(c, at, retryOf(c.cause))
		w.after(at, w.delay, func(at time.Time) { w.attempt(j, at) })
	default:
		w.end(j, jobFailed, at)
		w.move(c, InstallFailed, at)
		w.log(c, at, failureOf(c.cause))
		w.logPackage(c.pkg, at, bad(msgProcessFailed, 0))
	}
}

// install ends a transfer well.
func (w *World) install(c *content, at time.Time) {
	w.end(c.job, jobComplete, at)
	c.cause = ""
	c.version = c.job.version
	c.lastCopied = at
	w.move(c, Installed, at)
	w.log(c, at, good(msgSent))
	w.log(c, at, good(msgInstalled))
}

// end ends an open job and lets it leave the queue some time later.
func (w *World) end(j *job, state jobState, at time.Time) {
	if !j.open() {
		return
	}
	j.state, j.updated = state, at
	w.after(at, jobsKept, func(time.Time) {
		if i, found := slices.BinarySearchFunc(w.jobs, j.id, func(j *job, id uint64) int { return cmp.Compare(j.id, id) }); found {
			w.jobs = slices.Delete(w.jobs, i, i+1)
		}
	})
}

// move puts content into a state.
func (w *World) move(c *content, state State, at time.Time) {
	c.state, c.summary = state, at
	delete(w.forgotten, c)
}

// verify is VerifyPackage: the DP compares its content with the hash. It cures
// nothing; it finds damage on content that was taken to be installed.
func (w *World) verify(c *content, now time.Time) {
	w.log(c, now, busy(msgCheckQueued))
	w.after(now, w.delay/4, func(at time.Time) {
		if !c.job.open() {
			w.log(c, at, busy(msgChecking))
		}
	})
	w.after(now, w.delay, func(at time.Time) {
		switch {
		case c.job.open(): // a transfer that came in between has the last word
		case c.cause == HashMismatch:
			w.move(c, InstallFailed, at)
			w.log(c, at, failureOf(HashMismatch))
		case c.state == Installed:
			w.log(c, at, good(msgCheckedGood))
		default:
			w.log(c, at, bad(msgCheckFailed, 0))
		}
	})
}

// cancel is CancelDistribution: a transfer that still runs is stopped, which
// leaves the row failed.
func (w *World) cancel(c *content, now time.Time) {
	if c.unmovable() || !c.job.open() {
		return
	}
	w.end(c.job, jobCancelled, now)
	w.move(c, InstallFailed, now)
	w.log(c, now, bad(msgSendFailed, errorCancelled))
}

// seedFailed makes a row one that failed some time ago for a cause. One that is
// held has an older version on the DP; otherwise the DP never had the package.
func (w *World) seedFailed(c *content, cause Cause, at time.Time, held bool) {
	c.cause = cause
	c.pkg.sourceMissing = c.pkg.sourceMissing || cause == SourceMissing
	if held && c.version > 1 {
		c.version--
	} else {
		c.version, c.lastCopied = 0, time.Time{}
	}
	w.move(c, InstallFailed, at)
	w.log(c, at, failureOf(cause))
	w.logPackage(c.pkg, at, bad(msgProcessFailed, 0))
}

// seedRetrying makes a row one that failed lately and is to be tried again.
func (w *World) seedRetrying(c *content, start time.Time) {
	at := start.Add(-time.Minute)
	j := w.newJob(c, actionAdd, at.Add(-2*retryGap))
	j.state, j.retries, j.updated, j.restarts = jobPendingRestart, 3, at, start.Add(retryGap)
	c.cause, c.version, c.lastCopied = Transient, 0, time.Time{}
	w.move(c, InstallRetrying, at)
	w.log(c, at, retryOf(Transient))
	w.after(start, retryGap, func(at time.Time) { w.attempt(j, at) })
}

// seedPending makes a row one that waits in the queue.
func (w *World) seedPending(c *content, start time.Time) {
	at := start.Add(-time.Minute)
	j := w.newJob(c, actionAdd, at)
	c.version, c.lastCopied = 0, time.Time{}
	w.move(c, InstallPending, at)
	w.log(c, at, busy(msgQueued))
	w.after(start, pendingFor, func(at time.Time) { w.attempt(j, at) })
}

// seedState makes a row one in a state whose meaning sources disagree on.
func (w *World) seedState(c *content, state State, at time.Time) {
	w.move(c, state, at)
	if state == ContentMonitoring {
		w.log(c, at, busy(msgChecking))
		return
	}
	w.log(c, at, busy(msgSending))
}
