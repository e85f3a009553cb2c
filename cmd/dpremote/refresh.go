package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"dpremote/distribution"
	"dpremote/queries"
)

// refreshOptions are the flags of refresh.
type refreshOptions struct {
	filterFlags
	verdictFlags
	dryRun, yes, force, wait bool
	max, perDP, perSite      int
	cooldown, deadline       time.Duration
	interval                 time.Duration
	put, order, resume       string
	groups                   []string
}

// refreshRules are the flags of a refresh once they are read.
type refreshRules struct {
	filter queries.Filter
	groups []queries.Pattern
	mode   distribution.PutMode
	pace   distribution.Pace
	order  distribution.Order
}

func newRefresh(g *globals) *cobra.Command {
	o := &refreshOptions{}
	cmd := &cobra.Command{
		Use:     "refresh",
		Aliases: []string{"resend"},
		Short:   "Send failed content again",
		Long: `Send failed content again, to the distribution points on which it failed and to
no others, in the version that the site has (the console's Redistribute). It
does not take a new copy of the package's source; that is "update".

Each row, a package on a distribution point, is judged as "diagnose" does it.
What a resend does not cure (a full disk, a missing source, denied access, a
distribution point that is offline) is shown with its cause and skipped, as is
what is being sent already, what was sent again less than --cooldown ago, and
what is in a retry storm. --force sends it all the same.

A site is not given more than it has room for: no distribution point more than
--per-dp open transfers, no site more than --per-site, those counted that are
open already. With --wait the rest is sent as room comes; without it the rest is
skipped. The smallest content goes first, unless --order says otherwise.

What is to be sent is written into the history before anything is. When a
refresh was interrupted or killed, --resume goes on with it: with the last one
of this inventory that left something unsent, or with the run that is named.
What it sent is not sent again. Where nobody knows whether a request was stored,
the site is asked: a refresh, a transfer or a change of state since then says
that it was. The rest is judged anew and sent in the planned order. A refresh
that still goes on in another process with the same history is stopped. A plain
refresh sends nothing twice either, as long as --cooldown has not passed: it
asks the site alone.`,
		Example: `  dpremote refresh --dry-run
  dpremote refresh --yes --wait --deadline 1h
  dpremote refresh --yes --wait --junit refresh.xml
  dpremote refresh --dp 'dp0*' --package PS100005 --force
  dpremote refresh --dp-group 'All London DPs' --state failed,stale,stuck
  dpremote refresh --site PS1 --max 20 --yes -o json
  dpremote refresh --resume --yes --wait
  dpremote refresh --resume 1 --dry-run`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
			case o.resume != resumeLast:
				return usage("unknown argument %q (see '%s --help')", args[0], cmd.CommandPath())
			default:
				o.resume = args[0]
			}
			judge, err := o.open(g, "refresh")
			if err != nil {
				return err
			}
			defer judge.discard()
			if o.resume != "" {
				return runResume(cmd.Context(), g, o, judge)
			}
			return runRefresh(cmd.Context(), g, o, judge)
		},
	}
	f := cmd.Flags()
	o.filterFlags.register(f, "default: failed")
	o.verdictFlags.register(f, "a row and what became of it")
	f.BoolVar(&o.dryRun, "dry-run", false, "show the plan and do nothing")
	f.BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	f.BoolVar(&o.force, "force", false, "send also what is skipped for its cause, a storm, the queue or the cooldown")
	f.IntVar(&o.max, "max", 0, "send at most so many (0: no limit)")
	f.IntVar(&o.perDP, "per-dp", 25, "let no distribution point have more open transfers than this (0: no limit)")
	f.IntVar(&o.perSite, "per-site", 150, "let no site have more open transfers than this; it sends 15 at once by default (0: no limit)")
	f.StringVar(&o.order, "order", "small", "what to send first: small or large content, the old failures, or as they are in the list")
	f.StringSliceVar(&o.groups, "dp-group", nil, "only distribution points in these groups: names or patterns such as Branch*")
	f.DurationVar(&o.cooldown, "cooldown", 30*time.Minute, "leave alone what was sent again less than this ago")
	f.StringVar(&o.put, "put", "auto", "what a request carries: auto, partial (keys and RefreshNow) or full (the whole instance)")
	f.StringVar(&o.resume, "resume", "", "go on with a refresh that did not end: the last one, or the `RUN` of this number")
	f.Lookup("resume").NoOptDefVal = resumeLast
	f.BoolVar(&o.wait, "wait", false, "wait until everything has arrived or failed again")
	f.DurationVar(&o.deadline, "deadline", time.Hour, "wait no longer than this")
	f.DurationVar(&o.interval, "interval", 0, "pause between two looks at a site (default: 2s, and up to 1m while nothing moves)")
	return cmd
}

func runRefresh(ctx context.Context, g *globals, o *refreshOptions, judge *verdict) error {
	rules, err := o.read(g)
	if err != nil {
		return err
	}
	if err := g.checkColumns(outcomeColumns(false)); err != nil {
		return err
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	s, err := lookAt(ctx, f, rules, o.cooldown)
	if err != nil {
		return err
	}
	if err := unknownGroups(f, o.groups, rules.groups, s.examined); err != nil {
		return err
	}
	if rowless(s.examined) {
		if err := f.whyNothing(ctx, rules.filter); err != nil {
			return err
		}
	}
	steps := distribution.MakePlan(s.rows, s.rules(f, o, rules))
	r := &refreshRun{f: f, o: o, judge: judge, rules: rules, storms: s.storms, items: newRefreshItems(steps)}
	return r.run(ctx, steps)
}

// sight is what a refresh sees of the sites.
type sight struct {
	at       time.Time // when it began to look
	examined []*distribution.Examination
	views    []*distribution.View
	rows     []distribution.Row
	storms   []distribution.Storm // those that are not over
}

// lookAt examines the sites, and what was refreshed there less than so long ago.
func lookAt(ctx context.Context, f *fleet, rules refreshRules, refreshed time.Duration) (*sight, error) {
	s := &sight{at: f.g.app.now()}
	s.examined = eachSite(ctx, f, func(ctx context.Context, site *distribution.Site) (*distribution.Examination, error) {
		return distribution.Examine(ctx, site, distribution.ExamineFor{
			LookFor: distribution.LookFor{Filter: rules.filter, Groups: rules.groups, Cooldown: refreshed},
			Since:   s.at.Add(-messageAge),
		})
	})
	s.storms = raging(distribution.Storms(s.examined), s.at)
	sayStorms(f.g, s.storms)
	for _, x := range s.examined {
		s.views = append(s.views, x.View)
	}
	f.g.record.saw(ctx, f, s.views)
	f.g.record.aloneSince(s.at)
	for _, d := range distribution.Diagnose(f.leaveDiagnoses(s.examined)) {
		s.rows = append(s.rows, d.Row)
	}
	return s, nil
}

// rules are the rules of a plan made from what was seen.
func (s *sight) rules(f *fleet, o *refreshOptions, r refreshRules) distribution.Rules {
	return distribution.Rules{
		Force: o.force, Cooldown: o.cooldown, Max: o.max, Pace: r.pace, Order: r.order, Now: s.at,
		Storms: s.storms, Elsewhere: f.elsewhere(s.views),
	}
}

// read reads the flags and refuses those that contradict each other.
func (o *refreshOptions) read(g *globals) (refreshRules, error) {
	var r refreshRules
	switch {
	case o.dryRun && o.wait:
		return r, usage("--dry-run does nothing that --wait could wait for")
	case o.max < 0 || o.perDP < 0 || o.perSite < 0 || o.cooldown < 0 || o.interval < 0:
		return r, usage("--max, --per-dp, --per-site, --cooldown and --interval cannot be negative")
	case o.deadline <= 0:
		return r, usage("--deadline must be more than nothing")
	}
	if err := somebodyConfirms(g.app, o.dryRun, o.yes); err != nil {
		return r, err
	}
	var err error
	if r.filter, err = o.filter(g.app.now(), queries.StateFailed); err != nil {
		return r, err
	}
	if r.groups, err = patterns("--dp-group", o.groups); err != nil {
		return r, err
	}
	if r.mode, err = distribution.ParsePutMode(o.put); err != nil {
		return r, usage("--put: %w", err)
	}
	if r.order, err = distribution.ParseOrder(o.order); err != nil {
		return r, usage("--order: %w", err)
	}
	r.pace = distribution.Pace{PerDP: o.perDP, PerSite: o.perSite, Wait: o.wait}
	return r, nil
}

// unknownGroups refuses groups that no site shows, when all have answered.
func unknownGroups(f *fleet, names []string, groups []queries.Pattern, examined []*distribution.Examination) error {
	if len(f.failures) > 0 {
		return nil
	}
	for i, p := range groups {
		if !slices.ContainsFunc(examined, func(x *distribution.Examination) bool { return slices.ContainsFunc(x.View.Groups, p.Match) }) {
			if err := f.unseen(usage("--dp-group: no site shows a distribution point group %q", commas(names)[i])); err != nil {
				return err
			}
		}
	}
	return nil
}

func rowless(examined []*distribution.Examination) bool {
	return !slices.ContainsFunc(examined, func(x *distribution.Examination) bool { return len(x.View.Rows) > 0 })
}

// raging are the storms that are not over.
func raging(storms []distribution.Storm, now time.Time) []distribution.Storm {
	return slices.DeleteFunc(storms, func(s distribution.Storm) bool { return !s.Rages(now) })
}

// elsewhere are the sites of the inventory that showed nothing: what they hold
// is not touched through another site.
func (f *fleet) elsewhere(views []*distribution.View) map[queries.SiteCode]string {
	seen := map[string]bool{}
	for _, v := range views {
		seen[v.Site.Name] = true
	}
	asked := map[string]bool{}
	for _, m := range f.members {
		asked[m.Name] = true
	}
	out := map[queries.SiteCode]string{}
	for _, s := range f.known {
		switch {
		case s.Code == "" || seen[s.Name]:
		case asked[s.Name]:
			out[queries.SiteCode(s.Code)] = fmt.Sprintf("its site %s did not answer", s.Name)
		default:
			out[queries.SiteCode(s.Code)] = fmt.Sprintf("its site %s is in the inventory, but was left out", s.Name)
		}
	}
	return out
}
