package wsman

import (
	"context"
	"fmt"

	"dpremote/internal/xmlscan"
	"dpremote/internal/xmlwrite"
)

// Actions of WS-Transfer (DSP0226 section 7).
const (
	actionGet    = NamespaceTransfer + "/Get"
	actionPut    = NamespaceTransfer + "/Put"
	actionCreate = NamespaceTransfer + "/Create"
	actionDelete = NamespaceTransfer + "/Delete"
)

// Get fetches one instance. Lazy properties are there, unlike in an
// enumeration.
func (c *Client) Get(ctx context.Context, epr EPR) (*Item, error) {
	a, err := c.do(ctx, &message{op: "get", target: epr.String(), action: actionGet, epr: epr, reads: true, whole: true})
	return c.item("get", epr, a, err)
}

// Put changes one instance: body is its class element with the members to
// change, or with all of them. WinRM's WMI plug-in leaves alone what is missing
// and answers with the instance as stored (MS-WSMV section 4.1.3). The item is
// nil when the server answers nothing, which the specification allows.
//
// A Put is never sent twice. Its error says by Retry whether it may have been
// carried out.
func (c *Client) Put(ctx context.Context, epr EPR, body []byte) (*Item, error) {
	a, err := c.do(ctx, &message{op: "put", target: epr.String(), action: actionPut, epr: epr, body: raw(body), whole: true})
	if err == nil && a.empty {
		return nil, nil
	}
	return c.item("put", epr, a, err)
}

// Create makes an instance of the class that epr names without keys, and
// returns its reference. Windows 8 and Server 2012 were the first to allow it.
func (c *Client) Create(ctx context.Context, epr EPR, body []byte) (EPR, error) {
	m := &message{op: "create", target: epr.String(), action: actionCreate, epr: epr, body: raw(body), whole: true,
		expect: xmlName{NamespaceTransfer, "ResourceCreated"}}
	a, err := c.do(ctx, m)
	if err != nil {
		return EPR{}, err
	}
	created, err := ReadEPR(a.sc)
	if err != nil {
		return EPR{}, c.fail(m, err)
	}
	return created, nil
}

// Delete removes one instance.
func (c *Client) Delete(ctx context.Context, epr EPR) error {
	_, err := c.do(ctx, &message{op: "delete", target: epr.String(), action: actionDelete, epr: epr, whole: true})
	return err
}

// Invoke calls a method: of the instance that epr addresses, or a static one
// of the class when epr has no keys. input is the METHOD_INPUT element, which
// must be sent even when it is empty; the item is METHOD_OUTPUT (MS-WSMV
// section 4.1.4). An Invoke is never sent twice.
func (c *Client) Invoke(ctx context.Context, epr EPR, method string, input []byte) (*Item, error) {
	m := &message{op: "invoke " + method, target: epr.String(), action: epr.ResourceURI + "/" + method, epr: epr, body: raw(input), whole: true}
	a, err := c.do(ctx, m)
	return c.item(m.op, epr, a, err)
}

func raw(xml []byte) func(*xmlwrite.Writer) {
	return func(w *xmlwrite.Writer) { w.Raw(xml) }
}

// item is the only element of an answer's body.
func (c *Client) item(op string, epr EPR, a *answer, err error) (*Item, error) {
	if err != nil {
		return nil, err
	}
	m := &message{op: op, target: epr.String(), reads: op == "get"}
	if a.empty {
		return nil, c.fail(m, fmt.Errorf("%w: an empty body", ErrNotWSMan))
	}
	return &Item{sc: a.sc}, nil
}

// checkRest reads a document to its end.
func checkRest(doc []byte) error { return checkTail(xmlscan.New(doc)) }
