package metrics

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
)

// Write writes a snapshot in Prometheus' text format.
func Write(w io.Writer, s *Snapshot) error {
	registry := prometheus.NewRegistry()
	if err := registry.Register(newCollector(func() *Snapshot { return s })); err != nil {
		return err
	}
	families, err := registry.Gather()
	if err != nil {
		return err
	}
	encoder := expfmt.NewEncoder(w, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return err
		}
	}
	return nil
}

// Handler serves the current snapshot to scrapes, with metrics of the process
// itself beside it. Current is called for each scrape, by several goroutines.
func Handler(current func() *Snapshot) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	for _, c := range []prometheus.Collector{
		newCollector(current), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	const atOnce, most = 8, 30 * time.Second
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: atOnce, Timeout: most}), nil
}

// collector makes metrics of snapshots.
type collector struct {
	current  func() *Snapshot
	families map[string]described
}

// described is a family as client_golang wants it.
type described struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func newCollector(current func() *Snapshot) *collector {
	c := &collector{current, map[string]described{}}
	for _, f := range Families() {
		kind := prometheus.GaugeValue
		if f.Type == counter {
			kind = prometheus.CounterValue
		}
		c.families[f.Name] = described{prometheus.NewDesc(f.Name, f.Help, f.Labels, nil), kind}
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, f := range c.families {
		out <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.current()
	to := sink{c, out}
	to.add(buildInfo, 1, s.Version, s.GoVersion)
	for _, site := range s.Sites {
		to.site(site)
	}
	for _, h := range s.Hierarchies {
		to.hierarchy(h)
	}
	if s.PerDP {
		to.perDP(s)
	}
}

// sink is where the metrics of one collection go.
type sink struct {
	*collector
	out chan<- prometheus.Metric
}

func (to sink) add(name string, value float64, labels ...string) {
	labels = slices.Clone(labels)
	for i := range labels {
		labels[i] = label(labels[i])
	}
	f := to.families[name]
	to.out <- prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
}

func (to sink) site(s Site) {
	up := 0.0
	if s.Up {
		up = 1
	}
	to.add(siteUp, up, s.Name, s.Code)
	if s.Error != "" {
		to.add(siteError, 1, s.Name, s.Code, s.Error)
	}
	to.add(siteDuration, s.Duration.Seconds(), s.Name, s.Code)
	if !s.LastSuccess.IsZero() {
		to.add(siteSuccess, unix(s.LastSuccess), s.Name, s.Code)
	}
	if s.ClockAheadKnown {
		to.add(siteClock, s.ClockAhead.Seconds(), s.Name, s.Code)
	}
	if s.Looks > 0 {
		to.add(siteLooks, float64(s.Looks), s.Name, s.Code)
		to.add(siteFailures, float64(s.Failures), s.Name, s.Code)
	}
	for _, c := range s.Content {
		to.content(c, s.Name, c.SiteCode)
	}
}

func (to sink) content(c *Content, labels ...string) {
	with := func(last string) []string { return append(slices.Clone(labels), last) }
	for i, state := range c.states {
		to.add(rowsIn, float64(c.rows[i]), with(state)...)
		if c.detail&ByPackage != 0 {
			to.add(packagesIn, float64(c.packagesIn(i)), with(state)...)
		}
		if c.detail&ByDP != 0 {
			to.add(dpsIn, float64(c.dpsIn(i)), with(state)...)
		}
		if c.detail&ByAge != 0 && state != Installed && !c.oldest[i].IsZero() {
			to.add(oldestIn, unix(c.oldest[i]), with(state)...)
		}
	}
	if c.detail&ByPackage != 0 {
		to.add(packages, float64(len(c.packages)), labels...)
	}
	if c.detail&ByDP != 0 {
		to.add(dps, float64(len(c.dps)), labels...)
	}
	if c.detail&ByCause != 0 {
		for _, cause := range slices.Sorted(maps.Keys(c.causes)) {
			to.add(rowsByCause, float64(c.causes[cause]), with(cause)...)
		}
	}
}

func (to sink) hierarchy(h Hierarchy) {
	for i, state := range h.Content.states {
		to.add(hierarchyRows, float64(h.Content.rows[i]), h.Top, state)
		to.add(hierarchyPackagesIn, float64(h.Content.packagesIn(i)), h.Top, state)
	}
	to.add(hierarchyPackages, float64(len(h.Content.packages)), h.Top)
}

func (to sink) perDP(s *Snapshot) {
	all, leftOut := s.perDP()
	for _, d := range all {
		for i, state := range d.states {
			if d.shown(i) {
				to.add(dpRows, float64(d.counts[i]), d.site, d.siteCode, d.dp, state)
			}
		}
	}
	to.add(dpsLeftOut, float64(leftOut))
}

func unix(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
