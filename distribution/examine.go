package distribution

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"dpremote/queries"
	"dpremote/wsman"
)

// ExamineFor says what to examine at a site.
type ExamineFor struct {
	LookFor // its Reasons are always asked for
	// Since is the earliest status message, by our clock.
	Since time.Time
	// Packages are asked for by ID, to tell those that do not exist from those
	// with which nothing is wrong.
	Packages []queries.PackageID
}

// Examination is what one site's provider tells about the rows that a filter
// picks, and about the failures of all packages.
type Examination struct {
	View *View
	// Known are those of ExamineFor.Packages that the site shows.
	Known map[queries.PackageID]bool
	// Blind says that the site shows no distribution point at all: it has none,
	// or the account may not see them.
	Blind bool

	details     map[place][]queries.DPStatusDetail
	ofDPs       map[string][]queries.DPStatusDetail // about distribution points, by NALPath.Key
	messages    map[place][]queries.PackageMessage  // without a dp: about the package as a whole
	jobs        map[place][]queries.Job
	dps         map[string]queries.DistributionPointInfo // by NALPath.Key
	drives      map[string][]queries.Drive               // by NALPath.Key
	maintenance map[string]queries.DPMaintenance         // by NALPath.Key
	storms      []Storm
}

// Examine asks a site. With an error the examination is not complete and must
// not be taken for the site's state.
func Examine(ctx context.Context, site *Site, what ExamineFor) (*Examination, error) {
	what.Reasons = true
	view, err := Look(ctx, site, what.LookFor)
	if err != nil {
		return nil, err
	}
	ahead, _ := site.Session.Client.ClockOffset()
	x := &Examination{View: view, Known: map[queries.PackageID]bool{}}
	since := what.Since
	if !since.IsZero() {
		since = since.Add(ahead)
	}
	ids := packagesOf(view.Rows)
	for _, step := range []func() error{
		func() error { return x.readPackages(ctx, what.Packages) },
		func() error { return x.readDetails(ctx, ids) },
		func() error { return x.readMessages(ctx, since, ids) },
		func() error { return x.readDPs(ctx) },
		func() error { return x.readJobs(ctx) },
		func() error { return x.readStorms(ctx, what.Filter, what.Since) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func (x *Examination) readPackages(ctx context.Context, ids []queries.PackageID) error {
	for p, err := range queries.PackagesNamed(ctx, x.View.Site.Session, ids...) {
		if err != nil {
			return err
		}
		x.Known[queries.PackageID(strings.ToUpper(string(p.PackageID)))] = true
	}
	return nil
}

func (x *Examination) readDetails(ctx context.Context, ids []queries.PackageID) error {
	s := x.View.Site.Session
	x.details, x.ofDPs = map[place][]queries.DPStatusDetail{}, map[string][]queries.DPStatusDetail{}
	for d, err := range queries.Details(ctx, s, ids...) {
		if err != nil {
			return err
		}
		p := placeOf(d.PackageID, d.NALPath)
		x.details[p] = append(x.details[p], d)
	}
	if len(ids) == 0 {
		return nil
	}
	for d, err := range queries.DPDetails(ctx, s) {
		if err != nil {
			return err
		}
		x.ofDPs[d.NALPath.Key()] = append(x.ofDPs[d.NALPath.Key()], d)
	}
	return nil
}

func (x *Examination) readMessages(ctx context.Context, since time.Time, ids []queries.PackageID) error {
	x.messages = map[place][]queries.PackageMessage{}
	if len(ids) == 0 {
		return nil
	}
	wanted := map[string]bool{"": true} // and what is about a package as a whole
	for _, r := range x.View.Rows {
		wanted[r.ServerNALPath.Key()] = true
	}
	for m, err := range queries.Messages(ctx, x.View.Site.Session, queries.MessagePick{Since: since, Packages: ids}) {
		if err != nil {
			return err
		}
		if wanted[m.DP.Key()] {
			at := place{m.PackageID, m.DP.Key()}
			x.messages[at] = keepNewest(append(x.messages[at], m), messagesRead)
		}
	}
	return nil
}

// messagesRead bounds the messages about one place that are held, the newest: a
// row in a storm has thousands.
const messagesRead = 3 * messagesKept

// keepNewest drops the older ones once there are twice as many as wanted, so
// that most calls cost nothing.
func keepNewest(messages []queries.PackageMessage, n int) []queries.PackageMessage {
	if len(messages) < 2*n {
		return messages
	}
	slices.SortStableFunc(messages, newestFirst)
	return messages[:n]
}

// readDPs asks for the distribution points of the rows.
func (x *Examination) readDPs(ctx context.Context) error {
	s := x.View.Site.Session
	if len(x.View.Rows) == 0 {
		x.Blind = true
		for _, err := range queries.DPs(ctx, s) {
			x.Blind = false
			return err
		}
		return nil
	}
	paths := pathsOf(x.View.Rows)
	var err error
	if x.dps, err = byPath(queries.DPsOf(ctx, s, paths...), func(d queries.DistributionPointInfo) queries.NALPath { return d.NALPath }); err != nil {
		return err
	}
	x.drives = map[string][]queries.Drive{}
	for d, err := range queries.DrivesOf(ctx, s, paths...) {
		if err != nil {
			return err
		}
		x.drives[d.NALPath.Key()] = append(x.drives[d.NALPath.Key()], d)
	}
	x.maintenance, err = byPath(queries.InMaintenance(ctx, s), func(d queries.DPMaintenance) queries.NALPath { return d.NALPath })
	if unknownProperty(err) {
		return nil
	}
	return err
}

// unknownProperty tells a site that took a query amiss: older ones do not know
// maintenance mode.
func unknownProperty(err error) bool {
	var fault *wsman.Fault
	return errors.As(err, &fault) && !errors.Is(err, wsman.ErrAccessDenied)
}

func pathsOf(rows []queries.PackageStatusDP) []queries.NALPath {
	var paths []queries.NALPath
	seen := map[string]bool{}
	for _, r := range rows {
		if key := r.ServerNALPath.Key(); !seen[key] {
			seen[key] = true
			paths = append(paths, r.ServerNALPath)
		}
	}
	return paths
}

func byPath[T any](rows iter.Seq2[T, error], path func(T) queries.NALPath) (map[string]T, error) {
	all := map[string]T{}
	for r, err := range rows {
		if err != nil {
			return nil, err
		}
		all[path(r).Key()] = r
	}
	return all, nil
}

// readJobs sorts the jobs that the view has read, or reads them where it had no
// rows: storms are looked for all the same.
func (x *Examination) readJobs(ctx context.Context) error {
	if len(x.View.Rows) == 0 {
		if err := x.View.readJobs(ctx, nil); err != nil {
			return err
		}
	}
	x.jobs = map[place][]queries.Job{}
	for _, j := range x.View.open {
		p := placeOf(j.PackageID, j.NALPath)
		x.jobs[p] = append(x.jobs[p], j)
	}
	return nil
}

// readStorms asks for storms, and only where there are any for what the
// registry tells of them.
func (x *Examination) readStorms(ctx context.Context, filter queries.Filter, since time.Time) error {
	var err error
	if x.storms, err = LookForStorms(ctx, x.View, filter, since); err != nil {
		return err
	}
	return AskHistory(ctx, x.View.Site, x.storms)
}
