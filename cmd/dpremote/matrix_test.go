package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

var writeMatrix = flag.Bool("write-matrix", false, "rewrite docs/faults.md from what the fault matrix gives")

const matrixFile = "../../docs/faults.md"

// faultRow is a row of the matrix: a fault, and what becomes of each operation
// that it happens to, in the order of operations.
type faultRow struct {
	name  string
	fault simulator.Fault
	https bool // by Basic, in place of NTLM over http
	// waits is how long an operation that is retried takes at least.
	waits time.Duration
	want  []string
}

// none is the outcome of a fault that cannot happen to an operation.
const none = "–"

// TestFaultMatrix does each operation while each fault happens to it. What must
// hold in every cell is checked by check and by the operations; what becomes of
// it stands in faultRows, and all of it in docs/faults.md.
func TestFaultMatrix(t *testing.T) {
	class := classOfPackage(t)
	usual := map[string]map[simulator.Action]int{}
	for _, op := range operations {
		usual[op.name] = withoutFault(t, op, class)
	}
	got := make([][]string, len(faultRows))
	for i, row := range faultRows {
		for _, op := range operations {
			t.Run(row.name+"/"+op.name, func(t *testing.T) {
				outcome := "broken"
				defer func() { got[i] = append(got[i], outcome) }()
				synctest.Test(t, func(t *testing.T) { outcome = cell(t, row, op, usual[op.name], class) })
			})
		}
		for n, op := range operations {
			if got[i][n] != row.want[n] {
				t.Errorf("%s, %s: %s; want %s", row.name, op.name, got[i][n], row.want[n])
			}
		}
	}
	compareMatrix(t, matrixMarkdown(got))
}

// withoutFault counts what an operation asks for when nothing goes wrong.
func withoutFault(t *testing.T, op operation, class queries.PackageClass) map[simulator.Action]int {
	t.Helper()
	counts := map[simulator.Action]int{}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, false, class)
		defer r.close()
		if err := op.run(t.Context(), r); err != nil {
			t.Errorf("%s without a fault: %v", op.name, err)
		}
		for _, a := range simulator.Actions() {
			counts[a] = r.count(a)
		}
	})
	return counts
}

// cell is one operation with one fault.
func cell(t *testing.T, row faultRow, op operation, usual map[simulator.Action]int, class queries.PackageClass) string {
	f, possible := row.at(op)
	if !possible {
		return none
	}
	r := newRig(t, row.https, class)
	defer r.close()
	happened := arm(r, f, op)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	begin := time.Now()
	err := op.run(ctx, r)
	if happened() == 0 {
		t.Errorf("the fault did not happen")
	}
	check(t, r, op, err)
	outcome := becameOf(r, f, op, usual, err)
	if took := time.Since(begin); outcome == "retried" && took < row.waits {
		t.Errorf("retried after %s, want %s at least", took, row.waits)
	}
	return outcome
}

// at is the row's fault as it happens to an operation; false when it cannot.
func (row faultRow) at(op operation) (simulator.Fault, bool) {
	f := row.fault
	switch f.Kind {
	case simulator.Drop, simulator.ClockJump:
		return f, true
	case simulator.Close:
		f.Action = op.action
		return f, true
	case simulator.Refuse:
		f.Action, f.Count = op.after, 1
		return f, true
	case simulator.Repeat, simulator.Reverse, simulator.Duplicate:
		f.Action, f.Skip = op.action, op.skip
		return f, op.action == simulator.Enumerate || op.action == simulator.Pull
	case simulator.Endless:
		f.Action = op.action
		return f, op.action == simulator.Pull // the first page is never the last
	case simulator.PullTimedOut, simulator.ContextClosed, simulator.InvalidContext:
		f.Action, f.Skip = op.action, op.skip
		return f, op.action == simulator.Pull || op.action == simulator.Events
	}
	f.Action, f.Skip = op.action, op.skip
	return f, true
}

// arm injects a fault. One that chooses no requests is injected with the answer
// before the operation, and where it strikes connections that is the last of its
// connection.
func arm(r *rig, f simulator.Fault, op operation) (happened func() int) {
	var injected *simulator.Injected
	inject := func() {
		var err error
		if injected, err = r.h.Inject(f); err != nil {
			r.t.Fatal(err)
		}
	}
	if f.Kind == simulator.Drop && op.after != "" {
		if _, err := r.h.Inject(simulator.Fault{Kind: simulator.Close, Action: op.after, Count: 1}); err != nil {
			r.t.Fatal(err)
		}
	}
	if (f.Kind == simulator.ClockJump || f.Kind == simulator.Drop) && op.after != "" {
		r.answered = func(a simulator.Action) {
			if a == op.after && injected == nil {
				inject()
			}
		}
	} else {
		inject()
	}
	return func() int {
		if injected == nil {
			return 0
		}
		return injected.Times()
	}
}

// check is what must hold whatever goes wrong.
func check(t *testing.T, r *rig, op operation, err error) {
	t.Helper()
	var failed *wsman.Error
	switch {
	case err != nil && !errors.As(err, &failed):
		t.Errorf("error %v is no *wsman.Error", err)
	case err != nil && failed.Endpoint == "":
		t.Errorf("error %v does not say where", err)
	case errors.Is(err, wsman.ErrUnauthorized) && failed.Retry != wsman.RetryUseless:
		t.Errorf("refused credentials are to be tried again: %v", err)
	}
	if op.writes == nil {
		return
	}
	sent, done := r.count(op.action), op.writes(r)
	switch {
	case sent > 1:
		t.Errorf("sent %d times", sent)
	case done > 1:
		t.Errorf("done %d times", done)
	case err == nil && done != 1:
		t.Errorf("no error, and it was not done")
	case err != nil && failed.Retry != wsman.RetryUnknown && done != 0:
		t.Errorf("it was done, and the error says that a retry is %s: %v", failed.Retry, err)
	}
}

// becameOf is what became of an operation, in words.
func becameOf(r *rig, f simulator.Fault, op operation, usual map[simulator.Action]int, err error) string {
	if err != nil {
		var failed *wsman.Error
		_ = errors.As(err, &failed) // check says when it is none
		text := fmt.Sprintf("exit %d, %s, %s", failureCode(err), kindOf(err), adviceOf(failed))
		if op.writes == nil {
			return text
		}
		if op.writes(r) > 0 {
			return text + "; was done"
		}
		return text + "; not done"
	}
	more := func(a simulator.Action) bool { return r.count(a) > usual[a] }
	switch {
	case op.action == simulator.Pull && more(simulator.Enumerate):
		return "restarted"
	case op.action == simulator.Events && more(simulator.Subscribe):
		return "replaced"
	case more(op.action) && !isDisorder(f.Kind), f.Kind == simulator.Drop, f.Kind == simulator.Refuse:
		return "retried"
	}
	return "right"
}

// isDisorder tells the faults that bring more pages than there are.
func isDisorder(k simulator.FaultKind) bool {
	return k == simulator.Repeat || k == simulator.Endless || k == simulator.Duplicate
}

// adviceOf is the advice on a retry that the documents of commands carry.
func adviceOf(err *wsman.Error) string {
	if err == nil {
		return "no advice"
	}
	return "retry " + siteError("", err).Retry
}

const matrixHead = `# What becomes of operations when something goes wrong

This file is written by ` + "`make matrix`" + ` from a run of the fault matrix (a test in
cmd/dpremote): a simulated site server makes each fault happen to each operation
once, or, where the row says so, always. The test fails where an outcome is
another than this one. A site server makes the same faults happen by
` + "`dpremote sim --fault`" + `.

- **right**: nothing had to be done about it, and the answer is right.
- **retried**: the request was sent again, and the answer is right.
- **restarted**: the query was asked again from its start. Rows that were there
  before were left out by their keys: all rows are there, each once.
- **replaced**: a new subscription took the place of the one that was lost. Whoever
  listens is told, and reads the state, since no event tells what happened between.
- **exit N, KIND, retry safe | unsafe | no**: the operation failed. N is the exit
  code of a command with this one site, KIND and the advice are those of the
  errors in its JSON. *Safe*: it may work later, and can do nothing twice.
  *Unsafe*: it may have been carried out, so read the state first. *No*: something
  has to be changed first. For what changes something it is said whether the
  server did it.

Enumerate and Pull are those of rows whose keys are known, as all commands but
` + "`query`" + ` ask for. ` + "`query`" + ` does not know what tells one row from another: there, what would be
restarted fails with *retry safe* once a row was printed, and rows that the server
sends twice are printed twice.

In every cell: no row is lost without an error, none is there twice; a Put or an
Invoke is sent once at most; where one was done, no advice says that it may be
sent again.

`

// matrixMarkdown is the matrix as a document.
func matrixMarkdown(outcomes [][]string) string {
	var b strings.Builder
	b.WriteString(matrixHead)
	b.WriteString("| fault |")
	for _, op := range operations {
		b.WriteString(" " + op.name + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(operations)) + "\n")
	for i, row := range faultRows {
		fmt.Fprintf(&b, "| %s | %s |\n", row.name, strings.Join(outcomes[i], " | "))
	}
	fmt.Fprintf(&b, "\nFaults of `dpremote sim --fault`: %s.\n", strings.Join(kindsOfFaults(), ", "))
	return b.String()
}

func kindsOfFaults() (names []string) {
	for _, k := range simulator.FaultKinds() {
		names = append(names, "`"+string(k)+"`")
	}
	return names
}

// compareMatrix holds the committed document against the run.
func compareMatrix(t *testing.T, text string) {
	t.Helper()
	if *writeMatrix {
		if err := os.WriteFile(matrixFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	old, err := os.ReadFile(matrixFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(old) != text {
		t.Errorf("docs/faults.md is not what the matrix gives: run make matrix, and see what that changes")
	}
}

// TestRowsWithoutKeys: where nobody knows what tells one row from another, an
// enumeration that breaks begins anew before its first row only.
func TestRowsWithoutKeys(t *testing.T) {
	for _, tt := range []struct {
		name       string
		fault      simulator.Fault
		enumerates int
		retry      wsman.Retry // of the error, if there is one
		fails      bool
	}{
		{"first page cut", simulator.Fault{Kind: simulator.CutName, Action: simulator.Enumerate, Count: 1}, 2, 0, false},
		{"later page cut", simulator.Fault{Kind: simulator.CutName, Action: simulator.Pull, Skip: 1, Count: 1}, 1, wsman.RetrySafe, true},
		{"later page lost", simulator.Fault{Kind: simulator.ResetAfter, Action: simulator.Pull, Skip: 1, Count: 1}, 1, wsman.RetrySafe, true},
		{"later page late", simulator.Fault{Kind: simulator.TimedOut, Action: simulator.Pull, Skip: 1, Count: 1}, 1, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, false, queries.PackageClass{})
				defer r.close()
				if _, err := r.h.Inject(tt.fault); err != nil {
					t.Fatal(err)
				}
				seen := map[string]bool{}
				var failed *wsman.Error
				for row, err := range r.session.Rows(t.Context(), wsman.Enumeration{WQL: "SELECT * FROM SMS_PackageStatusDistPointsSummarizer"}) {
					if err != nil {
						if !errors.As(err, &failed) || failed.Retry != tt.retry {
							t.Errorf("error %v, want retry %s", err, tt.retry)
						}
						break
					}
					id, _ := row.Instance.Get("PackageID")
					dp, _ := row.Instance.Get("ServerNALPath")
					if key := id.Text() + dp.Text(); seen[key] {
						t.Errorf("%s is there twice", key)
					} else {
						seen[key] = true
					}
				}
				all := len(r.h.Rows(simulator.Target{}))
				if (failed != nil) != tt.fails || r.count(simulator.Enumerate) != tt.enumerates || (len(seen) == all) == tt.fails {
					t.Errorf("%d rows of %d, enumerated %d times, error %v", len(seen), all, r.count(simulator.Enumerate), failed)
				}
			})
		})
	}
}

// TestMatrixHasEveryFault: a fault that is in no row is not tested.
func TestMatrixHasEveryFault(t *testing.T) {
	in := map[simulator.FaultKind]bool{}
	for _, row := range faultRows {
		in[row.fault.Kind] = true
	}
	for _, k := range simulator.FaultKinds() {
		if !in[k] {
			t.Errorf("%s is in no row of the matrix", k)
		}
	}
}
