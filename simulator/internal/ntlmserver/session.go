package ntlmserver

import (
	"crypto/hmac"
	"crypto/rc4"
	"encoding/binary"
	"errors"
)

// signatureLength is that of NTLMSSP_MESSAGE_SIGNATURE (MS-NLMP section
// 2.2.2.9): version, checksum, sequence number.
const signatureLength = 16

// Session protects the messages of a connection that is signed in. The server
// seals with one key and opens with another, each with a cipher's state and a
// sequence number of its own: messages must be opened in the order in which
// they were sealed. It is not safe for concurrent use.
type Session struct {
	send, receive direction
	seals         bool
}

// direction is one direction's state.
type direction struct {
	signKey, sealKey [16]byte
	cipher           *rc4.Cipher
	keyExchange      bool
	sequence         uint32
}

// newSession is the server's side of the session with a key, or nil without
// extended session security, whose signatures alone are implemented.
func newSession(exported []byte, flags uint32) *Session {
	if flags&flagExtendedSession == 0 {
		return nil
	}
	const sealing = flagSign | flagSeal | flag128
	s := &Session{seals: flags&sealing == sealing}
	for name, d := range map[string]*direction{"server-to-client": &s.send, "client-to-server": &s.receive} {
		d.signKey, d.sealKey = directionKeys(exported, flags, name)
		d.keyExchange = flags&flagKeyExchange != 0
		d.restart()
	}
	return s
}

// restart puts the cipher at the start of its key stream again. The sequence
// number goes on.
func (d *direction) restart() { d.cipher = newRC4(d.sealKey) }

// sign is MAC of section 3.4.4.2. With key exchange the checksum is encrypted,
// which moves the cipher on.
func (d *direction) sign(message []byte) []byte {
	number := binary.LittleEndian.AppendUint32(nil, d.sequence)
	d.sequence++
	checksum := hmacMD5(d.signKey[:], number, message)[:8]
	if d.keyExchange {
		d.cipher.XORKeyStream(checksum, checksum)
	}
	header := make([]byte, 0, signatureLength)
	header = append(header, 1, 0, 0, 0)
	header = append(header, checksum...)
	return append(header, number...)
}

// CanSeal tells whether client and server agreed on sealing with 128 bits.
func (s *Session) CanSeal() bool { return s.seals }

// Seal encrypts and signs a message: its signature, and as many bytes as the
// message has.
func (s *Session) Seal(message []byte) (header, sealed []byte, err error) {
	sealed = make([]byte, len(message))
	s.send.cipher.XORKeyStream(sealed, message)
	return s.send.sign(message), sealed, nil
}

// errSignature says that a message is not the client's next one.
var errSignature = errors.New("the signature is wrong: the message was altered, repeated or lost its turn")

// Open decrypts a message and verifies its signature. After an error the
// session is of no further use: the ciphers are out of step.
func (s *Session) Open(header, sealed []byte) ([]byte, error) {
	message := make([]byte, len(sealed))
	s.receive.cipher.XORKeyStream(message, sealed)
	if !hmac.Equal(header, s.receive.sign(message)) {
		return nil, errSignature
	}
	return message, nil
}

// SignMechList is the mechListMIC of SPNEGO for a list of mechanisms. It takes
// a sequence number, but not its part of the key stream: the cipher starts
// afresh for the first sealed message (MS-SPNG section 3.3.5.1).
func (s *Session) SignMechList(list []byte) ([]byte, error) {
	defer s.send.restart()
	return s.send.sign(list), nil
}

// VerifyMechList is the reverse of SignMechList.
func (s *Session) VerifyMechList(list, mic []byte) error {
	defer s.receive.restart()
	if !hmac.Equal(mic, s.receive.sign(list)) {
		return errSignature
	}
	return nil
}
