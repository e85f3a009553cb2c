package queries

import (
	"context"
	"iter"

	"dpremote/cim"
)

// DPGroupMember puts a distribution point into a group (SMS_DPGroupMembers,
// which has no class page; the properties are those of a site of version 2002).
type DPGroupMember struct {
	GroupID   string  `cim:"GroupID"`
	DPNALPath NALPath `cim:"DPNALPath"`
}

// CIMClass is SMS_DPGroupMembers.
func (DPGroupMember) CIMClass() string { return "SMS_DPGroupMembers" }

func dpGroupMemberClass() Class {
	return newClass("SMS_DPGroupMembers", "DPNALPath GroupID", properties{strings: "DPNALPath GroupID"})
}

// GroupMembers yields which distribution points are in which groups.
func GroupMembers(ctx context.Context, s *cim.Session) iter.Seq2[DPGroupMember, error] {
	return Select[DPGroupMember]().Run(ctx, s)
}
