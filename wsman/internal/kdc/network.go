package kdc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/messages"
)

const (
	// perKDC bounds one exchange with one KDC, so that a dead one does not
	// use up the time for the others.
	perKDC = 10 * time.Second
	// maxReply bounds an answer of a KDC, in bytes. Tickets with many groups
	// have some 64 KiB.
	maxReply = 1 << 20
	// maxKDCs bounds how many are tried.
	maxKDCs = 8
)

// network sends messages to KDCs, by TCP, which every KDC speaks.
type network struct {
	kdcs map[string][]string // by realm; others are found in DNS
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	srv  func(ctx context.Context, service, proto, name string) (string, []*net.SRV, error) // nil for no DNS
}

// send gives the first answer of a realm's KDCs. It is a messages.KRBError
// where that is what the KDC answered.
func (n *network) send(ctx context.Context, realm string, request []byte) ([]byte, error) {
	addresses, err := n.find(ctx, realm)
	if err != nil {
		return nil, err
	}
	var failures []error
	for _, a := range addresses[:min(len(addresses), maxKDCs)] {
		reply, err := n.ask(ctx, a, request)
		if err == nil {
			return reply, refusal(reply)
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("ask the KDC of %s: %w", realm, ctx.Err())
		}
		failures = append(failures, err)
	}
	return nil, fmt.Errorf("%w for %s: %w: check the names of its KDCs, the network and port 88", ErrNoKDC, realm, errors.Join(failures...))
}

// find gives the addresses of a realm's KDCs (RFC 4120 section 7.2.3).
func (n *network) find(ctx context.Context, realm string) ([]string, error) {
	var out []string
	for _, a := range n.kdcs[realm] {
		if _, _, err := net.SplitHostPort(a); err != nil {
			a = net.JoinHostPort(strings.Trim(a, "[]"), "88")
		}
		out = append(out, a)
	}
	if len(out) > 0 {
		return out, nil
	}
	var records []*net.SRV
	var err error
	if n.srv != nil {
		_, records, err = n.srv(ctx, "kerberos", "tcp", realm)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil || len(records) == 0 {
		return nil, fmt.Errorf("%w for %s: none is configured, and DNS tells none: name one in krb5.conf or in the site's settings", ErrNoKDC, realm)
	}
	for _, r := range records {
		out = append(out, net.JoinHostPort(strings.TrimSuffix(r.Target, "."), fmt.Sprint(r.Port)))
	}
	return out, nil
}

// ask exchanges one message with one KDC (RFC 4120 section 7.2.2).
func (n *network) ask(ctx context.Context, address string, request []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, perKDC)
	defer cancel()
	c, err := n.dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(request))), request...)); err != nil {
		return nil, fmt.Errorf("ask %s: %w", address, err)
	}
	var size [4]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", address, err)
	}
	length := binary.BigEndian.Uint32(size[:])
	if length > maxReply {
		return nil, fmt.Errorf("read the answer of %s: %d bytes are too long", address, length)
	}
	reply, err := io.ReadAll(io.LimitReader(c, int64(length)))
	if err == nil && len(reply) < int(length) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", address, err)
	}
	return reply, nil
}

// refusal is the KRB-ERROR that a reply is, or nil.
func refusal(reply []byte) error {
	const applicationTag30 = 0x7e
	if len(reply) == 0 || reply[0] != applicationTag30 {
		return nil
	}
	var e messages.KRBError
	if err := e.Unmarshal(reply); err != nil {
		return fmt.Errorf("read the KDC's refusal: %w", err)
	}
	return e
}
