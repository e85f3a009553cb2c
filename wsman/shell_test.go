package wsman_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/masterzen/winrm"

	"dpremote/simulator"
	"dpremote/wsman"
)

// siteServer starts a simulated site server and a transport to it.
func siteServer(t *testing.T, password string) wsman.Transport {
	t.Helper()
	h, err := simulator.Start(t.Context(), simulator.Model{Sites: []simulator.Site{{Code: "PS1", DPs: 1, Packages: 1}}},
		simulator.Options{AllowUnencrypted: true, User: "sim", Password: "right", Strict: func(s simulator.Sin) { t.Error(s) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	transport, err := wsman.NewHTTP(wsman.HTTPOptions{URL: h.Sites()[0].URL, AllowUnencrypted: true}, wsman.Basic("sim", password))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = transport.Close() })
	return transport
}

func shellClient(t *testing.T, transport wsman.Transport) *winrm.Client {
	t.Helper()
	params := *winrm.DefaultParameters
	params.TransportDecorator = wsman.NewShells(t.Context(), transport, 0).Decorate
	client, err := winrm.NewClientWithParameters(winrm.NewEndpoint("unused", 5985, false, false, nil, nil, nil, 0), "", "", &params)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// TestRemoteShell runs a command by a client that we did not write, through
// our transport.
func TestRemoteShell(t *testing.T) {
	client := shellClient(t, siteServer(t, "right"))
	stdout, stderr, code, err := client.RunWithContextWithString(t.Context(), "hostname", "")
	if err != nil || code != 0 || strings.TrimSpace(stdout) == "" || stderr != "" {
		t.Errorf("hostname: %q, %q, %d, %v", stdout, stderr, code, err)
	}
	if _, stderr, code, err := client.RunWithContextWithString(t.Context(), "no-such-command", ""); err != nil || code == 0 || stderr == "" {
		t.Errorf("no-such-command: %q, %d, %v", stderr, code, err)
	}
}

// TestRemoteShellErrors: that client's own transports return refused sign-ins
// and faults as success; ours must not.
func TestRemoteShellErrors(t *testing.T) {
	_, _, _, err := shellClient(t, siteServer(t, "wrong")).RunWithContextWithString(t.Context(), "hostname", "")
	if !errors.Is(err, wsman.ErrUnauthorized) {
		t.Errorf("wrong password: %v", err)
	}
	client := shellClient(t, siteServer(t, "right"))
	_, err = client.NewShell("00000000-0000-0000-0000-000000000000").ExecuteWithContext(t.Context(), "hostname")
	var fault *wsman.Fault
	if !errors.As(err, &fault) {
		t.Errorf("a shell that is not there: %v", err)
	}
}

// TestRemoteShells: a client's shells go its own way, with its errors.
func TestRemoteShells(t *testing.T) {
	for _, password := range []string{"right", "wrong"} {
		shells, err := wsman.NewClient(siteServer(t, password), wsman.Options{Endpoint: "http://[::1]:5985/wsman"}).RemoteShells(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stdout, _, code, err := shells.RunWithContextWithString(t.Context(), "hostname", "")
		var op *wsman.Error
		switch {
		case password == "right" && (err != nil || code != 0 || strings.TrimSpace(stdout) == ""):
			t.Errorf("hostname: %q, %d, %v", stdout, code, err)
		case password == "wrong" && (!errors.As(err, &op) || op.Op != "remote shell" || !errors.Is(err, wsman.ErrUnauthorized)):
			t.Errorf("wrong password: %v", err)
		}
	}
}

// lostAtTheEnd is a Transport that loses connections before the first messages
// that close something are sent.
type lostAtTheEnd struct {
	wsman.Transport
	loses, closings int
}

var errLost = errors.New("the connection was lost")

func (l *lostAtTheEnd) RoundTrip(ctx context.Context, req *wsman.Request) (*wsman.Response, error) {
	if strings.Contains(string(req.Body), "2004/09/transfer/Delete<") {
		if l.closings++; l.closings <= l.loses {
			return nil, &wsman.TransportError{Err: errLost}
		}
	}
	return l.Transport.RoundTrip(ctx, req)
}

// TestShellIsClosedAgain: a Delete whose connection was lost is sent on another,
// or the strict server finds its shell left open.
func TestShellIsClosedAgain(t *testing.T) {
	lost := &lostAtTheEnd{Transport: siteServer(t, "right"), loses: 1}
	client, err := wsman.NewClient(lost, wsman.Options{Endpoint: "http://server:5985/wsman", Backoff: 1}).RemoteShells(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, code, err := client.RunWithContextWithString(t.Context(), "hostname", ""); err != nil || code != 0 {
		t.Errorf("hostname: %d, %v", code, err)
	}
	if lost.closings != 2 {
		t.Errorf("%d messages to close the shell", lost.closings)
	}
}
