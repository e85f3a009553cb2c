package htmlreport

import (
	"fmt"
	"strings"
	"time"
)

// trendView is a trend as it is drawn, in a box of trendWidth by trendHeight.
type trendView struct {
	Site  string
	Lines []string // points of polylines; sweeps that failed leave gaps
	Dots  []dot    // points that have no neighbour, and the last
	Most  int
	Last  Point
	First time.Time
	Until time.Time
	Shown []Point // the latest, the newest first
}

type dot struct{ X, Y string }

const (
	trendWidth, trendHeight = 320, 64
	trendPad                = 4
	trendPoints             = 240 // are drawn at most of one site
	trendShown              = 12  // are told at most
)

func (r *Report) trendViews() []trendView {
	var views []trendView
	for _, t := range r.Trend {
		if len(t.Points) > 0 {
			views = append(views, newTrendView(t))
		}
	}
	return views
}

func newTrendView(t Trend) trendView {
	all := t.Points
	v := trendView{Site: t.Site, Last: all[len(all)-1], First: all[0].At, Until: all[len(all)-1].At}
	for i := range min(len(all), trendShown) {
		v.Shown = append(v.Shown, all[len(all)-1-i])
	}
	points := thin(all, trendPoints)
	for _, p := range points {
		v.Most = max(v.Most, p.Failed)
	}
	var line []string
	finish := func() {
		if len(line) > 1 {
			v.Lines = append(v.Lines, strings.Join(line, " "))
		}
		line = nil
	}
	for i, p := range points {
		if p.Error {
			finish()
			continue
		}
		x, y := v.place(p)
		line = append(line, x+","+y)
		alone := len(line) == 1 && (i+1 == len(points) || points[i+1].Error)
		if alone || i == len(points)-1 {
			v.Dots = append(v.Dots, dot{x, y})
		}
	}
	finish()
	return v
}

// place is where a point is drawn.
func (v *trendView) place(p Point) (x, y string) {
	right, down := float64(trendWidth-trendPad), float64(trendHeight-trendPad)
	if span := v.Until.Sub(v.First); span > 0 {
		right = trendPad + (trendWidth-2*trendPad)*float64(p.At.Sub(v.First))/float64(span)
	}
	if v.Most > 0 {
		down -= (trendHeight - 2*trendPad) * float64(p.Failed) / float64(v.Most)
	}
	return fmt.Sprintf("%.1f", right), fmt.Sprintf("%.1f", down)
}

// thin keeps about n points: of each span of equal length the last one.
func thin(points []Point, n int) []Point {
	if len(points) <= n {
		return points
	}
	first := points[0].At
	width := points[len(points)-1].At.Sub(first)/time.Duration(n) + 1
	var out []Point
	last := time.Duration(-1)
	for _, p := range points {
		if span := p.At.Sub(first) / width; span == last {
			out[len(out)-1] = p
		} else {
			out, last = append(out, p), span
		}
	}
	return out
}
