package world

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Model describes hierarchies by counts. Names, sizes and dates follow from it
// and from Seed; two worlds built from one model at one time are equal.
type Model struct {
	Seed  uint64
	Sites []SiteModel
	Delay time.Duration // the length of a distribution; 0 means DefaultDelay
}

// DefaultDelay is the length of a distribution where a model gives none.
const DefaultDelay = 6 * time.Second

// SiteModel describes one site that has an SMS Provider. A site that others
// name as their parent is a central administration site; it has no
// distribution points. The counts of rows (one row is one package on one
// distribution point) include the rows of the secondary sites.
type SiteModel struct {
	Code, Name, Parent string
	DPs, Packages      int
	ServerDP           bool          // the first distribution point is the site server itself
	Failed             map[Cause]int // rows in state INSTALL_FAILED
	Retrying           int           // rows in state INSTALL_RETRYING
	Pending            int           // rows in state INSTALL_PENDING
	Updating           int           // rows in state CONTENT_UPDATING
	Monitoring         int           // rows in state CONTENT_MONITORING
	Waiting            map[Cause]int // rows in state INSTALL_PENDING that something holds back
	Stale              int           // rows in state INSTALLED, with the version before the package's
	Stuck              int           // rows in INSTALL_PENDING and INSTALL_RETRYING for days
	Storms             int           // packages of which one row is retried all the time
	Maintenance        int           // distribution points in maintenance mode
	Hidden             bool          // the provider shows no securable object, as to an account without roles
	Secondaries        []SecondaryModel
}

// SecondaryModel describes a secondary site: it has no SMS Provider, its
// parent shows its distribution points.
type SecondaryModel struct {
	Code, Name string
	DPs        int
}

// The largest counts that a model may ask for. They are Microsoft's supported
// limits for distribution points of one primary site and its secondaries, and
// for packages on one distribution point.
const (
	maxDPs      = 5000
	maxPackages = 10000
	maxRows     = 5_000_000
	maxStorms   = 100 // of one site: each makes some hundred messages a day
)

// validate finds what is wrong with a model, all of it.
func (m Model) validate() error {
	var errs []error
	report := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(m.Sites) == 0 {
		report("no sites")
	}
	if m.Delay < 0 {
		report("delay %s is negative", m.Delay)
	}
	codes := map[string]bool{}
	claim := func(code string) {
		if !validCode(code) {
			report("site code %q: want three letters or digits", code)
		}
		if codes[fold(code)] {
			report("site code %q: used twice", code)
		}
		codes[fold(code)] = true
	}
	for _, s := range m.Sites {
		claim(s.Code)
		for _, sec := range s.Secondaries {
			claim(sec.Code)
		}
	}
	for _, s := range m.Sites {
		if err := m.validateSite(s); err != nil {
			report("site %s: %w", s.Code, err)
		}
	}
	return errors.Join(errs...)
}

func (m Model) validateSite(s SiteModel) error {
	var errs []error
	report := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if err := m.validateParent(s); err != nil {
		errs = append(errs, err)
	}
	dps := s.DPs
	for _, sec := range s.Secondaries {
		if sec.DPs < 0 {
			report("secondary site %s: %d distribution points", sec.Code, sec.DPs)
		}
		dps += sec.DPs
	}
	if m.isCAS(s) && (dps > 0 || len(s.Secondaries) > 0 || s.ServerDP) {
		report("a central administration site has neither distribution points nor secondary sites")
	}
	if s.DPs < 0 || dps > maxDPs {
		report("%d distribution points: want 0 to %d", dps, maxDPs)
	}
	if s.ServerDP && s.DPs < 1 {
		report("the site server cannot be a distribution point of a site that has none")
	}
	if s.Packages < 0 || s.Packages > maxPackages {
		report("%d packages: want 0 to %d", s.Packages, maxPackages)
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	return m.validateRows(s, dps)
}

func (m Model) validateParent(s SiteModel) error {
	if s.Parent == "" {
		return nil
	}
	i := slices.IndexFunc(m.Sites, func(p SiteModel) bool { return fold(p.Code) == fold(s.Parent) })
	switch {
	case i < 0:
		return fmt.Errorf("parent %q is not a site of the model", s.Parent)
	case fold(s.Parent) == fold(s.Code):
		return errors.New("is its own parent")
	case m.Sites[i].Parent != "":
		return fmt.Errorf("parent %s is itself a primary site: only a central administration site has primary sites below it", s.Parent)
	}
	return nil
}

// validateRows checks that the rows asked for in states other than INSTALLED,
// and those that are stale, are no more than there are.
func (m Model) validateRows(s SiteModel, dps int) error {
	counts, err := s.rowCounts()
	if err != nil {
		return err
	}
	total := 0
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] < 0 {
			return fmt.Errorf("%s: %d rows", name, counts[name])
		}
		total += counts[name]
	}
	sent, plain := withSource(s.Packages), withoutApplications(s.Packages)
	for _, p := range m.Sites {
		if s.Parent != "" && fold(p.Code) == fold(s.Parent) {
			sent, plain = sent+withSource(p.Packages), plain+withoutApplications(p.Packages)
		}
	}
	rows := sent * dps
	switch {
	case s.Storms > 0 && s.DPs == 0:
		return errors.New("a storm needs a distribution point of the site's own, but it has none")
	case s.Storms > min(plain, maxStorms):
		return fmt.Errorf("%d storms: want at most %d, one for each package with content that is no application", s.Storms, min(plain, maxStorms))
	case s.Maintenance < 0 || s.Maintenance > dps:
		return fmt.Errorf("%d distribution points in maintenance mode: want 0 to %d", s.Maintenance, dps)
	case rows > maxRows:
		return fmt.Errorf("%d packages on %d distribution points are %d rows: want at most %d", sent, dps, rows, maxRows)
	case s.Storms+s.Stale > plain*dps:
		return fmt.Errorf("%d stale rows: want at most %d, those of packages that are no applications", s.Stale, plain*dps-s.Storms)
	case total > rows:
		return fmt.Errorf("%d rows that are not installed are asked for, but %d packages with content on %d distribution points make %d rows",
			total, sent, dps, rows)
	}
	return nil
}

// rowCounts are the rows asked for, by what they are.
func (s SiteModel) rowCounts() (map[string]int, error) {
	counts := map[string]int{
		"retrying": s.Retrying, "pending": s.Pending, "updating": s.Updating, "monitoring": s.Monitoring,
		"stale": s.Stale, "stuck": s.Stuck, "storms": s.Storms,
	}
	for key, group := range map[string]struct {
		rows   map[Cause]int
		causes []Cause
	}{"failed": {s.Failed, Causes()}, "waiting": {s.Waiting, WaitingCauses()}} {
		for cause, n := range group.rows {
			if !slices.Contains(group.causes, cause) {
				return nil, fmt.Errorf("%s: cause %q is unknown: want one of %v", key, cause, group.causes)
			}
			counts[key+" "+string(cause)] = n
		}
	}
	return counts, nil
}

func (m Model) isCAS(s SiteModel) bool {
	return slices.ContainsFunc(m.Sites, func(c SiteModel) bool { return c.Parent != "" && fold(c.Parent) == fold(s.Code) })
}

func validCode(code string) bool {
	return len(code) == 3 && !strings.ContainsFunc(code, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// fold is the form of a name under which WMI compares it.
func fold(s string) string { return strings.ToUpper(s) }
