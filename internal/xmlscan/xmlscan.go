// Package xmlscan reads the XML of a WS-Management answer: a namespace-aware
// pull scanner over a document that is held in memory whole.
//
// An answer is bounded (MaxEnvelopeSize), read whole, and then walked once from
// front to back. The scanner therefore hands out slices of the document itself
// and copies only what it must change: text with entities, references or
// carriage returns. Nothing is built; what a caller does not look at costs one
// pass over its bytes.
//
// It reads namespaces in XML 1.0 in UTF-8 and refuses what an answer has no
// business with: document type declarations, entities beyond XML's five,
// elements nested too deep, endless attributes. It does not check that a name
// or a character is one of those that XML lists; encoding/xml does, and the
// fuzz test holds the two against each other.
package xmlscan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Limits that no real answer comes near. They bound what a hostile document
// can make the scanner hold.
const (
	maxDepth      = 256
	maxAttributes = 256
	maxBindings   = 512 // namespaces in scope at once
	maxName       = 1024
)

// Token says what Next stopped at.
type Token uint8

// The tokens. An element without content gives Start, then End.
const (
	EOF   Token = iota // the document's end; its zero value
	Start              // a start tag: Space, Local, Attrs
	End                // an end tag: Space, Local
	Text               // character data: Text; one run may come as several
)

// Attr is one attribute of a start tag. Declarations of namespaces are not
// among them. Its slices are valid until the next call of Next.
type Attr struct {
	Space, Local, Value []byte
}

// SyntaxError says where a document stops being XML that this package reads.
type SyntaxError struct {
	Offset  int // in bytes from the document's start
	Message string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("malformed XML at byte %d: %s", e.Offset, e.Message)
}

// ErrTruncated is wrapped by the error of a document that ends before its
// root element does.
var ErrTruncated = errors.New("the document ends in the middle")

type binding struct {
	prefix, uri []byte
}

type element struct {
	name     []byte // as written, prefix included
	bindings int    // how many namespace bindings were in scope outside it
}

// Scanner reads one document. Its zero value reads an empty one. It is not
// safe for concurrent use.
type Scanner struct {
	buf      []byte
	pos      int
	open     []element
	bindings []binding
	rooted   bool // the root element has been seen
	closing  bool // the start tag just given closes itself
	ended    bool // the end tag just given is to be popped

	space, local, text []byte
	attrs              []Attr
}

// New is a scanner at the start of doc, which must not change while it is used.
func New(doc []byte) *Scanner {
	s := &Scanner{}
	s.Reset(doc)
	return s
}

// Reset starts again on another document and keeps the memory.
func (s *Scanner) Reset(doc []byte) {
	*s = Scanner{buf: doc, open: s.open[:0], bindings: s.bindings[:0], attrs: s.attrs[:0]}
	s.pos = len(doc) - len(bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf")))
}

// Space is the namespace URI of the element that a Start or End named.
func (s *Scanner) Space() []byte { return s.space }

// Local is the local name of the element that a Start or End named.
func (s *Scanner) Local() []byte { return s.local }

// Is reports whether the current element has this name.
func (s *Scanner) Is(space, local string) bool {
	return string(s.local) == local && string(s.space) == space
}

// Text is the character data that Next stopped at, valid until the next call.
func (s *Scanner) Text() []byte { return s.text }

// Attrs are the attributes of the current Start, valid until the next call.
func (s *Scanner) Attrs() []Attr { return s.attrs }

// Attr is the value of an attribute of the current Start, and whether it is there.
func (s *Scanner) Attr(space, local string) ([]byte, bool) {
	for i := range s.attrs {
		a := &s.attrs[i]
		if string(a.Local) == local && string(a.Space) == space {
			return a.Value, true
		}
	}
	return nil, false
}

// Depth is the number of open elements, the current one included: 1 at the
// root's Start and at its End.
func (s *Scanner) Depth() int { return len(s.open) }

// Offset is where the scanner stands, in bytes from the document's start.
func (s *Scanner) Offset() int { return s.pos }

// Since is the document from an offset to where the scanner stands.
func (s *Scanner) Since(offset int) []byte { return s.buf[offset:s.pos] }

// Mark is a place to which a scanner can go back.
type Mark struct {
	pos, open, bindings int
	closing, ended      bool
}

// Mark remembers where the scanner stands.
func (s *Scanner) Mark() Mark {
	return Mark{s.pos, len(s.open), len(s.bindings), s.closing, s.ended}
}

// Rewind goes back to a mark, so that Next gives again what it gave after it.
// The element that was open at the mark must not have been left since.
func (s *Scanner) Rewind(m Mark) {
	s.pos, s.open, s.bindings = m.pos, s.open[:m.open], s.bindings[:m.bindings]
	s.closing, s.ended = m.closing, m.ended
}

// Document is the whole document; Offset counts in it.
func (s *Scanner) Document() []byte { return s.buf }

// Ahead is what has not been read yet. It is nil where the scanner stands
// inside a tag: at the Start of an element without content.
func (s *Scanner) Ahead() []byte {
	if s.ended {
		s.pop()
	}
	if s.closing {
		return nil
	}
	return s.buf[s.pos:]
}

// Pass goes past the first n bytes of Ahead. The caller knows them to be whole
// elements that this scanner would read without an error.
func (s *Scanner) Pass(n int) { s.pos += n }

// AppendScope appends all that the meaning of an element that comes next
// depends on: how deep it stands, and the namespaces in scope. Elements of the
// same bytes in equal scopes are the same, also in different documents.
func (s *Scanner) AppendScope(b []byte) []byte {
	if s.ended {
		s.pop()
	}
	b = binary.AppendUvarint(b, uint64(len(s.open)))
	for _, bound := range s.bindings {
		b = binary.AppendUvarint(b, uint64(len(bound.prefix)))
		b = append(b, bound.prefix...)
		b = binary.AppendUvarint(b, uint64(len(bound.uri)))
		b = append(b, bound.uri...)
	}
	return b
}

// Resolve is the namespace URI that a prefix stands for here. The empty prefix
// gives the default namespace, which may be none.
func (s *Scanner) Resolve(prefix []byte) ([]byte, bool) {
	for i := len(s.bindings) - 1; i >= 0; i-- {
		if bytes.Equal(s.bindings[i].prefix, prefix) {
			return s.bindings[i].uri, true
		}
	}
	if string(prefix) == "xml" {
		return []byte("http://www.w3.org/XML/1998/namespace"), true
	}
	return nil, len(prefix) == 0
}

// QName splits a qualified name found in content, such as the value of
// xsi:type, and resolves its prefix. A prefix that is not declared gives a nil
// space.
func (s *Scanner) QName(value []byte) (space, local []byte) {
	value = bytes.TrimSpace(value)
	prefix, local, found := bytes.Cut(value, []byte(":"))
	if !found {
		prefix, local = nil, value
	}
	space, _ = s.Resolve(prefix)
	return space, local
}

// Skip reads to the End of the element whose Start was just given.
func (s *Scanner) Skip() error { return s.SkipTo(len(s.open)) }

// SkipTo reads on until the End of the element open at this depth has been
// given. It does nothing when that element has been left already.
func (s *Scanner) SkipTo(depth int) error {
	for len(s.open) >= depth {
		if len(s.open) == depth && s.ended {
			return nil
		}
		if _, err := s.Next(); err != nil {
			return err
		}
	}
	return nil
}

// Children calls child at the Start of each child of the element whose Start
// was just given, and reads to that element's End. child may read its element,
// or part of it, or leave it alone. Character data between the children is
// passed over.
func (s *Scanner) Children(child func() error) error {
	depth := len(s.open)
	for {
		t, err := s.Next()
		switch {
		case err != nil:
			return err
		case t == End:
			return nil
		case t != Start:
			continue
		}
		if err := child(); err != nil {
			return err
		}
		if err := s.SkipTo(depth + 1); err != nil {
			return err
		}
	}
}

// Content reads the character data of the element whose Start was just given,
// to its End. A child element is an error. The slice is valid until the next
// call.
func (s *Scanner) Content() ([]byte, error) {
	name := s.local
	var text []byte
	for joined := false; ; {
		t, err := s.Next()
		switch {
		case err != nil:
			return nil, err
		case t == End:
			return text, nil
		case t == Start:
			return nil, s.fail(fmt.Sprintf("element <%s> inside <%s>, where only text belongs", s.local, name))
		case t == Text && text == nil:
			text = s.text
		case t == Text:
			if !joined { // the first run may be part of the document
				text, joined = slices.Clone(text), true
			}
			text = append(text, s.text...)
		}
	}
}

// Next reads to the next token. After EOF or an error it must not be called
// again.
func (s *Scanner) Next() (Token, error) {
	if s.ended {
		s.pop()
	}
	if s.closing {
		s.closing, s.ended = false, true
		s.attrs = s.attrs[:0]
		return End, nil
	}
	for s.pos < len(s.buf) {
		if s.buf[s.pos] != '<' {
			t, err := s.characters()
			if t == Text || err != nil {
				return t, err
			}
			continue
		}
		if s.pos+1 >= len(s.buf) {
			break
		}
		switch s.buf[s.pos+1] {
		case '/':
			return s.endTag()
		case '?':
			if err := s.skipPast("?>", "processing instruction"); err != nil {
				return EOF, err
			}
		case '!':
			if t, err := s.declaration(); t == Text || err != nil {
				return t, err
			}
		default:
			return s.startTag()
		}
	}
	if len(s.open) > 0 || !s.rooted || s.pos < len(s.buf) {
		return EOF, s.truncated()
	}
	return EOF, nil
}

func (s *Scanner) fail(message string) error {
	return &SyntaxError{s.pos, message}
}

func (s *Scanner) truncated() error {
	return fmt.Errorf("malformed XML at byte %d: %w", len(s.buf), ErrTruncated)
}

func (s *Scanner) pop() {
	s.ended = false
	last := len(s.open) - 1
	s.bindings = s.bindings[:s.open[last].bindings]
	s.open = s.open[:last]
}

// characters reads character data up to the next tag. Outside the root only
// white space may stand, and it is passed over: the token is then EOF.
func (s *Scanner) characters() (Token, error) {
	end := bytes.IndexByte(s.buf[s.pos:], '<')
	cut := end < 0
	if cut {
		end = len(s.buf) - s.pos
	}
	raw := s.buf[s.pos : s.pos+end]
	if len(s.open) == 0 {
		if len(bytes.TrimSpace(raw)) > 0 {
			return EOF, s.fail("text outside the root element")
		}
		s.pos += end
		return EOF, nil
	}
	text, err := s.unescape(raw)
	switch {
	case err != nil && cut: // within a reference or a character
		return EOF, s.truncated()
	case err != nil:
		return EOF, err
	}
	s.pos += end
	s.text = text
	return Text, nil
}

// declaration reads what starts with "<!": a comment, or a CDATA section.
func (s *Scanner) declaration() (Token, error) {
	rest := s.buf[s.pos:]
	switch {
	case bytes.HasPrefix(rest, []byte("<!--")):
		s.pos += len("<!--")
		return EOF, s.skipPast("-->", "comment")
	case bytes.HasPrefix(rest, []byte("<![CDATA[")) && len(s.open) > 0:
		body := rest[len("<![CDATA["):]
		end := bytes.Index(body, []byte("]]>"))
		if end < 0 {
			return EOF, s.truncated()
		}
		if !utf8.Valid(body[:end]) {
			return EOF, s.fail("text is not UTF-8")
		}
		s.text = newlines(body[:end])
		s.pos += len("<![CDATA[") + end + len("]]>")
		return Text, nil
	case bytes.HasPrefix([]byte("<!--"), rest), bytes.HasPrefix([]byte("<![CDATA["), rest):
		return EOF, s.truncated()
	}
	return EOF, s.fail("a document type declaration, which is refused")
}

func (s *Scanner) skipPast(end, what string) error {
	i := bytes.Index(s.buf[s.pos:], []byte(end))
	if i < 0 {
		return fmt.Errorf("%s: %w", what, s.truncated())
	}
	s.pos += i + len(end)
	return nil
}

// endTag reads "</name>" and checks that it closes the open element.
func (s *Scanner) endTag() (Token, error) {
	if len(s.open) == 0 {
		return EOF, s.fail("an end tag without its start tag")
	}
	e := &s.open[len(s.open)-1]
	p := s.pos + 2
	if len(s.buf) < p+len(e.name)+1 {
		return EOF, s.truncated()
	}
	if !bytes.Equal(s.buf[p:p+len(e.name)], e.name) {
		return EOF, s.fail(fmt.Sprintf("an end tag that does not close <%s>", e.name))
	}
	p = s.skipSpace(p + len(e.name))
	if p >= len(s.buf) {
		return EOF, s.truncated()
	}
	if s.buf[p] != '>' {
		return EOF, s.fail(fmt.Sprintf("an end tag that does not close <%s>", e.name))
	}
	s.pos = p + 1
	s.attrs = s.attrs[:0]
	s.ended = true
	var ok bool
	if s.space, s.local, ok = s.split(e.name, true); !ok {
		return EOF, s.fail("an undeclared prefix") // cannot be: its start tag resolved
	}
	return End, nil
}

// startTag reads "<name attributes>" or "<name attributes/>".
func (s *Scanner) startTag() (Token, error) {
	name, p, err := s.name(s.pos + 1)
	if err != nil {
		return EOF, err
	}
	if len(s.open) == 0 && s.rooted {
		return EOF, s.fail("a second root element")
	}
	if len(s.open) == maxDepth {
		return EOF, s.fail(fmt.Sprintf("elements nested more than %d deep", maxDepth))
	}
	s.open = append(s.open, element{name, len(s.bindings)})
	s.rooted = true
	s.attrs = s.attrs[:0]
	if p, err = s.attributes(p); err != nil {
		return EOF, err
	}
	var ok bool
	if s.space, s.local, ok = s.split(name, true); !ok {
		return EOF, s.fail(fmt.Sprintf("element <%s>: its prefix is not declared", name))
	}
	for i := range s.attrs {
		a := &s.attrs[i]
		qname := a.Local
		if a.Space, a.Local, ok = s.split(qname, false); !ok {
			return EOF, s.fail(fmt.Sprintf("attribute %s: its prefix is not declared", qname))
		}
	}
	s.pos = p
	return Start, nil
}

// attributes reads up to and past the end of a start tag. Attributes go to
// s.attrs with their names still whole, declarations to s.bindings.
func (s *Scanner) attributes(p int) (int, error) {
	for n := 0; ; n++ {
		after := s.skipSpace(p)
		if after >= len(s.buf) {
			return p, s.truncated()
		}
		switch s.buf[after] {
		case '>':
			return after + 1, nil
		case '/':
			if after+1 >= len(s.buf) {
				return p, s.truncated()
			}
			if s.buf[after+1] != '>' {
				return p, s.fail("a slash inside a start tag")
			}
			s.closing = true
			return after + 2, nil
		}
		if n == maxAttributes {
			return p, s.fail(fmt.Sprintf("more than %d attributes", maxAttributes))
		}
		name, value, next, err := s.attribute(after)
		if err != nil {
			return p, err
		}
		if s.keep(name, value); len(s.bindings) > maxBindings {
			return p, s.fail(fmt.Sprintf("more than %d namespaces", maxBindings))
		}
		p = next
	}
}

func (s *Scanner) keep(name, value []byte) {
	switch prefix, isDeclaration := bytes.CutPrefix(name, []byte("xmlns:")); {
	case isDeclaration:
		s.bindings = append(s.bindings, binding{prefix, value})
	case string(name) == "xmlns":
		s.bindings = append(s.bindings, binding{nil, value})
	default:
		s.attrs = append(s.attrs, Attr{Local: name, Value: value})
	}
}

func (s *Scanner) attribute(p int) (name, value []byte, next int, err error) {
	if name, p, err = s.name(p); err != nil {
		return nil, nil, p, err
	}
	p = s.skipSpace(p)
	if p >= len(s.buf) {
		return nil, nil, p, s.truncated()
	}
	if s.buf[p] != '=' {
		return nil, nil, p, s.fail(fmt.Sprintf("attribute %s without a value", name))
	}
	p = s.skipSpace(p + 1)
	if p >= len(s.buf) {
		return nil, nil, p, s.truncated()
	}
	quote := s.buf[p]
	if quote != '"' && quote != '\'' {
		return nil, nil, p, s.fail(fmt.Sprintf("attribute %s without quotes", name))
	}
	end := bytes.IndexByte(s.buf[p+1:], quote)
	if end < 0 {
		return nil, nil, p, s.truncated()
	}
	raw := s.buf[p+1 : p+1+end]
	if bytes.IndexByte(raw, '<') >= 0 {
		return nil, nil, p, s.fail(fmt.Sprintf("attribute %s holds a <", name))
	}
	if value, err = s.unescape(raw); err != nil {
		return nil, nil, p, err
	}
	return name, value, p + 1 + end + 1, nil
}

func (s *Scanner) skipSpace(p int) int {
	for p < len(s.buf) && (s.buf[p] == ' ' || s.buf[p] == '\n' || s.buf[p] == '\t' || s.buf[p] == '\r') {
		p++
	}
	return p
}

// name reads a qualified name at p.
func (s *Scanner) name(p int) (name []byte, next int, err error) {
	start := p
	for p < len(s.buf) && isNameByte(s.buf[p]) {
		p++
	}
	switch {
	case p == len(s.buf):
		return nil, p, s.truncated()
	case p == start || !isNameStart(s.buf[start]):
		return nil, p, s.fail("a name was expected")
	case p-start > maxName:
		return nil, p, s.fail(fmt.Sprintf("a name longer than %d bytes", maxName))
	}
	name = s.buf[start:p]
	if !utf8.Valid(name) {
		return nil, p, s.fail("a name is not UTF-8")
	}
	return name, p, nil
}

// split resolves a qualified name. Attributes without a prefix have no
// namespace; elements without one have the default namespace.
func (s *Scanner) split(name []byte, isElement bool) (space, local []byte, ok bool) {
	i := bytes.IndexByte(name, ':')
	if i < 0 {
		if !isElement {
			return nil, name, true
		}
		space, ok = s.Resolve(nil)
		return space, name, ok
	}
	if i == 0 || i == len(name)-1 || bytes.IndexByte(name[i+1:], ':') >= 0 {
		return nil, nil, false
	}
	space, ok = s.Resolve(name[:i])
	return space, name[i+1:], ok
}

func isNameStart(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || b == '_' || b == ':' || b >= utf8.RuneSelf
}

func isNameByte(b byte) bool {
	return isNameStart(b) || '0' <= b && b <= '9' || b == '-' || b == '.'
}
