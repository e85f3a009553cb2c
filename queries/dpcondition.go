package queries

import (
	"context"
	"iter"
	"slices"

	"dpremote/cim"
)

// DPMaintenance tells that a distribution point is in maintenance mode
// (SMS_DistributionPointInfo). Sites before version 1902 do not know the
// property and refuse the query.
type DPMaintenance struct {
	NALPath         NALPath      `cim:"NALPath"`
	ResourceType    string       `cim:"ResourceType"`
	SiteCode        SiteCode     `cim:"SiteCode"`
	MaintenanceMode uint32       `cim:"MaintenanceMode"`
	Since           cim.Datetime `cim:"MaintenanceModeLastStartTime"` // see Happened
}

// CIMClass is SMS_DistributionPointInfo.
func (DPMaintenance) CIMClass() string { return "SMS_DistributionPointInfo" }

// InMaintenance yields the distribution points that are in maintenance mode.
func InMaintenance(ctx context.Context, s *cim.Session) iter.Seq2[DPMaintenance, error] {
	return Select[DPMaintenance](Gt("MaintenanceMode", 0)).Run(ctx, s)
}

// maxPaths is the most NAL paths of one query; they are long.
const maxPaths = 20

// DrivesOf yields the drives of some distribution points, and perhaps of others.
func DrivesOf(ctx context.Context, s *cim.Session, paths ...NALPath) iter.Seq2[Drive, error] {
	return ofPaths[Drive](ctx, s, paths)
}

// DPsOf yields some distribution points, and perhaps others.
func DPsOf(ctx context.Context, s *cim.Session, paths ...NALPath) iter.Seq2[DistributionPointInfo, error] {
	return ofPaths[DistributionPointInfo](ctx, s, paths)
}

// ofPaths asks for all rows where a path cannot stand in a query.
func ofPaths[T Record](ctx context.Context, s *cim.Session, paths []NALPath) iter.Seq2[T, error] {
	var parts []iter.Seq2[T, error]
	for some := range slices.Chunk(paths, maxPaths) {
		among := In("NALPath", some...)
		if among.err != nil {
			return Select[T]().Run(ctx, s)
		}
		parts = append(parts, Select[T](among).Run(ctx, s))
	}
	return chain(parts)
}

// Unsettled yields the status of the packages' content wherever it is not
// good: bad, or on its way after it went wrong.
func Unsettled(ctx context.Context, s *cim.Session, packages ...PackageID) iter.Seq2[DPStatus, error] {
	return ofPackages[DPStatus](ctx, s, packages, Ne("MessageState", MessageGood))
}

// Details yields the messages about the packages that are not good, on each
// distribution point.
func Details(ctx context.Context, s *cim.Session, packages ...PackageID) iter.Seq2[DPStatusDetail, error] {
	return ofPackages[DPStatusDetail](ctx, s, packages, Ne("MessageState", MessageGood))
}

// DPDetails yields the messages about distribution points themselves that are
// bad.
func DPDetails(ctx context.Context, s *cim.Session) iter.Seq2[DPStatusDetail, error] {
	return Select[DPStatusDetail](Ge("MessageState", MessageBad), Or(IsNull("PackageID"), Eq("PackageID", ""))).Run(ctx, s)
}

// ofPackages yields rows of some packages, none of none.
func ofPackages[T Record](ctx context.Context, s *cim.Session, packages []PackageID, also Condition) iter.Seq2[T, error] {
	for _, id := range packages {
		if _, err := ParsePackageID(string(id)); err != nil {
			return failed[T](err)
		}
	}
	var parts []iter.Seq2[T, error]
	for some := range slices.Chunk(unique(packages), MaxIn) {
		parts = append(parts, Select[T](In("PackageID", some...), also).Run(ctx, s))
	}
	return chain(parts)
}

// PackagesNamed yields the packages of the IDs, of any kind. What is missing
// does not exist, or is hidden from the account.
func PackagesNamed(ctx context.Context, s *cim.Session, ids ...PackageID) iter.Seq2[Package, error] {
	return ofPackages[Package](ctx, s, ids, Condition{})
}
