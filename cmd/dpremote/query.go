package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"dpremote/cim"
	"dpremote/internal/report"
	"dpremote/queries"
	"dpremote/wsman"
)

// queryOptions are the flags of query.
type queryOptions struct {
	namespace string
	pageSize  int
	withEPR   bool
}

func newQuery(g *globals) *cobra.Command {
	o := &queryOptions{}
	cmd := &cobra.Command{
		Use:   "query WQL",
		Short: "Run a WQL query at each site",
		Long: `Run a WQL query at each site and print the instances that it selects. With -o
jsonl they are printed as they arrive, one object a line, and memory stays the
same however many there are. With several sites each object says by __SITE where
it came from, and the other formats have the sites in the order of the
inventory.

Numbers and booleans are printed as such where the class is one that dpremote
knows or the server says so; other values are strings.`,
		Example: `  dpremote query 'SELECT PackageID, Name FROM SMS_Package' -o jsonl
  dpremote query --namespace root/cimv2 'SELECT * FROM Win32_OperatingSystem'
  dpremote query --host https://cm01.corp.example --auth basic --user admin --password-env CM_PASSWORD \
      --namespace root/sms 'SELECT * FROM SMS_ProviderLocation' -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runQuery(cmd.Context(), g, o, args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&o.namespace, "namespace", "", "namespace to ask (default: the site's, root/sms/site_CODE)")
	f.IntVar(&o.pageSize, "page-size", 0, "most instances in one answer (default: as many as fit)")
	f.BoolVar(&o.withEPR, "epr", false, "print each instance's keys too, as __KEYS")
	return cmd
}

func runQuery(ctx context.Context, g *globals, o *queryOptions, wql string) error {
	if strings.TrimSpace(wql) == "" {
		return usage("an empty query")
	}
	if o.pageSize < 0 {
		return usage("--page-size cannot be negative")
	}
	f, err := g.fleet()
	if err != nil {
		return err
	}
	defer f.close()
	records, err := report.NewRecords(g.app.out, g.reportOptions("query", nil))
	if err != nil {
		return usage("%w", err)
	}
	class, _ := queries.ClassIn(wql)
	known, _ := queries.ClassNamed(class)
	e := wsman.Enumeration{WQL: wql, MaxElements: o.pageSize}
	if o.withEPR {
		e.Mode = wsman.EnumerateObjectAndEPR
	}
	p := &rowPrinter{records: records, several: len(f.members) > 1, known: known, sites: make([]siteRecords, len(f.members))}
	p.inOrder = p.several && !g.streams()
	eachThen(ctx, f, func(ctx context.Context, m *member) (struct{}, error) {
		session, err := m.session(o.namespace)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, p.print(m, session.Rows(ctx, e))
	}, func(m *member, _ error) { p.done(m) })
	if p.err != nil {
		return p.err
	}
	f.addErrors(records)
	if err := records.Close(); err != nil {
		return err
	}
	return f.exit(exitOK)
}

// session is the namespace that a command names, or the site's own.
func (m *member) session(namespace string) (*cim.Session, error) {
	if namespace != "" {
		return m.At(namespace), nil
	}
	if err := needNamespace(m); err != nil {
		return nil, fmt.Errorf("%w, or --namespace", err)
	}
	return m.Session, nil
}

// rowPrinter prints instances of several sites, one at a time: as they come, or
// in the order of the sites, which keeps what comes before its site's turn.
type rowPrinter struct {
	several, inOrder bool
	known            queries.Class

	mu      sync.Mutex
	records *report.Records
	err     error // of the output, which ends everything
	names   []string
	values  []any
	columns []*printedColumn // by place: rows have the same properties as a rule
	turn    int              // the place of the site whose rows are printed now
	sites   []siteRecords    // by place
}

// printedColumn is what rows have in common at one place.
type printedColumn struct {
	name  string
	kind  queries.Kind
	known bool
	cell  report.Cell
}

// siteRecords are the rows of a site whose turn has not come.
type siteRecords struct {
	done    bool
	records []record
}

// record is a row; rows that are alike share their names.
type record struct {
	names  []string
	values []any
}

// errOutput ends a sweep whose output cannot be written.
var errOutput = errors.New("the output cannot be written")

func (p *rowPrinter) print(m *member, rows func(func(cim.Row, error) bool)) error {
	for row, err := range rows {
		if err != nil {
			return err
		}
		if err := p.row(m, row); err != nil {
			return err
		}
	}
	return nil
}

func (p *rowPrinter) row(m *member, row cim.Row) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return errOutput
	}
	later := p.inOrder && m.place != p.turn
	p.names, p.values = p.names[:0], p.values[:0]
	if p.several {
		p.names, p.values = append(p.names, "__SITE"), append(p.values, m.Name)
	}
	for i := range row.Instance.Properties {
		property := &row.Instance.Properties[i]
		c := p.column(i, property.Name)
		p.names = append(p.names, property.Name)
		if later {
			p.values = append(p.values, outputValue(property.Value, c.kind, c.known))
		} else {
			p.values = append(p.values, c.value(&property.Value))
		}
	}
	if row.EPR != nil {
		p.names, p.values = append(p.names, "__KEYS"), append(p.values, keysObject(*row.EPR))
	}
	if later {
		p.keep(m.place)
		return nil
	}
	if p.err = p.records.Record(p.names, p.values); p.err != nil {
		return errOutput
	}
	return nil
}

// column is the column of a property at a place in the row.
func (p *rowPrinter) column(i int, name string) *printedColumn {
	if i < len(p.columns) && p.columns[i].name == name {
		return p.columns[i]
	}
	known, ok := p.known.Property(name)
	c := &printedColumn{name: name, kind: known.Kind, known: ok}
	p.columns = append(p.columns[:i], c)
	return c
}

// value is outputValue, which costs no memory for what most values are, and is
// good until the next row.
func (c *printedColumn) value(v *cim.Value) any {
	switch v.Kind() {
	case cim.DateTime, cim.Duration:
		c.cell.SetText(v.Text())
		return &c.cell
	case cim.Text:
		if c.known && c.kind == queries.KindInteger && c.cell.SetInteger(v.Text()) {
			return &c.cell
		}
		if v.Type() == "" && !(c.known && (c.kind == queries.KindInteger || c.kind == queries.KindBoolean)) {
			c.cell.SetText(v.Text())
			return &c.cell
		}
	}
	return outputValue(*v, c.kind, c.known)
}

// keep keeps the row at hand until its site's turn.
func (p *rowPrinter) keep(place int) {
	s := &p.sites[place]
	names := p.names
	if n := len(s.records); n > 0 && slices.Equal(s.records[n-1].names, names) {
		names = s.records[n-1].names
	} else {
		names = slices.Clone(names)
	}
	s.records = append(s.records, record{names, slices.Clone(p.values)})
}

// done takes note that a site has no more rows, prints those of the sites whose
// turn that makes it, and hands on what is buffered.
func (p *rowPrinter) done(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sites[m.place].done = true
	for p.inOrder && p.turn < len(p.sites) && p.sites[p.turn].done {
		p.turn++
		if p.turn < len(p.sites) {
			p.printKept()
		}
	}
	if p.err == nil {
		p.err = p.records.Flush()
	}
}

// printKept prints what was kept of the site whose turn it is.
func (p *rowPrinter) printKept() {
	s := &p.sites[p.turn]
	for _, r := range s.records {
		if p.err == nil {
			p.err = p.records.Record(r.names, r.values)
		}
	}
	s.records = nil
}

// outputValue is a CIM value as output has it.
func outputValue(v cim.Value, kind queries.Kind, known bool) any {
	switch v.Kind() {
	case cim.Null:
		return nil
	case cim.Object:
		return instanceObject(v.Instance())
	case cim.Reference:
		return v.Reference().String()
	case cim.Array:
		items := make([]any, len(v.Items()))
		for i, item := range v.Items() {
			items[i] = outputValue(item, kind, known)
		}
		return items
	case cim.Text:
		return typedText(v, kind, known)
	}
	return v.Text()
}

// typedText is a number or a boolean where the type is known and the text is
// one, and the text otherwise.
func typedText(v cim.Value, kind queries.Kind, known bool) any {
	text := v.Text()
	switch {
	case known && kind == queries.KindInteger || isNumberType(v.Type()):
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return n
		}
	case known && kind == queries.KindBoolean || v.Type() == "cimBoolean":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	}
	return text
}

// isNumberType knows the integer types of DSP0230 that a server may name.
func isNumberType(xsiType string) bool {
	switch xsiType {
	case "cimUnsignedByte", "cimByte", "cimUnsignedShort", "cimShort", "cimUnsignedInt", "cimInt", "cimUnsignedLong", "cimLong":
		return true
	}
	return false
}

func instanceObject(i *cim.Instance) report.Object {
	var o report.Object
	class, _ := queries.ClassNamed(i.Class)
	for _, p := range i.Properties {
		known, ok := class.Property(p.Name)
		o.Names = append(o.Names, p.Name)
		o.Values = append(o.Values, outputValue(p.Value, known.Kind, ok))
	}
	return o
}

func keysObject(e wsman.EPR) report.Object {
	var o report.Object
	for _, s := range e.Selectors {
		o.Names = append(o.Names, s.Name)
		if s.EPR != nil {
			o.Values = append(o.Values, s.EPR.String())
		} else {
			o.Values = append(o.Values, s.Value)
		}
	}
	return o
}
