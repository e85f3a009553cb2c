package wire

import (
	"encoding/asn1"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"
)

// negTokenInitBytes is a client's first token, without what is nil.
func negTokenInitBytes(t testing.TB, token, mic []byte, mechanisms ...asn1.ObjectIdentifier) []byte {
	t.Helper()
	var b cryptobyte.Builder
	octets := func(b *cryptobyte.Builder, tag der.Tag, value []byte) {
		if value != nil {
			b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddASN1OctetString(value) })
		}
	}
	b.AddASN1(tagGSS, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidSPNEGO)
		b.AddASN1(tag0, func(b *cryptobyte.Builder) {
			b.AddASN1(der.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(tag0, func(b *cryptobyte.Builder) {
					b.AddASN1(der.SEQUENCE, func(b *cryptobyte.Builder) {
						for _, m := range mechanisms {
							b.AddASN1ObjectIdentifier(m)
						}
					})
				})
				octets(b, tag2, token)
				octets(b, tag3, mic)
			})
		})
	})
	out, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// readResp is what the server's token says, with the mechanism as text.
type respText struct {
	State            int
	Mechanism        string
	Token, ListMIC   string
	hasToken, hasMIC bool
}

func readResp(t testing.TB, token []byte) respText {
	t.Helper()
	var r respText
	var inner, body, field cryptobyte.String
	in := cryptobyte.String(token)
	if !in.ReadASN1(&inner, tag1) || !in.Empty() || !inner.ReadASN1(&body, der.SEQUENCE) ||
		!body.ReadASN1(&field, tag0) || !field.ReadASN1Enum(&r.State) {
		t.Fatalf("token %x", token)
	}
	var present bool
	if body.ReadOptionalASN1(&field, &present, tag1); present {
		var oid asn1.ObjectIdentifier
		if !field.ReadASN1ObjectIdentifier(&oid) {
			t.Fatalf("token %x", token)
		}
		r.Mechanism = oid.String()
	}
	var octets []byte
	body.ReadOptionalASN1OctetString(&octets, &r.hasToken, tag2)
	r.Token = string(octets)
	body.ReadOptionalASN1OctetString(&octets, &r.hasMIC, tag3)
	r.ListMIC = string(octets)
	return r
}

// words is a mechanism that accepts certain tokens in turn.
type words struct {
	want    []string
	session session
}

func (w *words) accept(token []byte) (progress, error) {
	if len(w.want) == 0 || string(token) != w.want[0] {
		return progress{reply: []byte("no")}, errors.New("wrong word")
	}
	w.want = w.want[1:]
	if len(w.want) > 0 {
		return progress{reply: []byte("go on")}, nil
	}
	return progress{reply: []byte("done"), user: "user", session: w.session}, nil
}

// plain is a session whose MIC is the list itself with a word before it.
type plain struct{}

func (plain) CanSeal() bool { return true }

func (plain) Seal(message []byte) (header, sealed []byte, err error) {
	return []byte("header"), message, nil
}

func (plain) Open(header, sealed []byte) ([]byte, error) {
	if string(header) != "header" {
		return nil, errors.New("wrong header")
	}
	return sealed, nil
}

func (plain) SignMechList(list []byte) ([]byte, error) { return append([]byte("server"), list...), nil }

func (plain) VerifyMechList(list, mic []byte) error {
	if string(mic) != "client"+string(list) {
		return errors.New("wrong MIC")
	}
	return nil
}

func TestNegotiation(t *testing.T) {
	const (
		kerberos = "1.2.840.113554.1.2.2"
		ntlm     = "1.3.6.1.4.1.311.2.2.10"
	)
	other := asn1.ObjectIdentifier{1, 2, 3}
	list := func(oids ...asn1.ObjectIdentifier) string {
		t, err := readNegTokenInit(negTokenInitBytes(t, nil, nil, oids...))
		if err != nil {
			return err.Error()
		}
		return string(t.list)
	}
	resp := func(token, mic string) []byte {
		r := negTokenResp{state: acceptIncomplete}
		if token != "" {
			r.token = []byte(token)
		}
		if mic != "" {
			r.mic = []byte(mic)
		}
		return r.marshal()
	}
	for _, c := range []struct {
		name   string
		tokens [][]byte
		want   []respText // the answers
		user   string     // after the last
		fails  bool       // at the last
	}{
		{"one token", [][]byte{negTokenInitBytes(t, []byte("ticket"), nil, oidKerberos, oidNTLM)},
			[]respText{{0, kerberos, "done", "", true, false}}, "user", false},
		{"two tokens", [][]byte{negTokenInitBytes(t, []byte("hello"), nil, oidNTLM), resp("proof", "")},
			[]respText{{1, ntlm, "go on", "", true, false}, {0, "", "done", "", true, false}}, "user", false},
		{"two tokens with MICs", [][]byte{negTokenInitBytes(t, []byte("hello"), nil, oidNTLM), resp("proof", "client"+list(oidNTLM))},
			[]respText{{1, ntlm, "go on", "", true, false}, {0, "", "done", "server" + list(oidNTLM), true, true}}, "user", false},
		{"list without token", [][]byte{negTokenInitBytes(t, nil, nil, oidNTLM), resp("hello", ""), resp("proof", "")},
			[]respText{{1, ntlm, "", "", false, false}, {1, "", "go on", "", true, false}, {0, "", "done", "", true, false}}, "user", false},
		{"second choice", [][]byte{negTokenInitBytes(t, []byte("for another"), nil, other, oidNTLM), resp("hello", ""), resp("proof", "client"+list(other, oidNTLM))},
			[]respText{{3, ntlm, "", "", false, false}, {3, "", "go on", "", true, false}, {0, "", "done", "server" + list(other, oidNTLM), true, true}}, "user", false},
		{"second choice, MIC apart", [][]byte{negTokenInitBytes(t, nil, nil, other, oidKerberos), resp("ticket", ""), resp("", "client"+list(other, oidKerberos))},
			[]respText{{3, kerberos, "", "", false, false}, {1, "", "done", "", true, false}, {0, "", "", "server" + list(other, oidKerberos), false, true}}, "user", false},
		{"second choice, never a MIC", [][]byte{negTokenInitBytes(t, nil, nil, other, oidKerberos), resp("ticket", ""), resp("", "")},
			[]respText{{3, kerberos, "", "", false, false}, {1, "", "done", "", true, false}, {2, "", "", "", false, false}}, "", true},
		{"list altered", [][]byte{negTokenInitBytes(t, []byte("hello"), nil, oidNTLM), resp("proof", "client"+list(oidKerberos, oidNTLM))},
			[]respText{{1, ntlm, "go on", "", true, false}, {2, "", "done", "", true, false}}, "", true},
		{"refused by the mechanism", [][]byte{negTokenInitBytes(t, []byte("hello"), nil, oidNTLM), resp("guess", "")},
			[]respText{{1, ntlm, "go on", "", true, false}, {2, "", "no", "", true, false}}, "", true},
		{"nothing in common", [][]byte{negTokenInitBytes(t, []byte("x"), nil, other)}, []respText{{2, "", "", "", false, false}}, "", true},
		{"no list", [][]byte{negTokenInitBytes(t, []byte("x"), nil)}, []respText{{2, "", "", "", false, false}}, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := &negotiation{mechanisms: []mechanism{
				{oidKerberos, func() handshake { return &words{[]string{"ticket"}, plain{}} }},
				{oidNTLM, func() handshake { return &words{[]string{"hello", "proof"}, plain{}} }},
			}}
			for i, token := range c.tokens {
				p, err := n.accept(token)
				last := i == len(c.tokens)-1
				if (err != nil) != (last && c.fails) {
					t.Fatalf("token %d: %v", i, err)
				}
				if d := cmp.Diff(c.want[i], readResp(t, p.reply), cmp.AllowUnexported(respText{})); d != "" {
					t.Errorf("answer %d: %s", i, d)
				}
				if want := c.user; last && p.user != want || !last && p.user != "" {
					t.Errorf("user %q after token %d", p.user, i)
				}
			}
		})
	}
}

func TestNegotiationWithoutSession(t *testing.T) {
	n := &negotiation{mechanisms: []mechanism{{oidKerberos, func() handshake { return &words{[]string{"ticket"}, nil} }}}}
	p, err := n.accept(negTokenInitBytes(t, []byte("ticket"), []byte("mic"), oidKerberos))
	if err == nil || p.user != "" {
		t.Errorf("a MIC that nothing can verify: user %q", p.user)
	}
}

// FuzzNegTokens reads any token as either of a client's.
func FuzzNegTokens(f *testing.F) {
	f.Add(negTokenInitBytes(f, []byte("token"), []byte("mic"), oidKerberos, oidNTLM))
	f.Add(negTokenResp{state: requestMIC, mechanism: oidNTLM, token: []byte("token"), mic: []byte("mic")}.marshal())
	f.Fuzz(func(t *testing.T, token []byte) {
		if init, err := readNegTokenInit(token); err == nil && len(init.list)+len(init.token)+len(init.mic) > len(token) {
			t.Error("more was read than there is")
		}
		r, err := readNegTokenResp(token)
		if err != nil {
			return
		}
		again, err := readNegTokenResp(negTokenResp{token: r.token, mic: r.mic}.marshal())
		if d := cmp.Diff(r, again, cmp.AllowUnexported(negToken{})); d != "" || err != nil {
			t.Errorf("%v: %s", err, d)
		}
	})
}
