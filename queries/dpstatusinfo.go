package queries

import (
	"context"
	"iter"

	"dpremote/cim"
)

// DPStatusInfo is the state of a distribution point as a whole
// (SMS_DPStatusInfo). It can lag by a day after a recovery (Microsoft, "Monitor
// content you have distributed").
type DPStatusInfo struct {
	NALPath          NALPath      `cim:"NALPath"`
	Name             string       `cim:"Name"` // FQDN
	MessageState     MessageState `cim:"MessageState"`
	NumberErrors     uint32       `cim:"NumberErrors"` // of contents, as are the next three
	NumberInProgress uint32       `cim:"NumberInProgress"`
	NumberInstalled  uint32       `cim:"NumberInstalled"`
	NumberUnknown    uint32       `cim:"NumberUnknown"`
	LastStatusTime   cim.Datetime `cim:"LastStatusTime"`
}

// CIMClass is SMS_DPStatusInfo.
func (DPStatusInfo) CIMClass() string { return "SMS_DPStatusInfo" }

func dpStatusInfoClass() Class {
	return newClass("SMS_DPStatusInfo", "NALPath", properties{
		strings:   "NALPath Name Version",
		integers:  "MessageCount MessageState NumberErrors NumberInProgress NumberInstalled NumberUnknown",
		booleans:  "IsDPMonEnabled IsMulticast IsPullDP IsPXE SccmPXE",
		datetimes: "LastStatusTime",
	})
}

// DPStatusInfos yields the state of the distribution points that the site's
// provider shows.
func DPStatusInfos(ctx context.Context, s *cim.Session) iter.Seq2[DPStatusInfo, error] {
	return Select[DPStatusInfo]().Run(ctx, s)
}
