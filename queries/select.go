package queries

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"dpremote/cim"
)

// Query selects rows of a record's class. Make one by Select.
type Query[T Record] struct{ where Condition }

// Select asks for the properties that the record has, of the rows that meet all
// conditions.
func Select[T Record](conditions ...Condition) Query[T] { return Query[T]{And(conditions...)} }

// Where is the query with more conditions, which must hold too.
func (q Query[T]) Where(conditions ...Condition) Query[T] {
	return Query[T]{And(q.where, And(conditions...))}
}

// WQL is the text of the query, or the mistakes in its conditions.
func (q Query[T]) WQL() (string, error) {
	var record T
	names, err := cim.Fields[T]()
	if err == nil {
		err = q.where.err
	}
	if err != nil {
		return "", fmt.Errorf("select from %s: %w", record.CIMClass(), err)
	}
	text := "SELECT " + strings.Join(names, ", ") + " FROM " + record.CIMClass()
	if q.where.text != "" {
		text += " WHERE " + q.where.text
	}
	return text, nil
}

// Run asks a site and yields the rows as they arrive. The first error ends
// them: rows before it are good, but are not all. Nothing is asked before the
// iteration begins, and each iteration asks anew.
func (q Query[T]) Run(ctx context.Context, s *cim.Session) iter.Seq2[T, error] {
	text, err := q.WQL()
	if err != nil {
		return failed[T](err)
	}
	var record T
	class, _ := ClassNamed(record.CIMClass())
	return cim.Query[T](ctx, s, text, class.Keys...)
}

// failed is an iteration that only has an error.
func failed[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}

// Collect gathers the rows of an iteration. With an error it returns those that
// came before it.
func Collect[T any](rows iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for row, err := range rows {
		if err != nil {
			return all, err
		}
		all = append(all, row)
	}
	return all, nil
}

// keep passes on the rows that match, and errors.
func keep[T any](rows iter.Seq2[T, error], match func(T) bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for row, err := range rows {
			if (err != nil || match(row)) && !yield(row, err) {
				return
			}
		}
	}
}

// chain is one iteration after the other, to the first error.
func chain[T any](parts []iter.Seq2[T, error]) iter.Seq2[T, error] {
	if len(parts) == 1 {
		return parts[0]
	}
	return func(yield func(T, error) bool) {
		for _, rows := range parts {
			for row, err := range rows {
				if !yield(row, err) || err != nil {
					return
				}
			}
		}
	}
}

// ClassIn is the name of the class that a WQL query asks for, as it is written
// there, so that ClassNamed can tell what its properties are. It reads no more
// of the query than it must; text that is not WQL may give a name too.
func ClassIn(wql string) (string, bool) {
	words := strings.Fields(wql)
	for i := 1; i < len(words); i++ {
		if strings.EqualFold(words[i-1], "from") && isName(words[i]) {
			return words[i], true
		}
	}
	return "", false
}
