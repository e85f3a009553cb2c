package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestSealedForm(t *testing.T) {
	s := sealed{label: labelSPNEGO, session: plain{}}
	contentType, body, err := s.seal("application/soap+xml;charset=UTF-16", []byte("text --Encrypted Boundary--\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	kind, text, err := s.open(contentType, body)
	if err != nil || kind != "application/soap+xml;charset=UTF-16" || string(text) != "text --Encrypted Boundary--\r\n" {
		t.Errorf("%s, %q: %v", kind, text, err)
	}
	replace := func(from, to string) string { return strings.Replace(string(body), from, to, 1) }
	for name, c := range map[string]struct {
		body string
		ok   bool
	}{
		"no tabs":                 {strings.ReplaceAll(string(body), "\t", ""), true},
		"no line after the end":   {strings.TrimSuffix(string(body), "\r\n"), true},
		"empty":                   {"", false},
		"the end alone":           {"--Encrypted Boundary--", false},
		"no first boundary":       {string(body[1:]), false},
		"no second boundary":      {replace("\r\n--Encrypted Boundary\r\n\tContent-Type: app", "\r\n--Other\r\n\tContent-Type: app"), false},
		"no end":                  {strings.TrimSuffix(string(body), "--Encrypted Boundary--\r\n"), false},
		"no OriginalContent":      {replace("OriginalContent", "Other"), false},
		"no length":               {replace(";Length=", ";Size="), false},
		"negative length":         {replace("Length=", "Length=-"), false},
		"another length":          {replace("Length=", "Length=1"), false},
		"another first type":      {replace("HTTP-SPNEGO", "HTTP-CredSSP"), false},
		"another second type":     {replace("octet-stream", "xml"), false},
		"header beyond the end":   {replace("\x06\x00\x00\x00header", "\xFF\xFF\xFF\xFFheader"), false},
		"no room for the length":  {"--Encrypted Boundary\r\nContent-Type: " + labelSPNEGO + "\r\nOriginalContent: type=x;Length=0\r\n--Encrypted Boundary\r\nContent-Type: application/octet-stream\r\n\x00--Encrypted Boundary--", false},
		"refused by the session":  {replace("header", "Header"), false},
		"first part without type": {replace("\tContent-Type: "+labelSPNEGO+"\r\n", ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := s.open(contentType, []byte(c.body))
			if (err == nil) != c.ok {
				t.Errorf("error %v", err)
			}
		})
	}
	for _, other := range []string{"", "multipart/encrypted", "application/soap+xml", strings.Replace(contentType, "SPNEGO", "Kerberos", 1),
		strings.Replace(contentType, "Encrypted Boundary", "", 1)} {
		if _, _, err := s.open(other, body); !errors.Is(err, errSealed) {
			t.Errorf("Content-Type %q: %v", other, err)
		}
	}
}

// FuzzOpenSealed reads any body.
func FuzzOpenSealed(f *testing.F) {
	s := sealed{label: labelSPNEGO, session: plain{}}
	contentType, body, err := s.seal("application/soap+xml;charset=UTF-8", []byte("text"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(contentType, body)
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		kind, text, err := s.open(contentType, body)
		if err != nil {
			return
		}
		if !bytes.Contains(body, text) || !bytes.Contains(body, []byte(kind)) {
			t.Errorf("%q, %q are not from the body", kind, text)
		}
	})
}
