package wsman

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"dpremote/wsman/internal/spnego"
)

// fakeMechanism answers any token by "out" until it has had its tokens.
type fakeMechanism struct {
	tokens   int // it takes and gives
	in       []string
	verified string
}

func (m *fakeMechanism) step(_ context.Context, token []byte) ([]byte, error) {
	m.in = append(m.in, string(token))
	if len(m.in) > m.tokens {
		return nil, nil
	}
	return []byte("out"), nil
}

func (m *fakeMechanism) established() bool { return len(m.in) >= m.tokens }

func (*fakeMechanism) sign([]byte) ([]byte, error) { return []byte("our mic"), nil }

func (m *fakeMechanism) verify(_, signature []byte) error {
	m.verified = string(signature)
	if m.verified != "their mic" {
		return errors.New("no match")
	}
	return nil
}

func (*fakeMechanism) seal(plain []byte) (header, sealed []byte, err error) { return nil, plain, nil }
func (*fakeMechanism) unseal(token []byte, header int) ([]byte, error)      { return token[header:], nil }

// negToken is an acceptor's token.
func negToken(state byte, token, mic string) []byte {
	parts := [][]byte{{0xa0, 3, 10, 1, state}}
	if token != "" {
		parts = append(parts, der(0xa2, der(4, []byte(token))))
	}
	if mic != "" {
		parts = append(parts, der(0xa3, der(4, []byte(mic))))
	}
	return der(0xa1, der(0x30, parts...))
}

func TestNegotiationNext(t *testing.T) {
	tests := []struct {
		name   string
		kind   spnego.Mechanism
		tokens int
		in     []byte
		want   []byte // nil for an error
		err    string
	}{
		{"NTLM signs the list once it is established", spnego.NTLM, 2, negToken(1, "in", ""), negToken(1, "out", "our mic"), ""},
		{"NTLM does not sign before", spnego.NTLM, 3, negToken(1, "in", ""), negToken(1, "out", ""), ""},
		{"Kerberos signs where asked", spnego.Kerberos, 1, negToken(3, "in", ""), negToken(1, "", "our mic"), ""},
		{"Kerberos signs only where asked", spnego.Kerberos, 1, negToken(1, "in", ""), nil, "none is due"},
		{"an answer without SPNEGO", spnego.NTLM, 2, []byte("NTLMSSP\x00\x02"), []byte("out"), ""},
		{"a rejection", spnego.NTLM, 2, negToken(2, "", ""), nil, "rejects"},
		{"nonsense", spnego.NTLM, 2, []byte("hello"), nil, "SPNEGO token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d, err := newNegotiation(tt.kind, &fakeMechanism{tokens: tt.tokens})
			if err != nil {
				t.Fatal(err)
			}
			first, err := d.next(t.Context(), nil)
			if err != nil || !bytes.HasSuffix(first, []byte("out")) {
				t.Fatalf("%x, %v", first, err)
			}
			got, err := d.next(t.Context(), tt.in)
			if tt.err == "" && (err != nil || !bytes.Equal(got, tt.want)) {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
			if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("%q, error %v, want one with %q", got, err, tt.err)
			}
		})
	}
}

func TestNegotiationFinish(t *testing.T) {
	tests := []struct {
		name   string
		tokens int
		bare   bool
		in     []byte
		err    string
	}{
		{"done", 1, false, negToken(0, "", ""), ""},
		{"done with a last token", 2, false, negToken(0, "in", ""), "before it was complete"},
		{"done with the mechanism's answer", 1, false, negToken(0, "in", ""), ""},
		{"done, the list signed", 1, false, negToken(0, "", "their mic"), ""},
		{"the list signed wrongly", 1, false, negToken(0, "", "another"), "signature of the mechanisms"},
		{"no token", 1, false, nil, ""},
		{"no token, not established", 2, false, nil, "before it was complete"},
		{"not established", 2, false, negToken(0, "", ""), "before it was complete"},
		{"incomplete by its own word", 1, false, negToken(1, "", ""), "before it was complete"},
		{"rejected", 1, false, negToken(2, "", ""), "rejects"},
		{"nonsense", 1, false, []byte("hello"), "SPNEGO token"},
		{"without SPNEGO", 1, true, []byte("anything"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := &negotiation{mechanism: &fakeMechanism{tokens: tt.tokens}, bare: tt.bare}
			if _, err := n.next(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			err := n.finish(t.Context(), tt.in)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want one with %q", err, tt.err)
			}
		})
	}
}
