package wsman

import (
	"context"
	"encoding/base64"
)

// Basic signs in by user and password in each request (RFC 7617). It does not
// seal: over http a transport refuses it unless told otherwise.
func Basic(user, password string) Authentication {
	return &basic{authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}
}

type basic struct{ authorization string }

func (b *basic) String() string      { return "Basic" }
func (b *basic) GoString() string    { return "wsman.Basic([redacted])" }
func (b *basic) seals() bool         { return false }
func (b *basic) newSession() session { return b } // the scheme has no state
func (b *basic) close()              {}

func (b *basic) roundTrip(ctx context.Context, e *exchange, req *Request) (*Response, error) {
	header := soapHeader(req)
	if !req.Anonymous {
		header.Set("Authorization", b.authorization)
	}
	return e.post(ctx, header, req.Body)
}

// Anonymous does not sign in, which is enough for Identify (MS-WSMV section
// 3.1.4.1.23). A server refuses everything else.
func Anonymous() Authentication { return anonymous{} }

type anonymous struct{}

func (anonymous) String() string        { return "anonymous" }
func (anonymous) seals() bool           { return true } // there is nothing to seal
func (a anonymous) newSession() session { return a }
func (anonymous) close()                {}

func (anonymous) roundTrip(ctx context.Context, e *exchange, req *Request) (*Response, error) {
	return e.post(ctx, soapHeader(req), req.Body)
}
