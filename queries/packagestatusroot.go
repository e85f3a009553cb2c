package queries

import (
	"context"
	"fmt"
	"iter"

	"dpremote/cim"
)

// PackageStatusRoot is the status of a package in the whole hierarchy
// (SMS_PackageStatusRootSummarizer).
type PackageStatusRoot struct {
	PackageID PackageID `cim:"PackageID"`
	Name      string    `cim:"Name"`
	Counts
	SourceSite    SiteCode     `cim:"SourceSite"`    // the owner
	SourceVersion uint32       `cim:"SourceVersion"` // of the content
	SourceSize    uint32       `cim:"SourceSize"`    // KB
	SourceDate    cim.Datetime `cim:"SourceDate"`    // when this version was made
}

// CIMClass is SMS_PackageStatusRootSummarizer.
func (PackageStatusRoot) CIMClass() string { return "SMS_PackageStatusRootSummarizer" }

func packageStatusRootClass() Class {
	return newClass("SMS_PackageStatusRootSummarizer", "PackageID", properties{
		strings:   "Name PackageID SourceSite",
		integers:  "Failed Installed Retrying SourceCompressedSize SourceSize SourceVersion Targeted",
		datetimes: "SourceDate",
	})
}

// StatusRoot yields the status of packages in the whole hierarchy. Of a filter
// the packages and the states count; a state picks the packages that have a
// distribution point in it. A filter by anything else is an error.
func StatusRoot(ctx context.Context, s *cim.Session, f Filter) iter.Seq2[PackageStatusRoot, error] {
	const what = "the status of packages in the hierarchy"
	err := f.countsOnly(what)
	if err == nil && !f.Since.IsZero() {
		err = fmt.Errorf("filter %s: it does not tell when it changed", what)
	}
	if err != nil {
		return failed[PackageStatusRoot](err)
	}
	return keep(filtered[PackageStatusRoot](ctx, s, f, f.countsCondition()), func(r PackageStatusRoot) bool {
		return f.MatchPackage(r.PackageID) && f.matchCounts(r.Counts)
	})
}
