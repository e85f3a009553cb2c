package wsman

import (
	"context"
	"crypto/tls"
	"net/http"
)

// Authentication is a scheme with the credentials for it. It is safe for
// concurrent use: each slot of a transport signs in by itself.
type Authentication interface {
	// String names the scheme, never the credentials.
	String() string
	// seals says whether messages are encrypted even over http.
	seals() bool
	// newSession makes the state of one connection, which has not signed in.
	newSession() session
}

// session carries requests over one connection, one at a time, and keeps its
// sign-in.
type session interface {
	roundTrip(ctx context.Context, e *exchange, req *Request) (*Response, error)
	// close gives up the session's connection. It may be called at any time.
	close()
}

// configuresTLS is an Authentication that takes part in the TLS handshake, and
// so works over https only.
type configuresTLS interface {
	configureTLS(*tls.Config)
}

// soapHeader is the header of a message that travels as it is.
func soapHeader(req *Request) http.Header {
	h := http.Header{"Content-Type": {soapMediaType + ";charset=UTF-8"}}
	if req.Anonymous {
		h.Set("WSMANIDENTIFY", "unauthenticated")
	}
	return h
}
