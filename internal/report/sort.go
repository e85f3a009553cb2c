package report

import (
	"cmp"
	"errors"
	"fmt"
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

// sorter keeps rows until all of them can be sorted.
type sorter struct {
	orders []Order
	rows   []keptRow
}

// keptRow is a row with what it is sorted by: a value for each order.
type keptRow struct {
	names  []string
	values []any
	by     []any
	keys   []sortKey
}

// keep keeps a row. Rows that are alike share their names.
func (s *sorter) keep(names []string, values, by []any) {
	if n := len(s.rows); n > 0 && slices.Equal(s.rows[n-1].names, names) {
		names = s.rows[n-1].names
	} else {
		names = slices.Clone(names)
	}
	s.rows = append(s.rows, keptRow{names: names, values: settled(values), by: settled(by)})
}

// settled are values that stay as they are.
func settled(values []any) []any {
	values = slices.Clone(values)
	for i, v := range values {
		if c, ok := v.(*Cell); ok {
			values[i] = c.value()
		}
	}
	return values
}

// write hands on the rows in their order, and gives the first error. It can be
// called once.
func (s *sorter) write(row func(names []string, values []any) error) error {
	var failed error
	if err := s.sort(); err != nil {
		failed = err // the rows as they came are better than none
	}
	for i, r := range s.rows {
		if err := row(r.names, r.values); err != nil && failed == nil {
			failed = fmt.Errorf("row %d: %w", i+1, err)
		}
		s.rows[i] = keptRow{} // the format may keep its own form of it
	}
	s.rows = nil
	return failed
}

func (s *sorter) sort() error {
	for i := range s.rows {
		s.rows[i].keys = make([]sortKey, len(s.orders))
	}
	for place := range s.orders {
		if err := s.makeKeys(place); err != nil {
			return err
		}
	}
	slices.SortStableFunc(s.rows, func(a, b keptRow) int {
		for i, o := range s.orders {
			if c := a.keys[i].compare(b.keys[i], o.Descending); c != 0 {
				return c
			}
		}
		return 0
	})
	return nil
}

// makeKeys makes the keys of one order. A column is one of numbers or of times
// when all that it has are such, also when they are written as text: a server
// does not always say of what type a value is.
func (s *sorter) makeKeys(place int) error {
	all := kindNumber | kindTime
	for i := range s.rows {
		k, err := newSortKey(s.rows[i].by[place])
		if err != nil {
			return fmt.Errorf("sort by column %q: %w", s.orders[place].Column, err)
		}
		if !k.empty() {
			all &= k.kinds
		}
		s.rows[i].keys[place] = k
	}
	for i := range s.rows {
		s.rows[i].keys[place].kinds = all
	}
	return nil
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
	for _, r := range s.rows {
		for _, name := range r.names {
			if !seen[name] {
				seen[name] = true
				all = append(all, name)
			}
		}
	}
	return all
}
