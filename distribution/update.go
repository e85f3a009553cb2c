package distribution

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"dpremote/queries"
)

// The reasons to skip the update of a package. SkipElsewhere is one too.
const (
	SkipNotFound Skip = "not-found" // no site that was asked shows it
	SkipHarmful  Skip = "harmful"   // an update would break it
	SkipNoClass  Skip = "no-class"  // the class of its type is not known
	SkipNoSource Skip = "no-source" // it has no source files to take
	SkipBusy     Skip = "busy"      // something is being done to it
	SkipDisputed Skip = "disputed"  // several sites say that it is theirs
)

// PackagesView is what one site's provider shows of some packages.
type PackagesView struct {
	*View    // with the packages' rows
	Packages []queries.Package
}

// LookAtPackages asks a site for packages and for their rows on distribution
// points. With an error the view is not complete.
func LookAtPackages(ctx context.Context, site *Site, ids []queries.PackageID) (*PackagesView, error) {
	if len(ids) == 0 {
		return nil, errors.New("look at packages: none is named")
	}
	filter, err := filterOf(ids)
	if err != nil {
		return nil, err
	}
	view, err := Look(ctx, site, LookFor{Filter: filter})
	if err != nil {
		return nil, err
	}
	packages, err := readPackages(ctx, site, ids)
	return &PackagesView{view, packages}, err
}

func readPackages(ctx context.Context, site *Site, ids []queries.PackageID) ([]queries.Package, error) {
	var all []queries.Package
	for some := range slices.Chunk(ids, queries.MaxIn) {
		part, err := queries.Collect(queries.Packages(ctx, site.Session, queries.In("PackageID", some...)))
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	return all, nil
}

// UpdateStep is what to do about one package, and why.
type UpdateStep struct {
	queries.Package // its PackageID at least
	Class           queries.PackageClass
	Owner           *Site // that the update is asked of; nil where no site is
	Rows            []Row // on the distribution points that the sites show
	Skip            Skip
	Reason          string // for people; empty when the package is updated
}

// UpdateRules decide what is updated.
type UpdateRules struct {
	// Force updates also what is busy or has no source files.
	Force bool
	// Elsewhere are sites that must not be acted for; see Rules.Elsewhere.
	Elsewhere map[queries.SiteCode]string
}

// PlanUpdate decides about each package, in the order of ids, from what the
// sites show. An update is asked of the site that owns the package and of no
// other.
func PlanUpdate(ids []queries.PackageID, views []*PackagesView, rules UpdateRules) []UpdateStep {
	plain := make([]*View, len(views))
	for i, v := range views {
		plain[i] = v.View
	}
	rows := map[queries.PackageID][]Row{}
	for _, r := range Merge(plain) {
		id := r.RowKey().Package
		rows[id] = append(rows[id], r)
	}
	var steps []UpdateStep
	for _, id := range ids {
		step := findPackage(id, views, rules)
		step.Rows = rows[id]
		if step.Skip == SkipNothing {
			step.Class, step.Skip, step.Reason = rules.judge(step.Package)
		}
		steps = append(steps, step)
	}
	return steps
}

// findPackage finds a package at the site that owns it.
func findPackage(id queries.PackageID, views []*PackagesView, rules UpdateRules) UpdateStep {
	step := UpdateStep{Package: queries.Package{PackageID: id}, Skip: SkipNotFound,
		Reason: "no site that was asked shows it: it does not exist, or the account may not see it"}
	var owners []UpdateStep
	for _, v := range views {
		for _, p := range v.Packages {
			if !strings.EqualFold(string(p.PackageID), string(id)) {
				continue
			}
			if strings.EqualFold(string(p.SourceSite), string(v.Site.Code())) {
				owners = append(owners, UpdateStep{Package: p, Owner: v.Site})
			}
			step.Package, step.Skip = p, SkipElsewhere
		}
	}
	switch {
	case len(owners) == 1:
		return owners[0]
	case len(owners) > 1:
		step.Skip = SkipDisputed
		step.Reason = fmt.Sprintf("%s and %s both say that it is theirs: choose one with --site", owners[0].Owner.Name, owners[1].Owner.Name)
	case step.Skip == SkipElsewhere:
		code := queries.SiteCode(strings.ToUpper(string(step.SourceSite)))
		why, known := rules.Elsewhere[code]
		if !known {
			why = fmt.Sprintf("it belongs to site %s, which was not asked", code)
		}
		step.Reason = why
	}
	return step
}

// judge says whether to skip a package that is at hand.
func (r UpdateRules) judge(p queries.Package) (queries.PackageClass, Skip, string) {
	class, known := queries.PackageClassOf(p.PackageType)
	switch {
	case !known:
		return class, SkipNoClass, fmt.Sprintf("no class is known for packages of type %s", p.PackageType)
	case class.Harm != "":
		return class, SkipHarmful, class.Harm
	case r.Force:
		return class, SkipNothing, ""
	case p.SourceFlag == queries.SourceNone:
		return class, SkipNoSource, "it has no source files"
	}
	if why := busy(p); why != "" {
		return class, SkipBusy, why
	}
	return class, SkipNothing, ""
}

func busy(p queries.Package) string {
	if p.Action == queries.ActionNone {
		return ""
	}
	return fmt.Sprintf("something is being done to it already (action in progress: %s)", p.Action)
}

// UpdateResult is what came of the update of one package.
type UpdateResult struct {
	UpdateStep // its Package as it was just before the update
	// Now is the package as it was last seen.
	Now queries.Package
	// TakenUp says that the site was seen to make a new version.
	TakenUp bool
	Err     error
	// Unknown says that nobody knows whether the site stored the request.
	Unknown bool
}

// UpdateOptions say how packages are updated.
type UpdateOptions struct {
	ContextID string // for boot images; empty for none
	Force     bool   // as UpdateRules.Force
}

// ErrBusy is the error of a package to which something was being done when its
// turn came.
var ErrBusy = errors.New("not sent, the package is busy")

// Update calls RefreshPkgSource for each step that is not skipped, each at its
// owner and each once, in the way that Refresh sends rows. Just before that it
// reads the package again: somebody else may have been faster.
func Update(ctx context.Context, steps []UpdateStep, o UpdateOptions, done func(UpdateResult)) []UpdateResult {
	var results []UpdateResult
	for _, s := range steps {
		if s.Skip == SkipNothing {
			results = append(results, UpdateResult{UpdateStep: s, Now: s.Package})
		}
	}
	all := make([]*UpdateResult, len(results))
	for i := range results {
		all[i] = &results[i]
	}
	inTurn(ctx, all, func(r *UpdateResult) *Site { return r.Owner }, func(ctx context.Context, r *UpdateResult) error {
		return r.update(ctx, o)
	}, func(i int, err error) {
		results[i].Err, results[i].Unknown = err, outcomeUnknown(err)
		if done != nil {
			done(results[i])
		}
	})
	return results
}

func (r *UpdateResult) update(ctx context.Context, o UpdateOptions) error {
	found, err := readPackages(ctx, r.Owner, []queries.PackageID{r.PackageID})
	switch {
	case err != nil:
		return err
	case len(found) != 1 || found[0].PackageType != r.PackageType:
		return fmt.Errorf("update package %s: it is not there any longer", r.PackageID)
	case !o.Force && found[0].Action != queries.ActionNone:
		return fmt.Errorf("%w: %s", ErrBusy, busy(found[0]))
	}
	r.Package, r.Now = found[0], found[0]
	contextID := ""
	if r.Class.Type == queries.TypeBootImage {
		contextID = o.ContextID
	}
	a := Act{Operation: "invoke RefreshPkgSource", Keys: queries.Keys{PackageID: r.PackageID}, Detail: r.Class.Name}
	return r.Owner.Do(ctx, a, func(ctx context.Context) error {
		return queries.RefreshPkgSource(ctx, r.Owner.Session, r.Class, r.PackageID, contextID)
	})
}

// AwaitVersions looks at packages until each was seen to be taken up, for as
// long as the context lasts. A higher SourceVersion shows it; an application's
// content stays at version 1, so there a later SourceDate or LastRefreshTime
// does. Updates that failed are left out. The error is that of the last site
// that could not be asked; the end of the context is none.
func AwaitVersions(ctx context.Context, results []UpdateResult, o LookOptions) error {
	var open []*UpdateResult
	for i := range results {
		if results[i].Err == nil || results[i].Unknown {
			open = append(open, &results[i])
		}
	}
	var mu sync.Mutex
	var last error
	bySite(open, func(r *UpdateResult) *Site { return r.Owner }, func(site *Site, mine []*UpdateResult) {
		err := o.look(ctx, func(ctx context.Context) (int, bool, error) { return seeVersions(ctx, site, mine) })
		if err != nil && ctx.Err() == nil {
			mu.Lock()
			defer mu.Unlock()
			last = fmt.Errorf("%s: read versions: %w", site.Name, err)
		}
	})
	return last
}

// seeVersions looks once, and says how many are not taken up yet.
func seeVersions(ctx context.Context, site *Site, results []*UpdateResult) (left int, moved bool, err error) {
	var ids []queries.PackageID
	for _, r := range results {
		if !r.TakenUp {
			ids = append(ids, r.PackageID)
		}
	}
	packages, err := readPackages(ctx, site, ids)
	if err != nil {
		return len(ids), false, err
	}
	left = len(ids)
	for _, p := range packages {
		i := slices.IndexFunc(results, func(r *UpdateResult) bool { return strings.EqualFold(string(r.PackageID), string(p.PackageID)) })
		if i < 0 || results[i].TakenUp {
			continue
		}
		results[i].Now = p
		if newer(results[i].Package, p) {
			results[i].TakenUp, moved = true, true
			left--
		}
	}
	return left, moved, nil
}

func newer(before, now queries.Package) bool {
	if before.PackageType.Versioned() {
		return now.SourceVersion > before.SourceVersion
	}
	return now.SourceDate.Time.After(before.SourceDate.Time) || now.LastRefreshTime.Time.After(before.LastRefreshTime.Time)
}

// WatchUpdates watches the rows of updated packages, as Watch does. A row that
// is installed in an older version than the new one is not there yet and is
// watched on.
func WatchUpdates(ctx context.Context, results []UpdateResult, o WatchOptions) []Outcome {
	var rows []Row
	for _, r := range results {
		if r.Err == nil || r.Unknown {
			rows = append(rows, r.Rows...)
		}
	}
	outcomes := Watch(ctx, rows, o)
	for {
		want := versions(ctx, results)
		var behind []int
		var again []Row
		for i, out := range outcomes {
			if out.End == EndInstalled && out.SourceVersion < want[out.RowKey()] {
				behind, again = append(behind, i), append(again, out.Row)
			}
		}
		switch {
		case len(behind) == 0:
			return outcomes
		case ctx.Err() != nil:
			for _, i := range behind {
				outcomes[i].End = EndOpen
			}
			return outcomes
		}
		for i, out := range Watch(ctx, again, o) {
			out.Moved = true
			outcomes[behind[i]] = out
		}
	}
}

// versions are the versions that rows are to have, as far as they are known.
// It looks once for those of packages that were not taken up when somebody last
// looked; what cannot be read stays unknown.
func versions(ctx context.Context, results []UpdateResult) map[queries.RowKey]uint32 {
	want := map[queries.RowKey]uint32{}
	for i := range results {
		r := &results[i]
		if r.Err != nil && !r.Unknown || !r.PackageType.Versioned() {
			continue
		}
		if !r.TakenUp {
			_, _, _ = seeVersions(ctx, r.Owner, []*UpdateResult{r})
		}
		for _, row := range r.Rows {
			if r.TakenUp {
				want[row.RowKey()] = r.Now.SourceVersion
			}
		}
	}
	return want
}
