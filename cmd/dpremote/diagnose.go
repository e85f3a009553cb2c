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

func newDiagnose(g *globals) *cobra.Command {
	o := &filterFlags{}
	cmd := &cobra.Command{
		Use:   "diagnose [PACKAGEID...]",
		Short: "Say why content failed, and what to do",
		Long: `Say for each row, a package on a distribution point, why the content is not
there: the cause, how sure that is, whether sending it again would cure it, and
what to do. The evidence, in wide and in json, is the row's status, the status
messages of Distribution Manager and Package Transfer Manager, open transfers,
the room on the distribution point's drives and its maintenance mode.

Status messages are read as far back as --since says, and otherwise seven days.
With --since only rows that changed since then are shown.

A package that failed six times or more within an hour at one site is told as a
retry storm: each retry sends the package's description to the child sites
again. Storms are looked for among all packages, or those that are named.`,
		Example: `  dpremote diagnose
  dpremote diagnose PS10002A -o wide
  dpremote diagnose --dp 'SRV*' --state unhealthy --since 336h
  dpremote diagnose --site PS1 -o json`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return runDiagnose(cmd.Context(), g, o, args) },
	}
	o.register(cmd.Flags(), "default: failed")
	return cmd
}

func runDiagnose(ctx context.Context, g *globals, o *filterFlags, args []string) error {
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
	what := distribution.ExamineFor{LookFor: distribution.LookFor{Filter: filter}, Since: filter.Since, Packages: filter.ExactPackages()}
	if what.Since.IsZero() {
		what.Since = now.Add(-messageAge)
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	examined := each(ctx, f, func(ctx context.Context, m *member) (*distribution.Examination, error) {
		if err := needNamespace(m); err != nil {
			return nil, err
		}
		return distribution.Examine(ctx, m.site, what)
	})
	if len(f.failures) == 0 {
		if err := unknownPackages(what.Packages, examined); err != nil {
			return err
		}
	}
	diagnoses, storms := distribution.Diagnose(examined), distribution.Storms(examined)
	if err := writeDiagnoses(f, diagnoses, storms); err != nil {
		return err
	}
	sayDiagnoses(f, diagnoses)
	sayStorms(g, storms)
	sayBlind(g, examined)
	return f.exit(exitOK)
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
		{Name: "cause", Title: "CAUSE"}, {Name: "confidence", Title: "CONFIDENCE"},
		{Name: "resendCures", Title: "RESEND CURES", Color: stateColor},
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
			Names:  []string{"hour", "notProcessed", "notCopied", "sentToChildren"},
			Values: []any{h.Hour, h.NotProcessed, h.NotCopied, h.Sent},
		})
	}
	return report.Object{
		Names: []string{"package", "siteCode", "from", "failures", "last", "dp", "dpFailures", "children", "jobs", "retries", "hours", "site"},
		Values: []any{s.PackageID, s.Site, s.From, s.Failures, s.Last, orNil(s.DP), s.DPFailures, s.Children, s.Jobs, s.Retries,
			hours, s.Seen.Name},
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
		text := fmt.Sprintf("Retry storm: %s at site %s failed %d times within an hour from %s",
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
		if s.Jobs > 0 {
			text += fmt.Sprintf("; %s in the queue", count(s.Jobs, "transfer", "transfers"))
		}
		g.app.say("%s.", text)
	}
}

// sayBlind tells sites that show no distribution points: nothing found there
// does not mean that nothing is wrong. A central site has none of its own, but
// shows those below.
func sayBlind(g *globals, examined []*distribution.Examination) {
	for _, x := range examined {
		if x.Blind {
			g.app.say("%s shows no distribution points at all: it has none, or the account has no right to see them.", x.View.Site.Name)
		}
	}
}
