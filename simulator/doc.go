// Package simulator runs simulated ConfigMgr site servers: WS-Management over
// real HTTP or HTTPS on loopback, with an SMS Provider behind it whose state
// moves as content is sent again. It is to dpremote what a lab is to an
// administrator, and it is meant to be used by the tests of other programs too.
//
// A [Model] says by counts what there is: sites, distribution points, packages,
// and how many rows (a package on a distribution point) have failed for which
// [Cause]. [Start] makes the names, sizes and dates from it, always the same for
// one Seed, and listens on one port for each site that has an SMS Provider.
// [Hierarchy.WriteInventory] writes the inventory with which dpremote reaches
// them. [New] does the same without listening, for tests that carry requests to
// [Hierarchy.Handler] themselves, under an invented clock for example.
//
// A request goes this way, and its answer back:
//
//	HTTP  ->  simulator/internal/wire       SOAP, sign-in, paging, faults
//	      ->  simulator/internal/world      one site's view of the state
//	      ->  simulator/internal/wql        for a query: which rows, which columns
//	      ->  simulator/internal/world      rows made from the state as they are read
//	          simulator/internal/smsclasses the classes they are instances of
//
// # State
//
// RefreshNow put on an SMS_DistributionPoint makes the row INSTALL_PENDING,
// queues an SMS_DistributionJob and, a Delay later, comes to its end: the
// content is installed, or an obstacle that no resend removes (a full disk, a
// missing source, denied access, a DP that is offline, a damaged copy at the
// site) makes it INSTALL_RETRYING and, another Delay later, INSTALL_FAILED again.
// The status messages of each step are those that a site writes.
// RefreshPkgSource does so on every distribution point of a package, with a new
// version and, where the source is there, a new copy at the site, which cures
// SiteCopyDamaged and ContentMissing. [Hierarchy.Fix] removes an obstacle as
// somebody at the site would. A row that a model makes pending is sent after 10
// minutes, one that is retrying is tried again after 30; one that waits
// ([WaitingCauses]) goes on when its cause is fixed.
//
// Beside what fails there is what only looks amiss to those who look closely:
// Site.Stale rows are installed with an old version, Site.Stuck rows have not
// moved for days, Site.Storms packages are retried far too often, distribution
// points in maintenance mode take nothing, and a site that is Hidden answers
// with nothing. [Hierarchy.Storm], [Hierarchy.Maintain], [Hierarchy.Hide],
// [Hierarchy.Fill] and [Hierarchy.Remove] make such things happen later.
//
// Nothing happens in the background: the state is brought up to the clock's
// present when it is looked at. A central administration site passes a request
// on to the site that has the distribution point, which takes half a Delay
// more.
//
// # Signing in
//
// Each [Scheme] works as it does on Windows: Basic, NTLMv2 and Kerberos, which
// seal messages over HTTP and are bound to the server's certificate over HTTPS,
// and client certificates. Over HTTP clear text is answered with an empty 500
// unless Options.AllowUnencrypted says otherwise.
//
// # Strictness
//
// [Options].Strict is told of each [Sin]: what a client should not do, although a
// server may let it pass. A test that fails at the first sin finds enumerations
// that are not released, MessageIDs that are used twice or passwords in clear
// text, which on a real server show after months, if at all. What a client
// opened and never learnt of, because its connection was cut, is no sin; a
// handler of Options.Around that keeps answers back says so by [Excuse].
//
// # Faults
//
// [Options.Faults] and [Hierarchy.Inject] make things go wrong: connections that
// are refused or cut, answers that are late, cut, or no SOAP, SOAP faults,
// quotas, servers that restart, disordered pages, clocks that jump. A [Fault]
// chooses by site, action and class, by count, and by lot with a seed; requests
// that come one after the other meet the same faults in every run. [Injected]
// counts.
//
// # What it is not
//
// The provider stores no objects: of all the classes only SMS_DistributionPoint
// takes a Put, and only its RefreshNow does something. Transfers do not wait for
// each other.
package simulator
