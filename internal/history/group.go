package history

import (
	"context"
	"database/sql"
	"errors"
)

// group brings together statements that several goroutines want on the disk at
// the same time: they share one transaction, so the disk is waited for once.
type group struct {
	members []*member
	done    chan struct{} // closed when they are on the disk, or failed
}

// member is a statement that inserts a row.
type member struct {
	statement string
	values    []any
	id        int64
	err       error
}

// insert writes a row and gives its number. It is on the disk then. Once it has
// begun, the end of the context does not stop it: others may be in the group.
func (h *History) insert(ctx context.Context, statement string, values ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, h.failed(ctx, err)
	}
	m := &member{statement: statement, values: values}
	g, first := h.join(m)
	if first {
		h.commit(context.WithoutCancel(ctx), g)
	}
	<-g.done
	switch {
	case errors.Is(m.err, errNothingWritten):
		return 0, m.err
	case m.err != nil:
		return 0, failed(h.path, m.err)
	}
	return m.id, nil
}

// join puts a statement into the group that waits for its turn. Who is the
// first of a group commits it.
func (h *History) join(m *member) (g *group, first bool) {
	h.waiting.Lock()
	defer h.waiting.Unlock()
	if h.next == nil {
		h.next, first = &group{done: make(chan struct{})}, true
	}
	h.next.members = append(h.next.members, m)
	return h.next, first
}

// commit waits until the group before is on the disk; meanwhile others join.
func (h *History) commit(ctx context.Context, g *group) {
	defer close(g.done)
	h.write.Lock()
	defer h.write.Unlock()
	h.waiting.Lock()
	h.next = nil // who comes now is of the next one
	h.waiting.Unlock()
	err := h.inTransaction(ctx, func(tx *sql.Tx) error {
		for _, m := range g.members {
			if err := m.insert(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	for _, m := range g.members {
		if m.err == nil {
			m.err = err
		}
	}
}

// insert runs the statement. An error of the statement alone is kept; one after
// which the transaction may be gone is given.
func (m *member) insert(ctx context.Context, tx *sql.Tx) error {
	result, err := tx.ExecContext(ctx, m.statement, m.values...)
	switch {
	case isConstraint(err):
		m.err = err
		return nil
	case err != nil:
		return err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return err
	}
	if n == 0 {
		m.err = errNothingWritten
		return nil
	}
	m.id, err = result.LastInsertId()
	return err
}

// errNothingWritten is the error of a statement that found no reason to insert.
var errNothingWritten = errors.New("nothing was written")
