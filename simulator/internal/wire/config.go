package wire

import (
	"cmp"
	"context"
	"crypto/x509"
	"net/http"
	"time"
)

// Config says how a server behaves. The zero value of each field is the
// default named with it; Provider alone is required. New copies it.
type Config struct {
	// Provider answers for the namespaces.
	Provider Provider

	// Authenticate judges the user and password of a Basic sign-in. Nil
	// offers no Basic; where there is no other scheme either, Basic is offered
	// and refuses everybody. It must be safe for concurrent use.
	Authenticate func(user, password string) bool
	// NTLM is the password of an account, for sign-ins by NTLMv2 in the schemes
	// Negotiate and NTLM; ok is false when there is none. The domain is as the
	// client sent it and may be empty. Nil offers no NTLM. It must be safe for
	// concurrent use. The http.Server needs ConfigureServer.
	NTLM func(user, domain string) (password string, ok bool)
	// Domain is the NetBIOS domain in NTLM's challenge. Empty is Computer.
	Domain string
	// Kerberos is the service for sign-ins in the schemes Negotiate and
	// Kerberos. Nil offers no Kerberos. The http.Server needs ConfigureServer.
	Kerberos *KerberosService
	// Certificates is the user that a client's certificate stands for, over
	// https; ok is false when it is nobody's. Nil takes no certificates. It must
	// be safe for concurrent use. The listener's tls.Config must ask for
	// certificates and verify them.
	Certificates func(*x509.Certificate) (user string, ok bool)
	// ChannelBindings is how strictly Negotiate and Kerberos are bound to
	// ServerCertificate over https. 0 is BindingsRelaxed.
	ChannelBindings ChannelBindings
	// ServerCertificate is the certificate that the listener shows. Nil judges
	// no bindings.
	ServerCertificate *x509.Certificate
	// AllowUnencrypted lets SOAP pass in clear over http. When it is false such
	// a request is answered 500 with an empty body, as Windows does; an
	// unauthenticated Identify still works.
	AllowUnencrypted bool
	// DMTF accepts the resource URIs of DSP0227 too
	// (http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CLASS with the
	// selector __cimnamespace, by default root/cimv2).
	DMTF bool

	// Now is the clock. Nil is time.Now.
	Now func() time.Time
	// Vendor is Identify's ProductVendor. Empty is Microsoft Corporation.
	Vendor string
	// Version is the version of the operating system in Identify's
	// ProductVersion, for those who signed in. Empty is 10.0.20348 (Windows
	// Server 2022).
	Version string
	// Computer is the Machine of faults. Empty is localhost.
	Computer string
	// Language is the xml:lang of answers. Empty is en-US.
	Language string
	// Translate puts the text of a fault into Language. Nil leaves English.
	Translate func(text string) string

	// MaxEnvelopeSizeKB bounds requests (bytes received) and answers (bytes
	// as UTF-16, as Windows counts) in KiB. 0 is 500.
	MaxEnvelopeSizeKB int
	// MaxBatchItems bounds the items of one answer. 0 is 32000.
	MaxBatchItems int
	// EnumerationTimeout closes an enumeration that has been idle for longer
	// by Now. 0 is 4 minutes.
	EnumerationTimeout time.Duration
	// MaxOperationsPerUser bounds one user's open enumerations. 0 is 100.
	MaxOperationsPerUser int
	// FirstPageItems bounds the items of an optimised EnumerateResponse. 0 is
	// 1, as Windows Server 2008 R2 and 2012 do.
	FirstPageItems int

	// Shell runs a command of a remote shell within one request, whose context
	// it gets. Nil refuses remote shells. It must be safe for concurrent use.
	Shell func(ctx context.Context, command string, args []string) (stdout, stderr []byte, exitCode int)

	// Intercept is called before an operation is carried out. Its error, if
	// any, is the answer in the operation's place: a *Fault as it is, a
	// *repository.Status as the Provider's. Nil lets all pass. It must be safe
	// for concurrent use.
	Intercept func(Exchange) error
	// Inject says what goes wrong with an exchange that passed Intercept, or
	// with an Identify of who is signed in. Nil lets nothing go wrong. It must
	// be safe for concurrent use.
	Inject func(Exchange) Mishap
	// Observe is called for every exchange, also those refused, when its answer
	// is ready and not yet sent: a client that has the answer finds it observed.
	// It must be safe for concurrent use.
	Observe func(Exchange)
	// Answer may answer a message, whose text it gets in UTF-8, in the server's
	// place: with an envelope in UTF-8, which is encoded, and sealed, as the
	// server's own answers are. Nil, and an answer of nil, leave the message to the
	// server. It must be safe for concurrent use.
	Answer func(message []byte) []byte
	// Misrelate is asked before an operation's answer is sent; true makes it relate
	// to a request that nobody sent. Nil is never. It must be safe for concurrent
	// use.
	Misrelate func(Exchange) bool
	// Strict is told of what clients do wrong, each sin before its request is
	// answered, and what they left open by Finish. Nil looks for nothing. It must
	// be safe for concurrent use.
	Strict func(Sin)
	// Around wraps the HTTP handler, outside of authentication: for faults of
	// the transport (latency, broken answers, closed connections). Nil wraps
	// nothing.
	Around func(next http.Handler) http.Handler
}

// Exchange is what is known of one request and, once it is answered, of its
// answer. Fields that the request did not get far enough to have are zero.
type Exchange struct {
	User        string // who signed in
	Action      string
	ResourceURI string
	Namespace   string
	Class       string            // "*" for all classes
	Method      string            // of an Invoke
	Query       string            // the WQL of an Enumerate
	Selectors   map[string]string // as sent; those that are EPRs as object paths
	Timeout     time.Duration     // OperationTimeout
	Events      bool              // the Pull is one of a subscription

	Status        int    // of HTTP; 0 in Intercept
	FaultCode     uint32 // of the WSManFault; 0 when the answer is none
	RequestBytes  int    // of the body as received
	ResponseBytes int    // of the body as sent
	Mishap        Mishap // what Inject said
}

// ActionIdentify stands for the action of an Identify, which has none.
const ActionIdentify = nsIdentify + "/Identify"

// withDefaults is the Config with each zero field at its default.
func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Translate == nil {
		c.Translate = func(text string) string { return text }
	}
	if c.Intercept == nil {
		c.Intercept = func(Exchange) error { return nil }
	}
	if c.Observe == nil {
		c.Observe = func(Exchange) {}
	}
	c.Vendor = cmp.Or(c.Vendor, "Microsoft Corporation")
	c.Version = cmp.Or(c.Version, "10.0.20348")
	c.Computer = cmp.Or(c.Computer, "localhost")
	c.Language = cmp.Or(c.Language, "en-US")
	c.MaxEnvelopeSizeKB = cmp.Or(c.MaxEnvelopeSizeKB, 500)
	c.MaxBatchItems = cmp.Or(c.MaxBatchItems, 32000)
	c.EnumerationTimeout = cmp.Or(c.EnumerationTimeout, 4*time.Minute)
	c.MaxOperationsPerUser = cmp.Or(c.MaxOperationsPerUser, 100)
	c.FirstPageItems = cmp.Or(c.FirstPageItems, 1)
	return c
}
