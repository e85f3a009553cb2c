package distribution

import (
	"slices"

	"dpremote/queries"
)

// Confidence is how sure a verdict is. The zero value is Guess.
type Confidence uint8

// The confidences, the least first.
const (
	Guess   Confidence = iota // something points to it
	Likely                    // it was so a while ago, or one source says so
	Certain                   // the row's own message says so, and nothing speaks against it
)

// String is the confidence in a word.
func (c Confidence) String() string { return word(c, "guess", "likely", "certain") }

// MarshalText is String.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Cures tells whether sending the content again cures a cause. The zero value
// is CuresUnknown.
type Cures uint8

// The answers.
const (
	CuresUnknown Cures = iota
	CuresYes
	CuresNo
)

// String is the answer in a word.
func (c Cures) String() string { return word(c, "unknown", "yes", "no") }

// MarshalText is String.
func (c Cures) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

func word[E ~uint8](e E, words ...string) string {
	if int(e) < len(words) {
		return words[e]
	}
	return "unknown"
}

// Finding is why content is not where it should be, and what to do.
type Finding struct {
	Why        string // the cause, for programs, such as disk-full
	Words      string // the cause, for people
	Confidence Confidence
	Resend     Cures
	Advice     string
}

// findingOf is what one message tells, with nothing beside it.
func findingOf(cause queries.Cause) Finding {
	f := Finding{Why: cause.Name, Words: cause.Words, Advice: cause.Advice}
	switch {
	case cause.Hopeless():
		f.Confidence, f.Resend = Likely, CuresNo
	case cause.Remedy == queries.RemedyRefresh:
		f.Confidence, f.Resend = Likely, CuresYes
	}
	return f
}

// sign is something that the evidence shows, beside what the messages tell.
type sign string

// The signs.
const (
	signInstalled    sign = "installed"     // the row is not in a bad state
	signDeleted      sign = "deleted"       // the package is being taken away
	signSiteServer   sign = "site-server"   // an application on a site server's own distribution point
	signMaintenance  sign = "maintenance"   // the distribution point is in maintenance mode
	signDriveFull    sign = "drive-full"    // a content drive has no room
	signDriveRoomy   sign = "drive-roomy"   // the drives are known, and none is full
	signJobOpen      sign = "job-open"      // a transfer is in the queue
	signJobWaits     sign = "job-waits"     // a transfer waits for its turn
	signLimited      sign = "limited"       // the distribution point has a schedule or rate limit
	signNotChecked   sign = "not-checked"   // 2383: the hash could not be checked at all
	signHashAgain    sign = "hash-again"    // 2382 came again after the content was sent anew
	signPending      sign = "pending"       // the row is pending, not failed
	signStale        sign = "stale"         // it is installed in an older version than the package's
	signStuck        sign = "stuck"         // it has been pending or retrying for too long
	signNoMessages   sign = "no-messages"   // nothing at all was found
	signSourceUnread sign = "source-unread" // a message about the package as a whole says that its source cannot be read
)

// rule is a row of the table of verdicts: it applies when the messages tell the
// cause, and all signs are there. An empty cause stands for any or none.
type rule struct {
	told       string // a queries.Cause
	signs      []sign
	why        string // a queries.Cause, or else words and advice are here
	words      string
	confidence Confidence
	resend     Cures
	advice     string // empty: that of the cause
}

// rules are tried in this order. What stands for the row as it is comes first,
// then what the messages tell, with what speaks for or against it today, and at
// the end what can be guessed without a message.
func rules() []rule {
	return []rule{
		{signs: []sign{signDeleted}, why: "being-removed", words: "the package is being removed from there", confidence: Certain, resend: CuresNo,
			advice: "nothing, or distribute the package to the distribution point anew when the removal is done"},
		{signs: []sign{signInstalled}, why: "none", words: "nothing is wrong", confidence: Certain, resend: CuresNo, advice: "nothing to do"},
		{signs: []sign{signSiteServer}, why: "site-server", words: "applications on a site server's own distribution point take no refresh", confidence: Certain, resend: CuresNo,
			advice: "remove the content from this distribution point and distribute it anew"},
		{signs: []sign{signMaintenance}, why: "maintenance", words: "the distribution point is in maintenance mode", confidence: Likely, resend: CuresNo,
			advice: "end maintenance mode of the distribution point, then refresh"},

		{told: "disk-full", signs: []sign{signDriveFull}, why: "disk-full", confidence: Certain, resend: CuresNo},
		{told: "disk-full", signs: []sign{signDriveRoomy}, why: "disk-was-full", words: "the disk was full, and has room now", confidence: Likely, resend: CuresYes,
			advice: "refresh"},
		{told: "disk-full", why: "disk-full", confidence: Likely, resend: CuresNo},
		{told: "source-missing", why: "source-missing", confidence: Certain, resend: CuresNo},
		{told: "access-denied", why: "access-denied", confidence: Certain, resend: CuresNo},
		{told: "dp-offline", why: "dp-offline", confidence: Certain, resend: CuresNo},
		{told: "hash-mismatch", signs: []sign{signNotChecked}, why: "hash-mismatch", confidence: Likely, resend: CuresYes},
		{told: "hash-mismatch", signs: []sign{signHashAgain}, why: "site-copy-damaged",
			words: "the hash was wrong again after all files were sent anew, so the site's own copy is damaged", confidence: Likely, resend: CuresNo,
			advice: "update the package at the site that owns it, which makes a new copy"},
		{told: "hash-mismatch", why: "hash-mismatch", confidence: Certain, resend: CuresYes,
			advice: "refresh: all files are sent again; if the hash is wrong again, the site's own copy is damaged: update the package"},
		{told: "content-missing", signs: []sign{signSourceUnread}, why: "source-missing", confidence: Likely, resend: CuresNo},
		{told: "content-missing", why: "content-missing", confidence: Likely, resend: CuresNo},
		{told: "waits-for-prestaged", why: "waits-for-prestaged", confidence: Certain, resend: CuresNo},
		{told: "waits-for-content", why: "waits-for-content", confidence: Certain, resend: CuresNo},
		{told: "cancelled", why: "cancelled", confidence: Certain, resend: CuresYes},
		{told: "interrupted", signs: []sign{signJobWaits, signLimited}, why: "closed", confidence: Likely, resend: CuresNo},
		{told: "interrupted", why: "interrupted", confidence: Likely, resend: CuresYes},

		{signs: []sign{signStuck, signJobWaits, signLimited}, why: "closed", confidence: Guess, resend: CuresNo,
			advice: "look at the schedule and rate limits of the distribution point: they have let nothing through for days"},
		{signs: []sign{signStuck, signSourceUnread}, why: "source-missing", confidence: Guess, resend: CuresNo},
		{signs: []sign{signStuck, signJobOpen}, why: "stuck", words: "its transfer has not moved for days", confidence: Likely, resend: CuresYes,
			advice: "refresh, which starts the transfer anew; if it gets stuck again, read PkgXferMgr.log on the site server"},
		{signs: []sign{signStuck}, why: "lost-request", words: "it has been waiting for days, and no transfer is in the queue", confidence: Likely, resend: CuresYes,
			advice: "refresh; if that changes nothing, update the package"},
		{signs: []sign{signStale, signJobOpen}, why: "in-transfer", words: "a transfer is in the queue", confidence: Likely, resend: CuresNo,
			advice: "wait for the transfer; look at its retries if it stays"},
		{signs: []sign{signStale, signSourceUnread}, why: "source-missing", confidence: Guess, resend: CuresNo},
		{signs: []sign{signStale}, why: "stale", words: "the distribution point holds an older version of the package", confidence: Likely, resend: CuresYes,
			advice: "refresh; if it stays at the older version, update the package"},
		{signs: []sign{signJobWaits, signLimited}, why: "closed", confidence: Likely, resend: CuresNo},
		{signs: []sign{signSourceUnread}, why: "source-missing", confidence: Guess, resend: CuresNo},
		{signs: []sign{signDriveFull}, why: "disk-full", confidence: Guess, resend: CuresNo},
		{signs: []sign{signJobOpen}, why: "in-transfer", words: "a transfer is in the queue", confidence: Likely, resend: CuresNo,
			advice: "wait for the transfer; look at its retries if it stays"},
		{signs: []sign{signPending, signNoMessages}, why: "lost-request", words: "it is pending, and no transfer is in the queue", confidence: Guess, resend: CuresYes,
			advice: "refresh"},
		{signs: []sign{signNoMessages}, why: "unknown", confidence: Guess, resend: CuresUnknown,
			advice: "ask for older messages by --since; the account may also lack the right to read them"},
		{why: "unknown", confidence: Guess, resend: CuresUnknown},
	}
}

// finding is what a rule says. The words and advice of a cause are in queries.
func (r rule) finding() Finding {
	v := Finding{Why: r.why, Words: r.words, Confidence: r.confidence, Resend: r.resend, Advice: r.advice}
	if cause, ok := queries.CauseNamed(r.why); ok {
		v.Words = cause.Words
		if v.Advice == "" {
			v.Advice = cause.Advice
		}
	}
	return v
}

// applies tells whether the rule is for what was told and seen.
func (r rule) applies(told string, signs []sign) bool {
	return (r.told == "" || r.told == told) &&
		!slices.ContainsFunc(r.signs, func(s sign) bool { return !slices.Contains(signs, s) })
}

// judge takes the first rule that applies. What an older or a more general
// message tells is never more certain than that message.
func (c dossier) judge() Finding {
	told, most := c.told()
	signs := c.signs()
	for _, r := range rules() {
		if r.applies(told, signs) {
			v := r.finding()
			if r.told != "" {
				v.Confidence = min(v.Confidence, most)
			}
			return v
		}
	}
	return Finding{Why: "unknown"} // the last rule always applies
}

// told is the cause that the most telling message tells, and how certain that
// makes it: the row's own status, then details of the row, its newest status
// message that tells one, and one about the package or distribution point.
func (c dossier) told() (string, Confidence) {
	if c.status != nil {
		if name, ok := known(c.status.Cause()); ok {
			return name, Certain
		}
	}
	for _, d := range c.details {
		if name, ok := known(d.Cause()); ok && d.PackageID != "" {
			return name, Likely
		}
	}
	for _, m := range c.messages {
		if m.DP == "" {
			continue
		}
		if arrived(m.MessageID) {
			break // what went wrong before was overcome
		}
		if name, ok := known(m.Cause()); ok {
			return name, Likely
		}
	}
	for _, m := range c.messages {
		if name, ok := known(m.Cause()); ok && m.DP == "" {
			return name, Guess
		}
	}
	for _, d := range c.details {
		if name, ok := known(d.Cause()); ok {
			return name, Guess
		}
	}
	return "", Guess
}

func known(cause queries.Cause) (string, bool) {
	return cause.Name, cause.Remedy != queries.RemedyUnknown
}

// arrived tells the messages that content is on a distribution point, and that
// its hash is right.
func arrived(id uint32) bool { return id == 2330 || id == 2384 }

// signs are the signs that the evidence shows.
func (c dossier) signs() []sign {
	var signs []sign
	note := func(ok bool, s sign) {
		if ok {
			signs = append(signs, s)
		}
	}
	full := len(c.drives) > 0 && noRoom(c.drives, c.row.SizeKB)
	note(c.row.Deleted || isRemoval(c.row.State), signDeleted)
	note(c.row.State == queries.StateInstalled, signInstalled)
	note(c.row.OnSiteServer && c.row.PackageType == queries.TypeApplication, signSiteServer)
	note(c.maintenance != nil, signMaintenance)
	note(full, signDriveFull)
	note(len(c.drives) > 0 && !full, signDriveRoomy)
	note(len(c.jobs) > 0, signJobOpen)
	note(slices.ContainsFunc(c.jobs, jobWaits), signJobWaits)
	note(c.dp != nil && (c.dp.Scheduled || c.dp.RateLimited), signLimited)
	note(c.status != nil && c.status.MessageID == 2383, signNotChecked)
	note(c.hashWrongAgain(), signHashAgain)
	note(c.row.State == queries.StatePending, signPending)
	note(c.row.State == queries.StateStale, signStale)
	note(c.row.State == queries.StateStuck, signStuck)
	note(c.status == nil && len(c.details) == 0 && len(c.messages) == 0 && len(c.jobs) == 0, signNoMessages)
	note(c.sourceUnread(), signSourceUnread)
	return signs
}

// fullKB is how little room a drive has that counts as full: 100 MB, less than
// which content libraries are of no use.
const fullKB = 100 << 10

// errorDiskFull is ERROR_DISK_FULL (winerror.h).
const errorDiskFull = 112

// noRoom tells that one of the drives is full, or that content of a size fits
// on none.
func noRoom(drives []queries.Drive, sizeKB uint32) bool {
	full := func(d queries.Drive) bool {
		return d.Status == errorDiskFull || d.BytesTotal > 0 && d.BytesFree < fullKB
	}
	fits := func(d queries.Drive) bool { return d.BytesTotal <= 0 || d.BytesFree >= int64(sizeKB) }
	return slices.ContainsFunc(drives, full) || !slices.ContainsFunc(drives, fits)
}

func jobWaits(j queries.Job) bool {
	switch j.State {
	case queries.JobPending, queries.JobReady, queries.JobSuspended:
		return true
	}
	return false
}

// sourceUnread tells that the newest message about the package's source says
// that it cannot be read.
func (c dossier) sourceUnread() bool {
	for _, m := range c.messages {
		switch m.MessageID {
		case 2376: // a snapshot was taken
			return false
		case 2306:
			return true
		}
	}
	return false
}

// hashWrongAgain tells that the hash was wrong before a transfer and after it.
func (c dossier) hashWrongAgain() bool {
	wrong, sent := c.status != nil && c.status.MessageID == msgHashWrong, false
	for _, m := range c.messages {
		switch {
		case m.DP == "":
		case arrived(m.MessageID):
			return false
		case m.MessageID == msgHashWrong && wrong && sent:
			return true
		case m.MessageID == msgHashWrong:
			wrong = true
		case m.MessageID == msgTransferQueued:
			sent = wrong
		}
	}
	return false
}

// Status messages of Distribution Manager.
const (
	msgTransferQueued uint32 = 2357
	msgHashWrong      uint32 = 2382
)
