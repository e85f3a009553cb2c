package simulator

import (
	"net/http"
	"slices"
	"strings"

	"dpremote/simulator/internal/wire"
)

// FaultKind is what goes wrong.
type FaultKind string

// Faults of the connection.
const (
	// Refuse stops the site's listening for Fault.For, and closes its
	// connections: at once, or, where the fault chooses an action or a class,
	// after the answer to a request. Hierarchies made by New have no listener.
	Refuse FaultKind = "refuse"
	// Drop resets a connection as soon as it is there: over HTTPS, in the middle
	// of the TLS handshake. Matched counts connections.
	Drop        FaultKind = "drop"
	Close       FaultKind = "close"        // the connection ends after the answer, as idle ones do
	ResetBefore FaultKind = "reset-before" // the request is not carried out
	ResetAfter  FaultKind = "reset-after"  // it is, and there is no answer
	ResetHeader FaultKind = "reset-header" // in the middle of the answer's header
	ResetDuring FaultKind = "reset-during" // in the middle of the answer's body
	// Stall carries out the request and answers after Fault.For only.
	Stall FaultKind = "stall"
)

// Answers that are no SOAP, none of which a sign-in seals. The operation is not
// carried out, unless Fault.Done says so.
const (
	HTTP401 FaultKind = "http-401" // in the middle of a sign-in's life
	HTTP413 FaultKind = "http-413"
	HTTP500 FaultKind = "http-500" // with an empty body
	HTTP503 FaultKind = "http-503" // see Fault.RetryAfter
)

// Answers to a request that was carried out, which are damaged within.
const (
	ContentType  FaultKind = "content-type"  // text/html
	CutStart     FaultKind = "cut-start"     // in the name of the first tag
	CutName      FaultKind = "cut-name"      // in the name of a tag
	CutAttribute FaultKind = "cut-attribute" // in an attribute's value
	CutText      FaultKind = "cut-text"      // in a text
	CutEntity    FaultKind = "cut-entity"    // in a reference such as &amp;
	CutRune      FaultKind = "cut-rune"      // within a character
	CutBetween   FaultKind = "cut-between"   // between two elements
	CutClosing   FaultKind = "cut-closing"   // in the last tag of the body
	CutLast      FaultKind = "cut-last"      // before the last byte
)

// SOAP faults. The operation is not carried out, unless Fault.Done says so.
const (
	Internal        FaultKind = "internal-error"      // w:InternalError that says nothing more
	FaultOK         FaultKind = "fault-200"           // the same, with HTTP 200
	TimedOut        FaultKind = "timed-out"           // w:TimedOut, 0x80338029
	PullTimedOut    FaultKind = "pull-timed-out"      // w:TimedOut, 0x8033801C
	ContextClosed   FaultKind = "context-closed"      // 0x80338007
	InvalidContext  FaultKind = "invalid-context"     // n:InvalidEnumerationContext, 0x8033801B
	QuotaLimit      FaultKind = "quota-limit"         // w:QuotaLimit
	MaxShells       FaultKind = "max-shells"          // 0x803381A5
	MaxOperations   FaultKind = "max-operations"      // of one user, 0x803381A6
	PluginUsers     FaultKind = "plugin-users"        // of the WMI plug-in, 0x803381E5
	PluginTotal     FaultKind = "plugin-operations"   // 0x803381E7
	PluginUserTotal FaultKind = "plugin-user-total"   // 0x803381E8
	EnvelopeSmall   FaultKind = "envelope-too-small"  // 0x80338048
	EnvelopeSmall9  FaultKind = "envelope-too-small9" // 0x80338049
)

// Faults of the server's memory, of its order and of its clock.
const (
	// Restart forgets enumerations, subscriptions and shells and closes all
	// connections. The request is not carried out.
	Restart   FaultKind = "restart"
	Repeat    FaultKind = "repeat"    // the page comes once more after this one
	Endless   FaultKind = "endless"   // after the last row the first one follows
	Reverse   FaultKind = "reverse"   // the page's rows in reverse order
	Duplicate FaultKind = "duplicate" // each row of the page twice
	// ClockJump moves the site's clock by Fault.For, at once: that of its
	// enumerations, subscriptions and HTTP dates, not that of its content.
	ClockJump FaultKind = "clock-jump"
)

// FaultKinds are all kinds, sorted by name.
func FaultKinds() []FaultKind {
	kinds := make([]FaultKind, 0, len(faultKinds))
	for k := range faultKinds {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

func kindNames() string {
	var names []string
	for _, k := range FaultKinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// recipe is how a kind is made.
type recipe struct {
	status      int // of a plain answer; 0 is none
	reset       wire.Reset
	cut         wire.Cut
	contentType string
	fault       *wire.Fault
	disorder    wire.Disorder
	last        bool
}

// faultKinds are the recipes. Codes and subcodes are those of wsmerror.h, as
// MS-WSMV section 2.2.4.43 puts them into faults; that plug-in quotas come as
// w:InternalError is MS-WSMV section 3.1.4.1.19.
var faultKinds = map[FaultKind]recipe{
	Refuse:      {},
	Drop:        {},
	Close:       {last: true},
	ResetBefore: {reset: wire.ResetBefore},
	ResetAfter:  {reset: wire.ResetAfter},
	ResetHeader: {reset: wire.ResetHeader},
	ResetDuring: {reset: wire.ResetDuring},
	Stall:       {},

	HTTP401: {status: http.StatusUnauthorized},
	HTTP413: {status: http.StatusRequestEntityTooLarge},
	HTTP500: {status: http.StatusInternalServerError},
	HTTP503: {status: http.StatusServiceUnavailable},

	ContentType:  {contentType: "text/html"},
	CutStart:     {cut: wire.CutStart},
	CutName:      {cut: wire.CutName},
	CutAttribute: {cut: wire.CutAttribute},
	CutText:      {cut: wire.CutText},
	CutEntity:    {cut: wire.CutEntity},
	CutRune:      {cut: wire.CutRune},
	CutBetween:   {cut: wire.CutBetween},
	CutClosing:   {cut: wire.CutClosing},
	CutLast:      {cut: wire.CutLast},

	Internal:        soapFault("w:InternalError", 0x80338012, "The server failed.", 0),
	FaultOK:         soapFault("w:InternalError", 0x80338012, "The server failed.", http.StatusOK),
	TimedOut:        soapFault("w:TimedOut", 0x80338029, "The operation took longer than its OperationTimeout allows.", 0),
	PullTimedOut:    soapFault("w:TimedOut", 0x8033801C, "The enumeration brought nothing in time.", 0),
	ContextClosed:   soapFault("n:InvalidEnumerationContext", 0x80338007, "The enumeration is closed.", 0),
	InvalidContext:  soapFault("n:InvalidEnumerationContext", 0x8033801B, "The enumeration context is not valid.", 0),
	QuotaLimit:      soapFault("w:QuotaLimit", 0x8033803F, "The service has reached a quota.", 0),
	MaxShells:       soapFault("w:InternalError", 0x803381A5, "The user has too many shells.", 0),
	MaxOperations:   soapFault("w:InternalError", 0x803381A6, "The user has too many operations open.", 0),
	PluginUsers:     soapFault("w:InternalError", 0x803381E5, "The plug-in serves too many users.", 0),
	PluginTotal:     soapFault("w:InternalError", 0x803381E7, "The plug-in has too many operations open.", 0),
	PluginUserTotal: soapFault("w:InternalError", 0x803381E8, "The user has too many operations open at the plug-in.", 0),
	EnvelopeSmall:   soapFault("w:EncodingLimit", 0x80338048, "The answer is larger than MaxEnvelopeSize.", 0),
	EnvelopeSmall9:  soapFault("w:EncodingLimit", 0x80338049, "The answer is larger than the client's MaxEnvelopeSize.", 0),

	Restart:   {reset: wire.ResetBefore},
	Repeat:    {disorder: wire.Repeats},
	Endless:   {disorder: wire.Endless},
	Reverse:   {disorder: wire.Reversed},
	Duplicate: {disorder: wire.Duplicate},
	ClockJump: {},
}

func soapFault(subcode string, code uint32, reason string, status int) recipe {
	return recipe{fault: &wire.Fault{
		Receiver: subcode != "w:EncodingLimit", Subcode: subcode, Code: code, Reason: reason, Status: status,
	}}
}

// mishap is what a fault does to one exchange.
func (r recipe) mishap(f Fault) wire.Mishap {
	m := wire.Mishap{Fault: r.fault, Done: f.Done, ContentType: r.contentType, Cut: r.cut, Reset: r.reset, Disorder: r.disorder, Last: r.last}
	if r.status != 0 {
		m.Plain = &wire.Plain{Status: r.status, Header: headerOf(f.RetryAfter)}
		if r.status == http.StatusUnauthorized {
			m.Plain.Header = http.Header{"Www-Authenticate": {"Negotiate", `Basic realm="WSMAN"`}}
		}
	}
	if f.Kind == Stall {
		m.Stall = f.duration()
	}
	return m
}
