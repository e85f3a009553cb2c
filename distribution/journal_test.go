package distribution

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"dpremote/queries"
	"dpremote/wsman"
)

// book is a journal that a test reads.
type book struct {
	mu    sync.Mutex
	lines []string
	begun func()
}

func (b *book) write(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, line)
}

func (b *book) journal(_ context.Context, a Act) (func(error), error) {
	b.write("begin " + a.Operation + " " + a.Detail)
	if b.begun != nil {
		b.begun()
	}
	return func(err error) {
		outcome := "stored"
		if err != nil {
			outcome = err.Error()
		}
		b.write("end " + outcome)
	}, nil
}

// written has the site of a world write into a book, together with the requests
// that change something when they arrive.
func (w *world) written(code string, b *book) *Site {
	site := w.site(code)
	site.Parallel, site.Journal = 1, b.journal
	before := w.answer
	w.answer = func(name string, req *wsman.Request) (*wsman.Response, error) {
		switch body := string(req.Body); {
		case isPut(req):
			b.write("request Put")
		case strings.Contains(body, "/VerifyPackage<"), strings.Contains(body, "/CancelDistribution<"), strings.Contains(body, "/RefreshPkgSource<"):
			b.write("request Invoke")
		}
		if before != nil {
			return before(name, req)
		}
		return nil, nil
	}
	return site
}

func (b *book) expect(t *testing.T, want ...string) {
	t.Helper()
	if !slices.Equal(b.lines, want) {
		t.Errorf("the book says\n  %s\nwant\n  %s", strings.Join(b.lines, "\n  "), strings.Join(want, "\n  "))
	}
}

func (w *world) oneStep(owner *Site) []Step {
	w.t.Helper()
	row := Merge(w.look("PS1"))[0]
	row.Owner = owner
	return []Step{{Row: row}}
}

// TestEachActIsWritten has every action written down before its request
// arrives, and closed after.
func TestEachActIsWritten(t *testing.T) {
	for operation, do := range map[string]func(context.Context, *Site, []Step) error{
		"put RefreshNow partial": func(ctx context.Context, _ *Site, s []Step) error { return Refresh(ctx, s, PutPartial, nil)[0].Err },
		"put RefreshNow full":    func(ctx context.Context, _ *Site, s []Step) error { return Refresh(ctx, s, PutFull, nil)[0].Err },
		"invoke VerifyPackage ":  func(ctx context.Context, _ *Site, s []Step) error { return Validate(ctx, s, nil)[0].Err },
		"invoke CancelDistribution ": func(ctx context.Context, _ *Site, s []Step) error {
			return Cancel(ctx, s, nil)[0].Err
		},
		"invoke RefreshPkgSource SMS_Package": func(ctx context.Context, site *Site, s []Step) error {
			id := s[0].RowKey().Package
			view, err := LookAtPackages(ctx, site, []queries.PackageID{id})
			if err != nil {
				return err
			}
			steps := PlanUpdate([]queries.PackageID{id}, []*PackagesView{view}, UpdateRules{Force: true})
			steps[0].Owner, steps[0].Skip, steps[0].Class.Name, steps[0].Class.Type = site, SkipNothing, "SMS_Package", steps[0].PackageType
			return Update(ctx, steps, UpdateOptions{Force: true}, nil)[0].Err
		},
	} {
		t.Run(operation, func(t *testing.T) {
			w := newWorld(t)
			b := &book{}
			site := w.written("PS1", b)
			kind := "request Put"
			if strings.HasPrefix(operation, "invoke") {
				kind = "request Invoke"
			}
			end := "end stored"
			if err := do(t.Context(), site, w.oneStep(site)); err != nil {
				end = "end " + err.Error() // the site may refuse it; it is written all the same
			}
			b.expect(t, "begin "+operation, kind, end)
		})
	}
}

// TestSecondPutIsWritten has a site refuse a partial Put: the whole one is
// another act.
func TestSecondPutIsWritten(t *testing.T) {
	w := newWorld(t)
	puts := 0
	w.answer = func(_ string, req *wsman.Request) (*wsman.Response, error) {
		if !isPut(req) {
			return nil, nil
		}
		if puts++; puts == 1 {
			return nil, wsman.ErrRepresentation
		}
		return nil, nil
	}
	b := &book{}
	site := w.written("PS1", b)
	if got := Refresh(t.Context(), w.oneStep(site), PutAuto, nil); got[0].Err != nil {
		t.Fatal(got[0].Err)
	}
	if len(b.lines) != 6 || !strings.HasPrefix(b.lines[2], "end put ") {
		t.Fatalf("the book says %q", b.lines)
	}
	b.lines[2] = "end refused"
	b.expect(t, "begin put RefreshNow partial", "request Put", "end refused", "begin put RefreshNow full", "request Put", "end stored")
}

// TestInterruptedWhileWriting ends the context while the act is written down:
// nothing is sent.
func TestInterruptedWhileWriting(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	b := &book{begun: cancel}
	site := w.written("PS1", b)
	got := Refresh(ctx, w.oneStep(site), PutAuto, nil)[0]
	if !errors.Is(got.Err, context.Canceled) || got.Unknown {
		t.Errorf("%v, unknown %t", got.Err, got.Unknown)
	}
	b.expect(t, "begin put RefreshNow partial", "end not sent: context canceled")
}
