package kdc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/messages"
	"github.com/jcmturner/gokrb5/v8/types"
)

// maxFile bounds keytabs and credential caches, in bytes.
const maxFile = 4 << 20

// ccache is a credential cache in the file format versions 3 and 4, which MIT
// documents as "Credential cache file format".
type ccache struct {
	client  types.PrincipalName
	realm   string
	tickets []ticket
}

// ccachePath is the file that the name of a credential cache stands for: FILE:,
// DIR: or a plain path.
func ccachePath(name string) (string, error) {
	kind, rest, found := strings.Cut(name, ":")
	switch {
	case !found || strings.HasPrefix(name, "/"):
		return name, nil
	case kind == "FILE":
		return rest, nil
	case kind == "DIR" && strings.HasPrefix(rest, ":"):
		return rest[1:], nil
	case kind == "DIR":
		return primaryOf(rest)
	}
	return "", fmt.Errorf("a credential cache of type %s cannot be read: use FILE: or DIR: instead", kind)
}

// primaryOf is the cache that a collection's file "primary" names.
func primaryOf(dir string) (string, error) {
	b, err := readFile(filepath.Join(dir, "primary"))
	if errors.Is(err, os.ErrNotExist) {
		return filepath.Join(dir, "tkt"), nil
	}
	if err != nil {
		return "", err
	}
	name := strings.TrimSpace(string(b))
	if !strings.HasPrefix(name, "tkt") || name != filepath.Base(name) {
		return "", fmt.Errorf("%s names %.100q, which is no credential cache", filepath.Join(dir, "primary"), name)
	}
	return filepath.Join(dir, name), nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return b, err
}

func loadCCache(name string) (*ccache, error) {
	path, err := ccachePath(name)
	if err != nil {
		return nil, err
	}
	b, err := readFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w (%w): get one by kinit", errNoTicket, err)
	}
	if err != nil {
		return nil, err
	}
	c, err := parseCCache(b)
	if err != nil {
		return nil, fmt.Errorf("read the credential cache %s: %w", path, err)
	}
	return c, nil
}

// cacheReader takes the fields of a cache. The first failure stays.
type cacheReader struct {
	b      []byte
	failed bool
}

func (r *cacheReader) bytes(n uint32) []byte {
	if uint64(n) > uint64(len(r.b)) {
		r.failed, r.b = true, nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *cacheReader) u8() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *cacheReader) u16() uint16 {
	if b := r.bytes(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *cacheReader) u32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *cacheReader) data() []byte    { return r.bytes(r.u32()) }
func (r *cacheReader) time() time.Time { return time.Unix(int64(r.u32()), 0) }

func (r *cacheReader) principal() (name types.PrincipalName, realm string) {
	name.NameType = int32(r.u32())
	count := r.u32()
	realm = string(r.data())
	for i := uint32(0); i < count && !r.failed; i++ {
		name.NameString = append(name.NameString, string(r.data()))
	}
	return name, realm
}

// typed skips a list of addresses or of authorization data.
func (r *cacheReader) typed() {
	for count := r.u32(); count > 0 && !r.failed; count-- {
		r.u16()
		r.data()
	}
}

func parseCCache(b []byte) (*ccache, error) {
	r := &cacheReader{b: b}
	magic, version := r.u8(), r.u8()
	if magic != 5 || version != 3 && version != 4 {
		return nil, errors.New("it is no credential cache of version 3 or 4")
	}
	if version == 4 {
		r.bytes(uint32(r.u16())) // fields of the header, none of which matters
	}
	c := &ccache{}
	c.client, c.realm = r.principal()
	for len(r.b) > 0 && !r.failed {
		if t := r.ticket(version); t != nil {
			c.tickets = append(c.tickets, *t)
		}
	}
	if r.failed {
		return nil, errors.New("it is cut")
	}
	return c, nil
}

// ticket takes one credential, nil where it is no ticket but an entry that the
// libraries keep for themselves.
func (r *cacheReader) ticket(version byte) *ticket {
	var t ticket
	t.Client, t.Realm = r.principal()
	server, realm := r.principal()
	t.Key.KeyType = int32(int16(r.u16()))
	if version == 3 {
		r.u16() // the type again
	}
	t.Key.KeyValue = r.data()
	t.start = r.time() // of the sign-in, which counts where there is no start
	if start := r.time(); start.Unix() != 0 {
		t.start = start
	}
	t.end, t.renewable = r.time(), r.time()
	r.u8() // user-to-user
	r.u32()
	r.typed()
	r.typed()
	der := r.data()
	r.data() // second ticket
	if r.failed || strings.HasPrefix(realm, "X-CACHECONF") {
		return nil
	}
	var m messages.Ticket
	if m.Unmarshal(der) != nil {
		return nil
	}
	t.Ticket, t.service = m, server
	return &t
}
