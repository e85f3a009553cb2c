package queries

// PackageSourceFlag says where a package's source files are
// (SMS_PackageBaseclass.PkgSourceFlag). The zero value is SourceUnspecified.
type PackageSourceFlag uint32

// The kinds of sources.
const (
	SourceUnspecified PackageSourceFlag = 0
	SourceNone        PackageSourceFlag = 1 // no files, so nothing to distribute
	SourceDirect      PackageSourceFlag = 2
	SourceCompressed  PackageSourceFlag = 3 // obsolete
	SourceLocal       PackageSourceFlag = 4
)

var sourceFlags = enum{{0, "unspecified", ""}, {1, "no source", ""}, {2, "direct", ""}, {3, "compressed", ""}, {4, "local", ""}}

// String is the kind in a word or two.
func (f PackageSourceFlag) String() string { return sourceFlags.name(uint32(f)) }

// MarshalText is String.
func (f PackageSourceFlag) MarshalText() ([]byte, error) { return []byte(f.String()), nil }
