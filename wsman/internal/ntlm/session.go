package ntlm

import (
	"crypto/md5"
	"crypto/rc4"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
)

// SignatureSize is the length of a signature, in bytes.
const SignatureSize = 16

// Session signs and seals the messages after a sign-in (MS-NLMP section 3.4).
// Both sides count messages and run key streams, so a Session is of one
// connection, and its messages go and come in order. It is not safe for
// concurrent use. After an error it is of no more use.
type Session struct {
	out, in direction
}

// side tells which end of the connection a Session is.
type side bool

const (
	client side = true
	server side = false
)

func newSession(key []byte, s side) (*Session, error) {
	toServer, err := newDirection(key, "client-to-server")
	if err != nil {
		return nil, err
	}
	toClient, err := newDirection(key, "server-to-client")
	if err != nil {
		return nil, err
	}
	if s == client {
		return &Session{out: *toServer, in: *toClient}, nil
	}
	return &Session{out: *toClient, in: *toServer}, nil
}

// Seal encrypts a message. The signature travels beside it.
func (s *Session) Seal(plain []byte) (signature, sealed []byte) {
	sealed = make([]byte, len(plain))
	s.out.stream.XORKeyStream(sealed, plain)
	return s.out.sign(plain), sealed
}

// Unseal decrypts the peer's next message in place and checks its signature.
func (s *Session) Unseal(signature, sealed []byte) (plain []byte, err error) {
	s.in.stream.XORKeyStream(sealed, sealed)
	if err := s.in.verify(sealed, signature); err != nil {
		return nil, err
	}
	return sealed, nil
}

// Sign signs a mechListMIC (RFC 4178 section 5): it takes a sequence number,
// and the key stream starts anew after it (MS-SPNG section 3.3.5.1).
func (s *Session) Sign(message []byte) ([]byte, error) {
	signature := s.out.sign(message)
	return signature, s.out.restart()
}

// Verify checks what the peer's Sign made.
func (s *Session) Verify(message, signature []byte) error {
	if err := s.in.verify(message, signature); err != nil {
		return err
	}
	return s.in.restart()
}

// direction is the state of one way of the connection.
type direction struct {
	signKey, sealKey []byte
	stream           *rc4.Cipher
	sequence         uint32
}

// newDirection derives keys (sections 3.4.5.2 and 3.4.5.3).
func newDirection(key []byte, way string) (*direction, error) {
	derive := func(purpose string) []byte {
		sum := md5.Sum(append(key[:len(key):len(key)], "session key to "+way+" "+purpose+" key magic constant\x00"...))
		return sum[:]
	}
	d := &direction{signKey: derive("signing"), sealKey: derive("sealing")}
	return d, d.restart()
}

func (d *direction) restart() (err error) {
	d.stream, err = rc4.NewCipher(d.sealKey)
	return err
}

// sign makes the NTLMSSP_MESSAGE_SIGNATURE (section 2.2.2.9.2) of the next
// message. The key exchange being negotiated, its checksum is encrypted.
func (d *direction) sign(message []byte) []byte {
	sequence := binary.LittleEndian.AppendUint32(nil, d.sequence)
	d.sequence++
	out := make([]byte, SignatureSize)
	binary.LittleEndian.PutUint32(out, 1)
	d.stream.XORKeyStream(out[4:12], hmacMD5(d.signKey, sequence, message)[:8])
	copy(out[12:], sequence)
	return out
}

func (d *direction) verify(message, signature []byte) error {
	if len(signature) != SignatureSize {
		return fmt.Errorf("a signature of %d bytes, not %d", len(signature), SignatureSize)
	}
	due := d.sequence
	if subtle.ConstantTimeCompare(d.sign(message), signature) == 1 {
		return nil
	}
	if got := binary.LittleEndian.Uint32(signature[12:]); got != due {
		return fmt.Errorf("message number %d where %d was due: one was lost, repeated or of another connection", got, due)
	}
	return errors.New("the signature does not match: the message was altered, or is of another connection")
}
