package cim

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"dpremote/internal/xmlscan"
	"dpremote/wsman"
)

// Session is one namespace of one server. It is safe for concurrent use.
type Session struct {
	Client    *wsman.Client
	Namespace string // such as root/sms/site_PS1
	// Counted is told after each answer to a query how many rows it had; nil for
	// nobody. It must be safe for concurrent use.
	Counted func(rows int)
}

// Row is one instance of an enumeration, its reference, or both.
type Row struct {
	Instance *Instance
	EPR      *wsman.EPR
}

// undecoded is the error of an answer that is no CIM data. Asking again gives
// the same, unless the answer was cut; and a write was carried out.
func (s *Session) undecoded(op, target string, err error) error {
	e := &wsman.Error{Op: op, Target: s.Namespace + " " + strconv.Quote(target), Endpoint: s.Client.Endpoint(),
		Err: fmt.Errorf("decode the answer: %w", err)}
	switch {
	case op == "put" || strings.HasPrefix(op, "invoke"):
		e.Retry = wsman.RetryUnknown // it was done; only the answer is unreadable
	case errors.Is(err, xmlscan.ErrTruncated):
		e.Retry = wsman.RetrySafe
	}
	return e
}

// EPR addresses a class of the namespace, or one instance by its keys.
func (s *Session) EPR(class string, keys ...wsman.Selector) wsman.EPR {
	return s.Client.Schema().EPR(s.Namespace, class, keys...)
}

// Get fetches one instance, lazy properties included.
func (s *Session) Get(ctx context.Context, class string, keys ...wsman.Selector) (*Instance, error) {
	item, err := s.Client.Get(ctx, s.EPR(class, keys...))
	if err != nil {
		return nil, err
	}
	return s.read("get", class, item)
}

// Put changes properties of one instance and returns the instance as the
// server stored it, or nil when the server answers nothing.
func (s *Session) Put(ctx context.Context, class string, keys []wsman.Selector, properties []Property) (*Instance, error) {
	epr := s.EPR(class, keys...)
	body, err := Body(s.namespaceOf(class), class, properties)
	if err != nil {
		return nil, err
	}
	item, err := s.Client.Put(ctx, epr, body)
	if item == nil || err != nil {
		return nil, err
	}
	return s.read("put", class, item)
}

// Create makes an instance and returns its reference.
func (s *Session) Create(ctx context.Context, class string, properties []Property) (wsman.EPR, error) {
	body, err := Body(s.namespaceOf(class), class, properties)
	if err != nil {
		return wsman.EPR{}, err
	}
	return s.Client.Create(ctx, s.EPR(class), body)
}

// Delete removes one instance.
func (s *Session) Delete(ctx context.Context, class string, keys ...wsman.Selector) error {
	return s.Client.Delete(ctx, s.EPR(class, keys...))
}

// Invoke calls a method of one instance, or a static one when keys are none.
// The result holds the out parameters and ReturnValue; ReturnCode reads that.
func (s *Session) Invoke(ctx context.Context, class string, keys []wsman.Selector, method string, in []Property) (*Instance, error) {
	if err := checkName(method); err != nil {
		return nil, err
	}
	body, err := Body(s.namespaceOf(class), method+"_INPUT", in)
	if err != nil {
		return nil, err
	}
	item, err := s.Client.Invoke(ctx, s.EPR(class, keys...), method, body)
	if err != nil {
		return nil, err
	}
	return s.read("invoke "+method, class, item)
}

// namespaceOf is the XML namespace of a class: its resource URI.
func (s *Session) namespaceOf(class string) string { return s.EPR(class).ResourceURI }

func (s *Session) read(op, class string, item *wsman.Item) (*Instance, error) {
	i, err := ReadInstance(item.Scanner())
	if err != nil {
		return nil, s.undecoded(op, class, err)
	}
	return i, nil
}

// ReturnCode is the ReturnValue of a method's result. A method may return none
// (MS-WSMV section 4.1.4); ok is then false.
func ReturnCode(result *Instance) (code int64, ok bool) {
	v, found := result.Get("ReturnValue")
	if !found || v.IsNull() {
		return 0, false
	}
	code, err := strconv.ParseInt(v.Text(), 10, 64)
	return code, err == nil
}
