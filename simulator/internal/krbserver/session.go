package krbserver

import (
	"bytes"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jcmturner/gokrb5/v8/crypto/etype"
	"github.com/jcmturner/gokrb5/v8/iana/etypeID"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/types"
)

// Per-message tokens (RFC 4121 section 4.2).
const (
	tokenHeader = 16 // bytes: identifier, flags, filler, EC, RRC, sequence number
	idWrap      = 0x0504
	idMIC       = 0x0404

	flagAcceptor = 1 // sent by the acceptor of the context
	flagSealed   = 2
	flagSubkey   = 4 // the acceptor's subkey is used
)

// Session protects the messages of a connection that is signed in. Messages
// must be opened in the order in which they were sealed. It is not safe for
// concurrent use.
type Session struct {
	etype         etype.EType
	key           []byte
	send, receive direction
}

// direction is one direction's state.
type direction struct {
	flags      byte // of its tokens, flagSealed apart
	seal, sign uint32
	sequence   uint64
}

// newSession is the server's side of the session with a key; nil when the key
// is not AES. The numbers are those of the first message of each direction.
func newSession(key types.EncryptionKey, subkey bool, send, receive uint32) *Session {
	e, size, err := encryption(key.KeyType)
	if err != nil || key.KeyType == etypeID.RC4_HMAC || len(key.KeyValue) != size {
		return nil
	}
	s := &Session{etype: e, key: key.KeyValue,
		send:    direction{flagAcceptor, keyusage.GSSAPI_ACCEPTOR_SEAL, keyusage.GSSAPI_ACCEPTOR_SIGN, uint64(send)},
		receive: direction{0, keyusage.GSSAPI_INITIATOR_SEAL, keyusage.GSSAPI_INITIATOR_SIGN, uint64(receive)},
	}
	if subkey {
		s.send.flags |= flagSubkey
		s.receive.flags |= flagSubkey
	}
	return s
}

// header is a token's header without EC and RRC, for the direction's next
// message.
func (d *direction) header(id uint16, flags byte) []byte {
	h := binary.BigEndian.AppendUint16(make([]byte, 0, tokenHeader), id)
	h = append(h, flags, 0xFF, 0, 0, 0, 0)
	return binary.BigEndian.AppendUint64(h, d.sequence)
}

// CanSeal tells that the session can seal: this one always can.
func (s *Session) CanSeal() bool { return true }

// Seal encrypts a message to a Wrap token, divided as Windows does it: the
// ciphertext is as long as the message, and the header has the rest. For that
// EC is 0, and RRC brings the encrypted header's copy and the checksum, which
// RFC 4121 has at the end, to the front.
func (s *Session) Seal(message []byte) (header, sealed []byte, err error) {
	head := s.send.header(idWrap, s.send.flags|flagSealed)
	_, body, err := s.etype.EncryptMessage(s.key, append(message[:len(message):len(message)], head...), s.send.seal)
	if err != nil {
		return nil, nil, fmt.Errorf("wrap message: %w", err)
	}
	s.send.sequence++
	rotation := tokenHeader + s.etype.GetHMACBitLength()/8
	binary.BigEndian.PutUint16(head[6:], uint16(rotation))
	cut := len(body) - rotation
	confounder := s.etype.GetConfounderByteSize()
	header = append(head, body[cut:]...)
	header = append(header, body[:confounder]...)
	return header, body[confounder:cut], nil
}

var (
	errWrap     = errors.New("the Wrap token is wrong")
	errSequence = errors.New("the sequence number is wrong: a message was repeated or lost its turn")
	errMIC      = errors.New("the MIC token is wrong")
)

// Open decrypts the client's next message, wherever the token is divided. EC and
// RRC may be any.
func (s *Session) Open(header, sealed []byte) ([]byte, error) {
	token := append(header[:len(header):len(header)], sealed...)
	least := s.etype.GetConfounderByteSize() + tokenHeader + s.etype.GetHMACBitLength()/8
	if len(token) < tokenHeader+least {
		return nil, fmt.Errorf("unwrap message of %d bytes: %w", len(token), errWrap)
	}
	head, body := token[:tokenHeader], token[tokenHeader:]
	want := s.receive.header(idWrap, s.receive.flags|flagSealed)
	if !bytes.Equal(head[:4], want[:4]) {
		return nil, fmt.Errorf("unwrap message with header % x: %w", head, errWrap)
	}
	extra, rotation := int(binary.BigEndian.Uint16(head[4:])), int(binary.BigEndian.Uint16(head[6:]))%len(body)
	body = append(body[rotation:len(body):len(body)], body[:rotation]...)
	plain, err := s.etype.DecryptMessage(s.key, body, s.receive.seal)
	if err != nil {
		return nil, fmt.Errorf("unwrap message: %w: %w", errWrap, err)
	}
	length := len(plain) - tokenHeader - extra
	if length < 0 {
		return nil, fmt.Errorf("unwrap message with EC %d: %w", extra, errWrap)
	}
	inner := plain[len(plain)-tokenHeader:]
	copy(want[4:6], head[4:6])
	if !bytes.Equal(inner[:8], want[:8]) || !bytes.Equal(inner[8:], head[8:]) {
		return nil, fmt.Errorf("unwrap message: the header was altered: %w", errWrap)
	}
	if !bytes.Equal(head[8:], want[8:]) {
		return nil, fmt.Errorf("unwrap message: %w", errSequence)
	}
	s.receive.sequence++
	return plain[:length], nil
}

// micHeader is the header of a direction's next MIC token, which has FF for EC
// and RRC.
func (d *direction) micHeader() []byte {
	h := d.header(idMIC, d.flags)
	copy(h[4:], []byte{0xFF, 0xFF, 0xFF, 0xFF})
	return h
}

// SignMechList is the mechListMIC of SPNEGO for a list of mechanisms: a MIC
// token.
func (s *Session) SignMechList(list []byte) ([]byte, error) {
	head := s.send.micHeader()
	sum, err := s.etype.GetChecksumHash(s.key, append(list[:len(list):len(list)], head...), s.send.sign)
	if err != nil {
		return nil, fmt.Errorf("sign list of mechanisms: %w", err)
	}
	s.send.sequence++
	return append(head, sum...), nil
}

// VerifyMechList is the reverse of SignMechList.
func (s *Session) VerifyMechList(list, mic []byte) error {
	head := s.receive.micHeader()
	sum, err := s.etype.GetChecksumHash(s.key, append(list[:len(list):len(list)], head...), s.receive.sign)
	if err != nil {
		return fmt.Errorf("verify list of mechanisms: %w", err)
	}
	if !hmac.Equal(mic, append(head, sum...)) {
		return fmt.Errorf("verify list of mechanisms: %w", errMIC)
	}
	s.receive.sequence++
	return nil
}
