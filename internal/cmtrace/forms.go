package cmtrace

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// The marks of the new form.
var (
	newBegin  = []byte("<![LOG[")
	newEnd    = []byte("]LOG]!><")
	newInside = []byte("\n<![LOG[")
)

// newForm reads an entry of the new form at the beginning of the rest, and how
// many bytes it takes.
func (s *scanner) newForm() (e Entry, n int, ok bool) {
	if !bytes.HasPrefix(s.rest, newBegin) {
		return e, 0, false
	}
	end, ok := s.findEnd()
	if !ok || end < len(newBegin) || end > maxEntry {
		return e, 0, false
	}
	text := s.rest[len(newBegin):end]
	if bytes.Contains(text, newInside) {
		return e, 0, false // this one was cut; the end is another's
	}
	at := end + len(newEnd)
	line, _ := firstLine(s.rest[at:])
	attributes, length, ok := readAttributes(string(line))
	if !ok {
		return e, 0, false
	}
	e = Entry{Form: New, Component: attributes["component"], File: attributes["file"], Message: string(bytes.TrimRight(text, " \t\r\n"))}
	if e.Time, ok = s.time(attributes["date"] + " " + attributes["time"]); !ok {
		return e, 0, false
	}
	thread, _ := strconv.ParseUint(attributes["thread"], 10, 32)
	e.Thread = uint32(thread)
	e.Severity = map[string]Severity{"1": Info, "2": Warning, "3": Error}[attributes["type"]]
	return e, at + length, true
}

// readAttributes reads name="value" pairs up to the > that ends them, and how
// many bytes they take with it.
func readAttributes(text string) (values map[string]string, n int, ok bool) {
	values = map[string]string{}
	rest := text
	for {
		rest = strings.TrimLeft(rest, " \t")
		if after, done := strings.CutPrefix(rest, ">"); done {
			return values, len(text) - len(after), true
		}
		name, after, found := strings.Cut(rest, `="`)
		if !found || name == "" || strings.ContainsAny(name, "<>\" \t") {
			return nil, 0, false
		}
		value, after, found := strings.Cut(after, `"`)
		if !found {
			return nil, 0, false
		}
		values[name] = value
		rest = after
	}
}

// oldForm reads a line of the old form.
func (s *scanner) oldForm(line []byte) (Entry, bool) {
	at := bytes.LastIndex(line, []byte("$$<"))
	if at < 0 || line[len(line)-1] != '>' {
		return Entry{}, false
	}
	parts := strings.Split(string(line[at+len("$$<"):len(line)-1]), "><")
	if len(parts) != 3 {
		return Entry{}, false
	}
	when, ok := s.time(parts[1])
	if !ok {
		return Entry{}, false
	}
	thread, ok := oldThread(parts[2])
	if !ok {
		return Entry{}, false
	}
	e := Entry{Form: Old, Time: when, Component: parts[0], Thread: thread, Message: string(bytes.TrimRight(line[:at], " \t"))}
	e.Severity = stated(e.Message)
	return e, true
}

// oldThread reads thread=1234 (0x4D2).
func oldThread(text string) (uint32, bool) {
	text, ok := strings.CutPrefix(text, "thread=")
	if !ok {
		return 0, false
	}
	decimal, hex, both := strings.Cut(text, " (0x")
	n, err := strconv.ParseUint(decimal, 10, 32)
	if err != nil {
		return 0, false
	}
	if both {
		again, err := strconv.ParseUint(strings.TrimSuffix(hex, ")"), 16, 32)
		if err != nil || again != n {
			return 0, false
		}
	}
	return uint32(n), true
}

// stated is the severity of a status message that a component reports and
// writes into its log too:
//
//	STATMSG: ID=2328 SEV=E LEV=M SOURCE="SMS Server" COMP=...
func stated(message string) Severity {
	_, rest, ok := strings.Cut(message, "STATMSG: ID=")
	if !ok {
		return Unknown
	}
	fields := strings.Fields(rest[:min(len(rest), 40)])
	if len(fields) < 2 {
		return Unknown
	}
	return map[string]Severity{"SEV=I": Info, "SEV=W": Warning, "SEV=E": Error}[fields[1]]
}

// providerForm reads a line of a distribution point's WMI provider.
func (s *scanner) providerForm(line []byte) (Entry, bool) {
	text := string(line)
	thread, rest, ok := strings.Cut(text, "][")
	if !ok || len(thread) < 2 || thread[0] != '[' {
		return Entry{}, false
	}
	n, err := strconv.ParseUint(thread[1:], 16, 32)
	if err != nil {
		return Entry{}, false
	}
	when, message, ok := strings.Cut(rest, "]:")
	if !ok {
		return Entry{}, false
	}
	t, err := time.ParseInLocation("Mon 01/02/2006 15:04:05", when, s.zone)
	if err != nil {
		return Entry{}, false
	}
	return Entry{Form: Provider, Time: t, Thread: uint32(n), Message: message}, true
}

// time reads a date and a time with the bias in minutes behind it.
func (s *scanner) time(text string) (time.Time, bool) {
	zone := s.zone
	if colon := strings.LastIndexByte(text, ':'); colon >= 0 {
		if at := strings.IndexAny(text[colon:], "+-"); at >= 0 {
			bias, err := strconv.Atoi(text[colon+at:])
			if err != nil || bias < -maxBias || bias > maxBias {
				return time.Time{}, false
			}
			text, zone = text[:colon+at], s.biased(bias)
		}
	}
	t, err := time.ParseInLocation("1-2-2006 15:04:05", text, zone)
	return t, err == nil
}

// biased is the zone with a bias, one for all entries that have it.
func (s *scanner) biased(minutes int) *time.Location {
	zone, ok := s.zones[minutes]
	if !ok {
		zone = time.FixedZone("", -minutes*60)
		s.zones[minutes] = zone
	}
	return zone
}
