package queries

import "dpremote/cim"

// DistributionPoint is a package's assignment to a distribution point
// (SMS_DistributionPoint), the object to refresh.
type DistributionPoint struct {
	Keys
	LastRefreshTime cim.Datetime `cim:"LastRefreshTime"` // see Happened
	PackageType     PackageType  `cim:"PackageType"`
	SourceSite      SiteCode     `cim:"SourceSite"` // the package's owner
	Status          DPAction     `cim:"Status"`
}

// CIMClass is SMS_DistributionPoint.
func (DistributionPoint) CIMClass() string { return distributionPointName }

const distributionPointName = "SMS_DistributionPoint"

func distributionPointClass() Class {
	return newClass(distributionPointName, "PackageID ServerNALPath SiteCode", properties{
		strings:   "ISVString PackageID ResourceType SecureObjectID ServerNALPath SiteCode SiteName SourceSite",
		integers:  "ISVData[] ISVDataSize ObjectTypeID PackageType Status",
		booleans:  "BitsEnabled IsPeerDP IsProtected RefreshNow",
		datetimes: "LastRefreshTime",
	})
}

// DPAction is what is being done to a package's assignment
// (SMS_DistributionPoint.Status).
type DPAction uint32

// The actions. What is being deleted must not be refreshed.
const (
	DPNone    DPAction = 0
	DPUpdated DPAction = 1
	DPAdded   DPAction = 2
	DPDeleted DPAction = 3
)

var dpActions = enum{{0, "none", ""}, {1, "updated", ""}, {2, "added", ""}, {3, "deleted", ""}}

// String is the action in a word.
func (a DPAction) String() string { return dpActions.name(uint32(a)) }

// MarshalText is String.
func (a DPAction) MarshalText() ([]byte, error) { return []byte(a.String()), nil }
