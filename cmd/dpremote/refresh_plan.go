package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"dpremote/distribution"
	"dpremote/internal/report"
)

// showPlan shows the plan where it is not part of the document that comes at
// the end: in a table, for --dry-run, and, for who is asked, on the terminal.
func (r *refreshRun) showPlan(steps []distribution.Step) error {
	g := r.f.g
	options := g.reportOptions("plan", planColumns())
	switch {
	case r.isTable():
		// The columns of outcomes come with the outcomes.
		isPlans := func(name string) bool { return hasColumn(options.Columns, name) }
		options.Select = slices.DeleteFunc(options.Select, func(name string) bool { return !isPlans(name) })
		options.Sort = slices.DeleteFunc(slices.Clone(options.Sort), func(o report.Order) bool { return !isPlans(o.Column) })
		if len(g.columns) > 0 && len(options.Select) == 0 {
			return nil
		}
		return r.writePlan(g.app.out, options, steps)
	case r.o.dryRun:
		return r.writePlan(g.app.out, options, steps)
	case !r.o.yes:
		options.Format, options.Select, options.Sort = report.Table, nil, nil
		return r.writePlan(g.app.err, options, steps)
	}
	return nil
}

func hasColumn(columns []report.Column, name string) bool {
	return slices.ContainsFunc(columns, func(c report.Column) bool { return strings.EqualFold(c.Name, name) })
}

func countPlanned(steps []distribution.Step) int {
	n := 0
	for _, s := range steps {
		if s.Skip == distribution.SkipNothing {
			n++
		}
	}
	return n
}

func planColumns() []report.Column {
	return []report.Column{
		{Name: "siteCode", Title: "SITE"}, {Name: "dp", Title: "DP"}, {Name: "package", Title: "PACKAGE"},
		{Name: "name", Title: "NAME", Max: 30, Minor: 1}, {Name: "type", Title: "TYPE", Wide: true},
		{Name: "state", Title: "STATE", Color: stateColor, Wide: true}, {Name: "since", Title: "SINCE", Wide: true},
		{Name: "sizeKB", Title: "SIZE", Right: true, Wide: true},
		{Name: "cause", Title: "CAUSE"}, {Name: "confidence", Title: "CONFIDENCE", Wide: true}, {Name: "message", Title: "MESSAGE", Wide: true},
		{Name: "action", Title: "PLAN", Color: stateColor}, {Name: "skip", Title: "SKIP", Wide: true}, {Name: "reason", Title: "WHY", Wide: true},
		{Name: "turn", Title: "TURN", Right: true, Wide: true}, {Name: "later", Title: "LATER", Wide: true},
		{Name: "owner", Title: "ASKED AT", Wide: true}, {Name: "nalPath", Title: "NAL PATH", Wide: true},
	}
}

// planValues are the values of planColumns. A table says with the action why a
// row is skipped, unless the cause says it.
func planValues(s distribution.Step, isTable bool) []any {
	action := "refresh"
	if s.Skip != distribution.SkipNothing {
		action = "skip"
	}
	size, turn := any(s.SizeKB), any(s.Turn)
	if isTable {
		size = sizeText(uint64(s.SizeKB))
	}
	switch {
	case s.SizeKB == 0:
		size = nil
	case isTable && s.Later:
		action += " later"
	}
	if isTable && s.Skip != distribution.SkipNothing && s.Skip != distribution.SkipCause {
		action += ": " + string(s.Skip)
	}
	if s.Turn == 0 {
		turn = nil
	}
	confidence := any(nil)
	if s.Why != "" {
		confidence = s.Confidence
	}
	return []any{
		s.SiteCode, s.ServerNALPath.Server(), s.PackageID, orNil(s.Name), s.PackageType, s.State, when(s.SummaryDate),
		size, orNil(s.Why), confidence, orNil(s.Message), action, orNil(string(s.Skip)), orNil(s.Reason), turn, s.Later, s.Owner.Name, s.ServerNALPath,
	}
}

// writePlan shows what failed, why, and what is to be done about it.
func (r *refreshRun) writePlan(w io.Writer, options report.Options, steps []distribution.Step) error {
	out, err := report.New(w, options)
	if err != nil {
		return usage("%w", err)
	}
	for _, s := range steps {
		if err := out.Row(planValues(s, options.Format == report.Table)...); err != nil {
			return err
		}
	}
	r.addPlan(out, steps)
	r.f.addErrors(out)
	return out.Close()
}

// addPlan adds to a document what the plan sends in all, and the storms that it
// keeps out of.
func (r *refreshRun) addPlan(out *report.Writer, steps []distribution.Step) {
	all, byDP := distribution.Travels(steps)
	dps := make([]report.Object, 0, len(byDP))
	for _, d := range byDP {
		dps = append(dps, report.Object{Names: []string{"dp", "siteCode", "rows", "sizeKB", "sizeUnknown"},
			Values: []any{d.Server, d.SiteCode, d.Rows, d.KB, d.Unknown}})
	}
	out.Set("travels", report.Object{Names: []string{"rows", "sizeKB", "sizeUnknown", "dps"}, Values: []any{all.Rows, all.KB, all.Unknown, dps}})
	storms := make([]report.Object, 0, len(r.storms))
	for _, s := range r.storms {
		storms = append(storms, stormObject(s))
	}
	out.Set("storms", storms)
}

// planSummary is the plan in a line.
func planSummary(steps []distribution.Step, f *fleet) string {
	if len(steps) == 0 {
		if len(f.failures) > 0 {
			return "Nothing to send again at the sites that answered."
		}
		return "Nothing to send again."
	}
	planned := countPlanned(steps)
	text := fmt.Sprintf("%s found; the plan sends %d again%s", count(len(steps), "row", "rows"), planned, travelText(steps))
	if skipped := len(steps) - planned; skipped > 0 {
		text += fmt.Sprintf(" and skips %d (%s)", skipped, skipSummary(steps))
	}
	return text + "."
}

// skipSummary counts why rows are skipped, by cause where the cause is why.
func skipSummary(steps []distribution.Step) string {
	counts := map[string]int{}
	for _, s := range steps {
		switch s.Skip {
		case distribution.SkipNothing:
		case distribution.SkipCause:
			counts[s.Why]++
		default:
			counts[string(s.Skip)]++
		}
	}
	return countList(counts)
}

// travelText says how much a plan sends.
func travelText(steps []distribution.Step) string {
	all, _ := distribution.Travels(steps)
	if all.Rows == 0 || all.KB == 0 {
		return ""
	}
	text := " (" + sizeText(all.KB)
	if all.Unknown > 0 {
		text += fmt.Sprintf(" and %d of an unknown size", all.Unknown)
	}
	later := 0
	for _, s := range steps {
		if s.Later {
			later++
		}
	}
	if later > 0 {
		text += fmt.Sprintf("; %d as room comes", later)
	}
	return text + ")"
}

// dpsShown is how many distribution points are told with what goes to them.
const dpsShown = 10

// sayTravels says what goes to which distribution point, for who decides.
func (r *refreshRun) sayTravels(steps []distribution.Step) {
	_, dps := distribution.Travels(steps)
	for i, d := range dps {
		if i == dpsShown {
			r.f.g.app.say("  and to %s more.", count(len(dps)-i, "distribution point", "distribution points"))
			break
		}
		r.f.g.app.say("  %s to %s (site %s): %s.", sizeText(d.KB), d.Server, d.SiteCode, count(d.Rows, "row", "rows"))
	}
}

// sizeText is a number of KB for people, to three digits.
func sizeText(kb uint64) string {
	units := []string{"KB", "MB", "GB", "TB"}
	size, unit := float64(kb), 0
	for size >= 1024 && unit < len(units)-1 {
		size, unit = size/1024, unit+1
	}
	if size < 10 && unit > 0 {
		return fmt.Sprintf("%.1f %s", size, units[unit])
	}
	return fmt.Sprintf("%.0f %s", size, units[unit])
}
