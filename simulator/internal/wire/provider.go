package wire

import (
	"dpremote/simulator/internal/repository"
	"dpremote/simulator/internal/wql"
)

// Assignment is one member of a Put, Create or Invoke body, or one out
// parameter of a method.
type Assignment struct {
	Name  string
	Value repository.Value
}

// Provider answers for the namespaces of one server. Namespaces are written
// with slashes, as in a resource URI (root/sms/site_PS1); names of namespaces
// and classes come as the client spelled them and are to be compared without
// regard to case. Keys and changed members are named in the class's own
// spelling. Errors are *repository.Status; a *Fault is sent as it is, and any
// other error becomes w:InternalError. A Provider must be safe for concurrent
// use, and the instances that it answers must not change afterwards: an
// enumeration reads them as they are pulled.
//
// A key that is a reference is given as a WMI object path
// (root/cimv2:Win32_Service.Name="x").
type Provider interface {
	// Class declares a class, with the names and types that requests are
	// checked against. Errors: InvalidNamespace, InvalidClass.
	Class(namespace, name string) (*repository.Class, error)
	// Query runs a WQL query.
	Query(namespace, text string) (*wql.Result, error)
	// Get is the whole instance, lazy properties included.
	Get(namespace, class string, keys map[string]string) (*repository.Instance, error)
	// Put changes the named properties, leaves the others alone and answers
	// the instance as it is then.
	Put(namespace, class string, keys map[string]string, changed []Assignment) (*repository.Instance, error)
	// Create makes an instance and answers it with its keys.
	Create(namespace, class string, values []Assignment) (*repository.Instance, error)
	// Delete removes an instance.
	Delete(namespace, class string, keys map[string]string) error
	// Invoke runs a method. keys is empty for a static method. ReturnValue is
	// one of out.
	Invoke(namespace, class, method string, keys map[string]string, in []Assignment) (out []Assignment, err error)
}
