package queries

import (
	"context"
	"iter"

	"dpremote/cim"
)

// Site is a site of the hierarchy (SMS_Site).
type Site struct {
	SiteCode          SiteCode   `cim:"SiteCode"`
	SiteName          string     `cim:"SiteName"`
	ServerName        string     `cim:"ServerName"` // the site server's FQDN
	Type              SiteType   `cim:"Type"`
	Status            SiteStatus `cim:"Status"`
	Mode              SiteMode   `cim:"Mode"`
	ReportingSiteCode SiteCode   `cim:"ReportingSiteCode"` // the parent; empty at the top
	Version           string     `cim:"Version"`
	BuildNumber       uint32     `cim:"BuildNumber"`
}

// CIMClass is SMS_Site.
func (Site) CIMClass() string { return "SMS_Site" }

func siteClass() Class {
	return newClass("SMS_Site", "SiteCode", properties{
		strings: "ContentLibraryLocation Features InstallDir ReportingSiteCode ServerName SiteCode SiteName TimeZoneInfo Version",
		integers: "BuildNumber ContentLibraryMoveProgress ContentLibraryStatus Mode RequestedStatus SecondarySiteCMUpdateStatus" +
			" Status Type",
	})
}

// Sites yields the sites that the provider shows: its own, and those below.
func Sites(ctx context.Context, s *cim.Session) iter.Seq2[Site, error] {
	return Select[Site]().Run(ctx, s)
}
