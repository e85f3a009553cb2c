package cim

import (
	"fmt"
	"hash/maphash"
	"reflect"
	"strings"

	"dpremote/internal/xmlscan"
	"dpremote/wsman"
)

// maxKnown is the most rows that are remembered, which is more than Microsoft's
// example of a large site has (200 distribution points with 1,000 packages). It
// bounds the memory of what may run over millions of rows: a query that breaks
// after so many is not begun anew.
const maxKnown = 1 << 18

// known remembers which rows there were, by their keys. It keeps hashes. Of as
// many rows as it remembers two have the same with a probability of one to two
// thousand (one to thirty, if all have the same first key), and a hash of the whole
// row tells these from one row that came twice: the query is then not begun anew,
// should it break. With both hashes the same a row would be lost, a million times
// less likely.
type known[T any] struct {
	row   *T        // the row at hand, to which keys point
	keys  []hashKey // nil when rows cannot be told apart
	seed  maphash.Seed
	rows  rowSet
	any   bool  // there was a row
	again int   // rows in a row that were known
	pass  uint8 // how often the rows came from the start, this time included
}

// hashKey is a hash of one key of the row at hand.
type hashKey func() uint64

// slack is how many rows a server may repeat beyond all that it has sent.
const slack = 100

// newKnown finds the keys among the fields of T, which must be a record.
func newKnown[T any](keys []string) *known[T] {
	k := &known[T]{pass: 1}
	if len(keys) == 0 {
		return k
	}
	k.row, k.seed = new(T), maphash.MakeSeed()
	row := reflect.ValueOf(k.row).Elem()
	for _, name := range keys {
		key := keyOf(row, name, k.seed)
		if key == nil {
			k.keys = nil
			return k
		}
		k.keys = append(k.keys, key)
	}
	return k
}

// keyOf is how to hash a property of a record, nil for one that it has not.
func keyOf(row reflect.Value, property string, seed maphash.Seed) hashKey {
	for _, f := range reflect.VisibleFields(row.Type()) {
		name, _, _ := strings.Cut(f.Tag.Get("cim"), ",")
		switch field := row.FieldByIndex(f.Index); {
		case !strings.EqualFold(name, property):
		case field.Kind() == reflect.String:
			text := pointer[string](field)
			return func() uint64 { return maphash.String(seed, *text) }
		case f.Type.Comparable():
			return func() uint64 { return maphash.Comparable(seed, field.Interface()) }
		}
	}
	return nil
}

// begin tells whether the rows may come from the start again.
func (k *known[T]) begin() bool {
	k.again = 0
	if k.any && k.keys == nil || k.pass == lastPass {
		return false
	}
	k.pass++
	return true
}

var (
	errEndless = fmt.Errorf("%w: the server sends the same rows again and again", wsman.ErrIncomplete)
	errSameKey = fmt.Errorf("%w: after an answer was lost, two rows with the same keys cannot be told from one that changed", wsman.ErrIncomplete)
)

// note tells whether a row is new. The scanner stands behind the row, which it
// read from the offset at on.
func (k *known[T]) note(row T, sc *xmlscan.Scanner, at int) (isNew bool, err error) {
	k.any = true
	if k.keys == nil {
		return true, nil
	}
	return k.noteKeys(row, sc.Since(at))
}

func (k *known[T]) noteKeys(row T, content []byte) (isNew bool, err error) {
	*k.row = row
	now := markOf(k.pass, maphash.Bytes(k.seed, content))
	was, ok := k.rows.swap(k.id(), now)
	switch {
	case !ok:
		k.again = 0
		if k.rows.n > maxKnown {
			k.forget()
		}
		return true, nil
	case was.pass() == now.pass() && !was.sameContent(now) && k.pass > 1:
		return false, errSameKey
	case was.pass() == now.pass() && !was.sameContent(now):
		k.forget() // these are no keys
		return true, nil
	}
	if k.again++; k.again > k.rows.n+slack {
		return false, errEndless
	}
	return false, nil
}

// forget ends the remembering, and with it new starts.
func (k *known[T]) forget() { k.keys, k.rows = nil, rowSet{} }

// id is a hash of the keys of the row at hand. Its highest bits are of the first
// key alone: rows of one package come one after the other as a rule, and are
// remembered side by side then.
func (k *known[T]) id() (id uint64) {
	const odd = 0x9E3779B97F4A7C15 // so that the order of keys counts
	var first uint64
	for i, key := range k.keys {
		hash := key()
		if i == 0 {
			first = hash
		}
		id = id*odd + hash
	}
	return first&^(1<<(64-rowSetBits)-1) | id>>rowSetBits
}
