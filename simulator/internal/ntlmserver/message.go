package ntlmserver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
	"unicode/utf16"
)

// Flags of MS-NLMP section 2.2.2.5.
const (
	flagUnicode         = 1 << 0
	flagOEM             = 1 << 1
	flagRequestTarget   = 1 << 2
	flagSign            = 1 << 4
	flagSeal            = 1 << 5
	flagNTLM            = 1 << 9
	flagAlwaysSign      = 1 << 15
	flagTargetServer    = 1 << 17
	flagExtendedSession = 1 << 19
	flagTargetInfo      = 1 << 23
	flagVersion         = 1 << 25
	flag128             = 1 << 29
	flagKeyExchange     = 1 << 30
	flag56              = 1 << 31

	// echoed are the flags that the server takes over from the client.
	echoed = flagRequestTarget | flagSign | flagSeal | flagAlwaysSign | flagExtendedSession |
		flagVersion | flag128 | flagKeyExchange | flag56
)

// Attributes of a target information (MS-NLMP section 2.2.2.1).
const (
	avEnd             = 0
	avComputer        = 1
	avDomain          = 2
	avDNSComputer     = 3
	avDNSDomain       = 4
	avFlags           = 6
	avTimestamp       = 7
	avChannelBindings = 10

	avFlagMIC = 2 // in avFlags: the AUTHENTICATE_MESSAGE has a MIC
)

const (
	signature       = "NTLMSSP\x00"
	typeNegotiate   = 1
	typeChallenge   = 2
	typeAuthorize   = 3
	challengeHeader = 56 // bytes before the payload, with Version
	authorizeHeader = 64 // the same of AUTHENTICATE_MESSAGE, without Version and MIC
	micOffset       = 72
	micEnd          = 88
)

// errMalformed is wrapped by every error about bytes that are no message.
var errMalformed = errors.New("malformed NTLM message")

// isType tells whether a token begins as a message of a type.
func isType(token []byte, messageType uint32) bool {
	return len(token) >= 12 && string(token[:8]) == signature && binary.LittleEndian.Uint32(token[8:]) == messageType
}

// negotiateFlags are the flags of a NEGOTIATE_MESSAGE (section 2.2.1.1). The
// names that may follow say nothing that the server needs.
func negotiateFlags(token []byte) (uint32, error) {
	if !isType(token, typeNegotiate) || len(token) < 16 {
		return 0, fmt.Errorf("read NEGOTIATE_MESSAGE: %w", errMalformed)
	}
	return binary.LittleEndian.Uint32(token[12:]), nil
}

// challenge is what a CHALLENGE_MESSAGE says (section 2.2.1.2).
type challenge struct {
	flags            uint32
	nonce            [8]byte
	computer, domain string // NetBIOS names
	now              time.Time
}

func (c challenge) marshal() []byte {
	name := encodeText(c.computer, c.flags)
	info := c.targetInfo()
	m := make([]byte, challengeHeader, challengeHeader+len(name)+len(info))
	copy(m, signature)
	binary.LittleEndian.PutUint32(m[8:], typeChallenge)
	putField(m[12:], len(name), challengeHeader)
	binary.LittleEndian.PutUint32(m[20:], c.flags)
	copy(m[24:], c.nonce[:])
	putField(m[40:], len(info), challengeHeader+len(name))
	if c.flags&flagVersion != 0 {
		copy(m[48:], []byte{10, 0, 0x7C, 0x4F, 0, 0, 0, 15}) // 10.0.20348, NTLM revision 15
	}
	return append(append(m, name...), info...)
}

// targetInfo is the list of attributes, in the order in which Windows sends it.
func (c challenge) targetInfo() []byte {
	var info []byte
	put := func(id uint16, value []byte) {
		info = binary.LittleEndian.AppendUint16(info, id)
		info = binary.LittleEndian.AppendUint16(info, uint16(len(value)))
		info = append(info, value...)
	}
	put(avDomain, encodeText(c.domain, flagUnicode))
	put(avComputer, encodeText(c.computer, flagUnicode))
	put(avDNSDomain, encodeText(c.domain, flagUnicode))
	put(avDNSComputer, encodeText(c.computer, flagUnicode))
	put(avTimestamp, binary.LittleEndian.AppendUint64(nil, fileTime(c.now)))
	put(avEnd, nil)
	return info
}

// readChallenge takes the flags and the nonce from a CHALLENGE_MESSAGE.
func readChallenge(m []byte) (flags uint32, nonce []byte, err error) {
	if !isType(m, typeChallenge) || len(m) < 32 {
		return 0, nil, fmt.Errorf("read CHALLENGE_MESSAGE: %w", errMalformed)
	}
	return binary.LittleEndian.Uint32(m[20:]), m[24:32], nil
}

// authenticate is what an AUTHENTICATE_MESSAGE says (section 2.2.1.3).
type authenticate struct {
	raw          []byte
	response     []byte // NtChallengeResponse
	domain, user string
	key          []byte // EncryptedRandomSessionKey
	flags        uint32
}

// readAuthenticate reads an AUTHENTICATE_MESSAGE. The flags that count are
// those of it that the server offered.
func readAuthenticate(token []byte, offered uint32) (*authenticate, error) {
	if !isType(token, typeAuthorize) || len(token) < authorizeHeader {
		return nil, fmt.Errorf("read AUTHENTICATE_MESSAGE: %w", errMalformed)
	}
	m := &authenticate{raw: token, flags: binary.LittleEndian.Uint32(token[60:]) & offered}
	var domain, user []byte
	for _, f := range []struct {
		at   int
		into *[]byte
	}{{20, &m.response}, {28, &domain}, {36, &user}, {52, &m.key}} {
		value, err := field(token, f.at)
		if err != nil {
			return nil, fmt.Errorf("read AUTHENTICATE_MESSAGE at byte %d: %w", f.at, err)
		}
		*f.into = value
	}
	var err error
	if m.domain, err = decodeText(domain, m.flags); err == nil {
		m.user, err = decodeText(user, m.flags)
	}
	if err != nil {
		return nil, fmt.Errorf("read names of AUTHENTICATE_MESSAGE: %w", err)
	}
	return m, nil
}

// mic is the message's integrity code, and the message with zeros in its place.
func (m *authenticate) mic() (mic, zeroed []byte, err error) {
	if len(m.raw) < micEnd {
		return nil, nil, fmt.Errorf("read MIC: %w", errMalformed)
	}
	zeroed = append([]byte(nil), m.raw...)
	clear(zeroed[micOffset:micEnd])
	return m.raw[micOffset:micEnd], zeroed, nil
}

// ntlmv2 is the parts of an NTLMv2_RESPONSE (section 2.2.2.8).
type ntlmv2 struct {
	proof      []byte // NTProofStr
	client     []byte // NTLMv2_CLIENT_CHALLENGE, which the proof covers
	attributes map[uint16][]byte
}

// errNTLMv1 refuses what is no NTLMv2 response.
var errNTLMv1 = errors.New("the response is not NTLMv2: set the client to NTLMv2 only")

func readNTLMv2(response []byte) (ntlmv2, error) {
	const proofLength, fixed = 16, 28
	if len(response) < proofLength+fixed {
		return ntlmv2{}, errNTLMv1 // 24 bytes of NTLMv1, or none
	}
	r := ntlmv2{proof: response[:proofLength], client: response[proofLength:]}
	if r.client[0] != 1 || r.client[1] != 1 {
		return ntlmv2{}, errNTLMv1
	}
	var err error
	r.attributes, err = readAttributes(r.client[fixed:])
	return r, err
}

// readAttributes reads a list of AV_PAIRs up to its end (section 2.2.2.1).
func readAttributes(list []byte) (map[uint16][]byte, error) {
	all := map[uint16][]byte{}
	for {
		if len(list) < 4 {
			return nil, fmt.Errorf("read attributes: %w", errMalformed)
		}
		id, length := binary.LittleEndian.Uint16(list), int(binary.LittleEndian.Uint16(list[2:]))
		if id == avEnd {
			return all, nil
		}
		if len(list) < 4+length {
			return nil, fmt.Errorf("read attribute %d: %w", id, errMalformed)
		}
		all[id] = list[4 : 4+length]
		list = list[4+length:]
	}
}

// hasMIC tells whether the client says that its message has a MIC.
func (r ntlmv2) hasMIC() bool {
	flags := r.attributes[avFlags]
	return len(flags) == 4 && binary.LittleEndian.Uint32(flags)&avFlagMIC != 0
}

// bindings is the MD5 of the channel bindings; zero when none was sent.
func (r ntlmv2) bindings() (sum [16]byte, err error) {
	value, sent := r.attributes[avChannelBindings]
	if sent && len(value) != len(sum) {
		return sum, fmt.Errorf("read channel bindings: %w", errMalformed)
	}
	copy(sum[:], value)
	return sum, nil
}

// putField writes the length and offset of a payload field.
func putField(at []byte, length, offset int) {
	binary.LittleEndian.PutUint16(at, uint16(length))
	binary.LittleEndian.PutUint16(at[2:], uint16(length))
	binary.LittleEndian.PutUint32(at[4:], uint32(offset))
}

// field is the payload of the field whose length and offset are at a byte.
func field(m []byte, at int) ([]byte, error) {
	length := uint64(binary.LittleEndian.Uint16(m[at:]))
	offset := uint64(binary.LittleEndian.Uint32(m[at+4:]))
	if length == 0 {
		return nil, nil // the offset of an empty field may be anything
	}
	if offset+length > uint64(len(m)) {
		return nil, errMalformed
	}
	return m[offset : offset+length], nil
}

// encodeText is text as UTF-16 with little end first or, without flagUnicode,
// in the OEM character set, of which ASCII is all that is sent.
func encodeText(text string, flags uint32) []byte {
	var b []byte
	if flags&flagUnicode == 0 {
		for _, r := range text {
			if r > 0x7F {
				r = '?'
			}
			b = append(b, byte(r))
		}
		return b
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, unit)
	}
	return b
}

// decodeText is the reverse of encodeText.
func decodeText(b []byte, flags uint32) (string, error) {
	if flags&flagUnicode == 0 {
		for _, c := range b {
			if c > 0x7F {
				return "", fmt.Errorf("a name in an unknown OEM character set: %w", errMalformed)
			}
		}
		return string(b), nil
	}
	if len(b)%2 != 0 {
		return "", fmt.Errorf("an odd number of bytes in UTF-16: %w", errMalformed)
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units)), nil
}

// fileTime is a time as MS-DTYP's FILETIME: 100 ns since 1601, UTC.
func fileTime(t time.Time) uint64 {
	const epoch = 11644473600 // seconds from 1601 to 1970
	return uint64(t.Unix()+epoch)*1e7 + uint64(t.Nanosecond()/100)
}
