package wsman

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"dpremote/internal/xmlscan"
)

// always is a Transport that answers each request with the same document, in
// which ID stands for the request's MessageID.
type always struct {
	document, contentType string
	status                int
	requests              int
}

func (a *always) Close() error { return nil }

// endOfPatience is how many requests an operation may send. Those that send more
// do not come to an end.
const endOfPatience = 300

func (a *always) RoundTrip(_ context.Context, req *Request) (*Response, error) {
	if a.requests++; a.requests > endOfPatience {
		panic("the client does not come to an end")
	}
	_, rest, _ := strings.Cut(string(req.Body), "<a:MessageID>")
	id, _, _ := strings.Cut(rest, "</a:MessageID>")
	body := []byte(strings.ReplaceAll(a.document, "ID", id))
	return &Response{Status: a.status, ContentType: a.contentType, Body: body}, nil
}

// FuzzAnswer gives any document as the answer to every operation. None may panic
// or go on for ever; what is an error is an *Error of bounded length.
func FuzzAnswer(f *testing.F) {
	head := "<s:Envelope" + responseNamespaces + "><s:Header><a:RelatesTo>ID</a:RelatesTo></s:Header><s:Body>"
	const tail = "</s:Body></s:Envelope>"
	for _, body := range []string{
		first("c1", "1", "2").body, first("", "1").body, page("c2", "3").body, page("").body,
		`<X xmlns="urn:X"><A>1</A></X>`, " ",
		`<n:EnumerateResponse><n:EnumerationContext/><w:Items><w:Item><X/><a:EndpointReference><a:Address>h</a:Address><a:ReferenceParameters>` +
			`<w:ResourceURI>urn:X</w:ResourceURI><w:SelectorSet><w:Selector Name="K">v</w:Selector></w:SelectorSet></a:ReferenceParameters></a:EndpointReference></w:Item></w:Items><w:EndOfSequence/></n:EnumerateResponse>`,
		`<e:SubscribeResponse xmlns:e="` + NamespaceEventing + `"><e:SubscriptionManager><a:Address>h</a:Address><a:ReferenceProperties><w:ResourceURI>urn:X</w:ResourceURI>` +
			`<e:Identifier>1</e:Identifier></a:ReferenceProperties></e:SubscriptionManager><n:EnumerationContext>c</n:EnumerationContext></e:SubscribeResponse>`,
		`<x:ResourceCreated><a:Address>h</a:Address><a:ReferenceParameters><w:ResourceURI>urn:X</w:ResourceURI></a:ReferenceParameters></x:ResourceCreated>`,
		`<i:IdentifyResponse xmlns:i="` + NamespaceIdentity + `"><i:ProtocolVersion>1</i:ProtocolVersion><i:SecurityProfiles><i:SecurityProfileName>p</i:SecurityProfileName></i:SecurityProfiles></i:IdentifyResponse>`,
		`<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:TimedOut</s:Value></s:Subcode></s:Code><s:Reason><s:Text>late</s:Text></s:Reason>` +
			`<s:Detail><f:WSManFault Code="2150858793" Machine="m"><f:Message><f:ProviderFault provider="WMI" path="p"><f:WSManFault Code="1"/></f:ProviderFault></f:Message></f:WSManFault></s:Detail></s:Fault>`,
		`<s:Fault><s:Detail><p:MSFT_WmiError xmlns:p="urn:e"><p:CIMStatusCode>6</p:CIMStatusCode><p:Message>0x80041002</p:Message><p:error_Code>2147749890</p:error_Code></p:MSFT_WmiError></s:Detail></s:Fault>`,
	} {
		f.Add(head+body+tail, soapMediaType+";charset=UTF-8", 200)
		f.Add(head+body+tail, soapMediaType, 500)
	}
	f.Add("<s:Envelope", soapMediaType, 200)
	f.Add("", "text/html", 401)
	f.Add("\xff\xfe<\x00/\x00", soapMediaType+";charset=UTF-16", 200)
	f.Fuzz(func(t *testing.T, document, contentType string, status int) {
		for name, do := range operations() {
			a := &always{document: document, contentType: contentType, status: status}
			err := do(NewClient(a, Options{Endpoint: "http://h", Retries: -1, Backoff: 1, MaxPages: 50}))
			var told *Error
			switch {
			case err == nil:
			case !errors.As(err, &told):
				t.Errorf("%s: %T %v", name, err, err)
			case len(err.Error()) > 8*maxFaultText:
				t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
			}
		}
	})
}

// operations are all that a client does, up to its first error.
func operations() map[string]func(*Client) error {
	ctx := context.Background()
	epr := SchemaWMI.EPR("root/cimv2", "X")
	item := func(i *Item, err error) error {
		if err == nil && i != nil && i.Scanner() != nil {
			err = walk(i.Scanner())
		}
		return err
	}
	enumerate := func(mode Mode) func(*Client) error {
		return func(c *Client) error {
			for i, err := range c.Enumerate(ctx, Enumeration{Namespace: "root/cimv2", WQL: "SELECT * FROM X", Mode: mode}) {
				if err != nil {
					return err
				}
				if i.Scanner() != nil && walk(i.Scanner()) != nil {
					break
				}
			}
			return nil
		}
	}
	return map[string]func(*Client) error{
		"get":    func(c *Client) error { return checked(item(c.Get(ctx, epr))) },
		"put":    func(c *Client) error { return checked(item(c.Put(ctx, epr, []byte("<X/>")))) },
		"invoke": func(c *Client) error { return checked(item(c.Invoke(ctx, epr, "M", []byte("<X/>")))) },
		"create": func(c *Client) error {
			_, err := c.Create(ctx, epr, []byte("<X/>"))
			return err
		},
		"delete": func(c *Client) error { return c.Delete(ctx, epr) },
		"identify": func(c *Client) error {
			_, err := c.Identify(ctx, false)
			return err
		},
		"enumerate":          enumerate(EnumerateObject),
		"enumerate EPRs":     enumerate(EnumerateEPR),
		"enumerate with EPR": enumerate(EnumerateObjectAndEPR),
		"subscribe": func(c *Client) error {
			n := 0
			for i, err := range c.Subscribe(ctx, Subscription{Namespace: "root/cimv2", WQL: "SELECT * FROM X"}) {
				if err != nil {
					return err
				}
				if n++; n > 5 || walk(i.Scanner()) != nil {
					break
				}
			}
			return nil
		},
	}
}

// checked lets pass what the scanner says of an item that the client let pass:
// it is the caller's to see.
func checked(err error) error {
	var syntax *xmlscan.SyntaxError
	var told *Error
	if errors.As(err, &syntax) && !errors.As(err, &told) {
		return nil
	}
	return err
}

// walk reads an element to its end.
func walk(sc *xmlscan.Scanner) error { return sc.Skip() }

// FuzzUTF16 holds the reading of UTF-16 against the standard library's.
func FuzzUTF16(f *testing.F) {
	f.Add([]byte("<\x00a\x00/\x00>\x00"), false)
	f.Add([]byte("\xd8\x3d\xde\x00\xd8\x3d"), true)
	f.Add([]byte("\xd8\x00\xd8\x00\xdc\x00"), true)
	f.Fuzz(func(t *testing.T, text []byte, big bool) {
		mark, order := []byte{0xFF, 0xFE}, binary.ByteOrder(binary.LittleEndian)
		if big {
			mark, order = []byte{0xFE, 0xFF}, binary.BigEndian
		}
		got, err := toUTF8(append(mark, text...), soapMediaType)
		if len(text)%2 != 0 {
			if err == nil {
				t.Errorf("half a character is read as %q", got)
			}
			return
		}
		units := make([]uint16, len(text)/2)
		for i := range units {
			units[i] = order.Uint16(text[2*i:])
		}
		want := string(utf16.Decode(units))
		if (err != nil) != strings.ContainsFunc(want, isForbidden) || !utf8.Valid(got) || string(got) != want {
			t.Errorf("% x is %q, %v; want %q", text, got, err, want)
		}
	})
}

// FuzzCharacters holds the fast search for control characters against a plain one.
func FuzzCharacters(f *testing.F) {
	f.Add("<a>\t\r\n</a>")
	f.Add("<a>12345678\x1b[2J</a>")
	f.Add("é\xff\x1f")
	f.Fuzz(func(t *testing.T, text string) {
		if err := checkCharacters([]byte(text)); (err != nil) != strings.ContainsFunc(text, isForbidden) {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// FuzzChallenge reads any WWW-Authenticate header.
func FuzzChallenge(f *testing.F) {
	f.Add("Negotiate", "Negotiate TlRMTVNTUAACAAAA")
	f.Add("Kerberos", " kerberos \t")
	f.Add("Negotiate", "Negotiate ====")
	f.Fuzz(func(t *testing.T, scheme, header string) {
		token, offered, err := challengeOf(&Response{Challenges: []string{header}}, scheme)
		if len(token) > 0 && (!offered || err != nil || base64.StdEncoding.EncodedLen(len(token)) > maxSignInToken) {
			t.Errorf("%q gives %d bytes, %v, %v", header, len(token), offered, err)
		}
	})
}
