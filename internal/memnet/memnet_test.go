package memnet

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n Network
		if _, err := n.Dial(t.Context(), "tcp", "127.0.0.1:1"); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("nobody listens: %v", err)
		}
		l, err := n.Listen(t.Context(), "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Listen(t.Context(), l.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("listening twice: %v", err)
		}
		for _, reset := range []bool{false, true} {
			go func() {
				c, err := l.Accept()
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.WriteString(c, "hello")
				time.Sleep(time.Hour) // of the invented clock
				if reset {
					_ = c.(interface{ SetLinger(int) error }).SetLinger(0)
				}
				_ = c.Close()
			}()
			c, err := n.Dial(t.Context(), "tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(c)
			if string(text) != "hello" || errors.Is(err, syscall.ECONNRESET) != reset {
				t.Errorf("read %q, %v; reset is %v", text, err, reset)
			}
		}
		_ = l.Close()
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept after close: %v", err)
		}
		if _, err := n.Dial(t.Context(), "tcp", l.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("after close: %v", err)
		}
	})
}
