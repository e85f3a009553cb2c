package inventory

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// Default ports of WinRM (MS-WSMV section 2.2.4.5, ClientDefaultPortsType).
const (
	portHTTP  = 5985
	portHTTPS = 5986
)

// server is the network side of a site.
type server struct {
	host string // a name or an address, IPv6 without its brackets
	port int
	tls  bool
}

// hostName is wider than DNS: Windows names may hold underscores.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$`)

// parseServer reads [http://|https://]NAME[:PORT]. IPv6 addresses stand in
// brackets. A name without a scheme means http, on whose port 5985 WinRM seals
// messages itself.
func parseServer(text string) (server, error) {
	const form = "want [http://|https://]NAME[:PORT]"
	if strings.Contains(text, "@") {
		// What stands before the @ may be a password: it is not repeated.
		return server{}, errors.New("want no user in the host: use user, and password_command for the password")
	}
	s := server{port: portHTTP}
	rest := text
	if scheme, after, found := strings.Cut(text, "://"); found {
		switch strings.ToLower(scheme) {
		case "http":
		case "https":
			s.tls, s.port = true, portHTTPS
		default:
			return server{}, fmt.Errorf("%s, got the scheme %q", form, scheme)
		}
		rest = strings.TrimSuffix(after, "/")
	}
	if strings.ContainsAny(rest, "/?#") {
		return server{}, fmt.Errorf("%s, without a path, got %q", form, text)
	}
	host, port, err := splitPort(rest)
	if err != nil {
		return server{}, fmt.Errorf("%s: %w", form, err)
	}
	if port != 0 {
		s.port = port
	}
	s.host = host
	return s, nil
}

// splitPort takes NAME[:PORT] apart; port is 0 where there is none.
func splitPort(text string) (host string, port int, err error) {
	host, portText, hasPort := text, "", false
	switch {
	case strings.HasPrefix(text, "["):
		address, after, closed := strings.Cut(text[1:], "]")
		if addr, err := netip.ParseAddr(address); !closed || err != nil || !addr.Is6() {
			return "", 0, fmt.Errorf("%q holds no IPv6 address in brackets", text)
		}
		if after != "" && after[0] != ':' {
			return "", 0, fmt.Errorf("%q after the address is no port", after)
		}
		host = address
		portText, hasPort = strings.CutPrefix(after, ":")
	case strings.Count(text, ":") > 1:
		return "", 0, fmt.Errorf("put the IPv6 address %q in brackets", text)
	default:
		host, portText, hasPort = strings.Cut(text, ":")
		if len(host) > 253 || !hostName.MatchString(host) {
			return "", 0, fmt.Errorf("%q is not a host name", host)
		}
	}
	if !hasPort {
		return host, 0, nil
	}
	n, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%q is not a port from 1 to 65535", portText)
	}
	return host, int(n), nil
}

// Address gives host:port as package net wants it, with IPv6 in brackets. It
// is empty for a simulated site, whose address is known once it runs.
func (s Site) Address() string {
	if s.Host == "" {
		return ""
	}
	return net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
}
