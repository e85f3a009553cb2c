package metrics

// Family is a metric family: its name, its type, what it tells and its labels.
type Family struct {
	Name   string
	Type   string // gauge or counter
	Help   string
	Labels []string
}

// The names of the families.
const (
	buildInfo = "dpremote_build_info"

	siteUp       = "dpremote_site_up"
	siteError    = "dpremote_site_error"
	siteDuration = "dpremote_site_look_duration_seconds"
	siteSuccess  = "dpremote_site_last_success_timestamp_seconds"
	siteClock    = "dpremote_site_clock_offset_seconds"
	siteLooks    = "dpremote_site_looks_total"
	siteFailures = "dpremote_site_look_failures_total"

	rowsIn      = "dpremote_content_rows"
	rowsByCause = "dpremote_content_rows_by_cause"
	oldestIn    = "dpremote_content_oldest_change_timestamp_seconds"
	packages    = "dpremote_packages"
	packagesIn  = "dpremote_packages_in_state"
	dps         = "dpremote_distribution_points"
	dpsIn       = "dpremote_distribution_points_in_state"
	dpRows      = "dpremote_distribution_point_content_rows"
	dpsLeftOut  = "dpremote_distribution_points_left_out"

	hierarchyRows       = "dpremote_hierarchy_content_rows"
	hierarchyPackages   = "dpremote_hierarchy_packages"
	hierarchyPackagesIn = "dpremote_hierarchy_packages_in_state"
)

const (
	gauge   = "gauge"
	counter = "counter"
)

// Families are all families that a snapshot may show.
func Families() []Family {
	site := func(more ...string) []string { return append([]string{"site", "site_code"}, more...) }
	return []Family{
		{siteUp, gauge, "Whether the site was reached and answered all that was asked when it was last looked at (1) or not (0).", site()},
		{siteError, gauge, "Why the last look at the site failed, by kind; always 1, and absent where it did not fail.", site("kind")},
		{siteDuration, gauge, "How long the last look at the site took.", site()},
		{siteSuccess, gauge, "When a look at the site was last complete, in Unix time; absent where none was.", site()},
		{siteClock, gauge, "How far the site server's clock is ahead of this machine's, to half a second.", site()},
		{siteLooks, counter, "How often the exporter has looked at the site since it started.", site()},
		{siteFailures, counter, "How many of the exporter's looks at the site have failed since it started.", site()},

		{rowsIn, gauge, "Packages on distribution points, by state: a package that is meant for ten distribution points counts ten times.", site("state")},
		{rowsByCause, gauge, "Failed packages on distribution points, by what the last message about them says is the cause.", site("cause")},
		{oldestIn, gauge, "Since when that which has been in a state for longest has been there, in Unix time by the site's clock; absent where nothing is in the state.", site("state")},
		{packages, gauge, "Packages with content on distribution points, or on its way there.", site()},
		{packagesIn, gauge, "Packages that are in a state on one distribution point at least; a package may be in several.", site("state")},
		{dps, gauge, "Distribution points that hold content or wait for it.", site()},
		{dpsIn, gauge, "Distribution points on which one package at least is in a state; a distribution point may be in several.", site("state")},
		{dpRows, gauge, "Packages on one distribution point, by state; with --per-dp only. States without packages are left out, but for failed.", site("dp", "state")},
		{dpsLeftOut, gauge, "Distribution points without series of their own, because there would be more than --per-dp-series; with --per-dp only.", nil},

		{hierarchyRows, gauge, "Packages on the distribution points of a whole hierarchy, by state; status --level root only.", []string{"hierarchy", "state"}},
		{hierarchyPackages, gauge, "Packages of a whole hierarchy; status --level root only.", []string{"hierarchy"}},
		{hierarchyPackagesIn, gauge, "Packages of a whole hierarchy that are in a state on one distribution point at least; status --level root only.", []string{"hierarchy", "state"}},

		{buildInfo, gauge, "The dpremote that made these metrics; always 1.", []string{"version", "goversion"}},
	}
}
