package krbgss

import (
	"bytes"
	"crypto/aes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

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
	key          types.EncryptionKey
	et           encryption
	subkey       bool // the key is the acceptor's
	side         side
	ours, theirs *aesKeys // of what each side seals; nil where the library does it
	sent, taken  uint64   // the numbers that are next
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
	seals, err := newAESKeys(key, et, s.usage())
	if err != nil {
		return nil, err
	}
	opens, err := newAESKeys(key, et, (!s).usage())
	if err != nil {
		return nil, err
	}
	return &Session{key: key, et: et, subkey: subkey, side: s, ours: seals, theirs: opens, sent: uint64(ours), taken: uint64(theirs)}, nil
}

// usage is the key usage of what a side seals.
func (s side) usage() uint32 {
	if s == acceptor {
		return usageAcceptorSeal
	}
	return usageInitiatorSeal
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
	c, err := s.encrypt(plain, h)
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

// encrypt seals a text and its header behind a confounder, and adds the checksum.
func (s *Session) encrypt(text, h []byte) ([]byte, error) {
	if s.ours == nil {
		_, c, err := s.et.EncryptMessage(s.key.KeyValue, slices.Concat(text, h), s.side.usage())
		return c, err
	}
	c := make([]byte, aes.BlockSize+len(text)+len(h)+s.ours.size)
	if _, err := rand.Read(c[:aes.BlockSize]); err != nil {
		return nil, err
	}
	copy(c[aes.BlockSize+copy(c[aes.BlockSize:], text):], h)
	s.ours.seal(c)
	return c, nil
}

// Unseal opens the peer's next Wrap token, whatever its EC and RRC. It refuses
// one that is not encrypted. The text lies in the token, which is decrypted in
// place as far as that can be.
func (s *Session) Unseal(token []byte) ([]byte, error) {
	h, err := s.checkHeader(token, tokenWrap, flagSealed)
	if err != nil {
		return nil, err
	}
	extra, rotation := int(binary.BigEndian.Uint16(h[4:])), int(binary.BigEndian.Uint16(h[6:]))
	body, checksum := token[headerSize:], s.et.GetHMACBitLength()/8
	if len(body) == 0 {
		return nil, errors.New("a sealed message without text")
	}
	if len(body) < s.et.GetConfounderByteSize()+headerSize+checksum {
		return nil, fmt.Errorf("open a sealed message: %d encrypted bytes are too few", len(body))
	}
	rotation %= len(body)
	a, b := body[rotation:], body[:rotation] // what was sealed, and its end
	filler := 0                              // of them that is in a
	if s.theirs == nil || len(b) != extra+headerSize+checksum || len(a) < aes.BlockSize {
		straight := append(append(make([]byte, 0, len(body)), a...), b...)
		at := len(body) - headerSize - checksum
		a, b, filler = straight[:at], straight[at:], extra
	}
	plain, inner, err := s.decrypt(a, b)
	switch {
	case err != nil:
		return nil, fmt.Errorf("open a sealed message: %w", err)
	case filler > len(plain):
		return nil, errors.New("a sealed message is shorter than its filler")
	}
	outer := append([]byte(nil), h...)
	outer[6], outer[7] = 0, 0 // the rotation is not part of what is sealed
	if !bytes.Equal(outer, inner) {
		return nil, errors.New("the header of a sealed message was altered")
	}
	s.taken++
	return plain[:len(plain)-filler], nil
}

// decrypt opens a ciphertext in two pieces, of which the second one has the
// inner header and the checksum, and gives what the first one has behind the
// confounder, and that header.
func (s *Session) decrypt(a, b []byte) (text, inner []byte, err error) {
	if s.theirs == nil {
		plain, err := s.et.DecryptMessage(s.key.KeyValue, append(a[:len(a):len(a)], b...), (!s.side).usage())
		if err != nil {
			return nil, nil, err
		}
		end := len(plain) - headerSize
		return plain[:end], plain[end:], nil
	}
	if err := s.theirs.open(a, b); err != nil {
		return nil, nil, err
	}
	end := len(b) - s.theirs.size
	return a[aes.BlockSize:], b[end-headerSize : end], nil
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
