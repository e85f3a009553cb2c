package world

import (
	"cmp"
	"slices"
	"time"

	"dpremote/simulator/internal/repository"
)

// State is SMS_PackageStatusDistPointsSummarizer.State (class page).
type State uint8

// The states of content on a distribution point.
const (
	Installed         State = 0
	InstallPending    State = 1
	InstallRetrying   State = 2
	InstallFailed     State = 3
	RemovalPending    State = 4
	ContentUpdating   State = 7
	ContentMonitoring State = 8
)

// siteKind is SMS_Site.Type (class page).
type siteKind uint32

const (
	secondary siteKind = 1
	primary   siteKind = 2
	central   siteKind = 4
)

// site is one site of a hierarchy.
type site struct {
	code, name string
	kind       siteKind
	parent     *site
	reporter   *site // the site whose SMS Provider shows this one: itself, or a secondary's parent
	tree       *tree
	server     string // FQDN of the site server
	dps        []*dp
}

// tree is one hierarchy: everything that is global data in it. Its slices are
// fixed once the world is built; of content some may be removed.
type tree struct {
	sites    []*site
	dps      []*dp
	packages []*pkg
	groups   []*group
}

// dp is one distribution point.
type dp struct {
	id        uint32
	name      string // FQDN
	nal       string
	guid      string
	site      *site
	onServer  bool // it is its site's site server
	pull      bool
	installed time.Time
	totalKB   int64 // the content drive
	freeKB    int64
	rows      []*content
	groups    []*group

	limited     bool      // what comes takes room of leftKB
	leftKB      int64     // what is left of it
	scheduled   bool      // content is sent at set times only
	prestaging  bool      // content may be brought in a file
	maintenance time.Time // since when it is in maintenance mode; zero when it is not
}

// pkg is one package of any kind.
type pkg struct {
	kind
	number        uint32 // in the world, from 1
	id, name      string
	objectID      string // PackageID, or an application's model name
	site          *site  // the owner, SourceSite
	sizeKB        uint32
	version       uint32
	sourcePath    string
	sourceDate    time.Time
	created       time.Time
	lastRefresh   time.Time
	rows          []*content // by dp.id
	sourceMissing bool
	updates       int  // how often RefreshPkgSource was called
	damaged       bool // RefreshPkgSource was called on a task sequence
}

// group is a distribution point group.
type group struct {
	id, name, description string
	site                  *site // SourceSite
	created               time.Time
	members               []*dp
	packages              []*pkg
}

// content is one package on one distribution point.
type content struct {
	id          uint64
	pkg         *pkg
	dp          *dp
	state       State
	cause       Cause  // what its next distribution meets
	version     uint32 // that the DP holds
	lastCopied  time.Time
	summary     time.Time
	lastRefresh time.Time
	refreshes   int      // how often RefreshNow was put
	job         *job     // the latest one, nil when there was none
	last        *message // the latest message, nil: that it was installed at lastCopied
	held        bool     // it is not sent before something goes away
	storm       *storm   // its retries that come too fast, nil when there are none
	gone        bool     // it was removed from the DP
}

// blocked tells that the content is not sent now, though nothing is wrong with
// it: it waits.
func (c *content) blocked() bool { return c.cause.waits() || !c.dp.maintenance.IsZero() }

// removed tells that the content has left the DP or is about to.
func (c *content) removed() bool { return c.gone || c.state == RemovalPending }

// jobState is SMS_DistributionJob.State (class page).
type jobState uint32

const (
	jobPending        jobState = 0
	jobInProgress     jobState = 3
	jobPendingRestart jobState = 4
	jobComplete       jobState = 5
	jobFailed         jobState = 6
	jobCancelled      jobState = 7
)

// action is SMS_DistributionJob.Action (class page).
type action uint32

const (
	actionUpdate action = 1
	actionAdd    action = 2 // also a redistribution
)

// job is one transfer in the queue of Package Transfer Manager.
type job struct {
	id                                  uint64
	content                             *content
	action                              action
	state                               jobState
	version                             uint32
	retries                             uint32
	created, started, restarts, updated time.Time
}

// open tells whether the job still has something to do. A nil job is not open.
func (j *job) open() bool { return j != nil && j.state < jobComplete }

// remainingKB is how much is still to be sent.
func (j *job) remainingKB() uint64 {
	size := uint64(j.content.pkg.sizeKB)
	switch j.state {
	case jobComplete:
		return 0
	case jobInProgress:
		return size / 2
	}
	return size
}

// unmovable tells of the one sort of content that neither a redistribution nor
// a cancellation reaches: an application on a DP that is the site server.
// Distribution Manager takes it to be installed (Microsoft support article
// "Advanced troubleshooting tips for content distribution").
func (c *content) unmovable() bool {
	return c.dp.onServer && c.pkg.packageType == typeApplication
}

// row finds the package's content on a DP.
func (p *pkg) row(d *dp) (*content, bool) {
	i, found := slices.BinarySearchFunc(p.rows, d.id, func(c *content, id uint32) int { return cmp.Compare(c.dp.id, id) })
	if !found {
		return nil, false
	}
	return p.rows[i], true
}

// counts are the numbers that the summarizers show.
type counts struct {
	targeted, installed, retrying, failed uint32
	latest                                time.Time // the newest SummaryDate
}

// add counts one row. States 7 and 8 have no agreed meaning, so they count as
// targeted and as nothing else.
func (n *counts) add(c *content) {
	n.targeted++
	switch c.state {
	case Installed:
		n.installed++
	case InstallRetrying:
		n.retrying++
	case InstallFailed:
		n.failed++
	}
	if c.summary.After(n.latest) {
		n.latest = c.summary
	}
}

// when is a datetime that is NULL for the zero time.
func when(t time.Time) value {
	if t.IsZero() {
		return nil
	}
	return repository.At(t)
}
