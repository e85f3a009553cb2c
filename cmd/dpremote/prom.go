package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"dpremote/internal/metrics"
	"dpremote/queries"
)

// perDPFlags ask for a series a distribution point.
type perDPFlags struct {
	perDP  bool
	series int
}

// defaultDPSeries is what a Prometheus server takes from one target without
// being asked to: some 3,000 distribution points in two or three states each.
const defaultDPSeries = 10_000

func (o *perDPFlags) register(flags *pflag.FlagSet) {
	flags.BoolVar(&o.perDP, "per-dp", false, "metrics for each distribution point, too")
	flags.IntVar(&o.series, "per-dp-series", defaultDPSeries, "how many series --per-dp may make; distribution points beyond that are left out, those with failures last")
}

func (o *perDPFlags) check() error {
	if o.series < 1 {
		return usage("--per-dp-series: %d is less than 1", o.series)
	}
	return nil
}

// sayLeftOut tells of distribution points that are left out.
func (o *perDPFlags) sayLeftOut(a *app, n int) {
	if n > 0 {
		a.log.Warnf("%s left out of the metrics: more than %d series (--per-dp-series)", count(n, "distribution point is", "distribution points are"), o.series)
	}
}

// promFlags ask for metrics beside what a command prints.
type promFlags struct {
	perDPFlags
	file string
}

func (o *promFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.file, "prom", "", "write metrics for Prometheus into this file, such as FILE.prom for the textfile collector; - for standard output in place of the table")
	o.perDPFlags.register(flags)
}

// promFile is where the metrics of a command go. Nil is nowhere.
type promFile struct {
	f     *fleet
	flags *promFlags
	out   *outFile
	whole bool // hierarchies are counted, and no sites
}

// open opens the file before the sites are asked, and has the fleet count what a
// level of status shows, or dps.
func (o *promFlags) open(f *fleet, level string, filter queries.Filter) (*promFile, error) {
	detail := map[string]metrics.Detail{
		"root": metrics.ByPackage, "site": metrics.ByPackage, "dps": metrics.ByDP,
		"dp": metrics.ByPackage | metrics.ByDP | metrics.ByAge,
	}[level]
	states := countedStates(filter)
	if level == "root" || level == "site" {
		states = summarizedStates()
	}
	switch {
	case o.file == "" && o.perDP:
		return nil, usage("--per-dp is about metrics: it needs --prom")
	case o.perDP && detail&metrics.ByDP == 0:
		return nil, usage("--per-dp: packages are counted here, not distribution points; use --level dp")
	case o.file == "":
		return nil, nil
	case o.file == "-" && f.g.changed.Changed("output"):
		return nil, usage("--prom -: standard output cannot have both the metrics and --output %s; name a file", f.g.format)
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	out, err := openOut("--prom", o.file, forAll, f.g.app.out)
	if err != nil {
		return nil, err
	}
	if o.file == "-" {
		f.g.app.out = io.Discard
	}
	f.tally = newTally(f.members, detail, states)
	return &promFile{f, o, out, level == "root"}, nil
}

// discard gives up what was not written.
func (p *promFile) discard() {
	if p != nil {
		p.out.discard()
	}
}

// write writes what was counted, unless the command was interrupted: then what
// is not there tells nothing.
func (p *promFile) write(ctx context.Context) error {
	if p == nil || ctx.Err() != nil {
		return nil
	}
	s := p.snapshot()
	p.flags.sayLeftOut(p.f.g.app, s.LeftOut())
	return p.out.write(func(w io.Writer) error { return metrics.Write(w, s) })
}

func (p *promFile) snapshot() *metrics.Snapshot {
	f := p.f
	s := newSnapshot(&p.flags.perDPFlags)
	errs := map[string]error{}
	for _, fail := range f.failed() {
		errs[fail.site] = errors.Join(errs[fail.site], fail.err)
	}
	down := map[string]bool{} // codes
	for _, m := range f.members {
		site := siteMetrics(m, m.took, errs[m.Name])
		if site.Up {
			site.LastSuccess = m.ended
			if !p.whole {
				site.Content = f.tally.shown(m)
			}
		} else {
			down[site.Code] = true
		}
		s.Sites = append(s.Sites, site)
	}
	for _, top := range slices.Sorted(maps.Keys(f.tally.hierarchies)) {
		if !down[string(top)] {
			s.Hierarchies = append(s.Hierarchies, metrics.Hierarchy{Top: string(top), Content: f.tally.hierarchies[top]})
		}
	}
	return s
}

func newSnapshot(o *perDPFlags) *metrics.Snapshot {
	return &metrics.Snapshot{Version: versionText(), GoVersion: runtime.Version(), PerDP: o.perDP, MaxSeries: o.series}
}

// timed measures how long something takes at a member.
func (m *member) timed(now func() time.Time) (done func()) {
	began := now()
	return func() {
		m.ended = now()
		m.took += m.ended.Sub(began)
	}
}
