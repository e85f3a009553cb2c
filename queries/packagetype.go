package queries

// PackageType is the kind of a package (SMS_PackageBaseclass.PackageType). The
// zero value is TypePackage.
type PackageType uint32

// The package types.
const (
	TypePackage         PackageType = 0
	TypeDriver          PackageType = 3
	TypeTaskSequence    PackageType = 4
	TypeSoftwareUpdates PackageType = 5
	TypeDeviceSetting   PackageType = 6
	TypeVirtualApp      PackageType = 7
	TypeApplication     PackageType = 8 // the content of an application, SMS_ContentPackage
	TypeImage           PackageType = 257
	TypeBootImage       PackageType = 258
	TypeOSInstall       PackageType = 259
	TypeVHD             PackageType = 260 // in Microsoft's support articles only
)

var packageTypes = enum{
	{0, "package", "regular program"},
	{3, "driver package", "driver drivers"},
	{4, "task sequence", "ts"},
	{5, "software updates", "software-update updates update"},
	{6, "device setting", "device-settings"},
	{7, "virtual app", "appv virtual-application"},
	{8, "application", "app content"},
	{257, "OS image", "image"},
	{258, "boot image", "boot"},
	{259, "OS upgrade", "os-install os-installer"},
	{260, "VHD", ""},
}

// PackageTypes are all types, in the order of their numbers.
func PackageTypes() []PackageType {
	out := make([]PackageType, len(packageTypes))
	for i, v := range packageTypes {
		out[i] = PackageType(v.number)
	}
	return out
}

// String is the type in a word or two, such as boot image.
func (t PackageType) String() string { return packageTypes.name(uint32(t)) }

// MarshalText is String.
func (t PackageType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// ParsePackageType reads a type: its word, with spaces or hyphens, a short form
// such as driver or image, or a number.
func ParsePackageType(text string) (PackageType, error) {
	n, err := packageTypes.parse("package type", text)
	return PackageType(n), err
}

// Versioned tells whether versions of such content can be compared. The
// content of an application stays at version 1 whatever happens to it
// (Microsoft, "Deploy and manage content").
func (t PackageType) Versioned() bool { return t != TypeApplication }
