package history

import (
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
)

// version1 is a file as version 1 made it, kept here as it was.
const version1 = `
CREATE TABLE run (id INTEGER PRIMARY KEY AUTOINCREMENT, command TEXT NOT NULL, arguments TEXT NOT NULL, user TEXT NOT NULL,
	host TEXT NOT NULL, version TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER, exit INTEGER) STRICT;
CREATE TABLE act (id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE, begun INTEGER NOT NULL,
	site TEXT NOT NULL, operation TEXT NOT NULL, package TEXT NOT NULL, dp TEXT NOT NULL, nal_path TEXT NOT NULL,
	site_code TEXT NOT NULL, account TEXT NOT NULL, detail TEXT NOT NULL, ended INTEGER, outcome TEXT, error TEXT) STRICT;
CREATE TABLE kept (id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE, at INTEGER NOT NULL,
	site TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL) STRICT;
CREATE TABLE summary (run INTEGER NOT NULL REFERENCES run(id) ON DELETE CASCADE, site TEXT NOT NULL, at INTEGER NOT NULL,
	counts TEXT NOT NULL, error TEXT NOT NULL, PRIMARY KEY (run, site)) STRICT;
CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
INSERT INTO run VALUES(7, 'refresh', '["--yes"]', 'ann', 'jump1', '0.9', 1795000000000, NULL, NULL);
INSERT INTO act VALUES(70, 7, 1795000000001, 'ps1', 'put RefreshNow', 'PS100001', 'dp1', 'n1', 'PS1', 'svc', '', 1795000000002, 'stored', '');
INSERT INTO act VALUES(71, 7, 1795000000003, 'ps1', 'put RefreshNow', 'PS100002', 'dp1', 'n1', 'PS1', 'svc', '', NULL, NULL, NULL);
PRAGMA application_id = 1685090925;
PRAGMA user_version = 1;`

func writeVersion1(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), FileName)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(version1); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestVersion1 reads a file of version 1 and writes on in it.
func TestVersion1(t *testing.T) {
	h := mustOpen(t, writeVersion1(t), newClock().now)
	acts := all(t, h.Acts(t.Context(), Filter{}))
	if len(acts) != 2 || acts[0].Outcome != Stored || acts[1].Outcome != Begun || acts[1].Package != "PS100002" || acts[1].User != "ann" {
		t.Errorf("acts %+v", acts)
	}
	if err := h.End(t.Context(), 71, Unknown, "killed"); err != nil {
		t.Error(err)
	}
	if id := startRun(t, h); id != 8 {
		t.Errorf("run %d after 7", id)
	}
}

// TestMigrates has two processes at once bring a file of version 1 up to a
// later version, of which the steps are this test's.
func TestMigrates(t *testing.T) {
	path := writeVersion1(t)
	later := append(migrations(),
		`ALTER TABLE act ADD COLUMN color TEXT NOT NULL DEFAULT 'red'`,
		`UPDATE act SET color = color || '!'`)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			h, err := opening{now: newClock().now, migrations: later, busy: busyTimeout}.open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer h.Close()
			var version, acts int
			var color string
			err = h.db.QueryRow(`SELECT (SELECT user_version FROM pragma_user_version), count(*), max(color) FROM act`).Scan(&version, &acts, &color)
			if err != nil || version != len(later) || acts != 2 || color != "red!" { // each step once
				t.Errorf("version %d, %d acts, %q, %v", version, acts, color, err)
			}
		})
	}
	wg.Wait()
	refused(t, path, ErrNewer, "Use the newer")
}

// TestMigrationFails leaves the file at the version that it had.
func TestMigrationFails(t *testing.T) {
	path := writeVersion1(t)
	broken := append(migrations(), `CREATE TABLE more(x)`, `ALTER TABLE nothing ADD COLUMN x`)
	if _, err := (opening{now: newClock().now, migrations: broken, busy: busyTimeout}).open(t.Context(), path); err == nil {
		t.Fatal("it opened")
	}
	h := mustOpen(t, path, newClock().now)
	var tables int
	if err := h.db.QueryRow(`SELECT count(*) FROM sqlite_schema WHERE name = 'more'`).Scan(&tables); err != nil || tables != 0 {
		t.Errorf("%d tables of the step before, %v", tables, err)
	}
}
