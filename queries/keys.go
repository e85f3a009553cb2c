package queries

import (
	"fmt"
	"strings"

	"dpremote/cim"
	"dpremote/wsman"
)

// Keys are the keys of SMS_DistributionPoint, which are those of
// SMS_PackageStatusDistPointsSummarizer too: a status row says which instance
// to refresh (both class pages). They are kept as they came.
type Keys struct {
	PackageID     PackageID `cim:"PackageID"`
	ServerNALPath NALPath   `cim:"ServerNALPath"`
	// SiteCode is the site that has the distribution point. It is not always
	// the site of the namespace: a primary's provider shows its secondary
	// sites' distribution points too.
	SiteCode SiteCode `cim:"SiteCode"`
}

// Selectors address the instance of SMS_DistributionPoint.
func (k Keys) Selectors() []wsman.Selector {
	return []wsman.Selector{
		{Name: "PackageID", Value: string(k.PackageID)},
		{Name: "ServerNALPath", Value: string(k.ServerNALPath)},
		{Name: "SiteCode", Value: string(k.SiteCode)},
	}
}

// RowKey is the row's identity, whichever site reports it and however it
// spells it.
func (k Keys) RowKey() RowKey {
	return RowKey{
		Package: PackageID(strings.ToUpper(string(k.PackageID))),
		DP:      k.ServerNALPath.Key(),
		Site:    SiteCode(strings.ToUpper(string(k.SiteCode))),
	}
}

// String is the package, the server and the site, for people.
func (k Keys) String() string {
	return fmt.Sprintf("%s on %s (site %s)", k.PackageID, k.ServerNALPath.Server(), k.SiteCode)
}

// RowKey identifies a package on a distribution point. Equal rows have equal
// keys, so it can be the key of a map.
type RowKey struct {
	Package PackageID // in upper case
	DP      string    // NALPath.Key
	Site    SiteCode  // in upper case
}

// keysOf reads the keys out of an instance of SMS_DistributionPoint.
func keysOf(i *cim.Instance) Keys {
	text := func(name string) string {
		v, _ := i.Get(name)
		return v.Text()
	}
	return Keys{PackageID(text("PackageID")), NALPath(text("ServerNALPath")), SiteCode(text("SiteCode"))}
}
