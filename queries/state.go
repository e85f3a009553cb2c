package queries

import "slices"

// State is the state of a package on a distribution point
// (SMS_PackageStatusDistPointsSummarizer.State), or one of the two that a
// Yardstick finds. The zero value is StateInstalled.
type State uint32

// The states. What Updating and Monitoring mean is not agreed on: Microsoft
// documents only their names, and public tools read them as good and as bad.
const (
	StateInstalled       State = 0
	StatePending         State = 1
	StateRetrying        State = 2
	StateFailed          State = 3
	StateRemovalPending  State = 4
	StateRemovalRetrying State = 5
	StateRemovalFailed   State = 6
	StateUpdating        State = 7
	StateMonitoring      State = 8
)

// The states that no site reports. A Yardstick tells them from a row and the
// package's own version and date.
const (
	StateStale State = 1<<16 + iota // installed, in an older version than the package's
	StateStuck                      // pending or retrying for too long
)

// states has the SDK's names as aliases. The numbers of 7 and 8 are shown, for
// their words say too little.
var states = enum{
	{0, "installed", ""},
	{1, "pending", "INSTALL_PENDING"},
	{2, "retrying", "INSTALL_RETRYING"},
	{3, "failed", "INSTALL_FAILED"},
	{4, "removal pending", ""},
	{5, "removal retrying", ""},
	{6, "removal failed", ""},
	{7, "updating (7)", "updating CONTENT_UPDATING"},
	{8, "monitoring (8)", "monitoring CONTENT_MONITORING"},
	{uint32(StateStale), "stale", ""},
	{uint32(StateStuck), "stuck", ""},
}

// States are all states, in the order of their numbers.
func States() []State {
	out := make([]State, len(states))
	for i, v := range states {
		out[i] = State(v.number)
	}
	return out
}

// String is the state in a word or two, such as failed or removal pending.
func (s State) String() string { return states.name(uint32(s)) }

// MarshalText is String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseState reads one state: its word, the SDK's name or a number.
func ParseState(text string) (State, error) {
	n, err := states.parse("state", text)
	return State(n), err
}

// Unhealthy are the states in which something went wrong: retrying, failed,
// removal failed and stuck. Stale is not among them, for who asks for it has to
// read all that is installed.
func Unhealthy() []State {
	return []State{StateRetrying, StateFailed, StateRemovalFailed, StateStuck}
}

// ParseStates reads states as ParseState does, and the word unhealthy for the
// states of Unhealthy. The result is sorted and has no state twice.
func ParseStates(words ...string) ([]State, error) {
	var out []State
	for _, word := range words {
		if foldWord(word) == "unhealthy" {
			out = append(out, Unhealthy()...)
			continue
		}
		s, err := ParseState(word)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
