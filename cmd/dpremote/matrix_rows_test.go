package main

import (
	"fmt"
	"time"

	"dpremote/simulator"
)

// once is a fault that happens one time.
func once(k simulator.FaultKind) simulator.Fault { return simulator.Fault{Kind: k, Count: 1} }

// always is a fault that does not end.
func always(k simulator.FaultKind) simulator.Fault { return simulator.Fault{Kind: k} }

// done is a fault whose operation is carried out first, one time.
func done(k simulator.FaultKind) simulator.Fault {
	return simulator.Fault{Kind: k, Count: 1, Done: true}
}

func lasting(k simulator.FaultKind, d time.Duration) simulator.Fault {
	return simulator.Fault{Kind: k, Count: 1, For: d}
}

func after(f simulator.Fault, d time.Duration) simulator.Fault {
	f.RetryAfter = d
	return f
}

// What becomes of an operation, beside none.
const (
	right     = "right"
	retried   = "retried"
	restarted = "restarted"
	replaced  = "replaced"
	wasDone   = "; was done"
	notDone   = "; not done"
)

// refused is credentials that are refused.
var refused = fmt.Sprintf("exit %d, credentials, retry no", exitCredentials)

// fails is an operation that leaves the sweep incomplete.
func fails(kind, advice string) string {
	return fmt.Sprintf("exit %d, %s, retry %s", exitIncomplete, kind, advice)
}

func safe(kind string) string    { return fails(kind, "safe") }
func unsafe(kind string) string  { return fails(kind, "unsafe") }
func useless(kind string) string { return fails(kind, "no") }

// all is the outcomes of a fault that treats all reads but Pulls alike, and all
// that changes something.
func all(reads, pull, writes, events string) []string {
	return []string{reads, reads, pull, reads, writes, writes, reads, events}
}

// faultRows are the matrix, in the order of the document.
var faultRows = []faultRow{
	{name: "connection refused for 200 ms", fault: lasting(simulator.Refuse, 200*time.Millisecond),
		want: all(retried, retried, safe("unreachable")+notDone, retried)},
	{name: "connection refused for an hour", fault: lasting(simulator.Refuse, time.Hour),
		want: all(safe("unreachable"), safe("unreachable"), safe("unreachable")+notDone, safe("unreachable"))},
	{name: "connection closed after each answer", fault: always(simulator.Close),
		want: all(right, right, right, right)},
	{name: "connection reset at once", fault: once(simulator.Drop),
		want: all(retried, retried, safe("unreachable")+notDone, retried)},
	{name: "TLS handshake cut", fault: once(simulator.Drop), https: true,
		want: all(retried, retried, safe("unreachable")+notDone, retried)},
	{name: "TLS handshake cut, from then on", fault: always(simulator.Drop), https: true,
		want: all(safe("unreachable"), safe("unreachable"), safe("unreachable")+notDone, safe("unreachable"))},
	{name: "reset before the answer, not done", fault: once(simulator.ResetBefore),
		want: all(retried, restarted, unsafe("unreachable")+notDone, replaced)},
	{name: "reset before the answer, always", fault: always(simulator.ResetBefore),
		want: all(safe("unreachable"), safe("unreachable"), unsafe("unreachable")+notDone, safe("unreachable"))},
	{name: "reset before the answer, done", fault: once(simulator.ResetAfter),
		want: all(retried, restarted, unsafe("unreachable")+wasDone, replaced)},
	{name: "reset in the answer's header", fault: once(simulator.ResetHeader),
		want: all(retried, restarted, unsafe("unreachable")+wasDone, replaced)},
	{name: "reset in the answer's body", fault: once(simulator.ResetDuring),
		want: all(retried, restarted, unsafe("unreachable")+wasDone, replaced)},
	{name: "reset in the answer's body, over TLS", fault: once(simulator.ResetDuring), https: true,
		want: all(retried, restarted, unsafe("unreachable")+wasDone, replaced)},
	{name: "two minutes of silence", fault: lasting(simulator.Stall, 2*time.Minute),
		want: all(safe("timeout"), safe("timeout"), unsafe("timeout")+wasDone, replaced)},
	{name: "twenty seconds of silence", fault: lasting(simulator.Stall, 20*time.Second),
		want: all(right, right, right, right)},
	{name: "answer cut in its first tag", fault: once(simulator.CutStart),
		want: all(retried, restarted, unsafe("answer")+wasDone, replaced)},
	{name: "answer cut in a tag's name", fault: once(simulator.CutName),
		want: all(retried, restarted, unsafe("answer")+wasDone, replaced)},
	{name: "answer cut in an attribute", fault: once(simulator.CutAttribute),
		want: all(retried, restarted, unsafe("answer")+wasDone, replaced)},
	{name: "answer cut in a text", fault: once(simulator.CutText),
		want: all(retried, restarted, unsafe("answer")+wasDone, replaced)},
	{name: "answer cut in a reference", fault: once(simulator.CutEntity),
		want: all(retried, restarted, unsafe("answer")+wasDone, replaced)},
	{name: "answer cut within a character", fault: once(simulator.CutRune),
		want: all(retried, restarted, unsafe("answer")+wasDone, replaced)},
	{name: "answer cut between elements", fault: once(simulator.CutBetween),
		want: all(retried, restarted, unsafe("answer")+wasDone, replaced)},
	{name: "answer cut in its last tag", fault: once(simulator.CutClosing),
		want: all(retried, restarted, unsafe("answer")+wasDone, replaced)},
	{name: "answer without its last byte", fault: once(simulator.CutLast),
		want: all(retried, restarted, unsafe("answer")+wasDone, replaced)},
	{name: "wrong content type", fault: once(simulator.ContentType),
		want: all(useless("http"), useless("http"), unsafe("http")+wasDone, useless("http"))},
	{name: "HTTP 500, empty", fault: once(simulator.HTTP500),
		want: all(retried, restarted, unsafe("http")+notDone, replaced)},
	{name: "HTTP 500, empty, done", fault: done(simulator.HTTP500),
		want: all(retried, restarted, unsafe("http")+wasDone, replaced)},
	{name: "HTTP 401 on a sealed connection", fault: once(simulator.HTTP401),
		want: all(retried, restarted, unsafe("unreachable")+notDone, replaced)},
	{name: "HTTP 401 on a sealed connection, always", fault: always(simulator.HTTP401),
		want: all(safe("unreachable"), safe("unreachable"), unsafe("unreachable")+notDone, safe("unreachable"))},
	{name: "HTTP 401, Basic over TLS", fault: once(simulator.HTTP401), https: true,
		want: all(refused, refused, refused+notDone, refused)},
	{name: "HTTP 413", fault: once(simulator.HTTP413),
		want: all(useless("http"), useless("http"), useless("http")+notDone, useless("http"))},
	{name: "HTTP 503", fault: once(simulator.HTTP503),
		want: all(retried, retried, safe("http")+notDone, retried)},
	{name: "HTTP 503, Retry-After 7 s", fault: after(once(simulator.HTTP503), 7*time.Second), waits: 7 * time.Second,
		want: all(retried, retried, safe("http")+notDone, retried)},
	{name: "HTTP 503, Retry-After 1 h", fault: after(once(simulator.HTTP503), time.Hour),
		want: all(safe("http"), safe("http"), safe("http")+notDone, safe("http"))},
	{name: "HTTP 503, always", fault: always(simulator.HTTP503),
		want: all(safe("http"), safe("http"), safe("http")+notDone, safe("http"))},
	{name: "SOAP fault without a known number", fault: once(simulator.Internal),
		want: all(useless("fault"), useless("fault"), unsafe("fault")+notDone, replaced)},
	{name: "SOAP fault with HTTP 200", fault: once(simulator.FaultOK),
		want: all(useless("fault"), useless("fault"), unsafe("fault")+notDone, replaced)},
	{name: "TimedOut 0x80338029, not done", fault: once(simulator.TimedOut),
		want: all(retried, retried, unsafe("fault")+notDone, retried)},
	{name: "TimedOut 0x80338029, done", fault: done(simulator.TimedOut),
		want: all(retried, restarted, unsafe("fault")+wasDone, replaced)},
	{name: "TimedOut 0x80338029, always", fault: always(simulator.TimedOut),
		want: all(safe("fault"), safe("fault"), unsafe("fault")+notDone, safe("timeout"))},
	{name: "TimedOut 0x8033801C", fault: once(simulator.PullTimedOut),
		want: all(none, retried, none, retried)},
	{name: "enumeration closed 0x80338007", fault: once(simulator.ContextClosed),
		want: all(none, restarted, none, replaced)},
	{name: "InvalidEnumerationContext 0x8033801B", fault: once(simulator.InvalidContext),
		want: all(none, restarted, none, replaced)},
	{name: "InvalidEnumerationContext, always", fault: always(simulator.InvalidContext),
		want: all(none, safe("fault"), none, safe("fault"))},
	{name: "QuotaLimit", fault: once(simulator.QuotaLimit),
		want: all(retried, retried, safe("fault")+notDone, retried)},
	{name: "quota 0x803381A5: shells", fault: once(simulator.MaxShells),
		want: all(retried, retried, safe("fault")+notDone, retried)},
	{name: "quota 0x803381A6: operations of a user", fault: once(simulator.MaxOperations),
		want: all(retried, retried, safe("fault")+notDone, retried)},
	{name: "quota 0x803381E5: the plug-in's users", fault: once(simulator.PluginUsers),
		want: all(retried, retried, safe("fault")+notDone, retried)},
	{name: "quota 0x803381E7: the plug-in's operations", fault: once(simulator.PluginTotal),
		want: all(retried, retried, safe("fault")+notDone, retried)},
	{name: "quota 0x803381E8: a user's at the plug-in", fault: once(simulator.PluginUserTotal),
		want: all(retried, retried, safe("fault")+notDone, retried)},
	{name: "quota 0x803381E8, always", fault: always(simulator.PluginUserTotal),
		want: all(safe("fault"), safe("fault"), safe("fault")+notDone, safe("fault"))},
	{name: "envelope too small 0x80338048", fault: once(simulator.EnvelopeSmall),
		want: []string{useless("fault"), retried, restarted, useless("fault"), unsafe("fault") + notDone, unsafe("fault") + notDone, useless("fault"), retried}},
	{name: "envelope too small 0x80338048, always", fault: always(simulator.EnvelopeSmall),
		want: all(useless("fault"), useless("fault"), unsafe("fault")+notDone, useless("fault"))},
	{name: "envelope too small 0x80338048, done", fault: done(simulator.EnvelopeSmall),
		want: []string{useless("fault"), retried, restarted, useless("fault"), unsafe("fault") + wasDone, unsafe("fault") + wasDone, useless("fault"), replaced}},
	{name: "envelope too small 0x80338049", fault: once(simulator.EnvelopeSmall9),
		want: []string{useless("fault"), retried, restarted, useless("fault"), unsafe("fault") + notDone, unsafe("fault") + notDone, useless("fault"), retried}},
	{name: "server restarted", fault: once(simulator.Restart),
		want: all(retried, restarted, unsafe("unreachable")+notDone, replaced)},
	{name: "page that comes again", fault: once(simulator.Repeat),
		want: []string{none, right, right, none, none, none, none, none}},
	{name: "page that comes again, always", fault: always(simulator.Repeat),
		want: []string{none, right, useless("answer"), none, none, none, none, none}},
	{name: "context that never ends", fault: always(simulator.Endless),
		want: all(none, useless("answer"), none, none)},
	{name: "rows out of order", fault: always(simulator.Reverse),
		want: []string{none, right, right, none, none, none, none, none}},
	{name: "rows twice", fault: always(simulator.Duplicate),
		want: []string{none, right, right, none, none, none, none, none}},
	{name: "clock an hour ahead", fault: simulator.Fault{Kind: simulator.ClockJump, For: time.Hour},
		want: all(right, restarted, right, replaced)},
	{name: "clock an hour back", fault: simulator.Fault{Kind: simulator.ClockJump, For: -time.Hour},
		want: all(right, right, right, right)},
}
