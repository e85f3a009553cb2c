package queries

import (
	"context"
	"iter"

	"dpremote/cim"
)

// Content is what can be distributed, with its name and how far it is: a
// package of any kind, or the content of an application
// (SMS_ObjectContentExtraInfo).
type Content struct {
	ObjectID         string       `cim:"ObjectID"` // the PackageID, or an application's model name
	PackageID        PackageID    `cim:"PackageID"`
	ObjectType       uint32       `cim:"ObjectType"`   // see Type
	SoftwareName     string       `cim:"SoftwareName"` // of the package or application
	SourceSite       SiteCode     `cim:"SourceSite"`   // the owner
	SourceVersion    uint32       `cim:"SourceVersion"`
	SourceSize       uint32       `cim:"SourceSize"` // KB
	Targeted         uint32       `cim:"Targeted"`   // of distribution points, as are the next four
	NumberSuccess    uint32       `cim:"NumberSuccess"`
	NumberInProgress uint32       `cim:"NumberInProgress"`
	NumberErrors     uint32       `cim:"NumberErrors"`
	NumberUnknown    uint32       `cim:"NumberUnknown"`
	LastUpdateDate   cim.Datetime `cim:"LastUpdateDate"`
}

// CIMClass is SMS_ObjectContentExtraInfo.
func (Content) CIMClass() string { return "SMS_ObjectContentExtraInfo" }

// Type is the package type. The class numbers applications differently.
func (c Content) Type() PackageType {
	const application = 512
	if c.ObjectType == application {
		return TypeApplication
	}
	return PackageType(c.ObjectType)
}

func contentClass() Class {
	return newClass("SMS_ObjectContentExtraInfo", "ObjectID", properties{
		strings: "Description ObjectID PackageID SoftwareName SourceSite",
		integers: "FeatureType NumberErrors NumberInProgress NumberSuccess NumberUnknown ObjectType ObjectTypeID SourceSize" +
			" SourceVersion Targeted",
		datetimes: "DateCreated LastUpdateDate",
	})
}

// Contents yields all that can be distributed, with names: the cheapest way to
// the names of applications.
func Contents(ctx context.Context, s *cim.Session) iter.Seq2[Content, error] {
	return Select[Content]().Run(ctx, s)
}
