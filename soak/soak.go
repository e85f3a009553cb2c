package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"dpremote/simulator"
)

// soak is a run.
type soak struct {
	options
	out         io.Writer
	random      *rand.Rand // of the rounds, which are one after the other
	site        *simulator.Hierarchy
	model       simulator.Model
	truth       *truth
	connections connections
	journal     journal
	figures     figures
	heaps       heaps
	peak        int64 // of the whole heap, after collections
	rounds      int
	first       level // before the first round
	most        level // within rounds
}

// run soaks, prints figures, and tells how many things did not hold. The error
// is why there was no soak.
func run(ctx context.Context, o options, out io.Writer) (wrongs int, err error) {
	s := &soak{options: o, out: out, random: rand.New(rand.NewPCG(o.seed, 1)), journal: journal{begun: map[key]int{}}}
	fmt.Fprintf(out, "soak: %d sites, %s, seed %d\n", o.sites, o.length, o.seed)
	if err := s.start(ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	for ctx.Err() == nil && (time.Since(began) < o.length || s.rounds < o.fewest) {
		if err := s.round(ctx, false); err != nil {
			return 0, err
		}
	}
	for _, f := range s.site.Injected() {
		f.Stop()
	}
	lost := s.site.Subscriptions() // whose clients were not told of them: they die of their heartbeats
	s.figures.add(groupSubs, "left by lost answers", lost)
	if err := s.round(ctx, true); err != nil {
		return 0, err
	}
	if n := s.site.Subscriptions(); n > lost {
		s.figures.fault("the calm round left %d subscriptions", n-lost)
	}
	if err := s.end(ctx); err != nil {
		return 0, err
	}
	s.print(time.Since(began))
	return s.figures.wrongs(), nil
}

// start starts the sites.
func (s *soak) start(ctx context.Context) error {
	s.model = model(s.options)
	var err error
	s.site, err = simulator.Start(context.WithoutCancel(ctx), s.model, simulator.Options{
		Network: s.connections.listen, Schemes: []simulator.Scheme{simulator.NTLM}, MaxBatchItems: pageSize,
		Observe: s.figures.observe, Strict: s.sinned, Faults: faults(s.seed),
	})
	if err != nil {
		return err
	}
	s.truth = newTruth(s.site, s.model)
	s.first = s.level()
	return nil
}

func (s *soak) sinned(sin simulator.Sin) { s.figures.fault("the client sins: %v", sin) }

// end closes the sites, which tells what was left open there, and looks at what
// is left here.
func (s *soak) end(ctx context.Context) error {
	for _, f := range s.site.Injected() {
		s.figures.add(groupFaults, string(f.Fault().Kind), f.Times())
	}
	if err := s.site.Close(); err != nil {
		return err
	}
	if n := s.connections.open.Load(); n > 0 {
		s.figures.fault("%d connections are open after the end", n)
	}
	s.figures.add(groupConns, "made", int(s.connections.ever.Load()))
	first, last, grew, _ := leak(s.heaps.client)
	if grew {
		s.figures.fault("the client's heap grew from %s in the first rounds to %s in the last", mib(first), mib(last))
	}
	s.enough(ctx)
	return nil
}

// enough sees to it that the soak was one: that things went wrong, and went well.
func (s *soak) enough(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	f := &s.figures
	for what, n := range map[string]int{
		"faults": f.total(groupFaults), "rows compared": f.count(groupRows, "in the right state"), "refreshes": f.count(groupRefresh, "stored"),
		"rows watched until they were installed": f.count(groupWatches, "installed"), "subscriptions": f.count(groupRequests, "subscribe"),
		"broken off sweeps": f.count(groupReads, "broken off"),
	} {
		if n == 0 {
			f.fault("there were no %s, so this soak shows nothing of them", what)
		}
	}
	if good, bad := f.count(groupReads, "right"), f.count(groupReads, "failed"); good < bad {
		f.fault("more reads failed (%d) than were right (%d)", bad, good)
	}
}

// print prints the figures, and what did not hold.
func (s *soak) print(took time.Duration) {
	f := &s.figures
	fmt.Fprintf(s.out, "%-14s %d in %s, the last one calm\n", "rounds", s.rounds, seconds(took))
	for _, group := range []string{groupRequests, groupReads, groupRows, groupRefresh, groupWatches, groupErrors, groupFaults, groupConns, groupSubs} {
		f.line(s.out, group)
	}
	fmt.Fprintf(s.out, "%-14s peak %s with the sites", "heap", mib(s.peak))
	if first, last, _, known := leak(s.heaps.client); known {
		fmt.Fprintf(s.out, "; the client's part, first and last rounds: %s, %s", mib(first), mib(last))
	}
	fmt.Fprintf(s.out, "\n%-14s at first %s; at most %s; each round ended as it began, or it is named below\n", "held", s.first, s.most)
	if f.wrongs() == 0 {
		fmt.Fprintln(s.out, "All of it held.")
		return
	}
	fmt.Fprintf(s.out, "%d did not hold (seed %d):\n", f.wrongs(), s.seed)
	for _, text := range f.wrong {
		fmt.Fprintln(s.out, " ", text)
	}
	if f.more > 0 {
		fmt.Fprintf(s.out, "  and %d more\n", f.more)
	}
}

func (l level) String() string {
	return fmt.Sprintf("%d goroutines, %d files, %d connections", l.goroutines, l.files, l.connections)
}
