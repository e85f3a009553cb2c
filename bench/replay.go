package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"dpremote/simulator"
)

// replay serves scripts: /wsman speaks WS-Enumeration and gives as many rows as
// the name of the user says who signs in, each page after the time that it says
// behind a "+", if any; /page/ROWS/RECORDING/PLACE gives one answer, for programs
// that only fetch; and /asked tells for each recording how many answers were
// given since the last /asked, how many there are, and their bytes.
type replay struct {
	recordings []*recording
	buffers    sync.Pool

	mu    sync.Mutex
	asked []asked // by recording
}

// asked is what was asked of a recording.
type asked struct{ recording, answers, pages, bytes int }

func newReplay(recordings []*recording) *replay {
	return &replay{recordings: recordings, buffers: sync.Pool{New: func() any { return new([]byte) }}, asked: make([]asked, len(recordings))}
}

// maxRequest is more than any request that is measured has.
const maxRequest = 64 << 10

// ServeHTTP implements http.Handler.
func (p *replay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	request, err := io.ReadAll(io.LimitReader(r.Body, maxRequest))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	which, place, rows := -1, 0, 0
	switch {
	case len(parts) == 1 && parts[0] == "asked":
		p.tell(w)
		return
	case len(parts) == 1 && parts[0] == "wsman":
		which, place = p.find(request)
		user, _, _ := r.BasicAuth()
		number, delay, _ := strings.Cut(user, "+")
		rows = atoi(number)
		pause, _ := time.ParseDuration(delay) // none is none
		time.Sleep(pause)
	case len(parts) == 4 && parts[0] == "page":
		rows, which, place = atoi(parts[1]), atoi(parts[2]), atoi(parts[3])
	}
	buf := p.buffers.Get().(*[]byte)
	defer p.buffers.Put(buf)
	if *buf, err = p.answer(*buf, request, rows, which, place); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header()["Content-Type"] = []string{"application/soap+xml;charset=UTF-8"}
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(*buf))}
	_, _ = w.Write(*buf)
}

// answer writes one answer into buf.
func (p *replay) answer(buf, request []byte, rows, which, place int) ([]byte, error) {
	if which < 0 || which >= len(p.recordings) {
		return buf, errors.New("nothing like that was recorded")
	}
	s := p.recordings[which].stretch(rows)
	if place < 0 || place >= s.pages {
		return buf, errors.New("there is no such page")
	}
	buf = s.render(buf, place, between(request, "<a:MessageID>", "<"), contextOf(which, place+1))
	p.mu.Lock()
	defer p.mu.Unlock()
	a := &p.asked[which]
	*a = asked{which, a.answers + 1, s.pages, a.bytes + len(buf)}
	return buf, nil
}

// tell writes what was asked, and forgets it.
func (p *replay) tell(w io.Writer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, a := range p.asked {
		if a.answers > 0 {
			fmt.Fprintln(w, a.recording, a.answers, a.pages, a.bytes)
		}
		p.asked[i] = asked{}
	}
}

// find tells which recording a request asks for, and which place in it.
func (p *replay) find(request []byte) (which, place int) {
	if c := between(request, "<n:EnumerationContext>", "<"); c != "" {
		if n, err := fmt.Sscanf(c, contextForm, &which, &place); n == 2 && err == nil {
			return which, place
		}
		return -1, 0
	}
	for i, r := range p.recordings {
		if bytes.Contains(request, []byte(">"+r.wql+"</w:Filter>")) {
			return i, 0
		}
	}
	return -1, 0
}

// contextForm is as long as the contexts that were recorded.
const contextForm = "uuid:%08X-0000-4000-8000-%012X"

func contextOf(which, place int) string { return fmt.Sprintf(contextForm, which, place) }

// between is the text after one mark and before another, empty without them.
func between(text []byte, from, to string) string {
	_, rest, ok := bytes.Cut(text, []byte(from))
	found, _, ended := bytes.Cut(rest, []byte(to))
	if !ok || !ended {
		return ""
	}
	return string(found)
}

// atoi is a number, -1 for none.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

// serveUntilEOF is the server's process. It prints the replaying server's URL,
// then that of a simulated site which replays as many rows as a site has, sealed
// where it is asked so, with the user and the password on it, and the credential
// cache for it, and ends with its input.
func serveUntilEOF(ctx context.Context, in io.Reader, out io.Writer) error {
	dir, err := os.MkdirTemp("", "dpremote-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	keytab, cache, err := kerberosFiles(dir)
	if err != nil {
		return err
	}
	recordings, err := prepare(ctx, pointCount)
	if err != nil {
		return err
	}
	replaying := newReplay(recordings)
	h, err := startSealed(ctx, keytab, replaying)
	if err != nil {
		return err
	}
	defer h.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: replaying}
	defer server.Close()
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	announce(out, "http://"+listener.Addr().String(), h.Sites()[0], cache)
	ended := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, in); close(ended) }()
	select {
	case err := <-failed:
		return err
	case <-ended:
	case <-ctx.Done():
	}
	return nil
}

// startSealed starts a simulated site that takes NTLM, Kerberos by the keytab of
// its service, and Basic in clear text, and replays the recordings.
func startSealed(ctx context.Context, keytab string, p *replay) (*simulator.Hierarchy, error) {
	return simulator.Start(ctx, simulator.Model{Sites: []simulator.Site{{Code: siteCode, DPs: 1, Packages: 1}}}, simulator.Options{
		AllowUnencrypted: true, Keytab: keytab, Schemes: []simulator.Scheme{simulator.Basic, simulator.NTLM, simulator.Kerberos},
		Answer: func(_ string, message []byte) []byte {
			which, place := p.find(message)
			answer, err := p.answer(nil, message, rowsOfSite, which, place)
			if err != nil {
				return nil // the site has something to say, and the one who asks sees that it is not enough
			}
			return answer
		},
	})
}

func announce(out io.Writer, url string, site simulator.Endpoint, cache string) {
	fmt.Fprintln(out, url, strings.TrimSuffix(site.URL, "/wsman"), site.User, site.Password(), cache)
}
