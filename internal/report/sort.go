package report

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Order is a column to sort rows by.
type Order struct {
	// Column is a name as Options.Select has it. It need not be written.
	Column     string
	Descending bool
}

// ParseOrder reads names of columns to sort by, each with - before it for
// descending or, as ps has it, + for ascending, which is the default.
func ParseOrder(words []string) ([]Order, error) {
	var orders []Order
	for _, word := range words {
		name, descending := strings.CutPrefix(word, "-")
		if !descending {
			name = strings.TrimPrefix(word, "+")
		}
		if name == "" {
			return nil, fmt.Errorf("sort by %q: a column's name is missing", word)
		}
		orders = append(orders, Order{Column: name, Descending: descending})
	}
	return orders, nil
}

// ColumnError is a column that was asked for and that no row has.
type ColumnError struct{ text string }

func (e *ColumnError) Error() string { return e.text }

// sorter keeps rows until all of them can be sorted. There may be hundreds of
// thousands, in which most values come again and again.
type sorter struct {
	orders []Order
	names  [][]string // of rows that are alike
	rows   []keptRow
	texts  map[string]any // that were kept lately: as values, each takes memory once
}

// keptRow is a row with what it is sorted by.
type keptRow struct {
	cells []any // its values, and behind them a value for each order
	names int   // among sorter.names
}

// maxTexts and maxKeys bound what is remembered of values that do not repeat.
const (
	maxTexts = 1 << 16
	maxKeys  = 1 << 14
)

// keep keeps a row.
func (s *sorter) keep(names []string, values, by []any) {
	cells := make([]any, 0, len(values)+len(by))
	for _, v := range values {
		cells = append(cells, s.settled(v))
	}
	for _, v := range by {
		cells = append(cells, s.settled(v))
	}
	s.rows = append(s.rows, keptRow{cells, s.namesOf(names)})
}

// namesOf is the place of a row's names, which rows that are alike share.
func (s *sorter) namesOf(names []string) int {
	const looked = 8 // classes that take turns
	for at := len(s.names) - 1; at >= max(0, len(s.names)-looked); at-- {
		if slices.Equal(s.names[at], names) {
			return at
		}
	}
	s.names = append(s.names, slices.Clone(names))
	return len(s.names) - 1
}

// settled is a value that stays as it is.
func (s *sorter) settled(v any) any {
	c, ok := v.(*Cell)
	switch {
	case !ok:
		return v
	case c.word != nil && c.word.isTime:
		if v, ok := s.texts[string(c.word.quoted[1:len(c.word.quoted)-1])]; ok { // without making the text
			return v
		}
		return s.text(c.word.String())
	case c.word != nil:
		return s.text(c.word.text)
	case !c.asIs:
		return s.text(c.text)
	}
	return c.value()
}

// text is a text as a value.
func (s *sorter) text(text string) any {
	v, ok := s.texts[text]
	if !ok {
		if s.texts == nil || len(s.texts) == maxTexts {
			s.texts = map[string]any{}
		}
		v = text
		s.texts[text] = v
	}
	return v
}

// write hands on the rows in their order, and gives the first error. It can be
// called once.
func (s *sorter) write(row func(names []string, values []any) error) error {
	s.texts = nil
	order, failed := s.sort() // with an error the rows as they came, which are better than none
	for i, at := range order {
		r := &s.rows[at]
		if err := row(s.names[r.names], r.cells[:len(r.cells)-len(s.orders)]); err != nil && failed == nil {
			failed = fmt.Errorf("row %d: %w", i+1, err)
		}
		*r = keptRow{} // the format may keep its own form of it
	}
	s.rows = nil
	return failed
}

// sort gives the places of the rows in their order.
func (s *sorter) sort() (order []int, err error) {
	order = make([]int, len(s.rows))
	for i := range order {
		order[i] = i
	}
	ranks := make([][]int32, len(s.orders))
	for place := range s.orders {
		if ranks[place], err = s.ranks(place); err != nil {
			return order, err
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		for _, rank := range ranks {
			if c := cmp.Compare(rank[a], rank[b]); c != 0 {
				return c
			}
		}
		return 0
	})
	return order, nil
}

// ranks tells where each row stands by one order. Rows with equal values stand
// in the same place.
func (s *sorter) ranks(place int) ([]int32, error) {
	keys, of, err := s.keys(place)
	if err != nil {
		return nil, err
	}
	sorted := make([]int32, len(keys))
	for i := range sorted {
		sorted[i] = int32(i)
	}
	descending := s.orders[place].Descending
	slices.SortFunc(sorted, func(a, b int32) int { return keys[a].compare(keys[b], descending) })
	rank := make([]int32, len(keys))
	for i, at := range sorted[min(1, len(sorted)):] {
		before := sorted[i]
		rank[at] = rank[before]
		if keys[before].compare(keys[at], descending) != 0 {
			rank[at]++
		}
	}
	for i, key := range of {
		of[i] = rank[key]
	}
	return of, nil
}

// keys makes the keys of one order, and tells which of them each row has. A
// column is one of numbers or of times when all that it has are such, also when
// they are written as text: a server does not always say of what type a value
// is.
func (s *sorter) keys(place int) (keys []sortKey, of []int32, err error) {
	all := kindNumber | kindTime
	known := map[any]int32{}
	of = make([]int32, len(s.rows))
	for i, r := range s.rows {
		v := r.cells[len(r.cells)-len(s.orders)+place]
		comparable := v == nil || reflect.ValueOf(v).Comparable()
		if comparable {
			if key, ok := known[v]; ok {
				of[i] = key
				continue
			}
		}
		k, err := newSortKey(v)
		if err != nil {
			return nil, nil, fmt.Errorf("sort by column %q: %w", s.orders[place].Column, err)
		}
		if !k.empty() {
			all &= k.kinds
		}
		of[i] = int32(len(keys))
		if comparable && len(known) < maxKeys {
			known[v] = of[i]
		}
		keys = append(keys, k)
	}
	for i := range keys {
		keys[i].kinds = all
	}
	return keys, of, nil
}

// The kinds of a key: what it can be compared as, beside text.
const (
	kindNumber = 1 << iota
	kindTime
)

// sortKey is a value as it is compared.
type sortKey struct {
	text  string
	fold  string // text without regard to case
	kinds int
	n     number
	t     time.Time
}

func (k *sortKey) empty() bool { return k.text == "" }

func newSortKey(v any) (sortKey, error) {
	v, err := textValue(v)
	if err != nil {
		return sortKey{}, err
	}
	if t, ok := v.(time.Time); ok {
		return sortKey{text: t.String(), kinds: kindTime, t: t}, nil
	}
	b, err := appendText(nil, v, 0)
	if err != nil {
		return sortKey{}, err
	}
	k := sortKey{text: string(b)}
	k.fold = strings.ToLower(k.text)
	if k.n, err = parseNumber(k.text); err == nil {
		k.kinds = kindNumber
	} else if k.t, err = time.Parse(time.RFC3339Nano, k.text); err == nil {
		k.kinds = kindTime
	}
	return k, nil
}

// compare puts what is empty last, whatever the direction.
func (k *sortKey) compare(other sortKey, descending bool) int {
	if a, b := k.empty(), other.empty(); a || b {
		switch {
		case a == b:
			return 0
		case a:
			return 1
		}
		return -1
	}
	var c int
	switch {
	case k.kinds&kindNumber != 0:
		c = k.n.compare(other.n)
	case k.kinds&kindTime != 0:
		c = k.t.Compare(other.t)
	default:
		c = cmp.Or(strings.Compare(k.fold, other.fold), strings.Compare(k.text, other.text))
	}
	if descending {
		return -c
	}
	return c
}

// number is a number whose integers are exact to 64 bits.
type number struct {
	float    float64
	integer  uint64 // the absolute value, if it is one
	negative bool
}

func parseNumber(text string) (number, error) {
	var n number
	if len(text) == 0 || text[0] != '-' && (text[0] < '0' || text[0] > '9') {
		return n, errors.New("no number") // nor are NaN, Infinity and +1 taken for any
	}
	var err error
	if n.float, err = strconv.ParseFloat(text, 64); err != nil {
		return n, err
	}
	digits, negative := strings.CutPrefix(text, "-")
	if i, err := strconv.ParseUint(digits, 10, 64); err == nil {
		n.integer, n.negative = i, negative
	}
	return n, nil
}

func (n number) compare(other number) int {
	c := cmp.Compare(n.float, other.float)
	if c == 0 && n.negative == other.negative {
		if c = cmp.Compare(n.integer, other.integer); n.negative {
			c = -c
		}
	}
	return c
}

// sortPlaces are the columns to sort by.
func (o Options) sortPlaces() ([]int, error) {
	var places []int
	for _, order := range o.Sort {
		at := slices.IndexFunc(o.Columns, func(c Column) bool { return strings.EqualFold(c.Name, order.Column) })
		if at < 0 {
			return nil, &ColumnError{fmt.Sprintf("sort by column %q: unknown; valid: %s", order.Column, o.columnNames())}
		}
		places = append(places, at)
	}
	return places, nil
}

// missing are the errors of columns to sort by that no row has.
func (s *sorter) missing(found []bool) error {
	if len(s.rows) == 0 {
		return nil
	}
	var err error
	for i, o := range s.orders {
		if !found[i] {
			err = errors.Join(err, &ColumnError{fmt.Sprintf("sort by column %q: no row has it; they have: %s", o.Column, strings.Join(s.allNames(), ", "))})
		}
	}
	return err
}

// allNames are the names of all rows, in the order in which they came.
func (s *sorter) allNames() []string {
	var all []string
	seen := map[string]bool{}
	for _, names := range s.names {
		for _, name := range names {
			if !seen[name] {
				seen[name] = true
				all = append(all, name)
			}
		}
	}
	return all
}
