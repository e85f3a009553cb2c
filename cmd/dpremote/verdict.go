package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"dpremote/distribution"
	"dpremote/internal/inventory"
	"dpremote/internal/report"
	"dpremote/queries"
)

// verdictFlags ask for what CI systems read beside the exit status.
type verdictFlags struct {
	junit, annotate string
	failOn          []string
}

func (o *verdictFlags) register(f *pflag.FlagSet, what string) {
	f.StringVar(&o.junit, "junit", "", "write a JUnit report into this file: a suite is a site, a case "+what)
	f.StringVar(&o.annotate, "annotate", "none", "tell what was found as a CI system shows it: none, github, gitlab[=FILE], or auto")
}

func (o *verdictFlags) registerFailOn(f *pflag.FlagSet) {
	f.StringSliceVar(&o.failOn, "fail-on", nil, failOnHelp+" (default with --junit and --annotate: failed)")
}

// verdict is how things turned out, for who reads a JUnit report or annotations:
// there is a failure in them when the exit status is 3, and an error when it is
// 4, 5 or 6. It is not safe for concurrent use.
type verdict struct {
	findings
	g       *globals
	command string
	begun   time.Time
	found   bool // a finding
	// moved is when the state of a row was last seen to change.
	moved map[queries.RowKey]time.Time
	told  map[string]bool // sites whose errors have a case already
	junit *report.JUnit   // nil where none is asked for, as the others
	out   *outFile
	notes *notes
}

// open makes the verdict of a command. It opens the files before anything is
// asked, not when it is too late.
func (o *verdictFlags) open(g *globals, command string) (*verdict, error) {
	v := &verdict{g: g, command: "dpremote " + command, begun: g.app.now(), moved: map[queries.RowKey]time.Time{}, told: map[string]bool{}}
	words := commas(o.failOn)
	to, err := parseAnnotate(o.annotate, g.app.getenv)
	if err != nil {
		return nil, err
	}
	if len(words) == 0 && (o.junit != "" || to.kind != annotateNone) {
		words = []string{queries.StateFailed.String()}
	}
	if v.findings, err = parseFindings(words); err != nil {
		return nil, err
	}
	if v.notes, err = newNotes(g, to, v.command); err != nil {
		return nil, err
	}
	switch o.junit {
	case "":
		return v, nil
	case "-":
		v.discard()
		return nil, usage("--junit: standard output has the rows; name a file")
	}
	if v.out, err = openOut("--junit", o.junit, forOwner, nil); err != nil {
		v.discard()
		return nil, err
	}
	v.junit = report.NewJUnit(v.command, v.begun)
	return v, nil
}

// discard gives up what close has not written.
func (v *verdict) discard() {
	if v.out != nil {
		v.out.discard()
	}
	if v.junit != nil {
		if err := v.junit.Close(); err != nil {
			v.g.app.log.Debug(err)
		}
	}
	v.notes.discard()
}

// isAsked tells whether anybody reads the verdict.
func (v *verdict) isAsked() bool { return v != nil && (v.junit != nil || v.notes != nil) }

// add takes down a case. m is the site that tells of it, for who wants to look
// there; it may be nil.
func (v *verdict) add(m *member, c report.Case) {
	if v.junit != nil {
		if !strings.HasPrefix(c.Text, c.Message) { // GitLab shows the text alone
			c.Text = strings.TrimSuffix(c.Message+"\n"+c.Text, "\n")
		}
		_ = v.junit.Add(c) // close tells the error
	}
	v.notes.add(m, c)
}

// row takes down a package on a distribution point.
func (v *verdict) row(m *member, r queries.PackageStatusDP) {
	found := v.names(r, v.by(m))
	v.found = v.found || found
	if v.isAsked() {
		c := caseOf(r)
		if found {
			c.Verdict, c.Type, c.Message, c.Text = report.Failed, r.State.String(), v.since(r, v.by(m)), rowText(m, r)
		}
		v.add(m, c)
	}
}

// by is the time that a site's clock showed at the beginning.
func (v *verdict) by(m *member) time.Time {
	if v.older <= 0 || m.Connection == nil {
		return v.begun
	}
	ahead, _ := m.Client.ClockOffset()
	return v.begun.Add(ahead)
}

func caseOf(r queries.PackageStatusDP) report.Case {
	return report.Case{Suite: string(r.SiteCode), Name: string(r.PackageID) + " on " + r.ServerNALPath.Server()}
}

// since says in a line what a row is and since when.
func (v *verdict) since(r queries.PackageStatusDP, now time.Time) string {
	text := r.State.String()
	if at := when(r.SummaryDate); !at.IsZero() {
		text += " since " + at.UTC().Format(time.RFC3339)
	}
	if v.tooOld(r, now) {
		text += ", longer than " + v.older.String()
	}
	return text
}

// rowText is what else there is to know about a row.
func rowText(m *member, r queries.PackageStatusDP) string {
	return fmt.Sprintf("package %s (%s), version %d\ndistribution point %s\nsite %s, as %s shows it",
		r.PackageID, r.PackageType, r.SourceVersion, oneLine(string(r.ServerNALPath)), r.SiteCode, m.Name)
}

// counts takes down a package of which distribution points are only counted.
func (v *verdict) counts(m *member, suite queries.SiteCode, id queries.PackageID, name string, counts queries.Counts) {
	state, n := v.counted(counts)
	found := n > 0
	v.found = v.found || found
	if v.isAsked() {
		c := report.Case{Suite: string(suite), Name: string(id)}
		if found {
			c.Verdict, c.Type = report.Failed, state.String()
			c.Message = fmt.Sprintf("%s on %d of %s", state, n, count(int(counts.Targeted), "distribution point", "distribution points"))
			c.Text = fmt.Sprintf("package %s, %s\n%d installed, %d retrying, %d failed, %d other, as %s shows it",
				id, oneLine(name), counts.Installed, counts.Retrying, counts.Failed, counts.Other(), m.Name)
		}
		v.add(m, c)
	}
}

// diagnosis takes down a row with what is known about why it is as it is.
func (v *verdict) diagnosis(m *member, d distribution.Diagnosis) {
	found := v.names(d.PackageStatusDP, v.by(m))
	v.found = v.found || found
	c := caseOf(d.PackageStatusDP)
	if found {
		lines := []string{rowText(m, d.PackageStatusDP), fmt.Sprintf("a resend cures it: %s (%s)", d.Resend, d.Confidence)}
		for _, e := range d.Evidence {
			lines = append(lines, oneLine(e.String()))
		}
		c.Verdict, c.Type, c.Text = report.Failed, d.State.String(), strings.Join(lines, "\n")
		c.Message = v.since(d.PackageStatusDP, v.by(m)) + ": " + causeText(d.Finding)
	}
	v.add(m, c)
}

// causeText is a cause with what to do about it.
func causeText(f distribution.Finding) string {
	text := f.Why
	for _, more := range []string{f.Words, f.Advice} {
		if more != "" {
			text += ": " + more
		}
	}
	return text
}

// exit is the exit code of a command that has shown its rows.
func (v *verdict) exit() int {
	if v.found {
		return exitFindings
	}
	return exitOK
}

// close writes what is asked for. After an interrupt it writes nothing: what was
// not asked is not known, and an old report is better than half of one.
func (v *verdict) close(ctx context.Context, f *fleet) error {
	if !v.isAsked() || ctx.Err() != nil {
		return nil
	}
	v.addSites(f)
	if v.junit != nil {
		took := v.g.app.now().Sub(v.begun)
		if err := v.out.write(func(w io.Writer) error { return v.junit.Write(w, took) }); err != nil {
			return fmt.Errorf("--junit: %w", err)
		}
	}
	return v.notes.write()
}

// siteCase begins the name of the case that tells the errors of a site.
const siteCase = "site "

// addSites takes down each site, with the errors of those that failed.
func (v *verdict) addSites(f *fleet) {
	failed := map[string][]error{}
	var names []string
	for _, fail := range f.failed() {
		if v.told[fail.site] {
			continue
		}
		if failed[fail.site] == nil {
			names = append(names, fail.site)
		}
		failed[fail.site] = append(failed[fail.site], fail.err)
	}
	members := map[string]*member{}
	for _, m := range f.members {
		members[m.Name] = m
		if v.junit != nil {
			v.junit.Suite(m.code(), m.Host, m.took)
		}
	}
	for _, name := range names {
		m, errs := members[name], failed[name]
		c := report.Case{Suite: name, Name: siteCase + name, Verdict: report.Errored, Type: kindOf(errs[0]), Message: oneLine(errs[0].Error())}
		if m != nil {
			c.Suite = m.code()
		}
		var lines []string
		for _, err := range errs {
			lines = append(lines, oneLine(err.Error()))
		}
		c.Text = strings.Join(lines, "\n")
		v.add(m, c)
	}
}

// changed takes note of when a row's state changed.
func (v *verdict) changed(row distribution.Row) {
	if v.isAsked() {
		v.moved[row.RowKey()] = v.g.app.now()
	}
}

// caseOf is the case of a row that was waited for, with the time until its state
// last changed.
func (v *verdict) caseOf(row distribution.Row) report.Case {
	c := caseOf(row.PackageStatusDP)
	if at, ok := v.moved[row.RowKey()]; ok {
		c.Took = at.Sub(v.begun)
	}
	return c
}

// code is the code of the member's site, as far as it is known, or else its
// name.
func (m *member) code() string {
	if code := withCodes([]inventory.Site{m.Site})[0].Code; code != "" {
		return code
	}
	if m.site != nil && m.site.Code() != "" {
		return string(m.site.Code())
	}
	return m.Name
}

// at is the member that is a site.
func (f *fleet) at(site *distribution.Site) *member {
	for _, m := range f.members {
		if m.site == site || m.Name == site.Name {
			return m
		}
	}
	return &member{Site: inventory.Site{Name: site.Name}}
}
