package krbgss

import (
	"crypto/rand"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Credential is a ticket for a service with its session key.
type Credential struct {
	Ticket messages.Ticket
	Key    types.EncryptionKey
	Client types.PrincipalName
	Realm  string // of the client
}

// ErrNotProven says that the server did not show that it holds the service's
// key.
var ErrNotProven = errors.New("the server did not prove that it is who it should be")

// The context flags of RFC 4121 section 4.1.1.1 that are asked for.
const (
	flagMutual    = 2
	flagReplay    = 4
	flagSequence  = 8
	flagConf      = 16
	flagInteg     = 32
	flagsAsked    = flagMutual | flagReplay | flagSequence | flagConf | flagInteg
	checksumType  = 0x8003
	bindingsSize  = 16
	maxTokenSize  = 64 << 10
	sequenceLimit = 1 << 30 // some servers read sequence numbers as signed
)

// The token identifiers of RFC 4121 section 4.1.
const (
	tokenRequest = 0x0100
	tokenReply   = 0x0200
	tokenError   = 0x0300
)

var (
	oidKerberos   = asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
	oidKerberosMS = asn1.ObjectIdentifier{1, 2, 840, 48018, 1, 2, 2} // of old Windows servers
)

// SignIn is one sign-in. It is not safe for concurrent use.
type SignIn struct {
	credential    Credential
	authenticator types.Authenticator
	token         []byte
}

// NewSignIn starts a sign-in. Bindings is the MD5 of the channel bindings
// (RFC 4121 section 4.1.1.2), nil where there is no channel. Now is the time
// that the server compares with its own.
func NewSignIn(c Credential, bindings []byte, now time.Time) (*SignIn, error) {
	if bindings == nil {
		bindings = make([]byte, bindingsSize)
	}
	if len(bindings) != bindingsSize {
		return nil, fmt.Errorf("channel bindings of %d bytes, not %d", len(bindings), bindingsSize)
	}
	if _, err := sealingType(c.Key.KeyType); err != nil {
		return nil, err
	}
	a, err := types.NewAuthenticator(c.Realm, c.Client)
	if err != nil {
		return nil, fmt.Errorf("make an authenticator: %w", err)
	}
	now = now.UTC()
	a.CTime, a.Cusec = now.Truncate(time.Second), now.Nanosecond()/1000
	a.SeqNumber %= sequenceLimit
	a.SubKey = types.EncryptionKey{KeyType: c.Key.KeyType, KeyValue: make([]byte, keySize(c.Key.KeyType))}
	if _, err := rand.Read(a.SubKey.KeyValue); err != nil {
		return nil, fmt.Errorf("make a subkey: %w", err)
	}
	sum := binary.LittleEndian.AppendUint32(nil, bindingsSize)
	sum = append(sum, bindings...)
	a.Cksum = types.Checksum{CksumType: checksumType, Checksum: binary.LittleEndian.AppendUint32(sum, flagsAsked)}
	s := &SignIn{credential: c, authenticator: a}
	s.token, err = s.request()
	return s, err
}

// request is the AP-REQ in its GSS frame.
func (s *SignIn) request() ([]byte, error) {
	req, err := messages.NewAPReq(s.credential.Ticket, s.credential.Key, s.authenticator)
	if err != nil {
		return nil, fmt.Errorf("make an AP-REQ: %w", err)
	}
	types.SetFlag(&req.APOptions, flags.APOptionMutualRequired)
	b, err := req.Marshal()
	if err != nil {
		return nil, fmt.Errorf("write an AP-REQ: %w", err)
	}
	return frame(tokenRequest, b)
}

// Token is the first and only token of the client.
func (s *SignIn) Token() []byte { return s.token }

// Accept reads the server's answer and checks that it comes from the holder of
// the service's key. It fails with ErrNotProven, with a messages.KRBError where
// the server tells why it refuses, or because the token is malformed.
func (s *SignIn) Accept(token []byte) (*Session, error) {
	kind, b, err := unframe(token)
	if err != nil {
		return nil, err
	}
	switch kind {
	case tokenReply:
	case tokenError:
		var refusal messages.KRBError
		if err := refusal.Unmarshal(b); err != nil {
			return nil, fmt.Errorf("read the server's KRB-ERROR: %w", err)
		}
		return nil, refusal
	default:
		return nil, fmt.Errorf("a Kerberos token of type %#04x where an AP-REP was due", kind)
	}
	part, err := s.openReply(b)
	if err != nil {
		return nil, err
	}
	if !part.CTime.Equal(s.authenticator.CTime) || part.Cusec != s.authenticator.Cusec {
		return nil, fmt.Errorf("%w: its AP-REP answers another request", ErrNotProven)
	}
	return s.session(part)
}

// openReply decrypts an AP-REP.
func (s *SignIn) openReply(b []byte) (*messages.EncAPRepPart, error) {
	var reply messages.APRep
	if err := reply.Unmarshal(b); err != nil {
		return nil, fmt.Errorf("read the AP-REP: %w", err)
	}
	plain, err := decrypt(s.credential.Key, reply.EncPart.Cipher, keyusage.AP_REP_ENCPART)
	if err != nil {
		return nil, fmt.Errorf("%w: open the AP-REP: %w", ErrNotProven, err)
	}
	var part messages.EncAPRepPart
	if err := part.Unmarshal(plain); err != nil {
		return nil, fmt.Errorf("read the AP-REP: %w", err)
	}
	return &part, nil
}

// session takes the keys and numbers that both sides agreed on (RFC 4121
// section 2: the acceptor's subkey where it gave one).
func (s *SignIn) session(part *messages.EncAPRepPart) (*Session, error) {
	key, acceptors := s.authenticator.SubKey, false
	if len(part.Subkey.KeyValue) > 0 {
		key, acceptors = part.Subkey, true
	}
	return newSession(key, acceptors, initiator, uint32(s.authenticator.SeqNumber), uint32(part.SequenceNumber))
}

// frame puts a token into the frame of RFC 2743 section 3.1.
func frame(kind uint16, b []byte) ([]byte, error) {
	inner, err := asn1.Marshal(oidKerberos)
	if err != nil {
		return nil, err
	}
	inner = append(binary.BigEndian.AppendUint16(inner, kind), b...)
	return asn1.Marshal(asn1.RawValue{Class: asn1.ClassApplication, Tag: 0, IsCompound: true, Bytes: inner})
}

func unframe(token []byte) (kind uint16, b []byte, err error) {
	if len(token) > maxTokenSize {
		return 0, nil, fmt.Errorf("a Kerberos token of %d bytes is too long", len(token))
	}
	var outer asn1.RawValue
	rest, err := asn1.Unmarshal(token, &outer)
	if err != nil || len(rest) > 0 || outer.Class != asn1.ClassApplication || outer.Tag != 0 {
		return 0, nil, errors.New("the server's answer is not a Kerberos token")
	}
	var oid asn1.ObjectIdentifier
	rest, err = asn1.Unmarshal(outer.Bytes, &oid)
	if err != nil || len(rest) < 2 {
		return 0, nil, errors.New("the server's answer is not a Kerberos token")
	}
	if !oid.Equal(oidKerberos) && !oid.Equal(oidKerberosMS) {
		return 0, nil, fmt.Errorf("the server's answer is of the mechanism %v, not Kerberos", oid)
	}
	return binary.BigEndian.Uint16(rest), rest[2:], nil
}

// sealingType is how to encrypt by a key of this type.
func sealingType(id int32) (encryption, error) {
	switch id {
	case etypeID.AES128_CTS_HMAC_SHA1_96, etypeID.AES256_CTS_HMAC_SHA1_96,
		etypeID.AES128_CTS_HMAC_SHA256_128, etypeID.AES256_CTS_HMAC_SHA384_192:
		return crypto.GetEtype(id)
	}
	return nil, fmt.Errorf("the Kerberos key is of encryption type %d, not AES (17 to 20): give the account and the service AES keys", id)
}

// keySize is the length of keys of a type that sealingType knows, in bytes.
func keySize(id int32) int {
	if id == etypeID.AES128_CTS_HMAC_SHA1_96 || id == etypeID.AES128_CTS_HMAC_SHA256_128 {
		return 16
	}
	return 32
}

// decrypt checks the length before the cipher does, which does not.
func decrypt(key types.EncryptionKey, c []byte, usage uint32) ([]byte, error) {
	et, err := sealingType(key.KeyType)
	if err != nil {
		return nil, err
	}
	if least := et.GetConfounderByteSize() + et.GetHMACBitLength()/8; len(c) <= least {
		return nil, fmt.Errorf("%d encrypted bytes are too few", len(c))
	}
	return et.DecryptMessage(key.KeyValue, c, usage)
}
