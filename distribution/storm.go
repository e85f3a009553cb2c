package distribution

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"dpremote/queries"
	"dpremote/wsman"
)

// stormAt is how many failures of a package within an hour make a storm. A
// distribution point is tried again after 30 minutes by default, so that two
// are usual.
const stormAt = 6

// The status messages that are counted, those by which knowledge base article
// Q319207 finds a storm.
const (
	msgNotProcessed    uint32 = 2302
	msgNotCopied       uint32 = 2328
	msgDescriptionSent uint32 = 2339
)

func stormMessages() []uint32 { return []uint32{msgNotProcessed, msgNotCopied, msgDescriptionSent} }

// Storm is a package whose retries come so fast that they load the hierarchy:
// each of them sends the package's description to child sites again (knowledge
// base article Q319207).
type Storm struct {
	PackageID queries.PackageID
	Site      queries.SiteCode // whose Distribution Manager retries
	Seen      *Site            // where it was read
	// From begins the worst span of an hour, by the site's clock, and Failures
	// is how many tries failed in it.
	From     time.Time
	Failures int
	Last     time.Time // the latest failure, by the site's clock
	// Hours counts the messages and the jobs of each full hour that has any.
	Hours []StormHour
	// Children are the child sites that the description is sent to.
	Children []queries.SiteCode
	// DP is the server on which most of the tries failed, and DPFailures how
	// many; empty when no message names one.
	DP         string
	DPFailures int
	Jobs       int    // open ones of the package
	Retries    uint32 // the most of one of them
	// JobsMade is how many jobs were made for the package, as far as the site
	// still lists those that are over.
	JobsMade int
	// History is what the registry of the site's server tells.
	History StormHistory
}

// Rages tells whether the storm went on within the last hour. now is by our
// clock.
func (s *Storm) Rages(now time.Time) bool {
	if s.Seen != nil {
		ahead, _ := s.Seen.Session.Client.ClockOffset()
		now = now.Add(ahead)
	}
	return now.Sub(s.Last) < time.Hour
}

// StormHistory is what a site's registry tells of a package that is tried again.
type StormHistory struct {
	State StormHistoryState
	Why   string // that it is not known
	// Values are those of the package's key.
	Values []queries.RegistryValue
	// Queue and Processing are as in RetryHistory.
	Queue, Processing string
}

// StormHistoryState says whether there is a retry history. The zero value is
// HistoryNotAsked.
type StormHistoryState uint8

// The states.
const (
	HistoryNotAsked StormHistoryState = iota // the storm is another site's than the one that was asked
	HistoryThere
	HistoryAbsent
	HistoryDenied    // the account may not read the registry
	HistoryElsewhere // the server is not the one that Distribution Manager runs on
	HistoryUnread    // the registry could not be read
)

// String is the state in a word or two.
func (s StormHistoryState) String() string {
	switch s {
	case HistoryThere:
		return "present"
	case HistoryAbsent:
		return "absent"
	case HistoryDenied:
		return "access denied"
	case HistoryElsewhere:
		return "elsewhere"
	case HistoryUnread:
		return "not read"
	}
	return "not asked"
}

// MarshalText is String.
func (s StormHistoryState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Peak is the hour in which the most jobs were made, of the first ones of equals;
// without Jobs none were.
func (s *Storm) Peak() StormHour {
	var peak StormHour
	for _, h := range s.Hours {
		if h.Jobs > peak.Jobs {
			peak = h
		}
	}
	return peak
}

// StormHour counts the messages about one package at one site, and its jobs, in
// one hour.
type StormHour struct {
	Hour         time.Time // its beginning, UTC
	NotProcessed int       // 2302
	NotCopied    int       // 2328
	Sent         int       // 2339, to child sites
	Jobs         int       // made in this hour
}

// stormKey identifies whose retries are counted together.
type stormKey struct {
	pkg  queries.PackageID
	site queries.SiteCode
}

// stormCount is what was counted of one package at one site.
type stormCount struct {
	notProcessed, notCopied []time.Time
	hours                   map[time.Time]*StormHour
	dps                     map[string]int // failures by server, in lower case
	children                map[queries.SiteCode]bool
}

// findStorms counts failures. sites are the codes that exist.
func findStorms(seen *Site, messages []queries.PackageMessage, sites []queries.SiteCode) []Storm {
	counts := map[stormKey]*stormCount{}
	for _, m := range messages {
		at, ok := queries.Happened(m.Time)
		if !ok || m.PackageID == "" {
			continue
		}
		key := stormKey{m.PackageID, queries.SiteCode(strings.ToUpper(string(m.SiteCode)))}
		c := counts[key]
		if c == nil {
			c = &stormCount{hours: map[time.Time]*StormHour{}, dps: map[string]int{}, children: map[queries.SiteCode]bool{}}
			counts[key] = c
		}
		c.add(m, at, sites)
	}
	var storms []Storm
	for key, c := range counts {
		if s, ok := c.storm(); ok {
			s.PackageID, s.Site, s.Seen = key.pkg, key.site, seen
			storms = append(storms, s)
		}
	}
	slices.SortFunc(storms, compareStorms)
	return storms
}

func compareStorms(a, b Storm) int {
	return cmp.Or(cmp.Compare(a.PackageID, b.PackageID), cmp.Compare(a.Site, b.Site))
}

func (c *stormCount) add(m queries.PackageMessage, at time.Time, sites []queries.SiteCode) {
	begin := at.UTC().Truncate(time.Hour)
	hour := c.hours[begin]
	if hour == nil {
		hour = &StormHour{Hour: begin}
		c.hours[begin] = hour
	}
	switch m.MessageID {
	case msgNotProcessed:
		hour.NotProcessed++
		c.notProcessed = append(c.notProcessed, at)
	case msgNotCopied:
		hour.NotCopied++
		c.notCopied = append(c.notCopied, at)
		if server := strings.ToLower(m.DP.Server()); server != "" {
			c.dps[server]++
		}
	case msgDescriptionSent:
		hour.Sent++
		if child, ok := childOf(m, sites); ok {
			c.children[child] = true
		}
	}
}

// childOf is the site that a description was sent to: of the insertion strings
// the last one that is the code of another site.
func childOf(m queries.PackageMessage, sites []queries.SiteCode) (queries.SiteCode, bool) {
	for _, text := range slices.Backward(m.Strings()) {
		code, err := queries.ParseSiteCode(strings.TrimSpace(text))
		if err == nil && !strings.EqualFold(string(code), string(m.SiteCode)) && slices.Contains(sites, code) {
			return code, true
		}
	}
	return "", false
}

// storm is the storm that the counts show, if any. A try that fails says so of
// the package and of the distribution point: the larger count is that of the
// tries.
func (c *stormCount) storm() (Storm, bool) {
	var s Storm
	for _, times := range [][]time.Time{c.notProcessed, c.notCopied} {
		slices.SortFunc(times, time.Time.Compare)
		if from, n := worstHour(times); n > s.Failures {
			s.From, s.Failures = from, n
		}
		if n := len(times); n > 0 && times[n-1].After(s.Last) {
			s.Last = times[n-1]
		}
	}
	if s.Failures < stormAt {
		return s, false
	}
	for _, hour := range c.hours {
		s.Hours = append(s.Hours, *hour)
	}
	slices.SortFunc(s.Hours, func(a, b StormHour) int { return a.Hour.Compare(b.Hour) })
	s.Children = slices.Sorted(maps.Keys(c.children))
	for _, server := range slices.Sorted(maps.Keys(c.dps)) {
		if n := c.dps[server]; n > s.DPFailures {
			s.DP, s.DPFailures = server, n
		}
	}
	return s, true
}

// worstHour is the hour with the most of some times, which are sorted: when it
// begins and how many they are.
func worstHour(times []time.Time) (from time.Time, most int) {
	first := 0
	for i, t := range times {
		for t.Sub(times[first]) >= time.Hour {
			first++
		}
		if n := i - first + 1; n > most {
			from, most = times[first], n
		}
	}
	return from, most
}

func (s *Storm) countJobs(jobs []queries.Job) {
	for _, j := range jobs {
		if strings.EqualFold(string(j.PackageID), string(s.PackageID)) {
			s.Jobs++
			s.Retries = max(s.Retries, j.RetryCount)
		}
	}
}

// addMade counts the jobs that were made for the storm's package, by hour.
func (s *Storm) addMade(made []queries.Job) {
	hours := map[time.Time]*StormHour{}
	for i := range s.Hours {
		hours[s.Hours[i].Hour] = &s.Hours[i]
	}
	added := map[time.Time]*StormHour{}
	for _, j := range made {
		at, ok := queries.Happened(j.CreationTime)
		if !ok || !strings.EqualFold(string(j.PackageID), string(s.PackageID)) {
			continue
		}
		begin := at.UTC().Truncate(time.Hour)
		hour := cmp.Or(hours[begin], added[begin])
		if hour == nil {
			hour = &StormHour{Hour: begin}
			added[begin] = hour
		}
		hour.Jobs++
		s.JobsMade++
	}
	for _, hour := range added {
		s.Hours = append(s.Hours, *hour)
	}
	slices.SortFunc(s.Hours, func(a, b StormHour) int { return a.Hour.Compare(b.Hour) })
}

// LookForStorms asks the site of a view for storms among the packages that a
// filter allows, whatever else the filter picks: what is retried all the time is
// hardly ever seen as failed. since is the earliest message, by our clock, and
// zero for all that the site has kept. What a storm's registry tells is left
// out; AskHistory adds it.
func LookForStorms(ctx context.Context, v *View, filter queries.Filter, since time.Time) ([]Storm, error) {
	session := v.Site.Session
	if ahead, _ := session.Client.ClockOffset(); !since.IsZero() {
		since = since.Add(ahead)
	}
	var failures []queries.PackageMessage
	pick := queries.MessagePick{Since: since, Packages: filter.ExactPackages(), IDs: stormMessages()}
	for m, err := range queries.Messages(ctx, session, pick) {
		if err != nil {
			return nil, err
		}
		if filter.MatchPackage(m.PackageID) {
			failures = append(failures, m)
		}
	}
	var sites []queries.SiteCode
	for _, s := range v.Sites {
		sites = append(sites, s.SiteCode)
	}
	storms := findStorms(v.Site, failures, sites)
	return storms, addJobs(ctx, v.Site, storms, since)
}

// addJobs asks for the jobs of storms: those that are open, and those that were
// made since a time by the site's clock.
func addJobs(ctx context.Context, site *Site, storms []Storm, since time.Time) error {
	var ids []queries.PackageID
	for _, s := range storms {
		ids = append(ids, s.PackageID)
	}
	made, err := queries.Collect(queries.JobsOf(ctx, site.Session, ids...))
	if err != nil {
		return err
	}
	open := slices.DeleteFunc(slices.Clone(made), func(j queries.Job) bool { return !j.State.Open() })
	made = slices.DeleteFunc(made, func(j queries.Job) bool { return j.CreationTime.Time.Before(since) })
	for i := range storms {
		storms[i].countJobs(open)
		storms[i].addMade(made)
	}
	return nil
}

// AskHistory asks the registry of the site that the storms were read at for what
// it tells of those that are the site's own. That the account may not read it,
// or that the site does not take the question, becomes part of the storms; an
// error is a site that did not answer.
func AskHistory(ctx context.Context, site *Site, storms []Storm) error {
	var ids []queries.PackageID
	for _, s := range storms {
		if s.Site == site.Code() {
			ids = append(ids, s.PackageID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	history, err := ReadRetryHistory(ctx, site, ids...)
	var fault *wsman.Fault
	if err != nil && !errors.Is(err, wsman.ErrAccessDenied) && !errors.Is(err, queries.ErrReturnValue) && !errors.As(err, &fault) {
		return err
	}
	for i := range storms {
		if storms[i].Site == site.Code() {
			storms[i].History = historyOf(history, storms[i].PackageID, err)
		}
	}
	return nil
}

// historyOf is what a reading of the registry tells of a package.
func historyOf(h *RetryHistory, id queries.PackageID, err error) StormHistory {
	entry, found := h.Entry(id)
	switch {
	case errors.Is(err, wsman.ErrAccessDenied):
		return StormHistory{State: HistoryDenied, Why: err.Error()}
	case err != nil:
		return StormHistory{State: HistoryUnread, Why: err.Error()}
	case !h.Present:
		return StormHistory{State: HistoryElsewhere}
	case !found:
		return StormHistory{State: HistoryAbsent, Queue: h.Queue, Processing: h.Processing}
	}
	return StormHistory{State: HistoryThere, Values: entry.Key.All(), Queue: h.Queue, Processing: h.Processing}
}

// Storms are the storms that examinations found, each once, from the site whose
// own it is where that was asked.
func Storms(all []*Examination) []Storm {
	var storms []Storm
	for _, x := range all {
		storms = append(storms, x.storms...)
	}
	return MergeStorms(storms)
}

// MergeStorms brings the storms that several sites show together: each once,
// from the site whose own it is where that was asked.
func MergeStorms(all []Storm) []Storm {
	found := map[stormKey]Storm{}
	for _, s := range all {
		key := stormKey{s.PackageID, s.Site}
		if _, ok := found[key]; !ok || s.Seen.Code() == s.Site {
			found[key] = s
		}
	}
	return slices.SortedFunc(maps.Values(found), compareStorms)
}
