package world

import "slices"

// Cause is the obstacle that a distribution meets. The empty Cause is none.
type Cause string

// The causes of failure that a model can ask for.
const (
	DiskFull        Cause = "disk-full"         // the DP's drive is full: ERROR_DISK_FULL
	SourceMissing   Cause = "source-missing"    // the package's source folder is gone: message 2306
	AccessDenied    Cause = "access-denied"     // the site server may not write to the DP
	DPOffline       Cause = "dp-offline"        // the DP does not answer: message 2391
	HashMismatch    Cause = "hash-mismatch"     // the content on the DP is damaged: message 2382
	Transient       Cause = "transient"         // the network failed once: message 8203
	SiteCopyDamaged Cause = "site-copy-damaged" // what the site sends is damaged: message 2382 each time
	ContentMissing  Cause = "content-missing"   // the site's content library lacks files: ERROR_FILE_NOT_FOUND
	Cancelled       Cause = "cancelled"         // somebody cancelled the transfer: ERROR_CANCELLED
	Unexplained     Cause = "unknown"           // message 2394, of which no source tells the meaning
)

// The causes that make content wait: it is pending, and goes on by itself when
// the cause is gone.
const (
	WaitsForPrestaged Cause = "waits-for-prestaged" // the DP takes content from a file only: message 2371
	WaitsForContent   Cause = "waits-for-content"   // the content has not come to the site: message 2372
	Closed            Cause = "closed"              // the DP's schedule lets nothing pass
)

// Causes lists the causes of failure, in the order in which a model's rows are
// dealt out. New ones come last: what is dealt first must not depend on them.
func Causes() []Cause {
	return []Cause{
		DPOffline, DiskFull, AccessDenied, SourceMissing, HashMismatch, Transient,
		SiteCopyDamaged, ContentMissing, Cancelled, Unexplained,
	}
}

// WaitingCauses lists the causes that make content wait.
func WaitingCauses() []Cause { return []Cause{WaitsForPrestaged, WaitsForContent, Closed} }

// cured tells whether sending the content again overcomes the obstacle.
func (c Cause) cured() bool {
	return c == "" || c == Transient || c == HashMismatch || c == Cancelled
}

// renewed tells whether a new snapshot of a source that is there overcomes the
// obstacle: with it the site has a new copy of the content.
func (c Cause) renewed() bool {
	return c == SiteCopyDamaged || c == ContentMissing || c == SourceMissing
}

// waits tells whether content waits for the obstacle to go.
func (c Cause) waits() bool { return slices.Contains(WaitingCauses(), c) }

// damaged tells whether a validation finds that the content is not what it
// should be.
func (c Cause) damaged() bool { return c == HashMismatch || c == SiteCopyDamaged }

// ofDP tells a fault of a distribution point, ofPackage one of a package's
// source or of a site's copy of it. Rows that fail for it lie together.
func (c Cause) ofDP() bool {
	return slices.Contains([]Cause{DiskFull, AccessDenied, DPOffline, WaitsForPrestaged, Closed}, c)
}

func (c Cause) ofPackage() bool { return c.renewed() || c == WaitsForContent }
