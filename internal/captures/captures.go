// Package captures serves recorded answers of real Windows servers to tests,
// where the recordings are beside the project. They are other projects' test
// data and no part of this one.
package captures

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Set is the recordings in a directory.
type Set struct{ dir string }

// In is the recordings in a directory, which a test names by where they lie
// from its own package. It skips the test when they are not there.
func In(t testing.TB, dir string) Set {
	t.Helper()
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the captures of Windows servers are not beside the project")
	}
	return Set{dir}
}

// Files are the paths of the recordings that match a pattern, such as
// faults/*.xml, sorted.
func (s Set) Files(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// Read is one recording.
func (s Set) Read(t testing.TB, name string) []byte {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Enumerations are the recorded enumerations by name, such as
// Win32_Volume_star, each with its pages in order.
func (s Set) Enumerations(t testing.TB) map[string][][]byte {
	t.Helper()
	const dir = "windows-server-2008"
	pages := map[string][][]byte{}
	for _, f := range s.Files(t, filepath.Join(dir, "*_[0-9][0-9][0-9].xml")) {
		base := filepath.Base(f)
		name := base[:len(base)-len("_000.xml")]
		pages[name] = append(pages[name], s.Read(t, filepath.Join(dir, base)))
	}
	return pages
}

var relatesTo = regexp.MustCompile(`(<a:RelatesTo>)[^<]*(</a:RelatesTo>)`)

// Answer is a recorded answer made to relate to a request.
func Answer(page []byte, request []byte) ([]byte, error) {
	id, err := headerText(request, "MessageID")
	if err != nil {
		return nil, err
	}
	return relatesTo.ReplaceAll(page, []byte("${1}"+id+"${2}")), nil
}

// headerText is the text of the first element with this local name.
func headerText(doc []byte, local string) (string, error) {
	d := xml.NewDecoder(strings.NewReader(string(doc)))
	for {
		t, err := d.Token()
		if err != nil {
			return "", fmt.Errorf("request without %s: %w", local, err)
		}
		if start, ok := t.(xml.StartElement); ok && start.Name.Local == local {
			var text string
			return text, d.DecodeElement(&text, &start)
		}
	}
}

// Server replays one recorded enumeration to whoever asks: the first page to
// an Enumerate, the next one to each Pull that carries the context of the page
// before. It is safe for concurrent use, but replays to one client at a time.
type Server struct {
	pages [][]byte

	mu       sync.Mutex
	next     int
	expected string // the context that the next Pull must carry
	requests []string
}

// NewServer replays pages.
func NewServer(pages [][]byte) *Server { return &Server{pages: pages} }

// Requests are the actions that were asked for, in order.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

var errOutOfTurn = errors.New("a request out of turn")

// Reply answers one request.
func (s *Server) Reply(request []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	action, err := headerText(request, "Action")
	if err != nil {
		return nil, err
	}
	action = action[strings.LastIndexByte(action, '/')+1:]
	s.requests = append(s.requests, action)
	switch action {
	case "Enumerate":
		s.next = 0
	case "Pull":
		if id, _ := headerText(request, "EnumerationContext"); id != s.expected || s.next >= len(s.pages) {
			return nil, fmt.Errorf("%w: Pull with context %q", errOutOfTurn, id)
		}
	default:
		return nil, fmt.Errorf("%w: %s", errOutOfTurn, action)
	}
	page := s.pages[s.next]
	s.next++
	s.expected, _ = headerText(page, "EnumerationContext")
	return Answer(page, request)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		body, err = s.Reply(body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
	_, _ = w.Write(body)
}
