package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dpremote/internal/cmtrace"
	"dpremote/internal/report"
	"dpremote/internal/sitelog"
	"dpremote/queries"
	"dpremote/wsman"
)

// logsFlags are the flags of logs.
type logsFlags struct {
	lines         int
	since, dir    string
	dps, packages []string
}

// linesShown is how many lines logs shows of each site where nothing says what
// else.
const linesShown = 50

func newLogs(g *globals) *cobra.Command {
	o := &logsFlags{}
	cmd := &cobra.Command{
		Use:   "logs distmgr|pkgxfer|smsdpprov",
		Short: "Show the site server's own logs of content distribution",
		Long: `Show lines of a log on the site server, of several sites in the order of their
times:

  distmgr    distmgr.log, of Distribution Manager: packages and their sources
  pkgxfer    PkgXferMgr.log, of Package Transfer Manager: what is sent to
             distribution points
  smsdpprov  smsdpprov.log, of a distribution point's WMI provider: only where
             the site server is a distribution point

They are read through a remote shell, for which the account must be an
administrator of the server or in its group Remote Management Users. Only type
and findstr are run there, and nothing is written.

Shown are the last 50 lines of each site, or as many as --lines says; with
--since all lines since then, unless --lines says how many. Where the log does
not reach back far enough, its older part (.lo_) is read too. With --package and
--dp only lines are shown that name one of these packages and one of these
distribution points. More than 64 MB of a log are not read.

A line says its severity when it reports a status message, and otherwise as a
rule not: an empty severity is no good sign and no bad one. Lines in no known
form are shown with the time of the line before.`,
		Example: `  dpremote logs distmgr --site PS1
  dpremote logs pkgxfer --package PS100005 --since 24h
  dpremote logs pkgxfer --dp dp01,dp02 --lines 200 -o jsonl
  dpremote logs distmgr --site PS1 --log-dir 'C:\Program Files\Microsoft Configuration Manager\Logs'`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{string(sitelog.DistMgr), string(sitelog.PkgXfer), string(sitelog.SMSDPProv)},
		RunE:      func(cmd *cobra.Command, args []string) error { return runLogs(cmd.Context(), g, o, args[0]) },
	}
	f := cmd.Flags()
	f.IntVar(&o.lines, "lines", linesShown, "how many lines of each site, the newest; 0 for all")
	f.StringVar(&o.since, "since", "", "only lines since: a duration such as 24h, or a date")
	f.StringSliceVar(&o.dps, "dp", nil, "only lines that name these distribution points: names or patterns such as SRV*")
	f.StringSliceVar(&o.packages, "package", nil, "only lines that name these packages: IDs or patterns such as PS1*")
	f.StringVar(&o.dir, "log-dir", "", `where the logs lie on the server, such as D:\SMS\Logs (default: what its SMS_LOG_PATH says)`)
	return cmd
}

// siteLog is what was read at one site.
type siteLog struct {
	site string
	sitelog.Result
}

func runLogs(ctx context.Context, g *globals, o *logsFlags, name string) error {
	query, err := o.query(g, name)
	if err != nil {
		return err
	}
	out, err := report.New(g.app.out, g.reportOptions("logs", logColumns()))
	if err != nil {
		return usage("%w", err)
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	logs := each(ctx, f, func(ctx context.Context, m *member) (siteLog, error) {
		q := query
		if q.Log == sitelog.SMSDPProv {
			var err error
			if q.Zone, err = serverZone(ctx, m); err != nil {
				return siteLog{}, err
			}
		}
		q.Since = siteTime(m.Client, q.Since)
		result, err := sitelog.Read(ctx, sitelog.Remote{Client: m.Client}, q)
		var missing *sitelog.FileError
		if errors.As(err, &missing) {
			err = fmt.Errorf("%w; --log-dir says where to look", err)
		}
		return siteLog{m.Name, result}, err
	})
	shown, err := writeLogs(f, out, logs)
	if err != nil {
		return err
	}
	for _, l := range logs {
		if !query.Since.IsZero() && l.Begins.After(query.Since) {
			g.app.say("%s: %s begins only at %s.", l.site, query.Log.File(), l.Begins.UTC().Format("2006-01-02 15:04:05Z"))
		}
	}
	if shown == 0 && len(f.failures) == 0 {
		g.app.say("No such lines.")
	}
	return f.exit(exitOK)
}

// query is what the flags ask for.
func (o *logsFlags) query(g *globals, name string) (sitelog.Query, error) {
	q := sitelog.Query{Lines: o.lines}
	var err error
	if q.Log, err = sitelog.ParseLog(name); err != nil {
		return q, usage("%w", err)
	}
	if o.lines < 0 {
		return q, usage("--lines cannot be negative")
	}
	if q.Since, err = since(o.since, g.app.now()); err != nil {
		return q, err
	}
	if !q.Since.IsZero() && !g.changed.Changed("lines") {
		q.Lines = 0
	}
	if o.dir != "" {
		if q.Dir, err = sitelog.ParseDir(o.dir); err != nil {
			return q, usage("--log-dir: %w", err)
		}
	}
	filter, err := newLogFilter(o.packages, o.dps)
	if err != nil {
		return q, err
	}
	q.Words, q.Match = filter.words(), filter.match
	return q, nil
}

// siteTime is a time of ours by a server's clock, where that is known.
func siteTime(c *wsman.Client, t time.Time) time.Time {
	ahead, known := c.ClockOffset()
	if t.IsZero() || !known {
		return t
	}
	return t.Add(ahead)
}

// serverZone is the server's time zone, as it is now: a log that does not write
// it may be an hour off across a change of the clocks.
func serverZone(ctx context.Context, m *member) (*time.Location, error) {
	const wql = "SELECT CurrentTimeZone FROM Win32_OperatingSystem"
	for row, err := range m.At("root/cimv2").Rows(ctx, wsman.Enumeration{WQL: wql}) {
		if err != nil {
			return nil, fmt.Errorf("find the server's time zone: %w", err)
		}
		text, _ := row.Instance.Get("CurrentTimeZone") // in minutes, east of Greenwich
		minutes, err := strconv.Atoi(text.Text())
		if err != nil || minutes < -24*60 || minutes > 24*60 {
			break
		}
		return time.FixedZone("", minutes*60), nil
	}
	return nil, errors.New("find the server's time zone: Win32_OperatingSystem does not say")
}

func logColumns() []report.Column {
	return []report.Column{
		{Name: "time", Title: "TIME"}, {Name: "site", Title: "SITE"},
		{Name: "component", Title: "COMPONENT", Wide: true}, {Name: "thread", Title: "THREAD", Wide: true, Right: true},
		{Name: "severity", Title: "SEVERITY", Color: stateColor, Minor: 1}, {Name: "message", Title: "MESSAGE"},
		{Name: "file", Title: "FILE", Wide: true},
	}
}

// writeLogs shows the entries of all sites in the order of their times, and
// tells how many there are.
func writeLogs(f *fleet, out *report.Writer, logs []siteLog) (shown int, err error) {
	type line struct {
		site string
		cmtrace.Entry
	}
	var all []line
	for _, l := range logs {
		for _, e := range l.Entries {
			all = append(all, line{l.site, e})
		}
	}
	slices.SortStableFunc(all, func(a, b line) int { return a.Time.Compare(b.Time) })
	for _, l := range all {
		if err := out.Row(l.Time, l.site, orNil(l.Component), orNone(l.Thread), orNil(l.Severity.String()), l.Message, orNil(l.File)); err != nil {
			return 0, err
		}
	}
	f.addErrors(out)
	return len(all), out.Close()
}

// logFilter picks entries by what they name. The zero value picks all.
type logFilter struct{ packages, dps []queries.Pattern }

func newLogFilter(packages, dps []string) (logFilter, error) {
	var f logFilter
	var err error
	if f.packages, err = patterns("--package", packages); err != nil {
		return f, err
	}
	if f.dps, err = patterns("--dp", dps); err != nil {
		return f, err
	}
	for _, p := range f.dps {
		if name, exact := p.Literal(); exact {
			if _, err := sitelog.ParseWord(name); err != nil {
				return f, usage("--dp: %w", err)
			}
		}
	}
	return f, nil
}

// words are what the server can look for: package IDs, or else the first labels
// of distribution points. Patterns are for us alone.
func (f logFilter) words() []sitelog.Word {
	if words := literalWords(f.packages); words != nil {
		return words
	}
	return literalWords(f.dps)
}

// literalWords are the words that a line must have one of, nil when that cannot
// be said.
func literalWords(patterns []queries.Pattern) []sitelog.Word {
	var words []sitelog.Word
	for _, p := range patterns {
		name, exact := p.Literal()
		label, _, _ := strings.Cut(name, ".")
		w, err := sitelog.ParseWord(label)
		if !exact || err != nil {
			return nil
		}
		words = append(words, w)
	}
	return words
}

// match tells whether an entry names one of the packages and one of the
// distribution points.
func (f logFilter) match(e cmtrace.Entry) bool {
	return (len(f.packages) == 0 || slices.ContainsFunc(f.packages, func(p queries.Pattern) bool { return namesPackage(e.Message, p) })) &&
		(len(f.dps) == 0 || slices.ContainsFunc(f.dps, func(p queries.Pattern) bool { return namesDP(e.Message, p) }))
}

// namesPackage tells whether a text names a package. What a pattern matches
// must look like an ID: a site code and a number in hexadecimal.
func namesPackage(text string, p queries.Pattern) bool {
	for id := range sitelog.PackageIDs(text) {
		if p.Match(id) && (!p.Wild() || strings.Trim(id[3:], "0123456789ABCDEF") == "") {
			return true
		}
	}
	return false
}

// namesDP tells whether a text names a distribution point, by its full name or
// the first label. A pattern is held against what must be a server, or has a
// domain.
func namesDP(text string, p queries.Pattern) bool {
	literal, _ := p.Literal()
	label, _, full := strings.Cut(literal, ".")
	for name, isServer := range sitelog.Names(text) {
		host, domain, _ := strings.Cut(name, ".")
		switch {
		case p.Wild() && !isServer && !strings.Contains(domain, "."):
		case p.Match(name), p.Match(host):
			return true
		case full && isServer && domain == "" && strings.EqualFold(name, label):
			return true
		}
	}
	return false
}
