package krbserver

import (
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"
)

// Service verifies sign-ins to the principals of a keytab. It is safe for
// concurrent use.
type Service struct {
	keytab  *keytab.Keytab
	skew    time.Duration
	now     func() time.Time
	rand    io.Reader // of subkeys and sequence numbers
	replays replays
}

// New makes a Service with the keys of a keytab, which may not change from then
// on. Clocks may differ by skew from now.
func New(keys *keytab.Keytab, skew time.Duration, now func() time.Time) *Service {
	return &Service{keytab: keys, skew: skew, now: now, rand: rand.Reader, replays: replays{seen: map[[32]byte]time.Time{}}}
}

// Accepted is a sign-in that succeeded.
type Accepted struct {
	User    string   // user@REALM
	Reply   []byte   // the token with the AP-REP; nil when the client wants none
	Session *Session // nil when the key is of a type that seals nothing
}

// Error is what is wrong with an AP-REQ.
type Error struct {
	// Code is that of RFC 4120 section 7.5.9.
	Code int32
	// Reply is the token that tells the client.
	Reply []byte
	text  string
}

func (e *Error) Error() string {
	return fmt.Sprintf("kerberos error %d: %s", e.Code, e.text)
}

// Token identifiers (RFC 4121 section 4.1) of what follows the mechanism's name.
const (
	idRequest = 0x0100
	idReply   = 0x0200
	idError   = 0x0300
)

// mechanism is Kerberos's object identifier (RFC 4121 section 4).
var mechanism = asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}

// tagToken is [APPLICATION 0], which frames initial tokens (RFC 2743 section
// 3.1).
const tagToken = der.Tag(0x60)

var errToken = errors.New("malformed Kerberos token")

// IsToken tells whether a token is Kerberos's own, in no wrapping.
func IsToken(token []byte) bool {
	_, _, err := unframe(token)
	return err == nil
}

// unframe is the identifier and the message of an initial token.
func unframe(token []byte) (id uint16, message []byte, err error) {
	var inner cryptobyte.String
	var oid asn1.ObjectIdentifier
	in := cryptobyte.String(token)
	if !in.ReadASN1(&inner, tagToken) || !inner.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(mechanism) || !inner.ReadUint16(&id) {
		return 0, nil, errToken
	}
	return id, inner, nil
}

// frame is the reverse of unframe.
func frame(id uint16, message []byte) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(tagToken, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(mechanism)
		b.AddUint16(id)
		b.AddBytes(message)
	})
	return b.Bytes()
}

// Accept verifies a client's token. Bindings judges the MD5 of the channel
// bindings in it, which is zero when the client sent none; nil accepts all. An
// error that the client should be told of is an *Error.
func (s *Service) Accept(token []byte, bindings func(sum [16]byte) error) (*Accepted, error) {
	id, message, err := unframe(token)
	if err != nil || id != idRequest {
		return nil, fmt.Errorf("accept Kerberos token: %w", errToken)
	}
	r, err := s.verify(message, bindings)
	if err == nil {
		return s.accept(r)
	}
	var fault *Error
	if errors.As(err, &fault) {
		fault.Reply = s.errorToken(r, fault)
	}
	return nil, fmt.Errorf("accept Kerberos token: %w", err)
}

// fault is an Error whose reply is not made yet.
func fault(code int32, text string) *Error { return &Error{Code: code, text: text} }

// errorToken is a KRB-ERROR for a request, of which only the ticket's outside
// need be known.
func (s *Service) errorToken(r *request, f *Error) []byte {
	var realm string
	var service types.PrincipalName
	if r != nil {
		realm, service = r.Ticket.Realm, r.Ticket.SName
	}
	e := messages.NewKRBError(service, realm, f.Code, f.text)
	now := s.now().UTC()
	e.STime, e.Susec = now, now.Nanosecond()/1000
	b, err := e.Marshal()
	if err != nil {
		return nil // the client then learns that it is refused, but not why
	}
	token, err := frame(idError, b)
	if err != nil {
		return nil
	}
	return token
}

// Codes of what the checks find (RFC 4120 section 7.5.9).
const (
	codeBadIntegrity  = errorcode.KRB_AP_ERR_BAD_INTEGRITY
	codeExpired       = errorcode.KRB_AP_ERR_TKT_EXPIRED
	codeNotYetValid   = errorcode.KRB_AP_ERR_TKT_NYV
	codeRepeat        = errorcode.KRB_AP_ERR_REPEAT
	codeBadMatch      = errorcode.KRB_AP_ERR_BADMATCH
	codeSkew          = errorcode.KRB_AP_ERR_SKEW
	codeModified      = errorcode.KRB_AP_ERR_MODIFIED
	codeNoKey         = errorcode.KRB_AP_ERR_NOKEY
	codeBadChecksum   = errorcode.KRB_AP_ERR_INAPP_CKSUM
	codeWrongBindings = errorcode.KRB_AP_ERR_MODIFIED
)
