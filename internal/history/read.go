package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"iter"
	"strings"
	"time"
)

// Filter picks acts. The zero value picks all; each field that is set narrows
// it. Texts are compared without regard to case.
type Filter struct {
	Since, Until time.Time // begun at Since or later, and before Until
	Run          RunID
	Site         string
	SiteCode     string
	Package      string
	DP           string
	NALPath      string
	Operation    string
	Outcomes     []Outcome // one of these; none for any
}

// where is the filter as a condition with its values.
func (f Filter) where() (string, []any) {
	conditions, values := []string{"1"}, []any(nil)
	add := func(condition string, value ...any) {
		conditions, values = append(conditions, condition), append(values, value...)
	}
	if !f.Since.IsZero() {
		add("act.begun >= ?", millis(f.Since))
	}
	if !f.Until.IsZero() {
		add("act.begun < ?", millis(f.Until))
	}
	if f.Run != 0 {
		add("act.run = ?", int64(f.Run))
	}
	for _, field := range []struct{ column, value string }{
		{"site", f.Site}, {"site_code", f.SiteCode}, {"package", f.Package}, {"dp", f.DP}, {"nal_path", f.NALPath}, {"operation", f.Operation},
	} {
		if field.value != "" {
			add("act."+field.column+" = ? COLLATE NOCASE", field.value)
		}
	}
	if len(f.Outcomes) > 0 {
		var these []any
		for _, o := range f.Outcomes {
			these = append(these, string(o))
		}
		marks := strings.TrimSuffix(strings.Repeat("?, ", len(these)), ", ")
		add("coalesce(act.outcome, 'open') IN ("+marks+")", these...)
	}
	return strings.Join(conditions, " AND "), values
}

// Entry is an act as it was written, with the run that it belongs to.
type Entry struct {
	ID ActID
	Act
	Begun   time.Time
	Ended   time.Time // zero while it is open
	Outcome Outcome
	Error   string

	Command, User, Host string // of its run
}

// Acts yields the acts that a filter picks, in the order in which they were
// begun. An error is the last thing that it yields.
func (h *History) Acts(ctx context.Context, f Filter) iter.Seq2[Entry, error] {
	condition, values := f.where()
	query := `SELECT act.id, act.run, act.begun, act.site, act.operation, act.package, act.dp, act.nal_path, act.site_code, act.account,
		act.detail, act.ended, coalesce(act.outcome, 'open'), coalesce(act.error, ''), run.command, run.user, run.host
		FROM act JOIN run ON run.id = act.run WHERE ` + condition + ` ORDER BY act.id`
	return rowsOf(ctx, h, query, values, func(row *sql.Rows) (Entry, error) {
		var e Entry
		var begun, ended sql.NullInt64
		err := row.Scan(&e.ID, &e.Run, &begun, &e.Site, &e.Operation, &e.Package, &e.DP, &e.NALPath, &e.SiteCode, &e.Account,
			&e.Detail, &ended, &e.Outcome, &e.Error, &e.Command, &e.User, &e.Host)
		e.Begun, e.Ended = at(begun), at(ended)
		return e, err
	})
}

// RunEntry is a run as it was written.
type RunEntry struct {
	ID RunID
	Run
	Started time.Time
	Ended   time.Time // zero when it goes on, or was killed
	Exit    int       // its exit code; nothing while Ended is zero
	Acts    map[Outcome]int
}

// Runs yields the runs that were started at a time or later, all for the zero
// time, in the order of their numbers.
func (h *History) Runs(ctx context.Context, since time.Time) iter.Seq2[RunEntry, error] {
	// A column for each outcome, in the order of Outcomes.
	columns, values := "", []any(nil)
	for _, o := range Outcomes() {
		columns += ", count(*) FILTER (WHERE act.id IS NOT NULL AND coalesce(act.outcome, 'open') = ?)"
		values = append(values, string(o))
	}
	query := `SELECT run.id, run.command, run.arguments, run.user, run.host, run.version, run.started, run.ended, coalesce(run.exit, 0)` + columns + `
		FROM run LEFT JOIN act ON act.run = run.id WHERE run.started >= ? GROUP BY run.id ORDER BY run.id`
	return rowsOf(ctx, h, query, append(values, sinceMillis(since)), func(row *sql.Rows) (RunEntry, error) {
		r := RunEntry{Acts: map[Outcome]int{}}
		var arguments string
		var started, ended sql.NullInt64
		counts := make([]int, len(Outcomes()))
		targets := []any{&r.ID, &r.Command, &arguments, &r.User, &r.Host, &r.Version, &started, &ended, &r.Exit}
		for i := range counts {
			targets = append(targets, &counts[i])
		}
		if err := row.Scan(targets...); err != nil {
			return r, err
		}
		for i, o := range Outcomes() {
			r.Acts[o] = counts[i]
		}
		r.Started, r.Ended = at(started), at(ended)
		return r, json.Unmarshal([]byte(arguments), &r.Arguments)
	})
}

// SummaryEntry is what a run saw of a site, and when.
type SummaryEntry struct {
	Run     RunID
	Command string
	At      time.Time
	Summary
}

// Summaries yields what sweeps saw of a site, of all for "", at a time or
// later, in the order in which they saw it.
func (h *History) Summaries(ctx context.Context, since time.Time, site string) iter.Seq2[SummaryEntry, error] {
	const query = `SELECT summary.run, run.command, summary.at, summary.site, summary.counts, summary.error
		FROM summary JOIN run ON run.id = summary.run
		WHERE summary.at >= ? AND (? = '' OR summary.site = ? COLLATE NOCASE) ORDER BY summary.at, summary.run, summary.site`
	return rowsOf(ctx, h, query, []any{sinceMillis(since), site, site}, func(row *sql.Rows) (SummaryEntry, error) {
		var s SummaryEntry
		var seen sql.NullInt64
		var counts string
		if err := row.Scan(&s.Run, &s.Command, &seen, &s.Site, &counts, &s.Error); err != nil {
			return s, err
		}
		s.At = at(seen)
		return s, json.Unmarshal([]byte(counts), &s.Counts)
	})
}

// KeptEntry is an object that was kept, and when.
type KeptEntry struct {
	Kept
	At time.Time
}

// KeptObjects yields what a run kept, every run for 0, in the order in which it
// was kept.
func (h *History) KeptObjects(ctx context.Context, run RunID) iter.Seq2[KeptEntry, error] {
	const query = `SELECT run, at, site, kind, key, text FROM kept WHERE ? = 0 OR run = ? ORDER BY id`
	return rowsOf(ctx, h, query, []any{int64(run), int64(run)}, func(row *sql.Rows) (KeptEntry, error) {
		var k KeptEntry
		var kept sql.NullInt64
		err := row.Scan(&k.Run, &kept, &k.Site, &k.Kind, &k.Key, &k.Text)
		k.At = at(kept)
		return k, err
	})
}

// sinceMillis has the zero time before everything.
func sinceMillis(t time.Time) int64 {
	if t.IsZero() {
		return -1 << 62
	}
	return millis(t)
}

// rowsOf runs a query and yields its rows as they come.
func rowsOf[T any](ctx context.Context, h *History, query string, values []any, scan func(*sql.Rows) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := h.db.QueryContext(ctx, query, values...)
		if err != nil {
			yield(none, h.failed(ctx, err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			value, err := scan(rows)
			if err != nil {
				yield(none, h.failed(ctx, err))
				return
			}
			if !yield(value, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, h.failed(ctx, err))
		}
	}
}
