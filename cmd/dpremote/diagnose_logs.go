package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dpremote/distribution"
	"dpremote/internal/cmtrace"
	"dpremote/internal/sitelog"
	"dpremote/internal/sweep"
	"dpremote/queries"
)

// logLinesKept is how many lines of logs a row has as evidence, the newest.
const logLinesKept = 6

// addLogs adds to each diagnosis what the logs of its site's server say about
// it, since a time by our clock. A log that cannot be read is told, and stops
// nothing.
func addLogs(ctx context.Context, f *fleet, diagnoses []distribution.Diagnosis, since time.Time) {
	rows := map[string][]*distribution.Diagnosis{} // by site
	away := map[queries.SiteCode]bool{}
	for i := range diagnoses {
		d := &diagnoses[i]
		if !strings.EqualFold(string(d.Owner.Code()), string(d.Home)) {
			away[d.Home] = true
			continue
		}
		rows[d.Owner.Name] = append(rows[d.Owner.Name], d)
	}
	for _, code := range slices.Sorted(maps.Keys(away)) {
		f.g.app.log.Warnf("the logs of site %s are on its own server, which was not asked", code)
	}
	var asked []*member
	for _, m := range f.members {
		if len(rows[m.Name]) > 0 {
			asked = append(asked, m)
		}
	}
	options := sweep.Options[*member]{
		Parallel: f.g.parallel,
		Timeout:  func(m *member) time.Duration { return m.SiteTimeout },
	}
	asking := f.startAsking(ctx, "Reading logs at", asked)
	results := sweep.Run(ctx, options, asked, func(ctx context.Context, m *member) (log packageLog, err error) {
		asking.begin(m, f.g.app.now())
		defer func() { asking.end(m, err) }()
		return readPackageLog(ctx, m, rows[m.Name], since)
	})
	asking.stop()
	for _, r := range results {
		for _, err := range append(r.Value.failed, r.Err) {
			if err != nil && !isInterrupt(err) {
				f.g.app.log.WithField("site", r.Item.Name).Warnf("without its logs: %v", err)
			}
		}
		for _, d := range rows[r.Item.Name] {
			r.Value.addTo(d)
		}
	}
}

// packageLog is what a site server's logs say about packages.
type packageLog struct {
	lines  map[queries.PackageID][]packageLine // in the order of the logs
	failed []error                             // of single logs
}

// packageLine is a line of a log that names a package.
type packageLine struct {
	file string
	cmtrace.Entry
	dps []string // that it names, in lower case
}

// readPackageLog reads what the logs of a site server say about the packages of
// some rows.
func readPackageLog(ctx context.Context, m *member, rows []*distribution.Diagnosis, since time.Time) (packageLog, error) {
	out := packageLog{lines: map[queries.PackageID][]packageLine{}}
	known, err := knownDPs(ctx, m, rows)
	if err != nil {
		return out, err
	}
	wanted := map[string]bool{}
	var words []sitelog.Word
	for _, d := range rows {
		id := strings.ToUpper(string(d.PackageID))
		w, err := sitelog.ParseWord(id)
		if err != nil || wanted[id] {
			continue
		}
		wanted[id] = true
		words = append(words, w)
	}
	for _, log := range []sitelog.Log{sitelog.DistMgr, sitelog.PkgXfer} {
		result, err := sitelog.Read(ctx, sitelog.Remote{Client: m.Client}, sitelog.Query{
			Log: log, Since: siteTime(m.Client, since), Words: words,
			Match: func(e cmtrace.Entry) bool {
				return tellsMore(e) && slices.ContainsFunc(idsIn(e), func(id string) bool { return wanted[id] })
			},
		})
		if err != nil {
			out.failed = append(out.failed, fmt.Errorf("%s: %w", log, err))
			continue
		}
		for _, e := range result.Entries {
			line := packageLine{file: log.File(), Entry: e, dps: known.in(e.Message)}
			for _, id := range idsIn(e) {
				if wanted[id] {
					out.lines[queries.PackageID(id)] = append(out.lines[queries.PackageID(id)], line)
				}
			}
		}
	}
	for _, lines := range out.lines {
		slices.SortStableFunc(lines, func(a, b packageLine) int { return a.Time.Compare(b.Time) })
	}
	return out, nil
}

// tellsMore is false for the lines about status messages, which are evidence
// themselves.
func tellsMore(e cmtrace.Entry) bool { return !strings.Contains(e.Message, "STATMSG: ID=") }

// idsIn are the package IDs that an entry may name, each once.
func idsIn(e cmtrace.Entry) []string {
	ids := slices.Sorted(sitelog.PackageIDs(e.Message))
	return slices.Compact(ids)
}

// addTo adds the newest lines that belong to a row: that name its package, and
// its distribution point where they name any.
func (l packageLog) addTo(d *distribution.Diagnosis) {
	lines := l.lines[queries.PackageID(strings.ToUpper(string(d.PackageID)))]
	dp := strings.ToLower(d.ServerNALPath.Server())
	kept := 0
	for _, line := range slices.Backward(lines) {
		if len(line.dps) > 0 && !slices.Contains(line.dps, dp) {
			continue
		}
		d.Evidence = append(d.Evidence, distribution.Evidence{Source: distribution.FromLog, Time: line.Time, Text: line.file + ": " + line.Message})
		if kept++; kept == logLinesKept {
			break
		}
	}
	slices.SortStableFunc(d.Evidence, func(a, b distribution.Evidence) int { return b.Time.Compare(a.Time) })
}

// dpNames are distribution points by their full names and by the first labels
// of those, in lower case.
type dpNames map[string][]string

// knownDPs are the distribution points that a site shows, and those of the rows.
func knownDPs(ctx context.Context, m *member, rows []*distribution.Diagnosis) (dpNames, error) {
	known := dpNames{}
	for _, d := range rows {
		known.add(d.ServerNALPath)
	}
	for dp, err := range queries.DPs(ctx, m.Session) {
		if err != nil {
			return nil, err
		}
		known.add(dp.NALPath)
	}
	return known, nil
}

func (n dpNames) add(path queries.NALPath) {
	full, label := strings.ToLower(path.Server()), strings.ToLower(path.Host())
	for _, key := range []string{full, label} {
		if key != "" && !slices.Contains(n[key], full) {
			n[key] = append(n[key], full)
		}
	}
}

// in are the distribution points that a text names: by the full name anywhere,
// by the first label where only a server's name stands.
func (n dpNames) in(text string) []string {
	var named []string
	for name, isServer := range sitelog.Names(text) {
		if strings.Contains(name, ".") || isServer {
			named = append(named, n[strings.ToLower(name)]...)
		}
	}
	return named
}
