package spnego

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Tokens of programs that are not ours: gss-ntlmssp under MIT Kerberos, and
// its server's answers. The NTLM messages in them are of a throw-away account.
const (
	foreignInit      = "YEgGBisGAQUFAqA+MDygDjAMBgorBgEEAYI3AgIKoioEKE5UTE1TU1AAAQAAADeCCOIAAAAAAAAAAAAAAAAAAAAABgIAAAAAAA8="
	foreignChallenge = "oYGZMIGWoAMKAQGhDAYKKwYBBAGCNwICCqKBgAR+TlRMTVNTUAACAAAABAAEADgAAAA1gori/0ZYr6sC1lgAAAAAAAAAAEIAQgA8AAAABgIAAAAAAA9WAE0AAQAEAFYATQACABYAVwBPAFIASwBTAFQAQQBUAEkATwBOAAMABAB2AG0ABgAEAAAAAAAHAAgAGtbQpVl53QEAAAAA"
	foreignDone      = "oRswGaADCgEAoxIEEAEAAAAz5a5c0Y7rFAAAAAA="
)

func decode(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestInit(t *testing.T) {
	want := decode(t, foreignInit)
	got, err := Init(NTLM, want[len(want)-40:])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("as another program writes it (-want +got):\n%s", diff)
	}
}

func TestRespond(t *testing.T) {
	mic := bytes.Repeat([]byte{1}, 16)
	got, err := Respond([]byte("abc"), mic)
	if err != nil {
		t.Fatal(err)
	}
	want := append([]byte("\xa1\x22\x30\x20\xa0\x03\x0a\x01\x01\xa2\x05\x04\x03abc\xa3\x12\x04\x10"), mic...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got, err = Respond([]byte("abc"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]byte("\xa1\x0e\x30\x0c\xa0\x03\x0a\x01\x01\xa2\x05\x04\x03abc"), got); diff != "" {
		t.Errorf("without a signature (-want +got):\n%s", diff)
	}
}

func TestMechList(t *testing.T) {
	got, err := MechList(NTLM)
	if err != nil {
		t.Fatal(err)
	}
	// The list lies at this place in the foreign token.
	if want := decode(t, foreignInit)[16:30]; !bytes.Equal(want, got) {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestParse(t *testing.T) {
	challenge := decode(t, foreignChallenge)
	done := decode(t, foreignDone)
	tests := []struct {
		name  string
		token []byte
		mech  Mechanism
		want  *Response
	}{
		{"challenge", challenge, NTLM, &Response{State: AcceptIncomplete, Token: challenge[len(challenge)-0x7e:]}},
		{"done", done, NTLM, &Response{State: AcceptCompleted, MIC: done[len(done)-16:]}},
		{"reject", []byte("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x02"), NTLM, &Response{State: Reject}},
		{"nothing said", []byte("\xa1\x02\x30\x00"), NTLM, &Response{State: Absent}},
		{"Kerberos by Windows' other name", []byte("\xa1\x0f\x30\x0d\xa1\x0b\x06\x09\x2a\x86\x48\x82\xf7\x12\x01\x02\x02"), Kerberos, &Response{State: Absent}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.token, tt.mech)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, token, want string
		mech              Mechanism
	}{
		{"empty", "", "read the SPNEGO token", NTLM},
		{"an NTLM message", "NTLMSSP\x00\x02\x00\x00\x00", "read the SPNEGO token", NTLM},
		{"an initiator's token", string(decode(t, foreignInit)), "not a SPNEGO token", NTLM},
		{"bytes left over", "\xa1\x02\x30\x00\x00", "left over", NTLM},
		{"cut", "\xa1\x07\x30\x05\xa0\x03", "read the SPNEGO token", NTLM},
		{"another mechanism", string(decode(t, foreignChallenge)), "which was not offered", Kerberos},
		{"unknown state", "\xa1\x07\x30\x05\xa0\x03\x0a\x01\x07", "unknown state 7", NTLM},
		{"members twice", "\xa1\x0c\x30\x0a\xa0\x03\x0a\x01\x01\xa0\x03\x0a\x01\x00", "out of place", NTLM},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse([]byte(tt.token), tt.mech)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%+v, error %v, want one with %q", got, err, tt.want)
			}
		})
	}
}

func FuzzGSSToken(f *testing.F) {
	f.Add(decode(f, foreignChallenge))
	f.Add(decode(f, foreignDone))
	f.Add([]byte("\xa1\x07\x30\x05\xa0\x03\x0a\x01\x02"))
	f.Fuzz(func(t *testing.T, token []byte) {
		r, err := Parse(token, NTLM)
		if err != nil {
			return
		}
		if r.State < Absent || r.State > RequestMIC || len(r.Token)+len(r.MIC) > len(token) {
			t.Fatalf("%+v out of %d bytes", r, len(token))
		}
	})
}
