package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dpremote/distribution"
	"dpremote/internal/history"
	"dpremote/internal/report"
	"dpremote/queries"
)

// tell takes down what became of the rows of a refresh, and writes it.
func (r *refreshRun) tell(ctx context.Context, steps []distribution.Step) error {
	if !r.judge.isAsked() {
		return nil
	}
	left := map[queries.SiteCode]map[string]int{} // what is not cured, and is no failure or error itself
	var codes []queries.SiteCode
	for _, s := range steps {
		item := r.items[s.RowKey()]
		c := r.caseOf(s, item)
		r.judge.add(r.f.at(s.Owner), c)
		if !r.o.wait || item.outcome == outcomeCured || c.Verdict == report.Failed || c.Verdict == report.Errored {
			continue
		}
		if left[s.SiteCode] == nil {
			left[s.SiteCode] = map[string]int{}
			codes = append(codes, s.SiteCode)
		}
		why := string(s.Skip)
		switch s.Skip {
		case distribution.SkipCause:
			why = s.Why
		case distribution.SkipNothing:
			why = outcomeNotSent
		}
		left[s.SiteCode][why]++
	}
	// The exit status is 3 for these too, so the report must not be all green.
	for _, code := range codes {
		r.judge.add(nil, report.Case{Suite: string(code), Name: "everything cured", Verdict: report.Failed, Type: "not cured",
			Message: "not sent again, and not cured: " + countList(left[code])})
	}
	return r.judge.close(ctx, r.f)
}

// caseOf is the case of a row and what became of it.
func (r *refreshRun) caseOf(s distribution.Step, item *refreshItem) report.Case {
	c := r.judge.caseOf(item.row)
	c.Text = rowText(r.f.at(s.Owner), item.row.PackageStatusDP)
	end := func(v report.Verdict, kind string, parts ...string) report.Case {
		c.Verdict, c.Type, c.Message = v, kind, strings.Join(parts, ": ")
		return c
	}
	outcome := item.outcome
	if outcome == "" {
		outcome = outcomeNotSent
		if s.Skip != distribution.SkipNothing {
			outcome = outcomeSkipped
		}
	}
	switch outcome {
	case outcomeCured, outcomeSent:
		return c
	case outcomeSkipped:
		if s.Skip == distribution.SkipCause {
			return end(report.Skipped, item.row.Why, causeText(item.row.Finding))
		}
		return end(report.Skipped, string(s.Skip), string(s.Skip), s.Reason)
	case outcomeNotSent:
		switch {
		case r.o.dryRun:
			return end(report.Skipped, "dry run", "the plan is to send it again")
		case item.err == nil:
			return end(report.Skipped, outcome, "nobody agreed to send it")
		case errors.Is(item.err, history.ErrBegunElse):
			return end(report.Skipped, outcome, item.err.Error())
		case heldBack(item.err):
			return end(report.Errored, outcome, "the deadline passed before its turn came")
		}
		return end(report.Errored, outcome, outcome, item.err.Error())
	case outcomeGone:
		if !r.o.wait {
			return end(report.Skipped, outcome, "the content was taken away meanwhile")
		}
		return end(report.Failed, outcome, "the content was taken away meanwhile")
	case outcomeFailedAgain:
		return end(report.Failed, outcome, outcome, causeText(item.row.Finding))
	}
	if item.err != nil {
		return end(report.Errored, outcome, outcome, item.err.Error())
	}
	return end(report.Errored, outcome, fmt.Sprintf("%s: %s when it was last seen", outcome, item.row.State))
}

// tell takes down how the rows and packages of a watch ended, and writes it.
func (r *watchRun) tell(ctx context.Context) error {
	if !r.judge.isAsked() {
		return nil
	}
	for i, out := range r.ends {
		outcome := r.outcome(i, false)
		c := r.judge.caseOf(out.Row)
		detail := out.State.String()
		if out.Why != "" {
			detail = causeText(out.Finding)
		}
		if out.Err != nil {
			detail = out.Err.Error()
		}
		c.Text = rowText(r.f.at(out.Owner), out.PackageStatusDP)
		r.judge.add(r.f.at(out.Owner), ended(c, outcome, detail))
	}
	for _, t := range r.totals {
		c := report.Case{Suite: string(t.SourceSite), Name: string(t.PackageID) + " as a whole"}
		r.judge.add(r.f.at(t.Site), ended(c, totalOutcome(t), countsText(t)))
	}
	return r.judge.close(ctx, r.f)
}

// ended is the case of what was watched, with how it ended.
func ended(c report.Case, outcome, detail string) report.Case {
	switch outcome {
	case outcomeInstalled, outcomeRemoved, outcomeNoContent:
		return c
	case outcomeUndecided, outcomeIgnored, outcomeUnseen:
		c.Verdict = report.Errored
	default:
		c.Verdict = report.Failed
	}
	c.Type, c.Message = outcome, outcome+": "+detail
	return c
}

// steps takes down how far the check of a site came.
func (v *verdict) steps(m *member, r checkResult) {
	if !v.isAsked() || r.member == nil { // then its error says it all
		return
	}
	verdict := report.Passed
	for _, step := range []string{stepReach, stepSignIn, stepProvider, stepRead} {
		c := report.Case{Suite: m.code(), Name: step, Verdict: verdict}
		switch {
		case step == r.step:
			v.told[m.Name] = true
			c.Verdict, c.Type, c.Message, c.Text = report.Errored, kindOf(r.err), oneLine(r.err.Error()), r.advice
			verdict = report.Skipped
		case verdict == report.Skipped:
			c.Message = "the check ended before"
		}
		v.add(m, c)
	}
}
