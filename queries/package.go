package queries

import (
	"context"
	"iter"

	"dpremote/cim"
)

// Package is a package of any kind (SMS_PackageBaseclass). The class is
// abstract: a query on it yields the instances of all classes derived from it,
// and PackageClassOf tells which one an instance is of.
type Package struct {
	PackageID       PackageID         `cim:"PackageID"`
	Name            string            `cim:"Name"`
	Manufacturer    string            `cim:"Manufacturer"`
	Version         string            `cim:"Version"` // of what is packed, as somebody wrote it
	PackageType     PackageType       `cim:"PackageType"`
	SourceSite      SiteCode          `cim:"SourceSite"`      // the owner
	SourceVersion   uint32            `cim:"SourceVersion"`   // of the content
	PackageSize     uint32            `cim:"PackageSize"`     // KB
	SourceFlag      PackageSourceFlag `cim:"PkgSourceFlag"`   // whether there are files at all
	SourcePath      string            `cim:"PkgSourcePath"`   // of the source files, as the site server sees it
	SourceDate      cim.Datetime      `cim:"SourceDate"`      // of this version
	LastRefreshTime cim.Datetime      `cim:"LastRefreshTime"` // see Happened
	Action          Action            `cim:"ActionInProgress"`
}

// CIMClass is SMS_PackageBaseclass.
func (Package) CIMClass() string { return packageBaseName }

const packageBaseName = "SMS_PackageBaseclass"

func packageClass() Class {
	return newClass(packageBaseName, "PackageID", properties{
		strings: "AlternateContentProviders Description ISVString Language LocalizedCategoryInstanceNames[] Manufacturer" +
			" MIFFilename MIFName MIFPublisher MIFVersion Name PackageID PkgSourcePath PreferredAddressType SecuredScopeNames[]" +
			" SedoObjectVersion ShareName SourceSite StoredPkgPath Version",
		integers: "ActionInProgress ExtendedData[] ExtendedDataSize ForcedDisconnectDelay ForcedDisconnectNumRetries Icon[]" +
			" IconSize ISVData[] ISVDataSize NumOfPrograms PackageSize PackageType PkgFlags PkgSourceFlag Priority ShareType" +
			" SourceVersion StoredPkgVersion",
		booleans:  "ForcedDisconnectEnabled IgnoreAddressSchedule RefreshPkgSourceFlag",
		datetimes: "LastRefreshTime SourceDate",
		objects:   "RefreshSchedule[]",
	})
}

// Packages yields the packages of all kinds.
func Packages(ctx context.Context, s *cim.Session, conditions ...Condition) iter.Seq2[Package, error] {
	return Select[Package](conditions...).Run(ctx, s)
}

// PackageClass is a concrete class of packages. Methods are called on it, not
// on the base class.
type PackageClass struct {
	Type PackageType
	Name string
	// Harm says why RefreshPkgSource must not be called on the class; empty
	// when it may be.
	Harm string
	// Doubt says what to warn of before it is called.
	Doubt string
}

// PackageClasses lists the concrete classes of packages, by type.
func PackageClasses() []PackageClass {
	return []PackageClass{
		{Type: TypePackage, Name: "SMS_Package"},
		{Type: TypeDriver, Name: "SMS_DriverPackage"},
		{Type: TypeTaskSequence, Name: "SMS_TaskSequencePackage",
			Harm: "RefreshPkgSource is documented to leave a task sequence unusable"},
		{Type: TypeSoftwareUpdates, Name: "SMS_SoftwareUpdatesPackage"},
		{Type: TypeDeviceSetting, Name: "SMS_DeviceSettingPackage"},
		{Type: TypeApplication, Name: "SMS_ContentPackage",
			Doubt: "the console updates an application's content by deployment type; updating it as a whole is hardly documented"},
		{Type: TypeImage, Name: "SMS_ImagePackage"},
		{Type: TypeBootImage, Name: "SMS_BootImagePackage"},
		{Type: TypeOSInstall, Name: "SMS_OperatingSystemInstallPackage"},
		{Type: TypeVHD, Name: "SMS_VhdPackage"},
	}
}

// PackageClassOf finds the class of a type's packages. A virtual app has none
// that is known.
func PackageClassOf(t PackageType) (PackageClass, bool) {
	for _, c := range PackageClasses() {
		if c.Type == t {
			return c, true
		}
	}
	return PackageClass{}, false
}

// concretePackageClasses have the properties of the base class, those that
// sites of version 2002 show on nearly all of them, and their own. Of a task
// sequence's own properties none is listed.
func concretePackageClasses() []Class {
	base := packageClass()
	const strings = "BaseBoardProductID DriverManufacturer DriverModel DriverOSVersion DriverPkgVersion ObjectPath PreDownloadRule "
	const booleans = "IsVersionCompatible "
	own := map[PackageType]properties{
		TypePackage: {strings: strings, booleans: booleans + "IsPredefinedPackage",
			integers: "DefaultImageFlags TransformReadiness", datetimes: "TransformAnalysisDate"},
		TypeDriver:          {strings: strings, booleans: booleans},
		TypeTaskSequence:    {},
		TypeSoftwareUpdates: {strings: strings, booleans: booleans},
		TypeDeviceSetting: {strings: strings + "DeviceSettingItemUniqueIDs[] DeviceSettingPackageXML PlatformType",
			booleans: booleans},
		TypeApplication: {strings: strings + "SecurityKey", booleans: booleans, integers: "ObjectTypeID"},
		TypeImage:       {strings: strings + "ImageDiskLayout ImageOSVersion ImageProperty", booleans: booleans},
		TypeBootImage: {strings: strings + "Architecture BackgroundBitmapPath ContextID ImageDiskLayout ImageOSVersion ImagePath" +
			" ImageProperty InputLocale PreExecCommandLine PreExecSourceDirectory ProductionClientVersion",
			booleans: booleans + "DefaultImage EnableLabShell",
			integers: "ImageIndex OptionalComponents[] ScratchSpace", objects: "ReferencedDrivers[]"},
		TypeOSInstall: {strings: strings + "ImageOSVersion ImageProperty", booleans: booleans},
		TypeVHD:       {strings: strings, booleans: booleans},
	}
	var classes []Class
	for _, c := range PackageClasses() {
		classes = append(classes, derived(base, c.Name, own[c.Type]))
	}
	return classes
}
