package world

import (
	"fmt"
	"iter"
	"strings"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/smsclasses"
	"dpremote/simulator/internal/wql"
)

// Site is the SMS Provider and the other WMI providers of one site server. It
// is a wire.Provider, and safe for concurrent use.
//
// A central administration site shows its whole hierarchy. A primary site shows
// its own distribution points and those of its secondary sites. Packages are
// global data: each site shows all of them.
type Site struct {
	w          *World
	site       *site
	sites      []*site
	dps        []*dp
	namespaces map[string]*namespace // by folded name
	hidden     bool                  // the provider shows no securable object; guarded by the world
}

func newSite(w *World, s *site) *Site {
	v := &Site{w: w, site: s}
	for _, other := range s.tree.sites {
		if v.shows(other) {
			v.sites = append(v.sites, other)
		}
	}
	for _, d := range s.tree.dps {
		if v.shows(d.site) {
			v.dps = append(v.dps, d)
		}
	}
	v.namespaces = map[string]*namespace{
		"ROOT":                          w.schema.kinds[smsclasses.Root],
		"ROOT/CIMV2":                    w.schema.kinds[smsclasses.CIMV2],
		"ROOT/DEFAULT":                  w.schema.kinds[smsclasses.Default],
		"ROOT/SMS":                      w.schema.kinds[smsclasses.SMSRoot],
		fold("root/sms/site_" + s.code): w.schema.kinds[smsclasses.Site],
	}
	return v
}

// shows tells whether the site's provider shows what belongs to a site of its
// hierarchy.
func (s *Site) shows(other *site) bool {
	return s.site.kind == central || other.reporter == s.site
}

// Code is the site code.
func (s *Site) Code() string { return s.site.code }

// Name is the site's display name.
func (s *Site) Name() string { return s.site.name }

// Server is the site server's FQDN.
func (s *Site) Server() string { return s.site.server }

// namespace finds a namespace of the server.
func (s *Site) namespace(op, name string) (snapshot, error) {
	key := fold(strings.Trim(strings.ReplaceAll(name, `\`, "/"), "/"))
	ns, ok := s.namespaces[key]
	if !ok {
		return snapshot{}, refuse(repository.InvalidNamespace, op, name, "namespace %s does not exist on %s", name, s.site.server)
	}
	return snapshot{s, ns}, nil
}

// class finds a class in a namespace.
func (s *Site) class(op, namespace, name string) (snapshot, *repository.Class, error) {
	ns, err := s.namespace(op, namespace)
	if err != nil {
		return snapshot{}, nil, err
	}
	c, ok := ns.Class(name)
	if !ok {
		return snapshot{}, nil, refuse(repository.InvalidClass, op, name, "class %s does not exist in namespace %s", name, namespace)
	}
	return ns, c, nil
}

// Class declares a class. Errors: InvalidNamespace, InvalidClass.
func (s *Site) Class(namespace, name string) (*repository.Class, error) {
	_, c, err := s.class(opGet, namespace, name)
	return c, err
}

// Query runs a WQL query. Errors: InvalidNamespace and those of wql.Exec.
func (s *Site) Query(namespace, text string) (*wql.Result, error) {
	ns, err := s.namespace(opQuery, namespace)
	if err != nil {
		return nil, err
	}
	now, unlock := s.w.read()
	defer unlock()
	return wql.Exec(text, ns, now)
}

// Get is the whole instance with these keys, lazy properties included. Errors:
// InvalidNamespace, InvalidClass, InvalidParameter for keys that the class does
// not have, NotFound.
func (s *Site) Get(namespace, class string, keys map[string]string) (*repository.Instance, error) {
	ns, c, err := s.class(opGet, namespace, class)
	if err != nil {
		return nil, err
	}
	_, unlock := s.w.read()
	defer unlock()
	return ns.get(opGet, c, keys)
}

// get finds an instance of a class or of one derived from it.
func (n snapshot) get(op string, c *repository.Class, keys map[string]string) (*repository.Instance, error) {
	folded, ok := foldKeys(c, keys)
	if !ok {
		return nil, refuse(repository.InvalidParameter, op, objectPath(c, keys), "the keys are not those of class %s", c.Name)
	}
	for _, c := range n.family[fold(c.Name)] {
		if t := n.table(c); t != nil {
			if in, ok := t.find(n.site, folded); ok {
				return in, nil
			}
		}
	}
	return nil, refuse(repository.NotFound, op, objectPath(c, keys), "no instance of class %s has these keys", c.Name)
}

// objectPath is a relative WMI object path, for an error.
func objectPath(c *repository.Class, keys map[string]string) string {
	var parts []string
	for _, p := range c.Keys() {
		for name, text := range keys {
			if strings.EqualFold(name, p.Name) {
				parts = append(parts, p.Name+`="`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)+`"`)
			}
		}
	}
	if len(parts) == 0 {
		return c.Name
	}
	return c.Name + "." + strings.Join(parts, ",")
}

// The operations that a provider's status names (__ExtendedStatus.Operation).
const (
	opQuery  = "ExecQuery"
	opGet    = "GetObject"
	opPut    = "PutInstance"
	opDelete = "DeleteInstance"
	opInvoke = "ExecMethod"
)

// refuse is the error of an operation.
func refuse(code repository.Code, op, parameter, format string, args ...any) *repository.Status {
	return &repository.Status{Code: code, Operation: op, Parameter: parameter, Text: fmt.Sprintf(format, args...)}
}

// contents are the rows that the site shows, by package and DP.
func (s *Site) contents() iter.Seq[*content] {
	return func(yield func(*content) bool) {
		for _, p := range s.site.tree.packages {
			for c := range s.contentsOf(p) {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// contentsOf are the rows of a package that the site shows.
func (s *Site) contentsOf(p *pkg) iter.Seq[*content] {
	return func(yield func(*content) bool) {
		for _, c := range p.rows {
			if s.shows(c.dp.site) && !yield(c) {
				return
			}
		}
	}
}

// packageWith finds a package of the hierarchy by its ID.
func (s *Site) packageWith(id string) (*pkg, bool) {
	p, ok := s.w.packages[fold(id)]
	if !ok || p.site.tree != s.site.tree {
		return nil, false
	}
	return p, true
}

// dpWith finds a DP that the site shows by its NAL path.
func (s *Site) dpWith(nal string) (*dp, bool) {
	d, ok := s.w.dps[fold(nal)]
	if !ok || d.site.tree != s.site.tree || !s.shows(d.site) {
		return nil, false
	}
	return d, true
}

// contentWith finds a row that the site shows.
func (s *Site) contentWith(packageID, nal string) (*content, bool) {
	p, ok := s.packageWith(packageID)
	if !ok {
		return nil, false
	}
	d, ok := s.dpWith(nal)
	if !ok {
		return nil, false
	}
	return p.row(d)
}
