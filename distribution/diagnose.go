package distribution

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"dpremote/cim"
	"dpremote/queries"
)

// Diagnosis is a row, its Finding that of all that was found about it.
type Diagnosis struct {
	Row
	// Evidence is the newest first; what has no time stands at the end.
	Evidence []Evidence
}

// Evidence is one thing that was found about a row.
type Evidence struct {
	Source    string    // where it was found: a class, as people call it; see the constants
	Time      time.Time // by the site's clock; zero when there is none
	MessageID uint32    // 0 when it is no message
	RecordID  int64     // of the status message, where it is known
	Text      string    // for people
}

// The sources of evidence.
const (
	FromStatus      = "status"      // SMS_DistributionDPStatus
	FromDetails     = "details"     // SMS_DPStatusDetails
	FromMessage     = "message"     // SMS_StatMsgWithInsStrings
	FromJob         = "job"         // SMS_DistributionJob
	FromDrive       = "drive"       // SMS_DistributionPointDriveInfo
	FromDP          = "dp"          // SMS_DistributionPointInfo
	FromMaintenance = "maintenance" // the same
	FromLog         = "log"         // a log of the site server, which Examine does not read
)

// String is the evidence in a line.
func (e Evidence) String() string {
	text := e.Source
	if number := strconv.FormatUint(uint64(e.MessageID), 10); e.MessageID != 0 && !strings.HasPrefix(e.Text, "message "+number) {
		text += " " + number
	}
	if !e.Time.IsZero() {
		text = e.Time.UTC().Format("2006-01-02 15:04:05Z ") + text
	}
	return text + ": " + e.Text
}

// messagesKept is how many status messages of a row are evidence, the newest.
const messagesKept = 12

// Diagnose brings examinations together: each row once, as Merge does, with
// what the site that it was read from says about it, and with the status
// messages of all sites that report it.
func Diagnose(all []*Examination) []Diagnosis {
	views := make([]*View, len(all))
	bySite := map[*Site]*Examination{}
	for i, x := range all {
		views[i] = x.View
		bySite[x.View.Site] = x
	}
	var out []Diagnosis
	for _, row := range Merge(views) {
		var seenBy []*Examination
		for _, site := range row.SeenBy {
			seenBy = append(seenBy, bySite[site])
		}
		c := newDossier(row, bySite[row.Owner], seenBy)
		row.Finding = c.judge()
		out = append(out, Diagnosis{Row: row, Evidence: c.evidence()})
	}
	return out
}

// dossier is all that is known about a row.
type dossier struct {
	row         Row
	status      *queries.DPStatus
	details     []queries.DPStatusDetail // of the row, and of the distribution point
	messages    []queries.PackageMessage // newest first
	jobs        []queries.Job
	drives      []queries.Drive
	dp          *queries.DistributionPointInfo
	maintenance *queries.DPMaintenance
}

func newDossier(row Row, x *Examination, seenBy []*Examination) dossier {
	at, dp := placeOf(row.PackageID, row.ServerNALPath), row.ServerNALPath.Key()
	c := dossier{row: row, jobs: x.jobs[at], drives: x.drives[dp], messages: messagesOf(at, seenBy)}
	c.details = slices.Concat(x.details[at], x.ofDPs[dp])
	if m, ok := x.View.statuses[at]; ok {
		c.status = &m
	}
	if d, ok := x.dps[dp]; ok {
		c.dp = &d
	}
	if m, ok := x.maintenance[dp]; ok {
		c.maintenance = &m
	}
	return c
}

// messagesOf are the status messages about a place and about its package as a
// whole, each once, the newest first. Sites above repeat what those below say.
func messagesOf(at place, seenBy []*Examination) []queries.PackageMessage {
	type identity struct {
		record int64
		id     uint32
		time   cim.Datetime
	}
	var out []queries.PackageMessage
	seen := map[identity]bool{}
	for _, x := range seenBy {
		for _, m := range slices.Concat(x.messages[at], x.messages[place{pkg: at.pkg}]) {
			same := identity{m.RecordID, m.MessageID, m.Time}
			if !seen[same] {
				seen[same] = true
				out = append(out, m)
			}
		}
	}
	slices.SortStableFunc(out, newestFirst)
	return out
}

func newestFirst(a, b queries.PackageMessage) int {
	return cmp.Or(b.Time.Time.Compare(a.Time.Time), cmp.Compare(b.RecordID, a.RecordID))
}

// evidence lists what was found.
func (c dossier) evidence() []Evidence {
	var all []Evidence
	var told int64 // the message that the status repeats
	if m := c.status; m != nil {
		told = recordID(m.LastStatusID)
		all = append(all, Evidence{FromStatus, happened(m.LastUpdateDate), m.MessageID, told, m.Text()})
	}
	for _, d := range c.details {
		if told == 0 || d.StatusMsgID != told {
			all = append(all, Evidence{FromDetails, happened(d.LastStatusTime), d.MessageID, d.StatusMsgID, d.Text()})
		}
	}
	kept := 0
	for _, m := range c.messages {
		if told != 0 && m.RecordID == told || kept == messagesKept {
			continue
		}
		kept++
		all = append(all, Evidence{FromMessage, happened(m.Time), m.MessageID, m.RecordID, messageText(m.StatusMessage)})
	}
	for _, j := range c.jobs {
		all = append(all, Evidence{Source: FromJob, Time: happened(j.LastUpdateTime), Text: jobText(j)})
	}
	if m := c.maintenance; m != nil {
		all = append(all, Evidence{Source: FromMaintenance, Time: happened(m.Since), Text: "the distribution point is in maintenance mode"})
	}
	slices.SortStableFunc(all, func(a, b Evidence) int { return b.Time.Compare(a.Time) })
	if c.dp != nil && (c.dp.Scheduled || c.dp.RateLimited) {
		all = append(all, Evidence{Source: FromDP, Text: "content is sent to it by a schedule or rate limit"})
	}
	for _, d := range c.drives {
		all = append(all, Evidence{Source: FromDrive, Text: driveText(d)})
	}
	return all
}

// recordID is a RecordID as the classes of status messages have it.
func recordID(n uint64) int64 {
	if n > math.MaxInt64 {
		return 0
	}
	return int64(n)
}

func happened(d cim.Datetime) time.Time {
	t, _ := queries.Happened(d)
	return t
}

// messageText is the message in words, with its error where the strings do not
// have it.
func messageText(m queries.StatusMessage) string {
	text := m.Text()
	if m.Win32Error == 0 || strings.Contains(strings.ToUpper(text), fmt.Sprintf("%04X", m.Win32Error)) {
		return text
	}
	return fmt.Sprintf("%s (error %d)", text, m.Win32Error)
}

func jobText(j queries.Job) string {
	text := fmt.Sprintf("%s of version %d is %s, tried again %d times", j.Action, j.PackageVersion, j.State, j.RetryCount)
	if at, ok := queries.Happened(j.Restarts()); ok {
		text += ", next at " + at.UTC().Format("2006-01-02 15:04:05Z")
	}
	return text
}

func driveText(d queries.Drive) string {
	const perMB = 1024 // KB
	text := fmt.Sprintf("%s has %d MB free", d.Drive, d.BytesFree/perMB)
	if d.BytesTotal > 0 {
		text += fmt.Sprintf(" of %d MB (%d %%)", d.BytesTotal/perMB, d.PercentFree)
	}
	if d.Status != 0 {
		text += fmt.Sprintf(", the last copy ended with error %d", d.Status)
	}
	return text
}
