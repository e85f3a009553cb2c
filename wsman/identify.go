package wsman

import (
	"context"

	"dpremote/internal/xmlscan"
	"dpremote/internal/xmlwrite"
)

// Identity is what a server says of itself (DSP0226 section 11).
type Identity struct {
	ProtocolVersion  string
	ProductVendor    string
	ProductVersion   string   // WinRM says "OS: 0.0.0 …" to the anonymous
	SecurityProfiles []string // only to who has signed in, from Windows Server 2012 on
}

// Identify asks who the server is. Anonymous asks without credentials, to
// learn whether a WS-Man server is there at all; WinRM then hides its version.
func (c *Client) Identify(ctx context.Context, anonymous bool) (Identity, error) {
	m := &message{op: "identify", reads: true}
	var id Identity
	for attempt := 0; ; attempt++ {
		var err error
		if id, err = c.identifyOnce(ctx, anonymous); err == nil {
			return id, nil
		}
		wrapped := c.fail(m, err)
		if c.ease(m, err); !c.Again(ctx, wrapped, attempt) {
			return id, wrapped
		}
	}
}

// identifyOnce sends an Identify, which has no headers and whose answer has
// none either, so nothing relates the two (DSP0226 section 11).
func (c *Client) identifyOnce(ctx context.Context, anonymous bool) (Identity, error) {
	w := &xmlwrite.Writer{}
	w.Open("s:Envelope", "xmlns:s", NamespaceSOAP, "xmlns:wsmid", NamespaceIdentity)
	w.Empty("s:Header")
	w.Open("s:Body")
	w.Empty("wsmid:Identify")
	w.Close("s:Body")
	w.Close("s:Envelope")
	body, err := w.Bytes()
	if err != nil {
		return Identity{}, err
	}
	res, err := c.roundTrip(ctx, "identify", &Request{Body: body, Anonymous: anonymous})
	if err != nil {
		return Identity{}, err
	}
	a, err := open(res, "", xmlName{NamespaceIdentity, "IdentifyResponse"})
	if err != nil {
		return Identity{}, err
	}
	if err := checkRest(a.doc); err != nil {
		return Identity{}, err
	}
	return readIdentity(a.sc)
}

func readIdentity(sc *xmlscan.Scanner) (id Identity, err error) {
	err = sc.Children(func() (err error) {
		switch {
		case sc.Is(NamespaceIdentity, "ProtocolVersion"):
			id.ProtocolVersion, err = content(sc)
		case sc.Is(NamespaceIdentity, "ProductVendor"):
			id.ProductVendor, err = content(sc)
		case sc.Is(NamespaceIdentity, "ProductVersion"):
			id.ProductVersion, err = content(sc)
		case sc.Is(NamespaceIdentity, "SecurityProfiles"):
			id.SecurityProfiles, err = readProfiles(sc)
		}
		return err
	})
	return id, err
}

func readProfiles(sc *xmlscan.Scanner) (names []string, err error) {
	err = sc.Children(func() error {
		name, err := content(sc)
		names = append(names, name)
		return err
	})
	return names, err
}
