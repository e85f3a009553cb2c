package wsman

import (
	"context"
	"encoding/base64"
	"net/http"
)

// Basic signs in by user and password in each request (RFC 7617). It does not
// seal: over http a transport refuses it unless told otherwise.
//
// One Authentication is one account, for any number of servers: until one has
// accepted the password it is tried by one connection at a time, and after a
// refusal not at all, so that the account is not locked out.
func Basic(user, password string) Authentication {
	authorization := "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	return &basic{authorization: func() string { return authorization }, gate: newGate()}
}

// basic keeps the header in a function, which cannot be printed.
type basic struct {
	authorization func() string
	gate          *gate
}

func (b *basic) String() string      { return "Basic" }
func (b *basic) GoString() string    { return "wsman.Basic([redacted])" }
func (b *basic) seals() bool         { return false }
func (b *basic) newSession() session { return b } // a connection has no state
func (b *basic) close()              {}

func (b *basic) roundTrip(ctx context.Context, e *exchange, req *Request) (*Response, error) {
	header := soapHeader(req)
	if req.Anonymous {
		return e.post(ctx, header, req.Body)
	}
	leave, err := b.gate.enter(ctx, e.t.url)
	if err != nil {
		return nil, &TransportError{Err: err}
	}
	header.Set("Authorization", b.authorization())
	res, err := e.post(ctx, header, req.Body)
	switch {
	case err != nil:
		leave(unknown)
	case res.Status == http.StatusUnauthorized:
		leave(refused)
	default:
		leave(accepted)
	}
	return res, err
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
