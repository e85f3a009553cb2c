package wsman

import (
	"context"
	"crypto/tls"
)

// mutualTLS is the security profile that a client certificate is used by
// (DSP0226 annex C.3.5).
const mutualTLS = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

// Certificate signs in by a client certificate, which the server maps to an
// account. It works over https only.
func Certificate(c tls.Certificate) Authentication {
	return &certificate{get: func() tls.Certificate { return c }}
}

// certificate keeps the key in a function, which cannot be printed.
type certificate struct{ get func() tls.Certificate }

func (c *certificate) String() string      { return "certificate" }
func (c *certificate) GoString() string    { return "wsman.Certificate([redacted])" }
func (c *certificate) seals() bool         { return false }
func (c *certificate) newSession() session { return c } // TLS has the state
func (c *certificate) close()              {}

func (c *certificate) configureTLS(config *tls.Config) {
	config.Certificates = []tls.Certificate{c.get()}
}

func (c *certificate) roundTrip(ctx context.Context, e *exchange, req *Request) (*Response, error) {
	header := soapHeader(req)
	if !req.Anonymous {
		header.Set("Authorization", mutualTLS)
	}
	return e.post(ctx, header, req.Body)
}
