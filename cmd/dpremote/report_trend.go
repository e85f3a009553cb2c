package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"dpremote/internal/history"
	"dpremote/internal/htmlreport"
	"dpremote/queries"
)

// trendAge is how far back a trend goes.
const trendAge = 90 * 24 * time.Hour

// addTrend writes down what was seen, and reads what was seen before. That it
// cannot is no reason for a warning, but the report says so.
func (b *reportBuilder) addTrend(ctx context.Context, r *htmlreport.Report) {
	record := b.f.g.record
	h, run := record.open(ctx)
	if h == nil {
		r.NoTrend = "The history of this machine was not used, so there is no trend."
		return
	}
	if err := h.Summarize(context.WithoutCancel(ctx), run, b.summaries()...); err != nil {
		record.giveUp(err)
	}
	trend, err := readTrend(ctx, h, b.rules.Now.Add(-trendAge))
	if err != nil {
		b.f.g.app.log.Debug(err)
		r.NoTrend = "The history of this machine could not be read, so there is no trend."
		return
	}
	before := false
	for _, m := range b.f.members {
		points := trend[m.Name]
		before = before || len(points) > 1
		if len(points) > 0 {
			r.Trend = append(r.Trend, htmlreport.Trend{Site: m.Name, Points: points})
		}
	}
	if !before {
		r.Trend, r.NoTrend = nil, "No earlier sweep of all rows of these sites was written down on this machine. The next report can show a trend."
	}
}

// summaries are what the sites showed, as sweeps write it down.
func (b *reportBuilder) summaries() []history.Summary {
	var out []history.Summary
	for _, s := range b.surveys {
		out = append(out, history.Summary{Site: s.member.Name, Counts: s.states})
	}
	for _, fail := range b.f.failed() {
		out = append(out, history.Summary{Site: fail.site, Error: oneLine(fail.err.Error())})
	}
	return out
}

// readTrend is what whole sweeps counted at each site, in their order.
func readTrend(ctx context.Context, h *history.History, since time.Time) (map[string][]htmlreport.Point, error) {
	whole := map[history.RunID]bool{}
	for run, err := range h.Runs(ctx, since) {
		if err != nil {
			return nil, err
		}
		whole[run.ID] = isWhole(run.Run)
	}
	out := map[string][]htmlreport.Point{}
	for s, err := range h.Summaries(ctx, since, "") {
		if err != nil {
			return nil, err
		}
		if whole[s.Run] {
			out[s.Site] = append(out[s.Site], htmlreport.Point{At: s.At, Failed: s.Counts[queries.StateFailed.String()], Error: s.Error != ""})
		}
	}
	return out, nil
}

// isWhole tells a run that looked at everything that failed. One that looked at
// a part says nothing about the rest.
func isWhole(run history.Run) bool {
	return !slices.ContainsFunc(run.Arguments, func(arg string) bool {
		name, _, _ := strings.Cut(arg, "=")
		return slices.Contains([]string{"--dp", "--package", "--type", "--state", "--since", "--dp-group"}, name)
	})
}
