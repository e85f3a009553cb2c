package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"dpremote/simulator"
)

// hostile is what a server could write to drive a terminal, with what XML lets
// pass: CSI in one character, DEL, line ends, and what turns the direction.
const hostile = "\u009b2J\u007f\u202e\u2028\u2066\u0085\r\n"

// drives finds the first character that drives a terminal or, for people, turns
// a line. Line ends and tabs belong to the output, and are judged by lines.
func drives(text string, forPeople bool) (string, bool) {
	for i, r := range text {
		bad := r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 ||
			forPeople && (r >= '\u2028' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069')
		if r == utf8.RuneError {
			_, n := utf8.DecodeRuneInString(text[i:])
			bad = n == 1
		}
		if bad {
			return fmt.Sprintf("%q in %q", r, text[max(0, i-40):min(len(text), i+20)]), true
		}
	}
	return "", false
}

// poison puts hostile characters into answers.
type poison struct{ texts, streams *regexp.Regexp }

func newPoison() poison {
	return poison{
		// Properties that only people read.
		texts: regexp.MustCompile(`(<(?:\w+:)?(?:Name|PackageName|SiteName|Description|Manufacturer|Comment|InsString[0-9]+|ServiceName|Caption)>[^<]?)`),
		// What remote shells print.
		streams: regexp.MustCompile(`(<rsp:Stream [^>]*>)([A-Za-z0-9+/=]+)(</rsp:Stream>)`),
	}
}

func (p poison) answer(answer []byte) []byte {
	answer = p.texts.ReplaceAll(answer, []byte("${1}"+hostile))
	return p.streams.ReplaceAllFunc(answer, func(stream []byte) []byte {
		parts := p.streams.FindSubmatch(stream)
		printed, err := base64.StdEncoding.DecodeString(string(parts[2]))
		if err != nil {
			return stream
		}
		printed = bytes.ReplaceAll(printed, []byte("<![LOG["), []byte("<![LOG[\x1b[2J\x9b\x07"))
		return []byte(string(parts[1]) + base64.StdEncoding.EncodeToString(printed) + string(parts[3]))
	})
}

// around answers as a handler does, but poisoned.
func (p poison) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorded := httptest.NewRecorder()
		next.ServeHTTP(recorded, r)
		for name, values := range recorded.Header() {
			w.Header()[name] = values
		}
		body := p.answer(recorded.Body.Bytes())
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(recorded.Code)
		_, _ = w.Write(body)
	})
}

// TestServersDoNotDriveTheTerminal drives every command against a site whose
// texts are hostile, and against servers that refuse with hostile texts.
func TestServersDoNotDriveTheTerminal(t *testing.T) {
	poisonings := 0
	h, err := simulator.Start(t.Context(), model, simulator.Options{
		AllowUnencrypted: true, User: "sim", Password: "p", Strict: noSin(t),
		Around: func(_ string, next http.Handler) http.Handler { return newPoison().around(next) },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	servers := map[string]string{"site": strings.TrimSuffix(h.Sites()[1].URL, "/wsman")}
	for name, answer := range refusals() {
		server := httptest.NewServer(answer)
		defer server.Close()
		servers[name] = server.URL
	}
	t.Setenv("HOME", t.TempDir())
	for name, args := range everyCommand() {
		for kind, url := range servers {
			for _, format := range []string{"table", "wide", "csv", "jsonl", "yaml"} {
				if kind != "site" && format != "table" && format != "jsonl" {
					continue
				}
				if kind == "element" && name != "query" {
					continue // it is asked again, with a pause, by all alike
				}
				t.Run(name+" "+kind+" "+format, func(t *testing.T) {
					out, errs := runHostile(t, name, args, url, format)
					if strings.Contains(out+errs, "2J") {
						poisonings++
					}
					if what, bad := drives(errs, true); bad {
						t.Errorf("stderr holds %s", what)
					}
					// CSV is for programs, and carries the values as they are.
					if what, bad := drives(out, format == "table" || format == "wide"); bad && format != "csv" {
						t.Errorf("stdout holds %s", what)
					}
					for line := range strings.Lines(errs) {
						if strings.HasPrefix(line, "2J") {
							t.Errorf("a server broke a line: %q", line)
						}
					}
				})
			}
		}
	}
	if poisonings < 100 {
		t.Errorf("hostile texts were shown %d times only: nothing was tested", poisonings)
	}
}

func runHostile(t *testing.T, name string, args []string, url, format string) (out, errs string) {
	t.Helper()
	var o, e strings.Builder
	line := append([]string{}, args...)
	if name == "discover" {
		line = append(line, url)
	} else {
		line = append(line, "--host", url, "--site-code", "PS1")
	}
	if strings.Contains(strings.Join(line, " "), " -o ") || name == "discover" {
		format = ""
	}
	line = append(line, "--auth", "basic", "--user", "sim", "--password-stdin", "--allow-unencrypted", "--debug")
	if format != "" {
		line = append(line, "-o", format)
	}
	code := runOnce(t, testApp(strings.NewReader("p\n"), &o, &e), line)
	if code == exitUsage && !strings.Contains(e.String(), "--output") && !strings.Contains(e.String(), url) && name != "sites" {
		t.Fatalf("ended with %d: %s", code, e.String())
	}
	return o.String(), e.String()
}

// refusals are servers that refuse everything, with a hostile text in each
// place that has one.
func refusals() map[string]http.HandlerFunc {
	fault := func(status int, code, detail string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"><s:Body><s:Fault>`+
				`<s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>`+code+`</s:Value></s:Subcode></s:Code>`+
				`<s:Reason><s:Text>reason`+hostile+`</s:Text></s:Reason><s:Detail>`+detail+`</s:Detail></s:Fault></s:Body></s:Envelope>`)
		}
	}
	header := func(status int, name string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set(name, "x/\u009b2J\u202e")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "no")
		}
	}
	return map[string]http.HandlerFunc{
		"reason":   fault(500, "w:InternalError", ""),
		"subcode":  fault(500, "w:"+hostile, ""),
		"message":  fault(500, "w:InternalError", `<f:WSManFault Code="5" Machine="m`+hostile+`"><f:Message>message`+hostile+`</f:Message></f:WSManFault>`),
		"provider": fault(500, "w:InternalError", `<d>`+`<Description>why`+hostile+`</Description></d>`),
		"status":   fault(200, "w:InternalError", ""),
		"type":     header(200, "Content-Type"),
		"scheme":   header(401, "Www-Authenticate"),
		"element": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
			_, _ = io.WriteString(w, "<a\u009b2J/>")
		},
	}
}

// TestDrivesFinds shows that the test above can fail.
func TestDrivesFinds(t *testing.T) {
	for _, r := range hostile + "\x1b\x07\x00" {
		if _, bad := drives("a"+string(r), true); bad != (r != '\n' && r != '2' && r != 'J') {
			t.Errorf("%q: %v", r, bad)
		}
	}
}

// again reads the same bytes again and again.
type again struct {
	text string
	at   int
}

func (a *again) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		copied := copy(p[n:], a.text[a.at:])
		n, a.at = n+copied, (a.at+copied)%len(a.text)
	}
	return len(p), nil
}

// TestHostileServersUnderALimit runs the program itself with little memory
// against servers that offer much.
func TestHostileServersUnderALimit(t *testing.T) {
	if raced || runtime.GOOS != "linux" {
		t.Skip("the limit is Linux's, and not for the race detector")
	}
	envelope := `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header/><s:Body>`
	tests := []struct {
		name, start, filling string
		size                 int64
		want                 string
	}{
		{"ten gigabytes", envelope, "<a></a>", 10 << 30, "larger than the envelope allows"},
		{"ten gigabytes of nothing", "", " ", 10 << 30, "larger than the envelope allows"},
		{"a gigantic text", envelope + "<a>", "x", 10 << 30, "larger than the envelope allows"},
		{"a million nested elements", envelope, "<a>", 12_000_000, "larger than the envelope allows"},
		{"as many as are read", envelope + "<s:Fault>", "<a>", 8_000_000, "nested more than 256 deep"},
		{"hundreds of thousands of attributes", envelope + "<a", ` b=""`, 8_000_000, "more than 256 attributes"},
		{"hundreds of thousands of members", envelope + "<s:Fault><s:Detail>", "<a/>", 8_000_000, "ends in the middle"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
				_, _ = io.WriteString(w, tt.start)
				_, _ = io.Copy(w, io.LimitReader(&again{text: strings.Repeat(tt.filling, 5000)}, tt.size))
			}))
			defer server.Close()
			// Of 224 MB a Go program takes 100 before it has done anything.
			run := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -d 229376 && exec dpremote "$@"`, "sh",
				"query", "SELECT * FROM X", "--namespace", "root/cimv2", "--host", server.URL,
				"--auth", "basic", "--user", "u", "--password-env", "HOSTILE_PASSWORD", "--allow-unencrypted")
			run.Env = append(os.Environ(), "HOSTILE_PASSWORD=p")
			printed, err := run.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != exitIncomplete || !strings.Contains(string(printed), tt.want) {
				t.Errorf("ended with %v, printed %.500s", err, printed)
			}
		})
	}
}
