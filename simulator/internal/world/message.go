package world

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The components that distribute content.
const (
	distributionManager    = "SMS_DISTRIBUTION_MANAGER"
	packageTransferManager = "SMS_PACKAGE_TRANSFER_MANAGER"
)

// messageID is a status message's number.
type messageID uint32

// The status messages of content distribution.
const (
	msgProcessing    messageID = 2300
	msgProcessed     messageID = 2301
	msgProcessFailed messageID = 2302
	msgNoSource      messageID = 2306
	msgCopyFailed    messageID = 2328
	msgInstalled     messageID = 2330
	msgToChild       messageID = 2339
	msgQueued        messageID = 2357
	msgWantsFile     messageID = 2371
	msgWantsContent  messageID = 2372
	msgSnapshot      messageID = 2376
	msgChecking      messageID = 2380
	msgCheckQueued   messageID = 2381
	msgHashWrong     messageID = 2382
	msgCheckFailed   messageID = 2383
	msgCheckedGood   messageID = 2384
	msgUnreachable   messageID = 2391
	msgUnexplained   messageID = 2394
	msgDPReady       messageID = 2399
	msgSent          messageID = 8200
	msgSendFailed    messageID = 8203
	msgSending       messageID = 8204
)

// The Win32 errors of failures (winerror.h).
const (
	errorFileNotFound = 2
	errorPathNotFound = 3
	errorAccessDenied = 5
	errorBadNetPath   = 53
	errorDiskFull     = 112
	errorSemTimeout   = 121
	errorCancelled    = 1223
	cryptHashValue    = 0x80091007 // CRYPT_E_HASH_VALUE, an HRESULT
)

// severity is the severity bits of a message (SMS_StatusMessage.Severity).
type severity uint32

const (
	info    severity = 0x40000000
	warning severity = 0x80000000
	failure severity = 0xC0000000
)

// messageState is SMS_DistributionDPStatus.MessageState as real sites have it:
// Microsoft's own SQL on the view takes 4 for failed, where the SDK says 3.
type messageState uint32

const (
	stateGood messageState = 1
	stateBusy messageState = 2
	stateBad  messageState = 4
)

// note is what a message says of how things went.
type note struct {
	id       messageID
	severity severity
	state    messageState
	win32    uint32
}

func good(id messageID) note              { return note{id, info, stateGood, 0} }
func busy(id messageID) note              { return note{id, info, stateBusy, 0} }
func bad(id messageID, win32 uint32) note { return note{id, failure, stateBad, win32} }

// failureOf is the note of a row that failed for good.
func failureOf(cause Cause) note {
	switch cause {
	case DiskFull:
		return bad(msgCopyFailed, errorDiskFull)
	case AccessDenied:
		return bad(msgCopyFailed, errorAccessDenied)
	case SourceMissing:
		return bad(msgNoSource, errorPathNotFound)
	case DPOffline:
		return bad(msgUnreachable, errorBadNetPath)
	case HashMismatch, SiteCopyDamaged:
		return bad(msgHashWrong, cryptHashValue)
	case ContentMissing:
		return bad(msgCopyFailed, errorFileNotFound)
	case Cancelled:
		return bad(msgSendFailed, errorCancelled)
	case Unexplained:
		return bad(msgUnexplained, 0)
	}
	return bad(msgSendFailed, errorSemTimeout)
}

// retryOf is the note of a row that failed and is to be tried again.
func retryOf(cause Cause) note {
	n := failureOf(cause)
	n.severity, n.state = warning, stateBusy
	return n
}

// waitOf is the note of a row that waits for content; false: it waits with its
// transfer in the queue, of which 2357 tells.
func waitOf(cause Cause) (note, bool) {
	switch cause {
	case WaitsForPrestaged:
		return busy(msgWantsFile), true
	case WaitsForContent:
		return busy(msgWantsContent), true
	}
	return note{}, false
}

// message is one status message. Its package or DP is nil, and its child empty,
// where it is not about one.
type message struct {
	note
	record  int64
	at      time.Time
	site    *site
	pkg     *pkg
	dp      *dp
	child   string // the code of a child site
	version uint32
}

// insert is what an insertion string holds.
type insert int

const (
	packageID insert = iota
	packageName
	packageVersion
	sourcePath
	dpPath
	childSite
	errorCode // the Win32 error as an HRESULT
)

// wording is what belongs to a message's number: the component that reports it,
// its insertion strings, and a text for the component's log in which %n stands
// for the n-th string. The order of the strings of 2302, 2328 and 2339 is that
// of Microsoft's knowledge base (Q319207), of 8200 and 2330 that of its support
// articles; the others are made alike.
func (id messageID) wording() (component string, inserts []insert, text string) {
	switch id {
	case msgProcessing:
		return distributionManager, []insert{packageName, packageID}, `Start processing package "%1" (package ID = %2)`
	case msgProcessed:
		return distributionManager, []insert{packageName, packageID}, `Processed package "%1" (package ID = %2)`
	case msgProcessFailed:
		return distributionManager, []insert{packageName, packageID}, `Failed to process package "%1" (package ID = %2)`
	case msgNoSource:
		return distributionManager, []insert{sourcePath, packageID, errorCode}, `Cannot read source folder %1 of package %2, error %3`
	case msgCopyFailed:
		return distributionManager, []insert{packageID, sourcePath, dpPath, errorCode}, `Failed to copy package %1 from %2 to %3, error %4`
	case msgInstalled:
		return distributionManager, []insert{packageID, dpPath}, `Package %1 is now on %2`
	case msgToChild:
		return distributionManager, []insert{packageID, childSite}, `Sent the description of package %1 to child site %2`
	case msgWantsFile:
		return distributionManager, []insert{packageID, dpPath}, `Waiting for a prestaged content file of package %1 on %2`
	case msgWantsContent:
		return distributionManager, []insert{packageID, dpPath}, `Waiting for the content of package %1 to arrive, for %2`
	case msgUnexplained:
		return distributionManager, []insert{packageID, dpPath}, `Did not bring package %1 to %2`
	case msgQueued:
		return distributionManager, []insert{packageID, dpPath}, `Created transfer job for package %1 to %2`
	case msgSnapshot:
		return distributionManager, []insert{packageID, packageVersion}, `Took snapshot of package %1, version %2`
	case msgChecking:
		return distributionManager, []insert{packageID, dpPath}, `Validating package %1 on %2`
	case msgCheckQueued:
		return distributionManager, []insert{packageID, dpPath}, `Queued validation of package %1 on %2`
	case msgHashWrong:
		return distributionManager, []insert{packageID, dpPath, errorCode}, `Wrong hash of package %1 on %2, error %3`
	case msgCheckFailed:
		return distributionManager, []insert{packageID, dpPath}, `Failed to validate package %1 on %2`
	case msgCheckedGood:
		return distributionManager, []insert{packageID, dpPath}, `Validated package %1 on %2`
	case msgUnreachable:
		return distributionManager, []insert{dpPath, packageID, errorCode}, `Failed to connect to %1 for package %2, error %3`
	case msgDPReady:
		return distributionManager, []insert{dpPath}, `Distribution point %1 is ready`
	case msgSent:
		return packageTransferManager, []insert{packageID, packageVersion, dpPath}, `Sent package %1, version %2, to %3`
	case msgSending:
		return packageTransferManager, []insert{packageID, packageVersion, dpPath}, `Sending package %1, version %2, to %3`
	case msgSendFailed:
		return packageTransferManager, []insert{packageID, packageVersion, dpPath, errorCode}, `Failed to send package %1, version %2, to %3, error %4`
	}
	return distributionManager, nil, fmt.Sprintf("Message %d", id)
}

// insert is the text of an insertion string.
func (m *message) insert(what insert) string {
	switch what {
	case packageID:
		return m.pkg.id
	case packageName:
		return m.pkg.name
	case packageVersion:
		return strconv.FormatUint(uint64(m.version), 10)
	case sourcePath:
		return m.pkg.sourcePath
	case dpPath:
		return m.dp.nal
	case childSite:
		return m.child
	default:
		return fmt.Sprintf("0x%08X", hresult(m.win32))
	}
}

// insertion is the i-th insertion string, from 0, or NULL.
func (m *message) insertion(i int) value {
	_, inserts, _ := m.id.wording()
	if i >= len(inserts) {
		return nil
	}
	return m.insert(inserts[i])
}

// text is the message in words.
func (m *message) text() string {
	_, inserts, text := m.id.wording()
	var pairs []string
	for i, what := range inserts {
		pairs = append(pairs, "%"+strconv.Itoa(i+1), m.insert(what))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// component is the component that reported the message.
func (m *message) component() string {
	name, _, _ := m.id.wording()
	return name
}

// hresult is a Win32 error as an HRESULT (HRESULT_FROM_WIN32).
func hresult(win32 uint32) uint32 {
	if win32 == 0 || win32 > 0xFFFF {
		return win32
	}
	return 0x80070000 | win32
}

// firstRecord is the record ID before the first. Real ones carry a site number
// in their high bits, so that they do not fit a float.
const firstRecord = 1 << 56

// messagesKept bounds the status messages that a world holds beside the two that
// a row may begin with; the oldest go first.
const messagesKept = 200_000

// log reports a message about content.
func (w *World) log(c *content, at time.Time, n note) {
	c.last = w.report(message{note: n, at: at, site: c.dp.site.reporter, pkg: c.pkg, dp: c.dp, version: c.pkg.version})
}

// logPackage reports a message about a package as a whole.
func (w *World) logPackage(p *pkg, at time.Time, n note) {
	w.report(message{note: n, at: at, site: p.site, pkg: p, version: p.version})
}

func (w *World) report(m message) *message {
	// The records below are those of the rows that were installed before the
	// world began. Their messages have been purged, but rows still name them.
	m.record = firstRecord + int64(len(w.contents)) + w.lastMessage
	w.lastMessage++
	if len(w.messages) == messagesKept+2*len(w.contents) {
		w.messages = slices.Delete(w.messages, 0, messagesKept/10)
	}
	w.messages = append(w.messages, &m)
	return &m
}

// orderMessages numbers the messages that a new world has by their times.
func (w *World) orderMessages() {
	slices.SortStableFunc(w.messages, func(a, b *message) int { return a.at.Compare(b.at) })
	for i, m := range w.messages {
		m.record = firstRecord + int64(len(w.contents)) + int64(i)
	}
}

// message finds a status message by its record ID.
func (w *World) message(record int64) (*message, bool) {
	i, found := slices.BinarySearchFunc(w.messages, record, func(m *message, id int64) int { return cmp.Compare(m.record, id) })
	if !found {
		return nil, false
	}
	return w.messages[i], true
}

// status is the latest message about the content.
func (c *content) status() *message {
	if c.last != nil {
		return c.last
	}
	return &message{
		note: good(msgInstalled), record: firstRecord + int64(c.id) - 1, at: c.lastCopied,
		site: c.dp.site.reporter, pkg: c.pkg, dp: c.dp, version: c.version,
	}
}
