package wql

import (
	"iter"
	"time"

	"dpremote/simulator/internal/repository"
)

// Query is a parsed SELECT. Parse makes it; the zero value is not a query. A
// Query is not changed by Run, so one may be run by several goroutines at once.
type Query struct {
	Properties []string      // the SELECT list as written; nil for * and for COUNT(*)
	Distinct   bool          // SELECT DISTINCT
	Count      bool          // SELECT COUNT(*), or COUNT(property)
	From       string        // the class, as written
	Within     time.Duration // the polling interval of an event query; 0 when absent

	text     string
	selected []path     // Properties, parsed
	alias    string     // the name that FROM gives the class, or ""
	join     bool       // FROM names more than one class; nothing after it was read
	where    expression // nil when absent
	orders   []order
}

// Source is where a query finds classes and instances.
type Source interface {
	// Class finds a class by name, ignoring case.
	Class(name string) (*repository.Class, bool)
	// Subclasses are the class itself and all classes derived from it, at any
	// depth.
	Subclasses(name string) []*repository.Class
	// Instances are the instances of the class and of all derived classes. Run
	// does not change them, but its Result holds them.
	Instances(class string) iter.Seq[*repository.Instance]
}

// Indexed is a Source that can find instances by the value of a property
// without looking at all of them. Run uses it when the Source has it.
type Indexed interface {
	Source
	// InstancesWith is like Instances, but may leave out instances whose
	// property equals none of values; equality ignores the case of strings. The
	// names are in the class's spelling; each value is there once and is of the
	// property's own type (string, int64 or uint64). There may be none. It
	// answers false when there is no index on that property.
	InstancesWith(class, property string, values []repository.Value) (iter.Seq[*repository.Instance], bool)
}

// Result is the answer to a query.
type Result struct {
	// Projection is the selected properties in the class's spelling, each once,
	// sorted without regard to case, because Windows sends them so. It is nil
	// for SELECT * and for COUNT. It may hold __CLASS, whose value
	// repository.Instance.Get knows.
	Projection []string
	// Class is the class of the FROM clause.
	Class *repository.Class
	// Instances are whole instances, in the order of ORDER BY or else in that of
	// the Source. Their lazy properties are NULL. For COUNT it is one instance
	// of the class __GENERIC.
	Instances []*repository.Instance
}

// Exec parses and runs a query. The error is a *repository.Status with the code
// InvalidQuery for a text that Parse refuses, and otherwise as of Run.
func Exec(text string, src Source, now time.Time) (*Result, error) {
	q, err := Parse(text)
	if err != nil {
		return nil, &repository.Status{
			Code:      repository.InvalidQuery,
			Operation: operation,
			Parameter: text,
			Text:      err.Error(),
		}
	}
	return q.Run(src, now)
}
