package inventory

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Password is a secret. However it is printed, logged or encoded it reads
// "[redacted]"; only [Password.Reveal] gives the text. The zero value is an
// empty password.
type Password struct {
	// A function, and not a string, because package fmt and others look into
	// unexported fields by reflection, past the methods below.
	reveal func() string
}

// NewPassword makes a secret of a text.
func NewPassword(text string) Password {
	return Password{reveal: func() string { return text }}
}

// Reveal gives the text, to be handed to what signs in and to nothing else.
func (p Password) Reveal() string {
	if p.reveal == nil {
		return ""
	}
	return p.reveal()
}

// String gives "[redacted]".
func (Password) String() string { return redacted }

// GoString gives "[redacted]".
func (Password) GoString() string { return redacted }

// Format writes "[redacted]" for every verb.
func (Password) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText gives "[redacted]"; JSON, YAML and XML go by it.
func (Password) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue gives "[redacted]".
func (Password) LogValue() slog.Value { return slog.StringValue(redacted) }
