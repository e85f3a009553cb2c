package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"dpremote/simulator"
)

// replay serves scripts: /wsman speaks WS-Enumeration and gives as many rows as
// the name of the user says who signs in; /page/ROWS/RECORDING/PLACE gives one
// answer, for programs that only fetch, and /pages/ROWS/RECORDING tells how many
// there are and how long the recorded ones are together.
type replay struct {
	recordings []*recording
	buffers    sync.Pool
}

func newReplay(recordings []*recording) *replay {
	return &replay{recordings: recordings, buffers: sync.Pool{New: func() any { return new([]byte) }}}
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
	case len(parts) == 1 && parts[0] == "wsman":
		which, place = p.find(request)
		user, _, _ := r.BasicAuth()
		rows = atoi(user)
	case len(parts) == 3 && parts[0] == "pages":
		rows, which = atoi(parts[1]), atoi(parts[2])
	case len(parts) == 4 && parts[0] == "page":
		rows, which, place = atoi(parts[1]), atoi(parts[2]), atoi(parts[3])
	}
	if which < 0 || which >= len(p.recordings) {
		http.Error(w, "nothing like that was recorded", http.StatusBadRequest)
		return
	}
	s := p.recordings[which].stretch(rows)
	if parts[0] == "pages" {
		size := 0
		for _, a := range s.recording.answers {
			size += len(a.body)
		}
		fmt.Fprintln(w, s.pages, size)
		return
	}
	if place < 0 || place >= s.pages {
		http.Error(w, "there is no such page", http.StatusBadRequest)
		return
	}
	buf := p.buffers.Get().(*[]byte)
	defer p.buffers.Put(buf)
	*buf = s.render(*buf, place, between(request, "<a:MessageID>", "<"), contextOf(which, place+1))
	w.Header()["Content-Type"] = []string{"application/soap+xml;charset=UTF-8"}
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(*buf))}
	_, _ = w.Write(*buf)
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
// then the simulated site's with the user and the password on it, and the
// credential cache for it, and ends with its input.
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
	h, err := startSite(ctx, pointCount, keytab)
	if err != nil {
		return err
	}
	defer h.Close()
	recordings, err := recordAll(ctx, h.Sites()[0])
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: newReplay(recordings)}
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

func announce(out io.Writer, url string, site simulator.Endpoint, cache string) {
	fmt.Fprintln(out, url, strings.TrimSuffix(site.URL, "/wsman"), site.User, site.Password(), cache)
}
