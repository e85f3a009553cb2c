package queries

import (
	"context"
	"iter"

	"dpremote/cim"
)

// PackageStatusDP is the status of a package on one distribution point
// (SMS_PackageStatusDistPointsSummarizer). A package without source files has
// no such rows.
type PackageStatusDP struct {
	Keys
	// State is what the site reports, or what a Yardstick makes of that.
	State         State        `cim:"State,required"`
	PackageType   PackageType  `cim:"PackageType"`
	SourceVersion uint32       `cim:"SourceVersion"` // that the distribution point holds
	LastCopied    cim.Datetime `cim:"LastCopied"`    // when it was last copied well, UTC; see Happened
	SummaryDate   cim.Datetime `cim:"SummaryDate"`   // of the last change, UTC
}

// CIMClass is SMS_PackageStatusDistPointsSummarizer.
func (PackageStatusDP) CIMClass() string { return "SMS_PackageStatusDistPointsSummarizer" }

func packageStatusDPClass() Class {
	return newClass("SMS_PackageStatusDistPointsSummarizer", "PackageID ServerNALPath SiteCode", properties{
		strings:   "PackageID SecureObjectID ServerNALPath SiteCode SourceNALPath",
		integers:  "PackageType SecuredTypeID SourceVersion State",
		datetimes: "LastCopied SummaryDate",
	})
}

// StatusDP yields the status of packages on distribution points that the filter
// picks. With the filter's StuckAfter their states are judged, which takes one
// query more.
func StatusDP(ctx context.Context, s *cim.Session, f Filter) iter.Seq2[PackageStatusDP, error] {
	return func(yield func(PackageStatusDP, error) bool) {
		y, err := MakeYardstick(ctx, s, f)
		if err != nil {
			yield(PackageStatusDP{}, err)
			return
		}
		rows := filtered[PackageStatusDP](ctx, s, f,
			f.dpCondition(), f.siteCondition(), numbersCondition("PackageType", f.Types), f.stateCondition(), f.sinceCondition())
		for r, err := range rows {
			y.judge(&r)
			if (err != nil || f.match(&r)) && !yield(r, err) {
				return
			}
		}
	}
}
