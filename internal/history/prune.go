package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const day = 24 * time.Hour

// DefaultKeep is how long Open keeps what was written.
const DefaultKeep = 400 * day

// LeastKeep is the least that Prune leaves: no run that goes on loses what it
// wrote.
const LeastKeep = day

// Prune removes the runs of which nothing happened for so long, with all that
// belongs to them, and says how many runs there were. The file does not become
// smaller: what comes later takes the room.
func (h *History) Prune(ctx context.Context, olderThan time.Duration) (int, error) {
	if olderThan < LeastKeep {
		return 0, fmt.Errorf("history: cannot remove what is younger than %s", LeastKeep)
	}
	var runs int64
	err := h.transact(ctx, func(tx *sql.Tx) error {
		var err error
		runs, err = h.prune(ctx, tx, olderThan)
		return err
	})
	return int(runs), h.failed(ctx, err)
}

func (h *History) prune(ctx context.Context, tx *sql.Tx, olderThan time.Duration) (int64, error) {
	now := h.now()
	result, err := tx.ExecContext(ctx, `DELETE FROM run WHERE started < ?1 AND coalesce(ended, started) < ?1
		AND NOT EXISTS (SELECT 1 FROM act WHERE act.run = run.id AND coalesce(act.ended, act.begun) >= ?1)`, millis(now.Add(-olderThan)))
	if err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO setting(name, value) VALUES('pruned', ?)`, millis(now)); err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// pruneDaily prunes where a day has passed since that was last done.
func (h *History) pruneDaily(ctx context.Context) error {
	var last int64
	err := h.db.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = 'pruned'`).Scan(&last)
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return err
	case err == nil && h.now().Sub(time.UnixMilli(last)) < day:
		return nil
	}
	_, err = h.Prune(ctx, DefaultKeep)
	return err
}
