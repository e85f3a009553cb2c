package world

import (
	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/wire"
)

// Put changes an instance and answers it as it is then. Only
// SMS_DistributionPoint can be changed, and of its properties only RefreshNow
// does something: true starts a redistribution, and the property reads false
// again at once. Members that repeat what is there, as a full Put has them, are
// passed over. Errors: InvalidNamespace, InvalidClass, NotFound,
// InvalidParameter for a key changed or an unknown property, NotCapable for a
// class that is read-only, NotSupported for one that is not, but that the
// simulator does not change.
func (s *Site) Put(namespace, class string, keys map[string]string, changed []wire.Assignment) (*repository.Instance, error) {
	ns, c, err := s.class(opPut, namespace, class)
	if err != nil {
		return nil, err
	}
	now, unlock := s.w.write()
	defer unlock()
	in, err := ns.get(opPut, c, keys)
	if err != nil {
		return nil, err
	}
	if err := changeable(opPut, in.Class); err != nil {
		return nil, err
	}
	refresh, err := checkChange(in, changed)
	if err != nil {
		return nil, err
	}
	if refresh {
		if row, ok := s.contentWith(in.Get("PackageID").(string), in.Get("ServerNALPath").(string)); ok {
			s.w.refresh(row, now, s.site)
		}
	}
	return ns.get(opPut, c, keys)
}

// changeable tells whether the simulator stores instances of a class.
func changeable(op string, c *repository.Class) error {
	switch {
	case c.Name == "SMS_DistributionPoint" && op == opPut:
		return nil
	case c.ReadOnly:
		return refuse(repository.NotCapable, op, c.Name, "class %s is read-only", c.Name)
	}
	return refuse(repository.NotSupported, op, c.Name, "the simulated provider does not store instances of class %s", c.Name)
}

// checkChange checks the members of a Put of SMS_DistributionPoint and tells
// whether they ask for a refresh.
func checkChange(in *repository.Instance, changed []wire.Assignment) (refresh bool, err error) {
	for _, a := range changed {
		p, ok := in.Class.Property(a.Name)
		if !ok {
			return false, refuse(repository.InvalidParameter, opPut, a.Name, "class %s has no property %s", in.Class.Name, a.Name)
		}
		text, _ := a.Value.(string)
		if p.Key && !isText(in.Get(p.Name), text) {
			return false, refuse(repository.InvalidParameter, opPut, a.Name, "key %s cannot be changed", p.Name)
		}
		if p.Name == "RefreshNow" {
			refresh, _ = a.Value.(bool)
		}
	}
	return refresh, nil
}

// Create is refused: the simulator stores no new instances. Errors:
// InvalidNamespace, InvalidClass, NotCapable, NotSupported.
func (s *Site) Create(namespace, class string, _ []wire.Assignment) (*repository.Instance, error) {
	_, c, err := s.class(opPut, namespace, class)
	if err != nil {
		return nil, err
	}
	if c.ReadOnly {
		return nil, refuse(repository.NotCapable, opPut, c.Name, "class %s is read-only", c.Name)
	}
	return nil, refuse(repository.NotSupported, opPut, c.Name, "the simulated provider does not create instances of class %s", c.Name)
}

// Delete is refused: the simulator removes no instances. Errors:
// InvalidNamespace, InvalidClass, NotFound, InvalidParameter, NotCapable,
// NotSupported.
func (s *Site) Delete(namespace, class string, keys map[string]string) error {
	ns, c, err := s.class(opDelete, namespace, class)
	if err != nil {
		return err
	}
	_, unlock := s.w.read()
	defer unlock()
	if _, err := ns.get(opDelete, c, keys); err != nil {
		return err
	}
	return changeable(opDelete, c)
}
