package smsclasses

import (
	"fmt"
	"slices"
	"strings"

	"dpremote/simulator/internal/repository"
)

// compareNames orders names without regard to case, as Windows orders
// properties.
func compareNames(a, b string) int {
	return strings.Compare(strings.ToLower(a), strings.ToLower(b))
}

// inherit completes classes, in which a class comes after its superclass: it
// adds the inherited properties and methods, sorts the properties, and checks
// that each name is declared once and that each class spoken of exists.
func inherit(classes []*repository.Class) error {
	byName := map[string]*repository.Class{}
	for _, c := range classes {
		key := strings.ToLower(c.Name)
		if byName[key] != nil {
			return fmt.Errorf("declare class %s: it is declared twice", c.Name)
		}
		byName[key] = c
		if c.Super == "" {
			continue
		}
		super := byName[strings.ToLower(c.Super)]
		if super == nil || super == c {
			return fmt.Errorf("declare class %s: superclass %s is not declared before it", c.Name, c.Super)
		}
		c.Properties = withInherited(c.Properties, super.Properties, func(p repository.Property) string { return p.Name })
		c.Methods = withInherited(c.Methods, super.Methods, func(m repository.Method) string { return m.Name })
	}
	for _, c := range classes {
		if err := finish(c, byName); err != nil {
			return fmt.Errorf("declare class %s: %w", c.Name, err)
		}
	}
	return nil
}

// withInherited is own and those of inherited that own does not declare anew.
func withInherited[T any](own, inherited []T, name func(T) string) []T {
	all := slices.Clone(own)
	for _, i := range inherited {
		if !slices.ContainsFunc(own, func(o T) bool { return strings.EqualFold(name(o), name(i)) }) {
			all = append(all, i)
		}
	}
	return all
}

// finish sorts a class's properties and checks its names.
func finish(c *repository.Class, byName map[string]*repository.Class) error {
	slices.SortFunc(c.Properties, func(a, b repository.Property) int { return compareNames(a.Name, b.Name) })
	if err := checkMembers(c.Properties, byName); err != nil {
		return err
	}
	for i, m := range c.Methods {
		if slices.ContainsFunc(c.Methods[:i], func(o repository.Method) bool { return strings.EqualFold(o.Name, m.Name) }) {
			return fmt.Errorf("method %s is declared twice", m.Name)
		}
		if err := checkMembers(slices.Concat(m.In, m.Out), byName); err != nil {
			return fmt.Errorf("method %s: %w", m.Name, err)
		}
	}
	return nil
}

// checkMembers checks properties or parameters: no name twice, and the classes
// of embedded objects exist.
func checkMembers(members []repository.Property, byName map[string]*repository.Class) error {
	for i, p := range members {
		if slices.ContainsFunc(members[:i], func(o repository.Property) bool { return strings.EqualFold(o.Name, p.Name) }) {
			return fmt.Errorf("%s is declared twice", p.Name)
		}
		if p.Class != "" && byName[strings.ToLower(p.Class)] == nil {
			return fmt.Errorf("%s is of type %s, which is not declared", p.Name, p.Class)
		}
	}
	return nil
}
