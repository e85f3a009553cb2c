package wsman

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"dpremote/internal/xmlscan"
)

// Fault is a SOAP fault. Its texts are in the server's language: decide by the
// numbers, which errors.Is does for the sentinel errors of this package.
//
// Servers put the numbers in several places (MS-WSMV section 2.2.4.43, the
// MSFT_WmiError of Windows 8 and later, a provider's own extended status);
// all of them end up here.
type Fault struct {
	Status  int    // of HTTP; usually 500, but a fault may come with 200
	Code    string // Sender or Receiver
	Subcode QName
	Reason  string
	// WSManCode is the WSManFault's or MSFT_WmiError's number: 0x803380xx, or
	// a Win32, HRESULT or WMI code. Zero when there is none.
	WSManCode uint32
	Machine   string
	Provider  string // the plug-in that reports, when one does
	// ProviderCode is the number of the fault that the plug-in wraps. Zero
	// when there is none.
	ProviderCode uint32
	Message      string // the innermost message
	CIMStatus    uint32 // of MSFT_WmiError (DSP0004 table of status codes); zero when there is none
	// Extended is what a provider adds: the members of __ExtendedStatus, of
	// SMS_ExtendedStatus or of MSFT_WmiError that are not null.
	Extended []FaultMember
}

// QName is a qualified name.
type QName struct{ Space, Local string }

// FaultMember is one member of an extended status.
type FaultMember struct{ Name, Value string }

// Error implements error: the most telling text and every number.
func (f *Fault) Error() string {
	text := f.Message
	if text == "" {
		text = f.Reason
	}
	if d := f.member("Description"); d != "" {
		text = d
	}
	if text == "" {
		text = "fault without a text"
	}
	numbers := []string{}
	if f.Subcode.Local != "" {
		numbers = append(numbers, f.Subcode.Local)
	}
	for i, n := range f.codes() {
		if i == 0 || n != f.WSManCode {
			numbers = append(numbers, fmt.Sprintf("0x%08X", n))
		}
	}
	if len(numbers) == 0 {
		return text
	}
	return fmt.Sprintf("%s (%s)", text, strings.Join(numbers, ", "))
}

func (f *Fault) member(name string) string {
	for _, m := range f.Extended {
		if m.Name == name {
			return m.Value
		}
	}
	return ""
}

var hresult = regexp.MustCompile(`0[xX]8[0-9a-fA-F]{7}\b`)

// codes are all numbers that the fault gives, the most trusted first: the
// fault's own, the provider's, those of an extended status, and HRESULTs that
// stand in a text (a number is the same in every language).
func (f *Fault) codes() []uint32 {
	var out []uint32
	add := func(n uint32) {
		for _, have := range out {
			if have == n {
				return
			}
		}
		if n != 0 {
			out = append(out, n)
		}
	}
	add(f.WSManCode)
	add(f.ProviderCode)
	for _, name := range []string{"StatusCode", "ErrorCode"} {
		add(parseCode(f.member(name)))
	}
	for _, text := range []string{f.member("MessageID"), f.Message, f.Reason} {
		for _, h := range hresult.FindAllString(text, 4) {
			add(parseCode(h))
		}
	}
	return out
}

func parseCode(s string) uint32 {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseUint(s, 0, 32); err == nil {
		return uint32(n)
	}
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return uint32(n) // a sint32 that is an HRESULT
	}
	return 0
}

// kindOfCode sorts the numbers of faults. WSManFault codes are from
// wsmerror.h, 0x8004xxxx from wbemcli.h, the others from winerror.h.
func kindOfCode(code uint32) error {
	switch code {
	case 0x80338000, 0x80041002, 0x8004100E:
		return ErrNotFound
	case 0x8033801A, 0x80041010, 0x80041017, 0x80041018:
		return ErrBadQuery
	case 0x80338007, 0x8033801B:
		return ErrContext
	case 0x8033801C, 0x80338029:
		return ErrTimedOut
	case 0x80338048, 0x80338049:
		return ErrTooLarge
	case 0x80338041, 0x80338102, 0x80338103, 0x8033811E, 0x80041008:
		return ErrRepresentation
	case 0x80338104, 0x80338105, 0x80338106, 0x80041003, 0x80070005, 5:
		return ErrAccessDenied
	case 0x803381A5, 0x803381A6, 0x803381E5, 0x803381E7, 0x803381E8, 0x8004106C:
		return ErrQuota
	}
	return nil
}

// kindOfCIMStatus sorts CIM status codes (DSP0223).
func kindOfCIMStatus(status uint32) error {
	switch status {
	case 2:
		return ErrAccessDenied
	case 4:
		return ErrRepresentation
	case 6:
		return ErrNotFound
	case 15:
		return ErrBadQuery
	}
	return nil
}

// kindOfSubcode sorts faults that carry no number that is known.
func kindOfSubcode(local string) error {
	switch local {
	case "AccessDenied":
		return ErrAccessDenied
	case "DestinationUnreachable":
		return ErrNotFound
	case "CannotProcessFilter":
		return ErrBadQuery
	case "InvalidEnumerationContext":
		return ErrContext
	case "TimedOut":
		return ErrTimedOut
	case "QuotaLimit":
		return ErrQuota
	case "InvalidRepresentation", "SchemaValidationError", "InvalidParameter":
		return ErrRepresentation
	case "EncodingLimit":
		return ErrTooLarge
	}
	return nil
}

// kind is the sentinel error that the fault is, or nil.
func (f *Fault) kind() error {
	for _, n := range f.codes() {
		if k := kindOfCode(n); k != nil {
			return k
		}
	}
	if k := kindOfCIMStatus(f.CIMStatus); k != nil {
		return k
	}
	return kindOfSubcode(f.Subcode.Local)
}

// Is matches the sentinel errors of this package.
func (f *Fault) Is(target error) bool { return target == f.kind() }

// TimedOutPulling reports a Pull that found nothing in time and whose context
// is still valid, so that the same Pull may be sent again (wsmerror.h
// 0x8033801C and 0x80338029; DSP0226 section 8.7).
func (f *Fault) TimedOutPulling() bool { return f.kind() == ErrTimedOut }

func (f *Fault) retry(reads bool) Retry {
	switch f.kind() {
	case ErrQuota:
		return RetrySafe // refused before it was carried out
	case ErrTimedOut:
		if reads {
			return RetrySafe
		}
		return RetryUnknown
	case ErrContext:
		return RetrySafe // the query can be asked again from its start
	case ErrTooLarge:
		if !reads {
			return RetryUnknown // it may be the answer to what was done that is too large
		}
	case nil:
		// A receiver that failed may have failed after it did what was asked.
		if !reads && f.Code == "Receiver" {
			return RetryUnknown
		}
	}
	return RetryUseless
}

// readFault reads the fault at whose Start the scanner stands.
func readFault(sc *xmlscan.Scanner) (*Fault, error) {
	r := faultReader{fault: &Fault{}}
	if err := r.read(sc); err != nil {
		return nil, err
	}
	return r.fault, nil
}

// Bounds of what a Fault keeps: it goes into messages, documents and the history.
const (
	maxFaultText    = 8 << 10 // bytes
	maxFaultMembers = 64
)

// clip shortens a text to maxFaultText.
func clip(text string) string {
	if len(text) <= maxFaultText {
		return text
	}
	return strings.ToValidUTF8(text[:maxFaultText], "") + " …"
}

// faultReader walks a fault of any shape and takes what it knows.
type faultReader struct{ fault *Fault }

func (r *faultReader) read(sc *xmlscan.Scanner) error {
	return sc.Children(func() error { return r.element(sc) })
}

func (r *faultReader) element(sc *xmlscan.Scanner) (err error) {
	f := r.fault
	switch {
	case sc.Is(NamespaceSOAP, "Code"):
		return r.code(sc)
	case sc.Is(NamespaceSOAP, "Reason"), sc.Is(NamespaceSOAP, "Detail"), sc.Is(NamespaceFault, "ExtendedError"):
		return r.read(sc)
	case sc.Is(NamespaceSOAP, "Text"):
		f.Reason, err = content(sc)
		f.Reason = clip(f.Reason)
		return err
	case sc.Is(NamespaceFault, "WSManFault"):
		r.wsmanFault(sc)
		return r.read(sc)
	case sc.Is(NamespaceFault, "ProviderFault"):
		provider, _ := sc.Attr("", "provider")
		f.Provider = clip(strings.TrimSpace(string(provider)))
		return r.message(sc)
	case sc.Is(NamespaceFault, "Message"):
		return r.message(sc)
	case string(sc.Local()) == "MSFT_WmiError":
		return r.wmiError(sc)
	case string(sc.Space()) == NamespaceWSMan, string(sc.Space()) == NamespaceAddressing:
		return nil // a FaultDetail repeats what the subcode says
	}
	return r.members(sc)
}

// code reads s:Code or a s:Subcode in it. Subcodes may hold further ones; the
// innermost counts.
func (r *faultReader) code(sc *xmlscan.Scanner) error {
	inner := sc.Is(NamespaceSOAP, "Subcode")
	return sc.Children(func() error {
		switch {
		case sc.Is(NamespaceSOAP, "Subcode"):
			return r.code(sc)
		case !sc.Is(NamespaceSOAP, "Value"):
			return nil
		}
		text, err := sc.Content()
		if err != nil {
			return err
		}
		space, local := sc.QName(text)
		if inner {
			r.fault.Subcode = QName{clip(string(space)), clip(string(local))}
		} else {
			r.fault.Code = clip(string(local))
		}
		return nil
	})
}

func (r *faultReader) wsmanFault(sc *xmlscan.Scanner) {
	text, _ := sc.Attr("", "Code")
	code := parseCode(string(text))
	if r.fault.WSManCode == 0 {
		r.fault.WSManCode = code
		machine, _ := sc.Attr("", "Machine")
		r.fault.Machine = clip(string(machine))
		return
	}
	r.fault.ProviderCode = code
}

// message reads f:Message or f:ProviderFault: text, or further elements. The
// innermost text, which is read last, is the most precise one.
func (r *faultReader) message(sc *xmlscan.Scanner) error {
	depth := sc.Depth()
	var text strings.Builder
	for {
		t, err := sc.Next()
		switch {
		case err != nil:
			return err
		case t == xmlscan.Text:
			text.Write(sc.Text())
		case t == xmlscan.Start:
			if err := r.element(sc); err != nil {
				return err
			}
		case t == xmlscan.End && sc.Depth() == depth:
			if s := strings.TrimSpace(text.String()); s != "" {
				r.fault.Message = clip(s)
			}
			return nil
		}
	}
}

// members reads an extended status of any class.
func (r *faultReader) members(sc *xmlscan.Scanner) error {
	return sc.Children(func() error { return r.member(sc) })
}

func (r *faultReader) member(sc *xmlscan.Scanner) error {
	name := string(sc.Local())
	if null, _ := sc.Attr(NamespaceXSI, "nil"); string(null) == "true" {
		return sc.Skip()
	}
	depth := sc.Depth()
	var text strings.Builder
	for {
		t, err := sc.Next()
		switch {
		case err != nil:
			return err
		case t == xmlscan.Text:
			text.Write(sc.Text())
		case t == xmlscan.End && sc.Depth() == depth:
			if len(r.fault.Extended) < maxFaultMembers {
				r.fault.Extended = append(r.fault.Extended, FaultMember{name, clip(strings.TrimSpace(text.String()))})
			}
			return nil
		}
	}
}

// wmiError reads MSFT_WmiError, whose members carry the numbers.
func (r *faultReader) wmiError(sc *xmlscan.Scanner) error {
	if err := r.members(sc); err != nil {
		return err
	}
	f := r.fault
	f.WSManCode = parseCode(f.member("error_Code"))
	if f.WSManCode == 0 {
		f.WSManCode = parseCode(hresult.FindString(f.member("MessageID")))
	}
	f.CIMStatus = parseCode(f.member("CIMStatusCode"))
	f.Message = f.member("Message")
	return nil
}
