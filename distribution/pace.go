package distribution

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"dpremote/queries"
	"dpremote/wsman"
)

// PaceOptions say how a paced refresh goes about it. The zero value works.
type PaceOptions struct {
	Mode PutMode
	Pace Pace
	Look LookOptions // how often the queues are looked at
	// Done is told of each result as it is there, and Held of each site whose
	// queues have no room for what is left, with how many rows that are, one at
	// a time; nil for nobody.
	Done func(Result)
	Held func(site *Site, left int)
}

// RefreshPaced sends the rows of a plan in their turns, as Refresh does, and
// holds back those for which the queues have no room until they have. What it
// sent fills the queues at once, though a site may take minutes to make a job
// of it. It needs no waiting where no step of the plan is Later. When the
// context ends, what is held back fails with its error.
func RefreshPaced(ctx context.Context, steps []Step, o PaceOptions) []Result {
	p := &pacer{o: o, results: map[queries.RowKey]Result{}}
	var planned []Step
	for _, s := range steps {
		if s.Skip == SkipNothing {
			planned = append(planned, s)
		}
	}
	bySite(planned, func(s Step) *Site { return s.Owner }, func(site *Site, mine []Step) {
		slices.SortStableFunc(mine, func(a, b Step) int { return cmp.Compare(a.Turn, b.Turn) })
		(&pacedSite{pacer: p, site: site, left: mine}).run(ctx)
	})
	results := make([]Result, len(planned))
	for i, s := range planned {
		results[i] = p.results[s.RowKey()]
	}
	return results
}

// pacer collects what the sites' turns come to.
type pacer struct {
	o PaceOptions

	mu      sync.Mutex
	results map[queries.RowKey]Result
}

func (p *pacer) done(r Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.results[r.RowKey()] = r
	if p.o.Done != nil {
		p.o.Done(r)
	}
}

func (p *pacer) held(site *Site, left int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.o.Held != nil {
		p.o.Held(site, left)
	}
}

// pacedSite sends the rows of one site.
type pacedSite struct {
	*pacer
	site *Site
	left []Step // by turn
	// flight is what was sent and is not seen to have ended.
	flight map[queries.RowKey]flying
}

type flying struct {
	row  Row // as it was before
	sent time.Time
}

const (
	// ignoredAfter is how long a row that was sent counts in the queue though
	// the site does nothing about it.
	ignoredAfter = 15 * time.Minute
	// noticedAfter is how long a site may take to begin with a row.
	noticedAfter = time.Minute
)

func (s *pacedSite) run(ctx context.Context) {
	s.flight = map[queries.RowKey]flying{}
	wave := s.take(func(step Step) bool { return !step.Later })
	for {
		if err := s.send(ctx, wave); err != nil {
			s.abandon(err)
			return
		}
		if len(s.left) == 0 {
			return
		}
		s.held(s.site, len(s.left))
		if err := s.o.Look.look(ctx, func(ctx context.Context) (int, bool, error) {
			var err error
			wave, err = s.fitting(ctx)
			if err != nil || len(wave) == 0 {
				return len(s.left), false, err
			}
			return 0, true, nil
		}); err != nil {
			s.abandon(fmt.Errorf("not sent: %w", err))
			return
		}
	}
}

// take takes the steps that please out of what is left.
func (s *pacedSite) take(pleases func(Step) bool) []Step {
	var taken []Step
	s.left = slices.DeleteFunc(s.left, func(step Step) bool {
		if !pleases(step) {
			return false
		}
		taken = append(taken, step)
		return true
	})
	return taken
}

// send sends a wave. The error is why nothing more should be sent to the site.
func (s *pacedSite) send(ctx context.Context, wave []Step) error {
	var over error
	for _, r := range Refresh(ctx, wave, s.o.Mode, s.done) {
		switch {
		case r.Err == nil || r.Unknown:
			s.flight[r.RowKey()] = flying{r.Row, time.Now()}
		case errors.Is(r.Err, ErrGivenUp):
			over = r.Err
		case errors.Is(r.Err, wsman.ErrUnauthorized):
			over = fmt.Errorf("%w: %w", ErrGivenUp, r.Err)
		case errors.Is(r.Err, ErrTakenOver):
			over = r.Err
		}
	}
	if over == nil && ctx.Err() != nil {
		over = fmt.Errorf("not sent: %w", ctx.Err())
	}
	return over
}

// abandon gives up what is left.
func (s *pacedSite) abandon(err error) {
	for _, step := range s.left {
		s.done(Result{Row: step.Row, Err: err})
	}
	s.left = nil
}

// fitting takes the steps for which the queues have room, after a look at them.
func (s *pacedSite) fitting(ctx context.Context) ([]Step, error) {
	if err := s.land(ctx); err != nil {
		return nil, err
	}
	queue, all := map[string]int{}, len(s.flight)
	for _, f := range s.flight {
		queue[f.row.ServerNALPath.Key()]++
	}
	flying := map[place]bool{}
	for _, f := range s.flight {
		flying[placeOf(f.row.PackageID, f.row.ServerNALPath)] = true
	}
	for j, err := range queries.Jobs(ctx, s.site.Session) {
		if err != nil {
			return nil, err
		}
		if !flying[placeOf(j.PackageID, j.NALPath)] {
			queue[j.NALPath.Key()]++
			all++
		}
	}
	l := newLoad()
	return s.take(func(step Step) bool {
		step.Queue, step.SiteQueue = queue[step.ServerNALPath.Key()], all
		if l.full(step.Row, s.o.Pace) != "" {
			return false
		}
		l.add(step.Row)
		return true
	}), nil
}

// land forgets the rows in flight that have arrived or failed. What is not in
// the answer is installed, or gone.
func (s *pacedSite) land(ctx context.Context) error {
	var sent []queries.PackageStatusDP
	for _, f := range s.flight {
		sent = append(sent, f.row.PackageStatusDP)
	}
	found := map[queries.RowKey]queries.PackageStatusDP{}
	for some := range slices.Chunk(packagesOf(sent), queries.MaxIn) {
		open := queries.Select[queries.PackageStatusDP](queries.In("PackageID", some...), queries.Ne("State", uint32(queries.StateInstalled)))
		for row, err := range open.Run(ctx, s.site.Session) {
			if err != nil {
				return err
			}
			found[row.RowKey()] = row
		}
	}
	for key, f := range s.flight {
		now, there := found[key]
		moved := there && !sameTime(now.SummaryDate, f.row.SummaryDate)
		age := time.Since(f.sent)
		switch {
		case !there && f.row.State == queries.StateStale && age < noticedAfter:
			// It was installed before, too.
		case !there, moved && now.State == queries.StateFailed, !moved && age > ignoredAfter:
			delete(s.flight, key)
		}
	}
	return nil
}
