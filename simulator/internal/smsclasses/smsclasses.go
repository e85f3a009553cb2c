// Package smsclasses declares the classes of a simulated site server, by
// namespace.
//
// The declarations are text in the mof directory, in a subset of the Managed
// Object Format (DSP0004 section 7): classes with a superclass, properties,
// and methods. The qualifiers are abstract and read on a class; key, lazy and
// write on a property; static on a method; in and out on a parameter. read on a
// class is the SDK's "read-only", and lazy its "a query leaves it out". The
// facts are those of the Configuration Manager SDK's class pages and of the
// Windows SDK.
package smsclasses

import (
	"embed"
	"fmt"
	"slices"

	"dpremote/simulator/internal/repository"
)

// Kind tells which namespace's classes are meant.
type Kind int

// The namespaces of a site server.
const (
	Root    Kind = iota // root
	SMSRoot             // root\sms
	Site                // root\sms\site_XXX
	CIMV2               // root\cimv2
	Default             // root\default
)

// declarations holds the text of the classes.
//
//go:embed mof/*.mof
var declarations embed.FS

// Classes is the classes of a site's namespace: ForNamespace(Site).
func Classes() []*repository.Class { return ForNamespace(Site) }

// ForNamespace is the classes of a namespace, the system classes among them,
// sorted by name without regard to case. It is nil for an unknown kind. Each
// call makes new classes, which the caller owns; sites that are alike can share
// them.
func ForNamespace(kind Kind) []*repository.Class {
	// The text is part of the program and a test loads every kind, so that
	// there is no error here to handle.
	classes, _ := load(kind)
	return classes
}

// files is the texts that declare a namespace's classes. A class comes after
// its superclass.
func files(kind Kind) []string {
	switch kind {
	case Root:
		return []string{"system"}
	case SMSRoot:
		return []string{"system", "sms"}
	case Site:
		return []string{"system", "site"}
	case CIMV2:
		// StdRegProv is registered in root\cimv2 too.
		return []string{"system", "cimv2", "default"}
	case Default:
		return []string{"system", "default"}
	}
	return nil
}

// load reads the classes of a namespace.
func load(kind Kind) ([]*repository.Class, error) {
	var classes []*repository.Class
	for _, name := range files(kind) {
		path := "mof/" + name + ".mof"
		text, err := declarations.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("load classes: %w", err)
		}
		declared, err := parse(path, string(text))
		if err != nil {
			return nil, err
		}
		classes = append(classes, declared...)
	}
	if err := inherit(classes); err != nil {
		return nil, err
	}
	slices.SortFunc(classes, func(a, b *repository.Class) int { return compareNames(a.Name, b.Name) })
	return classes, nil
}
