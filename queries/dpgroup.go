package queries

import (
	"context"
	"iter"

	"dpremote/cim"
)

// DPGroup is a distribution point group (SMS_DistributionPointGroup).
type DPGroup struct {
	GroupID               string   `cim:"GroupID"` // a GUID as a rule
	Name                  string   `cim:"Name"`
	Description           string   `cim:"Description"`
	SourceSite            SiteCode `cim:"SourceSite"`  // the owner
	MemberCount           uint32   `cim:"MemberCount"` // of distribution points
	ContentCount          uint32   `cim:"ContentCount"`
	OutOfSyncContentCount uint32   `cim:"OutOfSyncContentCount"` // that some member lacks
}

// CIMClass is SMS_DistributionPointGroup.
func (DPGroup) CIMClass() string { return "SMS_DistributionPointGroup" }

func dpGroupClass() Class {
	return newClass("SMS_DistributionPointGroup", "GroupID", properties{
		strings:   "CreatedBy Description GroupID ModifiedBy Name SourceSite",
		integers:  "CollectionCount ContentCount MemberCount OutOfSyncContentCount",
		booleans:  "ContentInSync HasMember HasRelationship",
		datetimes: "CreatedOn ModifiedOn",
	})
}

// Groups yields the distribution point groups.
func Groups(ctx context.Context, s *cim.Session) iter.Seq2[DPGroup, error] {
	return Select[DPGroup]().Run(ctx, s)
}
