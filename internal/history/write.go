package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// RunID is the number of a run, from 1.
type RunID int64

// Run is one command as somebody ran it.
type Run struct {
	Command   string   // "refresh", "sites check"
	Arguments []string // what it was told, without anything secret
	User      string   // of this machine
	Host      string   // this machine
	Version   string   // of dpremote
}

// StartRun writes that a command runs from now on.
func (h *History) StartRun(ctx context.Context, r Run) (RunID, error) {
	arguments, err := json.Marshal(append([]string{}, r.Arguments...))
	if err != nil {
		return 0, fmt.Errorf("history: arguments: %w", err)
	}
	id, err := h.insert(ctx, `INSERT INTO run(command, arguments, user, host, version, started) VALUES(?, ?, ?, ?, ?, ?)`,
		r.Command, string(arguments), r.User, r.Host, r.Version, millis(h.now()))
	return RunID(id), err
}

// EndRun writes that a run has ended, with its exit code.
func (h *History) EndRun(ctx context.Context, id RunID, exit int) error {
	return h.change(ctx, `UPDATE run SET ended = ?, exit = ? WHERE id = ?`, millis(h.now()), exit, int64(id))
}

// ActID is the number of an act, from 1. Of two acts the later one has the
// higher number, whatever the clock said.
type ActID int64

// Act is a request that changes something at a site. What does not apply is
// empty.
type Act struct {
	Run       RunID
	Site      string // in the inventory
	Operation string // "put RefreshNow", "invoke RefreshPkgSource"
	Package   string // its ID
	DP        string // the server
	NALPath   string
	SiteCode  string
	Account   string // that signed in to the site
	Detail    string // for people

	// Unless, when it is set, has Begin fail with ErrBegunElse where another run
	// has begun the same operation on the same row then or later, and it is not
	// known to have come to nothing. It is not written.
	Unless time.Time
}

// Outcome is what came of an act.
type Outcome string

// The outcomes.
const (
	// Begun is an act that was begun and not ended: its run goes on, or was
	// killed. Then nobody knows whether the site stored the request.
	Begun   Outcome = "open"
	Stored  Outcome = "stored"   // the site took the request
	Refused Outcome = "refused"  // the site, or what stands before it, did not
	Unknown Outcome = "unknown"  // it was sent, and no answer said what came of it
	NotSent Outcome = "not sent" // nothing that could change anything left this machine
)

// Outcomes are all of them.
func Outcomes() []Outcome { return []Outcome{Begun, Stored, Refused, Unknown, NotSent} }

// ParseOutcome reads the name of an outcome; a hyphen stands for a space.
func ParseOutcome(name string) (Outcome, error) {
	var names []string
	for _, o := range Outcomes() {
		if strings.EqualFold(strings.ReplaceAll(name, "-", " "), string(o)) {
			return o, nil
		}
		names = append(names, strings.ReplaceAll(string(o), " ", "-"))
	}
	return "", fmt.Errorf("unknown outcome %q: use %s", name, strings.Join(names, ", "))
}

// Begin writes an act that is about to be done. It is on the disk when Begin
// returns: send the request after that, and then call End. It fails with
// ErrTakenOver once another run has taken the plan of this one (see Take), and
// with ErrBegunElse as Act.Unless says; nothing is written then, and nothing
// must be sent.
func (h *History) Begin(ctx context.Context, a Act) (ActID, error) {
	unless := int64(math.MaxInt64)
	if !a.Unless.IsZero() {
		unless = millis(a.Unless)
	}
	id, err := h.insert(ctx, `INSERT INTO act(run, begun, site, operation, package, dp, nal_path, site_code, account, detail)
		SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
		WHERE NOT EXISTS (SELECT 1 FROM plan WHERE run = ?1 AND taken IS NOT NULL)
		AND NOT EXISTS (SELECT 1 FROM act WHERE begun >= ?11 AND run <> ?1 AND operation = ?4
			AND package = ?5 COLLATE NOCASE AND nal_path = ?7 COLLATE NOCASE AND site_code = ?8 COLLATE NOCASE
			AND coalesce(outcome, 'open') IN ('open', 'stored', 'unknown'))`,
		int64(a.Run), millis(h.now()), a.Site, a.Operation, a.Package, a.DP, a.NALPath, a.SiteCode, a.Account, bounded(a.Detail), unless)
	if !errors.Is(err, errNothingWritten) {
		return ActID(id), err
	}
	by, next, err := takenBy(ctx, h.db, a.Run)
	switch {
	case err == nil && by != 0:
		return 0, fmt.Errorf("history %s: %w of run %d: run %d", h.path, ErrTakenOver, a.Run, max(by, next))
	case err != nil && !errors.Is(err, ErrNoPlan):
		return 0, h.failed(ctx, err)
	}
	return 0, fmt.Errorf("history %s: %w", h.path, ErrBegunElse)
}

// End writes what came of an act, with the text of the error that said so, from
// which secrets have been taken. Of a long text the beginning is kept.
func (h *History) End(ctx context.Context, id ActID, o Outcome, text string) error {
	if o == Begun {
		return errors.New("history: open is no outcome to end with")
	}
	return h.change(ctx, `UPDATE act SET ended = ?, outcome = ?, error = ? WHERE id = ?`,
		millis(h.now()), string(o), bounded(text), int64(id))
}

// Kept is something that was deleted at a site, with what is needed to make it
// again.
type Kept struct {
	Run  RunID
	Site string
	Kind string // its class
	Key  string // its key as text
	Text string // the object as text; empty where the key is all of it
}

// Keep writes objects that are about to be deleted, all or none of them.
func (h *History) Keep(ctx context.Context, objects ...Kept) error {
	now := millis(h.now())
	err := h.transact(ctx, func(tx *sql.Tx) error {
		for _, k := range objects {
			_, err := tx.ExecContext(ctx, `INSERT INTO kept(run, at, site, kind, key, text) VALUES(?, ?, ?, ?, ?, ?)`,
				int64(k.Run), now, k.Site, k.Kind, k.Key, k.Text)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return h.failed(ctx, err)
}

// Summary is what a sweep saw of one site.
type Summary struct {
	Site   string
	Counts map[string]int // rows by state
	Error  string         // why the site was not seen, or not whole
}

// Summarize writes what a run saw of some sites. What it wrote of a site before
// is replaced.
func (h *History) Summarize(ctx context.Context, run RunID, sites ...Summary) error {
	now := millis(h.now())
	err := h.transact(ctx, func(tx *sql.Tx) error {
		for _, s := range sites {
			counts, err := json.Marshal(s.Counts)
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO summary(run, site, at, counts, error) VALUES(?, ?, ?, ?, ?)`,
				int64(run), s.Site, now, string(counts), bounded(s.Error))
			if err != nil {
				return err
			}
		}
		return nil
	})
	return h.failed(ctx, err)
}

// maxText is the longest text of an act, in bytes: an error may quote what a
// server said.
const maxText = 4096

func bounded(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText], "")
}

// errGone is the error of ending what is not there.
var errGone = errors.New("there is no such entry any longer")

// change writes into one row, which must be there. It does not wait for the
// disk: the death of the process loses nothing, and a power cut takes back an
// end, after which the act counts as open.
func (h *History) change(ctx context.Context, statement string, values ...any) error {
	h.write.Lock()
	defer h.write.Unlock()
	result, err := h.lazy.ExecContext(ctx, statement, values...)
	if err != nil {
		return h.failed(ctx, err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		return h.failed(ctx, errors.Join(errGone, err))
	}
	return nil
}
