package queries

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Remedy says what a refresh would do against a cause. The zero value is
// RemedyUnknown.
type Remedy uint8

// The remedies.
const (
	RemedyUnknown Remedy = iota // a refresh may help or not
	RemedyRefresh               // a refresh cures it
	RemedyRepair                // a refresh fails again until something is repaired
	RemedyWait                  // it goes on by itself; a refresh only starts it anew
)

// String is the remedy in a word.
func (r Remedy) String() string {
	switch r {
	case RemedyUnknown:
		return "unknown"
	case RemedyRefresh:
		return "refresh"
	case RemedyRepair:
		return "repair"
	case RemedyWait:
		return "wait"
	}
	return unknown(uint32(r))
}

// MarshalText is String.
func (r Remedy) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Cause is why content did not reach a distribution point. The zero value is no
// cause at all; Classify never returns it.
type Cause struct {
	Name   string // for programs, such as disk-full
	Words  string // for people
	Remedy Remedy
	Advice string // what to do
}

// Hopeless tells whether a refresh is of no use now.
func (c Cause) Hopeless() bool { return c.Remedy == RemedyRepair || c.Remedy == RemedyWait }

// The causes. They are constants in all but name.
var (
	diskFull = Cause{"disk-full", "the disk is full", RemedyRepair,
		"make room on the distribution point's content drive (or the site's, if that is the full one), then refresh"}
	sourceMissing = Cause{"source-missing", "the source files cannot be read", RemedyRepair,
		"check that the package's source folder exists and that the site server's computer account may read it, then update the package"}
	accessDenied = Cause{"access-denied", "access is denied", RemedyRepair,
		"give the site server's computer account its rights: read on the source folder, administrator on the distribution point; then refresh"}
	dpOffline = Cause{"dp-offline", "the distribution point cannot be reached", RemedyRepair,
		"check that the server is up, its name resolves and the firewall lets SMB, RPC and WMI through, then refresh"}
	hashMismatch = Cause{"hash-mismatch", "the content on the distribution point is damaged", RemedyRefresh,
		"refresh: all files are sent again"}
	contentMissing = Cause{"content-missing", "files are missing from the site's own content library", RemedyRepair,
		"update the package at the site that owns it, so that this site receives its content again"}
	waitsForPrestaged = Cause{"waits-for-prestaged", "the distribution point waits for prestaged content", RemedyWait,
		"extract the prestaged content file on the distribution point, or allow sending to it"}
	waitsForContent = Cause{"waits-for-content", "the content has not arrived at the site yet", RemedyWait,
		"wait until the content has come from the site that owns the package; look at site replication if it does not"}
	closed = Cause{"closed", "the distribution point's schedule or rate limit holds the transfer back", RemedyWait,
		"wait until the schedule opens, or change the schedule or rate limits of the distribution point"}
	interrupted = Cause{"interrupted", "the transfer broke off", RemedyRefresh,
		"refresh; if it breaks off again, look at the network between the site and the distribution point"}
	cancelled = Cause{"cancelled", "the distribution was cancelled", RemedyRefresh,
		"refresh, unless it was cancelled for a reason"}
	unknownCause = Cause{"unknown", "the cause is not known", RemedyUnknown,
		"read the status messages, and distmgr.log and PkgXferMgr.log on the site server"}
)

// AllCauses lists the causes. Classify returns each but closed, which no
// message tells: a job that waits does, for a distribution point that is
// Scheduled or RateLimited.
func AllCauses() []Cause {
	return []Cause{
		diskFull, sourceMissing, accessDenied, dpOffline, hashMismatch, contentMissing,
		waitsForPrestaged, waitsForContent, closed, interrupted, cancelled, unknownCause,
	}
}

// CauseNamed finds a cause by its name.
func CauseNamed(name string) (Cause, bool) {
	for _, c := range AllCauses() {
		if c.Name == name {
			return c, true
		}
	}
	return Cause{}, false
}

// signature is how a cause shows: by one of the messages and one of the codes.
// None means any.
type signature struct {
	messages []uint32
	codes    []uint32 // Win32 errors (winerror.h), or HRESULTs of other facilities
	cause    Cause
}

// signatures are tried in this order, so that the more telling ones come first.
// The messages are those of content distribution; the errors are those by which
// Microsoft's support articles on content distribution explain failures, and
// their neighbours in winerror.h.
func signatures() []signature {
	return []signature{
		{messages: []uint32{2382}, cause: hashMismatch},
		{messages: []uint32{2371}, cause: waitsForPrestaged},
		{messages: []uint32{2372}, cause: waitsForContent},
		// ERROR_DISK_FULL, ERROR_HANDLE_DISK_FULL
		{codes: []uint32{112, 39}, cause: diskFull},
		// ERROR_ACCESS_DENIED, ERROR_NETWORK_ACCESS_DENIED, ERROR_LOGON_FAILURE
		{codes: []uint32{5, 65, 1326}, cause: accessDenied},
		// With ERROR_FILE_NOT_FOUND or ERROR_PATH_NOT_FOUND, or no error at all.
		{messages: []uint32{2306}, cause: sourceMissing},
		{messages: []uint32{2391}, cause: dpOffline},
		// ERROR_BAD_NETPATH, ERROR_NETNAME_DELETED, ERROR_BAD_NET_NAME,
		// ERROR_NETWORK_UNREACHABLE, RPC_S_SERVER_UNAVAILABLE
		{codes: []uint32{53, 64, 67, 1231, 1722}, cause: dpOffline},
		// ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND
		{codes: []uint32{2, 3}, cause: contentMissing},
		// ERROR_CANCELLED
		{codes: []uint32{1223}, cause: cancelled},
		// CRYPT_E_HASH_VALUE
		{codes: []uint32{0x80091007}, cause: hashMismatch},
		// ERROR_UNEXP_NET_ERR, ERROR_SEM_TIMEOUT, ERROR_CONNECTION_ABORTED,
		// WSAECONNRESET, WSAETIMEDOUT
		{codes: []uint32{59, 121, 1236, 10054, 10060}, cause: interrupted},
		{messages: []uint32{2383}, cause: hashMismatch},
	}
}

// Classify tells the cause from a status message: its ID, its Win32 error (0
// when the class has none) and its insertion strings, in which further error
// codes are looked for. It says unknown rather than guess.
func Classify(messageID, win32 uint32, inserts []string) Cause {
	codes := codesIn(inserts)
	if win32 != 0 {
		codes = append(codes, win32Of(win32))
	}
	for _, s := range signatures() {
		if s.fits(messageID, codes) {
			return s.cause
		}
	}
	return unknownCause
}

func (s signature) fits(messageID uint32, codes []uint32) bool {
	if len(s.messages) > 0 && !slices.Contains(s.messages, messageID) {
		return false
	}
	return len(s.codes) == 0 || slices.ContainsFunc(codes, func(c uint32) bool { return slices.Contains(s.codes, c) })
}

var (
	hexCode = regexp.MustCompile(`\b0[xX]([0-9a-fA-F]{1,8})\b`)
	// A number behind the word counts only at the start of a string: a package
	// may be named after an error that it mends.
	errorCode = regexp.MustCompile(`(?i)^\s*(?:win32 |the operating system reported )?error(?: code)?\s*[=:]?\s*(-?[0-9]{1,10})\b`)
)

// codesIn finds error codes in insertion strings: in hexadecimal anywhere, in
// decimal behind the word error, and alone when it can be an HRESULT only. A
// small number alone can be anything, such as a version.
func codesIn(inserts []string) []uint32 {
	var codes []uint32
	for _, text := range inserts {
		for _, found := range hexCode.FindAllStringSubmatch(text, -1) {
			if n, err := strconv.ParseUint(found[1], 16, 32); err == nil {
				codes = append(codes, win32Of(uint32(n)))
			}
		}
		if found := errorCode.FindStringSubmatch(text); found != nil {
			if n, ok := parseDecimal(found[1]); ok {
				codes = append(codes, win32Of(n))
			}
		}
		if n, ok := parseDecimal(strings.TrimSpace(text)); ok && n > math.MaxInt32 {
			codes = append(codes, win32Of(n))
		}
	}
	return codes
}

// parseDecimal reads a code that may be written as a signed number.
func parseDecimal(text string) (uint32, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < math.MinInt32 || n > math.MaxUint32 {
		return 0, false
	}
	return uint32(n), true
}

// win32Of is the Win32 error in an HRESULT of the facility FACILITY_WIN32
// (HRESULT_FROM_WIN32), and any other code as it is.
func win32Of(code uint32) uint32 {
	if code&0xFFFF0000 == 0x80070000 {
		return code & 0xFFFF
	}
	return code
}
