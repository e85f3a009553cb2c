package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// Codes of the WSManFault element (wsmerror.h of the Windows SDK).
const (
	codeNotFound             = 0x80338000
	codePullInProgress       = 0x80338006
	codeContextClosed        = 0x80338007
	codeVersionMismatch      = 0x8033800D
	codeInvalidHeader        = 0x8033800F
	codeMustUnderstand       = 0x80338010
	codeHeaderRequired       = 0x80338011
	codeActionNotSupported   = 0x80338013
	codeDialectUnavailable   = 0x80338019
	codeCannotProcessFilter  = 0x8033801A
	codeInvalidContext       = 0x8033801B
	codeAlreadyExists        = 0x80338033
	codeEncodingLimit        = 0x80338035
	codeInvalidOptions       = 0x80338039
	codeInvalidParameter     = 0x8033803A
	codeInvalidResourceURI   = 0x8033803B
	codeQuotaLimit           = 0x8033803F
	codeSchemaValidation     = 0x80338041
	codeUnsupportedFeature   = 0x80338042
	codeEnvelopeExceeded     = 0x80338048
	codeCharacterSet         = 0x8033804C
	codeUnreportableSuccess  = 0x8033804D
	codeInvalidXMLNamespace  = 0x80338058
	codeInvalidFragment      = 0x80338059
	codeInsufficientSelector = 0x8033805A
	codeUnexpectedSelectors  = 0x8033805B
	codeDuplicateSelectors   = 0x8033805F
	codeInvalidTimeout       = 0x80338081
	codeNotSingleton         = 0x803380FA
	codeWQLNeedsWildcard     = 0x803380FB
	codeProviderNotCapable   = 0x80338102
	codeProviderParameter    = 0x8033811E
	codeMaxShells            = 0x803381A5
	codeMaxOperations        = 0x803381A6
	codeAccessDenied         = 5 // ERROR_ACCESS_DENIED of winerror.h
)

// Fault is a SOAP fault with the detail that Windows gives it (MS-WSMV section
// 2.2.4.44, WSManFault). It is an error, so that Config.Intercept and a
// Provider can answer with one.
type Fault struct {
	// Receiver puts the blame on the server: s:Receiver, not s:Sender.
	Receiver bool
	// Subcode is a QName with one of the prefixes a, e, n, s, w and x of
	// DSP0226, such as w:TimedOut. With prefix s it is the fault's code itself
	// (s:MustUnderstand) and there is no subcode.
	Subcode string
	// Code is the number in WSManFault, such as 2150858793.
	Code uint32
	// Reason is the text for people.
	Reason string
	// Message is the text inside of WSManFault. Empty is Reason.
	Message string
	// Status is that of HTTP. 0 is 500.
	Status int

	// detail writes s:Detail's content in place of a plain WSManFault.
	detail func(w *xmlWriter, h *Handler)
}

// Error implements error.
func (f *Fault) Error() string {
	return fmt.Sprintf("answer with fault %s: %s (0x%08X)", f.Subcode, f.Reason, f.Code)
}

// sender is a fault that blames the request.
func sender(subcode string, code uint32, reason string) *Fault {
	return &Fault{Subcode: subcode, Code: code, Reason: reason}
}

// receiver is a fault that blames the server.
func receiver(subcode string, code uint32, reason string) *Fault {
	return &Fault{Receiver: true, Subcode: subcode, Code: code, Reason: reason}
}

// TimedOut is the fault of an operation that took longer than its
// OperationTimeout.
func TimedOut() *Fault {
	return receiver("w:TimedOut", 0x80338029, "The operation took longer than its OperationTimeout allows.")
}

// AccessDenied is the fault of an operation that the user may not do.
func AccessDenied() *Fault {
	return sender("w:AccessDenied", codeAccessDenied, "Access is denied.")
}

// OperationQuota is the fault of a user who has limit operations open already.
func OperationQuota(limit int) *Fault {
	f := receiver("w:InternalError", codeMaxOperations, "The user has too many operations open.")
	f.Message = fmt.Sprintf("The user may have %d operations open at once, and has. Close some, or raise the quota.", limit)
	return f
}

// schemaFault is the fault of a body that is not what the class says.
func schemaFault(format string, args ...any) *Fault {
	return sender("w:SchemaValidationError", codeSchemaValidation, fmt.Sprintf(format, args...))
}

// headerFault is the fault of a header block that is not as it should be.
func headerFault(format string, args ...any) *Fault {
	return sender("a:InvalidMessageInformationHeader", codeInvalidHeader, fmt.Sprintf(format, args...))
}

// unsupported is the fault of a part of the protocol that is not here.
func unsupported(format string, args ...any) *Fault {
	return sender("w:UnsupportedFeature", codeUnsupportedFeature, fmt.Sprintf(format, args...))
}

// action is the action of the answer that carries the fault: each
// specification's faults have their own (DSP0226 section 14).
func (f *Fault) action() string {
	switch prefix, _, _ := strings.Cut(f.Subcode, ":"); prefix {
	case "a", "s":
		return nsAddressing + "/fault"
	case "n":
		return nsEnum + "/fault"
	case "e":
		return nsEventing + "/fault"
	case "x":
		return nsTransfer + "/fault"
	}
	return "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
}

// answer is the message that carries the fault.
func (f *Fault) answer(h *Handler) answer {
	return answer{action: f.action(), prefixes: "aenpswx", body: func(w *xmlWriter) { f.write(w, h) }}
}

// write writes s:Fault.
func (f *Fault) write(w *xmlWriter, h *Handler) {
	w.start("s:Fault")
	f.writeCode(w)
	w.start("s:Reason")
	w.leaf("s:Text", h.cfg.Translate(f.Reason), "xml:lang", h.cfg.Language)
	w.end("s:Reason")
	w.start("s:Detail")
	if f.detail != nil {
		f.detail(w, h)
	} else {
		f.writeWSManFault(w, h, func() { w.text(h.cfg.Translate(f.message())) })
	}
	w.end("s:Detail")
	w.end("s:Fault")
}

// message is what WSManFault says.
func (f *Fault) message() string {
	if f.Message != "" {
		return f.Message
	}
	return f.Reason
}

func (f *Fault) writeCode(w *xmlWriter) {
	value, subcode := "s:Sender", f.Subcode
	if f.Receiver {
		value = "s:Receiver"
	}
	if strings.HasPrefix(subcode, "s:") {
		value, subcode = subcode, ""
	}
	w.start("s:Code")
	w.leaf("s:Value", value)
	if subcode != "" {
		w.start("s:Subcode")
		w.leaf("s:Value", subcode)
		w.end("s:Subcode")
	}
	w.end("s:Code")
}

// writeWSManFault writes f:WSManFault around a message.
func (f *Fault) writeWSManFault(w *xmlWriter, h *Handler, message func()) {
	w.start("f:WSManFault", "xmlns:f", nsFault,
		"Code", strconv.FormatUint(uint64(f.Code), 10), "Machine", h.cfg.Computer)
	w.start("f:Message")
	message()
	w.end("f:Message")
	w.end("f:WSManFault")
}
