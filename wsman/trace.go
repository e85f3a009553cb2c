package wsman

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"dpremote/internal/xmlscan"
)

// Tracer sees every message before it is sealed and after it was unsealed. It
// is safe for concurrent use.
type Tracer interface {
	// Trace is told of a request; the function it returns, of the answer, whose
	// body is valid for the call only.
	Trace(op string, request []byte) func(*Response, error)
}

// DirTracer writes each request and each answer to a file of its own in a
// directory: NAME-0001.req.xml and NAME-0001.res.xml. Headers of HTTP are not
// written, and elements whose names speak of secrets are emptied.
type DirTracer struct {
	dir, name string
	count     atomic.Int64
	failed    func(error)
}

// NewDirTracer makes a tracer that writes into dir, which it creates for its
// owner only. name starts each file's name. failed is told, once per file, of
// a file that could not be written; nil ignores that.
func NewDirTracer(dir, name string, failed func(error)) (*DirTracer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create trace directory: %w", err)
	}
	if failed == nil {
		failed = func(error) {}
	}
	return &DirTracer{dir: dir, name: name, failed: failed}, nil
}

// Trace implements Tracer.
func (t *DirTracer) Trace(op string, request []byte) func(*Response, error) {
	n := t.count.Add(1)
	t.write(n, "req.xml", redact(request))
	return func(res *Response, err error) {
		switch {
		case err != nil:
			t.write(n, "err.txt", fmt.Appendf(nil, "%s: %v\n", op, err))
		case res.Status == http.StatusOK || len(res.Body) > 0:
			t.write(n, "res.xml", redactAnswer(res))
		default:
			t.write(n, "err.txt", fmt.Appendf(nil, "%s: HTTP %d, empty body\n", op, res.Status))
		}
	}
}

func redactAnswer(res *Response) []byte {
	doc, err := toUTF8(res.Body, res.ContentType)
	if err != nil {
		return fmt.Appendf(nil, "<!-- HTTP %d, %d bytes of %q: %v -->\n", res.Status, len(res.Body), res.ContentType, err)
	}
	return redact(doc)
}

func (t *DirTracer) write(n int64, kind string, data []byte) {
	name := filepath.Join(t.dir, fmt.Sprintf("%s-%04d.%s", t.name, n, kind))
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.failed(fmt.Errorf("write trace: %w", err))
	}
}

// redact copies a document byte for byte, but for the content of elements
// whose names speak of secrets. What cannot be parsed is not written at all,
// for nobody knows what is in it.
func redact(doc []byte) []byte {
	sc := xmlscan.New(doc)
	var out []byte
	copied := 0
	for {
		t, err := sc.Next()
		if err != nil {
			return fmt.Appendf(nil, "<!-- %d bytes that are no XML, not written: %v -->\n", len(doc), err)
		}
		if t == xmlscan.EOF {
			return append(out, doc[copied:]...)
		}
		if t != xmlscan.Start || !holdsSecret(sc) {
			continue
		}
		start := sc.Offset()
		end, err := endOfContent(sc)
		if err != nil || end <= start {
			continue // an error comes back from Next; an empty element holds nothing
		}
		out = append(append(out, doc[copied:start]...), "[redacted]"...)
		copied = end
	}
}

func holdsSecret(sc *xmlscan.Scanner) bool {
	name, _ := sc.Attr("", "Name")
	return speaksOfSecrets(string(sc.Local())) || speaksOfSecrets(string(name))
}

// endOfContent reads to the End of the current element and gives the offset
// at which its end tag begins.
func endOfContent(sc *xmlscan.Scanner) (int, error) {
	depth := sc.Depth()
	for {
		before := sc.Offset()
		t, err := sc.Next()
		if err != nil || t == xmlscan.End && sc.Depth() == depth {
			return before, err
		}
	}
}

// speaksOfSecrets tells the names of elements and selectors whose values must
// not reach a file.
func speaksOfSecrets(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{"password", "passwd", "secret", "token", "credential", "privatekey", "authorization"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}
