package distribution

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"dpremote/cim"
	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

// world is a simulated hierarchy reached without a network, so that it can
// live in a bubble of invented time.
type world struct {
	t         *testing.T
	hierarchy *simulator.Hierarchy

	mu   sync.Mutex
	puts map[string]int // by site
	// answer, where it is set, may answer in a site's place.
	answer func(site string, req *wsman.Request) (*wsman.Response, error)
}

var model = simulator.Model{
	Seed:  7,
	Delay: 10 * time.Second,
	Sites: []simulator.Site{
		{Code: "CAS", Packages: 4},
		{Code: "PS1", Parent: "CAS", DPs: 4, Packages: 6, Failed: map[simulator.Cause]int{
			simulator.Transient: 4, simulator.DiskFull: 2, simulator.HashMismatch: 1}, Retrying: 1, Pending: 1},
		{Code: "PS2", Parent: "CAS", DPs: 2, Packages: 4, Failed: map[simulator.Cause]int{
			simulator.Transient: 5, simulator.SourceMissing: 1}, Secondaries: []simulator.Secondary{{Code: "S21", DPs: 2}}},
	},
}

const failedRows = 13

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOf(t, model)
}

func newWorldOf(t *testing.T, model simulator.Model) *world {
	t.Helper()
	w := &world{t: t, puts: map[string]int{}}
	w.hierarchy = strictly(t, model, simulator.Options{Observe: func(x simulator.Exchange) {
		if strings.HasSuffix(x.Action, "/Put") {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.puts[x.Site]++
		}
	}})
	return w
}

// strictly makes a hierarchy at which a client's sin fails the test.
func strictly(t *testing.T, m simulator.Model, o simulator.Options) *simulator.Hierarchy {
	t.Helper()
	o.AllowUnencrypted, o.Now, o.Strict = true, time.Now, func(s simulator.Sin) { t.Error(s) }
	h, err := simulator.New(m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// site is a site of the world as this package takes it.
func (w *world) site(code string) *Site {
	handler, ok := w.hierarchy.Handler(code)
	if !ok {
		w.t.Fatalf("no site %s", code)
	}
	client := wsman.NewClient(&direct{w: w, code: code, handler: handler}, wsman.Options{Endpoint: "http://" + code, Retries: -1})
	return &Site{Name: code, Session: &cim.Session{Client: client, Namespace: "root/sms/site_" + code}, Parallel: 2}
}

func (w *world) look(codes ...string) []*View {
	w.t.Helper()
	var views []*View
	for _, code := range codes {
		v, err := Look(w.t.Context(), w.site(code), LookFor{
			Filter: queries.Filter{States: []queries.State{queries.StateFailed}}, Reasons: true, Cooldown: time.Hour})
		if err != nil {
			w.t.Fatal(err)
		}
		views = append(views, v)
	}
	return views
}

func (w *world) putsAt(site string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.puts[site]
}

// direct is a Transport that calls a handler.
type direct struct {
	w       *world
	code    string
	handler http.Handler
}

func (d *direct) RoundTrip(ctx context.Context, req *wsman.Request) (*wsman.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, &wsman.TransportError{Err: err}
	}
	if d.w.answer != nil {
		if res, err := d.w.answer(d.code, req); res != nil || err != nil {
			return res, err
		}
	}
	return d.serve(ctx, req), nil
}

func (d *direct) serve(ctx context.Context, req *wsman.Request) *wsman.Response {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "http://"+d.code+"/wsman", bytes.NewReader(req.Body))
	r.Header.Set("Content-Type", "application/soap+xml;charset=UTF-8")
	r.SetBasicAuth(d.w.hierarchy.User(), d.w.hierarchy.Password())
	recorder := httptest.NewRecorder()
	d.handler.ServeHTTP(recorder, r)
	body, err := io.ReadAll(recorder.Result().Body)
	if err != nil {
		d.w.t.Error(err)
	}
	return &wsman.Response{Status: recorder.Code, ContentType: recorder.Header().Get("Content-Type"), Body: body}
}

func (d *direct) Close() error { return nil }

// isPut tells a Put from other requests.
func isPut(req *wsman.Request) bool {
	return bytes.Contains(req.Body, []byte(">http://schemas.xmlsoap.org/ws/2004/09/transfer/Put<"))
}
