package sitelog_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"dpremote/internal/captures"
	"dpremote/internal/sitelog"
	"dpremote/simulator"
	"dpremote/wsman"
)

// remote is the shell of the server at a URL.
func remote(t *testing.T, url, password string) sitelog.Remote {
	t.Helper()
	transport, err := wsman.NewHTTP(wsman.HTTPOptions{URL: url, AllowUnencrypted: true}, wsman.Basic("sim", password))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = transport.Close() })
	return sitelog.Remote{Client: wsman.NewClient(transport, wsman.Options{Endpoint: url})}
}

// TestRemote reads logs of a simulated site server through its remote shell.
func TestRemote(t *testing.T) {
	h, err := simulator.Start(t.Context(), simulator.Model{Sites: []simulator.Site{{Code: "PS1", DPs: 2, Packages: 3, ServerDP: true,
		Failed: map[simulator.Cause]int{simulator.DiskFull: 2}, Retrying: 1}}},
		simulator.Options{AllowUnencrypted: true, User: "sim", Password: "right", Strict: func(s simulator.Sin) { t.Error(s) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	url := h.Sites()[0].URL
	for _, log := range sitelog.Logs() {
		got, err := sitelog.Read(t.Context(), remote(t, url, "right"), sitelog.Query{Log: log})
		if err != nil || len(got.Entries) == 0 && log != sitelog.SMSDPProv {
			t.Errorf("%s: %d entries, %v", log, len(got.Entries), err)
		}
		for _, e := range got.Entries {
			if e.Time.IsZero() || e.Message == "" || e.Thread == 0 {
				t.Errorf("%s: %+v", log, e)
			}
		}
	}
	if _, err := sitelog.Read(t.Context(), remote(t, url, "wrong"), sitelog.Query{Log: sitelog.DistMgr}); !errors.Is(err, wsman.ErrUnauthorized) {
		t.Errorf("wrong password: %v", err)
	}
}

// TestRemoteCaptures runs a command against what a Windows server answered to
// one.
func TestRemoteCaptures(t *testing.T) {
	recorded := captures.In(t, "../../../shared/captures")
	var receives atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		request := string(body)
		var page []byte
		switch {
		case strings.Contains(request, "2004/09/transfer/Create<"):
			page = recorded.Read(t, "shell/create_resp.xml")
		case strings.Contains(request, "windows/shell/Command<"):
			page = recorded.Read(t, "shell/command_resp.xml")
		case strings.Contains(request, "windows/shell/Receive<"):
			page = recorded.Read(t, []string{"shell/receive_resp_01.xml", "shell/receive_resp_02.xml"}[min(receives.Add(1), 2)-1])
		default: // Signal and Delete, whose answers nobody reads
			page = recorded.Read(t, "shell/command_resp.xml")
		}
		answer, err := captures.Answer(page, body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
		_, _ = w.Write(answer)
	}))
	defer server.Close()
	got, err := sitelog.Read(t.Context(), remote(t, server.URL, "p"), sitelog.Query{Log: sitelog.DistMgr, Lines: 4})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range got.Entries {
		all = append(all, e.Message)
	}
	if text := strings.Join(all, "|"); !strings.Contains(text, `"04/11/2013 17:55:02.335","0.024353"|Exiting, please wait...`) || !strings.HasSuffix(text, "The command completed successfully.") {
		t.Errorf("read %q", text)
	}
}

// TestRemoteClosesItsShell: a shell that was opened is closed though the context
// ended while a command ran.
func TestRemoteClosesItsShell(t *testing.T) {
	recorded := captures.In(t, "../../../shared/captures")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var deleted atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		name := "shell/command_resp.xml"
		switch request := string(body); {
		case strings.Contains(request, "2004/09/transfer/Create<"):
			name = "shell/create_resp.xml"
		case strings.Contains(request, "windows/shell/Receive<"):
			name = "shell/receive_resp_01.xml"
			stop()
		case strings.Contains(request, "2004/09/transfer/Delete<"):
			deleted.Store(true)
		}
		answer, _ := captures.Answer(recorded.Read(t, name), body)
		w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
		_, _ = w.Write(answer)
	}))
	defer server.Close()
	if _, _, err := remote(t, server.URL, "p").Run(ctx, "type x", io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if !deleted.Load() {
		t.Error("the shell is still open")
	}
}

// TestRemoteWithoutRights says what it takes.
func TestRemoteWithoutRights(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer server.Close()
	_, err := sitelog.Read(t.Context(), remote(t, server.URL, "p"), sitelog.Query{Log: sitelog.DistMgr})
	if !errors.Is(err, wsman.ErrAccessDenied) || !strings.Contains(err.Error(), "may not open a remote shell there") {
		t.Errorf("ended with %v", err)
	}
}

// TestRemoteErrorIsSafeToRetry: a connection that breaks off leaves nothing
// behind that a second read could do twice.
func TestRemoteErrorIsSafeToRetry(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer server.Close()
	_, err := sitelog.Read(t.Context(), remote(t, server.URL, "p"), sitelog.Query{Log: sitelog.DistMgr})
	var op *wsman.Error
	if !errors.As(err, &op) || op.Op != "remote shell" || op.Retry != wsman.RetrySafe {
		t.Errorf("ended with %#v", err)
	}
}
