package queries

// JobState is the state of a transfer in the queue of Package Transfer Manager
// (SMS_DistributionJob.State). The zero value is JobPending.
type JobState uint32

// The states of a job.
const (
	JobPending        JobState = 0
	JobReady          JobState = 1
	JobStarted        JobState = 2
	JobInProgress     JobState = 3
	JobPendingRestart JobState = 4
	JobComplete       JobState = 5
	JobFailed         JobState = 6
	JobCancelled      JobState = 7
	JobSuspended      JobState = 8
)

var jobStates = enum{
	{0, "pending", ""},
	{1, "ready", ""},
	{2, "started", ""},
	{3, "in progress", ""},
	{4, "pending restart", ""},
	{5, "complete", "completed"},
	{6, "failed", ""},
	{7, "cancelled", "canceled"},
	{8, "suspended", ""},
}

// String is the state in a word or two.
func (s JobState) String() string { return jobStates.name(uint32(s)) }

// MarshalText is String.
func (s JobState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Open tells whether the job still has something to do. A state without a name
// counts as open: a job too many waits, a job too few sends twice.
func (s JobState) Open() bool { return s != JobComplete && s != JobFailed && s != JobCancelled }
