package wql

import "fmt"

// SyntaxError tells where and why a query's text is not a query.
type SyntaxError struct {
	Offset  int // in bytes from the start of the text
	Message string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("parse query: %s (offset %d)", e.Message, e.Offset)
}
