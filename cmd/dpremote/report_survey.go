package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"dpremote/distribution"
	"dpremote/internal/htmlreport"
	"dpremote/queries"
)

// arrivalAge is how old a package's version may be for its copies to tell how
// long copies take.
const arrivalAge = 90 * 24 * time.Hour

// survey is what one site shows. What is installed is kept as sets, for there
// may be a million rows of it.
type survey struct {
	member      *member
	examination *distribution.Examination
	packages    map[queries.PackageID]*surveyedPackage // by ID in upper case
	ids         []queries.PackageID                    // by their places
	dps         map[dpKey]*surveyedDP
	bad         []queries.PackageStatusDP // rows that are not installed
	states      map[string]int            // rows by state
}

// surveyedPackage is a package, with how long its copies took.
type surveyedPackage struct {
	id       queries.PackageID
	place    int // in survey.ids
	kind     queries.PackageType
	rows     int
	status   queries.PackageStatusRoot // zero when the site does not tell
	made     time.Time                 // zero when its copies tell nothing
	arrivals []time.Duration
}

// surveyedDP is a distribution point, with how long copies to it took.
type surveyedDP struct {
	server    string
	installed htmlreport.Set // places of packages
	arrivals  []time.Duration
}

// look asks a site for all rows that a filter picks, and for the reasons of
// those that are not installed.
func look(ctx context.Context, m *member, filter queries.Filter, cooldown time.Duration, now time.Time) (*survey, error) {
	if err := needNamespace(m); err != nil {
		return nil, err
	}
	s := &survey{member: m, packages: map[queries.PackageID]*surveyedPackage{}, dps: map[dpKey]*surveyedDP{}, states: map[string]int{}}
	for p, err := range queries.StatusRoot(ctx, m.Session, queries.Filter{Packages: filter.Packages}) {
		if err != nil {
			return nil, err
		}
		known := s.pkg(p.PackageID)
		known.status = p
		if made := when(p.SourceDate); now.Sub(made) < arrivalAge {
			known.made = made
		}
	}
	for r, err := range queries.StatusDP(ctx, m.Session, filter) {
		if err != nil {
			return nil, err
		}
		s.add(r)
	}
	var err error
	s.examination, err = distribution.Examine(ctx, m.site, distribution.ExamineFor{
		LookFor: distribution.LookFor{Filter: s.examined(filter), Cooldown: cooldown}, Since: now.Add(-messageAge),
	})
	return s, err
}

// examined is the filter for what needs a reason. To find what is stale a site
// has to tell all that is installed once more, so that is asked for only where
// something is.
func (s *survey) examined(filter queries.Filter) queries.Filter {
	states := filter.States
	if len(states) == 0 {
		states = []queries.State{
			queries.StatePending, queries.StateRetrying, queries.StateFailed, queries.StateRemovalPending, queries.StateRemovalRetrying,
			queries.StateRemovalFailed, queries.StateUpdating, queries.StateMonitoring, queries.StateStuck,
		}
		if s.states[queries.StateStale.String()] > 0 {
			states = append(states, queries.StateStale)
		}
	}
	filter.States = slices.DeleteFunc(slices.Clone(states), func(state queries.State) bool { return state == queries.StateInstalled })
	if len(filter.States) == 0 { // installed alone was asked for
		filter.States = []queries.State{queries.StateFailed}
	}
	return filter
}

func (s *survey) pkg(id queries.PackageID) *surveyedPackage {
	key := queries.PackageID(strings.ToUpper(string(id)))
	p := s.packages[key]
	if p == nil {
		p = &surveyedPackage{id: id, place: len(s.ids)}
		s.packages[key] = p
		s.ids = append(s.ids, key)
	}
	return p
}

// add takes note of a row.
func (s *survey) add(r queries.PackageStatusDP) {
	s.states[r.State.String()]++
	p := s.pkg(r.PackageID)
	p.kind, p.rows = r.PackageType, p.rows+1
	key := dpKey{r.ServerNALPath.Key(), queries.SiteCode(strings.ToUpper(string(r.SiteCode)))}
	dp := s.dps[key]
	if dp == nil {
		dp = &surveyedDP{server: r.ServerNALPath.Server()}
		s.dps[key] = dp
	}
	if r.State != queries.StateInstalled {
		s.bad = append(s.bad, r)
		return
	}
	dp.installed.Add(p.place)
	if took := when(r.LastCopied).Sub(p.made); !p.made.IsZero() && took > 0 && r.SourceVersion == p.status.SourceVersion {
		p.arrivals = append(p.arrivals, took)
		dp.arrivals = append(dp.arrivals, took)
	}
}

func anyRows(surveys []*survey) bool {
	return slices.ContainsFunc(surveys, func(s *survey) bool { return len(s.states) > 0 })
}

// arrival is the middle of how long copies took.
func arrival(took []time.Duration) htmlreport.Arrival {
	if len(took) == 0 {
		return htmlreport.Arrival{}
	}
	slices.Sort(took)
	return htmlreport.Arrival{Median: took[len(took)/2], Of: len(took)}
}
