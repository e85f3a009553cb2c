package queries

import (
	"context"
	"iter"

	"dpremote/cim"
)

// DPStatus is the latest status message about a package on a distribution
// point (SMS_DistributionDPStatus): the row that says why.
type DPStatus struct {
	ID              uint64          `cim:"ID"`
	PackageID       PackageID       `cim:"PackageID"`
	NALPath         NALPath         `cim:"NalPath"` // the class spells it so
	MessageID       uint32          `cim:"MessageID"`
	MessageState    MessageState    `cim:"MessageState"`
	MessageSeverity MessageSeverity `cim:"MessageSeverity"`
	Inserts
	LastUpdateDate cim.Datetime `cim:"LastUpdateDate"` // UTC
	LastStatusID   uint64       `cim:"LastStatusID"`   // the message's RecordID; too large for a float
	SiteCode       SiteCode     `cim:"SiteCode"`       // of the site that sent the message, not of the distribution point
}

// CIMClass is SMS_DistributionDPStatus.
func (DPStatus) CIMClass() string { return "SMS_DistributionDPStatus" }

// Cause is why the content is in the state it is in.
func (d DPStatus) Cause() Cause { return Classify(d.MessageID, 0, d.Strings()) }

// Text is the message in words.
func (d DPStatus) Text() string { return Message(d.MessageID, d.Strings()) }

func dpStatusClass() Class {
	return newClass("SMS_DistributionDPStatus", "ID", properties{
		strings:   "NalPath Name ObjectID PackageID ResourceType SiteCode" + insertNames,
		integers:  "GroupCount ID LastStatusID MessageCategory MessageFullID MessageID MessageSeverity MessageState ObjectTypeID",
		booleans:  "IsPeerDP",
		datetimes: "LastUpdateDate",
	})
}

// Causes yields the status of content that is in a bad state: of the packages,
// or of all when there are none.
func Causes(ctx context.Context, s *cim.Session, packages ...PackageID) iter.Seq2[DPStatus, error] {
	for _, id := range packages {
		if _, err := ParsePackageID(string(id)); err != nil {
			return failed[DPStatus](err)
		}
	}
	var parts []iter.Seq2[DPStatus, error]
	for _, some := range inChunks("PackageID", unique(packages)) {
		parts = append(parts, Select[DPStatus](Ge("MessageState", MessageBad), some).Run(ctx, s))
	}
	return chain(parts)
}
