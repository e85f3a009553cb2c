package wire

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"net/http"

	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"

	"dpremote/simulator/internal/krbserver"
	"dpremote/simulator/internal/ntlmserver"
)

// Object identifiers of mechanisms (RFC 4178, RFC 4121, MS-SPNG section 1.9).
var (
	oidSPNEGO     = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2}
	oidNTLM       = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}
	oidKerberos   = asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
	oidKerberosMS = asn1.ObjectIdentifier{1, 2, 840, 48018, 1, 2, 2} // the same with a bit lost
)

// mechanism is one that SPNEGO may choose.
type mechanism struct {
	oid   asn1.ObjectIdentifier
	begin func() handshake
}

// mechanisms are those that are configured.
func (h *Handler) mechanisms(r *http.Request) []mechanism {
	var all []mechanism
	if h.kerberos != nil {
		begin := func() handshake { return h.beginKerberos(r) }
		all = append(all, mechanism{oidKerberos, begin}, mechanism{oidKerberosMS, begin})
	}
	if h.cfg.NTLM != nil {
		all = append(all, mechanism{oidNTLM, func() handshake { return h.beginNTLM(r) }})
	}
	return all
}

// States of a negotiation (RFC 4178 section 4.2.2).
const (
	acceptCompleted  = 0
	acceptIncomplete = 1
	reject           = 2
	requestMIC       = 3
)

// negotiation is the acceptor's side of SPNEGO (RFC 4178). A token that is a
// mechanism's own, in no wrapping, is taken too, as Windows does.
type negotiation struct {
	mechanisms []mechanism
	chosen     handshake
	raw        bool // the mechanism's tokens come without SPNEGO
	list       []byte
	needMIC    bool     // the chosen mechanism is not the client's first
	complete   progress // of the mechanism; without a user until it is complete
}

// accept implements handshake.
func (n *negotiation) accept(token []byte) (progress, error) {
	if n.chosen == nil {
		if h := n.ownToken(token); h != nil {
			n.chosen, n.raw = h, true
		}
	}
	if n.raw {
		return n.chosen.accept(token)
	}
	if n.chosen == nil {
		return n.first(token)
	}
	t, err := readNegTokenResp(token)
	if err != nil {
		return progress{}, fmt.Errorf("read SPNEGO token: %w", err)
	}
	return n.next(t, nil)
}

// ownToken is the handshake of the mechanism whose own token this is, or nil.
func (n *negotiation) ownToken(token []byte) handshake {
	var oid asn1.ObjectIdentifier
	switch {
	case ntlmserver.IsToken(token):
		oid = oidNTLM
	case krbserver.IsToken(token):
		oid = oidKerberos
	}
	for _, m := range n.mechanisms {
		if m.oid.Equal(oid) {
			return m.begin()
		}
	}
	return nil
}

// first chooses the mechanism: the client's first that is configured. The token
// that comes with the list is for the client's first mechanism alone.
func (n *negotiation) first(token []byte) (progress, error) {
	t, err := readNegTokenInit(token)
	if err != nil {
		return progress{}, fmt.Errorf("read SPNEGO token: %w", err)
	}
	n.list = t.list
	for i, oid := range t.mechanisms {
		for _, m := range n.mechanisms {
			if !m.oid.Equal(oid) {
				continue
			}
			n.chosen, n.needMIC = m.begin(), i > 0
			if i > 0 || len(t.token) == 0 {
				return progress{reply: negTokenResp{state: n.goOn(), mechanism: oid}.marshal()}, nil
			}
			return n.next(t.negToken, oid)
		}
	}
	return progress{reply: negTokenResp{state: reject}.marshal()}, errors.New("negotiate: no mechanism in common")
}

// goOn is the state that asks for more.
func (n *negotiation) goOn() int64 {
	if n.needMIC {
		return requestMIC
	}
	return acceptIncomplete
}

// next gives a token to the mechanism and, when that is complete, sees to the
// MICs. The first answer names the mechanism.
func (n *negotiation) next(t negToken, name asn1.ObjectIdentifier) (progress, error) {
	answer := negTokenResp{state: reject, mechanism: name}
	if n.complete.user == "" {
		p, err := n.chosen.accept(t.token)
		answer.token = p.reply
		if err != nil {
			return progress{reply: answer.marshal()}, err
		}
		if p.user == "" {
			answer.state = n.goOn()
			return progress{reply: answer.marshal()}, nil
		}
		n.complete = p
	} else if len(t.token) > 0 || len(t.mic) == 0 {
		return progress{reply: answer.marshal()}, errors.New("negotiate: a token after the last")
	}
	if len(t.mic) == 0 && n.needMIC {
		answer.state = acceptIncomplete
		return progress{reply: answer.marshal()}, nil
	}
	if len(t.mic) > 0 {
		mic, err := n.exchangeMICs(t.mic)
		if err != nil {
			return progress{reply: answer.marshal()}, err
		}
		answer.mic = mic
	}
	answer.state = acceptCompleted
	return progress{reply: answer.marshal(), user: n.complete.user, session: n.complete.session}, nil
}

// exchangeMICs verifies that the client's list of mechanisms came unaltered and
// signs it in turn (RFC 4178 section 5).
func (n *negotiation) exchangeMICs(mic []byte) ([]byte, error) {
	s := n.complete.session
	if s == nil {
		return nil, errors.New("negotiate: a mechListMIC without a session's key")
	}
	if err := s.VerifyMechList(n.list, mic); err != nil {
		return nil, fmt.Errorf("verify mechListMIC: %w", err)
	}
	return s.SignMechList(n.list)
}

// negToken is what either of a client's tokens carries.
type negToken struct {
	token []byte // the mechanism's
	mic   []byte // mechListMIC
}

// negTokenInit is the first token of a client (RFC 4178 section 4.2.1).
type negTokenInit struct {
	mechanisms []asn1.ObjectIdentifier
	list       []byte // DER of mechanisms, which the MICs sign
	negToken
}

var errToken = errors.New("malformed token")

// Tags of the tokens' fields.
var (
	tagGSS = der.Tag(0x60) // [APPLICATION 0]
	tag0   = der.Tag(0).ContextSpecific().Constructed()
	tag1   = der.Tag(1).ContextSpecific().Constructed()
	tag2   = der.Tag(2).ContextSpecific().Constructed()
	tag3   = der.Tag(3).ContextSpecific().Constructed()
)

// readNegTokenInit reads the token that a negotiation begins with.
func readNegTokenInit(token []byte) (negTokenInit, error) {
	var t negTokenInit
	var oid asn1.ObjectIdentifier
	var outer, inner, body, list, types cryptobyte.String
	in := cryptobyte.String(token)
	ok := in.ReadASN1(&outer, tagGSS) && outer.ReadASN1ObjectIdentifier(&oid) && oid.Equal(oidSPNEGO) &&
		outer.ReadASN1(&inner, tag0) && inner.ReadASN1(&body, der.SEQUENCE) &&
		body.ReadASN1(&list, tag0)
	if !ok {
		return t, errToken
	}
	t.list = list
	if !list.ReadASN1(&types, der.SEQUENCE) || !list.Empty() {
		return t, errToken
	}
	for !types.Empty() {
		var oid asn1.ObjectIdentifier
		if !types.ReadASN1ObjectIdentifier(&oid) {
			return t, errToken
		}
		t.mechanisms = append(t.mechanisms, oid)
	}
	if !body.SkipOptionalASN1(tag1) {
		return t, errToken
	}
	return t, t.read(body)
}

// read takes the mechanism's token and the MIC from what is left of a body.
func (t *negToken) read(body cryptobyte.String) error {
	var token, mic []byte
	var present bool
	if !body.ReadOptionalASN1OctetString(&token, &present, tag2) || !body.ReadOptionalASN1OctetString(&mic, &present, tag3) || !body.Empty() {
		return errToken
	}
	t.token, t.mic = token, mic
	return nil
}

// readNegTokenResp reads a client's later token (RFC 4178 section 4.2.2). Its
// state and mechanism say nothing that the server does not know.
func readNegTokenResp(token []byte) (negToken, error) {
	var t negToken
	var inner, body cryptobyte.String
	in := cryptobyte.String(token)
	if !in.ReadASN1(&inner, tag1) || !inner.ReadASN1(&body, der.SEQUENCE) ||
		!body.SkipOptionalASN1(tag0) || !body.SkipOptionalASN1(tag1) {
		return t, errToken
	}
	return t, t.read(body)
}

// negTokenResp is an answer of the server.
type negTokenResp struct {
	state     int64
	mechanism asn1.ObjectIdentifier // nil leaves it out, as token and mic
	token     []byte
	mic       []byte
}

func (t negTokenResp) marshal() []byte {
	var b cryptobyte.Builder
	b.AddASN1(tag1, func(b *cryptobyte.Builder) {
		b.AddASN1(der.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(tag0, func(b *cryptobyte.Builder) { b.AddASN1Enum(t.state) })
			if t.mechanism != nil {
				b.AddASN1(tag1, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(t.mechanism) })
			}
			if t.token != nil {
				b.AddASN1(tag2, func(b *cryptobyte.Builder) { b.AddASN1OctetString(t.token) })
			}
			if t.mic != nil {
				b.AddASN1(tag3, func(b *cryptobyte.Builder) { b.AddASN1OctetString(t.mic) })
			}
		})
	})
	out, err := b.Bytes()
	if err != nil {
		return nil // of the parts only an OID can be wrong, and these are known
	}
	return out
}
