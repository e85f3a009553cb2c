package report

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// SchemaVersion is the schemaVersion of the json and yaml documents.
const SchemaVersion = 1

// Options says how rows are written. The zero value is a table without colour,
// of unlimited width, with headings.
type Options struct {
	// Format is the output format; "" means Table.
	Format Format
	// Kind says what the items of a document are: "status", "plan".
	Kind string
	// Columns describes the values of a row, in order. Records ignores it.
	Columns []Column
	// Select names the columns to write, in this order, whatever their Wide
	// says; empty means all. A Writer compares names without regard to case and
	// refuses unknown ones. Records takes them literally.
	Select []string
	// Sort is what the rows are sorted by, the first column first; those that are
	// equal stay in the order in which they came, and empty values are last. A
	// Writer and Records compare names without regard to case; a Writer refuses
	// unknown ones, Records when they are closed. All rows are kept until Close.
	Sort []Order
	// NoHeaders leaves out the headings of a table and the first line of csv.
	NoHeaders bool
	// Width is that of the terminal, in cells; 0 means unlimited. Only Table
	// keeps to it: it cuts the widest texts, leaves out what is Minor, and at
	// last cuts the line.
	Width int
	// Color allows Column.Color in Table and Wide.
	Color bool
	// LineBuffered writes each row of jsonl and csv at once, for someone who
	// watches, instead of filling a buffer first.
	LineBuffered bool
}

// Column describes one value of a row.
type Column struct {
	// Name is the key in json, jsonl, yaml and csv, in lowerCamel.
	Name string
	// Title is the heading in a table; "" means Name.
	Title string
	// Wide leaves the column out of Table. All other formats have it.
	Wide bool
	// Right aligns the column to the right, as numbers are. Table never cuts
	// such a column to keep to Width.
	Right bool
	// Key is a column that tells rows apart, or that is of no use when it is cut,
	// as a time is: Table cuts it only where columns would be lost otherwise.
	Key bool
	// Minor is a column that Table leaves out where not all fit into Width, and
	// says so by an ellipsis in the headings: those with the highest number
	// first, of those the last one, and never those with zero or what Select
	// names.
	Minor int
	// Max is the widest text in Table, in cells; 0 means no limit.
	Max int
	// Color returns the colours of a value, nil for none. Colour repeats what
	// the text says and never says more. May be nil.
	Color func(value any) text.Colors
}

// SiteError is a site's failure as a document reports it.
type SiteError struct {
	Site      string // the site's name in the inventory
	Operation string // what was tried: "enumerate SMS_DistributionPoint"
	Error     string // the cause, for people
	Retry     string // whether trying again is sensible: "safe", "unsafe", "no"
	Kind      string // the cause, for programs: "credentials", "unreachable", "fault"
}

// object returns e as the document shows it.
func (e SiteError) object() Object {
	return Object{
		Names:  []string{"site", "operation", "error", "retry", "kind"},
		Values: []any{e.Site, e.Operation, e.Error, e.Retry, e.Kind},
	}
}

// Object is a value with named members in a given order, as an embedded CIM
// instance is. Names are distinct; Values has one value for each.
type Object struct {
	Names  []string
	Values []any
}

// body lays out rows in one format. It appends whole rows to an output.
type body interface {
	row(names []string, values []any) error
	// close ends the last row. Formats that are not documents ignore fields.
	close(fields []field) error
}

// field is a member of the document beside its items: its value as JSON.
type field struct {
	name string
	json []byte
}

// newBody returns the body of o.Format, for rows of the given columns.
func newBody(out *output, o Options, columns []Column) (body, error) {
	switch o.Format {
	case Table, Wide, "":
		return newTable(out, o, columns), nil
	case JSON:
		return newJSONDocument(out, o.Kind), nil
	case JSONL:
		return newJSONLines(out, columns), nil
	case YAML:
		return newYAMLDocument(out, o.Kind)
	case CSV:
		return newCSV(out, o, columns), nil
	}
	_, err := ParseFormat(string(o.Format))
	return nil, err
}

// pick returns the indexes of the columns to write, in order.
func (o Options) pick() ([]int, error) {
	byName := make(map[string]int, len(o.Columns))
	for i, c := range o.Columns {
		key := strings.ToLower(c.Name)
		if _, ok := byName[key]; ok || key == "" {
			return nil, fmt.Errorf("define columns: name %q is empty or repeated", c.Name)
		}
		byName[key] = i
	}
	var picks []int
	for _, name := range o.Select {
		i, ok := byName[strings.ToLower(name)]
		if !ok {
			return nil, &ColumnError{fmt.Sprintf("select column %q: unknown; valid: %s", name, o.columnNames())}
		}
		picks = append(picks, i)
	}
	if len(o.Select) > 0 {
		return picks, o.checkSelect()
	}
	narrow := o.Format == Table || o.Format == ""
	for i, c := range o.Columns {
		if !narrow || !c.Wide {
			picks = append(picks, i)
		}
	}
	return picks, nil
}

// checkSelect refuses a column that is selected twice: an object cannot have
// two members of one name.
func (o Options) checkSelect() error {
	seen := make(map[string]bool, len(o.Select))
	for _, name := range o.Select {
		key := strings.ToLower(name)
		if key == "" {
			return errors.New("select columns: a name is empty")
		}
		if seen[key] {
			return fmt.Errorf("select column %q: named twice", name)
		}
		seen[key] = true
	}
	return nil
}

func (o Options) columnNames() string {
	var names []string
	for _, c := range o.Columns {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

// newOutput returns the output of o.Format to w.
func (o Options) newOutput(w io.Writer) *output {
	return &output{w: w, each: o.LineBuffered && (o.Format == JSONL || o.Format == CSV)}
}
