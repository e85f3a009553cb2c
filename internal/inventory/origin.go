package inventory

import "fmt"

// Origin says where a value came from.
type Origin struct {
	// Layer is what set the value: "default", "all", "group emea", "site PS1",
	// or the flag or environment variable, such as "--user".
	Layer string
	// File, Line and Column are the value's place in the inventory; File is
	// empty and the others are zero for a value from elsewhere. They count
	// from 1.
	File         string
	Line, Column int
}

// String gives the layer, followed by the place in the file if there is one.
func (o Origin) String() string {
	if o.File == "" {
		return o.Layer
	}
	return fmt.Sprintf("%s, %s:%d:%d", o.Layer, o.File, o.Line, o.Column)
}
