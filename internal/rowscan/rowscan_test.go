package rowscan_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"dpremote/internal/rowscan"
	"dpremote/internal/xmlscan"
)

// meaning is what a gap says, as the tests write it.
type meaning struct {
	item    string
	without []string
	value   string // the property and its wrapper
}

func plan(item rowscan.Item, without []rowscan.Property, value *rowscan.Property) (meaning, bool) {
	m := meaning{item: item.Space + " " + item.Local}
	for _, p := range without {
		m.without = append(m.without, p.Name+"=")
	}
	if value != nil {
		m.value = value.Name + "/" + value.Wrapper.Local + "="
	}
	return m, true
}

// read reads the rows in a document's root, and tells which were predicted. A
// row that is not is read by the scanner, and given as nil.
func read(doc []byte) (rows [][]string, predicted []bool, err error) {
	sc := xmlscan.New(doc)
	if _, err := sc.Next(); err != nil {
		return nil, nil, err
	}
	r := &rowscan.Reader[meaning]{}
	r.Begin(sc)
	for {
		values, end, length := r.Next(sc.Ahead())
		if end != nil {
			row := []string{end.Plan.item}
			for _, v := range values {
				text, ok := xmlscan.Unescape(nil, v.Raw)
				if !ok {
					return rows, predicted, fmt.Errorf("value %q", v.Raw)
				}
				row = append(append(row, v.Gap.Plan.without...), v.Gap.Plan.value+string(text))
			}
			rows, predicted = append(rows, append(row, end.Plan.without...)), append(predicted, true)
			sc.Pass(length)
			continue
		}
		mark := sc.Mark()
		t, err := sc.Next()
		switch {
		case err != nil:
			return rows, predicted, err
		case t == xmlscan.End:
			return rows, predicted, nil
		case t != xmlscan.Start:
			continue
		}
		if err := sc.Skip(); err != nil {
			return rows, predicted, err
		}
		rows, predicted = append(rows, nil), append(predicted, false)
		at := sc.Offset()
		if err := r.Learn(sc, mark, plan); err != nil {
			return rows, predicted, err
		}
		if sc.Offset() != at {
			return rows, predicted, fmt.Errorf("learning ends at byte %d, the row at %d", sc.Offset(), at)
		}
	}
}

// reference reads the rows by encoding/xml. A row that has not the form of one
// is nil.
func reference(doc []byte) ([][]string, error) {
	d := xml.NewDecoder(bytes.NewReader(doc))
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, io.ErrUnexpectedEOF }
	var rows [][]string
	var row []string
	var value *strings.Builder
	wrapper, isNil, depth := "", false, 0
	for {
		t, err := d.Token()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			switch depth++; {
			case depth == 2:
				row = []string{t.Name.Space + " " + t.Name.Local}
			case depth == 3:
				isNil = slices.ContainsFunc(t.Attr, func(a xml.Attr) bool { return a.Name.Local == "nil" && (a.Value == "true" || a.Value == "1") })
				wrapper, value = "", &strings.Builder{}
			case depth == 4:
				wrapper = t.Name.Local
				value.Reset()
			}
		case xml.CharData:
			if depth == 3 && wrapper == "" || depth == 4 {
				value.Write(t)
			}
		case xml.EndElement:
			switch depth--; {
			case depth == 1:
				rows = append(rows, row)
			case depth == 2 && (isNil || value.Len() == 0 && wrapper == ""):
				row = append(row, t.Name.Local+"=") // NULL and empty are not told apart here
			case depth == 2:
				row = append(row, t.Name.Local+"/"+wrapper+"="+value.String())
			}
		}
	}
}

// alike compares a predicted row with encoding/xml's reading.
func alike(predicted, reference []string) bool {
	return slices.EqualFunc(predicted, reference, func(a, b string) bool {
		return a == b || strings.HasSuffix(a, "/=") && strings.TrimSuffix(a, "/=") == strings.TrimSuffix(b, "=")
	})
}

const root = `<r xmlns:x="http://www.w3.org/2001/XMLSchema-instance" xmlns:p="u:p">%s</r>`

var rows = []string{
	`<c><a>1</a><b>2</b></c>`,
	`<c><a>&lt;</a><b x:nil="true"/></c>`,
	`<p:c xmlns:p="u:q"><p:a>1</p:a></p:c>`,
	`<p:c><p:a>1</p:a></p:c>`,
	`<c><t><w>1</w></t></c>`,
	`<c><a>1</a><a>2</a><a>3</a></c>`,
	"<c>\n<a>1</a>\n</c>\n",
	`<c><a></a><b/></c>`,
	`<c><a>1<!-- --></a></c>`,
	`<c/>`,
	`<c>text</c>`,
	`<c><a><![CDATA[1]]></a></c>`,
}

// TestPredicts says which rows are predicted after which.
func TestPredicts(t *testing.T) {
	const nulls = `<c><a x:nil="true"/><b>2</b></c>`
	for name, tt := range map[string]struct{ rows, predicted string }{
		"rows of one form":            {rows[0] + rows[0] + `<c><a>9</a><b>long text</b></c>`, "-++"},
		"NULL and not":                {rows[0] + nulls + rows[0] + nulls + rows[1] + rows[1], "--++-+"},
		"arrays of any length":        {`<c><a>1</a><a>2</a></c>` + rows[5] + rows[5], "--+"},
		"more of an array":            {rows[5] + `<c><a>1</a><a>2</a><a>3</a><a>4</a></c>`, "-+"},
		"the same prefix for another": {rows[3] + rows[2] + rows[3] + rows[2], "--++"},
		"white space":                 {rows[6] + rows[6] + rows[6], "-++"},
		"CDATA":                       {rows[11] + rows[11], "--"},
		"elements inside":             {`<c><a><b><d>1</d></b></a></c>` + `<c><a><b><d>1</d></b></a></c>`, "--"},
		"another attribute":           {rows[0] + `<c><a k="v">1</a><b>2</b></c>`, "--"},
		"a comment in a value":        {rows[0] + `<c><a>1<!-- --></a><b>2</b></c>`, "--"},
		"without values":              {rows[9] + rows[9], "-+"},
		"a cut":                       {rows[0] + `<c><a>1</a><b>2`, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			doc := fmt.Appendf(nil, root, tt.rows)
			got, predicted, err := read(doc)
			want, wantErr := reference(doc)
			if (err != nil) != (wantErr != nil) {
				t.Fatalf("%v, encoding/xml: %v", err, wantErr)
			}
			marks := ""
			for i, row := range got {
				if !predicted[i] {
					marks += "-"
					continue
				}
				marks += "+"
				if !alike(row, want[i]) {
					t.Errorf("row %d is %q, not %q", i, row, want[i])
				}
			}
			if marks != tt.predicted {
				t.Errorf("predicted %s, not %s", marks, tt.predicted)
			}
		})
	}
}

// TestForgets shows that a document with other namespaces starts anew.
func TestForgets(t *testing.T) {
	r := &rowscan.Reader[meaning]{}
	for i, tt := range []struct {
		doc   string
		known bool
	}{
		{`<r xmlns:p="u:1"><p:c/></r>`, false},
		{`<r xmlns:p="u:1"><p:c/></r>`, true},
		{`<s xmlns:p="u:1"><p:c/></s>`, true},
		{`<r xmlns:p="u:2"><p:c/></r>`, false},
		{`<r xmlns:p="u:2"><d><p:c/></d></r>`, false},
	} {
		sc := xmlscan.New([]byte(tt.doc))
		if _, err := sc.Next(); err != nil {
			t.Fatal(err)
		}
		r.Begin(sc)
		_, end, _ := r.Next(sc.Ahead())
		if (end != nil) != tt.known {
			t.Errorf("document %d: predicted %v", i, end)
		}
		mark := sc.Mark()
		if _, err := sc.Next(); err != nil {
			t.Fatal(err)
		}
		if err := sc.Skip(); err != nil {
			t.Fatal(err)
		}
		if err := r.Learn(sc, mark, plan); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBounded has a server that never sends the same form twice.
func TestBounded(t *testing.T) {
	var doc strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&doc, "<c%d><a>1</a></c%d>", i, i)
	}
	for range 10 {
		doc.WriteString(rows[0])
	}
	_, predicted, err := read(fmt.Appendf(nil, root, doc.String()))
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(predicted, true) {
		t.Error("it still learns after thousands of rows in vain")
	}
}

// FuzzAgainstEncodingXML holds predicted rows against encoding/xml's reading of
// the whole document.
func FuzzAgainstEncodingXML(f *testing.F) {
	for i, a := range rows {
		f.Add([]byte(a), []byte(rows[(i+1)%len(rows)]))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if len(a)+len(b) > 64<<10 {
			return
		}
		doc := fmt.Appendf(nil, root, bytes.Join([][]byte{a, a, b, a, b, b}, nil))
		got, predicted, err := read(doc)
		want, wantErr := reference(doc)
		if err != nil || wantErr != nil || len(want) != len(got) {
			return // xmlscan's own fuzz test says what may differ
		}
		for i, row := range got {
			if predicted[i] && !alike(row, want[i]) {
				t.Errorf("%q: row %d is %q, not %q", doc, i, row, want[i])
			}
		}
	})
}
