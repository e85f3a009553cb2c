package queries

import "dpremote/cim"

// DPStatusDetail is a status message about a distribution point, or about a
// package on it (SMS_DPStatusDetails).
type DPStatusDetail struct {
	ID              int64           `cim:"ID"`
	NALPath         NALPath         `cim:"NALPath"`
	PackageID       PackageID       `cim:"PackageID"` // empty when it is about the distribution point
	MessageID       uint32          `cim:"MessageID"`
	MessageState    MessageState    `cim:"MessageState"`
	MessageSeverity MessageSeverity `cim:"MessageSeverity"`
	Inserts
	LastStatusTime cim.Datetime `cim:"LastStatusTime"`
	StatusMsgID    int64        `cim:"StatusMsgID"` // the message's RecordID; too large for a float
	SiteCode       SiteCode     `cim:"SiteCode"`    // of the site that sent the message
}

// CIMClass is SMS_DPStatusDetails.
func (DPStatusDetail) CIMClass() string { return "SMS_DPStatusDetails" }

// Cause is why things are as the message says.
func (d DPStatusDetail) Cause() Cause { return Classify(d.MessageID, 0, d.Strings()) }

// Text is the message in words.
func (d DPStatusDetail) Text() string { return Message(d.MessageID, d.Strings()) }

func dpStatusDetailClass() Class {
	return newClass("SMS_DPStatusDetails", "ID", properties{
		strings:   "DPName NALPath PackageID SiteCode" + insertNames,
		integers:  "ID MessageCategory MessageFullID MessageID MessageSeverity MessageState StatusMsgID",
		datetimes: "LastStatusTime",
	})
}
