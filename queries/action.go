package queries

// Action is what happens to content (SMS_DistributionJob.Action and
// SMS_PackageBaseclass.ActionInProgress). The zero value is ActionNone.
type Action uint32

// The actions. A refresh of one distribution point is an ActionAdd (Microsoft
// support article "Understand package actions").
const (
	ActionNone     Action = 0
	ActionUpdate   Action = 1
	ActionAdd      Action = 2
	ActionDelete   Action = 3
	ActionValidate Action = 4
	ActionCancel   Action = 5
)

var actions = enum{
	{0, "none", ""}, {1, "update", ""}, {2, "add", ""}, {3, "delete", ""}, {4, "validate", ""}, {5, "cancel", ""},
}

// String is the action in a word.
func (a Action) String() string { return actions.name(uint32(a)) }

// MarshalText is String.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }
