package queries

import "dpremote/cim"

// The components that distribute content, in StatusMessage.Component.
const (
	DistributionManager    = "SMS_DISTRIBUTION_MANAGER"
	PackageTransferManager = "SMS_PACKAGE_TRANSFER_MANAGER"
)

// StatusMessage is a status message with its insertion strings
// (SMS_StatMsgWithInsStrings). There can be millions: ask for a time and a
// component.
type StatusMessage struct {
	RecordID    int64           `cim:"RecordID"` // too large for a float
	MessageID   uint32          `cim:"MessageID"`
	Severity    MessageSeverity `cim:"Severity"`
	Time        cim.Datetime    `cim:"Time"` // UTC
	Component   string          `cim:"Component"`
	MachineName string          `cim:"MachineName"` // that sent it
	SiteCode    SiteCode        `cim:"SiteCode"`
	Win32Error  uint32          `cim:"Win32Error"` // 0 for none; an HRESULT at times
	Inserts
}

// CIMClass is SMS_StatMsgWithInsStrings.
func (StatusMessage) CIMClass() string { return "SMS_StatMsgWithInsStrings" }

// Cause is why things are as the message says.
func (m StatusMessage) Cause() Cause { return Classify(m.MessageID, m.Win32Error, m.Strings()) }

// Text is the message in words.
func (m StatusMessage) Text() string { return Message(m.MessageID, m.Strings()) }

func statusMessageClass() Class {
	return newClass("SMS_StatMsgWithInsStrings", "RecordID", properties{
		strings: "Component MachineName ModuleName SiteCode TopLevelSiteCode" + insertNames,
		integers: "MessageID MessageType PerClient ProcessID RecordID ReportFunction ResourceID Severity SuccessfulTransaction" +
			" ThreadID Transaction Win32Error",
		datetimes: "Time",
	})
}
