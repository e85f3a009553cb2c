package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"dpremote/cim"
	"dpremote/distribution"
	"dpremote/internal/history"
	"dpremote/internal/inventory"
	"dpremote/queries"
)

// resumeLast is the value of --resume that names no run.
const resumeLast = "last"

// straggling is how long a request of a process that was killed may still be on
// its way to the site, or in its hands. A server that nobody waits for goes on
// with what it was sent.
const straggling = 30 * time.Second

// planRules are the rules of a plan as the history keeps them for who goes on
// with it. What says which rows there were is in the rows.
type planRules struct {
	Sites      []string      `json:"sites"`
	DPs        []string      `json:"dps,omitempty"`
	States     []string      `json:"states,omitempty"`
	StuckAfter time.Duration `json:"stuckAfter"`
	Force      bool          `json:"force,omitempty"`
	Cooldown   time.Duration `json:"cooldown"`
	Put        string        `json:"put"`
}

// source says whose sites a plan is about: the inventory's path, or a server.
func (g *globals) source() (string, error) {
	if g.host != "" {
		return "--host " + g.host + " " + g.siteCode, nil
	}
	path, err := inventory.Find(g.inventory, g.app.getenv, func(path string) bool {
		_, err := os.Stat(path)
		return err == nil
	})
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// storePlan writes down what is about to be sent, and what an earlier run had
// planned for sites that did not answer.
func (r *refreshRun) storePlan(ctx context.Context, steps []distribution.Step) error {
	p, err := r.plan(steps)
	if err != nil {
		return err
	}
	err = r.f.g.record.plan(ctx, p)
	if errors.Is(err, history.ErrTakenOver) {
		r.f.g.app.log.Errorf("%v; nothing was sent", err)
		return silent(exitIncomplete)
	}
	return err
}

func (r *refreshRun) plan(steps []distribution.Step) (history.Plan, error) {
	p := history.Plan{}
	var err error
	if p.Inventory, err = r.f.g.source(); err != nil {
		return p, err
	}
	rules := planRules{DPs: r.o.dps, States: r.o.states, StuckAfter: r.o.stuckAfter, Force: r.o.force, Cooldown: r.o.cooldown, Put: r.o.put}
	for _, m := range r.f.members {
		rules.Sites = append(rules.Sites, m.Name)
	}
	unseen := map[queries.RowKey]bool{}
	if r.resumes != nil {
		p.Resumes = r.resumes.plan.Run
		for _, row := range r.resumes.rows {
			unseen[row.RowKey()] = row.Unseen
		}
	}
	text, err := json.Marshal(rules)
	if err != nil {
		return p, fmt.Errorf("plan: %w", err)
	}
	p.Rules = string(text)
	later := len(steps) // what has no turn comes after what has
	for _, s := range steps {
		turn := s.Turn
		switch {
		case s.Skip == distribution.SkipNothing:
		case unseen[s.RowKey()]:
			later++
			turn = later
		default:
			continue
		}
		p.Rows = append(p.Rows, history.PlannedRow{
			Turn: turn, Site: s.Owner.Name, Package: string(s.PackageID), NALPath: string(s.ServerNALPath), SiteCode: string(s.SiteCode),
			State: s.State.String(), Changed: s.SummaryDate.Time,
		})
	}
	return p, nil
}

// resumption is the run of a refresh that another goes on with.
type resumption struct {
	h     *history.History
	plan  history.Plan
	rules planRules
	rows  []distribution.Planned // by turn; without owners until settle
	sites []string               // of each row
}

// refusedByResume are the flags that say what the stored plan says already.
func refusedByResume() []string {
	return []string{"dp", "package", "type", "state", "since", "stuck-after", "dp-group", "max", "order", "put", "force", "cooldown",
		"site", "group", "exclude", "shard"}
}

// runResume goes on with a refresh that did not end.
func runResume(ctx context.Context, g *globals, o *refreshOptions, judge *verdict) error {
	for _, name := range refusedByResume() {
		if g.changed.Changed(name) {
			return usage("--resume goes on with a plan as it was made: leave out --%s", name)
		}
	}
	if g.noHistory {
		return usage("--resume reads the history: leave out --no-history (without a history, refresh again: what was sent less than --cooldown ago is skipped)")
	}
	if _, err := o.read(g); err != nil {
		return err
	}
	old, err := g.resumption(ctx, o.resume)
	if err != nil {
		return err
	}
	rules, err := o.follow(g, old)
	if err != nil {
		return err
	}
	if g.host == "" {
		g.sites = old.rules.Sites
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	if !o.dryRun {
		if err := old.take(ctx, g); err != nil {
			return err
		}
	}
	g.app.say("%s", old.summary(g))
	s, err := old.look(ctx, f, o, rules)
	if err != nil {
		return err
	}
	return old.run(ctx, f, o, rules, s, judge)
}

// resumption finds the run to go on with: the one that was named, or the last
// one of the inventory that has not sent all that it had planned.
func (g *globals) resumption(ctx context.Context, which string) (*resumption, error) {
	source, err := g.source()
	if err != nil {
		return nil, err
	}
	path, err := g.historyPath()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, usage("there is nothing to resume: there is no history %s", path)
	}
	h, _ := g.record.open(ctx)
	if h == nil {
		return nil, unusable(g.record.broken)
	}
	if which != resumeLast {
		number, err := strconv.ParseInt(which, 10, 64)
		if err != nil || number < 1 {
			return nil, usage("--resume: %q is no number of a run (see 'dpremote history --runs')", which)
		}
		r, err := loadResumption(ctx, h, history.RunID(number))
		switch {
		case errors.Is(err, history.ErrNoPlan):
			return nil, usage("run %d is no refresh that has begun to send (see 'dpremote history --runs')", number)
		case err != nil:
			return nil, unusable(err)
		case r.plan.Inventory != source:
			return nil, usage("run %d was for %s, not for %s", number, r.plan.Inventory, source)
		}
		return r, nil
	}
	runs, err := h.Plans(ctx, source)
	if err != nil {
		return nil, unusable(err)
	}
	for _, run := range runs {
		r, err := loadResumption(ctx, h, run)
		if err != nil {
			return nil, unusable(err)
		}
		if slices.ContainsFunc(r.rows, func(p distribution.Planned) bool { return !p.Sent }) {
			return r, nil
		}
	}
	return nil, usage("there is nothing to resume: no refresh of %s has left anything unsent", source)
}

// loadResumption reads the plan of a run, and how far that came.
func loadResumption(ctx context.Context, h *history.History, run history.RunID) (*resumption, error) {
	plan, next, err := h.Plan(ctx, run)
	if err != nil {
		return nil, err
	}
	if next != 0 {
		return nil, usage("run %d has gone on with run %d: resume that", next, run)
	}
	r := &resumption{h: h, plan: plan}
	if err := json.Unmarshal([]byte(plan.Rules), &r.rules); err != nil {
		return nil, usage("the plan of run %d cannot be read: %w", run, err)
	}
	for _, row := range plan.Rows {
		p := distribution.Planned{}
		p.Keys = queries.Keys{PackageID: queries.PackageID(row.Package), ServerNALPath: queries.NALPath(row.NALPath), SiteCode: queries.SiteCode(row.SiteCode)}
		p.SummaryDate = cim.Datetime{Time: row.Changed}
		if p.State, err = queries.ParseState(row.State); err != nil {
			return nil, usage("the plan of run %d cannot be read: %w", run, err)
		}
		r.rows, r.sites = append(r.rows, p), append(r.sites, row.Site)
	}
	return r, r.readActs(ctx)
}

// readActs reads what is known of the requests of the run, and of those that it
// went on with.
func (r *resumption) readActs(ctx context.Context) error {
	acts, err := r.h.ActsOfPlan(ctx, r.plan.Run)
	if err != nil {
		return err
	}
	stored, unknown := map[queries.RowKey]bool{}, map[queries.RowKey]time.Time{}
	for _, a := range acts {
		key := queries.Keys{PackageID: queries.PackageID(a.Package), ServerNALPath: queries.NALPath(a.NALPath), SiteCode: queries.SiteCode(a.SiteCode)}.RowKey()
		switch a.Outcome {
		case history.Stored:
			stored[key] = true
		case history.Begun, history.Unknown:
			if a.Begun.After(unknown[key]) {
				unknown[key] = a.Begun
			}
		}
	}
	for i := range r.rows {
		p := &r.rows[i]
		p.Sent, p.Unknown = stored[p.RowKey()], unknown[p.RowKey()]
	}
	return nil
}

// follow takes from the plan what the flags of a refresh would say.
func (o *refreshOptions) follow(g *globals, old *resumption) (refreshRules, error) {
	o.dps, o.states, o.stuckAfter = old.rules.DPs, old.rules.States, old.rules.StuckAfter
	o.force, o.cooldown, o.put = old.rules.Force, old.rules.Cooldown, old.rules.Put
	o.order = string(distribution.OrderList)
	for _, p := range old.rows {
		if id := string(p.PackageID); !slices.Contains(o.packages, id) {
			o.packages = append(o.packages, id)
		}
	}
	return o.read(g)
}

// take keeps the run from sending any more, should it go on somewhere, and reads
// how far it came.
func (r *resumption) take(ctx context.Context, g *globals) error {
	_, me := g.record.open(ctx)
	if err := r.h.Take(ctx, r.plan.Run, me); err != nil {
		return unusable(err)
	}
	return unusable(r.readActs(ctx))
}

func (r *resumption) summary(g *globals) string {
	sent, unknown := 0, 0
	for _, p := range r.rows {
		switch {
		case p.Sent:
			sent++
		case !p.Unknown.IsZero():
			unknown++
		}
	}
	text := fmt.Sprintf("Run %d, of %s UTC, was to send %s: %d sent", r.plan.Run, r.plan.Started.Format(time.DateTime), count(len(r.rows), "row", "rows"), sent)
	if unknown > 0 {
		text += fmt.Sprintf(", %d begun without a known outcome", unknown)
	}
	return fmt.Sprintf("%s, %d not begun.", text, len(r.rows)-sent-unknown)
}

// look examines the sites. Where requests of the run may still be on their way,
// it waits until they must have arrived, and looks again.
func (r *resumption) look(ctx context.Context, f *fleet, o *refreshOptions, rules refreshRules) (*sight, error) {
	app := f.g.app
	for {
		s, err := lookAt(ctx, f, rules, max(o.cooldown, r.lookback(app.now())))
		if err != nil {
			return nil, err
		}
		r.place(f, s)
		doubtful := distribution.Doubtful(r.rows, s.rows)
		var latest time.Time
		for _, p := range doubtful {
			if p.Unknown.After(latest) {
				latest = p.Unknown
			}
		}
		pause := app.straggling - app.now().Sub(latest)
		if len(doubtful) == 0 || pause <= 0 || o.dryRun || ctx.Err() != nil {
			return s, nil
		}
		app.say("  Nobody knows of %s whether the site has it. Looking again in %s.", count(len(doubtful), "request", "requests"), durationText(pause))
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
		if err := r.readActs(ctx); err != nil {
			return nil, unusable(err)
		}
	}
}

// lookback is how long ago the first request of an unknown outcome was begun,
// and a little more.
func (r *resumption) lookback(now time.Time) time.Duration {
	var ago time.Duration
	for _, p := range r.rows {
		if !p.Unknown.IsZero() {
			ago = max(ago, now.Sub(p.Unknown)+time.Minute)
		}
	}
	return ago
}

// place gives the rows their sites, and marks those of sites that did not
// answer.
func (r *resumption) place(f *fleet, s *sight) {
	seen := map[*distribution.Site]bool{}
	for _, v := range s.views {
		seen[v.Site] = true
	}
	sites := map[string]*distribution.Site{}
	for _, m := range f.members {
		sites[m.Name] = m.site
	}
	for i, name := range r.sites {
		if sites[name] == nil {
			sites[name] = &distribution.Site{Name: name}
		}
		r.rows[i].Owner, r.rows[i].Unseen = sites[name], !seen[sites[name]]
	}
}

// run decides about the rows, and sends what is left.
func (r *resumption) run(ctx context.Context, f *fleet, o *refreshOptions, rules refreshRules, s *sight, judge *verdict) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	steps := distribution.Resume(r.rows, s.rows, s.rules(f, o, rules))
	run := &refreshRun{f: f, o: o, judge: judge, rules: rules, storms: s.storms, items: newRefreshItems(steps), resumes: r}
	var asked []distribution.Planned
	for _, p := range r.rows {
		if item := run.items[p.RowKey()]; !p.Unseen && (item.step.Skip == distribution.SkipSent || item.step.Skip == distribution.SkipMoved) {
			asked = append(asked, p)
			// Whoever waits for it waits for a change since it was planned.
			item.step.PackageStatusDP = p.PackageStatusDP
			run.earlier = append(run.earlier, item.step.Row)
		}
	}
	states := distribution.States(ctx, asked, func(site *distribution.Site, err error) { f.fail(site.Name, err) })
	for key, now := range states {
		run.items[key].wasSent(now)
	}
	return run.run(ctx, steps)
}

// wasSent records what became of a row that is not sent any more: its state now,
// nil when it is gone.
func (i *refreshItem) wasSent(now *queries.PackageStatusDP) {
	switch {
	case now == nil:
		i.outcome = outcomeGone
		return
	case now.State == queries.StateInstalled && i.step.State != queries.StateStale:
		i.outcome = outcomeCured
	case i.step.Skip == distribution.SkipSent:
		i.outcome = outcomeSent
	}
	i.row.PackageStatusDP = *now
}
