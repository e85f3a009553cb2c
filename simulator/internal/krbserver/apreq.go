package krbserver

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/jcmturner/gofork/encoding/asn1"
	"github.com/jcmturner/gokrb5/v8/asn1tools"
	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/crypto/etype"
	"github.com/jcmturner/gokrb5/v8/iana"
	"github.com/jcmturner/gokrb5/v8/iana/asnAppTag"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/flags"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/iana/msgtype"
	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// request is an AP-REQ with what was decrypted of it.
type request struct {
	messages.APReq
	ticket        messages.EncTicketPart
	authenticator types.Authenticator
	contextFlags  uint32
}

// The checksum of an authenticator in the GSS-API (RFC 4121 section 4.1.1).
const (
	checksumType   = 0x8003
	checksumLength = 24 // without what is delegated
	contextMutual  = 2  // GSS_C_MUTUAL_FLAG
)

// verify judges an AP-REQ (RFC 4120 section 3.2.3). The request that it returns
// with an error is as far as it could be read, or nil.
func (s *Service) verify(message []byte, bindings func([16]byte) error) (*request, error) {
	r := &request{}
	if err := r.Unmarshal(message); err != nil {
		return nil, fmt.Errorf("read AP-REQ: %w", err)
	}
	if r.PVNO != iana.PVNO || len(r.Ticket.SName.NameString) == 0 {
		return nil, fmt.Errorf("read AP-REQ: %w", errToken)
	}
	for _, check := range []func() error{
		func() error { return r.decryptTicket(s) },
		func() error { return r.decryptAuthenticator() },
		func() error { return r.checkTimes(s.now(), s.skew) },
		func() error { return r.checkChecksum(bindings) },
		func() error { return r.checkReplay(s) },
	} {
		if err := check(); err != nil {
			return r, err
		}
	}
	return r, nil
}

// decryptTicket opens the ticket with the key of its service.
func (r *request) decryptTicket(s *Service) error {
	enc := r.Ticket.EncPart
	key, _, err := s.keytab.GetEncryptionKey(r.Ticket.SName, r.Ticket.Realm, enc.KVNO, enc.EType)
	if err != nil {
		return fault(codeNoKey, "the keytab has no key for this ticket's service, version and encryption type")
	}
	plain, err := decrypt(key, enc.Cipher, keyusage.KDC_REP_TICKET)
	if err != nil {
		return fault(codeModified, "the ticket was not made with the service's key")
	}
	if err := r.ticket.Unmarshal(plain); err != nil {
		return fault(codeBadIntegrity, "the ticket cannot be read")
	}
	return nil
}

// decryptAuthenticator opens the authenticator with the ticket's session key and
// compares whom the two are about.
func (r *request) decryptAuthenticator() error {
	if r.EncryptedAuthenticator.EType != r.ticket.Key.KeyType {
		return fault(codeBadIntegrity, "the authenticator is not encrypted with the session key")
	}
	plain, err := decrypt(r.ticket.Key, r.EncryptedAuthenticator.Cipher, keyusage.AP_REQ_AUTHENTICATOR)
	if err != nil {
		return fault(codeBadIntegrity, "the authenticator is not encrypted with the session key")
	}
	if err := r.authenticator.Unmarshal(plain); err != nil {
		return fault(codeBadIntegrity, "the authenticator cannot be read")
	}
	if len(r.ticket.CName.NameString) == 0 || !r.authenticator.CName.Equal(r.ticket.CName) || r.authenticator.CRealm != r.ticket.CRealm {
		return fault(codeBadMatch, "ticket and authenticator are not of the same client")
	}
	return nil
}

// madeAt is the client's clock when it made the authenticator.
func (r *request) madeAt() time.Time {
	return r.authenticator.CTime.Add(time.Duration(r.authenticator.Cusec) * time.Microsecond)
}

// checkTimes compares the client's clock and the ticket's life with now.
func (r *request) checkTimes(now time.Time, skew time.Duration) error {
	if now.Sub(r.madeAt()).Abs() > skew {
		return fault(codeSkew, "the clocks of client and server differ too much")
	}
	start := r.ticket.StartTime
	if start.IsZero() {
		start = r.ticket.AuthTime
	}
	if start.Sub(now) > skew || r.ticket.Flags.At(flags.Invalid) == 1 {
		return fault(codeNotYetValid, "the ticket is not valid yet")
	}
	if now.Sub(r.ticket.EndTime) > skew {
		return fault(codeExpired, "the ticket has expired")
	}
	return nil
}

// checkChecksum reads the checksum, which is none: it holds the channel bindings
// and the flags of the context.
func (r *request) checkChecksum(bindings func([16]byte) error) error {
	sum := r.authenticator.Cksum
	if sum.CksumType != checksumType || len(sum.Checksum) < checksumLength || binary.LittleEndian.Uint32(sum.Checksum) != 16 {
		return fault(codeBadChecksum, "the authenticator's checksum is not that of the GSS-API")
	}
	r.contextFlags = binary.LittleEndian.Uint32(sum.Checksum[20:])
	if bindings == nil {
		return nil
	}
	if err := bindings([16]byte(sum.Checksum[4:20])); err != nil {
		return fault(codeWrongBindings, err.Error())
	}
	return nil
}

func (r *request) checkReplay(s *Service) error {
	if !s.replays.add(r.EncryptedAuthenticator.Cipher, s.now(), r.madeAt().Add(s.skew)) {
		return fault(codeRepeat, "the authenticator was used before")
	}
	return nil
}

// accept makes the answer to a request that was verified (RFC 4120 section
// 3.2.4). Without mutual authentication there is none, and the client's key and
// sequence number serve both sides.
func (s *Service) accept(r *request) (*Accepted, error) {
	a := &Accepted{User: r.authenticator.CName.PrincipalNameString() + "@" + r.authenticator.CRealm}
	key := r.ticket.Key
	if len(r.authenticator.SubKey.KeyValue) > 0 {
		key = r.authenticator.SubKey
	}
	start := uint32(r.authenticator.SeqNumber) // some clients send it as a negative number
	if r.APOptions.At(flags.APOptionMutualRequired) == 0 && r.contextFlags&contextMutual == 0 {
		a.Session = newSession(key, false, start, start)
		return a, nil
	}
	subkey, number, err := s.choose(key.KeyType)
	if err != nil {
		return nil, fmt.Errorf("make AP-REP: %w", err)
	}
	if a.Reply, err = r.reply(subkey, number); err != nil {
		return nil, fmt.Errorf("make AP-REP: %w", err)
	}
	a.Session = newSession(subkey, true, number, start)
	return a, nil
}

// choose makes the server's subkey and first sequence number.
func (s *Service) choose(keyType int32) (key types.EncryptionKey, number uint32, err error) {
	_, size, err := encryption(keyType)
	if err != nil {
		return key, 0, err
	}
	b := make([]byte, size+4)
	if _, err := io.ReadFull(s.rand, b); err != nil {
		return key, 0, err
	}
	cut := len(b) - 4
	// Half of the range leaves no room for doubt about the sign.
	return types.EncryptionKey{KeyType: keyType, KeyValue: b[:cut]}, binary.BigEndian.Uint32(b[cut:]) >> 1, nil
}

// reply is the token with the AP-REP: the client's own time, to prove that the
// server could read it, and the server's subkey and sequence number.
func (r *request) reply(subkey types.EncryptionKey, number uint32) ([]byte, error) {
	part, err := asn1.Marshal(messages.EncAPRepPart{
		CTime: r.authenticator.CTime, Cusec: r.authenticator.Cusec, Subkey: subkey, SequenceNumber: int64(number),
	})
	if err != nil {
		return nil, err
	}
	part = asn1tools.AddASNAppTag(part, asnAppTag.EncAPRepPart)
	enc, err := crypto.GetEncryptedData(part, r.ticket.Key, keyusage.AP_REP_ENCPART, 0)
	if err != nil {
		return nil, err
	}
	b, err := asn1.Marshal(messages.APRep{PVNO: iana.PVNO, MsgType: msgtype.KRB_AP_REP, EncPart: enc})
	if err != nil {
		return nil, err
	}
	return frame(idReply, asn1tools.AddASNAppTag(b, asnAppTag.APREP))
}

// decrypt is gokrb5's decryption for ciphertexts that are long enough for it.
func decrypt(key types.EncryptionKey, ciphertext []byte, usage uint32) ([]byte, error) {
	e, size, err := encryption(key.KeyType)
	if err != nil {
		return nil, err
	}
	if len(key.KeyValue) != size || len(ciphertext) < e.GetConfounderByteSize()+e.GetHMACBitLength()/8 {
		return nil, errToken
	}
	return e.DecryptMessage(key.KeyValue, ciphertext, usage)
}

// encryption is an encryption type and the length of its keys in bytes. The
// types are those of Windows and RFC 8009.
func encryption(id int32) (e etype.EType, keySize int, err error) {
	switch id {
	case etypeID.AES128_CTS_HMAC_SHA1_96, etypeID.AES128_CTS_HMAC_SHA256_128, etypeID.RC4_HMAC:
		keySize = 16
	case etypeID.AES256_CTS_HMAC_SHA1_96, etypeID.AES256_CTS_HMAC_SHA384_192:
		keySize = 32 // where gokrb5's GetKeyByteSize says 24 of the latter
	default:
		return nil, 0, fmt.Errorf("encryption type %d is not supported", id)
	}
	e, err = crypto.GetEtype(id)
	return e, keySize, err
}
