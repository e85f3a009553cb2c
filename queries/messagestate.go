package queries

import "strconv"

// MessageState is the condensed state behind a status row (MessageState of
// SMS_DistributionDPStatus and its siblings). Sources contradict each other
// from 3 on: the class pages have 3 for an error, Microsoft's own SQL on the
// same view has 4 for failed ("Advanced troubleshooting tips for content
// distribution"). So 1 is good, 2 is busy, and all above is bad.
type MessageState uint32

// The states of which sources agree, and the first bad one.
const (
	MessageGood MessageState = 1
	MessageBusy MessageState = 2
	MessageBad  MessageState = 3
)

// Bad tells that something went wrong.
func (s MessageState) Bad() bool { return s >= MessageBad }

// String is good, busy, or bad with the number.
func (s MessageState) String() string {
	switch {
	case s == MessageGood:
		return "good"
	case s == MessageBusy:
		return "busy"
	case s.Bad():
		return "bad (" + strconv.FormatUint(uint64(s), 10) + ")"
	}
	return unknown(uint32(s))
}

// MarshalText is String.
func (s MessageState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MessageSeverity is the severity bits of a status message
// (SMS_StatusMessage.Severity, MessageSeverity elsewhere).
type MessageSeverity uint32

// The severities.
const (
	SeverityInfo    MessageSeverity = 0x40000000
	SeverityWarning MessageSeverity = 0x80000000
	SeverityError   MessageSeverity = 0xC0000000
)

var severities = enum{
	{uint32(SeverityInfo), "info", ""}, {uint32(SeverityWarning), "warning", ""}, {uint32(SeverityError), "error", ""},
}

// String is the severity in a word.
func (s MessageSeverity) String() string { return severities.name(uint32(s)) }

// MarshalText is String.
func (s MessageSeverity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
