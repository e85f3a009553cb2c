package distribution

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"dpremote/queries"
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
	// Hours counts the messages of each full hour that has any.
	Hours []StormHour
	// Children are the child sites that the description is sent to.
	Children []queries.SiteCode
	// DP is the server on which most of the tries failed, and DPFailures how
	// many; empty when no message names one.
	DP         string
	DPFailures int
	Jobs       int    // open ones of the package
	Retries    uint32 // the most of one of them
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

// StormHour counts the messages about one package at one site in one hour.
type StormHour struct {
	Hour         time.Time // its beginning, UTC
	NotProcessed int       // 2302
	NotCopied    int       // 2328
	Sent         int       // 2339, to child sites
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
func findStorms(seen *Site, messages []queries.PackageMessage, jobs []queries.Job, sites []queries.SiteCode) []Storm {
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
			s.countJobs(jobs)
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

// Storms are the storms that examinations found, each once, from the site whose
// own it is where that was asked.
func Storms(all []*Examination) []Storm {
	found := map[stormKey]Storm{}
	for _, x := range all {
		for _, s := range x.storms {
			key := stormKey{s.PackageID, s.Site}
			if _, ok := found[key]; !ok || x.View.Site.Code() == s.Site {
				found[key] = s
			}
		}
	}
	return slices.SortedFunc(maps.Values(found), compareStorms)
}
