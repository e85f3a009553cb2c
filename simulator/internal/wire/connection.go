package wire

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// connection is what is known of one TCP connection: Negotiate and Kerberos
// sign in a connection, not a request (RFC 4559 section 6, MS-WSMV section
// 2.2.9.1).
type connection struct {
	// exchange is held while a request of the connection is answered: the
	// session's sequence numbers count requests and answers in turn.
	exchange  sync.Mutex
	word      string    // of the scheme that handshake or signedIn belong to
	handshake handshake // under way; nil when there is none
	signedIn  verdict   // the zero verdict when nobody is

	watched *watchedConn // nil when the server is not strict
}

type connectionKey struct{}

// ConfigureServer makes a server fit for the schemes that sign in connections:
// it sets ConnContext, and HTTP/1.1 as the only protocol, since HTTP/2 has many
// requests on a connection at once. Without it Negotiate and Kerberos let nobody
// in. It is to be called before the server starts.
func (h *Handler) ConfigureServer(s *http.Server) {
	s.ConnContext = h.connContext
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
}

// connContext gives a TCP connection the place in which its sign-in is
// remembered.
func (h *Handler) connContext(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, &connection{watched: watchedOf(c)})
}

// connectionOf is the connection of a request; nil when the server was not
// configured, or when the protocol has many requests on a connection at once.
func connectionOf(r *http.Request) *connection {
	if r.ProtoMajor != 1 {
		return nil
	}
	c, _ := r.Context().Value(connectionKey{}).(*connection)
	return c
}

// hold waits until the connection's other requests are answered; the function
// that it returns lets the next one in.
func (c *connection) hold() (release func()) {
	if c == nil {
		return func() {}
	}
	c.exchange.Lock()
	return c.exchange.Unlock
}

// forget ends a sign-in, be it complete or under way.
func (c *connection) forget() {
	if c != nil {
		c.word, c.handshake, c.signedIn = "", nil, verdict{}
	}
}
