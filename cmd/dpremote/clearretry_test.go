package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dpremote/simulator"
)

// serveRefusing is a site server at which an account may do everything but what refuse
// says of a request's body.
func serveRefusing(t *testing.T, refuse func(body []byte) bool) string {
	t.Helper()
	h, err := simulator.New(model, simulator.Options{AllowUnencrypted: true, User: "u", Password: "p", Strict: noSin(t)})
	if err != nil {
		t.Fatal(err)
	}
	site, ok := h.Handler("PS1")
	if !ok {
		t.Fatal("no site PS1")
	}
	const denied = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Body><s:Fault>` +
		`<s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>w:AccessDenied</s:Value></s:Subcode></s:Code>` +
		`<s:Reason><s:Text xml:lang="en-US">Access is denied.</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if refuse(body) {
			w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, denied)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		site.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.Close()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL
}

// TestClearRetryWithoutRights is told with what to do about it, and no failure of
// what does not need them.
func TestClearRetryWithoutRights(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	aboutRegistry := func(body []byte) bool { return bytes.Contains(body, []byte("StdRegProv")) }
	url := serveRefusing(t, aboutRegistry)
	code, out, errs := ask(t, url, "--site-code", "PS1", "diagnose", "--clear-retry", "CAS00001", "--yes", "-o", "json")
	if code != exitIncomplete || !strings.Contains(errs, "the registry takes a local administrator of the site server") || !strings.Contains(out, `"kind":"access"`) {
		t.Errorf("ended with %d: %s%s", code, out, errs)
	}
	for range 4 {
		if code, _, errs := ask(t, url, "--site-code", "PS1", "refresh", "--yes", "--force", "--wait", "--interval", "20ms"); code != exitFindings {
			t.Fatalf("refresh ended with %d: %s", code, errs)
		}
	}
	code, out, errs = ask(t, url, "--site-code", "PS1", "diagnose", "-o", "json")
	if code != exitOK || !strings.Contains(errs, "the account may not read the registry of PS1") || !strings.Contains(out, `"retryHistory":{"state":"access denied","why":"`) {
		t.Errorf("diagnose ended with %d: %s%s", code, out, errs)
	}
}

// TestClearRetryThatIsRefused leaves the key and what was kept of it.
func TestClearRetryThatIsRefused(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	url := serveRefusing(t, func(body []byte) bool { return bytes.Contains(body, []byte("StdRegProv/DeleteKey")) })
	code, out, errs := ask(t, url, "--site-code", "PS1", "diagnose", "--clear-retry", "CAS00001", "--yes", "-o", "csv", "--no-headers", "--columns", "outcome")
	if code != exitIncomplete || strings.TrimSpace(out) != "not cleared" || !strings.Contains(errs, "local administrator") || strings.Contains(errs, "Next:") {
		t.Errorf("ended with %d: %s%s", code, out, errs)
	}
	kept, err := filepath.Glob(filepath.Join(home, ".local", "state", "dpremote", "retry-history", "PS1-CAS00001-*.reg"))
	if err != nil || len(kept) != 1 {
		t.Errorf("kept %q, %v", kept, err)
	}
}

// TestClearRetryAsks shows what is there, and does as it is told.
func TestClearRetryAsks(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	url := serveRefusing(t, func([]byte) bool { return false })
	for _, tt := range []struct{ answer, outcome, says string }{
		{"n\n", "not cleared", "Nothing was deleted."},
		{"y\n", "cleared", `"reg import" of ` + home},
	} {
		var out, errs strings.Builder
		a := testApp(strings.NewReader(tt.answer), &out, &errs)
		a.getenv = testEnv
		a.terminal = func(stream any) (int, bool) { return 80, stream == a.in }
		code := a.execute(t.Context(), []string{"--host", url, "--auth", "basic", "--user", "u", "--password-env", "TEST_PASSWORD", "--allow-unencrypted",
			"--site-code", "PS1", "diagnose", "--clear-retry", "CAS00001", "-o", "csv", "--no-headers", "--columns", "outcome"})
		if code != exitOK || strings.TrimSpace(out.String()) != tt.outcome {
			t.Errorf("%q ended with %d: %s", tt.answer, code, out.String())
		}
		for _, want := range []string{"  Retry Count=3 (REG_DWORD)\n", `PS1: HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\SMS`, "Delete 1 retry history, and keep what is in them in " + home, tt.says} {
			if !strings.Contains(errs.String(), want) {
				t.Errorf("%q: %q is missing from\n%s", tt.answer, want, errs.String())
			}
		}
	}
}

func TestWriteNew(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for _, want := range []string{"x.reg", "x-2.reg", "x-3.reg"} {
		path, err := writeNew(dir, "x", ".reg", []byte("text"))
		if err != nil || filepath.Base(path) != want {
			t.Fatalf("%s, %v; want %s", path, err, want)
		}
		data, err := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err != nil || statErr != nil || string(data) != "text" || info.Mode().Perm() != 0o600 {
			t.Errorf("%q, %v, %v, %v", data, err, info, statErr)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	if path, err := writeNew(filepath.Join(dir, "x.reg"), "x", ".reg", nil); err == nil {
		t.Errorf("wrote %s", path)
	}
}
