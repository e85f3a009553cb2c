package queries

import (
	"fmt"
	"strings"
)

// SiteCode is the code of a site: three letters or digits, in upper case.
type SiteCode string

// ParseSiteCode reads a site code in any case.
func ParseSiteCode(text string) (SiteCode, error) {
	if len(text) != 3 || !isAlphanumeric(text) {
		return "", fmt.Errorf("%q is not a site code: it has three letters or digits", text)
	}
	return SiteCode(strings.ToUpper(text)), nil
}

// Namespace is the WMI namespace of the site's SMS Provider.
func (c SiteCode) Namespace() string { return "root/sms/site_" + string(c) }

// PackageID is the ID of a package: eight letters or digits, the first three of
// which are the code of the site that made it, in upper case.
type PackageID string

// ParsePackageID reads a package ID in any case.
func ParsePackageID(text string) (PackageID, error) {
	if !isPackageID(text) {
		return "", fmt.Errorf("%q is not a package ID: it has eight letters or digits", text)
	}
	return PackageID(strings.ToUpper(text)), nil
}

func isPackageID(text string) bool { return len(text) == 8 && isAlphanumeric(text) }

func isAlphanumeric(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20 // ASCII letters in lower case
		if (c < 'a' || c > 'z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}
