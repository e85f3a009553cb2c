package wsman

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"dpremote/internal/captures"

	"github.com/google/go-cmp/cmp"
)

const sealedType = `multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"`

func wrapped(part string) string {
	return "--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n" +
		"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=5\r\n" +
		"--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n" + part + "--Encrypted Boundary--\r\n"
}

// What is sent is as MS-WSMV section 2.2.9.1 shows it.
func TestSealedBody(t *testing.T) {
	got := sealedBody(labelSPNEGO, []byte("head"), []byte("cipher"), 5)
	if diff := cmp.Diff(wrapped("\x04\x00\x00\x00headcipher"), string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{sealedType}, sealedHeader(labelSPNEGO)["Content-Type"]); diff != "" {
		t.Errorf("content type (-want +got):\n%s", diff)
	}
}

func TestParseSealed(t *testing.T) {
	utf8, utf16 := "application/soap+xml;charset=UTF-8", "application/soap+xml;charset=UTF-16"
	plain := wrapped("\x04\x00\x00\x00headcipher")
	tests := []struct {
		name, contentType, body string
		want                    *sealedMessage
	}{
		{"as Windows sends it", sealedType, plain, &sealedMessage{utf8, []byte("headcipher"), 4}},
		{"without tabs", sealedType, strings.ReplaceAll(plain, "\t", ""), &sealedMessage{utf8, []byte("headcipher"), 4}},
		{"in UTF-16", sealedType, strings.ReplaceAll(plain, "UTF-8", "UTF-16"), &sealedMessage{utf16, []byte("headcipher"), 4}},
		{"with spaced boundaries", sealedType, strings.ReplaceAll(plain, "--Encrypted", "-- Encrypted"), &sealedMessage{utf8, []byte("headcipher"), 4}},
		{"in other letters", strings.ToUpper(sealedType[:20]) + sealedType[20:], strings.ReplaceAll(plain, "Content-Type", "content-type"), &sealedMessage{utf8, []byte("headcipher"), 4}},
		{"without a last line end", sealedType, strings.TrimSuffix(plain, "\r\n"), &sealedMessage{utf8, []byte("headcipher"), 4}},
		{"with two last line ends", sealedType, plain + "\r\n", &sealedMessage{utf8, []byte("headcipher"), 4}},
		{"with all marks in the text", sealedType, wrapped("\x00\x00\x00\x00--Encrypted Boundary--\r\n--Encrypted Boundary\r\n"), &sealedMessage{utf8, []byte("--Encrypted Boundary--\r\n--Encrypted Boundary\r\n"), 0}},
		{"empty", sealedType, wrapped("\x00\x00\x00\x00"), &sealedMessage{utf8, []byte{}, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseSealed(labelSPNEGO, tt.contentType, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(sealedMessage{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseSealedRefuses(t *testing.T) {
	whole := wrapped("\x04\x00\x00\x00headcipher")
	tests := []struct{ name, contentType, body, want string }{
		{"clear text", "application/soap+xml;charset=UTF-8", "<s:Envelope/>", "not sealed"},
		{"no type", "", whole, "not sealed"},
		{"CredSSP's kind", strings.Replace(sealedType, "multipart/encrypted", "multipart/x-multi-encrypted", 1), whole, "not sealed"},
		{"another protocol", strings.Replace(sealedType, "SPNEGO", "Kerberos", 1), whole, "not by"},
		{"nothing", sealedType, "", "parts are missing"},
		{"one part only", sealedType, whole[:60], "parts are missing"},
		{"one boundary only", sealedType, strings.Replace(whole, "--Encrypted Boundary\r\n", "", 1), "parts are missing"},
		{"endless lines", sealedType, strings.Repeat("x: y\r\n", 20) + whole, "parts are missing"},
		{"no type of the text", sealedType, strings.Replace(whole, "OriginalContent", "X", 1), "type of its text"},
		{"no end", sealedType, strings.TrimSuffix(whole, "--\r\n"), "no end mark"},
		{"half an end", sealedType, strings.Replace(whole, "cipher--", "cipher", 1), "no end mark"},
		{"no length", sealedType, wrapped("abc"), "is cut"},
		{"a length beyond the end", sealedType, wrapped("\x0b\x00\x00\x00headcipher"), "header of 11 bytes in 10"},
		{"a huge length", sealedType, wrapped("\xff\xff\xff\xffheadcipher"), "header of 4294967295"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseSealed(labelSPNEGO, tt.contentType, []byte(tt.body))
			if err == nil || !strings.Contains(err.Error(), tt.want) || got != nil {
				t.Errorf("%+v, error %v, want one with %q", got, err, tt.want)
			}
		})
	}
}

// Answers of programs that are not ours. That they unseal is shown where the
// keys are known, in the packages of the mechanisms.
func TestParseRecorded(t *testing.T) {
	tests := []struct {
		name, label string
		answers     int // before the sealed one
		header      int
	}{{"ntlm", labelSPNEGO, 2, 16}, {"kerberos", labelKerberos, 1, 60}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := bufio.NewReader(bytes.NewReader(captures.In(t, capturesDir).Read(t, "sealed/"+tt.name+"/server-to-client.bin")))
			for range tt.answers {
				if _, _, err := nextResponse(r); err != nil {
					t.Fatal(err)
				}
			}
			contentType, body, err := nextResponse(r)
			if err != nil {
				t.Fatal(err)
			}
			m, err := parseSealed(tt.label, contentType, body)
			if err != nil {
				t.Fatal(err)
			}
			size := len(captures.In(t, capturesDir).Read(t, "sealed/"+tt.name+"/response.xml"))
			if m.contentType != "application/soap+xml;charset=UTF-8" || m.header != tt.header || len(m.token)-m.header != size {
				t.Errorf("%s, a header of %d bytes, text of %d; want %d and %d", m.contentType, m.header, len(m.token)-m.header, tt.header, size)
			}
		})
	}
}

func nextResponse(r *bufio.Reader) (contentType string, body []byte, err error) {
	res, err := http.ReadResponse(r, &http.Request{Method: http.MethodPost})
	if err != nil {
		return "", nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.Header.Get("Content-Type"), body, err
}

func FuzzMultipart(f *testing.F) {
	f.Add(sealedType, []byte(wrapped("\x04\x00\x00\x00headcipher")))
	f.Add(sealedType, []byte(strings.ReplaceAll(wrapped("\x04\x00\x00\x00headcipher"), "--Encrypted", "-- Encrypted")))
	f.Add(sealedType, []byte("--Encrypted Boundary--"))
	f.Add("text/html", []byte("<html>"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		m, err := parseSealed(labelSPNEGO, contentType, body)
		if err != nil {
			return
		}
		if m.contentType == "" || m.header > maxSealHeader || m.header > len(m.token) || !bytes.Contains(body, m.token) {
			t.Fatalf("%+v out of %q", m, body)
		}
	})
}
