package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dpremote/distribution"
	"dpremote/internal/report"
	"dpremote/queries"
)

// messageAge is how far back diagnose reads status messages by default.
const messageAge = 7 * 24 * time.Hour

// diagnoseOptions are the flags of diagnose.
type diagnoseOptions struct {
	filterFlags
	verdictFlags
	clear clearRetryOptions
	logs  bool
}

func newDiagnose(g *globals) *cobra.Command {
	o := &diagnoseOptions{}
	cmd := &cobra.Command{
		Use:   "diagnose [PACKAGEID...]",
		Short: "Say why content failed, and what to do",
		Long: `Say for each row, a package on a distribution point, why the content is not
there: the cause, how sure that is, whether sending it again would cure it, and
what to do. The evidence, in wide and in json, is the row's status, the status
messages of Distribution Manager and Package Transfer Manager, open transfers,
the room on the distribution point's drives and its maintenance mode; with
--logs also the newest lines of the site server's logs that name the package
and, where they name any, the distribution point.

Status messages are read as far back as --since says, and otherwise seven days.
With --since only rows that changed since then are shown.

What is diagnosed does not change the exit status, unless --fail-on says what is
a finding, or --junit or --annotate is given, for which what failed is one.

A package that failed six times or more within an hour at one site is told as a
retry storm: each retry sends the package's description to the child sites
again. Storms are looked for among all packages, or those that are named. What
the registry of the site server keeps of them, the retry history, is read where
the account may: local administrators of the server may.

--clear-retry deletes the retry history of packages at the sites that are
selected, which makes Distribution Manager stop trying them (knowledge base
article Q319207). It shows what is there, asks, and keeps each key in a file
that "reg import" restores, below $XDG_STATE_HOME/dpremote/retry-history or
~/.local/state/dpremote/retry-history, before it deletes it. Where there is no
retry history, nothing is done, and the exit status is 0. It does not remove the
cause of the failures: cure that first. Rows are not diagnosed then. The exit
status is 3 when a retry history is there again after it was deleted.`,
		Example: `  dpremote diagnose
  dpremote diagnose PS100005 --logs -o wide
  dpremote diagnose --dp 'dp0*' --state unhealthy --since 336h
  dpremote diagnose --site PS1 -o json
  dpremote diagnose --fail-on failed --junit causes.xml
  dpremote diagnose --clear-retry PS100005 --site PS1`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.clear.check(g.app, cmd.Flags(), args); err != nil {
				return err
			}
			if o.clear.wanted(cmd.Flags()) {
				return runClearRetry(cmd.Context(), g, &o.clear)
			}
			return runDiagnose(cmd.Context(), g, o, args)
		},
	}
	o.filterFlags.register(cmd.Flags(), "default: failed")
	o.verdictFlags.register(cmd.Flags(), "a row, with its cause")
	o.registerFailOn(cmd.Flags())
	o.clear.register(cmd.Flags())
	cmd.Flags().BoolVar(&o.logs, "logs", false, "add what distmgr.log and PkgXferMgr.log on the site servers say to the evidence")
	return cmd
}

func runDiagnose(ctx context.Context, g *globals, o *diagnoseOptions, args []string) error {
	ids, err := packageIDs(args)
	if err != nil {
		return err
	}
	for _, id := range ids {
		o.packages = append(o.packages, string(id))
	}
	now := g.app.now()
	filter, err := o.filter(now, queries.StateFailed)
	if err != nil {
		return err
	}
	if _, err := diagnosisWriter(g); err != nil {
		return err
	}
	judge, err := o.open(g, "diagnose")
	if err != nil {
		return err
	}
	defer judge.discard()
	what := distribution.ExamineFor{LookFor: distribution.LookFor{Filter: filter}, Since: filter.Since, Packages: filter.ExactPackages()}
	if what.Since.IsZero() {
		what.Since = now.Add(-messageAge)
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	examined := eachSite(ctx, f, func(ctx context.Context, s *distribution.Site) (*distribution.Examination, error) {
		return distribution.Examine(ctx, s, what)
	})
	if len(f.failures) == 0 {
		if err := f.unseen(unknownPackages(what.Packages, examined)); err != nil {
			return err
		}
	}
	diagnoses, storms := distribution.Diagnose(f.leaveDiagnoses(examined)), distribution.Storms(examined)
	if o.logs {
		addLogs(ctx, f, diagnoses, what.Since)
	}
	if err := writeDiagnoses(f, diagnoses, storms); err != nil {
		return err
	}
	sayDiagnoses(f, diagnoses)
	sayStorms(g, storms)
	sayBlind(g, examined)
	for _, d := range diagnoses {
		judge.diagnosis(f.at(d.Owner), d)
	}
	if err := judge.close(ctx, f); err != nil {
		return err
	}
	return f.exit(judge.exit())
}

// packageIDs reads arguments that are package IDs.
func packageIDs(args []string) ([]queries.PackageID, error) {
	var ids []queries.PackageID
	for _, arg := range args {
		id, err := queries.ParsePackageID(arg)
		if err != nil {
			return nil, usage("%w; use --package for a pattern", err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// unknownPackages refuses packages that no site shows. It is for when all sites
// have answered.
func unknownPackages(ids []queries.PackageID, examined []*distribution.Examination) error {
	var missing []string
	for _, id := range ids {
		shown := func(x *distribution.Examination) bool { return x.Known[id] }
		if !slices.ContainsFunc(examined, shown) {
			missing = append(missing, string(id))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return usage("no site shows %s: it does not exist, or the account has no right to see it", strings.Join(missing, ", "))
}

func diagnosisColumns() []report.Column {
	return []report.Column{
		{Name: "siteCode", Title: "SITE"}, {Name: "dp", Title: "DP"}, {Name: "package", Title: "PACKAGE"},
		{Name: "name", Title: "NAME", Wide: true}, {Name: "type", Title: "TYPE", Wide: true},
		{Name: "state", Title: "STATE", Color: stateColor, Wide: true}, {Name: "since", Title: "SINCE", Wide: true},
		{Name: "cause", Title: "CAUSE"}, {Name: "confidence", Title: "CONFIDENCE", Minor: 2},
		{Name: "resendCures", Title: "RESEND CURES", Color: stateColor, Minor: 1},
		{Name: "words", Title: "WHY", Wide: true}, {Name: "advice", Title: "WHAT TO DO", Wide: true},
		{Name: "evidence", Title: "EVIDENCE", Wide: true},
		{Name: "nalPath", Title: "NAL PATH", Wide: true}, {Name: "site", Title: "SEEN BY", Wide: true},
	}
}

func diagnosisWriter(g *globals) (*report.Writer, error) {
	out, err := report.New(g.app.out, g.reportOptions("diagnose", diagnosisColumns()))
	if err != nil {
		return nil, usage("%w", err)
	}
	return out, nil
}

// writeDiagnoses shows the rows, and in a document the storms beside them.
func writeDiagnoses(f *fleet, diagnoses []distribution.Diagnosis, storms []distribution.Storm) error {
	out, err := diagnosisWriter(f.g)
	if err != nil {
		return err
	}
	for _, d := range diagnoses {
		err := out.Row(d.SiteCode, d.ServerNALPath.Server(), d.PackageID, orNil(d.Name), d.PackageType, d.State, when(d.SummaryDate),
			d.Why, d.Confidence, d.Resend, d.Words, d.Advice, evidenceValue(f.g, d.Evidence), d.ServerNALPath, d.Owner.Name)
		if err != nil {
			return err
		}
	}
	list := make([]report.Object, 0, len(storms))
	for _, s := range storms {
		list = append(list, stormObject(s))
	}
	out.Set("storms", list)
	f.addErrors(out)
	return out.Close()
}

// evidenceValue is evidence as objects where the format has such, and else as
// lines.
func evidenceValue(g *globals, all []distribution.Evidence) any {
	switch report.Format(g.format) {
	case report.JSON, report.JSONL, report.YAML:
		list := make([]report.Object, 0, len(all))
		for _, e := range all {
			list = append(list, report.Object{
				Names:  []string{"source", "time", "messageId", "recordId", "text"},
				Values: []any{e.Source, e.Time, orNone(e.MessageID), orNone(e.RecordID), e.Text},
			})
		}
		return list
	}
	var lines []string
	for _, e := range all {
		lines = append(lines, e.String())
	}
	return strings.Join(lines, " | ")
}

// orNone leaves out a number that is not known.
func orNone[N uint32 | int64](n N) any {
	if n == 0 {
		return nil
	}
	return n
}

func stormObject(s distribution.Storm) report.Object {
	hours := make([]report.Object, 0, len(s.Hours))
	for _, h := range s.Hours {
		hours = append(hours, report.Object{
			Names:  []string{"hour", "notProcessed", "notCopied", "sentToChildren", "jobsMade"},
			Values: []any{h.Hour, h.NotProcessed, h.NotCopied, h.Sent, h.Jobs},
		})
	}
	return report.Object{
		Names: []string{"package", "siteCode", "from", "failures", "last", "dp", "dpFailures", "children", "jobs", "retries",
			"jobsMade", "retryHistory", "hours", "site"},
		Values: []any{s.PackageID, s.Site, s.From, s.Failures, s.Last, orNil(s.DP), s.DPFailures, s.Children, s.Jobs, s.Retries,
			s.JobsMade, historyObject(s.History), hours, s.Seen.Name},
	}
}

func historyObject(h distribution.StormHistory) report.Object {
	return report.Object{
		Names:  []string{"state", "why", "values", "queue", "processing"},
		Values: []any{h.State, orNil(h.Why), registryObjects(h.Values), orNil(h.Queue), orNil(h.Processing)},
	}
}

// sayDiagnoses counts the causes for people, with what to do about each.
func sayDiagnoses(f *fleet, diagnoses []distribution.Diagnosis) {
	app := f.g.app
	if len(diagnoses) == 0 {
		if len(f.failures) > 0 {
			app.say("Nothing to diagnose at the sites that answered.")
		} else {
			app.say("Nothing to diagnose.")
		}
		return
	}
	// The same cause may come with different advice.
	counts := map[string]int{}
	for _, d := range diagnoses {
		counts[d.Why+resendText(d)+": "+d.Advice]++
	}
	app.say("%s:", count(len(diagnoses), "row", "rows"))
	for _, text := range sortedKeys(counts) {
		app.say("  %d %s.", counts[text], text)
	}
}

func resendText(d distribution.Diagnosis) string {
	switch {
	case d.State == queries.StateInstalled:
		return ""
	case d.Resend == distribution.CuresYes:
		return " (a resend cures it)"
	case d.Resend == distribution.CuresNo:
		return " (a resend does not cure it)"
	}
	return " (a resend may help or not)"
}

// sayStorms tells storms. Documents have them too.
func sayStorms(g *globals, storms []distribution.Storm) {
	for _, s := range storms {
		g.app.say("Retry storm: %s.", stormText(s))
		if text := historyText(s); text != "" {
			g.app.say("  %s.", text)
		}
	}
}

// stormText is what a storm does, in one sentence.
func stormText(s distribution.Storm) string {
	text := fmt.Sprintf("%s at site %s failed %d times within an hour from %s",
		s.PackageID, s.Site, s.Failures, s.From.UTC().Format("2006-01-02 15:04:05Z"))
	if s.DP != "" {
		text += fmt.Sprintf(", on %s %d times in all", s.DP, s.DPFailures)
	}
	if len(s.Children) > 0 {
		var codes []string
		for _, c := range s.Children {
			codes = append(codes, string(c))
		}
		text += ", and sends its description to " + strings.Join(codes, ", ")
	}
	if s.JobsMade > 0 {
		peak := s.Peak()
		text += fmt.Sprintf("; %s made for it, %d of them in the hour from %s",
			count(s.JobsMade, "transfer was", "transfers were"), peak.Jobs, peak.Hour.Format("2006-01-02 15:04Z"))
	}
	if s.Jobs > 0 {
		text += fmt.Sprintf("; %s in the queue", count(s.Jobs, "transfer", "transfers"))
	}
	return text
}

// historyText is what the registry tells of a storm, and what to do with it.
func historyText(s distribution.Storm) string {
	switch s.History.State {
	case distribution.HistoryThere:
		return fmt.Sprintf("%s keeps a retry history of it (%s): cure the cause, then \"dpremote diagnose --clear-retry %s --site %s\" stops the retries",
			s.Site, registryText(s.History.Values), s.PackageID, s.Seen.Name)
	case distribution.HistoryAbsent:
		return fmt.Sprintf("%s keeps no retry history of it", s.Site)
	case distribution.HistoryDenied:
		return fmt.Sprintf("the account may not read the registry of %s, so whether it keeps a retry history is not known", s.Site)
	case distribution.HistoryElsewhere:
		return fmt.Sprintf("the server that answers for %s is not its site server, so whether it keeps a retry history is not known", s.Site)
	case distribution.HistoryUnread:
		return fmt.Sprintf("the registry of %s could not be read: %s", s.Site, s.History.Why)
	}
	return ""
}

// sayBlind tells sites that show no distribution points.
func sayBlind(g *globals, examined []*distribution.Examination) {
	for _, x := range examined {
		if x.Blind {
			sayNoDPs(g, x.View.Site.Name)
		}
	}
}
