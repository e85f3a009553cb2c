package queries

import (
	"context"
	"iter"

	"dpremote/cim"
)

// PackageStatusSite is the status of a package at one site
// (SMS_PackageStatusDetailSummarizer).
type PackageStatusSite struct {
	PackageID PackageID `cim:"PackageID"`
	SiteCode  SiteCode  `cim:"SiteCode"`
	SiteName  string    `cim:"SiteName"`
	Name      string    `cim:"Name"` // the package's
	Counts
	SourceVersion uint32       `cim:"SourceVersion"` // of the content
	SummaryDate   cim.Datetime `cim:"SummaryDate"`   // of the last change, UTC
}

// CIMClass is SMS_PackageStatusDetailSummarizer.
func (PackageStatusSite) CIMClass() string { return "SMS_PackageStatusDetailSummarizer" }

func packageStatusSiteClass() Class {
	return newClass("SMS_PackageStatusDetailSummarizer", "PackageID SiteCode", properties{
		strings:   "Name PackageID SiteCode SiteName",
		integers:  "Failed Installed Retrying SourceVersion Targeted",
		datetimes: "SummaryDate",
	})
}

// StatusSite yields the status of packages at each site that the provider
// shows. Of a filter the packages, the states and the time count; a state picks
// the packages that have a distribution point in it. A filter by anything else
// is an error.
func StatusSite(ctx context.Context, s *cim.Session, f Filter) iter.Seq2[PackageStatusSite, error] {
	if err := f.countsOnly("the status of packages at sites"); err != nil {
		return failed[PackageStatusSite](err)
	}
	rows := filtered[PackageStatusSite](ctx, s, f, f.countsCondition(), f.sinceCondition())
	return keep(rows, func(r PackageStatusSite) bool {
		return f.MatchPackage(r.PackageID) && f.matchCounts(r.Counts) && f.matchSince(r.SummaryDate)
	})
}
