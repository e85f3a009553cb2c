package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dpremote/distribution"
	"dpremote/internal/report"
	"dpremote/queries"
)

// statusOptions are the flags of status.
type statusOptions struct {
	filterFlags
	verdictFlags
	prom  promFlags
	level string
}

func newStatus(g *globals) *cobra.Command {
	o := &statusOptions{}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show how far packages are",
		Long: `Show how far packages are on their way to the distribution points: in the whole
hierarchy (--level root), at each site (--level site), or on each distribution
point (--level dp). What several sites of a hierarchy report is shown once.

Two states are not the site's own and are told at --level dp alone: stale is
what is installed in an older version than the package has (never an
application, whose content has no versions), stuck what has been pending or
retrying for longer than --stuck-after.

--fail-on says what is a finding and makes the exit status 3: states, and with
older-than=AGE what is not installed and has not changed for longer, by the
site's clock. With --junit, a report for CI systems, and with --annotate, what
failed is a finding where --fail-on does not say otherwise. A finding is a
failure there, and a site that could not be asked is an error.`,
		Example: `  dpremote status
  dpremote status --level dp --state failed,retrying
  dpremote status --level dp --dp 'dp0*' --since 24h -o csv
  dpremote status --level dp --state stale,stuck
  dpremote status --fail-on failed
  dpremote status --level dp --fail-on failed,older-than=24h --junit status.xml
  dpremote status --level dp --prom dpremote.prom`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runStatus(cmd.Context(), g, o) },
	}
	o.filterFlags.register(cmd.Flags(), "default: all")
	o.verdictFlags.register(cmd.Flags(), "a row")
	o.registerFailOn(cmd.Flags())
	o.prom.register(cmd.Flags())
	cmd.Flags().StringVar(&o.level, "level", "root", "what a row is: root (a package), site (a package at a site) or dp (a package on a distribution point)")
	return cmd
}

func runStatus(ctx context.Context, g *globals, o *statusOptions) error {
	filter, err := o.filter(g.app.now())
	if err != nil {
		return err
	}
	show, ok := map[string]func(context.Context, *fleet, queries.Filter, *verdict) error{
		"root": statusRoot, "site": statusSite, "dp": statusDP,
	}[o.level]
	if !ok {
		return usage("--level: %q is none of root, site, dp", o.level)
	}
	if o.level != "dp" && len(o.dps)+len(o.types) > 0 {
		return usage("--level %s counts distribution points: --dp and --type need --level dp", o.level)
	}
	judged := func(s queries.State) bool { return s == queries.StateStale || s == queries.StateStuck }
	if i := slices.IndexFunc(filter.States, judged); i >= 0 && o.level != "dp" && !slices.Contains(commas(o.states), "unhealthy") {
		return usage("--state: --level %s does not count what is %s; use --level dp", o.level, filter.States[i])
	}
	if o.level == "root" && o.since != "" {
		return usage("--level root has no dates: --since needs --level site or dp")
	}
	v, err := o.open(g, "status")
	if err != nil {
		return err
	}
	defer v.discard()
	if err := v.forLevel(o.level, commas(o.failOn)); err != nil {
		return err
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	prom, err := o.prom.open(f, o.level, filter)
	if err != nil {
		return err
	}
	defer prom.discard()
	if err := show(ctx, f, filter, v); err != nil {
		return err
	}
	if err := prom.write(ctx); err != nil {
		return err
	}
	if err := v.close(ctx, f); err != nil {
		return err
	}
	return f.exit(v.exit())
}

// packageOfHierarchy identifies a row of the root level. Packages of different
// hierarchies may have the same ID.
type packageOfHierarchy struct {
	top queries.SiteCode
	pkg queries.PackageID
}

// topOf is the code of the site at the top of a site's hierarchy. A primary
// site is directly below it.
func topOf(ctx context.Context, m *member) (queries.SiteCode, error) {
	if err := needNamespace(m); err != nil {
		return "", err
	}
	code := m.site.Code()
	for s, err := range queries.Sites(ctx, m.Session) {
		if err != nil {
			return "", err
		}
		if s.SiteCode == code && s.ReportingSiteCode != "" {
			code = s.ReportingSiteCode
		}
	}
	return code, nil
}

// statusRoot shows a row a package. Each site of a hierarchy has one for it;
// the one that counts most distribution points has the best view.
func statusRoot(ctx context.Context, f *fleet, filter queries.Filter, judge *verdict) error {
	out, err := report.New(f.g.app.out, f.g.reportOptions("status-root", statusRootColumns()))
	if err != nil {
		return usage("%w", err)
	}
	views := each(ctx, f, func(ctx context.Context, m *member) (sitesRows[queries.PackageStatusRoot], error) {
		top, err := topOf(ctx, m)
		if err != nil {
			return sitesRows[queries.PackageStatusRoot]{}, err
		}
		rows, err := queries.Collect(queries.StatusRoot(ctx, m.Session, filter))
		return sitesRows[queries.PackageStatusRoot]{m, top, rows}, err
	})
	sayNoPackages(f, filter, views)
	best := map[packageOfHierarchy]siteRow[queries.PackageStatusRoot]{}
	for _, v := range views {
		for _, r := range v.rows {
			key := packageOfHierarchy{v.top, r.PackageID}
			if old, ok := best[key]; !ok || r.Targeted > old.row.Targeted {
				best[key] = siteRow[queries.PackageStatusRoot]{v.member, v.top, r}
			}
		}
	}
	rows := sortedRows(best, func(a, b packageOfHierarchy) int {
		return cmp.Or(strings.Compare(string(a.pkg), string(b.pkg)), strings.Compare(string(a.top), string(b.top)))
	})
	for _, r := range rows {
		judge.counts(r.member, r.row.SourceSite, r.row.PackageID, r.row.Name, r.row.Counts)
		f.tally.inHierarchy(r.top, r.row)
		values := append([]any{r.row.PackageID, r.row.Name}, countValues(r.row.Counts)...)
		values = append(values, r.row.SourceSite, r.row.SourceVersion, r.row.SourceSize, when(r.row.SourceDate), r.member.Name)
		if err := out.Row(values...); err != nil {
			return err
		}
	}
	f.addErrors(out)
	return out.Close()
}

// sayNoPackages tells sites that show no package at all, which is how missing
// rights show.
func sayNoPackages[T any](f *fleet, filter queries.Filter, views []sitesRows[T]) {
	if len(filter.Packages)+len(filter.States) > 0 || !filter.Since.IsZero() {
		return
	}
	for _, v := range views {
		if len(v.rows) == 0 {
			f.g.app.say("%s shows no packages at all: it has none, or the account has no right to see them.", v.member.Name)
		}
	}
}

// packageAtSite identifies a row of the site level.
type packageAtSite struct {
	pkg  queries.PackageID
	site queries.SiteCode
}

// statusSite shows a row for each package at each site. The site itself knows
// best.
func statusSite(ctx context.Context, f *fleet, filter queries.Filter, judge *verdict) error {
	out, err := report.New(f.g.app.out, f.g.reportOptions("status-site", statusSiteColumns()))
	if err != nil {
		return usage("%w", err)
	}
	views := each(ctx, f, func(ctx context.Context, m *member) (sitesRows[queries.PackageStatusSite], error) {
		if err := needNamespace(m); err != nil {
			return sitesRows[queries.PackageStatusSite]{}, err
		}
		rows, err := queries.Collect(queries.StatusSite(ctx, m.Session, filter))
		if err == nil && (len(f.others) > 0 || f.tally != nil) {
			rows, err = f.withoutOthers(ctx, m, rows)
		}
		return sitesRows[queries.PackageStatusSite]{m, "", rows}, err
	})
	sayNoPackages(f, filter, views)
	best := map[packageAtSite]siteRow[queries.PackageStatusSite]{}
	for _, v := range views {
		for _, r := range v.rows {
			key := packageAtSite{r.PackageID, r.SiteCode}
			if _, ok := best[key]; !ok || v.member.site.Code() == r.SiteCode {
				best[key] = siteRow[queries.PackageStatusSite]{v.member, "", r}
			}
		}
	}
	rows := sortedRows(best, func(a, b packageAtSite) int {
		return strings.Compare(string(a.site)+" "+string(a.pkg), string(b.site)+" "+string(b.pkg))
	})
	for _, r := range rows {
		judge.counts(r.member, r.row.SiteCode, r.row.PackageID, r.row.Name, r.row.Counts)
		f.tally.pkg(r.member, r.row)
		values := append([]any{r.row.SiteCode, r.row.PackageID, r.row.Name}, countValues(r.row.Counts)...)
		values = append(values, r.row.SourceVersion, when(r.row.SummaryDate), r.member.Name)
		if err := out.Row(values...); err != nil {
			return err
		}
	}
	f.addErrors(out)
	return out.Close()
}

// withoutOthers takes the rows out that are about the sites of other shards and
// about the secondary sites below them.
func (f *fleet) withoutOthers(ctx context.Context, m *member, rows []queries.PackageStatusSite) ([]queries.PackageStatusSite, error) {
	view := distribution.View{Site: m.site}
	var err error
	view.Sites, err = queries.Collect(queries.Sites(ctx, m.Session))
	f.tally.saw(m, &view)
	return slices.DeleteFunc(rows, func(r queries.PackageStatusSite) bool { return f.others[view.HomeOf(r.SiteCode)] }), err
}

// sitesRows are the rows of one site.
type sitesRows[T any] struct {
	member *member
	top    queries.SiteCode // of its hierarchy, where that matters
	rows   []T
}

// siteRow is a row with the site that it came from.
type siteRow[T any] struct {
	member *member
	top    queries.SiteCode // of its hierarchy, where that matters
	row    T
}

// sortedRows are the values of a map in the order of their keys.
func sortedRows[K comparable, T any](m map[K]T, compare func(a, b K) int) []T {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, compare)
	out := make([]T, len(keys))
	for i, k := range keys {
		out[i] = m[k]
	}
	return out
}

func statusRootColumns() []report.Column {
	columns := append([]report.Column{
		{Name: "package", Title: "PACKAGE"}, {Name: "name", Title: "NAME", Max: 40},
	}, countColumns()...)
	return append(columns,
		report.Column{Name: "sourceSite", Title: "SOURCE", Minor: 3},
		report.Column{Name: "sourceVersion", Title: "VERSION", Right: true, Minor: 3},
		report.Column{Name: "sourceSizeKB", Title: "SIZE KB", Right: true, Wide: true},
		report.Column{Name: "sourceDate", Title: "SOURCE DATE", Wide: true},
		report.Column{Name: "site", Title: "SEEN BY", Wide: true})
}

func statusSiteColumns() []report.Column {
	columns := append([]report.Column{
		{Name: "siteCode", Title: "SITE"}, {Name: "package", Title: "PACKAGE"}, {Name: "name", Title: "NAME", Max: 40},
	}, countColumns()...)
	return append(columns,
		report.Column{Name: "sourceVersion", Title: "VERSION", Right: true, Wide: true},
		report.Column{Name: "changed", Title: "CHANGED", Minor: 3},
		report.Column{Name: "site", Title: "SEEN BY", Wide: true})
}

func countColumns() []report.Column {
	return []report.Column{
		{Name: "targeted", Title: "TARGETED", Right: true, Minor: 1}, {Name: "installed", Title: "INSTALLED", Right: true, Minor: 1},
		{Name: "retrying", Title: "RETRYING", Right: true, Color: badColor}, {Name: "failed", Title: "FAILED", Right: true, Color: badColor},
		{Name: "other", Title: "OTHER", Right: true, Minor: 2},
	}
}

func countValues(c queries.Counts) []any {
	return []any{c.Targeted, c.Installed, c.Retrying, c.Failed, c.Other()}
}
