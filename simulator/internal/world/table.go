package world

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/smsclasses"
)

// value is the value of a property.
type value = repository.Value

// columns computes the properties of a class from a row. Properties without a
// column are NULL.
type columns[R any] map[string]func(R) value

// with is the columns and others; those of others count.
func (c columns[R]) with(others columns[R]) columns[R] {
	all := maps.Clone(c)
	maps.Copy(all, others)
	return all
}

// rows defines how the instances of a class come about.
type rows[R any] struct {
	class   string
	all     func(*Site) iter.Seq[R]
	columns columns[R]
	// indexes finds the rows by the value of a property. It may yield others too.
	indexes map[string]func(*Site, value) iter.Seq[R]
}

// definition is rows of any type.
type definition interface {
	compile(classes declared) (*table, error)
}

// declared is the classes of a namespace by folded name.
type declared map[string]*repository.Class

// embed makes an embedded instance; a class or property that is not declared is
// left out.
func (d declared) embed(class string, values map[string]value) value {
	c := d[fold(class)]
	if c == nil {
		return nil
	}
	in := repository.New(c)
	for name, v := range values {
		in.Set(name, v)
	}
	return in
}

// table is the instances of one class. They are made as they are read, with the
// world locked.
type table struct {
	class   *repository.Class
	all     func(*Site) iter.Seq[*repository.Instance]
	indexes map[string]func(*Site, value) iter.Seq[*repository.Instance] // by folded property
}

// compile binds the columns to the properties of the class.
func (d rows[R]) compile(classes declared) (*table, error) {
	class := classes[fold(d.class)]
	if class == nil {
		return nil, fmt.Errorf("class %s is not declared", d.class)
	}
	cells := make([]func(R) value, len(class.Properties))
	for name, cell := range d.columns {
		i := class.Index(name)
		if i < 0 {
			return nil, fmt.Errorf("class %s has no property %s", d.class, name)
		}
		cells[i] = cell
	}
	instances := func(seq iter.Seq[R]) iter.Seq[*repository.Instance] {
		return func(yield func(*repository.Instance) bool) {
			for row := range seq {
				in := repository.New(class)
				for i, cell := range cells {
					if cell != nil {
						in.Values[i] = cell(row)
					}
				}
				if !yield(in) {
					return
				}
			}
		}
	}
	t := &table{
		class:   class,
		all:     func(s *Site) iter.Seq[*repository.Instance] { return instances(d.all(s)) },
		indexes: map[string]func(*Site, value) iter.Seq[*repository.Instance]{},
	}
	for name, index := range d.indexes {
		if class.Index(name) < 0 {
			return nil, fmt.Errorf("class %s has no property %s", d.class, name)
		}
		t.indexes[fold(name)] = func(s *Site, v value) iter.Seq[*repository.Instance] { return instances(index(s, v)) }
	}
	return t, nil
}

// find finds an instance by its keys, given in text.
func (t *table) find(s *Site, keys map[string]string) (*repository.Instance, bool) {
	candidates := t.all(s)
	for _, p := range t.class.Keys() {
		if index, ok := t.indexes[fold(p.Name)]; ok {
			v, ok := parseKey(p.Type, keys[fold(p.Name)])
			if !ok {
				return nil, false
			}
			candidates = index(s, v)
			break
		}
	}
	for in := range candidates {
		if hasKeys(in, keys) {
			return in, true
		}
	}
	return nil, false
}

// namespace is the classes and tables of one kind of namespace. It is fixed.
type namespace struct {
	classes declared
	family  map[string][]*repository.Class // a class and all derived from it
	tables  map[string]*table              // by folded class name
}

// schema is the namespaces of a site server.
type schema struct {
	kinds map[smsclasses.Kind]*namespace
}

// newSchema joins the class declarations to the definitions of their rows.
func newSchema() (*schema, error) {
	s := &schema{kinds: map[smsclasses.Kind]*namespace{}}
	for kind, define := range map[smsclasses.Kind]func(declared) []definition{
		smsclasses.Root:    rootRows,
		smsclasses.CIMV2:   cimRows,
		smsclasses.Default: func(declared) []definition { return nil },
		smsclasses.SMSRoot: smsRows,
		smsclasses.Site: func(classes declared) []definition {
			return slices.Concat(statusRows(), contentRows(), dpRows(), groupRows(),
				packageRows(classes), messageRows(), siteRows(classes))
		},
	} {
		ns, err := newNamespace(smsclasses.ForNamespace(kind), define)
		if err != nil {
			return nil, err
		}
		s.kinds[kind] = ns
	}
	return s, nil
}

func newNamespace(classes []*repository.Class, define func(declared) []definition) (*namespace, error) {
	ns := &namespace{classes: declared{}, family: map[string][]*repository.Class{}, tables: map[string]*table{}}
	for _, c := range classes {
		ns.classes[fold(c.Name)] = c
	}
	for _, c := range classes {
		for up := c; up != nil; up = ns.classes[fold(up.Super)] {
			ns.family[fold(up.Name)] = append(ns.family[fold(up.Name)], c)
		}
	}
	for _, d := range define(ns.classes) {
		t, err := d.compile(ns.classes)
		if err != nil {
			return nil, err
		}
		ns.tables[fold(t.class.Name)] = t
	}
	return ns, nil
}

// snapshot is a namespace as a site shows it while the world is locked. It is a
// wql.Indexed.
type snapshot struct {
	site *Site
	*namespace
}

// table is the instances of a class that the site shows; nil where there are
// none.
func (n snapshot) table(c *repository.Class) *table {
	if n.site.hidden && securable(c.Name) {
		return nil
	}
	return n.tables[fold(c.Name)]
}

// securable tells of a class of the SMS Provider whose instances an account sees
// only with a role over them, or over what they are about. The sites themselves
// are left out: an account that cannot read its site's row is not served at all.
func securable(class string) bool {
	switch class {
	case "SMS_Site", "SMS_Identification", "SMS_ProviderLocation", "SMS_SystemResourceList", "SMS_SCI_SysResUse", "SMS_ComponentSummarizer":
		return false
	}
	return strings.HasPrefix(class, "SMS_")
}

// Class implements wql.Source.
func (n snapshot) Class(name string) (*repository.Class, bool) {
	c, ok := n.classes[fold(name)]
	return c, ok
}

// Subclasses implements wql.Source.
func (n snapshot) Subclasses(name string) []*repository.Class { return n.family[fold(name)] }

// Instances implements wql.Source.
func (n snapshot) Instances(class string) iter.Seq[*repository.Instance] {
	return n.each(class, func(t *table) iter.Seq[*repository.Instance] { return t.all(n.site) })
}

// InstancesWith implements wql.Indexed. An index that a table lacks is replaced
// by a look at all its rows.
func (n snapshot) InstancesWith(class, property string, values []value) (iter.Seq[*repository.Instance], bool) {
	indexed := slices.ContainsFunc(n.family[fold(class)], func(c *repository.Class) bool {
		t := n.table(c)
		return t != nil && t.indexes[fold(property)] != nil
	})
	if !indexed {
		return nil, false
	}
	return n.each(class, func(t *table) iter.Seq[*repository.Instance] {
		index := t.indexes[fold(property)]
		if index == nil {
			return t.all(n.site)
		}
		return func(yield func(*repository.Instance) bool) {
			for _, v := range distinct(values) {
				for in := range index(n.site, v) {
					if !yield(in) {
						return
					}
				}
			}
		}
	}), true
}

// each is the instances that read gives of a class and all derived from it.
func (n snapshot) each(class string, read func(*table) iter.Seq[*repository.Instance]) iter.Seq[*repository.Instance] {
	return func(yield func(*repository.Instance) bool) {
		for _, c := range n.family[fold(class)] {
			t := n.table(c)
			if t == nil {
				continue
			}
			for in := range read(t) {
				if !yield(in) {
					return
				}
			}
		}
	}
}

// distinct is the values, each once; strings that differ in case are one.
func distinct(values []value) []value {
	var out []value
	seen := map[value]bool{}
	for _, v := range values {
		if s, ok := v.(string); ok {
			v = strings.ToUpper(s)
		}
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// seqOf is a slice's elements.
func seqOf[R any](list func(*Site) []R) func(*Site) iter.Seq[R] {
	return func(s *Site) iter.Seq[R] { return slices.Values(list(s)) }
}

// is is a column with the same value in every row.
func is[R any](v value) func(R) value {
	return func(R) value { return v }
}
