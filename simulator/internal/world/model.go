package world

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Cause is the obstacle that a distribution meets. The empty Cause is none.
type Cause string

// The causes that a model can ask for.
const (
	DiskFull      Cause = "disk-full"      // the DP's drive is full: ERROR_DISK_FULL
	SourceMissing Cause = "source-missing" // the package's source folder is gone: message 2306
	AccessDenied  Cause = "access-denied"  // the site server may not write to the DP
	DPOffline     Cause = "dp-offline"     // the DP does not answer: message 2391
	HashMismatch  Cause = "hash-mismatch"  // the content on the DP is damaged: message 2382
	Transient     Cause = "transient"      // the network failed once: message 8203
)

// Causes lists every cause, in the order in which a model's rows are dealt out.
func Causes() []Cause {
	return []Cause{DPOffline, DiskFull, AccessDenied, SourceMissing, HashMismatch, Transient}
}

// cured tells whether sending the content again overcomes the obstacle.
func (c Cause) cured() bool {
	return c == "" || c == Transient || c == HashMismatch
}

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

// validateRows checks that the rows asked for in states other than INSTALLED
// are no more than there are.
func (m Model) validateRows(s SiteModel, dps int) error {
	counts := map[string]int{"retrying": s.Retrying, "pending": s.Pending, "updating": s.Updating, "monitoring": s.Monitoring}
	for cause, n := range s.Failed {
		if !slices.Contains(Causes(), cause) {
			return fmt.Errorf("failed: cause %q is unknown: want one of %v", cause, Causes())
		}
		counts["failed "+string(cause)] = n
	}
	total := 0
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if counts[name] < 0 {
			return fmt.Errorf("%s: %d rows", name, counts[name])
		}
		total += counts[name]
	}
	sent := withSource(s.Packages)
	for _, p := range m.Sites {
		if s.Parent != "" && fold(p.Code) == fold(s.Parent) {
			sent += withSource(p.Packages)
		}
	}
	rows := sent * dps
	switch {
	case rows > maxRows:
		return fmt.Errorf("%d packages on %d distribution points are %d rows: want at most %d", sent, dps, rows, maxRows)
	case total > rows:
		return fmt.Errorf("%d rows that are not installed are asked for, but %d packages with content on %d distribution points make %d rows",
			total, sent, dps, rows)
	}
	return nil
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
