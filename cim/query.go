package cim

import (
	"context"
	"errors"
	"iter"
	"strconv"

	"dpremote/wsman"
)

// Query yields the records that a WQL query selects, as they arrive. The first
// error ends it; records before it are good, but are not all.
//
// keys name the properties that tell one row from another. Where T has them all,
// a query of which an answer was lost is asked again, as the client's policy of
// retries says, and the rows that were there before are left out; without keys,
// that is done only while there were none. A row that comes twice unchanged is
// left out too, and a server that sends nothing new any more ends the query with
// wsman.ErrIncomplete. Keys that do not tell rows apart do no harm: two rows that
// differ are never taken for one. After a quarter of a million rows they are no
// longer remembered, and an answer that is lost ends the query.
func Query[T any](ctx context.Context, s *Session, wql string, keys ...string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		d, err := NewDecoder[T]()
		if err != nil {
			yield(none, err)
			return
		}
		known := newKnown[T](keys)
		each := func(page *wsman.Page) error {
			sc := page.Scanner()
			at := sc.Offset()
			for record, err := range d.page(page) {
				if err != nil {
					return s.undecoded("enumerate", wql, err)
				}
				isNew, err := known.note(record, sc, at)
				at = sc.Offset()
				switch {
				case err != nil:
					return s.unusable(wql, err)
				case isNew && !yield(record, nil):
					return errStopped
				}
			}
			return nil
		}
		if err := s.enumerate(ctx, wsman.Enumeration{Namespace: s.Namespace, WQL: wql}, known.begin, each); err != nil {
			yield(none, err)
		}
	}
}

// Rows yields the instances of an enumeration as they arrive, and their
// references where it asks for them. An instance is valid until the next one
// is asked for; it is nil when only references were asked for. What tells one
// row from another is not known: an enumeration that breaks is begun anew only
// before the first row.
func (s *Session) Rows(ctx context.Context, e wsman.Enumeration) iter.Seq2[Row, error] {
	e.Namespace = s.Namespace
	return func(yield func(Row, error) bool) {
		r := rowReader{instance: &Instance{}}
		yielded := false
		each := func(page *wsman.Page) error {
			for row, err := range r.page(page, e.Mode) {
				if err != nil {
					return s.undecoded("enumerate", e.WQL, err)
				}
				yielded = true
				if !yield(row, nil) {
					return errStopped
				}
			}
			return nil
		}
		if err := s.enumerate(ctx, e, func() bool { return !yielded }, each); err != nil {
			yield(Row{}, err)
		}
	}
}

// unusable is the error of rows that cannot be told apart.
func (s *Session) unusable(wql string, err error) error {
	e := &wsman.Error{Op: "pull", Target: s.Namespace + " " + strconv.Quote(wql), Endpoint: s.Client.Endpoint(), Err: err}
	if errors.Is(err, errSameKey) {
		e.Retry = wsman.RetrySafe
	}
	return e
}

// errStopped is a caller who has had enough.
var errStopped = errors.New("stopped by the caller")

// enumerate does each page, and begins anew where the enumeration breaks and
// begin allows it.
func (s *Session) enumerate(ctx context.Context, e wsman.Enumeration, begin func() bool, each func(*wsman.Page) error) error {
	for attempt := 0; ; attempt++ {
		tried, err := s.once(ctx, e, each)
		switch {
		case err == nil, errors.Is(err, errStopped):
			return nil
		case tried || !begin() || !s.Client.Again(ctx, err, attempt):
			return err
		}
	}
}

// once is one enumeration. tried tells an error after retries of its own.
func (s *Session) once(ctx context.Context, e wsman.Enumeration, each func(*wsman.Page) error) (tried bool, err error) {
	for page, err := range s.Client.Pages(ctx, e) {
		if err != nil {
			var failed *wsman.Error
			return errors.As(err, &failed) && failed.Op == "enumerate", err
		}
		err := each(page)
		if s.Counted != nil {
			s.Counted(page.Items())
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}
