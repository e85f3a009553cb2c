package wsman

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"dpremote/internal/xmlscan"

	"github.com/masterzen/winrm"
	"github.com/masterzen/winrm/soap"
)

// Shells is a winrm.Transporter over a Transport, so that a winrm.Client runs
// remote shells through our sign-in, sealing and limits. That client has no
// contexts of its own for requests: ctx bounds all of them.
//
//	shells := wsman.NewShells(ctx, transport, 0)
//	params := *winrm.DefaultParameters
//	params.TransportDecorator = shells.Decorate
//	client, err := winrm.NewClientWithParameters(endpoint, "", "", &params)
type Shells struct {
	ctx       context.Context // winrm.Transporter has none to pass
	transport Transport
	timeout   time.Duration
}

// NewShells makes a transporter. Each request is given timeout; 0 means 70 s,
// ten more than the OperationTimeout that a winrm.Client asks for.
func NewShells(ctx context.Context, t Transport, timeout time.Duration) *Shells {
	if timeout <= 0 {
		timeout = defaultTimeout + graceForAnswer
	}
	return &Shells{ctx: ctx, transport: t, timeout: timeout}
}

// Decorate is what winrm.Parameters.TransportDecorator wants.
func (s *Shells) Decorate() winrm.Transporter { return s }

// Transport implements winrm.Transporter. The endpoint is not used: the
// Transport knows its server.
func (s *Shells) Transport(*winrm.Endpoint) error { return nil }

// Post implements winrm.Transporter. Unlike that package's own transports it
// never returns a fault or an HTTP error as success.
func (s *Shells) Post(_ *winrm.Client, message *soap.SoapMessage) (string, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.timeout)
	defer cancel()
	res, err := s.transport.RoundTrip(ctx, &Request{Body: []byte(message.String())})
	if err != nil {
		return "", fmt.Errorf("remote shell: %w", err)
	}
	doc, err := shellAnswer(res)
	if err != nil {
		return "", fmt.Errorf("remote shell: %w", err)
	}
	return string(doc), nil
}

// shellAnswer is an answer's document, or the error that it is.
func shellAnswer(res *Response) ([]byte, error) {
	if err := checkHTTP(res); err != nil {
		return nil, err
	}
	doc, err := toUTF8(res.Body, res.ContentType)
	if err != nil {
		return nil, err
	}
	if err := checkRest(doc); err != nil {
		return nil, err
	}
	if f := faultIn(doc); f != nil {
		f.Status = res.Status
		if f.Is(ErrTimedOut) {
			// A command that has printed nothing yet. winrm.Command waits on
			// when it finds this word in the error's text.
			return nil, fmt.Errorf("OperationTimeout: %w", f)
		}
		return nil, f
	}
	if res.Status != http.StatusOK {
		return nil, httpError(res)
	}
	return doc, nil
}

// faultIn is the fault that a document is, or nil.
func faultIn(doc []byte) *Fault {
	_, err := openBody(xmlscan.New(doc), "")
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}
