package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"dpremote/distribution"
	"dpremote/internal/history"
	"dpremote/internal/inventory"
	"dpremote/wsman"
)

// recorder writes into the history what a command does. The history is opened
// before the first thing is written. A command that cannot use it says so once,
// when it does something, and goes on without. It is safe for concurrent use.
type recorder struct {
	g    *globals
	cmd  *cobra.Command
	args []string

	mu     sync.Mutex
	opened bool // or tried to
	h      *history.History
	run    history.RunID
	broken error // why nothing more is written
	told   bool  // that it is so
	// looked is when the command began to look at the sites, where it leaves
	// alone what another run begins after that; zero where it does not.
	looked time.Time
}

func newRecorder(g *globals, cmd *cobra.Command, args []string) *recorder {
	return &recorder{g: g, cmd: cmd, args: args}
}

// journal writes down what is done to a site.
func (r *recorder) journal(site inventory.Site) distribution.Journal {
	account := site.User
	if site.Domain != "" {
		account = site.Domain + `\` + site.User
	}
	return func(ctx context.Context, a distribution.Act) (func(error), error) {
		return r.begin(ctx, history.Act{
			Site: site.Name, Operation: a.Operation, Package: string(a.PackageID), DP: a.ServerNALPath.Server(),
			NALPath: string(a.ServerNALPath), SiteCode: string(a.SiteCode), Account: account, Detail: a.Detail,
		})
	}
}

// begin writes an act, and gives what writes its end. Both are written although
// the context may have ended: what was sent, was sent. An error says that the
// act is not to be done.
func (r *recorder) begin(ctx context.Context, a history.Act) (end func(error), err error) {
	ctx = context.WithoutCancel(ctx)
	none := func(error) {}
	h, run := r.open(ctx)
	if h == nil {
		r.tell()
		return none, nil
	}
	a.Run, a.Unless = run, r.looked
	id, err := h.Begin(ctx, a)
	switch {
	case errors.Is(err, history.ErrTakenOver):
		return nil, fmt.Errorf("%w: %w", distribution.ErrTakenOver, err)
	case errors.Is(err, history.ErrBegunElse):
		return nil, err
	case err != nil:
		r.giveUp(err)
		r.tell()
		return none, nil
	}
	return func(err error) {
		text := ""
		if err != nil {
			text = oneLine(err.Error())
		}
		if r.waitsInVain() {
			return // the act stays open, which is as good as unknown
		}
		if err := h.End(ctx, id, actOutcome(err), text); err != nil {
			r.giveUp(err)
			r.tell()
		}
	}, nil
}

// aloneSince has the command leave alone what another run that writes into the
// same history has begun since it began to look.
func (r *recorder) aloneSince(t time.Time) { r.looked = t }

// works tells that what was done so far was written down.
func (r *recorder) works() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.h != nil && r.broken == nil
}

// plan writes what is about to be done, all of it before any of it is sent. That
// it cannot be written stops nothing, unless another run has taken it over.
func (r *recorder) plan(ctx context.Context, p history.Plan) error {
	ctx = context.WithoutCancel(ctx)
	h, run := r.open(ctx)
	if h == nil {
		r.tell()
		return nil
	}
	p.Run = run
	err := h.StorePlan(ctx, p)
	switch {
	case errors.Is(err, history.ErrTakenOver), errors.Is(err, history.ErrNoPlan):
		return err
	case err != nil:
		r.giveUp(err)
		r.tell()
	}
	return nil
}

// open opens the history when that was not tried before and starts a run. It
// gives nil when there is none, or when it is given up.
func (r *recorder) open(ctx context.Context) (*history.History, history.RunID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opened || r.g.noHistory {
		if r.broken != nil {
			return nil, 0
		}
		return r.h, r.run
	}
	r.opened = true
	path, err := r.g.historyPath()
	if err == nil {
		r.h, err = history.Open(ctx, path, r.g.app.now)
	}
	if err == nil {
		r.run, err = r.h.StartRun(ctx, r.describe())
		r.g.app.atEnd = append(r.g.app.atEnd, r.close)
	}
	if err != nil {
		r.broken = err
		r.g.app.log.Debug(err)
		return nil, 0
	}
	return r.h, r.run
}

// giveUp stops writing acts down: the next ones would fail as this one did, or
// wait as long.
func (r *recorder) giveUp(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.g.app.log.Debug(err)
	if r.broken == nil {
		r.broken = err
	}
}

// tell says, once, that something is done and not written down.
func (r *recorder) tell() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken != nil && !r.told {
		r.told = true
		r.g.app.log.Warnf("%v. What is done from here on is not written down. %s", r.broken, wayOut(r.broken))
	}
}

// waitsInVain tells that somebody holds the file, so that each write would wait
// and fail.
func (r *recorder) waitsInVain() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return errors.Is(r.broken, history.ErrBusy)
}

// saw writes what the command saw at each site: rows by state, and failures.
// That it cannot is no reason for a warning: nothing was done yet.
func (r *recorder) saw(ctx context.Context, f *fleet, views []*distribution.View) {
	var sites []history.Summary
	for _, v := range views {
		counts := map[string]int{}
		for _, row := range v.Rows {
			counts[row.State.String()]++
		}
		sites = append(sites, history.Summary{Site: v.Site.Name, Counts: counts})
	}
	r.summarize(ctx, f, sites)
}

// summarize is saw for sites whose rows are counted already.
func (r *recorder) summarize(ctx context.Context, f *fleet, sites []history.Summary) {
	ctx = context.WithoutCancel(ctx)
	h, run := r.open(ctx)
	if h == nil {
		return
	}
	for _, failure := range f.failed() {
		sites = append(sites, history.Summary{Site: failure.site, Error: oneLine(failure.err.Error())})
	}
	if err := h.Summarize(ctx, run, sites...); err != nil {
		r.giveUp(err)
	}
}

// keep writes what is about to be deleted.
func (r *recorder) keep(ctx context.Context, k history.Kept) {
	ctx = context.WithoutCancel(ctx)
	h, run := r.open(ctx)
	if h == nil {
		r.tell()
		return
	}
	k.Run = run
	if err := h.Keep(ctx, k); err != nil {
		r.giveUp(err)
		r.tell()
	}
}

// close ends the run. It is called when the command has ended.
func (r *recorder) close(exit int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.run != 0 && !errors.Is(r.broken, history.ErrBusy) {
		err := r.h.EndRun(context.Background(), r.run, exit)
		switch {
		case err != nil && r.broken == nil:
			r.g.app.log.Warnf("%v. That the run has ended is not written down", err)
		case err != nil:
			r.g.app.log.Debug(err)
		}
	}
	if err := r.h.Close(); err != nil {
		r.g.app.log.Debug(err)
	}
}

// describe says who runs what.
func (r *recorder) describe() history.Run {
	_, command, _ := strings.Cut(r.cmd.CommandPath(), " ")
	run := history.Run{Command: command, Arguments: r.arguments(), User: "unknown", Host: "unknown", Version: versionText()}
	if u, err := user.Current(); err == nil {
		run.User = u.Username
	}
	if name, err := os.Hostname(); err == nil {
		run.Host = name
	}
	return run
}

// arguments are what the command was told. Values that are for a site to store,
// and a command that prints a password, are left out: nobody knows what is in
// them.
func (r *recorder) arguments() []string {
	var out []string
	r.cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			switch {
			case f.Value.Type() == "bool" && v == "true":
				out = append(out, "--"+f.Name)
				continue
			case f.Name == "set":
				v = nameOnly(v)
			case f.Name == "password-command":
				v = leftOut
			}
			out = append(out, "--"+f.Name+"="+v)
		}
	})
	for _, arg := range r.args {
		if r.cmd.Name() == "invoke" {
			arg = nameOnly(arg)
		}
		out = append(out, arg)
	}
	return out
}

const leftOut = "..."

// nameOnly is NAME=VALUE without the value.
func nameOnly(arg string) string {
	name, _, ok := strings.Cut(arg, "=")
	if !ok {
		return arg
	}
	return name + "=" + leftOut
}

// actOutcome is what an error says of an act.
func actOutcome(err error) history.Outcome {
	var op *wsman.Error
	var transport *wsman.TransportError
	switch {
	case err == nil:
		return history.Stored
	case !errors.As(err, &op) && (isInterrupt(err) || errors.Is(err, context.DeadlineExceeded)):
		return history.NotSent
	case op == nil:
		return history.Refused
	case op.Retry == wsman.RetryUnknown:
		return history.Unknown
	case op.Op == "get", errors.As(err, &transport), errors.Is(err, wsman.ErrUnsealed):
		// What was to be changed could not be read, or the request not be sent.
		return history.NotSent
	}
	return history.Refused
}

// wayOut says what to do about a history that cannot be used.
func wayOut(err error) string {
	const flags = "--history names another file, --no-history none"
	if e := (*history.Error)(nil); errors.As(err, &e) {
		return e.Advice() + " (" + flags + ")"
	}
	return flags
}

// historyPath is the file of the history: the one that --history names, or the
// one where state belongs.
func (g *globals) historyPath() (string, error) {
	if g.historyFile != "" {
		return g.historyFile, nil
	}
	return stateDir(g.app, history.FileName)
}
