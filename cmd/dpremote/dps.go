package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dpremote/distribution"
	"dpremote/internal/report"
	"dpremote/queries"
)

// dpsOptions are the flags of dps.
type dpsOptions struct {
	filterFlags
	prom promFlags
}

func newDPs(g *globals) *cobra.Command {
	o := &dpsOptions{}
	cmd := &cobra.Command{
		Use:   "dps",
		Short: "List distribution points, with their content by state",
		Long: `List the distribution points that the sites show, each once, with the number of
packages on it in each state. A distribution point is listed under its own site,
which may be a secondary site, as the site that serves it shows it.`,
		Example: `  dpremote dps
  dpremote dps --state failed,retrying
  dpremote dps --dp 'dp0*' -o wide
  dpremote dps --prom dps.prom --per-dp`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDPs(cmd.Context(), g, o) },
	}
	o.register(cmd.Flags(), "default: all; others leave out distribution points without such content")
	o.prom.register(cmd.Flags())
	return cmd
}

// dpKey identifies a distribution point.
type dpKey struct {
	path string
	site queries.SiteCode
}

// dpCounts are a distribution point's packages by state.
type dpCounts struct {
	info   queries.DistributionPointInfo
	member *member
	rank   int    // of the site that reports it, see distribution.View.Rank
	order  string // by which they are sorted
	stateCounts
}

func runDPs(ctx context.Context, g *globals, o *dpsOptions) error {
	filter, err := o.filter(g.app.now())
	if err != nil {
		return err
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	prom, err := o.prom.open(f, "dps", filter)
	if err != nil {
		return err
	}
	defer prom.discard()
	out, err := report.New(g.app.out, g.reportOptions("dps", dpsColumns()))
	if err != nil {
		return usage("%w", err)
	}
	all := f.countDPs(ctx, filter)
	narrowed := len(filter.States)+len(filter.Packages)+len(filter.Types) > 0 || !filter.Since.IsZero()
	for key, c := range all {
		c.order = string(key.site) + " " + c.info.Server() + key.path
	}
	byOrder := func(a, b *dpCounts) int { return strings.Compare(a.order, b.order) }
	for _, c := range slices.SortedFunc(maps.Values(all), byOrder) {
		if narrowed && c.none() {
			continue
		}
		f.tally.dp(c.member, c.info, &c.stateCounts)
		err := out.Row(c.info.SiteCode, c.info.Server(),
			c.of(queries.StateInstalled), c.of(queries.StatePending), c.of(queries.StateRetrying), c.of(queries.StateFailed),
			c.of(queries.StateStale), c.of(queries.StateStuck),
			c.of(queries.StateRemovalPending, queries.StateRemovalRetrying, queries.StateRemovalFailed), c.other(),
			c.info.IsPullDP, c.info.Cloud(), c.info.RateLimited, c.info.GroupCount, orNil(c.info.Description), c.info.NALPath)
		if err != nil {
			return err
		}
	}
	f.addErrors(out)
	if err := errors.Join(out.Close(), prom.write(ctx)); err != nil {
		return err
	}
	return f.exit(exitOK)
}

// other counts the packages in states that no column has.
func (c *dpCounts) other() (n int) {
	for s, count := range c.all() {
		if s > queries.StateRemovalFailed && s != queries.StateStale && s != queries.StateStuck {
			n += count
		}
	}
	return n
}

// countDPs asks all sites, and where one does not answer those above it.
func (f *fleet) countDPs(ctx context.Context, filter queries.Filter) map[dpKey]*dpCounts {
	owners := f.owners()
	counted := each(ctx, f, func(ctx context.Context, m *member) (*countedDPs, error) {
		return countDPs(ctx, f, m, filter, owners.elsewhere)
	})
	shown := map[*member]*distribution.View{}
	var all []leaving
	for _, c := range counted {
		shown[c.member] = c.view
		all = append(all, c.leaving)
	}
	above, missing := f.standIns(owners, all, shown)
	others := func(m *member, _ *distribution.View, home queries.SiteCode) bool { return !missing[m][home] }
	if len(missing) > 0 && ctx.Err() == nil {
		counted = append(counted, each(ctx, above, func(ctx context.Context, m *member) (*countedDPs, error) {
			return countDPs(ctx, f, m, filter, others)
		})...)
		f.failures = append(f.failures, above.failures...)
	}
	best := map[dpKey]*dpCounts{}
	for _, c := range counted {
		for key, c := range c.counts {
			if old, ok := best[key]; !ok || c.rank < old.rank {
				best[key] = c
			}
		}
	}
	return best
}

// countedDPs is what one site shows.
type countedDPs struct {
	leaving
	counts map[dpKey]*dpCounts
}

// leaves tells the homes whose distribution points a site is not asked for.
type leaves func(m *member, view *distribution.View, home queries.SiteCode) bool

// countDPs is what one site shows, but for the distribution points of the homes
// that elsewhere tells, and of other shards.
func countDPs(ctx context.Context, f *fleet, m *member, filter queries.Filter, elsewhere leaves) (*countedDPs, error) {
	if err := needNamespace(m); err != nil {
		return nil, err
	}
	view := &distribution.View{Site: m.site}
	var err error
	if view.Sites, err = queries.Collect(queries.Sites(ctx, m.Session)); err != nil {
		return nil, err
	}
	f.tally.saw(m, view)
	left := map[queries.SiteCode]bool{}
	leave := func(home queries.SiteCode) bool {
		if !elsewhere(m, view, home) {
			return false
		}
		left[home] = true
		return true
	}
	counts := map[dpKey]*dpCounts{}
	for info, err := range queries.DPs(ctx, m.Session) {
		if err != nil {
			return nil, err
		}
		if home := view.HomeOf(info.SiteCode); filter.MatchDP(info.NALPath) && !f.others[home] && !leave(home) {
			counts[dpKey{info.NALPath.Key(), info.SiteCode}] = &dpCounts{info: info, member: m, rank: view.Rank(info.SiteCode)}
		}
	}
	// Rows spell a distribution point's path in one way as a rule, and there may
	// be thousands for each: its key is made once for each way.
	var spelled recall[dpKey, *dpCounts]
	counted := func(as dpKey) *dpCounts { return counts[dpKey{queries.NALPath(as.path).Key(), as.site}] }
	filter.NotSites = view.CodesAt(leave)
	for row, err := range queries.StatusDP(ctx, m.Session, filter) {
		if err != nil {
			return nil, err
		}
		if c := *spelled.of(dpKey{string(row.ServerNALPath), row.SiteCode}, counted); c != nil {
			c.add(row.State)
		}
	}
	return &countedDPs{leaving{m, view, left}, counts}, nil
}

func dpsColumns() []report.Column {
	return []report.Column{
		{Name: "siteCode", Title: "SITE"}, {Name: "dp", Title: "DP"},
		{Name: "installed", Title: "INSTALLED", Right: true, Minor: 1}, {Name: "pending", Title: "PENDING", Right: true, Minor: 1},
		{Name: "retrying", Title: "RETRYING", Right: true, Color: badColor}, {Name: "failed", Title: "FAILED", Right: true, Color: badColor},
		{Name: "stale", Title: "STALE", Right: true, Wide: true, Color: badColor}, {Name: "stuck", Title: "STUCK", Right: true, Wide: true, Color: badColor},
		{Name: "removing", Title: "REMOVING", Right: true, Wide: true}, {Name: "other", Title: "OTHER", Right: true, Wide: true},
		{Name: "pull", Title: "PULL", Wide: true}, {Name: "cloud", Title: "CLOUD", Wide: true}, {Name: "rateLimited", Title: "RATE LIMITED", Wide: true},
		{Name: "groups", Title: "GROUPS", Right: true, Wide: true}, {Name: "description", Title: "DESCRIPTION", Wide: true}, {Name: "nalPath", Title: "NAL PATH", Wide: true},
	}
}
