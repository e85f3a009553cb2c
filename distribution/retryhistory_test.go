package distribution

import (
	"bytes"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"dpremote/cim"
	"dpremote/queries"
	"dpremote/wsman"
)

// retrying is the package that the model retries at PS1.
func (w *world) retrying() queries.PackageID {
	w.t.Helper()
	h, err := ReadRetryHistory(w.t.Context(), w.site("PS1"))
	if err != nil || !h.Present || len(h.Entries) != 1 {
		w.t.Fatalf("%+v, %v", h, err)
	}
	return h.Entries[0].PackageID
}

func aboutRegistry(req *wsman.Request, method string) bool {
	return bytes.Contains(req.Body, []byte("/StdRegProv/"+method+"<"))
}

// output is a method's answer that holds its ReturnValue alone.
func output(req *wsman.Request, method, code string) *wsman.Response {
	id := regexp.MustCompile(`MessageID>([^<]*)<`).FindSubmatch(req.Body)[1]
	return &wsman.Response{Status: http.StatusOK, ContentType: "application/soap+xml;charset=UTF-8", Body: []byte(
		`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="` + wsman.NamespaceAddressing + `"><s:Header><a:RelatesTo>` +
			string(id) + `</a:RelatesTo></s:Header><s:Body><p:` + method + `_OUTPUT xmlns:p="x"><p:ReturnValue>` +
			code + `</p:ReturnValue></p:` + method + `_OUTPUT></s:Body></s:Envelope>`)}
}

// storm sends a row of PS1 again and again, though its disk is full.
func (w *world) storm() queries.PackageStatusDP {
	w.t.Helper()
	var row queries.PackageStatusDP
	for _, d := range Diagnose(w.examine("PS1")) {
		if d.Why == "disk-full" {
			row = d.PackageStatusDP
		}
	}
	site := w.site("PS1")
	for i := range stormAt {
		if i > 0 {
			time.Sleep(5 * time.Minute) // in the bubble's time
		}
		if err := queries.Refresh(w.t.Context(), site.Session, row.Keys, false); err != nil {
			w.t.Fatal(err)
		}
	}
	time.Sleep(20 * time.Second) // until it has been tried twice
	if err := queries.Refresh(w.t.Context(), site.Session, row.Keys, false); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(11 * time.Second) // once: it is being tried again
	return row
}

func TestReadRetryHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id := w.retrying()
		h, err := ReadRetryHistory(t.Context(), w.site("PS1"), queries.PackageID(strings.ToLower(string(id))), "PS1FFFFF")
		if err != nil {
			t.Fatal(err)
		}
		entry, found := h.Entry(id)
		if !found || !strings.HasSuffix(entry.Key.Path, `\Retry History\`+string(id)) || len(entry.Key.Values) == 0 {
			t.Errorf("%+v", entry)
		}
		if _, found := h.Entry("PS1FFFFF"); found || h.Queue == "" || h.Processing != "1" {
			t.Errorf("%+v", h)
		}
		if h, err := ReadRetryHistory(t.Context(), w.site("PS1"), "PS1FFFFF"); err != nil || len(h.Entries) != 0 || !h.Present {
			t.Errorf("of another package: %+v, %v", h, err)
		}
		if h, err := ReadRetryHistory(t.Context(), w.site("PS2")); err != nil || len(h.Entries) != 0 || !h.Present {
			t.Errorf("of a site without: %+v, %v", h, err)
		}
	})
}

func TestClearRetry(t *testing.T) {
	good := func(RetryEntry) error { return nil }
	lost := &wsman.TransportError{Sent: true, Err: errors.New("lost")}
	for _, tt := range []struct {
		name string
		keep func(RetryEntry) error
		// answer says how to answer to the nth request of a method.
		method string
		from   int
		res    *wsman.Response
		err    error
		passOn bool // the site gets the request all the same

		want    Cleared
		fails   error // nil for none
		remains bool
	}{
		{name: "well", keep: good, want: ClearedNow},
		{name: "not kept", keep: func(RetryEntry) error { return errors.New("no room") }, want: NotCleared, fails: ErrNotKept, remains: true},
		{name: "access denied to read", keep: good, method: "EnumValues", res: fault("wsman:AccessDenied"), want: NotCleared, fails: wsman.ErrAccessDenied, remains: true},
		{name: "access denied to delete", keep: good, method: "DeleteKey", res: fault("wsman:AccessDenied"), want: NotCleared, fails: wsman.ErrAccessDenied, remains: true},
		{name: "the answer is lost, but it is gone", keep: good, method: "DeleteKey", err: lost, passOn: true, want: ClearedNow},
		{name: "the request is lost", keep: good, method: "DeleteKey", err: lost, want: NotCleared, fails: lost.Err, remains: true},
		{name: "the look is lost", keep: good, method: "EnumKey", from: 2, err: lost, passOn: true, want: ClearedUnknown, fails: lost.Err},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				id := w.retrying()
				seen, deletions := 0, 0
				w.answer = func(site string, req *wsman.Request) (*wsman.Response, error) {
					if aboutRegistry(req, "DeleteKey") {
						deletions++
					}
					if tt.method == "" || !aboutRegistry(req, tt.method) {
						return nil, nil
					}
					if seen++; seen <= tt.from {
						return nil, nil
					}
					if tt.passOn {
						handler, _ := w.hierarchy.Handler(site)
						(&direct{w: w, code: site, handler: handler}).serve(t.Context(), req)
					}
					return tt.res, tt.err
				}
				got, err := ClearRetry(t.Context(), w.site("PS1"), id, tt.keep)
				if got != tt.want || (err != nil) != (tt.fails != nil) || !errors.Is(err, tt.fails) {
					t.Errorf("%s, %v; want %s, %v", got, err, tt.want, tt.fails)
				}
				if deletions > 2 { // once a namespace that refuses it
					t.Errorf("%d deletions were sent", deletions)
				}
				w.answer = nil
				h, err := ReadRetryHistory(t.Context(), w.site("PS1"), id)
				if _, remains := h.Entry(id); err != nil || remains != tt.remains {
					t.Errorf("it remains: %v, want %v (%v)", remains, tt.remains, err)
				}
			})
		})
	}
}

// TestClearRetryLater clears what is gone, and what comes back at once.
func TestClearRetryLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		id, site := w.retrying(), w.site("PS1")
		kept := 0
		keep := func(e RetryEntry) error {
			if e.PackageID != id || len(e.Key.Values) == 0 {
				t.Errorf("asked to keep %+v", e)
			}
			kept++
			return nil
		}
		w.answer = func(_ string, req *wsman.Request) (*wsman.Response, error) {
			if aboutRegistry(req, "DeleteKey") { // what Distribution Manager writes anew is there as before
				return output(req, "DeleteKey", "0"), nil
			}
			return nil, nil
		}
		if got, err := ClearRetry(t.Context(), site, id, keep); got != ClearedAndBack || err != nil {
			t.Errorf("%s, %v", got, err)
		}
		w.answer = nil
		for _, want := range []Cleared{ClearedNow, ClearedBefore} {
			if got, err := ClearRetry(t.Context(), site, id, keep); got != want || err != nil {
				t.Errorf("%s, %v; want %s", got, err, want)
			}
		}
		if kept != 2 {
			t.Errorf("kept %d times", kept)
		}
	})
}

// TestStormTellsItsHistory makes a storm of a package and looks what its site's
// registry tells, for accounts with and without rights.
func TestStormTellsItsHistory(t *testing.T) {
	for _, tt := range []struct {
		name  string
		res   *wsman.Response
		err   error
		want  StormHistoryState
		fails bool
	}{
		{name: "with rights", want: HistoryThere},
		{name: "without", res: fault("wsman:AccessDenied"), want: HistoryDenied},
		{name: "at a server that does not know the registry", res: fault("wsman:DestinationUnreachable"), want: HistoryUnread},
		{name: "at a site that falls silent", err: &wsman.TransportError{Sent: true, Err: errors.New("lost")}, fails: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				row := w.storm()
				w.answer = func(_ string, req *wsman.Request) (*wsman.Response, error) {
					if bytes.Contains(req.Body, []byte("/StdRegProv/")) {
						return tt.res, tt.err
					}
					return nil, nil
				}
				view := &View{Site: w.site("PS1")}
				storms, err := LookForStorms(t.Context(), view, queries.Filter{}, time.Now().Add(-24*time.Hour))
				if err != nil || len(storms) != 1 || storms[0].PackageID != row.PackageID {
					t.Fatalf("%+v, %v", storms, err)
				}
				if s := storms[0]; s.Peak().Jobs != stormAt+1 || s.JobsMade < s.Peak().Jobs || s.History.State != HistoryNotAsked {
					t.Errorf("%+v", s)
				}
				err = AskHistory(t.Context(), view.Site, storms)
				if (err != nil) != tt.fails {
					t.Fatal(err)
				}
				got := storms[0].History
				if got.State != tt.want || (got.State == HistoryThere) != (len(got.Values) > 0) {
					t.Errorf("%+v, want %s", got, tt.want)
				}
			})
		})
	}
}

// TestHistoryOfAnotherSite asks no registry for a storm that is not the site's
// own, and none at all without storms.
func TestHistoryOfAnotherSite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.answer = func(_ string, req *wsman.Request) (*wsman.Response, error) {
			if bytes.Contains(req.Body, []byte("StdRegProv")) {
				t.Errorf("asked %s", req.Body)
			}
			return nil, nil
		}
		storms := []Storm{{PackageID: "PS100001", Site: "PS1"}}
		if err := AskHistory(t.Context(), w.site("CAS"), storms); err != nil || storms[0].History.State != HistoryNotAsked {
			t.Errorf("%+v, %v", storms, err)
		}
		w.examine("CAS", "PS1")
	})
}

func TestHistoryOfWhatWasRead(t *testing.T) {
	for want, h := range map[StormHistoryState]*RetryHistory{
		HistoryElsewhere: {},
		HistoryAbsent:    {Present: true, Queue: "A", Entries: []RetryEntry{{PackageID: "PS100002"}}},
		HistoryThere:     {Present: true, Queue: "A", Entries: []RetryEntry{{PackageID: "PS100001"}}},
	} {
		if got := historyOf(h, "PS100001", nil); got.State != want || got.Queue != h.Queue {
			t.Errorf("%+v, want %s", got, want)
		}
	}
}

func TestAddMade(t *testing.T) {
	job := func(pkg queries.PackageID, minutes int) queries.Job {
		return queries.Job{PackageID: pkg, CreationTime: cim.Datetime{Time: noon.Add(time.Duration(minutes) * time.Minute)}}
	}
	s := Storm{PackageID: "PS100001", Hours: []StormHour{{Hour: noon.Add(time.Hour), NotCopied: 7}}}
	s.addMade([]queries.Job{job("ps100001", 5), job("PS100001", 60), job("PS100001", 61), job("PS100001", 119), job("PS100002", 62), {PackageID: "PS100001"}})
	want := []StormHour{{Hour: noon, Jobs: 1}, {Hour: noon.Add(time.Hour), NotCopied: 7, Jobs: 3}}
	if diff := cmp.Diff(want, s.Hours); diff != "" || s.JobsMade != 4 || s.Peak() != want[1] {
		t.Errorf("%d made, peak %+v: %s", s.JobsMade, s.Peak(), diff)
	}
}
