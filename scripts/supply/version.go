package main

import (
	"regexp"
	"strings"
)

// described is what git describe makes of a tag: so many commits after it, at
// this one, with changes that are not committed.
var described = regexp.MustCompile(`(?s)^(.*?)(?:-([0-9]+-g[0-9a-f]+))?(-dirty)?$`)

// packageVersion is a version, or what git describe gives in place of one, as a
// version of a deb (deb-version(7)) and of an rpm. They sort as the versions do:
// 1.2.3-rc.1 before 1.2.3 and 1.2.3-4-gabc after it. What is only a commit comes
// before all versions.
func packageVersion(version string) string {
	parts := described.FindStringSubmatch(strings.TrimPrefix(version, "v"))
	release, after := parts[1], strings.Trim(parts[2]+parts[3], "-")
	if !regexp.MustCompile(`^[0-9]+\.[0-9.]*[0-9](-|\+|$)`).MatchString(release) {
		release, after = "0.0.0", strings.Trim(release+"-"+after, "-")
	}
	// A tilde sorts before the end of a version, which no other character does.
	out := strings.Replace(release, "-", "~", 1)
	if after != "" {
		out += "+" + after
	}
	return regexp.MustCompile(`[^0-9A-Za-z.+~]`).ReplaceAllString(out, ".")
}
