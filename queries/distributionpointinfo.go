package queries

import (
	"context"
	"iter"

	"dpremote/cim"
)

// DistributionPointInfo is a distribution point
// (SMS_DistributionPointInfo).
type DistributionPointInfo struct {
	NALPath           NALPath  `cim:"NALPath"`
	SiteCode          SiteCode `cim:"SiteCode"`
	ResourceType      string   `cim:"ResourceType"` // see Cloud
	ServerName        string   `cim:"ServerName"`   // FQDN
	SiteName          string   `cim:"SiteName"`
	Description       string   `cim:"Description"`
	IsPullDP          bool     `cim:"IsPullDP"`               // it fetches content from other distribution points
	PreStagingAllowed bool     `cim:"PreStagingAllowed"`      // it may wait for content brought by hand
	RateLimited       bool     `cim:"RateLimitsEnabled"`      // one connection only
	Scheduled         bool     `cim:"AddressScheduleEnabled"` // content is sent at set times only
	GroupCount        uint32   `cim:"GroupCount"`             // of groups that it is in
	Priority          uint32   `cim:"Priority"`               // of distribution, 200 as a rule
}

// CIMClass is SMS_DistributionPointInfo.
func (DistributionPointInfo) CIMClass() string { return "SMS_DistributionPointInfo" }

// Server is the distribution point's FQDN, in the case it came in.
func (d DistributionPointInfo) Server() string {
	if d.ServerName != "" {
		return d.ServerName
	}
	return d.NALPath.Server()
}

// Cloud tells whether the distribution point is no Windows server of one's own.
func (d DistributionPointInfo) Cloud() bool {
	return d.ResourceType != "" && d.ResourceType != "Windows NT Server"
}

// The types of Region and ServiceType are those of a site of version 2002; the
// class page contradicts itself.
func distributionPointInfoClass() Class {
	return newClass("SMS_DistributionPointInfo", "NALPath ResourceType SiteCode", properties{
		strings: "BindExcept Description Drive HealthCheckSchedule IdentityGUID NALPath Name OperatingSystem PXEPassword" +
			" Region ResourceType ServerName ShareName SiteCode SiteName Version",
		integers: "Communication DPFlags GroupCount HealthCheckPriority ID MaintenanceMode Priority ResponseDelay ServiceType" +
			" TransferRate UdaSetting",
		booleans: "AddressScheduleEnabled BindPolicy BitsEnabled CertificateType EnableLEDBAT HasRelationship HealthCheckEnabled" +
			" InternetFacing IsActive IsMulticast IsPeerDP IsProtected IsPullDP IsPXE PreStagingAllowed RateLimitsEnabled SccmPXE" +
			" SupportUnknownMachines",
		datetimes: "MaintenanceModeLastStartTime",
	})
}

// DPs yields the distribution points that the site's provider shows.
func DPs(ctx context.Context, s *cim.Session) iter.Seq2[DistributionPointInfo, error] {
	return Select[DistributionPointInfo]().Run(ctx, s)
}
