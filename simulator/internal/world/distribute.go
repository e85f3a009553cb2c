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
	if c.unmovable() || c.removed() {
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
		if c.removed() {
			continue
		}
		switch {
		case p.sourceMissing && (c.cause.cured() || c.cause.renewed()):
			c.cause = SourceMissing // there is nothing to send, now or on a refresh
		case c.cause.renewed():
			c.cause = ""
		}
		c.lastRefresh = at
		w.send(c, actionUpdate, at)
	}
}

// send queues a transfer. A transfer that still runs is started over.
func (w *World) send(c *content, what action, at time.Time) {
	if c.removed() {
		return
	}
	w.end(c.job, jobCancelled, at)
	if c.blocked() {
		w.hold(c, what, at)
		return
	}
	c.held = false
	j := w.newJob(c, what, at)
	w.move(c, InstallPending, at)
	w.log(c, at, busy(msgQueued))
	w.start(j, at)
}

// start lets a queued transfer run.
func (w *World) start(j *job, at time.Time) {
	c := j.content
	w.after(at, w.delay/4, func(at time.Time) {
		if c.job == j && j.open() {
			j.state, j.started, j.updated = jobInProgress, at, at
			w.log(c, at, busy(msgSending))
		}
	})
	w.after(at, w.delay, func(at time.Time) { w.attempt(j, at) })
}

// hold keeps content waiting that may not be sent now. Its transfer stays in
// the queue, but where the content itself is waited for there is none.
func (w *World) hold(c *content, what action, at time.Time) {
	c.held = true
	w.move(c, InstallPending, at)
	if n, ok := waitOf(c.cause); ok {
		w.end(c.job, jobCancelled, at)
		w.log(c, at, n)
		return
	}
	if !c.job.open() {
		w.newJob(c, what, at)
		w.log(c, at, busy(msgQueued))
		return
	}
	c.job.state, c.job.updated, c.job.restarts = jobPending, at, time.Time{}
}

// release lets held content go on where nothing holds it any more.
func (w *World) release(c *content, at time.Time) {
	if !c.held || c.blocked() {
		return
	}
	c.held = false
	if c.job.open() {
		w.start(c.job, at)
		return
	}
	w.send(c, actionAdd, at)
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
	if c.cause.cured() && c.dp.lacksRoom(c.pkg) {
		c.cause = DiskFull
	}
	switch {
	case c.blocked():
		w.hold(c, j.action, at)
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
	w.calm(c, jobComplete, at)
	c.dp.takeRoom(c.pkg)
	c.cause, c.held = "", false
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
	if c.removed() {
		return
	}
	w.log(c, now, busy(msgCheckQueued))
	w.after(now, w.delay/4, func(at time.Time) {
		if !c.job.open() {
			w.log(c, at, busy(msgChecking))
		}
	})
	w.after(now, w.delay, func(at time.Time) {
		switch {
		case c.job.open() || c.removed(): // what came in between has the last word
		case c.cause.damaged():
			w.move(c, InstallFailed, at)
			w.log(c, at, failureOf(c.cause))
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
	c.held = false
	w.move(c, InstallFailed, now)
	w.log(c, now, bad(msgSendFailed, errorCancelled))
}

// obstruct puts an obstacle in the content's way, and shows it where it can be
// seen.
func (c *content) obstruct(cause Cause) {
	c.cause = cause
	switch cause {
	case SourceMissing:
		c.pkg.sourceMissing = true
	case WaitsForPrestaged:
		c.dp.prestaging = true
	case Closed:
		c.dp.scheduled = true
	}
}

// lose makes the content on the DP an older version, where the row is held and
// there is one, or none at all.
func (c *content) lose(held bool) {
	if held && c.version > 1 {
		c.version--
		return
	}
	c.version, c.lastCopied = 0, time.Time{}
}

// seedFailed makes a row one that failed some time ago for a cause. One that is
// held has an older version on the DP; otherwise the DP never had the package.
func (w *World) seedFailed(c *content, cause Cause, at time.Time, held bool) {
	c.obstruct(cause)
	c.lose(held)
	c.held = false
	w.move(c, InstallFailed, at)
	w.log(c, at, failureOf(cause))
	w.logPackage(c.pkg, at, bad(msgProcessFailed, 0))
}

// seedWaiting makes a row one that waits for a cause to go.
func (w *World) seedWaiting(c *content, cause Cause, at time.Time) {
	c.obstruct(cause)
	c.lose(false)
	w.hold(c, actionAdd, at)
}

// seedStale makes an installed row one that missed the package's last update.
func (c *content) seedStale() { c.version = c.pkg.version - 1 }

// stuckRetries is how often the transfer of a row was retried that the model
// made stuck.
const stuckRetries = 87

// seedStuck makes a row one of which nothing was heard for days: its transfer
// is in the queue and never tried again, or was lost.
func (w *World) seedStuck(c *content, at time.Time, lost bool) {
	c.lose(false)
	if lost {
		w.move(c, InstallPending, at)
		w.log(c, at, busy(msgQueued))
		return
	}
	j := w.newJob(c, actionAdd, at.Add(-stuckRetries*retryGap))
	j.state, j.retries, j.updated, j.restarts = jobPendingRestart, stuckRetries, at, at.Add(retryGap)
	w.move(c, InstallRetrying, at)
	w.log(c, at, retryOf(Transient))
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
