package history

import (
	"context"
	"database/sql"
	"fmt"
)

// applicationID marks a file as ours (PRAGMA application_id): "dprm".
const applicationID = 0x6470726d

// migrations are the steps from each version of the file to the next; the
// version is how many of them were taken (PRAGMA user_version). A step that was
// once released is never changed.
func migrations() []string {
	return []string{
		// Times are milliseconds since 1970 in UTC. An act without an outcome
		// was begun and never ended.
		`CREATE TABLE run (
			id        INTEGER PRIMARY KEY AUTOINCREMENT,
			command   TEXT NOT NULL,
			arguments TEXT NOT NULL, -- an array in JSON
			user      TEXT NOT NULL,
			host      TEXT NOT NULL,
			version   TEXT NOT NULL,
			started   INTEGER NOT NULL,
			ended     INTEGER,
			exit      INTEGER
		) STRICT;
		CREATE INDEX run_started ON run(started);

		CREATE TABLE act (
			id        INTEGER PRIMARY KEY AUTOINCREMENT,
			run       INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
			begun     INTEGER NOT NULL,
			site      TEXT NOT NULL,
			operation TEXT NOT NULL,
			package   TEXT NOT NULL,
			dp        TEXT NOT NULL,
			nal_path  TEXT NOT NULL,
			site_code TEXT NOT NULL,
			account   TEXT NOT NULL,
			detail    TEXT NOT NULL,
			ended     INTEGER,
			outcome   TEXT,
			error     TEXT
		) STRICT;
		CREATE INDEX act_run ON act(run);
		CREATE INDEX act_begun ON act(begun);
		CREATE INDEX act_open ON act(id) WHERE outcome IS NULL;

		CREATE TABLE kept (
			id   INTEGER PRIMARY KEY AUTOINCREMENT,
			run  INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
			at   INTEGER NOT NULL,
			site TEXT NOT NULL,
			kind TEXT NOT NULL,
			key  TEXT NOT NULL,
			text TEXT NOT NULL
		) STRICT;
		CREATE INDEX kept_run ON kept(run);

		CREATE TABLE summary (
			run    INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE,
			site   TEXT NOT NULL,
			at     INTEGER NOT NULL,
			counts TEXT NOT NULL, -- an object in JSON: name to number
			error  TEXT NOT NULL,
			PRIMARY KEY (run, site)
		) STRICT;

		CREATE TABLE setting (
			name  TEXT PRIMARY KEY,
			value INTEGER NOT NULL
		) STRICT;

		PRAGMA application_id = 1685090925;`,

		// What a run is about to do, so that another can go on with it. A plan is
		// taken by the run that has last begun to go on with it, and resumes the
		// plan in whose place it was stored, 0 for none.
		`CREATE TABLE plan (
			run       INTEGER PRIMARY KEY REFERENCES run(id) ON DELETE CASCADE,
			inventory TEXT NOT NULL,
			rules     TEXT NOT NULL, -- in JSON
			resumes   INTEGER NOT NULL,
			taken     INTEGER
		) STRICT;
		CREATE INDEX plan_resumes ON plan(resumes);

		CREATE TABLE planned (
			run       INTEGER NOT NULL REFERENCES plan(run) ON DELETE CASCADE,
			turn      INTEGER NOT NULL,
			site      TEXT NOT NULL,
			package   TEXT NOT NULL,
			nal_path  TEXT NOT NULL,
			site_code TEXT NOT NULL,
			state     TEXT NOT NULL,
			changed   TEXT NOT NULL, -- RFC 3339, empty for none
			PRIMARY KEY (run, turn)
		) STRICT;

		CREATE INDEX act_row ON act(package COLLATE NOCASE, nal_path COLLATE NOCASE, site_code COLLATE NOCASE, begun);`,
	}
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// versionOf reads the version of the file: 0 for one that is new. It refuses
// files that are not ours and those of a newer version.
func versionOf(ctx context.Context, q querier, newest int) (int, error) {
	var version, application, tables int
	err := q.QueryRowContext(ctx, `SELECT
		(SELECT user_version FROM pragma_user_version),
		(SELECT application_id FROM pragma_application_id),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&version, &application, &tables)
	switch {
	case err != nil:
		return 0, err
	case version == 0 && application == 0 && tables == 0:
		return 0, nil
	case application != applicationID:
		return 0, ErrForeign
	case version > newest:
		return 0, fmt.Errorf("%w: version %d, and this dpremote knows %d", ErrNewer, version, newest)
	}
	return version, nil
}

// migrate takes the steps that the file has not taken, all or none of them.
// Another process may be at it: who comes second finds them taken.
func (h *History) migrate(ctx context.Context, steps []string) error {
	version, err := versionOf(ctx, h.db, len(steps))
	if err != nil || version == len(steps) {
		return err
	}
	return h.transact(ctx, func(tx *sql.Tx) error {
		version, err := versionOf(ctx, tx, len(steps))
		if err != nil || version == len(steps) {
			return err
		}
		for _, step := range steps[version:] {
			if _, err := tx.ExecContext(ctx, step); err != nil {
				return fmt.Errorf("bring version %d up to date: %w", version, err)
			}
		}
		_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(steps)))
		return err
	})
}

// transact does something in one transaction that writes, when it is its turn.
func (h *History) transact(ctx context.Context, do func(*sql.Tx) error) error {
	h.write.Lock()
	defer h.write.Unlock()
	return h.inTransaction(ctx, do)
}

// inTransaction does something in one transaction. Its caller holds write.
func (h *History) inTransaction(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := h.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}
