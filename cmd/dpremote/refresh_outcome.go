package main

import (
	"fmt"
	"slices"
	"strings"

	"dpremote/distribution"
	"dpremote/internal/report"
)

// outcomeColumns are the plan's columns and those of the outcomes. A table has
// shown the plan before and leaves most of it out; a document has all.
func outcomeColumns(isTable bool) []report.Column {
	columns := planColumns()
	for i := range columns {
		switch columns[i].Name {
		case "name", "action", "cause":
			columns[i].Wide = isTable
		}
	}
	return append(columns,
		report.Column{Name: "outcome", Title: "OUTCOME", Color: stateColor}, report.Column{Name: "finalState", Title: "STATE", Color: stateColor},
		report.Column{Name: "finalCause", Title: "CAUSE"}, report.Column{Name: "advice", Title: "WHAT TO DO", Wide: isTable}, report.Column{Name: "error", Title: "ERROR", Wide: true})
}

// writeOutcomes shows what became of each row.
func (r *refreshRun) writeOutcomes(steps []distribution.Step) error {
	out, err := report.New(r.f.g.app.out, r.f.g.reportOptions("refresh", outcomeColumns(r.isTable())))
	if err != nil {
		return usage("%w", err)
	}
	for _, s := range steps {
		if err := out.Row(append(planValues(s, false), r.outcomeValues(s)...)...); err != nil {
			return err
		}
	}
	r.addPlan(out, steps)
	r.f.addErrors(out)
	return out.Close()
}

func (r *refreshRun) outcomeValues(s distribution.Step) []any {
	item := r.items[s.RowKey()]
	if item.outcome == "" {
		item.outcome = outcomeSkipped
		if s.Skip == distribution.SkipNothing {
			item.outcome = outcomeNotSent // nobody wanted it
		}
	}
	var cause, advice, failure any
	switch item.outcome {
	case outcomeSkipped:
		cause, advice = orNil(item.row.Why), orNil(item.row.Advice)
		if s.Skip != distribution.SkipCause {
			advice = orNil(s.Reason)
		}
	case outcomeCured, outcomeGone, outcomeSent:
	default:
		cause, advice = orNil(item.row.Why), orNil(item.row.Advice)
	}
	if item.err != nil {
		failure = oneLine(item.err.Error())
	}
	return []any{item.outcome, item.row.State, cause, advice, failure}
}

// advise says what to do about each cause that is left.
func (r *refreshRun) advise(steps []distribution.Step) {
	counts := map[string]int{}
	for _, s := range steps {
		item := r.items[s.RowKey()]
		done := item.outcome == outcomeCured || item.outcome == outcomeGone || item.outcome == outcomeSent
		if !done && item.row.Advice != "" && (s.Skip == distribution.SkipCause || item.outcome == outcomeFailedAgain) {
			counts[item.row.Why+": "+item.row.Advice]++
		}
	}
	for _, text := range sortedKeys(counts) {
		r.f.g.app.say("  %d %s.", counts[text], text)
	}
}

func countList(counts map[string]int) string {
	var parts []string
	for _, name := range sortedKeys(counts) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], name))
	}
	return strings.Join(parts, ", ")
}

func sortedKeys[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// outcomeSummary is what became of the rows in a line.
func (r *refreshRun) outcomeSummary(steps []distribution.Step) string {
	counts := map[string]int{}
	for _, s := range steps {
		counts[r.items[s.RowKey()].outcome]++
	}
	return fmt.Sprintf("Of %s: %s.", count(len(steps), "row", "rows"), countList(counts))
}
