package ntlm

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The flags of MS-NLMP section 2.2.2.5 that this package asks for or reads.
const (
	flagUnicode      uint32 = 0x00000001
	flagTarget       uint32 = 0x00000004
	flagSign         uint32 = 0x00000010
	flagSeal         uint32 = 0x00000020
	flagNTLM         uint32 = 0x00000200
	flagAlwaysSign   uint32 = 0x00008000
	flagExtended     uint32 = 0x00080000
	flagTargetInfo   uint32 = 0x00800000
	flagVersion      uint32 = 0x02000000
	flag128          uint32 = 0x20000000
	flagKeyExchange  uint32 = 0x40000000
	flag56           uint32 = 0x80000000
	flagsAsked              = flagUnicode | flagTarget | flagSign | flagSeal | flagNTLM | flagAlwaysSign | flagExtended | flagVersion | flag128 | flagKeyExchange | flag56
	flagsNeeded             = flagUnicode | flagSign | flagSeal | flagExtended | flagTargetInfo | flag128 | flagKeyExchange
	negotiateSize           = 40
	challengeFixed          = 48 // without the version, which an old server leaves out
	authenticateSize        = 88
	micOffset               = 72
	maxChallengeSize        = 16 << 10
)

const signature = "NTLMSSP\x00"

// version is what Windows 7 and later send at least; only revision 15, the
// last byte, has a meaning (MS-NLMP section 2.2.2.10).
var version = [8]byte{6, 1, 0, 0, 0, 0, 0, 15}

// negotiate is the NEGOTIATE_MESSAGE (MS-NLMP section 2.2.1.1). It names
// neither domain nor workstation, as Windows does not by default.
func negotiate() []byte {
	m := make([]byte, negotiateSize)
	copy(m, signature)
	binary.LittleEndian.PutUint32(m[8:], 1)
	binary.LittleEndian.PutUint32(m[12:], flagsAsked)
	copy(m[32:], version[:])
	return m
}

// challenge is what matters of a CHALLENGE_MESSAGE (section 2.2.1.2).
type challenge struct {
	flags  uint32
	nonce  []byte // 8 bytes
	target []pair
}

func parseChallenge(m []byte) (*challenge, error) {
	switch {
	case len(m) > maxChallengeSize:
		return nil, fmt.Errorf("a challenge of %d bytes is too long", len(m))
	case len(m) < challengeFixed || string(m[:8]) != signature:
		return nil, errors.New("the server's answer is not an NTLM message")
	case binary.LittleEndian.Uint32(m[8:]) != 2:
		return nil, fmt.Errorf("an NTLM message of type %d where the challenge, type 2, was due", binary.LittleEndian.Uint32(m[8:]))
	}
	c := &challenge{flags: binary.LittleEndian.Uint32(m[20:]), nonce: m[24:32]}
	if lacking := flagsNeeded &^ c.flags; lacking != 0 {
		return nil, fmt.Errorf("the server does not offer NTLMv2 with 128 bit session security (flags %#08x, lacking %#08x)", c.flags, lacking)
	}
	info, err := field(m, 40)
	if err != nil {
		return nil, fmt.Errorf("target information: %w", err)
	}
	c.target, err = parsePairs(info)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// field is the payload that the length and offset at position at point to.
func field(m []byte, at int) ([]byte, error) {
	length := int(binary.LittleEndian.Uint16(m[at:]))
	offset := int64(binary.LittleEndian.Uint32(m[at+4:]))
	if length == 0 {
		return nil, nil
	}
	if offset < challengeFixed || offset+int64(length) > int64(len(m)) {
		return nil, fmt.Errorf("%d bytes at %d lie outside the message of %d bytes", length, offset, len(m))
	}
	return m[offset : offset+int64(length)], nil
}

// The AV_PAIR identities of MS-NLMP section 2.2.2.1 that are read or written.
const (
	avEnd             uint16 = 0
	avFlags           uint16 = 6
	avTimestamp       uint16 = 7
	avTargetName      uint16 = 9
	avChannelBindings uint16 = 10
)

const avFlagMIC uint32 = 2

// pair is an AV_PAIR.
type pair struct {
	id    uint16
	value []byte
}

func parsePairs(b []byte) ([]pair, error) {
	var pairs []pair
	for len(b) >= 4 {
		id, length := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		if id == avEnd {
			return pairs, nil
		}
		if b = b[4:]; length > len(b) {
			return nil, fmt.Errorf("target information: value %d of %d bytes is cut", id, length)
		}
		pairs = append(pairs, pair{id, b[:length]})
		b = b[length:]
	}
	return nil, errors.New("target information has no end")
}

// appendPairs writes pairs and their end.
func appendPairs(b []byte, pairs []pair) []byte {
	for _, p := range pairs {
		b = binary.LittleEndian.AppendUint16(b, p.id)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(p.value)))
		b = append(b, p.value...)
	}
	return append(b, 0, 0, 0, 0)
}

func find(pairs []pair, id uint16) []byte {
	for _, p := range pairs {
		if p.id == id {
			return p.value
		}
	}
	return nil
}

// authenticate is the AUTHENTICATE_MESSAGE (section 2.2.1.3) with an empty
// message integrity code.
type authenticate struct {
	flags        uint32
	response     []byte // to the challenge
	domain, user []byte // UTF-16LE
	sessionKey   []byte // encrypted
}

func (a *authenticate) marshal() ([]byte, error) {
	m := make([]byte, authenticateSize)
	copy(m, signature)
	binary.LittleEndian.PutUint32(m[8:], 3)
	binary.LittleEndian.PutUint32(m[60:], a.flags)
	copy(m[64:], version[:])
	// Twenty-four zeros stand for the LM response, which NTLMv2 has no use
	// for (section 3.1.5.1.2). The workstation stays unnamed.
	payloads := []struct {
		at    int
		value []byte
	}{{28, a.domain}, {36, a.user}, {44, nil}, {12, make([]byte, 24)}, {20, a.response}, {52, a.sessionKey}}
	for _, p := range payloads {
		if len(p.value) > 0xFFFF {
			return nil, fmt.Errorf("a field of %d bytes is too long for an NTLM message", len(p.value))
		}
		binary.LittleEndian.PutUint16(m[p.at:], uint16(len(p.value)))
		binary.LittleEndian.PutUint16(m[p.at+2:], uint16(len(p.value)))
		binary.LittleEndian.PutUint32(m[p.at+4:], uint32(len(m)))
		m = append(m, p.value...)
	}
	return m, nil
}
