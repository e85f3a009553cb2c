package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"dpremote/cim"
	"dpremote/distribution"
	"dpremote/internal/connect"
	"dpremote/internal/inventory"
	"dpremote/internal/report"
	"dpremote/internal/sweep"
	"dpremote/queries"
	"dpremote/wsman"
)

// fleet is the sites that a command is about, and what went wrong at each. It
// is made by globals.fleet and closed by its command.
type fleet struct {
	g         *globals
	connector *connect.Connector
	members   []*member
	known     []inventory.Site // all of the inventory
	// others are the sites, by code, that are selected and in another shard.
	others map[queries.SiteCode]bool
	tally  *tally // of what is shown, for --prom; else nil

	mu       sync.Mutex
	failures []failure
}

// member is one site.
type member struct {
	inventory.Site
	place               int // among the members
	*connect.Connection     // nil until it was opened
	site                *distribution.Site
	rows                atomic.Int64  // that it has shown so far
	took                time.Duration // in all sweeps
	ended               time.Time     // the last of them
}

type failure struct {
	site string
	err  error
}

// garbagePercent is how much garbage may lie beside what is in use before it is
// collected, where rows are kept until they are sorted: half of what Go allows.
// GOGC in the environment counts instead.
const garbagePercent = 50

// fleet selects the sites of a command. They are opened when they are swept.
func (g *globals) fleet() (*fleet, error) {
	sites, inv, err := g.selected()
	if err != nil {
		return nil, err
	}
	if err := oneSiteACode(withCodes(slices.Clone(sites))); err != nil {
		return nil, err
	}
	if err := g.readPassword(sites); err != nil {
		return nil, err
	}
	if !g.streams() && g.app.getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	f := &fleet{g: g, connector: g.connector(inv), others: map[queries.SiteCode]bool{}}
	if inv != nil {
		f.known = withCodes(inv.Sites())
	}
	for _, s := range withCodes(slices.Clone(sites)) {
		if s.Code != "" && !g.shard.Has(s.Name) {
			f.others[queries.SiteCode(s.Code)] = true
		}
	}
	for _, s := range g.share(sites) {
		f.members = append(f.members, &member{Site: s, place: len(f.members)})
	}
	return f, nil
}

// oneSiteACode refuses two sites of one code: they belong to hierarchies that
// know nothing of each other, whose rows must not be taken for each other's.
func oneSiteACode(sites []inventory.Site) error {
	byCode := map[string]string{}
	for _, s := range sites {
		if s.Code == "" {
			continue
		}
		if other, ok := byCode[s.Code]; ok {
			return usage("%s and %s both have the site code %s: choose one with --site or --exclude", other, s.Name, s.Code)
		}
		byCode[s.Code] = s.Name
	}
	return nil
}

// withCodes gives sites that are known by their namespace alone the code that
// is in it, so that no other site acts for them.
func withCodes(sites []inventory.Site) []inventory.Site {
	for i, s := range sites {
		if s.Code == "" {
			provider := distribution.Site{Session: &cim.Session{Namespace: s.Namespace}}
			sites[i].Code = string(provider.Code())
		}
	}
	return sites
}

// leaveToOthers takes the rows out of views that are another shard's: each row
// is worked on, and shown, in the shard of the site that it is at home at.
func (f *fleet) leaveToOthers(views []*distribution.View) []*distribution.View {
	if len(f.others) > 0 {
		for _, v := range views {
			v.LeaveOut(f.others)
		}
	}
	return views
}

// leaveDiagnoses is leaveToOthers for views with what explains them.
func (f *fleet) leaveDiagnoses(examined []*distribution.Examination) []*distribution.Examination {
	for _, x := range examined {
		f.leaveToOthers([]*distribution.View{x.View})
	}
	return examined
}

// unseen takes the error that no site shows what the user named. In a shard it
// is told and is no error, because another shard's site may show it.
func (f *fleet) unseen(err error) error {
	if err == nil || f.g.shard.IsZero() {
		return err
	}
	f.g.app.say("Shard %s: %s.", f.g.shard, err)
	return nil
}

// close gives up all connections and stops simulated sites.
func (f *fleet) close() {
	for _, m := range f.members {
		if m.Connection != nil {
			_ = m.Connection.Close()
		}
	}
	if err := f.connector.Close(); err != nil {
		f.g.app.log.Debug(err)
	}
}

// each does something at every member side by side and gives what came of it
// at those where it went well, in the inventory's order. The others' errors
// are told and kept.
func each[T any](ctx context.Context, f *fleet, do func(context.Context, *member) (T, error)) []T {
	return eachThen(ctx, f, do, func(*member, error) {})
}

// eachThen is each that tells, one at a time, of every member as it is done.
func eachThen[T any](ctx context.Context, f *fleet, do func(context.Context, *member) (T, error), done func(*member, error)) []T {
	options := sweep.Options[*member]{
		Parallel: f.g.parallel,
		Timeout:  func(m *member) time.Duration { return m.SiteTimeout },
	}
	results := make([]sweep.Result[*member, T], len(f.members))
	asking := f.startAsking(ctx, "Asking", f.members)
	for r := range sweep.Stream(ctx, options, f.members, func(ctx context.Context, m *member) (T, error) {
		asking.begin(m, f.g.app.now())
		defer m.timed(f.g.app.now)()
		if err := f.open(ctx, m); err != nil {
			var none T
			return none, err
		}
		return do(ctx, m)
	}) {
		asking.end(r.Item, r.Err)
		results[r.Index] = r
		done(r.Item, r.Err)
	}
	asking.stop()
	var good []T
	for _, r := range results {
		if r.Err != nil {
			f.fail(r.Item.Name, r.Err)
			continue
		}
		good = append(good, r.Value)
	}
	return good
}

func (f *fleet) open(ctx context.Context, m *member) error {
	if m.Connection != nil {
		return nil
	}
	c, err := f.connector.Open(ctx, m.Site)
	if err != nil {
		return err
	}
	c.Counted = func(rows int) { m.rows.Add(int64(rows)) }
	m.Connection = c
	m.site = &distribution.Site{Name: m.Name, Session: c.Session, Parallel: m.Site.Connections, Journal: f.g.record.journal(m.Site)}
	f.g.app.log.Debugf("%s: %s at %s", m.Name, c.Scheme, c.URL)
	return nil
}

// fail tells a site's error and keeps it for the exit code and the document.
func (f *fleet) fail(site string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = append(f.failures, failure{site, err})
	if !isInterrupt(err) {
		f.g.app.log.WithField("site", site).Error(err)
	}
}

// failed are the sites' errors so far.
func (f *fleet) failed() []failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.failures)
}

// exit is the exit code that the sites' errors mean, or otherwise the one
// given: a sweep that is not complete outranks what it found.
func (f *fleet) exit(otherwise int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	code := otherwise
	interrupted := 0
	for i, fail := range f.failures {
		switch c := failureCode(fail.err); {
		case c == exitInterrupted:
			interrupted++
		case i == 0 || c == code:
			code = c
		default: // of several kinds
			code = exitIncomplete
		}
	}
	if interrupted > 0 {
		f.g.app.say("Interrupted: %d of %s did not answer.", interrupted, count(len(f.members), "site", "sites"))
		code = exitInterrupted
	}
	if code == exitOK {
		return nil
	}
	return silent(code)
}

// failureCode is the exit code that the failure of one site means.
func failureCode(err error) int {
	var bug *sweep.PanicError
	switch code := exitCode(err); {
	case errors.As(err, &bug):
		return exitInternal
	case code == exitInternal: // an answer that made no sense, as far as we know
		return exitIncomplete
	case code == exitDeadline: // of the site's own time
		return exitIncomplete
	default:
		return code
	}
}

// document is where the sites' errors go in json and yaml.
type document interface{ Error(report.SiteError) }

// addErrors puts the sites' errors into a document.
func (f *fleet) addErrors(d document) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fail := range f.failures {
		d.Error(siteError(fail.site, fail.err))
	}
}

func siteError(site string, err error) report.SiteError {
	e := report.SiteError{Site: site, Error: oneLine(err.Error()), Kind: kindOf(err), Retry: "no"}
	var op *wsman.Error
	if errors.As(err, &op) {
		e.Operation = op.Op
		switch op.Retry {
		case wsman.RetrySafe:
			e.Retry = "safe"
		case wsman.RetryUnknown:
			e.Retry = "unsafe"
		}
	}
	return e
}

// needNamespace refuses a site whose namespace nobody knows.
func needNamespace(m *member) error {
	if m.Session.Namespace == "" {
		return fmt.Errorf("which site this is, is not known: give --site-code")
	}
	return nil
}

// say tells people how it goes; never data.
func (a *app) say(format string, args ...any) {
	fmt.Fprintln(a.err, a.stage.wrap(oneLine(fmt.Sprintf(format, args...))))
}
