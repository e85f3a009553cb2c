package world

import (
	"strings"
	"time"

	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/wire"
)

// Invoke runs a method. The methods that the simulator has are VerifyPackage
// and CancelDistribution of SMS_DistributionPoint, ReDistributePackage and
// RefreshDPGroup of SMS_DistributionPointGroup, RefreshPkgSource of the package
// classes, and those of StdRegProv. Errors: InvalidNamespace, InvalidClass,
// InvalidMethod for a method that the class does not have, NotFound for an
// instance that does not exist, InvalidParameter, NotSupported for a method
// that is declared only.
func (s *Site) Invoke(namespace, class, name string, keys map[string]string, in []wire.Assignment) ([]wire.Assignment, error) {
	ns, c, err := s.class(opInvoke, namespace, class)
	if err != nil {
		return nil, err
	}
	declared, ok := c.Method(name)
	if !ok {
		return nil, refuse(repository.InvalidMethod, opInvoke, name, "class %s has no method %s", c.Name, name)
	}
	if err := checkParameters(declared, in); err != nil {
		return nil, err
	}
	now, unlock := s.w.write()
	defer unlock()
	if declared.Static {
		keys = nil
	} else if _, err := ns.get(opInvoke, c, keys); err != nil {
		return nil, err
	}
	run, ok := methods(c.Name, declared.Name)
	if !ok {
		return nil, refuse(repository.NotSupported, opInvoke, c.Name+"."+declared.Name, "the simulated provider does not run method %s of class %s", declared.Name, c.Name)
	}
	return run(call{site: s, now: now, keys: keys, in: in})
}

// checkParameters refuses parameters that a method does not have.
func checkParameters(m repository.Method, in []wire.Assignment) error {
	for _, a := range in {
		known := false
		for _, p := range m.In {
			known = known || strings.EqualFold(p.Name, a.Name)
		}
		if !known {
			return refuse(repository.InvalidParameter, opInvoke, a.Name, "method %s has no parameter %s", m.Name, a.Name)
		}
	}
	return nil
}

// call is one call of a method that the class has, with the world locked.
type call struct {
	site *Site
	now  time.Time
	keys map[string]string // nil for a static method
	in   []wire.Assignment
}

// argument is an in parameter; nil when it was not given.
func (c call) argument(name string) value {
	for _, a := range c.in {
		if strings.EqualFold(a.Name, name) {
			return a.Value
		}
	}
	return nil
}

// text is an in parameter that is a string.
func (c call) text(name string) string {
	text, _ := c.argument(name).(string)
	return text
}

// key is a key of the instance on which the method is called.
func (c call) key(name string) string {
	for k, text := range c.keys {
		if strings.EqualFold(k, name) {
			return text
		}
	}
	return ""
}

// method runs a call.
type method func(call) ([]wire.Assignment, error)

// methods finds a method that the simulator has.
func methods(class, name string) (method, bool) {
	switch class + "." + name {
	case "SMS_DistributionPoint.VerifyPackage":
		return onContent((*World).verify), true
	case "SMS_DistributionPoint.CancelDistribution":
		return onContent((*World).cancel), true
	case "SMS_DistributionPointGroup.ReDistributePackage":
		return redistribute, true
	case "SMS_DistributionPointGroup.RefreshDPGroup":
		return refreshGroup, true
	case "StdRegProv.EnumKey":
		return enumKey, true
	case "StdRegProv.EnumValues":
		return enumValues, true
	case "StdRegProv.GetStringValue", "StdRegProv.GetExpandedStringValue", "StdRegProv.GetMultiStringValue",
		"StdRegProv.GetDWORDValue", "StdRegProv.GetQWORDValue", "StdRegProv.GetBinaryValue":
		return getValue(name), true
	case "StdRegProv.DeleteKey":
		return deleteKey, true
	}
	if name == "RefreshPkgSource" {
		return refreshSource, true
	}
	return nil, false
}

// returned is the out parameters of a method that returns a number: 0 is
// success.
func returned(number int64, out ...wire.Assignment) ([]wire.Assignment, error) {
	return append(out, wire.Assignment{Name: "ReturnValue", Value: number}), nil
}

// onContent is a static method of SMS_DistributionPoint that does something to
// one package on one DP.
func onContent(do func(*World, *content, time.Time)) method {
	return func(c call) ([]wire.Assignment, error) {
		id, nal := c.text("PackageId"), c.text("NALPath")
		if id == "" || nal == "" {
			return nil, refuse(repository.InvalidParameter, opInvoke, "PackageId, NALPath", "both PackageId and NALPath are needed")
		}
		row, ok := c.site.contentWith(id, nal)
		if !ok || c.site.hidden {
			return nil, refuse(repository.NotFound, opInvoke, id, "package %s is not on distribution point %s", id, nal)
		}
		do(c.site.w, row, c.now)
		return returned(0)
	}
}

// refreshSource is RefreshPkgSource of a package class.
func refreshSource(c call) ([]wire.Assignment, error) {
	p, ok := c.site.packageWith(c.key("PackageID"))
	if !ok {
		return nil, refuse(repository.NotFound, opInvoke, c.key("PackageID"), "package %s does not exist", c.key("PackageID"))
	}
	c.site.w.update(p, c.now, c.site.site)
	return returned(0)
}

// group finds the group on which a method is called.
func (c call) group() (*group, error) {
	for _, g := range c.site.site.tree.groups {
		if strings.EqualFold(g.id, c.key("GroupID")) {
			return g, nil
		}
	}
	return nil, refuse(repository.NotFound, opInvoke, c.key("GroupID"), "group %s does not exist", c.key("GroupID"))
}

// redistribute is ReDistributePackage: one package is sent again to every
// member that should hold it.
func redistribute(c call) ([]wire.Assignment, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	p, ok := c.site.packageWith(c.text("PackageID"))
	if !ok {
		return nil, refuse(repository.InvalidParameter, opInvoke, "PackageID", "package %q does not exist", c.text("PackageID"))
	}
	for _, d := range g.members {
		if row, ok := p.row(d); ok {
			c.site.w.refresh(row, c.now, c.site.site)
		}
	}
	return returned(0)
}

// refreshGroup is RefreshDPGroup: what members lack of the group's packages is
// sent to them.
func refreshGroup(c call) ([]wire.Assignment, error) {
	g, err := c.group()
	if err != nil {
		return nil, err
	}
	for _, p := range g.packages {
		for _, d := range g.members {
			if row, ok := p.row(d); ok && row.state != Installed {
				c.site.w.refresh(row, c.now, c.site.site)
			}
		}
	}
	return returned(0)
}
