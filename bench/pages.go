package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"

	"dpremote/cim"
	"dpremote/queries"
	"dpremote/simulator"
	"dpremote/wsman"
)

// The simulated site whose answers are replayed: as many distribution points
// as a primary site can have.
const (
	siteCode   = "PS1"
	namespace  = "root/sms/site_" + siteCode
	pointCount = 5000
	packages   = 3
	selectAll  = "SELECT * FROM SMS_PackageStatusDistPointsSummarizer"
)

// recording is a query and the answers to it, ready to be sent again.
type recording struct {
	wql     string
	answers []answer
	fixed   bool // as many rows as were recorded, whatever is asked for
}

// answer is one page with the places in it that differ when it is sent again.
type answer struct {
	body     []byte
	rows     int
	id       span   // the message that it answers
	context  span   // the enumeration's context; none in the last page
	packages []span // the package of each row
}

type span struct{ from, to int }

var (
	idPattern      = regexp.MustCompile(`<a:RelatesTo>([^<]*)</a:RelatesTo>`)
	contextPattern = regexp.MustCompile(`<n:EnumerationContext>([^<]+)</n:EnumerationContext>`)
	packagePattern = regexp.MustCompile(`PackageID>([A-Z0-9]{8})</`)
	rowPattern     = regexp.MustCompile(`</w:XmlFragment>|</p:SMS_[A-Za-z]+>`)
)

func newAnswer(body []byte) (answer, error) {
	a := answer{body: body, rows: len(rowPattern.FindAllIndex(body, -1))}
	id := idPattern.FindSubmatchIndex(body)
	if id == nil {
		return a, errors.New("an answer that relates to nothing")
	}
	a.id = span{id[2], id[3]}
	if c := contextPattern.FindSubmatchIndex(body); c != nil {
		a.context = span{c[2], c[3]}
	}
	for _, p := range packagePattern.FindAllSubmatchIndex(body, -1) {
		a.packages = append(a.packages, span{p[2], p[3]})
	}
	return a, nil
}

// tape is a Tracer that keeps the answers.
type tape struct {
	mu     sync.Mutex
	bodies [][]byte
}

func (t *tape) Trace(string, []byte) func(*wsman.Response, error) {
	return func(res *wsman.Response, err error) {
		if err != nil {
			return
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		t.bodies = append(t.bodies, bytes.Clone(res.Body))
	}
}

// startSite starts the simulated site with so many distribution points, in clear
// text.
func startSite(ctx context.Context, points int) (*simulator.Hierarchy, error) {
	model := simulator.Model{Seed: 1, Sites: []simulator.Site{{
		Code: siteCode, DPs: points, Packages: packages, Retrying: 40,
		Failed: map[simulator.Cause]int{simulator.Transient: 100, simulator.DiskFull: 100},
	}}}
	return simulator.Start(ctx, model, simulator.Options{AllowUnencrypted: true, Schemes: []simulator.Scheme{simulator.Basic}})
}

// recordQuery asks the simulated site and keeps its answers.
func recordQuery(ctx context.Context, e simulator.Endpoint, wql string) (*recording, error) {
	transport, err := wsman.NewHTTP(wsman.HTTPOptions{URL: e.URL, AllowUnencrypted: true}, wsman.Basic(e.User, e.Password()))
	if err != nil {
		return nil, err
	}
	defer transport.Close()
	t := &tape{}
	session := &cim.Session{Client: wsman.NewClient(transport, wsman.Options{Endpoint: e.URL, Tracer: t}), Namespace: namespace}
	for _, err := range session.Rows(ctx, wsman.Enumeration{WQL: wql}) {
		if err != nil {
			return nil, err
		}
	}
	r := &recording{wql: wql}
	for i, body := range t.bodies {
		a, err := newAnswer(body)
		if last := i == len(t.bodies)-1; err == nil && last != (a.context == span{}) {
			err = errors.New("the context is missing in the middle, or there at the end")
		}
		if err != nil {
			return nil, fmt.Errorf("answer %d to %s: %w", i, wql, err)
		}
		r.answers = append(r.answers, a)
	}
	return r, nil
}

// The recordings, by their place in what recordAll gives.
const (
	recordedAll        = iota // SELECT *
	recordedProjection        // what status asks for
)

// versionsWQL asks for the packages' versions, by which status tells what is
// stale.
const versionsWQL = "SELECT PackageID, SourceVersion FROM SMS_PackageStatusRootSummarizer"

// recordAll records what the commands that are measured ask for.
func recordAll(ctx context.Context, e simulator.Endpoint) ([]*recording, error) {
	projection, err := queries.Select[queries.PackageStatusDP]().WQL()
	if err != nil {
		return nil, err
	}
	sites, err := queries.Select[queries.Site]().WQL()
	if err != nil {
		return nil, err
	}
	points, err := queries.Select[queries.DistributionPointInfo]().WQL()
	if err != nil {
		return nil, err
	}
	var all []*recording
	for i, wql := range []string{selectAll, projection, sites, points, versionsWQL} {
		r, err := recordQuery(ctx, e, wql)
		if err != nil {
			return nil, err
		}
		r.fixed = i > recordedProjection
		all = append(all, r)
	}
	return all, nil
}

// prepare starts the simulated site for as long as it takes to record it.
func prepare(ctx context.Context, points int) ([]*recording, error) {
	h, err := startSite(ctx, points)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	return recordAll(ctx, h.Sites()[0])
}

// full are the pages in the middle of a recording: those that are full.
func (r *recording) full() []answer {
	if len(r.answers) < 4 {
		return nil
	}
	return r.answers[1 : len(r.answers)-1]
}

// script is a recording made as long as it takes for so many rows: the first
// answer, the full pages over and over, the last answer.
type script struct {
	recording *recording
	pages     int // all answers
	rows      int
}

// stretch makes a script of at least so many rows; a recording without full
// pages, or that is fixed, stays as it is.
func (r *recording) stretch(rows int) script {
	s := script{recording: r, pages: len(r.answers)}
	if len(r.full()) == 0 || r.fixed {
		for _, a := range r.answers {
			s.rows += a.rows
		}
		return s
	}
	last := r.answers[len(r.answers)-1].rows
	s.pages, s.rows = 1, r.answers[0].rows
	for full := r.full(); s.rows+last < rows; s.pages++ {
		s.rows += full[(s.pages-1)%len(full)].rows
	}
	s.pages++
	s.rows += last
	return s
}

// at is the answer at a place, and which round over the full pages it is of.
func (s script) at(place int) (a *answer, round int) {
	answers := s.recording.answers
	full := s.recording.full()
	if s.recording.fixed {
		full = nil
	}
	switch {
	case place == s.pages-1:
		return &answers[len(answers)-1], place
	case place == 0 || len(full) == 0:
		return &answers[place], 0
	}
	return &full[(place-1)%len(full)], 1 + (place-1)/len(full)
}

// render writes the answer at a place to a message with this id into buf. The
// rows of each round have packages of their own, so that no key comes twice.
func (s script) render(buf []byte, place int, id, context string) []byte {
	a, round := s.at(place)
	buf = append(buf[:0], a.body...)
	if len(id) == a.id.to-a.id.from {
		copy(buf[a.id.from:], id)
	}
	if (a.context != span{}) {
		copy(buf[a.context.from:a.context.to], context)
	}
	var name [8]byte
	for _, p := range a.packages {
		renamed(&name, a.body[p.from:p.to], round)
		copy(buf[p.from:p.to], name[:])
	}
	return buf
}

// renamed is the package ID of another round: the recorded ones are PS100001 to
// PS100003, and eight numbers a round are more than they need.
func renamed(dst *[8]byte, id []byte, round int) {
	const hex = "0123456789ABCDEF"
	copy(dst[:], id)
	n := round<<3 | int(id[7]-'0')&7
	for i := 7; i > 2; i-- {
		dst[i] = hex[n&0xF]
		n >>= 4
	}
}
