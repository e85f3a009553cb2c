package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"dpremote/distribution"
	"dpremote/internal/report"
	"dpremote/queries"
)

// updateOptions are the flags of update.
type updateOptions struct {
	actFlags
	force     bool
	contextID string
}

func newUpdate(g *globals) *cobra.Command {
	o := &updateOptions{}
	cmd := &cobra.Command{
		Use:   "update PACKAGEID...",
		Short: "Take a new copy of packages' sources and send it everywhere",
		Long: `Take a new copy of the source files of packages, as their next version, and send
it to all of their distribution points at all sites (the console's Update
Distribution Points). To send what is there already once more, and only where it
failed, use "refresh".

The site that owns a package is asked, and must be among the sites that are
selected. A task sequence is never updated: that is documented to leave it
unusable. A package to which something is being done, or which has no source
files, is skipped unless --force is given.

The exit status is 3 when one of the packages is not updated, and with --wait
unless all of them are installed in their new version on all distribution points
that the selected sites show.`,
		Example: `  dpremote update PS100005 --dry-run
  dpremote update PS100005 PS100006 --yes --wait --deadline 4h
  dpremote update PS100005 --yes -o json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runUpdate(cmd.Context(), g, o, args) },
	}
	f := cmd.Flags()
	o.register(f, "the new version is installed everywhere or failed", time.Hour)
	f.BoolVar(&o.force, "force", false, "update also what is busy or has no source files")
	f.StringVar(&o.contextID, "context-id", "", "ContextID for boot images, which is passed on to the site as it is")
	return cmd
}

func runUpdate(ctx context.Context, g *globals, o *updateOptions, args []string) error {
	ids, err := idsOf(args)
	if err != nil {
		return err
	}
	if err := o.check(g.app); err != nil {
		return err
	}
	if err := g.checkColumns(updateColumns(!o.dryRun)); err != nil {
		return err
	}
	if !g.shard.IsZero() {
		return usage("--shard: one site owns a package, so run update once, for all sites")
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	views := eachSite(ctx, f, func(ctx context.Context, s *distribution.Site) (*distribution.PackagesView, error) {
		return distribution.LookAtPackages(ctx, s, ids)
	})
	var plain []*distribution.View
	for _, v := range views {
		plain = append(plain, v.View)
	}
	steps := distribution.PlanUpdate(ids, views, distribution.UpdateRules{Force: o.force, Elsewhere: f.elsewhere(plain)})
	r := &updateRun{f: f, o: o, steps: steps, outcomes: map[queries.PackageID]*updateOutcome{}}
	if err := r.count(); err != nil {
		return err
	}
	return f.carryOut(ctx, o.consent, r)
}

// idsOf reads the arguments, each ID once.
func idsOf(args []string) ([]queries.PackageID, error) {
	var ids []queries.PackageID
	for _, arg := range args {
		id, err := queries.ParsePackageID(arg)
		if err != nil {
			return nil, usage("%w", err)
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// outcomeUpdated is a package whose new version was seen.
const outcomeUpdated = "updated"

// updateOutcome is what became of a package.
type updateOutcome struct {
	result                    distribution.UpdateResult
	outcome                   string
	installed, failed, others int // distribution points, after a wait
}

// updateRun is the change that updates packages.
type updateRun struct {
	f     *fleet
	o     *updateOptions
	steps []distribution.UpdateStep
	// How many packages the plan updates, on how many distribution points.
	packages, dps int
	outcomes      map[queries.PackageID]*updateOutcome // of packages that are not skipped
}

// count counts how many packages are updated on how many distribution points,
// and warns of what is doubtful about them. It refuses packages that do not
// exist, which only shows when all sites have answered, and a ContextID that
// nothing takes.
func (r *updateRun) count() error {
	takes := r.o.contextID == ""
	for _, s := range r.steps {
		if s.Skip == distribution.SkipNotFound && len(r.f.failures) == 0 {
			return usage("package %s: %s", s.PackageID, s.Reason)
		}
	}
	for _, s := range r.steps {
		if s.Skip != distribution.SkipNothing {
			r.f.g.app.say("%s is not updated: %s.", s.PackageID, s.Reason)
			continue
		}
		r.packages++
		r.dps += len(s.Rows)
		takes = takes || s.Class.Type == queries.TypeBootImage
		if s.Class.Doubt != "" {
			r.f.g.app.log.Warnf("%s is an %s: %s", s.PackageID, s.PackageType, s.Class.Doubt)
		}
	}
	if r.packages > 0 && !takes {
		return usage("--context-id is for boot images, and none is updated")
	}
	return nil
}

func (r *updateRun) kind() string { return "update" }

func (r *updateRun) planned() int { return r.packages }

func (r *updateRun) sayPlan(asked bool) {
	if !asked { // the question says the same
		r.f.g.app.say("The plan updates %s of %d.", count(r.packages, "package", "packages"), len(r.steps))
	}
}

func (r *updateRun) question() string {
	return fmt.Sprintf("Update %s, on %s at least?", count(r.packages, "package", "packages"),
		count(r.dps, "distribution point", "distribution points"))
}

func (r *updateRun) refused() string { return "Nothing was sent." }

// takeUpTime is how long to look for new versions without --wait. A site takes
// long where the source is large.
const takeUpTime = 20 * time.Second

// execute updates and, where that is asked for, waits. It reports whether the
// deadline passed.
func (r *updateRun) execute(ctx context.Context) (late bool) {
	app := r.f.g.app
	results := distribution.Update(ctx, r.steps, distribution.UpdateOptions{ContextID: r.o.contextID, Force: r.o.force}, func(res distribution.UpdateResult) {
		switch {
		case res.Err == nil, errors.Is(res.Err, distribution.ErrGivenUp), heldBack(res.Err):
		case errors.Is(res.Err, distribution.ErrBusy):
			app.say("%s is not updated: %v.", res.PackageID, res.Err)
		default:
			r.f.fail(res.Owner.Name, fmt.Errorf("update %s: %w", res.PackageID, res.Err))
		}
	})
	sent := 0
	for _, res := range results {
		if res.Err == nil || res.Unknown {
			sent++
		}
	}
	app.say("Asked to update %s.", count(sent, "package", "packages"))
	var outcomes []distribution.Outcome
	waiting := ctx
	if sent > 0 {
		cancel := context.CancelFunc(func() {})
		if r.o.wait {
			waiting, cancel = context.WithTimeout(ctx, r.o.deadline)
		}
		defer cancel()
		r.awaitVersions(waiting, results)
		if r.o.wait {
			outcomes = r.watch(waiting, results)
		}
	}
	late = errors.Is(waiting.Err(), context.DeadlineExceeded)
	r.judge(ctx, results, outcomes)
	return late
}

// awaitVersions looks for the new versions for a little while.
func (r *updateRun) awaitVersions(ctx context.Context, results []distribution.UpdateResult) {
	app := r.f.g.app
	soon, cancel := context.WithTimeout(ctx, takeUpTime)
	defer cancel()
	if err := distribution.AwaitVersions(soon, results, distribution.LookOptions{Fastest: r.o.interval, Slowest: r.o.interval}); err != nil {
		app.log.Warn(err)
	}
	for _, res := range results {
		switch {
		case res.Err != nil && !res.Unknown:
		case res.TakenUp && res.PackageType.Versioned():
			app.say("  %s: version %d -> %d", res.PackageID, res.SourceVersion, res.Now.SourceVersion)
		case res.TakenUp:
			app.say("  %s: its source was read anew", res.PackageID)
		case !isInterrupt(ctx.Err()):
			app.say("  %s: no new version so far; the site may need longer, or cannot read the source (see distmgr.log)", res.PackageID)
		}
	}
}

// watch waits until the new versions have arrived.
func (r *updateRun) watch(ctx context.Context, results []distribution.UpdateResult) []distribution.Outcome {
	app := r.f.g.app
	app.say("Waiting until they have arrived, %s at most.", r.o.deadline)
	p := r.f.g.startProgress(ctx)
	outcomes := distribution.WatchUpdates(ctx, results, distribution.WatchOptions{
		Fastest: r.o.interval, Slowest: r.o.interval, Changed: p.changed, Looked: p.looked,
	})
	p.stop()
	told := map[*distribution.Site]bool{}
	for _, out := range outcomes {
		if out.End == distribution.EndUnseen && !told[out.Owner] {
			told[out.Owner] = true
			r.f.fail(out.Owner.Name, fmt.Errorf("watch: %w", out.Err))
		}
		if out.End == distribution.EndFailed {
			app.say("  %s failed: %s", out.Keys, out.Message)
		}
	}
	return outcomes
}

// judge finds what became of each package.
func (r *updateRun) judge(ctx context.Context, results []distribution.UpdateResult, rows []distribution.Outcome) {
	for _, res := range results {
		o := &updateOutcome{result: res}
		switch {
		case res.Unknown && !res.TakenUp:
			o.outcome = outcomeUnknown
		case res.Err != nil && !res.Unknown:
			o.outcome = outcomeNotSent
		case res.TakenUp:
			o.outcome = outcomeUpdated
		default:
			o.outcome = outcomeSent
		}
		r.outcomes[res.PackageID] = o
	}
	for _, row := range rows {
		o := r.outcomes[row.RowKey().Package]
		switch row.End {
		case distribution.EndInstalled, distribution.EndGone:
			o.installed++
		case distribution.EndFailed:
			o.failed++
		default:
			o.others++
		}
	}
	if !r.o.wait {
		return
	}
	for _, o := range r.outcomes {
		switch {
		case o.outcome == outcomeNotSent:
		case o.failed > 0:
			o.outcome = queries.StateFailed.String()
		case o.others > 0:
			o.outcome = outcomeUndecided
		case o.installed > 0:
			o.outcome = queries.StateInstalled.String()
		case o.outcome == outcomeSent && !isInterrupt(ctx.Err()):
			o.outcome = outcomeIgnored // on no distribution point, and no new version
		}
	}
}

func (r *updateRun) conclude() {
	counts := map[string]int{}
	for _, s := range r.steps {
		counts[r.outcomeOf(s)]++
	}
	r.f.g.app.say("Of %s: %s.", count(len(r.steps), "package", "packages"), countList(counts))
}

func (r *updateRun) outcomeOf(s distribution.UpdateStep) string {
	switch o := r.outcomes[s.PackageID]; {
	case s.Skip != distribution.SkipNothing:
		return outcomeSkipped
	case o == nil:
		return outcomeNotSent // nobody wanted it
	default:
		return o.outcome
	}
}

// found is the exit code for packages that are skipped or could not be updated,
// or with --wait are not installed. Who says no to the plan finds nothing.
func (r *updateRun) found() int {
	for _, s := range r.steps {
		switch outcome := r.outcomeOf(s); {
		case s.Skip != distribution.SkipNothing:
			return exitFindings
		case r.outcomes[s.PackageID] == nil: // it was a plan only
		case outcome == outcomeUpdated, outcome == queries.StateInstalled.String():
		case !r.o.wait && outcome == outcomeSent:
		default:
			return exitFindings
		}
	}
	return exitOK
}

func (r *updateRun) columns(outcomes bool) []report.Column { return updateColumns(outcomes) }

func updateColumns(outcomes bool) []report.Column {
	columns := []report.Column{
		{Name: "package", Title: "PACKAGE"}, {Name: "name", Title: "NAME", Max: 30}, {Name: "type", Title: "TYPE", Wide: outcomes},
		{Name: "class", Title: "CLASS", Wide: true}, {Name: "sourceSite", Title: "SOURCE"},
		{Name: "sourcePath", Title: "SOURCE PATH", Wide: true},
		{Name: "sourceVersion", Title: "VERSION", Right: true}, {Name: "dps", Title: "DPS", Right: true},
		{Name: "action", Title: "PLAN", Color: stateColor, Wide: outcomes}, {Name: "skip", Title: "SKIP", Color: stateColor},
		{Name: "reason", Title: "WHY", Wide: true}, {Name: "warning", Title: "WARNING", Wide: true}, {Name: "owner", Title: "ASKED AT", Wide: true},
	}
	if outcomes {
		columns = append(columns,
			report.Column{Name: "outcome", Title: "OUTCOME", Color: outcomeColor}, report.Column{Name: "newVersion", Title: "NEW", Right: true},
			report.Column{Name: "installed", Title: "INSTALLED", Right: true}, report.Column{Name: "failed", Title: "FAILED", Right: true, Color: badColor},
			report.Column{Name: "open", Title: "OPEN", Right: true}, report.Column{Name: "error", Title: "ERROR", Wide: true})
	}
	return columns
}

func (r *updateRun) values(_ report.Format, outcomes bool) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for _, s := range r.steps {
			values := updateValues(s)
			if outcomes {
				values = append(values, r.outcomeValues(s)...)
			}
			if !yield(values) {
				return
			}
		}
	}
}

// updateValues are a step as a plan shows it. Of a package that nobody shows
// only the ID is known.
func updateValues(s distribution.UpdateStep) []any {
	action, owner := "update", any(nil)
	if s.Skip != distribution.SkipNothing {
		action = "skip"
	}
	if s.Owner != nil {
		owner = s.Owner.Name
	}
	if s.Skip == distribution.SkipNotFound {
		return []any{s.PackageID, nil, nil, nil, nil, nil, nil, nil, action, string(s.Skip), s.Reason, nil, nil}
	}
	return []any{
		s.PackageID, s.Name, s.PackageType, orNil(s.Class.Name), s.SourceSite, orNil(s.SourcePath), s.SourceVersion, len(s.Rows),
		action, orNil(string(s.Skip)), orNil(s.Reason), orNil(s.Class.Doubt), owner,
	}
}

func (r *updateRun) outcomeValues(s distribution.UpdateStep) []any {
	outcome := r.outcomeOf(s)
	o := r.outcomes[s.PackageID]
	if o == nil {
		return []any{outcome, nil, nil, nil, nil, nil}
	}
	values := []any{outcome, nil, nil, nil, nil, errorText(o.result.Err)}
	if o.result.TakenUp {
		values[1] = o.result.Now.SourceVersion
	}
	if r.o.wait && outcome != outcomeNotSent {
		values[2], values[3], values[4] = o.installed, o.failed, o.others
	}
	return values
}
