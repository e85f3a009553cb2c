package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dpremote/cim"
	"dpremote/internal/memnet"
	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

// matrixModel has rows for several pages.
var matrixModel = simulator.Model{Seed: 5, Sites: []simulator.Site{{
	Code: "PS1", DPs: 3, Packages: 9, Failed: map[simulator.Cause]int{simulator.Transient: 6},
}}}

// matrixPage is how many rows a page has.
const matrixPage = 5

// rig is one site server, and a client of it, of a cell of the matrix. Its
// network is in memory, so that its time is invented.
type rig struct {
	t         *testing.T
	h         *simulator.Hierarchy
	transport wsman.Transport
	session   *cim.Session
	class     queries.PackageClass // of the first row's package

	mu       sync.Mutex
	asked    map[simulator.Action]int // requests that came to be understood
	answered func(simulator.Action)   // called before the answer is sent
}

// newRig starts a site server. Over https it signs in by Basic, whose every
// request carries the password; over http by NTLM, which seals.
func newRig(t *testing.T, https bool, class queries.PackageClass) *rig {
	t.Helper()
	r := &rig{t: t, class: class, asked: map[simulator.Action]int{}}
	var network memnet.Network
	var err error
	r.h, err = simulator.Start(t.Context(), matrixModel, simulator.Options{
		Network: network.Listen, TLS: https, User: "sim", Password: "p", Observe: r.observe,
	})
	if err != nil {
		t.Fatal(err)
	}
	site := r.h.Sites()[0]
	o := wsman.HTTPOptions{URL: site.URL, Slots: 3, Dial: network.Dial}
	auth := wsman.NTLM("sim", "", "p")
	if https {
		auth = wsman.Basic("sim", "p")
		o.TLS = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
		o.TLS.RootCAs.AppendCertsFromPEM(r.h.CA())
	}
	if r.transport, err = wsman.NewHTTP(o, auth); err != nil {
		t.Fatal(err)
	}
	client := wsman.NewClient(r.transport, wsman.Options{Endpoint: site.URL, MaxElements: matrixPage})
	r.session = &cim.Session{Client: client, Namespace: "root/sms/site_PS1"}
	return r
}

func (r *rig) close() {
	_ = r.transport.Close()
	if err := r.h.Close(); err != nil {
		r.t.Errorf("close: %v", err)
	}
	time.Sleep(time.Minute) // of the invented clock, for TLS to say goodbye
}

// observe counts what came to be understood.
func (r *rig) observe(x simulator.Exchange) {
	action := simulator.Action(strings.ToLower(x.Action[strings.LastIndexByte(x.Action, '/')+1:]))
	switch {
	case x.Action == "":
		return // of a sign-in
	case x.Method != "":
		action = simulator.Invoke
	case x.Events:
		action = simulator.Events
	}
	r.mu.Lock()
	r.asked[action]++
	answered := r.answered
	r.mu.Unlock()
	if answered != nil {
		answered(action)
	}
}

func (r *rig) count(a simulator.Action) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[a]
}

// keys are those of a row.
func (r *rig) keys() queries.Keys {
	row := r.h.Rows(simulator.Target{})[0]
	nal := queries.NALPath(fmt.Sprintf(`["Display=\\%s\"]MSWNET:["SMS_SITE=%s"]\\%s\`, row.DP, row.Site, row.DP))
	return queries.Keys{PackageID: queries.PackageID(row.Package), ServerNALPath: nal, SiteCode: queries.SiteCode(row.Site)}
}

func (r *rig) target() simulator.Target {
	row := r.h.Rows(simulator.Target{})[0]
	return simulator.Target{Package: row.Package, DP: row.DP}
}

// operation is a column of the matrix.
type operation struct {
	name   string
	action simulator.Action
	skip   int              // requests of the action that pass first
	after  simulator.Action // the action that is answered before; of the first none
	// run does it and checks what it brought.
	run func(context.Context, *rig) error
	// writes counts how often the server did it.
	writes func(*rig) int
}

var operations = []operation{
	{name: "Identify", action: simulator.Identify, run: identify},
	{name: "Enumerate", action: simulator.Enumerate, run: enumerate},
	{name: "Pull", action: simulator.Pull, skip: 1, after: simulator.Pull, run: enumerate},
	{name: "Get", action: simulator.Get, run: getRow},
	{name: "Put", action: simulator.Put, run: putRow, writes: func(r *rig) int { return r.h.Refreshes(simulator.Target{}) }},
	{name: "Invoke", action: simulator.Invoke, run: invokePackage, writes: updates},
	{name: "Subscribe", action: simulator.Subscribe, run: subscribe},
	{name: "Pull of events", action: simulator.Events, after: simulator.Subscribe, run: subscribe},
}

func identify(ctx context.Context, r *rig) error {
	id, err := r.session.Client.Identify(ctx, false)
	if err == nil && !strings.Contains(id.ProductVersion, "10.0.20348") {
		r.t.Errorf("identified as %+v", id)
	}
	return err
}

// enumerate reads all rows. Without an error all are there; each is there once
// at most, with or without one.
func enumerate(ctx context.Context, r *rig) error {
	rows, err := queries.Collect(queries.Select[queries.PackageStatusDP]().Run(ctx, r.session))
	want := map[string]bool{}
	for _, row := range r.h.Rows(simulator.Target{}) {
		want[row.Package+" "+strings.ToLower(row.DP)] = true
	}
	for _, row := range rows {
		key := string(row.PackageID) + " " + strings.ToLower(row.ServerNALPath.Server())
		if !want[key] {
			r.t.Errorf("row %s is there twice, or was never", key)
		}
		delete(want, key)
	}
	if err == nil && len(want) > 0 {
		r.t.Errorf("%d rows were lost: %v", len(want), want)
	}
	return err
}

func getRow(ctx context.Context, r *rig) error {
	keys := r.keys()
	instance, err := r.session.Get(ctx, "SMS_DistributionPoint", keys.Selectors()...)
	if err == nil {
		if id, _ := instance.Get("PackageID"); id.Text() != string(keys.PackageID) {
			r.t.Errorf("got package %q", id.Text())
		}
	}
	return err
}

func putRow(ctx context.Context, r *rig) error {
	return queries.Refresh(ctx, r.session, r.keys(), false)
}

func invokePackage(ctx context.Context, r *rig) error {
	return queries.RefreshPkgSource(ctx, r.session, r.class, r.keys().PackageID, "")
}

// classOfPackage is the class of the package that is invoked. Equal models have
// equal packages, so one server tells it for all.
func classOfPackage(t *testing.T) (class queries.PackageClass) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, false, queries.PackageClass{})
		defer r.close()
		for p, err := range queries.Select[queries.Package](queries.Eq("PackageID", r.target().Package)).Run(t.Context(), r.session) {
			if err != nil {
				t.Fatal(err)
			}
			class, _ = queries.PackageClassOf(p.PackageType)
		}
	})
	return class
}

func updates(r *rig) int {
	n, _ := r.h.Updates(r.target().Package)
	return n
}

// subscribe waits for an event. What happens when a subscription has begun is
// one, so that one is missed only where a replacement is not told of.
func subscribe(ctx context.Context, r *rig) error {
	wql, err := queries.PackageEvents(5 * time.Second)
	if err != nil {
		return err
	}
	rows := r.h.Rows(simulator.Target{})
	began := 0
	s := wsman.Subscription{Namespace: r.session.Namespace, WQL: wql, Subscribed: func() {
		row := rows[len(rows)-1-began]
		began++
		r.h.Fail(simulator.Target{Package: row.Package, DP: row.DP}, simulator.DiskFull)
	}}
	for item, err := range r.session.Client.Subscribe(ctx, s) {
		if err != nil {
			return err
		}
		event, err := cim.ReadInstance(item.Scanner())
		if err != nil {
			return err
		}
		if _, ok := event.Get("TargetInstance"); !ok {
			r.t.Errorf("an event without its instance: %+v", event)
		}
		return nil
	}
	return errors.New("the subscription ended without an error")
}
