package wsman

import (
	"context"
	"time"
)

// Transport carries one message to a server and its answer back. It signs in,
// seals and unseals as its server demands; a SOAP fault is an ordinary answer
// at this level. A Transport is safe for concurrent use.
type Transport interface {
	// RoundTrip sends a request and reads its answer whole. An error is a
	// *TransportError unless the context ended.
	RoundTrip(ctx context.Context, req *Request) (*Response, error)
	// Close gives up connections. Requests under way may fail.
	Close() error
}

// Request is one message.
type Request struct {
	Body []byte // a SOAP envelope in UTF-8
	// Anonymous asks without credentials, which a server allows for Identify
	// only (MS-WSMV section 3.1.4.1.23).
	Anonymous bool
}

// Response is the answer to a message.
type Response struct {
	Status      int      // of HTTP
	ContentType string   // of the body, after unsealing
	Body        []byte   // bounded by the transport
	Challenges  []string // the WWW-Authenticate headers
	// Date is the server's clock to the second, zero when it did not say.
	Date time.Time
	// RetryAfter is how long the server asks to be left alone, 0 when it does
	// not.
	RetryAfter time.Duration
	// Encrypted says that the request travelled encrypted, by TLS or sealed.
	Encrypted bool

	release func() // takes Body back for another answer; nil where nobody wants it
}

// TransportError is the failure of a round trip.
type TransportError struct {
	// Sent says whether any of the request may have reached the server. While
	// it is false, even a Put may be sent again.
	Sent bool
	Err  error
}

// Error implements error.
func (e *TransportError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *TransportError) Unwrap() error { return e.Err }
