package cim

import (
	"iter"
	"strings"

	"dpremote/internal/rowscan"
	"dpremote/internal/xmlscan"
	"dpremote/wsman"
)

// rowReader reads the instances of an enumeration into one and the same
// Instance. Rows that rowscan predicts need no look at their markup.
type rowReader struct {
	instance *Instance
	rows     rowscan.Reader[instanceGap]
	texts    texts
	columns  map[string]*column
}

// instanceGap says what the markup of a gap stands for.
type instanceGap struct {
	class, namespace string
	// properties are those in the gap that have no value, and at last the one
	// whose value follows, without its text.
	properties []Property
	column     *column // of that value; nil at the row's end
	inOrder    bool    // the names of properties rise
	after      string  // a name that they rise from
}

// addTo adds the gap's properties to an instance, the last one with this text.
// Rows have them in the order of their names, and comparing a name with itself
// costs nothing, so add seldom has to look where they belong.
func (g *instanceGap) addTo(i *Instance, text string) {
	if len(g.properties) == 0 {
		return
	}
	last := len(i.Properties) - 1
	if g.inOrder && (last < 0 || i.Properties[last].Name == g.after) {
		i.Properties = append(i.Properties, g.properties...)
		if g.column != nil {
			i.Properties[len(i.Properties)-1].Value.text = text
		}
		return
	}
	if g.inOrder && i.Properties[last].Name < g.properties[0].Name {
		g.after = i.Properties[last].Name
	}
	for n, p := range g.properties {
		if g.column != nil && n == len(g.properties)-1 {
			p.Value.text = text
		}
		i.add(p.Name, p.Value)
	}
}

// page yields the instances of a page.
func (r *rowReader) page(p *wsman.Page, mode wsman.Mode) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		sc := p.Scanner()
		r.rows.Begin(sc)
		for {
			for r.predict(sc) {
				if !p.Passed() {
					break
				}
				if !yield(Row{Instance: r.instance}, nil) {
					return
				}
			}
			sc.Ahead()
			mark := sc.Mark()
			if !p.Next() {
				return
			}
			row, err := r.read(p.Item())
			if err == nil && mode == wsman.EnumerateObject {
				err = r.rows.Learn(sc, mark, r.gap)
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// read reads an item by the scanner.
func (r *rowReader) read(item *wsman.Item) (Row, error) {
	row := Row{EPR: item.EPR}
	if sc := item.Scanner(); sc != nil {
		if err := r.instance.Read(sc); err != nil {
			return Row{}, err
		}
		row.Instance = r.instance
	}
	return row, nil
}

// predict reads the row that comes next.
func (r *rowReader) predict(sc *xmlscan.Scanner) bool {
	values, end, length := r.rows.Next(sc.Ahead())
	if end == nil {
		return false
	}
	i := r.instance
	*i = Instance{Class: end.Plan.class, Namespace: end.Plan.namespace, Properties: i.Properties[:0]}
	for n := range values {
		plan := &values[n].Gap.Plan
		text, ok := r.texts.of(plan.column, values[n].Raw)
		if !ok {
			return false
		}
		if plan.properties[len(plan.properties)-1].Value.kind != Text {
			text = strings.TrimSpace(text)
		}
		plan.addTo(i, text)
	}
	end.Plan.addTo(i, "")
	if len(i.Properties) > maxProperties {
		return false
	}
	sc.Pass(length)
	return true
}

// gap says what a gap stands for.
func (r *rowReader) gap(item rowscan.Item, without []rowscan.Property, value *rowscan.Property) (instanceGap, bool) {
	g := instanceGap{class: item.Local, namespace: item.Space}
	if item.Name == (rowscan.Name{Space: wsman.NamespaceWSMan, Local: "XmlFragment"}) {
		g.class, g.namespace = "", ""
	}
	ok := true
	for _, p := range without {
		v := Value{kind: Null, typ: p.Type.Local}
		if p.Content == rowscan.Empty {
			v.kind = Text
			ok = ok && !embedded(p.Type.Space, p.Type.Local)
		}
		g.properties = append(g.properties, Property{p.Name, v})
	}
	if value != nil {
		v, isText := textOf(value)
		ok = ok && isText
		g.properties = append(g.properties, Property{value.Name, v})
		g.column = r.column(value.Name, v.kind)
	}
	g.inOrder = true
	for i := 1; i < len(g.properties); i++ {
		g.inOrder = g.inOrder && g.properties[i-1].Name < g.properties[i].Name
	}
	return g, ok
}

// textOf is the value of a property whose text is not known yet, false for one
// that is more than a text.
func textOf(p *rowscan.Property) (v Value, ok bool) {
	v = Value{kind: Text, typ: p.Type.Local}
	ok = true
	if (p.Wrapper != rowscan.Name{}) {
		v.kind, ok = timeKind(p.Wrapper.Space, p.Wrapper.Local)
	}
	return v, ok && !embedded(p.Type.Space, p.Type.Local)
}

// column is the memory of a property's texts.
func (r *rowReader) column(name string, k Kind) *column {
	if r.columns == nil {
		r.columns = map[string]*column{}
	}
	c := r.columns[name]
	if c == nil {
		c = &column{forgetful: k != Text} // times do not repeat
		r.columns[name] = c
	}
	return c
}
