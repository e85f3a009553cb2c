package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"dpremote/distribution"
	"dpremote/internal/htmlreport"
	"dpremote/queries"
)

// reportRules are the rules that refresh goes by when no flag says otherwise.
func reportRules(g *globals) (distribution.Rules, error) {
	flags := newRefresh(g).Flags()
	perDP, err := flags.GetInt("per-dp")
	if err != nil {
		return distribution.Rules{}, err
	}
	perSite, err := flags.GetInt("per-site")
	if err != nil {
		return distribution.Rules{}, err
	}
	cooldown, err := flags.GetDuration("cooldown")
	if err != nil {
		return distribution.Rules{}, err
	}
	order, err := flags.GetString("order")
	if err != nil {
		return distribution.Rules{}, err
	}
	return distribution.Rules{
		Cooldown: cooldown, Order: distribution.Order(order), Pace: distribution.Pace{PerDP: perDP, PerSite: perSite}, Now: g.app.now(),
	}, nil
}

// reportBuilder brings together what sites show.
type reportBuilder struct {
	f       *fleet
	surveys []*survey
	filter  queries.Filter
	rules   distribution.Rules

	report   *htmlreport.Report
	packages map[packageOfHierarchy]int // places in the report
	dps      map[dpKey]int
	rows     map[queries.RowKey]int
	states   map[queries.State]int
	causes   map[htmlreport.Cause]int
}

// packagePlaces are the places in the report of a survey's packages, by their
// places there; -1 for those without rows.
type packagePlaces []int

// build makes the report, but for its trend. selection is what was asked for.
func (b *reportBuilder) build(selection []string) *htmlreport.Report {
	b.report = &htmlreport.Report{
		Made: b.rules.Now, Program: "dpremote " + versionText(), Selection: selection,
		Partial: len(b.filter.States) > 0 && !slices.Contains(b.filter.States, queries.StateInstalled),
	}
	b.rows, b.causes = map[queries.RowKey]int{}, map[htmlreport.Cause]int{}
	places := b.addPackages()
	b.addDPs()
	b.addStates()
	b.addRows(places)
	var examined []*distribution.Examination
	for _, s := range b.surveys {
		examined = append(examined, s.examination)
	}
	diagnoses := distribution.Diagnose(examined)
	b.addFindings(diagnoses)
	b.addPlan(diagnoses, examined, selection)
	b.addSites()
	for _, fail := range b.f.failed() {
		e := siteError(fail.site, fail.err)
		b.report.Failures = append(b.report.Failures, htmlreport.Failure{Site: e.Site, Error: e.Error, Operation: e.Operation, Kind: e.Kind})
	}
	for _, s := range b.surveys {
		if s.examination.Blind {
			b.report.Notes = append(b.report.Notes, s.member.Name+" shows no distribution points at all: it has none, or the account has no right to see them.")
		}
	}
	return b.report
}

// top is the site at the top of a survey's hierarchy.
func (s *survey) top() queries.SiteCode { return s.examination.View.Top() }

// addPackages lists the packages that have rows, each of each hierarchy once.
func (b *reportBuilder) addPackages() map[*survey]packagePlaces {
	all := map[packageOfHierarchy][]*surveyedPackage{}
	for _, s := range b.surveys {
		for id, p := range s.packages {
			if p.rows > 0 {
				key := packageOfHierarchy{s.top(), id}
				all[key] = append(all[key], p)
			}
		}
	}
	b.packages = map[packageOfHierarchy]int{}
	keys := make([]packageOfHierarchy, 0, len(all))
	for key := range all {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, c packageOfHierarchy) int { return cmp.Or(cmp.Compare(a.pkg, c.pkg), cmp.Compare(a.top, c.top)) })
	for i, key := range keys {
		b.packages[key] = i
		b.report.Packages = append(b.report.Packages, newReportPackage(all[key]))
	}
	places := map[*survey]packagePlaces{}
	for _, s := range b.surveys {
		list := make(packagePlaces, len(s.ids))
		for i, id := range s.ids {
			place, ok := b.packages[packageOfHierarchy{s.top(), id}]
			if !ok {
				place = -1
			}
			list[i] = place
		}
		places[s] = list
	}
	return places
}

// newReportPackage is a package as several sites show it. The one that shows
// most copies tells how long they took.
func newReportPackage(views []*surveyedPackage) htmlreport.Package {
	best := slices.MaxFunc(views, func(a, c *surveyedPackage) int { return cmp.Compare(len(a.arrivals), len(c.arrivals)) })
	out := htmlreport.Package{ID: string(best.id), Type: best.kind.String(), Arrival: arrival(best.arrivals)}
	for _, v := range views {
		if out.Name == "" {
			out.Name, out.SizeKB = oneLine(v.status.Name), uint64(v.status.SourceSize)
		}
	}
	return out
}

// addDPs lists the distribution points that have rows.
func (b *reportBuilder) addDPs() {
	all := map[dpKey]*surveyedDP{}
	for _, s := range b.surveys {
		for key, dp := range s.dps {
			if old := all[key]; old == nil || len(dp.arrivals) > len(old.arrivals) {
				all[key] = dp
			}
		}
	}
	keys := make([]dpKey, 0, len(all))
	for key := range all {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, c dpKey) int {
		return cmp.Or(cmp.Compare(a.site, c.site), cmp.Compare(all[a].server, all[c].server), cmp.Compare(a.path, c.path))
	})
	b.dps = map[dpKey]int{}
	for i, key := range keys {
		b.dps[key] = i
		b.report.DPs = append(b.report.DPs, htmlreport.DP{Name: oneLine(all[key].server), Site: string(key.site), Arrival: arrival(all[key].arrivals)})
	}
}

// addStates lists what is installed, and the states that occur beside it.
func (b *reportBuilder) addStates() {
	seen := map[queries.State]bool{}
	for _, s := range b.surveys {
		for _, r := range s.bad {
			seen[r.State] = true
		}
	}
	list := []queries.State{queries.StateInstalled}
	for state := range seen {
		list = append(list, state)
	}
	slices.Sort(list[1:])
	b.states = map[queries.State]int{}
	for i, state := range list {
		b.states[state] = i
		b.report.States = append(b.report.States, htmlreport.State{Name: state.String(), Kind: kindOfState(state)})
	}
}

func kindOfState(s queries.State) htmlreport.Kind {
	switch s {
	case queries.StateInstalled:
		return htmlreport.KindOK
	case queries.StateFailed, queries.StateRemovalFailed, queries.StateStuck:
		return htmlreport.KindBad
	case queries.StateStale:
		return htmlreport.KindStale
	}
	return htmlreport.KindOpen
}

// addRows decides about each package on each distribution point what it is: as
// the best placed of the sites that show it has it.
func (b *reportBuilder) addRows(places map[*survey]packagePlaces) {
	bad := map[*survey]map[dpKey][]queries.PackageStatusDP{}
	for _, s := range b.surveys {
		bad[s] = map[dpKey][]queries.PackageStatusDP{}
		for _, r := range s.bad {
			key := keyOfDP(r.Keys)
			bad[s][key] = append(bad[s][key], r)
		}
	}
	for _, key := range sortedKeysBy(b.dps) {
		dp := &b.report.DPs[b.dps[key]]
		for _, s := range b.best(key) {
			place := places[s]
			var fresh []queries.PackageStatusDP
			for _, r := range bad[s][key] {
				if !dp.Held.Has(place[s.pkg(r.PackageID).place]) {
					fresh = append(fresh, r)
				}
			}
			for i := range s.ids {
				if s.dps[key].installed.Has(i) {
					dp.Held.Add(place[i])
				}
			}
			for _, r := range fresh {
				b.addRow(r, place[s.pkg(r.PackageID).place], b.dps[key])
			}
		}
	}
}

// best are the surveys that show a distribution point, the best placed first.
func (b *reportBuilder) best(key dpKey) []*survey {
	var out []*survey
	for _, s := range b.surveys {
		if s.dps[key] != nil {
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, c *survey) int {
		return cmp.Compare(a.examination.View.Rank(key.site), c.examination.View.Rank(key.site))
	})
	return out
}

func keyOfDP(k queries.Keys) dpKey {
	return dpKey{k.ServerNALPath.Key(), queries.SiteCode(strings.ToUpper(string(k.SiteCode)))}
}

// sortedKeysBy are a map's keys in the order of its numbers.
func sortedKeysBy[K comparable](m map[K]int) []K {
	keys := make([]K, len(m))
	for k, i := range m {
		keys[i] = k
	}
	return keys
}

func (b *reportBuilder) addRow(r queries.PackageStatusDP, pkg, dp int) {
	b.report.DPs[dp].Held.Add(pkg)
	b.rows[r.RowKey()] = len(b.report.Rows)
	b.report.Rows = append(b.report.Rows, htmlreport.Row{Package: pkg, DP: dp, State: b.states[r.State], Cause: -1, Since: when(r.SummaryDate)})
}

// messageShown bounds the message of a row: there may be many.
const messageShown = 400

// addFindings says of each row why it is as it is. What has changed since it was
// read keeps the state that was read.
func (b *reportBuilder) addFindings(diagnoses []distribution.Diagnosis) {
	for _, d := range diagnoses {
		i, ok := b.rows[d.RowKey()]
		if !ok {
			continue
		}
		row := &b.report.Rows[i]
		cause := htmlreport.Cause{Name: d.Why, Words: oneLine(d.Words), Confidence: d.Confidence.String(), Cures: d.Resend.String(), Advice: oneLine(d.Advice)}
		place, ok := b.causes[cause]
		if !ok {
			place = len(b.report.Causes)
			b.causes[cause] = place
			b.report.Causes = append(b.report.Causes, cause)
		}
		row.Cause, row.Message = place, shortened(oneLine(d.Message), messageShown)
	}
}

// shortened is the beginning of a long text.
func shortened(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return string(runes[:most-1]) + "…"
}

// planned tells whether a refresh would look at a row: by default it looks at
// what failed.
func (b *reportBuilder) planned(d distribution.Diagnosis) bool {
	if len(b.filter.States) == 0 {
		return d.State == queries.StateFailed
	}
	return slices.Contains(b.filter.States, d.State)
}

// addPlan adds what "refresh --dry-run" would plan.
func (b *reportBuilder) addPlan(diagnoses []distribution.Diagnosis, examined []*distribution.Examination, selection []string) {
	var rows []distribution.Row
	for _, d := range diagnoses {
		if b.planned(d) {
			rows = append(rows, d.Row)
		}
	}
	var views []*distribution.View
	owners := map[*distribution.Site]queries.SiteCode{} // the tops of their hierarchies
	for _, x := range examined {
		views = append(views, x.View)
		owners[x.View.Site] = x.View.Top()
	}
	rules := b.rules
	rules.Storms = raging(distribution.Storms(examined), rules.Now)
	rules.Elsewhere = b.f.elsewhere(views)
	for _, s := range rules.Storms {
		b.report.Storms = append(b.report.Storms, oneLine(stormText(s)+"."))
	}
	for _, s := range distribution.MakePlan(rows, rules) {
		pkg, known := b.packages[packageOfHierarchy{owners[s.Owner], s.RowKey().Package}]
		dp, there := b.dps[keyOfDP(s.Keys)]
		if !known || !there {
			continue // it came after the rows were read
		}
		b.report.Plan.Steps = append(b.report.Plan.Steps, htmlreport.Step{
			Package: pkg, DP: dp, Turn: s.Turn, Skip: skipWord(s), Reason: oneLine(s.Reason), SizeKB: uint64(s.SizeKB)})
	}
	b.report.Plan.Command = strings.Join(append([]string{"dpremote", "refresh", "--dry-run"}, selection...), " ")
	b.report.Plan.Rules = fmt.Sprintf("No distribution point would get more than %d open transfers, no site more than %d; what was sent again less than %s ago would be left alone.",
		rules.Pace.PerDP, rules.Pace.PerSite, minutes(rules.Cooldown))
}

func minutes(d time.Duration) string { return count(int(d/time.Minute), "minute", "minutes") }

// skipWord is why a row is skipped, by cause where the cause is why.
func skipWord(s distribution.Step) string {
	if s.Skip == distribution.SkipCause {
		return s.Why
	}
	return string(s.Skip)
}

// addSites lists all sites that somebody told of, and those that did not answer.
func (b *reportBuilder) addSites() {
	all := map[queries.SiteCode]htmlreport.Site{}
	for _, s := range b.surveys {
		for _, site := range s.examination.View.Sites {
			code := queries.SiteCode(strings.ToUpper(string(site.SiteCode)))
			all[code] = htmlreport.Site{Code: string(code), Name: oneLine(site.SiteName), Type: site.Type.String(), Parent: string(site.ReportingSiteCode),
				SeenBy: b.seenBy(code)}
		}
	}
	for _, m := range b.f.members {
		if m.Code != "" {
			code := queries.SiteCode(strings.ToUpper(m.Code))
			site := all[code]
			site.Code, site.Asked = string(code), m.Name
			all[code] = site
		}
	}
	for _, fail := range b.f.failed() {
		for code, site := range all {
			if site.Asked == fail.site {
				site.Error = oneLine(fail.err.Error())
				all[code] = site
			}
		}
	}
	b.report.Sites = sortedRows(all, func(a, c queries.SiteCode) int { return cmp.Compare(a, c) })
}

// seenBy is the site that speaks for another one.
func (b *reportBuilder) seenBy(code queries.SiteCode) string {
	best := slices.MinFunc(b.surveys, func(a, c *survey) int {
		return cmp.Compare(a.examination.View.Rank(code), c.examination.View.Rank(code))
	})
	return best.member.Name
}
