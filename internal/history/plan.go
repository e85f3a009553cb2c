package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Why a plan cannot be gone on with, or an act not be begun.
var (
	ErrNoPlan    = errors.New("there is no such plan")
	ErrTakenOver = errors.New("another run has taken over the plan")
	ErrBegunElse = errors.New("another run has begun the same meanwhile")
)

// Plan is what a run is about to do, so that another can go on with it.
type Plan struct {
	Run RunID
	// Inventory says whose sites the rows belong to: plans of one inventory are
	// not gone on with for another.
	Inventory string
	// Rules are the rules that the plan was made by, in JSON.
	Rules string
	// Resumes is the run whose plan this one goes on with; 0 for none.
	Resumes RunID
	Rows    []PlannedRow

	Started time.Time // when its run was started; StorePlan does not mind it
}

// PlannedRow is something that a run is about to do, as it was then.
type PlannedRow struct {
	Turn     int    // its place in the order, unique in its plan
	Site     string // in the inventory
	Package  string // its ID
	NALPath  string
	SiteCode string
	State    string    // in a word
	Changed  time.Time // since when it is in it, by the site's clock; zero when that is not known
}

// StorePlan writes a plan: all of it or nothing, and on the disk when it
// returns. A plan that goes on with another takes its place; ErrTakenOver says
// that the other was taken by somebody else since Take.
func (h *History) StorePlan(ctx context.Context, p Plan) error {
	err := h.transact(ctx, func(tx *sql.Tx) error {
		if p.Resumes != 0 {
			by, next, err := takenBy(ctx, tx, p.Resumes)
			switch {
			case err != nil:
				return err
			case by != p.Run, next != 0:
				return fmt.Errorf("%w of run %d", ErrTakenOver, p.Resumes)
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO plan(run, inventory, rules, resumes) VALUES(?, ?, ?, ?)`,
			int64(p.Run), p.Inventory, p.Rules, int64(p.Resumes))
		if err != nil {
			return err
		}
		insert, err := tx.PrepareContext(ctx, `INSERT INTO planned(run, turn, site, package, nal_path, site_code, state, changed)
			VALUES(?, ?, ?, ?, ?, ?, ?, ?)`)
		if err != nil {
			return err
		}
		defer insert.Close()
		for _, r := range p.Rows {
			if _, err := insert.ExecContext(ctx, int64(p.Run), r.Turn, r.Site, r.Package, r.NALPath, r.SiteCode, r.State, exactly(r.Changed)); err != nil {
				return err
			}
		}
		return nil
	})
	return h.failedPlan(ctx, err)
}

// exactly is a time to the nanosecond, as text.
func exactly(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// failedPlan leaves errors that say nothing about the file as they are.
func (h *History) failedPlan(ctx context.Context, err error) error {
	if errors.Is(err, ErrNoPlan) || errors.Is(err, ErrTakenOver) {
		return fmt.Errorf("history %s: %w", h.path, err)
	}
	return h.failed(ctx, err)
}

// takenBy says which run has taken the plan of another, and which has stored a
// plan in its place; 0 for none.
func takenBy(ctx context.Context, q querier, run RunID) (by, next RunID, err error) {
	err = q.QueryRowContext(ctx, `SELECT coalesce(taken, 0), coalesce((SELECT max(run) FROM plan AS later WHERE later.resumes = plan.run), 0)
		FROM plan WHERE run = ?`, int64(run)).Scan(&by, &next)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, fmt.Errorf("%w: run %d stored none", ErrNoPlan, run)
	}
	return by, next, err
}

// Take takes over the plan of a run, which may go on in another process: from
// then on that one begins nothing more (Begin fails with ErrTakenOver). Who
// takes it last has it. A plan that another one has taken the place of is not
// to be had: ErrTakenOver.
func (h *History) Take(ctx context.Context, plan, by RunID) error {
	err := h.transact(ctx, func(tx *sql.Tx) error {
		_, next, err := takenBy(ctx, tx, plan)
		switch {
		case err != nil:
			return err
		case next != 0:
			return fmt.Errorf("%w of run %d: run %d goes on with it", ErrTakenOver, plan, next)
		}
		_, err = tx.ExecContext(ctx, `UPDATE plan SET taken = ? WHERE run = ?`, int64(by), int64(plan))
		return err
	})
	return h.failedPlan(ctx, err)
}

// Plan reads the plan of a run, its rows in their turns, and the run that has
// stored a plan in its place, 0 for none. Without a plan it fails with
// ErrNoPlan.
func (h *History) Plan(ctx context.Context, run RunID) (p Plan, next RunID, err error) {
	p.Run = run
	var started sql.NullInt64
	err = h.db.QueryRowContext(ctx, `SELECT inventory, rules, resumes, started FROM plan JOIN run ON run.id = plan.run WHERE run = ?`, int64(run)).
		Scan(&p.Inventory, &p.Rules, &p.Resumes, &started)
	p.Started = at(started)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: run %d stored none", ErrNoPlan, run)
	}
	if err == nil {
		_, next, err = takenBy(ctx, h.db, run)
	}
	if err != nil {
		return p, 0, h.failedPlan(ctx, err)
	}
	const rows = `SELECT turn, site, package, nal_path, site_code, state, changed FROM planned WHERE run = ? ORDER BY turn`
	for r, err := range rowsOf(ctx, h, rows, []any{int64(run)}, scanPlanned) {
		if err != nil {
			return p, 0, err
		}
		p.Rows = append(p.Rows, r)
	}
	return p, next, nil
}

func scanPlanned(row *sql.Rows) (PlannedRow, error) {
	var r PlannedRow
	var changed string
	if err := row.Scan(&r.Turn, &r.Site, &r.Package, &r.NALPath, &r.SiteCode, &r.State, &changed); err != nil || changed == "" {
		return r, err
	}
	var err error
	r.Changed, err = time.Parse(time.RFC3339Nano, changed)
	return r, err
}

// plansSearched is how many plans of an inventory are looked through for one
// that is not done.
const plansSearched = 50

// Plans are the runs whose plans for an inventory no other plan has taken the
// place of, the newest first; at most the last fifty.
func (h *History) Plans(ctx context.Context, inventory string) ([]RunID, error) {
	var runs []RunID
	const query = `SELECT run FROM plan WHERE inventory = ? AND NOT EXISTS (SELECT 1 FROM plan AS later WHERE later.resumes = plan.run)
		ORDER BY run DESC LIMIT ?`
	for run, err := range rowsOf(ctx, h, query, []any{inventory, plansSearched}, func(row *sql.Rows) (RunID, error) {
		var id RunID
		return id, row.Scan(&id)
	}) {
		if err != nil {
			return nil, err
		}
		runs = append(runs, run)
	}
	return runs, nil
}

// ActsOfPlan are the acts of the run that stored a plan, and of the runs whose
// plans it goes on with.
func (h *History) ActsOfPlan(ctx context.Context, run RunID) ([]Entry, error) {
	var acts []Entry
	for run != 0 {
		for e, err := range h.Acts(ctx, Filter{Run: run}) {
			if err != nil {
				return nil, err
			}
			acts = append(acts, e)
		}
		var before RunID
		err := h.db.QueryRowContext(ctx, `SELECT resumes FROM plan WHERE run = ?`, int64(run)).Scan(&before)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, h.failed(ctx, err)
		}
		if before >= run {
			break // plans go on with earlier ones
		}
		run = before
	}
	return acts, nil
}
