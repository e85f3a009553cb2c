package krbgss

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jcmturner/gokrb5/v8/crypto/etype"
	"github.com/jcmturner/gokrb5/v8/types"
)

type encryption = etype.EType

// The key usages of RFC 4121 section 2.
const (
	usageAcceptorSeal  = 22
	usageAcceptorSign  = 23
	usageInitiatorSeal = 24
	usageInitiatorSign = 25
)

// The flags of a token's header (RFC 4121 section 4.2.2).
const (
	flagByAcceptor     = 1
	flagSealed         = 2
	flagAcceptorSubkey = 4
)

const (
	headerSize = 16
	tokenWrap  = 0x0504
	tokenMIC   = 0x0404
)

// Session protects messages after a sign-in (RFC 4121 section 4.2). Both sides
// number their tokens, so a Session is of one connection and its tokens go and
// come in order. It is not safe for concurrent use. After an error it is of no
// more use.
type Session struct {
	key         types.EncryptionKey
	et          encryption
	subkey      bool // the key is the acceptor's
	side        side
	sent, taken uint64 // the numbers that are next
}

// side tells which end of the connection a Session is.
type side bool

const (
	initiator side = false
	acceptor  side = true
)

func newSession(key types.EncryptionKey, subkey bool, s side, ours, theirs uint32) (*Session, error) {
	et, err := sealingType(key.KeyType)
	if err != nil {
		return nil, err
	}
	if len(key.KeyValue) != keySize(key.KeyType) {
		return nil, fmt.Errorf("a Kerberos key of %d bytes for encryption type %d", len(key.KeyValue), key.KeyType)
	}
	return &Session{key: key, et: et, subkey: subkey, side: s, sent: uint64(ours), taken: uint64(theirs)}, nil
}

// String tells the kind of key, never the key.
func (s *Session) String() string {
	return fmt.Sprintf("Kerberos session with encryption type %d", s.key.KeyType)
}

// GoString is String.
func (s *Session) GoString() string { return s.String() }

// Seal makes the Wrap token of a message (RFC 4121 section 4.2.6.2), cut in
// two as WinRM sends it: the token's header with what is rotated before the
// text, and the encrypted text. Like Windows' clients it uses EC 0 and rotates
// by the size of the encrypted header and the checksum, so that the text stays
// as long as it was.
func (s *Session) Seal(plain []byte) (header, sealed []byte, err error) {
	h := s.header(tokenWrap, flagSealed, s.side, s.sent)
	h[3] = 0xFF
	copy(h[4:8], []byte{0, 0, 0, 0}) // EC, RRC
	usage := uint32(usageInitiatorSeal)
	if s.side == acceptor {
		usage = usageAcceptorSeal
	}
	text := make([]byte, 0, len(plain)+headerSize)
	_, c, err := s.et.EncryptMessage(s.key.KeyValue, append(append(text, plain...), h...), usage)
	if err != nil {
		return nil, nil, fmt.Errorf("encrypt a message: %w", err)
	}
	s.sent++
	rotation := headerSize + s.et.GetHMACBitLength()/8
	binary.BigEndian.PutUint16(h[6:], uint16(rotation))
	at := len(c) - rotation
	confounder := s.et.GetConfounderByteSize()
	header = append(h, c[at:]...)
	header = append(header, c[:confounder]...)
	return header, c[confounder:at], nil
}

// Unseal opens the peer's next Wrap token, whatever its EC and RRC. It refuses
// one that is not encrypted.
func (s *Session) Unseal(token []byte) ([]byte, error) {
	h, err := s.checkHeader(token, tokenWrap, flagSealed)
	if err != nil {
		return nil, err
	}
	extra, rotation := int(binary.BigEndian.Uint16(h[4:])), int(binary.BigEndian.Uint16(h[6:]))
	body := token[headerSize:]
	if len(body) == 0 {
		return nil, errors.New("a sealed message without text")
	}
	rotation %= len(body)
	usage := uint32(usageAcceptorSeal)
	if s.side == acceptor {
		usage = usageInitiatorSeal
	}
	plain, err := decrypt(s.key, append(append(make([]byte, 0, len(body)), body[rotation:]...), body[:rotation]...), usage)
	if err != nil {
		return nil, fmt.Errorf("open a sealed message: %w", err)
	}
	end := len(plain) - headerSize - extra
	if end < 0 {
		return nil, errors.New("a sealed message is shorter than its filler")
	}
	inner := append([]byte(nil), h...)
	inner[6], inner[7] = 0, 0 // the rotation is not part of what is sealed
	if !bytes.Equal(inner, plain[len(plain)-headerSize:]) {
		return nil, errors.New("the header of a sealed message was altered")
	}
	s.taken++
	return plain[:end], nil
}

// Sign makes the MIC token of a message (RFC 4121 section 4.2.6.1).
func (s *Session) Sign(message []byte) ([]byte, error) {
	h := s.header(tokenMIC, 0, s.side, s.sent)
	sum, err := s.checksum(message, h, s.side)
	if err != nil {
		return nil, err
	}
	s.sent++
	return append(h, sum...), nil
}

// Verify checks what the peer's Sign made.
func (s *Session) Verify(message, token []byte) error {
	h, err := s.checkHeader(token, tokenMIC, 0)
	if err != nil {
		return err
	}
	sum, err := s.checksum(message, h, !s.side)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare(sum, token[headerSize:]) != 1 {
		return errors.New("a signature does not match")
	}
	s.taken++
	return nil
}

func (s *Session) checksum(message, header []byte, by side) ([]byte, error) {
	usage := uint32(usageInitiatorSign)
	if by == acceptor {
		usage = usageAcceptorSign
	}
	signed := append(append(make([]byte, 0, len(message)+len(header)), message...), header...)
	sum, err := s.et.GetChecksumHash(s.key.KeyValue, signed, usage)
	if err != nil {
		return nil, fmt.Errorf("sign a message: %w", err)
	}
	return sum, nil
}

// header is a token's header with all its filler.
func (s *Session) header(kind uint16, flags byte, by side, number uint64) []byte {
	if by == acceptor {
		flags |= flagByAcceptor
	}
	if s.subkey {
		flags |= flagAcceptorSubkey
	}
	h := binary.BigEndian.AppendUint16(make([]byte, 0, headerSize), kind)
	h = append(h, flags, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF)
	return binary.BigEndian.AppendUint64(h, number)
}

// checkHeader checks all of a token's header but EC and RRC.
func (s *Session) checkHeader(token []byte, kind uint16, flags byte) ([]byte, error) {
	if len(token) < headerSize {
		return nil, fmt.Errorf("a Kerberos token of %d bytes is too short", len(token))
	}
	h, want := token[:headerSize], s.header(kind, flags, !s.side, s.taken)
	number := binary.BigEndian.Uint64(h[8:])
	switch {
	case !bytes.Equal(h[:2], want[:2]):
		return nil, fmt.Errorf("a Kerberos token of type %x where %x was due", h[:2], want[:2])
	case h[2] != want[2]:
		return nil, fmt.Errorf("a Kerberos token with flags %#02x where %#02x were due: it is not sealed, or of another side or key", h[2], want[2])
	case number != s.taken:
		return nil, fmt.Errorf("message number %d where %d was due: one was lost, repeated or of another connection", number, s.taken)
	case h[3] != 0xFF || kind == tokenMIC && !bytes.Equal(h[3:8], want[3:8]):
		return nil, errors.New("a Kerberos token with a malformed header")
	}
	return h, nil
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
