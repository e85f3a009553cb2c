package wsman

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"dpremote/wsman/internal/spnego"
)

// NegotiateOptions say who signs in by Negotiate.
type NegotiateOptions struct {
	// Kerberos is used where it is given. Where it fails, NTLM does not take
	// its place: that would hide the failure and use the weaker scheme.
	Kerberos *KerberosOptions
	// User and Domain are for NTLM, see the function of that name.
	User, Domain string
	// Password tells the password for NTLM; a function, so that printing this
	// tells nothing.
	Password func() string
}

// Negotiate signs in by SPNEGO (RFC 4178, MS-SPNG): with Kerberos where the
// options give it, else with NTLM. Over http messages are sealed; over https
// TLS does that, and the sign-in is bound to the server's certificate.
func Negotiate(o NegotiateOptions) Authentication {
	if o.Kerberos == nil {
		var password string
		if o.Password != nil {
			password = o.Password()
		}
		a := ntlmSignIn(o.User, o.Domain, password)
		a.name = "Negotiate"
		return a
	}
	kerberos := *o.Kerberos
	return &signIn{
		name: "Negotiate", scheme: "Negotiate", label: labelSPNEGO,
		begin: func(t target) (dialogue, error) {
			return newNegotiation(spnego.Kerberos, &kerberosMechanism{options: kerberos, target: t})
		},
	}
}

// negotiation is SPNEGO around one mechanism. It takes answers that are the
// bare mechanism's, too, as servers give them that do without SPNEGO.
type negotiation struct {
	mechanism
	kind spnego.Mechanism
	list []byte // what a mechListMIC signs
	bare bool   // the server does without SPNEGO
}

func newNegotiation(kind spnego.Mechanism, m mechanism) (dialogue, error) {
	list, err := spnego.MechList(kind)
	if err != nil {
		return nil, fmt.Errorf("write the list of mechanisms: %w", err)
	}
	return &negotiation{mechanism: m, kind: kind, list: list}, nil
}

// next implements dialogue.
func (n *negotiation) next(ctx context.Context, token []byte) ([]byte, error) {
	if token == nil {
		first, err := n.step(ctx, nil)
		if err != nil {
			return nil, err
		}
		return spnego.Init(n.kind, first)
	}
	if n.bare || bytes.HasPrefix(token, []byte("NTLMSSP\x00")) {
		n.bare = true
		return n.step(ctx, token)
	}
	r, err := n.parse(token)
	if err != nil {
		return nil, err
	}
	var out, mic []byte
	if r.Token != nil {
		if out, err = n.step(ctx, r.Token); err != nil {
			return nil, err
		}
	}
	// NTLM with a message integrity code always signs the list (MS-SPNG
	// section 3.3.5.1), Kerberos where the server asks for it.
	if n.established() && (n.kind == spnego.NTLM || r.State == spnego.RequestMIC) {
		if mic, err = n.sign(n.list); err != nil {
			return nil, err
		}
	}
	if out == nil && mic == nil {
		return nil, errors.New("the server asks for a token where none is due")
	}
	return spnego.Respond(out, mic)
}

// finish implements dialogue.
func (n *negotiation) finish(ctx context.Context, token []byte) error {
	if len(token) > 0 && !n.bare {
		if err := n.complete(ctx, token); err != nil {
			return err
		}
	}
	if !n.established() {
		return errors.New("the server ended the sign-in before it was complete")
	}
	return nil
}

// complete reads the acceptor's last token. Where that signs the list of
// mechanisms, the signature must be right. It may be missing: there was
// nothing to choose, so there is nothing to protect (RFC 4178 section 5).
func (n *negotiation) complete(ctx context.Context, token []byte) error {
	r, err := n.parse(token)
	if err != nil {
		return err
	}
	if r.State != spnego.AcceptCompleted && r.State != spnego.Absent {
		return errors.New("the server ended the sign-in before it was complete")
	}
	if r.Token != nil {
		out, err := n.step(ctx, r.Token)
		if err != nil {
			return err
		}
		if out != nil {
			return errors.New("the server ended the sign-in before it was complete")
		}
	}
	if r.MIC == nil || !n.established() {
		return nil
	}
	if err := n.verify(n.list, r.MIC); err != nil {
		return fmt.Errorf("check the server's signature of the mechanisms: %w", err)
	}
	return nil
}

func (n *negotiation) parse(token []byte) (*spnego.Response, error) {
	r, err := spnego.Parse(token, n.kind)
	if err != nil {
		return nil, err
	}
	if r.State == spnego.Reject {
		return nil, fmt.Errorf("%w: the server rejects the sign-in", ErrUnauthorized)
	}
	return r, nil
}
