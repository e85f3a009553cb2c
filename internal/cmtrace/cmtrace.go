// Package cmtrace reads the log lines of Configuration Manager's servers and
// clients, the forms that Microsoft's viewer CMTrace knows and one that it does
// not.
//
// Site components write the old form, one entry a line:
//
//	text  $$<SMS_DISTRIBUTION_MANAGER><11-21-2026 10:00:00.000-60><thread=1234 (0x4D2)>
//
// Clients, and some newer components, write the new form, whose text may span
// lines:
//
//	<![LOG[text]LOG]!><time="10:00:00.000-60" date="11-21-2026" component="X" context="" type="1" thread="1234" file="x.cpp:12">
//
// The WMI provider of distribution points (smsdpprov.log) writes its thread in
// hexadecimal and its own local time (samples in Microsoft's article
// "Understand PXE boot in Configuration Manager"):
//
//	[99C][Wed 09/10/2014 14:19:07]:text
//
// The number after the milliseconds is the bias in minutes, as in Windows'
// TIME_ZONE_INFORMATION: UTC = local time + bias. A British server in summer
// writes -60, one in New York in winter +300.
package cmtrace

import (
	"iter"
	"time"
)

// Form is the form in which an entry was written.
type Form uint8

// The forms.
const (
	Plain    Form = iota // none of those below
	Old                  // text $$<component><time><thread>
	New                  // <![LOG[text]LOG]!><attributes>
	Provider             // [thread][time]:text
)

// Severity is how bad an entry says that it is.
type Severity uint8

// The severities. Most entries of the old form do not say.
const (
	Unknown Severity = iota
	Info
	Warning
	Error
)

// String is the severity as a word, empty when it is unknown.
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return ""
}

// Entry is one entry of a log. Its texts are as they were written: the encoding
// is not checked.
type Entry struct {
	Form Form
	// Time is in the zone that the entry names, or in that of the reader where
	// it names none. A Plain entry has the time of the entry before it, and the
	// zero time when there is none.
	Time      time.Time
	Component string // empty where the form has none
	Thread    uint32 // 0 where the form has none
	// Severity is what the entry states: the type of the new form, or SEV of a
	// status message that is written into the log (STATMSG).
	Severity Severity
	Message  string // without the line break at its end
	File     string // source file and line, in the new form
}

// Bounds of hostile input. Text that is longer is not lost, but divided.
const (
	maxLine  = 64 << 10  // bytes of a line: what is longer becomes several Plain entries
	maxEntry = 256 << 10 // bytes of an entry of the new form: a longer one is Plain lines
	maxBias  = 24 * 60   // minutes
)

// Entries yields the entries of a log's text in their order. Lines in no known
// form are Plain entries; only empty ones are passed over. zone is that of the
// server, for times that come without one; nil means UTC.
func Entries(text []byte, zone *time.Location) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		s := newScanner(text, zone)
		for s.next() {
			if s.entry.Message == "" && s.entry.Form == Plain {
				continue
			}
			if !yield(s.entry) {
				return
			}
		}
	}
}
