package queries

import (
	"context"
	"iter"

	"dpremote/cim"
)

// Drive is a drive of a distribution point (SMS_DistributionPointDriveInfo).
type Drive struct {
	NALPath     NALPath `cim:"NALPath"`
	Drive       string  `cim:"Drive"`       // its letter
	BytesFree   int64   `cim:"BytesFree"`   // KB, whatever the name says
	BytesTotal  int64   `cim:"BytesTotal"`  // KB; negative when it is not known
	PercentFree int32   `cim:"PercentFree"` // percent
	Status      int32   `cim:"Status"`      // the error of the last copy, 0 for none
}

// CIMClass is SMS_DistributionPointDriveInfo.
func (Drive) CIMClass() string { return "SMS_DistributionPointDriveInfo" }

// The class spells ConttentLibPriority so.
func driveClass() Class {
	return newClass("SMS_DistributionPointDriveInfo", "Drive NALPath", properties{
		strings:  "Drive NALPath SiteCode",
		integers: "BytesFree BytesTotal ConttentLibPriority ObjectType PercentFree PkgSharePriority Status",
	})
}

// Drives yields the drives of distribution points.
func Drives(ctx context.Context, s *cim.Session) iter.Seq2[Drive, error] {
	return Select[Drive]().Run(ctx, s)
}
