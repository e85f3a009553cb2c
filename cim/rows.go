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
	without          []Property // that have no value
	name             string     // of the property whose value follows
	value            Value      // of that property, but for its text
	column           *column
	after            string // a property that name is behind in the order of names
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
		for _, p := range plan.without {
			i.add(p.Name, p.Value)
		}
		text, ok := r.texts.of(plan.column, values[n].Raw)
		if !ok {
			return false
		}
		v := plan.value
		if v.text = text; v.kind != Text {
			v.text = strings.TrimSpace(text)
		}
		// Comparing a name with itself costs nothing, with another one it does.
		if last := len(i.Properties) - 1; last >= 0 && i.Properties[last].Name == plan.after {
			i.Properties = append(i.Properties, Property{plan.name, v})
			continue
		} else if last >= 0 && i.Properties[last].Name < plan.name {
			plan.after = i.Properties[last].Name
		}
		i.add(plan.name, v)
	}
	for _, p := range end.Plan.without {
		i.add(p.Name, p.Value)
	}
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
	for _, p := range without {
		v := Value{kind: Null, typ: p.Type.Local}
		if p.Content == rowscan.Empty {
			if v.kind = Text; embedded(p.Type.Space, p.Type.Local) {
				return g, false
			}
		}
		g.without = append(g.without, Property{p.Name, v})
	}
	if value == nil {
		return g, true
	}
	g.name, g.value = value.Name, Value{kind: Text, typ: value.Type.Local}
	isTime := true
	if (value.Wrapper != rowscan.Name{}) {
		g.value.kind, isTime = timeKind(value.Wrapper.Space, value.Wrapper.Local)
	}
	if r.columns == nil {
		r.columns = map[string]*column{}
	}
	if g.column = r.columns[g.name]; g.column == nil {
		g.column = &column{}
		r.columns[g.name] = g.column
		g.column.forgetful = g.value.kind != Text // times do not repeat
	}
	return g, isTime && !embedded(value.Type.Space, value.Type.Local)
}
