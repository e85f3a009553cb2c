// Package spnego reads and writes the tokens of the negotiation mechanism
// SPNEGO (RFC 4178) as an initiator that offers one mechanism needs them.
package spnego

import (
	"encoding/asn1"
	"errors"
	"fmt"
)

// State is a NegState, the acceptor's view of the negotiation.
type State int

// The states of RFC 4178 section 4.2.2. Absent stands for a token without one.
const (
	Absent           State = -1
	AcceptCompleted  State = 0
	AcceptIncomplete State = 1
	Reject           State = 2
	RequestMIC       State = 3
)

// The mechanisms that WinRM knows.
var (
	oidSPNEGO = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 2}
	// NTLM is MS-SPNG section 1.9's.
	ntlm = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 2, 10}
	// kerberos is RFC 4121 section 1's.
	kerberos = asn1.ObjectIdentifier{1, 2, 840, 113554, 1, 2, 2}
	// kerberosMS is what Windows calls Kerberos beside the right name, for an
	// old mistake in the encoding of it (MS-SPNG section 3.1.5.2).
	kerberosMS = asn1.ObjectIdentifier{1, 2, 840, 48018, 1, 2, 2}
)

// Mechanism is a mechanism to sign in by.
type Mechanism int

// The mechanisms.
const (
	NTLM Mechanism = iota
	Kerberos
)

func (m Mechanism) oid() asn1.ObjectIdentifier {
	if m == Kerberos {
		return kerberos
	}
	return ntlm
}

func (m Mechanism) is(oid asn1.ObjectIdentifier) bool {
	return oid.Equal(m.oid()) || m == Kerberos && oid.Equal(kerberosMS)
}

// MechList is the list of the mechanism alone as it is signed for a
// mechListMIC: the DER of the MechTypeList (RFC 4178 section 5).
func MechList(m Mechanism) ([]byte, error) {
	return asn1.Marshal([]asn1.ObjectIdentifier{m.oid()})
}

type negTokenInit struct {
	MechTypes []asn1.ObjectIdentifier `asn1:"explicit,tag:0"`
	MechToken []byte                  `asn1:"explicit,optional,tag:2"`
}

// Init is the first token: it offers the mechanism and carries its first token
// (RFC 4178 section 4.2.1), in the frame of RFC 2743 section 3.1.
func Init(m Mechanism, token []byte) ([]byte, error) {
	inner, err := asn1.MarshalWithParams(negTokenInit{[]asn1.ObjectIdentifier{m.oid()}, token}, "explicit,tag:0")
	if err != nil {
		return nil, err
	}
	oid, err := asn1.Marshal(oidSPNEGO)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(asn1.RawValue{Class: asn1.ClassApplication, Tag: 0, IsCompound: true, Bytes: append(oid, inner...)})
}

// response is a NegTokenResp as it is written. As it is read, see Parse.
type response struct {
	State asn1.Enumerated `asn1:"explicit,tag:0"`
	Token []byte          `asn1:"explicit,optional,omitempty,tag:2"`
	MIC   []byte          `asn1:"explicit,optional,omitempty,tag:3"`
}

// Respond is a further token of the initiator, with the signature of the
// mechanism list where there is one.
func Respond(token, mic []byte) ([]byte, error) {
	return asn1.MarshalWithParams(response{asn1.Enumerated(AcceptIncomplete), token, mic}, "explicit,tag:1")
}

// Response is what the acceptor says.
type Response struct {
	State State
	Token []byte // of the mechanism, nil where there is none
	MIC   []byte // mechListMIC, nil where there is none
}

// Parse reads an acceptor's NegTokenResp (RFC 4178 section 4.2.2). It refuses
// one that chooses another mechanism than the one offered.
func Parse(b []byte, offered Mechanism) (*Response, error) {
	var outer, sequence asn1.RawValue
	if err := whole(b, &outer, asn1.ClassContextSpecific, 1); err != nil {
		return nil, err
	}
	if err := whole(outer.Bytes, &sequence, asn1.ClassUniversal, asn1.TagSequence); err != nil {
		return nil, err
	}
	r := &Response{State: Absent}
	last := -1
	for rest := sequence.Bytes; len(rest) > 0; {
		var member asn1.RawValue
		var err error
		if rest, err = asn1.Unmarshal(rest, &member); err != nil {
			return nil, fmt.Errorf("read the SPNEGO token: %w", err)
		}
		if member.Class != asn1.ClassContextSpecific || !member.IsCompound || member.Tag <= last {
			return nil, errors.New("the SPNEGO token has a member out of place")
		}
		last = member.Tag
		if err := r.read(member, offered); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// read takes one member of the token.
func (r *Response) read(member asn1.RawValue, offered Mechanism) error {
	switch member.Tag {
	case 0:
		var state asn1.Enumerated
		if err := exact(member.Bytes, &state); err != nil {
			return err
		}
		if state < 0 || State(state) > RequestMIC {
			return fmt.Errorf("the SPNEGO token has the unknown state %d", state)
		}
		r.State = State(state)
	case 1:
		var oid asn1.ObjectIdentifier
		if err := exact(member.Bytes, &oid); err != nil {
			return err
		}
		if !offered.is(oid) {
			return fmt.Errorf("the server chose the mechanism %v, which was not offered", oid)
		}
	case 2:
		return exact(member.Bytes, &r.Token)
	case 3:
		return exact(member.Bytes, &r.MIC)
	}
	return nil
}

// exact decodes b, which must hold nothing more.
func exact(b []byte, v any) error {
	rest, err := asn1.Unmarshal(b, v)
	if err == nil && len(rest) > 0 {
		err = errors.New("bytes are left over")
	}
	if err != nil {
		return fmt.Errorf("read the SPNEGO token: %w", err)
	}
	return nil
}

// whole decodes the one constructed element that b must be.
func whole(b []byte, v *asn1.RawValue, class, tag int) error {
	if err := exact(b, v); err != nil {
		return err
	}
	if v.Class != class || v.Tag != tag || !v.IsCompound {
		return errors.New("the server's answer is not a SPNEGO token")
	}
	return nil
}
