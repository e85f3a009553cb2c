package htmlreport

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"
)

// dataWriter writes the data a member after the other, so that it is never in
// memory as a whole. The first error stays.
type dataWriter struct {
	out *bufio.Writer
	sep byte
	err error
}

func (d *dataWriter) name(name string) {
	d.raw(string(d.sep))
	d.value(name)
	d.raw(":")
	d.sep = ','
}

func (d *dataWriter) raw(s string) {
	if d.err == nil {
		_, d.err = d.out.WriteString(s)
	}
}

// value writes a value as JSON in which <, > and & are escaped, as they must be
// inside a script element.
func (d *dataWriter) value(v any) {
	if d.err != nil {
		return
	}
	b, err := json.Marshal(v)
	if err != nil {
		d.err = err
		return
	}
	_, d.err = d.out.Write(b)
}

func (d *dataWriter) member(name string, v any) {
	d.name(name)
	d.value(v)
}

// list writes n values as an array.
func (d *dataWriter) list(name string, n int, value func(int) any) {
	d.name(name)
	d.raw("[")
	for i := range n {
		if i > 0 {
			d.raw(",\n")
		}
		d.value(value(i))
	}
	d.raw("]")
}

// column writes n numbers as an array.
func (d *dataWriter) column(name string, n int, number func(int) int64) {
	d.name(name)
	d.raw("[")
	var scratch [24]byte
	for i := range n {
		if i > 0 {
			d.raw(",")
		}
		if d.err == nil {
			_, d.err = d.out.Write(strconv.AppendInt(scratch[:0], number(i), 10))
		}
	}
	d.raw("]")
}

// object writes an object whose members write writes.
func (d *dataWriter) object(name string, write func()) {
	d.name(name)
	d.sep = '{'
	write()
	d.raw("}")
	d.sep = ','
}

// texts gives each text its place.
type texts struct {
	all    []string
	places map[string]int
}

func (t *texts) place(s string) int64 {
	if s == "" {
		return -1
	}
	i, ok := t.places[s]
	if !ok {
		i = len(t.all)
		t.places[s] = i
		t.all = append(t.all, s)
	}
	return int64(i)
}

// writeData writes the data as the package's comment describes it.
func (r *Report) writeData(w io.Writer) error {
	d := &dataWriter{out: bufio.NewWriterSize(w, 64<<10), sep: '{'}
	d.member("schemaVersion", SchemaVersion)
	d.member("kind", "report")
	d.member("made", r.Made.UTC().Format(time.RFC3339))
	d.member("program", r.Program)
	d.member("selection", orEmpty(r.Selection))
	d.member("partial", r.Partial)
	d.member("notes", orEmpty(r.Notes))
	d.member("states", orEmpty(r.States))
	d.member("sites", orEmpty(r.Sites))
	d.member("errors", orEmpty(r.Failures))
	d.list("packages", len(r.Packages), func(i int) any { return r.Packages[i].json() })
	r.writeDPs(d)
	d.member("causes", orEmpty(r.Causes))
	t := &texts{places: map[string]int{}}
	r.writeRows(d, t)
	r.writePlan(d, t)
	d.list("texts", len(t.all), func(i int) any { return t.all[i] })
	d.member("storms", orEmpty(r.Storms))
	d.list("trend", len(r.Trend), func(i int) any { return r.Trend[i] })
	d.raw("}\n")
	if d.err == nil {
		d.err = d.out.Flush()
	}
	return d.err
}

// orEmpty is a list that is never null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (p Package) json() any {
	return struct {
		ID      string `json:"id"`
		Name    string `json:"name,omitempty"`
		Type    string `json:"type"`
		SizeKB  uint64 `json:"sizeKB,omitempty"`
		Seconds int64  `json:"arrivalSeconds,omitempty"`
		Of      int    `json:"arrivals,omitempty"`
	}{p.ID, p.Name, p.Type, p.SizeKB, int64(p.Median.Seconds()), p.Of}
}

// writeDPs writes the distribution points and, each once, the sets of packages
// that are meant for them: those of a group hold the same.
func (r *Report) writeDPs(d *dataWriter) {
	var sets [][]int
	places := map[string]int{}
	d.list("dps", len(r.DPs), func(i int) any {
		dp := r.DPs[i]
		runs := dp.Held.runs()
		key := fmt.Sprint(runs)
		place, ok := places[key]
		if !ok {
			place = len(sets)
			places[key] = place
			sets = append(sets, runs)
		}
		return struct {
			Name    string `json:"name"`
			Site    string `json:"site"`
			Held    int    `json:"held"`
			Seconds int64  `json:"arrivalSeconds,omitempty"`
			Of      int    `json:"arrivals,omitempty"`
		}{dp.Name, dp.Site, place, int64(dp.Median.Seconds()), dp.Of}
	})
	d.list("sets", len(sets), func(i int) any { return sets[i] })
}

func (r *Report) writeRows(d *dataWriter, t *texts) {
	n := len(r.Rows)
	d.object("rows", func() {
		d.column("package", n, func(i int) int64 { return int64(r.Rows[i].Package) })
		d.column("dp", n, func(i int) int64 { return int64(r.Rows[i].DP) })
		d.column("state", n, func(i int) int64 { return int64(r.Rows[i].State) })
		d.column("cause", n, func(i int) int64 { return int64(max(r.Rows[i].Cause, -1)) })
		d.column("since", n, func(i int) int64 { return seconds(r.Rows[i].Since) })
		d.column("message", n, func(i int) int64 { return t.place(r.Rows[i].Message) })
	})
}

func (r *Report) writePlan(d *dataWriter, t *texts) {
	steps := r.Plan.Steps
	n := len(steps)
	d.object("plan", func() {
		d.member("command", r.Plan.Command)
		d.column("package", n, func(i int) int64 { return int64(steps[i].Package) })
		d.column("dp", n, func(i int) int64 { return int64(steps[i].DP) })
		d.column("turn", n, func(i int) int64 { return int64(steps[i].Turn) })
		d.column("sizeKB", n, func(i int) int64 { return int64(min(steps[i].SizeKB, 1<<50)) })
		d.column("skip", n, func(i int) int64 { return t.place(steps[i].Skip) })
		d.column("reason", n, func(i int) int64 { return t.place(steps[i].Reason) })
	})
}

// MarshalJSON writes the time in seconds since 1970, and no number where there
// is none.
func (p Point) MarshalJSON() ([]byte, error) {
	if p.Error {
		return json.Marshal(struct {
			At    int64 `json:"at"`
			Error bool  `json:"error"`
		}{seconds(p.At), true})
	}
	return json.Marshal(struct {
		At     int64 `json:"at"`
		Failed int   `json:"failed"`
	}{seconds(p.At), p.Failed})
}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
