package queries

// SiteType is the kind of a site (SMS_Site.Type).
type SiteType uint32

// The kinds of sites. A secondary site has no SMS Provider: its primary speaks
// for it.
const (
	SiteSecondary SiteType = 1
	SitePrimary   SiteType = 2
	SiteCAS       SiteType = 4
)

var siteTypes = enum{{1, "secondary", ""}, {2, "primary", ""}, {4, "CAS", "central"}}

// String is the kind in a word.
func (t SiteType) String() string { return siteTypes.name(uint32(t)) }

// MarshalText is String.
func (t SiteType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// SiteStatus is the condition of a site (SMS_Site.Status). The class page names
// the first five; 6 to 9 are faults of a secondary site.
type SiteStatus uint32

// SiteActive is the status of a site that works.
const SiteActive SiteStatus = 1

var siteStatuses = enum{{1, "active", ""}, {2, "pending", ""}, {3, "failed", ""}, {4, "deleted", ""}, {5, "upgrade", ""}}

// String is the status in a word.
func (s SiteStatus) String() string { return siteStatuses.name(uint32(s)) }

// MarshalText is String.
func (s SiteStatus) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// SiteMode is the state of maintenance of a site (SMS_Site.Mode). The zero
// value is SiteModeNormal; in any other, distributions may wait or get lost.
type SiteMode uint32

// SiteModeNormal is the mode of a site that is not being worked on.
const SiteModeNormal SiteMode = 0

var siteModes = enum{
	{0, "normal", ""},
	{1, "replication maintenance", ""},
	{2, "recovery", ""},
	{3, "upgrade", ""},
	{4, "evaluation expired", ""},
	{5, "expansion", ""},
	{6, "interoperability (6)", ""},
	{7, "interoperability (7)", ""},
}

// String is the mode in a word or two.
func (m SiteMode) String() string { return siteModes.name(uint32(m)) }

// MarshalText is String.
func (m SiteMode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }
