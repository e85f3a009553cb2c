package main

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"dpremote/cim"
	"dpremote/queries"
	"dpremote/wsman"
)

// inProcess is a Transport that answers with a script's pages as they were
// recorded.
type inProcess struct {
	script script
	place  int
}

func (t *inProcess) Close() error { return nil }

// RoundTrip writes the request's id into the page, and nothing else: neither
// side should wait for a copy.
func (t *inProcess) RoundTrip(_ context.Context, req *wsman.Request) (*wsman.Response, error) {
	if t.place >= t.script.pages {
		return nil, &wsman.TransportError{Err: errors.New("there is no such page")}
	}
	a, _ := t.script.at(t.place)
	from := bytes.Index(req.Body, []byte("<a:MessageID>")) + len("<a:MessageID>")
	copy(a.body[a.id.from:a.id.to], req.Body[from:])
	t.place++
	return &wsman.Response{Status: 200, ContentType: "application/soap+xml;charset=UTF-8", Body: a.body}, nil
}

// decoder runs one script through the client in this process.
type decoder struct {
	transport *inProcess
	session   *cim.Session
	size      int // of all answers
	once      int // of the recording's answers, each once
}

func newDecoder(s script) *decoder {
	t := &inProcess{script: s}
	d := &decoder{transport: t, session: &cim.Session{Client: wsman.NewClient(t, wsman.Options{}), Namespace: namespace}}
	for place := range s.pages {
		a, _ := s.at(place)
		d.size += len(a.body)
	}
	for _, a := range s.recording.answers {
		d.once += len(a.body)
	}
	return d
}

// emptied is the same exchange without the rows.
func (d *decoder) emptied() (*decoder, error) {
	s := d.transport.script
	r := &recording{wql: s.recording.wql}
	for _, a := range s.recording.answers {
		from := bytes.Index(a.body, []byte("Items>"))
		to := bytes.LastIndex(a.body, []byte("Items>"))
		if from < 0 || to == from {
			return nil, errors.New("an answer without items")
		}
		from += len("Items>")
		to = bytes.LastIndex(a.body[:to], []byte("</"))
		// Some pages in a row without rows would be an error: one row stays.
		first := rowPattern.FindIndex(a.body)
		empty, err := newAnswer(slices.Concat(a.body[:max(from, first[1])], a.body[to:]))
		if err != nil {
			return nil, err
		}
		r.answers = append(r.answers, empty)
	}
	return newDecoder(script{recording: r, pages: s.pages, rows: s.pages}), nil
}

// records decodes into typed records, and counts them.
func (d *decoder) records(ctx context.Context) error {
	return count(d, cim.Query[queries.PackageStatusDP](ctx, d.session, "recorded"))
}

// instances decodes into instances of any class.
func (d *decoder) instances(ctx context.Context) error {
	return count(d, d.session.Rows(ctx, wsman.Enumeration{WQL: "recorded"}))
}

func count[T any](d *decoder, rows func(func(T, error) bool)) error {
	d.transport.place = 0
	n := 0
	for _, err := range rows {
		if err != nil {
			return err
		}
		n++
	}
	if d.transport.script.rows != n {
		return fmt.Errorf("%d rows decoded, not %d", n, d.transport.script.rows)
	}
	return nil
}

// tokens is what encoding/xml's users do at least.
func (d *decoder) tokens(context.Context) error {
	for _, a := range d.transport.script.recording.answers {
		x := xml.NewDecoder(bytes.NewReader(a.body))
		for {
			if _, err := x.Token(); err == io.EOF {
				break
			} else if err != nil {
				return err
			}
		}
	}
	return nil
}

// scan looks for tags and does nothing with them: no reader of XML can be faster
// than that.
func (d *decoder) scan(context.Context) error {
	tags := 0
	for _, a := range d.transport.script.recording.answers {
		page := a.body
		for {
			at := bytes.IndexByte(page, '<')
			if at < 0 {
				break
			}
			tags++
			page = page[at+1:]
		}
	}
	if tags == 0 {
		return errors.New("no tags")
	}
	return nil
}

// rowsOfSite is Microsoft's own example of a site: 200,000 status rows.
const rowsOfSite = 200_000

// decoding measures decoding in this process, by processor time.
func (b *bench) decoding(ctx context.Context, _ *server) error {
	recordings, err := prepare(ctx, pointCount)
	if err != nil {
		return err
	}
	for _, shape := range []struct {
		name  string
		which int
	}{{"SELECT *", recordedAll}, {"projection", recordedProjection}} {
		d := newDecoder(recordings[shape.which].stretch(rowsOfSite))
		if err := b.decodingOf(ctx, shape.name, d); err != nil {
			return fmt.Errorf("%s: %w", shape.name, err)
		}
	}
	return nil
}

func (b *bench) decodingOf(ctx context.Context, shape string, d *decoder) error {
	for _, m := range []struct {
		name        string
		ours, their func(context.Context) error
		peer        string
		goal        float64
	}{
		{"records", d.records, d.tokens, "encoding/xml " + runtime.Version() + " Token loop", 20},
		{"records", d.records, d.scan, "bytes.IndexByte for '<'", 1.0 / 6},
		{"instances", d.instances, d.tokens, "encoding/xml " + runtime.Version() + " Token loop", 0},
	} {
		err := b.inTurns(ctx, row{Name: "decode " + shape + " into " + m.name, Peer: m.peer, Goal: m.goal},
			func(ctx context.Context) (float64, error) { return speed(ctx, d.size, b.turnTime(), m.ours) },
			func(ctx context.Context) (float64, error) { return speed(ctx, d.once, b.turnTime(), m.their) })
		if err != nil {
			return err
		}
	}
	if err := b.parsing(ctx, shape, d); err != nil {
		return err
	}
	return b.allocations(ctx, shape, d)
}

// inTurns measures two speeds in turns and adds the row.
func (b *bench) inTurns(ctx context.Context, r row, ours, their func(context.Context) (float64, error)) error {
	var os, ts []float64
	for range b.turns() {
		o, err := ours(ctx)
		if err != nil {
			return err
		}
		t, err := their(ctx)
		if err != nil {
			return err
		}
		os, ts, r.Ratios = append(os, o), append(ts, t), append(r.Ratios, o/t)
	}
	r.Ours, r.Their = megabytes(median(os)), megabytes(median(ts))
	b.rows = append(b.rows, r)
	return nil
}

// allocations counts them without those of the round trips.
func (b *bench) allocations(ctx context.Context, shape string, d *decoder) error {
	whole, err := mallocs(ctx, d.records)
	if err != nil {
		return err
	}
	empty, err := d.emptied()
	if err != nil {
		return err
	}
	trips, err := mallocs(ctx, empty.records)
	if err != nil {
		return err
	}
	rows := float64(d.transport.script.rows)
	each := (whole - trips) / rows
	b.rows = append(b.rows, row{Name: "decode " + shape + ", allocations a row", Ours: fmt.Sprintf("%.4f", each),
		Their: "", Peer: limit, Ratios: []float64{each}, Goal: 0.05, Less: true,
		Note: fmt.Sprintf("and %.4f for the round trips", trips/rows)})
	return nil
}

func mallocs(ctx context.Context, f func(context.Context) error) (float64, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := f(ctx)
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs - before.Mallocs), err
}

// speed is how many bytes a second of processor time f gets through.
func speed(ctx context.Context, size int, atLeast time.Duration, f func(context.Context) error) (float64, error) {
	begin, start := processorTime(), time.Now()
	done := 0
	for time.Since(start) < atLeast {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := f(ctx); err != nil {
			return 0, err
		}
		done += size
	}
	return float64(done) / (processorTime() - begin).Seconds(), nil
}

func megabytes(perSecond float64) string { return fmt.Sprintf("%.0f MB/s", perSecond/1e6) }

// turns is how often each pair is measured.
func (b *bench) turns() int {
	if b.short {
		return 3
	}
	return 9
}

// turnTime is how long one turn takes at least.
func (b *bench) turnTime() time.Duration {
	if b.short {
		return 100 * time.Millisecond
	}
	return 300 * time.Millisecond
}
